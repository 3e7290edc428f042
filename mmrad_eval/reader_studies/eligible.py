"""What readers can be shown: the reports of runs over the same studies, or traces, of runs or of a dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.data_use import strictest
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import MODEL_STATUSES, Answer, DataUse, Example, Step, Study, Target, Trace
from mmrad_eval.datasets import digest
from mmrad_eval.reader_studies.films import ordered
from mmrad_eval.reader_studies.records import RatedStatement, StudyArm, Truth
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.run.naming import short_names
from mmrad_eval.results.run.record import Run
from mmrad_eval.results.scoring.reports_file import studies_of
from mmrad_eval.traces import geometry, rendering

ORIGINAL = "original report"
_FATAL = ("unknown frame", "not finite", "reversed", "empty")


@dataclass(frozen=True)
class EligibleCase:
    """A study that can be shown, with what each arm made of it."""

    study: Study
    texts: tuple[str, ...]
    reference: str
    statements: tuple[tuple[RatedStatement, ...], ...] = ()
    """Of each arm's trace, where traces are read."""


@dataclass(frozen=True)
class ReaderMaterial:
    """Everything that a reader study is made of, before cases are drawn."""

    arms: tuple[StudyArm, ...]
    cases: Sequence[EligibleCase]
    runs: Sequence[Run]
    """Whose names no text may hold; none where a dataset's own traces are read."""
    target: Target
    dataset: str
    dataset_digest: str
    data_use: DataUse
    notes: Sequence[str]
    """What was left out, and why, in words."""


def reports(folders: Sequence[RunFolder], truth: Truth, references: str | None = None) -> ReaderMaterial:
    """The reports of runs about the studies that all of them answered, which have images and a reference."""
    arms = _arms(folders)
    arms = (*arms, StudyArm(ORIGINAL, original=True)) if truth == "image" else arms
    target = folders[0].run.identity.selection.target
    answers = [_answers(folder) for folder in folders]
    lost = {"not answered by every run": 0, "without a reference": 0, "without an image that can be read": 0}
    studies = studies_of(folders[0], references)[0]
    found: list[EligibleCase] = []
    for study in studies:
        examples = [Example(study, mine[study.id], target) for mine in answers if study.id in mine]
        reference = study.reference.target(target) if study.reference else None
        if len(examples) < len(folders):
            lost["not answered by every run"] += 1
        elif not reference or not reference.strip():
            lost["without a reference"] += 1
        elif not _seen(study):
            lost["without an image that can be read"] += 1
        else:
            texts = [example.candidate for example in examples]
            found.append(EligibleCase(study, tuple([*texts, reference] if truth == "image" else texts), reference))
    return _material(folders, arms, found, _left_out(lost, len(studies)))


def traces_of_runs(folders: Sequence[RunFolder], truth: Truth, references: str | None = None) -> ReaderMaterial:
    """The traces that models wrote, about the studies for which each of the runs has one."""
    answers = [_answers(folder) for folder in folders]
    written = [{name: a.trace for name, a in mine.items() if a.trace and a.trace.steps} for mine in answers]
    studies = studies_of(folders[0], references)[0]
    found, lost, notes = _traces(studies, written, folders[0].run.identity.selection.target, truth)
    return _material(folders, _arms(folders), found, [*_left_out(lost, len(studies)), *notes])


def traces_of_dataset(dataset: Dataset, truth: Truth, target: Target = "findings") -> ReaderMaterial:
    """The traces of a dataset, such as one that was built."""
    written = {study.id: study.trace for study in dataset.studies if study.trace and study.trace.steps}
    found, lost, notes = _traces(dataset.studies, [written], target, truth)
    left = _left_out(lost, len(dataset.studies))
    if not found:
        raise UsageError(f"no trace of {dataset.source} can be shown: {'; '.join(left) or 'it has no studies'}")
    arms = (StudyArm(f"traces of {dataset.name}"),)
    use, sha = dataset.data_use, digest(dataset)
    return ReaderMaterial(arms, found, (), target, dataset.name, sha, use, [*left, *notes])


