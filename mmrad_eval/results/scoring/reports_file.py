"""Scores without a model: how a file of reports fits the studies, and runs that are scored again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmrad_eval import datasets
from mmrad_eval.core.connections import confined
from mmrad_eval.core.contracts import Dataset, Metric
from mmrad_eval.core.data_use import strictest
from mmrad_eval.core.errors import DataError, UsageError, some
from mmrad_eval.core.values import Report, Study
from mmrad_eval.datasets.predictions import Predictions
from mmrad_eval.metrics.suites import class_of
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.run.record import OBJECT, Run
from mmrad_eval.results.run.summary import Summary
from mmrad_eval.results.scoring.chunk import Mapper
from mmrad_eval.results.scoring.run import score


@dataclass(frozen=True)
class JoinedReports:
    """How the ids of a file of reports and those of the studies fit together."""

    missing: tuple[str, ...]
    """Studies of the selection without a report: they stay open, and the run is incomplete."""
    empty: tuple[str, ...]
    """Studies of the selection whose report is there and says nothing: scored as empty."""
    outside: tuple[str, ...]
    """Reports of studies that the data has and the selection does not (another split, no reference)."""
    extra: tuple[str, ...]
    """Reports of studies that the data does not have."""
    same: tuple[str, ...] = ()
    """Studies of the selection whose report is the reference, word for word."""
    scored: int = 0
    """How many studies of the selection have a report."""

    def sentences(self) -> list[str]:
        """What a user should know, one sentence for each kind that occurs."""
        kinds = (
            (self.missing, "without a report, pending"),
            (self.empty, "with an empty report, scored as empty"),
            (self.outside, "with a report, but outside the selection (--split, --ids, --limit, --target)"),
            (self.extra, "with a report, but not among the references"),
        )
        said = [
            f"{len(ids):,} {'study' if len(ids) == 1 else 'studies'} {what}: {some(ids)}" for ids, what in kinds if ids
        ]
        if self.scored > 1 and len(self.same) == self.scored:
            said.append(
                f"each of the {self.scored:,} reports is its own reference, word for word: is this the file of the "
                "references? Name the column of the reports with --report-column report=COLUMN"
            )
        return said


def join(predictions: Predictions, dataset: Dataset, selection: Sequence[Study]) -> JoinedReports:
    """Compare the ids; DataError where not one fits, with ids of both sides."""
    reports = predictions.reports
    known = {study.id for study in dataset.studies}
    selected = {study.id for study in selection}
    if not any(study.reference and study.reference.text.strip() for study in selection):
        raise DataError(f"no study of {dataset.source} has a reference report, so nothing can be scored against it")
    joined = JoinedReports(
        missing=tuple(study.id for study in selection if study.id not in reports),
        empty=tuple(study.id for study in selection if study.id in reports and not reports[study.id].text.strip()),
        outside=tuple(name for name in reports if name in known and name not in selected),
        extra=tuple(name for name in reports if name not in known),
        same=tuple(study.id for study in selection if study.id in reports and _same(reports[study.id], study)),
        scored=sum(study.id in reports for study in selection),
    )
    if len(joined.missing) == len(selection):
        raise DataError(
            f"no report of {predictions.path} belongs to a study that is scored: ids of the reports look like "
            f"{some(tuple(reports), 3) or '(none)'}, those of {dataset.source} like "
            f"{some(tuple(study.id for study in selection), 3) or '(none)'}"
        )
    return joined


def _same(report: Report, study: Study) -> bool:
    return study.reference is not None and bool(report.text) and report.text == study.reference.text


def studies_of(
    folder: RunFolder, references: str | Path | None = None, loaded: dict[str, Dataset] | None = None
) -> tuple[list[Study], list[Study]]:
    """(selection, training split) of a run, loaded again from where run.json says, or from ``references``.

    ``loaded``: datasets by their digest, to which this one is added if it is not there. DataError where the data is no
    longer what was answered.
    """
    run, kept = folder.run, {} if loaded is None else loaded
    dataset = kept.get(run.identity.dataset_digest) or data_of(folder, references)
    kept[run.identity.dataset_digest] = dataset
    answered = {answer.study for answer in folder.answers()}
    if not answered:
        raise DataError(f"{folder.path} contains no answers; run its command again to rebuild them from the journal")
    if run.complete and len(answered) < run.counts.n:
        raise DataError(
            f"{folder.answers_path} is incomplete: it has {len(answered):,} of {run.counts.n:,} answers; run its "
            "command again to rebuild it"
        )
    selection = [study for study in dataset.studies if study.id in answered]
    return selection, [study for study in dataset.studies if study.split == "train"]


def data_of(folder: RunFolder, references: str | Path | None = None) -> Dataset:
    """The whole dataset of a run, loaded again; DataError where it is no longer what was answered."""
    run = folder.run
    dataset = _load(run, references)
    found = datasets.digest(dataset)
    if found != run.identity.dataset_digest:
        raise DataError(
            f"{dataset.source} is not the data of {folder.path}: its digest is {found[:12]}, the run's is "
            f"{run.identity.dataset_digest[:12]}; give the original data with --references, or run again"
        )
    return dataset


def studies_of_all(folders: Sequence[RunFolder], references: str | Path | None = None) -> list[Study]:
    """The studies that any of the runs asked, each once; the data is loaded as few times as that takes."""
    asked = {folder: set(folder.answer_lines()) for folder in folders}
    studies: dict[str, Study] = {}
    for folder in sorted(folders, key=lambda folder: -len(asked[folder])):
        if not asked[folder] <= studies.keys():
            studies |= {study.id: study for study in studies_of(folder, references)[0]}
    return list(studies.values())


def score_again(
    folder: RunFolder,
    metrics: Sequence[Metric],
    *,
    references: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    mapper: Mapper = map,
) -> Summary:
    """Score the stored answers of a run with ``metrics``; columns of other metrics stay."""
    with confined(strictest((folder.run.data_use, class_of(metrics)))):
        selection, train = studies_of(folder, references)
        return score(folder, selection, metrics, train=train, progress=progress, mapper=mapper)


def _load(run: Run, references: str | Path | None) -> Dataset:
    options = run.data_options
    if references is None and run.data.startswith(OBJECT):
        name = run.data.removeprefix(OBJECT)
        raise UsageError(f"the data of run {run.id} was a Python object ({name}); name it with --references DATA")
    return datasets.load(
        str(references or run.data),
        images=options.get("images"),
        data_use=options.get("data_use"),
        patient_column=options.get("patient_column"),
        columns=options.get("columns"),
        link=options.get("link"),
    )
