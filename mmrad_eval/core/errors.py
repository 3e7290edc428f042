"""Everything that can go wrong, as one tree; each message says what was seen, where, and the way out.

MmradError                 exit 1
├── UsageError             exit 2   an option, a name or a combination that can't be
│   └── UnknownNameError            a name that no registry holds, with its nearest names
├── DataError              exit 1   a file or record that can't be read as what it claims to be
│   └── PromptError                 a prompt file that can't be filled
├── PluginError            exit 1   something installed from outside that does not fit its contract
├── ModelError             exit 1   a model or endpoint that can't be used at all
├── MissingError           exit 1   an extra, weights or data that a metric needs and that are not here
└── GateError              exit 4   data that may not leave this machine

Interrupted (BaseException)         raised through a task: only the harness catches it
├── Failed                          infrastructure failed for this study; it stays pending
└── Stopped                         the run is stopping: Ctrl-C, a budget

TransportError (Exception)          raised by a client: a try that failed, and may be worth another
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal


class MmradError(Exception):
    """Base of all errors that a user can act on."""

    exit_code = 1

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as it is: an error of a worker process arrives whole, whatever its ``__init__`` takes."""
        return _unpickled, (type(self), self.args), dict(vars(self))


def _unpickled(kind: type[MmradError], arguments: tuple[Any, ...]) -> MmradError:
    error = kind.__new__(kind)
    error.args = arguments
    return error


class UsageError(MmradError):
    """An option, a name or a combination that can't be."""

    exit_code = 2


_FEW = 30  # names that can still be read in one line
_LISTED = ("task", "model", "metric", "dataset")
"""Kinds that a command of their own lists."""


class UnknownNameError(UsageError):
    """A name that no registry holds."""

    def __init__(self, kind: str, name: str, known: Iterable[tuple[str, str]]) -> None:
        """``known`` holds (name, where it comes from) pairs."""
        import difflib

        origins = dict(known)
        near = difflib.get_close_matches(name, origins, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        names = [f"{n} ({o})" if o != "mmrad-eval" else n for n, o in sorted(origins.items())]
        if len(names) > _FEW and kind in _LISTED:
            way_out = f"`mmrad-eval {kind}s` lists all {len(names)}"
        else:
            way_out = f"known: {some(names, _FEW) or 'none'}"
        super().__init__(f"no {kind} is called {name!r}; {hint}{way_out}")


class DataError(MmradError):
    """A file or record that can't be read as what it claims to be."""


class PromptError(DataError):
    """A prompt file that can't be filled."""


class PluginError(MmradError):
    """Something installed from outside that does not fit its contract."""


class ModelError(MmradError):
    """A model or endpoint that can't be used at all."""


class MissingError(MmradError):
    """An extra, weights or data that something needs and that are not here; ``remedy`` is the command that fixes it."""

    def __init__(self, what: str, remedy: str, who: str = "") -> None:
        """``who`` needs it; for messages, where ``what`` does not say it."""
        super().__init__(f"{f'{who}: ' if who else ''}{what}; {remedy}")
        self.what, self.remedy = what, remedy


class GateError(MmradError):
    """Data that may not leave this machine."""

    exit_code = 4


class Interrupted(BaseException):
    """Passes through tasks unseen, so that no ``except Exception`` of a plugin can take it for an answer."""


class Failed(Interrupted):
    """Infrastructure failed for one study; the study stays pending."""


class Stopped(Interrupted):
    """The run is stopping; studies that have no answer stay open."""


class TransportError(Exception):
    """A reply that did not come, or came as an error that is not the input's doing.

    ``retry`` says whether another try can succeed; ``after`` is the server's own Retry-After in seconds; ``kind`` says
    what a wait should look like: ``unreachable`` (no connection could be made, so nothing was sent), ``timeout``,
    ``throttled`` (asked to slow down), or ``fault``; ``server`` is the address that it is about, where a client has
    several.
    """

    def __init__(
        self,
        why: str,
        *,
        retry: bool,
        after: float | None = None,
        kind: Literal["fault", "unreachable", "timeout", "throttled"] = "fault",
        server: str = "",
    ) -> None:
        super().__init__(why)
        self.why, self.retry, self.after, self.kind, self.server = why, retry, after, kind, server

    @property
    def unsent(self) -> bool:
        """Whether nothing was sent, and may be when the server is there."""
        return self.kind == "unreachable" and self.retry


def one_line(error: BaseException) -> str:
    """The type of an error and the first line of its message."""
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def some(names: Sequence[str], shown: int = 5) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - shown:,} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
