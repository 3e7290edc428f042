"""From marks to steps: the boxes that a model's dialect allows one to read, and the statements that they belong to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Box, Frame, Step
from mmrad_eval.traces.box_marks import PLACE, BoxMark, marks_in, without_places
from mmrad_eval.traces.dialects import DIALECTS, FORMS
from mmrad_eval.traces.geometry import CANONICAL, Size, problems, y_first
from mmrad_eval.traces.regions import category_of, fine_names, resolve

_FORMS = {form.name: form for form in FORMS}
_END = re.compile(rf"(?<=[.!?])(?:[ \t]*{PLACE.pattern}+)?[ \t]+(?=[A-Z\"(*-])|</(?:obj|OBJ)>|\n+")
_ITEM = re.compile(r"\s*\(?\d{1,2}[.)]")
OTHER_DIALECT = "box of another dialect"
EVENTS = ("malformed box", "box out of frame", OTHER_DIALECT, "box on another image")
"""What is counted where a mark gives no box."""


@dataclass(frozen=True)
class BoxReader:
    """How the boxes of one model are read."""

    dialect: str = ""
    frame: Frame = CANONICAL
    size: Callable[[], Size | None] = lambda: None
    """Of the film that the boxes lie on; asked where a mark was found."""
    events: Counter[str] = field(default_factory=Counter)

    def speaks(self, mark: BoxMark) -> bool:
        """Whether the form of a mark is of the dialect."""
        return mark.form in DIALECTS[self.dialect].boxes

    def guesses(self, mark: BoxMark) -> bool:
        """Whether brackets with numbers may be anything: no box of the dialect, and no mark of their own."""
        return _FORMS[mark.form].plain and not self.speaks(mark)

    def boxes(self, mark: BoxMark) -> list[Box]:
        """The boxes of a mark, none where its numbers can't be placed; either is counted."""
        form = _FORMS[mark.form]
        wrong = ""
        if not self.speaks(mark) or (form.order and (form.order == "y first") != y_first(self.frame)):
            wrong = OTHER_DIALECT
        elif mark.other_image:
            wrong = "box on another image"
        elif not mark.numbers or len(mark.numbers) % 4:
            wrong = "malformed box"
        if wrong:
            self.events[wrong] += 1
            return []
        return [box for box in self._of(mark.numbers) if self._sound(box)]

    def _of(self, numbers: Sequence[float]) -> Iterator[Box]:
        for at in range(0, len(numbers), 4):
            a, b, c, d = numbers[at : at + 4]
            yield Box((a, b, c, d), self.frame)

    def _sound(self, box: Box) -> bool:
        kinds = [problem.partition(":")[0] for problem in problems(box, self.size())]
        if {"reversed", "empty", "not finite", "unknown frame"} & set(kinds):
            self.events["malformed box"] += 1
        elif {"outside", "wrong frame suspected"} & set(kinds):
            self.events["box out of frame"] += 1
        else:
            self.events["boxes"] += 1
            return True
        return False


def known_dialect(name: str) -> str:
    """The name of a dialect; UsageError for one that is not in the table."""
    if name not in DIALECTS:
        known = ", ".join(name for name in DIALECTS if name)
        raise UsageError(f"no dialect is called {name!r}; known: {known}")
    return name


def statements(text: str) -> list[str]:
    """The sentences of a text; a mark behind a full stop belongs to the sentence before it, a number to its item."""
    found, reached = [], 0
    for end in _END.finditer(text):
        if not _ITEM.fullmatch(text, reached, end.start()):
            found.append(text[reached : end.end()])
            reached = end.end()
    return [said for said in (*found, text[reached:]) if said.strip()]


def boxed_steps(
    text: str,
    marks: Sequence[BoxMark],
    reader: BoxReader,
    plain: Callable[[str], str],
    part: Literal["trace", "report"],
) -> tuple[Step, ...]:
    """A step for each statement of a text with its box, several for one with several; none where no box was read.

    ``plain`` takes what is left of marks out of a statement. A statement without a box is a step without one. A mark
    that stands in no statement is one by itself, in its own words.
    """
    if not marks:
        return ()
    steps: list[Step] = []
    placed = {id(mark) for mark in marks_in(text, marks)}
    for said in statements(text):
        inside = marks_in(said, marks)
        words = without_places(plain(said)).strip(" \t\n*_#-")
        labels = list(dict.fromkeys(mark.label for mark in inside if mark.label))
        boxes = [(mark.label if len(labels) > 1 else "", mark, box) for mark in inside for box in reader.boxes(mark)]
        if not boxes and not words:
            continue
        if not boxes:
            steps.append(_step("", words, None, part))
        steps += [_step(_region(mark), label or words or mark.label, box, part) for label, mark, box in boxes]
    for mark in marks:
        if id(mark) not in placed:
            steps += [_step(_region(mark), mark.label, box, part) for box in reader.boxes(mark)]
    if not any(step.box for step in steps):
        return ()
    return tuple(steps)


def _region(mark: BoxMark) -> str:
    """The region that a mark names; empty where it names a finding alone."""
    return next((name for name in (mark.region, mark.label) if name and resolve(name)), "")


def _step(region: str, text: str, box: Box | None, part: Literal["trace", "report"]) -> Step:
    known = resolve(region) if region else None
    names = (known.name,) if known else fine_names(text)
    category = category_of(region) if known else category_of(names[0]) if names else "other"
    return Step(region=region, regions=names, category=category, box=box, text=text, part=part)
