"""Stage 5, ``check``: our rules' verdicts beside the judges', and what follows from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from mmrad_eval.construction.asking import ROLES, Desk
from mmrad_eval.construction.options import BuildOptions
from mmrad_eval.construction.records import CheckFinding, CollectedStudy, StageLine, TraceStatement
from mmrad_eval.construction.rules import MeanRegions, judge
from mmrad_eval.construction.written import Objection, audited, guarded, reflected

VERSION = 2
REASONS = {
    "contradicted": "contradicted",
    "invented": "invented",
    "certainty": "contradicted",
    "side": "side",
    "side and box": "side",
    "mirrored film?": "side",
    "lost": "lost",
    "box": "box",
}
"""Check -> the reason of a rejection."""


async def check(
    line: StageLine, study: CollectedStudy, options: BuildOptions, desk: Desk, means: MeanRegions
) -> StageLine:
    """The record with our rules' verdicts; what they hold against it goes back to the writer, where it never did."""
    first = _checked(line, study, options, means)
    if not first.goes_on or not _due(first) or line.rounds or not desk.has("writer") or options.report == "none":
        return _settled(first)

    async def work(asked: list[str]) -> StageLine:
        again = await reflected(replace(first, rounds=1), study, desk, _objections(first), asked)
        if again.goes_on and desk.has("auditor"):
            again = await audited(again, study, desk, asked)
        return _settled(_checked(again, study, options, means)) if again.goes_on else again

    return await guarded(first, work, desk, *ROLES)


def _checked(line: StageLine, study: CollectedStudy, options: BuildOptions, means: MeanRegions) -> StageLine:
    report = options.report != "none"
    verdict = judge(line.standing, study, means, report=report, lost=options.lost)
    statements = tuple(replace(one, rules=verdict.words.get(one.n, "")) for one in line.statements)
    if options.comparisons == "drop":
        compares = {n for found in verdict.findings if found.check == "not from one image" for n in found.n}
        statements = tuple(replace(one, why="not from one image") if one.n in compares else one for one in statements)
    counts = dict(sorted(Counter(found.check for found in verdict.findings).items()))
    made = replace(line, statements=statements, findings=verdict.findings, counts=counts)
    if box := next((found for found in verdict.findings if found.effect == "reject"), None):
        return replace(made, status="rejected", why="box", detail=box.what)
    if not made.standing:
        return replace(made, status="rejected", why="not from one image")
    return made


def _due(line: StageLine) -> list[CheckFinding]:
    """What must not stand: findings that return a record."""
    standing = {one.n for one in line.standing}
    return [found for found in line.findings if found.effect == "return" and (not found.n or standing & {*found.n})]


def _settled(line: StageLine) -> StageLine:
    """The record, rejected where something must not stand."""
    due = _due(line) if line.goes_on else []
    if not due:
        return line
    first = due[0]
    where = f"statement {', '.join(map(str, first.n))}: " if first.n else ""
    detail = f"{where}{first.check}{f', {first.what}' if first.what else ''}"
    return replace(line, status="rejected", why=REASONS[first.check], detail=detail)


def _objections(line: StageLine) -> list[Objection]:
    return [{"n": n, "verdict": found.check, "error": None, "quote": ""} for found in _due(line) for n in found.n] + [
        {"lost": found.what} for found in _due(line) if found.check == "lost"
    ]


def agreements(statements: Sequence[TraceStatement]) -> Counter[tuple[str, str, str]]:
    """(reflect, audit, rules) -> statements that were judged so."""
    return Counter((one.reflect or "none", one.audit or "none", one.rules or "none") for one in statements)
