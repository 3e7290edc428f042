"""Changes of a sound sample that a stranger's file, or a hostile one, may have: of its bytes, and of what they mean."""

from __future__ import annotations

import copy
import gzip
import io
import json
import random
import zipfile
from collections.abc import Callable
from typing import Any

DEEP = "[" * 100_000 + "]" * 100_000
DIGITS = "9" * 5000
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 10**30, -(10**290), 1e308, float("nan"), float("-inf"), 0.1),
    *("", " ", "nan", "None", "\0", "\ud800", "\x1b]0;x\x07\u202e", "=1+1", "-", "'", '"', "[", "[[1]", "{}", "1,2"),
    *(
        "../../../etc/passwd",
        "/dev/zero",
        "a\nb",
        "\r",
        "é" * 300,
        "x " * 100_000,
        "9" * 400,
        "0001",
        "1e999",
        "<think>",
    ),
    *([], {}, [[]], [None], [{}], {"": None}, {"a": {"b": [1]}}, [1, "a", None], ["\udfff"], [1, 2, 3, 4], [[[[0]]]]),
)
"""What any field may hold instead of what it should."""
PIECES = (
    *(
        b'"',
        b"'",
        b"\n",
        b"\r",
        b",",
        b";",
        b"\t",
        b"{",
        b"}",
        b"[",
        b"]",
        b":",
        b"=",
        b"\\",
        b"\0",
        b"\xe9",
        b"\xff\xfe",
    ),
    *(
        b"\\ud800",
        b"\xed\xa0\x80",
        b"null",
        b"NaN",
        b"1e999",
        b"-",
        b"<",
        b"&",
        b"%s",
        b"\x1b[2J",
        b"#",
        b"\xef\xbb\xbf",
    ),
    *(DEEP.encode(), DIGITS.encode(), b'"' + b"a" * 200_000, b"A" * 140_000),
)


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The sample after one to three changes."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        data = rng.choices(CHANGES, WEIGHTS)[0](data, rng)
    return data


def flip(data: bytes, rng: random.Random) -> bytes:
    """One to eight bits."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        if out:
            out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def cut(data: bytes, rng: random.Random) -> bytes:
    """The end, the beginning, or a stretch in the middle is gone."""
    first, last = sorted((rng.randint(0, len(data)), rng.randint(0, len(data))))
    return rng.choice((data[:first], data[last:], data[:first] + data[last:]))


def double(data: bytes, rng: random.Random) -> bytes:
    """A stretch, or a line, stands twice."""
    if rng.random() < 0.5:
        lines = data.split(b"\n")
        at = rng.randrange(len(lines))
        return b"\n".join([*lines[:at], lines[at], *lines[at:]])
    first, last = sorted((rng.randint(0, len(data)), rng.randint(0, len(data))))
    return data[:last] + data[first:]


def shuffle(data: bytes, rng: random.Random) -> bytes:
    """Lines in another order."""
    lines = data.split(b"\n")
    rng.shuffle(lines)
    return b"\n".join(lines)


def insert(data: bytes, rng: random.Random) -> bytes:
    """Something that means something to a parser."""
    at = rng.randint(0, len(data))
    return data[:at] + rng.choice(PIECES) + data[at + rng.choice((0, 0, 1, 4)) :]


def encode(data: bytes, rng: random.Random) -> bytes:
    """Another encoding, or packed."""
    text = data.decode("utf-8", "replace")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a", data)
        if rng.random() < 0.3:
            archive.writestr("b", data)
    return rng.choice(
        (
            text.encode("utf-16"),
            text.encode("utf-16-le"),
            text.encode("utf-32"),
            text.encode("latin-1", "replace"),
            b"\xef\xbb\xbf" + data,
            text.replace("\n", "\r\n").encode("utf-8", "replace"),
            text.replace("\n", "\r").encode("utf-8", "replace"),
            gzip.compress(data),
            gzip.compress(data)[: -rng.randint(1, 12)],
            packed.getvalue(),
            b"",
            b"\0" * 64,
        )
    )


def retype(data: bytes, rng: random.Random) -> bytes:
    """A field of a JSON document, of a JSON line, or a cell of a table holds another value."""
    try:
        return _dumped(_changed(json.loads(data), rng))
    except (ValueError, RecursionError):
        lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    try:
        lines[at] = _dumped(_changed(json.loads(lines[at]), rng))
    except (ValueError, RecursionError):
        lines[at] = _cells(lines[at], rng)
    return b"\n".join(lines)


def nest(data: bytes, rng: random.Random) -> bytes:
    """The whole document, or a line of it, lies deep inside lists."""
    depth = rng.choice((1, 2, 99, 101, 900, 100_000))
    lines = [data] if rng.random() < 0.5 else data.split(b"\n")
    at = rng.randrange(len(lines))
    lines[at] = b"[" * depth + lines[at] + b"]" * depth
    return b"\n".join(lines)


CHANGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    flip,
    cut,
    double,
    shuffle,
    insert,
    encode,
    retype,
    nest,
)
WEIGHTS = (2, 2, 1, 1, 3, 1, 8, 1)


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


def _changed(value: Any, rng: random.Random) -> Any:
    """A JSON value with one place changed: retyped, taken out, doubled under another name or swapped."""
    value = copy.deepcopy(value)
    places = list(_places(value))
    if not places:
        return rng.choice(VALUES)
    box, key = rng.choice(places)
    kind = rng.random()
    if kind < 0.7:
        box[key] = rng.choice(VALUES)
    elif kind < 0.8:
        del box[key]
    elif isinstance(box, dict):
        box[rng.choice(("id", "", "extra", "\ud800", f"{key} "))] = box[key]
    else:
        box[key], box[0] = box[0], box[key]
    return value


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a JSON value."""
    found: list[tuple[Any, Any]] = []
    boxes = [value]
    while boxes:
        box = boxes.pop()
        keys = list(box) if isinstance(box, dict) else range(len(box)) if isinstance(box, list) else ()
        for key in keys:
            found.append((box, key))
            boxes.append(box[key])
    return found


def _cells(line: bytes, rng: random.Random) -> bytes:
    """A line of a table or of TOML with one cell, or what stands after the equals sign, changed."""
    separator = next((s for s in (b" = ", b",", b"\t", b";") if s in line), b",")
    cells = line.split(separator)
    value = rng.choice(VALUES)
    text = json.dumps(value) if rng.random() < 0.5 else str(value)
    cells[rng.randrange(len(cells))] = text.encode("utf-8", "surrogatepass")
    if rng.random() < 0.1:
        cells.append(b"one more")
    return separator.join(cells)
