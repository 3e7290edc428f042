"""What stands in the cells of published files: objects, JSON and lists as text, words for nothing, numbers.

Each is read as what it is or refused by name, the same in predictions and in references, ids and patients.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.raw_text.suite import FINDINGS, IMPRESSIONS, MADE_UP, plain

PANDAS = "pandas' to_csv and to_json, Excel"
HARNESS = "VLMEvalKit#1308, OpenAI batch output, lm-eval samples"
COCO = "gts.json and res.json of pycocoevalcap's users"
REFUSED = "refused"
F, IMP = FINDINGS[1], IMPRESSIONS[1]
BOTH = {"findings": F, "impression": IMP}


@dataclass(frozen=True)
class Cell:
    """A value of a cell and the findings that it means: a text, the empty text, or refused by name."""

    value: Any
    wanted: str
    source: str = MADE_UP


NOTHING = (
    "", " ", "nan", "NaN", "NAN", "None", "none", "null", "NULL", "N/A", "n/a", "NA", "<NA>", "#N/A", ".", "-", "--",
    "___", "_", "...", "?", "nan.", "'nan'", '""', "[]", "{}", "[nan]", "['']", "NaT", "undefined",
)  # fmt: skip
CELLS = (
    *(Cell(word, "", PANDAS if word.isalpha() else MADE_UP) for word in NOTHING),
    Cell(None, "", PANDAS),
    Cell(F, F, PANDAS),
    Cell(BOTH, F, HARNESS),
    Cell({"findings": F}, F, HARNESS),
    Cell({"Findings": [F]}, F),
    Cell({"report": BOTH}, F, HARNESS),
    Cell({"text": F}, F, HARNESS),
    Cell({"content": F}, F, HARNESS),
    Cell({"generated_text": F}, F, HARNESS),
    Cell({"role": "assistant", "content": F}, F, HARNESS),
    Cell([{"role": "user", "content": "Write."}, {"role": "assistant", "content": F}], F, HARNESS),
    Cell([{"generated_text": F}], F, "output of a transformers pipeline"),
    Cell([{"type": "text", "text": F}], F, HARNESS),
    Cell([BOTH], F),
    Cell(json.dumps(BOTH), F, HARNESS),
    Cell(json.dumps({"report": BOTH}), F),
    Cell(json.dumps([F]), F, HARNESS),
    Cell(json.dumps(F), F, PANDAS),
    Cell(repr(BOTH), F, HARNESS),
    Cell(repr([F]), F, HARNESS),
    Cell(repr((F,)), F),
    Cell(repr(list(FINDINGS[:2])), " ".join(FINDINGS[:2]), HARNESS),
    Cell([F], F, COCO),
    Cell(list(FINDINGS[:2]), " ".join(FINDINGS[:2]), COCO),
    Cell([[F]], F, HARNESS),
    Cell([F, None], F),
    Cell(f"FINDINGS: {F}\\nIMPRESSION: {IMP}", F, HARNESS),
    Cell(f"FINDINGS: {F}<br>IMPRESSION: {IMP}", F, PANDAS),
    Cell(f"FINDINGS: {F}<br/>\\r\\nIMPRESSION: {IMP}", F),
    Cell(f"FINDINGS: {F}\r\nIMPRESSION: {IMP}", F, PANDAS),
    Cell(f"Findings:\u00a0{F}\u2028Impression: {IMP}", F),
    Cell(f"{F} Seen \ud83d here.", f"{F} Seen \ufffd here.", "ai-microcore#74 and other threads"),
    Cell(f"\udc00{F}", f"\ufffd{F}"),
    Cell(f"{F}\ufeff", F, PANDAS),
    Cell(f"{F}\u200b", F),
    Cell(f"{F} <eos>", F, "files of R2Gen's family"),
    Cell(f"{F}</s>", F, "outputs decoded with special tokens"),
    Cell(f"startseq {F} endseq", F, "captions of Keras tutorials"),
    Cell(f"<image>\n{F}", F, "files of LLaVA's family"),
    Cell(f'"{F}"', F, PANDAS),
    Cell(5, REFUSED, PANDAS),
    Cell(12.5, REFUSED, PANDAS),
    Cell(True, REFUSED),
    Cell([1, 2], REFUSED),
    Cell({"a": 1}, REFUSED),
    Cell({"score": 0.5}, REFUSED),
    Cell([{"bbox": [1, 2, 3, 4]}], REFUSED),
    Cell([True], REFUSED),
)  # fmt: skip
"""Values of a report."""

NUMBERS = (
    "50000001", 50000001, 50000001.0, "50000001.0", " 50000001 ", "50000001\u200b", "\u00a050000001",
    '="50000001"', "'50000001", "\ufeff50000001",
)  # fmt: skip
"""Ways in which programs write one id."""


def files(value: Any) -> Iterator[tuple[str, str, Any]]:
    """(kind of file, its text, its value) with ``value`` as the findings of study a, and a plain report for study b."""
    rows = [{"study_id": "a", "findings": value}, {"study_id": "b", "findings": FINDINGS[0]}]
    for form, text in (("jsonl", "".join(json.dumps(row) + "\n" for row in rows)), ("json", json.dumps(rows))):
        yield form, text, value
    if isinstance(value, str) and not any("\ud800" <= c <= "\udfff" for c in value):
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerows([("study_id", "findings"), ("a", value), ("b", FINDINGS[0])])
        yield "csv", table.getvalue(), value


def right(wanted: str, found: str) -> bool:
    """Whether a cell was read as it is meant, white space aside."""
    return bool(plain(wanted) == plain(found))
