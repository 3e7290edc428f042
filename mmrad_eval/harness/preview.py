"""A dry run: what would be asked, measured on real conversations of a sample of the studies. Nothing is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmrad_eval.core.contracts import is_client
from mmrad_eval.core.errors import MmradError
from mmrad_eval.core.values import Image, Text
from mmrad_eval.harness.plan import Plan, first_question
from mmrad_eval.traces import rendering

_SAMPLE = 24
_CHARACTERS = 4.0
"""Characters of English text to a token, about, in the tokenizers of current models."""
_PIXELS = 784.0
"""Pixels to an image token: 28 x 28, as Qwen2.5-VL; other families differ by a factor of two or so."""


@dataclass(frozen=True)
class Preview:
    """First questions of a run, in numbers; all but ``studies`` and ``requests`` are estimated from a sample."""

    studies: int
    requests: int
    images: float
    megabytes: float
    """Of images, before base64 makes a third more of them."""
    prompt_tokens: float
    most_completion_tokens: int
    longest: tuple[str, float]
    """Study id and prompt tokens of the longest conversation of the sample."""
    trouble: Sequence[str]
    """Studies of the sample that can't be asked, and why."""


def preview(plan: Plan) -> Preview:
    """Hold the first turn of up to 24 conversations, spread over the selection, up to the moment of sending."""
    n = len(plan.studies)
    if not is_client(plan.model):
        return Preview(n, 0, 0, 0, 0, 0, ("", 0), ())
    sample = [plan.studies[i * n // min(n, _SAMPLE)] for i in range(min(n, _SAMPLE))]
    images = size = tokens = 0.0
    longest, trouble = ("", 0.0), []
    for study in sample:
        try:
            measured = [_measure(part, plan) for message in first_question(plan, study) for part in message.parts]
        except MmradError as error:
            trouble.append(f"{study.id}: {error}")
            continue
        images += sum(count for count, _, _ in measured)
        size += sum(b for _, b, _ in measured)
        here = sum(t for _, _, t in measured)
        tokens += here
        longest = max(longest, (study.id, here), key=lambda pair: pair[1])
    scale = n / max(len(sample) - len(trouble), 1)
    most = n * plan.identity.decoding.max_tokens
    return Preview(n, n, images * scale, size * scale / 1e6, tokens * scale, most, longest, tuple(trouble))


def _measure(part: Text | Image, plan: Plan) -> tuple[int, float, float]:
    """(images, bytes, tokens) of one part."""
    if isinstance(part, Text):
        return 0, 0.0, len(part.text) / _CHARACTERS
    made = rendering.load(part, plan.card.formats, plan.identity.extra.get("max_edge"))
    return 1, float(len(made.data)), made.size[0] * made.size[1] / _PIXELS
