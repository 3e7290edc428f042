"""A second check of statements beside the report: the labels that the source gives an image, such as Chest ImaGenome's.

Labels were often made by other rules from the report, so what they hold against a statement is flagged, and no record
is returned for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from mmrad_eval.construction.records import CheckFinding, CollectedStudy, TraceStatement
from mmrad_eval.metrics.consistency.matching import is_kind
from mmrad_eval.metrics.facts.extract import Fact, extract

CHECK = "labels"


def against_labels(said: Sequence[TraceStatement], study: CollectedStudy) -> Iterator[CheckFinding]:
    """Statements that call present what the labels deny of the whole image, or the other way round."""
    present = list(_concepts(study.labels))
    spoken = {concept for group in present for concept in group}
    named = [group[0] for group in present if len(group) == 1]  # of "edema/opacity" either may be there
    denied = {
        concept
        for group in _concepts(study.denied)
        for concept in group
        if not any(is_kind(concept, other) or is_kind(other, concept) for other in spoken)
    }
    for one in said:
        for fact in extract(one.text):
            if what := _against(fact, named, denied):
                yield CheckFinding(CHECK, "flag", (one.n,), what)
                break


def _against(fact: Fact, present: Iterable[str], denied: Iterable[str]) -> str:
    """What the labels say against a fact; empty where they say nothing."""
    if fact.status == "present":
        return next((f"they deny {name.replace('_', ' ')}" for name in denied if is_kind(fact.concept, name)), "")
    if fact.status == "absent" and not fact.side and not fact.zone and not fact.change:
        return next((f"they state {name.replace('_', ' ')}" for name in present if is_kind(name, fact.concept)), "")
    return ""


def _concepts(labels: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """What each label means to our rules; several concepts where it names one or another."""
    for name in labels:
        if found := _meant(name):
            yield found


@lru_cache(maxsize=4096)
def _meant(label: str) -> tuple[str, ...]:
    words = label.replace("_", " ").strip()
    facts = extract(f"{words[:1].upper()}{words[1:]}.")
    return tuple(dict.fromkeys(fact.concept for fact in facts if fact.status != "absent"))
