"""mmrad-eval probe: how metrics answer to controlled edits of real reports."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import click

from mmrad_eval.cli.leaderboard import show
from mmrad_eval.cli.references import reference_options, studies
from mmrad_eval.cli.shared_options import table_options


@click.command()
@reference_options
@click.option("--metrics", "-M", multiple=True, help="Metrics or suites, comma-separated. [default: paper]")
@table_options
def probe(metrics: tuple[str, ...], form: str | None, out: Path | None, **said: Any) -> int:
    """Make one known edit to each reference, and show how every metric responds.

    Negation flipped, side swapped, severity, measurement, a finding dropped or added: these must lower the score.
    Sentence order and synonyms must lower it less. Another patient's report sets the scale. References: --references
    (default: demo).
    """
    from mmrad_eval.core.values import Target
    from mmrad_eval.metrics import suite
    from mmrad_eval.results.validation.probe import edited, respond, tables_of

    target = cast("Target", said["target"])
    found = studies(said["references"] or "demo", said["split"], target, said["limit"])
    built = suite([name for entry in metrics for name in entry.split(",") if name] or ["paper"])
    probed = edited(found, target)
    show(tables_of(probed, respond(probed, built), [f"{one}." for one in built.missing]), form, out, all_columns=True)
    return 0
