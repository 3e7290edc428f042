"""Program writers and auditors, so that a build can be tried without a model: ``program:writer``, ``program:auditor``.

They read the JSON that the prompts show. The writer keeps the rows' own sentences and compares them with the report by
the words that they share; the auditor does the same and looks for denials. They know no medicine, and nothing of ours
that reads facts: what they agree on with our rules is no proof of either.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mmrad_eval.core.contracts import Client, PreparedRequest
from mmrad_eval.core.errors import UnknownNameError
from mmrad_eval.core.values import Card, Reply, Text
from mmrad_eval.datasets.words import among

PREFIX = "program:"
_WORD = re.compile(r"[^\W\d_]+")
_STOP = re.compile(r"(?<=[.!?])\s+|\n+")
_SMALL = among(
    "a an and are as at be been but by for from has have in is it its of on or seen that the there this to was were "
    "with which than then both also into small mild moderate"
)
_DENIALS = among("no not without none neither nor clear normal unremarkable absent free intact smooth")
_ENOUGH = 0.5
"""Share of a statement's words that a sentence of the report must have."""


class ProgramModel(Client):
    """A model that is a function of what a prompt shows."""

    card: Card
    endpoints = ()

    def __init__(self, name: str, answer: Callable[[list[Any], str], dict[str, Any]]) -> None:
        self.card = Card(provider="program", id=name, revision="1", name=f"{PREFIX}{name}")
        self._answer = answer

    async def generate(self, sent: PreparedRequest) -> Reply:
        """JSON of the form that the prompt asks for."""
        text = "\n".join(
            part.text
            for message in sent.request.messages
            if message.role == "user"
            for part in message.parts
            if isinstance(part, Text)
        )
        return Reply(json.dumps(self._answer(list(shown(text)), text)))


def shown(text: str) -> Iterator[Any]:
    """The JSON lists of objects that stand in a prompt, each on a line of its own."""
    for line in text.splitlines():
        if line.startswith("[{"):
            yield json.loads(line)


def resolve(name: str) -> ProgramModel:
    """The program of this name."""
    known = {f"{PREFIX}writer": writer, f"{PREFIX}auditor": auditor}
    if name not in known:
        raise UnknownNameError("program", name, [(one, "mmrad-eval") for one in known])
    return ProgramModel(name.removeprefix(PREFIX), known[name])


def writer(lists: list[Any], text: str) -> dict[str, Any]:
    """Summaries of regions, or verdicts on statements: whichever is asked for."""
    first = lists[0] if lists else []
    if first and "rows" in first[0]:
        return {"statements": [_sentence(region, row) for region in first for row in region["rows"][:2]]}
    report = _report(text)
    objections = lists[1] if len(lists) > 1 else []
    objected = {one["n"] for one in objections if "n" in one}
    lost = [sentence for one in objections if "lost" in one for sentence in one["lost"].split("; ")]
    verdicts = [_kept(one, report, objected) for one in first]
    return {"verdicts": verdicts + [_added(sentence, first) for sentence in lost if sentence in text]}


def auditor(lists: list[Any], text: str) -> dict[str, Any]:
    """Verdicts on statements."""
    report = _report(text)
    return {"verdicts": [_audited(one, report) for one in (lists[0] if lists else [])]}


def _sentence(region: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    return {"region": region["region"], "text": row["text"], "rows": [row["row"]]}


def _kept(one: Mapping[str, Any], report: list[str], objected: set[int]) -> dict[str, Any]:
    quote, share = nearest(one["text"], report)
    verdict = "remove" if one["n"] in objected else "keep"
    return {"n": one["n"], "verdict": verdict, "region": "", "text": "", "quote": quote if share >= _ENOUGH else ""}


def _added(sentence: str, statements: list[Any]) -> dict[str, Any]:
    """A lost sentence, at the region whose statements share most of its words."""
    words = _content(sentence)
    region = max(statements, key=lambda one: len(words & _content(f"{one['region']} {one['text']}")))["region"]
    return {"n": 0, "verdict": "add", "region": region, "text": sentence, "quote": sentence}


def _audited(one: Mapping[str, Any], report: list[str]) -> dict[str, Any]:
    quote, share = nearest(one["text"], report)
    if share < _ENOUGH:
        return {"n": one["n"], "verdict": "not mentioned", "error": "invented", "quote": ""}
    if _denies(quote) != _denies(one["text"]):
        return {"n": one["n"], "verdict": "contradicted", "error": "negation", "quote": quote}
    return {"n": one["n"], "verdict": "supported", "error": None, "quote": quote}


def nearest(text: str, report: list[str]) -> tuple[str, float]:
    """The sentence of a report that has most of the words, and the share of them that it has."""
    words = _content(text)
    found = [(len(words & _content(sentence)) / len(words) if words else 0.0, sentence) for sentence in report]
    share, sentence = max(found, key=lambda pair: pair[0], default=(0.0, ""))
    return sentence, share


def _report(text: str) -> list[str]:
    """The sentences of the report that a prompt shows."""
    _, _, after = text.partition("Report:\n")
    report = after.partition("\n\nStatements:")[0]
    return [sentence.strip() for sentence in _STOP.split(report) if sentence.strip()]


def _content(text: str) -> set[str]:
    return {word.rstrip("s") for word in _WORD.findall(text.lower())} - _SMALL - _DENIALS


def _denies(text: str) -> bool:
    return any(word in _DENIALS for word in _WORD.findall(text.lower()))
