"""What readers' answers come to, and the file that carries them into ``metaeval``."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmrad_eval.reader_studies.answers import read_answers
from mmrad_eval.reader_studies.forms import MOST_COUNTED
from mmrad_eval.reader_studies.merge import ReaderResults, results_of, write
from mmrad_eval.reader_studies.merged import MergedStudy
from mmrad_eval.results.statistics.agreement import wilson
from mmrad_eval.results.tables import Table
from mmrad_eval.results.validation.ratings import read_ratings
from tests.cli.conftest import Said, call
from tests.reader_studies.conftest import NORMAL, Answers, Studied, prefers

__all__ = ["call"]

Make = Callable[..., Studied]
NORMALS, EVIDENCE, ORIGINAL = "baseline:normal", "baseline:evidence", "original report"


def merged(made: Studied, answers: Answers, guess: int = 0) -> tuple[MergedStudy, ReaderResults]:
    study = MergedStudy(made.key, read_answers(made.answered(answers, guess), made.key), resamples=200)
    return study, results_of(study)


def table(results: ReaderResults, name: str) -> Table:
    return next(table for table in results.tables if table.name == name)


def cells(results: ReaderResults, name: str, *keys: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The rows of a table by what stands in some columns."""
    rows = table(results, name).rows
    return {tuple(row.cells[key].value for key in keys): row.cells for row in rows}


def rates(normal: int, other: int) -> Answers:
    return lambda texts, _: {"rating": normal if NORMAL in texts[0] else other}


def counts(texts: tuple[str, ...], _: int) -> Mapping[str, Any]:
    return {"omission.significant": 2, "severity.insignificant": 1} if NORMAL in texts[0] else {"comment": "fine"}


def test_a_reader_who_always_prefers_one_system_is_found_whatever_side_it_is_on(study: Make) -> None:
    _, results = merged(study(cases=12), prefers(NORMAL))
    pairs = cells(results, "readers-preferences", "first", "second")

    first = pairs[EVIDENCE, NORMALS]
    assert (first["for first"].value, first["neither"].value, first["for second"].value) == (0, 0, 24)
    assert first["share"].mark == "*"
    assert pairs[EVIDENCE, ORIGINAL]["neither"].value == 24
    assert pairs[EVIDENCE, ORIGINAL]["share"].mark == ""
    strongest = table(results, "readers-strengths").rows[0].cells["system"].value
    assert strongest == NORMALS
    assert any("half a preference" in note for note in table(results, "readers-strengths").notes)
    assert f"Readers prefer {NORMALS} to {EVIDENCE}" in "\n".join(results.conclusions)


def test_a_reader_who_always_takes_the_left_prefers_nothing_and_the_table_says_so(study: Make) -> None:
    _, results = merged(study(cases=16, repeats=0.2), lambda _texts, _n: {"preference": 1})

    assert {row.cells["share"].mark for row in table(results, "readers-preferences").rows} == {""}
    assert "100% [96%, 100%] were for the report on the left" in " ".join(table(results, "readers-preferences").notes)
    within = [row for row in table(results, "readers-agreement").rows if row.cells["of"].value == "within"]
    assert (
        within[0].cells["value"].value == 0
    )  # sides are exchanged in repeats, so this reader never agrees with itself


def test_repeats_count_for_nothing_but_agreement_with_oneself(study: Make) -> None:
    found, results = merged(study("likert", cases=10, repeats=0.5), rates(2, 4))

    assert {row.cells["n"].value for row in table(results, "readers-ratings").rows} == {20}
    assert len(found.repeats) == 2 * 15
    agreement = cells(results, "readers-agreement", "of", "coefficient")
    assert agreement["within", "Cohen's kappa"]["value"].value == 1
    assert agreement["within", "equal answers"]["n"].value == 30


def test_ratings_and_shares_of_good_ones_are_those_that_were_given(study: Make) -> None:
    made = study("likert", cases=10)
    _, results = merged(made, rates(2, 4))
    found = cells(results, "readers-ratings", "system")
    patients = len({case.patient for case in made.key.cases})

    assert found[NORMALS,]["mean"].value == pytest.approx(2)
    assert found[ORIGINAL,]["good"].value == 1
    assert found[ORIGINAL,]["good"].low == pytest.approx(wilson(patients, patients)[0])
    assert found[NORMALS,]["seconds"].value == 12
    assert cells(results, "readers-differences", "first", "second")[EVIDENCE, NORMALS]["difference"].value == -2
    assert f"{EVIDENCE} is judged better: {NORMALS} minus {EVIDENCE} is -2.00" in "\n".join(results.conclusions)


