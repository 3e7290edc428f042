"""Answers written without regard to the reader: refusals, complaints that no picture came, and reports like either."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.raw_text.suite import Case, Wanted

FOLDER = Path(__file__).parent
MISSING = "no image seen"


def texts(name: str) -> Iterator[tuple[str, str]]:
    """(source, text) of a file: lines of ``#`` name the source of those below; line ends are written as two letters."""
    source = ""
    for line in (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            source = line[2:]
        elif line:
            yield source, line.replace("\\n", "\n")


def refusals(name: str = "refusals") -> Iterator[Case]:
    """Answers that decline, and none of which says that no picture came."""
    for source, text in texts(name):
        yield Case(text, source, text, Wanted("refused", "", "", no_event=MISSING))


def missing_pictures(name: str = "missing_pictures") -> Iterator[Case]:
    """Answers that say that no picture came."""
    for source, text in texts(name):
        yield Case(text, source, text, Wanted("refused", "", "", event=MISSING))


def reports(name: str = "reports") -> Iterator[Case]:
    """Reports and sentences of reports; what stands behind an arrow is what is left of one with a disclaimer."""
    for source, text in texts(name):
        raw, _, left = text.partition(" => ")
        yield Case(raw, source, raw, Wanted("ok", left or raw, no_event=MISSING))
