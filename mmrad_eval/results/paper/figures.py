"""The figures of a paper, drawn from its runs; what can't be drawn is said with the reason."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mmrad_eval.core.errors import MmradError
from mmrad_eval.results.comparison.shared_columns import Stored, shared
from mmrad_eval.results.figures import answers
from mmrad_eval.results.figures.read import LengthPoint, Reading, fifths, findings, read_answers
from mmrad_eval.results.figures.style import drawing, save, short_model
from mmrad_eval.results.leaderboard.rows import columns_of
from mmrad_eval.results.paper import comparison_figures
from mmrad_eval.results.paper.contrast import PaperContrast
from mmrad_eval.results.paper.runs import PaperRow, PaperRuns
from mmrad_eval.results.paper.tables import ARMS, CONTROLS, main_column
from mmrad_eval.results.run.summary import ColumnSummary
from mmrad_eval.results.scoring.reports_file import studies_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CAPTIONS = {
    "forest": "Differences of each form of evidence to text CoT, with intervals, on the main column.",
    "forest-all": "Differences of each form of evidence to text CoT, with intervals, on every column of the tables.",
    "metric-against-metric": "One metric against another with both intervals, a point a run.",
    "steps-and-lengths": "Steps of the traces, words of the traces and words of the reports.",
    "findings-and-regions": "Regions that the traces look at, and findings that the references state.",
    "score-by-category": "A score of the traces by category of region.",
    "score-by-length": "Score against length of the report: the column over each fifth of a run's studies, by words "
    "of the report, at their mean length. Bars: 95 % intervals, over the patients of that fifth; none where a fifth "
    "holds too few patients.",
    "ranks-by-convention": "Rank of each run under each convention of a metric; crossing lines are flips.",
}
_CATEGORY = re.compile(
    r"^(?P<what>.+) (?P<category>heart_mediastinum|lungs|pleura_diaphragm|bones|abdomen|devices|other)$"
)
_NAMES = ARMS | CONTROLS
_MOST_RANKS = 9


@dataclass(frozen=True)
class PaperFigures:
    """What was drawn, and what could not be."""

    files: tuple[Path, ...]
    names: tuple[str, ...]
    """Of the figures that exist, in the order of CAPTIONS."""
    missing: tuple[str, ...]


def draw_all(paper: PaperRuns, contrasts: Sequence[PaperContrast], folder: Path) -> PaperFigures:
    """Draw every figure that the runs allow."""
    files: list[Path] = []
    names: list[str] = []
    missing: list[str] = []
    with drawing():
        for name, made, why in _figures(paper, contrasts):
            if made is None:
                missing.append(f"figure {name}: {why}")
            else:
                files += save(made, folder, name)
                names.append(name)
    return PaperFigures(tuple(files), tuple(names), tuple(missing))


def _figures(paper: PaperRuns, contrasts: Sequence[PaperContrast]) -> Iterator[tuple[str, Figure | None, str]]:
    columns = paper.columns
    main = main_column(columns) if columns else None
    parts = [part for part in paper.parts if part.why is None and part.baseline != "reference"]
    order = list(_NAMES.values())
    text = "it needs a model's run of tcot and of another form of evidence over the same studies"
    yield "forest", comparison_figures.forest(contrasts, [main] if main else [], "text CoT", order), text
    yield "forest-all", comparison_figures.forest(contrasts, columns, "text CoT", order), text
    other = next((c for c in columns if main and c.metric.partition("@")[0] != main.metric.partition("@")[0]), None)
    two = "it needs two runs that were scored with two metrics"
    yield (
        "metric-against-metric",
        comparison_figures.against(parts, other, main, _NAMES) if main and other else None,
        two,
    )
    readings, lengths = _read(parts)
    yield "steps-and-lengths", answers.lengths(readings), "no run has a report with words in it"
    yield _contents(paper)
    yield _by_category(parts)
    by_length = answers.by_length(_by_length(parts, lengths, main), main) if main else None
    yield "score-by-length", by_length, "no run was scored study by study"
    ranked = _shown(parts)[:_MOST_RANKS]
    conventions = comparison_figures.conventions(ranked, [_called(part) for part in ranked])
    yield "ranks-by-convention", conventions, "it needs two runs that were scored with one metric under two conventions"


def _called(part: PaperRow) -> str:
    return f"{short_model(part.model)}, {_NAMES.get(part.task, part.task)}"


def _shown(parts: Sequence[PaperRow]) -> list[PaperRow]:
    """Runs that stand for the rest where few lines fit: models before baselines, the arms of the text first."""
    order = {task: i for i, task in enumerate(("mcot", "tcot", "direct", "mcot-loop", "tcot-self"))}
    ranked = sorted(parts, key=lambda part: (bool(part.baseline), order.get(part.task, len(order))))
    return [part for part in ranked if part.baseline in {"", "normal"}] or list(ranked)


def _read(parts: Sequence[PaperRow]) -> tuple[list[Reading], dict[str, Reading]]:
    """Answers of the runs that stand for the rest, in order and by run id."""
    readings = [(part, read_answers(part.folders[0], _called(part))) for part in _shown(parts)[: answers.MOST_SERIES]]
    return [reading for _, reading in readings], {part.first.run.id: reading for part, reading in readings}


def _contents(paper: PaperRuns) -> tuple[str, Figure | None, str]:
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
            selection, _ = studies_of(part.folders[0])
        except MmradError as error:
            why = str(error)
            continue
        texts = [study.reference.text for study in selection if study.reference]
        found, n = findings(texts), len(texts)
        break
    return name, answers.contents(regions, found, n), why


def _by_category(parts: Sequence[PaperRow]) -> tuple[str, Figure | None, str]:
    """The first score that some run has by category of region."""
    name = "score-by-category"
    groups: dict[str, dict[str, dict[str, ColumnSummary]]] = defaultdict(dict)
    for part in _shown(parts):
        for column in columns_of(part.first).values():
            match = _CATEGORY.match(column.name)
            if match:
                what = f"{match['what']} @ {column.profile}"
                groups[what].setdefault(_called(part), {})[match["category"]] = column
    why = "no run was scored by category of region; mmrad-eval score RUN --metrics trace"
    for what, series in groups.items():
        made = answers.categories(series, what)
        if made is not None:
            return name, made, ""
    return name, None, why


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
