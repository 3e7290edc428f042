"""Reading an answer: the status of a reply, the report in it, and the trace that the model wrote.

Every reply ends in a status; a rejected request alone is no answer, and fails. Where no report can be found, or the
model declined, the report is empty and is scored as empty. What of the words is thought and what is report,
``datasets.raw_text`` says.
"""

from __future__ import annotations

from collections.abc import Sequence

from mmrad_eval.core.errors import Failed
from mmrad_eval.core.values import Answer, Frame, ModelStatus, Reply, Target, Trace
from mmrad_eval.datasets import raw_text
from mmrad_eval.datasets.raw_text.thinking import split_thought
from mmrad_eval.traces.geometry import CANONICAL
from mmrad_eval.traces.steps import read_trace

__all__ = ["read_answer", "split_thought"]

_DECLINED: dict[str, ModelStatus] = {"refusal": "refused", "too long": "too long"}
_WHY_LENGTH = 200


def read_answer(
    reply: Reply, target: Target, *, traced: bool = False, frame: Frame = CANONICAL, thinking: Sequence[str] = ()
) -> Answer:
    """The answer in a reply. ``traced``: the model was asked to write a trace before the report.

    Boxes of its steps are in ``frame``. ``thinking``: the marks of thoughts that the model's card declares.
    """
    if reply.finish == "rejected":  # nothing that the model did
        raise Failed(reply.why or "the endpoint rejected the request")
    if reply.finish in _DECLINED:
        return Answer("", _DECLINED[reply.finish], _short(reply.why or reply.text or reply.finish))
    found = raw_text.read(reply.text, target, traced=traced, thinking=thinking)
    apart = reply.reasoning.strip()
    trace = _trace("\n\n".join(t for t in (apart, found.thought) if t), frame)
    status, why = found.status, found.why
    if status == "empty" and apart and not reply.text.strip():
        status, why = "unparsed", "no text after the reasoning"
    if reply.finish == "length" and status in {"ok", "empty", "unparsed"}:
        status = "truncated"
    if status == "ok" or not found.why:
        why = reply.why
    return Answer("", status, why, found.report, trace, events=found.events)


def _trace(words: str, frame: Frame) -> Trace | None:
    """The trace that the model wrote: steps where it marked them, otherwise its words."""
    return read_trace(words, frame)


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _WHY_LENGTH else f"{words[: _WHY_LENGTH - 1]}\u2026"
