"""From a request that is not cached to its reply: at the run's pace, with retries, until it comes or fails for good."""

from __future__ import annotations

import asyncio
import inspect
import time
from dataclasses import dataclass
from typing import Any, NamedTuple

from mmrad_eval.core import plugins
from mmrad_eval.core.contracts import Client, PreparedRequest
from mmrad_eval.core.errors import Failed, GateError, MmradError, ModelError, Stopped, TransportError
from mmrad_eval.core.values import Reply
from mmrad_eval.datasets.raw_text import server_error
from mmrad_eval.harness.counts import RequestCounts
from mmrad_eval.harness.failures import HOPELESS, FailureStreak
from mmrad_eval.harness.holds import Wait
from mmrad_eval.harness.pacing import Pace, Retry
from mmrad_eval.harness.stopping import Stop, StopSignal
from mmrad_eval.model_registry.stored_replies import asked_nothing
from mmrad_eval.model_registry.transport import HttpResponse, Transport

_WAITS = 5.0  # seconds at most between two looks for a server that takes no connection


@dataclass
class _Sending:
    request: PreparedRequest
    begun: int
    """Replies that had come when it was begun."""
    tries: int = 0


class _Pause(NamedTuple):
    seconds: float
    wait: Wait
    """What is waited for, and at longest until when."""
    asked: bool = False
    """Whether a server asked for it."""


