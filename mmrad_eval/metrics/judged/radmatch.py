"""RadMatch: judges list the findings of both reports, match them and compare their attributes; errors are counted.

What the package leaves out of its numbers (a report whose extraction or comparison failed, an empty candidate) stays
left out under ``upstream``. Under ``strict`` a candidate that is empty or can't be read has missed every finding, and
matches whose comparison can't be read are incorrect; only a reference that can't be read has no number, for any model.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mmrad_eval.core.contracts import Column, Corpus, FloatArray
from mmrad_eval.core.judge_contracts import AskJudge, Verdict, VerdictState, declined
from mmrad_eval.core.values import Decoding, Example
from mmrad_eval.metrics.judged.limits import most_tokens
from mmrad_eval.metrics.judged.radmatch_stages import COUNTS, ComparedPair, FailedReportError, Findings, Stages
from mmrad_eval.metrics.judged.replay import Question
from mmrad_eval.metrics.judged.wheels import wheel
from mmrad_eval.metrics.lexical.mean import has_reference

if TYPE_CHECKING:
    from mmrad_eval.metrics.suites import Setup

INDICATIONS = ("none", "study", "extract")
"""Where the indication comes from that all stages are told: nowhere, the study, or the reference (stage 0)."""
FEWSHOTS = ("none", "chest-xr")
"""Examples that each question begins with: none, as in the package by default, or the wheel's own."""
_CHUNK, _MATCHING, _COMPARING = 10, 3, 4
"""Matches that are compared at once; the most questions of a matching, and of one chunk before it is split."""
_RATES = (
    ("triage recall", "triage hits", "triage findings"),
    ("triage precision", "triage hits of the candidate", "triage findings of the candidate"),
    ("actionable recall", "actionable hits", "actionable findings"),
    ("actionable precision", "actionable hits of the candidate", "actionable findings of the candidate"),
)
_STATES = ("reports", "degraded", "read", "studies")


class DeclinedError(Exception):
    """A question that the judge declined: the report fails, as a rejected request does upstream."""


@dataclass(frozen=True)
class RadMatchForm:
    """What options decide."""

    indication: str = INDICATIONS[0]
    max_tokens: int = 0


