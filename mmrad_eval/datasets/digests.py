"""The digest of a dataset: what its studies say and how its images are called; no pixel, no path of this machine."""

from __future__ import annotations

import hashlib
from pathlib import PurePath
from typing import Protocol, runtime_checkable

import msgspec

from mmrad_eval.core.canonical import canonical
from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.values import Image, PriorStudy, Step, Study


@runtime_checkable
class Digested(Protocol):
    """Studies that know their digest without being read one by one."""

    def digest(self) -> str:
        """SHA-256 over all that the studies hold, 64 hexadecimal digits."""
        ...


def digest(dataset: Dataset) -> str:
    """SHA-256 over the records and image names in dataset order, 64 hexadecimal digits.

    The same for the same data in another folder or on another machine; another order, word, name or box changes it.
    """
    if isinstance(dataset.studies, Digested):
        return dataset.studies.digest()
    sha = hashlib.sha256()
    for study in dataset.studies:
        sha.update(canonical(portable(study)))
        sha.update(b"\n")
    return sha.hexdigest()


def portable(study: Study) -> Study:
    """The study without absolute paths: each image is what the dataset calls it."""
    replace = msgspec.structs.replace
    trace = study.trace
    if trace is not None and any(step.image for step in trace.steps):
        trace = replace(trace, steps=tuple(_step(step) for step in trace.steps))
    return replace(
        study,
        images=tuple(map(_image, study.images)),
        trace=trace,
        priors=tuple(_prior(prior) for prior in study.priors),
    )


def _image(image: Image) -> Image:
    return msgspec.structs.replace(image, path="", name=image.name or PurePath(image.path).name)


def _step(step: Step) -> Step:
    return msgspec.structs.replace(step, image=_image(step.image)) if step.image else step


def _prior(prior: PriorStudy) -> PriorStudy:
    return msgspec.structs.replace(prior, images=tuple(map(_image, prior.images)))
