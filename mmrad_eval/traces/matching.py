"""Whether a region image shows the part of the picture that it claims to, by finding it there.

The region is searched for at every place, at scales from a sixteenth of the picture to the whole of it, and with
proportions changed by up to 1.6. Three steps, all on grey pixels:

1. normalised cross-correlation of the shrunken region with the shrunken picture, by FFT (Lewis, Vision Interface 1995),
   for a ladder of scales; the best places of each scale are candidates;
2. each candidate's four edges are moved to sub-pixel precision by least squares with free brightness and contrast
   (Lucas and Kanade, IJCAI 1981, with one scale and one shift a side);
3. candidates are compared by ``score``, the lesser of two correlations: that of everything, and that of *detail* finer
   than a thirtieth of the region. Smooth anatomy makes any two radiographs alike at low frequencies, edges of a mask
   make them alike at high ones; only the same picture is alike in both.

A frame whose outside is constant (masked) is matched by its inside, whose edges are then set where the picture ends and
the constant begins; an outline in colour (highlighted) is read off.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from mmrad_eval.core.values import Box
from mmrad_eval.traces import geometry
from mmrad_eval.traces.grids import FLAT, Correlator, Edges, Grey, Pyramid, Sampler, correlation, detail_of

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels

VERSION = 2
FOUND_DETAIL, FOUND_CORRELATION = 0.75, 0.9
"""At least this much in common is the same picture; docs/traces.md has the measurements behind the two."""
TINY, TINY_DETAIL = 1000, 0.85
"""A region of fewer pixels has so little detail that more of it must agree."""

STRETCH = 1.8
"""A match whose proportions differ by more from the region's is none: squeezed into a thin strip, much looks alike."""

_COARSE = 160
"""Longest side of the picture in the first step."""
_LADDERS = (((1.0,), 1.12, 2), ((0.8, 1.25, 0.64, 1.5625), 1.2, 1))
"""Changes of proportion, step between scales, places kept a scale; the second only where the first finds nothing."""
_GRIDS = (32, 64, 128)
_SURE = 0.95
"""A score that no other candidate needs to be compared with."""
_MARGIN = 14.0
"""Grey levels within which a masked frame's outside counts as constant after JPEG."""


@dataclass(frozen=True)
class RegionMatch:
    """Where a region image was found."""

    box: Box
    """In pixels of the picture; the whole picture where nothing was found."""
    correlation: float
    """Of all frequencies, at that place."""
    detail: float
    """Of what is finer than a thirtieth of the region."""
    kind: Literal["crop", "masked", "highlighted", "flat"] = "crop"
    """``flat``: the region has nothing in it that could be found."""
    pixels: int = TINY
    """Pixels of the region that were compared."""

    @property
    def score(self) -> float:
        """The lesser of the two correlations; 0 for a flat region."""
        return 0.0 if self.kind == "flat" else min(self.correlation, self.detail)

    @property
    def found(self) -> bool:
        """Whether the region is from this picture; False is foreign, or invented."""
        enough = FOUND_DETAIL if self.pixels >= TINY else TINY_DETAIL
        return self.kind != "flat" and self.detail >= enough and self.correlation >= FOUND_CORRELATION


def locate(region: Pixels, picture: Pixels, stated: Box | None = None) -> RegionMatch:
    """Find ``region`` in ``picture``; both are Pillow images in any mode.

    ``stated`` is only where the search begins: a region that is found there needs no search elsewhere, which is a
    hundred times faster.
    """
    seen, whole = Pyramid(_grey(region)), Pyramid(_grey(picture))
    if (outline := _outline(region, picture)) is not None:
        frame = _scored(seen, whole, (0.0, 0.0, float(picture.width), float(picture.height)))
        if frame.found:
            return replace(frame, box=Box(outline), kind="highlighted")
    hint = _hint(stated, picture.size)
    cut = _unmasked(seen.grey)
    if cut is None:
        return _search(seen, whole, hint)
    inside = _search(Pyramid(seen.grey[cut]), whole, hint)
    return _framed(seen, whole, inside, *cut) if inside.found else inside


