"""Prompt files: named blocks of text with slots, and how they become the parts of a message.

``[[name]]`` starts a block; what stands before the first one is a remark. A slot is ``{name}``; its value is words, a
picture, or pieces of both in order. A block none of whose slots has a value comes out empty, so that what is not shown
leaves no trace in the words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from mmrad_eval.core.errors import PromptError
from mmrad_eval.core.values import Image, Part, Text

Piece = str | Image
"""Words, never none, or a picture."""
Slots = Mapping[str, Piece | Sequence[Piece]]

_BLOCK = re.compile(r"^\[\[([^\]\n]+)\]\][ \t]*\n?", re.MULTILINE)
_SLOT = re.compile(r"\{([a-z_]+)\}")
_ABSENT: tuple[str, tuple[str, ...], tuple[str, ...]] = ("", (), ())


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
        cut = {name: _SLOT.split(body) for name, body in self._blocks.items()}
        self._filled = {name: (pieces[0], tuple(pieces[1::2]), tuple(pieces[2::2])) for name, pieces in cut.items()}
        """Block -> its words before the first slot, its slots, and the words behind each."""
        if "user" not in self._blocks:
            found = ", ".join(self._blocks) or "none"
            raise PromptError(
                f"{source}: no [[user]] block (found: {found}); `tasks show NAME --prompt` prints one to edit"
            )

    def __contains__(self, block: str) -> bool:
        return block in self._blocks

    def fill(self, block: str, slots: Slots) -> list[Piece]:
        """The block with its slots filled; empty where no slot has a value, or where there is no such block."""
        first, names, behind = self._filled.get(block, _ABSENT)
        try:
            values = [slots[name] for name in names]
        except KeyError as unknown:
            raise PromptError(
                f"{self.source}: [[{block}]] has the slot {{{unknown.args[0]}}}, which is unknown; "
                f"known slots: {', '.join('{' + name + '}' for name in slots)}"
            ) from None
        if names and not any(values):
            return []
        filled: list[Piece] = [first] if first else []
        for value, words in zip(values, behind, strict=True):
            if not isinstance(value, str | Image):
                filled += value
            elif value:
                filled.append(value)
            if words:
                filled.append(words)
        return filled

    @property
    def slots(self) -> dict[str, set[str]]:
        """Block -> its slots."""
        return {name: set(slots) for name, (_, slots, _) in self._filled.items()}

    def text(self, block: str) -> str:
        """A block without slots, as it stands."""
        return self._blocks.get(block, "")


@lru_cache(maxsize=16)
def parsed(text: str) -> Prompt:
    """The prompt file with this text; parsed once for all studies of a run."""
    return Prompt(text)


def paragraphs(*groups: Sequence[Piece]) -> list[Piece]:
    """Groups of pieces with an empty line between them."""
    pieces: list[Piece] = []
    for group in groups:
        if pieces and group:
            pieces.append("\n\n")
        pieces += group
    return pieces


def parts(pieces: Iterable[Piece]) -> tuple[Part, ...]:
    """The parts of a message: neighbouring words in one."""
    found: list[Part] = []
    words: list[str] = []
    for piece in pieces:
        if isinstance(piece, str):
            words.append(piece)
            continue
        if words:
            found.append(Text("".join(words)))
            words.clear()
        found.append(piece)
    if words:
        found.append(Text("".join(words)))
    return tuple(found)
