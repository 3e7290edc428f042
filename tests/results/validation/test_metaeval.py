"""Metrics against raters: the numbers are scipy's definitions, the files are read in every form."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from mmrad_eval.cli.metaeval import metaeval
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.metrics import suite
from mmrad_eval.results.statistics.rank_correlation import kendall, kendall_weighted, spearman, spearman_weighted
from mmrad_eval.results.tables import Table
from mmrad_eval.results.validation.metaeval import SHOWN, SIDES, tables_of
from mmrad_eval.results.validation.rated_scores import Scored, of_file, of_sheet, of_texts
from mmrad_eval.results.validation.ratings import read_ratings
from mmrad_eval.results.validation.score_files import read_sheet

VALUES = st.lists(st.integers(0, 5), min_size=3, max_size=12)


def plain_tau(x: list[float], y: list[float]) -> float:
    """Kendall's tau-b by counting pairs."""
    pairs = [(np.sign(x[i] - x[j]), np.sign(y[i] - y[j])) for i, j in combinations(range(len(x)), 2)]
    n_x, n_y = sum(a != 0 for a, _ in pairs), sum(b != 0 for _, b in pairs)
    return float(sum(a * b for a, b in pairs) / np.sqrt(n_x * n_y)) if n_x and n_y else float("nan")


@given(VALUES, st.randoms())
def test_tau_counts_pairs(x: list[int], chance: object) -> None:
    y = list(x)
    chance.shuffle(y)  # type: ignore[attr-defined] # a random.Random
    np.testing.assert_allclose(kendall(x, y), plain_tau([float(v) for v in x], [float(v) for v in y]))


def test_tau_and_rho_equal_published_examples() -> None:
    # Kendall, Rank Correlation Methods, and Spearman's example of IQ and hours of television (Wikipedia, both)
    assert kendall([12, 2, 1, 12, 2], [1, 4, 7, 1, 0]) == pytest.approx(-0.471404520791)
    iq, hours = [106, 100, 86, 101, 99, 103, 97, 113, 112, 110], [7, 27, 2, 50, 28, 29, 20, 12, 6, 17]
    assert spearman(iq, hours) == pytest.approx(-29 / 165)


@given(VALUES, st.data())
def test_weights_are_repetitions(x: list[int], data: st.DataObject) -> None:
    y = data.draw(st.lists(st.integers(0, 5), min_size=len(x), max_size=len(x)))
    weights = data.draw(st.lists(st.integers(0, 3), min_size=len(x), max_size=len(x)))
    repeated = [np.repeat(np.array(values, float), weights) for values in (x, y)]
    a, b, w = np.array(x, float), np.array(y, float), np.array([weights], float)
    np.testing.assert_allclose(kendall_weighted(a, b, w)[0], kendall(*repeated), atol=1e-12)
    np.testing.assert_allclose(spearman_weighted(a, b, w)[0], spearman(*repeated), atol=1e-9)


def test_an_order_that_orders_nothing_is_undefined() -> None:
    assert np.isnan(kendall([1, 1, 1], [1, 2, 3]))
    assert np.isnan(spearman([1, 2, 3], [1, 1, 1]))
    assert np.isnan(kendall([], []))


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def cell(table: Table, metric: str, column: str) -> object:
    return next(row.cells[column].value for row in table.rows if row.cells["metric"].value == metric)


LONG = """study_number,candidate_type,rater_index,error_category,clinically_significant,num_errors
0,bleu,0,1,True,2
0,bleu,0,2,False,1
0,bleu,1,1,True,3
0,radgraph,0,1,True,0
0,radgraph,1,1,False,1
1,bleu,0,2,True,1
1,bleu,1,2,True,1
1,radgraph,0,1,True,4
1,radgraph,1,1,True,5
2,bleu,0,1,True,0
2,bleu,1,1,True,0
2,radgraph,0,1,True,1
2,radgraph,1,2,True,1
"""


