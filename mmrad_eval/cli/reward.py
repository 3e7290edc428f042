"""mmrad-eval reward: metrics as rewards for training."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import click

from mmrad_eval.cli.leaderboard import show
from mmrad_eval.cli.metric_options import options_of
from mmrad_eval.cli.references import reference_options, studies
from mmrad_eval.cli.shared_options import table_options


@click.group()
def reward() -> None:
    """Audit metrics as rewards: name the cheap policies that they prefer to honest reports.

    `mmrad_eval.reward` makes a reward in Python.
    """


@reward.command()
@reference_options
@click.option(
    "--metrics", "-M", multiple=True, help="Metrics, comma-separated, one table each. [default: findings@rules]"
)
@click.option(
    "--metric-option",
    "metric_options",
    multiple=True,
    metavar="KEY=VALUE",
    help="Option of a metric, such as device=cuda.",
)
@click.option("--together", is_flag=True, help="Combine all metrics into one reward, equally weighted.")
@table_options
def audit(form: str | None, out: Path | None, together: bool, **said: Any) -> int:
    """Name the cheap policies that a reward prefers to honest reports.

    Normal templates, every finding listed, everything hedged, evidence copied, an honest report repeated: each is
    scored on every study and compared with another patient's report or half of the right one. References:
    --references (default: demo).
    """
    from mmrad_eval.core.values import Target
    from mmrad_eval.results.scoring.rewards import Reward
    from mmrad_eval.results.validation.reward_audit import audit as audited

    target = cast("Target", said["target"])
    found = studies(said["references"] or "demo", said["split"], target, said["limit"])
    names = tuple(name for entry in said["metrics"] for name in entry.split(",") if name) or ("findings@rules",)
    corpus = [text for study in found if study.reference and (text := study.reference.target(target))]
    options = options_of({**said, "engine": None, "policy": None})
    rewards = [
        Reward(some, corpus=corpus, options=options, target=target)
        for some in ([names] if together else [(name,) for name in names])
    ]
    show([audited(found, one) for one in rewards], form, out, all_columns=True)
    return 0
