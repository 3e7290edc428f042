"""An alignment in words: which finding was taken for which, what each earned and cost, and how the score follows."""

from __future__ import annotations

from collections.abc import Iterator

from mmrad_eval.metrics.findings.alignment import DENIED, UNSUPPORTED, Alignment, Error
from mmrad_eval.metrics.findings.reading import Finding


def lines(found: Alignment) -> tuple[str, ...]:
    """One line a finding, and the sum last."""
    return (*_lines(found), _sum(found))


def _lines(found: Alignment) -> Iterator[str]:
    ours, theirs = found.stakes
    paired = {pair.candidate for pair in found.pairs}
    for pair in found.pairs:
        r, c = found.reference.findings[pair.reference], found.candidate.findings[pair.candidate]
        errors = [e for e in found.errors if (e.reference, e.candidate) == (pair.reference, pair.candidate)]
        beyond = f", costs {_n(pair.beyond)} for what it claims beyond that" if pair.beyond else ""
        stake = ours[pair.reference]
        earns = f"earns {_n(pair.credit)} of {_n(stake.weight)}{beyond}{_of(errors)}"
        yield f"{words(r)} ({stake.tier}) ~ {words(c)}: {earns}"
    for error in found.errors:
        if error.reference >= 0 and error.candidate >= 0 and error.candidate in paired:
            continue  # said with its pair
        yield _alone(found, error)
    named = {error.candidate for error in found.errors}
    for j in range(len(theirs)):
        if j not in paired and j not in named:
            yield f"report: {words(found.candidate.findings[j])}: part of what the reference says without a side"


def _alone(found: Alignment, error: Error) -> str:
    ours, theirs = found.stakes
    r = found.reference.findings[error.reference] if error.reference >= 0 else None
    c = found.candidate.findings[error.candidate] if error.candidate >= 0 else None
    if r is not None and c is None:
        stake = ours[error.reference]
        if error.kind == "omission":
            return f"reference: {words(r)} ({stake.tier}): omission, earns 0 of {_n(stake.weight)}"
        return f"reference: {words(r)}: denied, costs {_n(DENIED * stake.weight)}"
    if c is None:
        return f"report: {error.said}: {error.kind}, costs {_n(error.cost)}"
    weight = theirs[error.candidate].weight
    if error.kind.startswith("unsupported"):
        return f"report: {words(c)}: {error.kind}, costs {_n(UNSUPPORTED * weight)}"
    beside = f", where the reference has {words(r)}" if r is not None else ""
    return f"report: {words(c)} ({theirs[error.candidate].tier}): {error.kind}{beside}, costs {_n(weight)}"


def _sum(found: Alignment) -> str:
    if found.candidate.empty:
        return "score 0: the report states nothing"
    if not found.abnormal:
        why = "the reference finds nothing beyond the expected"
        return f"score {_n(found.score)} = 1 - {_n(found.cost)}, at least 0: {why}"
    parts = f"({_n(found.credit)} - {_n(found.cost)}) / ({_n(found.at_stake)} + {_n(found.cost)})"
    return f"score {_n(found.score)} = (credit - cost) / (at stake + cost) = {parts}"


def _of(errors: list[Error]) -> str:
    return "".join(f"; {error.kind}{f' ({error.said})' if error.said else ''}" for error in errors)


def words(finding: Finding) -> str:
    """A finding as one would say it."""
    size = " x ".join(f"{n:g}" for n in finding.size) + " mm" if finding.size else ""
    position = {"displaced": "displaced", "right": "well placed"}.get(finding.position, "")
    parts = (finding.severity, finding.side, finding.zone, finding.concept.replace("_", " "), size, position)
    said = " ".join(part for part in parts if part)
    also = "".join(f", {'' if name.sure else 'perhaps '}{name.concept.replace('_', ' ')}" for name in finding.also)
    return f"{'' if finding.sure else 'perhaps '}{said}{also}{f', {finding.change}' if finding.change else ''}"


def _n(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")