def test_errors_are_counted_by_kind_and_significance(study: Make) -> None:
    _, results = merged(study("errors", cases=8), counts)
    found = cells(results, "readers-errors", "system")

    assert (found[NORMALS,]["significant"].value, found[NORMALS,]["all"].value) == (2, 3)
    assert found[ORIGINAL,]["clean"].value == 1
    kinds = cells(results, "readers-error-kinds", "of", "kind")
    assert set(kinds) == {("significant", "omission"), ("insignificant", "severity")}
    assert kinds["significant", "omission"]["arm 1"].value == 2


def test_cases_of_an_enriched_sample_count_with_the_inverse_of_their_chance(study: Make) -> None:
    made = study("likert", cases=20, sample="disagreement")
    ids = {case.shown[0]: 1 / case.inclusion for case in made.key.cases}
    answers = [made.saved(made.body(n, lambda t, _: {"rating": 5 if ids.get(t[0], 0) > 1.5 else 2})) for n in (0, 1)]
    found = MergedStudy(made.key, read_answers(answers, made.key), resamples=200)
    results = results_of(found)

    weights = np.array([1 / case.inclusion for case in made.key.cases])
    rated = np.array([5 if ids[case.shown[0]] > 1.5 else 2 for case in made.key.cases])
    mean = cells(results, "readers-ratings", "system")[EVIDENCE,]["mean"].value
    assert mean == pytest.approx(np.average(rated, weights=weights))
    assert mean != pytest.approx(rated.mean(), abs=0.01)
    assert "inverse of its sampling probability" in results.conclusions[0]


def test_under_five_readers_the_conclusions_are_about_them(study: Make) -> None:
    _, few = merged(study("likert", readers=4), rates(2, 4))
    _, many = merged(study("likert", readers=5), rates(2, 4))

    assert "is about these 4 readers only" in few.conclusions[0]
    assert "over cases and readers" in many.conclusions[0]


def test_guesses_say_whether_blinding_held(study: Make) -> None:
    _, results = merged(study("likert"), rates(3, 3), guess=1)

    assert table(results, "readers-guesses").rows[0].cells["system"].value == ORIGINAL
    assert "Readers took 100% [68%, 100%] of 8 original reports for a person's" in results.conclusions[-1]


def test_who_read_is_told_without_a_name(study: Make) -> None:
    made = study("likert")
    _, results = merged(made, rates(3, 3))
    rows = table(results, "readers").rows

    assert [row.cells["reader"].value for row in rows] == [reader.code for reader in made.key.readers]
    assert {(row.cells["role"].value, row.cells["years"].value) for row in rows} == {("Radiologist", 9)}


@pytest.mark.parametrize("form", ["preference", "errors", "likert", "text"])
def test_one_reader_of_one_case_has_values_without_intervals(form: str, study: Make) -> None:
    answers = {"preference": prefers(NORMAL), "errors": counts, "likert": rates(2, 4)}.get(form)
    _, results = merged(study(form, 1, 1, repeats=0), answers or (lambda _texts, _n: {"text": "shorter"}))

    assert results.conclusions[0].startswith("1 reader, 1 case (")
    assert "readers-agreement" not in {table.name for table in results.tables}
    assert all(
        cell.low is None
        for table in results.tables[:2]
        for row in table.rows
        for key, cell in row.cells.items()
        if key in ("share", "mean", "difference", "significant")
    )


# -- the file of ratings ------------------------------------------------------------------------------------------


def written(made: Studied, answers: Answers) -> tuple[Path, list[dict[str, str]]]:
    study, results = merged(made, answers)
    write(study, results, made.folder / "merged")
    path = made.folder / "merged" / "ratings.csv"
    with path.open(newline="") as file:
        return path, list(csv.DictReader(file))


def test_a_file_of_ratings_is_one_that_metaeval_reads(study: Make) -> None:
    path, rows = written(study("likert"), rates(2, 4))
    found = read_ratings(path)

    assert {row["candidate"] for row in rows} == {NORMALS, EVIDENCE}  # no metric judges a reference by itself
    assert (len(found.items), found.raters) == (12, 2)
    assert set(found.scores) == {"rating"}
    assert {item[1]: value for item, value in zip(found.items, found.mean("rating"), strict=True)} == {
        NORMALS: 2,
        EVIDENCE: 4,
    }
    assert len(found.texts) == 12
    assert not found.weights


def test_a_file_of_errors_keeps_reports_without_any(study: Make) -> None:
    path, _ = written(study("errors"), counts)
    found = read_ratings(path)

    totals = {item[1]: value for item, value in zip(found.items, found.mean("all errors"), strict=True)}
    assert totals == {NORMALS: -3, EVIDENCE: 0}
    assert found.mean("significant errors").sum() == -2 * 6


