"""DICOM files as 8-bit upright pictures: what a radiologist's screen would show, and nothing that names the patient.

Steps, in the order of DICOM PS3.3 C.11 and PS3.4 N.2: stored values, modality LUT or rescale, VOI LUT or window,
inversion where the photometric interpretation is MONOCHROME1, then 0..255. Where the file states neither window nor
VOI LUT, the values in the picture become 0..255. Only pixels leave this module: no tag is forwarded. A file that says
that text is burned into its pixels is refused. Needs the extra ``dicom`` (pydicom, and pylibjpeg for compressed
transfer syntaxes).
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmrad_eval.core.decode import read_bytes
from mmrad_eval.core.errors import DataError, MissingError
from mmrad_eval.traces import headers
from mmrad_eval.traces.gray_values import GrayValues

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image as Pixels

Size = tuple[int, int]

MEDIA_TYPE = "application/dicom"
MISSES = "the window misses the picture, which is all black or all white"
"""A step that a reader should know of; ``data check`` warns of it."""
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_BEND = 0.02
SIDEWAYS = 0.01
"""Pixels that are wider than high by more than this share are made square."""


def decode(data: bytes, path: str) -> tuple[Pixels, list[str]]:
    """Upright 8-bit grey or RGB pixels, and the steps that made them.

    DataError where the file is damaged, has several frames or burnt-in text; MissingError without the extra ``dicom``.
    """
    from PIL import Image as Pillow

    dataset, stored = _stored(data, path)
    with _faults(path, "the picture of this DICOM file can't be made"):
        if _in_color(dataset):
            pixels, steps = _colour(dataset, stored, path)
        else:
            grey, steps = _grey(dataset, stored, path)
            pixels = Pillow.fromarray(grey)
        return _upright(dataset, pixels, ["DICOM", *steps], path)


def values(data: bytes, path: str) -> GrayValues | None:
    """Upright gray values behind the modality LUT; None in color. Errors as in ``decode``."""
    import numpy as np
    from PIL import Image as Pillow

    dataset, stored = _stored(data, path)
    if _in_color(dataset):
        return None
    with _faults(path, "the picture of this DICOM file can't be made"):
        grey, share, _ = _shares(dataset, stored, path)
        pixels, _ = _upright(dataset, Pillow.fromarray(grey.astype(np.float32)), [], path)
        falls = bool(share.flat[grey.argmax()] < share.flat[grey.argmin()])
        ends = _ends(grey, 1.0 - share if falls else share)
        inverted = falls != (dataset.get("PhotometricInterpretation") == "MONOCHROME1")
        return GrayValues(pixels, ends, bool((grey == np.floor(grey)).all()), inverted)


def _ends(grey: NDArray[np.float64], share: NDArray[np.float64]) -> tuple[float, float]:
    """Values at the shares 0 and 1; where shares bend (a table, a sigmoid, a step), the ends of nearly all of it."""
    import numpy as np

    first, last = int(grey.argmin()), int(grey.argmax())
    low, high = grey.flat[first], grey.flat[last]
    slope = (share.flat[last] - share.flat[first]) / ((high - low) or 1.0)
    if slope > 0 and np.allclose(share, share.flat[first] + slope * (grey - low), atol=1e-6):
        return float(low - share.flat[first] / slope), float(low + (1.0 - share.flat[first]) / slope)
    inside = grey[(share > _BEND) & (share < 1.0 - _BEND)]
    return (float(inside.min()), float(inside.max())) if inside.size else (float(low), float(high))


def _stored(data: bytes, path: str) -> tuple[Any, NDArray[Any]]:
    """The tags, and the pixels as they are stored."""
    dataset = _read(data, path)
    with _faults(path, "the pixels of this DICOM file can't be decoded"):
        _refuse(dataset, path)
        headers.check_size(_stored_size(dataset, path), len(data), path)
        _check_codestream(dataset, path)
        return dataset, dataset.pixel_array


def _in_color(dataset: Any) -> bool:
    return bool(dataset.get("SamplesPerPixel", 1) > 1 or dataset.get("PhotometricInterpretation") == "PALETTE COLOR")


def size_of(path: str) -> Size:
    """Width and height of the upright picture, from the tags alone."""
    data = read_bytes(Path(path))
    dataset = _read(data, path, pixels=False)
    with _faults(path, "the size of this DICOM file can't be read"):
        width, height = _stored_size(dataset, path)
        across, down = _spacing(dataset)
        if across and abs(across / down - 1) > SIDEWAYS:
            width, height = _squared((width, height), across, down)
        headers.check_size((width, height), len(data), path)
        turned = _turn(dataset)
    return (
        (height, width)
        if turned and turned[0] in {"TRANSPOSE", "TRANSVERSE", "ROTATE_90", "ROTATE_270"}
        else (width, height)
    )


def maker_of(path: str) -> str:
    """The manufacturer that the header names, in one spelling; empty where it names none."""
    dataset = _read(read_bytes(Path(path)), path, pixels=False)
    with _faults(path, "the manufacturer in this DICOM file can't be read"):
        return " ".join(str(dataset.get("Manufacturer") or "").split()).upper()


def _stored_size(dataset: Any, path: str) -> Size:
    width, height = int(dataset.get("Columns", 0)), int(dataset.get("Rows", 0))
    if width <= 0 or height <= 0:
        raise DataError(f"{path}: this DICOM file has no image")
    return width, height


def _check_codestream(dataset: Any, path: str) -> None:
    """The picture inside the file states a size of its own, by which its decoder takes memory."""
    from pydicom.encaps import generate_frames

    data = dataset.get("PixelData")
    if data is None or not dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        return
    frame = next(generate_frames(data, number_of_frames=1), b"")
    headers.check_size(headers.coded_size(frame) or (0, 0), len(data), path)


@contextmanager
def _faults(path: str, what: str) -> Iterator[None]:
    """What pydicom and its decoders raise: a tag is missing or of another kind, a syntax is unknown, a file is cut."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # pydicom, its decoders and their tables raise of all kinds
        raise DataError(f"{path}: {what}: {_short(error)}") from error


