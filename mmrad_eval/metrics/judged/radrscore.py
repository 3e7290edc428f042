"""RadRScore: how complete, factual and effective a model's reasoning is beside a reference trace.

Fan et al., ChestX-Reasoner; ``eval/reasoning_eval.py``. Defined where the study has a reference trace; the model's side
is the whole of what it wrote, its trace and its report.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from mmrad_eval.core.contracts import Column, Corpus, FloatArray
from mmrad_eval.core.judge_contracts import AskJudge, Verdict, declined
from mmrad_eval.core.values import Decoding, Example, Message, Reply, Target, Trace
from mmrad_eval.metrics.judged.limits import limited
from mmrad_eval.metrics.judged.radrscore_prompts import (
    EFFICIENCY,
    FINDINGS,
    PRECISION,
    RECALL,
    RadRPrompts,
    read_radrscore,
)

if TYPE_CHECKING:
    from mmrad_eval.metrics.suites import Setup

Profile = Literal["upstream", "strict"]
DECODING = Decoding(max_tokens=None, temperature=None)
"""Upstream states neither."""
TRIES = 2
KEY = "key_conclusion"
Ratio = tuple[float, float]
"""A ratio and 1; 0 and 0 where it is undefined."""


class RadRScore:
    """RadRScore by a judge: three means and their average.

    Statistics of a study, (9,) float64: each of the three ratios and its weight, replies, replies that were read, 1.
    """

    requires: Sequence[str] = ()
    languages: AbstractSet[str] = frozenset({"en"})
    statistics: Sequence[str] = (
        *("completeness", "with completeness", "factuality", "with factuality"),
        *("effectiveness", "with effectiveness", "replies", "read", "studies"),
    )

    def __init__(
        self,
        name: str,
        profile: Profile,
        prompts: RadRPrompts,
        said: Mapping[str, Verdict] | None = None,
        decoding: Decoding = DECODING,
    ) -> None:
        """``said``: verdicts by study id, once the judge was asked."""
        self.name, self._profile, self._prompts, self._said = name, profile, prompts, said or {}
        self.decoding = decoding
        shown = profile if prompts.published else f"{profile}-prompts-{prompts.digest[:8]}"
        names = ("", " completeness", " factuality", " effectiveness")
        self.columns: Sequence[Column] = (
            *(Column(f"RadRScore{name}", shown, best=1.0) for name in names),
            Column("RadRScore read", shown, best=1.0),
        )

    def most(self, example: Example) -> int:
        """Five questions, each asked again where its reply can't be read."""
        return 5 * TRIES if steps_of(example.study.trace) else 0

    async def judge(self, example: Example, ask: AskJudge) -> Verdict:
        """Key findings of both sides, then what of them agrees; a study without a reference trace asks nothing."""
        steps, written = steps_of(example.study.trace), written_by(example)
        if not steps:
            return Verdict(state="nothing")
        asked = _Asked(ask)
        reference = await asked(self._prompts.ask(FINDINGS, reason_steps=steps))
        candidate = await asked(self._prompts.ask(FINDINGS, reason_steps=written))
        recall = await asked(self._prompts.ask(RECALL, reason_steps=reference, pred=candidate))
        report = example.reference or ""
        precision = await asked(self._prompts.ask(PRECISION, report=report, reason_steps=candidate))
        efficiency = await asked(self._prompts.ask(EFFICIENCY, reason_steps=steps, pred=written))
        value = {
            "reference": reference,
            "candidate": candidate,
            "recall": recall,
            "precision": precision,
            "efficiency": efficiency,
            "replies": asked.replies,
        }
        value["read"] = _usable(value, strict=self._profile == "strict")
        counted = _strict(value) if self._profile == "strict" else _lenient(value)
        lost = sum(one is None for one in counted)
        if lost:
            state: Literal["unread", "degraded"] = "unread" if lost == len(counted) else "degraded"
            return Verdict(value, state, f"{lost} of 3 ratios could not be read")
        return Verdict(value)

    def judged(self, said: Mapping[str, Verdict]) -> RadRScore:
        """The metric with its verdicts."""
        return RadRScore(self.name, self._profile, self._prompts, said, self.decoding)

    def fit(self, corpus: Corpus) -> Target:
        """Nothing is learnt."""
        return corpus.target

    def signature(self, context: Target) -> str:
        """The words of the questions, decoding, parser, and what becomes of unread replies."""
        unread = "as-script" if self._profile == "upstream" else "worst"
        most = self.decoding.max_tokens
        asked = "none" if most is None else f"max_tokens={most}"
        made = f"radrscore|target:{context}|prompts:{self._prompts.digest[:12]}|decoding:{asked}|tries:{TRIES}"
        return f"{made}|steps:region-and-text|pred:trace-and-report|parser:json|unread:{unread}|v2"

    def measure(self, examples: Sequence[Example], context: Target) -> FloatArray:
        """(n, 9) as the class says; zeros for a study without a reference trace."""
        return np.array([self._row(self._said.get(one.study.id)) for one in examples], np.float64).reshape(-1, 9)

    def _row(self, verdict: Verdict | None) -> list[float]:
        if verdict is None or verdict.state == "nothing":
            return [0.0] * 9
        value: dict[str, Any] = verdict.value
        replies = [float(value["replies"]), float(value["read"]), 1.0]
        if self._profile == "strict":
            ratios = [(0.0, 1.0) if one is None else one for one in _strict(value)]
            return [*(number for ratio in ratios for number in ratio), *replies]
        found = _lenient(value)
        # upstream adds the terms of a study before it fails, and divides by the studies that did not
        until = found.index(None) if None in found else len(found)
        valid = float(None not in found)
        terms = [one[0] if one is not None and number < until else 0.0 for number, one in enumerate(found)]
        return [*(number for term in terms for number in (term, valid)), *replies]

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., 9) to (..., 5): the average of the three means, the means, the share of replies that were read."""
        sums = np.asarray(sums, np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = np.where(sums[..., 1:6:2] > 0, sums[..., 0:6:2] / sums[..., 1:6:2], np.nan)
            read = np.where(sums[..., 6] > 0, sums[..., 7] / sums[..., 6], np.nan)
        means = np.where(sums[..., 7:8] > 0, means, np.nan)
        return np.concatenate([means.mean(axis=-1, keepdims=True), means, read[..., None]], axis=-1)


class _Asked:
    """Asks, and asks the same again where a reply is not JSON."""

    def __init__(self, ask: AskJudge) -> None:
        self._ask = ask
        self.replies = 0

    async def __call__(self, messages: tuple[Message, ...]) -> Any:
        text = ""
        for sample in range(TRIES):
            reply: Reply = await self._ask(messages, sample=sample)
            self.replies += 1
            text = "" if declined(reply) else reply.text.strip().replace("```json", "").replace("```", "")
            try:
                return json.loads(text)
            except (ValueError, RecursionError):
                continue
        # what upstream goes on with: a dictionary without the key that is looked for
        return {"reason_steps": text, "refined_steps": [], "final_conclusion": ""}


def steps_of(trace: Trace | None) -> list[str]:
    """The steps of a reference trace as texts, its prose where it has none; empty where there is no trace."""
    reasoned = trace.reasoned() if trace is not None else None
    if reasoned is None:
        return []
    steps = [
        f"{step.region}: {step.text}" if step.region else step.text for step in reasoned.steps if step.text.strip()
    ]
    return steps or ([reasoned.text] if reasoned.text.strip() else [])


def written_by(example: Example) -> str:
    """All that the model wrote: its trace, then its report."""
    return "\n".join([*steps_of(example.answer.trace), example.candidate]).strip()


_HOLDS = {
    "reference": (KEY,),
    "candidate": (KEY,),
    "recall": ("recalled_count",),
    "precision": ("correct_count",),
    "efficiency": ("effective_count", "ineffective_count"),
}
"""What each reply must hold."""


def _usable(value: Mapping[str, Any], *, strict: bool) -> int:
    """How many of the five last replies hold what was asked for; ``strict``: as a list or as whole numbers."""
    found = 0
    for name, keys in _HOLDS.items():
        reply = value[name]
        if strict:
            found += all((_listed(reply) if key == KEY else _count(reply, key)) is not None for key in keys)
        else:
            found += isinstance(reply, dict) and all(key in reply for key in keys)
    return found


def _lenient(value: Mapping[str, Any]) -> list[Ratio | None]:
    """The three ratios as upstream computes them, counts trusted; None where it fails. An empty divisor adds 0."""
    efficiency = value["efficiency"]
    divided: tuple[Callable[[], float], ...] = (
        lambda: _over(value["recall"], "recalled_count", len(value["reference"][KEY])),
        lambda: _over(value["precision"], "correct_count", len(value["candidate"][KEY])),
        lambda: _over(efficiency, "effective_count", efficiency["effective_count"] + efficiency["ineffective_count"]),
    )
    found: list[Ratio | None] = []
    for one in divided:
        try:
            found.append((one(), 1.0))
        except (KeyError, TypeError, ValueError, IndexError):
            found.append(None)
    return found


def _over(said: Any, name: str, whole: Any) -> float:
    return float(said[name] / whole) if whole > 0 else 0.0


def _strict(value: Mapping[str, Any]) -> list[Ratio | None]:
    """The three ratios where lists are lists and counts are whole numbers that fit them; None where they are not."""
    reference, candidate = (_listed(value[side]) for side in ("reference", "candidate"))
    right, wrong = (_count(value["efficiency"], name) for name in ("effective_count", "ineffective_count"))
    whole = None if right is None or wrong is None else right + wrong
    return [
        _share(_count(value["recall"], "recalled_count"), reference, empty=(0.0, 0.0)),
        _share(_count(value["precision"], "correct_count"), candidate, empty=(0.0, 1.0)),
        _share(right, whole, empty=(0.0, 1.0)),
    ]


def _share(count: int | None, whole: int | None, empty: Ratio) -> Ratio | None:
    if whole == 0:
        return empty
    if count is None or whole is None or count > whole:
        return None
    return count / whole, 1.0


def _listed(value: Any) -> int | None:
    """How many findings a reply lists; None where it has no list of them."""
    found = value.get(KEY) if isinstance(value, dict) else None
    return len(found) if isinstance(found, list) else None


def _count(value: Any, name: str) -> int | None:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else None


def radrscore(setup: Setup) -> RadRScore:
    """``radrscore@upstream`` and ``radrscore@strict``; options ``radrscore.checkout``, ``.max_tokens``."""
    stated = setup.value("radrscore.checkout", cast("str | Path | None", None))
    checkout = Path(stated).expanduser() if stated else None
    prompts = setup.shared(("radrscore", checkout), lambda: read_radrscore(checkout))
    profile = cast("Profile", setup.name.partition("@")[2])
    return RadRScore(setup.name, profile, prompts, decoding=limited(setup, "radrscore", DECODING))
