"""`mmrad-eval data build`: traces for any corpus, from regions, boxes and reports, by a writer and an auditor."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmrad_eval.cli import terminal
from mmrad_eval.cli.help_page import GroupedCommand
from mmrad_eval.cli.option_files import configured
from mmrad_eval.cli.shared_options import COLUMNS, with_options
from mmrad_eval.cli.words import named_values

if TYPE_CHECKING:
    from mmrad_eval.construction.build import BuildPlan, BuildSettings, Built
    from mmrad_eval.construction.records import StageLine, StageName

INCOMPLETE = 3
_EVERY = 10.0  # seconds between two lines of progress
_REASONS = 3  # reasons of failures that are named


def _check_keys(said: Mapping[str, Any]) -> None:
    """UsageError where a file of options would send a key that the command line does not allow it."""
    from click.core import ParameterSource

    from mmrad_eval.harness.experiment_keys import check_role

    ctx = click.get_current_context()

    def of_file(name: str) -> Any:
        return said[name] if ctx.get_parameter_source(name) is ParameterSource.DEFAULT_MAP else None

    for role in ("writer", "auditor"):
        urls, variable = of_file(f"{role}_url"), of_file(f"{role}_key_env")
        if said[role] and (urls or variable):
            check_role("the file of --config", said[role], list(urls or ()), variable, frozenset(said["allow_key"]))


def _source_options(command: Callable[..., Any]) -> Callable[..., Any]:
    folder = click.Path(path_type=Path)
    return with_options(
        command,
        click.option(
            "--link", metavar="REPORTS", help="MIMIC-CXR folder, or any data with reports under the same ids."
        ),
        click.option("--images", type=folder, help="Root folder of the image paths."),
        *COLUMNS,
        click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="An option of the reader."),
        click.option(
            "--data-use",
            type=click.Choice(["open", "credentialed"]),
            help="Data-use class of the data, if unknown.",
        ),
        click.option("--limit", type=click.IntRange(min=1), help="Only the first N images."),
    )


def _model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    options: list[Callable[..., Any]] = []
    for role, what in (
        ("writer", "Model that writes and corrects the traces"),
        ("auditor", "Model that checks the traces against the report"),
    ):
        options += [
            click.option(
                f"--{role}", metavar="MODEL", help=f"{what}: same syntax as --model, program:{role}, or none."
            ),
            click.option(f"--{role}-url", multiple=True, metavar="URL", help=f"Address of the {role}'s server."),
            click.option(
                f"--{role}-key-env", metavar="NAME", help=f"Environment variable that holds the {role}'s key."
            ),
        ]
    return with_options(
        command,
        *options,
        click.option("--prompts", type=click.Path(path_type=Path), help="Folder of custom prompt files."),
        click.option(
            "--max-tokens",
            type=click.IntRange(min=1),
            default=2048,
            show_default=True,
            help="Maximum number of tokens per answer.",
        ),
        click.option(
            "--temperature",
            metavar="NUMBER|none",
            help="Sampling temperature. [default: 0; not sent if the model does not accept one]",
        ),
        click.option("--no-schema", is_flag=True, help="Do not request a JSON schema, for servers that refuse one."),
        click.option("--allow-key", multiple=True, metavar="NAME", help="Let a card read a key from this variable."),
        click.option(
            "--local-network",
            "local_networks",
            multiple=True,
            metavar="HOST",
            help="Treat this host or network as local.",
        ),
        click.option(
            "--attest-provider",
            help="Provider that you attest may receive credentialed data; needs the next two options.",
        ),
        click.option("--attest-retention", help="Retention setting under which the provider may receive the data."),
        click.option("--attest-who", help="Person who attests it; all three are stored with the build."),
        click.option(
            "--concurrency", type=click.IntRange(min=1), help="Maximum number of concurrent requests. [default: adapts]"
        ),
        click.option(
            "--timeout", type=click.FloatRange(min=0, min_open=True), help="Timeout of one request in seconds."
        ),
        click.option("--patience", type=click.FloatRange(min=0), help="Seconds to wait for an unreachable server."),
        click.option("--budget", metavar="20usd", help="Stop starting new work after spending this much."),
        click.option("--max-requests", type=int, help="Stop starting new work after sending this many requests."),
        click.option("--max-time", metavar="1h30m", help="Stop starting new work after this much time."),
    )


def _build_options(command: Callable[..., Any]) -> Callable[..., Any]:
    choice = click.Choice
    return with_options(
        command,
        click.option("--name",
                     help="Name of the dataset; the value of --writer-sees is appended. [default: the source's]"),
        click.option("--stages", metavar="STAGE[..STAGE]", help="One stage, or a range. [default: all]"),
        click.option(
            "--writer-sees",
            type=choice(["nothing", "labels", "report"]),
            default="nothing",
            show_default=True,
            help="Part of the report that the writer sees when it summarizes; each makes its own dataset.",
        ),
        click.option(
            "--report", type=choice(["reference", "none"]), default="reference", show_default=True,
            help="Compare the traces with the reports, or build without reports.",
        ),
        click.option("--lost", metavar="N|any", default="0", show_default=True,
                     help="Number of findings that a trace may omit."),
        click.option("--comparisons", type=choice(["keep", "drop"]), default="keep", show_default=True,
                     help="Keep or drop statements that compare with a prior study."),
        click.option("--profile", type=choice(["full", "paper"]), default="full", show_default=True,
                     help="Categories of steps: six, or the two of the published example."),
        click.option("--order", type=choice(["vocabulary", "source"]), default="vocabulary", show_default=True,
                     help="Order of the steps: that of the built-in region list, or the source's."),
        click.option("--render", type=choice(["crop", "masked", "highlighted", "none"]), default="crop",
                     show_default=True, help="How region images are rendered."),
        click.option("--pixels", type=choice(["source", "336"]), default="source", show_default=True,
                     help="Pixels of films and region images: the source's, or the authors' padded square."),
        click.option("--films", type=choice(["copy", "link"]), default="copy", show_default=True,
                     help="Copy films into the build, or link to them."),
        click.option("--hold-out", multiple=True, type=click.Path(path_type=Path),
                     help="File of patients, one per line, who must be in the test split."),
        click.option("--plant", type=click.FloatRange(0, 1), default=0.0, show_default=True,
                     help="Share of statements that the auditor also gets with a planted error, to test the auditor."),
        click.option("--seed", type=int, default=1, show_default=True, help="Seed of the split and of planted errors."),
        click.option("--partial", is_flag=True, help="Write the dataset even if some images failed."),
    )  # fmt: skip


@click.command(cls=GroupedCommand)
@click.argument("source", required=False)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    is_eager=True,
    expose_value=False,
    callback=configured,
    help="TOML file that holds these options, permissions aside; the command line wins.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the build.")
@_source_options
@_model_options
@_build_options
@click.option("--dry-run", is_flag=True, help="Print what would be sent and what it would cost; send nothing.")
@click.option("--quiet", "-q", is_flag=True, help="No progress.")
def build(**said: Any) -> int:
    """Build interleaved traces of SOURCE: what a writer says about its regions, audited by another model and by rules.

    SOURCE has regions with boxes (gemex-thinkvg, chest-imagenome, padchest-gr, vindr, ms-cxr, reflacx, a table of
    boxes, demo). Run the same command again to resume. The folder is a dataset: --data DIR.
    """
    from mmrad_eval.construction.build import plan_of, run

    _check_keys(said)
    settings = _settings(said)
    plan = plan_of(settings)
    if said["dry_run"]:
        _price(plan)
        return 0
    progress = BuildProgress(quiet=said["quiet"])
    if not said["quiet"]:
        who = ", ".join(f"{role} {client.card.label}" for role, client in plan.clients.items()) or "no models"
        terminal.say(
            f"{plan.name}: {plan.count} images of {settings.dataset.name}, data use {plan.data_use}; {who}", err=True
        )
    built = run(plan, progress)
    return _told(plan, built)


def _settings(said: dict[str, Any]) -> BuildSettings:
    from mmrad_eval.construction.build import BuildSettings, Named
    from mmrad_eval.construction.options import BuildOptions
    from mmrad_eval.construction.sources import load, places
    from mmrad_eval.core.errors import UsageError
    from mmrad_eval.core.values import Decoding
    from mmrad_eval.harness import budget as budgets
    from mmrad_eval.harness import gate
    from mmrad_eval.model_registry.command_line import written_down

    for name, example in (("source", "demo"), ("out", "--out build"), ("writer", "--writer program:writer")):
        if not said[name]:
            raise UsageError(f"{'SOURCE' if name == 'source' else f'--{name}'} is missing, such as {example}")
    for option in ("name", "attest_provider", "attest_retention", "attest_who"):
        written_down(f"--{option.replace('_', '-')}", said[option] or "")
    attested = {part: said[f"attest_{part}"] or "" for part in ("provider", "retention", "who")}
    temperature = _temperature(said["temperature"])
    dataset = load(
        said["source"],
        link=said["link"],
        images=said["images"],
        data_use=said["data_use"],
        patient_column=said["patient_column"],
        columns=named_values(said["columns"], "--column", "write OURS=THEIRS"),
        options=named_values(said["options"], "--option", "write --option NAME=VALUE"),
    )
    return BuildSettings(
        dataset=dataset,
        out=said["out"],
        sources=places(said["source"], said["link"]),
        writer=Named(said["writer"], said["writer_url"], said["writer_key_env"]),
        auditor=Named(said["auditor"] or "none", said["auditor_url"], said["auditor_key_env"]),
        options=BuildOptions(
            sees=said["writer_sees"],
            report=said["report"],
            lost=_lost(said["lost"]),
            comparisons=said["comparisons"],
            profile=said["profile"],
            order=said["order"],
            render=said["render"],
            pixels=said["pixels"],
            films=said["films"],
            plant=said["plant"],
            seed=said["seed"],
        ),
        name=said["name"] or "",
        stages=_stages(said["stages"]),
        prompts=said["prompts"],
        hold_out=said["hold_out"],
        limit=said["limit"],
        decoding=Decoding(max_tokens=said["max_tokens"], temperature=temperature),
        stated=frozenset({"temperature"} if said["temperature"] is not None else ()),
        structured=not said["no_schema"],
        partial=said["partial"],
        concurrency=said["concurrency"],
        timeout=said["timeout"],
        patience=said["patience"],
        budget=budgets.Budget(
            usd=None if said["budget"] is None else budgets.usd(said["budget"]),
            requests=said["max_requests"],
            seconds=None if said["max_time"] is None else budgets.duration(said["max_time"]),
        ),
        allowed_keys=frozenset(said["allow_key"]),
        local_networks=said["local_networks"],
        attestation=gate.attestation(**attested) if any(attested.values()) else None,
        planned_only=said["dry_run"],
    )


def _temperature(written: str | None) -> float | None:
    from mmrad_eval.core.errors import UsageError

    if written in (None, "none"):
        return 0.0 if written is None else None
    try:
        return float(written)
    except ValueError:
        raise UsageError(f"--temperature {written}: write a number, or none to leave it out") from None


def _lost(written: str) -> int | None:
    from mmrad_eval.core.errors import UsageError

    if written == "any":
        return None
    if not str(written).isdigit():
        raise UsageError(f"--lost {written}: write a whole number, or any")
    return int(written)


def _stages(written: str | None) -> tuple[StageName, ...]:
    """``audit``, ``4``, ``reflect..check``, ``2-4`` as the stages that are meant."""
    from mmrad_eval.construction.records import STAGES
    from mmrad_eval.core.errors import UsageError

    if not written:
        return STAGES
    first, _, last = written.replace("..", "-").partition("-")
    places = []
    for word in (first, last or first):
        known = [n for n, name in enumerate(STAGES) if word in {name, str(n + 1)}]
        if not known:
            raise UsageError(f"--stages {written}: there is no stage {word!r}; the stages are {', '.join(STAGES)}")
        places += known
    if places[0] > places[1]:
        raise UsageError(f"--stages {written}: {STAGES[places[0]]} comes after {STAGES[places[1]]}")
    return STAGES[places[0] : places[1] + 1]


def _price(plan: BuildPlan) -> None:
    from mmrad_eval.construction.price import price_of

    seen = price_of(plan)
    terminal.say(f"{plan.name}: {seen.images:,} images, data use {plan.data_use}")
    if not seen.requests:
        terminal.say("  no request: no model is called")
        return
    planted = f", {seen.planted:,} about planted errors" if seen.planted else ""
    terminal.say(
        f"  {seen.requests:,} requests; {seen.returned:,} more if a tenth of the records go back to the writer{planted}"
    )
    terminal.say(f"  about {seen.prompt_tokens:,} prompt tokens and {seen.completion_tokens:,} completion tokens")
    dollars = "a card has no price" if seen.dollars is None else f"about {seen.dollars:.2f} US dollars"
    terminal.say(f"  {dollars}")


class BuildProgress:
    """A line a stage, on standard error, and one every ten seconds in between."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._stage = ""
        self._due = self._made = 0
        self._next = 0.0

    def begin(self, stage: StageName, due: int, done: int) -> None:
        """Remember what is to do."""
        self._stage, self._due, self._made = stage, due, 0
        self._next = time.monotonic() + _EVERY

    def made(self, line: StageLine) -> None:
        """Count, and say so when it is time."""
        self._made += 1
        if not self._quiet and time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY
            of = f" of {self._due:,}" if self._due else ""
            terminal.say(f"  {line.stage}: {self._made:,}{of} images", err=True)

    def end(self, stage: StageName, tally: Counter[tuple[str, str]]) -> None:
        """Say what the stage came to, by reason."""
        if self._quiet:
            return
        parts = [f"{n:,} {status}" for status, n in _by_status(tally).items()]
        reasons = [f"{why} {n:,}" for (status, why), n in sorted(tally.items(), key=lambda p: -p[1]) if why]
        said = f" ({', '.join(reasons)})" if reasons else ""
        terminal.say(f"  {stage:<10} {', '.join(parts) or 'nothing'}{said}", err=True)


