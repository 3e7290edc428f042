"""In which order a reader sees what: Latin squares over blocks, sides in turn, some readings twice.

A *unit* is what one reading of a case shows: one arm, or two arms side by side. A block shows every case once, so that
a case comes again only after all others.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from mmrad_eval.reader_studies.records import KeyReader, KeyReading

GUESSED = 4
"""Reports of each arm that a reader guesses about."""


def units(arms: int, shows: str) -> list[tuple[int, ...]]:
    """What can be shown of a case."""
    return list(combinations(range(arms), 2)) if shows == "two" else [(arm,) for arm in range(arms)]


def square(n: int, mirrored: bool = False) -> list[list[int]]:
    """A Latin square, (rows, columns), in which each unit follows each other equally often (Williams 1949).

    Of an odd number that takes the square together with its mirror image.
    """
    first = [0]
    for step in range(1, n):
        first.append((first[-1] + (step if step % 2 else -step)) % n)
    rows = [[(unit + shift) % n for unit in first] for shift in range(n)]
    return [row[::-1] for row in rows] if mirrored else rows


def plan_reader(
    code: str, number: int, cases: int, arms: int, shows: str, *, blocks: int, repeats: float, guess: bool, seed: int
) -> KeyReader:
    """Everything that reader ``number`` sees. ``blocks``: how many units of each case; all readers see the same."""
    random = np.random.default_rng([seed, number])
    made = units(arms, shows)
    squares = square(len(made)), square(len(made), mirrored=True)
    readings: list[KeyReading] = []
    for place in range(blocks):
        block = (place + number) % blocks
        order = [int(case) for case in random.permutation(cases)]
        if readings and len(order) > 1 and readings[-1].case == order[0]:
            order.append(order.pop(0))
        for case in order:
            unit = made[squares[(case // len(made)) % 2][case % len(made)][block]]
            turned = (case // len(made) + block + number) % 2
            shown = unit[::-1] if turned else unit
            readings.append(KeyReading(_token(seed, code, "reading", len(readings)), case, shown))
    again = _repeated(readings, repeats, random)
    readings += [
        KeyReading(_token(seed, code, "repeat", i), old.case, old.arms[::-1], old.id) for i, old in enumerate(again)
    ]
    return KeyReader(code, tuple(readings), _guesses(code, readings, arms, random, seed) if guess else ())


def _repeated(readings: Sequence[KeyReading], share: float, random: np.random.Generator) -> list[KeyReading]:
    """Readings to be shown again at the end, from the first two thirds, so that others lie between."""
    count = math.ceil(share * len(readings) - 1e-9)
    early = readings[: max(count, math.ceil(2 * len(readings) / 3))]
    return [early[i] for i in random.choice(len(early), count, replace=False)] if count else []


def _guesses(
    code: str, readings: Sequence[KeyReading], arms: int, random: np.random.Generator, seed: int
) -> tuple[KeyReading, ...]:
    """A few reports of each arm, of different cases as far as there are, in random order."""
    picked: list[tuple[int, int]] = []
    for arm in range(arms):
        seen = sorted({reading.case for reading in readings if arm in reading.arms})
        fresh = [case for case in seen if case not in {case for case, _ in picked}]
        pool = fresh if len(fresh) >= GUESSED else seen
        picked += [(int(case), arm) for case in random.choice(pool, min(GUESSED, len(pool)), replace=False)]
    order = random.permutation(len(picked))
    return tuple(
        KeyReading(_token(seed, code, "guess", i), picked[at][0], (picked[at][1],)) for i, at in enumerate(order)
    )


def codes(readers: int, seed: int) -> list[str]:
    """A name for each reader that says nothing of who it is."""
    return [_token(seed, "", "reader", number)[:5] for number in range(readers)]


def _token(seed: int, code: str, kind: str, number: int) -> str:
    """Ten letters and digits that tell neither case nor arm."""
    return hashlib.sha256(f"{seed}/{code}/{kind}/{number}".encode()).hexdigest()[:10]
