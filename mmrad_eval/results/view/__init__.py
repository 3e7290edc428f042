"""One static page to read runs: studies in a table, and each with its images, traces, reports, scores and requests.

The page needs nothing but itself (and its pictures): no network, no server. It holds data as JSON in scripts that are
not executed, one for the table, one a run, one a study, one an answer; only the table is decoded when it opens.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from mmrad_eval.core.canonical import digest
from mmrad_eval.core.data_use import mark, strictest
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import Study
from mmrad_eval.results.run.folder import RunFolder, safe_name
from mmrad_eval.results.run.record import Run
from mmrad_eval.results.scoring.reports_file import studies_of_all
from mmrad_eval.results.view import page
from mmrad_eval.results.view.content import Content, Everything, Redacted
from mmrad_eval.results.view.images import MAX_EDGE, How, ImageStore
from mmrad_eval.results.view.index import ViewIndex, columns_of, facts_of
from mmrad_eval.results.view.requests import results_of

_NAMED = 3  # ids that a file's name holds


@dataclass(frozen=True)
class Written:
    """A page on disk."""

    path: Path
    studies: int
    notes: tuple[str, ...]
    """What a user should know of it, one sentence each."""


def write_view(
    folders: Sequence[RunFolder],
    out: Path | None = None,
    *,
    pictures: How = "link",
    max_edge: int = MAX_EDGE,
    redact: bool = False,
    references: str | None = None,
) -> Written:
    """Write the page of ``folders``.

    ``out``: an .html file, or a folder that gets index.html (and images/ where pictures are copied); None: under
    ``results/views/<dataset>/``. ``redact`` leaves ids, statuses and scores: no text and no picture is even read.
    UsageError where the runs are over different data.
    """
    runs = [folder.run for folder in folders]
    _check(runs, pictures, redact=redact)
    target = _target(out if out is not None else default_out(folders, runs, pictures), pictures)
    if redact:
        return _write(target, Redacted(folders), runs, ())
    studies, notes = _studies(folders, references)
    store = ImageStore(target, pictures, max_edge)
    with closing(Everything(folders, runs, studies, store)) as everything:
        written = _write(target, everything, runs, notes)
    if not store.unseen:
        return written
    lost = f"{store.unseen:,} {'image' if store.unseen == 1 else 'images'} can't be shown: {store.first_unseen}"
    return Written(target, written.studies, (*notes, lost))


def default_out(folders: Sequence[RunFolder], runs: Sequence[Run], pictures: How) -> Path:
    """``results/views/<dataset>/<ids>.html``, or a folder of that name: it goes when the dataset's folders go."""
    results = results_of(folders[0]) or folders[0].path.absolute().parent
    ids = [run.id for run in runs]
    name = "-".join(ids[:_NAMED])
    if len(ids) > _NAMED:
        name = f"{ids[0]}-and-{len(ids) - 1}-more-{digest(ids)[:8]}"
    place = results / "views" / safe_name(runs[0].identity.dataset)
    return place / (name if pictures == "copy" else f"{name}.html")


def _write(target: Path, content: Content, runs: Sequence[Run], notes: tuple[str, ...]) -> Written:
    redacted = content.pictures == "none"
    index = ViewIndex(
        dataset=runs[0].identity.dataset,
        data_use=strictest(folder.data_use for folder in content.folders),
        redacted=redacted,
        pictures=content.pictures,
        runs=facts_of(content.folders, runs, redacted=redacted),
        columns=columns_of(content.folders, redacted=redacted),
        ids=tuple(content.ids),
        patients=tuple(content.patients),
        notes=notes,
    )
    if content.pictures == "copy":
        mark(target.parent, index.data_use)
    page.write(target, index, content.records, content.scores, scripts=lambda: content.scripts)
    return Written(target, len(content.ids), notes)


def _check(runs: Sequence[Run], pictures: How, *, redact: bool) -> None:
    if not runs:
        raise UsageError("name at least one run to view")
    if redact and pictures != "link":
        raise UsageError("--redact leaves no images: drop it, or drop --copy-images and --embed-images")
    first = runs[0].identity
    for run in runs:
        if run.identity.dataset_digest != first.dataset_digest:
            raise UsageError(
                f"{runs[0].id} uses {first.dataset} ({first.dataset_digest[:12]}) and {run.id} uses "
                f"{run.identity.dataset} ({run.identity.dataset_digest[:12]}): a page shows runs on the same data, "
                f"so name the runs of one dataset, such as runs/{safe_name(first.dataset)} of the results folder"
            )


def _target(out: Path, pictures: How) -> Path:
    """The file to write."""
    if out.suffix.lower() in {".html", ".htm"} and not out.is_dir():
        if pictures == "copy":
            raise UsageError(
                f"--copy-images writes a folder: name a folder instead of {out}, such as --out {out.with_suffix('')}"
            )
        return out
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file whose name does not end in .html; name a folder or an .html file")
    return out / "index.html"


def _studies(folders: Sequence[RunFolder], references: str | None) -> tuple[list[Study], tuple[str, ...]]:
    """The studies that any run asked; none, and the reason, where the data can't be loaded as it was."""
    try:
        return studies_of_all(folders, references), ()
    except (DataError, UsageError) as error:
        if references is not None:
            raise
        return [], (f"No images and no references are shown, because the data can't be loaded: {error}",)
