"""Our own checks of a record, beside the judges: facts of the trace against those of the report, boxes against anatomy.

Facts are read by the rule labeler and compared as the consistency metrics compare them. A finding says which statements
it is about and what follows: back to the writer, the end of the record, a flag, or a count.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from mmrad_eval.construction.records import CheckFinding, CollectedStudy, SourceRegion, TraceStatement
from mmrad_eval.construction.sides import crossed
from mmrad_eval.construction.source_labels import against_labels
from mmrad_eval.core.canonical import digest
from mmrad_eval.core.values import Box, Step, Trace
from mmrad_eval.datasets import comparisons
from mmrad_eval.metrics.consistency.matching import Compared, StepVerdict, compare, is_kind, supports
from mmrad_eval.metrics.consistency.statements import Statement, same_place, statements, trace_parts
from mmrad_eval.metrics.facts.extract import Fact, extract
from mmrad_eval.metrics.facts.lexicon import lexicon
from mmrad_eval.metrics.language import ENGLISH, UNDECIDED, language
from mmrad_eval.traces import geometry
from mmrad_eval.traces.regions import contains, mentions, resolve

RIGHT_OF_PATIENT, LEFT_OF_PATIENT = 0.45, 0.55
"""A box whose center lies left of the first share of an upright film's width is on the patient's right; right of the
second on the left; between them it says nothing."""
ELSEWHERE = 0.05
"""A box that overlaps less than this with the mean box of its region is flagged."""
FEW_BOXES = 20
"""Boxes of a region from which its mean is taken."""

_ORDER = ("contradicted", "invented", "side", "certainty", "supported", "normal remark", "silent")
"""Of several things that can be said of a statement, the first counts."""
RETURNED = ("contradicted", "invented", "side", "certainty")


@dataclass(frozen=True)
class RulesVerdict:
    """What our rules say of a record."""

    words: Mapping[int, str]
    """Statement -> what is said of it."""
    findings: tuple[CheckFinding, ...]


@dataclass
class MeanRegions:
    """Mean boxes of regions over all images that were collected."""

    sums: dict[str, list[float]] = field(default_factory=dict)
    """Region -> sums of four edges in the padded square, and how many."""

    def add(self, study: CollectedStudy) -> None:
        """Count the boxes of an image."""
        for region in study.regions:
            if resolve(region.name) is None:
                continue  # a finding is anywhere
            for box in region.boxes:
                edges = placed(box, study.size)
                if edges is None:
                    continue
                sums = self.sums.setdefault(region.name, [0.0] * 5)
                for i, value in enumerate((*edges.xyxy, 1.0)):
                    sums[i] += value

    def digest(self) -> str:
        """Of the numbers, for the keys of what depends on them."""
        return digest({name: [round(value, 1) for value in sums] for name, sums in sorted(self.sums.items())})[:16]

    def mean(self, name: str, own: Sequence[Box], size: geometry.Size | None) -> Box | None:
        """The mean box over the other images; None where there are few."""
        sums = self.sums.get(name)
        if sums is None:
            return None
        mine = [edges.xyxy for box in own if (edges := placed(box, size)) is not None]
        n = sums[4] - len(mine)
        if n < FEW_BOXES:
            return None
        left, top, right, bottom = ((sums[i] - sum(edges[i] for edges in mine)) / n for i in range(4))
        return Box((left, top, right, bottom), geometry.CANONICAL)


def placed(box: Box, size: geometry.Size | None) -> Box | None:
    """The box in the padded square; None where the film's size would be needed and is unknown."""
    if box.frame == geometry.CANONICAL:
        return box
    return (
        None if size is None or not geometry.valid_frame(box.frame) else geometry.convert(box, geometry.CANONICAL, size)
    )


def judge(
    said: Sequence[TraceStatement], study: CollectedStudy, means: MeanRegions, *, report: bool, lost: int | None
) -> RulesVerdict:
    """All checks of the statements that stand."""
    words: dict[int, str] = dict.fromkeys((one.n for one in said), "silent" if report else "")
    findings: list[CheckFinding] = []
    if report:
        tongue = language(study.report.text)
        if tongue in {ENGLISH, UNDECIDED}:
            words, found = _facts(said, study.report.text, lost)
            findings += found
        else:
            words = dict.fromkeys(words, "other language")
            findings.append(CheckFinding("language", "count", (), f"the rules read English, and this is {tongue}"))
    findings += against_labels(said, study)
    findings += _boxes(said, study, means)
    findings += _places(said)
    return RulesVerdict(words, tuple(findings))


