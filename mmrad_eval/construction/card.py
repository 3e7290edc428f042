"""What a build says of itself: ``build.json`` for programs and ``card.md`` for people, from the same record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from mmrad_eval.construction.asking import Role, RoleModel, family
from mmrad_eval.construction.check import agreements
from mmrad_eval.construction.leak import Leak
from mmrad_eval.construction.options import BuildOptions
from mmrad_eval.construction.planting import KINDS, PlantedError
from mmrad_eval.construction.records import STAGES, StageLine
from mmrad_eval.construction.stage_files import StageFile
from mmrad_eval.core.canonical import canonical
from mmrad_eval.core.structs import Value
from mmrad_eval.core.values import DataUse, Decoding, Served
from mmrad_eval.results.statistics.agreement import wilson

SCHEMA: Literal["mmrad.build/1"] = "mmrad.build/1"


class BuildModel(Value, frozen=True, omit_defaults=False):
    """A model that took part."""

    label: str
    id: str
    decoding: Decoding
    served: tuple[Served, ...]
    sent: int
    cached: int
    prompt_tokens: int | None
    completion_tokens: int | None
    dollars: float | None


class PlantedRecall(Value, frozen=True, omit_defaults=False):
    """What the auditor noticed of one kind of planted errors."""

    kind: str
    n: int
    noticed: int
    low: float
    high: float


class BuildRecord(Value, frozen=True, omit_defaults=False):
    """build.json."""

    name: str
    """Of the dataset; what the writer saw of the report is part of it."""
    data_use: DataUse
    source: str
    source_format: str
    source_notes: tuple[str, ...]
    version: str
    """Of this program."""
    options: BuildOptions
    prompts: dict[str, str]
    """Prompt -> digest of its text."""
    models: dict[str, BuildModel]
    attestation: dict[str, str] | None
    """The user's statement that a provider may have the data, where it depended on one."""
    stages: dict[str, dict[str, int]]
    """Stage -> status, or ``rejected: reason`` -> images."""
    rejected_statements: dict[str, int]
    agreement: dict[str, int]
    """``reflect / audit / rules`` -> statements of the last round."""
    flags: dict[str, int]
    """Check of our rules -> records."""
    corrected: int
    planted: tuple[PlantedRecall, ...]
    false_alarms: tuple[int, int]
    """(objections, statements) among those beside a planted error that our rules support."""
    rated: dict[str, int]
    """Reader -> records rated."""
    splits: dict[str, int]
    held_out: tuple[int, int]
    """(patients named, of them found)."""
    several_splits: int
    regions: dict[str, int]
    categories: dict[str, int]
    crops_found: int
    """Region images that were looked for in their film, and found."""
    leak: Leak | None
    records: int
    digest: str
    """SHA-256 of the neutral traces."""
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    """What tables of runs on this data say."""
    schema: Literal["mmrad.build/1"] = SCHEMA


def model_of(asked: RoleModel, dollars: float | None) -> BuildModel:
    """What is said of a model."""
    counts, card = asked.requester.counts, asked.card
    return BuildModel(
        label=card.label,
        id=f"{card.provider}:{card.id}" + (f"@{card.revision}" if card.revision else ""),
        decoding=asked.decoding,
        served=tuple(sorted(counts.served, key=canonical)),
        sent=counts.sent,
        cached=counts.cached,
        prompt_tokens=counts.usage.prompt,
        completion_tokens=counts.usage.completion,
        dollars=dollars,
    )


def stage_counts(folder: Path) -> dict[str, dict[str, int]]:
    """Images by status and reason, stage by stage, as far as there are files."""
    found: dict[str, dict[str, int]] = {}
    for stage in STAGES:
        with StageFile(folder, stage) as file:
            if not file.path.exists():
                break
            counted = Counter(words_of(line) for line in file.lines())
            found[stage] = dict(sorted(counted.items()))
    return found