def test_a_file_of_preferences_keeps_ties_and_texts(study: Make) -> None:
    path, rows = written(study(), prefers(NORMAL))
    found = read_ratings(path)

    assert len(rows) == 12
    assert {(order.first[1], order.second[1], order.share) for order in found.orders} == {(NORMALS, EVIDENCE, 1.0)}
    assert all(NORMAL in found.texts[order.first][1] for order in found.orders)
    path, _ = written(study(), lambda _texts, _n: {"preference": 0})
    assert all(order.alike for order in read_ratings(path).orders)


def test_weights_travel_into_the_file_and_the_class_too(study: Make) -> None:
    made = study("likert", cases=20, sample="disagreement")
    path, rows = written(made, rates(2, 4))

    weights = read_ratings(path).weights
    chances = {case.id: case.inclusion for case in made.key.cases}
    assert {name: weight * chances[name] for name, weight in weights.items()} == pytest.approx(
        dict.fromkeys(chances, next(iter(weights.values())) * chances[next(iter(weights))])
    )
    assert "data_use" not in rows[0]


def test_comments_are_written_beside_and_only_there(study: Make) -> None:
    made = study("errors")
    written(made, counts)
    with (made.folder / "merged" / "comments.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))

    assert {row["text"] for row in rows} == {"fine"}
    assert "fine" not in (made.folder / "merged" / "results.md").read_text()


@pytest.mark.parametrize(
    ("form", "answers", "says"),
    [
        ("likert", rates(2, 4), "agreement with rating"),
        ("errors", counts, "agreement with all errors"),
        ("preference", prefers(NORMAL), "orders that a metric gets right"),
    ],
)
def test_commands_lead_from_runs_to_metaeval(
    form: str, answers: Answers, says: str, study: Make, call: Callable[..., Said]
) -> None:
    made = study(form, cases=20, sample="disagreement")
    files = [str(path) for path in made.answered(answers)]

    said = call("readers", "merge", str(made.folder), *files, "--out", "merged")
    assert said.code == 0, said.err
    assert "With fewer than 5 readers" in said.out
    said = call("metaeval", "merged/ratings.csv", "-M", "rouge@radeval", "--resamples", "100")

    assert said.code == 0, said.err
    assert says in said.out
    assert "each counts with its sampling weight" in " ".join(said.out.split())
    assert Path("merged/results.md").is_file()


def test_a_bad_file_is_one_line_on_standard_error(study: Make, call: Callable[..., Said], tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{}")

    said = call("readers", "merge", str(study().folder), "bad.json")

    assert (said.code, said.err) == (1, "mmrad-eval: bad.json: not a file that a reader's page saved\n")


def test_readers_whose_files_are_missing_or_unfinished_are_said(study: Make) -> None:
    made = study("likert", cases=6, readers=3)
    body = made.body(1, rates(2, 4))
    for name in list(body["answers"])[4:]:
        del body["answers"][name]
    files = [made.saved(made.body(0, rates(2, 4))), made.saved(body)]
    of = len(made.key.readers[1].readings)

    scope = results_of(MergedStudy(made.key, read_answers(files, made.key, partial=True), resamples=200)).conclusions[0]
    assert scope.startswith("2 readers of 3, 6 cases")
    assert f"Not finished: {made.key.readers[1].code} (4 of {of} readings)." in scope

    whole = merged(made, rates(2, 4))[1].conclusions[0]
    assert whole.startswith("3 readers, 6 cases")
    assert "Not finished" not in whole


def test_a_mean_of_few_counts_has_no_interval_beyond_what_a_form_holds(study: Make) -> None:
    made = study("errors", cases=6, sample="random")
    once = made.key.cases[0].shown

    def answer(texts: tuple[str, ...], _: int) -> Mapping[str, Any]:
        return {"omission.significant": 3} if texts[0] in once and NORMAL in texts[0] else {"location.significant": 1}

    _, results = merged(made, answer)
    cell = cells(results, "readers-error-kinds", "kind")["omission",]["arm 1"]

    assert cell.value
    assert cell.high is None or cell.high <= MOST_COUNTED
    assert all(
        (c.high or 0) <= MOST_COUNTED
        for row in table(results, "readers-error-kinds").rows
        for k, c in row.cells.items()
        if k.startswith("arm")
    )


def test_agreement_whose_draws_are_all_alike_has_no_interval(study: Make) -> None:
    _, results = merged(study("likert", cases=10), rates(2, 4))
    found = cells(results, "readers-agreement", "of", "coefficient")

    kappa = found["between", "Cohen's kappa"]["value"]
    assert (kappa.value, kappa.low, kappa.high) == (1, None, None)
    assert found["between", "equal answers"]["value"].low is not None  # Wilson's, which needs no draws
