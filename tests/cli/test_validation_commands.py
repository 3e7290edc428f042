"""ranks, audit, metaeval, reproduce and probe, as they are typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]
BOARD = "Rank,Model Name,BLEU,RadGraph\n1,A,0.3,0.2\n2,B,0.2,0.3\n3,C,0.1,0.1\n"


def write(name: str, text: str) -> str:
    Path(name).write_text(text, encoding="utf-8")
    return name


def test_a_board_is_ranked_and_its_flip_named(call: Call) -> None:
    said = call("ranks", write("board.csv", BOARD))
    assert said.code == 0
    assert "flips between systems that win some column" in said.out
    assert "A" in said.out


def test_ranks_of_a_folder_rank_its_runs(call: Call) -> None:
    for model in ("baseline:evidence", "baseline:normal"):
        assert call("--model", model, "--task", "mcot", "--metrics", "bleu", "--limit", "6").code == 0
    said = call("ranks", "--columns", "BLEU-4", "--format", "json")
    assert said.code == 0
    (ranks, *_) = json.loads(said.out)
    assert len(ranks["rows"]) == 2 or len(ranks["columns"]) == 3


def test_ranks_of_one_run_say_that_two_are_needed(call: Call) -> None:
    assert call("--model", "baseline:normal", "--task", "mcot", "--metrics", "bleu@raw", "--limit", "4").code == 0
    said = call("ranks")
    assert said.code == 2
    assert "two are needed" in said.err


def test_ranks_of_runs_that_have_stored_scores_alone_say_what_is_missing(call: Call) -> None:
    write("refs.csv", "id,findings\na,the heart is normal\nb,no effusion\n")
    stored = write("stored.csv", "id,mine\na,0.5\nb,0.25\n")
    for model in ("first", "second"):
        reports = write(f"{model}.csv", f"id,report\na,{model} normal\nb,{model} effusion\n")
        assert call("score", "-p", reports, "-r", "refs.csv", "--metrics", f"scores:{stored}").code == 0
    said = call("ranks")
    assert said.code == 2
    assert "no column of the 2 complete runs over the same studies states whether higher or lower is better" in said.err


def test_audit_ends_with_0_where_all_holds_and_with_1_where_something_breaks(call: Call) -> None:
    assert call("audit", write("board.csv", BOARD)).code == 0
    said = call("audit", write("bad.csv", BOARD.replace("2,B", "5,B")), "--format", "md")
    assert said.code == 1
    assert "rows were moved" in said.out
    assert "1 broken" in said.err


def test_audit_reads_the_reports_behind_a_row(call: Call) -> None:
    reports = write("reports.csv", "id,bleu_score\na,0.5\nb,0.3\n")
    assert "0.4" in call("audit", write("board.csv", BOARD), "--rows", f"A={reports}").out
    assert call("audit", "board.csv", "--rows", "A").code == 2
    assert call("audit", "board.csv", "--rows", "A=nothing.csv").code == 1


def test_audit_reads_references_and_another_copy(call: Call) -> None:
    write("reports.csv", "id,bleu_score\na,0.5\nb,0.3\n")
    references = write("references.csv", "id,findings\na,The heart is normal.\nb,Clear lungs.\nc,Stable.\n")
    said = call("audit", "reports.csv", "--references", references, "--format", "csv")
    assert said.code == 1
    assert "a study without a row" in said.out
    copy = write("copy.csv", "id,bleu_score\na,0.5\nb,0.4\n")
    assert "-0.1" in call("audit", "reports.csv", "--against", copy).out


def test_reproduce_names_the_profile(call: Call) -> None:
    rows = ["a,Clear lungs.,Clear lungs.,1.0,.9", "b,No effusion.,Clear lungs.,0.0,.8", "c,x y z,x z,0.772,.1"]
    path = write("published.csv", "\n".join(["id,reference,prediction,score,other", *rows]))
    said = call("reproduce", path, "--metrics", "rouge@raw", "--format", "json")
    assert said.code == 0
    (table,) = json.loads(said.out)
    verdicts = {row["cells"]["column"]["value"]: row["cells"]["verdict"]["value"] for row in table["rows"]}
    assert verdicts["score"] == "explained"
    assert verdicts["other"] == "not explained"


def test_metaeval_needs_metrics_or_texts(call: Call) -> None:
    ratings = write("ratings.csv", "id,rating\na,1\nb,2\nc,3\n")
    said = call("metaeval", ratings)
    assert said.code == 2
    assert "--scores" in said.err
    scores = write("scores.csv", "id,BLEU\na,.1\nb,.2\nc,.3\n")
    assert call("metaeval", ratings, "--scores", scores).code == 0
    assert call("metaeval", ratings, "--scores", scores, "--rating", "rating=up").code == 2


def test_probe_runs_on_the_demo(call: Call) -> None:
    said = call("probe", "--metrics", "bleu@rexrank", "--limit", "8", "--out", "probe.md")
    assert said.code == 0
    assert "Correctly ordered pairs" in Path("probe.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", ["ranks", "audit", "reproduce", "metaeval", "probe"])
def test_each_has_help(call: Call, command: str) -> None:
    said = call(command, "--help")
    assert said.code == 0
    assert "Usage" in said.out
