"""The pictures of a page: linked where they lie, copied beside the page, or written into it.

A page draws region images itself, out of the picture that they were cut from: no pixels are made for them.
"""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Box, Image, Value
from mmrad_eval.core.whole_files import write_whole
from mmrad_eval.traces import deep, geometry, headers, rendering

How = Literal["link", "copy", "embed"]
BROWSER = ("image/jpeg", "image/png", "image/webp", "image/gif")
"""What every browser shows."""
MAX_EDGE = 1024
"""Pixels of the longest side of a copied or embedded picture, unless more is asked for."""

_SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "image/gif": ".gif"}
_FATAL = ("unknown frame", "not finite", "reversed", "empty")


class DeepPicture(Value, frozen=True):
    """All values of a picture of more than 8 bits, in codes of 16 (``traces.deep``)."""

    src: str
    """Address of a script beside the page, or the id of an embedded file."""
    window: tuple[float, float]
    """The codes that are black and white in what models see."""
    first: float
    """The file's own value of code 0."""
    step: float
    """What one code adds to it."""
    most: int
    """The largest code."""
    total: int
    """The sum of all codes: a browser that changes what a page reads of a picture gives itself away."""


class Picture(Value, frozen=True):
    """One file, as the page shows it."""

    name: str
    src: str = ""
    """Relative address, or the id of an embedded file; empty where there is nothing to show."""
    width: int = 0
    height: int = 0
    """Pixels of the upright file, which boxes count in; 0 where they are not known."""
    shown: tuple[int, int] | None = None
    """Pixels that the page has of it, where it was shrunk."""
    deep: DeepPicture | None = None
    """What 8 bits lose of it; None where they lose nothing, or the page may hold no pixels."""
    why: str = ""
    """Why it can't be shown, or not as it is."""


class EmbeddedFile(Value, frozen=True):
    """The bytes of a picture, once on a page however many studies show it."""

    data: str
    """As an address that holds them (``data:``)."""


class Drawn(Value, frozen=True):
    """A box in pixels of its picture."""

    said: str
    """As it was written: numbers and frame."""
    xywh: tuple[float, float, float, float] | None = None
    """Left, top, width, height; None where it can't be drawn."""
    problems: str = ""


class Cut(Value, frozen=True):
    """A region image: what is shown of a picture, and how."""

    picture: int
    render: str = "file"
    box: Drawn | None = None


@dataclass
class Album:
    """The pictures of one study, each once. ``page`` is the file that they are shown in."""

    store: ImageStore
    pictures: list[Picture] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)

    def add(self, image: Image) -> int:
        """The number of the picture that ``image`` is, or is a part of."""
        if image.path not in self._numbers:
            self._numbers[image.path] = len(self.pictures)
            self.pictures.append(self.store.picture(image))
        return self._numbers[image.path]

    def cut(self, image: Image) -> Cut:
        """A region image, to be drawn from its picture; one that went through JPEG looks as it did before."""
        image = image.parts[0] if image.render == "jpeg" and image.parts else image
        number = self.add(image)
        box = self.drawn(image.box, number) if image.box is not None and image.render != "file" else None
        if box is not None and box.xywh is not None:
            left, top, right, bottom = rendering.pixel_box(_corners(box.xywh))
            box = Drawn(box.said, (left, top, right - left, bottom - top), box.problems)
        return Cut(number, image.render.partition("@")[0], box)

    def drawn(self, box: Box, number: int) -> Drawn:
        """A box on a picture."""
        picture = self.pictures[number] if number >= 0 else None
        size = (picture.width, picture.height) if picture and picture.width else None
        said = f"[{', '.join(f'{v:g}' for v in box.xyxy)}] {box.frame}"
        faults = geometry.problems(box, size)
        words = "; ".join(faults)
        if size is None or any(fault.startswith(_FATAL) for fault in faults):
            return Drawn(said, problems=words)
        left, top, right, bottom = geometry.convert(box, "original", size).xyxy
        return Drawn(said, (_short(left), _short(top), _short(right - left), _short(bottom - top)), words)


