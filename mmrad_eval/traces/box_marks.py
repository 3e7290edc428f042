"""Finds the marks of boxes in a text, in every form of ``dialects``, and puts one character in the place of each.

So the words around a mark can be cut into sections and sentences by whatever reads them, and the mark stays where it
stood. ``restored`` gives the text back as it was written.
"""

from __future__ import annotations

import ast
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mmrad_eval.traces.box_tables import TITLE, without_box_tables
from mmrad_eval.traces.dialects import FORMS, pattern_of

_FIRST, _LAST = 0xF0000, 0xFFFFD
"""Private characters that no writing has; one stands for one mark."""
PLACE = re.compile(f"[{chr(_FIRST)}-{chr(_LAST)}]")
_SEEDS = ("<", "[", "(", "{")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_PATTERNS = tuple((form, pattern_of(form)) for form in FORMS if form.pattern)
_KEYS = {form.name: form.name for form in FORMS if form.is_field}
_OTHER_KEYS = frozenset(
    ("bbox", "box", "bounding_box", "boundingbox", "bboxes", "boxes", "bounding_boxes", "coordinates")
)
_SAID = ("text", "sentence", "statement", "finding", "description", "observation", "phrase", "label", "name", "object")
"""Fields that hold what a box is about, most telling first."""
_NAMED = ("region", "label", "name", "area", "location", "anatomy", "object")
_SECTIONS = ("findings", "impression", "report")
_SOURCE = re.compile(r"[\"'](?:source|img_idx|image|image_index)[\"']\s*:\s*[\"']?([\w. -]*)")
_THE_FILM = frozenset(("", "0", "original_image", "original", "image_0", "none", "null"))
_FIELD = re.compile(
    rf"[\"'](?:{'|'.join((*_KEYS, *sorted(_OTHER_KEYS)))})[\"']\s*:\s*(?=[\[{{\"'\dnN-])", re.IGNORECASE
)
_FLAT = re.compile(r"\{[^{}]{1,1000}\}?")
_FENCE = r"(?:```[ \t]*(?:json)?[ \t]*\n?\s*)?"
_TITLE = (
    r"(?:^[ \t#*_]*(?:the |my )?(?:(?:bounding[ -]?)?box(?:es)?|detections?|groundings?|locations?|coordinates"
    r"|annotations?|regions?(?: of interest)?)[ \t*_]*:[ \t*_]*\n?[ \t]*)?"
)
_HELD = re.compile(
    rf"{_TITLE}{_FENCE}[\[,\s]*((?:{PLACE.pattern}[,\s]*)+)[\]\s,]*(?:```)?", re.IGNORECASE | re.MULTILINE
)
_AROUND = re.compile(
    rf"[(\[{{`\"'][ \t]*({PLACE.pattern}+)[ \t]*[)\]}}`\"']"
    rf"|<(?!findings|impression|report|answer)(\w+)>\s*({PLACE.pattern}*)\s*</\2>"
)
"""Brackets, quotes or a tag that hold nothing but marks."""
_NUMBERED = re.compile(r"[\[(]\s*\[?\s*-?\d")
"""What every plain form has."""
_LISTED = re.compile(rf"{TITLE}\s*(?:^[^\n]*{PLACE.pattern}[^\n]{{0,3}}(?:\n|\Z))+", re.IGNORECASE | re.MULTILINE)
"""A title, and lines of which each ends with a mark."""
_OWN_SENTENCE = re.compile(rf"(?<=[.!?])([ \t]*{PLACE.pattern}+)[ \t]*\.")
"""A sentence that says nothing but that a box is there."""
_BEFORE_STOP = re.compile(
    rf"[ \t]*{PLACE.pattern}+(?=[ \t]*(?:[.,;:)]|$))|(?<=[ \t]){PLACE.pattern}+[ \t]*", re.MULTILINE
)
_DEEPEST = 40
_TRIES = 200
"""Brackets at which a value may begin; bounds the search in run-away texts."""


