"""Boxes around what is drawn on a film, as a reader would draw them: of each word of ``draw`` in studies.toml."""

from __future__ import annotations

from collections.abc import Iterator

from mmrad_eval.datasets.demo.anatomy import Corners, DemoAnatomy, Side

LABELS = {
    "atelectasis": "Atelectasis",
    "cardiomegaly": "Cardiomegaly",
    "edema": "Pulmonary edema",
    "effusion": "Pleural effusion",
    "nodule": "Nodule",
    "opacity": "Opacity",
    "pneumothorax": "Pneumothorax",
    "scar": "Scarring",
}
"""Word -> what a reader calls it. Lines, tubes and what only moves the anatomy are not boxed."""


def finding_boxes(a: DemoAnatomy, shown: list[str]) -> Iterator[tuple[str, Corners]]:
    """Label and box, in whole pixels inside the film, of each finding of ``shown``."""
    width, height = a.size
    for word in shown:
        name, *rest = word.split(":")
        for left, top, right, bottom in _around(a, name, rest) if name in LABELS else ():
            yield (
                LABELS[name],
                (
                    float(max(0, round(left))),
                    float(max(0, round(top))),
                    float(min(width, round(right))),
                    float(min(height, round(bottom))),
                ),
            )


def _around(a: DemoAnatomy, name: str, rest: list[str]) -> Iterator[Corners]:
    if name == "cardiomegaly":
        yield a.heart.corners
        return
    if name == "edema":
        for lung in a.lungs.values():
            inwards = 1.0 if lung.x < a.midline else -1.0
            x = lung.x + inwards * 0.3 * lung.rx
            yield (x - lung.rx, lung.y - 0.6 * lung.ry, x + lung.rx, lung.y + 0.6 * lung.ry)
        return
    side: Side = "right" if rest[0] == "right" else "left"
    lung, dome = a.lungs[side], a.dome[side]
    if name == "effusion":
        high = 88.0 if rest[1] == "moderate" else 28.0
        yield (lung.x - lung.rx, dome - high, lung.x + lung.rx, lung.y + lung.ry)
    elif name == "pneumothorax":
        yield (lung.x - lung.rx, lung.y - lung.ry, lung.x + lung.rx, lung.y + 0.2 * lung.ry)
    elif name == "atelectasis":
        yield (lung.x - 0.65 * lung.rx, dome - 72.0, lung.x + 0.65 * lung.rx, dome - 36.0)
    else:
        zone = a.zone(side, rest[1])
        if name == "nodule":
            yield (zone.x - 16.0, zone.y - 4.0, zone.x + 16.0, zone.y + 28.0)
        elif name == "scar":
            yield (zone.x - 24.0, zone.y - 16.0, zone.x + 26.0, zone.y + 16.0)
        else:
            yield zone.corners
