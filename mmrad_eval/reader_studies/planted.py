"""Errors that are put into a few traces, to know whether readers find them; their cases count for nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

from msgspec.structs import replace

from mmrad_eval.reader_studies.records import RatedStatement
from mmrad_eval.results.validation import perturbations

Statements = tuple[RatedStatement, ...]
APART = 0.3
"""Boxes are exchanged where they overlap less than this, so that the exchange can be seen."""


def planted(statements: Statements, seed: str) -> tuple[Statements, str, int] | None:
    """The statements with one error, its kind, and the number of the statement that has it, from 1.

    None where none of the errors can be made of them. The same statements and seed give the same error.
    """
    order = sorted(_KINDS, key=lambda kind: sha256(f"{seed}/{kind}".encode()).digest())
    for kind in order:
        made = _KINDS[kind](statements, seed)
        if made is not None:
            return made[0], kind, made[1] + 1
    return None


Made = tuple[Statements, int] | None


def _edited(edit: perturbations.Make) -> Callable[[Statements, str], Made]:
    """An edit of one statement's words."""

    def made(statements: Statements, seed: str) -> Made:
        places = [
            (i, words) for i, one in enumerate(statements) if (words := edit(one.text, seed)) not in (None, one.text)
        ]
        if not places:
            return None
        i, words = places[_number(seed) % len(places)]
        return _with(statements, {i: replace(statements[i], text=words or "")}), i

    return made


def _invented(statements: Statements, seed: str) -> Made:
    """A statement about something that the trace does not mention, in the place of another."""
    said = " ".join(one.text for one in statements).lower()
    new = [words for word, words in perturbations.FINDINGS.items() if word not in said]
    if not new or not statements:
        return None
    i = _number(seed) % len(statements)
    return _with(statements, {i: replace(statements[i], text=new[_number(seed) % len(new)])}), i


def _exchanged(statements: Statements, seed: str) -> Made:
    """Two statements with each other's boxes."""
    pairs = [
        (i, k)
        for i, one in enumerate(statements)
        for k, other in enumerate(statements[:i])
        if one.boxes and other.boxes and one.film == other.film and _overlap(one.boxes[0], other.boxes[0]) < APART
    ]
    if not pairs:
        return None
    i, k = pairs[_number(seed) % len(pairs)]
    new = {i: replace(statements[i], boxes=statements[k].boxes), k: replace(statements[k], boxes=statements[i].boxes)}
    return _with(statements, new), i


_KINDS: dict[str, Callable[[Statements, str], Made]] = {
    "side": _edited(perturbations.swapped_sides),
    "negation": _edited(perturbations.flipped_negation),
    "severity": _edited(perturbations.changed_severity),
    "invented finding": _invented,
    "boxes exchanged": _exchanged,
}


def _with(statements: Statements, new: dict[int, RatedStatement]) -> Statements:
    return tuple(new.get(i, one) for i, one in enumerate(statements))


def _overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two boxes: left, top, width, height."""
    across = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    down = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(0.0, across) * max(0.0, down)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def _number(seed: str) -> int:
    return int.from_bytes(sha256(seed.encode()).digest()[:8], "big")