def test_counts_of_errors_are_summed_by_kind_and_rater(tmp_path: Path) -> None:
    found = read_ratings(write(tmp_path / "errors.csv", LONG))
    assert found.items[:2] == [("0", "bleu"), ("0", "radgraph")]
    assert list(found.scores) == ["all errors", "significant errors", "errors: 1", "errors: 2"]
    np.testing.assert_array_equal(found.scores["all errors"][:2], [[3, 3], [0, 1]])
    np.testing.assert_array_equal(found.scores["significant errors"][:2], [[2, 3], [0, 0]])
    assert found.raters == 2
    np.testing.assert_array_equal(found.mean("all errors"), [-3, -0.5, -1, -4.5, 0, -1])


def test_a_metric_that_counts_errors_as_raters_do_agrees_fully_and_its_opposite_not_at_all(tmp_path: Path) -> None:
    found = read_ratings(write(tmp_path / "errors.csv", LONG))
    good = Scored("good", found.mean("all errors") * 2 + 7)
    bad = Scored("bad", -found.mean("all errors"))
    tables = {table.name: table for table in tables_of(found, [bad, good], resamples=200)}
    assert [row.cells["metric"].value for row in tables["metaeval"].rows][:2] == ["good", "bad"]
    assert cell(tables["metaeval"], "good", "tau") == pytest.approx(1)
    assert cell(tables["metaeval"], "bad", "rho") == pytest.approx(-1)
    assert cell(tables["metaeval-orders"], "good", "right") == 1
    assert cell(tables["metaeval-orders"], "bad", "right") == 0
    assert {column.key for column in tables["metaeval-ratings"].columns} == {"metric", *found.scores}


def test_the_ceiling_is_how_one_rater_agrees_with_the_others(tmp_path: Path) -> None:
    found = read_ratings(write(tmp_path / "errors.csv", LONG))
    table = tables_of(found, [Scored("any", found.mean("all errors"))], resamples=100)[0]
    first, second = found.scores["all errors"].T
    assert table.rows[-1].cells["tau"].value == pytest.approx(kendall(first, second))
    assert not table.rows[-1].ranked


def test_intervals_resample_cases_and_are_the_same_again(tmp_path: Path) -> None:
    found = read_ratings(write(tmp_path / "errors.csv", LONG))
    scored = [Scored("noise", np.array([3.0, 1, 2, 5, 4, 0]))]
    first, again = (tables_of(found, scored, resamples=300)[0].rows[0].cells["tau"] for _ in range(2))
    assert first == again
    assert first.low is not None
    assert first.high is not None
    assert first.low <= float(first.value or 0) <= first.high


WIDE = """id,rater,overall rating,false positives,BLEU-2,RadCliQ-v1
a,r1,4,1,0.5,0.1
a,r2,5,0,0.5,0.1
b,r1,2,3,0.2,0.9
b,r2,1,3,0.2,0.9
c,r1,3,,0.4,0.5
c,r2,3,2,0.4,0.5
"""


def test_wide_ratings_stand_beside_metrics_and_names_tell_which_end_is_good(tmp_path: Path) -> None:
    found = read_ratings(write(tmp_path / "wide.csv", WIDE))
    assert found.better == {"overall rating": "higher", "false positives": "lower"}
    table, by_rating, *_ = tables_of(found, of_file(found), resamples=50)
    assert cell(table, "BLEU-2", "tau") == pytest.approx(1)
    assert cell(table, "RadCliQ-v1", "tau") == pytest.approx(1)
    assert cell(by_rating, "BLEU-2", "false positives") == pytest.approx(1)


def test_a_rating_may_be_named_with_its_good_end(tmp_path: Path) -> None:
    path = write(tmp_path / "wide.csv", WIDE)
    found = read_ratings(path, ratings={"overall rating": "lower"})
    assert list(found.scores) == ["overall rating"]
    assert cell(tables_of(found, of_file(found), resamples=0)[0], "BLEU-2", "tau") == pytest.approx(-1)
    with pytest.raises(UsageError, match="no such column"):
        read_ratings(path, ratings={"quality": None})


