"""The words of ``draw`` in studies.toml: what each puts on a film.

Words are ``name``, ``name:side`` or ``name:side:where``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mmrad_eval.datasets.demo.anatomy import DemoAnatomy, Ellipse, Side
from mmrad_eval.datasets.demo.film import Film, Patch, step

Brush = Callable[[Film, DemoAnatomy, list[str]], None]


def draw(film: Film, a: DemoAnatomy, shown: list[str]) -> None:
    """Put every finding of ``shown`` on a frontal film; KeyError for a word without a brush."""
    for word in shown:
        name, *rest = word.split(":")
        BRUSHES[name](film, a, rest)


def _side(rest: list[str]) -> Side:
    return "right" if rest[0] == "right" else "left"


def _effusion(film: Film, a: DemoAnatomy, rest: list[str]) -> None:
    """Fluid over the dome that climbs along the wall: the meniscus."""
    side = _side(rest)
    lung = a.lungs[side]
    outwards = -1.0 if side == "right" else 1.0
    deep = 92.0 if rest[1] == "moderate" else 34.0
    inside = film.ellipse(lung, 6.0)
    rows, columns = inside.window
    wall = np.clip(outwards * (film.x[:, columns] - lung.x) / lung.rx, -1.0, 1.0)
    level = a.dome[side] + 14.0 - deep * (0.55 + 0.45 * wall * np.abs(wall)) - 10.0 * wall
    film.blend(Patch(inside.window, inside.share * step(film.y[rows] - level, 10.0)), 172.0, 0.95)


def _opacity(film: Film, a: DemoAnatomy, rest: list[str]) -> None:
    zone = a.zone(_side(rest), rest[1])
    dense = rest[2:] == ["dense"]
    cloud = film.blob(zone, 1.7 if dense else 1.1) * (0.85 + 0.15 * film.noise(14, 21))
    film.blend(cloud, 164.0, 0.9 if dense else 0.5)


def _pneumothorax(film: Film, a: DemoAnatomy, rest: list[str]) -> None:
    """Black between the wall and a thin pleural line around the apex."""
    lung = a.lungs[_side(rest)]
    away = 30.0 if rest[1] == "moderate" else 14.0
    inwards = 1.0 if lung.x < a.midline else -1.0
    shrunk = Ellipse(lung.x + inwards * away / 2, lung.y + away, lung.rx - away / 2, lung.ry - away / 3)
    upper = step(lung.y + 0.1 * lung.ry - film.y, 90.0) + np.zeros_like(film.x)
    kept = np.zeros_like(film.light)
    patch = film.ellipse(shrunk, 3.0)
    kept[patch.window] = patch.share
    film.blend(film.ellipse(lung, 5.0) * (1.0 - kept) * upper, 20.0, 0.8)
    film.add(film.ring(Ellipse(shrunk.x, shrunk.y, shrunk.rx + 1.5, shrunk.ry + 1.5), 2.0) * upper, 60.0)


def _tube(film: Film, a: DemoAnatomy, rest: list[str]) -> None:
    lung = a.lungs[_side(rest)]
    outwards = -1.0 if lung.x < a.midline else 1.0
    film.add(
        film.stroke(lung.x + outwards * 1.5 * lung.rx, lung.y + 30, lung.x, lung.y - 0.6 * lung.ry, 7.0, 18.0), 60.0
    )


def _atelectasis(film: Film, a: DemoAnatomy, rest: list[str]) -> None:
    """Two bands above the dome."""
    side = _side(rest)
    lung = a.lungs[side]
    for number, lift in enumerate((46.0, 62.0)):
        y = a.dome[side] - lift
        film.add(film.stroke(lung.x - 0.6 * lung.rx, y, lung.x + 0.6 * lung.rx, y + 6 - 4 * number, 5.0, 3.0), 66.0)


def _edema(film: Film, a: DemoAnatomy, _: list[str]) -> None:
    """Haze around both hila, like the wings of a bat."""
    mottle = 0.8 + 0.2 * film.noise(10, 23)
    for lung in a.lungs.values():
        inwards = 1.0 if lung.x < a.midline else -1.0
        wing = Ellipse(lung.x + inwards * 0.3 * lung.rx, lung.y, 1.0 * lung.rx, 0.6 * lung.ry)
        film.blend(film.blob(wing, 1.2) * mottle, 158.0, 0.8)


def _nodule(film: Film, a: DemoAnatomy, rest: list[str]) -> None:
    zone = a.zone(_side(rest), rest[1])
    film.add(film.ellipse(Ellipse(zone.x, zone.y + 12, 11.0, 10.0), 5.0), 70.0)


def _scar(film: Film, a: DemoAnatomy, rest: list[str]) -> None:
    zone = a.zone(_side(rest), rest[1])
    for turn in (-8.0, 2.0, 10.0):
        film.add(film.stroke(zone.x - 18, zone.y + turn, zone.x + 20, zone.y - turn, 2.4, 3.0), 52.0)


def _pacemaker(film: Film, a: DemoAnatomy, _: list[str]) -> None:
    """A box under the left clavicle and a lead into the right ventricle."""
    lung = a.lungs["left"]
    x, y = lung.x + 0.55 * lung.rx, lung.y - 0.62 * lung.ry
    film.blend(film.ellipse(Ellipse(x, y, 24.0, 18.0), 3.0), 250.0)
    film.blend(film.stroke(x - 14, y - 10, a.midline + 4, a.arch.y - 14, 3.0, 12.0), 245.0)
    film.blend(film.stroke(a.midline + 4, a.arch.y - 14, a.midline - 10, a.heart.y, 3.0, 8.0), 245.0)
    film.blend(film.stroke(a.midline - 10, a.heart.y, a.heart.x + 6, a.heart.y + 0.45 * a.heart.ry, 3.0, -6.0), 245.0)


def _line(film: Film, a: DemoAnatomy, _: list[str]) -> None:
    lung = a.lungs["right"]
    film.blend(film.stroke(lung.x, lung.y - 1.12 * lung.ry, a.midline - 16, a.arch.y + 4, 3.0, 8.0), 224.0)
    film.blend(film.stroke(a.midline - 16, a.arch.y + 4, a.midline - 18, a.arch.y + 62, 3.0), 224.0)


def _ett(film: Film, a: DemoAnatomy, _: list[str]) -> None:
    for offset in (-4.0, 3.0):
        film.blend(film.stroke(a.midline + offset, 0.0, a.midline + offset, a.arch.y - 16, 1.8), 226.0)


def _wires(film: Film, a: DemoAnatomy, _: list[str]) -> None:
    for number in range(5):
        y = a.arch.y + 12 + 34.0 * number
        film.blend(film.ring(Ellipse(a.midline, y, 8.0, 5.0), 2.5), 250.0)


def _wide(film: Film, a: DemoAnatomy, _: list[str]) -> None:
    top = Ellipse(a.midline + 4, a.arch.y - 6, 0.14 * a.size[0], 0.13 * a.size[1])
    film.blend(film.ellipse(top, 12.0), 174.0, 0.85)


def _nothing(film: Film, a: DemoAnatomy, rest: list[str]) -> None:
    """Moves the anatomy alone, which it already has (``anatomy.anatomy``)."""


BRUSHES: dict[str, Brush] = {
    "atelectasis": _atelectasis,
    "cardiomegaly": _nothing,
    "edema": _edema,
    "effusion": _effusion,
    "elevated": _nothing,
    "ett": _ett,
    "hyperinflation": _nothing,
    "line": _line,
    "nodule": _nodule,
    "opacity": _opacity,
    "pacemaker": _pacemaker,
    "pneumothorax": _pneumothorax,
    "scar": _scar,
    "tortuous": _nothing,
    "tube": _tube,
    "wide": _wide,
    "wires": _wires,
}
