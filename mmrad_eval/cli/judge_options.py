"""The options that name judges."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from mmrad_eval.cli.model_options import TERMS, attestation_of
from mmrad_eval.cli.shared_options import with_options

if TYPE_CHECKING:
    from mmrad_eval.harness.judge_runs import JudgeTerms
    from mmrad_eval.harness.judges import Judges


def judge_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--judge``, where it is, and how often it judges."""
    return with_options(
        command,
        click.option(
            "--judge",
            multiple=True,
            metavar="[PART=]MODEL",
            help="Judge model for LLM-judged metrics, same syntax as --model; PART=MODEL names one per part.",
        ),
        click.option("--judge-url", multiple=True, metavar="[PART=]URL", help="Address of the judge's server."),
        click.option(
            "--judge-key-env",
            multiple=True,
            metavar="[PART=]NAME",
            help="Environment variable that holds the judge's key.",
        ),
        click.option(
            "--judge-samples",
            type=click.IntRange(1, 100),
            default=1,
            show_default=True,
            metavar="N",
            help="Judge every report N times; columns are means, with their spread.",
        ),
    )


def judging_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The judges of a command that asks no other model, and the terms under which they are asked."""
    batch = click.option("--batch", is_flag=True, help="Ask the judge in provider batches: half the price, in a day.")
    return judge_options(with_options(command, *TERMS.values(), batch))


def judges_of(said: dict[str, Any]) -> Judges | None:
    """The judges that were named; None where none was."""
    from mmrad_eval.harness.judges import judges

    return judges(said["judge"], said["judge_url"], said["judge_key_env"], said["judge_samples"])


def terms_of(said: dict[str, Any]) -> JudgeTerms:
    """The terms of a command with ``judging_options``."""
    from mmrad_eval.harness import budget as budgets
    from mmrad_eval.harness import gate
    from mmrad_eval.harness.judge_runs import JudgeTerms
    from mmrad_eval.model_registry.command_line import written_down
    from mmrad_eval.model_registry.rejections import declared

    stated = attestation_of(said)
    for part, text in (stated or {}).items():
        written_down(f"--attest-{part}", text)
    return JudgeTerms(
        allowed_keys=frozenset(said["allow_key"]),
        timeout=said["timeout"],
        concurrency=said["concurrency"],
        patience=said["patience"],
        budget=budgets.Budget(
            usd=None if said["budget"] is None else budgets.usd(said["budget"]),
            requests=said["max_requests"],
            seconds=None if said["max_time"] is None else budgets.duration(said["max_time"]),
        ),
        attestation=None if stated is None else gate.attestation(**stated),
        local_networks=tuple(said["local_networks"]),
        refusals=declared(tuple(said["refusal_pattern"])),
        batch=said["batch"],
    )
