"""A paper in the form of each venue: tables that are pasted as they are, figures at the size of print."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from mmrad_eval.core.errors import DataError, UnknownNameError
from mmrad_eval.results.figures.style import SMALLEST, figure, fit
from mmrad_eval.results.paper import PaperOptions, figures, write_paper
from mmrad_eval.results.paper.style import POINTS, style_of, styles

if TYPE_CHECKING:
    from tests.results.conftest import Kit
    from tests.results.paper.conftest import Stage

VENUES = ("neurips", "cvpr", "miccai", "acl", "radiology")


@pytest.fixture(scope="module")
def two(stage_class: type[Stage], kit_class: type[Kit], tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """Two models with a few forms of evidence and a control, whose names hold what LaTeX reads as markup."""
    stage = stage_class(kit_class(tmp_path_factory.mktemp("two") / "results"))
    skills = {"direct": 0.3, "tcot": 0.55, "bcot": 0.55, "mcot": 0.9, "mcot-repeat": 0.6}
    for number, model in enumerate(("vllm:lab/one-7B", "openai:we_ird/na$me%&#{}~^")):
        for i, (task, skill) in enumerate(skills.items()):
            stage.run(model, task, skill, seed=i + 10 * number)
    stage.run("baseline:evidence", "tcot", 1.0)
    stage.run("baseline:evidence", "direct", 0.0, status="empty")
    stage.run("baseline:normal", "direct", 0.0)
    return stage


def write(stage: Stage, out: Path, **options: Any) -> Path:
    write_paper(stage.results, out, options=PaperOptions(**{"resamples": 200, "figures": False} | options))
    return out


def test_there_is_a_style_for_each_venue() -> None:
    assert {*VENUES, "article"} == set(styles())
    with pytest.raises(UnknownNameError, match="neurip"):
        style_of("neurip")


def test_a_table_of_the_body_is_one_tabular_without_intervals(two: Stage, tmp_path: Path) -> None:
    text = (write(two, tmp_path / "paper", style="neurips") / "t1-arms.tex").read_text()
    assert text.count(r"\begin{tabular}") == 1
    assert text.count(r"\caption") == 1
    assert "[0." not in text
    assert "48 studies of 24 patients" in text  # said once, and no column of equal numbers
    assert "bleu|" not in text.replace(r"\textbar{}", "|")
    assert re.search(r"\\textbf\{0\.\d{3}\}\*", text)  # best, and significantly other than text CoT
    assert "resizebox" not in text


def test_intervals_stand_in_the_appendix_and_in_the_body_where_asked(two: Stage, tmp_path: Path) -> None:
    plain = write(two, tmp_path / "plain")
    asked = write(two, tmp_path / "asked", intervals=True)
    interval = re.compile(r"\[0\.\d{3}, 0\.\d{3}\]")
    assert interval.search((plain / "appendix.tex").read_text())
    assert not interval.search((plain / "t1-arms.tex").read_text())
    assert interval.search((asked / "t1-arms.tex").read_text())


def test_minus_signs_are_true_and_no_number_drops_its_zero(two: Stage, tmp_path: Path) -> None:
    text = (write(two, tmp_path / "paper") / "appendix.tex").read_text()
    assert "$-$0." in text
    assert not re.search(r"[ {]-\d?\.\d|\[-\d?\.\d(?!pt)", text)
    assert not re.search(r"(?<!\d)\.\d{3}", text)


def test_each_signature_is_said_once_for_all_tables(two: Stage, tmp_path: Path) -> None:
    out = write(two, tmp_path / "paper", style="acl")
    files = [path for path in out.glob("*.tex") if "prep:" in path.read_text()]
    assert [path.name for path in files] == ["signatures.tex"]
    assert files[0].read_text().count("tab:signatures") == 1


def test_names_are_printed_as_papers_print_them_and_a_file_of_the_user_wins(two: Stage, tmp_path: Path) -> None:
    ours = (write(two, tmp_path / "ours") / "t3-panel.tex").read_text()
    assert "one-7B &" in ours
    assert "micro-F1" in ours
    assert "@" not in ours.replace("@{}", "")
    own = tmp_path / "own.toml"
    own.write_text('[columns]\n"BLEU-4" = "B4"\n[models]\n"vllm:lab/one-7B" = "Model One"\n')
    theirs = write(two, tmp_path / "theirs", labels=own)
    assert "Model One &" in (theirs / "t3-panel.tex").read_text()
    assert "B4$" in (theirs / "t3-panel.tex").read_text()
    assert "Model One" in (theirs / "results.md").read_text()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("columns = 3", "not a file of labels"),
        ("[colunms]", "its tables are columns"),
        ("[patterns]\n'(' = 'x'", "not a regular"),
        ("[patterns]\n'BLEU.*' = '\\3'", "can't be printed"),
    ],
)
def test_a_file_that_is_none_of_labels_is_refused(two: Stage, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(DataError, match=said):
        write(two, tmp_path / "paper", labels=tmp_path / "own.toml")


@pytest.fixture(scope="module")
def drawn(two: Stage, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Figure]]:
    """Venue -> figure -> what was drawn."""
    found: dict[str, dict[str, Figure]] = {}
    with pytest.MonkeyPatch.context() as patch:
        for venue in ("miccai", "cvpr"):
            kept = found.setdefault(venue, {})
            patch.setattr(figures, "save", lambda made, _, name, kept=kept: kept.setdefault(name, made) and [])
            write(two, tmp_path_factory.mktemp(venue), style=venue, figures=True)
    return found


def test_a_figure_is_as_wide_as_a_column_or_the_page_and_no_taller(drawn: dict[str, dict[str, Figure]]) -> None:
    for venue, made in drawn.items():
        style = style_of(venue)
        for name, one in made.items():
            width, height = (inches * POINTS for inches in one.get_size_inches())
            assert min(abs(width - style.line), abs(width - style.page)) < 0.1, name
            assert height < style.height, name


def test_no_letter_is_smaller_than_seven_points(drawn: dict[str, dict[str, Figure]]) -> None:
    for made in drawn.values():
        for name, one in made.items():
            one.draw_without_rendering()
            sizes = [float(text.get_fontsize()) for text in one.findobj(Text) if text.get_text().strip()]
            assert sizes, name
            assert min(sizes) >= SMALLEST, name


def test_titles_and_labels_stand_within_the_figure_and_beside_each_other(drawn: dict[str, dict[str, Figure]]) -> None:
    for made in drawn.values():
        for name, one in made.items():
            fit(one)
            one.draw_without_rendering()
            for kind in ("title", "label"):
                texts = [axes.title if kind == "title" else axes.xaxis.label for axes in one.axes]
                boxes = [text.get_window_extent() for text in texts if text.get_text()]
                assert all(box.x0 >= 0 and box.x1 <= one.bbox.width for box in boxes), name
                assert not [a for a, b in combinations(boxes, 2) if a.overlaps(b)], name


def test_a_long_title_is_broken_where_its_panel_has_no_room() -> None:
    made, panels = figure(4.8, 2.4, 1, 3)
    for panel in panels:
        panel.set_title("Rules example-F1 (5), uncertain as positive")
        panel.set_xlabel("references that state it, of 24")
    fit(made)
    made.draw_without_rendering()

    boxes = [panel.title.get_window_extent() for panel in panels]
    assert all(box.x0 >= 0 and box.x1 <= made.bbox.width for box in boxes)
    assert not [a for a, b in combinations(boxes, 2) if a.overlaps(b)]
    assert panels[0].get_title().replace("\n", " ") == "Rules example-F1 (5), uncertain as positive"


def test_no_panel_is_empty_and_a_figure_has_one_legend_at_most(drawn: dict[str, dict[str, Figure]]) -> None:
    for made in drawn.values():
        for name, one in made.items():
            assert all(axes.lines or axes.patches for axes in one.axes), name
            assert len(one.legends) + sum(axes.get_legend() is not None for axes in one.axes) <= 1, name


def test_no_two_entries_of_a_legend_look_alike(drawn: dict[str, dict[str, Figure]]) -> None:
    for made in drawn.values():
        for name, one in made.items():
            for legend in one.legends:
                looks = [
                    (line.get_color(), line.get_marker(), line.get_markerfacecolor(), line.get_linestyle())
                    for line, text in zip(legend.get_lines(), legend.get_texts(), strict=True)
                    if line.get_linestyle() != "None" or line.get_marker() not in {"None", None, ""}
                    if text.get_text()
                ]
                assert len(set(map(str, looks))) == len(looks), name


def test_the_empty_report_is_no_point_and_a_caption_says_n(two: Stage, tmp_path: Path) -> None:
    out = write(two, tmp_path / "paper", style="neurips", figures=True)
    text = (out / "paper.tex").read_text()
    assert "each of the 10 points is one run over 48 studies of 24 patients" in text  # 8 of models, 2 of baselines
    assert text.count("Bars are 95") >= 3
    assert "n = 48 studies" in text


def test_a_baseline_that_answers_alike_under_several_tasks_is_one_point(stage: Stage, tmp_path: Path) -> None:
    for task, skill in (("tcot", 0.4), ("mcot", 0.8)):
        stage.run("vllm:lab/one", task, skill)
        stage.run("baseline:normal", task, 0.0)
    text = (write(stage, tmp_path / "paper", style="neurips", figures=True) / "paper.tex").read_text()
    assert "each of the 3 points is one run" in text


def test_files_of_reports_make_the_main_table_by_themselves(stage: Stage, tmp_path: Path) -> None:
    for i, name in enumerate(("alpha", "beta", "gamma")):
        stage.run(f"file:{name}", "imported", 0.4 + 0.2 * i, seed=i, given=False)
    out = tmp_path / "paper"
    made = write_paper(stage.results, out, options=PaperOptions(resamples=200, figures=False))
    assert [table.name for table in made.tables] == ["t3-panel"]
    assert not [gap for gap in made.missing if gap.startswith("T1")]  # their models can't be run from here
    text = (out / "t3-panel.tex").read_text()
    assert "Models (made, test, findings), 48 studies of 24 patients." in text
    assert "trained on MIMIC" not in text  # nobody states it
    assert "imported" not in text


def test_the_printed_supplement_has_every_metric_of_a_model_on_one_page(two: Stage, tmp_path: Path) -> None:
    out = write(two, tmp_path / "paper", style="neurips")
    text = (out / "supplement.tex").read_text()
    assert text.count(r"\begin{table}") == 3  # two models, and the baselines
    assert "Every metric of one-7B, times 100; * significantly different from text CoT" in text
    assert r"\rotatebox{90}{multimodal CoT}" in text
    assert "continued" not in text
    first = text[: text.index(r"\end{table}")]
    assert re.search(r"BLEU-4 \$\\uparrow\$ & (?:\d+\.\d\*? & ){4}\d+\.\d", first)
    assert re.search(r"\d\*", first)


def test_findings_one_by_one_are_in_the_file_and_not_on_the_page(stage: Stage, tmp_path: Path) -> None:
    for i, task in enumerate(("tcot", "mcot")):
        stage.run("t:a", task, 0.5, seed=i, metrics=("bleu@raw", "findings@rules", "findings-by-finding@rules"))
    out = write(stage, tmp_path / "paper")
    assert "cardiomegaly recall" in (out / "supplement.csv").read_text()
    assert "cardiomegaly" not in (out / "supplement.tex").read_text()
    assert "omission" in (out / "supplement.tex").read_text()


def test_conventions_that_score_alike_are_printed_once(stage: Stage, tmp_path: Path) -> None:
    for i, task in enumerate(("tcot", "mcot")):
        stage.run("t:a", task, 0.5, seed=i, metrics=("bleu@r2gen-iu", "bleu@r2gen-mimic", "rouge@raw"))
    text = (write(stage, tmp_path / "paper") / "supplement.tex").read_text()
    assert r"\textit{r2gen-iu, r2gen-mimic}" in text
    assert text.count("BLEU-4") == 1


@pytest.mark.latex
@pytest.mark.parametrize("venue", VENUES)
def test_a_paper_compiles_with_no_edits_and_nothing_runs_over_its_line(two: Stage, tmp_path: Path, venue: str) -> None:
    pdflatex = shutil.which("pdflatex")
    if pdflatex is None:
        pytest.skip("no pdflatex; scripts/env-latex installs it")
    out = write(two, tmp_path / "paper", style=venue, figures=venue in {"cvpr", "miccai"})
    done = subprocess.run(
        [pdflatex, "-interaction=nonstopmode", "-halt-on-error", "paper.tex"],
        cwd=out,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert (out / "paper.pdf").read_bytes().startswith(b"%PDF")
    over = [float(points) for points in re.findall(r"Overfull \\hbox \((\d+\.\d+)pt too wide\)", done.stdout)]
    assert not [points for points in over if points > 2]
    assert "Float too large" not in done.stdout
    if venue == "miccai" and "llncs.cls" not in done.stdout:
        pytest.skip("compiled in the stand-in: no llncs.cls; scripts/env-latex installs it")
