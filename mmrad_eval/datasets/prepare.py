"""Named steps on studies, before anything else sees them: marks masked or dropped, comparisons dropped, a split made.

A step changes the dataset: its name says so (``mimic+marks-drop``), its digest differs, and so do all runs on it.
Nothing is prepared unless it is asked for: ``--data 'mimic:FOLDER?marks=drop'``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace as remade
from typing import Any, cast

import msgspec

from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import PriorStudy, Report, Study
from mmrad_eval.datasets import comparisons, deidentification, digests, splits
from mmrad_eval.datasets.held import held
from mmrad_eval.datasets.lazy import LazyStudies, outlines

STEPS: dict[str, tuple[str, ...]] = {
    "marks": ("keep", "mask", "drop"),
    "comparisons": ("keep", "drop"),
    "split": ("keep", "patient"),
}
"""Step -> its ways, the one that changes nothing first."""


def prepared(dataset: Dataset, options: Mapping[str, str]) -> Dataset:
    """The dataset after the steps that ``options`` names; the same value where they change nothing."""
    steps = {name: options[name] for name in STEPS if name in options}
    for name, way in steps.items():
        if way not in STEPS[name]:
            raise UsageError(f"{name}={way}: choose {', '.join(STEPS[name])}")
    changing = {name: way for name, way in steps.items() if way != STEPS[name][0]}
    if not changing:
        return dataset
    if "split" in changing and (named := _trained_on(dataset.studies)):
        raise UsageError(
            f"{dataset.source} has a split {named!r}, but split=patient is for data without a training split"
        )
    lazy = PreparedStudies(dataset.studies, changing)
    kept: Sequence[Study] = lazy if isinstance(dataset.studies, LazyStudies) else held(lazy)
    words = ", ".join(f"{name}:{way}/{_VERSIONS[name]}" for name, way in changing.items())
    return remade(
        dataset,
        name="+".join([dataset.name, *(f"{name}-{way}" for name, way in changing.items())]),
        studies=kept,
        notes=(*dataset.notes, f"studies were prepared: {words}"),
    )


class PreparedStudies(LazyStudies):
    """Studies that are prepared when they are asked for."""

    def __init__(self, studies: Sequence[Study], steps: Mapping[str, str]) -> None:
        self._studies = studies
        self._steps = steps

    def __len__(self) -> int:
        return len(self._studies)

    def read(self, place: int) -> Study:
        """The study with its own report and those of its priors prepared."""
        study = self._split(self._studies[place])
        return msgspec.structs.replace(
            study,
            reference=study.reference and self._report(study.reference),
            priors=tuple(self._prior(prior) for prior in study.priors),
        )

    def rows(self, place: int) -> list[dict[str, Any]]:
        """Those of the data itself."""
        return self._studies.rows(place) if isinstance(self._studies, LazyStudies) else []

    def outline(self, place: int) -> Study:
        """As it was, in its split."""
        inner = self._studies
        return self._split(inner.outline(place) if isinstance(inner, LazyStudies) else inner[place])

    def prepare(self) -> None:
        """Pass it on."""
        if isinstance(self._studies, LazyStudies):
            self._studies.prepare()

    def digest(self) -> str:
        """Of the studies and the steps."""
        inner = digests.digest(Dataset("", self._studies, "unknown", ""))
        steps = ",".join(f"{name}:{way}/{_VERSIONS[name]}" for name, way in sorted(self._steps.items()))
        return hashlib.sha256(f"prepared|{steps}|{inner}".encode()).hexdigest()

    def _split(self, study: Study) -> Study:
        made = "split" in self._steps
        return msgspec.structs.replace(study, split=splits.drawn(study.cluster)) if made else study

    def _prior(self, prior: PriorStudy) -> PriorStudy:
        return msgspec.structs.replace(prior, report=prior.report and self._report(prior.report))

    def _report(self, report: Report) -> Report:
        findings, impression = (part and self._text(part) for part in (report.findings, report.impression))
        return Report(self._text(report.text), findings or None, impression or None)

    def _text(self, text: str) -> str:
        if self._steps.get("comparisons") == "drop":
            text = comparisons.without(text)
        return deidentification.clean(text, cast("deidentification.How", self._steps.get("marks", "keep")))


def _trained_on(studies: Sequence[Study]) -> str | None:
    """The name of the split that the data itself gives for training."""
    names = {study.split for study in outlines(studies) if study.split}
    return next((name for name in sorted(names) if name.lower().startswith("train")), None)


_VERSIONS = {"marks": deidentification.VERSION, "comparisons": comparisons.VERSION, "split": splits.VERSION}
