"""From a task's request to its reply: from the journal where it is cached, sent once and stored before use otherwise.

A key is sent once however many studies wait for it. What the input caused comes back as a reply; infrastructure that
failed for good raises ``Failed``, and the study stays pending.
"""

from __future__ import annotations

import asyncio
import binascii
from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from mmrad_eval.core.canonical import request_key, request_value
from mmrad_eval.core.contracts import Client, PreparedRequest
from mmrad_eval.core.errors import DataError, Failed, GateError, Stopped, some
from mmrad_eval.core.journal import Journal
from mmrad_eval.core.members import complete
from mmrad_eval.core.values import Answer, Image, Message, OutputImage, Reply, Request
from mmrad_eval.harness.counts import RequestCounts
from mmrad_eval.harness.images import ImageLoader, Limits, Loaded, Mark, as_sent, limits_of
from mmrad_eval.harness.pacing import Pace, Retry
from mmrad_eval.harness.sender import Sender
from mmrad_eval.harness.stopping import Stop, StopSignal
from mmrad_eval.model_registry.http_errors import UNREADABLE
from mmrad_eval.model_registry.image_order import depends_on_order
from mmrad_eval.model_registry.rejections import RejectionPolicy
from mmrad_eval.model_registry.stored_replies import read_stored

_NO_LIMITS = Limits()
_NAMED = 4  # files that a failure names
_SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp", "image/gif": ".gif"}


class Asked(NamedTuple):
    """A reply and the key that it lies under in the journal."""

    key: str
    reply: Reply


class _Work(NamedTuple):
    key: str
    value: dict[str, Any]
    request: Request
    images: tuple[Image, ...]
    marks: Mapping[Image, Mark]
    limits: Limits


