"""Composites: numbers made of other metrics' numbers."""

METRICS: dict[str, tuple[str, str]] = {
    "radcliq@rexrank": (
        "mmrad_eval.metrics.composites.radcliq:radcliq",
        "RadCliQ-v1 and v0 of BLEU-2, BERTScore, SembScore and RadGraph, and the board's 1/mean",
    ),
    "radcliq:": (
        "mmrad_eval.metrics.composites.radcliq:stored",
        "RadCliQ from a csv of per-report sub-scores: radcliq:FILE",
    ),
}

PAPER: tuple[str, ...] = ("radcliq@rexrank",)
