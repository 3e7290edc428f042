"""The audit of files with one row per report: their ids, their means, their texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmrad_eval.core.contracts import Corpus, FloatArray
from mmrad_eval.core.values import Answer, Example, Study, Target
from mmrad_eval.results.validation.checks import Broken, Check
from mmrad_eval.results.validation.score_files import BLEU, ScoreFile, measure_of

EXACT = 1e-6
SHOWN = 10
"""Ids of one kind that are listed each by itself."""


def within(sheet: ScoreFile) -> list[Check]:
    """What must hold of a file by itself: one denominator, and its own row of means."""
    counts = {column: int(np.isfinite(values).sum()) for column, values in sheet.numbers.items()}
    most = max(counts.values())
    broken = [
        Broken(
            "(all)",
            column,
            float(count),
            float(most),
            "means of this column and of the others have different denominators",
        )
        for column, count in counts.items()
        if count != most
    ]
    checks = [Check("all columns are means over the same reports", len(counts), broken)]
    if sheet.means:
        checks.append(_stated(sheet.means, sheet, "(row of means)", {c: sheet.half(c) for c in sheet.means}))
    return checks


def means(board: ScoreFile, name: str, reports: ScoreFile) -> Check:
    """A board's row against the reports behind it."""
    if name not in board.names:
        return Check(f"{name} is on the board", 1, [Broken(name, board.key, "(missing)", name, "no row of this name")])
    row = board.names.index(name)
    stated = {column: float(values[row]) for column, values in board.numbers.items() if np.isfinite(values[row])}
    return _stated(stated, reports, board.where(row), {column: board.half(column) for column in stated})


def with_references(sheet: ScoreFile, studies: Sequence[Study], target: Target) -> list[Check]:
    """What must hold beside the studies that were scored: who is there, in which order, and BLEU where texts are."""
    return [_ids(sheet, studies), *_bleu(sheet, studies, target)]


def _stated(stated: dict[str, float], reports: ScoreFile, row: str, half: dict[str, float]) -> Check:
    looked, broken, gaps = 0, [], []
    for column, value in stated.items():
        pair = _values(column, reports)
        if pair is None:
            continue
        values, inverse = pair
        looked += 1
        expected = _mean(values, inverse=inverse)
        gaps.append(abs(value - expected))
        if abs(value - expected) > half[column] + EXACT:
            why = _other_mean(value, half[column] + EXACT, values, inverse=inverse)
            broken.append(Broken(row, column, value, expected, why))
    name = f"the means of {row} are those of {len(reports)} reports in {reports.path.name}"
    return Check(name, looked, broken, f"{max(gaps):.2g}" if gaps else "")


def _values(column: str, reports: ScoreFile) -> tuple[FloatArray, bool] | None:
    """The reports' values behind a stated mean, and whether it is one over them."""
    if column in reports.numbers:
        return reports.numbers[column], False
    known = measure_of(column)
    if known is None:
        return None
    measure, inverse = known
    for candidate, turned in (
        (reports.measured(measure, inverse=inverse), False),
        (reports.measured(measure), inverse),
    ):
        if candidate is not None:
            return reports.numbers[candidate], turned
    return None


def _mean(values: FloatArray, *, inverse: bool) -> float:
    mean = float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")
    return 1 / mean if inverse and mean else mean


def _other_mean(stated: float, slack: float, values: FloatArray, *, inverse: bool) -> str:
    """Which other way of averaging gives the stated value."""
    known = values[np.isfinite(values)]
    with np.errstate(divide="ignore", invalid="ignore"):
        ways = {
            "the mean of reciprocals, not the reciprocal of the mean": float(np.mean(1 / known)),
            "the mean itself, not its reciprocal": float(np.mean(known)),
            "missing values count as 0": _turned(float(np.nansum(values)) / len(values), inverse),
            "zeros were left out": _turned(
                float(np.mean(known[known != 0])) if (known != 0).any() else np.nan, inverse
            ),
            "the median": _turned(float(np.median(known)), inverse),
            "in percent": 100 * _mean(values, inverse=inverse),
        }
    if not inverse:
        del ways["the mean of reciprocals, not the reciprocal of the mean"], ways["the mean itself, not its reciprocal"]
    return next((way for way, value in ways.items() if abs(value - stated) <= slack), "a mean over other reports")


def _turned(value: float, inverse: bool) -> float:
    return 1 / value if inverse and value else value


def _ids(sheet: ScoreFile, studies: Sequence[Study]) -> Check:
    wanted = [study.id for study in studies]
    have, known = set(sheet.names), set(wanted)
    missing = [name for name in wanted if name not in have]
    extra = [row for row, name in enumerate(sheet.names) if name not in known]
    broken = [Broken(name, sheet.key, "(missing)", name, "a study without a row") for name in missing[:SHOWN]]
    broken += [Broken(sheet.where(row), sheet.key, sheet.names[row], "(no such study)", "") for row in extra[:SHOWN]]
    for kind, found in (("studies without a row", missing), ("rows without a study", extra)):
        if len(found) > SHOWN:
            broken.append(Broken("(more)", sheet.key, f"{len(found)} in all", "0", kind))
    common = [name for name in sheet.names if name in known]
    order = [name for name in wanted if name in have]
    moved = [(at, a, b) for at, (a, b) in enumerate(zip(common, order, strict=False)) if a != b]
    if moved and len(common) == len(order):
        _, mine, theirs = moved[0]
        why = f"{len(moved)} rows are out of their study's order: harmless only if scores were joined by id"
        broken.append(Broken(mine, sheet.key, f"first {mine}", f"first {theirs}", why))
    return Check("the studies that were scored, each once, in their order", len(wanted), broken)


def _bleu(sheet: ScoreFile, studies: Sequence[Study], target: Target) -> list[Check]:
    """BLEU of each report computed again, where the file has the texts: rows that were mixed up show."""
    from mmrad_eval.metrics import suite
    from mmrad_eval.results.scoring.measure import measure_examples

    column, reports = sheet.measured(BLEU), sheet.reports()
    at = {name: row for row, name in enumerate(sheet.names)}
    shared = [study for study in studies if study.id in reports and study.reference and study.reference.target(target)]
    if column is None or not shared:
        return []
    examples = [
        Example(study, Answer(study=study.id, status="ok", report=reports[study.id]), target) for study in shared
    ]
    (metric,) = measure_examples(suite(["bleu@rexrank"]), Corpus(shared, target=target), examples)
    ours = metric.own[:, 0]
    stated = np.array([sheet.numbers[column][at[study.id]] for study in shared])
    apart = np.abs(ours - stated)
    wrong = np.flatnonzero(~(apart <= sheet.half(column) + EXACT))
    if 2 * len(wrong) > len(shared):
        return []  # another BLEU than the boards': `reproduce` says which
    broken = [
        Broken(
            sheet.where(at[shared[i].id]),
            column,
            float(stated[i]),
            float(ours[i]),
            _whose(float(stated[i]), ours, shared),
        )
        for i in wrong
    ]
    return [Check(f"{column} is BLEU-2 @ rexrank of the row's text", len(shared), broken)]


def _whose(stated: float, ours: FloatArray, studies: Sequence[Study]) -> str:
    fits = [studies[int(i)].id for i in np.flatnonzero(np.abs(ours - stated) <= EXACT)]
    return f"the value of {fits[0]}: rows were mixed up" if len(fits) == 1 else "text or value was changed"
