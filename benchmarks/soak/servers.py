"""Two misbehaving servers, each a process of its own at an address that stays; they are killed and come back."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.request
from types import TracebackType
from typing import Self

MOCK = "mmrad_eval.model_registry.mock_server"


class Servers:
    """The servers by number; counts what they replied, also those that are gone."""

    def __init__(self, marker: str, count: int = 2) -> None:
        self._marker = marker
        self._ports = [_free_port() for _ in range(count)]
        self._processes: list[subprocess.Popen[str] | None] = [None] * count
        self._replies = [0] * count
        self._before = 0
        self.deaths = 0

    @property
    def urls(self) -> list[str]:
        """The base addresses."""
        return [f"http://127.0.0.1:{port}/v1" for port in self._ports]

    @property
    def replies(self) -> int:
        """Good replies of all of them, as far as they could be asked."""
        for number in range(len(self._ports)):
            self._count(number)
        return self._before + sum(self._replies)

    def start(self, number: int) -> None:
        """Start one at its address."""
        command = [sys.executable, "-m", MOCK, "--port", str(self._ports[number]), "--own-words"]
        process = subprocess.Popen([*command, "--marker", self._marker], stdout=subprocess.PIPE, text=True)
        self._processes[number] = process
        assert process.stdout is not None
        assert process.stdout.readline(), "the mock server did not start"

    def kill(self, number: int) -> None:
        """End one in the middle of what it does."""
        self._count(number)
        self._before, self._replies[number] = self._before + self._replies[number], 0
        process = self._processes[number]
        if process is not None:
            process.kill()
            process.wait()
            self._processes[number] = None
            self.deaths += 1

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

    def _count(self, number: int) -> None:
        if self._processes[number] is None:
            return
        try:
            with urllib.request.urlopen(f"{self.urls[number]}/counts", timeout=10) as page:
                self._replies[number] = json.load(page)["replies"]
        except OSError:
            return  # too busy to say


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
