"""Guards over this process: nothing connects, looks up or sends elsewhere, and what is left behind stays under them.

192.0.2.0/24 is TEST-NET-1 of RFC 5737. No attempt reaches the network: it is refused before the call.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from mmrad_eval import score
from mmrad_eval.core.connections import Guard, confined, looking_up
from mmrad_eval.core.errors import GateError

AWAY = "192.0.2.7"


class Told(str):
    """A host that says it is this machine."""

    __slots__ = ()

    def __str__(self) -> str:
        return "127.0.0.1"


class Pair(tuple[str, int]):
    """An address that says so, too."""

    __slots__ = ()

    def __getitem__(self, place: Any) -> Any:
        return ("127.0.0.1", 9)[place]

    def __len__(self) -> int:
        return 0


def connect(address: Any = (AWAY, 9)) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:  # to connect it sends nothing
        sender.connect(address)


@pytest.mark.parametrize(
    "attempt",
    [
        connect,
        lambda: connect((AWAY.encode().decode(), 9)),
        lambda: connect(("0xC0000207", 9)),
        lambda: connect((Told(AWAY), 9)),
        lambda: connect((bytearray(AWAY.encode()), 9)),
        lambda: connect(Pair((AWAY, 9))),
        lambda: socket.getaddrinfo(Told("example.invalid"), 80),
        lambda: socket.getaddrinfo("example.invalid", 80),
        lambda: socket.getaddrinfo(b"secret.example.invalid", 80),
        lambda: socket.gethostbyname("example.invalid"),
        lambda: socket.gethostbyname_ex("example.invalid"),
        lambda: socket.gethostbyaddr(AWAY),
        lambda: socket.getnameinfo((AWAY, 80), 0),
        lambda: socket.create_connection(("example.invalid", 80), timeout=0.1),
    ],
)
def test_nothing_leaves_and_no_name_is_looked_up(attempt: Callable[[], object]) -> None:
    with confined("credentialed") as guard, pytest.raises(GateError, match="was refused"):
        attempt()
    assert guard.refused


def test_this_machine_is_reached_and_looked_up() -> None:
    with confined("unknown"), socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()[:2]).close()
        socket.getaddrinfo("localhost", server.getsockname()[1])
        socket.getaddrinfo(None, 0)
        socket.gethostbyname("127.0.0.1")


def test_the_guard_entered_last_counts_and_the_one_before_it_comes_back() -> None:
    with confined("credentialed"):
        with Guard({AWAY}):
            connect()
        with confined("open"):
            connect()
        with pytest.raises(GateError):
            connect()
    connect()


def test_names_of_permitted_hosts_alone_may_be_looked_up() -> None:
    with Guard(set(), frozenset({"model.invalid"})):
        with pytest.raises(socket.gaierror):
            socket.getaddrinfo("MODEL.invalid.", 80)
        with pytest.raises(GateError):
            socket.getaddrinfo("other.invalid", 80)
    with confined("credentialed"), looking_up(), pytest.raises(socket.gaierror):
        socket.getaddrinfo("other.invalid", 80)


def tried(wait: threading.Event, said: list[str]) -> None:
    wait.wait(10)
    try:
        connect()
    except GateError:
        said.append("refused")
    else:
        said.append("reached")


def test_a_thread_that_is_left_behind_stays_under_its_guard() -> None:
    ended, said, outside = threading.Event(), list[str](), list[str]()
    with confined("credentialed"):
        left = threading.Thread(target=tried, args=(ended, said))
        left.start()
    other = threading.Thread(target=tried, args=(ended, outside))
    other.start()
    ended.set()
    left.join()
    other.join()

    assert (said, outside) == (["refused"], ["reached"])


def test_scoring_texts_from_python_confines_metrics_unless_the_texts_are_open() -> None:
    with pytest.raises(GateError):
        score(["a"], ["a"], "bleu@raw", options=Leaky())
    with pytest.raises(ReachedError):
        score(["a"], ["a"], "bleu@raw", options=Leaky(), data_use="open")


class ReachedError(Exception):
    """A connection was made."""


class Leaky(dict[str, Any]):
    """Options that call home when a metric reads them, as code of a plugin could."""

    def _home(self, *_: object) -> Any:
        connect()
        raise ReachedError

    __getitem__ = get = __iter__ = __contains__ = items = keys = __len__ = __bool__ = _home  # whichever is asked


def test_a_command_is_closed_to_its_last_breath() -> None:
    code = f"""
import atexit, socket, sys
from mmrad_eval.core.connections import close_process, confined
from mmrad_eval.core.errors import GateError
def tell():
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("{AWAY}", 9))
        print("reached")
    except GateError:
        print("refused")
atexit.register(tell)
close_process()
with confined("open"):
    tell()
tell()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["reached", "refused", "refused"]
