"""Names that people give to columns of references and of predictions in one file."""

from __future__ import annotations

REFERENCES = (
    "findings", "report", "impression", "text", "answer", "caption", "reference", "references", "ground_truth", "gt",
    "gts", "target", "label", "labels", "gold", "gold_report", "ref", "reference_report", "gt_report", "human_report",
    "radiologist_report", "true_report", "actual", "original_report", "expected_output",
)  # fmt: skip
"""25 names of a column of references."""

PREDICTIONS = (
    "prediction", "findings_pred", "model_answer", "llm_output", "generated_answer", "report_generated", "pred_text",
    "predict", "response", "output", "hypothesis", "candidate", "qwen2_5_vl", "model_report", "result", "inference",
)  # fmt: skip
"""16 names of a column of what a model wrote; ``qwen2_5_vl`` is a model's name, which no list holds."""
