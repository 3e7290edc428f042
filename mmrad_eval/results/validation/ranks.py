"""Rankings side by side: who leads under which convention, and which pairs of systems change places.

A flip is a pair of systems that some columns order one way and others the other way. It is *clear* where, on either
side, there is a column in which the intervals of the two systems do not overlap, so that neither order is chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.core.errors import some
from mmrad_eval.results.leaderboard.optimized import OPTIMIZED
from mmrad_eval.results.statistics.bootstrap import finite
from mmrad_eval.results.statistics.rank_correlation import kendall, kendall_matrix
from mmrad_eval.results.tables import Cell, Row, Table, TableColumn
from mmrad_eval.results.validation.rankings import Ranking, measure_name

SHOWN = 12
"""Flips of each metric that are named one by one, unless all are asked for."""

LEADS = 4
"""Columns that are named for one side of a flip, in the order of the table; the rest are counted."""

SHOWN_WINNERS = 50
"""Flips between winners that are named one by one, unless all are asked for."""

MATRIX = 10
"""Columns up to which the agreement of each with each is drawn."""


@dataclass(frozen=True)
class Lead:
    """One column that puts one system before another."""

    column: str
    by: float
    apart: bool | None
    """Whether their intervals do not overlap; None where there are none."""


@dataclass(frozen=True)
class Flip:
    """A pair of systems that some columns order one way and others the other way."""

    first: str
    second: str
    ahead: tuple[Lead, ...]
    """Columns in which ``first`` leads."""
    behind: tuple[Lead, ...]
    """Columns in which ``second`` leads."""

    @property
    def clear(self) -> bool:
        """Whether a column on either side has intervals that do not overlap, so that neither order is chance."""
        return any(lead.apart for lead in self.ahead) and any(lead.apart for lead in self.behind)


def flips(ranking: Ranking, columns: Sequence[int]) -> list[Flip]:
    """The pairs of systems that these columns do not all order alike, those with the largest leads both ways first."""
    return [_flip_of(ranking, columns, *pair) for pair in _flipped(ranking, columns)]


def _flipped(ranking: Ranking, columns: Sequence[int]) -> list[tuple[int, int]]:
    """The same as positions: (the system that leads by more in all, the other one)."""
    oriented = ranking.oriented[:, columns]
    spread = np.array([(float(np.nanstd(c)) if np.isfinite(c).any() else 0.0) or 1.0 for c in oriented.T])
    found: list[tuple[float, tuple[int, int]]] = []
    for a in range(len(oriented) - 1):
        lead = (oriented[a] - oriented[a + 1 :]) / spread
        both = np.flatnonzero((lead > 0).any(axis=1) & (lead < 0).any(axis=1))
        if not len(both):
            continue
        weights = np.minimum(np.nanmax(lead[both], axis=1), np.nanmax(-lead[both], axis=1))
        ahead = np.nansum(lead[both], axis=1) >= 0
        for b, weight, first in zip(both + a + 1, weights, ahead, strict=True):
            found.append((float(weight), (a, int(b)) if first else (int(b), a)))
    return [pair for _, pair in sorted(found, key=lambda one: -one[0])]


def _flip_of(ranking: Ranking, columns: Sequence[int], first: int, second: int) -> Flip:
    oriented = ranking.oriented[[first, second]][:, columns]
    sides = (
        tuple(_lead(ranking, one, other, columns[int(j)]) for j in np.flatnonzero(ahead))
        for one, other, ahead in (
            (first, second, oriented[0] > oriented[1]),
            (second, first, oriented[1] > oriented[0]),
        )
    )
    return Flip(ranking.systems[first], ranking.systems[second], *sides)


def tables_of(rankings: Sequence[Ranking], *, all_flips: bool = False) -> list[Table]:
    """For each ranking: ranks, flips, and how far the columns agree; then how far the same column does between them."""
    tables = []
    for number, ranking in enumerate(rankings, 1):
        if not ranking.columns or len(ranking.systems) < 2:
            continue
        name = f"ranks-{number}" if len(rankings) > 1 else "ranks"
        tables += [_ranks(name, ranking), _agreement(name, ranking), *_flips(name, ranking, all_flips=all_flips)]
    between = _between(rankings)
    return tables + ([between] if between else [])


def _lead(ranking: Ranking, one: int, other: int, column: int) -> Lead:
    by = abs(float(ranking.values[one, column] - ranking.values[other, column]))
    low, high = ranking.low[[one, other], column], ranking.high[[one, other], column]
    known = bool(np.isfinite(low).all() and np.isfinite(high).all())
    return Lead(ranking.columns[column], by, bool(low[0] > high[1] or low[1] > high[0]) if known else None)


def _ranks(name: str, ranking: Ranking) -> Table:
    """Systems down and columns across, or the other way round where there are more columns."""
    ranks = ranking.ranks
    with np.errstate(invalid="ignore"):
        mean = [float(np.nanmean(row)) if np.isfinite(row).any() else float("inf") for row in ranks]
    order = sorted(range(len(ranking.systems)), key=lambda i: (mean[i], ranking.systems[i]))
    if len(ranking.columns) > len(ranking.systems):
        head = TableColumn("column")
        across = [TableColumn(ranking.systems[i], kind="count") for i in order]
        metrics = [measure_name(column) for column in ranking.columns]
        down = sorted(range(len(metrics)), key=lambda j: metrics.index(metrics[j]))
        rows = [
            Row(
                {"column": Cell(ranking.columns[j])}
                | {ranking.systems[i]: _place(ranking, ranks, i, j) for i in order},
                rule=above >= 0 and metrics[down[above]] != metrics[j],
            )
            for above, j in enumerate(down, -1)
        ]
    else:
        head = TableColumn("system")
        across = [*(TableColumn(column, kind="count") for column in ranking.columns), TableColumn("best to worst")]
        rows = [
            Row(
                {"system": Cell(ranking.systems[i]), "best to worst": Cell(_span(ranks[i]))}
                | {column: _place(ranking, ranks, i, j) for j, column in enumerate(ranking.columns)}
            )
            for i in order
        ]
    notes = ("Systems by mean rank. Equal values share a rank.", *_beside(ranking))
    title = f"{ranking.title}: rank under each column"
    return Table(name, title, (head, *across), tuple(rows), notes=notes, ranking="all systems")


def _place(ranking: Ranking, ranks: FloatArray, system: int, column: int) -> Cell:
    rank = ranks[system, column]
    if np.isfinite(rank):
        return Cell(int(rank), rank="best" if rank == 1 else "")
    trained = (ranking.systems[system], ranking.columns[column]) in ranking.optimized
    return Cell(mark=OPTIMIZED if trained else "")


def _beside(ranking: Ranking) -> list[str]:
    """Where reports that see no image would stand, and what has no rank because its model was optimized for it."""
    said = []
    for label in dict.fromkeys(one.column for one in ranking.policies if one.column in ranking.columns):
        at = ranking.columns.index(label)
        sign = 1.0 if ranking.better[at] == "higher" else -1.0
        known = ranking.oriented[:, at]
        known = known[np.isfinite(known)]
        places = [
            f"{one.policy} {one.value:.3f} (better than {int((sign * one.value > known).sum())} of {len(known)})"
            for one in ranking.policies
            if one.column == label
        ]
        said.append(f"{label} of reports that see no image: {', '.join(places)}.")
    if trained := sorted({system for system, column in ranking.optimized if column in ranking.columns}):
        said.append(f"{OPTIMIZED} No rank where the model was optimized for the metric ({'; '.join(trained)}).")
    return said


def _span(ranks: FloatArray) -> str:
    known = ranks[np.isfinite(ranks)]
    return f"{int(known.min())} to {int(known.max())}" if len(known) else ""


def _agreement(name: str, ranking: Ranking) -> Table:
    """Kendall's tau-b between columns, over the systems that have both; with many columns, the extremes of each."""
    oriented, many = ranking.oriented, len(ranking.columns) > MATRIX
    ranks = ranking.ranks
    with np.errstate(invalid="ignore"):
        consensus = np.array([-float(np.nanmean(row)) if np.isfinite(row).any() else np.nan for row in ranks])
    rows, between = [], kendall_matrix(oriented)
    for i, column in enumerate(ranking.columns):
        taus = between[i].tolist()
        cells: dict[str, Cell] = {"column": Cell(column), "winner": Cell(_winner(ranking, ranks[:, i]))}
        cells["number"] = Cell(i + 1)
        cells["mean rank"] = Cell(finite(kendall(oriented[:, i], consensus)))
        if many:
            known = [j for j, tau in enumerate(taus) if j != i and np.isfinite(tau)]
            if known:
                least = min(known, key=lambda j: taus[j])
                cells |= {"least": Cell(ranking.columns[least]), "tau of least": Cell(taus[least])}
        else:
            cells |= {ranking.columns[j]: Cell(finite(tau)) for j, tau in enumerate(taus) if j != i}
        rows.append(Row(cells))
    number = TableColumn("number", title="no.", kind="count", media="drawn")
    columns = [TableColumn("column"), TableColumn("winner"), TableColumn("mean rank", kind="score", digits=2)]
    if many:
        columns += [TableColumn("least", title="least similar"), TableColumn("tau of least", kind="score", digits=2)]
    else:
        heads = enumerate(ranking.columns, 1)
        columns = [number, *columns, *(TableColumn(c, title=f"{i}", kind="score", digits=2) for i, c in heads)]
    title = f"{ranking.title}: agreement of the rankings (Kendall's tau-b)"
    return Table(f"{name}-agreement", title, tuple(columns), tuple(rows))


