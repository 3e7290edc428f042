"""What takes the place of pixels: boxes filled from around them, one grey, JPEG and back."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image as Pillow

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Box, Image
from mmrad_eval.traces import rendering

LESION = (200, 150, 330, 260)
BOX = Box((200.0, 150.0, 330.0, 260.0))


def shown(image: Image) -> NDArray[np.float64]:
    return np.asarray(Pillow.open(io.BytesIO(rendering.load(image).data)), dtype=np.float64)


def saved(path: Path, array: NDArray[np.generic]) -> str:
    Pillow.fromarray(array.astype(np.uint8)).save(path)
    return str(path)


@pytest.fixture
def lesion(tmp_path: Path) -> Image:
    """Grain of 60, brighter to the right, with a bright lesion in a box of its own."""
    rng = np.random.default_rng(0)
    film = rng.normal(60, 6, (512, 640)) + np.linspace(0, 40, 640)
    left, top, right, bottom = LESION
    film[top:bottom, left:right] += 120
    return Image(saved(tmp_path / "lesion.png", film.clip(0, 255)), box=BOX, render="blurred")


def test_a_blurred_box_keeps_nothing_of_what_was_in_it(lesion: Image, tmp_path: Path) -> None:
    left, top, right, bottom = LESION
    film = np.array(Pillow.open(lesion.path))
    film[top:bottom, left:right] = np.random.default_rng(1).integers(0, 255, (bottom - top, right - left))
    other = Image(saved(tmp_path / "other.png", film), box=lesion.box, render="blurred")

    assert rendering.load(lesion).data == rendering.load(other).data


def test_a_blurred_box_looks_like_what_is_around_it_and_the_rest_stays(lesion: Image) -> None:
    left, top, right, bottom = LESION
    before, after = np.asarray(Pillow.open(lesion.path), dtype=float), shown(lesion)
    inside = after[top:bottom, left:right]
    around = np.linspace(60, 100, 640)[left:right]
    assert np.abs(inside - around).max() < 15  # the grain of the edges, spread into the box
    assert inside.std(axis=0).mean() < 4
    outside = np.ones(before.shape, bool)
    outside[top:bottom, left:right] = False
    assert np.array_equal(before[outside], after[outside])


def test_what_was_blurred_is_said_and_the_same_every_time(lesion: Image) -> None:
    assert rendering.load(lesion).how == "blurred/1 [200, 150, 330, 260]; png v1"
    assert rendering.load(lesion).data == rendering.load(lesion).data
    both = Image(
        lesion.path,
        render="blurred",
        parts=(Image(lesion.path, box=Box((0, 0, 50, 60))), Image(lesion.path, box=Box((600, 500, 640, 512)))),
    )
    assert rendering.load(both).how == "blurred/1 [0, 0, 50, 60] [600, 500, 640, 512]; png v1"


def test_two_boxes_are_filled_from_what_is_outside_of_both(lesion: Image) -> None:
    boxes = (Box((200, 150, 265, 260)), Box((265, 150, 330, 260)))  # the halves of the lesion touch
    halves = tuple(Image(lesion.path, box=box) for box in boxes)
    after = shown(Image(lesion.path, render="blurred", parts=halves))
    assert after[150:260, 200:330].max() < 120


def test_a_box_is_blurred_in_colour_and_from_every_frame(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    path = saved(tmp_path / "colour.png", rng.integers(90, 110, (300, 400, 3)))
    after = shown(Image(path, box=Box((0.25, 0.25, 0.5, 0.5), "norm_1"), render="blurred"))
    assert after.shape == (300, 400, 3)
    assert np.abs(after[75:150, 100:200] - 100).max() < 10


def test_a_whole_picture_can_not_be_blurred(lesion: Image) -> None:
    with pytest.raises(DataError, match="nothing surrounds it"):
        rendering.load(Image(lesion.path, box=Box((0, 0, 640, 512)), render="blurred"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 38), st.integers(0, 28), st.integers(2, 40), st.integers(2, 30))
def test_a_flat_picture_stays_flat_whatever_is_blurred(tmp_path: Path, left: int, top: int, w: int, h: int) -> None:
    path = saved(tmp_path / "flat.png", np.full((30, 40), 77))
    right, bottom = min(40, left + w), min(30, top + h)
    if (left, top, right, bottom) == (0, 0, 40, 30):
        return
    box = Box((float(left), float(top), float(right), float(bottom)))
    assert (shown(Image(path, box=box, render="blurred")) == 77).all()


def test_a_blank_picture_is_as_large_and_of_the_mean_grey(tmp_path: Path) -> None:
    path = saved(tmp_path / "half.png", np.repeat([[10, 51]], 8, axis=0).repeat(6, axis=1))
    found = rendering.load(Image(path, render="blank"))
    assert found.how == "blank/1 of grey 31; png v1"  # 30.5, rounded up
    assert np.array_equal(shown(Image(path, render="blank")), np.full((8, 12), 31))
    colour = saved(tmp_path / "colour.png", np.full((4, 4, 3), (10, 20, 30)))
    assert shown(Image(colour, render="blank"))[2, 2].tolist() == [10, 20, 30]


def test_a_picture_through_jpeg_changes_by_little_and_says_so(film: Path) -> None:
    found = rendering.load(Image(str(film), render="jpeg"))
    assert (found.media_type, found.how) == ("image/png", "jpeg/1; png v1")
    before, after = np.asarray(Pillow.open(film), dtype=float), shown(Image(str(film), render="jpeg"))
    assert 0 < np.abs(before - after).mean() < 3


def test_a_region_goes_through_jpeg_after_it_was_cut(film: Path) -> None:
    crop = Image(str(film), box=Box((100, 120, 500, 500)), render="crop")
    found = rendering.load(Image(str(film), render="jpeg", parts=(crop,)))
    assert found.how == "jpeg/1 of crop/1 [100, 120, 500, 500]; png v1"
    assert found.size == (400, 380)
    assert 0 < np.abs(shown(crop) - shown(Image(str(film), render="jpeg", parts=(crop,)))).mean() < 3
