"""RadFact of grounded reports: whether the boxes of entailed phrases lie in those of their evidence.

Bannur et al., arXiv 2406.04449; microsoft/RadFact, ``metric/radfact.py``, ``metric/box_metrics.py``, with
``is_narrative_text=False``: phrases are given and not split. Here they are the statements of a report in whose words
the model marked boxes, and the sentences of a reference for which readers drew some.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mmrad_eval.core.contracts import Column, FloatArray
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.judge_contracts import AskJudge, Verdict
from mmrad_eval.core.values import Box, Example, Target
from mmrad_eval.datasets.comparisons import sentences
from mmrad_eval.metrics.grounding.boxes import size_of
from mmrad_eval.metrics.judged.radfact import ENTAIL, RadFact, made
from mmrad_eval.metrics.judged.radfact_replies import normalized
from mmrad_eval.traces import geometry

if TYPE_CHECKING:
    from mmrad_eval.metrics.suites import Setup
    from mmrad_eval.traces.geometry import Size

MASK = 224
"""Side of the mask on which RadFact counts pixels."""
THRESHOLD = 0.5
"""Share of a phrase's pixels of which more must lie in the boxes of its evidence."""
Corners = tuple[float, float, float, float]
"""Left, top, right, bottom as shares of width and height."""


class GroundedPhrase(NamedTuple):
    """A phrase, and its boxes; None where it has none."""

    text: str
    boxes: tuple[Corners, ...] | None


def phrases_of_candidate(example: Example) -> list[GroundedPhrase]:
    """The statements of a report with the boxes in their words; its sentences where it has no box."""
    trace, size = example.answer.trace, size_of(example.study)
    stated = [(step.text, step.box) for step in trace.steps if step.part == "report"] if trace else []
    if any(box for _, box in stated):
        return _grouped(stated, size)
    return _grouped(((sentence, None) for sentence in _sentences(example.candidate)), size)


def phrases_of_reference(example: Example) -> list[GroundedPhrase]:
    """The sentences of a reference with the boxes that readers drew for them; empty where no sentence has one."""
    drawn = [(one.sentence, one.box) for one in example.study.boxes if one.sentence.strip()]
    if not drawn:
        return []
    known = {normalized(text) for text, _ in drawn}
    rest = [one for one in _sentences(example.reference or "") if normalized(one) not in known]
    return _grouped([*drawn, *((one, None) for one in rest)], size_of(example.study))


def _sentences(text: str) -> list[str]:
    return [one.strip() for one, _ in sentences(text) if one.strip()]


def _grouped(stated: Iterable[tuple[str, Box | None]], size: Size | None) -> list[GroundedPhrase]:
    """Phrases of one text, each with all its boxes; a box that can't be placed leaves an empty place."""
    groups: dict[str, tuple[str, list[Box]]] = {}
    for text, box in stated:
        if text.strip():
            boxes = groups.setdefault(normalized(text), (text.strip(), []))[1]
            boxes += [box] if box is not None else []
    return [
        GroundedPhrase(text, tuple(found for box in boxes if (found := _placed(box, size))) if boxes else None)
        for text, boxes in groups.values()
    ]


def _placed(box: Box, size: Size | None) -> Corners | None:
    """The box as shares of the picture; None where that can't be known, or is no rectangle."""
    try:
        if box.frame != "norm_1":
            if size is None:
                return None
            box = geometry.convert(box, "norm_1", size)
    except DataError:
        return None
    left, top, right, bottom = box.xyxy
    return box.xyxy if np.isfinite(box.xyxy).all() and right > left and bottom > top else None


