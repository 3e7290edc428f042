"""A leaderboard of chosen columns in a chosen order."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from mmrad_eval.core.errors import UsageError
from mmrad_eval.metrics import suite
from mmrad_eval.results.leaderboard.board import tables_of
from mmrad_eval.results.leaderboard.chosen import chosen
from mmrad_eval.results.leaderboard.rows import read_scored_runs
from mmrad_eval.results.paper.printed import leaderboard_latex
from mmrad_eval.results.run.folder import find_runs
from mmrad_eval.results.scoring.run import score
from mmrad_eval.results.tables.table import Table

if TYPE_CHECKING:
    from tests.results.conftest import Kit

Choose = Callable[..., list[Table]]
TEXTS = {"best": "heart size is normal small left effusion", "worst": "nothing", "middle": "heart size"}


@pytest.fixture
def choose(kit: Kit) -> Choose:
    """The leaderboard of three systems with the columns and order that are named."""
    studies = kit.studies(6, 3)
    for name, text in TEXTS.items():
        folder = kit.run([kit.answer(s, text) for s in studies], model=f"t:{name}", task="direct")
        score(folder, studies, [kit.Words(), kit.Effusions()], resamples=10)
    entries = read_scored_runs(find_runs(kit.results))
    return lambda wanted, sort="": chosen(tables_of(entries), entries, wanted, sort)


def models(table: Table) -> list[object]:
    return [row.cells["model"].value for row in table.rows]


def scores(table: Table) -> list[str]:
    return [column.key for column in table.columns if column.interval]


def test_columns_stand_in_the_order_in_which_they_are_named(choose: Choose) -> None:
    (table,) = choose(["effusions", "Recall"])
    assert scores(table) == ["Effusions missed @ test", "Recall @ test"]
    (table,) = choose(["words@test"])
    assert scores(table) == ["Recall @ test", "Mean recall @ test"]


def test_the_best_of_the_column_comes_first_also_where_low_is_good(choose: Choose) -> None:
    (table,) = choose([], "Recall")
    assert models(table) == ["t:best", "t:middle", "t:worst"]
    (table,) = choose(["Recall"], "Effusions missed")  # by a column that is not shown
    assert models(table)[0] == "t:best"


def test_without_an_order_the_best_of_the_first_column_that_is_named_comes_first(choose: Choose) -> None:
    (table,) = choose(["Effusions missed", "Recall"])
    found = [float(row.cells["Effusions missed @ test"].value or 0) for row in table.rows]
    assert found == sorted(found)
    (table,) = choose(["Recall", "Effusions missed"])
    assert models(table) == ["t:best", "t:middle", "t:worst"]


def test_a_name_that_fits_nothing_or_too_much_is_refused(choose: Choose) -> None:
    with pytest.raises(UsageError, match=r"no column is called 'Recal'; there are .*Recall @ test"):
        choose(["Recal"])
    with pytest.raises(UsageError, match="--sort words@test: it matches 2 columns; name one"):
        choose([], "words@test")


def test_its_latex_is_the_table_of_a_paper(choose: Choose) -> None:
    text = leaderboard_latex(choose(["Recall", "Effusions missed"], "Recall"))
    assert "% Recall @ test: words|fitted:" in text
    lines = [line for line in text.splitlines() if line.startswith(("best &", "middle &", "worst &"))]
    assert [line.count("&") for line in lines] == [3, 3, 3]  # the length of reports beside both
    assert "n = 6 studies" in text
    assert "[0" not in text


def test_four_metrics_stand_beside_each_other_without_the_length_where_that_takes_their_room(kit: Kit) -> None:
    studies = kit.studies(6, 3)
    wanted = ["BLEU-4", "ROUGE-L", "CIDEr-D", "rules micro-F1-14"]
    metrics = suite(["bleu@raw", "rouge@raw", "cider@raw", "rules@uncertain=positive"])
    for name in ("vllm:lab/a-model-with-a-long-name-and-7B-Instruct", "t:b"):
        folder = kit.run([kit.answer(s, "heart size is normal") for s in studies], model=name, task="direct")
        score(folder, studies, metrics, resamples=10)
    runs = read_scored_runs(find_runs(kit.results))
    text = leaderboard_latex(chosen(tables_of(runs), runs, wanted, "BLEU-4"))
    assert text.count(r"\begin{tabular}") == 1
    row = next(line for line in text.splitlines() if line.startswith("b &"))
    assert row.count("&") == 4
