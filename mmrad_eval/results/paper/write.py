"""Writing a paper's tables and figures: one table value, four formats, a document that shows them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmrad_eval.core.data_use import mark, strictest
from mmrad_eval.results.leaderboard.rows import read_scored_runs
from mmrad_eval.results.paper.figures import CAPTIONS, PaperFigures, draw_all
from mmrad_eval.results.paper.runs import PaperRuns, paper_runs
from mmrad_eval.results.paper.tables import adaptation_table, arms_table, panel_table, supplement
from mmrad_eval.results.paper.visual_gain import ClaimOptions
from mmrad_eval.results.run.files import temporary
from mmrad_eval.results.run.folder import RunFolder, find_runs
from mmrad_eval.results.run.summary import class_of
from mmrad_eval.results.statistics.bootstrap import RESAMPLES
from mmrad_eval.results.tables import Table, render
from mmrad_eval.results.tables.latex import escape

ENDINGS = {"latex": ".tex", "md": ".md", "csv": ".csv", "html": ".html"}


@dataclass(frozen=True)
class Paper:
    """What was written, and what is missing."""

    runs: PaperRuns
    tables: tuple[Table, ...]
    """Those of the body; the supplement's are in its files."""
    files: tuple[Path, ...]
    missing: tuple[str, ...]
    """One sentence a gap, with the command that would fill it."""


def write_paper(
    results: Path,
    out: Path,
    *,
    dataset: str | None = None,
    metrics: Sequence[str] = (),
    adapted: Mapping[str, RunFolder] | None = None,
    panel_task: str = "direct",
    resamples: int = RESAMPLES,
    figures: bool = True,
    claims: ClaimOptions | None = None,
) -> Paper:
    """Write T1, T2, T3, the supplement and the figures of the runs under ``results`` into ``out``.

    ``dataset`` chooses among several; ``metrics`` the columns of the tables in the body; ``adapted`` maps the name of a
    format of adaptation to its run, the first being what the others are compared with; ``figures=False`` draws none;
    ``claims`` says how the visual gain is judged.
    """
    runs = read_scored_runs(find_runs(results))
    mark(out, strictest(class_of(scored.run, scored.summary) for scored in runs))
    paper = paper_runs(runs, dataset=dataset, metrics=metrics)
    arms = arms_table(paper, resamples, claims or ClaimOptions(resamples=resamples))
    made = [arms, adaptation_table(paper, adapted or {}, resamples), panel_table(paper, panel_task, resamples)]
    values, differences = supplement(paper, runs, resamples)
    pictures = draw_all(paper, arms.contrasts, out / "figures") if figures else PaperFigures((), (), ())
    body = [table.table for table in made if table.table.rows]
    files = [path for table in body for path in _write(out, table.name, [table])]
    files += _write(out, "supplement", values)
    files += _write(out, "supplement-differences", differences, forms=("md", "csv", "html"))  # too long to print
    files += pictures.files
    files.append(_text(out / "paper.tex", _document(paper, [table.name for table in body], pictures)))
    missing = [*(gap for table in made for gap in table.missing), *_unscored(paper), *pictures.missing]
    return Paper(paper, tuple(body), tuple(files), tuple(dict.fromkeys(missing)))


def _write(out: Path, name: str, tables: Sequence[Table], forms: Sequence[str] = tuple(ENDINGS)) -> list[Path]:
    """One file a format; none for no table."""
    return [_text(out / f"{name}{ENDINGS[form]}", render(tables, form)) for form in forms] if tables else []


def _text(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = temporary(path)
    part.write_text(text, encoding="utf-8")
    part.replace(path)
    return path


def _document(paper: PaperRuns, tables: Sequence[str], pictures: PaperFigures) -> str:
    r"""A document that compiles with no edits; what it holds is ``\input`` from the files beside it."""
    figures = [
        rf"\begin{{figure}}[tp]\centering\includegraphics[width=\linewidth,height=.8\textheight,keepaspectratio]"
        rf"{{figures/{name}.pdf}}\caption{{{escape(CAPTIONS[name])}}}\label{{fig:{name}}}\end{{figure}}"
        for name in pictures.names
    ]
    return "\n".join(
        [
            r"\documentclass{article}",
            r"\usepackage{booktabs,graphicx}",
            r"\extrafloats{500}\maxdeadcycles=1000",
            r"\begin{document}",
            rf"\section*{{{escape(paper.title)}}}",
            *(rf"\input{{{name}.tex}}" for name in tables),
            *figures,
            r"\clearpage\appendix",
            r"\section{Supplement}",
            r"\input{supplement.tex}",
            r"\end{document}",
            "",
        ]
    )


def _unscored(paper: PaperRuns) -> list[str]:
    """Metrics that some run could not be scored with, and the command that fixes it."""
    gaps: dict[tuple[str, str], dict[str, None]] = {}
    for part in paper.parts:
        for scored in part.samples:
            for name, missing in (scored.summary.missing if scored.summary else {}).items():
                gaps.setdefault((missing.what, missing.remedy), {})[name] = None
    return [f"not scored: {', '.join(names)}: {what}; {remedy}" for (what, remedy), names in gaps.items()]