def words_of(line: StageLine) -> str:
    """What a line came to: ``kept``, ``rejected: side``."""
    return f"{line.status}: {line.why}" if line.status == "rejected" else line.status


def judged(folder: Path) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    """(agreement of the three judges, flags of our rules, rejected statements), from the stage ``check``."""
    agreement: Counter[tuple[str, str, str]] = Counter()
    flags: Counter[str] = Counter()
    rejected: Counter[str] = Counter()
    with StageFile(folder, "check") as file:
        for line in file.lines():
            agreement.update(agreements([one for one in line.statements if one.rules]))
            flags.update(line.counts)
            rejected.update(one.why for one in line.statements if one.why)
    named = {" / ".join(key): n for key, n in sorted(agreement.items())}
    return named, dict(sorted(flags.items())), dict(sorted(rejected.items()))


def recall(planted: Sequence[PlantedError]) -> tuple[PlantedRecall, ...]:
    """What was noticed, by kind and altogether."""
    answered = [one for one in planted if one.verdict]
    groups = [(kind, [one for one in answered if one.kind == kind]) for kind in KINDS]
    found = []
    for kind, members in [*groups, ("all", answered)]:
        noticed = sum(one.noticed for one in members)
        low, high = wilson(noticed, len(members)) if members else (0.0, 1.0)
        found.append(PlantedRecall(kind, len(members), noticed, round(low, 4), round(high, 4)))
    return tuple(found) if answered else ()


def warnings_of(models: Mapping[Role, RoleModel], options: BuildOptions, source_format: str) -> Iterator[str]:
    """What a user of the data must know."""
    if len(models) == 2 and family(models["writer"].card) == family(models["auditor"].card) != "":
        yield "writer and auditor belong to one model family and may make the same errors"
    if any(model.card.provider == "program" for model in models.values()):
        yield "written or audited by a built-in program that knows no medicine: to try the command, not to train"
    if options.report == "none":
        yield "no reports: nothing was audited, and our rules checked boxes only"
    if not options.plant and "auditor" in models:
        yield "no errors were planted (--plant): the auditor's detection rate is unknown"
    if source_format in {"chest-imagenome", "reflacx", "padchest-gr", "padchest-gr-es"}:
        yield "the source's sentences are sentences of the reports: the leak is close to 1"


def page(record: BuildRecord) -> str:
    """card.md."""
    return "\n".join(_lines(record)) + "\n"


def _lines(r: BuildRecord) -> Iterator[str]:
    yield f"# {r.name}"
    yield ""
    yield f"Interleaved traces of {r.records:,} films, built by mmrad-eval {r.version}. Data use: **{r.data_use}**."
    if r.data_use != "open":
        yield "Traces, reports and images remain under the data use agreement of their source data."
    yield "A model that was trained on these patients must not be ranked on their reports."
    for warning in r.warnings:
        yield f"\n**Note:** {warning}."
    yield "\n## Source\n"
    yield f"`{r.source}` ({r.source_format})"
    for note in r.source_notes:
        yield f"- {note}"
    yield "\n## Models\n"
    yield "| role | model | temperature | sent | cached | prompt tokens | completion tokens | US dollars |"
    yield "|---|---|---|---|---|---|---|---|"
    for role, model in r.models.items():
        cells = (model.sent, model.cached, model.prompt_tokens, model.completion_tokens, model.dollars)
        yield f"| {role} | `{model.id}` | {model.decoding.temperature} | " + " | ".join(map(_cell, cells)) + " |"
    yield f"\nWhat the writer saw of the report: **{r.options.sees}** when it summarized, all of it when it reflected."
    yield f"Prompts: {', '.join(f'{name} `{digest}`' for name, digest in r.prompts.items())}."
    if r.attestation:
        said = r.attestation
        yield f"{said['who']} stated on {said['date']} that {said['provider']} may have the data."
    yield "\n## Stages\n"
    yield from _table("stage", r.stages)
    yield f"\n{r.corrected:,} records were corrected. Statements that were rejected: {_counts(r.rejected_statements)}."
    yield "\n## Agreement\n"
    yield from _agreement(r.agreement)
    yield f"\nChecks of our rules, in records: {_counts(r.flags)}."
    yield "\n## Planted errors\n"
    yield from _planted(r)
    yield "\n## Rating\n"
    yield f"Records rated by readers: {_counts(r.rated)}."
    yield "\n## Leak\n"
    yield from _leak(r.leak)
    yield "\n## Contents\n"
    yield f"Splits (seed {r.options.seed}): {_counts(r.splits)}."
    if r.held_out[0]:
        yield f"Held-out lists name {r.held_out[0]:,} patients, {r.held_out[1]:,} of them are here, all in test."
    if r.several_splits:
        yield f"{r.several_splits:,} patients were in several splits of the source; all of theirs are in the strictest."
    yield f"Categories: {_counts(r.categories)}."
    yield f"Regions: {_counts(r.regions)}."
    crops = f"; {r.crops_found:,} region images were looked for in their film, and found" if r.crops_found else ""
    yield f"Boxes: padded square of 336 pixels. Region images: {r.options.render}, of {r.options.pixels} pixels{crops}."
    yield "Not there: lateral films, earlier films, and boxes of what is said to be absent where the source has none."
    yield f"\nDigest of the traces: `{r.digest}`"


