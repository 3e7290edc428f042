"""Words for LaTeX: how they are escaped, broken, and how wide they are."""

from __future__ import annotations

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "|": r"\textbar{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "\N{EN DASH}": "--",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "†": r"$\dagger$",
    "‡": r"$\ddagger$",
    "±": r"$\pm$",
    "·": r"$\cdot$",
    "\N{MINUS SIGN}": "$-$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "Δ": r"$\Delta$",
    "…": r"\ldots{}",
    "“": "``",
    "”": "''",
    "\N{LEFT SINGLE QUOTATION MARK}": "`",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
}
_LATIN = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿŒœŠšŽž")
_NARROW, _WIDE = frozenset("ijl.,:;'|!()[]I/ ft-*"), frozenset("mwMWN@%$+\N{MINUS SIGN}≤≥Δ…QOCDGHKUVXYA&—↑↓")
_OPTICAL = {10: 1.0, 9: 1.03, 8: 1.06, 7: 1.14, 6: 1.2, 5: 1.36}
"""How much wider than in proportion Computer Modern is cut at small sizes, by whole points."""


def escape(text: str) -> str:
    """``text`` as LaTeX prints it; characters that the standard fonts lack stand as code points: names stay apart."""
    out = [_ESCAPES.get(c, c if c.isascii() or c in _LATIN else f"U+{ord(c):04X}") for c in text]
    return " ".join("".join(out).split())


def breakable(text: str) -> str:
    """Escaped text whose long signatures may be broken at their bars."""
    return text.replace(r"\textbar{}", r"\textbar{}\allowbreak{}")


def text_width(text: str, points: float) -> float:
    """About how wide ``text`` is in Computer Modern of this size; other fonts of papers are narrower."""
    ems = sum(0.33 if c in _NARROW else 0.78 if c in _WIDE else 0.64 if c.isupper() else 0.505 for c in text)
    return ems * points * _OPTICAL.get(min(10, max(5, int(points))), 1.0)


def wrapped(text: str, room: float, points: float) -> list[str]:
    """``text`` over as few lines as its words need in ``room``, which its longest word may exceed."""
    words = text.split()
    room = max(room, *(text_width(word, points) for word in words)) if words else room
    lines: list[str] = []
    for word in words:
        if lines and text_width(f"{lines[-1]} {word}", points) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines or [""]
