"""Asks every server of a run what it sees: before the first study, and again when its connection was lost.

What comes back after a lost connection may be another server. So its first reply is not stored before the look check
has been asked there anew, and a run whose model has gone blind ends without it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

import msgspec

from mmrad_eval.core.canonical import digest
from mmrad_eval.core.contracts import Client
from mmrad_eval.core.errors import ModelError, Stopped, TransportError
from mmrad_eval.core.journal import JournalCache
from mmrad_eval.core.values import Served
from mmrad_eval.harness.look_check import OverBudget, check_looks, refuse_blind, requests_of
from mmrad_eval.harness.plan import Plan
from mmrad_eval.harness.requester import Requester
from mmrad_eval.harness.run import asks_nothing
from mmrad_eval.harness.stopping import Stop
from mmrad_eval.model_registry.transport import Transport, to_address
from mmrad_eval.results.run.folder import RunFolder, safe_name
from mmrad_eval.results.run.record import LookCheck

FOLDER = "look-check"
"""Of ``results/replies``: the stored replies of the checks, by model and server; the pictures lie beside them."""
_WORST = ("blind", "images lost", "out of order", "no verdict", "not confirmed", "confirmed")
_MOST_AGAIN = 10
"""Checks of one run after lost connections; a server that comes and goes more often is not asked each time."""


def addresses(client: Client) -> tuple[str, ...]:
    """The servers of a client; one nameless where it has no transport of ours."""
    return tuple(dict.fromkeys(client.transport.urls)) if isinstance(client.transport, Transport) else ("",)


@dataclass
class LookGuard:
    """The look checks of one run."""

    plan: Plan
    folder: RunFolder
    requester: Requester
    results: Path
    over_budget: OverBudget
    cache: JournalCache
    allow_blind: bool
    _losses: dict[str, int] = field(default_factory=dict)
    """Server -> how often its connection had been lost when it was checked."""
    _again: int = 0
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def first(self) -> None:
        """The checks where a study is about to be asked, into run.json; ModelError where the model is blind."""
        if not requests_of(self.plan):
            return
        if not self.requester.fresh and await asks_nothing(self.plan, self.folder, self.requester):
            return
        with suppress(Stopped):
            await self.requester.sender.find_server()
            found = {}
            for address in addresses(self._client):
                if await self._there(address):
                    found[address] = await self._checked(address)
            self._keep(self._worst(found) if found else LookCheck("no verdict", "no server accepts a connection"))
        self.requester.verify = self.again

    async def again(self) -> None:
        """Check the servers that answered after their connection was lost; Stopped where one is blind."""
        heard = self.requester.sender.losses_when_heard
        known = all(losses <= self._losses.get(address, 0) for address, losses in heard.items())
        if known and not self._busy.locked():  # what comes during a check waits for its outcome
            return
        async with self._busy:
            for address, losses in list(heard.items()):
                if losses > self._losses.get(address, 0) and self._again < _MOST_AGAIN:
                    self._again += 1
                    found = await self._checked(address, anew=True)
                    before = self.folder.run.look
                    self._keep(self._worst({address: found} | ({"": before} if before else {})))
            self.requester.signal.check()

    @property
    def _client(self) -> Client:
        return cast("Client", self.plan.model)

    async def _there(self, address: str) -> bool:
        """Whether a server takes a connection; where there is one alone, the run waits for it as for any request."""
        transport = self._client.transport
        if len(addresses(self._client)) == 1 or not isinstance(transport, Transport):
            return True
        try:
            await transport.get("/models", base=address)
        except TransportError:
            self._losses[address] = -1  # whatever comes there is checked then
            return False
        return True

    async def _checked(self, address: str, *, anew: bool = False) -> LookCheck:
        """What one server sees; asked again where what was remembered may be of another server."""
        transport = self._client.transport
        if isinstance(transport, Transport):
            self._losses[address] = transport.losses(address)
        name = f"{safe_name(self._client.card.label)}-{self._identity(address)}"
        if anew:
            name += f"-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
        with to_address(address):
            place = self.results / "replies" / FOLDER / name
            return await check_looks(self.plan, self.requester, place, self.over_budget, self.cache)

    def _identity(self, address: str) -> str:
        """What tells servers apart: who they say they are, and where they are if they are several or do not say."""
        client = self._client
        told = client.identity_at(address) if isinstance(client, _Told) else None
        if told is None:
            return digest([address] if address else sorted(client.endpoints or ()))[:8]
        who = digest(msgspec.structs.replace(told, fingerprint=None))
        return digest([who] if len(addresses(client)) == 1 else [who, address])[:8]

    def _worst(self, found: dict[str, LookCheck]) -> LookCheck:
        """The one that says least good, with its address where there are several."""
        address = min(found, key=lambda one: _WORST.index(found[one].verdict))
        look = found[address]
        if len(addresses(self._client)) == 1 or not address or not look.why:
            return look
        return msgspec.structs.replace(look, why=f"at {address}: {look.why}")

    def _keep(self, look: LookCheck) -> None:
        """Into run.json; a model that is shown to be blind ends the run, unless that is allowed."""
        self.folder.write_run(msgspec.structs.replace(self.folder.run, look=look))
        if self.allow_blind:
            return
        try:
            refuse_blind(look, self.plan.card.label)
        except ModelError as error:
            self.requester.signal.set(Stop.on(error))
            raise


@runtime_checkable
class _Told(Protocol):
    """A client that knows who answers at an address before the first reply."""

    def identity_at(self, base: str) -> Served | None: ...
