"""`tasks`, `metrics`, `datasets`: list what there is; `show NAME` describes one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from mmrad_eval.cli import terminal
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.visible import visible

if TYPE_CHECKING:
    from mmrad_eval.core.contracts import Metric
    from mmrad_eval.core.registry import Registry

Facts = dict[str, object]
NO_FILE = "none"
"""What stands for a fact that would be a file, where there is none."""


def listing(
    kind: str, registry: Callable[[], Registry], facts: Callable[[str], Facts], what: str, *, alone: str = ""
) -> click.Group:
    """The command that lists one registry; ``alone``: a fact that is a file, which an option prints as it is."""

    @click.group(
        name=f"{kind}s",
        invoke_without_command=True,
        help=f"List the {kind}s; `{kind}s show NAME` describes one.\n\n{what}",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @click.pass_context
    def group(ctx: click.Context, *, as_json: bool) -> None:
        if ctx.invoked_subcommand is None:
            entries = [{"name": e.name, "summary": e.summary, "from": e.origin, "target": e.target} for e in registry()]
            terminal.page(json.dumps(entries, indent=1) if as_json else _columns(entries))

    @group.command(help=f"Describe one {kind}.")
    @click.argument("name")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    def show(name: str, *, as_json: bool, as_file: bool = False) -> None:
        found = facts(name)
        if as_file:
            if found.get(alone, NO_FILE) == NO_FILE:
                raise UsageError(f"{kind} {name} has no {alone} file")
            terminal.page(str(found[alone]).rstrip("\n"))
            return
        if as_json:
            terminal.page(json.dumps(found, indent=1, default=str))
            return
        for key, value in found.items():
            words = ", ".join(map(str, value)) if isinstance(value, list | tuple | set | frozenset) else str(value)
            inset = "\n" + "\n".join(f"    {line}" for line in words.splitlines()) if "\n" in words else f" {words}"
            terminal.page(f"{visible(key)}:{inset}")

    if alone:
        words = f"Print only the {alone} file, to edit it and pass it as --{alone}."
        show.params.append(click.Option([f"--{alone}", "as_file"], is_flag=True, help=words))
    return group


def _columns(entries: list[dict[str, str]]) -> str:
    wide = max((len(e["name"]) for e in entries), default=0)
    origins = ["" if e["from"] == "mmrad-eval" else f"  [{e['from']}]" for e in entries]
    return "\n".join(visible(f"{e['name']:<{wide}}  {e['summary']}{o}") for e, o in zip(entries, origins, strict=True))


def _task_facts(name: str) -> Facts:
    from mmrad_eval.tasks import load, registry

    if name.endswith(":"):  # a family that takes the id of a run
        family = registry().entry(name)
        return {"task": f"{name}RUN", "summary": family.summary, "from": family.origin}
    task, entry = load(name), registry().entry(name)
    return {
        "task": task.name,
        "summary": entry.summary,
        "from": entry.origin,
        "version": task.version,
        "kind": "given: shows evidence of the reference trace" if task.given else "generated: the model reasons itself",
        "needs": sorted(task.needs) or "nothing",
        "several images": task.several_images,
        "options": " ".join(f"{k}={v}" for k, v in task.options.items()) or "none",
        "prompt": task.prompt() or NO_FILE,
    }


def _metric_facts(name: str) -> Facts:
    from mmrad_eval.metrics import registry, suite

    if name.endswith(":"):  # a family that takes a name or a folder of the user's
        family = registry().entry(name)
        return {"metric": f"{name}NAME", "summary": family.summary, "from": family.origin}
    chosen = suite([name])
    facts: Facts = {}
    known = registry()
    for metric in chosen:
        entry = known.get(metric.name)
        facts[metric.name] = "\n".join(
            [
                entry.summary if entry else "",
                f"from: {entry.origin if entry else 'unknown'}",
                f"columns: {', '.join(column.label for column in metric.columns)}",
                f"better: {', '.join(sorted({column.better or 'neither' for column in metric.columns}))}",
                f"requires: {', '.join(metric.requires) or 'nothing'}",
                f"reads: {_languages(metric)}",
                f"options (--metric-option): {_options(chosen.options.get(metric.name, {}))}",
            ]
        )
    for missing in chosen.missing:
        facts[missing.name] = f"can't be computed here: {missing.what}; {missing.remedy}"
    return facts


def _languages(metric: Metric) -> str:
    from mmrad_eval.core.contracts import LanguageBound
    from mmrad_eval.metrics.language import named

    codes = metric.languages if isinstance(metric, LanguageBound) else ()
    return ", ".join(sorted(named(code) for code in codes)) or "any language"


def _options(offered: Mapping[str, Sequence[str]]) -> str:
    """Each option with its values: ``cut=default|none (default: default)``."""
    told = (f"{key}={'|'.join(values)} (default: {values[0]})" for key, values in offered.items())
    return ", ".join(told) or "none"


def _dataset_facts(name: str) -> Facts:
    from mmrad_eval.datasets import registry

    entry = registry().entry(name)
    module = __import__(entry.target.partition(":")[0], fromlist=["__doc__"])
    return {"dataset": name, "summary": entry.summary, "from": entry.origin, "about": (module.__doc__ or "").strip()}


def _registries() -> dict[str, Callable[[], Registry]]:
    def of(module: str) -> Callable[[], Registry]:
        def registry() -> Registry:
            import importlib

            made: Registry = importlib.import_module(module).registry()
            return made

        return registry

    return {kind: of(f"mmrad_eval.{room}") for kind, room in _ROOMS.items()}


_ROOMS = {"task": "tasks", "metric": "metrics", "dataset": "datasets"}
_REGISTRY = _registries()

tasks = listing(
    "task",
    _REGISTRY["task"],
    _task_facts,
    "A task turns a study into a conversation, and the conversation into an answer.",
    alone="prompt",
)
metrics = listing(
    "metric", _REGISTRY["metric"], _metric_facts, "A metric names what is computed and under which convention."
)
datasets = listing(
    "dataset",
    _REGISTRY["dataset"],
    _dataset_facts,
    "Load datasets by name; a format reads your own files, as FORMAT:PATH.",
)
