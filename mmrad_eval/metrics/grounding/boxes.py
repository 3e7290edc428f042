"""Boxes of a study in one frame, and how well two sets of them overlap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Box, Study, Trace
from mmrad_eval.traces import geometry
from mmrad_eval.traces.geometry import CANONICAL, Size

SIDE = 336.0
"""Side of the canonical frame."""


class Placed(NamedTuple):
    """One box of a trace, in the canonical frame."""

    category: str
    box: Box | None
    """None where it can't be read as a box: reversed, not finite, or in a frame that needs a size nobody knows."""
    step: int


def size_of(study: Study) -> Size | None:
    """Size of the image that boxes count in, the study's first; read from the file where the data does not say."""
    current = next((image for image in study.images if image.role == "current"), None)
    if current is None:
        return None
    if current.size is not None:
        return current.size
    from mmrad_eval.traces.rendering import size_of as measured

    try:
        return measured(current.path)
    except DataError:
        return None


def placed(trace: Trace | None, size: Size | None) -> list[Placed]:
    """The boxes of a trace, in the order of its steps."""
    if trace is None:
        return []
    return [
        Placed(step.category, canonical(step.box, size), k)
        for k, step in enumerate(trace.steps)
        if step.box is not None
    ]


def canonical(box: Box, size: Size | None) -> Box | None:
    """The box in the canonical frame; None where that is no rectangle."""
    x1, y1, x2, y2 = box.xyxy
    if not (np.isfinite(box.xyxy).all() and x2 > x1 and y2 > y1):
        return None
    if box.frame == CANONICAL:
        return box
    try:
        return geometry.convert(box, CANONICAL, size or _square(box.frame))
    except DataError:
        return None


def _square(frame: str) -> Size:
    """A size for padded frames, which are all squares of the same picture; DataError for the others."""
    if frame.startswith("pad_square_"):
        return (1, 1)
    raise DataError(f"a box in frame {frame} needs the size of its image")


def overlaps(predicted: Sequence[Box | None], reference: Sequence[Box | None]) -> FloatArray:
    """(predicted, reference) IoU; 0 for what is no box."""
    table = np.zeros((len(predicted), len(reference)))
    for i, a in enumerate(predicted):
        for j, b in enumerate(reference):
            if a is not None and b is not None:
                table[i, j] = geometry.iou(a, b)
    return table


def assign(table: FloatArray) -> list[tuple[int, int]]:
    """Pairs (row, column), one each, with the largest sum (Kuhn 1955; Munkres 1957); pairs of value 0 are left out."""
    if not table.size:
        return []
    flipped = table.shape[0] > table.shape[1]
    cost = -(table.T if flipped else table)
    pairs = [(row, column) for row, column in _hungarian(cost)]
    pairs = [(column, row) for row, column in pairs] if flipped else pairs
    return sorted((row, column) for row, column in pairs if table[row, column] > 0)


def _hungarian(cost: FloatArray) -> list[tuple[int, int]]:
    """The cheapest assignment of each row to a column of its own, rows <= columns, by shortest augmenting paths."""
    rows, columns = cost.shape
    potential_row, potential_column = np.zeros(rows + 1), np.zeros(columns + 1)
    owner = np.zeros(columns + 1, dtype=int)  # of a column, 1-based; 0: free
    for row in range(1, rows + 1):
        owner[0] = row
        column, back = 0, np.zeros(columns + 1, dtype=int)
        least, used = np.full(columns + 1, np.inf), np.zeros(columns + 1, dtype=bool)
        while owner[column]:
            used[column] = True
            at = owner[column]
            reduced = cost[at - 1] - potential_row[at] - potential_column[1:]
            better = ~used[1:] & (reduced < least[1:])
            least[1:][better] = reduced[better]
            back[1:][better] = column
            column = int(np.where(used, np.inf, least).argmin())
            step = least[column]
            potential_row[owner[used]] += step
            potential_column[used] -= step
            least[~used] -= step
        while column:
            owner[column] = owner[back[column]]
            column = int(back[column])
    return [(int(owner[j]) - 1, j - 1) for j in range(1, columns + 1) if owner[j]]


def share_inside(boxes: Sequence[Box], others: Sequence[Box]) -> float:
    """The share of the area of the union of ``boxes`` that lies in that of ``others``; 0 where there is none."""
    edges = [np.unique([v for b in (*boxes, *others) for v in b.xyxy[axis::2]]) for axis in (0, 1)]
    covered = total = 0.0
    for left, right in zip(edges[0], edges[0][1:], strict=False):
        for top, bottom in zip(edges[1], edges[1][1:], strict=False):
            cell = (left, top, right, bottom)
            if not any(_holds(box, cell) for box in boxes):
                continue
            area = (right - left) * (bottom - top)
            total += area
            covered += area * any(_holds(box, cell) for box in others)
    return float(covered / total) if total else 0.0


def _holds(box: Box, cell: tuple[float, float, float, float]) -> bool:
    """Whether a rectangle lies in a box."""
    x1, y1, x2, y2 = box.xyxy
    return bool(x1 <= cell[0] and cell[2] <= x2 and y1 <= cell[1] and cell[3] <= y2)
