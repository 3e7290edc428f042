"""The region images of a trace, and what the controls put in their place."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from mmrad_eval.core.values import Box, Image, Step, Study
from mmrad_eval.tasks.views import key_image
from mmrad_eval.traces.geometry import convert
from mmrad_eval.traces.rendering import size_of

RENDERS = ("record", "crop", "masked", "highlighted")
_TRIES = 128


def region_image(study: Study, step: Step, render: str = "record") -> Image | None:
    """The picture of a step: as its record has it, or cut from the problem image at the step's box."""
    if step.image is not None and render == "record":
        return step.image
    key = key_image(study)
    if key is None or step.box is None:
        return step.image
    how = "crop" if render == "record" else render
    return Image(path=key.path, name=key.name, view=key.view, role="region", box=step.box, render=how, size=key.size)


def whole_again(study: Study, step: Step) -> Image | None:
    """The whole image in as many pixels as the step's region image would have."""
    cut = region_image(study, step, "crop")
    return msgspec.structs.replace(cut, render="full") if cut and cut.box else None


def elsewhere(study: Study, steps: Sequence[Step], number: int) -> Image | None:
    """An equal area of the same image at the place that overlaps least with what the trace looks at.

    Of 128 places drawn from a generator seeded by study and step, the one that intersects all boxes least. None where
    the step has no box, or the image's size can't be known.
    """
    import numpy as np  # a listing of tasks must not wait for it

    cut = region_image(study, steps[number], "crop")
    if cut is None or cut.box is None:
        return None
    size = cut.size or (size_of(cut.path) if Path(cut.path).is_file() else None)
    if size is None:
        return None
    boxes = [convert(step.box, "original", size).xyxy for step in steps if step.box is not None]
    x1, y1, x2, y2 = convert(cut.box, "original", size).xyxy
    w, h = min(x2 - x1, size[0]), min(y2 - y1, size[1])
    seed = hashlib.sha256(f"{study.id}\n{number}".encode()).digest()
    draws = np.random.default_rng(int.from_bytes(seed[:8], "big")).random((_TRIES, 2))
    left, top = np.floor(draws[:, 0] * (size[0] - w)), np.floor(draws[:, 1] * (size[1] - h))
    overlap = np.zeros(_TRIES)
    for a1, b1, a2, b2 in boxes:
        across = np.clip(np.minimum(left + w, a2) - np.maximum(left, a1), 0, None)
        overlap += across * np.clip(np.minimum(top + h, b2) - np.maximum(top, b1), 0, None)
    best = int(overlap.argmin())
    corner = float(left[best]), float(top[best])
    return msgspec.structs.replace(cut, box=Box((*corner, corner[0] + w, corner[1] + h), "original"))


def permuted(images: Sequence[Image | None]) -> list[Image | None]:
    """The same images, each one step on; a single one stays where it is."""
    return [*images[1:], *images[:1]]
