"""A second drawing of pairs of names, of columns that stand side by side in public tables of references and outputs.

Names were seen in repositories, result files and dataset cards of report generation, captioning, summarization and
translation; which maker's file has which pair is not kept. The choice was not written from them.
"""

from __future__ import annotations

REFERENCES = (
    "gt_findings", "ground_truth_report", "groundtruth", "ref_report", "report_ref", "highlights", "human_annotation",
    "gt_caption", "true_text", "clean_report", "original_findings", "gts_report", "tgt_text", "ideal_answer",
    "radiologist_findings", "report_true", "gold_summary", "reference_summary", "findings_reference", "ans",
    "correct_answer", "label_report", "gt_report_text", "dictation", "signed_report", "final_text", "note",
    "written_report", "attending_report", "GT",
)  # fmt: skip
PREDICTIONS = (
    "generated_caption", "model_prediction", "pred_caption", "hyps", "llava_output", "chexagent", "gemini_2_5_pro",
    "report_pred", "predicted_findings", "gen_report", "outputs", "raw_output", "model_response", "ai_draft", "draft",
    "llm_response", "beam_0", "greedy", "decoded_text", "pred_str", "inference_result", "answer_pred", "cand",
    "assistant", "bot_response", "vlm_report", "our_model", "student", "rag_answer", "checkpoint_500",
)  # fmt: skip


def pairs() -> list[tuple[str, str]]:
    """Each name of a reference with several names of predictions, 120 pairs."""
    step = (1, 7, 13, 22)
    return [(one, PREDICTIONS[(at + k) % len(PREDICTIONS)]) for at, one in enumerate(REFERENCES) for k in step]