PREFERENCES = """case,preferred,over,rater
1,a,b,r1
1,a,b,r2
1,b,a,r3
2,b,a,r1
3,a,b,r1
3,b,a,r2
"""


def test_preferences_are_counted_over_raters(tmp_path: Path) -> None:
    found = read_ratings(write(tmp_path / "preferences.csv", PREFERENCES))
    assert [(order.first, round(order.share, 2), order.alike) for order in found.orders] == [
        (("1", "a"), 0.67, False),
        (("2", "b"), 1.0, False),
        (("3", "a"), 0.5, True),
    ]
    values = {("1", "a"): 2.0, ("1", "b"): 1.0, ("2", "a"): 2.0, ("2", "b"): 1.0, ("3", "a"): 1.0, ("3", "b"): 1.0}
    table = tables_of(found, [Scored("m", np.array([values[item] for item in found.items]))], resamples=50)[0]
    row = table.rows[0].cells
    assert (row["right"].value, row["pairs"].value, row["kept"].value) == (0.5, 2, 1.0)
    # a rater whose others are split counts for nothing: the third of case 1 and both of case 3 are left, and alone
    assert (table.rows[-1].cells["pairs"].value, table.rows[-1].cells["right"].value) == (2, 0.0)


def test_scores_of_another_file_are_joined_by_case_and_candidate(tmp_path: Path) -> None:
    found = read_ratings(write(tmp_path / "errors.csv", LONG))
    rows = [
        f"{case}/{candidate},{-value}"
        for (case, candidate), value in zip(found.items, found.mean("all errors"), strict=True)
    ]
    sheet = read_sheet(write(tmp_path / "scores.csv", "id,RadCliQ-v1\n" + "\n".join(reversed(rows))))
    assert cell(tables_of(found, of_sheet(found, sheet), resamples=0)[0], "RadCliQ-v1", "tau") == pytest.approx(1)
    other = read_sheet(write(tmp_path / "other.csv", "id,RadCliQ-v1\nzz,1\n"))
    with pytest.raises(DataError, match="row ids look like 'zz', case ids like '0'"):
        of_sheet(found, other)


def test_expected_rankings_are_read_and_scored_from_their_texts(tmp_path: Path) -> None:
    cases = [
        {
            "category": "penalty",
            "tests": [
                {
                    "id": "1",
                    "ground_truth": "Left pleural effusion.",
                    "candidates": {"C1": {"text": "Left pleural effusion."}, "C2": {"text": "Fracture."}},
                    "expected_ranking": "C1 > C2",
                }
            ],
        },
        {
            "category": "paraphrase",
            "tests": [
                {
                    "id": "2",
                    "ground_truth": "Clear lungs.",
                    "candidates": {"C1": {"text": "Clear lungs."}, "C2": {"text": "Lungs clear."}, "C3": {"text": "x"}},
                    "expected_ranking": ["C1 = C2", "C2 > C3"],
                }
            ],
        },
    ]
    found = read_ratings(write(tmp_path / "cases.json", json.dumps(cases)))
    table, by_kind = tables_of(found, of_texts(found, suite(["bleu@rexrank"]))[0], resamples=20)
    row = table.rows[0].cells
    assert (row["pairs"].value, row["right"].value, row["equals"].value, row["kept"].value) == (2, 1.0, 1, 0.0)
    assert row["both"].value == pytest.approx(2 / 3)
    assert by_kind.rows[0].cells["paraphrase"].value == "1 of 2"


def test_files_without_cases_or_with_words_for_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no column names the case"):
        read_ratings(write(tmp_path / "a.csv", "x,y\n1,2\n"))
    broken = LONG.replace("True,2", "True,two")
    with pytest.raises(DataError, match=r":2: num_errors is 'two', not a number"):
        read_ratings(write(tmp_path / "b.csv", broken))


