"""One life of a program: its process, its two pipes, the requests that it has not answered.

The program is kept by ``server_watchdog.py``, so that it never outlives the run and neither do the pictures that it was
shown. Three threads serve it: one writes requests, one reads replies, one reads what it prints.
"""

from __future__ import annotations

import hashlib
import os
import queue
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from mmrad_eval.core import decode
from mmrad_eval.core.contracts import PreparedRequest
from mmrad_eval.core.errors import TransportError
from mmrad_eval.core.values import Reply
from mmrad_eval.model_registry.programs.lines import LONGEST, reply_of, request_line

REQUESTS, REPLIES = "{requests}", "{replies}"
_LOOK = 0.2  # seconds between two looks at a process that says nothing
_BLOCK = 1 << 16
_SIGNALED = 192  # statuses from here on are the watchdog's for a program that was ended by a signal
_GOODBYE = 10.0  # seconds that a program has to end by itself once its requests have ended
_SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp", "image/gif": ".gif"}


@dataclass
class _Asked:
    request: PreparedRequest
    answer: Future[Reply]
    files: tuple[Path, ...]


@dataclass
class Life:
    """One process. ``ask`` may be called from any thread; ``end`` once."""

    words: Sequence[str]
    """The command, with placeholders."""
    silence: float
    """Seconds without a reply after which a program that has requests is taken to hang; the first may take longer."""
    first_silence: float
    complain: Callable[[str], None]
    """Told, once a kind of fault, what of the replies could not be used."""
    printed: Callable[[bytes], None]
    """Given what the program prints, line by line."""
    environment: Mapping[str, str]
    replies: int = 0
    over: str = ""
    """Why it ended; empty while it lives."""
    hung: bool = False
    _waiting: dict[str, _Asked] = field(default_factory=dict)
    _files: Counter[Path] = field(default_factory=Counter)
    _known: set[str] = field(default_factory=set)
    _told: set[str] = field(default_factory=set)
    _lines: queue.SimpleQueue[bytes | None] = field(default_factory=queue.SimpleQueue)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _heard: float = field(default_factory=time.monotonic)
    _saying_goodbye: bool = False

    def start(self) -> None:
        """Start the process. OSError where that can't be done."""
        self.folder = Path(tempfile.mkdtemp(prefix="mmrad-eval-"))  # of mode 700
        self.pictures, self.drawn = self.folder / "images", self.folder / "replies"
        self.pictures.mkdir()
        self.drawn.mkdir()
        pipes = {REQUESTS: self.folder / "requests.jsonl", REPLIES: self.drawn / "replies.jsonl"}
        for path in pipes.values():
            os.mkfifo(path, 0o600)
        # both ends of both, so that neither waits for the other and a program may open them when it likes
        self._to, self._from = (os.open(path, os.O_RDWR | os.O_NONBLOCK) for path in pipes.values())
        command = [_placed(word, pipes) for word in self.words]
        watchdog = Path(__file__).parents[1] / "server_watchdog.py"
        self._process = subprocess.Popen(  # noqa: S603 (the user's own command)
            [sys.executable, str(watchdog), "--remove", str(self.folder), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self.environment,
            start_new_session=True,  # Ctrl-C is the run's to handle
        )
        self._threads = [threading.Thread(target=one, daemon=True) for one in (self._write, self._read, self._print)]
        for thread in self._threads:
            thread.start()

    def ask(self, sent: PreparedRequest, name: str) -> Future[Reply] | None:
        """The reply to come; None where the life is over. TransportError is what it fails with."""
        with self._lock:
            if self.over:
                return None
            if not self._waiting:
                self._heard = time.monotonic()
            try:
                paths = {image: self._file(*one) for image, one in sent.images.items()}
            except OSError as error:
                raise TransportError(f"an image can't be written for the program: {error}", retry=False) from error
            asked = self._waiting[name] = _Asked(sent, Future(), tuple(paths.values()))
            self._known.add(name)
        self._lines.put(request_line(sent, name, paths))
        return asked.answer

    def forget(self, name: str) -> None:
        """Nobody waits for this reply any longer."""
        with self._lock:
            self._release(self._waiting.pop(name, None))

    def end(self, *, patient: bool) -> None:
        """Close its requests, which tells it that it is done, and end it.

        ``patient``: let it end by itself first, unless it is still at work.
        """
        self._saying_goodbye = True
        patient = patient and not self._waiting
        self._lines.put(None)
        self._threads[0].join()
        if patient:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_GOODBYE)
        self._kill()
        for thread in self._threads[1:]:
            thread.join()

    def _file(self, media_type: str, data: bytes) -> Path:
        """The file of an image, which exists as long as a request that shows it waits."""
        path = self.pictures / f"{hashlib.sha256(data).hexdigest()[:24]}{_SUFFIXES.get(media_type, '.bin')}"
        if not self._files[path]:
            path.write_bytes(data)
        self._files[path] += 1
        return path

    def _release(self, asked: _Asked | None) -> None:
        for path in asked.files if asked else ():
            self._files[path] -= 1
            if not self._files[path]:
                path.unlink(missing_ok=True)

    def _write(self) -> None:
        """Write requests as fast as the program reads them; close the pipe at the end."""
        while (line := self._lines.get()) is not None and not self.over:
            rest = memoryview(line)
            while rest and not self.over and not self._saying_goodbye:
                if select.select([], [self._to], [], _LOOK)[1]:
                    with suppress(BlockingIOError):
                        rest = rest[os.write(self._to, rest[:_BLOCK]) :]
        os.close(self._to)

    def _read(self) -> None:
        """Read replies until the process has ended or hangs; then fail what waits."""
        buffer = bytearray()
        while True:
            alive = self._process.poll() is None
            if select.select([self._from], [], [], _LOOK if alive else 0)[0]:
                with suppress(BlockingIOError):
                    buffer += os.read(self._from, _BLOCK)
                self._take(buffer)
            elif not alive:
                break
            if alive and self._silent():
                self.hung = True
                self._kill()
        if buffer.strip():
            self._complain("half a line", f"the program ended in the middle of a line: {bytes(buffer[:80])!r}")
        with self._lock:
            self.over = self._how_it_ended()
            left, self._waiting = list(self._waiting.values()), {}
        self._lines.put(None)
        for asked in left:
            error = TransportError(
                f"the program {self.over} before it replied", retry=True, kind="timeout" if self.hung else "fault"
            )
            _settle(asked.answer, error)
        os.close(self._from)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _how_it_ended(self) -> str:
        if self.hung:
            return f"wrote nothing for {self.silence if self.replies else self.first_silence:g} s"
        code = self._process.returncode
        return f"was ended by signal {256 - code}" if code >= _SIGNALED else f"ended with status {code}"

    def _silent(self) -> bool:
        with self._lock:
            if not self._waiting or self._saying_goodbye:
                return False
            return time.monotonic() - self._heard > (self.silence if self.replies else self.first_silence)

    def _take(self, buffer: bytearray) -> None:
        """Take whole lines out of what was read."""
        while (end := buffer.find(b"\n")) >= 0:
            line = bytes(buffer[:end])
            del buffer[: end + 1]
            if line.strip():
                self._line(line)
        if len(buffer) > LONGEST:
            self._complain("too long", f"the program wrote a line of more than {LONGEST >> 20} MB, which is dropped")
            del buffer[:]

    def _line(self, line: bytes) -> None:
        try:
            value = msgspec.json.decode(line)
        except decode.FAULTS:
            value = None
        if not isinstance(value, dict):
            self._complain("no JSON", f"the program wrote a line that is not a JSON object: {line[:80]!r}")
            return
        name = value.get("id")
        with self._lock:
            asked = self._waiting.pop(name, None) if isinstance(name, str) else None
        if asked is None:
            seen = isinstance(name, str) and name in self._known
            what = "an unknown or already answered request" if seen else "one that was not asked"
            self._complain(f"id {seen}", f"the program wrote a reply to {str(name)[:60]!r}, {what}; it is dropped")
            return
        try:
            outcome: Reply | Exception = reply_of(value, self.drawn)
        except TransportError as error:
            outcome = error
        except Exception as error:  # noqa: BLE001 (whatever a stranger's line breaks must not end the reading of others)
            outcome = TransportError(f"the program's reply can't be read: {error}", retry=False)
        with self._lock:
            self._release(asked)
            self.replies += 1
            self._heard = time.monotonic()
        _settle(asked.answer, outcome)

    def _complain(self, kind: str, words: str) -> None:
        self.printed(f"mmrad-eval: {words}".encode())
        if kind not in self._told:
            self._told.add(kind)
            self.complain(words)

    def _print(self) -> None:
        """Pass on what the program prints; of a line that is too long, its start."""
        assert self._process.stdout is not None
        with self._process.stdout as output:
            while line := output.readline(_BLOCK):
                self.printed(line)

    def _kill(self) -> None:
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()  # the watchdog sees it and ends the program
        self._process.wait()


def _settle(answer: Future[Reply], outcome: Reply | Exception) -> None:
    """Answer whoever waits, unless nobody does."""
    if answer.set_running_or_notify_cancel():
        if isinstance(outcome, Exception):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)


def _placed(word: str, pipes: dict[str, Path]) -> str:
    for placeholder, path in pipes.items():
        word = word.replace(placeholder, str(path))
    return word
