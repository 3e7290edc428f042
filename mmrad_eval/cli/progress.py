"""What a run shows while it goes on: one live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from mmrad_eval.cli import terminal
from mmrad_eval.core.values import UNSCORED_STATUSES

if TYPE_CHECKING:
    from mmrad_eval.core.values import Answer
    from mmrad_eval.harness.plan import Plan
    from mmrad_eval.harness.requester import Requester

_LIVE, _PLAIN = 0.2, 10.0  # seconds between two looks


class Progress:
    """Watches one run, on standard error."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live = terminal.is_live()
        self._statuses: Counter[str] = Counter()
        self._plan: Plan | None = None
        self._requester: Requester | None = None
        self._start = self._next = 0.0
        self._wide = 0
        self._wait = ""

    def begin(self, plan: Plan, requester: Requester | None, interrupt: Callable[[str], None]) -> None:
        """Say what is about to run."""
        self._plan, self._requester = plan, requester
        self._statuses.clear()
        self._wait, self._wide = "", 0
        self._start = time.monotonic()
        self._next = self._start + (0 if self._live else _PLAIN)
        if not self._quiet:
            patients = f" of {plan.patients} patients" if plan.patients is not None else ", no patient ids"
            left_out = "".join(f"; {n} left out: {reason}" for reason, n in plan.left_out.items())
            who = f"{plan.card.label} · {plan.task.name} · {plan.dataset.name}"
            terminal.say(f"{who}: {len(plan.studies)} studies{patients}{left_out}", err=True)

    def answered(self, answer: Answer, done: int) -> None:
        """Count, and show the line when it is time."""
        self._statuses[answer.status] += 1
        now = time.monotonic()
        if now >= self._next and not self._quiet:
            self._next = now + (_LIVE if self._live else _PLAIN)
            self._show(done, now)

    def waits(self, reason: str, seconds: float) -> None:
        """Show what is waited for, and until when."""
        now = time.monotonic()
        until = time.strftime("%H:%M:%S", time.localtime(time.time() + seconds))
        news, self._wait = not self._wait, f"waiting until {until}: {reason[:120]}" if reason else ""
        done = sum(self._statuses.values())
        if self._quiet or self._plan is None or not (news or now >= self._next):
            return
        self._next = now + (_LIVE if self._live else _PLAIN)
        if done < len(self._plan.studies):
            self._show(done, now)
        elif self._wait:  # of a judge, once all studies have an answer
            self.say(self._wait)

    def say(self, text: str) -> None:
        """A line of its own; the rate of answers is that of the time after it."""
        if not self._statuses:
            self._start = time.monotonic()
        if not self._quiet:
            if self._wide:  # the live line stays above
                terminal.say(err=True)
                self._wide = 0
            terminal.say(f"  {text}", err=True)

    def end(self) -> None:
        """Show the last line."""
        done = sum(self._statuses.values())
        if not self._quiet and done:
            self._show(done, time.monotonic())
            if self._live:
                terminal.say(err=True)

    def _show(self, done: int, now: float) -> None:
        assert self._plan is not None
        total = len(self._plan.studies)
        open_ = sum(self._statuses[status] for status in UNSCORED_STATUSES)
        counts = " · ".join(f"{n} {status}" for status, n in sorted(self._statuses.items(), key=lambda pair: -pair[1]))
        wait = f" · {self._wait}" if self._wait and done < total else ""
        line = f"  {done - open_}/{total} answered{wait} · {counts or 'no answer yet'}"
        rate = self._rate(done, max(now - self._start, 1e-6))
        if rate:
            line += f" · {rate:.1f}/s"
            if done < total:
                line += f" · {_duration((total - done) / rate)} left"
        if self._requester is not None:
            seen = self._requester.counts
            line += f" · {seen.sent} sent, {seen.cached} cached"
            if seen.retries:
                line += f", {seen.retries} retries"
            if seen.last_fault and done < total and not wait:
                line += f" · last fault: {seen.last_fault[:80]}"
        if self._live:
            self._wide = terminal.live(line, self._wide)
        else:
            terminal.say(line, err=True)

    def _rate(self, done: int, seconds: float) -> float:
        """Studies a second for which something was sent; 0 where nothing was, since what is stored comes at once."""
        if self._requester is None:
            return done / seconds
        seen = self._requester.counts
        return done * seen.sent / (seen.sent + seen.cached) / seconds if seen.sent else 0.0


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
