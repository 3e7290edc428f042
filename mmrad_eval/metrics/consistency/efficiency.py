"""What an answer takes for what it gets right: tokens, looks and pixels a supported abnormal statement.

M3CoTBench (arXiv 2601.08758) divides matched steps by seconds, which are those of a machine. Tokens, looks and pixels
are the model's. Only studies whose reference states something abnormal count. Numerators and denominators are summed
over the studies whose denominator is known. Chance holds the report against another patient's reference (``donors``).
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mmrad_eval.core.contracts import Column, Corpus, FloatArray
from mmrad_eval.core.values import Box, Example, Step, Study, Target
from mmrad_eval.metrics.consistency.donors import donors, donors_digest
from mmrad_eval.metrics.consistency.matching import VERSION, supported
from mmrad_eval.metrics.consistency.statements import Statement, statements
from mmrad_eval.metrics.facts.extractors import Extractor, extractor
from mmrad_eval.metrics.grounding.boxes import canonical, size_of
from mmrad_eval.metrics.grounding.shown_places import pixels_of
from mmrad_eval.metrics.sums import by_name, nan_ratio
from mmrad_eval.traces import geometry

if TYPE_CHECKING:
    from mmrad_eval.metrics.suites import Setup

REPEATED = 0.9
"""IoU with an earlier look from which on a look is a repeated one."""

STATISTICS: tuple[str, ...] = (
    "supported",
    "tokens known: supported",
    "tokens known: supported by chance",
    "tokens",
    "looked: supported",
    "looks",
    "pixels known: supported",
    "megapixels",
    "placed looks",
    "repeated looks",
    "tokens known",
    "defined",
    "studies",
)


@dataclass(frozen=True)
class EfficiencyFit:
    """Whose reference stands in for chance, by study id."""

    donors: dict[str, tuple[Statement, ...]]
    digest: str
    target: Target


class Efficiency:
    """Statistics of a study, (13,) float64: see STATISTICS. Zeros where the reference states nothing abnormal."""

    requires: Sequence[str] = ()
    languages: AbstractSet[str] = frozenset({"en"})
    statistics: Sequence[str] = STATISTICS

    def __init__(self, name: str, extract: Extractor) -> None:
        self.name, self.extract = name, extract
        profile = extract.name
        self.columns: Sequence[Column] = (
            Column("Supported a study", profile),
            Column("Supported per 1k tokens", profile),
            Column("Supported per 1k tokens chance", profile, better=""),
            Column("Supported per look", profile),
            Column("Supported per megapixel", profile),
            Column("Looks a study", profile, better=""),
            Column("Repeated looks", profile, better="lower", best=0.0),
            Column("Tokens known", profile, better=""),
        )

    def fit(self, corpus: Corpus) -> EfficiencyFit:
        """Choose for every study the other patient whose reference report is its chance level."""
        studies = {study.id: study for study in corpus.scored}
        chosen = {study: one.study for study, one in donors(corpus, self.extract).items()}
        texts = {name: _reference(studies[name], corpus.target) for name in sorted(set(chosen.values()))}
        said = dict(zip(texts, map(statements, self.extract(list(texts.values()))), strict=True))
        by_study = {study: said[donor] for study, donor in chosen.items()}
        return EfficiencyFit(by_study, donors_digest(chosen), corpus.target)

    def signature(self, context: EfficiencyFit) -> str:
        """What of a report, which facts, how matched, when a look is repeated, and who stands in for chance."""
        read = f"target:{context.target}|facts:{self.extract.signature}|match:{VERSION}"
        return f"efficiency|{read}|repeated:IoU {REPEATED}|donors:{context.digest}|v1"

    def measure(self, examples: Sequence[Example], context: EfficiencyFit) -> FloatArray:
        """(n, 13) counts and sums."""
        reports = [statements(facts) for facts in self.extract([e.candidate for e in examples])]
        golds = [statements(facts) for facts in self.extract([e.reference or "" for e in examples])]
        rows = [_study(*one, context.donors) for one in zip(examples, reports, golds, strict=True)]
        return np.array(rows).reshape(len(examples), len(STATISTICS))

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., 13) sums to (..., 8) columns; nan where nothing is known of what is divided by."""
        at = by_name(STATISTICS, np.asarray(sums, np.float64))
        columns = [
            nan_ratio(at("supported"), at("defined")),
            nan_ratio(1000 * at("tokens known: supported"), at("tokens")),
            nan_ratio(1000 * at("tokens known: supported by chance"), at("tokens")),
            nan_ratio(at("looked: supported"), at("looks")),
            nan_ratio(at("pixels known: supported"), at("megapixels")),
            nan_ratio(at("looks"), at("defined")),
            nan_ratio(at("repeated looks"), at("placed looks")),
            nan_ratio(at("tokens known"), at("defined")),
        ]
        return np.stack(columns, axis=-1)


def efficiency(setup: Setup) -> Efficiency:
    """``efficiency@rules`` and its like."""
    return Efficiency(setup.name, extractor(setup.name.partition("@")[2], setup))


def _study(
    example: Example,
    report: Sequence[Statement],
    gold: Sequence[Statement],
    others: dict[str, tuple[Statement, ...]],
) -> list[float]:
    found: dict[str, float] = {"studies": 1.0}
    if any(one.abnormal for one in gold):
        right, tokens = _right(report, gold), example.answer.usage.completion
        found |= {"defined": 1.0, "supported": right}
        if tokens:
            chance = _right(report, others.get(example.study.id, ()))
            found |= {"tokens known": 1.0, "tokens": float(tokens), "tokens known: supported": right}
            found["tokens known: supported by chance"] = chance
        found |= _looked(example, right)
    return [found.get(name, 0.0) for name in STATISTICS]


def _looked(example: Example, right: float) -> dict[str, float]:
    """What the looks of a trace took: steps with a picture."""
    trace = example.answer.trace.reasoned() if example.answer.trace else None
    looks = [step for step in (trace.steps if trace else ()) if step.image is not None]
    if not looks:
        return {}
    places = _places(looks, example.study)
    again = sum(any(geometry.iou(box, one) >= REPEATED for one in places[:at]) for at, box in enumerate(places))
    found = {"looks": float(len(looks)), "looked: supported": right}
    found |= {"placed looks": float(len(places)), "repeated looks": float(again)}
    pixels = [pixels_of(step.image) for step in looks if step.image is not None]
    known = [one for one in pixels if one is not None]
    if len(known) == len(pixels):
        found |= {"megapixels": sum(known) / 1e6, "pixels known: supported": right}
    return found


def _places(looks: Sequence[Step], study: Study) -> list[Box]:
    size = size_of(study)
    boxes = [step.box or (step.image.box if step.image else None) for step in looks]
    return [box for one in boxes if one is not None and (box := canonical(one, size)) is not None]


def _right(report: Sequence[Statement], gold: Sequence[Statement]) -> float:
    """Abnormal statements of the report that the reference supports."""
    judged = zip(report, supported(report, gold), strict=True)
    return float(sum(one.abnormal and fits for one, fits in judged))


def _reference(study: Study, target: Target) -> str:
    return (study.reference.target(target) if study.reference else None) or ""
