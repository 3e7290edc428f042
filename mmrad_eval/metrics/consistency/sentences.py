"""Each sentence of a report beside the thoughts that it comes from: the data of the paper's figure of consistency.

A sentence has the worst verdict of its statements, in the order contradicted, partial, unsupported, supported;
supported and unsupported statements together make it partial; a sentence that states nothing has none. The counts are
those of the ``consistency`` metric: one code path.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from mmrad_eval.core.values import Trace
from mmrad_eval.metrics.consistency.matching import Compared, Verdict, compare
from mmrad_eval.metrics.consistency.statements import Statement, statements, trace_parts
from mmrad_eval.metrics.facts.extract import Fact, extract
from mmrad_eval.metrics.facts.sentences import cut

Mark = Verdict | Literal["none"]
_WORST: tuple[Verdict, ...] = ("contradicted", "partial", "unsupported", "supported")


@dataclass(frozen=True)
class Sentence:
    """A piece of text, what its statements come to, and what it is linked with."""

    text: str
    """With the stops and spaces that follow it, so that the pieces make the whole text."""
    mark: Mark
    category: str
    """The category of most of its facts; ``other`` where it states nothing."""
    links: tuple[int, ...] = ()
    """Numbers of links; a sentence of the report and one of the thought that share a number belong together."""


@dataclass(frozen=True)
class Beside:
    """A report beside its trace."""

    report: tuple[Sentence, ...]
    thought: tuple[tuple[str, tuple[Sentence, ...]], ...]
    """(region as written, sentences) of each step; one entry without a region for a trace in free prose."""
    counts: dict[str, int]
    """Statements of the report by verdict, abnormal ones first: ``abnormal supported``, ``supported``, ..."""


def beside(report: str, trace: Trace) -> Beside:
    """The report's sentences with their verdicts, linked with the trace's sentences. Facts are read by rules."""
    said = extract(report)
    parts = trace_parts(trace)
    placed = [facts for _, _, facts in parts]
    thought = tuple(fact for facts in placed for fact in facts)
    mine, theirs = statements(said), statements(thought)
    compared = compare(mine, theirs)
    links = _links(mine, theirs, compared)
    offset, steps = 0, []
    for region, text, facts in parts:
        numbers = {i: links.thought.get(offset + i, ()) for i in range(len(facts))}
        steps.append((region, _sentences(text, facts, dict.fromkeys(range(len(facts)), ()), numbers)))
        offset += len(facts)
    verdicts = _by_fact(mine, compared)
    return Beside(_sentences(report, said, verdicts, links.report), tuple(steps), _counts(mine, compared))


@dataclass(frozen=True)
class _Links:
    report: dict[int, tuple[int, ...]]
    thought: dict[int, tuple[int, ...]]


def _links(mine: Sequence[Statement], theirs: Sequence[Statement], compared: Compared) -> _Links:
    """Number the statements of the report that have a source, by fact on each side."""
    report: dict[int, tuple[int, ...]] = {}
    thought: dict[int, tuple[int, ...]] = {}
    number = 0
    for statement, judged in zip(mine, compared.report, strict=True):
        if judged.source < 0:
            continue
        number += 1
        for member in statement.members:
            report[member] = (*report.get(member, ()), number)
        for member in theirs[judged.source].members:
            thought[member] = (*thought.get(member, ()), number)
    return _Links(report, thought)


def _by_fact(mine: Sequence[Statement], compared: Compared) -> dict[int, tuple[Verdict, ...]]:
    verdicts: dict[int, tuple[Verdict, ...]] = {}
    for statement, judged in zip(mine, compared.report, strict=True):
        for member in statement.members:
            verdicts[member] = (*verdicts.get(member, ()), judged.verdict)
    return verdicts


def _sentences(
    text: str,
    facts: Sequence[Fact],
    verdicts: dict[int, tuple[Verdict, ...]],
    links: dict[int, tuple[int, ...]],
) -> tuple[Sentence, ...]:
    starts = [start for start, sentence in cut(text) if sentence.strip()]
    if not starts:
        return (Sentence(text, "none", "other"),) if text else ()
    bounds = [0, *starts[1:], len(text)]
    found = []
    for start, end in pairwise(bounds):
        inside = [i for i, fact in enumerate(facts) if start <= fact.span[0] < end]
        marks = [verdict for i in inside for verdict in verdicts.get(i, ())]
        numbers = dict.fromkeys(number for i in inside for number in links.get(i, ()))
        found.append(Sentence(text[start:end], worst(marks), _category([facts[i] for i in inside]), tuple(numbers)))
    return tuple(found)


def worst(verdicts: Sequence[Verdict]) -> Mark:
    """What a sentence with these statements comes to."""
    if not verdicts:
        return "none"
    if set(verdicts) == {"supported", "unsupported"}:
        return "partial"
    return next(verdict for verdict in _WORST if verdict in verdicts)


def _category(facts: Sequence[Fact]) -> str:
    counted = Counter(fact.category for fact in facts)
    return counted.most_common(1)[0][0] if counted else "other"


def _counts(mine: Sequence[Statement], compared: Compared) -> dict[str, int]:
    counts = {f"{of}{verdict}": 0 for of in ("abnormal ", "") for verdict in reversed(_WORST)}
    for statement, judged in zip(mine, compared.report, strict=True):
        counts[judged.verdict] += 1
        if statement.abnormal:
            counts[f"abnormal {judged.verdict}"] += 1
    return counts
