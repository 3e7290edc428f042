"""What is sent of an image: its own bytes, or a part that is drawn the same way every time."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Box, Image
from mmrad_eval.traces import decoding, geometry, rendering

BOX = Box((100, 120, 500, 500))


def pixels(rendered: rendering.Rendered) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.asarray(Pillow.open(io.BytesIO(rendered.data)))


def drawn(film: Path, render: str, box: Box | None = BOX) -> rendering.Rendered:
    return rendering.load(Image(str(film), box=box, render=render))


def test_a_file_passes_through_untouched(film: Path) -> None:
    found = rendering.load(Image(str(film)))
    assert found.data == film.read_bytes()
    assert (found.media_type, found.how, found.size) == ("image/png", "file", (640, 512))


def test_the_media_type_comes_from_the_bytes_and_not_from_the_name(film: Path, tmp_path: Path) -> None:
    path = tmp_path / "named.png"
    Pillow.open(film).save(path, "JPEG")
    found = rendering.load(Image(str(path)))
    assert (found.media_type, found.data, found.how) == ("image/jpeg", path.read_bytes(), "file")


def test_a_box_that_a_record_states_does_not_touch_the_file(film: Path) -> None:
    assert rendering.load(Image(str(film), box=Box((9, 9, 1, 1)))).data == film.read_bytes()


def test_a_crop_has_the_pixels_of_its_box(film: Path) -> None:
    found = drawn(film, "crop")
    assert np.array_equal(pixels(found), np.asarray(Pillow.open(film))[120:500, 100:500])
    assert found.how == "crop/1 [100, 120, 500, 500]; png v1"


@pytest.mark.parametrize("frame", ["pad_square_336", "norm_1", "norm_1000", "bins_100", "resized:812x1036"])
def test_a_crop_is_the_same_from_every_frame(film: Path, frame: str) -> None:
    other = geometry.convert(BOX, frame, (640, 512))
    assert drawn(film, "crop", other).data == drawn(film, "crop").data


def test_a_masked_frame_keeps_the_box_and_blackens_the_rest(film: Path) -> None:
    found = pixels(drawn(film, "masked"))
    original = np.asarray(Pillow.open(film))
    assert found.shape == original.shape
    assert np.array_equal(found[120:500, 100:500], original[120:500, 100:500])
    found = found.copy()
    found[120:500, 100:500] = 0
    assert not found.any()


def test_a_highlighted_frame_differs_only_on_the_outline(film: Path) -> None:
    found = pixels(drawn(film, "highlighted"))
    original = np.asarray(Pillow.open(film).convert("RGB"))
    changed = np.argwhere((found != original).any(axis=2))
    assert changed.min(axis=0).tolist() == [120, 100]
    assert changed.max(axis=0).tolist() == [499, 499]
    assert np.array_equal(found[124:496, 104:496], original[124:496, 104:496])
    assert found[120, 300].tolist() == [255, 0, 0]


def test_the_whole_picture_takes_as_many_pixels_as_the_crop(film: Path) -> None:
    whole, crop = drawn(film, "full"), drawn(film, "crop")
    assert whole.size == crop.size == (400, 380)
    assert not pixels(whole)[:20].any()  # letterboxed: 640 x 512 in 400 x 380 is 400 x 320 with bars of 30
    tiny = Box((10, 10, 40, 60))
    assert drawn(film, "full", tiny).size == drawn(film, "crop", tiny).size


@pytest.mark.parametrize(
    ("box", "size", "words"),
    [
        (Box((0, 0, 336, 100)), (336, 100), "[0, 0, 336, 100]; png"),
        (Box((0, 0, 335, 100)), (336, 100), "enlarged to 336 x 100"),
        (Box((0, 0, 84, 168)), (168, 336), "enlarged to 168 x 336"),
        (Box((5, 5, 6, 6)), (336, 336), "enlarged to 336 x 336"),
        (Box((0, 7, 400, 12)), (400, 28), "with bars to 400 x 28"),
        (Box((3, 0, 5, 100)), (28, 336), "enlarged to 7 x 336 with bars to 28 x 336"),
    ],
)
def test_tiny_crops_follow_the_one_rule(film: Path, box: Box, size: tuple[int, int], words: str) -> None:
    found = drawn(film, "crop", box)
    assert found.size == size == pixels(found).shape[::-1]
    assert words in found.how


def test_letterbox_padding_inside_a_box_is_shown_black(film: Path) -> None:
    # 640 x 512 in a square of 336: 33.6 rows of padding above and below
    found = pixels(drawn(film, "crop", Box((0, 0, 336, 336), "pad_square_336")))
    assert found.shape == (640, 640)
    assert not found[:63].any()
    assert np.array_equal(found[64:576], np.asarray(Pillow.open(film)))


@pytest.mark.parametrize(
    ("box", "message"),
    [
        (None, "needs a box"),
        (Box((50, 10, 20, 60)), "reversed"),
        (Box((50, 10, 50, 60)), "empty"),
        (Box((600, 400, 700, 500)), "outside"),
        (Box((10, 2, 90, 20), "pad_square_336"), "wholly in the padding"),
        (Box((10, 2, 90, 20), "square"), "unknown frame"),
        (Box((100, 200, 500, 900), "norm_1"), "could be norm_1000"),
    ],
)
@pytest.mark.parametrize("render", ["crop", "masked", "highlighted", "full"])
def test_a_box_that_can_not_be_drawn_is_refused_by_name(film: Path, render: str, box: Box | None, message: str) -> None:
    with pytest.raises(DataError, match=message):
        drawn(film, render, box)


def test_an_unknown_rendering_is_refused(film: Path) -> None:
    with pytest.raises(DataError, match=r"'zoom'.*known: file, crop"):
        drawn(film, "zoom")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), render=st.sampled_from(["crop", "masked", "highlighted", "full"]))
def test_the_same_input_gives_the_same_bytes_within_the_limits(film: Path, data: st.DataObject, render: str) -> None:
    x1, y1 = data.draw(st.floats(0, 638)), data.draw(st.floats(0, 510))
    x2, y2 = data.draw(st.floats(max(1.5, x1 + 0.01), 640)), data.draw(st.floats(y1 + 0.01, 512))
    box = Box((x1, y1, x2, y2))
    first, second = drawn(film, render, box), drawn(film, render, box)
    assert first == second
    assert first.size == pixels(first).shape[1::-1]
    assert min(first.size) >= rendering.SMALLEST_SIDE


def test_sixteen_bit_png_is_sent_with_eight_and_says_so(film: Path, tmp_path: Path) -> None:
    original = np.asarray(Pillow.open(film))
    deep = tmp_path / "deep.png"
    Pillow.fromarray(original.astype(np.uint16) * 257).save(deep)
    found = rendering.load(Image(str(deep)))
    assert np.array_equal(pixels(found), original)
    assert found.how == "16-bit to 8-bit grey, 16 bits in use; png v1"
    twelve = tmp_path / "twelve.png"
    Pillow.fromarray((original.astype(np.float64) * 4095 / 255).round().astype(np.uint16)).save(twelve)
    found = rendering.load(Image(str(twelve)))
    assert "12 bits in use" in found.how
    assert np.abs(pixels(found).astype(int) - original).max() <= 1


@pytest.mark.parametrize("kind", ["TIFF", "BMP", "WEBP", "GIF"])
def test_formats_that_the_model_does_not_accept_become_png(film: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "film"
    Pillow.open(film).save(path, kind, lossless=True)
    found = rendering.load(Image(str(path)))
    assert found.media_type == "image/png"
    assert f"image/{kind.lower()} not accepted" in found.how
    assert found.size == rendering.size_of(str(path)) == (640, 512)
    assert np.abs(pixels(found).astype(int).reshape(512, 640, -1)[..., 0] - np.asarray(Pillow.open(film))).max() <= 2


def test_a_model_that_takes_jpeg_alone_gets_jpeg(film: Path) -> None:
    found = rendering.load(Image(str(film)), accepts=("image/jpeg",))
    assert found.media_type == "image/jpeg"
    assert found.how == "image/png not accepted; jpeg 95 v1"
    with pytest.raises(DataError, match="accepts image/webp"):
        rendering.load(Image(str(film)), accepts=("image/webp",))


def test_a_turned_photograph_is_sent_upright_and_measured_upright(film: Path, tmp_path: Path) -> None:
    upright = Pillow.open(film)
    exif = Pillow.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 270 degrees to store
    for name in ("turned.jpg", "turned.png"):
        path = tmp_path / name
        upright.transpose(Pillow.Transpose.ROTATE_90).save(path, exif=exif, quality=95)
        found = rendering.load(Image(str(path)))
        assert found.size == rendering.size_of(str(path)) == (640, 512)
        assert found.how == "turned upright by EXIF; png v1"
        assert np.abs(pixels(found).astype(int) - np.asarray(upright)).mean() < 3


def test_cmyk_jpeg_becomes_rgb(tmp_path: Path) -> None:
    path = tmp_path / "print.jpg"
    Pillow.new("CMYK", (64, 48), (0, 0, 0, 128)).save(path)
    found = rendering.load(Image(str(path)))
    assert found.how == "CMYK to RGB; png v1"
    assert pixels(found).shape == (48, 64, 3)


def test_max_edge_shrinks_and_never_enlarges(film: Path) -> None:
    found = rendering.load(Image(str(film)), max_edge=320)
    assert found.size == (320, 256)
    assert found.how == "shrunk to 320 x 256; png v1"
    assert rendering.load(Image(str(film)), max_edge=640).how == "file"


def test_missing_empty_foreign_and_truncated_files_are_named(film: Path, tmp_path: Path) -> None:
    path = tmp_path / "broken.png"

    def complaint() -> str:
        with pytest.raises(DataError) as caught:
            rendering.load(Image(str(path)))
        assert str(path) in str(caught.value)
        return str(caught.value)

    assert "no such image" in complaint()
    path.write_bytes(b"")
    assert "empty" in complaint()
    path.write_bytes(b"patient,report\n1,none\n")
    assert "not an image" in complaint()
    path.write_bytes(film.read_bytes()[:-2000])
    assert "truncated" in complaint()
    path.write_bytes(film.read_bytes()[:20])
    assert "truncated in its header" in complaint()
    with pytest.raises(DataError, match="truncated in its header"):
        rendering.size_of(str(path))
    Pillow.open(film).save(path, "JPEG")
    path.write_bytes(path.read_bytes()[:-1000])
    assert "truncated" in complaint()
    with pytest.raises(DataError, match="can't be decoded"):
        rendering.load(Image(str(path), box=BOX, render="crop"))
    path.unlink()
    path.mkdir()
    assert "can't be read" in complaint()


def test_size_is_read_behind_a_long_profile(film: Path, tmp_path: Path) -> None:
    path = tmp_path / "profiled.jpg"
    Pillow.open(film).save(path, icc_profile=b"x" * 200_000)
    assert rendering.size_of(str(path)) == (640, 512)
    with pytest.raises(DataError, match="can't be read"):
        rendering.size_of(str(tmp_path / "nowhere.png").replace("nowhere.png", ""))


@pytest.mark.shared
def test_real_radiographs_pass_and_are_cut(shared_data: Path) -> None:
    for path in sorted((shared_data / "images").glob("*.png")):
        found = rendering.load(Image(str(path)))
        assert hashlib.sha256(found.data).digest() == hashlib.sha256(path.read_bytes()).digest()
        with Pillow.open(path) as opened:
            assert found.size == rendering.size_of(str(path)) == opened.size
        # 144 x 173 of the 336 frame at 640 / 336 are 275 x 330 pixels, and so a tiny crop
        cut = rendering.load(Image(str(path), box=Box((108, 104, 252, 277), "pad_square_336"), render="crop"))
        assert cut.size[1] == 336
        assert abs(cut.size[0] - 280) <= 2


def png(width: int, height: int) -> bytes:
    """A PNG that states a size, with next to nothing in it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def huge(form: str) -> bytes:
    """A small file of the format that states 60,000 x 60,000 pixels (GIF: as many as it can)."""
    if form == "png":
        return png(60_000, 60_000)
    out = io.BytesIO()
    Pillow.new("L", (8, 8)).save(out, form)
    data = bytearray(out.getvalue())
    if form == "jpeg":
        at = data.index(b"\xff\xc0") + 5
        data[at : at + 4] = struct.pack(">HH", 60_000, 60_000)
    elif form == "gif":
        data[6:10] = struct.pack("<HH", 65_535, 65_535)
    elif form == "bmp":
        data[18:26] = struct.pack("<ii", 60_000, 60_000)
    else:  # tiff, little endian: the values of ImageWidth (256) and ImageLength (257)
        for tag in (256, 257):
            at = data.index(struct.pack("<H", tag), int.from_bytes(data[4:8], "little"))
            data[at : at + 12] = struct.pack("<HHII", tag, 4, 1, 60_000)
    return bytes(data)


