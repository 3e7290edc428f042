"""CRIMSON: a judge lists the findings of both reports and the errors between them; a formula weighs them.

Prompt, system message and, under ``upstream``, repair of replies and formula are those of the wheel crimson-score 0.2.2
(``CRIMSON/prompt_parts.py``, ``utils.py``, ``generate_score.py``).
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mmrad_eval.core.contracts import Column, Corpus, FloatArray
from mmrad_eval.core.judge_contracts import AskJudge, Verdict, declined
from mmrad_eval.core.values import Card, Decoding, Example, Message, Reply, Text
from mmrad_eval.metrics.judged.limits import limited
from mmrad_eval.metrics.judged.records import crimson_record
from mmrad_eval.metrics.judged.wheel_code import WheelCode
from mmrad_eval.metrics.judged.wheels import Wheel, wheel
from mmrad_eval.metrics.lexical.mean import has_reference
from mmrad_eval.metrics.stored.judges import crimson_score

if TYPE_CHECKING:
    from mmrad_eval.metrics.suites import Setup

FORMAT = {"response_format": {"type": "json_object"}}
DECODING = Decoding(max_tokens=None, temperature=0.0, seed=42)
"""As the package asks an endpoint: it states no limit."""
WORST = -1.0
PROMPTS = ("by-judge", "long", "short")
"""The judge that was trained on the short prompt gets it under its published name; elsewhere the user says so."""
CONTEXTS = ("age-indication", "none")


class Package:
    """What the wheel holds."""

    def __init__(self, wheel: Wheel) -> None:
        self._code = WheelCode(wheel, "CRIMSON", {})
        self._score = self._code.module("CRIMSON.generate_score")
        self.system = _system_message(wheel.text("CRIMSON/generate_score.py"))
        self.tuned: str = self._score.CRIMSONScore.DEFAULT_HF_MODEL
        """The judge that was trained on the short prompt."""
        self.version = wheel.pin.version

    def prompt(self, reference: str, candidate: str, context: Mapping[str, str], *, short: bool) -> str:
        """The question."""
        return str(
            self._code.module("CRIMSON.prompt_parts").build_prompt(
                reference,
                candidate,
                patient_context=dict(context),
                include_significance_examples=not short,
                include_attribute_guidelines=not short,
                include_context_guidelines=not short,
            )
        )

    def read(self, reply: str) -> tuple[float | None, Any]:
        """The package's value of a reply, None where it would raise, and leave the study out; and what it read."""
        judged = None
        try:
            judged = self._code.module("CRIMSON.utils").parse_json_response(reply)
            return float(self._score.CRIMSONScore._calculate_crimson(None, judged)["crimson_score"]), judged  # noqa: SLF001 (the formula)
        except Exception:  # noqa: BLE001 (whatever the package raises for a reply that it can't read)
            return None, judged


def _system_message(source: str) -> str:
    """The one system message of the package's client."""
    found = {
        value.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Dict) and any(isinstance(v, ast.Constant) and v.value == "system" for v in node.values)
        for value in node.values
        if isinstance(value, ast.Constant) and value.value != "system"
    }
    [message] = found
    return str(message)


def strict_read(text: str) -> tuple[float | None, Any]:
    """The value of a reply that keeps to the form in every respect, None where it does not; and what was read.

    One JSON object, a fence around it allowed; every list there; ids that are known and not repeated; each finding
    matched or listed as an error, and not both.
    """
    body = re.fullmatch(r"\s*(?:```(?:json)?\s*)?(\{.*\})\s*(?:```)?\s*", text, re.DOTALL)
    judged = None
    try:
        judged = json.loads(body.group(1) if body else text, parse_constant=_no_number)
        _check(judged)
        return crimson_score(judged), judged
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None, judged


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _check(judged: Any) -> None:
    """ValueError, KeyError or TypeError where the lists do not fit together."""
    errors = judged["errors"]
    sides = (
        ("reference_findings", "ref_id", "missing_findings"),
        ("predicted_findings", "pred_id", "false_findings"),
    )
    for findings, end, unmatched in sides:
        ids = [one["id"] for one in judged[findings]]
        matched = {one[end] for one in judged["matched_findings"]}
        rest = set(errors[unmatched])
        if len(ids) != len(set(ids)) or matched & rest or matched | rest != set(ids):
            raise ValueError(f"{findings} and their matches or errors do not add up")
    pairs = {(one["ref_id"], one["pred_id"]) for one in judged["matched_findings"]}
    if not {(one["ref_id"], one["pred_id"]) for one in errors["attribute_errors"]} <= pairs:
        raise ValueError("an attribute error names findings that are not matched")


@dataclass(frozen=True)
class CrimsonForm:
    """What is asked: parts of the prompt that options decide."""

    prompt: str = PROMPTS[0]
    context: str = CONTEXTS[0]
    short: bool = False
    decoding: Decoding = DECODING


