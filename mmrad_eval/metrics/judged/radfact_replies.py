"""What replies to RadFact's two questions say, by the rules of its parsers (langchain 0.2.17, pydantic 1)."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mmrad_eval.metrics.judged.radfact_prompts import yaml_module

ENTAILED = "entailment"
_NEEDS_EVIDENCE, _HAS_NONE = (ENTAILED, "contradiction"), ("neutral",)
_STATES = (*_NEEDS_EVIDENCE, *_HAS_NONE, "not_entailment")
_FENCE = re.compile(r"^```(?:ya?ml)?([^`]*)", re.MULTILINE)
_MOST = 20_000
"""Characters that are taken off a cut reply at most, one at a time, before it counts as unread."""


@dataclass(frozen=True)
class Evidenced:
    """One phrase and what the judge says of it."""

    phrase: str
    entailed: bool
    evidence: tuple[str, ...] = ()
    read: bool = True


def read_entailed(phrase: str, reply: str) -> Evidenced | None:
    """The judge's word on a phrase; None where the reply can't be read. The phrase is always the one that was asked."""
    fenced = _FENCE.search(reply.strip())
    yaml = yaml_module()
    try:
        said = yaml.safe_load(fenced.group(1) if fenced else reply)
        _as_text(said["phrase"])
        evidence = tuple(_as_text(one) for one in _as_list(said["evidence"]))
        status = _as_text(said["status"])
    except (yaml.YAMLError, KeyError, TypeError, ValueError, RecursionError):
        return None
    if status not in _STATES or (status in _NEEDS_EVIDENCE and not evidence) or (status in _HAS_NONE and evidence):
        return None
    return Evidenced(phrase, status == ENTAILED, evidence)


def read_split(reply: str) -> list[str] | None:
    """The phrases of a report, empty ones left out; None where the reply can't be read."""
    try:
        said = _json_of(reply.strip())
        if isinstance(said.get("id"), list | dict):
            return None
        phrases = []
        for sentence in _as_list(said["sentence_list"]):
            _as_text(sentence["orig"])
            phrases += [_as_text(one) for one in _as_list(sentence["new"])]
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return None
    return [phrase for phrase in phrases if phrase]


def is_whole(reply: str) -> bool:
    """Whether a split is JSON as it stands, in a fence or bare: nothing was cut off and nothing was added."""
    body = re.fullmatch(r"\s*(?:```(?:json)?)?\s*(\{.*\})\s*(?:```)?\s*", reply, re.DOTALL)
    try:
        json.loads(body.group(1) if body else "")
    except ValueError:
        return False
    return True


def normalized(text: str) -> str:
    """A phrase as upstream compares phrases: lower case, single blanks, no dashes, no final punctuation."""
    text = re.sub(r"\s+", " ", text.lower().strip())
    return re.sub(r"[.:!?]$", "", re.sub("[-\u2013\u2014]", "", text))


def foreign(said: Sequence[Evidenced], others: Sequence[str]) -> list[int]:
    """Which phrases name evidence that is not a phrase of the other report."""
    known = {normalized(other) for other in others}
    return [at for at, one in enumerate(said) if any(normalized(text) not in known for text in one.evidence)]


def _json_of(text: str) -> Any:
    """JSON in a reply: bare, then after its first fence; one that was cut off is closed."""
    try:
        return _closed(text.strip(" \n\r\t`"))
    except ValueError:
        fenced = re.search(r"```(?:json)?(.*)", text, re.DOTALL)
        return _closed((fenced.group(1) if fenced else text).strip(" \n\r\t`"))


def _closed(text: str) -> Any:
    """JSON, or the longest beginning of it that parses once what is open is closed; None for a wrong bracket."""
    try:
        return json.loads(text, strict=False)
    except ValueError as error:
        whole = error
    scanned = _scanned(text)
    if scanned is None:
        return None
    pieces, closing = scanned
    for _ in range(min(len(pieces), _MOST)):
        try:
            return json.loads("".join(pieces) + closing, strict=False)
        except ValueError:
            pieces.pop()
    raise whole


def _scanned(text: str) -> tuple[list[str], str] | None:
    """The characters, strings closed and their line ends escaped, and what closes the rest; None: a wrong bracket."""
    pieces: list[str] = []
    ends: list[str] = []
    quoted = escaped = False
    for character in text:
        piece = "\\n" if quoted and character == "\n" and not escaped else character
        if character == '"' and not (quoted and escaped):
            quoted, escaped = not quoted, False
        elif quoted:
            escaped = character == "\\" and not escaped
        elif character in "{[":
            ends.append("}" if character == "{" else "]")
        elif character in "}]" and (not ends or ends.pop() != character):
            return None
        pieces.append(piece)
    return [*pieces, *('"' * quoted)], "".join(reversed(ends))


def _as_text(value: Any) -> str:
    """Text, or a number as text; TypeError for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return str(value)
    raise TypeError(f"{value!r} is not text")


def _as_list(value: Any) -> list[Any]:
    if isinstance(value, list | tuple | set):
        return list(value)
    raise TypeError(f"{value!r} is not a list")