def test_one_case_has_values_without_intervals(tmp_path: Path) -> None:
    found = read_ratings(write(tmp_path / "wide.csv", "id,candidate,rating,BLEU-2\na,x,1,0.1\na,y,2,0.2\n"))
    tau = tables_of(found, of_file(found))[0].rows[0].cells["tau"]
    assert tau.value == pytest.approx(1)
    assert (tau.low, tau.high) == (None, None)


@pytest.mark.shared
def test_public_ranking_cases_run_through_lexical_metrics(shared_data: Path) -> None:
    found = read_ratings(shared_data / "radjudge" / "ranking_cases.json")
    assert len(found.orders) == 10
    table = tables_of(found, of_texts(found, suite(["lexical"]))[0], resamples=50)[0]
    assert {row.cells["pairs"].value for row in table.rows} == {5}


def test_orders_from_ratings_have_a_ceiling_of_raters(tmp_path: Path) -> None:
    rows = ["case,candidate,rater,score", "1,a,x,2", "1,b,x,1", "1,a,y,3", "1,b,y,3", "1,a,z,5", "1,b,z,1"]
    found = read_ratings(write(tmp_path / "r.csv", "\n".join(rows) + "\n"))
    tables = {table.name: table for table in tables_of(found, [Scored("m", np.array([1.0, 0.0]))], resamples=50)}
    assert cell(tables["metaeval-orders"], SIDES, "right") == pytest.approx(5 / 6)


def test_a_metric_that_copies_one_rater_gains_nothing_by_that_raters_own_vote(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    truth = generator.normal(size=40)
    raters = truth[:, None] + generator.normal(size=(40, 3))
    lines = [f"c{i},x{i % 2},{r},{raters[i, r]}" for i in range(40) for r in range(3)]
    found = read_ratings(write(tmp_path / "r.csv", "\n".join(["case,candidate,rater,quality", *lines]) + "\n"))
    copied, known = Scored("first rater", raters[:, 0]), Scored("truth", truth)
    table = tables_of(found, [copied, known], resamples=100)[0]
    ceiling = table.rows[-1].cells["tau"].value
    others = [np.delete(raters, r, axis=1).mean(axis=1) for r in range(3)]
    own = [kendall(raters[:, r], others[r]) for r in range(3)]
    assert ceiling == pytest.approx(np.mean(own))
    less = [kendall(raters[:, 0], other) - mine for other, mine in zip(others, own, strict=True)]
    assert cell(table, "first rater", "less") == pytest.approx(np.mean(less))
    row = next(row for row in table.rows if row.cells["metric"].value == "truth").cells["less"]
    assert row.low is not None
    assert row.high is not None
    assert row.low <= float(row.value or 0) <= row.high


def test_a_metric_in_each_raters_place_is_held_against_the_same_majority(tmp_path: Path) -> None:
    rows = ["case,preferred,over,rater,category"]
    for case, votes in enumerate(("aaab", "aabb", "aaaa", "abbb")):
        rows += [f"{case},{v},{'b' if v == 'a' else 'a'},{rater},k{case % 2}" for rater, v in enumerate(votes)]
    found = read_ratings(write(tmp_path / "p.csv", "\n".join(rows) + "\n"))
    values = {"a": 1.0, "b": 0.0}
    scored = [Scored("always a", np.array([values[candidate] for _, candidate in found.items]))]
    tables = {table.name: table for table in tables_of(found, scored, resamples=50)}
    orders = tables["metaeval-orders"]
    # 3 to 1: right are 3 of 4; 2 to 2: the others of each are 2 to 1 against, 0 of 4; 4 to 0: 4 of 4
    assert cell(orders, SIDES, "right") == pytest.approx((0.75 + 0 + 1 + 0.75) / 4)
    # in their places the metric is right in 1, in half (the majority of the others flips), in 1, in 0
    assert cell(orders, "always a", "less") == pytest.approx((1 + 0.5 + 1 + 0) / 4 - (0.75 + 0 + 1 + 0.75) / 4)
    assert cell(tables["metaeval-kinds"], SIDES, "k0") == "1.75 of 2"


def test_a_metric_is_held_against_another_one_over_the_same_cases(tmp_path: Path) -> None:
    found = read_ratings(write(tmp_path / "errors.csv", LONG))
    wanted = found.mean("all errors")
    good, bad = Scored("good", wanted), Scored("bad", -wanted)
    half = Scored("half", np.where(np.arange(6) < 4, wanted, np.nan))  # the third case is unknown to it
    tables = {table.name: table for table in tables_of(found, [good, bad, half], resamples=200, against=bad)}
    assert cell(tables["metaeval"], "good", "against") == pytest.approx(2)
    assert cell(tables["metaeval-orders"], "good", "against") == pytest.approx(1)
    assert "against" not in next(r for r in tables["metaeval"].rows if r.cells["metric"].value == "bad").cells
    own = tables_of(found, [half, bad], resamples=200, against=half)[0]
    before = kendall(wanted[:4], -wanted[:4]) - kendall(wanted[:4], wanted[:4])
    assert cell(own, "bad", "against") == pytest.approx(before)  # over the items that both score
    low, high = (getattr(own.rows[1].cells["against"], end) for end in ("low", "high"))
    assert low <= before <= high
    assert "against" not in {column.key for column in tables_of(found, [good], resamples=0)[0].columns}


def test_a_metric_that_is_not_there_can_not_be_held_against(tmp_path: Path) -> None:
    path = write(tmp_path / "wide.csv", WIDE)
    done = CliRunner().invoke(metaeval, [str(path), "--rating", "overall rating", "--against", "BLEU"])
    assert isinstance(done.exception, UsageError)
    assert "--against BLEU: no such metric; choose BLEU-2" in str(done.exception)


def test_the_first_metrics_are_shown_unless_all_are_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "r.csv", "case,candidate,rating\na,1,1\na,2,3\nb,1,4\nb,2,2\n")
    found = read_ratings(path, {}, {"rating": "higher"})
    many = [Scored(f"metric {number}", np.array([number, 2, 4, 3.0])) for number in range(SHOWN + 3)]
    short = tables_of(found, many, resamples=0, all_metrics=False)
    assert [sum(row.ranked for row in table.rows) for table in short] == [SHOWN] * len(short)
    assert f"The first {SHOWN} of {SHOWN + 3} metrics; --all-metrics shows all." in short[0].notes
    assert all(sum(row.ranked for row in table.rows) == SHOWN + 3 for table in tables_of(found, many, resamples=0))


