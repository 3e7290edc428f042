"""mmrad-eval: the commands, each loaded only when it is called."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from typing import Any

import click

from mmrad_eval.cli import terminal

COMMANDS: dict[str, tuple[str, str]] = {
    "run": (
        "mmrad_eval.cli.run:run",
        "Run models on the studies of a dataset, score their reports, show the table (the default command).",
    ),
    "score": ("mmrad_eval.cli.score:score", "Score external reports, or stored runs again."),
    "leaderboard": (
        "mmrad_eval.cli.leaderboard:leaderboard",
        "Show the table of all runs under RESULTS (default: results).",
    ),
    "compare": ("mmrad_eval.cli.compare:compare", "Test which differences between runs are statistically significant."),
    "paper": (
        "mmrad_eval.cli.paper:paper",
        "Write the tables and figures of a paper from the runs under RESULTS (default: results).",
    ),
    "power": (
        "mmrad_eval.cli.power:power",
        "Compute the smallest difference that a test set can detect, or how many patients are needed to detect one.",
    ),
    "view": (
        "mmrad_eval.cli.view:view",
        "Write a page to read runs in: images, boxes, traces, reports beside references, scores.",
    ),
    "beside": (
        "mmrad_eval.cli.beside:beside",
        "Show which sentences of a report its trace supports, contradicts, or does not mention.",
    ),
    "faithfulness": (
        "mmrad_eval.cli.faithfulness:faithfulness",
        "Test whether MODEL looks at the image, and whether looking again improves its reports.",
    ),
    "budget": (
        "mmrad_eval.cli.budget:budget",
        "Show what MODEL's score costs in tokens, and its gains at equal tokens.",
    ),
    "batches": ("mmrad_eval.cli.batches:batches", "List provider batches, wait for them, or cancel some."),
    "contamination": (
        "mmrad_eval.cli.contamination:contamination",
        "Test whether MODEL has seen the reports of a dataset before.",
    ),
    "tasks": ("mmrad_eval.cli.listing:tasks", "List the tasks; `tasks show NAME` describes one."),
    "models": ("mmrad_eval.cli.models:models", "List the models; `models show NAME` describes one."),
    "metrics": ("mmrad_eval.cli.listing:metrics", "List the metrics; `metrics show NAME` describes one."),
    "datasets": (
        "mmrad_eval.cli.listing:datasets",
        "List the datasets; `datasets show NAME` describes one.",
    ),
    "weights": (
        "mmrad_eval.cli.weights:weights",
        "List the weights of the clinical metrics; `weights fetch NAME` gets them.",
    ),
    "judges": (
        "mmrad_eval.cli.judges:judges",
        "List the published prompts of judged metrics, fetch them, or check judges.",
    ),
    "doctor": (
        "mmrad_eval.cli.doctor:doctor",
        "Check what is installed, and say how to fix what is missing.",
    ),
    "data": ("mmrad_eval.cli.data:data", "Describe, check, convert or build a dataset."),
    "parse": (
        "mmrad_eval.cli.parse:parse",
        "Show each text of FILE beside how it is read: status, report, trace, what was removed.",
    ),
    "export": (
        "mmrad_eval.cli.export:export",
        "Export the reports of a run in the formats of public boards, or records for trainers.",
    ),
    "ranks": (
        "mmrad_eval.cli.ranks:ranks",
        "Rank systems under every convention side by side, and name the pairs that change places.",
    ),
    "audit": (
        "mmrad_eval.cli.audit:audit",
        "Check a board (one row per system) or a file of scores (one row per report) for consistency.",
    ),
    "reproduce": (
        "mmrad_eval.cli.reproduce:reproduce",
        "Find the metric convention behind each column of published scores.",
    ),
    "readers": ("mmrad_eval.cli.readers:readers", "Plan a reader study, make its pages, merge the readers' answers."),
    "metaeval": (
        "mmrad_eval.cli.metaeval:metaeval",
        "Compare metrics with radiologists' ratings, counts of errors or preferences.",
    ),
    "probe": (
        "mmrad_eval.cli.probe:probe",
        "Make one known edit to each reference, and show how every metric responds.",
    ),
    "reward": (
        "mmrad_eval.cli.reward:reward",
        "Audit metrics as rewards: name the cheap policies that they prefer to honest reports.",
    ),
}
"""Name -> (``module:function``, the first sentence of its own page of help, here to be read without imports)."""

HEADINGS: dict[str, str] = {
    "Run and score": "run score faithfulness budget contamination batches parse",
    "Compare and publish": "leaderboard compare paper power ranks audit reproduce",
    "Read and judge": "view beside readers metaeval probe",
    "Data and training": "data export reward",
    "What there is": "tasks models metrics datasets weights judges doctor",
}
"""Heading of the page of help -> its commands, in order."""

_WITHOUT_DATA = frozenset(("tasks", "models", "metrics", "datasets", "weights", "judges", "doctor", "power", "batches"))
"""Commands that hold no studies; all others connect nowhere until they know what their data allows."""

_ASKING = frozenset(("run", "faithfulness", "contamination"))
"""Commands whose replies are stored as they arrive."""

_GARBAGE = (50_000, 20, 50)
"""When Python looks for cycles: seldom, since a run makes very many small values and hardly any cycle."""


class Lazy(click.Group):
    """A group that knows its commands by name and help, and imports one only to run it.

    Words that name no command belong to ``run``: ``mmrad-eval --model X --task mcot``.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Print the help of each command from the table, under its heading."""
        for heading, names in HEADINGS.items():
            with formatter.section(heading):
                formatter.write_dl([(name, COMMANDS[name][1]) for name in names.split()])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``run`` first where the first word is an option of it or an experiment file."""
        first = args[0] if args else "--help"
        if first.endswith(".toml") or (first.startswith("-") and first not in ("--help", "-h", "--version")):
            args = ["run", *args]
        return super().parse_args(ctx, args or ["--help"])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, whatever it loads writing through ``terminal``."""
        terminal.take_over()
        return super().invoke(ctx)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Name the nearest command where there is none of that name."""
        if args[0] not in COMMANDS:
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=2)
            hint = f" (did you mean {' or '.join(near)}?)" if near else ""
            raise click.UsageError(f"no command is called {args[0]!r}{hint}; see mmrad-eval --help", ctx)
        return super().resolve_command(ctx, args)


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version

        terminal.say(version("mmrad-eval"))
        ctx.exit()


