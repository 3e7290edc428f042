"""``--serve``: a vLLM server of the run's own, started with what card and run need, ended with the run."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from mmrad_eval.core.errors import MissingError, ModelError, TransportError
from mmrad_eval.core.values import Card
from mmrad_eval.model_registry.secrets import Secret

_LOOK = 0.25  # seconds between two looks at a server that is starting
_TELL = 5.0  # seconds between two words about it
_TAIL = 12  # lines of the log that an error quotes
_DEATHS = 3  # times that a server may end by itself before it is started no more

_OWN_FLAGS = ("--host", "--port", "--api-key", "--served-model-name", "--revision")
"""Flags that decide where the server is and what it serves: ours to give."""


@dataclass(frozen=True)
class ServeOptions:
    """How a server is started, beside what the card says."""

    command: tuple[str, ...] = ()
    """The words before ``serve``; by default MMRAD_VLLM, ``vllm`` on PATH, or ``uv tool run vllm``."""
    images: int | None = None
    """Images that one prompt may hold."""
    context: int | None = None
    dtype: str | None = None
    tensor_parallel: int | None = None
    data_parallel: int | None = None
    extra: tuple[str, ...] = ()
    """Further flags of ``vllm serve``, passed through."""
    patience: float = 3600.0
    """Seconds until a server that does not get ready is given up; the first start downloads weights."""
    fleet: Fleet | None = None
    """Keeps the server for further runs of the same model; None: it ends with its run."""


def words(card: Card, options: ServeOptions, port: int) -> list[str]:
    """The whole command line."""
    given = {flag.partition("=")[0] for flag in options.extra}
    clash = [flag for flag in _OWN_FLAGS if flag in given]
    if clash:
        raise ModelError(f"--serve-arg {clash[0]}: the run sets it; write it in the card, or start the server yourself")
    command = [*(options.command or vllm_command()), "serve", card.id, "--host", "127.0.0.1", "--port", str(port)]
    images = options.images or card.max_images
    context = options.context or card.context
    for flag, value in (
        ("--revision", card.revision),
        ("--max-model-len", context),
        ("--dtype", options.dtype),
        ("--tensor-parallel-size", options.tensor_parallel),
        ("--data-parallel-size", options.data_parallel),
        ("--limit-mm-per-prompt", json.dumps({"image": images}) if images else None),
    ):
        if value is not None and flag not in given:
            command += [flag, str(value)]
    if not given & {"--interleave-mm-strings", "--no-interleave-mm-strings"}:
        command.append("--interleave-mm-strings")  # without it, some chat templates get all images before all words
    return command + list(options.extra)


def vllm_command() -> tuple[str, ...]:
    """The words that run vLLM here; MissingError where there is none."""
    own = os.environ.get("MMRAD_VLLM", "").split()
    if own:
        return tuple(own)
    if shutil.which("vllm"):
        return ("vllm",)
    if shutil.which("uv"):
        return ("uv", "tool", "run", "vllm")
    raise MissingError(
        "--serve found no vLLM: neither `vllm` nor `uv` is on PATH",
        "install vLLM, name its command in MMRAD_VLLM, or start a server yourself and give --base-url",
    )


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Kept(Protocol):
    """What a fleet keeps beside servers of vLLM."""

    def stop(self) -> None:
        """End it; it may be started again."""
        ...


class Fleet:
    """The servers of one command: one runs at a time, and goes on while the next run is of the same model."""

    def __init__(self) -> None:
        self._server: Server | None = None
        self._programs: dict[object, Kept] = {}

    def server(self, card: Card, options: ServeOptions) -> Server:
        """The server that runs, if it is of this card and these options; else another, and that one ends."""
        running = self._server
        if running is None or (running.card, running.options) != (card, options):
            self.close()
            self._server = running = Server(card, options, kept=True)
        return running

    def program(self, key: object, make: Callable[[], Kept]) -> Kept:
        """The program of this key; made where there is none."""
        if key not in self._programs:
            self._programs[key] = make()
        return self._programs[key]

    def alone(self, program: Kept) -> None:
        """End all programs but this one, which is about to start: two models may not fit beside each other."""
        for other in self._programs.values():
            if other is not program:
                other.stop()

    def close(self) -> None:
        """End whatever runs."""
        for program in self._programs.values():
            program.stop()
        if self._server is not None:
            self._server.stop()
            self._server = None


@dataclass
class Server:
    """One server; ``start`` may be called again and again, from any thread."""

    card: Card
    options: ServeOptions
    port: int = field(default_factory=free_port)
    log: Path | None = None
    """Where its output goes; in the run's folder."""
    say: Callable[[str], None] = lambda _: None
    """Told how the start goes, a line now and then."""
    secret: Secret = field(default_factory=lambda: Secret(secrets.token_hex(16), "the run itself"))
    """So that nobody else on this machine is answered."""
    kept: bool = False
    """Whether a fleet ends it, and not its first client."""
    give_up: Callable[[], bool] = lambda: False
    """Called from any thread: whether a start in progress is given up, and none begins."""
    log_name = "vllm.log"
    _deaths: int = 0
    _process: subprocess.Popen[bytes] | None = None
    _output: BinaryIO | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        """Start it unless it runs, and wait until it is healthy; one that has died since is started again.

        ModelError with the log's last lines where it ends before it is ready, or has died too often; TransportError
        where the start was given up.
        """
        with self._lock:
            if self._process is not None and self._process.poll() is not None:
                self._died()
            if self._process is None:
                self._go_on()
                self._launch()
                self._wait()

    def stop(self) -> None:
        """End it, and wait until it has ended."""
        with self._lock:
            self._ended()

    def _died(self) -> None:
        assert self._process is not None
        code = self._process.returncode
        self._deaths += 1
        self._ended()
        if self._deaths >= _DEATHS:
            raise ModelError(f"the server has died {self._deaths} times, now with status {code}{self._last_lines()}")
        self.say(f"the server has died with status {code} and is being restarted")

    def _go_on(self) -> None:
        if self.give_up():
            raise TransportError("starting the server was canceled", retry=True, kind="unreachable")

    def _ended(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            assert process.stdin is not None
            process.stdin.close()  # the watchdog sees it and ends the server
            process.wait()
        if self._output is not None:
            self._output.close()
            self._output = None

    def _launch(self) -> None:
        command = words(self.card, self.options, self.port)
        if self.log is not None:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            self._output = self.log.open("ab")
        self.say(f"starting {' '.join(command)}" + (f"; its log: {self.log}" if self.log else ""))
        watchdog = Path(__file__).with_name("server_watchdog.py")
        environment = os.environ | {
            "VLLM_API_KEY": self.secret.reveal(),
            "VLLM_NO_USAGE_STATS": "1",
            "DO_NOT_TRACK": "1",
        }
        self._process = subprocess.Popen(  # noqa: S603 (the user's own vLLM)
            [sys.executable, str(watchdog), *command],
            stdin=subprocess.PIPE,
            stdout=self._output or subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # Ctrl-C is the run's to handle: the server must answer until it ends
        )

    def _wait(self) -> None:
        assert self._process is not None
        start = told = time.monotonic()
        while not self._healthy():
            if self.give_up():
                self._ended()
            self._go_on()
            now = time.monotonic()
            if self._process.poll() is not None:
                code = self._process.returncode
                self._ended()
                raise ModelError(f"the server ended with status {code} before it was ready{self._last_lines()}")
            if now - start > self.options.patience:
                raise ModelError(f"the server was not ready after {now - start:.0f} s{self._last_lines()}")
            if now - told >= _TELL:
                told = now
                self.say(f"the server is starting ({now - start:.0f} s): {self._last_line()}")
            time.sleep(_LOOK)
        self.say(f"the server is ready after {time.monotonic() - start:.0f} s")

    def _healthy(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def _last_line(self) -> str:
        lines = self._tail()
        return lines[-1][:120] if lines else "no output yet"

    def _last_lines(self) -> str:
        lines = self._tail()
        return f"; the last lines of {self.log}:\n" + "\n".join(lines) if lines else ""

    def _tail(self) -> list[str]:
        if self.log is None or not self.log.is_file():
            return []
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - 8192))
            lines = file.read().decode("utf-8", "replace").splitlines()
        return [line.rstrip() for line in lines if line.strip()][-_TAIL:]
