"""The one-to-one assignment with the largest sum of gains, exactly (Kuhn 1955, by shortest augmenting paths)."""

from __future__ import annotations

from collections.abc import Mapping

_INFINITE = float("inf")


def assign(gains: Mapping[tuple[int, int], float]) -> list[tuple[int, int]]:
    """Pairs of a row and a column, in order of rows; only pairs that ``gains`` has, each row and column once.

    Gains are 0 or more. Of equal sums the one that the order of rows and columns comes to first.
    """
    if len({i for i, _ in gains}) == len({j for _, j in gains}) == len(gains):
        return sorted(gains)  # nobody competes
    pairs: list[tuple[int, int]] = []
    for rows, columns in _parts(gains):
        if len(rows) == 1 or len(columns) == 1:
            pairs.append(max(((i, j) for i in rows for j in columns), key=lambda ij: (gains[ij], -ij[0], -ij[1])))
        else:
            pairs += _hungarian(rows, columns, gains)
    return sorted(pairs)


def _parts(gains: Mapping[tuple[int, int], float]) -> list[tuple[list[int], list[int]]]:
    """Rows and columns that have to do with each other."""
    rows: dict[int, set[int]] = {}
    for i, j in gains:
        rows.setdefault(i, set()).add(j)
    parts: list[tuple[set[int], set[int]]] = []
    for i, columns in rows.items():
        met = [part for part in parts if not part[1].isdisjoint(columns)]
        parts = [part for part in parts if part[1].isdisjoint(columns)]
        parts.append(({i}.union(*(p[0] for p in met)), columns.union(*(p[1] for p in met))))
    return [(sorted(a), sorted(b)) for a, b in parts]


def _hungarian(rows: list[int], columns: list[int], gains: Mapping[tuple[int, int], float]) -> list[tuple[int, int]]:
    """The assignment of one part; a row or column may stay alone."""
    n = len(rows)
    m = len(columns) + n  # a row may take a place of its own, for no gain
    cost = [[-gains.get((i, j), 0.0) for j in columns] + [0.0] * n for i in rows]
    u, v = [0.0] * (n + 1), [0.0] * (m + 1)
    owner, way = [0] * (m + 1), [0] * (m + 1)
    for i in range(1, n + 1):
        owner[0], j0 = i, 0
        least, used = [_INFINITE] * (m + 1), [False] * (m + 1)
        while owner[j0]:
            used[j0] = True
            i0, delta, j1 = owner[j0], _INFINITE, 0
            for j in range(1, m + 1):
                if used[j]:
                    continue
                reduced = cost[i0 - 1][j - 1] - u[i0] - v[j]
                if reduced < least[j]:
                    least[j], way[j] = reduced, j0
                if least[j] < delta:
                    delta, j1 = least[j], j
            for j in range(m + 1):
                if used[j]:
                    u[owner[j]] += delta
                    v[j] -= delta
                else:
                    least[j] -= delta
            j0 = j1
        while j0:
            owner[j0], j0 = owner[way[j0]], way[j0]
    chosen = [(rows[owner[j] - 1], columns[j - 1]) for j in range(1, len(columns) + 1) if owner[j]]
    return [pair for pair in chosen if pair in gains]
