"""Overlap of words: BLEU, ROUGE, CIDEr-D and METEOR, each under the conventions that papers and boards use."""

_HERE = "mmrad_eval.metrics.lexical"
_R2GEN_IU = "R2Gen's cleaner for IU X-ray"
_R2GEN_MIMIC = "R2Gen's cleaner for MIMIC-CXR"

METRICS: dict[str, tuple[str, str]] = {
    "bleu@r2gen-iu": (f"{_HERE}.bleu:corpus_bleu", f"Corpus BLEU-1..4 after {_R2GEN_IU}"),
    "bleu@r2gen-mimic": (f"{_HERE}.bleu:corpus_bleu", f"Corpus BLEU-1..4 after {_R2GEN_MIMIC}"),
    "bleu@rexrank": (f"{_HERE}.bleu:sentence_bleu", "Mean BLEU-2 of each report, as the ReXrank boards"),
    "bleu@radeval": (f"{_HERE}.bleu:corpus_bleu", "Corpus BLEU-1..4 of words as written, as RadEval"),
    "bleu@raw": (f"{_HERE}.bleu:corpus_bleu", "Corpus BLEU-1..4 of words as written, as pycocoevalcap"),
    "rouge@r2gen-iu": (f"{_HERE}.rouge:coco_rouge", f"Mean ROUGE-L (beta 1.2) after {_R2GEN_IU}"),
    "rouge@r2gen-mimic": (f"{_HERE}.rouge:coco_rouge", f"Mean ROUGE-L (beta 1.2) after {_R2GEN_MIMIC}"),
    "rouge@radeval": (f"{_HERE}.rouge:google_rouge", "Mean ROUGE-1, 2 and L F1 of stems, as RadEval"),
    "rouge@raw": (f"{_HERE}.rouge:coco_rouge", "Mean ROUGE-L (beta 1.2) of words as written, as pycocoevalcap"),
    "cider@r2gen-iu": (f"{_HERE}.cider:cider", f"Mean CIDEr-D after {_R2GEN_IU}"),
    "cider@r2gen-mimic": (f"{_HERE}.cider:cider", f"Mean CIDEr-D after {_R2GEN_MIMIC}"),
    "cider@raw": (f"{_HERE}.cider:cider", "Mean CIDEr-D of words as written, as pycocoevalcap"),
    "meteor@nltk": (f"{_HERE}.meteor:meteor", "Mean METEOR as NLTK defines it (needs NLTK and WordNet)"),
}

PAPER: tuple[str, ...] = (
    "bleu@r2gen-iu",
    "rouge@r2gen-iu",
    "cider@r2gen-iu",
    "bleu@r2gen-mimic",
    "rouge@r2gen-mimic",
    "cider@r2gen-mimic",
    "bleu@rexrank",
    "bleu@radeval",
    "rouge@radeval",
    "meteor@nltk",
)
