"""The figures of a paper, drawn from its paper; what can't be drawn is said with the reason."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mmrad_eval.core.errors import MmradError
from mmrad_eval.results.comparison.shared_columns import Stored, shared
from mmrad_eval.results.comparison.tables import ALPHA
from mmrad_eval.results.figures import answers
from mmrad_eval.results.figures.read import (
    FEWEST,
    MIN_BINS,
    LengthPoint,
    Reading,
    fifths,
    findings,
    read_answers,
)
from mmrad_eval.results.figures.style import COLORS, Look, drawing, save
from mmrad_eval.results.leaderboard.optimized import was_optimized
from mmrad_eval.results.leaderboard.rows import columns_of
from mmrad_eval.results.paper import comparison_figures
from mmrad_eval.results.paper.contrast import PaperContrast
from mmrad_eval.results.paper.labels import Labels
from mmrad_eval.results.paper.runs import PaperRow, PaperRuns
from mmrad_eval.results.paper.style import POINTS, PaperStyle
from mmrad_eval.results.paper.tables import ARMS, CONTROLS
from mmrad_eval.results.run.summary import ColumnSummary
from mmrad_eval.tasks.arms import TEXT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CATEGORY = re.compile(
    r"^(?P<what>.+) (?P<category>heart_mediastinum|lungs|pleura_diaphragm|bones|abdomen|devices|other)$"
)
_STANDING = ("mcot", "tcot", "direct", "mcot-loop", "tcot-self")
"""Tasks whose runs stand for a model's others, the first first."""
_BARS = "Bars are {level} intervals, bootstrap over {unit}"


@dataclass(frozen=True)
class PaperFigures:
    """What was drawn, and what could not be."""

    files: tuple[Path, ...]
    captions: dict[str, str]
    """Figure -> its caption, in the order in which they stand."""
    wide: frozenset[str]
    """Those that are wider than a column."""
    missing: tuple[str, ...]


@dataclass(frozen=True)
class _Sheet:
    """A figure that was asked for: drawn with its caption, or not with the reason."""

    name: str
    made: Figure | None
    words: str


def draw_all(
    paper: PaperRuns, contrasts: Sequence[PaperContrast], folder: Path, style: PaperStyle, labels: Labels
) -> PaperFigures:
    """Draw every figure that the runs allow."""
    files: list[Path] = []
    captions: dict[str, str] = {}
    missing: list[str] = []
    wide = set()
    with drawing(style.look):
        for sheet in _figures(paper, contrasts, style.look, labels):
            if sheet.made is None:
                missing.append(f"figure {sheet.name}: {sheet.words}")
                continue
            files += save(sheet.made, folder, sheet.name)
            captions[sheet.name] = sheet.words
            if sheet.made.get_figwidth() > style.line / POINTS + 0.01:
                wide.add(sheet.name)
    return PaperFigures(tuple(files), captions, frozenset(wide), tuple(missing))


def _figures(paper: PaperRuns, contrasts: Sequence[PaperContrast], look: Look, labels: Labels) -> Iterator[_Sheet]:
    names = labels.names(paper.columns)
    columns = {names[column.label]: column for column in paper.columns}
    main = paper.main
    parts = [part for part in paper.parts if part.why is None and part.baseline != "reference" and _wrote(part)]
    yield from _forests(paper, contrasts, columns, look, labels)
    other = next(
        (c for c in paper.columns if main and c.metric.partition("@")[0] != main.metric.partition("@")[0]), None
    )
    drawn = None
    if main and other:
        pair = (names[other.label], other), (names[main.label], main)
        trained = [part for part in parts if any(was_optimized(part.runs, c.metric) for c in (main, other))]
        forms = [part for part in parts if part.task not in CONTROLS and part not in trained]
        drawn = comparison_figures.against(forms, *pair, (labels.model, labels.task), look)
        left_out = "Controls are left out. " if len(forms) + len(trained) < len(parts) else ""
        left_out += "So are models that were optimized for a metric shown. " if trained else ""
        left_out += _blind(paper, [pair[0][1].label, pair[1][1].label], names)
        if drawn is not None:
            words = f"{pair[1][0]} against {pair[0][0]}: each of the {drawn[1]} points is one run over {paper.size}. "
            yield _Sheet("metric-against-metric", drawn[0], f"{words}{left_out}{_bars(paper)}.")
    if drawn is None:
        yield _Sheet("metric-against-metric", None, "it needs two runs that were scored with two metrics")
    shown = _shown(parts)[: answers.MOST_SERIES]
    readings = [(part, read_answers(part.folders[0], _called(part, labels))) for part in shown]
    yield _Sheet(
        "steps-and-lengths",
        answers.lengths([reading for _, reading in readings], look),
        f"What was written, over {paper.size}: distributions over studies{_rule(parts, shown)}."
        if readings
        else "no run has a report with words in it",
    )
    yield _contents(paper, look)
    yield _by_category(parts, look, labels)
    if main is not None:
        yield _lengths_sheet(paper, readings, (names[main.label], main), look)
    yield _conventions(paper, parts, look, labels)


