"""Subgroups of studies: who is in which, what differs between them, and what is not shown."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import mmrad_eval
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import ClinicalContext, Image, PriorStudy, Report, Study
from mmrad_eval.results.scoring.subgroups import subgroups

if TYPE_CHECKING:
    from mmrad_eval.results.tables import Table

SENTENCES = (
    ("There is a small left pleural effusion.", "No pleural effusion."),
    ("The heart is enlarged.", "The heart is normal in size."),
    ("There is a right basal opacity.", "The lungs are clear."),
    ("There is a left apical pneumothorax.", "No pneumothorax."),
)
COLUMN = "rules micro-F1-14 @ uncertain=positive"


def study(
    name: str = "a", *, age: str | None = None, sex: str | None = None, report: str = "", **more: object
) -> Study:
    return Study(name, reference=Report(report), context=ClinicalContext(age=age, sex=sex), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("age", "group"),
    [
        ("17", "0-17"), ("18", "18-39"), ("059Y", "40-59"), ("60.0", "60-79"), (">89", "80 and over"),
        ("006M", "0-17"), ("90+", "80 and over"), ("79 years", "60-79"), ("80 yo", "80 and over"),
    ],
)  # fmt: skip
def test_an_age_is_read_in_every_spelling_of_the_data_sets(age: str, group: str) -> None:
    assert list(subgroups("age", [study(age=age)]).members) == [group]


@pytest.mark.parametrize("age", ["", "unknown", "___", "5th decade", "-3", "1970"])
def test_an_age_that_is_none_is_not_guessed(age: str) -> None:
    found = subgroups("age", [study("a", age=age), study("b", age="40")])
    assert found.members == {"40-59": {"b"}}
    assert found.unknown == {"a"}


def test_groups_follow_the_reference_the_pictures_and_the_history() -> None:
    sick = study(
        report="There is a small left pleural effusion. The heart is enlarged.",
        images=(Image("a.png", view="AP"), Image("b.png", view="LATERAL")),
        priors=(PriorStudy("before"),),
    )
    assert list(subgroups("normal", [sick]).members) == ["abnormal"]
    assert set(subgroups("finding", [sick]).members) == {"Pleural Effusion", "Cardiomegaly"}
    assert list(subgroups("findings-count", [sick]).members) == ["2"]
    assert list(subgroups("view", [sick]).members) == ["AP"]
    assert list(subgroups("prior", [sick, study("b")]).members) == ["with prior", "without prior"]
    well = study(report="The lungs are clear. The heart is normal in size. No pleural effusion.")
    assert list(subgroups("normal", [well]).members) == ["normal"]
    assert list(subgroups("findings-count", [well]).members) == ["0"]


def test_a_reference_that_says_nothing_is_in_no_group() -> None:
    with pytest.raises(DataError, match="none of the 1 studies states it"):
        subgroups("normal", [study(report="XXXX")])


def test_a_column_of_ones_own_table_makes_groups_by_study_or_by_patient(tmp_path: Path) -> None:
    (tmp_path / "sites.csv").write_text("subject_id,hospital\np1,North\np2,South\np3,\n", encoding="utf-8")
    studies = [study("a", patient="p1"), study("b", patient="p2"), study("c", patient="p3")]
    found = subgroups(f"{tmp_path / 'sites.csv'}:hospital", studies)
    assert found.attribute.name == "hospital"
    assert found.members == {"North": {"a"}, "South": {"b"}}
    assert found.unknown == {"c"}


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ("study_id,race\na,x\na,y\n", r"t\.csv:3: a has 'y' here and 'x' above"),
        ("study_id,other\na,x\n", "has no column 'race'; its columns are study_id, other"),
        ("name_of_it,race\na,x\n", "no column of study ids"),
        ("", "the file is empty"),
    ],
)
def test_a_table_that_does_not_fit_says_why(tmp_path: Path, table: str, why: str) -> None:
    (tmp_path / "t.csv").write_text(table, encoding="utf-8")
    with pytest.raises((DataError, UsageError), match=why):
        subgroups(f"{tmp_path / 't.csv'}:race", [study("a")])


def test_ids_are_no_groups(tmp_path: Path) -> None:
    lines = "".join(f"s{i},v{i}\n" for i in range(60))
    (tmp_path / "t.csv").write_text("study_id,code\n" + lines, encoding="utf-8")
    with pytest.raises(DataError, match="60 different values"):
        subgroups(f"{tmp_path / 't.csv'}:code", [study(f"s{i}") for i in range(60)])


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two systems over 240 studies of 120 patients: B reads men better than A does, and women no better."""
    folder = tmp_path_factory.mktemp("subgroups")
    rng = random.Random(3)
    rows, wrong = ["study_id,patient_id,sex,age,findings"], {"A": ["study_id,prediction"], "B": ["study_id,prediction"]}
    for i in range(240):
        patient, truth = i // 2, [rng.random() < 0.35 for _ in SENTENCES]
        sex = "other" if patient < 3 else "FM"[patient % 2]
        rows.append(f"s{i},p{patient},{sex},{20 + patient % 70},{_report(truth, 0, rng)}")
        for name, lines in wrong.items():
            lines.append(f"s{i},{_report(truth, 0.05 if (name, sex) == ('B', 'M') else 0.25, rng)}")
    (folder / "data.csv").write_text("\n".join(rows), encoding="utf-8")
    for name, lines in wrong.items():
        (folder / f"{name}.csv").write_text("\n".join(lines), encoding="utf-8")
        mmrad_eval.evaluate(
            model=f"file:{folder / name}.csv",
            task="imported",
            data=str(folder / "data.csv"),
            metrics=["rules"],
            out=folder / "results",
        )
    return folder / "results"


