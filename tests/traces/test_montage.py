"""Several pictures on one canvas: whole, labelled, the same every time."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Box, Image
from mmrad_eval.traces import matching, montage, rendering


def test_letters_go_on_after_z() -> None:
    assert [montage.label(i) for i in (0, 1, 25, 26, 52)] == ["A", "B", "Z", "A1", "A2"]


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_every_panel_is_there_and_none_overlaps(count: int) -> None:
    panels = [Pillow.new("L", (200 + 10 * i, 100), 60 + 30 * i) for i in range(count)]
    canvas = np.asarray(montage.compose(panels))
    for i, panel in enumerate(panels):
        assert int((canvas == 60 + 30 * i).sum()) >= 0.99 * panel.width * panel.height
    strips = canvas[montage.GAP : montage.GAP + montage.STRIP - 2]
    assert strips.max() == 255  # the first letters


def test_colour_makes_the_canvas_colour_and_large_panels_are_shrunk() -> None:
    assert montage.compose([Pillow.new("L", (9, 9)), Pillow.new("L", (9, 9))]).mode == "L"
    canvas = montage.compose([Pillow.new("RGB", (3000, 1500), "red")])
    assert canvas.mode == "RGB"
    assert canvas.size == (montage.CELL + 2 * montage.GAP, montage.CELL // 2 + 2 * montage.GAP + montage.STRIP)


def test_a_montage_is_rendered_from_its_parts_and_says_how(film: Path) -> None:
    box = Box((210, 100, 470, 330))
    whole, cut = Image(str(film)), Image(str(film), role="region", box=box, render="crop")
    image = Image(str(film), render="montage", parts=(whole, cut))
    first, second = rendering.load(image), rendering.load(image)
    assert first == second
    assert first.how == "montage/1 of file | crop/1 [210, 100, 470, 330], enlarged to 336 x 297; png v1".replace(
        "], enlarged", "] enlarged"
    )
    canvas = Pillow.open(io.BytesIO(first.data))
    assert canvas.size == first.size
    with Pillow.open(film) as picture:
        assert matching.locate(picture, canvas).found


def test_a_montage_without_parts_and_one_with_a_broken_part_are_refused(film: Path) -> None:
    with pytest.raises(DataError, match="has no parts"):
        rendering.load(Image(str(film), render="montage"))
    broken = Image(str(film), box=Box((9, 9, 1, 1)), render="crop")
    with pytest.raises(DataError, match="reversed"):
        rendering.load(Image(str(film), render="montage", parts=(Image(str(film)), broken)))
