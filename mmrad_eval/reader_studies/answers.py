"""Answers that came back from readers: read, and refused in one line each where they can't be what the page saved."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mmrad_eval.core import decode
from mmrad_eval.core.errors import DataError
from mmrad_eval.reader_studies.forms import EXPERIENCE, GUESS, MOST_COUNTED, FormQuestion
from mmrad_eval.reader_studies.make import KEY
from mmrad_eval.reader_studies.records import (
    ANSWERS_SCHEMA,
    KEY_SCHEMA,
    KeyReader,
    KeyReading,
    ReaderAnswers,
    ReadingAnswer,
    StudyKey,
)

_CHECK = re.compile(rb',\n "check": "([0-9a-f]{16})"\s*\}\s*\Z')
_SAVED = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)[\d:.]*Z\Z")
_MOST = 1 << 26
"""Bytes of a file of answers; real ones have a few thousand."""
_SCHEMA = "mmrad.reader-answers/"


@dataclass(frozen=True)
class _BadFileError(Exception):
    why: str


def read_key(folder: Path) -> StudyKey:
    """key.json of a study's folder; DataError where it is missing, of another version, or was changed."""
    path = folder / KEY if folder.is_dir() else folder
    if not path.is_file():
        raise DataError(f"{folder}: no {KEY} here; name the folder that `readers make` wrote")
    try:
        found = msgspec.json.decode(decode.read_bytes(path), type=StudyKey)
    except decode.FAULTS as error:
        raise DataError(f"{path}: can't be read as the key of a reader study ({error})") from error
    if found.schema != KEY_SCHEMA:
        raise DataError(
            f"{path}: {found.schema}, and this version reads {KEY_SCHEMA}; merge with the version that made it"
        )
    if found.study != found.identity():
        raise DataError(f"{path}: was changed after `readers make` wrote it; restore it, or make the study again")
    return found


def read_answers(paths: Sequence[Path], key: StudyKey, *, partial: bool = False) -> list[ReaderAnswers]:
    """One file a reader, in the order of the key. DataError with a line for each file that can't be used.

    ``partial`` takes what there is of files that are not finished.
    """
    found: dict[str, tuple[Path, ReaderAnswers]] = {}
    faults: list[str] = []
    for path in paths:
        try:
            answers = _read(path, key, partial=partial)
        except _BadFileError as error:
            faults.append(f"{path}: {error.why}")
            continue
        if answers.reader in found:
            other, before = found[answers.reader]
            faults.append(
                f"{path}{_when(answers)}: answers of reader {answers.reader}, and so are those of "
                f"{other}{_when(before)}; name one of them"
            )
            continue
        found[answers.reader] = (path, answers)
    if len(faults) == 1:
        raise DataError(faults[0])
    if faults:
        raise DataError("\n".join([f"{len(faults)} of {len(paths)} files can't be merged", *faults]))
    return [found[reader.code][1] for reader in key.readers if reader.code in found]


def _when(answers: ReaderAnswers) -> str:
    """When the page saved a file, to the minute, where it says so."""
    found = _SAVED.match(answers.saved)
    return f" (saved {found[1]} {found[2]} UTC)" if found else ""


def _read(path: Path, key: StudyKey, *, partial: bool) -> ReaderAnswers:
    try:
        data = decode.read_bytes(path, longest=_MOST).replace(b"\r\n", b"\n")
    except DataError as error:
        raise _BadFileError(str(error).removeprefix(f"{path}: ")) from error
    try:
        value = decode.json_value(data, str(path))
    except DataError as error:
        why = str(error).removeprefix(f"{path}:").lstrip()
        cut = f"not a file that a reader's page saved, or a part of one ({why})" if "is not JSON" in why else why
        raise _BadFileError(cut) from error
    schema = value.get("schema") if isinstance(value, dict) else None
    if not isinstance(schema, str) or not schema.startswith(_SCHEMA):
        raise _BadFileError("not a file that a reader's page saved")
    if schema != ANSWERS_SCHEMA:
        raise _BadFileError(
            f"saved by another version ({schema}, and this one reads {ANSWERS_SCHEMA}); merge with that version"
        )
    if value.get("study") != key.study:
        raise _BadFileError(f"contains answers to another study ({value.get('study')}); this one is {key.study}")
    check = _CHECK.search(data)
    if check is None or checksum(data[: check.start()]) != check[1].decode():
        raise _BadFileError("was changed after the page saved it; ask the reader for the original file")
    del value["check"]
    try:
        answers = msgspec.convert(value, ReaderAnswers)
    except msgspec.ValidationError as error:
        raise _BadFileError(f"can't be read as answers ({error})") from error
    reader = next((one for one in key.readers if one.code == answers.reader), None)
    if reader is None:
        raise _BadFileError(f"answers of reader {answers.reader}, who is not in this study")
    _fits(answers, reader, key)
    _whole(answers, reader, partial=partial)
    return answers


def _fits(answers: ReaderAnswers, reader: KeyReader, key: StudyKey) -> None:
    """Whether every answer belongs to a screen of the page, and could be given there."""
    for held, readings, questions in (
        (answers.answers, reader.readings, key.form.questions),
        (answers.guesses, reader.guesses, (GUESS,)),
    ):
        known = {reading.id for reading in readings}
        for name, answer in held.items():
            if name not in known:
                raise _BadFileError(f"reading {name} is not one of this reader's")
            _values(answer.values, questions, f"reading {name}")
    _values(answers.experience, EXPERIENCE, "experience")


def _values(values: dict[str, int | str], questions: Sequence[FormQuestion], where: str) -> None:
    fields = {field: question for question in questions for field in question.fields or (question.key,)}
    fields |= {question.key: question for question in questions if not question.options}
    for name, value in values.items():
        question = fields.get(name)
        if question is None:
            raise _BadFileError(f"{where}: {name} is not a field of the form")
        counted = question.kind == "counts"
        allowed = isinstance(value, str) if question.kind == "text" else isinstance(value, int)
        if allowed and isinstance(value, int):
            allowed = 0 <= value <= MOST_COUNTED if counted else value in {option.value for option in question.options}
        if not allowed:
            raise _BadFileError(f"{where}: {name} can't be {value!r}")


def _whole(answers: ReaderAnswers, reader: KeyReader, *, partial: bool) -> None:
    def answered(held: dict[str, ReadingAnswer], readings: Sequence[KeyReading]) -> int:
        return sum(reading.id in held and held[reading.id].done for reading in readings)

    read, guessed = answered(answers.answers, reader.readings), answered(answers.guesses, reader.guesses)
    if not read:
        raise _BadFileError("contains no finished reading")
    if not partial and (read < len(reader.readings) or guessed < len(reader.guesses)):
        guesses = f" and {guessed} of {len(reader.guesses)} guesses" if reader.guesses else ""
        raise _BadFileError(
            f"{read} of {len(reader.readings)} readings{guesses} are answered; ask the reader to finish, or take what "
            "there is with --partial"
        )


def checksum(data: bytes) -> str:
    """FNV-1a of 64 bits (Fowler, Noll, Vo), as the page computes it: finds what was changed, and keeps nobody out."""
    found = 0xCBF29CE484222325
    for byte in data:
        found = ((found ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{found:016x}"
