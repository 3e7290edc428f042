"""The one place where files of strangers are decoded: bytes, UTF-8, JSON, TOML and Parquet, each fault one DataError.

A decoder of the standard library fails on hostile input in ways of its own: a recursion limit for deep nesting, a limit
of digits, halves of surrogate pairs that no file can hold, memory for a file that unpacks to a thousand times its size.
Here they are faults of the file, and said as such. Csv has a module of its own, ``sheets.py``.
"""

from __future__ import annotations

import io
import json
import os
import re
import stat
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import msgspec

from mmrad_eval.core.errors import DataError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    import pyarrow.parquet as pq

T = TypeVar("T")

DEEPEST = 100
"""Levels of lists and objects in JSON or TOML; real records have fewer than ten."""
DIGITS = 300
"""Digits of a whole number: more than a float can hold are no measurement, and no id."""
UNPACKED = 1 << 26
"""Bytes that any packed file may unpack to; a larger one is no more than ``RATIO`` times as large as when packed."""
RATIO = 100
"""Text packs to a tenth, a table of equal rows to a fortieth; a bomb to a thousandth."""
LONGEST_TOML = 1 << 20
"""Bytes of a card or an experiment; real ones have a few thousand."""
MOST_ROWS = 50_000_000
"""Rows of a Parquet file, which can say that it has more than any memory holds."""

FAULTS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec's typed decoders raise, for formats of our own; the last one where JSON is nested too deeply."""

_HALF = re.compile(r"\\u[dD][89a-fA-F]")  # how JSON writes a half of a surrogate pair, and each half of a whole one
_LONGEST_LITERAL = 1 << 20  # characters; Python's parser takes a hundred bytes for each
_SURROGATE = re.compile("[\ud800-\udfff]")
_PACKED = (b"\x1f\x8b", b"PK\x03\x04")


class BrokenTextError(DataError):
    """What is not JSON, TOML or UTF-8; ``why`` is the message without the place."""

    def __init__(self, where: str, why: str, line: int | None = None) -> None:
        super().__init__(f"{where}:{line}: {why}" if line is not None else f"{where}: {why}")
        self.why, self.line = why, line


def read_bytes(path: Path, *, longest: int | None = None) -> bytes:
    """The content of a regular file; DataError for a folder, a pipe, a device, and beyond ``longest`` bytes."""
    with _opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        if longest is not None and size > longest:
            raise DataError(f"{path}: has {size:,} bytes; at most {longest:,} are read")
        return file.read()


def is_file(path: Path) -> bool:
    """Whether there is such a file; a name that no file can have, too long or with a zero byte, is none."""
    return os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises for such names


def head(path: Path, count: int) -> bytes:
    """The first bytes of a regular file. DataError as in ``read_bytes``."""
    with _opened(path) as file:
        return file.read(count)


def lines(path: Path) -> Iterator[bytes]:
    """The lines of a regular file, one at a time. DataError as in ``read_bytes``."""
    with _opened(path) as file:
        yield from file


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe without a writer would wait for ever
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            os.close(descriptor)
            what = "a folder" if stat.S_ISDIR(mode) else "a pipe, a socket or a device"
            raise DataError(f"{path}: can't be read: it is {what}, not a file")
        with os.fdopen(descriptor, "rb") as file:
            yield file
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror or error}") from error
    except ValueError as error:  # a zero byte in the name
        raise DataError(f"{str(path)!r}: can't be read: {error}") from error


def unpacked(data: bytes, path: Path) -> bytes:
    """The content of a gzip file, or of the one file of a zip; any other bytes as they are."""
    if not data.startswith(_PACKED):
        return data
    import zipfile

    try:
        return _gzip(data, path) if data.startswith(b"\x1f\x8b") else _only_member(data, path)
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, LookupError, struct.error, zlib.error) as error:
        kind = "gzip" if data.startswith(b"\x1f\x8b") else "zip"
        raise DataError(f"{path}: the {kind} file is cut short or damaged ({error}); copy it again") from error
    except (RuntimeError, NotImplementedError) as error:  # encrypted, or packed by a method that Python lacks
        raise DataError(
            f"{path}: the zip file can't be unpacked ({error}); unpack it, and name what is in it"
        ) from error


