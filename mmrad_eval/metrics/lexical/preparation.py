"""What happens to a text before its words are compared: the part of a score that swaps winners.

Each function here is a fact about a public package, kept step by step, because published numbers depend on the steps.
"""

from __future__ import annotations

import re

_R2GEN_REMOVED = ".,?;*!%^&_+()" + "".join(map(chr, range(ord(":"), ord("[") + 1))) + "]{}" + "\"/\\'"
"""R2Gen, modules/tokenizers.py: quotes and slashes, then the class ``[.,?;*!%^&_+():-\\[\\]{}]``, whose ``:-\\[`` is a
range from the colon to the bracket, so that ``<=>@`` go too."""

_MARK = "\0"
"""Stands for the end of a sentence while full stops are removed."""

_R2GEN_TABLE = str.maketrans(dict.fromkeys(_R2GEN_REMOVED, "") | {_MARK: "."})

_LIST_NUMBERS = (
    ("1. ", ""),
    *((f"{before}{number}. ", ". ") for before in (". ", " ") for number in (2, 3, 4, 5)),
)
"""R2Gen, modules/tokenizers.py: numbers of a list, in the order in which they are replaced."""

_NUMBERED = re.compile(r"[1-5]\. ")
"""What all of them have, and most reports have not."""

_NOT_ALPHANUMERIC = re.compile(r"[^a-z0-9]+")
"""rouge-score, rouge_score/tokenize.py."""


def words(text: str) -> list[str]:
    """Words as written, between white space: pycocoevalcap's and RadEval's BLEU."""
    return text.split()


def between_spaces(text: str) -> list[str]:
    """What stands between single spaces, so that two in a row hold an empty word: pycocoevalcap's ROUGE-L."""
    return text.split(" ") if text.strip() else []


def rexrank(text: str) -> list[str]:
    """Lower case, a space before each full stop, split at single spaces: CXR-Report-Metric, CXRMetric/run_eval.py.

    A newline stays inside its word, as it does there.
    """
    return [word for word in text.lower().replace(".", " .").split(" ") if word]


def r2gen_iu(text: str) -> list[str]:
    """R2Gen's cleaner for IU X-ray (modules/tokenizers.py, clean_report_iu_xray)."""
    return _sentences(_halved(text, "..", times=3))


def r2gen_mimic(text: str) -> list[str]:
    """R2Gen's cleaner for MIMIC-CXR (modules/tokenizers.py, clean_report_mimic_cxr)."""
    text = _halved(text.replace("\n", " "), "__", times=7)
    return _sentences(_halved(_halved(text, "  ", times=6), "..", times=8))


def r2gen_written(text: str) -> list[str]:
    """A candidate that was written in words of the vocabulary: a space before each full stop, spaces collapsed."""
    return text.replace(".", " .").split()


def alphanumeric(text: str) -> list[str]:
    """Lower case, all but a-z and 0-9 to spaces: rouge-score's default tokens before stemming."""
    return _NOT_ALPHANUMERIC.sub(" ", text.lower()).split()


def _halved(text: str, twice: str, times: int) -> str:
    """Replace a doubled character by one, as often as the package does (each time halves a run)."""
    for _ in range(times):
        if twice not in text:
            break
        text = text.replace(twice, twice[0])
    return text


def _sentences(text: str) -> list[str]:
    """Drop list numbers, split at full stops, strip punctuation, and write `` . `` after each sentence.

    An empty text has no tokens, where the package leaves one full stop: an empty report earns nothing.
    """
    if _NUMBERED.search(text):
        for number, instead in _LIST_NUMBERS:
            text = text.replace(number, instead)
    text = text.strip().lower().replace(_MARK, " ")
    if not text:
        return []
    return [*text.replace(". ", f" {_MARK} ").translate(_R2GEN_TABLE).split(), "."]