def _report(truth: list[bool], noise: float, rng: random.Random) -> str:
    return " ".join(
        pair[0 if said != (rng.random() < noise) else 1] for pair, said in zip(SENTENCES, truth, strict=True)
    )


def _rows(table: Table) -> list[dict[str, object]]:
    return [{key: cell.value for key, cell in row.cells.items()} for row in table.rows]


def test_the_group_that_is_read_worse_is_named_with_its_gap(results: Path) -> None:
    values, gaps = mmrad_eval.leaderboard(results, by="sex", metrics=[COLUMN], resamples=500)
    shown = {(row["model"], row["sex"]): row for row in _rows(values)}
    assert shown["B", "male"]["n"] == 118
    assert shown["B", "male"][COLUMN] > shown["B", "female"][COLUMN] + 0.1  # type: ignore[operator]
    by_model = {row.cells["model"].value: row.cells for row in gaps.rows}
    assert (by_model["B"]["worst"].value, by_model["B"]["best"].value) == ("female", "male")
    assert by_model["B"]["gap"].mark == "*"
    assert by_model["A"]["gap"].mark == ""


def test_a_small_group_shows_neither_its_size_nor_a_number(results: Path) -> None:
    values, _ = mmrad_eval.leaderboard(results, by="sex", metrics=[COLUMN], resamples=500)
    small = next(row for row in _rows(values) if row["sex"] == "other")
    assert small["patients"] == "<10"
    assert small["n"] is None
    assert COLUMN not in small
    assert any("fewer than 10 patients" in note for note in values.notes)


def test_a_gain_that_only_some_have_is_found_and_said(results: Path) -> None:
    folders = {run.model: run.path for run in mmrad_eval.load(results).runs.itertuples()}
    (table,) = mmrad_eval.compare(
        folders["A"], folders["B"], results=results, by=["sex"], metrics=[COLUMN], resamples=500
    )
    rows = {row.cells["sex"].value: row.cells for row in table.rows}
    female, male = rows["female"], rows["male"]
    assert female["difference"].low < 0 < female["difference"].high  # type: ignore[operator]
    assert male["against the rest"].value > 0.1  # type: ignore[operator]
    assert male["against the rest"].mark == "*"
    assert rows["other"]["against the rest"].value is None
    assert rows["other"]["against the rest"].low is None


def test_values_in_groups_are_those_of_a_run_over_the_group_alone(results: Path, tmp_path: Path) -> None:
    folder = results.parent
    men = [line.split(",")[0] for line in (folder / "data.csv").read_text().splitlines()[1:] if ",M," in line]
    (tmp_path / "men.txt").write_text("\n".join(men), encoding="utf-8")
    alone = mmrad_eval.evaluate(
        model=f"file:{folder / 'B.csv'}",
        task="imported",
        data=str(folder / "data.csv"),
        ids=str(tmp_path / "men.txt"),
        metrics=["rules"],
        out=tmp_path / "results",
    )
    (values, *_) = mmrad_eval.leaderboard(results, by="sex", metrics=[COLUMN], resamples=500)
    cell = next(r.cells[COLUMN] for r in values.rows if (r.cells["model"].value, r.cells["sex"].value) == ("B", "male"))
    assert alone.summary is not None
    assert cell.value == pytest.approx(alone.summary.columns[COLUMN].value)


def test_what_can_not_be_divided_is_refused(results: Path) -> None:
    with pytest.raises(UsageError, match="--by colour: choose sex, age, view"):
        mmrad_eval.leaderboard(results, by="colour")
    with pytest.raises(DataError, match="--by scanner: none of the"):
        mmrad_eval.leaderboard(results, by="scanner")


def test_data_that_can_not_be_divided_hides_no_other_data(results: Path, tmp_path: Path) -> None:
    both = tmp_path / "results"
    shutil.copytree(results, both)
    mmrad_eval.evaluate(model="baseline:normal", task="direct", data="demo", metrics=["rules"], out=both)
    tables = mmrad_eval.leaderboard(both, by="sex", metrics=[COLUMN], resamples=100)
    assert {row.cells["model"].value for table in tables for row in table.rows} == {"A", "B"}
    assert any(note.startswith("Left out: demo") and "no group has 10 patients" in note for note in tables[-1].notes)