class Crimson:
    """CRIMSON by a judge.

    Statistics of a study: its value, 1 where it has one, 1 where its reply was read, 1.
    """

    requires: Sequence[str] = ()
    parts: Sequence[str] = ()
    statistics: Sequence[str] = ("value", "valued", "read", "studies")

    def __init__(
        self, profile: str, package: Package, form: CrimsonForm, said: Mapping[str, Verdict] | None = None
    ) -> None:
        self._profile, self._package, self._form, self._said = profile, package, form, said or {}
        self.name = f"crimson@{profile}"
        self.decoding = form.decoding
        self.columns: Sequence[Column] = (
            Column("CRIMSON", profile, best=1.0),
            Column("CRIMSON read", profile, best=1.0),
        )

    def for_judges(self, cards: Mapping[str, Card]) -> Crimson:
        """The metric with the prompt that its judge was trained on."""
        short = self._form.prompt == "short" or (
            self._form.prompt == "by-judge" and any(card.id == self._package.tuned for card in cards.values())
        )
        form = replace(self._form, short=short)
        return Crimson(self._profile, self._package, form, self._said)

    def most(self, example: Example) -> int:
        """One."""
        return 1 if example.reference else 0

    def question(self, example: Example) -> tuple[Message, ...]:
        """System message and prompt."""
        told = example.study.context
        stated = {"Age": told.age, "Indication": told.indication} if self._form.context == "age-indication" else {}
        context = {name: text.strip() for name, text in stated.items() if text and text.strip()}
        prompt = self._package.prompt(example.reference or "", example.candidate, context, short=self._form.short)
        return (Message("system", (Text(self._package.system),)), Message("user", (Text(prompt),)))

    async def judge(self, example: Example, ask: AskJudge) -> Verdict:
        """One question, and its value under the profile."""
        if not example.reference:
            return Verdict(state="nothing")
        reply = await ask(self.question(example), extra=FORMAT)
        if why := declined(reply):
            return Verdict(None, "unread", why)
        value, judged = (self._package.read if self._profile == "upstream" else strict_read)(reply.text)
        record = crimson_record(judged, reply.text)
        if value is None or (self._profile == "strict" and reply.finish == "length"):
            return Verdict(None, "unread", _unread(reply), record)
        return Verdict(value, record=record)

    def judged(self, said: Mapping[str, Verdict]) -> Crimson:
        """The metric with its verdicts."""
        return Crimson(self._profile, self._package, self._form, said)

    def fit(self, corpus: Corpus) -> None:
        """Nothing."""

    @cached_property
    def _digest(self) -> str:
        """Of the system message and of the prompt around two empty reports, with a context and without."""
        form = self._form
        texts = [self._package.system]
        texts += [self._package.prompt("", "", context, short=form.short) for context in ({}, {"Age": "1"})]
        return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]

    def signature(self, context: None) -> str:
        """Package, prompt, parser, decoding, form of the reply, and what becomes of unread ones."""
        upstream, most = self._profile == "upstream", self.decoding.max_tokens
        words = {
            "package": self._package.version,
            "prompt": f"{'short' if self._form.short else 'long'}:{self._digest}",
            "context": self._form.context,
            "parser": self._package.version if upstream else "strict1",
            "decoding": "temperature=0,seed=42" + ("" if most is None else f",max_tokens={most}"),
            "format": "json_object",
            "unread": "left-out" if upstream else "worst",
        }
        return "|".join(["crimson", *(f"{key}:{value}" for key, value in words.items()), "v1"])

    def measure(self, examples: Sequence[Example], context: None) -> FloatArray:
        """(n, 4) value, valued, read, studies."""
        rows = []
        for example in examples:
            verdict = self._said.get(example.study.id)
            value = None if verdict is None or verdict.state == "nothing" else verdict.value
            read = value is not None
            valued = read or self._profile == "strict"
            rows.append([value if value is not None else WORST * valued, float(valued), float(read), 1.0])
        return np.array(rows, np.float64).reshape(-1, 4) * has_reference(examples)[:, None]

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., 4) to (..., 2): the mean, undefined where nothing was read, and the share that was read."""
        sums = np.asarray(sums, np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(sums[..., 2] > 0, sums[..., 0] / sums[..., 1], np.nan)
            read = np.where(sums[..., 3] > 0, sums[..., 2] / sums[..., 3], np.nan)
        return np.stack([mean, read], axis=-1)


def _unread(reply: Reply) -> str:
    return "its reply was cut" if reply.finish == "length" else "its reply does not have the requested form"


def upstream(setup: Setup) -> Crimson:
    """``crimson@upstream``."""
    return _made(setup, "upstream")


def strict(setup: Setup) -> Crimson:
    """``crimson@strict``."""
    return _made(setup, "strict")


def _made(setup: Setup, profile: str) -> Crimson:
    prompt = setup.option("crimson.prompt", PROMPTS[0], PROMPTS)
    context = setup.option("crimson.context", CONTEXTS[0], CONTEXTS)
    form = CrimsonForm(prompt, context, prompt == "short", limited(setup, "crimson", DECODING))
    return Crimson(profile, setup.shared("crimson package", lambda: Package(wheel("crimson"))), form)
