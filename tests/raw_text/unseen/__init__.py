"""Answers written without regard to the reader: refusals, complaints that no picture came, and reports like either.

Each folder is one drawing: the reader read it before anything was changed for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.raw_text.suite import Case, Wanted

FOLDER = Path(__file__).parent
MISSING = "no image seen"
DRAWINGS = (
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "thirteenth",
)
ONLY_MEASURED = "twelfth"
"""The drawing after which nothing was changed."""
FILLED = 3
"""Texts that are made of one line with slots."""


def texts(drawing: str, name: str) -> Iterator[tuple[str, str]]:
    """(source, text) of a file.

    Lines of ``#`` name the source of those below; line ends are written as two letters; ``@ name = a | b`` says what
    fills the slot ``{name}`` of later lines.
    """
    source, fillers = "", dict[str, list[str]]()
    for line in (FOLDER / drawing / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            source = line[2:]
        elif line.startswith("@ "):
            name, _, words = line[2:].partition(" = ")
            fillers[name] = words.split(" | ")
        elif line:
            yield from ((source, text.replace("\\n", "\n")) for text in _filled(line, fillers))


def _filled(form: str, fillers: Mapping[str, list[str]]) -> Iterator[str]:
    """A line with its slots filled in a few ways that differ from line to line; the line itself where it has none."""
    slots = [name for name in fillers if f"{{{name}}}" in form]
    for way in range(FILLED if slots else 1):
        text = form
        for place, name in enumerate(slots, len(form)):
            text = text.replace(f"{{{name}}}", fillers[name][(way * 2 + place) % len(fillers[name])])
        yield text


def refusals(drawing: str) -> Iterator[Case]:
    """Answers that decline, and none of which says that no picture came."""
    for source, text in texts(drawing, "refusals"):
        yield Case(text, source, text, Wanted("refused", "", "", no_event=MISSING))


def missing_pictures(drawing: str) -> Iterator[Case]:
    """Answers that say that no picture came."""
    for source, text in texts(drawing, "missing_pictures"):
        yield Case(text, source, text, Wanted("refused", "", "", event=MISSING))


def reports(drawing: str) -> Iterator[Case]:
    """Reports and sentences of reports; what stands behind an arrow is what is left of one with a disclaimer."""
    for source, text in texts(drawing, "reports"):
        raw, _, left = text.partition(" => ")
        yield Case(raw, source, raw, Wanted("ok", left or raw, no_event=MISSING))


KINDS: Mapping[str, Callable[[str], Iterator[Case]]] = {
    "refusals": refusals,
    "missing pictures": missing_pictures,
    "reports": reports,
}