def _blind(paper: PaperRuns, labels: Sequence[str], names: Mapping[str, str]) -> str:
    """What reports that see no image get in the columns of a figure, as a sentence of its caption."""
    said = [
        f"{policy} {cells[label].value:.3f} in {names[label]}"
        for policy, cells in paper.policies.items()
        for label in labels
        if label in cells and isinstance(cells[label].value, int | float)
    ]
    return f"Reports that see no image: {', '.join(said)}. " if said else ""


def _forests(
    paper: PaperRuns,
    contrasts: Sequence[PaperContrast],
    columns: Mapping[str, ColumnSummary],
    look: Look,
    labels: Labels,
) -> Iterator[_Sheet]:
    """The forest of the main column, and of all where there are more."""
    groups = {
        "Forms of evidence": [labels.task(task) for task in ARMS],
        "Controls": [labels.task(task) for task in CONTROLS],
    }
    to = labels.task(TEXT)
    beside = comparison_figures.ForestWords(to, groups, labels.model)
    lacks = "it needs a model's run of tcot and of another form of evidence over the same studies"
    main = paper.main
    usable = comparison_figures.compared(contrasts)
    tests = max((found.comparison.family.members for found in usable if found.comparison), default=0)
    unit = "" if not usable or usable[0].comparison is None else f", n = {usable[0].comparison.studies:,} studies"
    words = (
        f"{_bars(paper)}. Filled marks are significant: p at most {ALPHA:g} after max-T over the {tests} differences "
        "of a model, and an interval without 0."
    )
    alone = {name: column for name, column in columns.items() if column == main}
    made = comparison_figures.forest(contrasts, alone, beside, look)
    name = next(iter(alone), "")
    yield _Sheet(
        "forest", made, f"{name}: difference of each form of evidence to {to}{unit}. {words}" if made else lacks
    )
    if len(columns) > 1:
        made = comparison_figures.forest(contrasts, columns, beside, look)
        every = f"Difference of each form of evidence to {to}, for every metric of the tables{unit}. {words}"
        yield _Sheet("forest-all", made, every if made else lacks)


def _bars(paper: PaperRuns) -> str:
    summary = next((scored.summary for part in paper.parts for scored in part.samples if scored.summary), None)
    level = f"{100 * summary.level:g} %" if summary else "95 %"
    return _BARS.format(level=level, unit="patients" if paper.by_patient else "studies (no patient ids)")


def _family(column: ColumnSummary) -> str:
    return column.metric.partition("@")[0]


def _wrote(part: PaperRow) -> bool:
    """Whether any report of the run has a word: the copy of evidence that is not shown has none."""
    return any(scored.summary is not None and scored.summary.words[0] > 0 for scored in part.samples)


def _called(part: PaperRow, labels: Labels) -> str:
    task = "" if part.baseline else labels.task(part.task)
    return ", ".join(word for word in (labels.model(part.model), task) if word)


def _shown(parts: Sequence[PaperRow]) -> list[PaperRow]:
    """Runs that stand for the rest where few lines fit: models before baselines, the arms of the text first."""
    order = {task: i for i, task in enumerate(_STANDING)}
    ranked = sorted(parts, key=lambda part: (bool(part.baseline), order.get(part.task, len(order))))
    return [part for part in ranked if part.baseline in {"", "normal"}] or list(ranked)


def _rule(parts: Sequence[PaperRow], shown: Sequence[PaperRow]) -> str:
    """Which runs are shown where not all are."""
    every = [part for part in parts if part.baseline in {"", "normal"}]
    if len(shown) >= len(every):
        return ""
    return f"; {len(shown)} of {len(every)} runs, models before baselines and multimodal CoT before text CoT"


