"""Zebra-CoT rows: a question, a reasoning trace with pictures between its words, and a final answer.

Columns (dataset ``multimodal-reasoning-lab/Zebra-CoT``): ``Question``, ``Text Reasoning Trace``, ``Final Answer``,
``problem_image_k`` and ``reasoning_image_k``. A picture stands in the words as
``<image_start>[reasoning_image_1]<image_end>``; steps open with ``THOUGHT n:``.

Question becomes the prompt; trace and answer become the response, with a cue of ours between them. A picture whose
column is not referred to keeps its place in ``images`` and has none in ``image_order``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Report
from mmrad_eval.traces.record import (
    PLACEHOLDER,
    FrameOf,
    Part,
    RecordImage,
    Segment,
    StudyOf,
    TraceRecord,
    count_mismatch,
    escaped,
    fields_of,
    read_sections,
    unescaped,
)
from mmrad_eval.traces.regions import fine_names

QUESTION, TRACE, ANSWER = "Question", "Text Reasoning Trace", "Final Answer"
CUE = "\n\nFinal Answer: "
Save = Callable[[str, bytes], str]
"""Keeps the bytes of a picture under a name, and says at which path."""

_COLUMN = re.compile(r"(problem|reasoning)_image_(\d+)")
_MARK = re.compile(r"<image_start>\[((?:problem|reasoning)_image_\d+)\]<image_end>")
_THOUGHT = re.compile(r"^[ \t]*THOUGHT[ \t]+\d+[ \t]*:", re.MULTILINE)


def parse(row: Mapping[str, Any], identity: str, *, where: str = "", save: Save | None = None) -> TraceRecord:
    """The neutral record of a row; a picture's value is a path, or a mapping with ``path`` and ``bytes``.

    ``save`` keeps pixels that the row holds itself and returns their path; without it they are noted and left.
    DataError where question or trace are missing.
    """
    place = f"{where}: " if where else ""
    for name in (QUESTION, TRACE):
        if not isinstance(row.get(name), str):
            raise DataError(
                f"{place}a Zebra-CoT row has texts {QUESTION!r} and {TRACE!r}; {name!r} is {row.get(name)!r}"
            )
    answer = row.get(ANSWER)
    columns = sorted((name for name in row if _COLUMN.fullmatch(name) and row[name] is not None), key=_order)
    prompt, asked = _placed(row[QUESTION])
    trace, shown = _placed(row[TRACE])
    response = trace if answer is None else f"{trace}{CUE}{escaped(str(answer))}"
    order = [*asked, *shown]
    missing = tuple(name for name in dict.fromkeys(order) if name not in columns)
    images = [_image(name, row[name], identity, save) for name in columns]
    images += [_image(name, None, identity, None) for name in missing]
    inside = [name for name in columns if save is None and _pixels(row[name])]
    return TraceRecord(
        id=identity,
        study=StudyOf(dataset="zebra-cot"),
        frame=FrameOf(kind="none", size=None),
        images=tuple(images),
        prompt=prompt,
        response=response,
        image_order=tuple(order),
        segments=(*_pictures("prompt", prompt, asked), *_segments(response, shown, len(trace))),
        report=read_sections(str(answer)) if answer is not None else Report(),
        invalid=count_mismatch(prompt, response, len(order)),
        notes=(
            *(f"the words point at {name}, and the row has no such picture" for name in missing),
            *(f"the pixels of {name} are inside the row and were not kept" for name in inside),
        ),
        extra=fields_of(dict(row), (QUESTION, TRACE, ANSWER, *columns)),
    )


def write(record: TraceRecord) -> dict[str, Any]:
    """A row. Pictures of records from elsewhere are numbered by role; a report is the final answer."""
    import msgspec

    names = _names(record)
    cue = next((s for s in record.segments if s.type == "report_cue" and record.text(s) == CUE), None)
    trace = record.response[: cue.start] if cue else record.response
    answer = record.response[cue.end :] if cue else record.report.text
    split = record.prompt.count(PLACEHOLDER)
    row: dict[str, Any] = {
        QUESTION: _marked(record.prompt, [names[i] for i in record.image_order[:split]]),
        TRACE: _marked(trace, [names[i] for i in record.image_order[split:]]),
    }
    if cue or answer:
        row[ANSWER] = unescaped(answer)
    row |= {names[image.id]: image.path for image in record.images if image.path is not None}
    return {**row, **{name: msgspec.json.decode(raw) for name, raw in record.extra.items()}}


def _names(record: TraceRecord) -> dict[str, str]:
    """The column of each picture."""
    if all(_COLUMN.fullmatch(image.id) for image in record.images):
        return {image.id: image.id for image in record.images}
    counts = {"problem": 0, "reasoning": 0}
    names = {}
    for image in record.images:
        counts[image.role] += 1
        names[image.id] = f"{image.role}_image_{counts[image.role]}"
    return names


def _order(name: str) -> tuple[str, int]:
    match = _COLUMN.fullmatch(name)
    assert match
    return match[1], int(match[2])


def _placed(text: str) -> tuple[str, list[str]]:
    """The text with a placeholder for each picture, and which pictures they are."""
    pieces = _MARK.split(text)
    return PLACEHOLDER.join(escaped(words) for words in pieces[::2]), pieces[1::2]


def _marked(text: str, names: list[str]) -> str:
    pieces = text.split(PLACEHOLDER)
    marks = [f"<image_start>[{name}]<image_end>" for name in names]
    marks += [PLACEHOLDER] * (len(pieces) - 1 - len(marks))  # an invalid record keeps what it had
    return "".join(unescaped(words) + mark for words, mark in zip(pieces, [*marks, ""], strict=False))


def _image(name: str, value: object, identity: str, save: Save | None) -> RecordImage:
    path = value.get("path") if isinstance(value, Mapping) else value
    pixels = _pixels(value)
    if pixels is not None and save is not None:
        path = save(f"{identity}/{name}", pixels)
    problem = name.startswith("problem")
    return RecordImage(
        name,
        "problem" if problem else "reasoning",
        path if isinstance(path, str) else None,
        hashlib.sha256(pixels).hexdigest() if pixels is not None else "",
        render="" if problem else "unknown",
        source="" if problem else "reference",
    )


def _pixels(value: object) -> bytes | None:
    found = value.get("bytes") if isinstance(value, Mapping) else value
    return found if isinstance(found, bytes) and found else None


def _pictures(part: Part, text: str, names: list[str], steps: tuple[int, ...] = ()) -> list[Segment]:
    starts = [match.start() for match in re.finditer(PLACEHOLDER, text)]
    return [
        Segment(part, "image", start, start + len(PLACEHOLDER), _step_at(start, steps), image=name)
        for start, name in zip(starts, names, strict=False)
    ]


def _step_at(place: int, starts: tuple[int, ...]) -> int | None:
    return sum(start <= place for start in starts) or None


def _segments(response: str, names: list[str], trace_ends: int) -> list[Segment]:
    """Thoughts, pictures and words of the trace, then the cue and the answer."""
    marks = list(_THOUGHT.finditer(response, 0, trace_ends))
    starts = tuple(m.start() for m in marks)
    found = [Segment("response", "step", m.start(), m.end(), n) for n, m in enumerate(marks, 1)]
    found += _pictures("response", response[:trace_ends], names, starts)
    edges = sorted([(s.start, s.end) for s in found] + [(trace_ends, trace_ends)])
    at = 0
    for start, end in edges:
        words = response[at:start]
        if body := words.strip():
            first = at + words.index(body)
            step, last = _step_at(first, starts), first + len(body)
            found.append(Segment("response", "text", first, last, step, regions=fine_names(body)))
        at = end
    if trace_ends < len(response):
        found.append(Segment("response", "report_cue", trace_ends, trace_ends + len(CUE)))
        if trace_ends + len(CUE) < len(response):
            found.append(Segment("response", "report", trace_ends + len(CUE), len(response)))
    return sorted(found, key=lambda s: s.start)
