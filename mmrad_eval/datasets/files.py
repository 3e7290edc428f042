"""Reads files of strangers: UTF-8 with or without a mark, gzip, one record a line; each fault by file and line."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmrad_eval.core.errors import DataError
from mmrad_eval.datasets.problems import Problems

UTF8_MARK = b"\xef\xbb\xbf"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_bytes(path: Path) -> bytes:
    """The content, unpacked where it is gzip (by its first bytes, whatever it is called)."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror or error}") from error
    if data[:2] == b"\x1f\x8b":
        try:
            return gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{path}: the gzip file is cut short or damaged ({error}); copy it again") from error
    if data[:4] == b"PK\x03\x04":
        return _only_member(path, data)
    return data


def _only_member(path: Path, data: bytes) -> bytes:
    """The one file of a zip."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [n for n in archive.namelist() if not n.endswith("/") and not n.startswith("__MACOSX/")]
            if len(names) == 1:
                return archive.read(names[0])
    except (zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: the zip file is cut short or damaged ({error}); copy it again") from error
    if "[Content_Types].xml" in names:
        raise DataError(
            f"{path}: an office file, such as an Excel workbook; save the sheet as CSV UTF-8, and name that"
        )
    raise DataError(f"{path}: the zip holds {len(names)} files ({', '.join(names[:3])}, ...); unpack it, and name one")


def read_text(path: Path, problems: Problems) -> str:
    """The text of a UTF-8 file, without its byte order mark; DataError names the line that is not UTF-8."""
    return decode(read_bytes(path), str(path), problems)


def decode(data: bytes, name: str, problems: Problems) -> str:
    """Bytes to text; a byte order mark is a warning, another encoding an error that names the line."""
    if data.startswith(UTF16_MARKS):
        raise DataError(f"{name}: this is UTF-16; convert it first: iconv -f utf-16 -t utf-8")
    if data.startswith(UTF8_MARK):
        data = data[len(UTF8_MARK) :]
        problems.warn("byte order mark", "the file starts with a byte order mark, passed over", file=name)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{name}:{line}: byte 0x{data[error.start]:02x} is not UTF-8 (Latin-1 or Windows-1252?);"
            " convert it first: iconv -f windows-1252 -t utf-8"
        ) from error


def lines(path: Path, problems: Problems) -> Iterator[tuple[int, str]]:
    """(line number from 1, line without its ending) of each line that is not blank."""
    for number, line in enumerate(read_text(path, problems).split("\n"), start=1):
        if line.strip():
            yield number, line.removesuffix("\r")


def json_lines(path: Path, problems: Problems) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number, object) of each line; a line that is no JSON object is an error, and the next one is read."""
    for number, line in lines(path, problems):
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            problems.error("broken JSON", f"this line {_break(line, error)}", file=str(path), line=number)
            continue
        if not isinstance(value, dict):
            problems.error("broken JSON", f"this line is {kind(value)}, not an object", file=str(path), line=number)
            continue
        yield number, value


def json_file(path: Path, problems: Problems) -> Any:
    """The value of a JSON file; DataError with the line where it breaks off. A key that stands twice is an error."""
    text = read_text(path, problems)

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) != len(pairs):
            seen: set[str] = set()
            for key, _ in pairs:
                if key in seen:
                    problems.error(
                        "duplicate id", f"the key {key!r} stands twice in one object", file=str(path), study=key
                    )
                seen.add(key)
        return value

    try:
        return json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno}: the file {_break(text, error)}") from error
    except RecursionError as error:
        raise DataError(f"{path}: the JSON is nested too deeply to be data") from error


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


def _break(text: str, error: json.JSONDecodeError) -> str:
    if not text.strip():
        return "is empty"
    rest = text[error.pos :].strip()
    cut = not rest or error.msg.startswith("Unterminated string")
    why = "ends in the middle of JSON: it is cut short, copy it again" if cut else "is not JSON"
    return f"{why} ({error.msg}, column {error.colno})"