def _lengths_sheet(
    paper: PaperRuns,
    readings: Sequence[tuple[PaperRow, Reading]],
    column: tuple[str, ColumnSummary],
    look: Look,
) -> _Sheet:
    known = {part.first.run.id: reading for part, reading in readings}
    series = _by_length([part for part, _ in readings], known, column[1])
    made = answers.by_length(series, *column, look)
    words = (
        f"{column[0]} by length of the report: each run's studies are divided into equal parts by report length and "
        f"drawn at their mean length. {_bars(paper)} of that part; none where too few."
    )
    few = f"it needs {FEWEST * MIN_BINS} studies that were scored one by one"
    return _Sheet("score-by-length", made, words if made else few)


def _conventions(paper: PaperRuns, parts: Sequence[PaperRow], look: Look, labels: Labels) -> _Sheet:
    """One run a model where there are several; the runs of the only one."""
    models = [part for part in _shown(parts) if not part.baseline]
    first = {part.model: part for part in reversed(models)}
    one_each = [part for part in models if first[part.model] is part]
    several = len(one_each) > 1
    ranked = (one_each if several else models)[: len(COLORS)]
    made = comparison_figures.conventions(ranked, [_called(part, labels) for part in ranked], labels.column, look)
    which = "the run of each model that stands first in the tables" if several else "the runs of one model"
    words = (
        f"Rank under each convention of a metric, of {which} ({len(ranked)} of {len(parts)} runs, over {paper.size}). "
        "Crossing lines are systems whose order depends on the convention."
    )
    why = "it needs two runs that were scored with one metric under two conventions"
    return _Sheet("ranks-by-convention", made, words if made else why)


def _contents(paper: PaperRuns, look: Look) -> _Sheet:
    """Regions of the reference traces, as some task showed them, and findings of the references."""
    name = "findings-and-regions"
    regions: dict[str, int] = {}
    for part in sorted(paper.parts, key=lambda part: not part.first.run.given):  # given traces are the references'
        regions = dict(read_answers(part.folders[0], "").categories)
        if regions:
            break
    found: dict[str, int] = {}
    n = 0
    why = "no task has shown a trace"
    for part in paper.parts:
        try:
            selection = paper.selection(part.folders[0])
        except MmradError as error:
            why = str(error)
            continue
        texts = [study.reference.text for study in selection if study.reference]
        found, n = findings(texts), len(texts)
        break
    made = answers.contents(regions, found, n, look)
    words = []
    if regions:
        words.append("Regions that the traces look at (steps)")
    if found:
        words.append(f"findings that the {n:,} references state, according to the rule labeler")
    said = f"{' and '.join(words)}."
    return _Sheet(name, made, said[0].upper() + said[1:] if made else why)


def _by_category(parts: Sequence[PaperRow], look: Look, labels: Labels) -> _Sheet:
    """The first score that some run has by category of region."""
    name = "score-by-category"
    groups: dict[str, dict[str, dict[str, ColumnSummary]]] = defaultdict(dict)
    for part in _shown(parts):
        for column in columns_of(part.first).values():
            match = _CATEGORY.match(column.name)
            if match:
                what = f"{match['what']} @ {column.profile}"
                groups[what].setdefault(_called(part, labels), {})[match["category"]] = column
    why = "no run was scored by category of region; mmrad-eval score RUN --metrics trace"
    for what, series in groups.items():
        made = answers.categories(series, what, look)
        if made is not None:
            return _Sheet(
                name, made, f"{what} by category of region. Bars are 95 % intervals, bootstrap over patients."
            )
    return _Sheet(name, None, why)


def _by_length(
    parts: Sequence[PaperRow], readings: dict[str, Reading], column: ColumnSummary
) -> dict[str, list[LengthPoint]]:
    """Run -> the column over each fifth of its studies by words of the report, with its interval."""
    out = {}
    for part in parts:
        reading, folder = readings.get(part.first.run.id), part.folders[0]
        scores, summary = folder.scores(), folder.summary()
        if reading is None or scores is None or summary is None:
            continue
        found = shared([Stored(reading.name, scores, summary)], lambda c: c.signature == column.signature)
        at = [i for i, one in enumerate(found.columns) if one.label == column.label]
        if at:
            words = [reading.report[study] for study in found.ids]
            out[reading.name] = fifths(words, found.statistics[0], found.clusters, found.parts, at[0])
    return out
