"""CheXbert labels and vectors, and BERTScore: what an encoder says of a text."""

_HERE = "mmrad_eval.metrics.clinical.embeddings"
_F1 = f"{_HERE}.labels:chexbert"

METRICS: dict[str, tuple[str, str]] = {
    "chexbert@uncertain=positive": (
        _F1,
        "CheXbert F1, 14 and 5 observations, uncertain counts as positive (f1chexbert, RadEval)",
    ),
    "chexbert@uncertain=negative": (_F1, "CheXbert F1, 14 and 5 observations, uncertain counts as negative (R2Gen)"),
    "chexbert@uncertain=ignore": (_F1, "CheXbert F1, 14 and 5 observations, uncertain references are left out"),
    "chexbert@uncertain=own-class": (_F1, "CheXbert F1, 14 and 5 observations, uncertain is a class of its own"),
    "chexbert-by-label@uncertain=positive": (_F1, "CheXbert F1 and support of each observation"),
    "semb@rexrank": (f"{_HERE}.scores:semb", "Cosine of CheXbert's vectors (SembScore of the ReXrank boards)"),
    "bertscore@rexrank": (
        f"{_HERE}.scores:bertscore",
        "BERTScore, distilroberta-base layer 5, rescaled, no idf (ReXrank)",
    ),
    "bertscore@radeval": (
        f"{_HERE}.scores:bertscore",
        "BERTScore, distilbert-base-uncased layer 5, rescaled (RadEval)",
    ),
    "bertscore@roberta-large": (
        f"{_HERE}.scores:bertscore",
        "BERTScore, roberta-large layer 17, rescaled (its default)",
    ),
    "bertscore:": (f"{_HERE}.scores:bertscore", "BERTScore with any local model, raw: bertscore:FOLDER#LAYER"),
}

PAPER: tuple[str, ...] = (
    "chexbert@uncertain=positive",
    "chexbert@uncertain=negative",
    "semb@rexrank",
    "bertscore@rexrank",
    "bertscore@radeval",
)
