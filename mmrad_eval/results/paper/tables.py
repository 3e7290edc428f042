"""T1 evidence arms by model, T2 formats of adaptation, T3 the panel of models, and the supplement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from mmrad_eval.results.leaderboard.optimized import optimized_note
from mmrad_eval.results.leaderboard.policy_rows import policy_row
from mmrad_eval.results.paper.contrast import Line, PaperContrast, contrast, ranks, rows, table_columns
from mmrad_eval.results.paper.labels import Labels
from mmrad_eval.results.paper.printed import BLIND, DIFFERENCES, NO_MODEL, NOT_RANKED, UNIT
from mmrad_eval.results.paper.runs import PaperRow, PaperRuns, spec
from mmrad_eval.results.paper.visual_gain import ClaimOptions, visual_gain
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.tables.table import Row, Table, TableColumn
from mmrad_eval.tasks.arms import TEXT, labels

ARMS = labels("evidence")
CONTROLS = labels("control")
_OPTIONAL = {"crops-atlas", "mcot-unboxed", "mcot-random"}  # nobody is told to run them for this table
DIRECT, IMPORTED = "direct", "imported"
PANEL = (DIRECT, IMPORTED)
"""Tasks whose models stand in one table unless another task is named: each made its report from the image alone."""
BASELINES = ("evidence", "normal", "shuffle", "second-reader", "reference")
"""In the order of their rows; ``labels.toml`` has what they are called."""
_OPTIONAL_BASELINES = {"second-reader"}  # few data sets have one


MOST_VERDICTS = 3
"""Models whose verdict stands below a table; that of more stands in results.md."""


@dataclass(frozen=True)
class Made:
    """A table, what was compared for it, and what it lacks."""

    table: Table
    contrasts: tuple[PaperContrast, ...]
    missing: tuple[str, ...]
    """Sentences, each with the command that would fill the gap."""
    verdicts: tuple[str, ...] = ()
    """Whether each model's gain may be called visual."""
    to: str = ""
    """What differences are taken to, where it is not text CoT."""


def arms_table(paper: PaperRuns, resamples: int, claims: ClaimOptions, labels: Labels) -> Made:
    """T1: for each model every form of evidence, its controls, and differences to text CoT."""
    out: list[Row] = []
    contrasts: list[PaperContrast] = []
    missing: list[str] = []
    verdicts: list[str] = []
    wanted = ARMS | CONTROLS
    for model in paper.models:
        parts = [(task, paper.find(model, task)) for task in wanted]
        there = [(task, part) for task, part in parts if part is not None]
        if not any(task != DIRECT for task, _ in there):
            continue  # the image alone is no form of evidence: the panel has it
        lines = [_line(model, labels.task(task), part, control=task in CONTROLS) for task, part in there]
        text = next((line for line, (task, _) in zip(lines, there, strict=True) if task == TEXT), None)
        found = contrast(lines, paper.columns, text, resamples)
        contrasts.append(found)
        made = rows(found, paper.columns, differences=True, marks=ranks(found, paper.columns))
        out += _grouped(made, lines)
        verdicts += [f"{labels.model(model)}: {said}" for said in visual_gain(paper, model, claims)]
        lacking = [task for task, part in parts if part is None and task not in _OPTIONAL]
        if lacking:
            command = paper.command([spec(there[0][1].first)], lacking)
            missing.append(f"T1, {model}: no run of {', '.join(lacking)}: {command}")
    base, lacking_baselines = _baselines(paper, labels)
    out += [*base, *_policies(paper, "arm")] if contrasts else []
    if lacking_baselines:
        names = [f"baseline:{name}" for name in lacking_baselines]
        task = TEXT if lacking_baselines == ["evidence"] else "direct"
        missing.append(f"T1: no {', '.join(names)}: {paper.command(names, [task])}")
    if not contrasts and {part.task for part in paper.parts if not part.baseline} == {IMPORTED}:
        missing.clear()  # reports that were made elsewhere: nobody can be told to run their models
    elif not contrasts:
        command = paper.command(["MODEL"], [task for task in wanted if task not in _OPTIONAL])
        missing.insert(0, f"T1: no model has run any form of evidence: {command}")
    named = (TableColumn("model", media="data"), TableColumn("task", media="data"), TableColumn("arm", "evidence"))
    columns = (*named, *_COUNTS, *table_columns(paper.columns, to=labels.task(TEXT)))
    notes = (*_notes(contrasts, labels.task(TEXT)), *optimized_note(paper.runs), *verdicts[:MOST_VERDICTS])
    among = f"each model's {_AMONG.removeprefix('the ')}" if len(contrasts) > 1 else _AMONG
    table = Table("t1-arms", f"Evidence given to a frozen model ({paper.title})", columns, tuple(out), notes, among)
    return Made(table, tuple(contrasts), tuple(missing), tuple(verdicts))


