"""Rankings side by side and the flips between them."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from mmrad_eval.results.statistics.rank_correlation import kendall, kendall_matrix
from mmrad_eval.results.tables import Cell, Row, Table, TableColumn, render
from mmrad_eval.results.validation.rankings import Ranking, of_board, of_table, only
from mmrad_eval.results.validation.ranks import flips, tables_of
from mmrad_eval.results.validation.score_files import read_sheet


def ranking(
    values: list[list[float]], low: list[list[float]] | None = None, high: list[list[float]] | None = None
) -> Ranking:
    array = np.array(values)
    gone = np.full(array.shape, np.nan)
    columns = ("BLEU-4 @ raw", "BLEU-4 @ r2gen-iu", "RadCliQ-v1 @ x")[: array.shape[1]]
    better = ("higher", "higher", "lower")[: array.shape[1]]
    return Ranking(
        "test",
        tuple("ABCDEFGH"[: len(array)]),
        columns,
        better,  # type: ignore[arg-type] # a slice of the words
        array,
        gone if low is None else np.array(low),
        gone if high is None else np.array(high),
    )


def test_the_best_is_first_whichever_end_is_good_and_ties_share_a_rank() -> None:
    ranks = ranking([[0.3, 0.1, 1.0], [0.3, 0.2, 0.5], [0.1, np.nan, 2.0]]).ranks
    np.testing.assert_array_equal(ranks, [[1, 2, 2], [1, 1, 1], [3, np.nan, 3]])


def test_a_flip_names_both_systems_and_by_how_much_each_leads() -> None:
    (flip,) = flips(ranking([[0.30, 0.10], [0.28, 0.15], [0.05, 0.01]]), [0, 1])
    leads = {(lead.column, round(lead.by, 3)) for lead in (*flip.ahead, *flip.behind)}
    assert {flip.first, flip.second} == {"A", "B"}
    assert leads == {("BLEU-4 @ raw", 0.02), ("BLEU-4 @ r2gen-iu", 0.05)}
    assert not flip.clear


def test_a_flip_is_clear_where_intervals_are_apart_on_both_sides() -> None:
    values = [[0.3, 0.1], [0.2, 0.2]]
    apart = ranking(values, [[0.28, 0.08], [0.18, 0.18]], [[0.32, 0.12], [0.22, 0.22]])
    touching = ranking(values, [[0.21, 0.08], [0.18, 0.18]], [[0.32, 0.12], [0.22, 0.22]])
    assert flips(apart, [0, 1])[0].clear
    assert not flips(touching, [0, 1])[0].clear


def test_agreeing_columns_flip_nothing() -> None:
    assert flips(ranking([[0.3, 0.2], [0.2, 0.1], [0.2, 0.05]]), [0, 1]) == []


def test_the_tables_hold_ranks_agreement_and_flips() -> None:
    tables = tables_of([ranking([[0.30, 0.10, 1.0], [0.28, 0.15, 0.9], [0.05, 0.01, 2.0]])])
    assert [table.name for table in tables] == ["ranks", "ranks-agreement", "ranks-flips", "ranks-winners"]
    assert tables[0].rows[0].cells["system"].value == "B"
    text = render(tables, "csv")
    assert "A" in text
    assert "B" in text


def test_heads_of_the_agreement_are_the_numbers_of_its_rows_where_people_read_and_names_in_files() -> None:
    names = ("BLEU-4 @ raw", "BLEU-4 @ r2gen-iu", "RadCliQ-v1 @ x")
    agreement = tables_of([ranking([[0.30, 0.10, 1.0], [0.28, 0.15, 0.9], [0.05, 0.01, 2.0]])])[1]
    numbers = [str(row.cells["number"].value) for row in agreement.rows]
    assert dict(zip(numbers, (row.cells["column"].value for row in agreement.rows), strict=True)) == {
        column.heading: column.key for column in agreement.columns if column.key in names
    }
    head = render([agreement], "csv").splitlines()[0].split(",")
    assert head == ["column", "winner", "mean rank", *names]


def test_with_more_columns_than_systems_the_columns_go_down() -> None:
    table = tables_of([ranking([[0.3, 0.1, 1.0], [0.2, 0.2, 2.0]])])[0]
    assert [row.cells["column"].value for row in table.rows] == ["BLEU-4 @ raw", "BLEU-4 @ r2gen-iu", "RadCliQ-v1 @ x"]


def test_one_system_or_no_column_ranks_nothing() -> None:
    assert tables_of([ranking([[0.3, 0.1]])]) == []
    assert tables_of([only(ranking([[0.3, 0.1], [0.2, 0.1]]), ["CIDEr"])]) == []


def test_a_leaderboards_unranked_rows_and_incomparable_cells_are_left_out() -> None:
    columns = (
        TableColumn("model"),
        TableColumn("BLEU-4 @ raw", kind="score", better="higher"),
        TableColumn("n", kind="count"),
    )
    rows = (
        Row({"model": Cell("a"), "task": Cell("mcot"), "BLEU-4 @ raw": Cell(0.2, 0.1, 0.3)}),
        Row({"model": Cell("b"), "task": Cell("mcot"), "BLEU-4 @ raw": Cell(0.3, comparable=False)}),
        Row({"model": Cell("c"), "task": Cell("mcot"), "BLEU-4 @ raw": Cell(0.9)}, ranked=False),
    )
    found = of_table(Table("t", "title", columns, rows))
    assert found.systems == ("a, mcot", "b, mcot")
    assert found.columns == ("BLEU-4 @ raw",)
    assert found.values[0, 0] == 0.2
    assert np.isnan(found.values[1, 0])


@pytest.mark.shared
def test_public_boards_are_ranked_and_compared(shared_data: Path) -> None:
    names = ("mimiccxr", "iu_xray")
    boards = [
        of_board(read_sheet(shared_data / "boards" / f"rexrank_2025_findings_result_{name}.csv")) for name in names
    ]
    assert boards[0].better[boards[0].columns.index("1/RadCliQ-v1")] == "higher"
    winners = {
        column: [board.systems[int(i)] for i in np.flatnonzero(board.ranks[:, j] == 1)]
        for board in boards[:1]
        for j, column in enumerate(board.columns)
    }
    assert winners["BLEU"] == ["UniRG-CXR"]
    assert winners["RadGraph"] == ["MedVersa"]
    tables = {table.name: table for table in tables_of(boards)}
    (flip,) = tables["ranks-1-winners"].rows
    assert {flip.cells["first"].value, flip.cells["second"].value} == {"UniRG-CXR", "MedVersa"}
    assert {row.cells["column"].value for row in tables["ranks-between"].rows} == set(boards[0].columns)


def test_the_agreement_of_all_columns_at_once_is_that_of_each_two() -> None:
    chance = np.random.default_rng(5)
    values = chance.integers(0, 6, (40, 7)).astype(float)
    values[chance.random(values.shape) < 0.2] = np.nan
    values[:, 6] = 1.0  # orders nothing
    both = [[kendall(values[:, i], values[:, j]) for j in range(7)] for i in range(7)]
    np.testing.assert_array_equal(kendall_matrix(values), both)


def test_many_systems_are_ranked_in_little_time() -> None:
    chance = np.random.default_rng(6)
    shape = (300, 60)
    gone = np.full(shape, np.nan)
    columns = tuple(f"BLEU-{i // 4} @ way {i}" for i in range(60))
    many = Ranking("many", tuple(map(str, range(300))), columns, ("higher",) * 60, chance.random(shape), gone, gone)
    start = time.process_time()
    tables_of([many])
    assert time.process_time() - start < 15  # seconds; pair by pair it took minutes
