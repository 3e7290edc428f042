"""`mmrad-eval data`: what a dataset holds, what is wrong with it, traces in another format, traces that are built."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmrad_eval.cli import terminal
from mmrad_eval.cli.build import build
from mmrad_eval.cli.convert import convert
from mmrad_eval.cli.rate import rate
from mmrad_eval.cli.shared_options import COLUMNS, with_options
from mmrad_eval.cli.words import named_values
from mmrad_eval.core.visible import visible
from mmrad_eval.core.whole_files import write_whole

if TYPE_CHECKING:
    from mmrad_eval.core.contracts import Dataset
    from mmrad_eval.datasets.check import Checked
    from mmrad_eval.datasets.describe import Description, Spread
    from mmrad_eval.datasets.problems import Problem
    from mmrad_eval.datasets.source import Source

SHOWN = 3
"""Cases of one kind that `check` prints unless asked for all."""
NAMES_SHOWN = 12


def source_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say how data is read."""
    options = (
        click.option("--images", type=click.Path(path_type=Path), help="Root folder of the image paths."),
        *COLUMNS,
        click.option("--link", type=click.Path(path_type=Path), help="MIMIC-CXR folder to resolve DICOM ids."),
        click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="An option of the reader."),
    )
    return with_options(command, *options)


@click.group(name="data")
def data() -> None:
    """Describe, check, convert or build a dataset.

    A dataset is a registered name, FORMAT:PATH, or a path.
    """


data.add_command(build)
data.add_command(rate)
data.add_command(convert)


@data.command()
@click.argument("spec")
@source_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--figure", type=click.Path(path_type=Path), help="Also draw the counts to this file (png, pdf, svg).")
def describe(spec: str, *, as_json: bool, figure: Path | None, **said: Any) -> None:
    """Count studies, patients, views, sections, empty reports, de-identification marks, trace steps and regions."""
    from mmrad_eval.datasets.describe import describe as count

    found = count(loaded(spec, said), _present if figure is not None else None)
    if figure is not None:
        from mmrad_eval.datasets.summary_figure import draw
        from mmrad_eval.results.figures.style import drawing

        with drawing():
            draw(found, figure)
    terminal.page(_json(found) if as_json else "\n".join(map(visible, _page(found))))


@data.command()
@click.argument("spec")
@source_options
@click.option("--split", help="Only this split.")
@click.option("--comparisons", type=click.Choice(["with", "without"]), help="Reports that mention change.")
@click.option("--marks", type=click.Choice(["with", "without"]), help="Reports with de-identification marks.")
@click.option("--priors", type=click.Choice(["with", "without"]), help="Studies with a prior study.")
def ids(
    spec: str, *, split: str | None, comparisons: str | None, marks: str | None, priors: str | None, **said: Any
) -> None:
    """Print the ids of the studies that meet a condition, one per line, for `--ids`.

    A word such as "unchanged" can't be known from one image; `--comparisons without` leaves such reports out.
    """
    from mmrad_eval.datasets import comparisons as comparing
    from mmrad_eval.datasets import deidentification as marking

    def holds(wanted: str | None, there: bool) -> bool:
        return wanted is None or there == (wanted == "with")

    for study in loaded(spec, said).studies:
        text = study.reference.text if study.reference else ""
        if (
            split in {None, study.split}
            and holds(priors, bool(study.priors))
            and (study.reference is not None or (comparisons is None and marks is None))
            and holds(comparisons, comparing.compares(text))
            and holds(marks, bool(marking.count(text)))
        ):
            terminal.say(study.id)


@data.command()
@click.argument("spec")
@source_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--no-pixels", is_flag=True, help="Do not open image files.")
@click.option("--all", "everything", is_flag=True, help="Print every case, not only the first of each kind.")
@click.option(
    "--cases", type=click.Path(path_type=Path), help="Write every case to this file, one JSON object per line."
)
def check(spec: str, as_json: bool, no_pixels: bool, everything: bool, cases: Path | None, **said: Any) -> None:
    """List all problems of the data; the exit status is 1 if a run would not be valid."""
    from mmrad_eval.datasets import check as checking

    found = checking.check(*_named(spec, said), pixels=not no_pixels)
    if cases is not None:
        write_whole(cases, "".join(_json(problem) + "\n" for problem in found.problems))
    if as_json:
        terminal.page(_json(_verdict(found)))
    else:
        terminal.page("\n".join(map(visible, _problems(spec, found, everything=everything))))
    raise SystemExit(0 if found.sound else 1)


def pairs(given: tuple[str, ...], option: str) -> dict[str, str]:
    """``a=b`` words as a mapping; UsageError for a word without an equals sign."""
    found = named_values(given, option, f"write {option} NAME=VALUE")
    return {name.strip(): value.strip() for name, value in found.items()}


def _present(text: str) -> list[str]:
    """The findings that the rule labeler finds present."""
    from mmrad_eval.metrics.facts.labels import label

    return [name for name, code in label(text).items() if code == 1]


