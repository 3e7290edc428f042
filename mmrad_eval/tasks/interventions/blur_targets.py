"""Which finding of a study is blurred, where its boxes are, and where an equal area without findings lies.

The boxes are those that readers drew. A finding that covers so much that no equal area is free of findings (a lung, an
enlarged heart) has no fair comparison and is not used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mmrad_eval.core.values import Box, Image, Study
from mmrad_eval.metrics.facts.extract import extract
from mmrad_eval.tasks.views import key_image
from mmrad_eval.traces import geometry
from mmrad_eval.traces.geometry import Size, convert, problems
from mmrad_eval.traces.rendering import size_of

MARGIN = 0.1
"""Share of its width and height by which a box grows at each edge: readers draw close to what they see."""
_PLACES = 96
"""Places that are tried along each side of the picture."""

NO_BOX = "no box of a finding"
NO_PLACE = "no equal area without findings"

Edges = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels of the image."""


@dataclass(frozen=True)
class Target:
    """One finding of a study."""

    concepts: tuple[str, ...]
    """What a report may call it, in the vocabulary of facts."""
    boxes: tuple[Box, ...]
    """All that is drawn of it, grown by the margin, overlapping boxes in one."""
    elsewhere: tuple[Box, ...]
    """As many boxes of the same sizes that touch no box of any finding."""


def target(study: Study) -> Target | str:
    """The finding of a study that is blurred, the same one every time; a text says why there is none.

    DataError where the image can't be read.
    """
    key = key_image(study)
    groups = _groups(study)
    if key is None or not groups:
        return NO_BOX
    size = key.size or size_of(key.path)
    drawn = [(concepts, [_edges(box, size) for box in boxes if not problems(box, size)]) for concepts, boxes in groups]
    drawn = [(concepts, boxes) for concepts, boxes in drawn if boxes]
    known = sorted({concepts for concepts, boxes in drawn if concepts}, key=lambda c: _draw(study.id, c))
    every = [box for _, boxes in drawn for box in boxes]
    for concepts in known:
        same = [box for others, boxes in drawn if set(others) & set(concepts) for box in boxes]
        merged = _merged([_grown(box, size) for box in same])
        places = list(_elsewhere(merged, [*every, *merged], size))
        if len(places) == len(merged):
            return Target(concepts, tuple(map(Box, merged)), tuple(map(Box, places)))
    return NO_PLACE if known else NO_BOX


def blurred(image: Image, boxes: Sequence[Box]) -> Image:
    """The image with these boxes blurred."""
    parts = tuple(Image(image.path, image.name, image.view, "region", box, "crop", size=image.size) for box in boxes)
    return Image(image.path, image.name, image.view, image.role, boxes[0], "blurred", size=image.size, parts=parts)


def has_boxes(study: Study) -> bool:
    """Whether a reader boxed something on the study's image that a report can be searched for. No image is opened."""
    return bool(study.boxes) and any(concepts for concepts, _ in _groups(study))


def _groups(study: Study) -> list[tuple[tuple[str, ...], list[Box]]]:
    """What readers boxed under each sentence or label: its concepts (none where it names none), its boxes."""
    groups: dict[str, list[Box]] = {}
    for drawn in study.boxes:
        groups.setdefault(drawn.sentence or drawn.label, []).append(drawn.box)
    return [(_concepts(words), boxes) for words, boxes in groups.items()]


def _concepts(words: str) -> tuple[str, ...]:
    return tuple(sorted({fact.concept for fact in extract(words) if fact.status != "absent"}))


def _draw(name: str, concepts: tuple[str, ...]) -> bytes:
    return hashlib.sha256("\n".join((name, *concepts)).encode()).digest()


def _edges(box: Box, size: Size) -> Edges:
    return convert(box, "original", size).xyxy


def _grown(box: Edges, size: Size) -> Edges:
    left, top, right, bottom = box
    across, down = max(2.0, MARGIN * (right - left)), max(2.0, MARGIN * (bottom - top))
    return (
        float(np.floor(max(0.0, left - across))),
        float(np.floor(max(0.0, top - down))),
        float(np.ceil(min(size[0], right + across))),
        float(np.ceil(min(size[1], bottom + down))),
    )


def _merged(boxes: Sequence[Edges]) -> list[Edges]:
    """Boxes without overlaps: those that overlap become the box around both, until none does. Largest first."""
    done: list[Edges] = []
    for box in boxes:
        hull = box
        while True:
            touching = [other for other in done if _overlap(hull, other)]
            if not touching:
                break
            done = [other for other in done if other not in touching]
            hull = geometry.hull(map(Box, (hull, *touching))).xyxy
        done.append(hull)
    return sorted(done, key=lambda b: (-(b[2] - b[0]) * (b[3] - b[1]), b))


def _overlap(a: Edges, b: Edges) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _elsewhere(boxes: Sequence[Edges], taken: Sequence[Edges], size: Size) -> Iterator[Edges]:
    """For each box a place of its size that nothing has taken: of those, the one nearest to its mirror image.

    The mirror image (left for right) is the same anatomy of the other side. Stops where a box has no place.
    """
    taken = list(taken)
    for left, top, right, bottom in boxes:
        width, height = right - left, bottom - top
        xs = np.unique(np.floor(np.append(np.linspace(0, size[0] - width, _PLACES), size[0] - right)))
        ys = np.unique(np.floor(np.append(np.linspace(0, size[1] - height, _PLACES), top)))
        x, y = (grid.ravel() for grid in np.meshgrid(xs, ys))
        free = np.ones(len(x), np.bool_)
        for a, b, c, d in taken:
            free &= (x >= c) | (x + width <= a) | (y >= d) | (y + height <= b)
        if not free.any():
            return
        far = (x - (size[0] - right)) ** 2 + (y - top) ** 2
        best = int(np.where(free, far, np.inf).argmin())
        place = (float(x[best]), float(y[best]), float(x[best]) + width, float(y[best]) + height)
        taken.append(place)
        yield place