def fidelity(region: Pixels, picture: Pixels, stated: Box) -> tuple[float, RegionMatch]:
    """How well a region image shows its stated box: the overlap of the place where it was found with the box.

    Only what of the box lies inside the picture counts; 0 where the region was not found.
    """
    match = locate(region, picture, stated)
    if not match.found:
        return 0.0, match
    claimed = geometry.clip(geometry.convert(stated, "original", picture.size), picture.size)
    return geometry.iou(match.box, claimed), match


def _hint(stated: Box | None, size: tuple[int, int]) -> Edges | None:
    if stated is None or geometry.problems(stated, size):
        return None
    x1, y1, x2, y2 = geometry.clip(geometry.convert(stated, "original", size), size).xyxy
    return (x1, y1, x2, y2) if min(x2 - x1, y2 - y1) >= 6 else None


def _search(region: Pyramid, picture: Pyramid, hint: Edges | None = None) -> RegionMatch:
    height, width = picture.shape
    best = RegionMatch(Box((0.0, 0.0, float(width), float(height))), 0.0, 0.0, "flat")
    if min(region.shape) < 4 or float(region.grey.std()) < FLAT:
        return best
    if hint is not None:
        best = _scored(region, picture, _refine(region, picture, hint, _GRIDS))
    for ladder in _LADDERS:
        if best.score > _SURE:
            break
        rough = [_refine(region, picture, edges, _GRIDS[:1]) for edges in _candidates(region, picture, *ladder)]
        ranked = sorted((_scored(region, picture, edges, _GRIDS[1]) for edges in rough), key=lambda m: -m.score)
        for match in _distinct(ranked)[:4]:
            fine = _scored(region, picture, _refine(region, picture, match.box.xyxy, _GRIDS[1:]))
            best = max(best, fine, key=lambda found: (found.kind != "flat", found.score))
    return best


