"""Radiographs of more than 8 bits with every value that they hold, for who windows them later; models see 8 bits."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mmrad_eval.core.decode import read_bytes
from mmrad_eval.core.errors import DataError
from mmrad_eval.traces import decoding, dicom, headers, rendering

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mmrad_eval.traces.gray_values import GrayValues

MOST = 65535
_EIGHT = 255


@dataclass(frozen=True)
class Deep:
    """An upright gray picture in codes of 16 bits; a larger code is brighter."""

    codes: NDArray[np.uint16]
    """(height, width)"""
    window: tuple[float, float]
    """The codes that are black and white in what models see; they may lie outside of what the picture holds."""
    first: float
    """The file's own value that code 0 stands for."""
    step: float
    """What one code adds to it; 1 or -1 where no value was rounded."""
    most: int
    """The code of the brightest value in the file."""

    def as_png(self) -> bytes:
        """A gray picture of 8 bits and twice the height, the high bytes above the low ones: any browser decodes it."""
        import numpy as np
        from PIL import Image as Pillow

        target = io.BytesIO()
        halves = np.concatenate([self.codes >> 8, self.codes & _EIGHT]).astype(np.uint8)
        Pillow.fromarray(halves).save(target, "PNG", compress_level=6)
        return target.getvalue()


def read(path: str, max_edge: int | None = None) -> Deep | None:
    """All values of a gray picture; None where 8 bits hold all there is, and in color.

    ``max_edge`` shrinks what is longer than that (Lanczos). DataError as in ``rendering.load``.
    """
    data = read_bytes(Path(path))
    header = headers.read(data, path)
    if header.size is not None and not header.deep:
        return None
    found = dicom.values(data, path) if header.media_type == dicom.MEDIA_TYPE else decoding.values(data, path)
    return _coded(found, path, max_edge) if found is not None else None


def _coded(found: GrayValues, path: str, max_edge: int | None) -> Deep | None:
    import numpy as np

    low, high = found.window
    whole = np.asarray(found.pixels)
    lowest, highest = float(whole.min()), float(whole.max())
    if not np.isfinite([lowest, highest, low, high]).all():
        raise DataError(f"{path}: pixels or window are not finite (NaN or infinite)")
    span = highest - lowest
    if found.whole and span <= _EIGHT and low <= lowest and high >= highest:
        return None
    values = np.asarray(rendering.shrunk(found.pixels, max_edge), dtype=np.float64)
    step = 1.0 if span <= MOST and found.whole else span / MOST
    codes = (values - lowest) / step
    most, window = round(span / step), ((low - lowest) / step, (high - lowest) / step)
    first = lowest
    if found.inverted:
        codes, window, first, step = most - codes, (most - window[1], most - window[0]), highest, -step
    return Deep(np.clip(np.floor(codes + 0.5), 0, most).astype(np.uint16), window, first, step, most)
