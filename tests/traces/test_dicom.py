"""DICOM files of every kind decode to what a screen would show, and nothing but pixels leaves them."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Image
from mmrad_eval.traces import deep, rendering

pydicom = pytest.importorskip("pydicom", reason="the extra dicom is not installed")
from pydicom.dataset import Dataset, FileMetaDataset  # noqa: E402 - after the skip
from pydicom.encaps import encapsulate  # noqa: E402
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut  # noqa: E402
from pydicom.uid import (  # noqa: E402
    UID,
    DeflatedExplicitVRLittleEndian,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

Grey = NDArray[np.uint16]

RAMP: Grey = (np.arange(40 * 60, dtype=np.uint32).reshape(40, 60) * 4095 // (40 * 60 - 1)).astype(np.uint16)
"""12 bits in use, darkest at the top."""


def dicom(pixels: NDArray[Any] = RAMP, syntax: str = ExplicitVRLittleEndian, **tags: Any) -> Dataset:
    """A radiograph with the tags that a real one has, the patient's name among them."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = UID(syntax)
    made.file_meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    made.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3")
    made.SOPClassUID, made.SOPInstanceUID = DigitalXRayImageStorageForPresentation, "1.2.3"
    made.PatientName, made.PatientID = "Doe^Jane", "SECRET-4711"
    made.Modality, made.PhotometricInterpretation = "DX", "MONOCHROME2"
    made.Rows, made.Columns = pixels.shape[:2]
    made.SamplesPerPixel, made.PixelRepresentation = 1, 0
    made.BitsAllocated = 8 * pixels.dtype.itemsize
    made.BitsStored = 12 if made.BitsAllocated == 16 else 8
    made.HighBit = made.BitsStored - 1
    made.PixelData = pixels.tobytes()
    made["PixelData"].VR = "OW"
    for name, value in tags.items():
        setattr(made, name, value)
    return made


def save(made: Dataset, path: Path) -> Image:
    made.save_as(path, enforce_file_format=True)
    return Image(path=str(path))


def shown(made: Dataset, path: Path) -> tuple[NDArray[np.uint8], str]:
    """The picture that a model is shown, and how it was made."""
    rendered = rendering.load(save(made, path))
    assert rendered.media_type == "image/png"
    assert b"SECRET" not in rendered.data
    assert b"Doe" not in rendered.data
    return np.asarray(Pillow.open(io.BytesIO(rendered.data))), rendered.how


def test_without_a_window_the_range_of_the_picture_is_shown(tmp_path: Path) -> None:
    pixels, how = shown(dicom(), tmp_path / "a.dcm")
    assert np.abs(pixels.astype(int) - np.round(RAMP / 4095 * 255)).max() <= 1
    assert "no window, 0..4095 to 0..255" in how


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_a_window_gives_what_pydicom_gives(tmp_path: Path, function: str) -> None:
    made = dicom(WindowCenter=2000, WindowWidth=1500, VOILUTFunction=function)
    pixels, how = shown(made, tmp_path / "a.dcm")
    expected = apply_voi_lut(RAMP, made).astype(np.float64) / 4095 * 255
    assert np.abs(pixels - expected).max() <= 1
    assert f"window {function} centre 2000 width 1500" in how


def test_the_first_of_several_windows_counts_after_rescaling(tmp_path: Path) -> None:
    made = dicom(WindowCenter=[3000, 10], WindowWidth=[2000, 10], RescaleSlope="2", RescaleIntercept="-100")
    made.RescaleType = "US"
    pixels, _ = shown(made, tmp_path / "a.dcm")
    values = apply_modality_lut(RAMP, made)
    expected = np.clip((values - 2999.5) / 1999 + 0.5, 0, 1) * 255
    assert np.abs(pixels - expected).max() <= 1


def test_a_voi_lut_is_used_before_a_window(tmp_path: Path) -> None:
    table = Dataset()
    table.LUTDescriptor = [4096, 0, 12]
    table.LUTData = [4095 - n for n in range(4096)]
    table["LUTData"].VR = table["LUTDescriptor"].VR = "US"
    made = dicom(VOILUTSequence=[table], WindowCenter=10, WindowWidth=10)
    pixels, how = shown(made, tmp_path / "a.dcm")
    assert np.abs(pixels - (4095.0 - RAMP) / 4095 * 255).max() <= 1
    assert "VOI LUT of 12 bits" in how


