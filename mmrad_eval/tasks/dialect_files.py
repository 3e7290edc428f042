"""A dialect of looks from a file of the user's: a TOML table with the fields of ``LookDialect``, checked as it is read.

What a file gets wrong would be read as a model that never looks. So its own example must be read as a look, and a
report must not.
"""

from __future__ import annotations

import re
from dataclasses import asdict, fields, replace
from pathlib import Path

import msgspec

from mmrad_eval.core import decode
from mmrad_eval.core.canonical import digest
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import Reply
from mmrad_eval.tasks.dialect_turns import read_dialect_turn
from mmrad_eval.tasks.look_dialects import DIALECTS, MOST_LOOKS, LookDialect, known_look_dialect
from mmrad_eval.traces.geometry import valid_frame

_ENDING = ".toml"
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")
_NOT_BEHAVIOR = ("spoken_by", "source", "digest")
_SAMPLE = (0.125, 0.25, 0.5, 0.75)
"""Corners of a box, top and left before bottom and right in any order and frame."""
_REPORTS = (
    "FINDINGS: The heart is of normal size. The lungs are clear. IMPRESSION: No acute disease.",
    "<think>I saw enough.</think><answer>FINDINGS: The lungs are clear.</answer>",
    "\\boxed{The lungs are clear.}",
)


def look_dialect(said: str) -> LookDialect:
    """The dialect that a card or ``--set dialect=…`` names: a name that is known, or a file that ends in ``.toml``."""
    return read_dialect_file(Path(said).expanduser()) if said.endswith(_ENDING) else known_look_dialect(said)


def read_dialect_file(path: Path) -> LookDialect:
    """The dialect in a file, with its digest; UsageError in one line for one that does not fit."""
    try:
        data = decode.read_bytes(path, longest=decode.LONGEST_TOML)
        value = decode.toml_value(data, str(path), dict[str, object])
        unknown = next((name for name in value if name not in _FIELDS), None)
        if unknown is not None:
            raise _misfit(path, f"no field is called {unknown!r}; known: {', '.join(_FIELDS)}")
        dialect = msgspec.convert({"spoken_by": "", "source": "", **value}, LookDialect)
    except msgspec.ValidationError as error:
        raise _misfit(path, str(error)) from error
    except DataError as error:
        raise UsageError(f"look dialect: {error}") from error
    wrong = _wrong(dialect)
    if wrong:
        raise _misfit(path, wrong)
    behavior = {name: value for name, value in asdict(dialect).items() if name not in _NOT_BEHAVIOR}
    return replace(dialect, digest=f"sha256:{digest(behavior)}")


_FIELDS = tuple(field.name for field in fields(LookDialect) if field.name != "digest")


def _misfit(path: Path, why: str) -> UsageError:
    return UsageError(f"{path}: this is not a look dialect: {why}")


def _wrong(dialect: LookDialect) -> str:
    """What is wrong with a dialect, the first thing alone; empty for a sound one."""
    return _wrong_values(dialect) or _wrong_pattern(dialect) or _wrong_reading(dialect)


def _wrong_values(dialect: LookDialect) -> str:
    pixels = dialect.pixels
    faults = {
        f"name {dialect.name!r}: up to 40 small letters, digits, '_', '-' and '.'": not _NAME.fullmatch(dialect.name),
        f"name {dialect.name!r} is a built-in dialect; choose another name": dialect.name in DIALECTS,
        "example: has no {box}, in whose place the numbers stand": "{box}" not in dialect.example,
        "seen: has no {picture}, in whose place the region stands": "{picture}" not in dialect.seen,
        "error: has no {why}, in whose place the reason stands": "{why}" not in dialect.error,
        f"frame {dialect.frame!r}: no such frame (docs/traces.md)": bool(dialect.frame)
        and not valid_frame(dialect.frame),
        f"pixels {pixels!r}: multiples_F:A-B": bool(pixels)
        and not (pixels.startswith("multiples_") and valid_frame(pixels)),
        f"looks = {dialect.looks}: a number from 1 to {MOST_LOOKS}": not 1 <= dialect.looks <= MOST_LOOKS,
        "smallest and ratio: numbers from 0 on": not (dialect.smallest >= 0 and 0 <= dialect.ratio < float("inf")),
        "stop: an empty string": not all(dialect.stop),
        "source_field: film says how it names the whole image": bool(dialect.source_field) and not dialect.film,
        "earlier: has no {n}, in whose place the number stands": bool(dialect.earlier) and "{n}" not in dialect.earlier,
        "earlier: needs a source_field": bool(dialect.earlier) and not dialect.source_field,
        "opening_at: FILE.py:NAME below a checkout": bool(dialect.opening_at) and not _place(dialect.opening_at),
        "opening and opening_at: one of them": bool(dialect.opening and dialect.opening_at),
    }
    return next((fault for fault, holds in faults.items() if holds), "")


def _place(said: str) -> bool:
    file, _, name = said.rpartition(":")
    return (
        file.endswith(".py") and name.isidentifier() and not Path(file).is_absolute() and ".." not in Path(file).parts
    )


def _wrong_pattern(dialect: LookDialect) -> str:
    try:
        found = re.compile(dialect.call, re.DOTALL | re.IGNORECASE)
    except (re.error, RecursionError, OverflowError) as error:
        return f"call: no pattern: {error}"
    return "" if "call" in found.groupindex else "call: has no group (?P<call>…) around what is read"


def _wrong_reading(dialect: LookDialect) -> str:
    """A dialect whose own example is no look, or in which a report is one."""
    example = dialect.example.replace("{box}", str(list(_SAMPLE)))
    look = read_dialect_turn(Reply(example), dialect).look
    if look is None:
        return "example: is not read as a call; call and example must match"
    if look.malformed or look.box != _SAMPLE:
        return f"example: is read as {list(look.box) if look.box else 'no box'}: {look.malformed or 'other numbers'}"
    taken = next((report for report in _REPORTS if read_dialect_turn(Reply(report), dialect).look is not None), None)
    return f"call: takes a report for a call: {taken}" if taken else ""