def loaded(spec: str, said: dict[str, Any]) -> Dataset:
    """The dataset of that spec, read as ``source_options`` say."""
    from mmrad_eval.datasets import load

    return load(
        spec,
        images=said["images"],
        patient_column=said["patient_column"],
        columns=pairs(said["columns"], "--column"),
        link=said["link"],
        options=pairs(said["options"], "--option"),
    )


def _named(spec: str, said: dict[str, Any]) -> tuple[str, Source]:
    from mmrad_eval.datasets import Source, locate, split_options

    plain, options = split_options(spec)
    name, path = locate(plain)
    source = Source(
        path=path,
        images=said["images"],
        patient_column=said["patient_column"],
        columns=pairs(said["columns"], "--column"),
        link=said["link"],
        options={**options, **pairs(said["options"], "--option")},
    )
    return name, source


def _json(value: object) -> str:
    import msgspec

    return msgspec.json.encode(value).decode()


def _page(d: Description) -> Iterator[str]:
    """The description as lines, groups that hold nothing left out."""
    yield f"{d.name}: {d.format} from {d.source}, data use {d.data_use}"
    patients = "no patient ids: clusters are studies" if d.patients is None else f"{d.patients} patients"
    yield f"studies       {d.studies}  ({patients})"
    if d.patients is not None and d.without_patient:
        yield f"              {d.without_patient} without a patient id"
    yield from _names("splits", d.splits)
    yield f"images        {d.images}  ({_counts(d.images_per_study)} per study)"
    yield from _names("views", d.views)
    if d.priors:
        yield f"priors        {d.priors} studies have a prior study"
    yield f"references    {d.references}  ({d.empty} empty)"
    yield f"sections      findings {d.findings}, impression {d.impression}, neither {d.no_sections}"
    for name, words in (
        ("findings", d.words_findings),
        ("impression", d.words_impression),
        ("report", d.words_report),
    ):
        yield from _spread(f"words of {name}", words)
    yield from _names("context", d.context)
    yield from _marks(d)
    if d.comparisons:
        yield f"comparisons   {d.comparisons} reports compare with a prior examination"
    yield from _names("labels", d.labels)
    yield from _names("findings", d.findings_present)
    if d.traces:
        yield f"traces        {d.traces}  ({_counts(d.steps_per_trace)} steps)"
        yield f"boxes         {d.boxes}, region images {d.region_images}"
        yield from _names("frames", d.frames)
        yield from _names("categories", d.categories)
        yield from _names("announced", d.announced)
        yield from _names("regions", d.regions)
        yield from _spread("words of a step", d.words_step)
        yield from _spread("words of a trace", d.words_trace)
    if d.reader_boxes:
        yield f"reader boxes  {d.reader_boxes}"
        yield from _names("labels", d.reader_labels)
    for note in d.notes:
        yield f"note          {note}"


def _marks(d: Description) -> Iterator[str]:
    if d.marks:
        told = [f"{mark} {d.mark_totals[mark]} times in {n} reports" for mark, n in d.marks.items()]
        yield f"marks         {', '.join(told)}"


def _names(title: str, counts: dict[str, int]) -> Iterator[str]:
    if counts:
        shown = [f"{name} {n}" for name, n in list(counts.items())[:NAMES_SHOWN]]
        more = len(counts) - len(shown)
        yield f"{title:<13} {', '.join(shown)}{f', and {more} more' if more else ''}"


def _counts(lengths: dict[int, int]) -> str:
    shown = list(lengths.items())[:NAMES_SHOWN]
    return ", ".join(f"{n} x {length}" for length, n in shown) + (", ..." if len(lengths) > NAMES_SHOWN else "")


def _spread(title: str, s: Spread) -> Iterator[str]:
    if s.n:
        yield f"{title}: median {s.median}, half of them {s.lower} to {s.upper}, all {s.least} to {s.most}"


def _verdict(found: Checked) -> dict[str, Any]:
    return {
        "sound": found.sound,
        "studies": len(found.dataset.studies) if found.dataset else 0,
        "images": found.images,
        "counts": [{"severity": s, "kind": k, "n": len(cases)} for (s, k), cases in found.kinds().items()],
        "problems": found.problems,
    }


def _problems(spec: str, found: Checked, *, everything: bool) -> Iterator[str]:
    if found.dataset is not None:
        dataset = found.dataset
        looked = f", {found.images} images looked at" if found.images else ""
        yield f"{dataset.name} ({dataset.format}, data use {dataset.data_use}): {len(dataset.studies)} studies{looked}"
    for (severity, kind), cases in found.kinds().items():
        yield f"{severity}: {kind} ({len(cases)})"
        yield from _cases(cases, everything=everything)
    hidden = any(len(cases) > SHOWN for cases in found.kinds().values()) and not everything
    if hidden:
        yield f"(`mmrad-eval data check {spec} --all` prints every case, `--cases FILE` writes them)"
    yield "no errors: the data is ready for a run" if found.sound else "fix these errors before a run"


def _cases(cases: list[Problem], *, everything: bool) -> Iterator[str]:
    shown = cases if everything else cases[:SHOWN]
    yield from (f"  {case}" for case in shown)
    if len(cases) > len(shown):
        yield f"  ... and {len(cases) - len(shown)} more"
