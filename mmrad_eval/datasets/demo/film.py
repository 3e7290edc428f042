"""Draws films that look like chest radiographs: lungs, heart, ribs, spine, clavicles, and what the report says.

Only +, -, *, /, square roots and whole-number hashes are used, which every machine rounds alike: the pixels are the
same everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmrad_eval.datasets.demo.anatomy import SIZES, DemoAnatomy, Ellipse, Side

Plane = NDArray[np.float64]
"""(height, width), brightness 0..255 or a share 0..1."""


@dataclass(frozen=True)
class Patch:
    """A share of each pixel in a window of the film; 0 outside of it."""

    window: tuple[slice, slice]
    share: Plane

    def __mul__(self, other: Patch | Plane | float) -> Patch:
        """Narrowed by a plane, a number, or a patch of the same window."""
        if isinstance(other, Patch):
            return Patch(self.window, self.share * other.share)
        return Patch(self.window, self.share * (other if isinstance(other, float) else other[self.window]))

    def __sub__(self, other: Patch) -> Patch:
        """What this has and a patch of the same window has not."""
        return Patch(self.window, np.maximum(self.share - other.share, 0.0))


class Film:
    """A picture under the brush: ``x`` and ``y`` are the coordinates of its pixels, ``light`` its brightness."""

    def __init__(self, size: tuple[int, int], seed: int) -> None:
        width, height = size
        self.seed = seed
        self.x: Plane = np.arange(width, dtype=np.float64)[None, :]
        self.y: Plane = np.arange(height, dtype=np.float64)[:, None]
        self.light: Plane = np.full((height, width), 8.0)

    def ellipse(self, e: Ellipse, soft: float = 4.0) -> Patch:
        """Share of each pixel inside, with an edge ``soft`` pixels wide."""
        grow = soft / min(e.rx, e.ry) * max(e.rx, e.ry)
        window = self._window(e.x - e.rx - grow, e.y - e.ry - grow, e.x + e.rx + grow, e.y + e.ry + grow)
        dx, dy = (self.x[:, window[1]] - e.x) / e.rx, (self.y[window[0]] - e.y) / e.ry
        return Patch(window, step((1.0 - np.sqrt(dx * dx + dy * dy)) * min(e.rx, e.ry), soft))

    def ring(self, outer: Ellipse, thick: float) -> Patch:
        """The rim of an ellipse, ``thick`` pixels wide."""
        inner = Ellipse(outer.x, outer.y, outer.rx - thick, outer.ry - thick)
        whole = self.ellipse(outer, 2.0)
        dx, dy = (self.x[:, whole.window[1]] - inner.x) / inner.rx, (self.y[whole.window[0]] - inner.y) / inner.ry
        hole = step((1.0 - np.sqrt(dx * dx + dy * dy)) * min(inner.rx, inner.ry), 2.0)
        return Patch(whole.window, np.maximum(whole.share - hole, 0.0))

    def blob(self, e: Ellipse, strength: float = 1.0) -> Patch:
        """A cloud: ``strength`` in the centre, 0 at the rim, never above 1, without an edge."""
        window = self._window(*e.corners)
        dx, dy = (self.x[:, window[1]] - e.x) / e.rx, (self.y[window[0]] - e.y) / e.ry
        inside = np.maximum(0.0, 1.0 - (dx * dx + dy * dy))
        return Patch(window, np.minimum(1.0, inside * inside * strength))

    def stroke(  # noqa: PLR0917 - two points, a width and a bend read best as plain numbers
        self, x1: float, y1: float, x2: float, y2: float, thick: float, bow: float = 0.0
    ) -> Patch:
        """A line between two points, ``thick`` pixels wide, bent sideways by ``bow`` pixels in its middle."""
        grow = abs(bow) + thick / 2 + 4.0
        window = self._window(min(x1, x2) - grow, min(y1, y2) - grow, max(x1, x2) + grow, max(y1, y2) + grow)
        x, y = self.x[:, window[1]] - x1, self.y[window[0]] - y1
        dx, dy = x2 - x1, y2 - y1
        length = float(np.sqrt(dx * dx + dy * dy))
        along = (x * dx + y * dy) / (length * length)
        beside = (x * dy - y * dx) / length - 4.0 * bow * along * (1.0 - along)
        ends = step(np.minimum(along, 1.0 - along) * length + 0.5, 2.0)
        return Patch(window, step(thick / 2 - np.abs(beside), 1.5) * ends)

    def noise(self, cell: int, salt: int) -> Plane:
        """Value noise in -1..1 on a lattice of ``cell`` pixels."""
        height, width = self.light.shape
        lattice = _hash(width // cell + 2, height // cell + 2, self.seed + salt)
        if cell == 1:
            return lattice[:height, :width]
        columns, rows = np.arange(width), np.arange(height)
        ix, iy = columns // cell, rows // cell
        fx, fy = (columns % cell) / cell, ((rows % cell) / cell)[:, None]
        across = lattice[:, ix] * (1 - fx) + lattice[:, ix + 1] * fx
        mixed: Plane = across[iy] * (1 - fy) + across[iy + 1] * fy
        return mixed

    def blend(self, share: Patch | Plane, light: float, strength: float = 1.0) -> None:
        """Move pixels towards a brightness."""
        window, share = (share.window, share.share) if isinstance(share, Patch) else (..., share)
        part = self.light[window]
        self.light[window] = part + share * strength * (light - part)

    def add(self, share: Patch | Plane, light: float) -> None:
        """Add brightness."""
        window, share = (share.window, share.share) if isinstance(share, Patch) else (..., share)
        self.light[window] = self.light[window] + share * light

    def pixels(self) -> NDArray[np.uint8]:
        """The finished picture, with grain."""
        grained = self.light + 3.0 * self.noise(1, 7) + 3.0 * self.noise(3, 11)
        return np.floor(np.clip(grained, 0.0, 255.0)).astype(np.uint8)

    def _window(self, left: float, top: float, right: float, bottom: float) -> tuple[slice, slice]:
        return slice(max(0, int(top)), max(0, int(bottom) + 2)), slice(max(0, int(left)), max(0, int(right) + 2))


def step(distance: Plane, soft: float) -> Plane:
    """0 outside, 1 inside, smooth over ``soft`` pixels around 0."""
    t = np.clip(0.5 + distance / soft, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def lung_share(film: Film, a: DemoAnatomy, side: Side) -> Patch:
    """Share of each pixel that is lung: the ellipse above its dome."""
    lung = a.lungs[side]
    inside = film.ellipse(lung, 6.0)
    rows, columns = inside.window
    return Patch(inside.window, inside.share * step(dome_line(film, a, side)[:, columns] - film.y[rows], 6.0))


def dome_line(film: Film, a: DemoAnatomy, side: Side) -> Plane:
    """(1, width) height of the hemidiaphragm."""
    across = (film.x - a.lungs[side].x) / a.lungs[side].rx
    return a.dome[side] + 30.0 * across * across


def frontal(a: DemoAnatomy) -> Film:
    """A frontal film without findings."""
    width, height = a.size
    film = Film(a.size, a.seed)
    w, h = float(width), float(height)
    film.blend(film.ellipse(Ellipse(a.midline, 0.34 * h, 0.62 * w, 0.24 * h), 18.0), 142.0)
    film.blend(film.ellipse(Ellipse(a.midline, 0.66 * h, 0.47 * w, 0.62 * h), 14.0), 142.0)
    film.blend(step(0.1 * w - np.abs(film.x - a.midline), 14.0) * step(0.3 * h - film.y, 10.0), 142.0)
    film.add(film.noise(48, 1), 6.0)
    film.add(film.ellipse(Ellipse(a.midline, 0.98 * h, 0.42 * w, 0.3 * h), 60.0), 16.0)
    texture = film.noise(9, 3)
    for side, lung in a.lungs.items():
        share = lung_share(film, a, side)
        film.blend(share, 46.0)
        film.add(share * texture, 5.0)
        _vessels(film, a, lung, share)
        _ribs(film, a, lung)
    _middle(film, a)
    return film


def lateral(a: DemoAnatomy, shown: list[str]) -> Film:
    """A lateral film: spine behind, heart in front, and effusions where they collect."""
    width, height = SIZES["LATERAL"]
    w, h = float(width), float(height)
    film = Film((width, height), a.seed + 1)
    film.blend(film.ellipse(Ellipse(0.5 * w, 0.58 * h, 0.42 * w, 0.6 * h), 14.0), 140.0)
    lung = film.ellipse(Ellipse(0.5 * w, 0.43 * h, 0.3 * w, 0.34 * h), 8.0)
    rows, columns = lung.window
    floor = 0.7 * h + 0.16 * (film.x - 0.3 * w) * step(film.x - 0.3 * w, 20.0)
    film.blend(Patch(lung.window, lung.share * step(floor[:, columns] - film.y[rows], 8.0)), 58.0)
    big = 1.3 if "cardiomegaly" in shown else 1.0
    film.blend(film.ellipse(Ellipse(0.38 * w, 0.6 * h, 0.13 * w * big, 0.12 * h * big), 10.0), 168.0)
    for number in range(11):
        y = h * (0.14 + 0.066 * number)
        film.add(film.ellipse(Ellipse(w * (0.77 + 0.004 * number), y, 0.06 * w, 0.025 * h), 4.0), 44.0)
    film.add(film.stroke(0.2 * w, 0.25 * h, 0.17 * w, 0.62 * h, 10.0, 6.0), 40.0)
    for number in range(7):
        y = h * (0.18 + 0.055 * number)
        film.add(film.stroke(0.28 * w, y + 26, 0.74 * w, y, 5.0, 8.0), 14.0)
    if any(word.startswith("effusion") for word in shown):
        level = film.y[rows] - 0.66 * h - 0.2 * (0.72 * w - film.x[:, columns])
        fluid = step(level, 10.0) * step(film.x[:, columns] - 0.5 * w, 30.0)
        film.blend(Patch(lung.window, lung.share * fluid), 176.0)
    return film


def _vessels(film: Film, a: DemoAnatomy, lung: Ellipse, share: Patch) -> None:
    """Markings that fan out from the hilum and fade."""
    outwards = -1.0 if lung.x < a.midline else 1.0
    hilum_x, hilum_y = lung.x - outwards * 0.74 * lung.rx, lung.y - 0.02 * lung.ry
    film.add(film.blob(Ellipse(hilum_x, hilum_y, 0.44 * lung.rx, 0.2 * lung.ry)), 70.0)
    ends = (
        (0.1, -0.6),
        (0.45, -0.42),
        (0.72, -0.16),
        (0.7, 0.14),
        (0.45, 0.36),
        (0.1, 0.5),
        (-0.15, -0.4),
        (0.25, 0.25),
    )
    rows, columns = share.window
    dx, dy = (film.x[:, columns] - hilum_x) / (2.2 * lung.rx), (film.y[rows] - hilum_y) / (0.95 * lung.ry)
    fade = np.maximum(0.0, 1.0 - (dx * dx + dy * dy)) * share.share
    tree = np.zeros_like(film.light)
    for number, (far_x, far_y) in enumerate(ends):
        end_x, end_y = lung.x + outwards * far_x * lung.rx, lung.y + far_y * lung.ry
        root_y = hilum_y + far_y * 0.22 * lung.ry
        branch = film.stroke(hilum_x, root_y, end_x, end_y, 4.0, 6.0 if number % 2 else -6.0)
        tree[branch.window] = np.maximum(tree[branch.window], branch.share)
    film.add(Patch(share.window, tree[share.window] * fade), 38.0)


def _ribs(film: Film, a: DemoAnatomy, lung: Ellipse) -> None:
    """Posterior ribs as bows, and the clavicle above them."""
    outwards = -1.0 if lung.x < a.midline else 1.0
    inner, outer = lung.x - outwards * 1.12 * lung.rx, lung.x + outwards * 1.04 * lung.rx
    for number in range(9):
        y = lung.y - lung.ry * (0.88 - 0.2 * number)
        bow, drop, strength = outwards * 15.0, 16.0 + 2.5 * number, 15.0 if number < 8 else 7.0
        film.add(film.stroke(inner, y, outer, y + drop, 9.0, bow), strength)
        film.add(film.stroke(inner, y - 4.5, outer, y + drop - 4.5, 1.6, bow), strength / 2)
    top = lung.y - 0.8 * lung.ry
    film.add(film.stroke(a.midline + outwards * 16, top + 16, lung.x + outwards * 1.3 * lung.rx, top - 10, 11.0), 34.0)


def _middle(film: Film, a: DemoAnatomy) -> None:
    """Spine, mediastinum, trachea, aortic arch and heart."""
    height = a.size[1]
    beside = np.abs(film.x - a.midline)
    film.blend(step(30.0 - beside, 18.0) * step(film.y - 0.1 * height, 20.0), 164.0, 0.85)
    film.add(step(17.0 - beside, 10.0) + np.zeros_like(film.y), 16.0)
    for number in range(14):
        y = height * (0.06 + 0.066 * number)
        film.add(film.ellipse(Ellipse(a.midline, y, 14.0, 3.0), 3.0), -9.0)
    film.add(step(6.5 - np.abs(film.x - a.midline + 2), 5.0) * step(a.arch.y + 22 - film.y, 10.0), -34.0)
    film.blend(film.ellipse(a.arch, 6.0), 172.0, 0.9)
    right_atrium = Ellipse(a.midline - 0.55 * a.heart.rx, a.heart.y, 0.62 * a.heart.rx, 0.86 * a.heart.ry)
    film.blend(film.ellipse(right_atrium, 9.0), 176.0, 0.8)
    film.blend(film.ellipse(a.heart, 9.0), 182.0, 0.92)


def _hash(width: int, height: int, seed: int) -> Plane:
    """(height, width) numbers in -1..1 from whole-number mixing (the finaliser of MurmurHash3)."""
    xs, ys = np.arange(width, dtype=np.uint64)[None, :], np.arange(height, dtype=np.uint64)[:, None]
    value = (xs * np.uint64(374761393) + ys * np.uint64(668265263) + np.uint64(seed)) & np.uint64(0xFFFFFFFF)
    for multiplier, shift in ((0x85EBCA6B, 16), (0xC2B2AE35, 13), (1, 16)):
        value = ((value ^ (value >> np.uint64(shift))) * np.uint64(multiplier)) & np.uint64(0xFFFFFFFF)
    return value.astype(np.float64) / 2147483647.5 - 1.0