def _gzip(data: bytes, path: Path) -> bytes:
    import gzip

    with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
        return _bounded(packed.read, len(data), path)


def _only_member(data: bytes, path: Path) -> bytes:
    import zipfile

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [n for n in archive.namelist() if not n.endswith("/") and not n.startswith("__MACOSX/")]
        if len(names) == 1:
            with archive.open(names[0]) as member:
                return _bounded(member.read, len(data), path)
    if "[Content_Types].xml" in names:
        raise DataError(
            f"{path}: an office file, such as an Excel workbook; save the sheet as CSV UTF-8, and name that"
        )
    raise DataError(f"{path}: the zip has {len(names)} files ({', '.join(names[:3])}, ...); unpack it, and name one")


def _bounded(read: Callable[[int], bytes], packed: int, path: Path) -> bytes:
    most = max(UNPACKED, RATIO * packed)
    data = read(most + 1)
    if len(data) > most:
        raise DataError(
            f"{path}: {packed:,} bytes unpack to more than {most:,}; if that is expected, unpack it yourself"
        )
    return data


def utf8(data: bytes, where: str) -> str:
    """Text without its byte order mark; BrokenTextError names the line that is not UTF-8."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BrokenTextError(where, "this is UTF-16; convert it first: iconv -f utf-16 -t utf-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        why = (
            f"byte 0x{data[error.start]:02x} is not UTF-8 (Latin-1 or Windows-1252?);"
            " convert it first: iconv -f windows-1252 -t utf-8"
        )
        raise BrokenTextError(where, why, line) from error


def json_value(
    text: str | bytes,
    where: str,
    *,
    pairs: Callable[[list[tuple[str, Any]]], dict[str, Any]] | None = None,
    mended: Callable[[], object] = lambda: None,
) -> Any:
    """The value of a JSON text; BrokenTextError where it is none, too deep, or holds a number of too many digits.

    Halves of surrogate pairs become U+FFFD, and ``mended`` is called. ``pairs`` makes objects, as in ``json.loads``.
    """
    words = utf8(text, where) if isinstance(text, bytes) else text
    try:
        value = json.loads(words, object_pairs_hook=pairs, parse_int=_whole)
    except json.JSONDecodeError as error:
        raise BrokenTextError(where, _break(words, error), error.lineno if "\n" in words.strip() else None) from error
    except RecursionError as error:
        raise BrokenTextError(where, _too_deep("JSON")) from error
    except ValueError as error:  # of ``_whole``
        raise BrokenTextError(where, str(error)) from error
    if words.count("[") + words.count("{") > DEEPEST and _deep(value):
        raise BrokenTextError(where, _too_deep("JSON"))
    if _HALF.search(words) or not _encodes(words):
        return _whole_text(value, mended)
    return value


def listed(text: str) -> list[Any] | None:
    """A list that JSON or Python spelled; None where the text is no list, or none that is data."""
    import ast

    try:
        value = json_value(text, "")
    except BrokenTextError:
        if text.count("[") + text.count("(") + text.count("{") > DEEPEST or len(text) > _LONGEST_LITERAL:
            return None
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):  # the last two: Python's parser on odd nesting
            return None
    return value if isinstance(value, list) else None


def toml_value(data: bytes, where: str, kind: type[T]) -> T:
    """A TOML text as a value of ``kind``; ``msgspec.ValidationError`` where it is TOML of another kind."""
    import tomllib

    try:
        value = tomllib.loads(utf8(data, where))
    except RecursionError as error:
        raise BrokenTextError(where, _too_deep("TOML")) from error
    except ValueError as error:  # TOMLDecodeError, and a number of too many digits
        raise BrokenTextError(where, f"not TOML: {error}") from error
    if _deep(value):
        raise BrokenTextError(where, _too_deep("TOML"))
    try:
        return msgspec.convert(value, kind)
    except OverflowError as error:
        raise BrokenTextError(where, f"a number is too large: {error}") from error


def xml(data: bytes, where: str) -> Element:
    """The root of an XML document; BrokenTextError where it is none, or declares a document type or entities.

    The parser itself says so, whatever the encoding; expat's own limits hold against what expands otherwise.
    """
    from xml.etree.ElementTree import ParseError, TreeBuilder, XMLParser

    class Plain(TreeBuilder):
        def doctype(self, *_: object) -> None:
            raise BrokenTextError(where, "declares a document type (DTD), which can hide entities; reports have none")

    parser = XMLParser(target=Plain())  # noqa: S314 - documents with a type, the danger, are refused above
    try:
        parser.feed(data)
        root: Element = parser.close()
    except ParseError as error:
        raise BrokenTextError(where, f"this is not XML ({error})", error.position[0]) from error
    except (ValueError, LookupError) as error:  # an encoding that Python lacks, or that is no encoding of texts
        raise BrokenTextError(where, f"this is not XML ({error})") from error
    if len(root.findall("*" + "/*" * DEEPEST)):
        raise BrokenTextError(where, _too_deep("XML"))
    return root


def parquet(path: Path) -> pq.ParquetFile:
    """An open Parquet file; DataError where it is none, or says that it holds more than any memory does."""
    import pyarrow.parquet as pq

    size = path.stat().st_size if path.is_file() else 0
    data = unpacked(read_bytes(path), path) if _starts(path).startswith(_PACKED) else None
    file = arrow_faults(lambda: pq.ParquetFile(path.absolute() if data is None else io.BytesIO(data)), path)
    held = file.metadata
    total = sum(held.row_group(i).total_byte_size for i in range(held.num_row_groups))
    if total > max(UNPACKED, RATIO * size) or held.num_rows > MOST_ROWS:
        raise DataError(f"{path}: {size:,} bytes of Parquet claim to hold {held.num_rows:,} rows of {total:,} bytes")
    return file


def parquet_batches(path: Path, size: int = 1000) -> Iterator[list[dict[str, Any]]]:
    """Rows of a Parquet file, ``size`` at a time."""
    file = parquet(path)
    batches = file.iter_batches(size)
    while True:
        rows = arrow_faults(lambda: (batch := next(batches, None)) and batch.to_pylist(), path)
        if rows is None:
            return
        yield rows


def parquet_columns(path: Path) -> list[str]:
    """The names of a Parquet file's columns."""
    return list(parquet(path).schema_arrow.names)


