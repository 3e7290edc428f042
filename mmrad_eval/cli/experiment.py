"""`mmrad-eval run experiment.toml`: the whole grid, side by side where servers differ, to one leaderboard."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmrad_eval.cli import terminal
from mmrad_eval.cli.words import counted

if TYPE_CHECKING:
    from mmrad_eval.harness.experiment import Command, Experiment, Primary
    from mmrad_eval.results.run.folder import RunFolder

_PERMITTING = ("allow_key", "local_networks", "attest_provider", "attest_retention", "attest_who", "data_use")
"""Options that an experiment file may not say for the person who runs it; every command of the experiment gets them."""
_ALONGSIDE = ("experiment", "dry_run", "out", "fresh", "quiet", "shard", "workers", *_PERMITTING)
"""Options that may be given beside an experiment file; all others are its own to say."""
_STOPPED = 3
"""Exit status where studies wait for an answer; each other one but 0 has a cause that asking again can't mend."""
_KILLED = 130
"""Exit status of a command that was interrupted twice."""
_LOOKS = 0.2  # seconds between two looks for Ctrl-C


def run_experiment(path: Path, ctx: click.Context, said: Mapping[str, Any]) -> int:
    """Print the plan, run what is missing, go on after any failure, end with the leaderboard."""
    import msgspec

    from mmrad_eval.harness import experiment as experiments
    from mmrad_eval.model_registry.command_line import scrub_words

    _refuse_others(ctx)
    experiment = experiments.read(path)
    experiments.check_prompts(experiment, path)
    options, flags = _options(ctx.command)
    if _given(ctx, "out"):
        experiment = msgspec.structs.replace(experiment, out=str(said["out"]))
    permitted = tuple(_permissions(ctx, said))  # before the file's own words: where it calls data credentialed, it is
    commands = [
        msgspec.structs.replace(command, arguments=(*permitted, *command.arguments))
        for command in experiments.commands(experiment, options, flags, said["allow_key"])
    ]
    extra = [flag for flag, name in (("--fresh", "fresh"), ("--dry-run", "dry_run")) if said[name]]
    extra += [f"--shard={said['shard']}"] if said["shard"] else []
    extra += [f"--workers={said['workers']}"] if said["workers"] != "1" else []
    servers = list(dict.fromkeys(command.server for command in commands))
    terminal.say(f"{path}: {counted(len(commands), 'command')} on {counted(len(servers), 'server')}")
    for command in commands:
        terminal.say(f"  mmrad-eval run {shlex.join(scrub_words(command.arguments))}")
    groups = [[command for command in commands if command.server == server] for server in servers]
    runner = _Runner(extra, quiet=said["quiet"])
    with ThreadPoolExecutor(len(groups)) as threads:
        work = [threads.submit(runner.work, group) for group in groups]
        codes = runner.wait(work)
    if not said["dry_run"] and not said["shard"]:
        _end(experiment, runner.folders, quiet=said["quiet"])
    ended = list(zip([c for g in groups for c in g], codes, strict=True))
    stopped = [command.title for command, code in ended if code in {_STOPPED, _KILLED}]
    refused = [command.title for command, code in ended if code not in {0, _STOPPED, _KILLED}]
    if stopped:
        terminal.say(f"not complete: {'; '.join(stopped)}; run the same command again to resume", err=True)
    if refused:
        again = "the reasons are above; fix them, then run the same command again to resume"
        terminal.say(f"not complete: {'; '.join(refused)}; {again}", err=True)
    return next((code for code in codes if code), 0)


def _permissions(ctx: click.Context, said: Mapping[str, Any]) -> Iterator[str]:
    """What the command line permits, as each command takes it."""
    for option in ctx.command.params:
        if option.name in _PERMITTING:
            value = said[option.name]
            yield from (f"{option.opts[0]}={one}" for one in (value if option.multiple else [value]) if one is not None)