class Requester:
    """A deduplicating cache of one model's replies, in front of the sender that gets those it lacks."""

    def __init__(
        self,
        client: Client,
        journal: Journal,
        *,
        pace: Pace | None = None,
        retry: Retry | None = None,
        signal: StopSignal | None = None,
        digests: Journal | None = None,
        fresh: bool = False,
        max_edge: int | None = None,
        refusals: tuple[str, ...] = (),
    ) -> None:
        """``digests`` remembers image digests between runs; ``fresh`` requests again what the journal holds already.

        ``max_edge`` is the longest side, in pixels, of any image that is sent; ``refusals`` are texts of rejections
        that the user declared to be refusals.
        """
        client = complete(client, Client)
        self.client, self.journal, self.max_edge = client, journal, max_edge
        self._policy = RejectionPolicy(client.card.context, refusals)
        self.sender = Sender(client, pace=pace, retry=retry, signal=signal)
        self.images = ImageLoader(digests)
        self._in_flight: dict[str, asyncio.Future[Asked | Failed | None]] = {}
        self._renewed: set[str] | None = set() if fresh else None
        self._sends = self._counts = True
        self.disowned: set[str] = set()
        """Keys whose stored reply is none by the rules of today."""
        self.check: Callable[[Sequence[Message]], None] = lambda _: None
        """Looks at each request before it leaves; GateError where it may not."""
        self._change: Callable[[Request], Request] | None = None
        self.verify: Callable[[], Awaitable[None]] | None = None
        """Waited for after a reply came and before it is stored; Stopped where it must not be."""

    @property
    def fresh(self) -> bool:
        """Whether it sends again what is cached."""
        return self._renewed is not None

    @property
    def counts(self) -> RequestCounts:
        """What was used so far."""
        return self.sender.counts

    @property
    def pace(self) -> Pace:
        """How many requests are sent concurrently."""
        return self.sender.pace

    @property
    def signal(self) -> StopSignal:
        """Stops it, and says why it has stopped."""
        return self.sender.signal

    async def close(self) -> None:
        """Let go of connections, threads and files; the journal is the caller's."""
        await self.sender.close()
        self.images.close()

    async def ask(self, request: Request) -> Asked:
        """The reply to ``request``; Failed where infrastructure failed for good, Stopped where the run is stopping."""
        request = self.client.adapt(request if self._change is None else self._change(request))
        if self.client.card.send:
            sent = tuple(as_sent(message, self.client.card) for message in request.messages)
            request = msgspec.structs.replace(request, messages=sent)
        images = tuple(part for message in request.messages for part in message.parts if isinstance(part, Image))
        if len(images) > 1 and not self.counts.woven:
            self.counts.woven = depends_on_order(request.messages)
        try:
            limits = limits_of(self.client, len(images), self.max_edge) if images else _NO_LIMITS
            marks = self.images.known(images, limits)
            if marks is not None:
                return await self._reply(_work(request, images, marks, limits), None)
            loaded = await self.images.load(images, limits)
            return await self._reply(_work(request, images, _marks(loaded), limits), loaded)
        except DataError as error:
            self.counts.failed += self._counts
            raise Failed(str(error)) from error

    async def _reply(self, work: _Work, loaded: Mapping[Image, Loaded] | None) -> Asked:
        """From the journal, from another study's request in flight, or from the model."""
        while True:
            cached = self._stored(work.key)
            if cached is not None:
                self.sender.streak.replied()
                return self._used(Asked(work.key, cached), cached=True)
            flight = self._in_flight.get(work.key)
            if flight is None:
                return await self._send_for_all(work, loaded)
            await asyncio.wait([flight])
            outcome = None if flight.cancelled() else flight.result()
            if isinstance(outcome, Failed):
                self.counts.failed += 1
                raise Failed(str(outcome))
            if outcome is not None:
                return self._used(outcome, cached=True)

    def _stored(self, key: str) -> Reply | None:
        if self._renewed is not None and key not in self._renewed:
            if key in self.journal:
                self.journal.void(key)
            return None
        stored = self.journal.get(key)
        reply = None if stored is None else read_stored(stored, self._policy)
        if stored is not None and reply is None:  # no reply by the rules of today: requested again
            self.journal.void(key)
            self.disowned.add(key)
        return reply

    def rereading(self) -> Requester | None:
        """A requester that reads the journal again and sends nothing; None where nobody else has written to it."""
        if not self.journal.changed_by_others():
            return None
        return self._with(journal=Journal(self.journal.folder), _renewed=None, _sends=False)

    def silent(self) -> Requester:
        """A requester of what is cached: it sends nothing, and counts nothing that it reads."""
        return self._with(_renewed=None, _sends=False, _counts=False)

    def beside(self, journal: Journal) -> Requester:
        """A requester of questions about the model itself: its replies are kept in ``journal``.

        What it sends counts as any request does; who replied is not counted among those that answered the run.
        """
        return self._with(journal=journal, images=ImageLoader(), verify=None, _counts=False)

    def checking(self, check: Callable[[Sequence[Message]], None]) -> Requester:
        """The same requester with another look at each request before it leaves."""
        return self._with(check=check)

    def changing(self, change: Callable[[Request], Request]) -> Requester:
        """The same requester, which asks something else in the place of each request."""
        return self._with(_change=change)

    def sending_by(self, sender: Sender) -> Requester:
        """The same requester with another sender."""
        return self._with(sender=sender)

    def _with(self, **own: object) -> Requester:
        """The same requester with members of its own, and with nothing in flight."""
        other = copy(self)
        vars(other).update(own, _in_flight={})
        return other

    def gone(self, answer: Answer) -> bool:
        """Whether a reply that an answer was read from is no longer stored, so that it can't be read again."""
        if any(key in self.disowned for key in answer.keys):
            return False
        return any(key not in self.journal for key in answer.keys)

    async def _send_for_all(self, work: _Work, loaded: Mapping[Image, Loaded] | None) -> Asked:
        """Send a key that is not in flight; those who come meanwhile wait for the same outcome."""
        flight: asyncio.Future[Asked | Failed | None] = asyncio.get_running_loop().create_future()
        self._in_flight[work.key] = flight
        outcome: Asked | Failed | None = None
        try:
            outcome = await self._sent(work, loaded)
            return self._used(outcome, cached=False)
        except Failed as failure:
            outcome = failure
            self.counts.failed += 1
            raise
        finally:
            del self._in_flight[work.key]
            flight.set_result(outcome)

    async def _sent(self, work: _Work, loaded: Mapping[Image, Loaded] | None) -> Asked:
        """Send, with the images at hand before a place is taken, so that no place waits for a disk, and store."""
        if not self._sends:
            raise Stopped("nothing is sent")
        try:
            self.check(work.request.messages)
        except GateError as error:
            self.signal.set(Stop.on(error))
            raise Stopped(str(error)) from error
        if loaded is None and work.images:
            loaded = await self.images.load(work.images, work.limits)
            if _marks(loaded) != work.marks:  # a file was written again without a new size or time
                work = _work(work.request, work.images, _marks(loaded), work.limits)
        pixels = {image: (one.media_type, one.data) for image, one in (loaded or {}).items()}
        try:
            reply = await self.sender.send(PreparedRequest(work.request, pixels, work.key))
        except Failed as error:
            raise Failed(_naming(str(error), work.images)) from error
        if self.verify is not None:
            await self.verify()
        return Asked(work.key, reply if reply.finish == "rejected" else self._store(work, reply))

    def _store(self, work: _Work, reply: Reply) -> Reply:
        """Write the reply before anybody uses it."""
        try:
            reply = _with_image_files(reply, self.journal)
            self.journal.put(work.key, work.value, reply)
        except OSError as error:
            why = f"the journal {self.journal.folder} can't be written: {error.strerror or error}"
            full = DataError(f"{why}; once it can, run the same command again to send the rest")
            self.signal.set(Stop.on(full))  # every reply would meet it, a judge's as well as a model's
            raise Stopped(why) from error
        except (TypeError, ValueError) as error:  # a plugin's reply that is no valid text
            raise Failed(f"the reply can't be stored: {error}") from error
        if self._renewed is not None:
            self._renewed.add(work.key)
        self.counts.replies += 1
        self.counts.usage += reply.usage
        return reply

    def _used(self, asked: Asked, *, cached: bool) -> Asked:
        if self._counts:
            self.counts.used(asked.reply, cached=cached)
        return asked


