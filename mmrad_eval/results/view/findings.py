"""A report beside its reference, as a reader sees it: findings matched, differing, contradicted, added or missed.

Facts are read by rules and matched as the metric ``consistency@rules`` matches a report with its trace: one code path.
What a page says of them is an aid to reading, never a score.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from mmrad_eval.core.values import Trace, Value
from mmrad_eval.metrics.consistency.matching import VERSION as MATCHING
from mmrad_eval.metrics.consistency.matching import Compared, Fate, Verdict, Why, compare, contradicts
from mmrad_eval.metrics.consistency.statements import Statement, statements, trace_parts
from mmrad_eval.metrics.facts.extract import VERSION as FACTS
from mmrad_eval.metrics.facts.extract import Fact, extract

Kind = Literal["contradicted", "missed", "added", "differs", "matched"]
KINDS: tuple[Kind, ...] = ("contradicted", "missed", "added", "differs", "matched")
"""In the order in which a reader wants to know of them."""

READ_BY = f"{FACTS}, matching {MATCHING}"
"""How findings were read, for the page to say."""

_KINDS: Mapping[Verdict, Kind] = {
    "supported": "matched",
    "contradicted": "contradicted",
    "partial": "differs",
    "unsupported": "added",
}

_FATES: Mapping[Fate, Kind] = {"carried": "matched", "contradicted": "contradicted", "omitted": "missed"}


class Said(Value, frozen=True):
    """What one text says of a finding; the fields of ``Fact``, without its place in the text."""

    concept: str
    status: str
    side: str = ""
    zone: str = ""
    severity: str = ""
    change: str = ""


class FindingRow(Value, frozen=True):
    """One finding of the two texts together."""

    kind: Kind
    report: Said | None = None
    reference: Said | None = None
    why: Why = ""
    """In what the two differ."""
    denial: bool = False
    """Whether no text says that it is there: a normal finding."""


class Piece(Value, frozen=True):
    """A piece of a text; the pieces make the whole text."""

    text: str
    kind: Kind | Literal[""] = ""
    """The first of KINDS that its rows have; empty where it states nothing."""
    rows: tuple[int, ...] = ()
    """Indices of the rows that it speaks of."""
    denial: bool = False


class Findings(Value, frozen=True):
    """A report beside its reference."""

    rows: tuple[FindingRow, ...]
    report: tuple[Piece, ...]
    reference: tuple[Piece, ...]

    def count(self, kind: Kind) -> int:
        """Rows of a kind that are no denials."""
        return sum(row.kind == kind and not row.denial for row in self.rows)


def findings(report: str, reference: str) -> Findings:
    """Read both texts and say what became of each finding."""
    said, wanted = extract(report), extract(reference)
    mine, theirs = statements(said), statements(wanted)
    rows: list[FindingRow] = []
    marks: tuple[_Marks, _Marks] = {}, {}
    for i, j, row in sorted(_rows(mine, theirs, compare(mine, theirs)), key=lambda found: _order(found[2])):
        mark = _Mark(row.denial, KINDS.index(row.kind), len(rows))
        for side, facts, stated, number in ((0, said, mine, i), (1, wanted, theirs, j)):
            for member in stated[number].members if number >= 0 else ():
                marks[side].setdefault(facts[member].span, set()).add(mark)
        rows.append(row)
    return Findings(tuple(rows), _pieces(report, marks[0]), _pieces(reference, marks[1]))


def fates(report: str, trace: Trace) -> list[tuple[Piece, ...]]:
    """The words of each step that has words (or the free text of a trace without), cut by what the report made of them.

    ``matched``: the report says it, ``missed``: it leaves it out, ``contradicted``, ``differs``.
    """
    parts = trace_parts(trace)
    mine = statements(extract(report))
    theirs = statements([fact for _, _, facts in parts for fact in facts])
    compared = compare(mine, theirs)
    near = {judged.source for judged in compared.report if judged.verdict == "partial"}
    marks: dict[int, set[_Mark]] = {}
    for j, (statement, fate) in enumerate(zip(theirs, compared.trace, strict=True)):
        kind: Kind = "differs" if fate == "omitted" and j in near else _FATES[fate]
        for member in statement.members:
            marks.setdefault(member, set()).add(_Mark(not statement.abnormal, KINDS.index(kind), -1))
    cut, before = [], 0
    for _, text, facts in parts:
        of_part: _Marks = {}
        for number, fact in enumerate(facts, before):
            of_part.setdefault(fact.span, set()).update(marks.get(number, ()))
        cut.append(_pieces(text, of_part))
        before += len(facts)
    return cut


def _rows(
    mine: Sequence[Statement], theirs: Sequence[Statement], compared: Compared
) -> Iterable[tuple[int, int, FindingRow]]:
    """(statement of the report, statement of the reference, row); -1 where a side says nothing."""
    met = set()
    for i, (statement, judged) in enumerate(zip(mine, compared.report, strict=True)):
        other = theirs[judged.source] if judged.source >= 0 else None
        met.add(judged.source)
        yield i, judged.source, _row(_KINDS[judged.verdict], statement, other, judged.why)
    for j, (statement, fate) in enumerate(zip(theirs, compared.trace, strict=True)):
        if j in met:
            continue
        if fate == "contradicted":  # by a statement that another one of the reference has already met
            i = next(i for i, other in enumerate(mine) if contradicts(other.fact, statement.fact))
            yield i, j, _row("contradicted", mine[i], statement)
        elif fate == "omitted":
            yield -1, j, _row("missed", None, statement)


def _row(kind: Kind, mine: Statement | None, theirs: Statement | None, why: Why = "") -> FindingRow:
    both = [statement for statement in (mine, theirs) if statement is not None]
    return FindingRow(
        kind,
        _said(mine.fact) if mine else None,
        _said(theirs.fact) if theirs else None,
        why,
        denial=not any(statement.abnormal for statement in both),
    )


def _said(fact: Fact) -> Said:
    return Said(fact.concept, fact.status, fact.side, fact.zone, fact.severity, fact.change)


def _order(row: FindingRow) -> tuple[bool, int]:
    return row.denial, KINDS.index(row.kind)


class _Mark(NamedTuple):
    """What is said of some words; the smallest of several is the one that a reader wants to see."""

    denial: bool
    kind: int
    """Index into KINDS."""
    row: int
    """-1 where there are no rows."""


_Marks = dict[tuple[int, int], set[_Mark]]
"""Place in the text -> what is said of the words there."""


def _pieces(text: str, marks: _Marks) -> tuple[Piece, ...]:
    """The text cut where the words of a fact begin and end."""
    runs: list[tuple[int, int, set[_Mark]]] = []
    for (start, end), found in sorted(marks.items()):
        if runs and start < runs[-1][1]:  # two facts share words: one piece for both
            first, last, known = runs.pop()
            runs.append((first, max(last, end), known | found))
        else:
            runs.append((start, end, found))
    pieces: list[Piece] = []
    at = 0
    for start, end, found in runs:
        if start > at:
            pieces.append(Piece(text[at:start]))
        pieces.append(_piece(text[start:end], found))
        at = end
    if at < len(text):
        pieces.append(Piece(text[at:]))
    return tuple(pieces)


def _piece(text: str, marks: Collection[_Mark]) -> Piece:
    if not marks:
        return Piece(text)
    first = min(marks)
    return Piece(text, KINDS[first.kind], tuple(sorted({mark.row for mark in marks} - {-1})), first.denial)
