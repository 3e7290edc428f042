"""Are the steps of a trace those of a reference trace, in its order?

Two steps are alike by what they say and by where they look: the F1 of their statements (0 where they speak of different
regions), the IoU of the places that they show (0 for a picture that a model made and that shows no part of the film),
and the mean of the two where both sides have both. ``alignment`` pairs them in order, and skips.

A reference trace has one set of steps and no single right order, so there are several references: the order in which
it is written, that of the regions in the vocabulary, and that of the sentences of the reference report that say what
its steps say. The best of them counts, and how far the worst is behind is said. What order costs is the difference to
the best pairing without it. Chance is the reference trace of another patient (``donors``); 1 is the reference itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mmrad_eval.core.contracts import Column, Corpus, FloatArray
from mmrad_eval.core.values import Box, Example, Step, Study, Target, Trace
from mmrad_eval.metrics.consistency import alignment
from mmrad_eval.metrics.consistency.donors import donors, donors_digest
from mmrad_eval.metrics.consistency.matching import VERSION, supported
from mmrad_eval.metrics.consistency.statements import Statement, statements, trace_facts
from mmrad_eval.metrics.facts.extractors import Extractor, extractor
from mmrad_eval.metrics.facts.sentences import cut
from mmrad_eval.metrics.grounding.boxes import size_of
from mmrad_eval.metrics.grounding.shown_places import film_of, shown_place
from mmrad_eval.metrics.sums import by_name, nan_ratio, ratio
from mmrad_eval.traces import geometry, regions

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels

    from mmrad_eval.metrics.suites import Setup

STATISTICS: tuple[str, ...] = (
    "matched",
    "matched in the worst order",
    "matched without order",
    "reference steps",
    "steps",
    "chance: matched",
    "chance: reference steps",
    "chance: steps",
    "defined",
    "with trace",
    "studies",
)
"""Sums of similarities of paired steps, and numbers of steps; ``defined``: the reference has steps."""


@dataclass(frozen=True)
class StepAlignmentFit:
    """Whose trace stands in for chance, by study id."""

    donors: dict[str, Study]
    digest: str
    target: Target


@dataclass(frozen=True)
class _Look:
    said: tuple[Statement, ...]
    regions: frozenset[str]
    category: str
    place: Box | None
    invented: bool
    """Whether its picture shows no part of the film."""


class StepAlignment:
    """Statistics of a study, (11,) float64: see STATISTICS. Opens the film where a model drew pictures."""

    requires: Sequence[str] = ()
    languages: AbstractSet[str] = frozenset({"en"})
    statistics: Sequence[str] = STATISTICS

    def __init__(self, name: str, extract: Extractor) -> None:
        self.name, self.extract = name, extract
        profile = extract.name
        self.columns: Sequence[Column] = (
            Column("Step recall", profile, best=1.0),
            Column("Step precision", profile, best=1.0),
            Column("Step F1", profile, best=1.0),
            Column("Step F1 chance", profile, better=""),
            Column("Step F1 unordered", profile, best=1.0),
            Column("Step order cost", profile, better="lower", best=0.0),
            Column("Step reference gap", profile, better=""),
            Column("Steps defined", profile, better=""),
        )

    def fit(self, corpus: Corpus) -> StepAlignmentFit:
        """Choose for every study the other patient whose reference trace is its chance level."""
        known = {study.id: study for study in corpus.scored if study.trace is not None and study.trace.steps}
        chosen = {study: known[one.study] for study, one in donors(corpus, self.extract).items() if one.study in known}
        digest = donors_digest({study: donor.id for study, donor in chosen.items()})
        return StepAlignmentFit(chosen, digest, corpus.target)

    def signature(self, context: StepAlignmentFit) -> str:
        """Which facts, how steps are compared and paired, which references, and who stands in for chance."""
        how = f"facts:{self.extract.signature}|match:{VERSION}|align:{alignment.VERSION}|places:shown"
        return f"step-alignment|{how}|orders:written,regions,report|target:{context.target}|donors:{context.digest}|v1"

    def measure(self, examples: Sequence[Example], context: StepAlignmentFit) -> FloatArray:
        """(n, 11) sums."""
        return np.array([self._study(e, context) for e in examples]).reshape(len(examples), len(STATISTICS))

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., 11) sums to (..., 8) columns; nan where no trace was written, or no reference has steps."""
        at = by_name(STATISTICS, np.asarray(sums, np.float64))
        wanted, made = at("reference steps"), at("steps")
        f1 = nan_ratio(2 * at("matched"), wanted + made)
        loose = nan_ratio(2 * at("matched without order"), wanted + made)
        columns = [
            nan_ratio(at("matched"), wanted),
            np.where(wanted > 0, ratio(at("matched"), made), np.nan),
            f1,
            nan_ratio(2 * at("chance: matched"), at("chance: reference steps", "chance: steps")),
            loose,
            loose - f1,
            f1 - nan_ratio(2 * at("matched in the worst order"), wanted + made),
            nan_ratio(at("defined"), at("studies")),
        ]
        asked = (at("with trace") > 0) & (wanted > 0)
        return np.where(asked[..., None], np.stack(columns, axis=-1), np.nan)

    def _study(self, example: Example, context: StepAlignmentFit) -> list[float]:
        found: dict[str, float] = {"studies": 1.0}
        wanted = example.study.trace.steps if example.study.trace else ()
        if wanted:
            trace = example.answer.trace.reasoned() if example.answer.trace else None
            own = trace.steps if trace else ()
            film = film_of(example) if any(one.image and one.image.source == "model" for one in own) else None
            made = self._looks(own, example.study, film)
            found |= self._against(self._orders(example), made)
            found |= {"defined": 1.0, "with trace": float(trace is not None)}
            donor = context.donors.get(example.study.id)
            if donor is not None and donor.trace is not None:
                theirs = self._looks(donor.trace.steps, donor)
                found["chance: matched"] = alignment.aligned(_similarities(theirs, made)).total
                found["chance: reference steps"], found["chance: steps"] = float(len(theirs)), float(len(made))
        return [found.get(name, 0.0) for name in STATISTICS]

    def _against(self, orders: Sequence[Sequence[_Look]], made: Sequence[_Look]) -> dict[str, float]:
        tables = [_similarities(order, made) for order in orders]
        totals = [alignment.aligned(table).total for table in tables]
        return {
            "matched": max(totals),
            "matched in the worst order": min(totals),
            "matched without order": alignment.unordered(tables[0]),
            "reference steps": float(len(orders[0])),
            "steps": float(len(made)),
        }

    def _looks(self, steps: Sequence[Step], study: Study, film: Pixels | None = None) -> list[_Look]:
        steps = [step for step in steps if step.part == "trace"]
        facts = trace_facts([Trace((step,)) for step in steps], self.extract)
        size = size_of(study) if any(step.box or step.image for step in steps) else None
        return [
            _look(step, statements(found), shown_place(step, film, size))
            for step, found in zip(steps, facts, strict=True)
        ]

    def _orders(self, example: Example) -> list[list[_Look]]:
        """The reference steps as they are written, by region, and as the reference report says them."""
        study = example.study
        looks = self._looks(study.trace.steps if study.trace else (), study)
        said = [statements(facts) for facts in self.extract([words for _, words in cut(example.reference or "")])]
        by_region = sorted(looks, key=_vocabulary_place)
        by_report = sorted(looks, key=lambda look: _first_said(look, said))
        return [looks, by_region, by_report]


