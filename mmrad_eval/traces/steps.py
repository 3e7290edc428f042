"""Steps in the words of a model: lines that open with ``Step n:``, or sentences as the authors' records have them."""

from __future__ import annotations

import re

from mmrad_eval.core.values import Box, Frame, Step, Trace
from mmrad_eval.traces import mmrad
from mmrad_eval.traces.geometry import CANONICAL
from mmrad_eval.traces.record import PLACEHOLDER, trace_of
from mmrad_eval.traces.regions import category_of, resolve

_OPENS = r"[ \t>#*_-]*step[ \t]+(\d+)[ \t*_]*[:.)-][ \t*_]*"
_STEP = re.compile(
    rf"^{_OPENS}(?:([^:\n]{{1,80}}?)[ \t*_]*:[ \t*_]*)?(.*?)(?=^{_OPENS.replace('(', '(?:')}|\Z)",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
_NUMBER = r"\s{0,2}(-?\d{1,6}(?:\.\d{1,6})?)\s{0,2}"
_BOX = re.compile(rf"[\[(]{{1,2}}{_NUMBER},{_NUMBER},{_NUMBER},{_NUMBER}[\])]{{1,2}}")


def read_trace(text: str, frame: Frame = CANONICAL) -> Trace | None:
    """The trace in a text: its steps where it marks them, and its words; None for an empty text.

    A box after a region's name, or at the beginning of what is seen there, is in ``frame``.
    """
    return Trace(read_steps(text, frame), text) if text.strip() else None


def read_steps(text: str, frame: Frame = CANONICAL) -> tuple[Step, ...]:
    """The steps of a text, in order; none where it marks none."""
    marked = tuple(_step(match, frame) for match in _STEP.finditer(text))
    return marked or _as_authors_write(text)


def _step(match: re.Match[str], frame: Frame) -> Step:
    region, text = match[2] or "", match[3].strip(" *_\n")
    found = _BOX.search(region) or _BOX.match(text)
    box = None
    if found is not None:
        box = Box((float(found[1]), float(found[2]), float(found[3]), float(found[4])), frame)
        region = _BOX.sub("", region)
        text = _BOX.sub("", text, count=1).lstrip(" :*_-") if found.string == text else text
    region = region.strip(" *_,(")
    known = resolve(region) if region else None
    return Step(
        region=region,
        regions=(known.name,) if known else (),
        category=category_of(region) if region else "other",
        box=box,
        text=text,
    )


def _as_authors_write(text: str) -> tuple[Step, ...]:
    """Steps of a model that was trained on the authors' records; boxes are in their frame, whatever its card says."""
    if "I need to analy" not in text:  # most answers are not, and parsing costs a tenth of a millisecond
        return ()
    fields = {"prompt": "", "response": text, "images": [None] * text.count(PLACEHOLDER)}
    return trace_of(mmrad.parse(fields)).steps
