"""May a gain of region images be called visual? One rule for the faithfulness page and for the paper.

``mcot`` must find more of the reference facts that the words did not tell than each rival does: text alone, text and
boxes, repeated full images, and random regions whose boxes are stated as its own are. An intersection-union test
(Berger, Technometrics 24, 1982): the claim is that all four differences are positive, so each is tested at .05 by
itself and no correction is due. All five arms are taken over the same studies; patients are resampled.

Three outcomes: the gain is shown; it is shown to be smaller than a margin that was stated; or neither, and then the
chance is given with which a gain of that margin would have been found. Nothing is said where answers that were cut off
decide: a tenth or more of an arm's, or fewer where another outcome follows without their studies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Literal

import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.core.values import Study
from mmrad_eval.metrics.consistency.matching import supported
from mmrad_eval.metrics.sums import nan_ratio
from mmrad_eval.results.faithfulness.reading import ArmReading
from mmrad_eval.results.faithfulness.truncation import cut_too_often
from mmrad_eval.results.statistics.bootstrap import RESAMPLES, SEED, StatisticsPart
from mmrad_eval.results.statistics.paired import Differences, compare
from mmrad_eval.results.statistics.weights import cluster_index, cluster_sums
from mmrad_eval.tasks.arms import MAIN, RIVALS

ALPHA = 0.05
MARGIN = 0.05
"""The gain in recall of untold facts below which a gain does not matter, unless another is stated."""
_CRITICAL = NormalDist().inv_cdf(1 - ALPHA / 2)

Outcome = Literal["shown", "smaller", "not shown", "untested"]


@dataclass(frozen=True)
class RivalTest:
    """``mcot`` against one rival, on facts that the words did not state."""

    task: str
    name: str
    """What the rival shows, in words."""
    difference: float
    """Recall of ``mcot`` less the rival's."""
    low: float
    high: float
    """The 95 % interval."""
    p: float
    """Two-sided, paired randomisation of patients."""
    most: float
    """Upper bound of the gain, at level ``ALPHA`` over all rivals together (Bonferroni)."""

    @property
    def beaten(self) -> bool:
        """Whether ``mcot`` is better: p at most ``ALPHA``, and the whole interval above 0."""
        return self.low > 0 and self.p <= ALPHA


@dataclass(frozen=True)
class VisualClaim:
    """What may be said of a visual gain."""

    outcome: Outcome
    tests: tuple[RivalTest, ...] = ()
    why: str = ""
    """Why nothing was tested, where nothing was."""
    studies: int = 0
    """Studies that all five arms answered."""
    patients: int = 0
    facts: float = 0.0
    """Reference facts of these studies that the words did not tell."""
    margin: float = MARGIN
    power: float = float("nan")
    """The chance to find a gain of ``margin`` over every rival, at this size and scatter."""
    declared: bool = False
    """Whether the claim was named as the primary outcome; otherwise it is exploratory."""


def visual_claim(
    readings: Sequence[ArmReading], *, margin: float = MARGIN, resamples: int = RESAMPLES, declared: bool = False
) -> VisualClaim:
    """Judge the gain of ``mcot``; ``readings`` are the same arms, once for each sample or prompt."""
    lacking = [task for task in (MAIN, *RIVALS) if not all(reading.answers.get(task) for reading in readings)]
    if not readings or lacking:
        return VisualClaim("untested", why=f"no run of {', '.join(lacking)}", margin=margin, declared=declared)
    kept = set.intersection(*({s.id for s in reading.common(MAIN, *RIVALS)} for reading in readings))
    studies = [study for study in readings[0].studies if study.id in kept]
    if not studies:
        return VisualClaim("untested", why="no study was answered by all arms", margin=margin, declared=declared)
    claim = _tested(readings, studies, margin, resamples, declared=declared)
    cut = _cut_off(readings, kept)
    if claim.outcome == "untested" or not cut:
        return claim
    why = cut_too_often(
        {task: len(found) for task, found in cut.items()}, dict.fromkeys((MAIN, *RIVALS), len(studies) * len(readings))
    )
    if not why:
        lost = {study for found in cut.values() for study in found}
        whole = [study for study in studies if study.id not in lost]
        rest = _tested(readings, whole, margin, resamples, declared=declared) if whole else None
        if rest is None or rest.outcome != claim.outcome:
            why = (
                f"in {len(lost):,} of {len(studies):,} studies some answer was cut off at the token limit, and "
                "without these studies another outcome follows; raise `--max-tokens`"
            )
    return replace(claim, outcome="untested", why=why, tests=(), power=float("nan")) if why else claim


def _cut_off(readings: Sequence[ArmReading], kept: set[str]) -> dict[str, list[str]]:
    """Task -> the study of each answer that was cut off, of the arms that have one."""
    found = {
        task: [
            study
            for reading in readings
            for study, answer in reading.answers[task].items()
            if study in kept and answer.status == "truncated"
        ]
        for task in (MAIN, *RIVALS)
    }
    return {task: studies for task, studies in found.items() if studies}


