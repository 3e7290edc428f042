"""The exact requests of an answer, and what came back: out of the journal, by the answer's keys.

The journal holds no pixels, so the pictures of a request are named by digest. A page shows the picture that belongs to
each, which is found by how it was made and in which order pictures are shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.journal import Journal
from mmrad_eval.core.values import Answer, Decoding, Image, Served, Study, Usage, Value
from mmrad_eval.model_registry.stored_replies import read_stored
from mmrad_eval.results.run.folder import RunFolder, safe_name
from mmrad_eval.results.run.record import Run
from mmrad_eval.results.view.images import Album, Cut
from mmrad_eval.tasks.views import chosen
from mmrad_eval.traces import geometry, rendering


class ViewedPart(Value, frozen=True):
    """Words, or a picture."""

    text: str = ""
    image: str = ""
    """SHA-256 of the bytes that were sent; empty for words."""
    how: str = ""
    """How they were made of the file."""
    cut: Cut | None = None
    """What they show, where that is known."""


class ViewedTurn(Value, frozen=True):
    """A message."""

    role: str
    parts: tuple[ViewedPart, ...]


class Exchange(Value, frozen=True):
    """A request and its reply."""

    key: str
    found: bool = True
    """False where the journal is not there, or does not hold it."""
    provider: str = ""
    model: str = ""
    revision: str | None = None
    decoding: Decoding | None = None
    sample: int = 0
    extra: str = ""
    """Further fields of the body, as JSON."""
    turns: tuple[ViewedTurn, ...] = ()
    reply: str = ""
    reasoning: str = ""
    finish: str = "stop"
    why: str = ""
    made: tuple[str, ...] = ()
    """Addresses of images that the model made."""
    usage: Usage = Usage()
    served: Served = Served()
    latency: float = 0.0


class Replies:
    """The journals that the runs of a page wrote, each opened once."""

    def __init__(self) -> None:
        self._journals: dict[Path, Journal] = {}

    def close(self) -> None:
        """Let go of the files."""
        for journal in self._journals.values():
            journal.close()

    def exchanges(
        self, folder: RunFolder, run: Run, answer: Answer, study: Study, album: Album
    ) -> tuple[Exchange, ...]:
        """What was asked for one answer, in order."""
        journal = self._journal(folder, run)
        if journal is None:
            return tuple(Exchange(key, found=False) for key in answer.keys)
        candidates = _candidates(run, answer, study)
        return tuple(_exchange(key, journal, candidates, album) for key in answer.keys)

    def _journal(self, folder: RunFolder, run: Run) -> Journal | None:
        results = results_of(folder)
        if results is None:
            return None
        place = results / "replies" / safe_name(run.identity.dataset) / safe_name(run.card.label)
        if place not in self._journals:
            self._journals[place] = Journal(place)
        return self._journals[place]


def results_of(folder: RunFolder) -> Path | None:
    """The results folder that a run lies in; None where it lies alone."""
    parents = folder.path.absolute().parents
    return parents[4] if len(parents) > 4 and parents[3].name == "runs" else None


def _exchange(key: str, journal: Journal, candidates: Sequence[Image], album: Album) -> Exchange:
    asked, replied = journal.request(key), journal.get(key)
    reply = None if replied is None else read_stored(replied)
    if asked is None or reply is None:
        return Exchange(key, found=False)
    request: dict[str, Any] = msgspec.json.decode(asked)
    extra = request.get("extra")
    return Exchange(
        key=key,
        provider=request["provider"],
        model=request["model"],
        revision=request.get("revision"),
        decoding=msgspec.convert(request["decoding"], Decoding),
        sample=request.get("sample", 0),
        extra=msgspec.json.format(msgspec.json.encode(extra), indent=1).decode() if extra else "",
        turns=_turns(request["messages"], candidates, album),
        reply=reply.text,
        reasoning=reply.reasoning,
        finish=reply.finish,
        why=reply.why,
        made=tuple(album.store.address(journal.folder / name) for name in reply.images),
        usage=reply.usage,
        served=reply.served,
        latency=reply.latency,
    )


def _candidates(run: Run, answer: Answer, study: Study) -> list[Image]:
    """What a request may show, in the order in which tasks show it: whole images, earlier ones, region images."""
    selection = run.identity.selection
    images = list(chosen(study, selection.views))
    if selection.priors == "images":
        images += [image for prior in study.priors for image in prior.images]
    for trace in (answer.shown, answer.trace):
        images += [step.image for step in trace.steps if step.image is not None] if trace else []
    return images


def _turns(messages: Sequence[Mapping[str, Any]], candidates: Sequence[Image], album: Album) -> tuple[ViewedTurn, ...]:
    marks = [part for message in messages for part in message["parts"] if "image" in part]
    found = iter(_matched(marks, candidates))
    return tuple(ViewedTurn(message["role"], tuple(_parts(message["parts"], found, album))) for message in messages)


def _parts(parts: Iterable[Mapping[str, str]], found: Iterator[Image | None], album: Album) -> Iterator[ViewedPart]:
    for part in parts:
        if "image" not in part:
            yield ViewedPart(text=part["text"])
            continue
        image = next(found)
        yield ViewedPart(image=part["image"], how=part["how"], cut=album.cut(image) if image else None)


def _matched(marks: Sequence[Mapping[str, str]], candidates: Sequence[Image]) -> list[Image | None]:
    """The candidate behind each mark, by order where as many were shown as there are.

    Where they are not as many (a task without the whole image, an early turn of a talk), untouched files are found by
    their digest and drawn ones by the box in their ``how``.
    """
    whole = [image for image in candidates if image.render == "file"]
    drawn = [image for image in candidates if image.render != "file"]
    files = [mark for mark in marks if not _is_drawn(mark["how"])]
    parts = [mark for mark in marks if _is_drawn(mark["how"])]
    of_files: Sequence[Image | None] = whole
    of_parts: Sequence[Image | None] = drawn
    if len(files) != len(whole):
        known = {_digest(image): image for image in reversed(whole)}
        of_files = [known.get(mark["image"]) for mark in files]
    if len(parts) != len(drawn):
        of_parts = [next((i for i in drawn if _drawn_as(i) in mark["how"]), None) for mark in parts]
    file, part = iter(of_files), iter(of_parts)
    return [next(part if _is_drawn(mark["how"]) else file) for mark in marks]


def _is_drawn(how: str) -> bool:
    return any(f"{render}/" in how for render in rendering.RENDERS if render not in {"file", "padded"})


def _drawn_as(image: Image) -> str:
    """The words that ``Rendered.how`` has for this part of a file."""
    if image.box is None:
        return f"{image.render}/?"
    try:
        size = image.size or rendering.size_of(image.path)
        left, top, right, bottom = rendering.pixel_box(geometry.convert(image.box, "original", size).xyxy)
    except DataError:
        return f"{image.render}/?"
    return f"{image.render}/{rendering.VERSION} [{left}, {top}, {right}, {bottom}]"


def _digest(image: Image) -> str:
    try:
        return hashlib.sha256(Path(image.path).read_bytes()).hexdigest()
    except OSError:
        return ""