def adaptation_table(paper: PaperRuns, formats: Mapping[str, RunFolder], resamples: int) -> Made:
    """T2: one backbone adapted in several formats; ``formats`` maps a name to its run, the reference first."""
    columns = (TableColumn("arm", "adaptation"), TableColumn("model"), TableColumn("task", media="data"), *_COUNTS)
    title = f"Formats of adaptation ({paper.title})"
    if not formats:
        how = (
            "T2: name the runs of the adapted models: "
            "mmrad-eval paper --adapted end-to-end=RUN --adapted text=RUN --adapted multimodal=RUN"
        )
        return Made(Table("t2-adaptation", title, columns, ()), (), (how,))
    lines, missing = [], []
    for name, folder in formats.items():
        part = next(
            (p for p in paper.parts if any(e.folder.resolve() == folder.path.resolve() for e in p.samples)), None
        )
        if part is None:
            missing.append(f"T2: {name} ({folder.path}) is not a run over {paper.title}")
        else:
            lines.append(_line(part.model, name, part))
    found = contrast(lines, paper.columns, lines[0] if lines else None, resamples)
    first = lines[0].names["arm"] if lines else "the first"
    body = rows(found, paper.columns, differences=True, marks=ranks(found, paper.columns))
    body += _policies(paper, "arm") if body else []
    every = (*columns, *table_columns(paper.columns, to=first))
    notes = (*_notes([found], first), *optimized_note(paper.runs))
    table = Table("t2-adaptation", title, every, tuple(body), notes, _AMONG)
    return Made(table, (found,), tuple(missing), to=first)


def panel_table(paper: PaperRuns, task: str | None, resamples: int, labels: Labels) -> Made:
    """T3: every model on one task with one prompt, and whether it was trained on MIMIC.

    Without a task: from the image alone, reports that were made elsewhere among them.
    """
    tasks = [task] if task is not None else list(PANEL)
    lines = []
    for model in paper.models:
        part = next((part for one in tasks if (part := paper.find(model, one)) is not None), None)
        if part is not None:
            lines.append(_panel_line(paper, part))
    lines.sort(key=lambda line: line.part.model)
    found = contrast(lines, paper.columns, None, resamples)
    body = rows(found, paper.columns, differences=False, marks=ranks(found, paper.columns))
    base, _ = _baselines(paper, labels)
    columns = (
        TableColumn("model"),
        TableColumn("trained on MIMIC"),
        *_COUNTS,
        *table_columns(paper.columns),
    )
    missing = []
    if len(lines) < 2:
        have = "only one model has" if len(lines) == 1 else f"{len(lines) or 'no'} models have"
        missing.append(f"T3: {have} run {tasks[0]}: {paper.command(['MODEL', 'MODEL'], tasks[:1])}")
    one = "from the image alone" if tasks[0] == DIRECT else labels.task(tasks[0])
    what = "" if {line.part.task for line in lines} <= {IMPORTED} else f", {one}"
    title = f"Models{what} ({paper.title})"
    below = (*base, *_policies(paper, "model"))
    notes = (*_notes([found], ""), *optimized_note(paper.runs))
    table = Table("t3-panel", title, columns, (*body, *below) if lines else (), notes, _AMONG)
    return Made(table, (found,), tuple(missing))


