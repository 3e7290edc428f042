"""The answers of a run on their way to disk: streamed as they come, in dataset order at the end."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from types import TracebackType
from typing import Self

import msgspec

from mmrad_eval.core import decode
from mmrad_eval.core.data_use import kept_with
from mmrad_eval.core.values import UNSCORED_STATUSES, Answer, Status
from mmrad_eval.core.whole_files import temporary, written_whole
from mmrad_eval.results.run.drawn import keep_drawn
from mmrad_eval.results.run.files import publishing
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
        self._use = kept_with(folder.run.data_use)
        self._short, self._whole = folder.images.short, folder.images.whole
        self._status: dict[str, Status] = {}
        self._events: dict[str, dict[str, int]] = {}

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
        line = self._bytes(answer)
        rest = memoryview(line)
        try:
            while rest:  # a disk that is almost full takes a part of it, and says why only to the next write
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._part)) from error
        self._where[answer.study] = (self._end, len(line))
        self._end += len(line)
        self._status[answer.study] = answer.status
        self._counted(answer)

    def _counted(self, answer: Answer) -> None:
        """Keep the events of an answer; most have none, and an empty object for each would take memory."""
        if answer.events:
            self._events[answer.study] = answer.events
        else:
            self._events.pop(answer.study, None)

    @property
    def statuses(self) -> Counter[str]:
        """Status -> answers."""
        return Counter(self._status.values())

    @property
    def events(self) -> Counter[str]:
        """Event -> answers in which it was counted."""
        return Counter(event for events in self._events.values() for event in events)

    def finish(
        self,
        order: Sequence[str],
        replies_gone: Callable[[Answer], bool] = lambda _: False,
        outdated: Callable[[], bool] = lambda: False,
    ) -> int | None:
        """Write all answers in ``order``; a study that has none is pending.

        Nothing that is known is taken away: an answer that the run had before stays where this process did not come to
        its study, and where it got none and ``replies_gone`` says that what it was read from is lost. Returns how many
        stayed; None, and nothing is written, where the answers are ``outdated`` at the moment of writing.
        """
        kept = 0
        with publishing(self._final.parent):
            if outdated():
                return None
            before = self._before({study for study in order if self._open(study)})
            with written_whole(self._final) as part, part.open("xb") as file:
                for study in order:
                    line = self._line(study)
                    answer = self._earlier(before.get(study)) if self._open(study) else None
                    if answer is not None and (study not in self._where or replies_gone(answer)):
                        line, self._status[study], kept = self._bytes(answer), answer.status, kept + 1
                        self._counted(answer)
                    self._status.setdefault(study, "pending")
                    file.write(line)
        self._part.unlink(missing_ok=True)
        return kept

    def _open(self, study: str) -> bool:
        return self._status.get(study, "pending") in UNSCORED_STATUSES

    def _line(self, study: str) -> bytes:
        if study not in self._where:
            return self._bytes(Answer(study))
        offset, length = self._where[study]
        return os.pread(self._file.fileno(), length, offset)

    def _bytes(self, answer: Answer) -> bytes:
        """The line of an answer; it states the class of its data."""
        line = self._encode(msgspec.structs.replace(answer, data_use=self._use))
        return self._short(line, keep_drawn(self._final.parent, answer)) + b"\n"

    def _before(self, wanted: AbstractSet[str]) -> dict[str, bytes]:
        """Study -> line of the answers to these studies that were published; a damaged line costs one answer."""
        found: dict[str, bytes] = {}
        with suppress(FileNotFoundError), self._final.open("rb") as lines:
            for line in lines if wanted else ():
                with suppress(*decode.FAULTS):
                    head = msgspec.json.decode(line, type=_Head)
                    if head.study in wanted and head.status not in _WITHOUT_ANSWER:
                        found[head.study] = line
        return found

    def _earlier(self, line: bytes | None) -> Answer | None:
        """The answer of a line that was published; None where there is none, or it is damaged."""
        with suppress(*decode.FAULTS):
            return None if line is None else msgspec.json.decode(self._whole(line), type=Answer)
        return None


_WITHOUT_ANSWER = (*UNSCORED_STATUSES, "open")
"""``open`` is what version 0.1.0 wrote for ``pending``."""


class _Head(msgspec.Struct):
    """The fields of an answer that are read of every line."""

    study: str
    status: str = "pending"
