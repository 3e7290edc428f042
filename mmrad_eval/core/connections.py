"""Where Python code of this process may connect to, while it holds data that may not leave.

A belt beside the gate's braces: it stops a plugin of any kind, or a library that reports home, from sending what it was
given, and from looking up a name, which sends the name. The command line closes the process before it loads anything
that may hold data; who knows that the data is open, or which addresses were permitted, says so for a time. Of several
guards the one entered last counts.

Beyond it are programs that a plugin starts, libraries that open sockets outside Python, the look-up that ``connect``
makes of a name by itself (the connection is refused), and, in a notebook, what a thread that was left behind starts.
"""

from __future__ import annotations

import ipaddress
import sys
import threading
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from mmrad_eval.core.errors import GateError

if TYPE_CHECKING:  # every command loads this module first, and values take longer than it
    from mmrad_eval.core.values import DataUse

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_TO_ADDRESS = frozenset(("socket.connect", "socket.sendto", "socket.sendmsg"))
_TO_NAME = frozenset(("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"))
_WATCHED = _TO_ADDRESS | _TO_NAME


def plain_address(text: str) -> Address:
    """The address that is written so, a mapped IPv4 address as IPv4; ValueError where it is none."""
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped if isinstance(mapped, ipaddress.IPv4Address) else address


@dataclass(eq=False)
class Guard:
    """While held, no Python code of this process connects to an address that was not permitted.

    Threads that were started meanwhile and are left behind stay under it afterwards.
    """

    allowed: set[str] | None
    """Addresses beside loopback; None: all."""
    names: frozenset[str] = frozenset()
    """Host names that may be looked up."""
    refused: list[str] = field(default_factory=list)
    """Addresses and names that something tried to reach."""
    _before: weakref.WeakSet[threading.Thread] = field(default_factory=weakref.WeakSet)

    def __enter__(self) -> Self:
        self._before = weakref.WeakSet(threading.enumerate())
        _process.enter(self)
        return self

    def __exit__(self, *_: object) -> None:
        left = {thread for thread in threading.enumerate() if thread not in self._before}
        _process.leave(self, left if self.allowed is not None else set())

    def check(self, event: str, arguments: tuple[Any, ...]) -> None:
        """GateError where what is about to happen would leave this machine."""
        if self.allowed is None:
            return
        target = arguments[-1] if event in _TO_ADDRESS else arguments[0]
        if event == "socket.getnameinfo" and isinstance(target, tuple):
            target = target[:1] and target[0]
        if event in _TO_ADDRESS:
            if not isinstance(target, tuple) or tuple.__len__(target) == 0:
                return  # a socket of this machine's own kind, named by a path, or one that is connected already
            target = tuple.__getitem__(target, 0)
        elif target is None or target == "":
            return  # any address of this machine, for a server of its own
        host = _plain(target)
        if not self._permitted(host, named=event in _TO_NAME):
            self.refused.append(host)
            raise GateError(
                f"{'a look-up of' if event in _TO_NAME else 'a connection to'} {host} was refused: the data in use is "
                "credentialed (data with unknown terms counts as credentialed), and no attestation names this address"
            )

    def _permitted(self, host: str, *, named: bool) -> bool:
        try:
            address = plain_address(host)
        except ValueError:
            return host == "localhost" or (named and (host.lower().rstrip(".") in self.names or host == _own_name()))
        return address.is_loopback or str(address) in (self.allowed or ())


def _plain(target: Any) -> str:
    """The host as the system reads it, whatever a class of its own says that it is."""
    if isinstance(target, bytes):
        return bytes.decode(target, "ascii", "replace")
    if isinstance(target, bytearray):
        return bytearray.decode(target, "ascii", "replace")
    return str.__str__(target) if isinstance(target, str) else str(target)


def _own_name() -> str:
    import socket

    return socket.gethostname()


class _Process:
    """The guards of this process. Python's audit hooks are the process's own and can't be taken out again."""

    def __init__(self) -> None:
        self._guards: list[Guard] = []
        self._left: weakref.WeakKeyDictionary[threading.Thread, Guard] = weakref.WeakKeyDictionary()
        self._installed = False
        self._own = threading.local()
        self._lock = threading.Lock()

    def enter(self, guard: Guard) -> None:
        with self._lock:
            if not self._installed:
                sys.addaudithook(self._look)
                self._installed = True
            self._guards = [*self._guards, guard]

    def leave(self, guard: Guard, left: Iterable[threading.Thread]) -> None:
        with self._lock:
            self._guards = [one for one in self._guards if one is not guard]
            for thread in left:
                self._left[thread] = guard

    @contextmanager
    def unwatched(self) -> Iterator[None]:
        """For what this thread does on the user's own word."""
        self._own.free = True
        try:
            yield
        finally:
            self._own.free = False

    def innermost(self) -> Guard | None:
        return self._guards[-1] if self._guards else None

    def _look(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in _WATCHED or not (self._guards or self._left) or getattr(self._own, "free", False):
            return
        before = self._left.get(threading.current_thread()) if self._left else None
        if before is not None:
            before.check(event, arguments)
        elif self._guards:
            self._guards[-1].check(event, arguments)


_process = _Process()


def close_process() -> None:
    """Let this process connect to nothing but itself, to its end, except where a guard within says otherwise."""
    Guard(set()).__enter__()


def in_force() -> Guard:
    """A guard as strict as the one that holds now, which another process of the same command enters."""
    held = _process.innermost()
    return Guard(None) if held is None else Guard(held.allowed, held.names)


def confined(use: DataUse) -> Guard:
    """A guard for code that works on data of class ``use`` and needs no other machine; open data confines nothing."""
    return Guard(None if use == "open" else set())


@contextmanager
def looking_up() -> Iterator[None]:
    """Let this thread look up a name that the user wrote, to learn whether it is this machine's."""
    with _process.unwatched():
        yield