def _flips(name: str, ranking: Ranking, *, all_flips: bool) -> Iterator[Table]:
    """Between the conventions of each metric that has several; and between the winners of all columns."""
    rows, hidden = [], 0
    for metric, columns in _families(ranking).items():
        found = _flipped(ranking, columns)
        shown = found if all_flips else found[:SHOWN]
        hidden += len(found) - len(shown)
        rows += [
            _flip(metric, _flip_of(ranking, columns, *pair), rule=number == 0) for number, pair in enumerate(shown)
        ]
    if rows:
        title = f"{ranking.title}: flips between conventions of one metric"
        yield _flip_table(f"{name}-flips", title, rows, _hidden(hidden))
    winners = {int(i) for i in np.flatnonzero((ranking.ranks == 1).any(axis=1))}
    everything = range(len(ranking.columns))
    pairs = [pair for pair in _flipped(ranking, everything) if winners.issuperset(pair)]
    named = pairs if all_flips else pairs[:SHOWN_WINNERS]
    rows = [_flip("", _flip_of(ranking, everything, *pair), rule=False) for pair in named]
    if rows:
        title = f"{ranking.title}: flips between systems that win some column"
        yield _flip_table(f"{name}-winners", title, rows, _hidden(len(pairs) - len(named)))


def _hidden(count: int) -> list[str]:
    return [f"{count:,} smaller flips are not shown: --all-flips."] if count else []


