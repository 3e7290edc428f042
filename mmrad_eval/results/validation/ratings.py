"""What radiologists said of reports: ratings, counts of errors by kind, preferences, and orders that must hold.

A file is long (one row a rater and kind of error), wide (one column a rating) or a list of cases with an expected
ranking (the form of RadJudge). An item is one candidate report of one case.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.datasets import columns as names_of
from mmrad_eval.datasets import files
from mmrad_eval.datasets.problems import Problems
from mmrad_eval.datasets.rows import FileRow, FileRows, read_rows
from mmrad_eval.results.validation.score_files import measure_of

Better = Literal["higher", "lower"]
Item = tuple[str, str]
"""(case, candidate); the candidate is empty where a case has one report."""

WORDS: dict[str, tuple[str, ...]] = {
    "case": ("case", "case_id", "study_id", "study_number", "study", "id", "report_id", "sample_id", "uid"),
    "candidate": ("candidate", "candidate_type", "candidate_id", "system", "model", "model_name", "method"),
    "rater": ("rater", "rater_index", "rater_id", "reader", "annotator", "radiologist", "expert"),
    "category": ("error_category", "error_type", "category", "error", "kind"),
    "count": ("num_errors", "n_errors", "error_count", "count", "errors", "rating", "score", "value"),
    "significant": ("clinically_significant", "significant", "is_significant"),
    "preferred": ("preferred", "preference", "winner", "choice", "better"),
    "over": ("over", "rejected", "loser", "other"),
    "tied": ("tied", "tie"),
    "preferred_report": ("preferred_report",),
    "over_report": ("over_report",),
    "weight": ("sampling_weight",),
    "reference": ("reference", "ground_truth", "gt", "reference_report", "gt_report"),
    "report": ("report", "prediction", "candidate_report", "candidate_text", "hypothesis", "generated", "text"),
}
"""Our word -> names of columns that hold it, as ``columns.plain`` writes them."""
_YES = frozenset(("1", "1.0", "true", "yes"))
_WORSE = re.compile(r"error|miss|false|halluc|omission|severity|wrong|count", re.IGNORECASE)
"""Names of ratings of which less is better."""


@dataclass(frozen=True)
class Order:
    """Which of two candidates of a case is better, by ``share`` of those who said so; 0.5: they must score alike."""

    first: Item
    second: Item
    share: float = 1.0
    alike: bool = False
    votes: tuple[float, ...] = ()
    """What each rater said: 1 for the first, 0 for the second, 0.5 for neither; empty where nobody was asked."""


@dataclass
class Ratings:
    """Everything that was said."""

    path: Path
    items: list[Item] = field(default_factory=list)
    scores: dict[str, FloatArray] = field(default_factory=dict)
    """Rating -> (items, raters), nan where a rater gave none."""
    better: dict[str, Better] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)
    kinds: dict[Item, str] = field(default_factory=dict)
    """What a case is about, where the file says so."""
    texts: dict[Item, tuple[str, str]] = field(default_factory=dict)
    """Item -> (reference, report), where the file has them."""
    metrics: dict[str, FloatArray] = field(default_factory=dict)
    """Scores of metrics that stand in the file, (items,)."""
    weights: dict[str, float] = field(default_factory=dict)
    """Case -> how many cases it stands for, where not all had the same chance of being sampled; empty otherwise."""

    @property
    def raters(self) -> int:
        """How many raters there are."""
        return max((scores.shape[1] for scores in self.scores.values()), default=0)

    def mean(self, rating: str) -> FloatArray:
        """(items,) mean over raters, turned so that more is better."""
        known = np.isfinite(self.scores[rating])
        total = np.where(known, self.scores[rating], 0).sum(axis=1)
        count = known.sum(axis=1)
        mean = np.where(count > 0, total / np.maximum(1, count), np.nan)
        return -mean if self.better[rating] == "lower" else mean


def read_ratings(
    path: Path, given: Mapping[str, str] | None = None, ratings: Mapping[str, Better | None] | None = None
) -> Ratings:
    """Read a file of ratings. ``given``: our word -> its column; ``ratings``: columns that are ratings, and which end
    is better (None: told by the name). DataError where it is none.
    """
    if not path.is_file():
        raise DataError(f"there is no file {path}")
    problems = Problems()
    name = path.name.lower().removesuffix(".gz")
    value = files.json_file(path, problems) if name.endswith(".json") else None
    if isinstance(value, list) and value and isinstance(value[0], dict) and "tests" in value[0]:
        return _ranked_cases(path, value)
    table = read_rows(path, problems)
    problems.raise_errors(str(path))
    where = names_of.match(table.columns, WORDS, given or {}, path)
    if "case" not in where:
        raise DataError(
            f"{path}: no column names the case; name one with --column case=COLUMN: {', '.join(table.columns)}"
        )
    if "preferred" in where and "over" in where:
        found = _preferences(path, table, where)
    elif "category" in where and "count" in where:
        found = _long(path, table, where)
    else:
        found = _wide(path, table, where, ratings or {})
    found.weights = _weights(path, table, where)
    return found


class _Candidate(msgspec.Struct):
    text: str


class _RankedTest(msgspec.Struct):
    id: str | int
    ground_truth: str
    candidates: dict[str, _Candidate]
    expected_ranking: str | list[str]


class _RankedGroup(msgspec.Struct):
    tests: list[_RankedTest]
    category: str = ""


def _ranked_cases(path: Path, value: Sequence[object]) -> Ratings:
    """RadJudge: groups of tests, each with a ground truth, candidates and the ranking that must come out."""
    try:
        groups = msgspec.convert(value, list[_RankedGroup])
    except msgspec.ValidationError as error:
        raise DataError(f"{path}: not groups of ranked tests: {error}") from error
    found = Ratings(path)
    for group in groups:
        for test in group.tests:
            case = str(test.id)
            for candidate, content in test.candidates.items():
                item = (case, candidate)
                found.items.append(item)
                found.kinds[item] = group.category
                found.texts[item] = (test.ground_truth, content.text)
            wanted = test.expected_ranking
            for text in [wanted] if isinstance(wanted, str) else wanted:
                found.orders += _orders(case, text, path)
    return found


def _orders(case: str, text: str, path: Path) -> list[Order]:
    parts = re.split(r"\s*([>=])\s*", text.strip())
    names, signs = parts[::2], parts[1::2]
    if not signs:
        raise DataError(f"{path}: case {case}: {text!r} is not a ranking; a ranking looks like C1 > C2 or C1 = C2")
    return [
        Order((case, first), (case, second), alike=sign == "=")
        for first, sign, second in zip(names, signs, names[1:], strict=False)
    ]


def _preferences(path: Path, table: FileRows, where: Mapping[str, str]) -> Ratings:
    """One row a choice: case, preferred, over."""
    found = Ratings(path)
    votes: dict[tuple[Item, Item], list[float]] = {}
    for row in table.rows:
        case, first, second = (_text(row, where[word]) for word in ("case", "preferred", "over"))
        pair = ((case, first), (case, second))
        turned = pair[::-1] in votes
        tied = "tied" in where and _text(row, where["tied"]).lower() in _YES
        votes.setdefault(pair[::-1] if turned else pair, []).append(0.5 if tied else float(not turned))
        for item, text in zip(pair, ("preferred_report", "over_report"), strict=True):
            if item not in found.kinds:
                found.items.append(item)
                found.kinds[item] = _text(row, where["category"]) if "category" in where else ""
            if "reference" in where and text in where:
                found.texts[item] = (_text(row, where["reference"]), _text(row, where[text]))
    for pair, said in votes.items():
        share = sum(said) / len(said)
        turned = share < 0.5
        votes_for = tuple(1 - vote for vote in said) if turned else tuple(said)
        found.orders.append(Order(*(pair[::-1] if turned else pair), max(share, 1 - share), share == 0.5, votes_for))
    return found


def _long(path: Path, table: FileRows, where: Mapping[str, str]) -> Ratings:
    """One row a rater and kind of error: counts are summed, and a kind that a rater does not list is a count of 0."""
    found = Ratings(path)
    items: dict[Item, int] = {}
    raters: dict[str, int] = {}
    counts: dict[str, dict[tuple[int, int], float]] = {}
    for row in table.rows:
        item = _item(row, where)
        place = items.setdefault(item, len(items))
        rater = raters.setdefault(_text(row, where["rater"]) if "rater" in where else "", len(raters))
        number = _number(row, where["count"], path)
        names = ["all errors", f"errors: {_text(row, where['category'])}"]
        if "significant" in where and _text(row, where["significant"]).lower() in _YES:
            names.append("significant errors")
        for name in names:
            cell = counts.setdefault(name, {})
            cell[place, rater] = cell.get((place, rater), 0.0) + number
        _texts(found, item, row, where)
    rated = np.zeros((len(items), len(raters)), bool)
    for place, rater in counts.get("all errors", {}):
        rated[place, rater] = True
    found.items = list(items)
    for name in sorted(counts, key=lambda name: (name.startswith("errors:"), name)):
        scores = np.where(rated, 0.0, np.nan)
        for (place, rater), number in counts[name].items():
            scores[place, rater] = number
        found.scores[name], found.better[name] = scores, "lower"
    return found


def _wide(path: Path, table: FileRows, where: Mapping[str, str], wanted: Mapping[str, Better | None]) -> Ratings:
    """One row an item, or an item and rater: numbers are ratings, except those whose names are metrics."""
    found = Ratings(path)
    unknown = [name for name in wanted if name not in table.columns]
    if unknown:
        raise UsageError(f"--rating {unknown[0]}: no such column in {path}; its columns are {', '.join(table.columns)}")
    items: dict[Item, int] = {}
    raters: dict[str, int] = {}
    for row in table.rows:
        items.setdefault(_item(row, where), len(items))
        raters.setdefault(_text(row, where["rater"]) if "rater" in where else "", len(raters))
        _texts(found, _item(row, where), row, where)
    found.items = list(items)
    taken = {where[word] for word in where if word != "count"}
    for column in table.columns:
        values = [_maybe(row.cells.get(column)) for row in table.rows]
        filled = [row for row in table.rows if names_of.text(row.cells.get(column)) is not None]
        if column in taken or not filled or 2 * sum(value is not None for value in values) <= len(filled):
            continue
        scores = np.full((len(items), len(raters)), np.nan)
        for row, value in zip(table.rows, values, strict=True):
            rater = raters[_text(row, where["rater"]) if "rater" in where else ""]
            if value is not None:
                scores[items[_item(row, where)], rater] = value
        is_metric = measure_of(column) is not None or " @ " in column
        if column in wanted or (not wanted and not is_metric):
            found.scores[column] = scores
            found.better[column] = wanted.get(column) or ("lower" if _WORSE.search(column) else "higher")
        elif is_metric:
            found.metrics[column] = scores[np.arange(len(items)), np.isfinite(scores).argmax(axis=1)]
    return found


def _weights(path: Path, table: FileRows, where: Mapping[str, str]) -> dict[str, float]:
    """Each case's sampling weight; DataError where a case has none, two, or one that is no positive number."""
    found: dict[str, float] = {}
    for row in table.rows if "weight" in where else ():
        case, weight = _text(row, where["case"]), _number(row, where["weight"], path)
        place = f"{path}:{row.line}" if row.line else str(path)
        if weight <= 0:
            raise DataError(f"{place}: {where['weight']} is {weight:g}; a sampling weight must be above 0")
        if found.setdefault(case, weight) != weight:
            raise DataError(f"{place}: case {case} has the sampling weights {found[case]:g} and {weight:g}")
    return found


def _item(row: FileRow, where: Mapping[str, str]) -> Item:
    return (_text(row, where["case"]), _text(row, where["candidate"]) if "candidate" in where else "")


def _texts(found: Ratings, item: Item, row: FileRow, where: Mapping[str, str]) -> None:
    if "reference" in where and "report" in where:
        found.texts[item] = (_text(row, where["reference"]), _text(row, where["report"]))


def _text(row: FileRow, column: str) -> str:
    return (names_of.text(row.cells.get(column)) or "").strip()


def _number(row: FileRow, column: str, path: Path) -> float:
    value = _maybe(row.cells.get(column))
    if value is None:
        place = f"{path}:{row.line}" if row.line else str(path)
        raise DataError(f"{place}: {column} is {row.cells.get(column)!r}, not a number")
    return value


def _maybe(cell: Any) -> float | None:
    if cell is None or isinstance(cell, bool):
        return None
    try:
        value = float(cell)
    except (TypeError, ValueError):
        return None
    return value if np.isfinite(value) else None
