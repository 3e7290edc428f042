"""Before a run: the smallest difference that a test set can show, and the patients that a difference needs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.core.errors import DataError
from mmrad_eval.results.comparison.compare import compare_runs
from mmrad_eval.results.comparison.shared_columns import SharedColumn, Stored, shared
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.statistics.bootstrap import RESAMPLES, SEED, finite, replicates
from mmrad_eval.results.statistics.paired import deviation as deviation_of
from mmrad_eval.results.statistics.power import detectable, paired_deviation, patients_needed, power_of
from mmrad_eval.results.statistics.weights import cluster_index, cluster_sums
from mmrad_eval.results.tables.table import Cell, Row, Table, TableColumn

DEVIATIONS = (0.05, 0.1, 0.15, 0.2, 0.3)
"""Standard deviations of one patient's paired difference that are tried where no run tells it; most scores between 0
and 1 lie among them."""
CORRELATION = 0.5
"""How alike two systems' values of one patient are taken to be, where only one run is there to judge from."""


@dataclass(frozen=True)
class Aim:
    """What a test is to achieve."""

    patients: tuple[int, ...] = ()
    """Sizes of the test set; empty: that of the pilot."""
    difference: float | None = None
    """The difference that matters; None: none was named."""
    alpha: float = 0.05
    power: float = 0.8
    comparisons: int = 1
    """Comparisons made at once; alpha is divided by them (Bonferroni, an upper bound for max-T)."""

    @property
    def each(self) -> float:
        """The level of one test."""
        return self.alpha / self.comparisons


def from_pilot(
    folders: Sequence[RunFolder],
    aim: Aim,
    *,
    wanted: Callable[[SharedColumn], bool] | None = None,
    correlation: float = CORRELATION,
    resamples: int = RESAMPLES,
) -> Table:
    """A table from one or two runs that exist: what their scatter means for the next test."""
    if len(folders) == 2:
        found = compare_runs([[folder] for folder in folders], wanted=wanted, resamples=resamples)
        deviations = found.differences[0].error * math.sqrt(found.differences[0].patients)
        how = f"of the paired difference between {found.arms[0].name} and {found.arms[1].name}"
        pilot = _Pilot(found.differences[0].patients, found.cluster == "patient", how)
        return _pilot_table(found.columns, deviations, pilot, aim)
    (folder,) = folders
    scores, summary = folder.scores(), folder.summary()
    if scores is None or summary is None:
        raise DataError(f"{folder.path} was never scored: mmrad-eval score {folder.path}")
    one = shared([Stored(folder.run.card.label, scores, summary)], wanted)
    names, index = cluster_index(one.clusters)
    if not one.columns or len(names) < 2:
        raise DataError(f"{folder.path}: a pilot needs at least two patients and one column")
    sums = cluster_sums(one.statistics[0], index, len(names))
    errors = deviation_of(replicates(sums, one.parts, resamples, SEED))
    deviations = np.array([paired_deviation(e, e, correlation) for e in errors * math.sqrt(len(names))])
    how = f"of one run, assuming that two systems correlate patient by patient with {correlation:g}"
    return _pilot_table(one.columns, deviations, _Pilot(len(names), summary.cluster == "patient", how), aim)


def without_pilot(aim: Aim, deviations: Sequence[float] = DEVIATIONS, unit: str = "patients") -> Table:
    """A table for scatters that are assumed."""
    sizes = aim.patients or (100, 300, 1000, 3000)
    columns = [TableColumn("deviation", "SD of per-patient difference", "score", digits=2)]
    columns += [TableColumn(f"detectable at {n}", f"detectable at {n:,}", "score") for n in sizes]
    if aim.difference is not None:
        columns.append(TableColumn("needed", f"{unit} needed for {aim.difference:g}", "count"))
        columns += [TableColumn(f"power at {n}", f"power at {n:,}, %", "percent") for n in sizes]
    rows = [Row(_cells(deviation, sizes, aim) | {"deviation": Cell(deviation)}) for deviation in deviations]
    notes = (
        _aim(aim),
        f"The SD is assumed: the standard deviation, over {unit}, of the difference between two systems.",
    )
    return Table("power", "The smallest difference that a test can detect", tuple(columns), tuple(rows), notes)


@dataclass(frozen=True)
class _Pilot:
    """What the scatter was read from."""

    size: int
    has_patients: bool
    how: str

    @property
    def unit(self) -> str:
        return "patients" if self.has_patients else "studies"


def _pilot_table(columns: Sequence[SharedColumn], deviations: FloatArray, pilot: _Pilot, aim: Aim) -> Table:
    sizes = aim.patients or (pilot.size,)
    heads = [TableColumn("column", "metric"), TableColumn("deviation", "SD", "score")]
    heads += [TableColumn(f"detectable at {n}", f"detectable at {n:,}", "score") for n in sizes]
    if aim.difference is not None:
        heads.append(TableColumn("needed", f"{pilot.unit} needed for {aim.difference:g}", "count"))
        heads += [TableColumn(f"power at {n}", f"power at {n:,}, %", "percent") for n in sizes]
    rows = []
    for column, deviation in zip(columns, deviations, strict=True):
        cells = {"column": Cell(column.label), "deviation": Cell(finite(deviation))}
        rows.append(Row(cells | (_cells(float(deviation), sizes, aim) if np.isfinite(deviation) else {})))
    notes = (f"SD: {pilot.how}; {pilot.size:,} {pilot.unit}.", _aim(aim))
    return Table("power", "The smallest difference that a test can detect", tuple(heads), tuple(rows), notes)


def _cells(deviation: float, sizes: Sequence[int], aim: Aim) -> dict[str, Cell]:
    cells = {}
    for n in sizes:
        error = deviation / math.sqrt(n)
        cells[f"detectable at {n}"] = Cell(detectable(error, aim.each, aim.power))
        if aim.difference is not None:
            cells[f"power at {n}"] = Cell(power_of(aim.difference, error, aim.each))
    if aim.difference is not None:
        cells["needed"] = Cell(patients_needed(aim.difference, deviation, aim.each, aim.power))
    return cells


def _aim(aim: Aim) -> str:
    several = f" divided by {aim.comparisons} comparisons" if aim.comparisons > 1 else ""
    return f"Two-sided paired test at {aim.alpha:g}{several}, {100 * aim.power:g} % power, normal approximation."
