"""The contrasts of a faithfulness page, from the answers of its arms.

Every contrast is over the studies that all of its arms answered, resampled by patient. ``Y`` is the vector of 14 labels
of a report, positive or uncertain against the rest; facts are abnormal statements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from mmrad_eval.core.values import UNSCORED_STATUSES, Answer, Study, Target
from mmrad_eval.results.faithfulness.evidence import gains, leak, overlap, settled
from mmrad_eval.results.faithfulness.looks_used import LooksUsed, looks_used
from mmrad_eval.results.faithfulness.own_trace import early, follows, mistakes
from mmrad_eval.results.faithfulness.reading import ArmReading, ArmValue, estimate
from mmrad_eval.results.faithfulness.visual import by_label, causal, conflict, sensitivity
from mmrad_eval.results.faithfulness.visual_claim import MARGIN, VisualClaim, visual_claim
from mmrad_eval.results.run.spent import Spent, spent_of
from mmrad_eval.results.statistics.bootstrap import RESAMPLES


@dataclass(frozen=True)
class ArmMeasures:
    """All contrasts that the arms at hand allow, by name."""

    values: dict[str, ArmValue]
    arms: dict[str, int]
    """Arm -> studies that it answered."""
    patients: int
    clustered_by: str
    left_out: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Arm -> reason -> studies that it could not be asked about."""
    truncated: Mapping[str, int] = field(default_factory=dict)
    """Arm -> answers that ended at the limit of tokens."""
    spent: Mapping[str, Spent] = field(default_factory=dict)
    """Arm -> tokens of its answers."""
    claim: VisualClaim = field(default_factory=lambda: VisualClaim("untested"))
    """Whether a gain of region images may be called visual."""
    looks: LooksUsed = field(default_factory=lambda: LooksUsed({}))
    """Whether what the model looks at by itself is used, and whether it follows cues."""


def measure(
    studies: Sequence[Study],
    target: Target,
    answers: Mapping[str, Sequence[Answer]],
    left_out: Mapping[str, Mapping[str, int]] | None = None,
    resamples: int = RESAMPLES,
    *,
    margin: float = MARGIN,
    declared: bool = False,
) -> ArmMeasures:
    """Every contrast that these answers allow; ``answers`` maps an arm (a task's name) to its answers.

    ``left_out``: for an arm, the studies that it could not be asked about, by reason. ``margin`` and ``declared`` are
    those of ``visual_claim``.
    """
    by_id = {
        arm: {answer.study: answer for answer in found if answer.status not in UNSCORED_STATUSES}
        for arm, found in answers.items()
    }
    reading = ArmReading(studies, target, by_id)
    contrasts = (
        of(reading) for of in (sensitivity, by_label, causal, gains, leak, overlap, conflict, follows, early, mistakes)
    )
    values = settled(estimate(chain.from_iterable(contrasts), resamples))
    patients = {study.cluster for study in studies}
    by = "patient" if all(study.patient is not None for study in studies) else "study"
    claim = visual_claim([reading], margin=margin, resamples=resamples, declared=declared)
    return ArmMeasures(
        values=values,
        arms={arm: len(found) for arm, found in by_id.items()},
        patients=len(patients),
        clustered_by=by,
        left_out=left_out or {},
        truncated={arm: sum(a.status == "truncated" for a in found.values()) for arm, found in by_id.items()},
        spent={arm: spent_of([answer.usage for answer in found.values()]) for arm, found in by_id.items()},
        claim=claim,
        looks=looks_used(reading, resamples),
    )
