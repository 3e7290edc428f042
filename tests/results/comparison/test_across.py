"""Several datasets in one table, each with what its references are like."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest

import mmrad_eval
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Report, Study
from mmrad_eval.results.comparison.across import across_tables, datasets_of, reference_style, references_table
from mmrad_eval.results.leaderboard.rows import ScoredRun, read_scored_runs
from mmrad_eval.results.run.folder import find_runs

TERSE = "id,patient,findings\n" + "".join(f"a{i},p{i},Effusion.\n" for i in range(6))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[ScoredRun]:
    place = tmp_path_factory.mktemp("across")
    (place / "terse.csv").write_text(TERSE)
    for data, task, model in (
        ("demo", "direct", "baseline:normal"),
        ("demo", "direct", "baseline:shuffle"),
        ("demo", "tcot", "baseline:evidence"),
        (str(place / "terse.csv"), "direct", "baseline:normal"),
        (str(place / "terse.csv"), "direct", "baseline:shuffle"),
    ):
        out, use = place / "results", None if data == "demo" else "open"
        mmrad_eval.evaluate(model, task, data, metrics=("rules", "bleu@raw"), out=out, data_use=use)  # type: ignore[arg-type]
    return read_scored_runs(find_runs(place / "results"))


def test_each_dataset_has_its_columns_and_best_and_no_mean_is_taken(runs: list[ScoredRun]) -> None:
    (table,) = across_tables(runs, ["bleu@raw"])  # given evidence is there for one dataset only

    assert [column.group for column in table.columns if column.kind == "score"][::4] == ["demo", "terse"]
    rows = {str(row.cells["model"].value): row.cells for row in table.rows}
    assert set(rows) == {"baseline:normal", "baseline:shuffle"}
    summary = next(s.summary for s in runs if s.run.card.id == "shuffle" and s.run.identity.dataset == "terse")
    assert summary is not None
    label = "BLEU-1 @ raw"
    assert rows["baseline:shuffle"][f"terse: {label}"].value == summary.columns[label].value
    assert rows["baseline:shuffle"][f"terse: {label}"].value == pytest.approx(1)
    assert rows["baseline:shuffle"][f"terse: {label}"].rank == "best"
    assert (rows["baseline:normal"]["demo n"].value, rows["baseline:normal"]["terse n"].value) == (24, 6)
    assert "No mean over datasets" in table.notes[0]


def test_length_and_style_of_references_stand_beside_each_dataset(runs: list[ScoredRun]) -> None:
    table = references_table(datasets_of(runs))

    rows = {str(row.cells["dataset"].value): row.cells for row in table.rows}
    assert (rows["terse"]["words"].value, rows["terse"]["quartiles"].value) == (1, "1 to 1")
    assert (rows["terse"]["normal"].value, rows["terse"]["denied"].value) == (0, 0)
    words = [len(s.reference.findings.split()) for s in mmrad_eval.load_dataset("demo").studies]  # type: ignore[union-attr]
    assert rows["demo"]["words"].value == statistics.median(words)


def test_style_counts_sentences_denials_and_normal_reports() -> None:
    texts = ("No effusion. No pneumothorax. Heart size is normal.", "Large left effusion.")
    style = reference_style([Study(t, reference=Report(t, findings=t)) for t in texts], "findings")

    assert style is not None
    assert style.sentence == pytest.approx(11 / 4)
    assert (style.n, style.normal) == (2, 0.5)
    assert style.denied is not None
    assert 0 < style.denied < 1
    assert reference_style([Study("x")], "findings") is None


def test_one_dataset_is_no_table_of_several(runs: list[ScoredRun]) -> None:
    with pytest.raises(DataError, match="use one dataset"):
        across_tables([s for s in runs if s.run.identity.dataset == "demo"])


def test_references_that_are_gone_are_said_to_be(runs: list[ScoredRun], tmp_path: Path) -> None:
    table = references_table(datasets_of(runs), str(tmp_path / "nowhere.csv"))
    assert all("can't be read again" in row.notes[0] for row in table.rows)
