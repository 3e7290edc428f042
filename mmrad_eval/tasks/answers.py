"""Reading an answer: the status of a reply, the report in it, and the trace that the model wrote.

Every reply ends in a status; a rejected request alone is no answer, and fails. Where no report can be found, or the
model declined, the report is empty and is scored as empty. What of the words is thought and what is report,
``datasets.raw_text`` says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mmrad_eval.core.errors import DataError, Failed
from mmrad_eval.core.values import (
    Answer,
    Card,
    Message,
    ModelStatus,
    OutputImage,
    Reply,
    Step,
    Study,
    Target,
    Text,
    Trace,
)
from mmrad_eval.datasets import raw_text
from mmrad_eval.datasets.raw_text.marks import without_boxes
from mmrad_eval.datasets.raw_text.thinking import split_thought
from mmrad_eval.tasks.drawn_steps import before_and_after, drawn_steps
from mmrad_eval.tasks.views import key_image
from mmrad_eval.traces.boxed import BoxReader, boxed_steps, known_dialect
from mmrad_eval.traces.geometry import Size
from mmrad_eval.traces.rendering import size_of
from mmrad_eval.traces.steps import read_trace

__all__ = ["read_answer", "split_thought"]

_DECLINED: dict[str, ModelStatus] = {"refusal": "refused", "too long": "too long"}
_WHY_LENGTH = 200


def read_answer(
    reply: Reply,
    target: Target,
    *,
    traced: bool = False,
    card: Card | None = None,
    study: Study | None = None,
    asked: Sequence[Message] = (),
    shown: Trace | None = None,
) -> Answer:
    """The answer in a reply. ``traced``: the model was asked to write a trace before the report.

    ``card`` says how the model marks thoughts and boxes; these lie on the key image of ``study``. Without a card
    no form of box is taken for granted. ``asked``: the messages that the reply answers; their words are no part of the
    report, but for those of the evidence that they show, ``shown``, which a report may repeat.
    """
    if reply.finish == "rejected":  # nothing that the model did
        raise Failed(reply.why or "the endpoint rejected the request")
    if reply.finish in _DECLINED:
        return Answer("", _DECLINED[reply.finish], _short(reply.why or reply.text or reply.finish))
    thinking = card.thinking if card else ()
    placed = bool(reply.images) and not reply.unordered
    before, words = before_and_after(reply.parts) if placed else ("", reply.text)
    told = evidence_words(shown)
    found = raw_text.read(words, target, traced=traced, thinking=thinking, asked=_words(asked), told=told)
    apart = reply.reasoning.strip()
    reader = _reader(card, study)
    pictures = [part for part in reply.parts if isinstance(part, OutputImage)]  # alone, no words announce them
    drawn = drawn_steps(pictures if reply.unordered else reply.parts, reader) if pictures else ()
    trace = _trace("\n\n".join(t for t in (apart, before, found.thought) if t), found, reader, drawn)
    status, why = found.status, found.why
    if status == "empty" and apart and not reply.text.strip():
        status, why = "unparsed", "no text after the reasoning"
    if reply.finish == "length" and status in {"ok", "empty", "unparsed"}:
        status = "truncated"
    if status == "ok" or not found.why:
        why = reply.why
    counts = Counter(found.events) + reader.events if reader.events else found.events
    if reply.unordered:
        counts = {**counts, "pictures in unknown order": 1}
    events = dict(sorted(counts.items()))
    return Answer("", status, why, found.report, trace, events=events)


def evidence_words(shown: Trace | None) -> str:
    """What the steps of shown evidence say."""
    return "\n".join(step.text for step in shown.steps) if shown else ""


def _words(messages: Sequence[Message]) -> str:
    """What the messages of the user and the system say."""
    texts = (part.text for m in messages if m.role != "assistant" for part in m.parts if isinstance(part, Text))
    return "\n".join(texts)


def _reader(card: Card | None, study: Study | None) -> BoxReader:
    """How the boxes of this model are read."""
    if card is None:
        return BoxReader()

    def size() -> Size | None:
        key = key_image(study) if study is not None else None
        try:
            return None if key is None else key.size or size_of(key.path)
        except DataError:  # pixels are not needed to read an answer again
            return None

    return BoxReader(known_dialect(card.dialect), card.box_frame, size)


def _trace(thought: str, found: raw_text.Understood, reader: BoxReader, drawn: tuple[Step, ...] = ()) -> Trace | None:
    """The trace that the model wrote, with the pictures that it drew, and the statements that it gave a box."""
    trace = Trace(drawn, thought) if drawn else read_trace(thought, reader)
    stated = boxed_steps(found.boxed, found.marks, reader, lambda words: without_boxes(words, []), "report")
    if not stated:
        return trace
    return Trace((*trace.steps, *stated), trace.text) if trace else Trace(stated)


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _WHY_LENGTH else f"{words[: _WHY_LENGTH - 1]}\u2026"
