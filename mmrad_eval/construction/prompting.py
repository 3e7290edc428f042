"""The prompts of a build: files, each with a digest that is part of the key of what was asked with it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from mmrad_eval.core import decode
from mmrad_eval.core.canonical import canonical
from mmrad_eval.core.errors import PromptError, UsageError
from mmrad_eval.core.values import Message
from mmrad_eval.tasks.prompting import Piece, Prompt, paragraphs, parts

PromptName = Literal["summarise", "reflect", "audit"]
NAMES: tuple[PromptName, ...] = ("summarise", "reflect", "audit")
_HERE = Path(__file__).parent / "prompts"
_OPTIONAL = {"summarise": ("labels", "report"), "reflect": ("objections",), "audit": ()}
"""Blocks that follow ``user`` where their slot has a value."""
_SLOTS = {
    "summarise": {"regions"},
    "reflect": {"statements", "report"},
    "audit": {"statements", "report"},
}
"""What the ``user`` block must show: without it nobody could answer."""


@dataclass(frozen=True)
class BuildPrompt:
    """One prompt file."""

    name: PromptName
    text: str
    source: str

    @cached_property
    def prompt(self) -> Prompt:
        """Its blocks."""
        return Prompt(self.text, self.source)

    @property
    def digest(self) -> str:
        """Of its text."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]

    def messages(self, slots: Mapping[str, object]) -> tuple[Message, ...]:
        """System and user message. A value that is no text is written as JSON; None and empty show nothing."""
        words: dict[str, Piece | list[Piece]] = {name: _words(value) for name, value in slots.items()}
        blocks = [self.prompt.fill("user", words)]
        blocks += [self.prompt.fill(block, words) for block in _OPTIONAL[self.name] if block in self.prompt]
        system = self.prompt.text("system")
        user = Message("user", parts(paragraphs(*blocks)))
        return (Message("system", parts([system])), user) if system else (user,)


def load(folder: Path | None = None) -> dict[PromptName, BuildPrompt]:
    """The prompts, each from ``folder`` where a file of its name is there; PromptError for one that can't be used."""
    if folder is not None and not folder.is_dir():
        raise UsageError(
            f"--prompts {folder} is not a folder; such a folder contains summarise.txt, reflect.txt or audit.txt"
        )
    if folder is not None and not any((folder / f"{name}.txt").is_file() for name in NAMES):
        raise UsageError(f"--prompts {folder} contains none of {', '.join(f'{name}.txt' for name in NAMES)}")
    return {name: _checked(name, folder) for name in NAMES}


def _checked(name: PromptName, folder: Path | None) -> BuildPrompt:
    own = folder / f"{name}.txt" if folder is not None else None
    path = own if own is not None and own.is_file() else _HERE / f"{name}.txt"
    found = BuildPrompt(name, decode.utf8(decode.read_bytes(path), str(path)), str(path))
    lacking = _SLOTS[name] - found.prompt.slots["user"]
    if lacking:
        raise PromptError(f"{path}: [[user]] must show {', '.join('{' + slot + '}' for slot in sorted(lacking))}")
    known = {*_SLOTS[name], *_OPTIONAL[name]}
    for block, slots in found.prompt.slots.items():
        if unknown := slots - known:
            raise PromptError(
                f"{path}: [[{block}]] has the unknown slot {{{min(unknown)}}}; known slots: {', '.join(sorted(known))}"
            )
    return found


def _words(value: object) -> str:
    if value is None or value in ((), [], {}):
        return ""
    return value if isinstance(value, str) else canonical(value).decode()
