"""Finding a cut region again, and knowing a foreign one."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mmrad_eval.core.values import Box, Image
from mmrad_eval.traces import matching, rendering

Cut = Callable[[Pillow.Image, tuple[int, int, int, int]], Pillow.Image]


def jpeg(pixels: Pillow.Image) -> Pillow.Image:
    target = io.BytesIO()
    pixels.save(target, "JPEG", quality=75)
    return Pillow.open(io.BytesIO(target.getvalue()))


def crop(picture: Pillow.Image, box: tuple[int, int, int, int]) -> Pillow.Image:
    return picture.crop(box)


def resized(picture: Pillow.Image, box: tuple[int, int, int, int]) -> Pillow.Image:
    return picture.crop(box).resize((336, 336), Pillow.Resampling.BICUBIC)


def halved(picture: Pillow.Image, box: tuple[int, int, int, int]) -> Pillow.Image:
    return picture.crop(box).reduce(2)


def masked(picture: Pillow.Image, box: tuple[int, int, int, int]) -> Pillow.Image:
    frame = Pillow.new(picture.mode, picture.size)
    frame.paste(picture.crop(box), box[:2])
    return frame


def masked_and_padded(picture: Pillow.Image, box: tuple[int, int, int, int]) -> Pillow.Image:
    square = Pillow.new(picture.mode, (max(picture.size),) * 2)
    at = (square.width - picture.width) // 2, (square.height - picture.height) // 2
    square.paste(masked(picture, box), at)
    return square.resize((512, 512), Pillow.Resampling.BILINEAR)


def at_quality_75(picture: Pillow.Image, box: tuple[int, int, int, int]) -> Pillow.Image:
    return jpeg(crop(picture, box))


def masked_at_quality_75(picture: Pillow.Image, box: tuple[int, int, int, int]) -> Pillow.Image:
    return jpeg(masked(picture, box))


CUTS: list[Cut] = [crop, resized, halved, masked, masked_and_padded, at_quality_75, masked_at_quality_75]


def off(match: matching.RegionMatch, box: tuple[int, int, int, int]) -> float:
    return max(abs(found - true) for found, true in zip(match.box.xyxy, box, strict=True))


@pytest.fixture(scope="module")
def radiographs(shared_data: Path) -> list[Pillow.Image]:
    found: list[Pillow.Image] = []
    for path in sorted((shared_data / "images").glob("*.png")):
        with Pillow.open(path) as opened:
            opened.load()
            found.append(opened)
    return found


@pytest.mark.shared
@pytest.mark.parametrize(
    ("number", "box"),
    [(0, (150, 80, 420, 420)), (1, (100, 300, 260, 420))],
    ids=["first-large", "second-small"],
)
@pytest.mark.parametrize("cut", CUTS)
def test_a_region_of_a_real_radiograph_is_found_within_two_pixels(
    radiographs: list[Pillow.Image], number: int, cut: Cut, box: tuple[int, int, int, int]
) -> None:
    match = matching.locate(cut(radiographs[number], box), radiographs[number])
    assert match.found, match
    assert off(match, box) <= 2.0


@pytest.mark.shared
@pytest.mark.parametrize("cut", [crop, resized, masked, at_quality_75])
@pytest.mark.parametrize("number", [0, 1])
def test_a_region_of_another_patient_is_foreign(radiographs: list[Pillow.Image], number: int, cut: Cut) -> None:
    for box in ((150, 80, 420, 420), (250, 200, 320, 260)):
        foreign = matching.locate(cut(radiographs[1 - number], box), radiographs[number])
        assert not foreign.found, foreign


@pytest.mark.shared
@pytest.mark.parametrize("cut", [crop, masked])
def test_a_foreign_region_is_not_found_squeezed_into_a_strip(radiographs: list[Pillow.Image], cut: Cut) -> None:
    foreign = matching.locate(cut(radiographs[0], (175, 19, 403, 466)), radiographs[1])
    left, top, right, bottom = foreign.box.xyxy
    assert 1 / 1.8 <= (right - left) / (bottom - top) * 447 / 228 <= 1.8
    assert foreign.score < 0.7


@pytest.mark.shared
def test_a_foreign_region_shows_nothing_of_its_stated_box(radiographs: list[Pillow.Image]) -> None:
    overlap, _ = matching.fidelity(radiographs[1].crop((150, 80, 420, 420)), radiographs[0], Box((150, 80, 420, 420)))
    assert overlap == 0.0


@pytest.mark.parametrize("cut", CUTS)
def test_a_region_of_a_drawn_film_is_found_within_two_pixels(film: Path, cut: Cut) -> None:
    with Pillow.open(film) as picture:
        match = matching.locate(cut(picture, (210, 100, 470, 330)), picture)
    assert match.found, match
    assert off(match, (210, 100, 470, 330)) <= 2.0


@pytest.mark.parametrize("render", ["crop", "masked", "highlighted"])
def test_what_the_renderer_draws_is_where_it_says(film: Path, render: str) -> None:
    box = Box((60, 70, 200, 240), "pad_square_336")
    drawn = rendering.load(Image(str(film), box=box, render=render))
    with Pillow.open(film) as picture:
        overlap, match = matching.fidelity(Pillow.open(io.BytesIO(drawn.data)), picture, box)
    assert match.found
    assert match.kind == render
    assert overlap > 0.97


def test_a_region_that_shows_another_place_is_found_there_and_overlaps_little(film: Path) -> None:
    with Pillow.open(film) as picture:
        overlap, match = matching.fidelity(picture.crop((300, 200, 500, 400)), picture, Box((100, 100, 320, 300)))
    assert match.found
    assert off(match, (300, 200, 500, 400)) <= 2.0
    assert overlap < 0.1


def test_noise_is_foreign_and_an_empty_region_is_flat(film: Path) -> None:
    noise = np.random.default_rng(1).normal(120, 40, (200, 200)).clip(0, 255).astype(np.uint8)
    with Pillow.open(film) as picture:
        assert not matching.locate(Pillow.fromarray(noise), picture).found
        for blank in (Pillow.new("L", (200, 200)), Pillow.new("L", (2, 300), 9), Pillow.new("RGB", (64, 64), "white")):
            match = matching.locate(blank, picture)
            assert (match.kind, match.found, match.score) == ("flat", False, 0.0)


def test_a_stated_box_that_holds_finds_what_a_free_search_finds(film: Path) -> None:
    box = (210, 100, 470, 330)
    with Pillow.open(film) as picture:
        region = picture.crop(box)
        found = matching.locate(region, picture)
        same = matching.locate(region, picture, Box(box))
    assert off(same, box) <= off(found, box) + 0.5


def test_dark_margins_of_the_picture_itself_belong_to_a_crop(film: Path) -> None:
    with Pillow.open(film) as opened:
        picture = masked(opened, (120, 90, 560, 450))  # a film with black borders
    box = (60, 40, 400, 330)
    match = matching.locate(picture.crop(box), picture)
    assert (match.kind, match.found) == ("crop", True)
    assert off(match, box) <= 2.0


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P", "I;16"])
def test_any_mode_of_pixels_is_read(film: Path, mode: str) -> None:
    with Pillow.open(film) as picture:
        region = picture.crop((210, 100, 470, 330))
        other = Pillow.fromarray(np.asarray(region).astype(np.uint16) * 257) if mode == "I;16" else region.convert(mode)
        assert matching.locate(other, picture, Box((210, 100, 470, 330))).found
