"""Traces and reports: how true a trace is, and whether the report follows from it."""

_HERE = "mmrad_eval.metrics.consistency"

METRICS: dict[str, tuple[str, str]] = {
    "consistency@rules": (f"{_HERE}.self_consistency:consistency", "Does the report follow from the model's own trace"),
    "consistency@radgraph": (f"{_HERE}.self_consistency:consistency", "The same with facts from RadGraph-XL"),
    "consistency@chexbert": (f"{_HERE}.self_consistency:consistency", "The same with facts from CheXbert"),
    "copy@rules": (f"{_HERE}.self_consistency:copying", "How much of the evidence that was shown is copied"),
    "copy@radgraph": (f"{_HERE}.self_consistency:copying", "The same with facts from RadGraph-XL"),
    "copy@chexbert": (f"{_HERE}.self_consistency:copying", "The same with facts from CheXbert"),
    "steps@rules": (f"{_HERE}.step_alignment:step_alignment", "Are the trace's steps those of the reference, in order"),
    "efficiency@rules": (f"{_HERE}.efficiency:efficiency", "Tokens, looks and pixels a supported abnormal statement"),
    "trace@strict": (f"{_HERE}.trace_quality:trace_quality", "Facts of the model's trace against the reference trace"),
    "trace@lenient": (f"{_HERE}.trace_quality:trace_quality", "The same; unmentioned denials are right"),
    "trace@report": (f"{_HERE}.trace_quality:trace_quality", "Facts of the model's trace against the reference report"),
}
