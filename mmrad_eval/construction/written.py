"""Stages 2 to 4, ``summarise``, ``reflect`` and ``audit``: what writer and auditor are asked, and what follows.

The writer does not see the report when it summarises (unless the build says so), sees it when it reflects, and the
auditor sees report and statements but not the reflection. A record with a statement that the auditor does not support
goes back to the writer once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from msgspec.structs import replace

from mmrad_eval.construction import judgements
from mmrad_eval.construction.asking import ROLES, Desk, RefusedError, Role, labels
from mmrad_eval.construction.collect import present, sentences
from mmrad_eval.construction.judgements import (
    AuditVerdicts,
    ReflectVerdict,
    ReflectVerdicts,
    UnreadableError,
    WrittenSummary,
)
from mmrad_eval.construction.options import BuildOptions
from mmrad_eval.construction.records import CollectedStudy, StageLine, TraceStatement
from mmrad_eval.core.errors import Failed
from mmrad_eval.metrics.facts.extract import extract
from mmrad_eval.traces.regions import resolve

SUMMARISE_VERSION = REFLECT_VERSION = AUDIT_VERSION = 1
MOST_SENTENCES = 2
"""Sentences of one region in a summary."""

Objection = dict[str, Any]
"""What the writer is told of a statement, or of a finding that was lost."""


async def guarded(
    line: StageLine, work: Callable[[list[str]], Awaitable[StageLine]], desk: Desk, *roles: Role
) -> StageLine:
    """The line that ``work`` makes by asking ``roles``.

    Rejected where a model declined or can't be read, failed with infrastructure.
    """
    asked: list[str] = []
    try:
        done = await work(asked)
    except RefusedError as error:
        done = replace(line, status="rejected", why="refused", detail=str(error))
    except UnreadableError as error:
        done = replace(line, status="rejected", why=error.reason, detail=str(error))
    except Failed as error:
        return replace(line, status="failed", why=str(error))
    return replace(done, asked=tuple(asked), model=labels(desk.models[role] for role in roles if desk.has(role)))


async def summarise(line: StageLine, study: CollectedStudy, options: BuildOptions, desk: Desk) -> StageLine:
    """Statements of the regions' rows. Without a writer the rows' own sentences stand, each citing itself."""
    if not desk.has("writer"):
        own = tuple(
            TraceStatement(n, region.name, row.text, (row.id,))
            for n, (region, row) in enumerate(((g, row) for g in study.regions for row in g.rows), start=1)
        )
        return _or_rejected(replace(line, statements=own))

    async def work(asked: list[str]) -> StageLine:
        slots = _seen(study, options)
        written: WrittenSummary = await desk.ask(
            "writer", "summarise", slots, judgements.SUMMARY, check=_any, asked=asked
        )
        statements, beyond = _numbered(written, study)
        counts = {"sentences beyond two of a region": beyond} if beyond else {}
        return _or_rejected(replace(line, statements=tuple(statements), counts=counts))

    return await guarded(line, work, desk, "writer")


def _seen(study: CollectedStudy, options: BuildOptions) -> dict[str, object]:
    """What the writer sees."""
    regions = [
        {"region": region.name, "rows": [{"row": row.id, "text": row.text} for row in region.rows]}
        for region in study.regions
        if region.rows
    ]
    report = study.report.text
    shown: dict[str, object] = {"regions": regions, "labels": None, "report": None}
    if options.sees == "labels":
        shown["labels"] = list(present(report) or study.labels) or ["none"]
    if options.sees == "report":
        shown["report"] = report
    return shown


def _any(_: object) -> None:
    """A summary has no form beyond its fields; each statement is judged by itself."""


def _numbered(written: WrittenSummary, study: CollectedStudy) -> tuple[list[TraceStatement], int]:
    """One statement a sentence, numbered, and how many were left out as too many of a region.

    Those that cite what was not given are rejected by themselves.
    """
    regions = {region.name: {row.id for row in region.rows} for region in study.regions}
    rows = {row for ids in regions.values() for row in ids}
    found: list[TraceStatement] = []
    counts: dict[str, int] = {}
    beyond = 0
    for one in written.statements:
        name = _given(one.region, regions)
        why = "region not given" if name is None else ""
        if not why and (not one.rows or not set(one.rows) <= rows):
            why = "row not given"
        for sentence in sentences(one.text):
            region = name or one.region
            counts[region] = counts.get(region, 0) + 1
            if not why and counts[region] > MOST_SENTENCES:
                beyond += 1
                continue
            found.append(TraceStatement(len(found) + 1, region, sentence, one.rows, why=why))
    return found, beyond


def _given(name: str, regions: dict[str, set[str]]) -> str | None:
    """The region that was given under this name, in any spelling that the vocabulary knows."""
    if name in regions:
        return name
    known = resolve(name)
    return known.name if known is not None and known.name in regions else None


def _or_rejected(line: StageLine) -> StageLine:
    """The line, rejected where no statement stands: for the first statement's reason."""
    if line.standing:
        return line
    why = next((one.why for one in line.statements if one.why), "nothing left")
    return replace(line, status="rejected", why=why)


async def reflect(
    line: StageLine, study: CollectedStudy, options: BuildOptions, desk: Desk, comments: Sequence[Objection] = ()
) -> StageLine:
    """The writer compares its statements with the report, once; ``comments`` are those of readers who rated it low."""
    if not desk.has("writer") or options.report == "none":
        return line

    async def work(asked: list[str]) -> StageLine:
        return await reflected(line, study, desk, comments, asked)

    return await guarded(line, work, desk, "writer")