def _table(head: str, rows: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    columns = sorted({name for row in rows.values() for name in row}, key=lambda name: (":" in name, name))
    yield f"| {head} | " + " | ".join(columns) + " |"
    yield "|---" * (len(columns) + 1) + "|"
    for name, row in rows.items():
        yield f"| {name} | " + " | ".join(str(row.get(column, "")) for column in columns) + " |"


def _agreement(found: Mapping[str, int]) -> Iterator[str]:
    total = sum(found.values())
    if not total:
        yield "Nothing was judged."
        return
    yield "| reflect | audit | rules | statements | share |"
    yield "|---|---|---|---|---|"
    for key, n in sorted(found.items(), key=lambda pair: -pair[1]):
        yield "| " + " | ".join(key.split(" / ")) + f" | {n:,} | {n / total:.3f} |"


def _planted(r: BuildRecord) -> Iterator[str]:
    if not r.planted:
        yield "None."
        return
    yield "| kind | planted | noticed | recall | 95 % interval |"
    yield "|---|---|---|---|---|"
    for one in r.planted:
        share = f"{one.noticed / one.n:.3f}" if one.n else ""
        yield f"| {one.kind} | {one.n} | {one.noticed} | {share} | {one.low:.3f} to {one.high:.3f} |"
    alarms, beside = r.false_alarms
    low, high = wilson(alarms, beside)
    if beside:
        yield f"\nFalse alarms: {alarms} of {beside} statements that our rules support ({low:.3f} to {high:.3f})."


def _leak(leak: Leak | None) -> Iterator[str]:
    if leak is None:
        yield "Not measured: there are no reports."
        return
    yield "| what | value |"
    yield "|---|---|"
    rows: tuple[tuple[str, Any], ...] = (
        ("records", leak.records),
        ("ROUGE-L of trace and report", leak.rouge),
        ("statements of the report that its trace supports", leak.covered),
        ("the same of abnormal statements", leak.covered_abnormal),
        ("SC ceiling", leak.ceiling),
        ("longest verbatim run, words", leak.longest_run),
        ("share of words in runs of 8 or more", leak.in_long_runs),
        ("micro F1 of 14 observations, with the trace as the report", leak.copied_f1),
        ("sentences that compare with a prior study", leak.comparing),
    )
    for what, value in rows:
        yield f"| {what} | {_cell(value)} |"
    yield "\nBefore you claim a gain, run `tcot-blind` and `baseline:evidence`: they show what the words give away."


def _cell(value: object) -> str:
    if value is None:
        return "unknown"
    return f"{value:.3f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in counts.items()) or "none"