@pytest.mark.parametrize("top", [1023, 1024, 4095])
def test_the_depth_of_a_voi_lut_is_its_own_however_bright_the_picture(tmp_path: Path, top: int) -> None:
    table = Dataset()
    table.LUTDescriptor, table.LUTData = [4096, 0, 12], list(range(4096))
    table["LUTData"].VR = table["LUTDescriptor"].VR = "US"
    pixels, how = shown(dicom((RAMP * (top / 4095)).astype(np.uint16), VOILUTSequence=[table]), tmp_path / "a.dcm")
    assert abs(int(pixels.max()) - round(top / 4095 * 255)) <= 1
    assert "VOI LUT of 12 bits" in how


def test_a_window_that_misses_the_picture_is_said(tmp_path: Path) -> None:
    pixels, how = shown(dicom(WindowCenter=30000, WindowWidth=100), tmp_path / "a.dcm")
    assert pixels.max() == 0
    assert "the window misses the picture, which is all black or all white: its values are 0 to 4095" in how
    _, how = shown(dicom(WindowCenter=2000, WindowWidth=100), tmp_path / "b.dcm")
    assert "misses" not in how


def test_a_deflated_file_that_unpacks_to_gigabytes_is_refused_unread(tmp_path: Path) -> None:
    import tracemalloc

    made = dicom(np.zeros((12_000, 12_000), np.uint16), DeflatedExplicitVRLittleEndian)
    image = save(made, tmp_path / "bomb.dcm")
    del made
    tracemalloc.start()
    with pytest.raises(DataError, match=r"bomb\.dcm: .* unpack to more than"):
        rendering.load(image)
    with pytest.raises(DataError, match="unpack to more than"):
        rendering.size_of(image.path)
    assert tracemalloc.get_traced_memory()[1] < 500_000_000
    tracemalloc.stop()
    assert "DICOM" in shown(dicom(syntax=DeflatedExplicitVRLittleEndian), tmp_path / "sound.dcm")[1]


@pytest.mark.parametrize(
    "tags",
    [
        {"Rows": 65535, "Columns": 65535},
        {"PixelSpacing": [1e-4, 1000.0]},
        {"NumberOfFrames": 2**31 - 1},
        {"Rows": 0},
        {"SamplesPerPixel": 0},
        {"BitsAllocated": 7},
        {"PhotometricInterpretation": "PALETTE COLOR"},
    ],
    ids=str,
)
def test_a_size_that_no_radiograph_has_is_refused_before_pixels_are_made(tmp_path: Path, tags: dict[str, Any]) -> None:
    image = save(dicom(**tags), tmp_path / "big.dcm")
    with pytest.raises(DataError, match=r"big\.dcm: "):
        rendering.load(image)


def test_a_codestream_that_states_another_size_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    made = dicom(syntax=JPEG2000Lossless)
    siz = b"\xff\x4f\xff\x51" + struct.pack(">HHIIII", 41, 0, 60_000, 60_000, 0, 0) + bytes(40)
    made.PixelData = encapsulate([siz])
    with pytest.raises(DataError, match=r"60,000 x 60,000 pixels"):
        rendering.load(save(made, tmp_path / "a.dcm"))


def test_monochrome1_is_inverted(tmp_path: Path) -> None:
    pixels, how = shown(dicom(PhotometricInterpretation="MONOCHROME1"), tmp_path / "a.dcm")
    assert pixels[0, 0] == 255
    assert pixels[-1, -1] == 0
    assert "MONOCHROME1 inverted" in how


def test_padding_does_not_count_for_the_range(tmp_path: Path) -> None:
    padded = RAMP.copy()
    padded[:, :5] = 65535
    pixels, how = shown(dicom(padded, BitsStored=16, HighBit=15, PixelPaddingValue=65535), tmp_path / "a.dcm")
    assert "no window, 8..4095" in how
    assert pixels[-1, -1] == 255


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless, JPEG2000Lossless]
)
def test_transfer_syntaxes_give_the_same_picture(tmp_path: Path, syntax: str) -> None:
    plain, _ = shown(dicom(), tmp_path / "plain.dcm")
    made = dicom(RAMP.astype(">u2") if syntax == ExplicitVRBigEndian else RAMP)
    if syntax in {RLELossless, JPEG2000Lossless}:
        made.compress(syntax)
    else:
        made.file_meta.TransferSyntaxUID = UID(syntax)
    pixels, _ = shown(made, tmp_path / "packed.dcm")
    assert (pixels == plain).all()