@pytest.mark.parametrize("form", ["png", "jpeg", "gif", "bmp", "tiff"])
def test_a_picture_is_sized_before_its_pixels_are_made(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"huge.{form}"
    path.write_bytes(huge(form))

    for look in (rendering.load, lambda image: rendering.size_of(image.path)):
        with pytest.raises(DataError, match=r"huge\.\w+: the image declares 6\d,\d{3} x 6\d,\d{3} pixels"):
            look(Image(path=str(path)))


@pytest.mark.parametrize("form", ["gif", "tiff", "png"])
def test_a_file_of_several_frames_is_refused(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"many.{form}"
    frames = [Pillow.new("L", (8, 8), value) for value in (0, 120, 250)]
    frames[0].save(path, form, save_all=True, append_images=frames[1:])

    with pytest.raises(DataError, match="several frames or pages"):
        decoding.decode(path.read_bytes(), str(path))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_float_picture_with_a_pixel_that_is_no_number_is_refused(tmp_path: Path, value: float) -> None:
    pixels = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    pixels[3, 3] = value
    Pillow.fromarray(pixels).save(tmp_path / "float.tiff")

    with pytest.raises(DataError, match=r"float\.tiff: .*1 of 64 pixels are not finite"):
        rendering.load(Image(path=str(tmp_path / "float.tiff")))


def test_a_text_chunk_that_unpacks_to_gigabytes_is_refused(tmp_path: Path) -> None:
    info = PngInfo()
    info.add_text("Comment", "a" * 80_000_000, zip=True)
    Pillow.new("I;16", (8, 8)).save(tmp_path / "ztxt.png", pnginfo=info)

    with pytest.raises(DataError, match=r"ztxt\.png"):
        decoding.decode((tmp_path / "ztxt.png").read_bytes(), str(tmp_path / "ztxt.png"))


@pytest.mark.parametrize("render", ["file", "crop", "masked", "highlighted", "full", "blurred", "blank", "jpeg"])
@pytest.mark.parametrize("max_edge", [None, 300])
def test_an_estimate_has_the_size_of_what_is_sent(film: Path, render: str, max_edge: int | None) -> None:
    image = Image(str(film), box=BOX, render=render)

    size, about = rendering.estimate(image, max_edge=max_edge)

    assert size == rendering.load(image, max_edge=max_edge).size
    assert about > 0


def test_an_estimate_compresses_nothing_and_finds_what_cannot_be_sent(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pillow.Image, "save", lambda *_, **__: pytest.fail("a picture was compressed"))
    rendering.estimate(Image(str(film), box=BOX, render="crop"))
    with pytest.raises(DataError, match="needs a box"):
        rendering.estimate(Image(str(film), render="crop"))
    cut = tmp_path / "cut.png"
    cut.write_bytes(film.read_bytes()[:200])
    with pytest.raises(DataError, match="truncated"):
        rendering.estimate(Image(str(cut)))
