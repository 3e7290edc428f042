"""RadFact: which phrases of each report a judge finds in the other one.

Bannur et al., arXiv 2406.04449; microsoft/RadFact 1.0.0. Both reports are split into phrases, then each phrase is
checked against those of the other report. Logical scores; those of boxes are ``radfact_grounded``'s.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from mmrad_eval.core.contracts import Column, Corpus, FloatArray
from mmrad_eval.core.judge_contracts import AskJudge, Verdict, declined
from mmrad_eval.core.values import Decoding, Example, Reply, Target
from mmrad_eval.metrics.judged.limits import limited
from mmrad_eval.metrics.judged.radfact_prompts import RadFactPrompts, read_prompts
from mmrad_eval.metrics.judged.radfact_replies import (
    Evidenced,
    foreign,
    is_whole,
    normalized,
    read_entailed,
    read_split,
)
from mmrad_eval.metrics.lexical.mean import has_reference

if TYPE_CHECKING:
    from mmrad_eval.metrics.suites import Setup

Profile = Literal["upstream", "strict"]
DECODING = Decoding(max_tokens=1024, temperature=0.0, top_p=1.0)
"""RadFact's ``configs/default.yaml``."""
SPLIT, ENTAIL = "split", "entail"


class RadFact:
    """RadFact by judges: means of precision and recall over studies, and the F1 of the two means.

    Statistics of a study, (8,) float64: precision and 1 where it has one, recall and 1 where it has one, 1 where the
    study counts, replies, replies that were read, 1.
    """

    requires: Sequence[str] = ()
    languages: AbstractSet[str] = frozenset({"en"})
    parts: Sequence[str] = (SPLIT, ENTAIL)
    statistics: Sequence[str] = (
        *("precision", "with precision", "recall", "with recall", "counted", "replies", "read", "studies"),
    )

    def __init__(
        self,
        name: str,
        profile: Profile,
        prompts: RadFactPrompts,
        said: Mapping[str, Verdict] | None = None,
        decoding: Decoding = DECODING,
    ) -> None:
        """``said``: verdicts by study id, once the judges were asked."""
        self.name, self.profile, self._prompts, self._said = name, profile, prompts, said or {}
        self.decoding = decoding
        shown = profile if prompts.published else f"{profile}-prompts-{prompts.digest[:8]}"
        self.columns = self._columns(shown)

    def _columns(self, shown: str) -> Sequence[Column]:
        """The columns in the order of ``reduce``; ``shown``: their profile."""
        return (
            *(Column(f"RadFact {part}", shown, best=1.0) for part in ("precision", "recall", "F1")),
            Column("RadFact counted", shown, best=1.0),
            Column("RadFact read", shown, best=1.0),
        )

    def most(self, example: Example) -> int:
        """Two splits, and a question a sentence: a report has about as many phrases."""
        texts = (example.candidate, example.reference or "")
        return sum(1 + len(re.findall(r"[.!?](?:\s|$)", text)) for text in texts if text.strip())

    async def judge(self, example: Example, ask: AskJudge) -> Verdict:
        """Split both reports, then check each phrase; a report without words has no phrases and asks nothing."""
        if not (example.reference or "").strip():
            return Verdict(state="nothing")
        candidate, reference = await asyncio.gather(
            *(self._phrases(text.strip(), ask) for text in (example.candidate, example.reference or ""))
        )
        if candidate is None or reference is None:
            sides = [name for name, side in (("candidate", candidate), ("reference", reference)) if side is None]
            unread = {"replies": 2, "read": 2 - len(sides), "dropped": True}
            return Verdict(unread, "unread", f"the phrases of the {' and '.join(sides)} were not read")
        return await self.entailed(candidate, reference, bool(example.candidate.strip()) + 1, ask)

    async def entailed(self, candidate: Sequence[str], reference: Sequence[str], splits: int, ask: AskJudge) -> Verdict:
        """Check the phrases of each side against the other's."""
        checked = await asyncio.gather(
            *(self._checked(phrase, reference, ask) for phrase in candidate),
            *(self._checked(phrase, candidate, ask) for phrase in reference),
        )
        return self._verdict(checked[: len(candidate)], checked[len(candidate) :], splits)

    async def _phrases(self, report: str, ask: AskJudge) -> list[str] | None:
        if not report:
            return []
        reply = await ask(self._prompts.ask_split(report), part=SPLIT)
        if declined(reply) or (self.profile == "strict" and not (_ended(reply) and is_whole(reply.text))):
            return None
        return read_split(reply.text)

    async def _checked(self, phrase: str, others: Sequence[str], ask: AskJudge) -> Evidenced:
        if not others:  # nothing can entail it; upstream asks all the same
            return Evidenced(phrase, entailed=False)
        reply = await ask(self._prompts.ask_entailed(phrase, others), part=ENTAIL)
        usable = not declined(reply) and (self.profile == "upstream" or _ended(reply))
        found = read_entailed(phrase, reply.text) if usable else None
        return found or Evidenced(phrase, entailed=False, read=False)

    def _verdict(self, candidate: Sequence[Evidenced], reference: Sequence[Evidenced], splits: int) -> Verdict:
        """What was read, and what a reply that was not read, or that names foreign evidence, does to the study."""
        sides = ((candidate, [one.phrase for one in reference]), (reference, [one.phrase for one in candidate]))
        strangers = [foreign(said, others) for said, others in sides]
        lists = [list(said) for said, _ in sides]
        if self.profile == "strict":
            for said, wrong in zip(lists, strangers, strict=True):
                for at in wrong:
                    said[at] = Evidenced(said[at].phrase, entailed=False, read=False)
        asked = sum(len(said) for said, others in sides if others)
        unread = sum(not one.read for said in lists for one in said)
        value = {
            "candidate": [_record(one) for one in lists[0]],
            "reference": [_record(one) for one in lists[1]],
            "replies": splits + asked,
            "read": splits + asked - unread,
        }
        if any(strangers) and self.profile == "upstream":
            return Verdict({**value, "dropped": True}, "unread", "evidence that is not a phrase of the other report")
        if unread:
            return Verdict(
                value,
                "degraded",
                f"{unread} of {asked} phrases count as not entailed because their replies could not be read",
            )
        return Verdict(value)

    def judged(self, said: Mapping[str, Verdict]) -> RadFact:
        """The metric with its verdicts."""
        return type(self)(self.name, self.profile, self._prompts, said, self.decoding)

    def fit(self, corpus: Corpus) -> Target:
        """Nothing is learnt."""
        return corpus.target

    def signature(self, context: Target) -> str:
        """The words of the questions, decoding, parser, and what becomes of unread replies."""
        unread = "split:dropped,entail:no,foreign:dropped" if self.profile == "upstream" else "worst"
        asked = f"decoding:max_tokens={self.decoding.max_tokens},temperature=0,top_p=1|format:none"
        made = f"radfact|target:{context}|prompts:{self._prompts.digest[:12]}|{asked}|parser:1.0.0"
        return f"{made}|unread:{unread}|empty:not-asked|f1:of-means|v1"

    def measure(self, examples: Sequence[Example], context: Target) -> FloatArray:
        """(n, k) as the class says; zeros for a study without a reference."""
        rows = [self.row(self._said.get(example.study.id)) for example in examples]
        return np.array(rows, np.float64).reshape(-1, len(self.statistics)) * has_reference(examples)[:, None]

    def row(self, verdict: Verdict | None) -> list[float]:
        """The statistics of a study."""
        if verdict is None or verdict.state == "nothing":
            return [0.0] * 8
        value: dict[str, Any] = verdict.value
        replies = [float(value["replies"]), float(value["read"]), 1.0]
        if "dropped" in value:  # upstream drops the study; strictly it is the worst report there is
            counted = float(self.profile == "strict")
            return [0.0, counted, 0.0, counted, counted, *replies]
        candidate, reference = (_states(value[side]) for side in ("candidate", "reference"))
        if self.profile == "strict" and not candidate and reference:
            return [0.0, 1.0, 0.0, 1.0, 1.0, *replies]
        return [*_share(candidate), *_share(reference), 1.0, *replies]

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., 8) to (..., 5): means, F1 of the means (0 where both are), share of studies, share of replies."""
        sums = np.asarray(sums, np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            precision, recall, counted, read = (
                np.where(sums[..., below] > 0, sums[..., above] / sums[..., below], np.nan)
                for above, below in ((0, 1), (2, 3), (4, 7), (6, 5))
            )
            both = precision + recall
            f1 = np.where(both > 0, 2 * precision * recall / both, both)
            scores = np.stack([precision, recall, f1], axis=-1)
        scores = np.where(sums[..., 6:7] > 0, scores, np.nan)  # nothing that was read is no number
        return np.concatenate([scores, counted[..., None], read[..., None]], axis=-1)


def _ended(reply: Reply) -> bool:
    return reply.finish != "length"


def _record(one: Evidenced) -> dict[str, Any]:
    return {"phrase": one.phrase, "entailed": one.entailed, "evidence": list(one.evidence), "read": one.read}


def _states(said: Sequence[Mapping[str, Any]]) -> list[bool]:
    """Whether each phrase is entailed; of phrases that are equal once normalized the first decides, as upstream."""
    first: dict[str, bool] = {}
    return [first.setdefault(normalized(one["phrase"]), one["entailed"]) for one in said]


def _share(states: Sequence[bool]) -> tuple[float, float]:
    """The share that is entailed, and 1 where there is one."""
    return (sum(states) / len(states), 1.0) if states else (0.0, 0.0)


def radfact(setup: Setup) -> RadFact:
    """``radfact@upstream`` and ``radfact@strict``; options ``radfact.checkout``, ``.langchain``, ``.max_tokens``."""
    return made(setup, RadFact)


def made(setup: Setup, kind: type[RadFact]) -> RadFact:
    """A metric of either kind, as the options say."""
    profile = cast("Profile", setup.name.partition("@")[2])
    return kind(setup.name, profile, prompts_of(setup), decoding=limited(setup, "radfact", DECODING))


def prompts_of(setup: Setup) -> RadFactPrompts:
    """The words of the checkout that the options name."""
    paths = (setup.value(f"radfact.{name}", cast("str | Path | None", None)) for name in ("checkout", "langchain"))
    checkout, langchain = (Path(path).expanduser() if path else None for path in paths)
    return setup.shared(("radfact", checkout, langchain), lambda: read_prompts(checkout, langchain))
