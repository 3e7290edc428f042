"""mmrad-eval weights: what each metric needs, where it is, and how to get it."""

from __future__ import annotations

import json

import click

from mmrad_eval.cli import terminal
from mmrad_eval.core.visible import visible


@click.group(invoke_without_command=True)
@click.option("--digest", is_flag=True, help="Compute the digests that are not cached yet (reads every file).")
@click.option(
    "--format",
    "form",
    type=click.Choice(["terminal", "json"]),
    default="terminal",
    show_default=True,
    help="How the table is printed.",
)
@click.pass_context
def weights(ctx: click.Context, digest: bool, form: str) -> None:
    """List the weights of the clinical metrics; `weights fetch NAME` gets them.

    They are searched for at the path that you give (--metric-option weights.NAME=PATH), under $MMRAD_WEIGHTS/NAME, in
    the caches of the reference packages, and in the hub's cache.
    """
    if ctx.invoked_subcommand is not None:
        return
    from mmrad_eval.metrics.clinical import weights as known
    from mmrad_eval.metrics.clinical.fetch import described

    rows = []
    for need in known.NEEDS.values():
        found = known.locate(need.name)
        if digest and found is not None and found.file.is_file():
            known.digest(found.file)
        rows.append(described(found, need))
    if form == "json":
        terminal.page(json.dumps(rows, indent=1))
        return
    for row in rows:
        name = click.style(visible(row["name"]), bold=True)
        terminal.page(f"{name}  for {visible(row['for'])}", styled=True)
        terminal.say(f"  {row['found']}")
        facts = [row["size"], f"licence: {row['licence']}", f"sha256 {row['digest']}…" if row["digest"] else ""]
        terminal.say("  " + ", ".join(fact for fact in facts if fact))


@weights.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def fetch(names: tuple[str, ...]) -> None:
    """Download weights from the hub, check them, and put them where both engines look.

    An interrupted download resumes. The hub's token is read from HF_TOKEN only.
    """
    from mmrad_eval.metrics.clinical.fetch import fetch as get

    for name in names:
        found = get(name, lambda sentence: terminal.say(sentence, err=True))
        terminal.say(f"{name}: {found.path}")
    terminal.flush()
