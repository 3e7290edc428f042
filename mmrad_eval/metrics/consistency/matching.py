"""Which statement of a report its trace supports, contradicts or only resembles, and what of the trace arrives.

Support is directional. A present or uncertain statement is supported by one of the same concept (or a kind of it) and
certainty that is at least as specific: "effusion" by "left effusion", "opacity" by "consolidation", not the other way
round. A denial is supported by one that is at
least as general: "no left effusion" by "no effusion", and by a general denial ("the lungs are clear") of which it is a
part. Matching is one-to-one and as large as possible, so that one vague statement supports one statement; a general
denial supports any number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from mmrad_eval.core.structs import Value
from mmrad_eval.metrics.consistency.statements import Statement, apart, same_place, zones_apart
from mmrad_eval.metrics.facts.extract import Fact
from mmrad_eval.metrics.facts.lexicon import lexicon

Verdict = Literal["supported", "contradicted", "partial", "unsupported"]
Fate = Literal["carried", "contradicted", "omitted"]
Why = Literal["", "overspecified", "side", "zone", "certainty", "kind", "general", "taken"]
"""In what a partial statement differs from the trace.

``overspecified``: it claims a side or a zone that the trace does not; ``kind``: it names a kind of what the trace
names, such as a consolidation for an opacity; ``general``: it denies in general what the trace denies in part;
``taken``: the trace says it once, and another statement of the report has that.
"""

VERSION = 1
_GREAT = frozenset(("moderate", "severe"))
_SLIGHT = frozenset(("minimal", "mild"))


class StepVerdict(Value, frozen=True, gc=False):
    """A statement of the report, and where it comes from."""

    verdict: Verdict
    why: Why = ""
    source: int = -1
    """Index of the trace's statement that supports, contradicts or resembles it; -1 where there is none."""


@dataclass(frozen=True)
class Compared:
    """A report beside its trace."""

    report: tuple[StepVerdict, ...]
    trace: tuple[Fate, ...]


def compare(report: Sequence[Statement], trace: Sequence[Statement]) -> Compared:
    """Judge each statement of ``report`` by ``trace``, and say what became of each statement of ``trace``."""
    said, thought = [s.fact for s in report], [s.fact for s in trace]
    pairs = matching(said, thought, supports)
    judged: list[StepVerdict] = []
    for i, f in enumerate(said):
        j = pairs.get(i, next((k for k, g in enumerate(thought) if _denied_by(f, g)), -1))
        judged.append(StepVerdict("supported", source=j) if j >= 0 else _unmatched(f, thought))
    carried = set(pairs.values()) | {j.source for j in judged if j.verdict == "supported"}
    fates: list[Fate] = []
    for j, g in enumerate(thought):
        if j in carried:
            fates.append("carried")
        else:
            fates.append("contradicted" if any(contradicts(f, g) for f in said) else "omitted")
    return Compared(tuple(judged), tuple(fates))


def supported(report: Sequence[Statement], trace: Sequence[Statement]) -> tuple[bool, ...]:
    """Whether each statement of ``report`` is supported by ``trace``: what ``compare`` says of it, and no more."""
    said, thought = [s.fact for s in report], [s.fact for s in trace]
    pairs = matching(said, thought, supports)
    return tuple(i in pairs or any(_denied_by(f, g) for g in thought) for i, f in enumerate(said))


def supports(f: Fact, g: Fact) -> bool:
    """Whether ``g`` says all of ``f``."""
    if f.status != g.status:
        return False
    if f.status == "absent":
        if f.concept != g.concept:
            return False
        place = g.side in {"", "both", f.side} and g.zone in {"", "several", f.zone}
        return place and not (_only_new(g) and not _only_new(f))
    if f.side and f.side != g.side:
        return False
    return is_kind(g.concept, f.concept) and _zone_within(g.zone, f.zone)


def contradicts(f: Fact, g: Fact) -> bool:
    """Whether one says present where the other says absent; a doubt contradicts nothing.

    "No new opacity" contradicts no opacity that is not new, "no large effusion" no small one.
    """
    if {f.status, g.status} != {"present", "absent"}:
        return False
    absent, present = (f, g) if f.status == "absent" else (g, f)
    if _only_new(absent) and present.change != "new":
        return False
    if absent.severity in _GREAT and present.severity in _SLIGHT:
        return False
    if is_kind(present.concept, absent.concept):
        return same_place(f, g)
    return _rules_out(absent, present)


def matching(left: Sequence[Fact], right: Sequence[Fact], edge: Callable[[Fact, Fact], bool]) -> dict[int, int]:
    """A largest one-to-one matching, left index -> right index (augmenting paths; Kuhn 1955)."""
    options = [[j for j, g in enumerate(right) if edge(f, g)] for f in left]
    taken: dict[int, int] = {}

    def place(i: int, tried: set[int]) -> bool:
        for j in options[i]:
            if j not in tried:
                tried.add(j)
                if j not in taken or place(taken[j], tried):
                    taken[j] = i
                    return True
        return False

    for i in range(len(left)):
        place(i, set())
    return {i: j for j, i in taken.items()}


def _unmatched(f: Fact, thought: Sequence[Fact]) -> StepVerdict:
    for j, g in enumerate(thought):
        if contradicts(f, g):
            return StepVerdict("contradicted", source=j)
    near = [(j, g) for j, g in enumerate(thought) if is_kind(g.concept, f.concept) or is_kind(f.concept, g.concept)]
    if near:
        j, g = min(near, key=lambda x: (x[1].status != f.status, apart(x[1].side, f.side)))
        return StepVerdict("partial", _difference(f, g), j)
    for j, g in enumerate(thought):
        if f.status == "absent" == g.status and (g.concept in _denied(f.concept) or f.concept in _denied(g.concept)):
            return StepVerdict("partial", "general", j)
    return StepVerdict("unsupported")


def _difference(f: Fact, g: Fact) -> Why:
    if f.status != g.status:
        return "certainty"
    if f.concept != g.concept:
        return "kind"
    if apart(f.side, g.side):
        return "side"
    if zones_apart(f.zone, g.zone):
        return "zone"
    return "taken" if supports(f, g) else "overspecified"


def is_kind(concept: str, general: str) -> bool:
    """Whether one concept is the other, or a kind of it."""
    return concept == general or lexicon().kind_of.get(concept) == general


def _only_new(fact: Fact) -> bool:
    """Whether a denial speaks of what is new alone."""
    return fact.status == "absent" and fact.change == "new"


def _zone_within(specific: str, zone: str) -> bool:
    """Whether what lies in ``specific`` lies in ``zone``. What lies in several zones lies in each that one may mean."""
    return not zone or specific in (zone, "several") or (zone, specific) == ("upper", "apical")


def _denied(concept: str) -> frozenset[str]:
    return lexicon().denies.get(concept, frozenset())


def _rules_out(general: Fact, f: Fact) -> bool:
    """Whether the absence of something general ("lungs are clear") speaks of ``f``, and of its place."""
    return general.status == "absent" and f.concept in _denied(general.concept) and not _elsewhere(general, f)


def _elsewhere(general: Fact, f: Fact) -> bool:
    return general.side not in {"", "both", f.side}


def _denied_by(f: Fact, g: Fact) -> bool:
    """Whether a denial is part of a general one: "no consolidation" of "the lungs are clear"."""
    return f.status == "absent" and _rules_out(g, f)
