"""Metrics against radiologists: does a metric order reports as they do, and how near to them can a metric come?

Kendall's tau-b and Spearman's rho with the raters' mean, the share of preferences that a metric orders rightly, both
with intervals that resample whole cases; and the ceiling, which is how one rater agrees with the mean of the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np

from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.core.errors import DataError
from mmrad_eval.results.statistics.bootstrap import finite
from mmrad_eval.results.statistics.rank_correlation import kendall_weighted, spearman_weighted
from mmrad_eval.results.statistics.weights import bootstrap_weights, cluster_index
from mmrad_eval.results.tables import Cell, Row, Table, TableColumn
from mmrad_eval.results.validation.left_out import Agreement, Weighted, ceiling, less_raters, sides
from mmrad_eval.results.validation.rated_scores import Scored
from mmrad_eval.results.validation.ratings import Item, Order, Ratings

RESAMPLES, SEED, LEVEL = 2000, 20_260_527, 0.95
MOST = 5000
"""Items; agreement looks at all pairs of them."""
TOLERANCE = 0.05
"""Share of a metric's spread over all items within which two scores count as alike."""
SHOWN = 20
"""Metrics of a table, the best by its first column, unless all are asked for."""
SIDES = "raters (each against the majority of the others)"
LESS = "Less raters': the metric in each rater's place, less that rater,"
RATERS = "raters (each against the mean of the others)"


@dataclass(frozen=True)
class Estimate:
    """A value with its interval; nan where there is none."""

    value: float
    low: float
    high: float


def tables_of(
    ratings: Ratings,
    scored: Sequence[Scored],
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    missing: Sequence[str] = (),
    all_metrics: bool = True,
    against: Scored | None = None,
) -> list[Table]:
    """Agreement with ratings, by kind of error; preferences; each where the file has what it needs.

    ``against``: a metric that each is held against, over the same items and resamples of cases. Unless ``all_metrics``,
    the 20 metrics that lead the first table stand in each.
    """
    if len(ratings.items) > MOST:
        raise DataError(
            f"{ratings.path}: {len(ratings.items):,} items; every pair is compared, which allows at most {MOST:,} items"
        )
    resampler = _Resampler(ratings, resamples, seed)
    tables = []
    if ratings.scores:
        main = next(iter(ratings.scores))
        tables.append(_agreement(ratings, scored, main, resampler, against))
        if len(ratings.scores) > 1:
            tables.append(_by_rating(ratings, scored, resampler))
    orders = ratings.orders or _orders_of(ratings)
    if orders:
        tables.append(_preferences(ratings, scored, orders, resampler, against))
        kinds = {kind for kind in ratings.kinds.values() if kind}
        if len(kinds) > 1 and not ratings.weights:  # these are counts, which weights would leave without a meaning
            tables.append(_by_kind(ratings, scored, orders))
    if not all_metrics and tables:
        tables = _leading(tables, against.label if against else "")
    weighted = ["Cases had different sampling probabilities: each counts with its sampling weight."]
    notes = (*(weighted if ratings.weights else ()), *missing)
    if notes and tables:
        tables[0] = msgspec.structs.replace(tables[0], notes=(*tables[0].notes, *notes))
    return tables


def _leading(tables: Sequence[Table], kept_too: str) -> list[Table]:
    """The tables with the metrics that lead the first one and the one named, and how many were left out."""
    order = [row.cells["metric"].value for row in tables[0].rows if row.ranked]
    hidden = set(order[SHOWN:]) - {kept_too}
    if not hidden:
        return list(tables)
    kept = [
        msgspec.structs.replace(
            table, rows=tuple(row for row in table.rows if not row.ranked or row.cells["metric"].value not in hidden)
        )
        for table in tables
    ]
    note = f"The first {SHOWN} of {len(order)} metrics; --all-metrics shows all."
    return [msgspec.structs.replace(kept[0], notes=(*kept[0].notes, note)), *kept[1:]]