def _facts(
    said: Sequence[TraceStatement], report: str, lost: int | None
) -> tuple[dict[int, str], Iterator[CheckFinding]]:
    """What the facts of the report make of each statement, and of the findings that they lack."""
    facts, owners = _read(said)
    spoken = extract(report)
    theirs = statements(spoken)
    mine = statements(facts)
    compared = compare(mine, theirs)
    texts = {one.n: one.text for one in said}
    words: dict[int, str] = {}
    for statement, verdict in zip(mine, compared.report, strict=True):
        for member in statement.members:
            n = owners[member]
            word = _word(statement, verdict, texts[n], theirs)
            if word in RETURNED and any(supports(statement.fact, fact) for fact in spoken):
                word = "supported"  # of a report that says two things, the trace says one
            words[n] = min((words.get(n, "silent"), word), key=_ORDER.index)
    words = {one.n: words.get(one.n, "silent") for one in said}
    for one in said:
        if words[one.n] in {"supported", "silent", "normal remark"} and crossed(one.text, report):
            words[one.n] = "side"
    return words, _told(said, words, mine, compared, theirs, report, lost)


def _read(said: Sequence[TraceStatement]) -> tuple[list[Fact], list[int]]:
    """The facts of all statements, placed by their regions, and the number of the statement that each is from."""
    facts: list[Fact] = []
    owners: list[int] = []
    for one in said:
        for _, _, found in trace_parts(Trace((Step(region=one.region, text=one.text),))):
            facts += found
            owners += [one.n] * len(found)
    return facts, owners


def _claims(concept: str, text: str, theirs: Sequence[Statement]) -> bool:
    """Whether the words themselves claim a place that the report does not; one that their region adds is no claim."""
    own = statements(extract(text))
    verdicts = zip(own, compare(own, theirs).report, strict=True)
    return any(one.fact.concept == concept and verdict.why == "overspecified" for one, verdict in verdicts)


def _word(statement: Statement, verdict: StepVerdict, text: str, theirs: Sequence[Statement]) -> str:
    fact = statement.fact
    if verdict.verdict == "contradicted":
        return "contradicted"
    if not statement.abnormal:
        return "normal remark" if verdict.verdict == "unsupported" else "supported"
    if verdict.verdict == "unsupported":
        return "supported" if any(_shown_by(fact, other.fact) for other in theirs) else "invented"
    if verdict.why == "certainty":
        return "certainty"
    if _pools(fact) and verdict.source >= 0:
        return "supported" if theirs[verdict.source].fact.side == fact.side else "side"
    apart = verdict.why in {"side", "zone"} or (verdict.why == "overspecified" and _claims(fact.concept, text, theirs))
    return "side" if apart else "supported"


def _shown_by(sign: Fact, other: Fact) -> bool:
    """Whether one is the sign by which the other is seen: a blunted angle shows the effusion that the report names."""
    return other.status != "absent" and other.concept in _denied(sign.concept) and same_place(sign, other)


def _pools(fact: Fact) -> bool:
    """Whether a finding is said to lie where it lies by its nature: fluid at the base of an upright chest."""
    return fact.concept == "pleural_effusion" and fact.zone == "lower"


def _told(  # noqa: PLR0917 (one comparison, from both of its sides)
    said: Sequence[TraceStatement],
    words: Mapping[int, str],
    mine: Sequence[Statement],
    compared: Compared,
    theirs: Sequence[Statement],
    report: str,
    lost: int | None,
) -> Iterator[CheckFinding]:
    for word in RETURNED:
        if numbers := tuple(one.n for one in said if words[one.n] == word):
            yield CheckFinding(word, "return", numbers)
    for word in ("normal remark", "silent"):
        if numbers := tuple(one.n for one in said if words[one.n] == word):
            yield CheckFinding(word, "count", numbers)
    omitted = [
        statement
        for statement, fate in zip(theirs, compared.trace, strict=True)
        if fate == "omitted" and statement.fact.status == "present" and statement.fact.category != "devices"
    ]
    spoken = {statement.fact.concept for statement in mine if statement.abnormal}
    gone = [statement.fact for statement in omitted if not _spoken_of(statement.fact.concept, spoken)]
    if gone:
        effect: Literal["count", "return"] = "count" if lost is None or len(gone) <= lost else "return"
        yield CheckFinding("lost", effect, (), "; ".join(dict.fromkeys(_sentence(report, fact) for fact in gone)))


