"""What a judge model wrote about each report, read into numbers: GREEN's texts, CRIMSON's JSON.

A text that can't be read is counted apart and scores the worst value: a judge that fails must not look like a good
report.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmrad_eval.core.contracts import Column, Corpus, FloatArray
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Example
from mmrad_eval.metrics.lexical.mean import has_reference
from mmrad_eval.metrics.stored.tables import complete, read_table

if TYPE_CHECKING:
    from mmrad_eval.metrics.suites import Setup

GREEN_ERRORS = (
    "false finding",
    "missing finding",
    "wrong location",
    "wrong severity",
    "comparison that the reference lacks",
    "comparison that is omitted",
)
"""GREEN's six kinds of clinically significant errors, (a) to (f)."""

GREEN_SECTIONS = ("Clinically Significant Errors", "Matched Findings")
_TEXTS = ("evaluation", "green_analysis", "judge", "response", "completion", "output", "text")


def read_green(text: str) -> tuple[int, tuple[int, ...]] | None:
    """(matched findings, six counts of significant errors); None where the text has not the judge's form.

    Ostmeier et al., EMNLP Findings 2024: a section ends at an empty line, one that begins with "No" counts nothing, a
    count stands after ": " and before ".". As in the package, lines are read in sorted order and the last one of a kind
    counts, and the matched findings are the first line that begins with a number.
    """
    sections = (_section(text, title) for title in GREEN_SECTIONS)
    return None if None in (*sections,) else green_counts(text)


def green_counts(text: str) -> tuple[int, tuple[int, ...]]:
    """The same where a section that is missing counts nothing, as in the package."""
    significant, matched = (_section(text, title) or "No" for title in GREEN_SECTIONS)
    counts = [0] * len(GREEN_ERRORS)
    if not significant.startswith("No"):
        letters = "abcdef" if re.search(r"\([a-f]\) ", significant) else "123456"
        for line in sorted(re.findall(rf"\([{letters}]\) .*", significant)):
            number = re.search(r"(?<=: )\d+(?=\.)", line)
            if number:
                counts[letters.index(line[1])] = int(number.group())
    number = None if matched.startswith("No") else re.search(r"^\d+(?=\.)", matched, re.MULTILINE)
    return (int(number.group()) if number else 0), tuple(counts)


def green_score(matched: int, errors: Sequence[int]) -> float:
    """Matched findings of matched and significant errors; 0 where nothing matches."""
    return matched / (matched + sum(errors)) if matched else 0.0


SIGNIFICANCE = {
    "urgent": 1.0,
    "actionable_not_urgent": 0.5,
    "not_actionable_not_urgent": 0.25,
    "benign_expected": 0.0,
}
SEVERITY = {"significant": 0.5, "negligible": 0.0}
"""CRIMSON's weights (rajpurkarlab/CRIMSON, generate_score.py)."""


def crimson_score(judged: Mapping[str, Any]) -> float:
    """CRIMSON of one evaluation, in (-1, 1]; KeyError or TypeError where it has not the judge's form.

    The object of errors and the three lists of findings must be there, or any JSON would be a perfect report; a kind
    of error that is not named did not occur.
    """
    errors: Any = judged["errors"]
    if not isinstance(errors, dict):
        raise TypeError("errors is not an object")
    matched = _list(judged["matched_findings"])
    reference = {r["id"]: SIGNIFICANCE[r["clinical_significance"]] for r in _list(judged["reference_findings"])}
    predicted = {p["id"]: SIGNIFICANCE[p["clinical_significance"]] for p in _list(judged["predicted_findings"])}
    false = sum(predicted.get(key, 0.0) for key in _list(errors.get("false_findings", [])))
    missed = sum(reference.get(key, 0.0) for key in _list(errors.get("missing_findings", [])))
    attributes: dict[Any, float] = {}
    for error in _list(errors.get("attribute_errors", [])):
        attributes[error["ref_id"]] = attributes.get(error["ref_id"], 0.0) + SEVERITY[error["severity"]]
    correct = 0.0
    for key in dict.fromkeys(match["ref_id"] for match in matched):
        weight = reference.get(key, 0.0)
        penalty = attributes.get(key)
        if penalty is None:
            correct += weight
        elif weight + penalty > 0:
            correct += weight * weight / (weight + penalty)
    whole = sum(reference.values())
    if not reference:
        whole = len(matched) + missed
    nothing = 1.0 if false == 0 and missed == 0 else -(false + missed + 1)
    score = (correct - false) / whole if whole else nothing
    excess = false - correct
    return score if score >= 0 else (-excess / (1 + excess) if excess > 0 else 0.0)