class _Runner:
    """Runs commands as processes of their own, and passes on what they say."""

    def __init__(self, extra: Sequence[str], *, quiet: bool) -> None:
        self.extra, self.quiet = list(extra), quiet
        self.folders: list[Path] = []
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._stopping = False

    def work(self, commands: Sequence[Command]) -> list[int]:
        """Run one server's commands one after another; returns their exit statuses."""
        return [_STOPPED if self._stopping else self._run(command) for command in commands]

    def wait(self, work: Sequence[Future[list[int]]]) -> list[int]:
        """Wait for all; Ctrl-C once lets studies in progress finish, twice quits immediately."""
        left: set[Future[list[int]]] = set(work)
        while left:
            try:
                _, left = wait(left, timeout=_LOOKS)  # a signal that another thread took is seen at the next look
            except KeyboardInterrupt:
                self._stopping = True
                for process in list(self._running):
                    process.send_signal(signal.SIGINT)
        return [code for group in work for code in group.result()]

    def _run(self, command: Command) -> int:
        code = "import sys; from mmrad_eval.cli.main import main; sys.argv[0] = 'mmrad-eval'; main()"
        words = [sys.executable, "-c", code, "run", *command.arguments, *self.extra, "--no-table"]
        with subprocess.Popen(  # noqa: S603 (ourselves)
            words,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # Ctrl-C is passed on once, and not by the terminal beside us
        ) as process:
            self._running.add(process)
            assert process.stdout is not None
            for line in process.stdout:
                self._heard(command, line.rstrip())
        self._running.discard(process)
        return process.returncode if process.returncode >= 0 else _STOPPED

    def _heard(self, command: Command, line: str) -> None:
        with self._lock:
            if line and os.path.isfile(f"{line}/run.json"):  # noqa: PTH113 (says no to words that can be no path)
                self.folders.append(Path(line))
            elif line and not self.quiet and not line.startswith("not scored:"):  # the leaderboard says it once
                terminal.say(f"[{command.title}] {line}", err=True)


def _end(experiment: Experiment, folders: Sequence[Path], *, quiet: bool) -> None:
    from mmrad_eval.cli.leaderboard import every_column, show
    from mmrad_eval.results.leaderboard.board import leaderboard
    from mmrad_eval.results.run.folder import RunFolder

    made = [RunFolder(folder) for folder in folders]
    if not made:
        return
    if not quiet:
        results, datasets = Path(experiment.out), {folder.run.identity.dataset for folder in made}
        show(leaderboard(results, datasets=datasets), None, None, more=every_column(results))
    if experiment.primary is not None:
        _compare(experiment, experiment.primary, made)


def _compare(experiment: Experiment, primary: Primary, made: Sequence[RunFolder]) -> None:
    """The comparison that was declared in advance, for each dataset and each model (or task) that has both sides."""
    from mmrad_eval.cli.leaderboard import show
    from mmrad_eval.core.errors import MmradError
    from mmrad_eval.results.comparison.compare import compare_runs
    from mmrad_eval.results.comparison.named import wanted
    from mmrad_eval.results.comparison.tables import comparison_tables

    first, second = primary.between
    by_task = {first, second} <= set(experiment.tasks)
    sides: dict[tuple[str, str], dict[str, list[RunFolder]]] = {}
    for folder in made:
        run = folder.run
        task, model, label = run.identity.task, f"{run.card.provider}:{run.card.id}", run.card.label
        side = task if by_task else label if label in primary.between else model
        rest = model if by_task else task
        sides.setdefault((run.identity.dataset, rest), {}).setdefault(side, []).append(folder)
    pairs = {place: (found[first], found[second]) for place, found in sides.items() if {first, second} <= set(found)}
    if not pairs:
        terminal.say(
            f"the comparison declared in advance was not made: it needs a run of {first} and one of {second} on the "
            "same data",
            err=True,
        )
    for (dataset, rest), (one, other) in pairs.items():
        title = f"declared in advance: {primary.column}, {second} against {first} ({rest}, {dataset})"
        try:
            found = compare_runs([one, other], wanted=wanted((primary.column,)), primary=primary.column)
        except MmradError as error:
            terminal.say(f"{title}: not tested yet: {error}", err=True)
            continue
        terminal.say(title)
        paths = [",".join(str(folder.path) for folder in side) for side in (one, other)]
        more = shlex.join(["mmrad-eval", "compare", *paths, "--primary", primary.column, "--all-columns"])
        show(comparison_tables(found, margin=None), None, None, more=more)


def _options(command: click.Command) -> tuple[dict[str, str], set[str]]:
    """Names of the options of ``mmrad-eval run``, with _ for -, and how each is written; and those that are flags."""
    options, flags = {}, set()
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            long = next(word for word in parameter.opts if word.startswith("--"))
            name = long[2:].replace("-", "_")
            options[name] = long
            if parameter.is_flag:
                flags.add(name)
    return options, flags


def _given(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


def _refuse_others(ctx: click.Context) -> None:
    from mmrad_eval.core.errors import UsageError

    options = {param.name: param.opts[0] for param in ctx.command.params}
    others = [options[name] for name in ctx.params if name not in _ALONGSIDE and _given(ctx, name)]
    path = ctx.params["experiment"]
    if others and path.suffix != ".toml":
        raise UsageError(f"{path} is neither an option nor an experiment file (which ends in .toml)")
    if others:
        raise UsageError(f"{others[0]} can't be given with an experiment file; write it in the file, under [shared]")
