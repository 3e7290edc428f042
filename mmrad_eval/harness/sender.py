"""From a request that is not cached to its reply: at the run's pace, with retries, until it comes or fails for good."""

from __future__ import annotations

import asyncio
import inspect
import time
from typing import Any

from mmrad_eval.core.contracts import Client, PreparedRequest, TransportError
from mmrad_eval.core.errors import Failed, GateError, MmradError, ModelError, Stopped
from mmrad_eval.core.values import Reply
from mmrad_eval.harness.counts import RequestCounts
from mmrad_eval.harness.failures import HOPELESS, FailureStreak
from mmrad_eval.harness.pacing import Pace, Retry
from mmrad_eval.harness.stopping import Stop, StopSignal
from mmrad_eval.model_registry.transport import Transport

_WAITS = 5.0  # seconds at most between two looks for a server that takes no connection


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
        self._unreachable_since: float | None = None
        transport = client.transport
        if isinstance(transport, Transport):
            transport.watch = self.pace.told
            if transport.secret is not None and not client.looks_first:
                self.pace.few = HOPELESS  # a wrong key or model costs no more than these

    async def send(self, sent: PreparedRequest) -> Reply:
        """The reply; Failed where infrastructure failed for good, Stopped where the run stops."""
        await self.pace.enter()
        try:
            return await self._with_retries(sent)
        finally:
            self.pace.leave()

    async def close(self) -> None:
        """Close the client."""
        closed = self.client.close()
        if inspect.isawaitable(closed):
            await closed

    async def _with_retries(self, sent: PreparedRequest) -> Reply:
        tries = 0
        while True:
            self.signal.check()
            start = time.perf_counter()
            try:
                if not self._prepared:
                    await self._prepare()
                reply = await self._once(sent)
                _check(reply)
            except TransportError as error:
                if error.unsent:
                    await self._wait_for_server(error)
                else:
                    tries += 1
                    self._unreachable_since = None
                    await self._wait_after(error, tries)
                continue
            except (GateError, ModelError) as error:  # true of every request of this run
                self.signal.set(Stop.on(error))
                raise Stopped(str(error)) from error
            except MmradError as error:
                self._give_up(str(error), retried=False)
            except Exception as error:  # noqa: BLE001 (a plugin's own fault must cost one study, not the run)
                self._give_up(f"the model failed: {type(error).__name__}: {error}", retried=False)
            self._replied(reply, time.perf_counter() - start)
            return reply

    def _replied(self, reply: Reply, seconds: float) -> None:
        self.streak.replied()
        self._unreachable_since = None
        if reply.finish != "rejected":
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
        await self.signal.sleep(self.retry.wait(tries, error.after))

    async def _wait_for_server(self, error: TransportError) -> None:
        """Wait for a server that takes no connection, without counting tries: nothing was sent."""
        now = time.monotonic()
        self.counts.last_fault = error.why
        if self._unreachable_since is None:
            self._unreachable_since = now
        waited = now - self._unreachable_since
        if waited >= (self.retry.patience if self.counts.replies else self.retry.first_patience):
            self.signal.set(Stop(f"{error.why} (for {waited:.0f} s)"))
            self.signal.check()
        await self.signal.sleep(min(_WAITS, max(0.2, waited / 4)))

    def _give_up(self, why: str, *, retried: bool) -> None:
        """This study fails; too many in a row, with no reply between them, stop the run."""
        self.counts.last_fault = why
        stop = self.streak.failed(why, retried=retried)
        if stop is not None:
            self.signal.set(stop)
        raise Failed(why)

    async def _in_thread(self, sent: PreparedRequest) -> Reply:
        """Run a plain ``def generate`` without holding up the others."""
        value: Any = await asyncio.to_thread(self.client.generate, sent)
        reply: Reply = await value if inspect.isawaitable(value) else value
        return reply


def _check(reply: object) -> None:
    if not isinstance(reply, Reply):
        raise TypeError(f"generate returned {type(reply).__name__} in place of mmrad_eval.Reply")
    if not isinstance(reply.text, str):
        raise TypeError(f"generate returned a Reply whose text is {type(reply.text).__name__} in place of str")