def test_jpeg_inside_dicom_is_decoded(tmp_path: Path) -> None:
    grey = (RAMP >> 4).astype(np.uint8)
    packed = io.BytesIO()
    Pillow.fromarray(grey).save(packed, "JPEG", quality=100)
    made = dicom(grey, WindowCenter=127.5, WindowWidth=256)
    made.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    made.PixelData = encapsulate([packed.getvalue()])
    made["PixelData"].is_undefined_length = True
    pixels, _ = shown(made, tmp_path / "a.dcm")
    assert np.abs(pixels.astype(int) - grey).max() <= 3


@pytest.mark.parametrize(
    ("row", "column"), [("L", "F"), ("R", "F"), ("L", "H"), ("R", "H"), ("F", "L"), ("F", "R"), ("H", "L"), ("H", "R")]
)
def test_the_patients_left_is_on_the_right_and_the_feet_below(tmp_path: Path, row: str, column: str) -> None:
    upright = RAMP[:, ::-1].copy()
    stored = upright if row in {"L", "R"} else upright.T
    if row in {"R", "H"}:
        stored = stored[:, ::-1]
    if column in {"H", "R"}:
        stored = stored[::-1]
    image = save(dicom(np.ascontiguousarray(stored), PatientOrientation=[row, column]), tmp_path / "a.dcm")
    rendered = rendering.load(image)
    pixels = np.asarray(Pillow.open(io.BytesIO(rendered.data)))
    assert rendered.size == rendering.size_of(image.path) == (60, 40)
    assert np.abs(pixels.astype(int) - np.round(upright / 4095 * 255)).max() <= 1
    assert ("turned" in rendered.how) == ((row, column) != ("L", "F"))


def test_pixels_that_are_not_square_are_made_square(tmp_path: Path) -> None:
    image = save(dicom(PixelSpacing=[0.4, 0.2]), tmp_path / "a.dcm")
    assert rendering.load(image).size == rendering.size_of(image.path) == (60, 80)
    assert rendering.size_of(save(dicom(PixelSpacing=[0.2, 0.2]), tmp_path / "b.dcm").path) == (60, 40)


def test_a_file_without_its_preamble_is_read(tmp_path: Path) -> None:
    made = dicom(syntax=ImplicitVRLittleEndian)
    path = tmp_path / "a.dcm"
    save(made, path)
    whole = path.read_bytes()
    path.write_bytes(whole[132:])
    assert rendering.load(Image(path=str(path))).size == (60, 40)


def test_colour_is_shown_as_colour(tmp_path: Path) -> None:
    rgb = np.zeros((8, 9, 3), np.uint8)
    rgb[..., 0] = 200
    made = dicom(rgb, SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0)
    pixels, _ = shown(made, tmp_path / "a.dcm")
    assert (pixels == rgb).all()


def test_burnt_in_text_is_never_shown(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="text is burned into its pixels"):
        rendering.load(save(dicom(BurnedInAnnotation="YES"), tmp_path / "a.dcm"))


def test_several_frames_are_refused(tmp_path: Path) -> None:
    made = dicom(NumberOfFrames=2)
    made.PixelData = RAMP.tobytes() * 2
    with pytest.raises(DataError, match="contains 2 frames"):
        rendering.load(save(made, tmp_path / "a.dcm"))


