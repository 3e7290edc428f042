"""Which cases, in which order: chances that are kept, squares that balance."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pytest

from mmrad_eval.core.errors import UsageError
from mmrad_eval.reader_studies import design, sampling
from mmrad_eval.reader_studies.records import KeyReader


def test_cases_are_drawn_as_often_as_their_chances_say() -> None:
    chances = sampling.chances([1, 1, 2, 4, 40], 3)
    random = np.random.default_rng(1)
    drawn = Counter(case for _ in range(20_000) for case in sampling.draw(chances, random))

    assert chances.sum() == pytest.approx(3)
    assert chances[4] == 1
    assert [drawn[case] / 20_000 for case in range(5)] == pytest.approx(list(chances), abs=0.015)


def test_a_sample_has_the_size_that_was_asked_for_and_nothing_twice() -> None:
    random = np.random.default_rng(2)
    for _ in range(200):
        sizes = random.random(30) + 0.01
        n = int(random.integers(1, 31))
        drawn = sampling.draw(sampling.chances(list(sizes), n), random)
        assert len(set(drawn)) == len(drawn) == n


def test_weights_of_an_enriched_sample_give_the_mean_of_all_cases() -> None:
    random = np.random.default_rng(3)
    sizes = random.random(200) + 0.25
    values = sizes + random.normal(0, 0.1, 200)  # what is measured goes with what was enriched
    chances = sampling.chances(list(sizes), 40)
    found, plain = [], []
    for _ in range(2000):
        drawn = sampling.draw(chances, random)
        found.append(np.average(values[drawn], weights=1 / chances[drawn]))
        plain.append(values[drawn].mean())

    assert np.mean(found) == pytest.approx(values.mean(), abs=0.005)
    assert np.mean(plain) > values.mean() + 0.05


def test_strata_get_equally_many_cases_as_far_as_they_have_them() -> None:
    strata = ["normal"] * 3 + ["abnormal"] * 17
    chances = sampling.stratified(strata, 10)

    assert chances[:3].sum() == pytest.approx(3)
    assert chances[3:].sum() == pytest.approx(7)


def test_more_cases_than_there_are_are_refused() -> None:
    with pytest.raises(UsageError, match="--cases 9: 4 is the most that can be shown"):
        sampling.chances([1.0] * 4, 9)


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
def test_a_square_is_latin_and_each_follows_each_other_equally_often(n: int) -> None:
    rows = design.square(n) + design.square(n, mirrored=True)
    after = Counter(pair for row in rows for pair in pairwise(row))

    for square in (design.square(n), design.square(n, mirrored=True)):
        assert all(sorted(line) == list(range(n)) for line in [*square, *zip(*square, strict=True)])
    assert set(after.values()) == {2}
    assert len(after) == n * (n - 1)


def planned(number: int, *, cases: int = 24, arms: int = 3, shows: str = "two", blocks: int = 3) -> KeyReader:
    return design.plan_reader(f"r{number}", number, cases, arms, shows, blocks=blocks, repeats=0.1, guess=True, seed=5)


def test_every_reader_sees_every_pair_of_every_case_once() -> None:
    readings = [reading for reading in planned(0).readings if not reading.repeats]

    seen = Counter((reading.case, tuple(sorted(reading.arms))) for reading in readings)
    assert set(seen.values()) == {1}
    assert len(seen) == 24 * 3


def test_a_case_comes_again_only_after_all_others() -> None:
    for number in range(5):
        cases = [reading.case for reading in planned(number).readings if not reading.repeats]
        assert all(len(set(cases[start : start + 24])) == 24 for start in (0, 24, 48))
        assert all(one != other for one, other in pairwise(cases))


def test_each_block_shows_each_pair_equally_often_and_each_side_in_turn() -> None:
    readings = planned(1).readings
    for start in (0, 24, 48):
        assert set(Counter(tuple(sorted(r.arms)) for r in readings[start : start + 24]).values()) == {8}
    left = defaultdict(Counter)  # type: ignore[var-annotated]
    for reading in readings[:72]:
        left[tuple(sorted(reading.arms))][reading.arms[0]] += 1
    assert all(set(sides.values()) == {12} for sides in left.values())


def test_readers_meet_units_in_other_orders_but_judge_the_same() -> None:
    first, second = ([(r.case, tuple(sorted(r.arms))) for r in planned(n, blocks=2).readings[:48]] for n in (0, 1))

    assert first != second
    assert sorted(first) == sorted(second)


def test_repeats_come_at_the_end_with_sides_exchanged() -> None:
    readings = planned(2).readings
    first = {reading.id: reading for reading in readings if not reading.repeats}
    again = [reading for reading in readings if reading.repeats]

    assert len(again) == 8  # a tenth of 72, rounded up
    assert list(readings[-8:]) == again
    assert all(first[one.repeats].case == one.case for one in again)
    assert all(first[one.repeats].arms == one.arms[::-1] for one in again)


def test_guesses_are_about_as_many_reports_of_each_arm() -> None:
    assert set(Counter(guess.arms[0] for guess in planned(3).guesses).values()) == {design.GUESSED}


def test_ids_tell_neither_arm_nor_case() -> None:
    ids = [reading.id for reading in planned(0).readings]

    assert len(set(ids)) == len(ids)
    assert all(len(name) == 10 and set(name) <= set("0123456789abcdef") for name in ids)
