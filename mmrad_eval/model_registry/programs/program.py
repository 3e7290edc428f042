"""A program that answers requests: started with the first, started again when it dies or hangs, ended with the run."""

from __future__ import annotations

import itertools
import os
import shlex
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from mmrad_eval.core.contracts import PreparedRequest
from mmrad_eval.core.errors import ModelError, TransportError, UsageError
from mmrad_eval.core.values import Reply
from mmrad_eval.model_registry.command_line import scrub_words, secrets_of_environment
from mmrad_eval.model_registry.echoes import HIDDEN
from mmrad_eval.model_registry.programs.life import REPLIES, REQUESTS, Life
from mmrad_eval.model_registry.secrets import scrub_body
from mmrad_eval.model_registry.serving import Fleet

SILENCE, FIRST_SILENCE = 600.0, 3600.0
"""Seconds without a reply after which a program is taken to hang: in general, and before its first, as models load."""
IN_A_ROW, IN_ALL = 3, 20
"""Times that it may end, or hang, without a reply in between and in all, before it is started no more."""
UNGUARDED = (
    "the program gets data that may not leave this machine, and runs outside the connection guard, which covers this "
    "process alone: {command}"
)
_LONGEST_LOG, _LONGEST_LINE = 16 << 20, 4096
_TAIL = 12  # lines of the log that an error quotes


def command_words(command: str) -> list[str]:
    """The words of a command; UsageError where they are none, name no pipe, or hold what looks like a key."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"--model command:{command}: {error}") from error
    missing = [one for one in (REQUESTS, REPLIES) if not any(one in word for word in words)]
    if missing:
        raise UsageError(
            f"--model command:{command} lacks {' and '.join(missing)}, where the program finds its pipes; write "
            f"command:'PROGRAM {REQUESTS} {REPLIES}'"
        )
    if scrub_words(words) != words:
        raise UsageError(
            f"--model command:{shlex.join(scrub_words(words))}: this looks like a key, and it would be written into "
            "the run; let the program read it from an environment variable"
        )
    return words


@dataclass
class Program:
    """One program; ``ask`` may be called from any thread and event loop."""

    words: Sequence[str]
    timeout: float | None = None
    """Seconds without a reply after which it is taken to hang; None: as above."""
    environment: Mapping[str, str] = field(default_factory=dict)
    log: Path | None = None
    """Where what it prints goes; in the run's folder."""
    say: Callable[[str], None] = lambda _: None
    """Told how it goes."""
    give_up: Callable[[], bool] = lambda: False
    fleet: Fleet | None = None
    """Ends it, where it is kept for further runs; None: its client does."""
    log_name = "program.log"
    _life: Life | None = None
    _deaths: int = 0
    _in_a_row: int = 0
    _hopeless: str = ""
    """Why it is started no more; empty where it may be."""
    _hit: dict[str, int] = field(default_factory=dict)
    """Key -> how often the program died while it was asked this."""
    _numbers: itertools.count[int] = field(default_factory=itertools.count)
    _written: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _log_lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def command(self) -> str:
        """The command as the user wrote it."""
        return shlex.join(self.words)

    def ask(self, sent: PreparedRequest) -> tuple[str, Future[Reply]]:
        """The id of a request that is on its way, and the reply to come.

        ModelError where the program can't be started, or ended too often.
        """
        name = f"{sent.key[:16]}-{next(self._numbers)}"
        while True:
            answer = self._living().ask(sent, name)
            if answer is not None:
                return name, answer

    def forget(self, name: str) -> None:
        """Nobody waits for this reply any longer."""
        if self._life is not None:
            self._life.forget(name)

    def died(self, key: str) -> bool:
        """Note that the program died over a request; whether the request may be tried again: it may, once."""
        self._hit[key] = self._hit.get(key, 0) + 1
        return self._hit[key] < 2

    def stop(self, *, patient: bool = True) -> None:
        """End it: its requests end, and it has some seconds to end by itself."""
        with self._lock:
            life, self._life = self._life, None
        if life is not None:
            life.end(patient=patient and not life.over)

    def _living(self) -> Life:
        """The process; started, or started again, where there is none."""
        with self._lock:
            if self._life is not None and self._life.over:
                self._buried(self._life)
            if self._hopeless:
                raise ModelError(self._hopeless)
            if self._life is None:
                self._life = self._started()
            return self._life

    def _buried(self, life: Life) -> None:
        self._life = None
        life.end(patient=False)
        self._deaths += 1
        self._in_a_row = 1 if life.replies else self._in_a_row + 1
        if self._in_a_row >= IN_A_ROW or self._deaths >= IN_ALL:
            often = f"{self._in_a_row} times without a reply" if self._in_a_row >= IN_A_ROW else f"{self._deaths} times"
            self._hopeless = f"the program has ended {often}; it {life.over}{self._last_lines()}"
            return
        self.say(f"the program {life.over} and is being restarted")

    def _started(self) -> Life:
        if self.give_up():
            raise TransportError("starting the program was canceled", retry=True, kind="unreachable")
        if shutil.which(self.words[0]) is None:
            raise ModelError(f"no program is called {self.words[0]}; write its path, or python SCRIPT.py")
        life = Life(
            self.words,
            self.timeout or SILENCE,
            self.timeout or FIRST_SILENCE,
            complain=self._tell,
            printed=self._print,
            environment={**os.environ, **self.environment},
        )
        if self.fleet is not None:
            self.fleet.alone(self)
        self.say(f"starting {self.command}" + (f"; its log: {self.log}" if self.log else ""))
        try:
            life.start()
        except OSError as error:
            raise ModelError(f"the program can't be started: {error.strerror or error}") from error
        return life

    def _tell(self, words: str) -> None:
        """Say it to the run that the program serves by now."""
        self.say(words)

    def _print(self, line: bytes) -> None:
        """Write one line of what it prints to the log, without keys and pixels; a flood is cut, and drained."""
        line = line.rstrip(b"\r\n")
        if len(line) > _LONGEST_LINE:
            line = line[:_LONGEST_LINE] + " …".encode()
        text = scrub_body(line).decode("utf-8", "replace")
        for secret in secrets_of_environment():
            text = text.replace(secret, HIDDEN)
        with self._log_lock:
            if self.log is None or self._written > _LONGEST_LOG:
                return
            self._written += len(text) + 1
            if self._written > _LONGEST_LOG:
                text = f"mmrad-eval: more than {_LONGEST_LOG >> 20} MB were printed; the rest is left out"
            self.log.parent.mkdir(parents=True, exist_ok=True)
            with self.log.open("a", encoding="utf-8") as file:
                file.write(text + "\n")

    def _last_lines(self) -> str:
        time.sleep(0.05)  # lines that it printed last may be on their way
        if self.log is None or not self.log.is_file():
            return ""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - 8192))
            lines = file.read().decode("utf-8", "replace").splitlines()
        kept = [line.rstrip() for line in lines if line.strip()][-_TAIL:]
        return f"; the last lines of {self.log}:\n" + "\n".join(kept) if kept else ""
