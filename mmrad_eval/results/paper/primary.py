"""Outcomes that were declared beforehand: tested by themselves, adjusted for each other and for nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmrad_eval.core.errors import UsageError
from mmrad_eval.results.comparison.tables import ALPHA
from mmrad_eval.results.leaderboard.optimized import was_optimized
from mmrad_eval.results.paper.contrast import PaperContrast
from mmrad_eval.results.paper.labels import Labels
from mmrad_eval.results.paper.runs import PaperRuns
from mmrad_eval.results.run.summary import ColumnSummary
from mmrad_eval.results.statistics.multiplicity import holm
from mmrad_eval.results.statistics.paired import POWER
from mmrad_eval.tasks.arms import TEXT


@dataclass(frozen=True)
class DeclaredPrimary:
    """A task against text CoT in one column, for every model."""

    task: str
    column: ColumnSummary

    def words(self, labels: Labels) -> str:
        """What was declared."""
        return f"{labels.task(self.task)} against {labels.task(TEXT)} in {self.column.label}"


def primaries(written: Sequence[str], paper: PaperRuns) -> list[DeclaredPrimary]:
    """``TASK:COLUMN`` of each; UsageError where no model ran the task, or the tables lack the column."""
    made = []
    for one in written:
        task, colon, name = one.partition(":")
        if not colon or not name:
            raise UsageError(f"--primary {one}: write visual, or TASK:COLUMN such as mcot:BLEU-4 @ raw")
        tasks = list(dict.fromkeys(part.task for part in paper.parts if part.task != TEXT and not part.baseline))
        if task not in tasks:
            raise UsageError(
                f"--primary {one}: no model has run this task beside {TEXT}; models have run "
                f"{', '.join(tasks) or 'no other'}"
            )
        column = next((c for c in paper.columns if name in {c.label, c.name}), None)
        if column is None:
            known = ", ".join(c.label for c in paper.columns) or "none"
            raise UsageError(f"--primary {one}: the tables have {known}; name further ones with --metrics")
        if was_optimized(paper.runs, column.metric):
            raise UsageError(
                f"--primary {one}: a model was optimized for {column.metric}; name a column of another metric"
            )
        made.append(DeclaredPrimary(task, column))
    return made


def primary_sentences(
    declared: Sequence[DeclaredPrimary], arms: Sequence[PaperContrast], labels: Labels, by_patient: bool
) -> list[str]:
    """Each in one of three outcomes: shown, not shown with the power, not tested with the reason."""
    tested: list[tuple[DeclaredPrimary, PaperContrast, int, int]] = []
    said = []
    for one in declared:
        for found in arms:
            model = labels.model(found.lines[0].part.model)
            at = found.column(one.column.label)
            places = [i for i, held in enumerate(found.lines) if held.part.task == one.task and i in found.positions]
            line = next(iter(places), None)
            if at is None or line is None or not found.wanted:
                said.append(f"**Not tested**, {model}, {one.words(labels)}: no two runs over the same studies.")
            else:
                tested.append((one, found, found.positions[line], at))
    raw = np.array([_p(found, where, at) for _, found, where, at in tested])
    adjusted = holm(raw) if len(raw) else raw
    for (one, found, where, at), p in zip(tested, adjusted, strict=True):
        said.append(_sentence(one, found, where, at, float(p), labels, by_patient, len(tested)))
    return said


def _p(found: PaperContrast, where: int, at: int) -> float:
    assert found.comparison is not None
    return float(found.comparison.differences[where].p[at])


def _sentence(  # noqa: PLR0917 (one number, and all that is said of it)
    one: DeclaredPrimary,
    found: PaperContrast,
    where: int,
    at: int,
    p: float,
    labels: Labels,
    by_patient: bool,
    tests: int,
) -> str:
    assert found.comparison is not None
    d = found.comparison.differences[where]
    shown = bool(p <= ALPHA and (d.low[at] > 0 or d.high[at] < 0))
    better = bool(d.difference[at] > 0) == (one.column.better != "lower")
    outcome = f"**Shown, {'better' if better else 'worse'}**" if shown else "**Not shown**"
    n = f"{found.comparison.studies:,} studies" + (f" of {d.patients:,} patients" if by_patient else "")
    power = "" if shown else f"; {d.detectable()[at]:.3f} would be detected with {100 * POWER:.0f} % power"
    adjusted = f", Holm over {tests} declared tests" if tests > 1 else ""
    model = labels.model(found.lines[0].part.model)
    return (
        f"{outcome}, {model}, {one.words(labels)}: {d.second[at]:.3f} against {d.first[at]:.3f}, "
        f"{_signed(d.difference[at])} [{_signed(d.low[at])}, {_signed(d.high[at])}], "
        f"p {'< 0.001' if p < 0.001 else f'{p:.3f}'}{adjusted} (n = {n}){power}."
    )


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "\N{MINUS SIGN}")