def _work(request: Request, images: tuple[Image, ...], marks: Mapping[Image, Mark], limits: Limits) -> _Work:
    value = request_value(request, {image: (mark.sha256, mark.how) for image, mark in marks.items()})
    return _Work(request_key(value), value, request, images, marks, limits)


def _naming(why: str, images: Sequence[Image]) -> str:
    """A failure with the files that it is about, where the server could not read one of them."""
    files = [image.path for image in images]
    if not files or UNREADABLE not in why:
        return why
    return f"{why}: {some(files, _NAMED)}"


def _marks(loaded: Mapping[Image, Loaded]) -> dict[Image, Mark]:
    return {image: one.mark for image, one in loaded.items()}


def _with_image_files(reply: Reply, journal: Journal) -> Reply:
    """The reply with each image that the model made in a file of its own beside the journal."""
    if not reply.images:
        return reply
    parts = tuple(
        OutputImage(_image_file(part.file, journal)) if isinstance(part, OutputImage) else part for part in reply.parts
    )
    return msgspec.structs.replace(reply, parts=parts, raw=_without_images(reply.raw))


def with_image_paths(reply: Reply, folder: Path) -> Reply:
    """A stored reply with the absolute path of each image that the model made, as a task gets it."""
    if not reply.images:
        return reply
    root = folder.absolute()
    parts = (OutputImage(str(root / part.file)) if isinstance(part, OutputImage) else part for part in reply.parts)
    return msgspec.structs.replace(reply, parts=tuple(parts))


def _image_file(image: str, journal: Journal) -> str:
    """The name of the file that a data URI becomes; anything else is a name already."""
    head, comma, data = image.partition(";base64,")
    if not comma or not head.startswith("data:"):
        return image
    return journal.put_image(binascii.a2b_base64(data), _SUFFIXES.get(head.removeprefix("data:"), ".bin"))


def _without_images(raw: msgspec.Raw) -> msgspec.Raw:
    from mmrad_eval.model_registry.secrets import scrub_body

    return msgspec.Raw(scrub_body(bytes(raw)))
