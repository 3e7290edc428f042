"""GREEN: a judge lists the errors of a report and what it gets right; a formula weighs the significant ones.

Ostmeier et al., EMNLP Findings 2024; green_score 0.0.12. The published model was trained on a template that no chat
endpoint applies, so its whole prompt is written out for a completions endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from mmrad_eval.core.contracts import Column, Corpus, FloatArray
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.judge_contracts import AskJudge, Verdict, declined
from mmrad_eval.core.values import RAW_PROMPT, Card, Decoding, Example, Message, Target, Text
from mmrad_eval.metrics.judged.green_prompts import GreenPrompt, read_green_prompt
from mmrad_eval.metrics.judged.limits import limited
from mmrad_eval.metrics.lexical.mean import has_reference
from mmrad_eval.metrics.stored.judges import GREEN_ERRORS, green_counts, green_score, read_green

if TYPE_CHECKING:
    from mmrad_eval.metrics.suites import Setup

Profile = Literal["upstream", "strict"]
DECODING = Decoding(max_tokens=1024, temperature=0.0)
"""Greedy. The package allows 2,048 tokens for prompt and reply together, which no endpoint can be asked for."""
WIRES = ("raw", "chat")
_SIGNED = {"raw": "completions", "chat": "chat"}
RAW_PROVIDERS = frozenset({"vllm", "openai"})
"""Whose endpoints complete a prompt as it is written."""


class Green:
    """GREEN by a judge: means over studies, and the population deviation of the score.

    Statistics of a study, (11,) float64: score, its square, matched findings, six counts of errors, 1 where the reply
    was read, 1.
    """

    requires: Sequence[str] = ()
    languages: AbstractSet[str] = frozenset({"en"})
    statistics: Sequence[str] = ("score", "square", "matched", *GREEN_ERRORS, "read", "studies")

    def __init__(  # noqa: PLR0917 (what is asked, how, and what came of it)
        self,
        name: str,
        profile: Profile,
        prompt: GreenPrompt,
        wire: str,
        said: Mapping[str, Verdict] | None = None,
        decoding: Decoding = DECODING,
    ) -> None:
        """``said``: verdicts by study id, once the judge was asked."""
        self.name, self._profile, self._prompt, self._wire, self._said = name, profile, prompt, wire, said or {}
        self.decoding = decoding
        marks = ("" if wire == "raw" else "-chat", "" if prompt.published else f"-prompt-{prompt.digest[:8]}")
        shown = f"{profile}{''.join(marks)}"
        self.columns: Sequence[Column] = (
            Column("GREEN", shown, best=1.0),
            Column("GREEN deviation", shown, better=""),
            Column("GREEN matched", shown),
            *(Column(f"GREEN {error}", shown, better="lower") for error in GREEN_ERRORS),
            Column("GREEN read", shown, best=1.0),
        )

    def for_judges(self, cards: Mapping[str, Card]) -> Green:
        """Itself; UsageError where the judge's endpoint takes conversations alone."""
        others = sorted({card.provider for card in cards.values()} - RAW_PROVIDERS)
        if self._wire == "raw" and others:
            raise UsageError(
                f"{self.name} sends the whole prompt that its model was trained on, which {others[0]} does not accept: "
                "serve the model with vLLM and name --judge vllm:ID, or ask any judge the plain question with "
                "--metric-option green.wire=chat"
            )
        return self

    def most(self, example: Example) -> int:
        """One."""
        return 1 if (example.reference or "").strip() else 0

    async def judge(self, example: Example, ask: AskJudge) -> Verdict:
        """One question."""
        reference = example.reference or ""
        if not reference.strip():
            return Verdict(state="nothing")
        question = self._prompt.question(reference, example.candidate)
        extra = {RAW_PROMPT: self._prompt.around} if self._wire == "raw" else None
        reply = await ask((Message("user", (Text(question),)),), extra=extra)
        if why := declined(reply):
            return Verdict(None, "unread", why)
        if self._profile == "strict" and reply.finish == "length":
            return Verdict(None, "unread", "its reply was cut", {"reply": reply.text})
        body = cleaned(reply.text)
        found = read_green(body)
        if found is not None:
            return _verdict(found, body)
        lenient = green_counts(body) if self._profile == "upstream" else None
        return _verdict(lenient, body, "a section of the requested form is missing")

    def judged(self, said: Mapping[str, Verdict]) -> Green:
        """The metric with its verdicts."""
        return Green(self.name, self._profile, self._prompt, self._wire, said, self.decoding)

    def fit(self, corpus: Corpus) -> Target:
        """Nothing is learnt."""
        return corpus.target

    def signature(self, context: Target) -> str:
        """The prompt, how it travels, decoding, parser, and what becomes of unread replies."""
        unread = "as-package" if self._profile == "upstream" else "worst"
        made = f"green|target:{context}|prompt:{self._prompt.digest[:12]}|wire:{_SIGNED[self._wire]}"
        asked = f"decoding:max_tokens={self.decoding.max_tokens},temperature=0"
        return f"{made}|{asked}|parser:0.0.12|unread:{unread}|deviation:population|v1"

    def measure(self, examples: Sequence[Example], context: Target) -> FloatArray:
        """(n, 11) as the class says; zeros for a study without a reference."""
        rows = [self._row(self._said.get(example.study.id)) for example in examples]
        return np.array(rows, np.float64).reshape(-1, 11) * has_reference(examples)[:, None]

    def _row(self, verdict: Verdict | None) -> list[float]:
        if verdict is None or verdict.state == "nothing":
            return [0.0] * 11
        counts: Sequence[int] = verdict.value or [0] * 7
        score = green_score(counts[0], counts[1:])
        return [score, score * score, *map(float, counts), float(verdict.state == "read"), 1.0]

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., 11) to (..., 10): means, with the deviation in the place of the square; nan where nothing was read."""
        sums = np.asarray(sums, np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            found = np.where(sums[..., -1:] > 0, sums[..., :-1] / sums[..., -1:], np.nan)
        found[..., 1] = np.sqrt(np.maximum(0.0, found[..., 1] - found[..., 0] ** 2))
        found[..., :-1] = np.where(sums[..., -2:-1] > 0, found[..., :-1], np.nan)
        return found


def _verdict(found: tuple[int, tuple[int, ...]] | None, body: str, why: str = "") -> Verdict:
    """Counts, and for a reader their names beside the reply that they were read in."""
    value = None if found is None else [found[0], *found[1]]
    names = ("matched findings", *(f"significant errors, {error}" for error in GREEN_ERRORS))
    counted = [{"counted": name, "number": n} for name, n in zip(names, value or (), strict=False)]
    record = {"counts": counted, "reply": body.strip()} if counted else {"reply": body.strip()}
    return Verdict(value, "unread" if why else "read", why, record)


def cleaned(reply: str) -> str:
    """A reply as the package cleans it: what follows the last turn's mark and the last explanation's, without marks."""
    mark = "[Explanation]:"
    reply = reply.rsplit("<|assistant|>", maxsplit=1)[-1]
    if mark in reply:
        reply = reply.split(mark)[1 if f"{mark}\n    <Explanation>\n" in reply else -1]
    return reply.replace("</s>", "").replace("<unk>", "")


def green(setup: Setup) -> Green:
    """``green@upstream`` and ``green@strict``; options ``green.checkout``, ``green.wire``, ``green.max_tokens``."""
    stated = setup.value("green.checkout", cast("str | Path | None", None))
    checkout = Path(stated).expanduser() if stated else None
    wire = setup.option("green.wire", WIRES[0], WIRES)
    prompt = setup.shared(("green", checkout), lambda: read_green_prompt(checkout))
    profile = cast("Profile", setup.name.partition("@")[2])
    return Green(setup.name, profile, prompt, wire, decoding=limited(setup, "green", DECODING))