def step_alignment(setup: Setup) -> StepAlignment:
    """``steps@rules`` and its like."""
    return StepAlignment(setup.name, extractor(setup.name.partition("@")[2], setup))


def _look(step: Step, said: tuple[Statement, ...], place: Box | None) -> _Look:
    drawn = step.image is not None and step.image.source == "model"
    return _Look(said, frozenset(step.regions), step.category, place, drawn and place is None)


def _similarities(reference: Sequence[_Look], made: Sequence[_Look]) -> FloatArray:
    """(m, n) in [0, 1]."""
    return np.array([[_alike(a, b) for b in made] for a in reference]).reshape(len(reference), len(made))


def _alike(a: _Look, b: _Look) -> float:
    """The mean of what both sides have: statements, places."""
    parts = []
    if a.said or b.said:
        parts.append(_f1(a.said, b.said) if _same_region(a, b) else 0.0)
    if a.place is not None and b.place is not None:
        parts.append(geometry.iou(a.place, b.place))
    elif (a.place is not None and b.invented) or (b.place is not None and a.invented):
        parts.append(0.0)
    return float(np.mean(parts)) if parts else 0.0


def _f1(a: Sequence[Statement], b: Sequence[Statement]) -> float:
    shared = sum(supported(a, b)) / max(len(a), 1), sum(supported(b, a)) / max(len(b), 1)
    return 2 * shared[0] * shared[1] / sum(shared) if all(shared) else 0.0


def _same_region(a: _Look, b: _Look) -> bool:
    """Whether two steps can speak of one region: of one category, or one of them names none."""
    return a.category == b.category or "other" in {a.category, b.category} or bool(a.regions & b.regions)


def _vocabulary_place(look: _Look) -> int:
    names = [region.name for region in regions.regions()]
    return min((names.index(name) for name in look.regions if name in names), default=len(names))


def _first_said(look: _Look, sentences: Sequence[Sequence[Statement]]) -> int:
    """The first sentence that says something of a step; behind all where none does."""
    return next((at for at, said in enumerate(sentences) if any(supported(look.said, said))), len(sentences))
