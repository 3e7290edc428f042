"""RadCliQ against its parts: linear, so it holds for reports and for their means, within what rounding allows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.metrics.composites.radcliq import V0, V1, Formula
from mmrad_eval.results.validation.checks import Broken, Check
from mmrad_eval.results.validation.score_files import (
    BERTSCORE,
    BLEU,
    RADCLIQ_V0,
    RADCLIQ_V1,
    RADGRAPH,
    SEMB,
    Measure,
    ScoreFile,
)

PARTS: tuple[Measure, ...] = (RADGRAPH, BERTSCORE, SEMB, BLEU)
"""In the order of ``Formula``."""
FORMULAS: tuple[tuple[Measure, Formula], ...] = ((RADCLIQ_V1, V1), (RADCLIQ_V0, V0))
EXACT = 1e-5
"""What single precision of the parts leaves of a value that is written in full."""


@dataclass(frozen=True)
class _Parts:
    """What RadCliQ must be, by row."""

    measure: Measure
    low: FloatArray
    high: FloatArray

    @property
    def middle(self) -> FloatArray:
        return (self.low + self.high) / 2

    def holds(self, row: int, low: float, high: float) -> bool:
        """Whether a value between ``low`` and ``high`` fits the parts of this row."""
        return bool(low <= self.high[row] and high >= self.low[row])


def checks(sheet: ScoreFile) -> list[Check]:
    """One check for each RadCliQ column whose parts are there."""
    found = []
    for measure, _ in FORMULAS:
        for inverse in (False, True):
            column = sheet.measured(measure, inverse=inverse)
            parts = _parts(sheet, measure)
            if column is not None and parts is not None:
                found.append(_check(sheet, column, parts, inverse=inverse))
    return found


def parts_of(sheet: ScoreFile) -> list[str]:
    """The columns that a formula ties together."""
    tied = []
    for measure, formula in FORMULAS:
        own = [c for inverse in (False, True) if (c := sheet.measured(measure, inverse=inverse)) is not None]
        if own and _parts(sheet, measure) is not None:
            tied += own
            tied += [
                c
                for part, slope in zip(PARTS, slope_of(formula), strict=True)
                if abs(slope) > 1e-6 and (c := sheet.measured(part))
            ]
    return tied


def slope_of(formula: Formula) -> FloatArray:
    """(4,) change of RadCliQ for one unit of each part."""
    slope: FloatArray = np.array(formula.coefficients) / np.array(formula.deviations)
    return slope


def _parts(sheet: ScoreFile, measure: Measure) -> _Parts | None:
    """Bounds of RadCliQ from the parts as they are rounded; None where one with a weight is missing."""
    formula = next(formula for one, formula in FORMULAS if one == measure)
    slope = slope_of(formula)
    columns = [sheet.measured(part) for part in PARTS]
    if any(column is None and abs(weight) > 1e-6 for column, weight in zip(columns, slope, strict=True)):
        return None
    values = np.column_stack([sheet.numbers[column] if column else np.zeros(len(sheet)) for column in columns])
    spread = float(
        sum(abs(weight) * sheet.half(column) for column, weight in zip(columns, slope, strict=True) if column)
    )
    middle = formula(values)
    return _Parts(measure, middle - spread - EXACT, middle + spread + EXACT)


def _check(sheet: ScoreFile, column: str, parts: _Parts, *, inverse: bool) -> Check:
    half, values = sheet.half(column), sheet.numbers[column]
    bounds = [_bounds(float(value), half, inverse=inverse) for value in values]
    looked = [row for row in range(len(sheet)) if bounds[row] is not None and np.isfinite(parts.middle[row])]
    broken, gaps = [], []
    for row in looked:
        expected = float(1 / parts.middle[row] if inverse else parts.middle[row])
        gaps.append(abs(float(values[row]) - expected))
        low, high = bounds[row] or (0.0, 0.0)
        if not parts.holds(row, low, high):
            why = _looks_like(sheet, row, column, parts, bounds, inverse=inverse)
            broken.append(Broken(sheet.where(row), column, float(values[row]), expected, why))
    name = f"{column} is {'one over ' if inverse else ''}the linear formula of its parts"
    worst = f"{max(gaps):.2g}, rounding allows for it" if gaps and not broken else f"{max(gaps):.2g}" if gaps else ""
    return Check(name, len(looked), broken, worst)


def _bounds(value: float, half: float, *, inverse: bool) -> tuple[float, float] | None:
    """Between what RadCliQ lies if it was written so; None where nothing can be said."""
    if not np.isfinite(value):
        return None
    if not inverse:
        return value - half, value + half
    if value - half <= 0 <= value + half:
        return None
    return 1 / (value + half), 1 / (value - half)


def _looks_like(
    sheet: ScoreFile,
    row: int,
    column: str,
    parts: _Parts,
    bounds: list[tuple[float, float] | None],
    *,
    inverse: bool,
) -> str:
    """What the stated value would be right for."""
    mine = bounds[row]
    for other in range(len(sheet)):
        theirs = bounds[other]
        if other == row or mine is None or theirs is None:
            continue
        if parts.holds(other, *mine) and parts.holds(row, *theirs) and not parts.holds(other, *theirs):
            return f"swapped with {sheet.where(other)}: each fits the other's parts"
    value, half = float(sheet.numbers[column][row]), sheet.half(column)
    turned = _bounds(value, half, inverse=not inverse)
    if turned is not None and parts.holds(row, *turned):
        return "the mean itself, not its reciprocal" if inverse else "the reciprocal, not the mean itself"
    sibling = RADCLIQ_V0 if parts.measure == RADCLIQ_V1 else RADCLIQ_V1
    others = _parts(sheet, sibling)
    if others is not None and mine is not None and others.holds(row, *mine):
        return f"fits {sibling.name}"
    if inverse and mine is not None and mine[1] < parts.low[row]:
        return "better than its parts: a mean of reciprocals, or parts of other reports"
    return "value or parts were changed, or are means over other reports"
