"""The options of commands that score: which engine, which policy, what a metric is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from mmrad_eval.cli import terminal
from mmrad_eval.cli.shared_options import with_options
from mmrad_eval.core.whole_files import write_whole

if TYPE_CHECKING:
    from mmrad_eval.results.run.folder import RunFolder

_POLICY = "uncertain="
_STORED = "labels:"
"""Labels of a file take their policy as an option; those of a labeller, in their name."""


def metric_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--engine``, ``--policy``, ``--metric-option`` and ``--verify``."""
    options = (
        click.option(
            "--engine",
            type=click.Choice(["own", "upstream"]),
            help="Engine of the clinical metrics: our own, or the reference packages. [default: own]",
        ),
        click.option(
            "--policy",
            metavar="uncertain=…",
            help="How to count uncertain labels: positive, negative, ignore or own-class.",
        ),
        click.option(
            "--metric-option",
            "metric_options",
            multiple=True,
            metavar="KEY=VALUE",
            help="Option of a metric, such as weights.chexbert=PATH, device=cuda or macro=supported.",
        ),
        click.option(
            "--verify",
            type=click.IntRange(1),
            metavar="N",
            help="Check our engine against the reference packages on N texts.",
        ),
    )
    return with_options(command, *options)


def workers_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--workers``."""
    return click.option(
        "--workers",
        default="1",
        show_default=True,
        metavar="N|ray[:HOST:PORT]",
        help="Processes that compute metrics, here or on a Ray cluster; the scores are the same.",
    )(command)


def options_of(said: dict[str, Any]) -> dict[str, str]:
    """What the metrics of a suite are told; a policy too, where labels of a file are asked for."""
    from mmrad_eval.core.errors import UsageError

    options = {"engine": said["engine"]} if said["engine"] else {}
    if said["policy"] and any(name.startswith(_STORED) for name in names_of(said)):
        options["uncertain"] = said["policy"].removeprefix(_POLICY)
    for entry in said["metric_options"]:
        key, equals, value = entry.partition("=")
        if not key or not equals:
            raise UsageError(f"--metric-option {entry}: write KEY=VALUE, such as --metric-option device=cuda")
        if key == "uncertain" and options.get(key, value) != value:
            raise UsageError(f"--policy {said['policy']} and --metric-option {entry} differ: give one of them")
        options[key] = value
    return options


def names_of(said: dict[str, Any], default: Sequence[str] = ("paper",)) -> tuple[str, ...]:
    """The metrics that were asked for, with the policy put in the place of their own."""
    from mmrad_eval.core.errors import UsageError
    from mmrad_eval.metrics.suites import members

    names = tuple(name for entry in said["metrics"] for name in entry.split(",") if name) or tuple(default)
    policy = said["policy"]
    if policy is None:
        return names
    from mmrad_eval.metrics.labelf1 import POLICIES

    if not policy.startswith(_POLICY) or policy.removeprefix(_POLICY) not in POLICIES:
        raise UsageError(f"--policy {policy}: write uncertain= and one of {', '.join(POLICIES)}")
    chosen = [name.partition("@")[0] + "@" + policy if f"@{_POLICY}" in name else name for name in members(names)]
    return tuple(dict.fromkeys(chosen))


def verified(
    folder: RunFolder, names: Sequence[str], count: int, options: dict[str, str], references: str | None = None
) -> None:
    """Hold our engine against the packages on a run's own texts; store verify.json in it, and say what came of it."""
    import msgspec

    from mmrad_eval.core.values import UNSCORED_STATUSES, Example
    from mmrad_eval.metrics.clinical.verify import verify
    from mmrad_eval.metrics.suites import members
    from mmrad_eval.results.scoring.reports_file import studies_of

    target = folder.run.identity.selection.target
    studies = {study.id: study for study in studies_of(folder, references)[0]}
    answers = [a for a in folder.answers() if a.status not in UNSCORED_STATUSES and a.study in studies]
    examples = [Example(studies[answer.study], answer, target) for answer in answers]
    found = verify(members(names), examples, count, options)
    write_whole(folder.path / "verify.json", msgspec.json.format(msgspec.json.encode(found), indent=1))
    for head in found:
        if head.missing:
            terminal.say(f"{head.head} was not verified: {head.missing}", err=True)
            continue
        margins = [f"{margin:.1e}" for margin in head.margins if margin is not None]
        near = f", closest decisions {', '.join(margins[:3])}" if margins else ""
        what = "pairs" if head.head.startswith("bertscore") else "texts"
        terminal.say(
            f"{head.head}: {head.different} of {head.texts} {what} differ from the package{near}; "
            f"{head.seconds[0]:.1f} s against {head.seconds[1]:.1f} s",
            err=True,
        )
    if not found:
        terminal.say("nothing to verify: none of these metrics has both our engine and a reference package", err=True)