def _read(data: bytes, path: str, *, pixels: bool = True) -> Any:
    try:
        import pydicom
    except ImportError as error:
        raise MissingError(
            f"{path} is a DICOM file, and pydicom is not installed", "pip install 'mmrad-eval[dicom]'"
        ) from error
    _check_deflated(data, path)
    with _faults(path, "is not a DICOM file, or is cut short"):
        return pydicom.dcmread(io.BytesIO(data), force=True, stop_before_pixels=not pixels)


def _check_deflated(data: bytes, path: str) -> None:
    """A file of the deflated syntax (PS3.5 A.5) unpacks as a whole when it is opened, whatever size it then states."""
    start = data.find(_DEFLATED, 128, 4096)
    if start < 0 or data[128:132] != b"DICM":
        return
    end = 144 + int.from_bytes(data[140:144], "little")  # (0002,0000): the length of the file meta information
    most = 2 * headers.MOST_PIXELS
    try:
        unpacked = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data[end:], most + 1)
    except zlib.error as error:
        raise DataError(f"{path}: this deflated DICOM file is damaged: {error}") from error
    if len(unpacked) > most:
        raise DataError(f"{path}: {len(data):,} bytes of deflated DICOM unpack to more than {most:,}")


def _refuse(dataset: Any, path: str) -> None:
    if str(dataset.get("BurnedInAnnotation", "NO")).upper() == "YES":
        raise DataError(
            f"{path}: says that text is burned into its pixels (BurnedInAnnotation YES), which may name the patient;"
            " mask it, and set the tag to NO, before a model is shown the image"
        )
    frames = int(dataset.get("NumberOfFrames", 1) or 1)
    if frames > 1:
        raise DataError(f"{path}: contains {frames} frames; a radiograph has one")