def _by_status(tally: Counter[tuple[str, str]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for status in ("kept", "corrected", "rejected", "failed"):
        if n := sum(count for (name, _), count in tally.items() if name == status):
            found[status] = n
    return found


def _told(plan: BuildPlan, built: Built) -> int:
    """Say what came out, and what is left to do."""
    out = plan.settings.out
    if built.record is not None and not built.record.records:
        terminal.say(f"no record was kept: {out / 'card.md'} says at which stage each was rejected, and why", err=True)
        return 1
    if built.record is not None:
        record = built.record
        terminal.say(
            f"{record.name}: {record.records:,} traces, {', '.join(f'{k} {v:,}' for k, v in record.splits.items())}"
        )
        for one in record.planted:
            terminal.say(f"  planted {one.kind}: {one.noticed} of {one.n} noticed ({one.low:.2f} to {one.high:.2f})")
        if record.planted:
            alarms, beside = record.false_alarms
            terminal.say(f"  false alarms: {alarms} of {beside} statements that our rules support")
        for note in record.notes:
            terminal.say(f"  {note}")
        for warning in record.warnings:
            terminal.say(f"  note: {warning}")
        terminal.say(f"{out}: read {out / 'card.md'}; use it with --data {out}")
    if built.complete:
        return 0
    why = f": {built.stop.reason}" if built.stop is not None else ""
    terminal.say(f"the build is not complete{why}; run the same command again to resume", err=True)
    for reason, count in built.failed.most_common(_REASONS):
        terminal.say(f"  {count:,} failed: {' '.join(reason.split())[:300]}", err=True)
    return INCOMPLETE