class _Resampler:
    """Whole cases drawn with replacement, the same draws for every number."""

    def __init__(self, ratings: Ratings, resamples: int, seed: int) -> None:
        cases = [case for case, _ in ratings.items]
        names, self._of = cluster_index(cases)
        self.cases, self._resamples, self._seed = len(names), resamples, seed
        weights = np.array([ratings.weights.get(case, 1.0) for case in cases])
        self.weights: FloatArray = weights / weights.mean() if len(weights) else weights

    def estimate(self, value: Weighted, items: FloatArray | None = None) -> Estimate:
        """The value over all items (or those flagged), and its percentile interval over cases."""
        flags = self.weights if items is None else items * self.weights
        middle = float(value(flags[None, :])[0])
        if self.cases < 2 or self._resamples < 1 or not np.isfinite(middle):
            return Estimate(middle, np.nan, np.nan)
        found = [
            value(block[:, self._of] * flags) for block in bootstrap_weights(self.cases, self._resamples, self._seed)
        ]
        drawn = np.concatenate(found)
        known = drawn[np.isfinite(drawn)]
        if len(known) < LEVEL * len(drawn):
            return Estimate(middle, np.nan, np.nan)
        low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return Estimate(middle, float(low), float(high))


def _agreement(
    ratings: Ratings, scored: Sequence[Scored], rating: str, resampler: _Resampler, against: Scored | None
) -> Table:
    wanted = ratings.mean(rating)
    rows = []
    for metric in scored:
        known = np.isfinite(wanted) & np.isfinite(metric.values)
        tau = _of(kendall_weighted, wanted, metric.values, resampler)
        rho = _of(spearman_weighted, wanted, metric.values, resampler)
        cells = {"metric": Cell(metric.label), "n": Cell(int(known.sum())), "tau": _cell(tau), "rho": _cell(rho)}
        if ratings.raters > 1:
            less = less_raters(ratings, rating, kendall_weighted, metric.values)
            cells["less"] = _cell(resampler.estimate(less, known.astype(np.float64)))
        if against is not None and against is not metric:
            cells["against"] = _cell(_tau_less(wanted, metric, against, resampler))
        rows.append((tau.value, Row(cells)))
    rows.sort(key=lambda one: -one[0] if np.isfinite(one[0]) else np.inf)
    last = []
    if ratings.raters > 1:
        cells = {"metric": Cell(RATERS), "n": Cell(len(ratings.items))}
        for key, agree in (("tau", kendall_weighted), ("rho", spearman_weighted)):
            cells[key] = _cell(resampler.estimate(ceiling(ratings, rating, agree)))
        last = [Row(cells, ranked=False, rule=True)]
    columns = [
        TableColumn("metric"),
        TableColumn("n", title="items", kind="count"),
        TableColumn("tau", title="Kendall tau-b", kind="score", better="higher", interval=True),
        TableColumn("rho", title="Spearman rho", kind="score", better="higher", interval=True),
    ]
    raters = f"the mean of {ratings.raters} raters" if ratings.raters > 1 else "the ratings"
    notes = [f"Against {raters}; positive: the metric and they agree. 95 % intervals over {resampler.cases} cases."]
    if ratings.raters > 1:
        columns.append(TableColumn("less", title="tau less raters'", kind="score", better="higher", interval=True))
        notes.append(f"{LESS} against the mean of the others.")
    if against is not None:
        columns.append(_less_column("tau", against, "score"))
        notes.append(f"Less {against.label}: over the items that both score, paired by case.")
    return Table(
        "metaeval",
        f"{ratings.path.name}: agreement with {rating}",
        tuple(columns),
        (*(row for _, row in rows), *last),
        tuple(notes),
    )


def _tau_less(wanted: FloatArray, metric: Scored, other: Scored, resampler: _Resampler) -> Estimate:
    """Tau-b of a metric less that of another one, over the items that both score."""
    known = np.isfinite(wanted) & np.isfinite(metric.values) & np.isfinite(other.values)
    right, mine, theirs = (np.where(known, values, 0.0) for values in (wanted, metric.values, other.values))

    def less(weights: FloatArray) -> FloatArray:
        difference: FloatArray = kendall_weighted(right, mine, weights) - kendall_weighted(right, theirs, weights)
        return difference

    return resampler.estimate(less, known.astype(np.float64))


def _less_column(what: str, against: Scored, kind: Literal["score", "percent"]) -> TableColumn:
    return TableColumn("against", title=f"{what} less {against.label}", kind=kind, better="higher", interval=True)


