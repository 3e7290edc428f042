"""All values of radiographs of more than 8 bits, and the window that models see them through."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from mmrad_eval.traces import decoding, deep, rendering
from mmrad_eval.traces.deep import Deep

RAMP = (np.arange(64 * 48).reshape(48, 64) * 21).astype(np.uint16)
"""Every value its own, up to 64,491."""


def values_of(found: Deep) -> NDArray[np.float64]:
    return found.first + found.step * found.codes.astype(np.float64)


def as_models_see(found: Deep) -> NDArray[np.uint8]:
    low, high = found.window
    share = np.clip((found.codes - low) / (high - low), 0, 1)
    shades: NDArray[np.uint8] = np.floor(255 * share + 0.5).astype(np.uint8)
    return shades


def saved(path: Path, values: NDArray[np.generic]) -> Path:
    Pillow.fromarray(values).save(path)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_every_value_of_sixteen_bits_is_kept(tmp_path: Path, name: str) -> None:
    found = deep.read(str(saved(tmp_path / name, RAMP)))

    assert found is not None
    assert (values_of(found) == RAMP).all()
    assert (found.step, found.most) == (1.0, int(RAMP.max()))


@pytest.mark.parametrize("top", [900, 4095, 64000])
def test_its_window_gives_what_models_see(tmp_path: Path, top: int) -> None:
    path = saved(tmp_path / "a.png", (RAMP.astype(np.float64) / RAMP.max() * top + 30).astype(np.uint16))

    found = deep.read(str(path))

    assert found is not None
    seen, _ = decoding.decode(path.read_bytes(), str(path))
    assert (as_models_see(found) == np.asarray(seen)).all()


def test_fractions_are_spread_over_sixteen_bits(tmp_path: Path) -> None:
    values = np.linspace(-0.25, 0.75, 3072, dtype=np.float32).reshape(48, 64)

    found = deep.read(str(saved(tmp_path / "a.tif", values)))

    assert found is not None
    assert found.most == deep.MOST
    assert np.abs(values_of(found) - values).max() <= 0.5 / deep.MOST + 1e-7


@pytest.mark.parametrize("values", [RAMP.astype(np.uint8), np.full((8, 8), 200, np.uint16)])
def test_where_eight_bits_hold_all_there_is_nothing(tmp_path: Path, values: NDArray[np.generic]) -> None:
    assert deep.read(str(saved(tmp_path / "a.png", values))) is None


def test_colors_are_no_values_to_window(tmp_path: Path) -> None:
    Pillow.new("RGB", (9, 9), (9, 99, 200)).save(tmp_path / "a.tif")

    assert deep.read(str(tmp_path / "a.tif")) is None


def test_it_lies_as_the_picture_lies_that_is_turned_by_its_tag(tmp_path: Path) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    Pillow.fromarray(RAMP).save(tmp_path / "a.png", exif=exif)

    found = deep.read(str(tmp_path / "a.png"))

    assert found is not None
    assert (values_of(found) == np.rot90(RAMP, -1)).all()


def test_it_shrinks_to_the_size_of_the_picture_beside_it(tmp_path: Path) -> None:
    path = str(saved(tmp_path / "a.png", np.kron(RAMP, np.ones((3, 3), np.uint16))))

    found = deep.read(path, 100)

    assert found is not None
    small, _ = decoding.decode(Path(path).read_bytes(), path)
    assert found.codes.shape[::-1] == rendering.shrunk(small, 100).size
    assert int(found.codes.max()) <= found.most


def test_high_and_low_bytes_lie_above_each_other_in_a_picture_of_eight_bits(tmp_path: Path) -> None:
    found = deep.read(str(saved(tmp_path / "a.png", RAMP)))

    assert found is not None
    made = Pillow.open(io.BytesIO(found.as_png()))
    assert (made.mode, made.size) == ("L", (64, 96))
    high, low = np.split(np.asarray(made).astype(np.uint16), 2)
    assert ((high << 8 | low) == RAMP).all()