def _candidates(region: Pyramid, picture: Pyramid, aspects: Sequence[float], step: float, keep: int) -> Iterator[Edges]:
    """Places worth a closer look, in pixels of the picture."""
    scale = min(1.0, _COARSE / max(picture.shape))
    small = picture.resized(round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    sy, sx = picture.shape[0] / small.shape[0], picture.shape[1] / small.shape[1]
    correlate = Correlator(small)
    for aspect in aspects:
        w, h = region.shape[1] * math.sqrt(aspect), region.shape[0] / math.sqrt(aspect)
        largest = min(small.shape[1] / w, small.shape[0] / h)
        smallest = max(10 / max(w, h), 4 / min(w, h))
        steps = max(0, math.floor(math.log(largest / smallest) / math.log(step))) if largest > smallest else 0
        sizes = {(round(w * largest / step**i), round(h * largest / step**i)) for i in range(steps + 1)}
        if aspect == 1.0:  # a region cut without resizing has a scale that is known
            sizes.add((round(region.shape[1] / sx), round(region.shape[0] / sy)))
        for across, down in sorted(sizes):
            if 3 <= across <= small.shape[1] and 3 <= down <= small.shape[0]:
                for x, y in correlate.peaks(region.resized(across, down), keep):
                    yield x * sx, y * sy, (x + across) * sx, (y + down) * sy


def _refine(region: Pyramid, picture: Pyramid, edges: Edges, grids: Sequence[int]) -> Edges:
    """Move the four edges until the picture between them looks most like the region."""
    for grid in grids:
        sampler = Sampler(region, picture, edges, grid)
        current = np.array(edges)
        best, best_error = current, math.inf
        for _ in range(8):
            seen, jacobian = sampler.seen(current)
            design = np.column_stack([jacobian, seen, np.ones(seen.size)])
            error = 1.0 - correlation(sampler.template, seen)
            if error < best_error:
                best, best_error = current, error
            solution = np.linalg.lstsq(design.T @ design, design.T @ sampler.template, rcond=None)[0]
            gain = solution[4]
            if abs(gain) < 0.05:
                break
            step = np.clip(solution[:4] / gain, -sampler.limit, sampler.limit)
            current = _kept(current + step, picture)
            if float(np.abs(step).max()) < 0.02:
                break
        edges = (float(best[0]), float(best[1]), float(best[2]), float(best[3]))
    return edges


def _scored(region: Pyramid, picture: Pyramid, edges: Edges, grid: int = _GRIDS[-1]) -> RegionMatch:
    if not 1 / STRETCH <= _stretch(region, edges) <= STRETCH:
        return RegionMatch(Box(edges), 0.0, 0.0, pixels=region.grey.size)
    sampler = Sampler(region, picture, edges, grid)
    seen, _ = sampler.seen(np.array(edges))
    shape = sampler.rows, sampler.columns
    plain = correlation(sampler.template, seen)
    detail = correlation(detail_of(sampler.template.reshape(shape)), detail_of(seen.reshape(shape)))
    return RegionMatch(Box(edges), plain, detail, pixels=region.grey.size)


def _stretch(region: Pyramid, edges: Edges) -> float:
    """Width for height of the place, as a multiple of the region's own."""
    height, width = region.shape
    return float((edges[2] - edges[0]) / (edges[3] - edges[1]) * height / width)


def _distinct(matches: Sequence[RegionMatch]) -> list[RegionMatch]:
    kept: list[RegionMatch] = []
    for match in matches:
        if all(geometry.iou(match.box, other.box) < 0.8 for other in kept):
            kept.append(match)
    return kept


def _kept(edges: NDArray[np.float64], picture: Pyramid) -> NDArray[np.float64]:
    """Edges inside the picture, and at least six pixels apart."""
    height, width = picture.shape
    x1, y1 = np.clip(edges[0], 0, width - 6), np.clip(edges[1], 0, height - 6)
    return np.array([x1, y1, np.clip(edges[2], x1 + 6, width), np.clip(edges[3], y1 + 6, height)])


def _unmasked(region: Grey) -> tuple[slice, slice] | None:
    """Rows and columns inside a frame whose outside is one constant; None where there is no such frame."""
    fill = _fill(region)
    border = np.concatenate([region[0], region[-1], region[:, 0], region[:, -1]])
    if float(np.mean(np.abs(border - fill) < _MARGIN)) < 0.5:
        return None
    differs = np.abs(region - fill) > _MARGIN
    rows, columns = np.flatnonzero(differs.mean(axis=1) > 0.02), np.flatnonzero(differs.mean(axis=0) > 0.02)
    if rows.size < 8 or columns.size < 8:
        return None
    blur = max(2, max(region.shape) // 200)  # a resized mask has no sharp edge
    inside = _shrunk(rows, blur), _shrunk(columns, blur)
    return inside if region[inside].size < 0.98 * region.size and min(region[inside].shape) >= 4 else None


def _shrunk(found: NDArray[np.intp], by: int) -> slice:
    return slice(int(found[0]) + by, int(found[-1]) + 1 - by)


def _fill(region: Grey) -> float:
    return float(np.median(np.concatenate([region[0], region[-1], region[:, 0], region[:, -1]])))


def _framed(frame: Pyramid, picture: Pyramid, inside: RegionMatch, rows: slice, columns: slice) -> RegionMatch:
    """A frame whose inside was found: a crop with dark margins where the margins are the picture's own, else masked."""
    x1, y1, x2, y2 = inside.box.xyxy
    fx, fy = (x2 - x1) / (columns.stop - columns.start), (y2 - y1) / (rows.stop - rows.start)
    left, top = x1 - columns.start * fx, y1 - rows.start * fy
    right, bottom = left + frame.shape[1] * fx, top + frame.shape[0] * fy
    if left > -2 and top > -2 and right < picture.shape[1] + 2 and bottom < picture.shape[0] + 2:
        edges = _kept(np.array([left, top, right, bottom]), picture)
        whole = _scored(frame, picture, (float(edges[0]), float(edges[1]), float(edges[2]), float(edges[3])))
        if whole.found:
            return whole
    return replace(inside, box=_grown(frame.grey, picture.grey, inside.box, rows, columns), kind="masked")


def _grown(frame: Grey, picture: Grey, box: Box, rows: slice, columns: slice) -> Box:
    """The edges of what a masked frame keeps: where it looks like the picture rather than like the constant outside.

    Dark parts of a picture are close to a black outside, so the inside that a threshold finds may be too small; now
    that the place is known, every pixel says which of the two it is nearer to.
    """
    x1, y1, x2, y2 = box.xyxy
    fx, fy = (x2 - x1) / (columns.stop - columns.start), (y2 - y1) / (rows.stop - rows.start)
    x = x1 + (np.arange(frame.shape[1]) + 0.5 - columns.start) * fx - 0.5
    y = y1 + (np.arange(frame.shape[0]) + 0.5 - rows.start) * fy - 0.5
    inside = ((y > -1) & (y < picture.shape[0]))[:, None] & ((x > -1) & (x < picture.shape[1]))[None, :]
    rows_seen = np.clip(np.rint(y), 0, picture.shape[0] - 1).astype(int)
    columns_seen = np.clip(np.rint(x), 0, picture.shape[1] - 1).astype(int)
    apart = np.full(frame.shape, np.inf)
    for down, across in ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)):  # half a pixel of error is no difference
        near = (
            np.clip(rows_seen + down, 0, picture.shape[0] - 1),
            np.clip(columns_seen + across, 0, picture.shape[1] - 1),
        )
        apart = np.minimum(apart, np.abs(frame - picture[np.ix_(*near)]))
    gain = np.where(inside, np.abs(frame - _fill(frame)) - apart, -_MARGIN)
    for _ in range(3):
        rows = _best_run(gain[:, columns].sum(axis=1))
        columns = _best_run(gain[rows].sum(axis=0))
    left, top = x[columns.start] + 0.5 - fx / 2, y[rows.start] + 0.5 - fy / 2
    right, bottom = x[columns.stop - 1] + 0.5 + fx / 2, y[rows.stop - 1] + 0.5 + fy / 2
    return Box((float(left), float(top), float(right), float(bottom)))


