"""The leaderboard: which runs stand together, who is ranked, what is said of the rest."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import pytest

from mmrad_eval.core.contracts import Metric
from mmrad_eval.core.values import Decoding, Status
from mmrad_eval.results.leaderboard.board import leaderboard
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.run.record import Selection
from mmrad_eval.results.scoring.run import score
from mmrad_eval.results.tables import Row, Table, render

if TYPE_CHECKING:
    from tests.results.conftest import Kit

LABEL = "Recall @ test"


def scored(
    kit: Kit,
    text: str,
    *,
    n: int = 8,
    statuses: dict[int, Status] | None = None,
    metrics: list[Metric] | None = None,
    **changes: Any,
) -> RunFolder:
    studies = kit.studies(n, patients=max(1, n // 2))
    answers = [kit.answer(s, text, (statuses or {}).get(i, "ok")) for i, s in enumerate(studies)]
    folder = kit.run(answers, **changes)
    score(folder, studies, metrics or [kit.Words(), kit.Effusions()], resamples=200)
    return folder


def rows(table: Table) -> dict[str, Row]:
    return {str(row.cells["model"].value): row for row in table.rows if row.media != "data"}


def test_best_is_marked_among_complete_runs_over_the_same_studies(kit: Kit) -> None:
    scored(kit, "heart size is normal effusion", model="test:good")
    scored(kit, "heart", model="test:poor")
    (table,) = leaderboard(kit.results)
    assert rows(table)["test:good"].cells[LABEL].rank == "best"
    assert rows(table)["test:poor"].cells[LABEL].rank == ""


@pytest.mark.parametrize(
    ("model", "changes", "why"),
    [
        ("test:failed", {"statuses": {0: "failed"}}, "1 of 8 studies have no answer yet"),
        ("test:small", {"n": 4, "selection": Selection(split="test", limit=4)}, "scored on 4 studies"),
        ("test:mixed", {"served": 2}, "2 different servers"),
    ],
)
def test_what_is_not_comparable_is_shown_with_the_reason_and_not_ranked(
    kit: Kit, model: str, changes: dict[str, Any], why: str
) -> None:
    scored(kit, "heart", model="test:a")
    scored(kit, "heart is", model="test:b")
    scored(kit, "heart size is normal left effusion", model=model, **changes)
    (table,) = leaderboard(kit.results)
    row = rows(table)[model]
    assert not row.ranked
    assert row.cells[LABEL].value is not None
    assert row.cells[LABEL].rank == ""
    assert why in row.notes[0]
    assert rows(table)["test:b"].cells[LABEL].rank == "best"


def test_given_and_generated_never_share_a_table(kit: Kit) -> None:
    scored(kit, "heart", task="mcot", given=True)
    scored(kit, "heart", task="tcot-self", given=False)
    tables = leaderboard(kit.results)
    assert [[row.cells["task"].value for row in table.rows] for table in tables] == [["mcot"], ["tcot-self"]]
    assert [row["evidence"] for row in csv.DictReader(io.StringIO(render(tables, "csv")))] == ["given", "generated"]


def test_other_data_under_the_same_name_is_another_table(kit: Kit) -> None:
    scored(kit, "heart")
    scored(kit, "heart", dataset_digest="e" * 64)
    assert len(leaderboard(kit.results)) == 2
    assert leaderboard(kit.results, datasets={"other"}) == []


def test_of_one_question_the_largest_selection_is_shown(kit: Kit) -> None:
    scored(kit, "heart", n=4, selection=Selection(split="test", limit=4))
    scored(kit, "heart", n=8)
    (table,) = leaderboard(kit.results)
    assert [row.cells["n"].value for row in table.rows] == [8]


def test_repeats_are_one_drawn_row_and_one_row_of_data_each(kit: Kit) -> None:
    for sample, text in enumerate(["heart", "heart size", "heart size is"]):
        scored(kit, text, sample=sample)
    (table,) = leaderboard(kit.results)
    data = list(csv.DictReader(io.StringIO(render(table, "csv"))))
    assert sorted(row["sample"] for row in data) == ["0", "1", "2"]
    mean = sum(float(row[LABEL]) for row in data) / 3
    (drawn,) = [row for row in table.rows if row.media == "drawn"]
    assert drawn.cells[LABEL].value == pytest.approx(mean)
    assert "mean of 3 samples" in drawn.notes[0]


def test_runs_of_one_model_are_told_apart_by_what_differs(kit: Kit) -> None:
    scored(kit, "heart", decoding=Decoding(temperature=0.7))
    scored(kit, "heart is", decoding=Decoding(temperature=0.0))
    (table,) = leaderboard(kit.results)
    assert sorted(str(row.cells["variant"].value) for row in table.rows) == ["temperature 0.0", "temperature 0.7"]


def test_statuses_are_counted_in_words_and_in_columns(kit: Kit) -> None:
    scored(kit, "heart", statuses={0: "failed", 1: "refused", 2: "too long"})
    (table,) = leaderboard(kit.results)
    assert table.rows[0].cells["answers"].value == "5 ok, 1 refused, 1 too long, 1 failed"
    (line,) = csv.DictReader(io.StringIO(render(table, "csv")))
    assert list(line)[:2] == ["model", "task"]
    picked = {k: line[k] for k in ("n", "failed", "pending", "ok", "refused", "too long", "scored", "complete")}
    assert picked == {
        "n": "8",
        "failed": "1",
        "pending": "0",
        "ok": "5",
        "refused": "1",
        "too long": "1",
        "scored": "7",
        "complete": "no",
    }


def test_a_metric_that_one_run_lacks_is_a_dash_there(kit: Kit) -> None:
    scored(kit, "heart", model="test:a", metrics=[kit.Words()])
    scored(kit, "heart", model="test:b", metrics=[kit.Words(), kit.Effusions()])
    (table,) = leaderboard(kit.results)
    assert "Effusions missed @ test" not in rows(table)["test:a"].cells
    assert "–" in render(table, width=100)  # noqa: RUF001 (the dash that is drawn)


def test_what_could_not_be_scored_is_said_with_the_command_that_mends_it(kit: Kit) -> None:
    scored(kit, "heart", metrics=[kit.Words(), kit.Weightless()])
    (table,) = leaderboard(kit.results)
    assert "weightless@test: the weights of Weightless are not here; mmrad-eval fetch weightless." in table.notes[1]


def test_a_run_that_was_never_scored_says_how_to(kit: Kit) -> None:
    folder = kit.run([kit.answer(kit.studies(1)[0], "x")])
    (table,) = leaderboard(kit.results)
    assert f"mmrad-eval score {folder.path}" in table.rows[0].notes[0]


def test_a_run_without_any_answer_does_not_ask_to_be_scored(kit: Kit) -> None:
    kit.run([kit.answer(study, "", "failed") for study in kit.studies(2)])
    (table,) = leaderboard(kit.results)
    assert table.rows[0].notes == ("unfinished (run the same command again): not ranked",)


def test_a_killed_run_that_was_scored_counts_the_studies_that_it_did_not_come_to(kit: Kit) -> None:
    studies = kit.studies(5)
    folder = kit.run([kit.answer(study, "", "pending") for study in studies])
    folder.write_answers([kit.answer(study, "heart") for study in studies[:2]])
    score(folder, studies[:2], [kit.Words()])
    (table,) = leaderboard(kit.results)
    row = table.rows[0]
    assert (row.cells["n"].value, row.cells["answers"].value, row.cells["pending"].value) == (5, "2 ok, 3 pending", 3)
    assert row.notes == ("incomplete, 3 of 5 studies have no answer yet: not ranked",)


def test_a_column_computed_otherwise_is_footnoted_and_not_ranked(kit: Kit) -> None:
    scored(kit, "heart", model="test:a")
    scored(kit, "heart is", model="test:b")
    scored(kit, "heart size is normal left", model="test:newer", metrics=[kit.Words(version=2)])
    (table,) = leaderboard(kit.results)
    cell = rows(table)["test:newer"].cells[LABEL]
    assert "words|fitted:True|v2" in cell.note
    assert cell.rank == ""
    assert rows(table)["test:b"].cells[LABEL].rank == "best"


def test_runs_that_all_failed_can_be_shown(kit: Kit) -> None:
    scored(kit, "", statuses=dict.fromkeys(range(8), "failed"))
    (table,) = leaderboard(kit.results)
    assert "8 failed" in render(table, width=80)


def test_a_hundred_runs_are_a_hundred_rows(kit: Kit) -> None:
    for i in range(100):
        scored(kit, "heart" if i % 3 else "heart size", model=f"test:m{i}", n=2)
    (table,) = leaderboard(kit.results)
    assert len(table.rows) == 100
    assert render(table, width=100).count("test:m") >= 100


def test_data_without_patients_says_what_was_resampled(kit: Kit) -> None:
    studies = kit.studies(4)
    score(kit.run([kit.answer(s, "heart") for s in studies]), studies, [kit.Words()])
    (table,) = leaderboard(kit.results)
    assert "no patient ids" in table.notes[0]


def test_direct_shows_no_evidence_and_is_ranked_in_both_tables(kit: Kit) -> None:
    scored(kit, "heart size is normal effusion", task="direct", given=True)
    scored(kit, "heart", task="mcot", given=True)
    scored(kit, "heart", task="mcot-loop", given=False)

    tables = leaderboard(kit.results)

    assert [{row.cells["task"].value for row in table.rows} for table in tables] == [
        {"direct", "mcot"},
        {"direct", "mcot-loop"},
    ]
    assert [table.rows[0].cells["task"].value for table in tables] == ["direct", "direct"]
    assert all(table.rows[0].cells[LABEL].rank == "best" for table in tables)
    written = [row["evidence"] for row in csv.DictReader(io.StringIO(render(tables, "csv")))]
    assert written == ["given", "given", "generated", "generated"]


def test_direct_alone_is_not_called_given_evidence(kit: Kit) -> None:
    scored(kit, "heart", task="direct", given=True)

    (table,) = leaderboard(kit.results)

    assert "no evidence given" in table.title
