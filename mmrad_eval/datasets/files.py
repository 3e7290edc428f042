"""Reads files of strangers: UTF-8 with or without a mark, gzip, one record a line; each fault by file and line."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from mmrad_eval.core import decode
from mmrad_eval.core.decode import BrokenTextError
from mmrad_eval.core.errors import DataError
from mmrad_eval.datasets.problems import Problems

UTF8_MARK = b"\xef\xbb\xbf"


def read_bytes(path: Path) -> bytes:
    """The content, unpacked where it is gzip or a zip of one file (by its first bytes, whatever it is called)."""
    return decode.unpacked(decode.read_bytes(path), path)


def read_text(path: Path, problems: Problems) -> str:
    """The text of a UTF-8 file, without its byte order mark; DataError names the line that is not UTF-8."""
    data = read_bytes(path)
    if data.startswith(UTF8_MARK):
        problems.warn("byte order mark", "the file starts with a byte order mark, which is ignored", file=str(path))
    return decode.utf8(data, str(path))


def lines(path: Path, problems: Problems) -> Iterator[tuple[int, str]]:
    """(line number from 1, line without its ending) of each line that is not blank."""
    for number, line in enumerate(_cut(read_text(path, problems)), start=1):
        if line.strip():
            yield number, line.removesuffix("\r")


def _cut(text: str) -> Iterator[str]:
    """What ``split`` at line feeds gives, one line at a time: all of them at once would be the text once more."""
    start = 0
    while (end := text.find("\n", start)) >= 0:
        yield text[start:end]
        start = end + 1
    yield text[start:]


def json_lines(path: Path, problems: Problems) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number, object) of each line; a line that is no JSON object is an error, and the next one is read."""
    for number, line in lines(path, problems):
        try:
            value = decode.json_value(line, str(path), mended=partial(_half, problems, path, number))
        except BrokenTextError as error:
            problems.error("broken JSON", f"this line {_clause(error.why)}", file=str(path), line=number)
            continue
        if not isinstance(value, dict):
            problems.error("broken JSON", f"this line is {kind(value)}, not an object", file=str(path), line=number)
            continue
        yield number, value


def json_file(path: Path, problems: Problems) -> Any:
    """The value of a JSON file; DataError with the line where it breaks off. A key that stands twice is an error."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) != len(pairs):
            seen: set[str] = set()
            for key, _ in pairs:
                if key in seen:
                    problems.error(
                        "duplicate id", f"the key {key!r} occurs twice in one object", file=str(path), study=key
                    )
                seen.add(key)
        return value

    text = read_text(path, problems)
    try:
        return decode.json_value(text, str(path), pairs=unique, mended=partial(_half, problems, path, None))
    except BrokenTextError as error:
        place = f"{path}:{error.line or 1}"
        raise DataError(f"{place}: the file {_clause(error.why)}") from error


def _half(problems: Problems, path: Path, line: int | None) -> None:
    what = "half of a surrogate pair, which is not a character, was read as U+FFFD"
    problems.warn("incomplete character", what, file=str(path), line=line)


def _clause(why: str) -> str:
    """Why a text can't be read, after its subject."""
    return why if why.startswith(("is ", "ends ")) else f"can't be read: {why}"


def kind(value: object) -> str:
    """What a JSON value is, in words."""
    names = {
        dict: "an object",
        list: "a list",
        str: "a text",
        bool: "true or false",
        int: "a number",
        float: "a number",
    }
    return names.get(type(value), "null")
