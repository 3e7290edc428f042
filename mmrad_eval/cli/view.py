"""mmrad-eval view: a page to read runs beside their images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmrad_eval.cli import terminal
from mmrad_eval.cli.leaderboard import say_left_out
from mmrad_eval.cli.words import in_results

if TYPE_CHECKING:
    from mmrad_eval.results.run.folder import RunFolder
    from mmrad_eval.results.view.images import How


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@in_results
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="An .html file, or a folder. [default: under views/ of the results folder]",
)
@click.option("--copy-images", is_flag=True, help="Make a folder with the images in it, for a web server.")
@click.option("--embed-images", is_flag=True, help="Put the images into the page.")
@click.option(
    "--max-edge",
    type=click.IntRange(min=64),
    default=1024,
    show_default=True,
    help="Longest side of copied or embedded images, in pixels.",
)
@click.option("--redact", is_flag=True, help="Show only ids, statuses and scores.")
@click.option("--references", "-r", help="The data, if it has moved since the run.")
def view(**said: Any) -> int:
    """Write a page to read runs in: images, boxes, traces, reports beside references, scores.

    A run is a folder (of one run or several), the beginning of a run id, or a unique run name; without RUN, all
    runs on the data of the newest run are shown. The page opens from disk and from any web server, and needs no other
    network access. It links to the images by relative path, unless they are copied or embedded.
    """
    from mmrad_eval.core.errors import UsageError
    from mmrad_eval.results.run.folder import select_all
    from mmrad_eval.results.view import write_view

    if said["copy_images"] and said["embed_images"]:
        raise UsageError("give either --copy-images or --embed-images, not both")
    how: How = "copy" if said["copy_images"] else "embed" if said["embed_images"] else "link"
    written = write_view(
        select_all(said["results"], said["runs"]) if said["runs"] else _newest(said["results"]),
        said["out"],
        pictures=how,
        max_edge=said["max_edge"],
        redact=said["redact"],
        references=said["references"],
    )
    for note in written.notes:
        terminal.say(note, err=True)
    size = written.path.stat().st_size / 1e6
    terminal.say(f"{written.studies:,} {'study' if written.studies == 1 else 'studies'}, {size:.1f} MB", err=True)
    terminal.say(str(written.path))
    return 0


def _newest(results: Path) -> list[RunFolder]:
    """All runs over the data of the run that was finished last; the data of the others is named."""
    from mmrad_eval.results.leaderboard.rows import readable_runs
    from mmrad_eval.results.run.folder import RunFolder

    runs = [RunFolder(scored.folder) for scored in readable_runs(results, say_left_out)]
    if not runs:
        return []
    newest = max(runs, key=lambda folder: folder.run.finished).run.identity
    others = sorted({f.run.identity.dataset for f in runs if f.run.identity.dataset_digest != newest.dataset_digest})
    if others:
        terminal.say(
            f"runs on {newest.dataset}, the data of the newest run; name runs to see those on {', '.join(others)}",
            err=True,
        )
    return [folder for folder in runs if folder.run.identity.dataset_digest == newest.dataset_digest]
