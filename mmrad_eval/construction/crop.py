"""Stage 8, ``crop``: the film and one region image a step, as files named by their digests.

Boxes are rounded to the padded square of 336 pixels, which is what a record states, and the pictures are cut at exactly
those numbers. Some crops are looked for in their film again: one that is not found, and that does not look like its
film at its box, is a bug, and stops the build.
"""

from __future__ import annotations

import hashlib
import io
import math
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from mmrad_eval.construction.options import BuildOptions
from mmrad_eval.construction.records import BuiltImage, BuiltStep, CollectedStudy, StageLine
from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.core.data_use import mark
from mmrad_eval.core.decode import read_bytes
from mmrad_eval.core.errors import DataError, MmradError
from mmrad_eval.core.values import Box, DataUse, Image
from mmrad_eval.core.whole_files import written_whole
from mmrad_eval.traces import decoding, geometry, matching, rendering

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels

VERSION = 1
SIDE = 336
LOOKED_AT = 0.05
"""Share of images whose crops are looked for again; each costs as much as all else of the stage."""
GRID, ALIKE = 16, 0.5
"""Cells across and down; the correlation from which on a crop looks like its place. Of 218 right region images of
the demo's films and of grain, one of 3 x 4 pixels had less (.38)."""
RENDERS = {"crop": "crop", "masked": "masked_full_frame", "highlighted": "highlighted"}
"""Our word -> that of the neutral record."""


class CropError(MmradError):
    """A region image that does not show the box that it was cut at: a fault of this program."""


def stated(step: BuiltStep, size: geometry.Size | None) -> Box | None:
    """The box of a step as the record writes it: whole numbers in the padded square, within the film."""
    if step.box is None:
        return None
    if size is None and step.box.frame != geometry.CANONICAL:
        raise DataError(f"a box in {step.box.frame} can't be placed without the size of its film")
    box = step.box if size is None else geometry.convert(geometry.clip(step.box, size), geometry.CANONICAL, size)
    left, top, right, bottom = (math.floor(edge + 0.5) for edge in box.xyxy)
    return Box((left, top, max(right, left + 1), max(bottom, top + 1)), geometry.CANONICAL)


def crop(line: StageLine, study: CollectedStudy, options: BuildOptions, folder: Path, data_use: DataUse) -> StageLine:
    """The record with its pictures; rejected where the film can't be read, or a box can't be placed without it."""
    try:
        if options.render == "none":
            for step in line.steps:
                stated(step, study.size)
            return replace(line, findings=())
        film = _film(study, options, folder, data_use)
        size = study.size or rendering.size_of(study.path)
        images = [film]
        whole = Image(path=str(folder / film.file), name=film.file)
        looked = _is_looked_at(line.id)
        for number, step in enumerate(line.steps, start=1):
            box = stated(step, size)
            if box is not None:
                images.append(_cut(whole, box, number, options, folder, data_use, looked=looked))
    except DataError as error:
        return replace(line, status="rejected", why="no pixels", detail=str(error))
    return replace(line, images=tuple(images))


def _is_looked_at(identity: str) -> bool:
    return int.from_bytes(hashlib.sha256(identity.encode()).digest()[:4]) / 2**32 < LOOKED_AT


def _film(study: CollectedStudy, options: BuildOptions, folder: Path, data_use: DataUse) -> BuiltImage:
    """The film as the dataset has it."""
    if not study.path:
        raise DataError("the source names no film")
    data = read_bytes(Path(study.path))
    if options.pixels == "336":
        square = letterboxed(decoding.decode(data, study.path)[0])
        return _put(_png(square), ".png", square.size, folder, data_use)
    suffix = PurePath(study.path).suffix.lower() or ".bin"
    target = Path(study.path) if options.films == "link" else None
    return _put(data, suffix, rendering.size_of(study.path), folder, data_use, link_to=target)


