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

OTHER_REFERENCES = (
    "findings_gt", "section_findings", "truth", "y_true", "annotation", "human", "doctor_report", "gold_findings",
    "expected", "golden", "report_gt", "original", "findings_true", "label_text", "ideal", "reference_findings",
    "ref_text", "standard", "radiologist", "expert",
)  # fmt: skip
"""Names that the choice was not written from."""
OTHER_PREDICTIONS = (
    "y_pred", "generation", "gen", "completion", "model_output", "pred_findings", "gpt4o", "medgemma", "maira2",
    "generated_findings", "ai_report", "auto_report", "predicted_report", "pred_report", "sys_out", "system_output",
    "candidate_text", "findings_generated", "llm", "output_text",
)  # fmt: skip
