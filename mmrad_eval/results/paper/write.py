"""Writing a paper's tables and figures: one table value, four formats, a document that shows them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from mmrad_eval.core.data_use import mark, strictest
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.whole_files import write_whole
from mmrad_eval.results.comparison.across import across_tables, datasets_of, references_table
from mmrad_eval.results.leaderboard.costs import cost_table
from mmrad_eval.results.leaderboard.not_scored import not_scored
from mmrad_eval.results.leaderboard.rows import ScoredRun, readable_runs
from mmrad_eval.results.paper import printed
from mmrad_eval.results.paper.figures import PaperFigures, draw_all
from mmrad_eval.results.paper.findings import Topic, findings, no_findings
from mmrad_eval.results.paper.labels import Labels, labels_of
from mmrad_eval.results.paper.primary import primaries
from mmrad_eval.results.paper.printed import Printed
from mmrad_eval.results.paper.runs import PaperRuns, paper_runs
from mmrad_eval.results.paper.style import PaperStyle, style_of
from mmrad_eval.results.paper.supplement import place, supplement
from mmrad_eval.results.paper.tables import (
    Made,
    adaptation_table,
    arms_table,
    panel_table,
)
from mmrad_eval.results.paper.visual_gain import ClaimOptions
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.run.summary import class_of
from mmrad_eval.results.statistics.bootstrap import RESAMPLES
from mmrad_eval.results.tables import Table, render
from mmrad_eval.results.tables.latex import escape, latex
from mmrad_eval.tasks.arms import TEXT

ENDINGS = {"md": ".md", "csv": ".csv", "html": ".html"}


@dataclass(frozen=True)
class Paper:
    """What was written, and what is missing."""

    runs: PaperRuns
    tables: tuple[Table, ...]
    """Those of the body; the supplement's are in its files."""
    files: tuple[Path, ...]
    missing: tuple[str, ...]
    """One sentence a gap, with the command that would fill it."""


@dataclass(frozen=True)
class PaperOptions:
    """How a paper is set."""

    style: str = "article"
    labels: Path | None = None
    """A file of printed names that win over ours."""
    intervals: bool = False
    """Whether intervals stand in the tables of the body, too."""
    figures: bool = True
    resamples: int = RESAMPLES
    claims: ClaimOptions | None = None
    """How the visual gain is judged."""
    primary: tuple[str, ...] = ()
    """Outcomes that were declared beforehand, each as ``TASK:COLUMN``: that task against text CoT."""


def write_paper(
    results: Path,
    out: Path,
    *,
    dataset: str | None = None,
    metrics: Sequence[str] = (),
    adapted: Mapping[str, RunFolder] | None = None,
    panel_task: str | None = None,
    options: PaperOptions = PaperOptions(),
) -> Paper:
    """Write T1, T2, T3, the supplement and the figures of the runs under ``results`` into ``out``.

    ``dataset`` chooses among several; ``metrics`` the columns of the tables in the body; ``adapted`` maps the name of a
    format of adaptation to its run, the first being what the others are compared with; ``panel_task`` the task of T3.
    """
    lost: list[str] = []
    runs = readable_runs(results, lost.append)
    mark(out, strictest(class_of(scored.run, scored.summary) for scored in runs))
    paper = paper_runs(runs, dataset=dataset, metrics=metrics)
    style, labels, resamples = style_of(options.style), labels_of(options.labels), options.resamples
    claims = options.claims or ClaimOptions(resamples=resamples)
    declared = primaries(options.primary, paper)
    arms = arms_table(paper, resamples, claims, labels)
    panel = panel_table(paper, panel_task, resamples, labels)
    made = [arms, adaptation_table(paper, adapted or {}, resamples), panel]
    every = supplement(paper, runs, resamples, labels, style)
    drawn = draw_all(paper, arms.contrasts, out / "figures", style, labels) if options.figures else _NO_FIGURES
    body = [table for table in made if table.table.rows]
    words = Printed(labels, labels.names(paper.columns))
    files = [path for table in body for path in _write(out, table.table.name, [table.table])]
    tex = [_text(out / f"{table.table.name}.tex", _body(table, words, paper, style, options)) for table in body]
    appendix = [*(table for one in body for table in _appendix(one, words, labels)), *_costs(paper, labels)]
    over = datasets_of(runs)
    if len(over) > 1:
        several = [*_across(runs, paper, labels), references_table(over)]
        appendix += [replace(table, title=f"{table.title}.") for table in several]
        files += [path for table in several for path in _write(out, table.name, [table])]
    tex.append(_text(out / "appendix.tex", latex(appendix, style.pages(intervals=True))))
    tex.append(
        _text(out / "signatures.tex", latex([printed.signatures(paper.columns, words)], style.pages(intervals=False)))
    )
    tex.append(_text(out / "supplement.tex", latex(every.printed, style.pages(intervals=False, rotate=True)[-1:])))
    files += tex
    files += _write(out, "supplement", every.values)
    files += _write(out, "supplement-differences", every.differences)
    if every.differences:  # too long to be shown by paper.tex
        files.append(_text(out / "supplement-differences.tex", latex(every.differences, style.pages(intervals=True))))
    files += drawn.files
    said = no_findings(paper)
    if paper.main is not None:
        topic = Topic(paper, paper.main, labels, claims)
        said = findings(topic, arms.contrasts, panel.contrasts[0], arms.verdicts, declared)
    files.append(_text(out / "results.md", said))
    files.append(_text(out / "paper.tex", _document(paper, [table.table.name for table in body], drawn, style, labels)))
    gaps = (gap for table in made for gap in table.missing)
    missing = [*lost, *gaps, *not_scored(_scored(paper)), *drawn.missing]
    return Paper(paper, tuple(table.table for table in body), tuple(files), tuple(dict.fromkeys(missing)))


