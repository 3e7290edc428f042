"""Looks in the transcripts of other harnesses: calls of a zoom tool among a model's words, and pictures between them.

A transcript is pieces in order, words and pictures. A call says which box is looked at: ``<tool_call>`` with
``bbox_2d`` in pixels of the film, as DeepEyes and its kin write it, or ``<grounding>`` with ``bbox_2d`` in fractions of
its source, as Mini-o3 does. The picture that answers it follows, or was not kept. Words before a look announce it,
words after it are what was seen, up to the next look or the report.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mmrad_eval.core import decode
from mmrad_eval.core.errors import DataError
from mmrad_eval.traces.record import (
    PLACEHOLDER,
    FrameOf,
    Provenance,
    RecordImage,
    Segment,
    StudyOf,
    TraceRecord,
    escaped,
    read_sections,
    unescaped,
)
from mmrad_eval.traces.regions import fine_names

FILM = "film"
"""The id of the picture that looks are cut from."""
MARK = re.compile(r"<tool_call>|<grounding>|\[Image: ")
"""What tells that words may hold looks."""

Edges = tuple[float, float, float, float]
_CALL = re.compile(r"<(tool_call|grounding)>\s*(.*?)\s*(?:</\1>|\Z)", re.DOTALL)
_PICTURE = re.compile(r"\[Image: ([^\]\n]*)\]")
_SHED = re.compile(
    r"<tool_response>.*?(?:</tool_response>|\Z)|</?think(?:ing)?>|^\s*(?:user|assistant)\s*$|^\s*Round_\d+:\s*",
    re.DOTALL | re.MULTILINE | re.IGNORECASE,
)
_ANSWER = re.compile(r"<answer>\s*(.*?)\s*(?:</answer>|\Z)", re.DOTALL)


class KeptPicture(NamedTuple):
    """A picture between words; ``path`` is empty where it was not kept."""

    path: str


Piece = str | KeptPicture


@dataclass
class _Look:
    edges: Edges | None
    frame: str
    label: str
    source: str = ""
    """Of a call that looks at an earlier picture."""
    path: str = ""
    seen: str = ""


@dataclass
class _Read:
    looks: list[_Look] = field(default_factory=list)
    before: str = ""
    notes: list[str] = field(default_factory=list)


def pieces_of(text: str) -> Iterator[Piece]:
    """The words and pictures of one text that marks its pictures ``[Image: path]``."""
    at = 0
    for mark in _PICTURE.finditer(text):
        yield text[at : mark.start()]
        yield KeptPicture(mark[1].strip())
        at = mark.end()
    yield text[at:]


def has_looks(text: str) -> bool:
    """Whether a text holds calls or pictures."""
    return MARK.search(text) is not None


def final_words(pieces: Sequence[Piece]) -> str:
    """The words behind the last look, in which the report is looked for; of a loop that ends in a call, that call."""
    last = max((at for at, piece in enumerate(pieces) if isinstance(piece, KeptPicture)), default=-1)
    words = "".join(piece for piece in pieces[last + 1 :] if isinstance(piece, str))
    calls = list(_CALL.finditer(words))
    rest = words[calls[-1].end() :] if calls else words
    said = re.sub(r"<tool_response>.*?(?:</tool_response>|\Z)", "", rest, flags=re.DOTALL).strip()
    return said or words.strip()


def record_of(
    pieces: Iterable[Piece], identity: str, *, film: str = "", producer: str = "", notes: Sequence[str] = ()
) -> TraceRecord:
    """The neutral record of a transcript; ``film`` is the path of the picture that was asked about, where it is told.

    A look whose picture was not kept is to be cut anew from the film, and says so.
    """
    pieces = list(pieces)
    read = _read(pieces)
    report = final_words(pieces)
    answer = _ANSWER.search(report)
    words = (answer[1] if answer else _shed(report)).strip()
    images, response, segments = [RecordImage(FILM, "problem", film or None)], _Words(), []
    if read.before:
        segments.append(response.add(read.before, "text"))
    for number, look in enumerate(read.looks, 1):
        box = _on_film(look, read.looks)
        frame = look.frame if box else ""
        images.append(_image(number, look, box))
        named = fine_names(look.label) or fine_names(look.seen)
        place = "" if look.edges is None else str([round(value, 6) for value in look.edges])
        segments.append(
            response.add(f"{look.label} {place}".strip() or "-", "box", number, box, frame, look.label, named)
        )
        segments.append(response.add(PLACEHOLDER, "image", number, image=images[-1].id))
        if look.seen:
            segments.append(response.add(escaped(look.seen), "text", number))
    if words:
        segments.append(response.add(escaped(words), "report"))
    lost = [f"look {n}: its image was not kept; it is cut again" for n, one in enumerate(read.looks, 1) if not one.path]
    return TraceRecord(
        id=identity,
        study=StudyOf(study=identity),
        frame=FrameOf(kind="original", size=None),
        images=tuple(images),
        response=response.text,
        image_order=tuple(image.id for image in images[1:]),
        segments=tuple(segments),
        report=read_sections(unescaped(words)),
        provenance=Provenance(producer=producer, mode="tool_loop" if read.looks else "import"),
        notes=(*notes, *read.notes, *lost),
    )


class _Words:
    """A response that grows, piece by piece."""

    def __init__(self) -> None:
        self.text = ""

    def add(  # noqa: PLR0917 (the fields of a segment)
        self,
        words: str,
        kind: Any,
        step: int | None = None,
        box: Edges | None = None,
        frame: str = "",
        region: str = "",
        regions: tuple[str, ...] = (),
        image: str | None = None,
    ) -> Segment:
        """The segment of words that are put at the end."""
        self.text += "\n" if self.text else ""
        start = len(self.text)
        self.text += words
        return Segment(
            "response",
            kind,
            start,
            len(self.text),
            step,
            region_raw=region,
            regions=regions,
            image=image,
            box=box,
            box_frame=frame,
        )


def _read(pieces: Sequence[Piece]) -> _Read:
    """The looks of a transcript, in order, and what is said before and after each."""
    read, open_call = _Read(), False
    for piece in pieces:
        if isinstance(piece, KeptPicture):
            if not open_call:
                read.looks.append(_Look(None, "", ""))
            read.looks[-1].path, open_call = piece.path, False
            continue
        at = 0
        for call in _CALL.finditer(piece):
            _say(read, piece[at : call.start()])
            at = call.end()
            look = _call(call[1], call[2])
            if look is None:
                read.notes.append("a call without a box of four numbers was left out")
                continue
            read.looks.append(look)
            open_call = True
        _say(read, _ANSWER.sub("", piece[at:]) if piece is pieces[-1] else piece[at:])
    return read


def _say(read: _Read, words: str) -> None:
    said = _shed(words)
    if not said:
        return
    if read.looks:
        read.looks[-1].seen = f"{read.looks[-1].seen} {said}".strip()
    else:
        read.before = f"{read.before} {said}".strip()


def _shed(words: str) -> str:
    """Words without the marks of thoughts, roles and rounds, and without what the tool answered."""
    return " ".join(_SHED.sub(" ", words).split())


def _call(kind: str, body: str) -> _Look | None:
    """A look of one call; None where it names no box."""
    try:
        value = decode.json_value(body.encode(), "a call")
    except DataError:
        return None
    told = value.get("arguments", value) if isinstance(value, dict) else None
    numbers = told.get("bbox_2d") if isinstance(told, dict) else None
    if not isinstance(told, dict) or not isinstance(numbers, list) or len(numbers) != 4:
        return None
    if not all(isinstance(one, int | float) and not isinstance(one, bool) for one in numbers):
        return None
    x1, y1, x2, y2 = map(float, numbers)
    if x2 <= x1 or y2 <= y1:
        return None
    label, source = told.get("label"), told.get("source")
    frame = "norm_1" if kind == "grounding" else "original"
    return _Look((x1, y1, x2, y2), frame, str(label or ""), str(source or ""))


def _on_film(look: _Look, looks: Sequence[_Look]) -> Edges | None:
    """The box on the film: one in an earlier picture lies within that picture's box."""
    if look.edges is None:
        return None
    earlier = re.fullmatch(r"observation_(\d+)", look.source)
    if look.frame != "norm_1" or earlier is None:
        return look.edges
    at = int(earlier[1]) - 1
    if not 0 <= at < looks.index(look):
        return None
    outer = _on_film(looks[at], looks)
    if outer is None:
        return None
    (left, top, right, bottom), (x1, y1, x2, y2) = outer, look.edges
    width, height = right - left, bottom - top
    return (left + x1 * width, top + y1 * height, left + x2 * width, top + y2 * height)


def _image(number: int, look: _Look, box: Edges | None) -> RecordImage:
    kept = bool(look.path)
    return RecordImage(
        f"look_{number}",
        "reasoning",
        look.path or None,
        derived_from=FILM if box else "",
        render="unknown" if kept and box is None else "crop",
        box=box,
        box_frame=look.frame if box else "",
        source="tool" if box else "model",
    )
