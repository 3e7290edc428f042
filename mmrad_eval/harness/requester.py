"""From a request to its reply: out of the journal, or asked once, stored, and only then used.

A key is asked once however many wait for it. What the input caused comes back as a reply; infrastructure that failed
for good raises ``Failed``, and the study stays open.
"""

from __future__ import annotations

import asyncio
import binascii
import inspect
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

import msgspec

from mmrad_eval.core.canonical import request_key, request_value
from mmrad_eval.core.contracts import Client, PreparedRequest, TransportError
from mmrad_eval.core.errors import DataError, Failed, GateError, MmradError, ModelError, Stopped
from mmrad_eval.core.journal import Journal
from mmrad_eval.core.values import Image, Message, Reply, Request, Served, Usage
from mmrad_eval.harness.images import ImageLoader, Limits, Loaded, Mark, limits_of
from mmrad_eval.harness.pacing import Pace, Retry
from mmrad_eval.model_registry.transport import Transport

_HOPELESS, _FAILING = 3, 12
"""Requests in a row that fail for good before the run stops: by an error that no retry mends, before any reply came (a
wrong key, a wrong model); by anything else."""

_NO_LIMITS = Limits()
_WAITS = 5.0  # seconds at most between two looks for a server that takes no connection
_SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp", "image/gif": ".gif"}


class Asked(NamedTuple):
    """A reply and the key that it lies under in the journal."""

    key: str
    reply: Reply


@dataclass
class RequestCounts:
    """What happened so far, for progress and budgets."""

    asked: int = 0
    """Requests of tasks."""
    found: int = 0
    """Replies that were in the journal, or on their way for another study."""
    sent: int = 0
    """Tries that left for the endpoint."""
    in_flight: int = 0
    """Those of them that have not ended."""
    replies: int = 0
    retries: int = 0
    failed: int = 0
    pictures: int = 0
    """Images in what was sent."""
    usage: Usage = field(default_factory=Usage)
    """Tokens of the replies that were asked for now."""
    last_fault: str = ""
    served: set[Served] = field(default_factory=set)
    """Who answered, over all replies that were used."""


class _Work(NamedTuple):
    key: str
    value: dict[str, Any]
    request: Request
    images: tuple[Image, ...]
    marks: Mapping[Image, Mark]
    limits: Limits


