"""What the runs of a paper show, a sentence a finding: shown, not shown, or smaller than a difference that matters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mmrad_eval.results.comparison.tables import ALPHA, significant
from mmrad_eval.results.leaderboard.optimized import optimized_note
from mmrad_eval.results.paper.contrast import Line, PaperContrast, contrast, value_of
from mmrad_eval.results.paper.labels import Labels
from mmrad_eval.results.paper.primary import DeclaredPrimary, primary_sentences
from mmrad_eval.results.paper.runs import PaperRow, PaperRuns
from mmrad_eval.results.paper.visual_gain import ClaimOptions
from mmrad_eval.results.run.summary import ColumnSummary
from mmrad_eval.results.statistics.paired import POWER
from mmrad_eval.results.tables.layout import true_minus

_OF_ONE = ("F1", "BLEU", "ROUGE", "METEOR", " P-", " R-", "-P-", "-R-", "BERTScore")
"""Parts of the names of columns from 0 to 1, on which a margin in points has a meaning."""


@dataclass(frozen=True)
class Topic:
    """What the findings of a paper are about."""

    paper: PaperRuns
    column: ColumnSummary
    """The column that findings are in."""
    labels: Labels
    claims: ClaimOptions

    @property
    def name(self) -> str:
        """The column as it is printed."""
        return self.labels.names(self.paper.columns).get(self.column.label, self.column.label)

    @property
    def margin(self) -> float | None:
        """The smallest difference that matters; None where the column has a scale of its own."""
        return self.claims.margin if any(part in self.column.name for part in _OF_ONE) else None


def no_findings(paper: PaperRuns) -> str:
    """The page where there is no column for a conclusion to rest on."""
    why = "No metric is shared by the runs"
    if paper.columns:
        why = "Models were optimized for every metric that the runs share"
    return f"# What the runs show\n\n{why}, so nothing is compared.\n"


def findings(
    topic: Topic,
    arms: Sequence[PaperContrast],
    panel: PaperContrast,
    verdicts: Sequence[str],
    declared: Sequence[DeclaredPrimary] = (),
) -> str:
    """The page, as Markdown."""
    primary = [*(["the visual gain"] if topic.claims.declared else []), *(one.words(topic.labels) for one in declared)]
    status = "No primary outcome was declared beforehand (`--primary`): every finding is exploratory."
    if primary:
        status = f"Declared beforehand as primary: {'; '.join(primary)}. Every other finding is exploratory."
    parts = [
        f"# What the runs show: {topic.paper.title}",
        f"Over {topic.paper.size}, in {topic.name} (`{topic.column.label}`). {status}",
        _legend(topic, arms, panel),
        *_beside(topic.paper),
    ]
    if declared:
        told = primary_sentences(declared, arms, topic.labels, topic.paper.by_patient)
        parts += ["## Declared as primary", "\n".join(f"- {said}" for said in told)]
    for found in arms:
        sentences = list(_of_arms(topic, found))
        if sentences:
            parts += [_title(topic, found), "\n".join(f"- {said}" for said in sentences)]
    if verdicts:
        parts += ["## Are gains visual?", "\n".join(f"- {true_minus(said)}" for said in verdicts)]
    sentences = list(_of_models(topic, panel))
    if sentences:
        parts += ["## Models, each against the one that scores best", "\n".join(f"- {said}" for said in sentences)]
    return "\n\n".join(parts) + "\n"


def _beside(paper: PaperRuns) -> Iterator[str]:
    """What reports that see no image get, and which metrics a model was optimized for."""
    for label in dict.fromkeys(label for cells in paper.policies.values() for label in cells):
        values = ((name, cells[label].value) for name, cells in paper.policies.items() if label in cells)
        said = ", ".join(f"{name} {value:.3f}" for name, value in values if isinstance(value, int | float))
        yield f"Reports that see no image get, in `{label}`: {said}."
    yield from optimized_note(paper.runs)


def _legend(topic: Topic, arms: Sequence[PaperContrast], panel: PaperContrast) -> str:
    """What the outcomes mean."""
    found = next((c.comparison for c in (*arms, panel) if c.comparison is not None), None)
    level = f"{100 * found.level:g} %" if found else "95 %"
    unit = "patient" if topic.paper.by_patient else "study"
    margin = (
        f" **Smaller than the margin**: equivalent within {topic.margin:g} (two one-sided tests at {ALPHA:g})."
        if topic.margin is not None
        else ""
    )
    return (
        f"Differences are paired, with {level} intervals by {unit}. **Shown**: p at most {ALPHA:g} after max-T over "
        f"all differences of a group, and an interval without 0.{margin} **Not shown**: neither; beside it stands the "
        f"difference that these studies would detect with {100 * POWER:.0f} % power."
    )


def _title(topic: Topic, found: PaperContrast) -> str:
    assert found.base is not None
    base = found.lines[found.base]
    return f"## {topic.labels.model(base.part.model)}: forms of evidence and controls against {base.names['arm']}"


def _of_arms(topic: Topic, found: PaperContrast) -> Iterator[str]:
    """Each form of evidence of one model against text CoT."""
    if not found.wanted or found.base is None:
        return
    for position in found.positions:
        yield from _sentence(topic, found, position, found.lines[position].names["arm"])


def _of_models(topic: Topic, panel: PaperContrast) -> Iterator[str]:
    """The model with the best value against each other one."""
    main = topic.column
    ready = [line for line in panel.lines if line.part.why is None and value_of(line.part, main.label) is not None]
    if len(ready) < 2 or not main.better or panel.comparison is None:
        return
    sign = -1.0 if main.better == "lower" else 1.0
    best: Line = max(ready, key=lambda line: sign * (value_of(line.part, main.label) or 0.0))
    found = contrast(ready, [main], best, panel.comparison.resamples)
    for position in found.positions:
        names = [topic.labels.model(line.part.model) for line in (found.lines[position], best)]
        yield from _sentence(topic, found, position, " against ".join(names))


def _sentence(topic: Topic, found: PaperContrast, line: int, title: str) -> Iterator[str]:
    """One line against the base of its contrast, in one of three outcomes."""
    at, where, comparison = found.column(topic.column.label), found.positions[line], found.comparison
    if at is None or comparison is None or found.base is None:
        return
    d = comparison.differences[where]
    value = f"{title}: {d.second[at]:.3f} against {d.first[at]:.3f}"
    length = _length(found.lines[line].part, found.lines[found.base].part)
    n = f"n = {_n(topic, comparison.studies, d.patients)}"
    if not np.isfinite(d.low[at]):
        yield f"**No interval**, {value} ({n}); {length}."
        return
    p = float(comparison.family.max_t[where, at])
    inside = topic.margin is not None and bool(d.equivalent(topic.margin)[at] <= ALPHA)
    shown = significant(comparison, where, at)
    better = bool(d.difference[at] > 0) == (topic.column.better != "lower")
    power = "" if shown or inside else f"; {d.detectable()[at]:.3f} would be detected with {100 * POWER:.0f} % power"
    yield (
        f"{_outcome(topic, inside=inside, shown=shown, better=better)}, {value}, {_signed(d.difference[at])} "
        f"[{_signed(d.low[at])}, {_signed(d.high[at])}], adjusted p {'< 0.001' if p < 0.001 else f'{p:.3f}'} "
        f"({n}){power}; {length}."
    )


def _outcome(topic: Topic, *, inside: bool, shown: bool, better: bool) -> str:
    if inside:
        return f"**Smaller than the margin of {topic.margin:g}**{' (though not 0)' if shown else ''}"
    if not shown:
        return "**Not shown**"
    return f"**Shown, {'better' if better else 'worse'}**" if topic.column.better else "**Shown**"


def _n(topic: Topic, studies: int, patients: int) -> str:
    return f"{studies:,} studies" + (f" of {patients:,} patients" if topic.paper.by_patient else "")


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "\N{MINUS SIGN}")


def _length(part: PaperRow, base: PaperRow) -> str:
    """How long the reports of both are."""
    one, other = _words(part), _words(base)
    if one is None or not other:
        return "length of reports unknown"
    more = f"{100 * (one / other - 1):+.0f} %".replace("-", "\N{MINUS SIGN}")
    return f"{one:.1f} words per report against {other:.1f} ({more})"


def _words(part: PaperRow) -> float | None:
    """Words of a report, on average over the samples of a row."""
    summaries = [scored.summary for scored in part.samples if scored.summary and scored.summary.scored]
    if not summaries:
        return None
    return float(np.mean([summary.words[0] / summary.scored for summary in summaries]))
