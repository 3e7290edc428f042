"""How large a study has to be: power as it is known, and what is recommended."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from scipy import stats

from mmrad_eval.reader_studies.plan import Expected, plan_table
from mmrad_eval.reader_studies.simulation import Scatter
from tests.cli.conftest import Said, call

__all__ = ["call"]
SAME = Scatter(0.0, 0.0)


def power(expected: Expected, cases: int, readers: int, studies: int = 200) -> float:
    (row,) = plan_table(expected, [cases], [readers], studies=studies).rows
    return float(row.cells["power"].value or 0)


def test_power_without_ties_and_scatter_is_that_of_a_sign_test() -> None:
    n, p = 100, 0.65
    reject = [k for k in range(n + 1) if stats.binomtest(k, n).pvalue < 0.05]
    exact = sum(stats.binom.pmf(k, n, p) for k in reject)  # .83; the interval is a little less strict than this test

    assert exact - 0.05 < power(Expected("preference", p, 0.0, scatter=SAME), n, 1) < exact + 0.1


def test_where_nothing_differs_a_study_finds_something_in_one_of_twenty() -> None:
    assert power(Expected("preference", 0.5), 40, 5) < 0.09
    assert power(Expected("likert", difference=1e-9), 40, 5) < 0.09


def test_more_cases_and_larger_differences_are_found_more_often() -> None:
    found = [power(Expected("likert", difference=d), n, 3, 100) for d, n in ((0.2, 20), (0.2, 150), (0.6, 150))]

    assert found[0] < found[1] < found[2] + 1e-9
    assert found[2] > 0.95


def test_the_smallest_size_that_is_large_enough_is_recommended() -> None:
    table = plan_table(Expected("errors", difference=0.6), [20, 200], [5, 6], studies=60)

    assert "Recommended: 5 readers, 200 cases, 400 readings per reader" in table.notes[1]
    assert "No size detects it" in plan_table(Expected("errors", difference=0.05), [10], [5], studies=60).notes[1]
    alone = plan_table(Expected("errors", difference=0.6), [200], [2], studies=60)
    assert "generalizes to no other readers" in alone.notes[1]
    assert alone.rows[0].cells["about"].value == "these readers only"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--cases", "x"), "--cases x: write whole numbers of at least 2"),
        (("--readers", "0"), "--readers 0: write whole numbers of at least 1"),
        (("--preference", "60"), "are shares"),
        (("--form", "errors", "--difference", "2"), "name a smaller difference"),
    ],
)
def test_what_is_no_size_is_refused_in_a_line(words: tuple[str, ...], why: str, call: Callable[..., Said]) -> None:
    said = call("readers", "plan", *words)

    assert said.code == 2
    assert why in said.err


def test_the_command_prints_a_table_and_a_size(call: Callable[..., Said]) -> None:
    said = call("readers", "plan", "-n", "20", "-r", "3,5", "--studies", "50")

    assert said.code == 0, said.err
    assert "studies that detect the difference, %" in said.out
    assert "Two systems; a typical reader" in said.out
