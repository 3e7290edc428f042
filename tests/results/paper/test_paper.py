"""A paper from run folders: what stands in its tables, what may be concluded, what is missing."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.results.comparison.compare import compare_runs
from mmrad_eval.results.paper import Paper, PaperOptions, write_paper
from mmrad_eval.results.run.folder import RunFolder
from mmrad_eval.results.run.record import Selection
from mmrad_eval.results.tables import Row, Table

if TYPE_CHECKING:
    from tests.results.conftest import Kit
    from tests.results.paper.conftest import Stage

SKILLS = {"direct": 0.3, "tcot": 0.55, "mcot": 0.9, "mcot-repeat": 0.6, "mcot-random": 0.55, "tcot-blind": 0.5}
BLEU = "BLEU-4 @ raw"


def write(stage: Stage, out: Path, **said: Any) -> Paper:
    options = PaperOptions(**{"resamples": 300, "figures": False} | said.pop("options", {}))
    return write_paper(stage.results, out, options=options, **said)


def table(paper: Paper, name: str) -> Table:
    return next(t for t in paper.tables if t.name == name)


def rows(made: Table, column: str = "arm") -> dict[str, Row]:
    return {str(row.cells[column].value): row for row in made.rows}


@pytest.fixture(scope="module")
def full(stage_class: type[Stage], kit_class: type[Kit], tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """A model with every arm, a second one with two, and all baselines; tests only read it."""
    stage = stage_class(kit_class(tmp_path_factory.mktemp("full") / "results"))
    for i, (task, skill) in enumerate(SKILLS.items()):
        stage.run("vllm:lab/one", task, skill, seed=i)
    for task in ("direct", "tcot"):
        stage.run("openai:two", task, SKILLS[task], seed=9, trained_on=("MIMIC-CXR",))
    stage.run("baseline:evidence", "tcot", 1.0)
    stage.run("baseline:normal", "direct", 0.0)
    stage.run("baseline:shuffle", "direct", 0.1)
    stage.run("baseline:reference", "direct", 1.0)
    return stage


@pytest.fixture(scope="module")
def written(full: Stage, tmp_path_factory: pytest.TempPathFactory) -> tuple[Paper, Path]:
    """The paper of those runs with its figures, and its folder."""
    out = tmp_path_factory.mktemp("written") / "paper"
    return write(full, out, options={"figures": True}), out


def test_arms_stand_by_model_with_differences_to_text_and_controls_beside_them(full: Stage, tmp_path: Path) -> None:
    made = table(write(full, tmp_path / "paper"), "t1-arms")
    headings = [row.heading for row in made.rows if row.heading]
    controls = ": controls, not ranked"
    assert headings == ["openai:two", "vllm:lab/one", f"vllm:lab/one{controls}", "no model"]
    one = {str(r.cells["arm"].value): r for r in made.rows if r.cells["model"].value == "vllm:lab/one"}
    assert list(one) == [
        "image",
        "text CoT",
        "multimodal CoT",
        "text CoT, no image",
        "image repeated",
        "random regions, no boxes",
    ]
    assert {"Copy of the evidence (text CoT)", "A normal report", "Another patient's report"} <= set(rows(made))
    cell = one["multimodal CoT"].cells[f"{BLEU} difference"]
    runs = full.results / "runs" / "made"
    folders = [next((runs / task).glob("*one/*")) for task in ("tcot", "mcot")]
    found = compare_runs([[RunFolder(folder)] for folder in folders], resamples=300)
    at = [c.label for c in found.columns].index(BLEU)
    assert cell.value == pytest.approx(found.differences[0].difference[at])
    assert cell.low == pytest.approx(found.differences[0].low[at])
    assert cell.mark == "*"
    text = one["text CoT"].cells[BLEU].value
    assert isinstance(text, float)
    assert one["multimodal CoT"].cells[f"{BLEU} relative"].value == pytest.approx(
        found.differences[0].difference[at] / text
    )


def test_best_is_marked_by_model_and_controls_and_baselines_never_are(full: Stage, tmp_path: Path) -> None:
    made = table(write(full, tmp_path / "paper"), "t1-arms")
    ranks = {(str(r.cells["model"].value), str(r.cells["arm"].value)): r.cells[BLEU].rank for r in made.rows}
    assert ranks["vllm:lab/one", "multimodal CoT"] == "best"
    assert ranks["vllm:lab/one", "text CoT"] == "second"
    assert ranks["openai:two", "text CoT"] == "best"
    assert not ranks["vllm:lab/one", "image repeated"]
    assert not ranks["baseline:reference", "Reference"]


def test_lines_that_are_not_told_apart_share_a_place(stage: Stage, tmp_path: Path) -> None:
    for i, (task, skill) in enumerate({"direct": 0.2, "tcot": 0.8, "bcot": 0.8}.items()):
        stage.run("t:a", task, skill, seed=i)
    made = rows(table(write(stage, tmp_path / "paper"), "t1-arms"))
    assert made["text CoT"].cells[BLEU].rank == "best"
    assert made["text + boxes"].cells[BLEU].rank == "best"
    assert made["image"].cells[BLEU].rank == ""  # the last one is no second


def test_a_visual_gain_is_not_judged_where_a_rival_or_the_studies_are_missing(full: Stage, tmp_path: Path) -> None:
    notes = " ".join(table(write(full, tmp_path / "paper"), "t1-arms").notes)
    assert "one: It is unknown whether region images help: no run of bcot, mcot-random-boxed" in notes
    assert "two: Whether" not in notes  # it has no run of mcot


def test_what_is_missing_is_listed_with_its_command(written: tuple[Paper, Path]) -> None:
    missing = written[0].missing
    assert any(
        m.startswith("T1, openai:two: no run of bcot, mcot, crops") and "--model openai:two --task bcot,mcot,crops" in m
        for m in missing
    )
    assert any(m.startswith("T2: ") and "--adapted end-to-end=RUN" in m for m in missing)
    assert any(m.startswith("figure score-by-category: ") for m in missing)


def test_formats_of_adaptation_are_compared_with_the_first(stage: Stage, tmp_path: Path) -> None:
    formats = {
        name: stage.run(f"vllm:base-{name}", "tcot-self", skill, seed=i, given=False)
        for i, (name, skill) in enumerate({"end-to-end": 0.4, "text": 0.6, "multimodal": 0.9}.items())
    }
    made = table(write(stage, tmp_path / "paper", adapted=formats), "t2-adaptation")
    assert list(rows(made)) == ["end-to-end", "text", "multimodal"]
    assert made.rows[0].cells.get(f"{BLEU} difference") is None
    assert made.rows[2].cells[f"{BLEU} difference"].mark == "*"
    assert made.rows[2].cells[BLEU].rank == "best"


def test_the_panel_says_who_was_trained_on_mimic(full: Stage, tmp_path: Path) -> None:
    made = rows(table(write(full, tmp_path / "paper"), "t3-panel"), "model")
    assert made["openai:two"].cells["trained on MIMIC"].value == "yes"
    assert made["vllm:lab/one"].cells["trained on MIMIC"].value == "unknown"


def test_a_model_trained_on_mimic_is_not_ranked_on_its_training_patients(stage: Stage, tmp_path: Path) -> None:
    for name, trained in (("seen", ("MIMIC-CXR",)), ("unseen", ())):
        changes: dict[str, Any] = {"dataset": "mimic-cxr", "selection": Selection(split="train")}
        stage.run(f"t:{name}", "direct", 0.9 if trained else 0.3, trained_on=trained, **changes)
    made = rows(table(write(stage, tmp_path / "paper"), "t3-panel"), "model")
    assert not made["t:seen"].ranked
    assert "trained on MIMIC" in made["t:seen"].notes[0]


def test_every_table_is_written_in_four_formats_from_one_value(full: Stage, tmp_path: Path) -> None:
    out = tmp_path / "paper"
    made = write(full, out)
    for name in ("t1-arms", "t3-panel", "supplement"):
        for ending in (".tex", ".md", ".csv", ".html"):
            assert (out / f"{name}{ending}").stat().st_size > 100
    with (out / "t1-arms.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == len(table(made, "t1-arms").rows)
    assert float(lines[0][BLEU]) == table(made, "t1-arms").rows[0].cells[BLEU].value
    with (out / "supplement.csv").open() as file:
        supplement = next(csv.reader(file))
    assert {"BLEU-1 @ raw", "BLEU-1 @ r2gen-iu", "ROUGE-L @ raw"} <= set(supplement)
    assert all(
        "bleu|" in (out / name).read_text().replace("\\|", "|").replace("\\textbar{}\\allowbreak{}", "|")
        for name in ("t1-arms.md", "t1-arms.html", "signatures.tex")
    )


def test_every_figure_that_the_runs_allow_is_drawn_as_a_vector_file_and_a_picture(written: tuple[Paper, Path]) -> None:
    out = written[1]
    names = {path.stem for path in (out / "figures").iterdir()}
    assert names == {
        *("forest", "forest-all", "metric-against-metric", "steps-and-lengths", "findings-and-regions"),
        *("score-by-length", "ranks-by-convention"),
    }
    for name in names:
        assert (out / "figures" / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        with Image.open(out / "figures" / f"{name}.png") as image:
            assert len(image.convert("L").getcolors(256) or []) > 5  # something is drawn


def test_the_same_runs_make_the_same_files(full: Stage, written: tuple[Paper, Path], tmp_path: Path) -> None:
    write(full, tmp_path, options={"figures": True})
    files = sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(written[1]) for p in written[1].rglob("*") if p.is_file())
    for file in files:
        assert (tmp_path / file).read_bytes() == (written[1] / file).read_bytes(), file


def test_columns_of_the_body_can_be_chosen(full: Stage, tmp_path: Path) -> None:
    made = table(write(full, tmp_path / "paper", metrics=["ROUGE-L @ raw"]), "t1-arms")
    assert [c.key for c in made.columns if c.kind == "score"] == ["ROUGE-L @ raw"]
    with pytest.raises(UsageError, match="the runs share"):
        write(full, tmp_path / "paper", metrics=["METEOR"])
    with pytest.raises(UsageError, match="the runs use made"):
        write(full, tmp_path / "paper", dataset="other")


def test_samples_of_one_arm_are_one_row(stage: Stage, tmp_path: Path) -> None:
    for sample in range(3):
        for task in ("tcot", "mcot"):
            stage.run("t:a", task, 0.6 if task == "tcot" else 0.8, seed=sample, sample=sample)
    made = rows(table(write(stage, tmp_path / "paper"), "t1-arms"))
    assert made["multimodal CoT"].notes == ("mean of 3 samples",)
    assert made["multimodal CoT"].cells[f"{BLEU} difference"].low is not None


def test_one_run_alone_makes_a_paper(stage: Stage, tmp_path: Path) -> None:
    stage.run("t:a", "mcot", 0.5)
    made = write(stage, tmp_path / "paper", options={"figures": True})
    assert rows(table(made, "t1-arms"))["multimodal CoT"].cells[BLEU].value is not None
    assert any("figure forest:" in m for m in made.missing)


@pytest.mark.parametrize("status", ["failed", "empty"])
def test_runs_that_failed_everywhere_make_a_paper(stage: Stage, tmp_path: Path, status: Any) -> None:
    for task in ("tcot", "mcot"):
        stage.run("t:a", task, 0.5, status=status)
    made = write(stage, tmp_path / "paper", options={"figures": True})
    assert rows(table(made, "t1-arms"))["multimodal CoT"].cells["not ok"].value == 1.0


def test_an_incomplete_arm_is_shown_and_neither_tested_nor_ranked(stage: Stage, tmp_path: Path) -> None:
    stage.run("t:a", "tcot", 0.5)
    stage.run("t:a", "direct", 0.2)
    stage.run("t:a", "mcot", 0.9, status="failed")
    row = rows(table(write(stage, tmp_path / "paper"), "t1-arms"))["multimodal CoT"]
    assert "incomplete" in row.notes[0]
    assert f"{BLEU} difference" not in row.cells


def test_one_patient_makes_a_paper_without_intervals(stage: Stage, tmp_path: Path) -> None:
    stage = type(stage)(stage.kit, n=3, patients=1)
    for task in ("tcot", "mcot"):
        stage.run("t:a", task, 0.5)
    row = rows(table(write(stage, tmp_path / "paper"), "t1-arms"))["multimodal CoT"]
    assert row.cells[BLEU].low is None


def test_a_metric_that_one_run_lacks_is_left_out_of_the_body(stage: Stage, tmp_path: Path) -> None:
    stage.run("t:a", "tcot", 0.5)
    stage.run("t:a", "mcot", 0.8, metrics=("bleu@raw",))
    made = table(write(stage, tmp_path / "paper"), "t1-arms")
    assert [c.key for c in made.columns if c.kind == "score"] == [BLEU]
    assert "ROUGE-L @ raw" in (tmp_path / "paper" / "supplement.csv").read_text()


def test_no_run_at_all_is_said_in_words(stage: Stage, tmp_path: Path) -> None:
    stage.results.mkdir()
    with pytest.raises(DataError, match="no runs"):
        write(stage, tmp_path / "paper")