def _by_rating(ratings: Ratings, scored: Sequence[Scored], resampler: _Resampler) -> Table:
    """Tau-b of each metric with each rating or kind of error."""
    rows = []
    for metric in scored:
        cells: dict[str, Cell] = {"metric": Cell(metric.label)}
        cells |= {
            rating: _cell(_of(kendall_weighted, ratings.mean(rating), metric.values, resampler))
            for rating in ratings.scores
        }
        rows.append(Row(cells))
    if ratings.raters > 1:
        cells = {"metric": Cell(RATERS)}
        cells |= {
            rating: _cell(resampler.estimate(ceiling(ratings, rating, kendall_weighted))) for rating in ratings.scores
        }
        rows.append(Row(cells, ranked=False, rule=True))
    columns = [TableColumn("metric")]
    columns += [TableColumn(rating, kind="score", better="higher", interval=True) for rating in ratings.scores]
    return Table("metaeval-ratings", f"{ratings.path.name}: Kendall tau-b by rating", tuple(columns), tuple(rows))


def _preferences(
    ratings: Ratings,
    scored: Sequence[Scored],
    orders: Sequence[Order],
    resampler: _Resampler,
    against: Scored | None,
) -> Table:
    """The share of orders that each metric gets right; a tie where one must win is half right."""
    at = {item: number for number, item in enumerate(ratings.items)}
    unlike, alike = ([order for order in orders if order.alike == same] for same in (False, True))
    raters = sides(orders)
    voted = bool(np.isfinite(raters).any())
    rows = []
    for metric in scored:
        right, ties = _right(metric, unlike, at)
        same = _alike(metric, alike, at)
        both = _mean(np.concatenate([right, same]), [*unlike, *alike], at, resampler)
        share = _share(right, unlike, at, resampler)
        cells = {
            "metric": Cell(metric.label),
            "pairs": Cell(int(np.isfinite(right).sum())),
            "right": _cell(share),
            "ties": Cell(ties),
        }
        if alike:
            cells |= {
                "equals": Cell(len(alike)),
                "kept": Cell(_mean(same, alike, at, resampler)),
                "both": Cell(both),
            }
        if voted:
            less = sides(orders, _leads(metric, orders, at)) - raters
            cells["less"] = _cell(_share(less, orders, at, resampler))
        if against is not None and against is not metric:
            cells["against"] = _cell(_share(right - _right(against, unlike, at)[0], unlike, at, resampler))
        rows.append((np.nan if both is None else both, Row(cells)))
    rows.sort(key=lambda one: -one[0] if np.isfinite(one[0]) else np.inf)
    last = []
    if voted:
        cells = {"metric": Cell(SIDES), "pairs": Cell(int(np.isfinite(raters).sum()))}
        cells["right"] = _cell(_share(raters, orders, at, resampler))
        last = [Row(cells, ranked=False, rule=True)]
    columns = [
        TableColumn("metric"),
        TableColumn("pairs", kind="count"),
        TableColumn("right", title="order right", kind="percent", better="higher", interval=True),
        TableColumn("ties", kind="count"),
    ]
    notes = ["In percent; a tie is half right."]
    if alike:
        columns += [
            TableColumn("equals", title="pairs that must score alike", kind="count"),
            TableColumn("kept", title="do", kind="percent", better="higher"),
            TableColumn("both", title="all right", kind="percent", better="higher"),
        ]
        notes.append(f"Alike: within {TOLERANCE:.0%} of the metric's spread over all items.")
    if voted:
        columns.append(TableColumn("less", title="right less raters'", kind="percent", better="higher", interval=True))
        notes.append(f"{LESS} against the majority of the others, over the pairs on which they have one.")
    if against is not None:
        columns.append(_less_column("right", against, "percent"))
        notes.append(f"Less {against.label}: over the pairs that both score, paired by case.")
    return Table(
        "metaeval-orders",
        f"{ratings.path.name}: orders that a metric gets right",
        tuple(columns),
        (*(row for _, row in rows), *last),
        tuple(notes),
    )


def _by_kind(ratings: Ratings, scored: Sequence[Scored], orders: Sequence[Order]) -> Table:
    """Orders right, both kinds of them, by what the cases are about."""
    at = {item: number for number, item in enumerate(ratings.items)}
    kinds = list(dict.fromkeys(kind for kind in ratings.kinds.values() if kind))
    rows = []
    for metric in scored:
        cells: dict[str, Cell] = {"metric": Cell(metric.label)}
        for kind in kinds:
            mine = [order for order in orders if ratings.kinds.get(order.first) == kind]
            right, _ = _right(metric, [order for order in mine if not order.alike], at)
            kept = _alike(metric, [order for order in mine if order.alike], at)
            both = np.concatenate([right, kept])
            if np.isfinite(both).any():
                cells[kind] = Cell(f"{np.nansum(both):g} of {int(np.isfinite(both).sum())}")
        rows.append(Row(cells))
    raters = sides(orders)
    if np.isfinite(raters).any():
        cells = {"metric": Cell(SIDES)}
        for kind in kinds:
            right = raters[[ratings.kinds.get(order.first) == kind for order in orders]]
            if np.isfinite(right).any():
                cells[kind] = Cell(f"{np.nansum(right):g} of {int(np.isfinite(right).sum())}")
        rows.append(Row(cells, ranked=False, rule=True))
    columns = [TableColumn("metric"), *(TableColumn(kind) for kind in kinds)]
    return Table("metaeval-kinds", f"{ratings.path.name}: orders right by kind of case", tuple(columns), tuple(rows))