async def reflected(
    line: StageLine, study: CollectedStudy, desk: Desk, objections: Sequence[Objection], asked: list[str]
) -> StageLine:
    """The line after the writer's verdicts; with ``objections``, those that were made to its statements."""
    report = study.report.text
    standing = line.standing
    given = [one.n for one in standing]
    regions = {region.name: set[str]() for region in study.regions}

    def check(said: ReflectVerdicts) -> None:
        judgements.check_numbers(given, [one.n for one in said.verdicts if one.verdict != "add"])
        for one in said.verdicts:
            judgements.check_quote(one.quote, report)
            if one.verdict in {"correct", "add"} and not (one.text.strip() and one.quote.strip()):
                raise UnreadableError(f"statement {one.n}: {one.verdict!r} needs a text and a quote from the report")
            if one.verdict == "add" and (not objections or _given(one.region, regions) is None):
                raise UnreadableError(f"a statement about {one.region!r} can't be added")

    slots = {
        "statements": shown(standing),
        "report": report,
        "objections": [*objections, {"regions": list(regions)}] if objections else None,
    }
    said: ReflectVerdicts = await desk.ask("writer", "reflect", slots, judgements.REFLECTION, check=check, asked=asked)
    verdicts = {one.n: one for one in said.verdicts if one.verdict != "add"}
    statements = [_after(one, verdicts.get(one.n)) for one in line.statements]
    for one in said.verdicts:
        if one.verdict == "add":
            for sentence in sentences(one.text):
                number = len(statements) + 1
                name = _given(one.region, regions) or one.region
                statements.append(TraceStatement(number, name, sentence, quote=one.quote, reflect="add"))
    changed = line.status == "corrected" or any(one.verdict != "keep" for one in said.verdicts)
    made = replace(line, statements=tuple(statements), status="corrected" if changed else "kept")
    if made.standing:
        return made
    return replace(made, status="rejected", why="invented", detail="the writer removed every statement")


def _after(one: TraceStatement, verdict: ReflectVerdict | None) -> TraceStatement:
    if verdict is None:
        return one
    if verdict.verdict == "remove":
        return replace(one, reflect="remove", quote=verdict.quote, why="invented")
    text = " ".join(sentences(verdict.text)) if verdict.verdict == "correct" else one.text
    return replace(one, reflect=verdict.verdict, text=text, quote=verdict.quote)


def shown(statements: Sequence[TraceStatement]) -> list[dict[str, object]]:
    """Statements as a judge sees them: no rows, no verdicts."""
    return [{"n": one.n, "region": one.region, "text": one.text} for one in statements]


async def audit(line: StageLine, study: CollectedStudy, options: BuildOptions, desk: Desk) -> StageLine:
    """The auditor judges by the report; what it does not support goes back to the writer once."""
    if not desk.has("auditor") or options.report == "none":
        return line

    async def work(asked: list[str]) -> StageLine:
        return await audited(line, study, desk, asked)

    return await guarded(line, work, desk, *ROLES)


async def audited(line: StageLine, study: CollectedStudy, desk: Desk, asked: list[str]) -> StageLine:
    """The line after the audit, and after one more round where it is due."""
    judged = await _judged(line, study, desk, asked)
    objections = objections_of(judged)
    if not objections:
        return judged
    if line.rounds or not desk.has("writer"):
        return rejected_by_audit(judged)
    again = await reflected(replace(judged, rounds=1), study, desk, objections, asked)
    if not again.goes_on:
        return again
    judged = await _judged(again, study, desk, asked)
    return rejected_by_audit(judged) if objections_of(judged) else judged


async def _judged(line: StageLine, study: CollectedStudy, desk: Desk, asked: list[str]) -> StageLine:
    said = await ask_auditor(line.standing, study, desk, asked)
    verdicts = {one.n: one for one in said.verdicts}
    statements = tuple(
        replace(one, audit=v.verdict, error=v.error or "", quote=v.quote or one.quote)
        if (v := verdicts.get(one.n)) is not None
        else one
        for one in line.statements
    )
    return replace(line, statements=statements)


async def ask_auditor(
    statements: Sequence[TraceStatement], study: CollectedStudy, desk: Desk, asked: list[str]
) -> AuditVerdicts:
    """The auditor's verdicts, whose quotes are the report's own words."""
    report = study.report.text
    given = [one.n for one in statements]

    def check(said: AuditVerdicts) -> None:
        judgements.check_numbers(given, [one.n for one in said.verdicts])
        for one in said.verdicts:
            judgements.check_quote(one.quote, report)
            if one.verdict in {"supported", "contradicted"} and not one.quote.strip():
                raise UnreadableError(f"statement {one.n}: {one.verdict!r} needs a quote from the report")

    slots = {"statements": shown(statements), "report": report}
    return await desk.ask("auditor", "audit", slots, judgements.AUDIT, check=check, asked=asked)


def objections_of(line: StageLine) -> list[Objection]:
    """What the auditor holds against the statements that stand. A normal remark need not be mentioned."""
    return [
        {"n": one.n, "verdict": one.audit, "error": one.error, "quote": one.quote}
        for one in line.standing
        if one.audit not in {"", "supported"} and not (one.audit == "not mentioned" and normal(one.text))
    ]


def normal(text: str) -> bool:
    """Whether a sentence states facts and denies all of them, as our rules read it."""
    facts = extract(text)
    return bool(facts) and all(fact.status == "absent" for fact in facts)


def rejected_by_audit(line: StageLine) -> StageLine:
    """The record, rejected after its second round; without a writer, for what the auditor found."""
    first = objections_of(line)[0]
    what = f"statement {first['n']}: {first['verdict']}{', ' + first['error'] if first['error'] else ''}"
    if line.rounds:
        return replace(line, status="rejected", why="two rounds", detail=what)
    why = "contradicted" if first["verdict"] == "contradicted" else "invented"
    return replace(line, status="rejected", why=why, detail=what)