def letterboxed(pixels: Pixels) -> Pixels:
    """A film in the middle of a black square of 336 pixels."""
    from PIL import Image as Pillow

    scale = SIDE / max(pixels.size)
    inner = (max(1, round(pixels.width * scale)), max(1, round(pixels.height * scale)))
    square = Pillow.new(pixels.mode, (SIDE, SIDE))
    square.paste(pixels.resize(inner, Pillow.Resampling.LANCZOS), ((SIDE - inner[0]) // 2, (SIDE - inner[1]) // 2))
    return square


def _cut(  # noqa: PLR0917 (one picture of a record, and where it goes)
    film: Image, box: Box, number: int, options: BuildOptions, folder: Path, data_use: DataUse, *, looked: bool
) -> BuiltImage:
    if options.pixels == "336" and options.render == "crop":
        whole = rendering.pixels_of(film)[0]
        picture = whole.crop(rendering.pixel_box(geometry.convert(box, "original", whole.size).xyxy))
    else:
        picture = rendering.pixels_of(replace(film, role="region", box=box, render=options.render))[0]
    made = _put(_png(picture), ".png", picture.size, folder, data_use)
    correlation = _found(picture, film, box) if looked else None
    return replace(made, render=RENDERS[options.render], step=number, correlation=correlation)


def _found(picture: Pixels, film: Image, box: Box) -> float | None:
    """How well the crop is found in its film; None for one without any detail, or that can't be told from others.

    The search does not find every crop that is right: a small smooth one, or one of a film that is grain alone.
    CropError where it does not, and the crop differs from the film at its box as well.
    """
    whole = rendering.pixels_of(film)[0]
    area = geometry.convert(box, "original", whole.size)
    _, match = matching.fidelity(picture, whole, area)
    if match.kind == "flat":
        return None
    if not match.found:
        if alike(picture, whole, geometry.clip(area, whole.size)):
            return None
        raise CropError(
            f"{film.path}: the region image of {geometry.spoken(box)} was not found in its film (correlation "
            f"{match.correlation:.2f}, detail {match.detail:.2f}); the build has stopped; please report this"
        )
    return round(match.correlation, 4)


def alike(picture: Pixels, whole: Pixels, area: Box) -> bool:
    """Whether a region image, or that part of a whole frame, looks like an area of its film, on a coarse grid."""
    from PIL import Image as Pillow

    def grid(pixels: Pixels, part: tuple[float, float, float, float]) -> FloatArray:
        small = pixels.convert("F").resize((GRID, GRID), Pillow.Resampling.BOX, box=part)
        return np.asarray(small, dtype=np.float64).ravel()

    left, top, right, bottom = area.xyxy
    theirs = grid(whole, (left, top, right, bottom))
    across, down = picture.width / whole.width, picture.height / whole.height
    for part in ((0, 0, *picture.size), (left * across, top * down, right * across, bottom * down)):
        mine = grid(picture, part)
        if mine.std() and theirs.std() and float(np.corrcoef(mine, theirs)[0, 1]) >= ALIKE:
            return True
    return False


def _png(pixels: Pixels) -> bytes:
    target = io.BytesIO()
    pixels.save(target, "PNG", compress_level=6)
    return target.getvalue()


def _put(
    data: bytes, suffix: str, size: tuple[int, int], folder: Path, data_use: DataUse, *, link_to: Path | None = None
) -> BuiltImage:
    """A file named by its digest; written under another name and renamed, so that no half of it is ever seen."""
    sha = hashlib.sha256(data).hexdigest()
    images = folder / "images"
    path = images / f"{sha}{suffix}"
    if not path.exists():
        images.mkdir(parents=True, exist_ok=True)
        mark(folder, data_use)
        with written_whole(path) as part:
            if link_to is not None:
                part.symlink_to(link_to.resolve())
            else:
                part.write_bytes(data)
    return BuiltImage(f"images/{path.name}", sha, size)