@dataclass
class ImageStore:
    """Where the pictures of a page come from."""

    page: Path
    how: How = "link"
    max_edge: int = MAX_EDGE
    unseen: int = 0
    """Pictures that could not be shown."""
    first_unseen: str = ""
    copied: int = 0
    scripts: int = 0
    """Pictures of which all values lie in scripts beside the page."""
    study: int = 0
    """The number of the study whose pictures are asked for."""
    _fresh: list[tuple[str, EmbeddedFile]] = field(default_factory=list)
    _embedded: dict[str, str] = field(default_factory=dict)
    _known: dict[str, Picture] = field(default_factory=dict)

    def picture(self, image: Image) -> Picture:
        """The file of ``image``; what is wrong with it stands in ``why``."""
        if image.path in self._known:
            return self._known[image.path]
        name = image.name or Path(image.path).name
        try:
            picture = self._link(image, name) if self.how == "link" else self._load(image, name)
        except DataError as error:
            width, height = image.size or (0, 0)
            picture = Picture(name, width=width, height=height, why=str(error))
        if not picture.src:
            self.unseen += 1
            self.first_unseen = self.first_unseen or picture.why
        self._known[image.path] = picture
        return picture

    def fresh(self) -> list[tuple[str, EmbeddedFile]]:
        """The files to embed that were met since this was last asked, each under its id."""
        fresh, self._fresh = self._fresh, []
        return fresh

    def address(self, path: Path) -> str:
        """A file's address as seen from the page."""
        relative = os.path.relpath(path, self.page.parent)
        return quote(os.fsencode(relative).replace(os.sep.encode(), b"/"))

    def _link(self, image: Image, name: str) -> Picture:
        """The file where it is: read no further than its header."""
        header = _header(image.path)
        width, height = image.size or header.size or rendering.size_of(image.path)
        if header.media_type not in BROWSER:
            why = f"browsers do not show {header.media_type}; --copy-images or --embed-images converts it"
            return Picture(name, width=width, height=height, why=why)
        way = "--copy-images or --embed-images shows it as models see it, and lets all 16 bits be windowed"
        why = f"16 bits per pixel, of which browsers show the upper 8, often dark; {way}" if header.deep else ""
        return Picture(name, self.address(Path(image.path)), width, height, why=why)

    def _load(self, image: Image, name: str) -> Picture:
        """Its bytes, or a smaller picture made of them."""
        width, height = image.size or rendering.size_of(image.path)
        large = max(width, height) > self.max_edge
        whole = Image(path=image.path)
        made = rendering.load(whole, ("image/jpeg",) if large else BROWSER, self.max_edge if large else None)
        if self.how == "embed":
            src = self._embed(made.data, made.media_type)
        else:
            src = self._copy(made.data, _SUFFIXES[made.media_type])
        shown = made.size if made.size != (width, height) else None
        return Picture(name, src, width, height, shown, self._deep(image.path))

    def _deep(self, path: str) -> DeepPicture | None:
        """All values of a picture that has more than 8 bits, beside the 8 that models see."""
        found = deep.read(path, self.max_edge)
        if found is None:
            return None
        png = found.as_png()
        if self.how == "embed":
            src = self._embed(png, "image/png")
        else:
            self.scripts += 1
            script = f'mmradFilm("{_name(png)}","{_data(png, "image/png")}");\n'
            src = self._copy(script.encode(), ".js", _name(png))
        return DeepPicture(src, found.window, found.first, found.step, found.most, int(found.codes.sum(dtype="int64")))

    def _copy(self, data: bytes, suffix: str, name: str = "") -> str:
        """The address of a file beside the page."""
        file = self.page.parent / "images" / ((name or _name(data)) + suffix)
        if not file.exists():
            write_whole(file, data)
            self.copied += 1
        return self.address(file)

    def _embed(self, data: bytes, media_type: str) -> str:
        """The id of a file on the page; it ends in the number of the study that showed it first, where it lies."""
        name = _name(data)
        if name not in self._embedded:
            self._embedded[name] = f"picture-{name}-{self.study}"
            self._fresh.append((self._embedded[name], EmbeddedFile(_data(data, media_type))))
        return self._embedded[name]


def _name(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:24]


def _data(data: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def _header(path: str) -> headers.Header:
    try:
        with Path(path).open("rb") as file:
            return headers.read(file.read(headers.START), path)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}; the data may have moved (--references)") from error


def _corners(xywh: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    left, top, width, height = xywh
    return left, top, left + width, top + height


def _short(value: float) -> float:
    return round(value, 2)
