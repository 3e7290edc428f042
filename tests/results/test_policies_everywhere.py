"""Reports that see no image, and metrics that a model was optimized for, in every table and page that shows systems."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

import mmrad_eval
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Report, Study
from mmrad_eval.metrics import suite
from mmrad_eval.results.leaderboard.optimized import OPTIMIZED, was_optimized
from mmrad_eval.results.paper import PaperOptions, write_paper
from mmrad_eval.results.scoring.run import score
from mmrad_eval.results.tables import Table, render
from mmrad_eval.results.validation.rankings import of_table
from mmrad_eval.results.validation.ranks import tables_of

if TYPE_CHECKING:
    from mmrad_eval.results.run.folder import RunFolder
    from tests.results.conftest import Kit

HEADLINE, TEMPLATE = "Findings @ rules", "Findings of the normal template @ rules"
METRICS = ("findings@rules", "rules@uncertain=positive", "bleu@raw")
STATED = ("There is a large left pneumothorax.", "The lungs are clear.", "There is mild pulmonary edema.")
"""Of three references one is normal."""
REPORTS = {"honest": "There is a pneumothorax.", "other": "There is pulmonary edema.", "trained": ""}


def made(kit: Kit, dataset: str, n: int) -> list[RunFolder]:
    """Runs of three models from the image and of one from text, over n studies of half as many patients."""
    texts = [STATED[i % 3] for i in range(n)]
    studies = [
        Study(f"s{i:02}", patient=f"p{i % (n // 2)}", reference=Report(text, findings=text))
        for i, text in enumerate(texts)
    ]
    folders = []
    for model, report in REPORTS.items():
        for task in ("direct", "tcot", "mcot") if model == "trained" else ("direct",):
            answers = [kit.answer(study, report or text) for study, text in zip(studies, texts, strict=True)]
            folder = kit.run(
                answers, model=f"lab:{model}", task=task, given=task != "direct", dataset=dataset,
                dataset_digest=dataset * 8,
            )  # fmt: skip
            card = msgspec.structs.replace(
                folder.run.card, optimized_for=("findings@rules",) if model == "trained" else ()
            )
            folder.write_run(msgspec.structs.replace(folder.run, card=card))
            score(folder, studies, suite(METRICS), resamples=50)
            folders.append(folder)
    return folders


@pytest.fixture(scope="module")
def kit(kit_class: type[Kit], tmp_path_factory: pytest.TempPathFactory) -> Kit:
    """Two data sets; tests only read."""
    kit = kit_class(tmp_path_factory.mktemp("everywhere") / "results")
    made(kit, "first", 24)
    made(kit, "second", 12)
    return kit


@pytest.fixture(scope="module")
def runs(kit: Kit) -> dict[str, Path]:
    """Model -> its run from the image over the first data."""
    folders = [path.parent for path in kit.results.rglob("run.json")]
    records = {folder: json.loads((folder / "run.json").read_text()) for folder in folders}
    return {
        record["card"]["id"]: folder
        for folder, record in records.items()
        if record["identity"]["dataset"] == "first" and record["identity"]["task"] == "direct"
    }


def held(folder: Path) -> float:
    """What the normal template gets, as the run holds it."""
    value = json.loads((folder / "summary.json").read_text())["columns"][TEMPLATE]["value"]
    assert isinstance(value, float)
    return value


def noted(table: Table, part: str) -> str:
    return next(note for note in table.notes if part in note)


def test_a_comparison_says_below_what_the_template_gets_over_its_studies(runs: dict[str, Path]) -> None:
    table = mmrad_eval.compare(runs["honest"], runs["other"], resamples=50)[0]
    said = noted(table, "reports that see no image")
    assert said.startswith(f"{HEADLINE} of reports that see no image, over the same studies: normal template ")
    assert f"{held(runs['honest']):.3f}, everything hedged -" in said
    assert not any("see no image" in note for note in mmrad_eval.compare(
        runs["honest"], runs["other"], metrics=["bleu@raw"], resamples=50)[0].notes)  # fmt: skip


def test_a_comparison_never_rests_on_what_a_side_was_optimized_for(runs: dict[str, Path]) -> None:
    tables = mmrad_eval.compare(runs["honest"], runs["trained"], resamples=200)
    rows = {str(row.cells["column"].value): row.cells for row in tables[0].rows}
    mine = rows[f"{HEADLINE} ↑"]
    values = [cell for key, cell in mine.items() if key in {"lab:honest", "lab:trained"}]
    assert [cell.mark for cell in values] == ["", OPTIMIZED]
    assert mine["p"].value is not None
    assert float(str(mine["p"].value)) < 0.05
    assert mine["difference"].mark == ""
    others = [cells for name, cells in rows.items() if "BLEU-4" in name or "rules micro" in name]
    assert all(cells["difference"].mark == "*" for cells in others)
    assert f"of {len(rows) - 1} columns" in tables[0].title
    assert "findings@rules" in noted(tables[0], OPTIMIZED)
    (line,) = [row for row in csv.DictReader(render(tables[:1], "csv").splitlines()) if HEADLINE in row["column"]]
    assert line["optimized"] == "B"
    with pytest.raises(UsageError, match="trained was optimized for findings@rules"):
        mmrad_eval.compare(runs["honest"], runs["trained"], primary=HEADLINE, resamples=50)


def test_ranks_give_the_template_a_place_and_an_optimized_model_none(kit: Kit) -> None:
    board = next(
        t for t in mmrad_eval.leaderboard(kit.results) if t.title.startswith("first") and "no evidence" in t.title
    )
    ranking = of_table(board, every=True)
    drawn = tables_of([ranking])[0]
    assert "normal template" not in " ".join(ranking.systems)
    assert "(better than 0 of 2)" in noted(drawn, f"{HEADLINE} of reports that see no image")
    assert "lab:trained" in noted(drawn, OPTIMIZED)
    mine = {str(row.cells["column"].value): row.cells for row in drawn.rows}
    (system,) = [name for name in ranking.systems if "trained" in name]
    assert (mine[HEADLINE][system].value, mine[HEADLINE][system].mark) == (None, OPTIMIZED)
    assert mine["BLEU-4 @ raw"][system].value == 1


def test_data_name_what_a_model_was_optimized_for(kit: Kit) -> None:
    lines = list(csv.DictReader(render(list(mmrad_eval.leaderboard(kit.results)), "csv").splitlines()))
    assert {line["optimized for"] for line in lines if "trained" in line["model"]} == {"findings@rules"}
    assert {line["optimized for"] for line in lines if "honest" in line["model"]} == {""}
    assert all(float(line[TEMPLATE]) < 0 for line in lines)


def test_tables_across_datasets_have_the_policies_of_each(kit: Kit) -> None:
    from mmrad_eval.results.comparison.across import across_tables
    from mmrad_eval.results.leaderboard.rows import read_scored_runs
    from mmrad_eval.results.run.folder import find_runs

    tables = across_tables(read_scored_runs(find_runs(kit.results)), ["findings@rules", "bleu@raw"])
    table = next(table for table in tables if table.name.endswith("generated"))
    rows = {str(row.cells["model"].value): row for row in table.rows}
    template = rows["normal template"]
    assert {f"{name}, test: {HEADLINE}" for name in ("first", "second")} <= set(template.cells)
    assert not template.ranked
    cell = rows["lab:trained"].cells[f"second, test: {HEADLINE}"]
    assert (cell.mark, cell.rank) == (OPTIMIZED, "")
    assert rows["lab:trained"].cells["second, test: BLEU-4 @ raw"].rank == "best"


def test_a_paper_prints_both_rows_marks_and_another_main_metric(kit: Kit, tmp_path: Path) -> None:
    options = PaperOptions(resamples=50, figures=True)
    written = write_paper(kit.results, tmp_path / "paper", dataset="first", options=options)
    names = {table.name: table for table in written.tables}
    assert {"t1-arms", "t3-panel"} <= set(names)
    for name, first in (("t1-arms", "arm"), ("t3-panel", "model")):
        rows = {str(row.cells[first].value): row for row in names[name].rows}
        assert isinstance(rows["normal template"].cells[HEADLINE].value, float)
        assert not rows["everything hedged"].ranked
        assert any(row.cells[HEADLINE].mark == OPTIMIZED for row in names[name].rows)
        assert not any(OPTIMIZED in row.cells[HEADLINE].mark and row.cells[HEADLINE].rank for row in names[name].rows)
        tex = (tmp_path / "paper" / f"{name}.tex").read_text()
        assert "Findings" in tex
        assert "Normal template" in tex or "normal template" in tex
        assert r"$\dagger$" in tex
        assert "normal template" in (tmp_path / "paper" / f"{name}.csv").read_text()
    said = (tmp_path / "paper" / "results.md").read_text()
    assert f"Reports that see no image get, in `{HEADLINE}`: normal template -" in said
    assert OPTIMIZED in said
    assert written.runs.main is not None
    assert written.runs.main.metric != "findings@rules"
    captions = (tmp_path / "paper" / "paper.tex").read_text()
    assert "models that were optimized for a metric shown" in captions or "metric-against-metric" not in captions
    with pytest.raises(UsageError, match="optimized for findings@rules"):
        write_paper(
            kit.results, tmp_path / "no", dataset="first",
            options=PaperOptions(resamples=50, figures=False, primary=(f"mcot:{HEADLINE}",)),
        )  # fmt: skip


def test_a_paper_of_nothing_else_concludes_nothing(kit: Kit, tmp_path: Path) -> None:
    options = PaperOptions(resamples=50, figures=True)
    written = write_paper(kit.results, tmp_path / "paper", dataset="first", metrics=[HEADLINE], options=options)
    assert written.runs.main is None
    said = (tmp_path / "paper" / "results.md").read_text()
    assert "Models were optimized for every metric that the runs share, so nothing is compared." in said


def test_subgroups_have_the_policies_over_their_own_studies(tmp_path: Path) -> None:
    rows = "".join(f"a{i},p{i},{STATED[i % 2]}\n" for i in range(24))
    (tmp_path / "data.csv").write_text(f"id,patient,findings\n{rows}")
    data, made_of = str(tmp_path / "data.csv"), {"metrics": ("findings@rules",), "out": tmp_path / "results"}
    shuffle, normal = (
        mmrad_eval.evaluate(f"baseline:{name}", "direct", data, data_use="open", **made_of)  # type: ignore[arg-type]
        for name in ("shuffle", "normal")
    )
    board = mmrad_eval.leaderboard(tmp_path / "results", by="normal", metrics=["findings@rules"], resamples=20)[0]
    template = {
        str(r.cells["normal"].value): r.cells for r in board.rows if r.cells["model"].value == "normal template"
    }
    assert set(template) == {"normal", "abnormal"}
    systems = {
        str(row.cells["normal"].value): row.cells for row in board.rows if row.cells["model"].value == "baseline:normal"
    }
    for group in template:
        assert template[group][HEADLINE].value == systems[group][HEADLINE].value
    assert template["normal"]["Findings false per normal study @ rules"].value == 0
    table = mmrad_eval.compare(shuffle, normal, by="normal", metrics=["findings@rules"], resamples=20)[0]
    assert noted(table, f"abnormal: {HEADLINE} of reports that see no image")


def test_a_curve_of_budgets_says_it_below(runs: dict[str, Path]) -> None:
    from mmrad_eval.results.comparison.budget_curve import BudgetPoint, BudgetRun, curve_table
    from mmrad_eval.results.leaderboard.rows import read_scored_runs
    from mmrad_eval.results.run.folder import RunFolder

    point = BudgetPoint("tcot", None, None)
    trained, honest = (read_scored_runs([RunFolder(runs[name])])[0] for name in ("trained", "honest"))
    table = curve_table([BudgetRun(point, trained)], HEADLINE)
    assert "normal template -" in noted(table, "reports that see no image")
    assert OPTIMIZED in noted(table, "optimized")
    assert len(curve_table([BudgetRun(point, honest)], "BLEU-4 @ raw").notes) == 1


def test_a_family_is_one_metric_under_all_of_its_profiles(runs: dict[str, Path]) -> None:
    from mmrad_eval.results.run.folder import RunFolder

    trained = [RunFolder(runs["trained"]).run]
    assert was_optimized(trained, "findings@rules")
    assert was_optimized(trained, "findings-by-finding@rules")
    assert not was_optimized(trained, "bleu@raw")
    assert not was_optimized([RunFolder(runs["honest"]).run], "findings@rules")
