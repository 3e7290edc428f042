"""What a key looks like when a server repeats it: as it is, or as JSON, a URL, HTML, base64 or hex write it.

A server that echoes a request may escape it in any of these ways, once or several times, so that a search for the key's
own characters finds nothing.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from functools import cached_property

HIDDEN = "[key]"

_CORE = 8  # characters of base64 that are a key's alone; fewer may be chance
_SIGNS = ("\\u", "\\U", "\\x", "%", "&#", "\\/")
"""Without one of these a text holds no escape that hides a key; a search for them takes no time."""


class Echo:
    """Finds one key in text, whatever its spelling."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._others = tuple(_encoded(key))
        own = [f"\\{c}" for c in '"\\' if c in key] + ["&"] * any(c in key for c in "&<>\"'")
        self._signs = (*_SIGNS, *own)
        self._needles = tuple(text.encode() for text in (key, *self._signs, *self._others))

    def hidden(self, text: str) -> str:
        """The text with ``[key]`` in place of each echo."""
        if self._key in text:
            text = text.replace(self._key, HIDDEN)
        if any(sign in text for sign in self._signs):
            text = self._escaped.sub(HIDDEN, text)
        if any(other in text for other in self._others):
            text = self._reencoded.sub(HIDDEN, text)
        return text

    def may_be_in(self, body: bytes) -> bool:
        """Whether a body may hold an echo; quick, and sure where it says no."""
        return any(needle in body for needle in self._needles)

    @cached_property
    def _escaped(self) -> re.Pattern[str]:
        """The key with each character in any of its escaped forms."""
        return re.compile("".join(_spelling(character) for character in self._key))

    @cached_property
    def _reencoded(self) -> re.Pattern[str]:
        around = r"[A-Za-z0-9+/_=-]{0,4}"
        return re.compile(around + "(?:" + "|".join(map(re.escape, self._others)) + ")" + around)


def _spelling(character: str) -> str:
    code = ord(character)
    forms = [
        re.escape(character),
        rf"\\+[uU](?:0000)?(?i:{code:04x})",
        rf"\\+[uU]\{{0*(?i:{code:x})\}}",
        rf"\\+x(?i:{code:02x})",
        rf"%(?:25)*(?i:{code:02x})",
        rf"&(?:amp;)*#0*{code};?",
        rf"&(?:amp;)*#[xX]0*(?i:{code:x});?",
    ]
    if character in "/\"\\'":
        forms.append(r"\\+" + re.escape(character))
    names = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}
    if character in names:
        forms.append(rf"&(?:amp;)*{names[character]};")
    return f"(?:{'|'.join(forms)})"


def _encoded(key: str) -> Iterator[str]:
    """The key in hex, and the characters of base64 that it alone decides, at each of three places in a group."""
    data = key.encode()
    yield data.hex()
    yield data.hex().upper()
    for before in range(3):
        text = base64.b64encode(b"\0" * before + data).decode()
        core = text[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        if len(core) >= _CORE:
            yield core
            yield core.replace("+", "-").replace("/", "_")
