"""`mmrad-eval beside`: each report of a run beside the trace that it should follow from, sentence by sentence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmrad_eval.cli import terminal
from mmrad_eval.cli.leaderboard import say_left_out
from mmrad_eval.cli.words import in_results
from mmrad_eval.core.visible import visible
from mmrad_eval.core.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mmrad_eval.core.values import Answer, Target, Trace
    from mmrad_eval.metrics.consistency.sentences import Beside
    from mmrad_eval.results.run.folder import RunFolder

FEW = 5
"""Studies that a terminal shows where no number is given; a page has all."""


@click.command()
@click.argument("run", required=False)
@in_results
@click.option("--study", "studies", multiple=True, metavar="ID", help="Only this study; repeatable.")
@click.option(
    "--limit", type=click.IntRange(min=1), help=f"Only the first N. [default: {FEW} on a terminal, all in a page]"
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write an .html file instead of printing.")
def beside(run: str | None, results: Path, studies: tuple[str, ...], limit: int | None, out: Path | None) -> int:
    """Show which sentences of a report its trace supports, contradicts, or does not mention.

    RUN is a folder or the beginning of a run id; without it, the newest run with a trace. The trace is the model's own,
    or else the evidence that it was shown.
    Sentences are marked and colored, and share a number with their step; the counts under them are those of
    consistency@rules (or copy@rules).
    """
    from mmrad_eval.core.errors import UnknownNameError, UsageError
    from mmrad_eval.results.run.folder import select
    from mmrad_eval.results.view import side_by_side

    folder = select(results, run) if run else _newest(results)
    kept = _beside(folder, studies, limit or (None if out else FEW))
    missing = set(studies) - {name for name, _ in kept}
    if missing:
        known = [(answer.study, str(folder.path)) for answer in folder.answers() if _trace(answer)]
        raise UnknownNameError("study with a trace", min(missing), known)
    if not kept:
        raise UsageError(
            f"{folder.path}: its model wrote no trace, and its task showed none; runs of tcot-self and mcot have traces"
        )
    title = f"{folder.run.card.label}, {folder.run.identity.task}, {folder.run.identity.dataset}"
    if folder.run.data_use != "open":
        title += f" ({folder.run.data_use} data: keep this as you keep the data)"
    if out is not None:
        write_whole(out, side_by_side.page(kept, title))
        terminal.say(f"{len(kept):,} reports beside their traces, written to {out}", err=True)
        return 0
    from rich.text import Text

    terminal.draw(Text(f"{visible(title)}\n{side_by_side.LEGEND}\n", "dim"))
    for name, view in kept:
        terminal.draw(Text(visible(name), "bold underline"), side_by_side.terminal(view))
    return 0


def _newest(results: Path) -> RunFolder:
    """The run that was finished last, of those whose answers have a trace."""
    from mmrad_eval.core.errors import UsageError
    from mmrad_eval.results.leaderboard.rows import readable_runs
    from mmrad_eval.results.run.folder import RunFolder

    runs = sorted(readable_runs(results, say_left_out), key=lambda scored: scored.run.finished, reverse=True)
    folders = (RunFolder(scored.folder) for scored in runs)
    found = next((folder for folder in folders if any(map(_trace, folder.answers()))), None)
    if found is None:
        raise UsageError(f"no run under {results} has a trace; run tcot-self or mcot")
    return found


def _beside(folder: RunFolder, studies: tuple[str, ...], limit: int | None) -> list[tuple[str, Beside]]:
    from itertools import islice

    return list(islice(_views(folder, studies), limit))


def _views(folder: RunFolder, studies: tuple[str, ...]) -> Iterator[tuple[str, Beside]]:
    """Study and view, in the order of the run, of the answers that have a trace."""
    from mmrad_eval.metrics.consistency import sentences

    target = folder.run.identity.selection.target
    for answer in folder.answers():
        trace = _trace(answer)
        if trace is not None and (not studies or answer.study in studies):
            yield answer.study, sentences.beside(_report(answer, target), trace)


def _trace(answer: Answer) -> Trace | None:
    own = answer.trace.reasoned() if answer.trace else None
    return next((t for t in (own, answer.shown) if t and (t.text or any(s.text for s in t.steps))), None)


def _report(answer: Answer, target: Target) -> str:
    """The text that metrics score."""
    from mmrad_eval.core.values import Example, Study

    return Example(Study(answer.study), answer, target).candidate
