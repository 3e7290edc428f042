"""Does the picture of a step show what the step says is there?

A step with a picture that states something abnormal is held against the boxes that readers drew for the same concept:
it shows the finding where more than half of the area of these boxes lies in the place that the picture truly shows. A
picture that a model made is searched in the film, so that an invented one shows nothing. Chance is the share of *other
patients'* boxes of the same concept that the same place would show: a picture of the whole film shows everybody's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmrad_eval.core.contracts import Column, Corpus, FloatArray
from mmrad_eval.core.values import Box, Example, Study
from mmrad_eval.metrics.facts.extract import VERSION, extract
from mmrad_eval.metrics.grounding.boxes import canonical, share_inside, size_of
from mmrad_eval.metrics.grounding.shown_places import film_of, shown_place
from mmrad_eval.metrics.sums import by_name, nan_ratio
from mmrad_eval.traces import matching
from mmrad_eval.traces.geometry import CANONICAL

SHOWN = 0.5
"""Share of the readers' area of which more must lie in the place that is shown."""
MOST = 50
"""Other patients whose boxes make the chance level of a concept."""

STATISTICS = ("pictures", "shown", "by chance", "chance defined", "shown where chance is defined", "places", "studies")
"""Steps with a picture that state a finding which readers boxed; those that show it; the sum of their chance levels."""


@dataclass(frozen=True)
class PicturedFindingsFit:
    """The boxes of all studies by concept, in the canonical frame: (patient, boxes)."""

    boxes: dict[str, tuple[tuple[str, tuple[Box, ...]], ...]]
    digest: str


class PicturedFindings:
    """Statistics of a study, (7,) float64: see STATISTICS. Zeros where no step can be held against a reader's box."""

    name = "grounding@shown"
    requires: Sequence[str] = ()
    languages: AbstractSet[str] = frozenset({"en"})
    statistics: Sequence[str] = STATISTICS
    columns: Sequence[Column] = (
        Column("Shown", "shown", best=1.0),
        Column("Shown chance", "shown", better=""),
        Column("Shown - chance", "shown"),
        Column("Pictures that show a place", "shown", best=1.0),
        Column("Pictures held a study", "shown", better=""),
    )

    def fit(self, corpus: Corpus) -> PicturedFindingsFit:
        """The boxes that readers drew of each concept."""
        found: dict[str, list[tuple[str, tuple[Box, ...]]]] = {}
        ordered = sorted(corpus.scored, key=lambda study: hashlib.sha256(study.id.encode()).digest())
        for study in ordered:
            for concept, boxes in drawn(study).items():
                found.setdefault(concept, []).append((study.cluster, boxes))
        digest = hashlib.sha256(repr(sorted(found.items())).encode()).hexdigest()[:12]
        return PicturedFindingsFit({concept: tuple(one) for concept, one in found.items()}, digest)

    def signature(self, context: PicturedFindingsFit) -> str:
        """The frame, the facts, the matcher, the threshold, and whose boxes are chance."""
        how = f"frame:{CANONICAL}|facts:{VERSION}|matcher:{matching.VERSION}|shown:over {SHOWN}"
        return f"grounding-shown|{how}|chance:{MOST} others {context.digest}|v1"

    def measure(self, examples: Sequence[Example], context: Any) -> FloatArray:
        """(n, 7) counts and sums. Opens images."""
        return np.array([_study(e, context) for e in examples]).reshape(len(examples), len(STATISTICS))

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., 7) sums to (..., 5) columns; nan where no picture can be held against a reader's box."""
        at = by_name(STATISTICS, np.asarray(sums, np.float64))
        chance = nan_ratio(at("by chance"), at("chance defined"))
        columns = [
            nan_ratio(at("shown"), at("pictures")),
            chance,
            nan_ratio(at("shown where chance is defined"), at("chance defined")) - chance,
            nan_ratio(at("places"), at("pictures")),
            nan_ratio(at("pictures"), at("studies")),
        ]
        return np.stack(columns, axis=-1)


def drawn(study: Study) -> dict[str, tuple[Box, ...]]:
    """Concept -> the boxes that readers drew for it, in the canonical frame."""
    size, found = size_of(study) if study.boxes else None, dict[str, list[Box]]()
    for one in study.boxes:
        box = canonical(one.box, size)
        for concept in _concepts(one.sentence or one.label) if box is not None else ():
            found.setdefault(concept, []).append(box)  # type: ignore[arg-type]  # none is left out above
    return {concept: tuple(boxes) for concept, boxes in found.items()}


def _study(example: Example, context: PicturedFindingsFit) -> list[float]:
    found = dict.fromkeys(STATISTICS, 0.0) | {"studies": 1.0}
    trace = example.answer.trace.reasoned() if example.answer.trace else None
    wanted = drawn(example.study)
    held = [
        (step, concepts)
        for step in (trace.steps if trace else ())
        if step.image is not None and (concepts := _concepts(step.text) & wanted.keys())
    ]
    film = film_of(example) if any(step.image and step.image.source == "model" for step, _ in held) else None
    for step, concepts in held:
        place = shown_place(step, film, size_of(example.study))
        shown = float(_shows(place, [box for concept in sorted(concepts) for box in wanted[concept]]))
        found["pictures"] += 1.0
        found["places"] += float(place is not None)
        found["shown"] += shown
        others = _others(concepts, context, example.study.cluster)
        if others:
            found["chance defined"] += 1.0
            found["shown where chance is defined"] += shown
            found["by chance"] += float(np.mean([_shows(place, boxes) for boxes in others]))
    return list(found.values())


def _others(concepts: AbstractSet[str], context: PicturedFindingsFit, cluster: str) -> Sequence[Sequence[Box]]:
    """The boxes of other patients for the same concepts, a patient and concept each."""
    every = (one for concept in sorted(concepts) for one in context.boxes.get(concept, ()))
    return [boxes for owner, boxes in every if owner != cluster][:MOST]


def _shows(place: Box | None, boxes: Sequence[Box]) -> bool:
    return place is not None and share_inside(boxes, [place]) > SHOWN


def _concepts(text: str) -> frozenset[str]:
    return frozenset(fact.concept for fact in extract(text) if fact.status != "absent")