@dataclass(frozen=True)
class BoxMark:
    """One mark as it was written."""

    form: str
    """Name of its form."""
    numbers: tuple[float, ...]
    """All of them, in order; four a box."""
    label: str = ""
    """What the mark itself says that it is about."""
    region: str = ""
    """Where, as a field of the mark names it."""
    other_image: bool = False
    """Whether it says that it lies on an image other than the film, such as a region shown before."""
    raw: str = ""


def mark_boxes(text: str) -> tuple[str, list[BoxMark]]:
    """(the text with a private character for each mark, the marks in the order of these characters)."""
    text = PLACE.sub("\ufffd", text) if not text.isascii() else text
    marks: list[BoxMark] = []
    text = without_box_tables(text, lambda numbers, label, row: _row(numbers, label, row, marks))
    if not marks and not any(map(text.__contains__, _SEEDS)):
        return text, []
    json_done = False
    for form, pattern in _PATTERNS:
        if not json_done and form.name != "grounding":
            text, json_done = _fields(text, marks), True
        if any(trigger in text for trigger in form.triggers) and (not form.plain or _NUMBERED.search(text)):
            text = pattern.sub(lambda found, name=form.name: _held(found, name, marks), text)  # type: ignore[misc] # a default argument binds the name
    if not marks:
        return text, []
    text = _AROUND.sub(lambda found: found[1] or found[3] or "", text)
    text = _LISTED.sub(lambda found: _unlisted(found, marks), text)
    return _OWN_SENTENCE.sub(lambda found: found[1], text), marks


def _row(numbers: str, label: str, row: str, marks: list[BoxMark]) -> str:
    """What stands for a row of a table: it is of the form that its cell is written in."""
    form = next((form.name for form, pattern in _PATTERNS if pattern.fullmatch(numbers)), "other field")
    place = _place(BoxMark(form, _numbers(numbers), label, raw=row), marks)
    return "" if label else place


def _unlisted(found: re.Match[str], marks: list[BoxMark]) -> str:
    """A list of boxes under a title stands nowhere; what it says of each is the mark's label."""
    if not any(map(str.isalpha, found.string[: found.start()])):
        return found[0]
    for line in found[0].splitlines()[1:]:
        label = PLACE.sub("", line).strip(" \t-*_:=.,;0123456789)(\u2022")
        for place in PLACE.findall(line):
            at = ord(place) - _FIRST
            marks[at] = replace(marks[at], label=marks[at].label or label)
    return ""


def without_places(text: str) -> str:
    """The words around marks, joined."""
    return PLACE.sub(" ", _BEFORE_STOP.sub("", text)).replace("  ", " ")


def has_places(text: str) -> bool:
    """Whether a mark stands in a text."""
    return not text.isascii() and PLACE.search(text) is not None


def restored(text: str, marks: Sequence[BoxMark], which: Callable[[BoxMark], bool] = lambda _: True) -> str:
    """The text with its marks, or some of them, as they were written."""

    def written(found: re.Match[str]) -> str:
        mark = marks[ord(found[0]) - _FIRST]
        return mark.raw if which(mark) else found[0]

    return PLACE.sub(written, text) if marks else text


def renumbered(text: str, marks: Sequence[BoxMark], further: Sequence[BoxMark]) -> tuple[str, tuple[BoxMark, ...]]:
    """A piece of a text with its own marks alone, and ``further`` ones that stand nowhere in it."""
    number = itertools.count(_FIRST)
    return PLACE.sub(lambda _: chr(next(number)), text), (*marks_in(text, marks), *further)


def standing_nowhere(marks: Sequence[BoxMark], text: str, told: Sequence[BoxMark]) -> list[BoxMark]:
    """The marks that stand neither in a text nor among those told elsewhere."""
    known = {id(mark) for mark in (*marks_in(text, marks), *told)}
    return [mark for mark in marks if id(mark) not in known]


def marks_in(text: str, marks: Sequence[BoxMark]) -> list[BoxMark]:
    """The marks that stand in a text, in order."""
    return [marks[ord(c) - _FIRST] for c in PLACE.findall(text)]


