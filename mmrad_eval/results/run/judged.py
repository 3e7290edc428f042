"""judged.jsonl: what judges said of each study, as the metric that asked them read it; the scores beside it follow.

One line a study, metric and repeat. A line counts as long as its metric's columns and its answer are those of
scores.parquet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from mmrad_eval.core import decode
from mmrad_eval.core.data_use import kept_with
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.judge_contracts import VerdictState
from mmrad_eval.core.values import DataUse, Value
from mmrad_eval.core.whole_files import written_whole
from mmrad_eval.results.run.folder import JUDGED

if TYPE_CHECKING:
    from mmrad_eval.results.run.scores import ScoreRows, Scores

_DEEPEST = 12
"""Levels of a record; a judge may nest its JSON as deep as it likes."""
_LARGEST = 1 << 62
"""A whole number beyond is kept as text."""


class JudgedRecord(Value, frozen=True):
    """What one metric read in the replies about one study."""

    study: str
    answer: str
    """Digest of the answer that was judged, as in scores.parquet."""
    metric: str
    column: str
    """SHA-256 of the signature of the metric's columns, its first 16 digits."""
    repeat: int = 0
    state: VerdictState = "read"
    why: str = ""
    """Why it is degraded or unread."""
    record: Any = None
    """Phrases and their evidence, findings, errors, counts: plain JSON, in the form that the metric gives it."""
    data_use: DataUse | None = None
    """Class of the data; left out where it is open."""


class _Head(msgspec.Struct):
    """The fields of a line that are read of every line."""

    study: str
    answer: str
    column: str


class JudgedLine(NamedTuple):
    """One line of the file."""

    offset: int
    study: str
    answer: str
    column: str
    text: bytes


def digest_of(signature: str) -> str:
    """How a record names the columns that follow from it."""
    return hashlib.sha256(signature.encode()).hexdigest()[:16]


def judged_file_lines(path: Path) -> Iterator[JudgedLine]:
    """The lines of a file, in order; none where there is no such file. DataError for a line that is no record."""
    if not path.is_file():
        return
    decoder, offset = msgspec.json.Decoder(_Head), 0
    for number, line in enumerate(decode.lines(path), start=1):
        try:
            head = decoder.decode(line)
        except decode.FAULTS as error:
            raise DataError(
                f"{path}, line {number}: {error}; score the run with --judge again to rebuild it"
            ) from error
        yield JudgedLine(offset, head.study, head.answer, head.column, line)
        offset += len(line)


def counting_lines(path: Path, signatures: Iterable[str], rows: ScoreRows) -> Iterator[JudgedLine]:
    """The lines whose columns have one of these signatures and whose answer is that of the rows. Errors: as above."""
    columns = set(map(digest_of, signatures))
    answers = dict(zip(rows.ids, rows.answers, strict=True))
    for line in judged_file_lines(path):
        if line.column in columns and answers.get(line.study) == line.answer:
            yield line


def write_judged(path: Path, kept: Iterable[bytes], records: Iterable[JudgedRecord], data_use: DataUse) -> int:
    """Write lines of an earlier file and new records; the number of both. Without any there is no file."""
    use, encode, count = kept_with(data_use), msgspec.json.Encoder().encode, 0
    with written_whole(path) as part, part.open("wb") as file:
        for line in kept:
            file.write(line.rstrip(b"\r\n") + b"\n")
            count += 1
        for record in records:
            plain = msgspec.structs.replace(record, record=plain_json(record.record), data_use=use)
            file.write(encode(plain) + b"\n")
            count += 1
    if not count:
        path.unlink()
    return count


def plain_json(value: Any, depth: int = 0) -> Any:
    """A value as JSON that any reader takes: no deep nesting, no half characters, no number beyond 64 bits."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) < _LARGEST else f"{value:.15e}" if abs(value) < 10**300 else "a large number"
    if isinstance(value, Mapping | list | tuple) and depth >= _DEEPEST:
        return "\N{HORIZONTAL ELLIPSIS}"
    if isinstance(value, Mapping):
        return {_text(key): plain_json(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(inner, depth + 1) for inner in value]
    return _text(value)


def _text(value: Any) -> str:
    return str(value).encode("utf-8", "replace").decode()


class JudgedFile:
    """The records of a run that its scores follow from, found by study."""

    def __init__(self, folder: Path, scores: Scores | None) -> None:
        """``scores`` are those that count; None: no record counts."""
        self.path = folder / JUDGED
        self._offsets: dict[str, list[int]] = {}
        if scores is None:
            return
        shown = (block.signature for block in scores.blocks if block.shown)
        for line in counting_lines(self.path, shown, scores.rows):
            self._offsets.setdefault(line.study, []).append(line.offset)

    def of(self, study: str) -> list[JudgedRecord]:
        """The records of a study, metric by metric, repeat by repeat."""
        offsets = self._offsets.get(study)
        if not offsets:
            return []
        found = []
        with self.path.open("rb") as file:
            for offset in offsets:
                file.seek(offset)
                try:
                    found.append(msgspec.json.decode(file.readline(), type=JudgedRecord))
                except decode.FAULTS as error:
                    raise DataError(f"{self.path}, byte {offset}: {error}; score the run with --judge again") from error
        return found
