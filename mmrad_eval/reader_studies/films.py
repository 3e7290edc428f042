"""Images for readers: pixels alone, without what a file says of patient, scanner, program or path."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image as Pillow

from mmrad_eval.core.values import Image, Study
from mmrad_eval.core.whole_files import write_whole
from mmrad_eval.reader_studies.records import PageFilm
from mmrad_eval.tasks.views import key_image, label
from mmrad_eval.traces import rendering

QUALITY = 92
FOLDER = "images"


@dataclass
class FilmStore:
    """Films as they stand on pages: written into them, or once beside them."""

    folder: Path | None
    """The folder of the pages, where films lie beside them."""
    edge: int
    _known: dict[str, tuple[str, tuple[int, int]]] = field(default_factory=dict)

    def of(self, study: Study) -> list[PageFilm]:
        """The films of a study, the key image first, prior studies last. DataError as in ``rendering.load``."""
        films = [self._film(image, label(image)) for image in ordered(study)]
        for prior in study.priors:
            when = f", {prior.interval_days:g} days before" if prior.interval_days is not None else ""
            films += [self._film(image, f"{label(image)}{when}") for image in prior.images]
        return films

    def _film(self, image: Image, words: str) -> PageFilm:
        if image.path not in self._known:
            data, size = pixels(image, self.edge)
            self._known[image.path] = (self._placed(data), size)
        src, (width, height) = self._known[image.path]
        return PageFilm(src, width, height, words)

    def _placed(self, data: bytes) -> str:
        if self.folder is None:
            return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
        name = f"{FOLDER}/{len(self._known) + 1:04}.jpg"
        write_whole(self.folder / name, data)
        return name


def ordered(study: Study) -> list[Image]:
    """The images of a study, the key image first."""
    key = key_image(study)
    others = [image for image in study.images if image is not key]
    return [key, *others] if key else others


def pixels(image: Image, edge: int) -> tuple[bytes, tuple[int, int]]:
    """A JPEG of nothing but the image's pixels, at most ``edge`` on the longest side, and its size."""
    made = rendering.load(Image(path=image.path), ("image/png",), edge)
    with Pillow.open(io.BytesIO(made.data)) as opened:
        plain = opened.convert("L" if opened.mode in {"1", "L", "LA"} else "RGB")
    out = io.BytesIO()
    Pillow.frombytes(plain.mode, plain.size, plain.tobytes()).save(out, "JPEG", quality=QUALITY)
    return out.getvalue(), plain.size