class RadMatch:
    """RadMatch by judges.

    Statistics of a study: ``COUNTS`` of the pair, 1 where it counts, 1 where the matching fell back, 1 where all was
    read, 1.
    """

    requires: Sequence[str] = ()
    parts: Sequence[str] = ("extract", "compare")
    statistics: Sequence[str] = (*COUNTS, *_STATES)

    def __init__(
        self, profile: str, stages: Stages, form: RadMatchForm, said: Mapping[str, Verdict] | None = None
    ) -> None:
        self._profile, self._stages, self._form, self._said = profile, stages, form, said or {}
        self.name = f"radmatch@{profile}"
        self.decoding = Decoding(max_tokens=form.max_tokens, temperature=0.0, seed=42)
        self.columns: Sequence[Column] = (
            Column("RadMatch errors per report", profile, "lower", 0.0),
            Column("RadMatch errors per finding", profile, "lower", 0.0),
            *(Column(f"RadMatch {name}", profile, best=1.0) for name, _, _ in _RATES),
            Column("RadMatch read", profile, best=1.0),
            Column("RadMatch degraded", profile, "lower", 0.0),
        )

    def most(self, example: Example) -> int:
        """An estimate by sentences: a judge that keeps breaking the form of its replies is asked more often."""
        matches = max(1, example.candidate.count("."))
        comparing = _COMPARING * math.ceil(matches / _CHUNK)
        return 2 + (self._form.indication == "extract") + _MATCHING + comparing if example.reference else 0

    async def judge(self, example: Example, ask: AskJudge) -> Verdict:
        """All stages over one pair."""
        reference = (example.reference or "").strip()
        if not reference:
            return Verdict(state="nothing")
        extract, compare = (partial(self._ask, ask, part) for part in self.parts)
        try:
            indication = await self._indication(example, reference, extract)
            ours, theirs = await asyncio.gather(
                self._findings(example.candidate, indication, extract), self._findings(reference, indication, extract)
            )
        except (FailedReportError, DeclinedError) as error:
            return Verdict(state="unread", why=str(error))
        if isinstance(theirs, str):
            return Verdict(state="unread", why=f"of the reference: {theirs}")
        if isinstance(ours, str):
            if self._profile == "upstream":
                return Verdict(state="unread", why=f"of the candidate: {ours}")
            empty = not example.candidate.strip()
            matching = await self._stages.matched([], theirs, indication, compare)
            verdict = self._verdict(self._stages.worst(matching, [], theirs))
            unread = Verdict(verdict.value, "unread", f"of the candidate: {ours}", verdict.record)
            return verdict if empty else unread
        return await self._compared(ours, theirs, indication, compare)

    async def _compared(self, ours: Findings, theirs: Findings, indication: str, ask: Any) -> Verdict:
        matching: dict[str, Any] | None = None
        try:
            matching = await self._stages.matched(ours, theirs, indication, ask)
            return self._verdict(await self._stages.compared(matching, ours, theirs, indication, ask))
        except (FailedReportError, DeclinedError) as error:
            if self._profile == "upstream":
                return Verdict(state="unread", why=str(error))
            if matching is None:
                ids = [[one["finding_id"] for one in side] for side in (ours, theirs)]
                matching = {
                    "matches": [],
                    "unmatched_pred": ids[0],
                    "unmatched_gt": ids[1],
                    "validation_fallback": True,
                }
            worst = self._verdict(self._stages.worst(matching, ours, theirs))
            return Verdict(worst.value, "unread", str(error), worst.record)

    def _verdict(self, compared: ComparedPair) -> Verdict:
        why = "the matching never had its form; only its valid rows were kept" if compared.fallback else ""
        state: VerdictState = "degraded" if compared.fallback else "read"
        return Verdict([*compared.counts, float(compared.fallback)], state, why, compared.record)

    async def _indication(self, example: Example, reference: str, ask: Any) -> str:
        if self._form.indication == "extract":
            return await self._stages.indication(reference, ask)
        return (example.study.context.indication or "").strip() if self._form.indication == "study" else ""

    async def _findings(self, text: str, indication: str, ask: Any) -> Findings | str:
        """The findings of a report, or why there are none."""
        try:
            return await self._stages.findings(text, indication, ask)
        except (FailedReportError, DeclinedError) as error:
            return str(error)

    async def _ask(self, ask: AskJudge, part: str, question: Question) -> str:
        most = min(question.max_tokens or self._form.max_tokens, self._form.max_tokens)
        reply = await ask(
            question.as_messages(),
            decoding=Decoding(max_tokens=most, temperature=0.0, seed=42),
            extra={"response_format": question.response_format},
            sample=question.sample,
            part=part,
        )
        if why := declined(reply):
            raise DeclinedError(why)
        return reply.text

    def judged(self, said: Mapping[str, Verdict]) -> RadMatch:
        """The metric with its verdicts."""
        return RadMatch(self._profile, self._stages, self._form, said)

    def fit(self, corpus: Corpus) -> None:
        """Nothing."""

    def signature(self, context: None) -> str:
        """Package, prompts, decoding, indication, and what becomes of unread replies."""
        words = {
            "package": self._stages.version,
            "prompts": ",".join(self._stages.digests().values()),
            "parser": self._stages.version,
            "decoding": f"temperature=0,seed=42,max_tokens={self._form.max_tokens}",
            "format": "json_schema",
            "fewshot": self._stages.examples,
            "indication": self._form.indication,
            "unread": "left-out" if self._profile == "upstream" else "missed",
        }
        return "|".join(["radmatch", *(f"{key}:{value}" for key, value in words.items()), "v1"])

    def measure(self, examples: Sequence[Example], context: None) -> FloatArray:
        """(n, k) ``statistics``."""
        rows = np.zeros((len(examples), len(self.statistics)))
        rows[:, -1] = 1.0
        for row, example in zip(rows, examples, strict=True):
            verdict = self._said.get(example.study.id)
            if verdict is not None and verdict.value is not None:
                *counts, fallback = verdict.value
                row[:-1] = [*counts, 1.0, fallback, float(verdict.state in {"read", "degraded"})]
        return rows * has_reference(examples)[:, None]

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., k) to (..., columns); undefined where nothing was extracted of any report."""
        sums = np.asarray(sums, np.float64)
        at = {name: sums[..., i] for i, name in enumerate(self.statistics)}
        extracted = sum(at[name] for name in ("COR", "PAR", "INC", "MIS", "SPU"))
        reports = np.where((at["read"] > 0) & (extracted > 0), at["reports"], 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.stack(
                [
                    _ratio(at["errors"], reports),
                    _ratio(at["errors"], np.where(reports > 0, at["stake"], 0.0)),
                    *(_ratio(at[hits], np.where(reports > 0, at[of], 0.0)) for _, hits, of in _RATES),
                    _ratio(at["read"], at["studies"]),
                    _ratio(at["degraded"], at["reports"]),
                ],
                axis=-1,
            )


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    found: FloatArray = np.where(whole > 0, part / whole, np.nan)
    return found


def upstream(setup: Setup) -> RadMatch:
    """``radmatch@upstream``."""
    return _made(setup, "upstream")


def strict(setup: Setup) -> RadMatch:
    """``radmatch@strict``."""
    return _made(setup, "strict")


def _made(setup: Setup, profile: str) -> RadMatch:
    indication = setup.option("radmatch.indication", INDICATIONS[0], INDICATIONS)
    fewshot = setup.option("radmatch.fewshot", FEWSHOTS[0], FEWSHOTS)
    examples = None if fewshot == FEWSHOTS[0] else fewshot
    if examples:  # their reports have the layout of MIMIC-CXR's
        setup.holds("credentialed")
    stages = setup.shared(("radmatch package", examples), lambda: Stages(wheel("radmatch"), examples))
    return RadMatch(profile, stages, RadMatchForm(indication, most_tokens(setup, "radmatch", stages.max_tokens)))