def arrow_faults(read: Callable[[], T], path: Path) -> T:
    """What ``read`` returns; DataError for whatever pyarrow has to say about the file."""
    import pyarrow as pa

    try:
        return read()
    except (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, KeyError, IndexError) as error:
        raise DataError(f"{path}: can't be read as Parquet: {_first_line(error)}") from error


def _starts(path: Path) -> bytes:
    return head(path, 4) if path.suffix.lower() in {".gz", ".zip"} else b""


def _whole(digits: str) -> int:
    if len(digits) > DIGITS:
        raise ValueError(f"a number has {len(digits):,} digits; at most {DIGITS} are read")
    return int(digits)


def _deep(value: object) -> bool:
    """Whether lists and objects are nested more than ``DEEPEST`` deep: level by level, so that depth costs no stack."""
    level = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ())
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _too_deep(form: str) -> str:
    return f"the {form} is nested too deeply to be data (more than {DEEPEST} levels)"


def _encodes(text: str) -> bool:
    return text.isascii() or not _SURROGATE.search(text)


def _whole_text(value: Any, mended: Callable[[], object]) -> Any:
    """The value with U+FFFD for each half of a surrogate pair; its depth is bounded."""
    if isinstance(value, str) and _SURROGATE.search(value):
        mended()
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_whole_text(part, mended) for part in value]
    if isinstance(value, dict):
        return {_whole_text(name, mended): _whole_text(part, mended) for name, part in value.items()}
    return value


def _break(text: str, error: json.JSONDecodeError) -> str:
    if not text.strip():
        return "is empty"
    rest = text[error.pos :].strip()
    cut = not rest or error.msg.startswith("Unterminated string")
    why = "ends in the middle of JSON: it is cut short, copy it again" if cut else "is not JSON"
    return f"{why} ({error.msg}, column {error.colno})"


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:300]
