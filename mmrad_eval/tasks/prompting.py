"""Prompt files: named blocks of text with slots, and how they become the parts of a message.

``[[name]]`` starts a block; what stands before the first one is a remark. A slot is ``{name}``; its value is text, or
parts (words and pictures in order). A block none of whose slots has a value comes out empty, so that what is not shown
leaves no trace in the words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from mmrad_eval.core.errors import PromptError
from mmrad_eval.core.values import Image, Part, Text

Slots = Mapping[str, "str | Image | Sequence[Part]"]

_BLOCK = re.compile(r"^\[\[([^\]\n]+)\]\][ \t]*\n?", re.MULTILINE)
_SLOT = re.compile(r"\{([a-z_]+)\}")


class Prompt:
    """One prompt file."""

    def __init__(self, text: str, source: str = "prompt") -> None:
        """PromptError where the file has no blocks, or lacks ``user``."""
        self.source = source
        pieces = _BLOCK.split(text)
        self._blocks: dict[str, str] = {}
        for name, body in zip(pieces[1::2], pieces[2::2], strict=True):
            if name in self._blocks:
                raise PromptError(f"{source}: block [[{name}]] appears twice; keep one")
            self._blocks[name] = body.strip("\n")
        self._pieces = {name: _SLOT.split(body) for name, body in self._blocks.items()}
        if "user" not in self._blocks:
            found = ", ".join(self._blocks) or "none"
            raise PromptError(
                f"{source}: no [[user]] block (found: {found}); see docs/tasks.md for the form of a prompt file"
            )

    def __contains__(self, block: str) -> bool:
        return block in self._blocks

    def fill(self, block: str, slots: Slots) -> list[Part]:
        """The block with its slots filled; empty where no slot has a value, or where there is no such block."""
        pieces = self._pieces.get(block, [""])
        names = pieces[1::2]
        unknown = [name for name in names if name not in slots]
        if unknown:
            raise PromptError(
                f"{self.source}: [[{block}]] has the slot {{{unknown[0]}}}, which nothing fills; "
                f"known here: {', '.join('{' + name + '}' for name in slots)}"
            )
        if names and not any(slots[name] for name in names):
            return []
        return _joined(slots[piece] if i % 2 else piece for i, piece in enumerate(pieces))

    def text(self, block: str) -> str:
        """A block without slots, as it stands."""
        return self._blocks.get(block, "")


@lru_cache(maxsize=16)
def parsed(text: str) -> Prompt:
    """The prompt file with this text; parsed once for all studies of a run."""
    return Prompt(text)


def joined(parts: Sequence[Part]) -> list[Part]:
    """The same parts with neighbouring words in one piece."""
    return _joined((parts,))


def paragraphs(*groups: Sequence[Part]) -> list[Part]:
    """Groups of parts with an empty line between them."""
    parts: list[Part] = []
    for group in groups:
        if group:
            parts.extend([*([Text("\n\n")] if parts else []), *group])
    return joined(parts)


def _joined(values: Iterable[str | Image | Sequence[Part]]) -> list[Part]:
    parts: list[Part] = []
    words: list[str] = []

    def end() -> None:
        if said := "".join(words):
            parts.append(Text(said))
        words.clear()

    for value in values:
        if isinstance(value, str):
            words.append(value)
            continue
        for part in (value,) if isinstance(value, Image) else value:
            if isinstance(part, Text):
                words.append(part.text)
            else:
                end()
                parts.append(part)
    end()
    return parts
