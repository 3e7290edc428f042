"""The answers of a run on their way to disk: streamed as they come, in dataset order at the end."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import msgspec

from mmrad_eval.core.values import Answer
from mmrad_eval.results.run.files import temporary
from mmrad_eval.results.run.folder import RunFolder

_BLOCK = 1 << 20


class AnswerStream:
    """Writes ``answers.jsonl.part`` while the run goes on, ``answers.jsonl`` when it ends; holds no answer in memory.

    Each writer has a file of its own under that name, the newest being the one that is seen, so two processes that run
    the same run never write into one file.
    """

    def __init__(self, folder: RunFolder) -> None:
        folder.path.mkdir(parents=True, exist_ok=True)
        self._final = folder.path / "answers.jsonl"
        own = temporary(self._final)
        self._file = own.open("xb+", buffering=0)
        self._part = folder.path / "answers.jsonl.part"
        own.replace(self._part)
        self._where: dict[str, tuple[int, int]] = {}
        self._end = 0
        self._encode = msgspec.json.Encoder().encode
        self._short = folder.images.short
        self.statuses: Counter[str] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._where)

    def put(self, answer: Answer) -> None:
        """Write one answer."""
        line = self._short(self._encode(answer)) + b"\n"
        rest = memoryview(line)
        while rest:  # a disk that is almost full takes a part of it, and says why only to the next write
            rest = rest[self._file.write(rest) :]
        self._where[answer.study] = (self._end, len(line))
        self._end += len(line)
        self.statuses[answer.status] += 1

    def finish(self, order: Sequence[str]) -> None:
        """Write all answers in ``order``; a study that has none is open."""
        part = temporary(self._final)
        with part.open("xb") as file:
            for study in order:
                if study in self._where:
                    offset, length = self._where[study]
                    file.write(os.pread(self._file.fileno(), length, offset))
                else:
                    file.write(self._encode(Answer(study)) + b"\n")
                    self.statuses["open"] += 1
        part.replace(self._final)
        self._part.unlink(missing_ok=True)