def _best_run(gains: Grey) -> slice:
    """The run of neighbours with the largest sum (Kadane)."""
    best, start, total, found = -math.inf, 0, 0.0, slice(0, 1)
    for i, gain in enumerate(gains.tolist()):
        if total <= 0:
            start, total = i, 0.0
        total += gain
        if total > best:
            best, found = total, slice(start, i + 1)
    return found


def _outline(region: Pixels, picture: Pixels) -> Edges | None:
    """The box of a coloured outline on a grey frame of the picture's proportions, in pixels of the picture."""
    if region.mode not in {"RGB", "RGBA", "P"}:
        return None
    if abs(region.width * picture.height - region.height * picture.width) > max(picture.size) * 2:
        return None
    colour = np.asarray(region.convert("RGB"), dtype=np.int16)
    strong = (colour.max(axis=2) - colour.min(axis=2)) > 80
    if not 0 < float(strong.mean()) < 0.2:
        return None
    rows, columns = np.flatnonzero(strong.mean(axis=1) > 0.01), np.flatnonzero(strong.mean(axis=0) > 0.01)
    if not rows.size or not columns.size:
        return None
    fx, fy = picture.width / region.width, picture.height / region.height
    return columns[0] * fx, rows[0] * fy, (columns[-1] + 1) * fx, (rows[-1] + 1) * fy


def _grey(pixels: Pixels) -> Grey:
    if pixels.mode not in {"L", "F"} and not pixels.mode.startswith("I"):
        pixels = pixels.convert("L")
    return np.asarray(pixels, dtype=np.float64)