class StoredJudgements:
    """Means of what a judge said, its population deviation, and the share of its texts that could be read.

    Statistics of a study: its score, the score's square, further counts, 1 if the text could be read, 1.
    """

    requires: Sequence[str] = ()

    def __init__(
        self,
        name: str,
        path: Path,
        digest: str,
        rows: Mapping[str, Sequence[float] | None],
        *,
        judge: str,
        counts: Sequence[str],
        worst: Sequence[float],
        best: float,
        version: int = 1,
    ) -> None:
        """``rows`` are score and counts by study, None where the text could not be read: then ``worst`` is scored."""
        self.name, self._path, self._digest, self._rows = name, path, digest, rows
        self._judge, self._worst, self._version = judge, worst, version
        profile = path.stem
        self.columns: Sequence[Column] = (
            Column(judge, profile, best=best),
            Column(f"{judge} deviation", profile, better=""),
            *(Column(f"{judge} {count}", profile, "higher" if count == "matched" else "lower") for count in counts),
            Column(f"{judge} read", profile, best=1.0),
        )
        self.statistics: Sequence[str] = ("score", "square", *counts, "read", "studies")

    def fit(self, corpus: Corpus) -> None:
        """Check that every study was judged."""
        complete(self._rows, corpus, self._path)

    def signature(self, context: None) -> str:
        """The file decides."""
        return f"{self._judge.lower()}|stored:{self._digest[:12]}|unread:worst|deviation:population|v{self._version}"

    def measure(self, examples: Sequence[Example], context: None) -> FloatArray:
        """(n, k) score, square, counts, read, studies."""
        rows = []
        for example in examples:
            said = self._rows[example.study.id]
            score, *counts = self._worst if said is None else said
            rows.append([score, score * score, *counts, float(said is not None), 1.0])
        return np.array(rows).reshape(-1, len(self.statistics)) * has_reference(examples)[:, None]

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., k) to (..., k - 1): means, with the deviation in the place of the square."""
        sums = np.asarray(sums, np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            found = np.where(sums[..., -1:] > 0, sums[..., :-1] / sums[..., -1:], np.nan)
        found[..., 1] = np.sqrt(np.maximum(0.0, found[..., 1] - found[..., 0] ** 2))
        return found


def green(setup: Setup) -> StoredJudgements:
    """``green:FILE``: the judge's texts by study."""

    def read(said: Any) -> list[float] | None:
        found = read_green(said) if isinstance(said, str) else None
        return None if found is None else [green_score(*found), float(found[0]), *(float(count) for count in found[1])]

    counts = ("matched", *GREEN_ERRORS)
    return _judged(setup, read, judge="GREEN", counts=counts, worst=[0.0] * (1 + len(counts)), version=2)


def crimson(setup: Setup) -> StoredJudgements:
    """``crimson:FILE``: the judge's JSON by study."""

    def read(said: Any) -> list[float] | None:
        body = re.search(r"\{.*\}", said, re.DOTALL) if isinstance(said, str) else None
        try:
            return [crimson_score(json.loads(body.group()) if body else said)]
        except (ValueError, KeyError, TypeError, AttributeError):
            return None

    return _judged(setup, read, judge="CRIMSON", counts=(), worst=[-1.0])


def _judged(
    setup: Setup,
    read: Callable[[Any], list[float] | None],
    *,
    judge: str,
    counts: Sequence[str],
    worst: Sequence[float],
    version: int = 1,
) -> StoredJudgements:
    table = read_table(setup.argument)
    setup.holds(table.data_use)
    names = {str(name).strip().lower(): name for name in table.rows[0]}
    column = next((names[name] for name in _TEXTS if name in names), None)
    rows: dict[str, list[float] | None] = {}
    for key, row in table.by_id().items():
        said = row.get(column) if column is not None else row  # without such a column a row is the judge's object
        rows[key] = read(said)
    if all(row is None for row in rows.values()):
        raise DataError(
            f"{table.path}: none of its {len(rows)} texts could be read as output of {judge}; "
            f"the columns read are {', '.join(_TEXTS)}"
        )
    return StoredJudgements(
        setup.name, table.path, table.digest, rows, judge=judge, counts=counts, worst=worst, best=1.0, version=version
    )


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is not a list")
    return value


def _section(text: str, title: str) -> str | None:
    found = re.search(rf"\[{title}\]:\s*(.*?)(?:\n\s*\n|\Z)", text, re.DOTALL)
    return found.group(1) if found else None
