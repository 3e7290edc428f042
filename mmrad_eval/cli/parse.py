"""mmrad-eval parse: how the raw text of a file is understood, side by side."""

from __future__ import annotations

import shutil
import textwrap
from collections import Counter
from collections.abc import Iterator
from itertools import islice, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmrad_eval.cli import terminal
from mmrad_eval.cli.words import named_values

if TYPE_CHECKING:
    from mmrad_eval.datasets.parsed import ParsedText

_HOW = "write OURS=THEIRS, such as --report-column id=study_id"
_NARROWEST = 60

FEW = 20
"""Texts that are shown side by side unless more are asked for."""


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--target",
    type=click.Choice(["findings", "impression", "report"]),
    default="findings",
    show_default=True,
    help="Part of the report to read.",
)
@click.option(
    "--report-column",
    "report_columns",
    multiple=True,
    metavar="OURS=THEIRS",
    help="Map a field to a column of the reports, such as report=text.",
)
@click.option("--study", "studies", multiple=True, help="Only this study; repeatable.")
@click.option("--limit", type=int, help="Show the first N texts; 0 shows all. [default: 20, with --json all]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per text.")
def parse(**said: Any) -> None:
    """Show each text of FILE beside how it is read: status, report, trace, what was removed.

    FILE is a file of reports of any kind that `score --predictions` reads, or a .txt or .md file with one reply.
    """
    from mmrad_eval.datasets.parsed import parse as texts

    given = named_values(said["report_columns"], "--report-column", _HOW)
    found = texts(said["file"], given, said["target"])
    wanted = (text for text in found if not said["studies"] or text.study in said["studies"])
    statuses: Counter[str] = Counter()
    events: Counter[str] = Counter()
    limit = said["limit"] if said["limit"] is not None else None if said["as_json"] else FEW
    for text in islice(wanted, limit or None):
        statuses[text.understood.status if text.understood else "not a report"] += 1
        events.update(text.understood.events.keys() if text.understood else ())
        terminal.page(_json(text) if said["as_json"] else "\n".join(_shown(text)))
    if not said["as_json"]:
        counts = ", ".join(f"{n} {name}" for name, n in (*statuses.most_common(), *events.most_common()))
        terminal.say(f"{sum(statuses.values())} texts: {counts or 'none'}", err=True)


def _json(text: ParsedText) -> str:
    import msgspec

    found = text.understood
    value: dict[str, Any] = {"study": text.study, "raw": text.raw}
    if found is None:
        value |= {"status": "not a report", "why": text.refused}
    else:
        value |= {"status": found.status, "why": found.why, "report": found.report, "trace": found.thought}
        value |= {"events": found.events, "removed": [{"kind": r.kind, "text": r.text} for r in found.removed]}
    return msgspec.json.encode(value).decode()


def _shown(text: ParsedText) -> Iterator[str]:
    """The raw text on the left, what is understood of it on the right."""
    width = max(_NARROWEST, shutil.get_terminal_size((100, 24)).columns)
    half = (width - 3) // 2
    yield f"── {text.study} ".ljust(width, "─")
    left, right = _wrapped(text.raw, half), [line for part in _understood(text) for line in _wrapped(part, half)]
    for one, other in zip_longest(left, right, fillvalue=""):
        yield f"{one:<{half}} │ {other}".rstrip()


def _understood(text: ParsedText) -> Iterator[str]:
    found = text.understood
    if found is None:
        yield f"not a report: this is {text.refused}"
        return
    yield f"status: {found.status}" + (f" ({found.why})" if found.why else "")
    if found.report.findings is None and found.report.impression is None and found.report.text:
        yield f"report: {found.report.text}"
    for name in ("findings", "impression"):
        if words := getattr(found.report, name):
            yield f"{name}: {words}"
    for piece in found.removed:
        yield f"removed, {piece.kind}: {piece.text}"
    if found.thought and not any(piece.kind == "thought" for piece in found.removed):
        yield f"trace: {found.thought}"


def _wrapped(text: str, width: int) -> list[str]:
    return [part for line in text.splitlines() or [""] for part in textwrap.wrap(line, width) or [""]]
