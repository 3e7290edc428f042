"""Pictures: untouched where they may be, re-encoded where a limit forces it, and that is told."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mmrad_eval.core.contracts import Client, PreparedRequest, is_client
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.journal import Journal
from mmrad_eval.core.values import Box, Card, Image, Reply
from mmrad_eval.harness.images import ImageLoader, Limits, Loaded, limits_of
from mmrad_eval.model_registry import resolve


def noise(path: Path, size: tuple[int, int] = (300, 200)) -> Image:
    Pillow.fromarray(np.random.default_rng(1).integers(0, 255, (size[1], size[0]), dtype=np.uint8)).save(path)
    return Image(path=str(path), name=path.name)


def loaded(image: Image, limits: Limits) -> Loaded:
    pictures = ImageLoader()
    try:
        return asyncio.run(pictures.load([image], limits))[image]
    finally:
        pictures.close()


def test_a_file_within_every_limit_is_sent_as_it_is(tmp_path: Path) -> None:
    image = noise(tmp_path / "a.png")
    one = loaded(image, Limits(max_edge=300, max_bytes=10**6))

    assert one.data == Path(image.path).read_bytes()
    assert (one.media_type, one.mark.how) == ("image/png", "file")


def test_a_side_that_is_too_long_is_shrunk_and_that_is_told(tmp_path: Path) -> None:
    assert "shrunk to 150 x 100" in loaded(noise(tmp_path / "a.png"), Limits(max_edge=150)).mark.how


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
@pytest.mark.parametrize("most", [30_000, 9_000])
def test_a_file_of_too_many_bytes_becomes_one_of_fewer_and_that_is_told(tmp_path: Path, name: str, most: int) -> None:
    image = noise(tmp_path / name)
    before = Path(image.path).stat().st_size
    one = loaded(image, Limits(max_bytes=most))

    assert len(one.data) <= most < before
    assert one.mark.how.startswith(f"{before:,} bytes, of which the endpoint takes {most:,}; ")
    assert one.media_type == "image/jpeg"


@pytest.mark.parametrize("size", [(300, 200), (1500, 1000)])
def test_a_file_is_the_same_whether_it_lies_in_memory_or_a_thread_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    image = noise(tmp_path / "a.png", size)
    found = loaded(image, Limits())
    monkeypatch.delattr("os.RWF_NOWAIT", raising=False)  # as on other systems than Linux

    assert loaded(image, Limits()) == found
    assert found.data == Path(image.path).read_bytes()


def test_a_limit_that_nothing_fits_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="can't be reduced to the 10"):
        loaded(noise(tmp_path / "a.png"), Limits(max_bytes=10))


def test_what_is_remembered_depends_on_file_rendering_and_limits(tmp_path: Path) -> None:
    image = noise(tmp_path / "a.png")
    crop = Image(path=image.path, name=image.name, render="crop", box=Box((0, 0, 50, 50)))
    plain, small = Limits(), Limits(max_edge=100)
    with Journal(tmp_path / "digests") as memory:
        pictures = ImageLoader(memory)
        whole = asyncio.run(pictures.load([image], plain))[image]
        assert pictures.known([image], plain) == {image: whole.mark}
        assert pictures.known([crop], plain) is None
        assert pictures.known([image], small) is None
        noise(tmp_path / "a.png", (301, 200))
        assert pictures.known([image], plain) is None
        pictures.close()


def test_each_picture_is_loaded_once_and_all_that_fail_are_waited_for(tmp_path: Path) -> None:
    good, gone = noise(tmp_path / "a.png"), Image(path=str(tmp_path / "gone.png"))
    pictures = ImageLoader()
    assert list(asyncio.run(pictures.load([good, good], Limits()))) == [good]
    with pytest.raises(DataError, match=r"gone\.png"):
        asyncio.run(pictures.load([gone, good, gone], Limits()))
    pictures.close()


class Mine(Client):
    card = Card(provider="mine", id="m", formats=("image/png",))
    max_edge = 512

    def generate(self, sent: PreparedRequest) -> Reply:
        return Reply(text=sent.key)


def client(spec: str) -> Client:
    found = resolve(spec, base_url=["http://127.0.0.1:9"])
    assert is_client(found)
    return found


def test_limits_are_the_client_s_own() -> None:
    claude, gemini, openai = (client(f"{name}:m") for name in ("anthropic", "gemini", "openai"))
    assert limits_of(claude, 20).max_edge == 8000
    assert limits_of(claude, 21).max_edge == 2000
    assert (limits_of(claude, 1).max_bytes or 0) < 5_000_000
    assert (limits_of(claude, 20).max_bytes or 0) * 20 * 4 / 3 < 32_000_000
    assert limits_of(gemini, 4).max_bytes == 3_562_500
    assert limits_of(openai, 4).max_bytes is None  # a host of one's own
    assert limits_of(Mine(), 1) == Limits(("image/png",), 512, None)