def weighted(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "weighted.csv"
    path.write_text("\n".join(("case,rating,metric @ mine,sampling_weight", *rows)) + "\n")
    return path


def test_cases_count_with_their_sampling_weight(tmp_path: Path) -> None:
    rows = ["a,1,1,1", "b,2,2,1", "c,3,5,4", "d,4,4,1"]
    repeated = ["a,1,1,1", "b,2,2,1", *(f"c{i},3,5,1" for i in range(4)), "d,4,4,1"]
    plain, mine = (read_ratings(weighted(tmp_path, *some)) for some in (repeated, rows))
    found = [tables_of(ratings, of_file(ratings), resamples=0)[0] for ratings in (plain, mine)]

    values = [table.rows[0].cells["tau"].value for table in found]
    # four equal cases tie with each other, as one that weighs four does with itself
    assert values[0] == pytest.approx(values[1])
    assert values[0] != pytest.approx(2 / 3)
    assert "sampling weight" in found[1].notes[-1]


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (("a,1,1,1", "a,2,2,3"), "case a has the sampling weights 1 and 3"),
        (("a,1,1,0",), "sampling_weight is 0; a sampling weight must be above 0"),
        (("a,1,1,",), "sampling_weight is .*, not a number"),
    ],
)
def test_weights_that_are_none_are_refused(tmp_path: Path, rows: tuple[str, ...], why: str) -> None:
    with pytest.raises(DataError, match=why):
        read_ratings(weighted(tmp_path, *rows))