_AMONG = "the runs over the same studies, and those whose difference from the best has an interval that contains 0"
_COUNTS = (
    TableColumn("n", kind="count"),
    TableColumn("not ok", "not ok, %", "percent"),
    TableColumn("length", "words, % of reference", "percent"),
)


def _line(model: str, arm: str, part: PaperRow, *, control: bool = False) -> Line:
    return Line({"model": model, "task": part.task, "arm": arm}, part, control)


def _panel_line(paper: PaperRuns, part: PaperRow) -> Line:
    trained = part.first.run.card.trained_on
    mimic = any("mimic" in name.lower() for name in trained)
    known = "yes" if mimic else "no" if trained else "unknown"
    line = Line({"model": part.model, "task": part.task, "trained on MIMIC": known}, part)
    if mimic and "mimic" in paper.dataset.lower() and paper.split != "test":
        seen = "trained on MIMIC, and these are not its test patients only: not ranked"
        return Line(line.names, PaperRow(part.samples, part.why or seen))
    return line


def _grouped(made: list[Row], lines: Sequence[Line]) -> list[Row]:
    """Rows of one model, with its name above the first of them and the first control."""
    out: list[Row] = []
    for i, (row, line) in enumerate(zip(made, lines, strict=True)):
        first = i == 0 or line.control != lines[i - 1].control
        heading = f"{row.cells['model'].value}{NOT_RANKED if line.control else ''}" if first else ""
        out.append(replace(row, rule=i == 0, heading=heading))
    return out


def _baselines(paper: PaperRuns, labels: Labels) -> tuple[list[Row], list[str]]:
    """Rows of the baselines, never ranked, and the names of those that are missing."""
    out: list[Row] = []
    missing = []
    for name in BASELINES:
        part = paper.baseline(name, (TEXT, "mcot", "direct"))
        if part is None:
            missing += [name] if name not in _OPTIONAL_BASELINES else []
            continue
        names = {"model": part.model, "task": part.task, "arm": labels.model(f"baseline:{name}")}
        if name == "evidence":
            names["arm"] += f" ({labels.task(part.task)})"
        line = Line(names | {"trained on MIMIC": NO_MODEL}, PaperRow(part.samples, None), control=True)
        (row,) = rows(PaperContrast((line,), None, False, None, {}), paper.columns, differences=False, marks={})
        notes = (part.why,) if part.why else ()
        heading = "" if out else NO_MODEL
        out.append(replace(row, ranked=False, rule=not out, heading=heading, notes=(*row.notes, *notes)))
    return out, missing


def _policies(paper: PaperRuns, first: str) -> list[Row]:
    """Rows of reports that see no image, named in the column ``first``."""
    rows = (policy_row(name, cells, first=first) for name, cells in paper.policies.items())
    return [replace(row, rule=not i, heading="" if i else BLIND, media="all", notes=()) for i, row in enumerate(rows)]


def _notes(contrasts: Sequence[PaperContrast], to: str) -> tuple[str, ...]:
    compared = [found.comparison for found in contrasts if found.comparison is not None]
    if not compared:
        return ()
    first = compared[0]
    unit = "patients" if first.cluster == "patient" else "studies (no patient ids)"
    patients = f"{first.differences[0].patients:,} {unit}"
    notes = [
        f"{UNIT}intervals: {100 * first.level:g} %, bootstrap over {patients}, {first.resamples:,} resamples.",
    ]
    if to and any(found.wanted for found in contrasts):
        tests = max(c.family.members for c in compared)
        family = f"{tests} differences of a group" if tests > 1 else "the one difference of a group"
        notes.append(
            f"{DIFFERENCES}to {to}; * significant: p at most 0.05 after max-T over {family}, and an interval without 0."
        )
    return tuple(notes)
