"""The one place where text goes to the terminal; nothing leaves it that a terminal could take for a command.

``say`` prints one line, ``page`` several lines of our own making, ``live`` a line that the next one overwrites, and
``draw`` what rich lays out. All of them spell out what is not printable (``core/visible.py``); of escape sequences only
colours and weights pass, and only where this program made them.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any, cast

import click

from mmrad_eval.core.visible import visible, visible_lines

if TYPE_CHECKING:
    import logging

    from rich.console import RenderableType

_STYLE = re.compile(r"(\x1b\[[0-9;]*m)")


def say(text: object = "", *, err: bool = False) -> None:
    """Print one line. A message (``err``) may quote what was typed, and what was typed by mistake may be a key."""
    click.echo(visible(_without_keys(str(text)) if err else text), err=err)


def page(text: str, *, err: bool = False, styled: bool = False) -> None:
    """Print lines; values in them that come from outside hold no line ends of their own (``visible``).

    ``styled``: colours and weights in ``text`` are ours. They are dropped where the output is no terminal.
    """
    parts = _STYLE.split(text) if styled else [text]
    clean = "".join(part if number % 2 else visible_lines(part) for number, part in enumerate(parts))
    click.echo(clean, nl=not clean.endswith("\n"), err=err)


def complain(text: str) -> None:
    """Print an error on standard error: one line, or one for each of several faults, which stand in below the first."""
    first, *more = text.split("\n")
    for line in (first, *(f"  {line}" for line in more)):
        say(line, err=True)


def live(text: str, before: int) -> int:
    """Overwrite a live line of ``before`` characters on standard error; how many characters it has now."""
    line = visible(_without_keys(text))
    click.echo("\r" + line.ljust(before), nl=False, err=True)
    return len(line)


def draw(*parts: RenderableType, markup: bool = False) -> None:
    """Print what rich lays out; texts in it are ``visible`` already."""
    from io import StringIO

    from rich.console import Console

    out = StringIO()
    colours = has_colours()
    console = Console(file=out, force_terminal=colours, no_color=not colours, highlight=False, markup=markup)
    for part in parts:
        console.print(part)
    page(out.getvalue(), styled=True)


def has_colours() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()


def is_live() -> bool:
    """Whether standard error is a terminal, on which a line can be overwritten."""
    return sys.stderr.isatty()


def flush() -> None:
    """Write out what standard output holds back; BrokenPipeError where nobody reads it."""
    sys.stdout.flush()


def silence() -> None:
    """Close standard error: its reader has seen enough, and nothing more is said."""
    sys.stderr.close()


def show(error: click.ClickException) -> None:
    """Print what click has to say about a command line."""
    from io import StringIO

    vars(error)["message"] = visible(
        _without_keys(error.message)
    )  # it quotes the command line, and says it in one line
    out = StringIO()
    error.show(out)
    page(out.getvalue(), err=True)


def _without_keys(text: str) -> str:
    from mmrad_eval.model_registry.command_line import scrub_word

    return scrub_word(text)


def take_over() -> None:
    """Lead what libraries write by themselves, warnings and records of ``logging``, through here too.

    A stream whose encoding lacks a character, as under ``LC_ALL=C``, spells it out.
    """
    import logging
    import warnings

    for stream in (sys.stdout, sys.stderr):
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
    warnings.showwarning = cast("Any", _warned)
    logging.lastResort = _handler(logging)


def _warned(message: Warning | str, category: type[Warning], *_: object) -> None:
    say(f"{category.__name__}: {message}", err=True)


def _handler(module: Any) -> logging.Handler:
    class Records(module.Handler):  # type: ignore[misc] # the base is imported late
        """What a library logs as a warning or worse, one line each, without the stack."""

        def emit(self, record: logging.LogRecord) -> None:
            fault = record.exc_info[1] if record.exc_info else None
            say(f"{record.name}: {record.getMessage()}{f' ({fault!r})' if fault else ''}", err=True)

    handler: logging.Handler = Records(module.WARNING)
    return handler
