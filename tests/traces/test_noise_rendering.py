"""Noise in place of a picture, blank parts, and crops in the sizes that dialects of looks show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Box, Image
from mmrad_eval.traces.rendering import Rendered, load


@pytest.fixture
def film(tmp_path: Path) -> Image:
    rng = np.random.default_rng(3)
    smooth = np.cumsum(np.cumsum(rng.standard_normal((300, 400)), 0), 1)
    scaled = (smooth - smooth.min()) / (smooth.max() - smooth.min()) * 160 + 40
    Pillow.fromarray(scaled.astype(np.uint8)).save(tmp_path / "film.png")
    return Image(str(tmp_path / "film.png"), size=(400, 300), box=Box((50.0, 40.0, 250.0, 240.0)), render="crop")


def pixels(rendered: Rendered) -> np.ndarray:
    import io

    return np.asarray(Pillow.open(io.BytesIO(rendered.data)).convert("L"), dtype=float)


def of(image: Image, render: str) -> Image:
    return Image(image.path, box=image.box, render=render, parts=(image,), size=image.size)


def test_noise_has_the_mean_contrast_and_spectrum_of_the_crop_and_nothing_of_its_picture(film: Image) -> None:
    crop, noise = load(film), load(of(film, "noise"))
    a, b = pixels(crop), pixels(noise)

    assert noise.size == crop.size
    assert "noise/1 of crop/1 [50, 40, 250, 240]" in noise.how
    assert abs(a.mean() - b.mean()) < 3
    assert 0.8 < b.std() / a.std() < 1.2
    power = [np.log1p(np.abs(np.fft.fft2(one))[:20, :20]).ravel()[1:] for one in (a, b)]
    assert np.corrcoef(power)[0, 1] > 0.9
    assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.75
    assert load(of(film, "noise")).data == noise.data


def test_a_blank_part_has_the_size_and_the_mean_of_the_crop(film: Image) -> None:
    crop, blank = load(film), load(of(film, "blank"))

    assert blank.size == crop.size
    assert pixels(blank).std() == 0
    assert abs(pixels(blank).mean() - pixels(crop).mean()) <= 1


@pytest.mark.parametrize(
    ("frame", "size"),
    [("multiples_28:3136-12845056", (196, 196)), ("multiples_32:262144-16777216", (512, 512))],
)
@pytest.mark.parametrize("how", ["crop", "full"])
def test_a_region_is_resized_as_the_dialect_shows_it(film: Image, frame: str, size: tuple[int, int], how: str) -> None:
    shown = load(Image(film.path, box=film.box, render=f"{how}@{frame}", size=film.size))

    assert shown.size == size
    assert f"resized to {size[0]} x {size[1]}" in shown.how


def test_an_unknown_rendering_is_refused(film: Image) -> None:
    with pytest.raises(DataError, match="no rendering is called"):
        load(Image(film.path, box=film.box, render="zoom@multiples_28:1-2"))
    with pytest.raises(DataError, match="frame"):
        load(Image(film.path, box=film.box, render="crop@norm_1"))