class Requester:
    """Asks one client for one run."""

    def __init__(
        self,
        client: Client,
        journal: Journal,
        *,
        pace: Pace | None = None,
        retry: Retry | None = None,
        digests: Journal | None = None,
        fresh: bool = False,
        max_edge: int | None = None,
    ) -> None:
        """``digests`` remembers image digests between runs; ``fresh`` asks anew what the journal holds already.

        ``max_edge`` is the longest side, in pixels, of any picture that is sent.
        """
        self.max_edge = max_edge
        self.client, self.journal = client, journal
        self.pace, self.retry = pace or Pace(), retry or Retry()
        self.counts = RequestCounts()
        self.pictures = ImageLoader(digests)
        self._generate = client.generate if inspect.iscoroutinefunction(client.generate) else self._in_thread
        transport = getattr(client, "transport", None)
        if isinstance(transport, Transport):
            transport.watch = self.pace.told
            if transport.secret is not None and not hasattr(client, "prepare"):
                self.pace.few = _HOPELESS  # a wrong key or model costs no more than these
        self._adapt: Callable[[Request], Request] | None = getattr(client, "adapt", None)
        self._flights: dict[str, asyncio.Future[Asked | Failed | None]] = {}
        self._stopping = asyncio.Event()
        self._prepared, self._preparing = False, asyncio.Lock()
        self._renewed: set[str] | None = set() if fresh else None
        self.fatal: MmradError | None = None
        """What stopped the run though nobody asked it to: a model that can't be used, an attempt to pass the gate."""
        self.check: Callable[[Sequence[Message]], None] = lambda _: None
        """Looks at each request before it leaves; GateError where it may not."""
        self._in_a_row = 0
        self._unreachable_since: float | None = None

    @property
    def stopped(self) -> str:
        """Why nothing more is asked; empty while asking goes on."""
        return self.pace.stopped

    def stop(self, why: str) -> None:
        """Ask nothing more; requests under way finish. The first reason is the one that counts."""
        self.pace.stop(why)
        self._stopping.set()

    async def close(self) -> None:
        """Let go of connections, threads and files; the journal is the caller's."""
        close = getattr(self.client, "close", None)
        if close is not None:
            closed = close()
            if inspect.isawaitable(closed):
                await closed
        self.pictures.close()

    async def ask(self, request: Request) -> Asked:
        """The reply to ``request``; Failed where infrastructure failed for good, Stopped where the run is stopping."""
        self.counts.asked += 1
        if self._adapt is not None:
            request = self._adapt(request)
        images = tuple(part for message in request.messages for part in message.parts if isinstance(part, Image))
        try:
            limits = limits_of(self.client, len(images), self.max_edge) if images else _NO_LIMITS
            marks = self.pictures.known(images, limits)
            if marks is not None:
                return await self._answered(_work(request, images, marks, limits), None)
            loaded = await self.pictures.load(images, limits)
            return await self._answered(_work(request, images, _marks(loaded), limits), loaded)
        except DataError as error:
            self.counts.failed += 1
            raise Failed(str(error)) from error

    async def _answered(self, work: _Work, loaded: Mapping[Image, Loaded] | None) -> Asked:
        """From the journal, from another study's request that is under way, or from the model."""
        while True:
            found = self._stored(work.key)
            if found is not None:
                return self._used(Asked(work.key, found), asked_now=False)
            flight = self._flights.get(work.key)
            if flight is None:
                return await self._fly(work, loaded)
            await asyncio.wait([flight])
            outcome = None if flight.cancelled() else flight.result()
            if isinstance(outcome, Failed):
                self.counts.failed += 1
                raise Failed(str(outcome))
            if outcome is not None:
                return self._used(outcome, asked_now=False)

    def _stored(self, key: str) -> Reply | None:
        if self._renewed is not None and key not in self._renewed:
            if key in self.journal:
                self.journal.void(key)
            return None
        stored = self.journal.get(key)
        try:
            return None if stored is None else msgspec.json.decode(stored, type=Reply)
        except (msgspec.DecodeError, UnicodeDecodeError):  # a damaged line, or one of another version: asked anew
            self.journal.void(key)
            return None

    async def _fly(self, work: _Work, loaded: Mapping[Image, Loaded] | None) -> Asked:
        """Ask for a key that nobody is asking for; those who come meanwhile wait for the same outcome."""
        flight: asyncio.Future[Asked | Failed | None] = asyncio.get_running_loop().create_future()
        self._flights[work.key] = flight
        outcome: Asked | Failed | None = None
        try:
            outcome = await self._fresh(work, loaded)
            return self._used(outcome, asked_now=True)
        except Failed as failure:
            outcome = failure
            self.counts.failed += 1
            raise
        finally:
            del self._flights[work.key]
            flight.set_result(outcome)

    async def _fresh(self, work: _Work, loaded: Mapping[Image, Loaded] | None) -> Asked:
        """Ask, with the pictures at hand before a place is taken, so that no place waits for a disk."""
        try:
            self.check(work.request.messages)
        except GateError as error:
            self._refused(error)
        if loaded is None and work.images:
            loaded = await self.pictures.load(work.images, work.limits)
            if _marks(loaded) != work.marks:  # a file was written anew without a new size or time
                work = _work(work.request, work.images, _marks(loaded), work.limits)
        await self.pace.enter()
        try:
            return await self._tried(work, loaded or {})
        finally:
            self.pace.leave()

    async def _tried(self, work: _Work, loaded: Mapping[Image, Loaded]) -> Asked:
        """Try until a reply comes or no further try makes sense."""
        sent = PreparedRequest(
            work.request, {image: (one.media_type, one.data) for image, one in loaded.items()}, work.key
        )
        tries = 0
        while True:
            if self._stopping.is_set():
                raise Stopped(self.stopped)
            start = time.perf_counter()
            try:
                if not self._prepared:
                    await self._prepare()
                reply = await self._once(work, sent)
                self._check(reply)
            except TransportError as error:
                if error.unsent:
                    await self._wait_for_server(error)
                else:
                    tries += 1
                    self._unreachable_since = None
                    await self._wait_after(error, tries)
                continue
            except (GateError, ModelError) as error:  # true of every request of this run
                self._refused(error)
            except MmradError as error:
                self._give_up(str(error), retried=False)
            except Exception as error:  # noqa: BLE001 (a plugin's own fault must cost one study, not the run)
                self._give_up(f"the model failed: {type(error).__name__}: {error}", retried=False)
            self._in_a_row = 0
            self._unreachable_since = None
            if reply.finish != "rejected":
                self.pace.proven()
            self.pace.replied(time.perf_counter() - start, (reply.usage.prompt or 0) + (reply.usage.completion or 0))
            return Asked(work.key, self._kept(work, reply))

    async def _once(self, work: _Work, sent: PreparedRequest) -> Reply:
        """One try, counted while it is under way and after it, unless nothing could be sent."""
        self._count(work, 1)
        self.counts.in_flight += 1
        try:
            return await self._generate(sent)
        except TransportError as error:
            if error.unsent:
                self._count(work, -1)
            raise
        finally:
            self.counts.in_flight -= 1

    def _count(self, work: _Work, tries: int) -> None:
        self.counts.sent += tries
        self.counts.pictures += tries * len(work.images)

    async def _prepare(self) -> None:
        """Let the client find its server; once, before the first request leaves."""
        async with self._preparing:
            prepare = None if self._prepared else getattr(self.client, "prepare", None)
            if prepare is not None:
                await prepare()
            self._prepared = True
        if self._stopping.is_set():  # a server may take long to start
            raise Stopped(self.stopped)

    def _check(self, reply: object) -> None:
        if not isinstance(reply, Reply):
            raise TypeError(f"generate returned {type(reply).__name__} in place of mmrad_eval.Reply")
        if not isinstance(reply.text, str):
            raise TypeError(f"generate returned a Reply whose text is {type(reply.text).__name__} in place of str")

    def _kept(self, work: _Work, reply: Reply) -> Reply:
        """Write the reply before anybody uses it; images that the model made go to files of their own."""
        try:
            if reply.images:
                names = tuple(self._kept_image(image) for image in reply.images)
                reply = msgspec.structs.replace(reply, images=names, raw=_without_images(reply.raw))
            self.journal.put(work.key, work.value, reply)
        except OSError as error:
            self.stop(f"the journal {self.journal.folder} can't be written: {error.strerror or error}")
            raise Stopped(self.stopped) from error
        except (TypeError, ValueError) as error:  # a plugin's reply that is no valid text
            raise Failed(f"the reply can't be stored: {error}") from error
        if self._renewed is not None:
            self._renewed.add(work.key)
        self.counts.replies += 1
        self.counts.usage += reply.usage
        return reply

    def _kept_image(self, image: str) -> str:
        """A data URI becomes a file; anything else is a name already."""
        head, comma, data = image.partition(";base64,")
        if not comma or not head.startswith("data:"):
            return image
        return self.journal.put_image(binascii.a2b_base64(data), _SUFFIXES.get(head.removeprefix("data:"), ".bin"))

    def _used(self, asked: Asked, *, asked_now: bool) -> Asked:
        if not asked_now:
            self.counts.found += 1
        self.counts.served.add(asked.reply.served)
        return asked

    async def _wait_after(self, error: TransportError, tries: int) -> None:
        """Wait for the next try; Failed where there is none."""
        self.counts.last_fault = error.why
        if error.kind == "timeout":
            self.pace.proven()  # that of a wrong key would not be so long in coming
        if error.kind == "throttled":
            self.pace.throttled(error.after)
        elif error.retry:
            self.pace.troubled()
        if not error.retry:
            self._give_up(error.why, retried=False)
        if tries >= self.retry.tries(error.kind):
            self._give_up(f"{error.why} ({tries} tries)", retried=True)
        if error.after is not None and error.after > self.retry.longest_asked:
            self._give_up(f"{error.why} (the server asks to wait for {error.after:.0f} s)", retried=True)
        self.counts.retries += 1
        await self._pause(self.retry.wait(tries, error.after))

    async def _wait_for_server(self, error: TransportError) -> None:
        """Wait for a server that takes no connection, without counting tries: nothing was sent."""
        now = time.monotonic()
        self.counts.last_fault = error.why
        if self._unreachable_since is None:
            self._unreachable_since = now
        waited = now - self._unreachable_since
        if waited >= (self.retry.patience if self.counts.replies else self.retry.first_patience):
            self.stop(f"{error.why} (for {waited:.0f} s)")
            raise Stopped(self.stopped)
        await self._pause(min(_WAITS, max(0.2, waited / 4)))

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return
        raise Stopped(self.stopped)

    def _refused(self, error: MmradError) -> NoReturn:
        """End the run: what was refused once would be refused for every request."""
        self.fatal = self.fatal or error
        self.stop(str(error))
        raise Stopped(self.stopped) from error

    def _give_up(self, why: str, *, retried: bool) -> None:
        """This study fails; too many in a row, with no reply between them, stop the run."""
        self._in_a_row += 1
        self.counts.last_fault = why
        if self._in_a_row >= (_FAILING if retried or self.counts.replies else _HOPELESS):
            self.stop(f"{self._in_a_row} requests in a row failed for good; the last: {why}")
        raise Failed(why)

    async def _in_thread(self, sent: PreparedRequest) -> Reply:
        """Run a plain ``def generate`` without holding up the others."""
        value: Any = await asyncio.to_thread(self.client.generate, sent)
        reply: Reply = await value if inspect.isawaitable(value) else value
        return reply


def _work(request: Request, images: tuple[Image, ...], marks: Mapping[Image, Mark], limits: Limits) -> _Work:
    value = request_value(request, {image: (mark.sha256, mark.how) for image, mark in marks.items()})
    return _Work(request_key(value), value, request, images, marks, limits)


def _marks(loaded: Mapping[Image, Loaded]) -> dict[Image, Mark]:
    return {image: one.mark for image, one in loaded.items()}


def _without_images(raw: msgspec.Raw) -> msgspec.Raw:
    from mmrad_eval.model_registry.secrets import scrub_body

    return msgspec.Raw(scrub_body(bytes(raw)))