_NO_FIGURES = PaperFigures((), {}, frozenset(), ())


def _body(made: Made, words: Printed, paper: PaperRuns, style: PaperStyle, options: PaperOptions) -> str:
    table = printed.body(made.table, words, paper.size, with_intervals=options.intervals)
    return latex([table], style.pages(intervals=options.intervals))


def _appendix(made: Made, words: Printed, labels: Labels) -> list[Table]:
    """Values with intervals, and differences with theirs."""
    compared = next((found.comparison for found in made.contrasts if found.comparison is not None), None)
    level = f"{100 * compared.level:g} %" if compared is not None else "95 %"
    values = printed.intervals(made.table, words, level)
    to = made.to or labels.task(TEXT)
    differences = printed.differences(made.table, words, to, level)
    return [values, *([differences] if differences is not None else [])]


def _across(runs: Sequence[ScoredRun], paper: PaperRuns, labels: Labels) -> list[Table]:
    """The tables across datasets, in the main column, without intervals; nothing where the datasets share no column."""
    try:
        tables = across_tables(runs, [paper.main.label] if paper.main else ())
    except DataError:
        return []
    words = Printed(labels, {})
    made = []
    for table in tables:
        columns = tuple(replace(column, interval=False, footnote="") for column in table.columns)
        bare = [replace(r, cells={k: replace(c, low=None, high=None) for k, c in r.cells.items()}) for r in table.rows]
        made.append(replace(table, columns=columns, rows=tuple(map(words.row, bare))))
    return made


def _costs(paper: PaperRuns, labels: Labels) -> list[Table]:
    """What each run of a model cost; nothing where no model was asked."""
    sides = [
        (f"{labels.model(part.model)}, {labels.task(part.task)}", part.samples)
        for part in sorted(paper.parts, key=lambda part: (part.model, place(part)))
        if not part.baseline
    ]
    table = cost_table("costs", sides)
    return [replace(table, title=f"{table.title} ({paper.title}).")] if table else []


def _write(out: Path, name: str, tables: Sequence[Table]) -> list[Path]:
    """One file a format; none for no table."""
    return [_text(out / f"{name}{ending}", render(tables, form)) for form, ending in ENDINGS.items()] if tables else []


def _text(path: Path, text: str) -> Path:
    write_whole(path, text)
    return path


def _document(paper: PaperRuns, tables: Sequence[str], drawn: PaperFigures, style: PaperStyle, labels: Labels) -> str:
    r"""A document that compiles with no edits; what it holds is ``\input`` from the files beside it."""
    figures = []
    for name, caption in drawn.captions.items():
        kind = "figure*" if style.two_columns and name in drawn.wide else "figure"
        figures.append(
            rf"\begin{{{kind}}}[tp]\centering\includegraphics{{figures/{name}.pdf}}"
            rf"\caption{{{escape(caption)}}}\label{{fig:{name}}}\end{{{kind}}}"
        )
    data = ", ".join(word for word in (labels.dataset(paper.dataset), paper.split, paper.target) if word)
    return style.document(
        [
            rf"\section*{{{escape(data)}}}",
            "Tables and figures of the text come first, then an appendix. The file results.md says what they show.",
            *(rf"\input{{{name}.tex}}" for name in tables),
            *figures,
            r"\appendix\renewcommand{\thetable}{A\arabic{table}}\setcounter{table}{0}",
            r"\input{appendix.tex}",
            r"\input{signatures.tex}",
            r"\input{supplement.tex}",
        ]
    )


def _scored(paper: PaperRuns) -> list[ScoredRun]:
    return [scored for part in paper.parts for scored in part.samples]
