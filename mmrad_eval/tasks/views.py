"""Which images of a study are shown, and what they are called."""

from __future__ import annotations

import msgspec

from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Image, Study
from mmrad_eval.datasets import views as words

VIEWS = ("key", "frontal", "all")


def orientation(view: str | None) -> str:
    """``frontal``, ``lateral``, or ``other``; an image whose view is not recorded counts as frontal."""
    return words.orientation(view) or "frontal"


def key_image(study: Study) -> Image | None:
    """The image that boxes refer to: the first frontal one, else the first."""
    frontal = [image for image in study.images if orientation(image.view) == "frontal"]
    return next(iter(frontal or study.images), None)


def chosen(study: Study, views: str) -> tuple[Image, ...]:
    """The study's own images under ``--views``, the key image first."""
    if views not in VIEWS:
        raise UsageError(f"--views {views}: choose {', '.join(VIEWS)}")
    key = key_image(study)
    if key is None:
        return ()
    rest = tuple(image for image in study.images if image is not key)
    if views == "key":
        return (key,)
    return (key, *(image for image in rest if views == "all" or orientation(image.view) == "frontal"))


def as_shown(study: Study, views: str, priors: str) -> Study:
    """The study with the images and priors alone that ``--views`` and ``--priors`` show, in their own order."""
    kept = study.images if views == "all" else chosen(study, views)
    if len(kept) == len(study.images) and (priors != "none" or not study.priors):
        return study
    images = tuple(image for image in study.images if image in kept)
    return msgspec.structs.replace(study, images=images, priors=() if priors == "none" else study.priors)


def label(image: Image) -> str:
    """How the picture is announced."""
    words = {"frontal": "Frontal view", "lateral": "Lateral view", "other": "Further view"}[orientation(image.view)]
    detail = f" ({image.view})" if image.view and image.view.upper() not in ("FRONTAL", "LATERAL") else ""
    return f"{'Earlier ' + words.lower() if image.role == 'prior' else words}{detail}"