def _grey(dataset: Any, stored: NDArray[Any], path: str) -> tuple[NDArray[np.uint8], list[str]]:
    import numpy as np

    grey, share, step = _shares(dataset, stored, path)
    steps = [step]
    if grey.min() < grey.max() and (share.max() <= 0 or share.min() >= 1):
        steps.append(f"{MISSES}: its values are {grey.min():g} to {grey.max():g}")
    if dataset.get("PhotometricInterpretation") == "MONOCHROME1":
        share = 1.0 - share
        steps.append("MONOCHROME1 inverted")
    return np.floor(np.clip(share, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8), steps


def _shares(dataset: Any, stored: NDArray[Any], path: str) -> tuple[NDArray[np.float64], NDArray[np.float64], str]:
    """Values behind the modality LUT, the share of the brightest that each is shown at, and words for it."""
    import numpy as np
    from pydicom.pixels.processing import apply_modality_lut

    with _faults(path, "the window or look-up table of this DICOM file can't be read"):
        grey = np.asarray(apply_modality_lut(stored, dataset), dtype=np.float64)
        return grey, *_voi(dataset, grey, stored)


def _voi(dataset: Any, values: NDArray[np.float64], stored: NDArray[Any]) -> tuple[NDArray[np.float64], str]:
    """Values as shares 0..1 of the brightest, by the first VOI LUT, else the first window, else their own range."""
    import numpy as np

    if dataset.get("VOILUTSequence"):
        from pydicom.pixels.processing import apply_voi_lut

        out = np.asarray(apply_voi_lut(values.astype(np.int64), dataset, index=0, prefer_lut=True), dtype=np.float64)
        bits = _lut_bits(dataset.VOILUTSequence[0])
        return out / (2**bits - 1), f"VOI LUT of {bits} bits"
    centre, width = _first(dataset.get("WindowCenter")), _first(dataset.get("WindowWidth"))
    if centre is not None and width is not None and width >= 1:
        function = str(dataset.get("VOILUTFunction") or "LINEAR").upper()
        return _window(values, centre, width, function), f"window {function} centre {centre:g} width {width:g}"
    shown = values[stored != dataset.PixelPaddingValue] if dataset.get("PixelPaddingValue") is not None else values
    shown = shown if shown.size else values
    low, high = float(shown.min()), float(shown.max())
    return (values - low) / (high - low or 1.0), f"no window, {low:g}..{high:g} to 0..255"


def _lut_bits(table: Any) -> int:
    """The depth that the table states (PS3.3 C.11.2.1.1: 8 to 16); where its entries are larger, the one they need."""
    data = table.LUTData  # numbers, or where the tag says OW their bytes
    words = struct.unpack(f"<{len(data) // 2}H", data[: len(data) // 2 * 2]) if isinstance(data, bytes) else data
    largest = max(words)
    stated = int(table.LUTDescriptor[2])
    if 8 <= stated <= 16 and largest < 2**stated:
        return stated
    return next(bits for bits in (8, 10, 12, 14, 16) if largest < 2**bits)


def _window(values: NDArray[np.float64], centre: float, width: float, function: str) -> NDArray[np.float64]:
    """PS3.3 C.11.2.1.2 and C.11.2.1.3, for an output of 0..1."""
    import numpy as np

    if function == "SIGMOID":
        return 1.0 / (1.0 + np.exp(-4.0 * (values - centre) / width))
    if function == "LINEAR_EXACT":
        return (values - centre) / width + 0.5
    if width == 1:
        return (values > centre - 0.5).astype(np.float64)
    return (values - (centre - 0.5)) / (width - 1) + 0.5


def _colour(dataset: Any, stored: NDArray[Any], path: str) -> tuple[Pixels, list[str]]:
    import numpy as np
    from PIL import Image as Pillow
    from pydicom.pixels.processing import apply_color_lut, convert_color_space

    kind = str(dataset.get("PhotometricInterpretation", "RGB"))
    with _faults(path, "the colours of this DICOM file can't be read"):
        if kind == "PALETTE COLOR":
            stored = apply_color_lut(stored, dataset)
        elif kind.startswith("YBR_FULL"):
            stored = convert_color_space(stored, kind, "RGB")
    bits = next(b for b in (8, 10, 12, 14, 16) if float(stored.max()) < 2**b)
    scaled = np.floor(stored.astype(np.float64) * (255.0 / (2**bits - 1)) + 0.5).astype(np.uint8)
    return Pillow.fromarray(scaled), [f"{kind} to RGB"]


def _upright(dataset: Any, pixels: Pixels, steps: list[str], path: str) -> tuple[Pixels, list[str]]:
    """Square pixels, the patient's left on the right of the picture and the feet at its bottom, where the tags say
    otherwise.
    """
    from PIL import Image as Pillow

    across, down = _spacing(dataset)
    if across and abs(across / down - 1) > SIDEWAYS:
        square = _squared(pixels.size, across, down)
        headers.check_size(square, pixels.width * pixels.height, path)
        pixels = pixels.resize(square, Pillow.Resampling.BICUBIC)
        steps = [*steps, f"pixels of {across:g} x {down:g} made square"]
    turn = _turn(dataset)
    if turn is not None:
        transpose, words = turn
        pixels = pixels.transpose(Pillow.Transpose[transpose])
        steps = [*steps, words]
    return pixels, steps


def _squared(size: Size, across: float, down: float) -> Size:
    """The size with the finer spacing on both sides, so that nothing is lost."""
    fine = min(across, down)
    return max(1, round(size[0] * across / fine)), max(1, round(size[1] * down / fine))


def _spacing(dataset: Any) -> tuple[float, float]:
    """Width and height of a pixel; 0 where it is unknown. PixelSpacing is (between rows, between columns)."""
    for tag in ("PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio"):
        value = dataset.get(tag)
        if value is not None and len(value) == 2 and float(value[0]) > 0 and float(value[1]) > 0:
            return float(value[1]), float(value[0])
    return 0.0, 0.0


def _turn(dataset: Any) -> tuple[str, str] | None:
    """The Pillow transposition that puts L on the right and F at the bottom, from PatientOrientation (row, column).

    Rows of a lateral view run to A or P, which stay: only the vertical is put right.
    """
    said = dataset.get("PatientOrientation")
    if not said or len(said) != 2:
        return None
    row, column = (str(part)[:1].upper() for part in said)
    found = {
        ("R", "F"): "FLIP_LEFT_RIGHT",
        ("L", "H"): "FLIP_TOP_BOTTOM",
        ("A", "H"): "FLIP_TOP_BOTTOM",
        ("P", "H"): "FLIP_TOP_BOTTOM",
        ("R", "H"): "ROTATE_180",
        ("F", "L"): "TRANSPOSE",
        ("H", "R"): "TRANSVERSE",
        ("F", "R"): "ROTATE_270",
        ("H", "L"): "ROTATE_90",
    }.get((row, column))
    return (found, f"turned from {row}\\{column}") if found else None


def _first(value: Any) -> float | None:
    if value is None or value == "":
        return None
    return float(value) if isinstance(value, str) or not hasattr(value, "__len__") else float(value[0])


def _short(error: Exception) -> str:
    return str(error).split("\n")[0][:200]