def _spoken_of(concept: str, spoken: set[str]) -> bool:
    """Whether a trace speaks of a finding, or of what is seen of it."""
    if concept == "pneumonia":  # a conclusion; what is seen is the opacity
        return bool(spoken & {"pneumonia", "consolidation", "opacity"})
    return any(is_kind(one, concept) or is_kind(concept, one) or concept in _denied(one) for one in spoken)


def _denied(concept: str) -> frozenset[str]:
    return lexicon().denies.get(concept, frozenset())


def _sentence(report: str, fact: Fact) -> str:
    """The sentence of the report that states a fact."""
    start = max(report.rfind(mark, 0, fact.span[0]) for mark in (". ", "\n", ": ")) + 1
    ends = [end for mark in (". ", ".\n", "\n") if (end := report.find(mark, fact.span[1])) >= 0]
    return " ".join(report[start : min(ends, default=len(report)) + 1].split())


def _boxes(said: Sequence[TraceStatement], study: CollectedStudy, means: MeanRegions) -> Iterator[CheckFinding]:
    by_region: dict[str, list[TraceStatement]] = {}
    for one in said:
        by_region.setdefault(one.region, []).append(one)
    wrong_side: list[int] = []
    sided = crossed = 0
    for region in study.regions:
        mine = by_region.get(region.name, [])
        if not mine:
            continue
        numbers = tuple(one.n for one in mine)
        for box in region.boxes:
            if faults := geometry.problems(box, study.size):
                yield CheckFinding("box", "reject", numbers, faults[0])
        if region.note:
            yield CheckFinding(region.note, "flag", numbers, f"{region.name}: {len(region.boxes)} boxes")
        yield from _apart(region, study, means, numbers)
        seen, against = _sides(region, mine, study)
        sided, crossed = sided + seen, crossed + len(against)
        wrong_side += against
    if crossed and sided > 1 and crossed == sided:
        yield CheckFinding(
            "mirrored film?", "return", tuple(dict.fromkeys(wrong_side)), "every one-sided box lies opposite"
        )
    elif crossed:
        yield CheckFinding("side and box", "return", tuple(dict.fromkeys(wrong_side)), "the box lies on the other side")


def _apart(
    region: SourceRegion, study: CollectedStudy, means: MeanRegions, numbers: tuple[int, ...]
) -> Iterator[CheckFinding]:
    mean = means.mean(region.name, region.boxes, study.size)
    for box in region.boxes:
        here = placed(box, study.size)
        if mean is not None and here is not None and geometry.iou(here, mean) < ELSEWHERE:
            yield CheckFinding("region and box", "flag", numbers, f"{region.name} is not where others have it")


def _sides(region: SourceRegion, mine: Sequence[TraceStatement], study: CollectedStudy) -> tuple[int, list[int]]:
    """(statements with a side beside a box with one, those of them whose sides differ)."""
    lies = {side for box in region.boxes if (side := lies_on(box, study.size))}
    if len(lies) != 1:
        return 0, []
    known = resolve(region.name)
    if known is not None and known.side not in {"left", "right"}:
        return 0, []  # the heart lies to the left, and its right atrium with it
    own = known.side if known is not None else ""
    seen = 0
    against = []
    for one in mine:
        spoken = {fact.side for fact in extract(one.text) if fact.status != "absent" and fact.side in {"left", "right"}}
        claimed = spoken or ({own} if own else set())
        if len(claimed) == 1:
            seen += 1
            if claimed != lies:
                against.append(one.n)
    return seen, against


def lies_on(box: Box, size: geometry.Size | None) -> str:
    """The patient's side on which the center of a box lies; empty near the middle, or where it can't be known."""
    here = placed(box, size)
    if here is None or not all(map(math.isfinite, here.xyxy)):
        return ""
    if size is None:
        u = (here.xyxy[0] + here.xyxy[2]) / 2 / 336
    else:
        left, _, right, _ = geometry.convert(here, "original", size).xyxy
        u = (left + right) / 2 / size[0]
    return "right" if u < RIGHT_OF_PATIENT else "left" if u > LEFT_OF_PATIENT else ""


def _places(said: Sequence[TraceStatement]) -> Iterator[CheckFinding]:
    """Words that name none of the region that they stand at, and words that speak of another time."""
    for one in said:
        known = resolve(one.region)
        named = [mention.region for mention in mentions(one.text)]
        if known is not None and named and not any(contains(known, r) or contains(r, known) for r in named):
            yield CheckFinding("region and words", "flag", (one.n,), f"{one.region}: the words name {named[0].name}")
        if comparisons.compares(one.text) or any(fact.change for fact in extract(one.text)):
            yield CheckFinding("not from one image", "flag", (one.n,))
