"""Where things lie on a drawn film: the thorax of an invented patient as a few numbers, before any pixel exists."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

Size = tuple[int, int]
Corners = tuple[float, float, float, float]
Side = Literal["right", "left"]
"""The patient's own side; the right lung is on the left of a film."""

SIZES: dict[str, Size] = {"PA": (448, 512), "AP": (512, 448), "LATERAL": (416, 512)}
"""View -> width and height in pixels."""


@dataclass(frozen=True)
class Ellipse:
    """Centre and radii in pixels."""

    x: float
    y: float
    rx: float
    ry: float

    @property
    def corners(self) -> Corners:
        """Left, top, right, bottom."""
        return (self.x - self.rx, self.y - self.ry, self.x + self.rx, self.y + self.ry)


@dataclass(frozen=True)
class DemoAnatomy:
    """A frontal thorax. Lengths in pixels of the film, y downwards."""

    size: Size
    midline: float
    lungs: dict[Side, Ellipse]
    dome: dict[Side, float]
    """Height of the top of each hemidiaphragm."""
    heart: Ellipse
    arch: Ellipse
    seed: int

    def zone(self, side: Side, zone: str) -> Ellipse:
        """The upper, mid or lower third of a lung, as the place of a finding."""
        lung = self.lungs[side]
        top, bottom = lung.y - lung.ry, self.dome[side]
        share = {"upper": 0.28, "mid": 0.5, "lower": 0.76}[zone]
        outwards = -1.0 if side == "right" else 1.0
        height = bottom - top
        return Ellipse(lung.x + outwards * 0.12 * lung.rx, top + share * height, 0.58 * lung.rx, 0.15 * height)

    def base(self, side: Side) -> Corners:
        """The costophrenic region of a side: the last fifth of the lung and the dome under it."""
        lung = self.lungs[side]
        top, bottom = lung.y - lung.ry, self.dome[side]
        return (lung.x - lung.rx, bottom - 0.2 * (bottom - top), lung.x + lung.rx, bottom + 0.12 * (bottom - top))

    def lung(self, side: Side) -> Corners:
        """The box around a lung, from apex to costophrenic angle."""
        left, top, right, _ = self.lungs[side].corners
        return (left, top, right, self.base(side)[3])

    def mediastinum(self) -> Corners:
        """The box around heart, great vessels and hila."""
        return hull(
            self.heart.corners, self.arch.corners, (self.midline - 30, self.arch.y, self.midline + 30, self.heart.y)
        )


def anatomy(patient: str, view: str, shown: list[str]) -> DemoAnatomy:
    """The thorax of ``patient``, the same in each study but for what ``shown`` (the words of ``findings.py``) moves."""
    width, height = SIZES[view]
    seed = int.from_bytes(hashlib.sha256(f"mmrad-eval demo {patient}".encode()).digest()[:4], "big")

    def vary(bits: int, by: float) -> float:
        """A number in -by..by that is the patient's own."""
        return (((seed >> bits) & 15) / 7.5 - 1.0) * by

    w, h = float(width), float(height)
    mid = w * (0.5 + vary(0, 0.008))
    deep = 0.05 * h if "hyperinflation" in shown else -0.05 * h if view == "AP" else 0.0
    apex, floor = h * (0.11 + vary(4, 0.01)), h * (0.76 + vary(8, 0.012)) + deep
    lungs: dict[Side, Ellipse] = {}
    dome: dict[Side, float] = {}
    sides: tuple[tuple[Side, float], ...] = (("right", -1.0), ("left", 1.0))
    for side, sign in sides:
        centre = mid + sign * w * (0.205 + vary(12, 0.008))
        low = floor + (0.025 * h if side == "left" else 0.0) - (0.11 * h if f"elevated:{side}" in shown else 0.0)
        tall = (floor + 0.1 * h - apex) / 2
        lungs[side] = Ellipse(centre, apex + tall, w * (0.162 + vary(16, 0.008)), tall)
        dome[side] = low
    big = 1.32 if "cardiomegaly" in shown else 0.78 if "hyperinflation" in shown else 1.0
    heart = Ellipse(
        mid + 0.045 * w * big,
        dome["left"] - 0.105 * h,
        w * (0.128 + vary(20, 0.005)) * big,
        h * 0.125 * (0.6 + 0.4 * big),
    )
    arch = Ellipse(mid + 0.055 * w, apex + 0.2 * h, 0.05 * w * (1.5 if "tortuous" in shown else 1.0), 0.045 * h)
    return DemoAnatomy((width, height), mid, lungs, dome, heart, arch, seed)


def hull(*boxes: Corners) -> Corners:
    """The smallest box around all."""
    left, top, right, bottom = zip(*boxes, strict=True)
    return (min(left), min(top), max(right), max(bottom))


def region_box(thorax: DemoAnatomy, region: str) -> Corners:
    """The box of a trace's region, in pixels of the film."""
    lungs = (thorax.lung("right"), thorax.lung("left"))
    neck = (thorax.midline - 20, 20.0, thorax.midline + 20, 40.0)
    boxes: dict[str, tuple[Corners, ...]] = {
        "heart": (thorax.mediastinum(),),
        "lungs": lungs,
        "pleura": (thorax.base("right"), thorax.base("left")),
        "bones": (*lungs, neck),
    }
    width, height = thorax.size
    left, top, right, bottom = hull(*boxes[region])
    grow = 14 if region == "bones" else 6
    return (max(0.0, left - grow), max(0.0, top - grow), min(width, right + grow), min(height, bottom + grow))