class Sender:
    """Sends requests to one client, at a pace, and tries again what can succeed."""

    def __init__(
        self, client: Client, *, pace: Pace | None = None, retry: Retry | None = None, signal: StopSignal | None = None
    ) -> None:
        """``signal`` stops it, and is told where it has to stop by itself."""
        self.client = client
        self.pace, self.retry = pace or Pace(), retry or Retry()
        self.signal = signal or StopSignal()
        self.signal.listen(self.pace.stop)
        self.counts = RequestCounts()
        self.streak = FailureStreak(self.counts)
        self._generate = client.generate if inspect.iscoroutinefunction(client.generate) else self._in_thread
        self._prepared, self._preparing = False, asyncio.Lock()
        self._unreachable: dict[str, float] = {}
        """Servers that take no connection, and since when."""
        self._waits: list[Wait] = []
        """Of single requests, between two tries."""
        self.losses_when_heard: dict[str, int] = {}
        """Server -> how often its connection had been lost when it last answered."""
        self._addresses: tuple[str, ...] = ("",)
        transport = client.transport
        if isinstance(transport, Transport):
            self._addresses = tuple(dict.fromkeys(transport.urls))
            self.pace.holds.name(self._addresses)
            transport.watch, transport.ready = self._heard, self.pace.holds.ready
            self._losses = transport.losses
            if transport.secret is not None and not client.looks_first:
                self.pace.few = HOPELESS  # a wrong key or model costs no more than these

    async def send(self, sent: PreparedRequest) -> Reply:
        """The reply; Failed where infrastructure failed for good, Stopped where the run stops.

        A request holds its place while it is in flight and between quick tries; while it waits because a server asks it
        to, another request has the place.
        """
        sending = _Sending(sent, self.streak.replies)
        while True:
            await self.pace.enter()
            try:
                outcome = await self._tries_in_place(sending)
            finally:
                self.pace.leave()
            if isinstance(outcome, Reply):
                return outcome
            await self._sleep(outcome)

    async def find_server(self) -> None:
        """Let the client find its server now; where none is there yet, the first request waits for it."""
        try:
            await self._prepare()
        except TransportError:
            return
        except (GateError, ModelError) as error:
            self.signal.set(Stop.on(error))
            raise Stopped(str(error)) from error

    def waiting(self) -> Wait | None:
        """What the run waits for before it can send anything more; None where it waits for replies only."""
        return self.pace.holds.wait() or (None if self.counts.in_flight else min(self._waits, default=None))

    async def close(self) -> None:
        """Close the client."""
        closed = self.client.close()
        if inspect.isawaitable(closed):
            await closed

    async def _tries_in_place(self, sending: _Sending) -> Reply | _Pause:
        """Try until a reply comes, or until a server asks to wait."""
        while True:
            outcome = await self._try(sending)
            if isinstance(outcome, Reply) or outcome.asked:
                return outcome
            await self._sleep(outcome)

    async def _try(self, sending: _Sending) -> Reply | _Pause:
        """One try: its reply, or the pause after which another try may succeed."""
        self.signal.check()
        start = time.perf_counter()
        try:
            if not self._prepared:
                await self._prepare()
            reply = await self._once(sending.request)
            checked(reply)
        except TransportError as error:
            return self._until_next_look(error) if error.unsent else self._until_next_try(error, sending)
        except (GateError, ModelError) as error:  # true of every request of this run
            self.signal.set(Stop.on(error))
            raise Stopped(str(error)) from error
        except MmradError as error:
            self._give_up(str(error), sending, retried=False)
        except (Exception, SystemExit) as error:  # noqa: BLE001 (a plugin's own fault must cost one study, not the run)
            self._give_up(f"the model failed: {type(error).__name__}: {error}", sending, retried=False)
        if reply.finish == "rejected":
            return self._rejected(sending, reply)
        self._replied(reply, time.perf_counter() - start)
        return reply

    def _rejected(self, sending: _Sending, reply: Reply) -> Reply:
        """Failed, as a rejection is never a score; a task that added fields to the body may ask without them."""
        if not sending.request.request.extra:
            self._give_up(reply.why, sending, retried=False)
        return reply

    def _replied(self, reply: Reply, seconds: float) -> None:
        self.streak.replied()
        self._unreachable.pop("", None)
        if self._addresses == ("",):  # a client without a transport, whose responses are not heard
            self.pace.holds.replied("")
        self.pace.proven()
        self.pace.replied(seconds, (reply.usage.prompt or 0) + (reply.usage.completion or 0))

    async def _once(self, sent: PreparedRequest) -> Reply:
        """One try, counted while it is in flight and after it, unless nothing could be sent."""
        self.counts.sent += 1
        self.counts.in_flight += 1
        try:
            return await self._generate(sent)
        except TransportError as error:
            self.counts.sent -= error.unsent
            raise
        finally:
            self.counts.in_flight -= 1

    async def _prepare(self) -> None:
        """Let the client find its server; once, before the first request leaves."""
        async with self._preparing:
            if not self._prepared:
                await self.client.prepare()
            self._prepared = True
        self.signal.check()  # a server may take long to start

    def _heard(self, response: HttpResponse) -> None:
        """Learn from a response of a server, whatever its status."""
        self._unreachable.pop(response.base, None)
        self.pace.told(response.headers, response.base)
        if response.status == 200:
            self.pace.holds.replied(response.base)
            self.losses_when_heard[response.base] = self._losses(response.base)

    def _until_next_try(self, error: TransportError, sending: _Sending) -> _Pause:
        """The pause before the next try; Failed where there is none.

        A server that asks for more than anybody waits is not waited for: this study fails, and the others try for
        themselves. Where another server takes requests, that one is tried, and this one left in peace.
        """
        sending.tries += 1
        self.counts.last_fault = error.why
        self._unreachable.pop(error.server, None)
        after = error.after or 0.0
        elsewhere = self.pace.holds.others_ready(error.server)
        too_long = after > self.retry.longest_asked and not elsewhere
        if error.kind == "timeout":
            self.pace.proven()  # that of a wrong key would not be so long in coming
        if error.kind == "throttled":
            self.pace.throttled(0.0 if too_long else min(after, self.retry.longest_asked), error.server)
        elif error.retry:
            self.pace.troubled()
        if not error.retry:
            self._give_up(error.why, sending, retried=False)
        if sending.tries >= self.retry.tries(error.kind):
            self._give_up(f"{error.why} ({sending.tries} tries)", sending, retried=True)
        if too_long:
            self._give_up(f"{error.why} (the server asks us to wait {after:.0f} s)", sending, retried=True)
        self.counts.retries += 1
        seconds = self.retry.wait(sending.tries, 0.0 if elsewhere else after)
        return _Pause(seconds, Wait(time.monotonic() + seconds, error.why), asked=after > 0)

    def _until_next_look(self, error: TransportError) -> _Pause:
        """The pause until a server that took no connection is tried again; it is no try of the request."""
        now = time.monotonic()
        self.counts.last_fault = error.why
        self._unreachable.setdefault(error.server, now)
        all_of_them = self._addresses if error.server in self._addresses else (error.server,)
        since = max(self._unreachable.get(address, now) for address in all_of_them)
        patience = self.retry.patience if self.counts.replies else self.retry.first_patience
        if now - since >= patience:
            self.signal.set(Stop(f"{error.why} (for {now - since:.0f} s)"))
            self.signal.check()
        return _Pause(min(_WAITS, max(0.2, (now - since) / 4)), Wait(since + patience, error.why))

    async def _sleep(self, pause: _Pause) -> None:
        """Wait; Stopped as soon as the run stops. What is waited for can be seen meanwhile."""
        self._waits.append(pause.wait)
        try:
            await self.signal.sleep(pause.seconds)
        finally:
            self._waits.remove(pause.wait)

    def _give_up(self, why: str, sending: _Sending, *, retried: bool) -> None:
        """This study fails; too many in a row, with no reply between them, stop the run."""
        self.counts.last_fault = why
        stop = self.streak.failed(why, begun=sending.begun, retried=retried)
        if stop is not None:
            self.signal.set(stop)
        raise Failed(why)

    async def _in_thread(self, sent: PreparedRequest) -> Reply:
        """Run a plain ``def generate`` without holding up the others."""
        value: Any = await asyncio.to_thread(plugins.call, "the model", self.client.generate, sent)
        reply: Reply = await value if inspect.isawaitable(value) else value
        return reply


def checked(reply: object) -> Reply:
    """The same reply; TypeError where it is none, TransportError where no model has written its words."""
    if not isinstance(reply, Reply):
        raise TypeError(f"generate returned {type(reply).__name__}, not mmrad_eval.Reply")
    if not isinstance(reply.text, str):
        raise TypeError(f"generate returned a Reply whose text is {type(reply.text).__name__}, not str")
    if asked_nothing(reply):
        raise TransportError("the reply is empty and counts no tokens, not even those of the prompt", retry=True)
    if wrote := server_error(reply.text):
        raise TransportError(f"the reply is {wrote} instead of the model's words", retry=True)
    return reply
