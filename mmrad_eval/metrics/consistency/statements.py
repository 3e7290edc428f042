"""The facts of a text as a set: what it says, each thing once and at its most specific.

Reports repeat themselves (findings, then impression), and one says "small left effusion" and later "effusion". A fact
that another one of the same text already says is merged into it; a denial gives way to a finding that the same text
asserts at that place ("no large effusion; small effusion"), and so does a doubt.
"""

from __future__ import annotations

from collections.abc import Sequence

from mmrad_eval.core.structs import Value
from mmrad_eval.core.values import Trace
from mmrad_eval.metrics.facts.extract import Fact, extract
from mmrad_eval.metrics.facts.extractors import Extractor
from mmrad_eval.metrics.facts.lexicon import lexicon
from mmrad_eval.metrics.facts.qualifiers import place_of

_RANK = {"present": 2, "uncertain": 1, "absent": 0}


class Statement(Value, frozen=True, gc=False):
    """One member of the set, and the facts of the text that were merged into it."""

    fact: Fact
    members: tuple[int, ...]
    """Indices into the text's facts."""

    @property
    def abnormal(self) -> bool:
        """Whether it is said to be there, surely or perhaps."""
        return self.fact.status != "absent"


def statements(facts: Sequence[Fact]) -> tuple[Statement, ...]:
    """The set that the facts of one text make, in the order in which they are first said.

    A finding on both sides is two statements, so that it can be compared with one on each side.
    """
    single = [(part, i) for i, fact in enumerate(facts) for part in _sides(fact)]
    by_concept: dict[str, list[tuple[Fact, list[int]]]] = {}
    for fact, i in sorted(single, key=lambda x: (-_RANK[x[0].status], -_detail(x[0]), x[1])):
        kept = by_concept.setdefault(fact.concept, [])
        for known, members in kept:
            if _says(known, fact):
                members.append(i)
                break
        else:
            kept.append((fact, [i]))
    found = [(min(m), Statement(fact, tuple(sorted(set(m))))) for kept in by_concept.values() for fact, m in kept]
    return tuple(statement for _, statement in sorted(found, key=lambda x: x[0]))


def apart(a: str, b: str) -> bool:
    """Whether two sides exclude each other."""
    return (a == "left" and b == "right") or (a == "right" and b == "left")


def zones_apart(a: str, b: str) -> bool:
    """Whether two zones exclude each other. The apex is part of the upper zone; ``several`` excludes none."""
    return bool(a and b) and a != b and "several" not in {a, b} and {a, b} != {"apical", "upper"}


def same_place(f: Fact, g: Fact) -> bool:
    """Whether two facts can speak of the same place: no sides or zones that exclude each other."""
    return not apart(f.side, g.side) and not zones_apart(f.zone, g.zone)


def words_of(trace: Trace | None) -> str:
    """The words of a trace's steps."""
    return "\n\n".join(step.text for step in trace.steps if step.text.strip()) if trace else ""


def trace_facts(traces: Sequence[Trace], extractor: Extractor) -> list[tuple[Fact, ...]]:
    """The facts of each trace: of its steps' words, else of its text.

    A step's region ("the left lower lung zone") places the facts whose own words name no place.
    """
    parts = [_parts(trace) for trace in traces]
    found = iter(extractor([text for part in parts for _, text in part]))
    return [tuple(fact for region, _ in part for fact in _placed(next(found), region)) for part in parts]


def trace_parts(trace: Trace) -> list[tuple[str, str, tuple[Fact, ...]]]:
    """(region as written, words, facts by rules) of each part of a trace; spans count in the part's words."""
    return [(region, text, tuple(_placed(extract(text), region))) for region, text in _parts(trace)]


def _parts(trace: Trace) -> list[tuple[str, str]]:
    """(region, words) of each step, or the free text where no step has words."""
    steps = [(step.region, step.text) for step in trace.steps if step.text.strip()]
    return steps or ([("", trace.text)] if trace.text.strip() else [])


def _placed(facts: Sequence[Fact], region: str) -> list[Fact]:
    words = lexicon()
    side, zone = place_of(region, words)
    if side not in {"left", "right"} and not zone:
        return list(facts)
    return [f if f.side or f.zone or f.concept not in words.sided else _on(f, side, zone) for f in facts]


def _sides(fact: Fact) -> tuple[Fact, ...]:
    if fact.side != "both" or fact.status == "absent":
        return (fact,)
    return tuple(_on(fact, side, fact.zone) for side in ("left", "right"))


def _on(f: Fact, side: str, zone: str) -> Fact:
    return Fact(f.concept, f.status, side, zone, f.category, f.severity, f.change, f.span)


def _detail(fact: Fact) -> int:
    return (2 if fact.side in {"left", "right"} else 0) + (1 if fact.zone else 0)


def _says(kept: Fact, fact: Fact) -> bool:
    """Whether ``fact`` adds nothing beside ``kept``, of the same concept and at least as sure and as specific."""
    if not same_place(kept, fact):
        return False
    if kept.status != fact.status:
        return _RANK[kept.status] > _RANK[fact.status]
    return fact.side in {"", kept.side} and (fact.zone in {"", kept.zone, "several"})
