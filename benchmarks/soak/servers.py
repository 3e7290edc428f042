"""Two misbehaving servers, each a process of its own at an address that stays; they are killed and come back."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

MOCK = "mmrad_eval.model_registry.mock_server"


class Sent(NamedTuple):
    """A good reply that a server was about to send."""

    at: float
    """Monotonic seconds."""
    case: int
    who: str
    """Digest of the key of the process that asked."""
    server: int


class Servers:
    """The servers by number; each logs its good replies, and its deaths are remembered."""

    def __init__(self, folder: Path, marker: str, count: int = 2) -> None:
        self._marker = marker
        self._ports = [_free_port() for _ in range(count)]
        self._logs = [folder / f"replies of server {number}" for number in range(count)]
        self._processes: list[subprocess.Popen[str] | None] = [None] * count
        self.deaths: list[tuple[float, int]] = []
        """Monotonic seconds after each, and the number of the server."""

    @property
    def urls(self) -> list[str]:
        """The base addresses."""
        return [f"http://127.0.0.1:{port}/v1" for port in self._ports]

    def sent(self) -> list[Sent]:
        """All good replies, in the order of time."""
        found = []
        for number, log in enumerate(self._logs):
            for line in log.read_text().splitlines():
                at, who, _, case, *_ = line.split()  # 12.345678 0123456789abcdef Case 000123 meets nothing
                found.append(Sent(float(at), int(case), who, number))
        return sorted(found)

    def start(self, number: int) -> None:
        """Start one at its address."""
        command = [sys.executable, "-m", MOCK, "--port", str(self._ports[number]), "--own-words"]
        command += ["--marker", self._marker, "--log", str(self._logs[number])]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._processes[number] = process
        assert process.stdout is not None
        assert process.stdout.readline(), "the mock server did not start"

    def kill(self, number: int) -> None:
        """End one in the middle of what it does."""
        process = self._processes[number]
        if process is not None:
            process.kill()
            process.wait()
            self._processes[number] = None
            self.deaths.append((time.monotonic(), number))

    def runs(self, number: int) -> bool:
        """Whether it is there."""
        return self._processes[number] is not None

    def mend(self, marker: str) -> None:
        """Start all anew, with no other faults than those that ``marker`` finds in a request."""
        self._marker = marker
        for number in range(len(self._ports)):
            self.kill(number)
            self.start(number)

    def __enter__(self) -> Self:
        for number in range(len(self._ports)):
            self.start(number)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        for number in range(len(self._ports)):
            self.kill(number)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