@click.command(
    cls=Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="First steps: mmrad-eval --model baseline:evidence --task mcot",
)
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Print the version."
)
def app() -> None:
    """Does looking again at a chest X-ray, step by step, make the report better, or only longer?

    Shows a model the same studies under several forms of evidence, collects its reports, scores them, and says which
    differences are statistically significant.
    """


def _holds_data(words: list[str]) -> bool:
    """Whether a command line may load studies or reports, its own or a plugin's doing."""
    first = words[0] if words else "--help"
    name = first if first in COMMANDS else "run"
    return first not in ("--help", "-h", "--version") and name not in _WITHOUT_DATA


def _stopped(words: list[str]) -> str:
    """What is said where a command quits immediately."""
    name = words[0] if words and words[0] in COMMANDS else "run"
    if name not in _ASKING:
        return "stopped; run the same command again"
    return (
        "stopped; replies that had arrived are stored, those in flight are lost; run the same command again to resume"
    )


def _check_words(words: list[str]) -> None:
    """UsageError for a word that is no UTF-8, as the name of an old file may be: no record could hold it."""
    from mmrad_eval.core.errors import UsageError

    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise UsageError(f"{word}: this argument is not valid UTF-8; rename the file") from None


def main() -> None:
    """Run a command; exit 0 complete, 1 error, 2 usage, 3 run incomplete, 4 refused by the data-use gate."""
    from mmrad_eval.core.errors import MmradError

    gc.set_threshold(*_GARBAGE)
    if _holds_data(sys.argv[1:]):
        from mmrad_eval.core.connections import close_process

        close_process()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # what is worth threads starts its own (statistics/weights.py)
    try:
        _check_words(sys.argv[1:])
        code = app.main(standalone_mode=False)
    except click.ClickException as error:
        terminal.show(error)
        code = error.exit_code
    except click.exceptions.Abort:
        terminal.say(_stopped(sys.argv[1:]), err=True)
        code = 130
    except MmradError as error:
        terminal.complain(f"mmrad-eval: {error}")
        code = error.exit_code
    except BrokenPipeError:  # the reader of a pipe has seen enough
        terminal.silence()
        code = 0
    except OSError as error:  # a disk that is full, a folder that is gone or may not be written
        where = f"{error.filename}: " if error.filename else ""
        terminal.complain(f"mmrad-eval: cannot continue: {where}{error.strerror or error}")
        code = 1
    sys.exit(code if isinstance(code, int) else 0)