def _place(mark: BoxMark, marks: list[BoxMark]) -> str:
    if len(marks) > _LAST - _FIRST:
        return ""
    marks.append(mark)
    return chr(_FIRST + len(marks) - 1)


def _held(found: re.Match[str], form: str, marks: list[BoxMark]) -> str:
    """What stands for a mark: the words that it names, and its place."""
    groups = found.groupdict()
    written = next((groups[name] for name in ("numbers", "barred", "bare", "within") if groups.get(name)), "")
    label = (groups.get("label") or groups.get("inside") or "").strip()
    before = found[0][: len(found[0]) - len(found[0].lstrip())]
    mark = BoxMark(form, _numbers(written), label, "", _elsewhere(groups.get("whole") or ""), found[0].strip())
    if not mark.numbers and not written.strip() and form not in {"box", "box_start", "det", "bar box", "box tokens"}:
        return found[0]
    return f"{before}{label}{_place(mark, marks)}{_after(found[0])}"


def _after(whole: str) -> str:
    return whole[len(whole.rstrip()) :]


def _numbers(written: str) -> tuple[float, ...]:
    return tuple(float(number) for number in _NUMBER.findall(written))


def _elsewhere(whole: str) -> bool:
    source = _SOURCE.search(whole)
    return source is not None and source[1].strip().lower() not in _THE_FILM


def _fields(text: str, marks: list[BoxMark]) -> str:
    """The text with the boxes of JSON values held: whole values that hold nothing else, and fields inside a report."""
    if not _FIELD.search(text):
        return text
    said: list[str] = []
    reached, first = 0, len(marks)
    embedded: set[str] = set()
    for start, end, value in _values(text):
        said.append(_FLAT.sub(lambda found: _flat(found, marks), text[reached:start]))
        if _is_report(value):
            before = len(marks)
            said.append(json.dumps(_rewritten(value, marks), ensure_ascii=False))
            embedded |= {chr(_FIRST + number) for number in range(before, len(marks))}
        else:
            said.append("".join(_place(mark, marks) for mark in _listed(value, text[start:end])))
        reached = end
    said.append(_FLAT.sub(lambda found: _flat(found, marks), text[reached:]))
    new = {chr(_FIRST + number) for number in range(first, len(marks))} - embedded
    return _HELD.sub(lambda found: _bare(found, marks, new), "".join(said))


def _bare(found: re.Match[str], marks: Sequence[BoxMark], new: set[str]) -> str:
    """Held values without the fence, the brackets and the commas around them.

    Within a line their words stand for them; by themselves they stand nowhere, where they have words of their own.
    """
    places = PLACE.findall(found[1])
    if not new.issuperset(places):
        return found[0]
    whole, text = found[0], found.string
    lead = whole[: len(whole) - len(whole.lstrip())] if whole[:1].isspace() else ""
    before, behind = text[: found.start()].rstrip(" \t"), text[found.end() :].lstrip(" \t")
    apart = (not before or before[-1] in ".!?\n" or "\n" in lead) and (
        not behind or "\n" in _after(whole) or behind[0] == "\n"
    )
    labels = {place: marks[ord(place) - _FIRST].label for place in places}
    kept = [place if apart else f"{labels[place]}{place}" for place in places if not (apart and labels[place])]
    return f"{lead}{', '.join(kept)}{_after(whole)}"


def _values(text: str) -> Iterator[tuple[int, int, Any]]:
    """(start, end, value) of the outermost JSON values that hold a box."""
    decoder = json.JSONDecoder(strict=False)
    at = 0
    tries = 0
    for opening in re.finditer(r"[\[{]", text):
        start = opening.start()
        if start < at:
            continue
        tries += 1
        if tries > _TRIES:
            return
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        if _FIELD.search(text, start, end):
            yield start, end, value
        at = end