def _material(
    folders: Sequence[RunFolder],
    arms: tuple[StudyArm, ...],
    found: list[EligibleCase],
    left: Sequence[str],
) -> ReaderMaterial:
    runs = [folder.run for folder in folders]
    if not found:
        raise UsageError(f"no study can be shown: {'; '.join(left)}")
    first, use = runs[0].identity, strictest(run.data_use for run in runs)
    sha, target = first.dataset_digest, first.selection.target
    return ReaderMaterial(arms, found, runs, target, first.dataset, sha, use, left)


def _left_out(lost: Mapping[str, int], total: int) -> list[str]:
    return [f"{count:,} of {total:,} studies {why} were left out" for why, count in lost.items() if count]


def _arms(folders: Sequence[RunFolder]) -> tuple[StudyArm, ...]:
    runs = [folder.run for folder in folders]
    names = short_names(runs) if len(runs) > 1 else [f"{runs[0].card.label} {runs[0].identity.task}"]
    return tuple(StudyArm(name, run.id) for name, run in zip(names, runs, strict=True))


def _answers(folder: RunFolder) -> dict[str, Answer]:
    return {answer.study: answer for answer in folder.answers() if answer.status in MODEL_STATUSES}


def _seen(study: Study) -> bool:
    return bool(study.images) and all(Path(image.path).is_file() for image in study.images)


def _traces(
    studies: Sequence[Study], written: Sequence[Mapping[str, Trace]], target: Target, truth: Truth
) -> tuple[list[EligibleCase], dict[str, int], list[str]]:
    lost = {"without a trace": 0, "without an image that can be read": 0, "without a report to judge by": 0}
    found: list[EligibleCase] = []
    hidden = 0
    for study in studies:
        reference = (study.reference.target(target) or study.reference.text) if study.reference else ""
        if not all(study.id in mine for mine in written):
            lost["without a trace"] += 1
        elif not _seen(study):
            lost["without an image that can be read"] += 1
        elif truth == "reference" and not reference.strip():
            lost["without a report to judge by"] += 1
        else:
            made = [_statements(study, mine[study.id]) for mine in written]
            hidden += sum(lost_boxes for _, lost_boxes in made)
            arms = tuple(statements for statements, _ in made)
            found.append(EligibleCase(study, tuple(map(numbered, arms)), reference, arms))
    return found, lost, [f"{hidden:,} boxes have numbers that can't be drawn, and are not shown"] if hidden else []


def numbered(statements: Sequence[RatedStatement]) -> str:
    """A trace as one text."""
    return "\n".join(f"{number}. {one.text}" for number, one in enumerate(statements, 1))


def _statements(study: Study, trace: Trace) -> tuple[tuple[RatedStatement, ...], int]:
    """The statements of a trace with their boxes, and how many boxes can't be drawn."""
    films = [image.path for image in ordered(study)]
    made: list[RatedStatement] = []
    lost = 0
    for step in trace.steps:
        if not step.text.strip():
            continue
        film = films.index(step.image.path) if step.image is not None and step.image.path in films else 0
        box = _share(step, films[film])
        lost += step.box is not None and box is None
        made.append(RatedStatement(step.text.strip(), step.region, film, (box,) if box else ()))
    return tuple(made), lost


def _share(step: Step, path: str) -> tuple[float, float, float, float] | None:
    """Left, top, width and height of a step's box as shares of its film; None where it has none that can be drawn."""
    if step.box is None:
        return None
    try:
        size = rendering.size_of(path)
        if any(fault.startswith(_FATAL) for fault in geometry.problems(step.box, size)):
            return None
        left, top, right, bottom = geometry.clip(geometry.convert(step.box, "original", size), size).xyxy
    except DataError:
        return None
    width, height = size
    made = (left / width, top / height, (right - left) / width, (bottom - top) / height)
    return tuple(round(value, 5) for value in made) if made[2] > 0 and made[3] > 0 else None  # type: ignore[return-value]