def mask_of(boxes: Iterable[Corners]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """(224, 224), x first: the pixels that boxes cover, their corners cut to whole pixels as in RadFact."""
    mask = np.zeros((MASK, MASK), dtype=np.bool_)
    for box in boxes:
        left, top, right, bottom = (np.clip(np.array(box), 0.0, 1.0) * MASK).astype(int)
        mask[left:right, top:bottom] = True
    return mask


def inside(boxes: Sequence[Corners], evidence: Sequence[Corners]) -> bool:
    """Whether more than half of the boxes' pixels lie in those of the evidence."""
    own = mask_of(boxes)
    covered = int((own & mask_of(evidence)).sum())
    return bool(own.any()) and covered / int(own.sum()) > THRESHOLD


def with_boxes(
    said: Sequence[Mapping[str, Any]], own: Sequence[GroundedPhrase], others: Sequence[GroundedPhrase]
) -> list[dict[str, Any]]:
    """Records of phrases with what became of their boxes: ``boxed``, and ``in place``, which needs entailment."""
    known = {normalized(one.text): one.boxes or () for one in others}
    found = []
    for one, phrase in zip(said, own, strict=True):
        evidence = [box for text in one["evidence"] for box in known.get(normalized(text), ())]
        boxed = phrase.boxes is not None
        right = boxed and one["entailed"] and inside(phrase.boxes or (), evidence)
        found.append({**one, "boxed": boxed, "in place": right})
    return found


SHARES = ("spatial precision", "spatial recall", "grounding precision", "grounding recall")


def shares(value: Mapping[str, Any], *, strict: bool) -> list[float]:
    """Of one study: each of SHARES, and after each 1 where it is defined.

    Upstream leaves a side without boxes out. ``strict``: a candidate without any is 0 in spatial precision where the
    reference has some, and a phrase whose reply was not read counts among the entailed ones, not in place.
    """
    spatial, grounding = [], []
    for side in ("candidate", "reference"):
        boxed = [one for one in value[side] if one["boxed"]]
        right = sum(one["in place"] for one in boxed)
        entailed = sum(one["entailed"] or (strict and not one["read"]) for one in boxed)
        lacking = strict and side == "candidate" and any(one["boxed"] for one in value["reference"])
        spatial += [right / len(boxed), 1.0] if boxed else [0.0, float(lacking)]
        grounding += [right / entailed, 1.0] if entailed else [0.0, 0.0]
    return [*spatial, *grounding]


LEFT_OUT = (0.0,) * 8
"""What a study comes to whose boxes count nowhere."""


def box_columns(shown: str) -> list[Column]:
    """Columns beside the logical ones."""
    names = [f"{kind} {part}" for kind in ("spatial", "grounding") for part in ("precision", "recall", "F1")]
    return [Column(f"RadFact {name}", shown, best=1.0) for name in names]


def box_means(sums: FloatArray) -> FloatArray:
    """(..., 8) sums to (..., 6): means over the studies that have one, and the F1 of two means (0 where both are)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(sums[..., 1::2] > 0, sums[..., 0::2] / sums[..., 1::2], np.nan)
        made = []
        for at in (0, 2):
            precision, recall = means[..., at], means[..., at + 1]
            both = precision + recall
            made += [precision, recall, np.where(both > 0, 2 * precision * recall / both, both)]
    return np.stack(made, axis=-1)


class GroundedRadFact(RadFact):
    """RadFact of grounded reports by a judge: the logical scores over phrases that are given, and those of their boxes.

    Statistics of a study, (16,) float64: those of RadFact, then each of ``SHARES`` and 1 where it has one.
    """

    parts: Sequence[str] = (ENTAIL,)
    statistics: Sequence[str] = (
        *RadFact.statistics,
        *(name for share in SHARES for name in (share, f"with {share}")),
    )

    def _columns(self, shown: str) -> Sequence[Column]:
        """Those of RadFact, with those of boxes after the first three."""
        logical = super()._columns(f"{shown}-grounded")
        return (*logical[:3], *box_columns(logical[0].profile), *logical[3:])

    def most(self, example: Example) -> int:
        """A question for each phrase of either side."""
        reference, candidate = phrases_of_reference(example), phrases_of_candidate(example)
        return len(reference) + len(candidate) if reference and candidate else 0

    async def judge(self, example: Example, ask: AskJudge) -> Verdict:
        """Check each phrase; nothing is asked where nobody drew a box for a sentence of the reference."""
        reference, candidate = phrases_of_reference(example), phrases_of_candidate(example)
        if not reference:
            return Verdict(state="nothing", why="nobody drew a box for a sentence of its reference")
        sides = [[one.text for one in side] for side in (candidate, reference)]
        verdict = await self.entailed(sides[0], sides[1], 0, ask)
        value = {
            **verdict.value,
            "candidate": with_boxes(verdict.value["candidate"], candidate, reference),
            "reference": with_boxes(verdict.value["reference"], reference, candidate),
        }
        return Verdict(value, verdict.state, verdict.why)

    def signature(self, context: Target) -> str:
        """That of RadFact, with where phrases come from and when a box is in place."""
        words = super().signature(context).removeprefix("radfact|").rpartition("|")
        return f"radfact-grounded|{words[0]}|phrases:stated|boxes:mask {MASK},over {THRESHOLD}|{words[2]}"

    def row(self, verdict: Verdict | None) -> list[float]:
        """The statistics of a study."""
        logical = super().row(verdict)
        counts = verdict is not None and verdict.state != "nothing" and "dropped" not in verdict.value
        boxes = shares(verdict.value, strict=self.profile == "strict") if verdict is not None and counts else LEFT_OUT
        return [*logical, *boxes]

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., 16) to (..., 11): logical scores, those of boxes, share of studies, share of replies."""
        sums = np.asarray(sums, np.float64)
        logical = super().reduce(sums[..., :8])
        boxes = np.where(sums[..., 6:7] > 0, box_means(sums[..., 8:]), np.nan)
        return np.concatenate([logical[..., :3], boxes, logical[..., 3:]], axis=-1)


def radfact_grounded(setup: Setup) -> RadFact:
    """``radfact-grounded@upstream`` and ``radfact-grounded@strict``, with the options of ``radfact``."""
    return made(setup, GroundedRadFact)