def _flat(found: re.Match[str], marks: list[BoxMark]) -> str:
    """An object that JSON can't read: spelled in Python, or cut."""
    written = found[0]
    if not _FIELD.search(written):
        return written
    try:
        value = ast.literal_eval(written)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = None
    if isinstance(value, Mapping):
        return "".join(_place(mark, marks) for mark in _listed(value, written))
    key = _FIELD.search(written)
    form = next((name for name in _KEYS if key and name in key[0].lower()), "other field")
    return _place(BoxMark(form, (), raw=written), marks)


def _is_report(value: Any, depth: int = 0) -> bool:
    """Whether a value has a section of a report at some depth."""
    if depth > _DEEPEST:
        return False
    if isinstance(value, Mapping):
        named = any(
            str(key).lower().strip(" *_#:") in _SECTIONS and not isinstance(v, int | float) for key, v in value.items()
        )
        return named or any(_is_report(inner, depth + 1) for inner in value.values())
    return isinstance(value, list) and any(_is_report(inner, depth + 1) for inner in value)


def _rewritten(value: Any, marks: list[BoxMark], depth: int = 0) -> Any:
    """A report with the words of each object that has a box in its place, and the box behind them."""
    if depth > _DEEPEST:
        return value
    if isinstance(value, list):
        boxed = any(isinstance(inner, Mapping) and any(map(_form_of, inner, inner.values())) for inner in value)
        return [
            _rewritten(_first(inner, _SAID) or inner if boxed and _is_plain(inner) else inner, marks, depth + 1)
            for inner in value
        ]
    if not isinstance(value, Mapping):
        return value
    own = [_mark(str(key), inner, value) for key, inner in value.items() if _form_of(key, inner)]
    rest = {key: inner for key, inner in value.items() if not _form_of(key, inner)}
    if not own or any(str(key).lower() in _SECTIONS for key in rest):
        for mark in own:
            _place(mark, marks)  # of the whole report: it stands with no sentence
        return {key: _rewritten(inner, marks, depth + 1) for key, inner in rest.items()}
    return _first(value, _SAID) + "".join(_place(mark, marks) for mark in own)


def _is_plain(value: Any) -> bool:
    """Whether a value is an object without a box, such as a statement beside others that have one."""
    return isinstance(value, Mapping) and not any(map(_form_of, value, value.values()))


def _listed(value: Any, written: str, depth: int = 0) -> Iterator[BoxMark]:
    """The marks of a value that is nothing but boxes."""
    if depth > _DEEPEST:
        return
    if isinstance(value, list):
        for inner in value:
            yield from _listed(inner, "", depth + 1)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if _form_of(key, inner):
                yield _mark(str(key), inner, value, written)
            else:
                yield from _listed(inner, "", depth + 1)


def _mark(key: str, inner: Any, around: Mapping[Any, Any], written: str = "") -> BoxMark:
    raw = written or json.dumps(around, ensure_ascii=False, default=str)
    form = _KEYS.get(key.lower(), "other field")
    numbers = _numbers(json.dumps(inner)) if isinstance(inner, list | str | int | float) else ()
    return BoxMark(
        form, numbers, _first(around, _SAID), _first(around, _NAMED), _elsewhere(json.dumps(around, default=str)), raw
    )


def _form_of(key: Any, inner: Any) -> bool:
    """Whether a field holds a box: numbers, or something that is meant to be some."""
    name = str(key).lower()
    if name in _KEYS:
        return True
    return name in _OTHER_KEYS and (
        isinstance(inner, int | float)
        or (isinstance(inner, str) and bool(re.fullmatch(r"[\s\d.,;()\[\]-]+", inner)))
        or (isinstance(inner, list) and bool(inner) and all(isinstance(n, int | float | list) for n in inner))
    )


def _first(around: Mapping[Any, Any], names: Sequence[str]) -> str:
    """The first of these fields that is a text."""
    plain = {str(key).lower(): inner for key, inner in around.items()}
    return next((plain[name].strip() for name in names if isinstance(plain.get(name), str)), "")