def _flip_table(name: str, title: str, rows: Sequence[Row], notes: Sequence[str]) -> Table:
    columns = (
        TableColumn("metric"),
        TableColumn("first", title="system"),
        TableColumn("ahead", title="leads in, by"),
        TableColumn("second", title="but trails"),
        TableColumn("behind", title="in, by"),
        TableColumn("clear", title="clear"),
    )
    if any("*" in str(row.cells[side].value) for row in rows for side in ("ahead", "behind")):
        notes = [*notes, "* intervals do not overlap; clear: on both sides."]
    return Table(name, title, columns, tuple(rows), notes=tuple(notes))


def _flip(metric: str, flip: Flip, *, rule: bool) -> Row:
    cells = {
        "metric": metric,
        "first": flip.first,
        "second": flip.second,
        "ahead": _leads(flip.ahead, metric),
        "behind": _leads(flip.behind, metric),
        "clear": "yes" if flip.clear else "",
    }
    return Row({key: Cell(text) for key, text in cells.items()}, rule=rule)


def _leads(leads: Sequence[Lead], metric: str) -> str:
    words = [f"{lead.column.removeprefix(f'{metric} @ ')} {lead.by:.3g}{'*' if lead.apart else ''}" for lead in leads]
    return some(words, LEADS)


def _families(ranking: Ranking) -> dict[str, list[int]]:
    """Columns of one metric under several profiles."""
    families: dict[str, list[int]] = {}
    for number, column in enumerate(ranking.columns):
        families.setdefault(column.partition(" @ ")[0], []).append(number)
    return {metric: columns for metric, columns in families.items() if len(columns) > 1}


def _winner(ranking: Ranking, ranks: FloatArray) -> str:
    return " = ".join(ranking.systems[i] for i in np.flatnonzero(ranks == 1))


def _between(rankings: Sequence[Ranking]) -> Table | None:
    """The same column in two rankings of the same systems."""
    rows = []
    for one, other in combinations(rankings, 2):
        shared = [system for system in one.systems if system in other.systems]
        if len(shared) < 2:
            continue
        mine, theirs = ([r.systems.index(system) for system in shared] for r in (one, other))
        for column in one.columns:
            if column not in other.columns:
                continue
            i, j = one.columns.index(column), other.columns.index(column)
            a, b = one.oriented[mine, i], other.oriented[theirs, j]
            with np.errstate(invalid="ignore"):
                turned = int((((a[:, None] - a) * (b[:, None] - b)) < 0).sum() // 2)
            cells: dict[str, Cell] = {
                "column": Cell(column),
                "one": Cell(one.title),
                "other": Cell(other.title),
                "systems": Cell(len(shared)),
                "tau": Cell(finite(kendall(a, b))),
                "flips": Cell(turned),
                "winner of one": Cell(_winner(one, one.ranks[:, i])),
                "winner of other": Cell(_winner(other, other.ranks[:, j])),
            }
            rows.append(Row(cells))
    if not rows:
        return None
    columns = (
        TableColumn("column"),
        TableColumn("one", media="data"),
        TableColumn("other", media="data"),
        TableColumn("systems", kind="count"),
        TableColumn("tau", title="tau-b", kind="score", digits=2),
        TableColumn("flips", title="pairs turned round", kind="count"),
        TableColumn("winner of one", title="winner of the first"),
        TableColumn("winner of other", title="winner of the second"),
    )
    title = f"The same column on {' and '.join(ranking.title for ranking in rankings)}"
    return Table("ranks-between", title, columns, tuple(rows))
