"""``command:'PROGRAM {requests} {replies}'``: a model that is code of the user's own and has no server."""

from __future__ import annotations

import asyncio
import hashlib
import shlex
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from mmrad_eval.core import decode
from mmrad_eval.core.contracts import Client, PreparedRequest
from mmrad_eval.core.errors import DataError, TransportError, UsageError
from mmrad_eval.core.values import Card, Reply
from mmrad_eval.model_registry.programs.life import REPLIES, REQUESTS
from mmrad_eval.model_registry.programs.program import Program, command_words
from mmrad_eval.model_registry.providers import Connection

_CODE = frozenset((".py", ".sh", ".toml", ".yaml", ".yml", ".json", ".lua", ".jl", ".pl", ".rb", ".js"))
"""Ends of files that decide what a program does, and are small enough to be read."""
_LONGEST = 1 << 20


def command(card: Card, how: Connection) -> ProgramClient:
    """``command:'PROGRAM {requests} {replies}'``; nothing is started before the first request."""
    if how.base_url:
        raise UsageError(f"--base-url names a server, and {card.label} runs on this machine; leave it out")
    words = command_words(card.id)
    called = card.name or shlex.join(word for word in words if word not in {REQUESTS, REPLIES})
    card = msgspec.structs.replace(card, revision=card.revision or code_digest(words), name=called)
    return ProgramClient(card, program_of(words, how))


def program_of(words: Sequence[str], how: Connection) -> Program:
    """The program of a command, the same one for further runs where a fleet keeps it."""
    fleet = how.programs.fleet if how.programs else None
    if fleet is None:
        return Program(words, how.timeout)
    made = fleet.program((*words, how.timeout), lambda: Program(words, how.timeout, fleet=fleet))
    assert isinstance(made, Program)
    return made


def code_digest(words: Sequence[str]) -> str | None:
    """``source:`` and a digest of the scripts and settings that a command names; None where it names none.

    So a model whose code was edited is asked again. Modules that these import, and weights, are not part of it.
    """
    digest = hashlib.sha256()
    found = False
    for word in words:
        path = Path(word.rpartition("=")[2]).expanduser()
        if path.suffix.lower() not in _CODE or not decode.is_file(path):
            continue
        try:
            digest.update(decode.read_bytes(path, longest=_LONGEST) + b"\0")
            found = True
        except DataError:  # what is so large is no code
            continue
    return f"source:{digest.hexdigest()[:12]}" if found else None


class ProgramClient(Client):
    """One model behind one program of this machine."""

    card: Card
    endpoints: Sequence[str] | None = ()
    server: Program

    def __init__(self, card: Card, program: Program) -> None:
        self.card, self.server = card, program

    async def generate(self, sent: PreparedRequest) -> Reply:
        """Ask once; TransportError where the program died, hung, failed or wrote what is no reply."""
        if sent.request.extra:
            names = ", ".join(sent.request.extra)
            return Reply(finish="rejected", why=f"a program takes no further fields, such as {names}")
        start = time.perf_counter()
        name, answer = await asyncio.to_thread(self.server.ask, sent)
        try:
            reply = await asyncio.wrap_future(answer)
        except TransportError as error:
            if error.kind == "fault" and error.retry:
                error.retry = self.server.died(sent.key)
            raise
        finally:
            if not answer.done() or answer.cancelled():
                self.server.forget(name)
        return msgspec.structs.replace(reply, latency=round(time.perf_counter() - start, 6))

    async def close(self) -> None:
        """End the program, unless it is kept for further runs."""
        if self.server.fleet is None:
            await asyncio.to_thread(self.server.stop)
