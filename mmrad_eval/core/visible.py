r"""Text from outside, made fit for a terminal: what is not printable is spelled out, and what is very long is cut.

An escape sequence can rename a window, rewrite what stands above it or hide what follows; a bidirectional mark turns
words around (Boucher and Anderson, "Trojan Source", USENIX Security 2023). Both come with a server's error, a model id
or the name of a file. Everything that ``str.isprintable`` refuses is therefore written as JSON writes it, ``\u001b``
for ESC, so that JSON stays the same JSON: controls (C0, DEL, C1), marks of direction, invisible and unassigned
characters, private ones, halves of surrogate pairs, line ends, and blanks that are no plain space.
"""

from __future__ import annotations

LONGEST = 4000
"""Characters of one line; a message that lists thirty names has about 1,500."""
_END = 600  # of a line that is cut, how much of its end stays: a message ends with what to do


def visible(text: object, longest: int = LONGEST) -> str:
    """``str(text)`` as one printable line of about ``longest`` characters; a longer one loses its middle."""
    words = str(text)
    if len(words) > longest:
        end = min(_END, longest // 3)
        cut = len(words) - longest
        words = f"{words[: longest - end]}… [{cut:,} characters left out] …{words[len(words) - end :]}"
    return words if words.isprintable() else "".join(c if c.isprintable() else _spelled(c) for c in words)


def visible_lines(text: str) -> str:
    """The same for a page of our own making: its line ends and tabs stay, nothing is cut."""
    return "\n".join(line if line.isprintable() else _visible_line(line) for line in text.split("\n"))


def _visible_line(line: str) -> str:
    return "".join(c if c.isprintable() or c == "\t" else _spelled(c) for c in line)


def _spelled(character: str) -> str:
    """UTF-16 code units in hexadecimal digits, as in JSON."""
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))
