"""Asking by provider batches: what the journal lacks is handed over at once, and fetched when the provider has it.

A round holds every conversation up to the first request that has no reply, hands those requests over, waits, and stores
each reply under its key. When nothing is left to ask, the ordinary run finds all replies and sends nothing. Killed
anywhere, the same command goes on: a manifest is on disk before its batch exists, the provider is asked once to make
it, and what may have been made is looked for before it is made again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar, cast

import msgspec

from mmrad_eval.core.contracts import PreparedRequest
from mmrad_eval.core.errors import Failed, MmradError, Stopped, TransportError
from mmrad_eval.core.values import Reply
from mmrad_eval.harness.manifests import FOLDER, Manifest, Manifests, planned
from mmrad_eval.harness.requester import Requester
from mmrad_eval.harness.sender import Sender, checked
from mmrad_eval.harness.stopping import Stop
from mmrad_eval.model_registry.batch_forms import BatchForm, BatchLine, BatchState, reply_of
from mmrad_eval.model_registry.batch_providers import form_of
from mmrad_eval.model_registry.wire import WireClient

_FIRST_LOOK, _LONGEST_LOOK = 0.5, 60.0  # seconds between two looks at a batch; each pause is half as long again
_SLACK = 600.0  # seconds by which the provider's clock may be behind ours
_SHOWN_WITHIN = 120.0  # seconds after which a batch that was made is listed for certain
_TRIES = 8  # of a call that can be made again
_NOT_MADE = frozenset({"unreachable", "throttled"})
"""Kinds of failures after which a batch was not made for certain."""

T = TypeVar("T")
Walk = Callable[[Requester], Awaitable[None]]
"""Holds every conversation with a requester, as far as it has replies."""


class BatchSender(Sender):
    """In the place of a sender: gives the replies that batches brought, and collects the requests that have none."""

    def __init__(self, like: Sender, form: BatchForm) -> None:
        super().__init__(like.client, pace=like.pace, retry=like.retry, signal=like.signal)
        self.counts, self.streak, self.form = like.counts, like.streak, form
        self.replies: dict[str, Reply] = {}
        self.why: dict[str, str] = {}
        """Key -> why its batch has no reply: it fails in this command, and the next one asks it again."""
        self.under_way: set[str] = set()
        """Keys that are in a batch that has not been read."""
        self.collecting = False
        self.lines: dict[str, bytes] = {}
        """Key -> its line of the next batch."""
        self.full: Callable[[], Awaitable[None]]
        """Hands over what is collected."""
        self._size, self._lock = 0, asyncio.Lock()

    async def send(self, sent: PreparedRequest) -> Reply:
        """The reply that came; Failed where its batch has none, Stopped where it waits for one."""
        key = sent.key
        reply = self.replies.pop(key, None)
        if reply is not None:
            return self._rejected_or(sent, reply)
        if key in self.why:
            raise Failed(self.why[key])
        if self.collecting and key not in self.under_way and self.signal.stop is None:
            line = self.form.line(sent)
            async with self._lock:
                if self.lines and (len(self.lines) == self.form.lines or self._size + len(line) > self.form.size):
                    await self.hand_over()
                self.lines[key] = line
                self.under_way.add(key)
                self._size += len(line) + 1
        raise Stopped("waits for its batch")

    async def hand_over(self) -> None:
        """Let what is collected be handed over."""
        if self.lines and self.signal.stop is None:
            await self.full()
        self.lines, self._size = {}, 0

    def _rejected_or(self, sent: PreparedRequest, reply: Reply) -> Reply:
        if reply.finish == "rejected" and not sent.request.extra:
            raise Failed(reply.why)
        return reply


class Batching:
    """The batches of one run."""

    def __init__(self, requester: Requester, say: Callable[[str], None]) -> None:
        """``requester`` asks directly; its journal, its counts and its stop signal are used here."""
        self.client = cast("WireClient", requester.client)
        self.form, self.say, self.signal = form_of(self.client), say, requester.signal
        self.manifests = Manifests(requester.journal.folder / FOLDER)
        self._sender = BatchSender(requester.sender, self.form)
        self._sender.full = self._make
        self.requester = requester.sending_by(self._sender)
        self._read: list[Manifest] = []
        """Manifests whose replies are at hand, and not stored yet."""

    async def ask(self, walk: Walk, *, wait: bool) -> None:
        """Get every reply that conversations need, in as many rounds as they have turns; one round without ``wait``.

        What stops the run, or the provider, ends it; the manifests tell the next command what is under way.
        """
        with self.manifests.alone():
            try:
                await self._settle()
                if wait:
                    await self._fetch()
                while await self._round(walk) and wait:
                    await self._fetch()
            except Stopped:
                return

    async def _round(self, walk: Walk) -> int:
        """Store what came, and hand over what has no reply; how many batches are open."""
        sender = self._sender
        sender.under_way = {key for manifest in self._open() for key in manifest.keys if manifest not in self._read}
        sender.collecting = True
        await walk(self.requester)
        await sender.hand_over()
        sender.collecting = False
        if self.signal.stop is None:  # every conversation was held, so every reply is stored
            for manifest in self._read:
                self.manifests.write(msgspec.structs.replace(manifest, step="done"))
            self._read = []
        return len(self._open()) if self.signal.stop is None else 0

    def _open(self) -> list[Manifest]:
        return [one for one in self.manifests.all() if one.open and one.model == self.client.card.id]

    async def _make(self) -> None:
        """One batch of what is collected; whatever happens on the way is found again from its manifest."""
        keys, lines = tuple(self._sender.lines), tuple(self._sender.lines.values())
        manifest = self.manifests.write(planned(self.client.card.provider, self.client.card.id, keys, time.time()))
        file = await self._tried(lambda: self.form.upload(manifest.label, lines))
        manifest = self.manifests.write(msgspec.structs.replace(manifest, step="uploaded", file=file))
        try:
            batch = await self.form.create(manifest.label, file, lines)  # once: a second try could be paid twice
        except TransportError as error:
            if error.retry and error.kind not in _NOT_MADE:
                self.say(f"batch {manifest.label}: {error.why}; checking whether it was created")
                await self._find(manifest)
                return
            self.manifests.write(msgspec.structs.replace(manifest, step="void", why=error.why))
            self.signal.set(Stop(f"the provider accepts no batch: {error.why}"))
            raise Stopped(error.why) from error
        self.manifests.write(msgspec.structs.replace(manifest, step="created", batch=batch))
        self.say(f"batch {batch}: {len(keys):,} requests submitted")

    async def _settle(self) -> None:
        """Find out of every open batch whether it was made; one that never was is void, and its requests are open."""
        for manifest in self._open():
            if manifest.step == "planned":  # nobody was asked to make it
                self.manifests.write(msgspec.structs.replace(manifest, step="void", why="never handed over"))
            elif not manifest.batch:
                await self._find(manifest)

    async def _find(self, manifest: Manifest) -> None:
        """Look for a batch that may have been made, until its provider would list it for certain."""
        since, count = manifest.made - _SLACK, len(manifest.keys)

        def look() -> Awaitable[list[str]]:
            return self.form.find(manifest.label, since, count)

        looks = pauses()
        while True:
            known = {one.batch for one in self.manifests.all()}
            for batch in await self._tried(look):
                if batch not in known and await self._is(manifest, batch):
                    self.manifests.write(msgspec.structs.replace(manifest, step="created", batch=batch))
                    self.say(f"batch {batch}: found again, {count:,} requests")
                    return
            left = manifest.made + _SHOWN_WITHIN - time.time()
            if left <= 0:
                self.manifests.write(msgspec.structs.replace(manifest, step="void", why="its provider lists none"))
                self.say(f"batch {manifest.label}: its provider lists no such batch, so it was never created")
                return
            await self.signal.sleep(min(next(looks), left))

    async def _is(self, manifest: Manifest, batch: str) -> bool:
        """Whether a batch is the manifest's: by its name, or by the keys of its results once it has ended."""
        if self.form.labelled:
            return True
        state = await self._ended(batch)
        return any(line.key in manifest.keys for line in await self._lines(state))

    async def _ended(self, batch: str) -> BatchState:
        looks = pauses()
        while not (state := await self._tried(lambda: self.form.state(batch))).ended:
            await self.signal.sleep(next(looks))
        return state

    async def _fetch(self) -> None:
        """Wait for every open batch, and read what its results say of each request."""
        for manifest in self._open():
            self.say(f"batch {manifest.batch}: waiting for {len(manifest.keys):,} replies")
            state = await self._ended(manifest.batch)
            replies = self._replies(manifest, state, await self._lines(state))
            missed = len(manifest.keys) - len(replies)
            self.say(
                f"batch {manifest.batch}: {state.words}, {len(replies):,} replies"
                + (f", {missed:,} requests without one" if missed else "")
            )
            self._sender.replies |= replies
            self._read.append(msgspec.structs.replace(manifest, replies=len(replies), why=state.why))

    async def _lines(self, state: BatchState) -> list[BatchLine]:
        async def read() -> list[BatchLine]:
            return [line async for line in self.form.results(state)]

        return await self._tried(read)

    def _replies(self, manifest: Manifest, state: BatchState, lines: Sequence[BatchLine]) -> dict[str, Reply]:
        """Key -> reply; of every other key of the batch the sender knows why it has none."""
        wanted, came = set(manifest.keys), dict[str, Reply]()
        why = dict.fromkeys(wanted, state.why or f"its batch has ended ({state.words}) without a line for it")
        for line in lines:
            if line.key not in wanted or line.key in came:  # another's, or doubled: the first one counts
                continue
            try:
                reply = checked(reply_of(line, self.client))
            except (MmradError, TransportError, TypeError) as error:
                why[line.key] = f"in its batch: {error}"
                continue
            came[line.key] = msgspec.structs.replace(reply, served=msgspec.structs.replace(reply.served, batch=True))
        self._sender.why |= {key: reason for key, reason in why.items() if key not in came}
        return came

    async def _tried(self, call: Callable[[], Awaitable[T]]) -> T:
        """The result of a call that may be made again; the run stops where it has none."""
        looks = pauses()
        for left in reversed(range(_TRIES)):
            try:
                return await call()
            except TransportError as error:
                if not error.retry or not left:
                    self.signal.set(Stop(f"batches: {error.why}"))
                    raise Stopped(error.why) from error
            await self.signal.sleep(next(looks))
        raise AssertionError("the last attempt always returns or raises")


def pauses() -> Iterator[float]:
    """Seconds between looks."""
    pause = _FIRST_LOOK
    while True:
        yield pause
        pause = min(pause * 1.5, _LONGEST_LOOK)
