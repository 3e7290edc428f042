"""Thoughts under a key of their own, where a whole answer is YAML, assignments, TOML's tables or one JSON object.

Lines that begin with a key at the margin, and what is indented below them; a line that is neither makes it prose, in
which headings are looked for instead.
"""

from __future__ import annotations

import json
import re
import textwrap
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from mmrad_eval.datasets.headings import kind_of
from mmrad_eval.datasets.raw_text import structured
from mmrad_eval.datasets.words import among

_THOUGHT = among("thought thoughts thinking think reasoning rationale analysis cot scratchpad reflection deliberation")
_STEMS = ("think", "thought", "reason", "rational", "analysis", "cot", "scratch", "reflect", "deliber")
"""Parts of these, which are looked for first."""
_ANSWER = among("report answer response output result")
_MAY_HOLD = re.compile(rf"(?<![A-Za-z])(?:{'|'.join(sorted(_THOUGHT))})\w*[\"']?[ \t]*[:=\]]", re.IGNORECASE)
_LINE = re.compile(r"(?P<key>[A-Za-z][\w-]*(?: [\w-]+){0,3})[ \t]*[:=][ \t]*(?P<rest>.*)")
_TABLE = re.compile(r"^\[{1,2}[\w .\"'-]+\]{1,2}[ \t]*$", re.MULTILINE)
_FENCE = re.compile(r"\A\s*```(?:toml)?[ \t]*\n|\n```\s*\Z", re.IGNORECASE)
_LONGEST_TOML = 100_000
"""Characters; no report has as many."""
_FRAME = re.compile(r"(?:---|\.\.\.|```\w*)?\s*")
_BLOCK = re.compile(r"[|>][+-]?\d?")
_QUOTES = ('"""', "'''", '"', "'")
_SECTIONS = ("findings", "impression", "both")


class _Part(NamedTuple):
    key: str
    words: str


def thought_apart(text: str, thoughts: list[str]) -> str:
    """The answer without what stands under keys of thoughts, which is added to ``thoughts``; another text as it is."""
    lowered = text.lower()
    if not any(map(lowered.__contains__, _STEMS)) or not _MAY_HOLD.search(text):
        return text
    if text.lstrip()[:1] == "{":
        return _of_object(structured.literal(text), thoughts) or text
    if "[" in text and _TABLE.search(text):
        return _of_object(_toml(text), thoughts) or text
    parts = _parts(text)
    own = [part for part in parts if _thinks(part.key)]
    if not own or len(own) == len(parts) or not any(_answers(part.key) for part in parts):
        return text
    thoughts += [part.words for part in own if part.words]
    rest = [part for part in parts if part not in own]
    told = [part for part in rest if _answers(part.key)]
    if len(told) == 1 and kind_of(told[0].key.replace("_", " ")) not in _SECTIONS:
        return told[0].words
    return "\n".join(f"{part.key}: {part.words}" for part in rest)


def _of_object(value: Any, thoughts: list[str]) -> str:
    """The object without its thoughts, in JSON; empty where it has none, or no report beside them."""
    if not isinstance(value, Mapping) or not any(_answers(str(key)) for key in value):
        return ""
    own = {key: item for key, item in value.items() if _thinks(str(key)) and isinstance(item, str | list | Mapping)}
    if not own:
        return ""
    thoughts += [words for item in own.values() if (words := "\n".join(_leaves(item)).strip())]
    return json.dumps({key: item for key, item in value.items() if key not in own}, ensure_ascii=False, default=str)


def _leaves(value: Any) -> Iterator[str]:
    """The texts in a value, in their order."""
    waiting = [value]
    while waiting:
        item = waiting.pop(0)
        if isinstance(item, Mapping):
            waiting[:0] = item.values()
        elif isinstance(item, list | tuple):
            waiting[:0] = item
        elif isinstance(item, str) and item.strip():
            yield item.strip()


def _toml(text: str) -> Any:
    """What a text says that is TOML as a whole, in a code fence or not; None for another one."""
    try:
        return tomllib.loads(_FENCE.sub("\n", text)) if len(text) < _LONGEST_TOML else None
    except (ValueError, RecursionError):
        return None


def _parts(text: str) -> list[_Part]:
    """The keys of a text and their words; none where a line is no part of such a text."""
    found: list[tuple[str, list[str]]] = []
    for line in text.split("\n"):
        if _FRAME.fullmatch(line):
            continue
        if line[:1] in (" ", "\t", "-") and found:
            found[-1][1].append(line)
        elif begins := _LINE.fullmatch(line):
            found.append((begins["key"], [begins["rest"]]))
        else:
            return []
    return [_Part(key, _said(lines)) for key, lines in found]


def _said(lines: list[str]) -> str:
    """The words of a key: of its line, or of those below it, without their quotes."""
    first, below = lines[0].strip(), textwrap.dedent("\n".join(lines[1:])).strip()
    said = below if _BLOCK.fullmatch(first) or not first else "\n".join(filter(None, (first, below)))
    quote = next((mark for mark in _QUOTES if said.startswith(mark) and said.endswith(mark)), "")
    return said.removeprefix(quote).removesuffix(quote).strip() if len(said) > 1 else said


def _thinks(key: str) -> bool:
    return not _THOUGHT.isdisjoint(_words(key)) and kind_of(key.replace("_", " ")) not in _SECTIONS


def _answers(key: str) -> bool:
    return kind_of(key.replace("_", " ")) in _SECTIONS or not _ANSWER.isdisjoint(_words(key))


def _words(key: str) -> list[str]:
    return re.split(r"[\W_]+", key.lower())
