"""Preference pairs of runs: the better and the worse answer to one study, by a stated column.

A pair must teach what a report says, so its two reports are about equally long (else it teaches length) and differ in
an abnormal statement (else it teaches words).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from mmrad_eval.core.values import Study, Value
from mmrad_eval.metrics.consistency.matching import supported
from mmrad_eval.training.drafts import Draft, Unfit, checked, fact, said
from mmrad_eval.training.scored_runs import Preference, ScoredAnswer

SHORTEST = 0.8
"""Least ratio of the lengths of two reports, in words: shorter by longer."""


class PairDraft(Value, frozen=True):
    """Two answers to one study, before any trainer's numbers."""

    study: Study
    chosen: Draft
    rejected: Draft
    differs: tuple[str, ...]
    values: tuple[float, float] | None = None
    runs: tuple[str, str] | None = None
    kind: str = "runs"
    """Where the rejected answer is from: ``runs``, or ``planted`` and the kind of error."""


def best_pair(study: Study, answers: Sequence[ScoredAnswer], preference: Preference, margin: float) -> PairDraft:
    """The pair of answers that lie furthest apart and pass; ``answers`` are best first.

    Unfit, with what keeps the furthest pair out, where none passes.
    """
    pairs = sorted(combinations(answers, 2), key=lambda pair: -abs(pair[0].value - pair[1].value))
    reasons: list[str] = []
    for better, worse in pairs:
        try:
            return _pair(study, better, worse, preference, margin)
        except Unfit as why:
            reasons.append(str(why))
    raise Unfit(reasons[0] if reasons else "fewer than two answers have a value in the column of --by")


def answer_draft(study: Study, answer: ScoredAnswer) -> Draft:
    """The answer of a model as what a study gives: its own trace and report."""
    trace = answer.answer.trace.reasoned() if answer.answer.trace is not None else None
    return checked(Draft(study, answer.report, trace))


def _pair(study: Study, better: ScoredAnswer, worse: ScoredAnswer, preference: Preference, margin: float) -> PairDraft:
    gap = preference.sign * (better.value - worse.value)
    if gap <= 0 or gap < margin:
        raise Unfit("their answers differ by less than --margin" if margin > 0 else "their answers have equal values")
    if not equally_long(better.report, worse.report):
        raise Unfit("one report is longer than the other by more than a quarter")
    differs = differences(better.report, worse.report)
    if not differs:
        raise Unfit("their two reports state the same abnormal findings")
    return PairDraft(
        study,
        answer_draft(study, better),
        answer_draft(study, worse),
        differs,
        (better.value, worse.value),
        (better.run, worse.run),
    )


def equally_long(*reports: str) -> bool:
    """Whether no report is so much longer that a pair of them would teach length."""
    lengths = sorted(len(report.split()) for report in reports)
    return lengths[0] >= SHORTEST * lengths[-1]


def differences(chosen: str, rejected: str) -> tuple[str, ...]:
    """Abnormal statements that only one of the reports makes."""
    mine, theirs = said(chosen), said(rejected)
    found = []
    for name, one, other in (("chosen", mine, theirs), ("rejected", theirs, mine)):
        found += [
            f"{name}: {fact(statement)}"
            for statement, known in zip(one, supported(one, other), strict=True)
            if statement.abnormal and not known
        ]
    return tuple(found)
