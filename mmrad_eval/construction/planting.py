"""Planted errors: does the auditor notice? Copies of statements with one error go to it, and never into the data.

A copy of a record in which one statement has an error is one more question; the record's own audit is not touched. The
key of what was planted stays in ``plants.jsonl``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

from msgspec.structs import replace

from mmrad_eval.construction.asking import Desk, RefusedError
from mmrad_eval.construction.judgements import UnreadableError
from mmrad_eval.construction.records import CollectedStudy, StageLine, TraceStatement
from mmrad_eval.construction.rules import MeanRegions, judge
from mmrad_eval.construction.written import ask_auditor, normal
from mmrad_eval.core.errors import Failed
from mmrad_eval.core.structs import Value
from mmrad_eval.metrics.facts.extract import extract
from mmrad_eval.results.validation import perturbations

PlantKind = Literal["side", "negation", "invention"]
KINDS: tuple[PlantKind, ...] = ("side", "negation", "invention")


class PlantedError(Value, frozen=True):
    """One planted error, and what the auditor said of it and of the statements beside it."""

    id: str
    n: int
    kind: PlantKind
    text: str
    was: str
    """The sentence before; empty for one that was invented."""
    verdict: str = ""
    noticed: bool = False
    beside: int = 0
    """Statements beside it that our rules support."""
    alarms: int = 0
    """Those of them that the auditor held something against."""
    why: str = ""
    """Why there is no verdict."""


def plants(
    lines: Iterable[StageLine], study: Callable[[str], CollectedStudy], share: float, seed: int
) -> Iterator[tuple[PlantedError, StageLine, CollectedStudy]]:
    """One planted error, with its record, for each record of which some statement is drawn."""
    for line in lines:
        drawn = [one for one in line.standing if _chance(seed, line.id, one.n) < share]
        if line.goes_on and drawn:
            source = study(line.id)
            yield _planted(line.id, drawn[0], len(line.statements) + 1, source.report.text, seed), line, source


def _chance(seed: int, identity: str, n: int) -> float:
    return int.from_bytes(hashlib.sha256(f"{seed}\n{identity}\n{n}".encode()).digest()[:8]) / 2**64


def _planted(identity: str, one: TraceStatement, beyond: int, report: str, seed: int) -> PlantedError:
    chosen = f"{seed}/{identity}/{one.n}"
    start = int(_chance(seed + 1, identity, one.n) * len(KINDS))
    for kind in (*KINDS[start:], *KINDS[:start]):
        if kind == "invention":
            if text := _invented(report, chosen):
                return PlantedError(identity, beyond, kind, text, "")
            continue
        edit = perturbations.swapped_sides if kind == "side" else perturbations.flipped_negation
        if (edited := edit(one.text, chosen)) and edited != one.text:
            return PlantedError(identity, one.n, kind, edited, one.text)
    return PlantedError(identity, one.n, "negation", f"It is not so that {one.text[0].lower()}{one.text[1:]}", one.text)


def _invented(report: str, chosen: str) -> str:
    """A finding that the report does not speak of; empty where it speaks of all that are known here."""
    spoken = {fact.concept for fact in extract(report)}
    new = [
        sentence
        for sentence in perturbations.FINDINGS.values()
        if not {fact.concept for fact in extract(sentence)} & spoken
    ]
    return min(new, key=lambda sentence: hashlib.sha256(f"{chosen}/{sentence}".encode()).digest(), default="")


async def ask(planted: PlantedError, line: StageLine, study: CollectedStudy, desk: Desk) -> PlantedError:
    """What the auditor says of the record with the planted error in it."""
    shown = _with(line.standing, planted)
    try:
        said = await ask_auditor(shown, study, desk, [])
    except (RefusedError, UnreadableError, Failed) as error:
        return replace(planted, why=str(error)[:200])
    verdicts = {one.n: one.verdict for one in said.verdicts}
    words = judge(line.standing, study, MeanRegions(), report=True, lost=None).words
    beside = [one for one in line.standing if one.n != planted.n and words.get(one.n) == "supported"]
    verdict = verdicts[planted.n]
    return replace(
        planted,
        verdict=verdict,
        noticed=_objects(verdict, planted.text),
        beside=len(beside),
        alarms=sum(_objects(verdicts[one.n], one.text) for one in beside),
    )


def _with(standing: Sequence[TraceStatement], planted: PlantedError) -> list[TraceStatement]:
    if planted.was:
        return [replace(one, text=planted.text) if one.n == planted.n else one for one in standing]
    region = standing[planted.n % len(standing)].region
    return [*standing, TraceStatement(planted.n, region, planted.text)]


def _objects(verdict: str, text: str) -> bool:
    """Whether a verdict would send the statement back."""
    return verdict != "supported" and not (verdict == "not mentioned" and normal(text))
