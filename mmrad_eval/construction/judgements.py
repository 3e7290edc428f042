"""What writer and auditor must reply: JSON of a stated form, checked in full. Nothing is repaired.

A reply that has not the form, judges a statement twice or not at all, or quotes what the report does not say, is
``UnreadableError`` and is asked for once more.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec

from mmrad_eval.core import decode
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.structs import Value
from mmrad_eval.core.values import Reply

Reflected = Literal["keep", "correct", "remove", "add"]
Audited = Literal["supported", "contradicted", "not mentioned", "unclear"]
ERRORS = ("negation", "side", "place", "invented", "severity", "comparison", "other")

_FENCE = re.compile(r"\s*```(?:json)?[ \t]*\n(.*?)\n?\s*```\s*", re.DOTALL | re.IGNORECASE)
_THOUGHT = re.compile(r"\s*<think>.*?</think>", re.DOTALL)
_SHOWN = 80  # characters of a reply that a message quotes


class WrittenSentence(Value, frozen=True, forbid_unknown_fields=False):
    """One sentence of a summary."""

    region: str
    text: str
    rows: tuple[str, ...]


class WrittenSummary(Value, frozen=True, forbid_unknown_fields=False):
    """The reply to ``summarise``."""

    statements: tuple[WrittenSentence, ...]


class ReflectVerdict(Value, frozen=True, forbid_unknown_fields=False):
    """The writer's verdict on one of its statements."""

    n: int
    verdict: Reflected
    text: str = ""
    quote: str = ""
    region: str = ""


class ReflectVerdicts(Value, frozen=True, forbid_unknown_fields=False):
    """The reply to ``reflect``."""

    verdicts: tuple[ReflectVerdict, ...]


class AuditVerdict(Value, frozen=True, forbid_unknown_fields=False):
    """The auditor's verdict on one statement."""

    n: int
    verdict: Audited
    error: Literal["negation", "side", "place", "invented", "severity", "comparison", "other"] | None = None
    quote: str = ""


class AuditVerdicts(Value, frozen=True, forbid_unknown_fields=False):
    """The reply to ``audit``."""

    verdicts: tuple[AuditVerdict, ...]


class UnreadableError(Exception):
    """A reply that is not what was asked for; ``reason`` is one of the reasons of a rejection."""

    def __init__(self, detail: str, reason: str = "unreadable") -> None:
        super().__init__(detail)
        self.reason = reason


class ReplyForm(NamedTuple):
    """The form of a reply, as providers take it and as it is checked."""

    name: str
    kind: type[Value]
    schema: dict[str, Any]


def _text(*enum: str | None) -> dict[str, Any]:
    return {"type": ["string", "null"] if None in enum else "string", **({"enum": list(enum)} if enum else {})}


def _form(name: str, kind: type[Value], of: str, fields: dict[str, Any]) -> ReplyForm:
    """A form of one list of objects, each with all of its fields and no other, as strict providers demand."""
    item = {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
    lists = {of: {"type": "array", "items": item}}
    whole = {"type": "object", "properties": lists, "required": [of], "additionalProperties": False}
    return ReplyForm(name, kind, whole)


_NUMBER = {"type": "integer"}
SUMMARY = _form(
    "summary",
    WrittenSummary,
    "statements",
    {"region": _text(), "text": _text(), "rows": {"type": "array", "items": _text()}},
)
REFLECTION = _form(
    "reflection",
    ReflectVerdicts,
    "verdicts",
    {
        "n": _NUMBER,
        "verdict": _text("keep", "correct", "remove", "add"),
        "region": _text(),
        "text": _text(),
        "quote": _text(),
    },
)
AUDIT = _form(
    "audit",
    AuditVerdicts,
    "verdicts",
    {
        "n": _NUMBER,
        "verdict": _text("supported", "contradicted", "not mentioned", "unclear"),
        "error": _text(*ERRORS, None),
        "quote": _text(),
    },
)

V = TypeVar("V", bound=Value)


def read(reply: Reply, kind: type[V]) -> V:
    """The reply as a value of ``kind``; thoughts and one fence around the JSON are no part of it."""
    text = _THOUGHT.sub("", reply.text, count=1)
    fenced = _FENCE.fullmatch(text)
    try:
        value = decode.json_value(fenced[1] if fenced else text, "the reply")
        return msgspec.convert(value, kind)
    except (DataError, msgspec.ValidationError) as error:
        cut = " (it was cut at the token limit)" if reply.finish == "length" else ""
        start = " ".join(text.split())[:_SHOWN]
        raise UnreadableError(f"{str(error).removeprefix('the reply: ')}{cut}; it begins {start!r}") from error


def check_numbers(given: Sequence[int], judged: Sequence[int]) -> None:
    """UnreadableError unless every statement is judged once, and nothing else is."""
    if sorted(given) != sorted(judged):
        raise UnreadableError(
            f"expected one verdict for each of statements {list(given)}, got verdicts for {list(judged)}"
        )


def check_quote(quote: str, report: str) -> None:
    """UnreadableError where a quote is not in the report, letter by letter but for blanks and variants of Unicode."""
    if quote.strip() and folded(quote) not in folded(report):
        raise UnreadableError(f"the report does not say {quote[:_SHOWN]!r}", "quote not in report")


def folded(text: str) -> str:
    """Text by which quotes are compared: normal form KC, each run of blanks one space."""
    return " ".join(unicodedata.normalize("NFKC", text).split())