def test_a_truncated_file_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    save(dicom(), path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(DataError, match=r"a.dcm: the pixels of this DICOM file can't be decoded"):
        rendering.load(Image(path=str(path)))


def test_equal_files_give_equal_bytes(tmp_path: Path) -> None:
    made = dicom(WindowCenter=2000, WindowWidth=1500)
    first, second = (rendering.load(save(made, tmp_path / name)) for name in ("a.dcm", "b.dcm"))
    assert first.data == second.data
    assert first.how == second.how


@pytest.mark.shared
@pytest.mark.parametrize("name", ["5f619d7e", "61bc50d1"])
def test_real_radiographs_come_out_alike_in_every_format(shared_data: Path, tmp_path: Path, name: str) -> None:
    original = Pillow.open(shared_data / "images" / f"{name}.png").convert("L")
    grey = np.asarray(original)
    deep = grey.astype(np.uint16) * 16  # 12 bits, as detectors have them
    Pillow.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    original.save(tmp_path / "plain.png")
    original.save(tmp_path / "a.jpg", quality=98)
    original.save(tmp_path / "a.tif")
    files = [tmp_path / file for file in ("plain.png", "deep.png", "a.jpg", "a.tif")]
    window: dict[str, Any] = {"WindowCenter": 2040.5, "WindowWidth": 4081, "VOILUTFunction": "LINEAR"}
    kinds: dict[str, Dataset] = {
        "window": dicom(deep, **window),
        "inverted": dicom(
            (4080 - deep.astype(np.int32)).astype(np.uint16), PhotometricInterpretation="MONOCHROME1", **window
        ),
        "rle": dicom(deep, **window),
        "j2k": dicom(deep, **window),
    }
    kinds["rle"].compress(RLELossless)
    kinds["j2k"].compress(JPEG2000Lossless)
    for kind, made in kinds.items():
        made.save_as(tmp_path / f"{kind}.dcm", enforce_file_format=True)
        files.append(tmp_path / f"{kind}.dcm")
    for file in files:
        rendered = rendering.load(Image(path=str(file)))
        pixels = np.asarray(Pillow.open(io.BytesIO(rendered.data)).convert("L")).astype(int)
        allowed = 12 if file.suffix == ".jpg" else 2
        assert np.abs(pixels - grey).max() <= allowed, file.name
        assert np.abs(pixels - grey).mean() < 1, file.name


def kept(path: Path) -> tuple[deep.Deep, NDArray[np.float64]]:
    """All values of a file, and the shades that its own window gives them."""
    found = deep.read(str(path))
    assert found is not None
    low, high = found.window
    return found, np.clip((found.codes - low) / (high - low), 0, 1) * 255


@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("tags", [{}, {"WindowCenter": 2000, "WindowWidth": 1500}])
def test_all_twelve_bits_are_kept_beside_the_window_that_models_see(
    tmp_path: Path, kind: str, tags: dict[str, Any]
) -> None:
    made = dicom(PhotometricInterpretation=kind, RescaleSlope="1", RescaleIntercept="-1000", RescaleType="US", **tags)
    pixels, _ = shown(made, tmp_path / "a.dcm")

    found, shades = kept(tmp_path / "a.dcm")

    assert (found.first + found.step * found.codes.astype(float) == RAMP.astype(float) - 1000).all()
    assert np.abs(shades - pixels).max() <= 0.51
    assert abs(found.step) == 1


def test_a_table_that_falls_turns_the_values_round(tmp_path: Path) -> None:
    table = Dataset()
    table.LUTDescriptor = [4096, 0, 12]
    table.LUTData = [4095 - n for n in range(4096)]
    table["LUTData"].VR = table["LUTDescriptor"].VR = "US"
    pixels, _ = shown(dicom(VOILUTSequence=[table]), tmp_path / "a.dcm")

    found, shades = kept(tmp_path / "a.dcm")

    assert (found.first + found.step * found.codes.astype(float) == RAMP).all()
    assert np.abs(shades - pixels).max() <= 1


def test_a_narrow_window_leaves_what_it_hides_to_be_seen(tmp_path: Path) -> None:
    save(dicom((RAMP // 16).astype(np.uint8), WindowCenter=100, WindowWidth=20), tmp_path / "narrow.dcm")
    save(dicom((RAMP // 16).astype(np.uint8)), tmp_path / "whole.dcm")

    found, _ = kept(tmp_path / "narrow.dcm")

    assert set(np.unique(found.codes)) == set(range(256))
    assert deep.read(str(tmp_path / "whole.dcm")) is None


def test_all_values_lie_as_the_upright_picture_lies(tmp_path: Path) -> None:
    made = dicom(PatientOrientation=["R", "F"])
    pixels, _ = shown(made, tmp_path / "a.dcm")

    _, shades = kept(tmp_path / "a.dcm")

    assert np.abs(shades - pixels).max() <= 0.51
    assert shades[0, 0] > shades[0, -1]