def _orders_of(ratings: Ratings) -> list[Order]:
    """Orders of candidates of one case by the first rating; candidates that raters rate alike say nothing."""
    if not ratings.scores:
        return []
    main = next(iter(ratings.scores))
    wanted = ratings.mean(main)
    cases: dict[str, list[int]] = {}
    for number, (case, _) in enumerate(ratings.items):
        cases.setdefault(case, []).append(number)
    found = []
    for places in cases.values():
        for a, b in ((a, b) for a in places for b in places if wanted[a] > wanted[b]):
            votes = _votes(ratings, main, a, b)
            share = sum(votes) / len(votes) if votes else 1.0
            found.append(Order(ratings.items[a], ratings.items[b], share, votes=votes))
    return found


def _votes(ratings: Ratings, rating: str, better: int, worse: int) -> tuple[float, ...]:
    """What each rater of both items says of this order: 1 right, 0 wrong, 0.5 a tie."""
    scores = ratings.scores[rating]
    lead = scores[better] - scores[worse]
    lead = lead[np.isfinite(lead)] * (-1 if ratings.better[rating] == "lower" else 1)
    return tuple(((np.sign(lead) + 1) / 2).tolist())


def _right(metric: Scored, orders: Sequence[Order], at: Mapping[Item, int]) -> tuple[FloatArray, int]:
    """(orders,) 1 right, 0 wrong, 0.5 a tie, nan without a value; and how many ties."""
    lead = _leads(metric, orders, at)
    right = np.where(np.isfinite(lead), (np.sign(np.where(np.abs(lead) < 1e-12, 0, lead)) + 1) / 2, np.nan)
    return right, int((right == 0.5).sum())


def _alike(metric: Scored, orders: Sequence[Order], at: Mapping[Item, int]) -> FloatArray:
    """(orders,) 1 where two scores are alike, 0 where they are not, nan without a value."""
    lead = _leads(metric, orders, at)
    known = metric.values[np.isfinite(metric.values)]
    slack = TOLERANCE * float(np.ptp(known)) if len(known) else 0.0
    return np.where(np.isfinite(lead), (np.abs(lead) <= slack + 1e-12).astype(np.float64), np.nan)


def _leads(metric: Scored, orders: Sequence[Order], at: Mapping[Item, int]) -> FloatArray:
    return np.array([metric.values[at[order.first]] - metric.values[at[order.second]] for order in orders])


def _mean(values: FloatArray, orders: Sequence[Order], at: Mapping[Item, int], resampler: _Resampler) -> float | None:
    """Mean over the orders that have a value, each weighing as its case does."""
    known = np.isfinite(values)
    if not known.any():
        return None
    weights = resampler.weights[[at[order.first] for order in orders]]
    return float(np.average(values[known], weights=weights[known]))


def _share(right: FloatArray, orders: Sequence[Order], at: Mapping[Item, int], resampler: _Resampler) -> Estimate:
    """Mean of ``right`` with whole cases resampled: an order weighs as its case does."""
    place = np.array([at[order.first] for order in orders], dtype=np.int64)
    known = np.isfinite(right)

    def share(weights: FloatArray) -> FloatArray:
        mine = weights[:, place[known]]
        total = mine.sum(axis=1)
        return np.where(total > 0, (mine @ right[known]) / np.where(total > 0, total, 1), np.nan)

    return resampler.estimate(share)


def _of(agree: Agreement, x: FloatArray, y: FloatArray, resampler: _Resampler) -> Estimate:
    known = np.isfinite(x) & np.isfinite(y)
    a, b = np.where(known, x, 0.0), np.where(known, y, 0.0)
    return resampler.estimate(lambda weights: agree(a, b, weights), known.astype(np.float64))


def _cell(estimate: Estimate) -> Cell:
    return Cell(finite(estimate.value), finite(estimate.low), finite(estimate.high))
