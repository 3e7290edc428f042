"""Traces read by radiologists: what a page shows, which errors are planted, what ratings come to."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmrad_eval import datasets
from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Box, Image, Report, Step, Study, Trace
from mmrad_eval.reader_studies.answers import read_answers
from mmrad_eval.reader_studies.make import StudyPlan, rate
from mmrad_eval.reader_studies.merge import results_of, write
from mmrad_eval.reader_studies.merged import MergedStudy
from mmrad_eval.reader_studies.planted import planted
from mmrad_eval.reader_studies.records import RatedStatement
from mmrad_eval.results.statistics.agreement import wilson
from mmrad_eval.results.tables import Table
from tests.reader_studies.conftest import Studied


@pytest.fixture(scope="module")
def demo() -> Dataset:
    return datasets.load("demo")


def made(demo: Dataset, out: Path, **said: Any) -> Studied:
    plan = StudyPlan("rate", **{"cases": 10, "readers": 2, "edge": 128, "plant": 0.3, "repeats": 0.2} | said)
    return Studied(out, rate(demo, plan, out))


GOOD = {"rating": 5, "text_vs_image": 3, "box_fits": 3}


def test_a_page_shows_statements_and_boxes_and_nothing_of_who_made_them_or_what_was_planted(
    demo: Dataset, tmp_path: Path
) -> None:
    study = made(demo, tmp_path / "a")
    text, page = study.page_path().read_text(), study.page()

    assert [question["key"] for question in page["form"]["questions"]] == [
        *("rating", "text_vs_image", "box_fits", "worst_statement", "comment")
    ]
    reading = page["readings"][0]
    assert reading["texts"] == []
    boxes = [box for one in reading["statements"] for box in one.get("boxes", [])]
    assert boxes
    assert all(x >= 0 and y >= 0 and x + w <= 1.001 and y + h <= 1.001 for x, y, w, h in boxes)
    assert "planted" not in text
    assert not any(case.planted and case.planted in text for case in study.key.cases)


def test_a_box_stands_where_its_pixels_are(tmp_path: Path, demo: Dataset) -> None:
    film = Image(demo.studies[0].images[0].path, view="PA")
    box = Box((0.25, 0.5, 0.75, 0.6), "norm_1")
    steps = (Step("heart", box=box, text="The heart is large."), Step(text="Odd.", box=Box((5, 5, 1, 1), "norm_1")))
    study = Study("s", images=(film,), trace=Trace(steps), reference=Report("Large heart.", "Large heart."))
    data = Dataset("two", (study,), "open")
    key = made(data, tmp_path / "a", cases=1, plant=0.0).key

    (first, second) = key.cases[0].statements[0]
    assert first.boxes[0] == pytest.approx((0.25, 0.5, 0.5, 0.1), abs=1e-4)
    assert second.boxes == ()
    assert "1 boxes have numbers that can't be drawn" in " ".join(key.notes)


def test_the_report_is_asked_about_where_it_is_shown(demo: Dataset, tmp_path: Path) -> None:
    page = made(demo, tmp_path / "a", truth="reference").page()
    assert "text_vs_report" in [question["key"] for question in page["form"]["questions"]]
    assert page["cases"][0]["reference"]


def test_planted_errors_are_found_or_not_and_count_for_nothing_else(demo: Dataset, tmp_path: Path) -> None:
    study = made(demo, tmp_path / "a")
    bad = {case.shown[0]: case.wrong[0] for case in study.key.cases if case.planted}
    assert len(bad) == 3
    pages = [study.page(number) for number in range(2)]

    def answers(number: int) -> Path:
        body = study.body(number, lambda _, __: GOOD)
        for reading in pages[number]["readings"]:
            shown = "\n".join(f"{n}. {one['text']}" for n, one in enumerate(reading["statements"], 1))
            if shown in bad and number == 0:  # the first reader sees every error, the second none
                body["answers"][reading["id"]]["values"] = GOOD | {"rating": 2, "worst_statement": bad[shown]}
        return study.saved(body)

    merged = MergedStudy(study.key, read_answers([answers(0), answers(1)], study.key), resamples=200)
    tables = {table.name: table for table in results_of(merged).tables}

    rows = {row.cells["kind"].value: row.cells for row in tables["readers-planted"].rows}
    assert rows["all planted errors"]["n"].value == 6
    assert rows["all planted errors"]["low"].value == 0.5
    assert rows["all planted errors"]["named"].value == 0.5
    assert (rows["no planted error"]["low"].value, rows["no planted error"]["n"].value) == (0, 20)
    assert merged.cases == 10
    assert shares(tables["readers-traces"])["How good is the reasoning? (all readers of a case)"] == (
        *(1.0, 10), *wilson(10, 10)
    )  # fmt: skip


def shares(table: Table) -> Mapping[str, tuple[Any, ...]]:
    return {
        str(row.cells["what"].value): (
            *(row.cells["arm 0"].value, row.cells["n"].value),
            *(row.cells["arm 0"].low, row.cells["arm 0"].high),
        )
        for row in table.rows
    }


def test_what_readers_disagree_on_or_rate_low_is_listed_and_the_sheet_has_every_answer(
    demo: Dataset, tmp_path: Path
) -> None:
    study = made(demo, tmp_path / "a", plant=0.0, repeats=0.0, cases=4)
    first, second = study.key.readers
    ratings = {  # case -> what the two readers give
        0: (5, 5),
        1: (5, 3),
        2: (2, 3),
        3: (4, 5),
    }

    def saved(number: int) -> Path:
        body = study.body(number, lambda _, __: GOOD)
        for reading in (first, second)[number].readings:
            values = {"rating": ratings[reading.case][number], "comment": "see 1"}
            body["answers"][reading.id]["values"] = GOOD | values
        return study.saved(body)

    merged = MergedStudy(study.key, read_answers([saved(0), saved(1)], study.key), resamples=200)
    results = results_of(merged)
    files = {
        path.name: list(csv.DictReader(path.read_text().splitlines()))
        for path in write(merged, results, tmp_path / "out")[1:]
    }

    again = {row["case"]: row["why"] for row in files["read-again.csv"]}
    ids = [case.id for case in study.key.cases]
    assert again == {ids[1]: "2 levels apart or more", ids[2]: "rated 2 or less"}
    assert len(files["ratings.csv"]) == 8
    assert {row["kind"] for row in files["ratings.csv"]} == {"radiologist"}
    assert {row["text_vs_image"] for row in files["ratings.csv"]} == {"3"}


def test_a_simulated_study_of_traces_recovers_its_truth(tmp_path: Path, demo: Dataset) -> None:
    """Shares of two readers, whose ratings are drawn with known chances, lie in their intervals about as often."""
    random = np.random.default_rng(7)
    studies = tuple(
        Study(
            f"s{i}",
            patient=f"p{i}",
            images=demo.studies[0].images,
            trace=demo.studies[0].trace,
            reference=Report("x", "x"),
        )
        for i in range(80)
    )
    study = made(Dataset("many", studies, "open"), tmp_path / "a", cases=80, plant=0.0, repeats=0.0)
    truth, held, trials = 0.88, 0, 60
    for _ in range(trials):
        good = random.random(80) < truth
        paths = []
        for number, reader in enumerate(study.key.readers):
            body = study.body(number, lambda _, __: GOOD)
            for reading in reader.readings:
                body["answers"][reading.id]["values"] = GOOD | {"rating": 5 if good[reading.case] else 3}
            paths.append(study.saved(body))
        merged = MergedStudy(study.key, read_answers(paths, study.key), resamples=100)
        tables = {table.name: table for table in results_of(merged).tables}
        _, _, low, high = shares(tables["readers-traces"])["How good is the reasoning? (all readers of a case)"]
        held += low <= truth <= high
    assert 0.85 <= held / trials <= 1


STATEMENTS = (
    RatedStatement("There is a small left pleural effusion.", boxes=((0.6, 0.6, 0.3, 0.3),)),
    RatedStatement("The heart is not enlarged.", boxes=((0.3, 0.4, 0.3, 0.3),)),
)


def test_each_kind_of_error_is_one_error_in_the_statement_that_is_named() -> None:
    found = {made[1]: made for n in range(60) if (made := planted(STATEMENTS, str(n))) is not None}

    assert set(found) == {"side", "negation", "severity", "invented finding", "boxes exchanged"}
    for kind, (changed, _, number) in found.items():
        differing = [i for i, (a, b) in enumerate(zip(STATEMENTS, changed, strict=True), 1) if a.text != b.text]
        assert differing == ([] if kind == "boxes exchanged" else [number])
    assert found["side"][0][0].text == "There is a small right pleural effusion."
    assert found["boxes exchanged"][0][0].boxes == STATEMENTS[1].boxes
    assert planted(STATEMENTS, "3") == planted(STATEMENTS, "3")
    assert planted((), "3") is None


def test_strata_are_drawn_equally_and_those_that_overlap_are_refused(demo: Dataset, tmp_path: Path) -> None:
    key = made(demo, tmp_path / "a", sample="stratified", strata=("normal", "sex"), plant=0.0, cases=8).key

    assert key.weighted
    drawn = Counter(case.stratum for case in key.cases)
    assert set(drawn) == {"abnormal, female", "abnormal, male", "normal, female"}  # the demo has no normal man
    assert max(drawn.values()) - min(drawn.values()) <= 1
    with pytest.raises(UsageError, match="--strata finding: a study may be in several"):
        made(demo, tmp_path / "b", sample="stratified", strata=("finding",))
    with pytest.raises(UsageError, match="--strata colour: choose sex, age"):
        made(demo, tmp_path / "c", sample="stratified", strata=("colour",))


def test_reports_are_not_read_from_a_dataset(demo: Dataset, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="read with --form rate"):
        rate(demo, StudyPlan("likert", 2, 1), tmp_path / "a")