def _tested(
    readings: Sequence[ArmReading], studies: Sequence[Study], margin: float, resamples: int, *, declared: bool
) -> VisualClaim:
    """The claim over these studies, whoever was cut off."""
    names, index = cluster_index([study.cluster for study in studies])
    sums = {
        task: [cluster_sums(_found(reading, task, studies), index, len(names)) for reading in readings]
        for task in (MAIN, *RIVALS)
    }
    facts = float(sums[MAIN][0][:, 1].sum())
    about = VisualClaim(
        "untested", studies=len(studies), patients=len(names), facts=facts, margin=margin, declared=declared
    )
    if not facts:
        return replace(about, why="the words state every fact of the references")
    if len(names) < 2:
        return replace(about, why="one patient allows no test")
    found = {task: compare(sums[task], sums[MAIN], [_RECALL], resamples=resamples, seed=SEED) for task in RIVALS}
    tests = tuple(_test(task, difference) for task, difference in found.items())
    outcome: Outcome = (
        "shown"
        if all(test.beaten for test in tests)
        else "smaller"
        if any(test.most < margin for test in tests)
        else "not shown"
    )
    return replace(about, outcome=outcome, tests=tests, power=_power(list(found.values()), margin))


def _recall(sums: FloatArray) -> FloatArray:
    """(..., 2) facts found and in all to (..., 1) recall."""
    return nan_ratio(sums[..., :1], sums[..., 1:])


_RECALL = StatisticsPart(range(2), _recall)


def _found(reading: ArmReading, task: str, studies: Sequence[Study]) -> FloatArray:
    """(n, 2): of a study's reference facts that the words did not tell, those that the report states, and all."""
    rows = np.zeros((len(studies), 2))
    for row, study in zip(rows, studies, strict=True):
        untold = [not told for told in reading.covered(study)]
        hit = supported(reading.facts("reference", study), reading.facts(task, study))
        row[:] = sum(h and u for h, u in zip(hit, untold, strict=True)), sum(untold)
    return rows


def _test(task: str, found: Differences) -> RivalTest:
    replicated = found.replicated[:, 0]
    known = replicated[np.isfinite(replicated)]
    level = ALPHA / len(RIVALS)
    # Where no patient gained, resamples know no spread: so large a share of patients may gain all the same (Clopper and
    # Pearson's bound for none of n).
    unseen = 1 - level ** (1 / found.patients)
    most = max(float(np.quantile(known, 1 - level)), unseen) if len(known) else float("nan")
    value, low, high, p = (float(x[0]) for x in (found.difference, found.low, found.high, found.p))
    return RivalTest(task, RIVALS[task], value, low, high, p, most)


def _power(found: Sequence[Differences], margin: float) -> float:
    """The share of resamples, moved to a true gain of ``margin`` over each rival, in which every test would reject.

    Their scatter is at least that of a gain that ``margin`` of the patients have and the others have not.
    """
    draws = np.random.Generator(np.random.PCG64(SEED))
    rejected = np.ones(len(found[0].replicated), dtype=np.bool_)
    for difference in found:
        least = (margin * (1 - margin) / difference.patients) ** 0.5
        error = max(float(difference.error[0]), least)
        scatter = difference.replicated[:, 0] - difference.difference[0]
        spread = float(np.nanstd(scatter))
        scatter = scatter * (error / spread) if spread > 0 else draws.normal(0.0, error, len(scatter))
        rejected &= scatter + margin > _CRITICAL * error
    return float(rejected.mean()) if len(rejected) else float("nan")


def sentence(claim: VisualClaim) -> str:
    """The outcome in words, with its numbers."""
    if claim.outcome == "untested":
        return f"It is unknown whether region images help: {claim.why}."
    over = f"{claim.studies:,} studies, {claim.patients:,} patients, {claim.facts:,.0f} facts"
    told = "; ".join(f"against {test.name} {_points(test)}" for test in claim.tests)
    where = f"on facts that the words did not state ({over})"
    margin = f"{100 * claim.margin:g} points"
    if claim.outcome == "shown":
        said = (
            f"**Region images help{_kind(claim)}:** {where}, recall is higher than each rival's, so the gain may be "
            f"called visual: {told}."
        )
    elif claim.outcome == "smaller":
        below = [test for test in claim.tests if test.most < claim.margin]
        said = (
            f"**A visual gain of {margin} or more is ruled out{_kind(claim)}:** {where}, the gain is below {margin} "
            f"against {_listed([test.name for test in below])} ({told})."
        )
    else:
        losing = [test.name for test in claim.tests if not test.beaten]
        chance = f"{claim.power:.0%}".replace("%", " %")
        said = (
            f"**Not shown that region images help{_kind(claim)}:** {where}, mcot is not better than {_listed(losing)} "
            f"({told}). A true gain of {margin} over every rival would have been detected with a power of {chance}."
        )
    return said


def as_data(claim: VisualClaim) -> Mapping[str, object]:
    """The same as data: numbers as they are, null where there is none."""
    return {
        "outcome": claim.outcome,
        "why": claim.why,
        "studies": claim.studies,
        "patients": claim.patients,
        "facts": claim.facts,
        "margin": claim.margin,
        "power": _number(claim.power),
        "declared": claim.declared,
        "tests": {
            test.task: {
                "difference": _number(test.difference),
                "low": _number(test.low),
                "high": _number(test.high),
                "p": _number(test.p),
                "most": _number(test.most),
            }
            for test in claim.tests
        },
    }


def _kind(claim: VisualClaim) -> str:
    return "" if claim.declared else " (exploratory: no primary outcome was declared)"


def _points(test: RivalTest) -> str:
    known = not np.isnan(test.low) and not np.isnan(test.high)
    interval = f"[{100 * test.low:+.1f}, {100 * test.high:+.1f}]" if known else "[no interval]"
    return f"{100 * test.difference:+.1f} points {interval}, p {_p(test.p)}"


def _p(p: float) -> str:
    return "-" if np.isnan(p) else "<.001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


def _number(value: float) -> float | None:
    return None if np.isnan(value) else value


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
