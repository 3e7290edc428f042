"""What must hold of tables made elsewhere, and that what is broken on purpose is found."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Report, Study
from mmrad_eval.metrics.composites.radcliq import V1
from mmrad_eval.results.tables import render
from mmrad_eval.results.validation.audit import across, audit, tables_of
from mmrad_eval.results.validation.checks import Broken
from mmrad_eval.results.validation.score_files import RADCLIQ_V1, ScoreFile, measure_of, read_sheet

Write = Callable[[str, Sequence[Sequence[object]]], Path]
HEADER = ["Rank", "Model Name", "Institution", "BLEU", "BertScore", "SembScore", "RadGraph", "1/RadCliQ-v1"]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """``write(name, rows)``: a csv in an empty folder."""

    def written(name: str, rows: Sequence[Sequence[object]]) -> Path:
        path = tmp_path / name
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
        return path

    return written


def parts(systems: int) -> list[list[float]]:
    """Invented means (RadGraph, BERTScore, SembScore, BLEU-2), rounded as boards round."""
    chance = np.random.default_rng(7)
    return [[round(float(value), 3) for value in chance.uniform(0.1, 0.6, 4)] for _ in range(systems)]


def board(systems: int = 6) -> list[list[object]]:
    """A board whose reciprocals follow from its parts."""
    rows: list[list[object]] = [list(HEADER)]
    for number, (radgraph, bertscore, semb, bleu) in enumerate(parts(systems)):
        inverse = 1 / float(V1(np.array([radgraph, bertscore, semb, bleu])))
        rows.append([number + 1, f"model {number}", f"lab {number}", bleu, bertscore, semb, radgraph, f"{inverse:.3f}"])
    return rows


def reports(count: int = 40, *, seed: int = 3) -> list[list[object]]:
    """A file of reports with RadCliQ-v1 in full."""
    chance = np.random.default_rng(seed)
    rows: list[list[object]] = [
        ["study_id", "bleu_score", "bertscore", "semb_score", "radgraph_combined", "RadCliQ-v1"]
    ]
    for number in range(count):
        radgraph, bertscore, semb, bleu = (float(value) for value in chance.uniform(0, 0.6, 4))
        v1 = float(V1(np.array([radgraph, bertscore, semb, bleu])))
        rows.append([f"s{number:03}", bleu, bertscore, semb, radgraph, v1])
    return rows


def broken(sheet: ScoreFile, **beside: object) -> list[Broken]:
    return audit(sheet, **beside).broken  # type: ignore[arg-type] # each test says what it gives


def test_a_sound_board_breaks_nothing(write: Write) -> None:
    assert broken(read_sheet(write("board.csv", board()))) == []


def test_a_reciprocal_swapped_between_two_rows_is_named_with_both(write: Write) -> None:
    rows = board()
    rows[2][-1], rows[5][-1] = rows[5][-1], rows[2][-1]
    found = broken(read_sheet(write("board.csv", rows)))
    assert [one.row for one in found] == ["model 1 (line 3)", "model 4 (line 6)"]
    assert found[0].why == "swapped with model 4 (line 6): each fits the other's parts"


def test_moved_rows_show_in_their_ranks(write: Write) -> None:
    rows = board()
    rows[2], rows[4] = rows[4], rows[2]
    found = broken(read_sheet(write("board.csv", rows)))
    assert {one.column for one in found} == {"Rank"}
    assert len(found) == 2


def test_names_swapped_between_rows_show_beside_another_board(write: Write) -> None:
    first, rows = read_sheet(write("one.csv", board())), board()
    rows[1][1], rows[2][1] = rows[2][1], rows[1][1]
    (check,) = across([first, read_sheet(write("two.csv", rows))])
    assert {one.column for one in check.broken} == {"Institution"}
    assert across([first, read_sheet(write("three.csv", board()))])[0].broken == []


@pytest.mark.parametrize("column", ["BertScore", "SembScore", "RadGraph", "1/RadCliQ-v1"])
def test_a_changed_mean_that_the_formula_ties_is_caught(write: Write, column: str) -> None:
    rows = board()
    at = HEADER.index(column)
    rows[3][at] = round(float(str(rows[3][at])) + 0.02, 3)
    found = broken(read_sheet(write("board.csv", rows)))
    assert [(one.row, one.column) for one in found] == [("model 2 (line 4)", "1/RadCliQ-v1")]
    assert found[0].off is not None
    assert 0.003 < abs(found[0].off) < 0.1


def test_a_mean_where_its_reciprocal_should_stand_is_recognised(write: Write) -> None:
    rows = board()
    rows[3][-1] = f"{1 / float(str(rows[3][-1])):.3f}"
    (found,) = broken(read_sheet(write("board.csv", rows)))
    assert found.why == "the mean itself, not its reciprocal"


def test_a_column_that_no_formula_ties_is_caught_by_another_copy(write: Write) -> None:
    good, rows = read_sheet(write("good.csv", board())), board()
    rows[3][HEADER.index("BLEU")] = 0.999
    bad = read_sheet(write("bad.csv", rows))
    assert broken(bad) == []
    (found,) = broken(bad, against=good)
    assert (found.row, found.column, found.stated) == ("model 2 (line 4)", "BLEU", 0.999)


def test_what_could_not_be_checked_is_said(write: Write) -> None:
    assert "BLEU" in audit(read_sheet(write("board.csv", board()))).notes[0]


def test_a_missing_score_and_one_that_is_no_number_are_named(write: Write) -> None:
    rows = board()
    rows[6] = rows[6][:-1]
    rows[1][3] = "n/a"
    found = broken(read_sheet(write("board.csv", rows)))
    assert [(one.row, one.column, one.stated) for one in found] == [
        ("model 0 (line 2)", "BLEU", "n/a"),
        ("model 5 (line 7)", "1/RadCliQ-v1", "(empty)"),
    ]


def test_impossible_values_are_named_with_their_limit(write: Write) -> None:
    rows: list[list[object]] = [
        ["model", "BLEU", "1/RadCliQ-v1", "CIDEr-D", "BERTScore"],
        ["a", 1.2, -0.2, 3, 0.5],
        ["b", 0.2, 0.9, 11, 1.5],
    ]
    found = broken(read_sheet(write("board.csv", rows)))
    assert [(one.row[0], one.column) for one in found] == [
        ("a", "BLEU"),
        ("a", "1/RadCliQ-v1"),
        ("b", "CIDEr-D"),
        ("b", "BERTScore"),
    ]
    assert "at least -1.4407" in str(found[1].expected)


def test_percent_is_no_impossible_value(write: Write) -> None:
    assert broken(read_sheet(write("board.csv", [["model", "BLEU"], ["a", 12.1], ["b", 9.4]]))) == []


def test_a_value_outside_its_own_interval_is_named(write: Write) -> None:
    rows: list[list[object]] = [
        ["model", "BLEU-4 @ raw", "BLEU-4 @ raw low", "BLEU-4 @ raw high"],
        ["a", 0.3, 0.1, 0.2],
        ["b", 0.15, 0.1, 0.2],
    ]
    (found,) = broken(read_sheet(write("board.csv", rows)))
    assert (found.row, found.expected) == ("a (line 2)", "0.1 to 0.2")


def test_sound_reports_break_nothing(write: Write) -> None:
    assert broken(read_sheet(write("reports.csv", reports()))) == []


def test_a_report_whose_composite_is_not_that_of_its_parts_is_named(write: Write) -> None:
    rows = reports()
    rows[4][5] = float(str(rows[4][5])) + 0.001
    (found,) = broken(read_sheet(write("reports.csv", rows)))
    assert (found.row, found.column) == ("s003 (line 5)", "RadCliQ-v1")
    assert found.off == pytest.approx(0.001)


def test_a_duplicate_id_is_named(write: Write) -> None:
    rows = reports()
    rows.append(list(rows[3]))
    (found,) = broken(read_sheet(write("reports.csv", rows)))
    assert (found.row, found.why) == ("s002 (line 42)", "occurs 2 times")


def test_two_denominators_are_named(write: Write) -> None:
    rows = reports()
    for row in rows[1:6]:
        row[2] = ""
    found = [one for one in broken(read_sheet(write("reports.csv", rows))) if "denominators" in one.why]
    assert [(one.column, one.stated, one.expected) for one in found] == [("bertscore", 35.0, 40.0)]


def test_a_row_of_means_is_checked_against_the_rows(write: Write) -> None:
    rows = reports()
    means = [float(np.mean([float(str(row[column])) for row in rows[1:]])) for column in range(1, 6)]
    assert broken(read_sheet(write("good.csv", [*rows, ["mean", *means]]))) == []
    (found,) = broken(read_sheet(write("bad.csv", [*rows, ["Mean", means[0] + 0.1, *means[1:]]])))
    assert (found.row, found.column) == ("(row of means)", "bleu_score")
    assert found.off == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("stated", "why"),
    [
        (lambda v: 1 / np.mean(v), ""),
        (lambda v: np.mean(1 / v), "the mean of reciprocals, not the reciprocal of the mean"),
        (np.mean, "the mean itself, not its reciprocal"),
        (lambda v: 1 / np.median(v), "the median"),
        (lambda v: 1 / np.mean(v[:20]), "a mean over other reports"),
    ],
)
def test_a_boards_reciprocal_is_of_the_mean_of_its_rows(
    write: Write, stated: Callable[[np.ndarray], float], why: str
) -> None:
    rows = reports()
    v1 = np.array([float(str(row[5])) for row in rows[1:]])
    written = write("board.csv", [["model", "1/RadCliQ-v1"], ["mine", f"{stated(v1):.4f}"], ["other", 0.7]])
    behind = {"mine": read_sheet(write("reports.csv", rows))}
    assert [one.why for one in broken(read_sheet(written), rows=behind)] == ([why] if why else [])


def test_a_row_that_the_board_lacks_is_named(write: Write) -> None:
    behind = {"nobody": read_sheet(write("reports.csv", reports()))}
    (found,) = broken(read_sheet(write("board.csv", board())), rows=behind)
    assert found.why == "no row of this name"


@pytest.fixture
def scored() -> tuple[list[list[object]], list[Study]]:
    """A file with texts and BLEU-2 as ReXrank has it, and its studies."""
    from mmrad_eval.core.contracts import Corpus
    from mmrad_eval.core.values import Answer, Example
    from mmrad_eval.metrics import suite

    texts = [
        f"The heart is {size}. The lungs show {number} nodules, and no effusion is seen on either side."
        for number, size in enumerate("abcdefgh")
    ]
    studies = [Study(id=f"s{n}", reference=Report(findings=text)) for n, text in enumerate(texts)]
    answers = [" ".join(text.split()[: 4 + n]) for n, text in enumerate(texts)]
    (metric,) = suite(["bleu@rexrank"])
    examples = [
        Example(study, Answer(study=study.id, report=Report(text=text)))
        for study, text in zip(studies, answers, strict=True)
    ]
    values = metric.reduce(metric.measure(examples, metric.fit(Corpus(studies))))[:, 0]
    rows: list[list[object]] = [["study_id", "report", "bleu_score"]]
    rows += [[s.id, text, float(value)] for s, text, value in zip(studies, answers, values, strict=True)]
    return rows, studies


def test_missing_extra_and_moved_ids_are_named(write: Write, scored: tuple[list[list[object]], list[Study]]) -> None:
    rows, studies = scored
    assert broken(read_sheet(write("good.csv", rows)), studies=studies) == []
    moved = [rows[0], rows[2], rows[1], *rows[3:]]
    (found,) = broken(read_sheet(write("moved.csv", moved)), studies=studies)
    assert "2 rows are out of their study's order" in found.why
    less = [*rows[:3], *rows[4:], ["x9", "text", 0.1]]
    found_ids = {(one.stated, one.expected) for one in broken(read_sheet(write("less.csv", less)), studies=studies)}
    assert found_ids == {("(missing)", "s2"), ("x9", "(no such study)")}


def test_scores_swapped_between_reports_show_in_their_texts(
    write: Write, scored: tuple[list[list[object]], list[Study]]
) -> None:
    rows, studies = scored
    rows[2][2], rows[6][2] = rows[6][2], rows[2][2]
    found = broken(read_sheet(write("reports.csv", rows)), studies=studies)
    assert [one.row for one in found] == ["s1 (line 3)", "s5 (line 7)"]
    assert found[0].why == "the value of s5: rows were mixed up"


def test_the_tables_print_in_every_format(write: Write) -> None:
    rows = board()
    rows[3][-1] = 9.9
    found = audit(read_sheet(write("board.csv", rows)))
    for form in ("terminal", "md", "csv", "latex", "html", "json"):
        assert "model 2" in render(tables_of([found]), form)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("model,BLEU\n", "no rows"),
        ("", "the file is empty"),
        ("model;BLEU\nx;0,1\n", "write points"),
        ("a,b\n1,2\n", "no column is recognized as the name of each row"),
        ("model,note\nx,y\n", "no column contains numbers"),
        ("model,BLEU,BLEU\nx,1,2\n", "names 'BLEU' twice"),
        ("model,BLEU\nx,1,2,3\n", "4 cells where the header names 2"),
    ],
)
def test_what_is_no_table_of_scores_is_refused_with_the_reason(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=says):
        read_sheet(path)


def test_one_system_and_one_report_are_tables_too(write: Write) -> None:
    assert audit(read_sheet(write("board.csv", board(1)))).broken == []
    assert audit(read_sheet(write("reports.csv", reports(1)))).broken == []


def test_names_of_columns_are_understood() -> None:
    names = {"BLEU-2": "BLEU", "bleu_score": "BLEU", "BertScore": "BERTScore", "semb_score": "SembScore"}
    names |= {"radgraph_combined": "RadGraph", "RadCliQ-v0": "RadCliQ-v0", "BLEU-4 @ r2gen-iu": "BLEU"}
    for column, name in names.items():
        found = measure_of(column)
        assert found is not None
        assert found[0].name == name
    assert measure_of("1/RadCliQ-v1") == (RADCLIQ_V1, True)
    assert measure_of("temperature") is None


@pytest.mark.shared
@pytest.mark.parametrize("name", ["mimiccxr", "iu_xray"])
def test_public_boards_hold_but_for_one_missing_cell(shared_data: Path, name: str) -> None:
    found = audit(read_sheet(shared_data / "boards" / f"rexrank_2025_findings_result_{name}.csv"))
    linear = next(check for check in found.checks if "linear formula" in check.name)
    assert (linear.looked, linear.broken) == (25, [])
    assert [(one.row, one.column) for one in found.broken] == [("UniRG-CXR (line 26)", "1/FineRadScore")]


@pytest.mark.shared
def test_broken_copies_of_a_public_board_are_caught(shared_data: Path, write: Write) -> None:
    path = shared_data / "boards" / "rexrank_2025_findings_result_mimiccxr.csv"
    rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    rows[25].append("")
    header, before = rows[0], len(audit(read_sheet(path)).broken)
    inverse, semb = header.index("1/RadCliQ-v1"), header.index("SembScore")

    def copy(change: Callable[[list[list[str]]], None]) -> list[Broken]:
        changed = [list(row) for row in rows]
        change(changed)
        return audit(read_sheet(write("copy.csv", changed))).broken[before - 1 :]

    def swap(table: list[list[str]]) -> None:
        table[3][inverse], table[9][inverse] = table[9][inverse], table[3][inverse]

    def change(table: list[list[str]]) -> None:
        table[7][semb] = "0.5"

    def reciprocal(table: list[list[str]]) -> None:
        table[12][inverse] = f"{1 / float(table[12][inverse]):.3f}"

    def move(table: list[list[str]]) -> None:
        table[4], table[5] = table[5], table[4]

    for breaking, rows_named in ((swap, 2), (change, 1), (reciprocal, 1), (move, 2)):
        assert len([one for one in copy(breaking) if one.column != "1/FineRadScore"]) == rows_named


def _ranked(first: str, second: str, column: str) -> list[list[object]]:
    return [["Rank", "Model Name", column], ["1", first, 0.2], ["2", second, 0.1]]


def test_ranks_of_boards_with_other_measures_need_not_agree(write: Write) -> None:
    one = read_sheet(write("bleu.csv", _ranked("alpha", "beta", "BLEU")))
    other = read_sheet(write("rouge.csv", _ranked("beta", "alpha", "ROUGE-L")))
    assert [check.broken for check in across([one, other])] == []


def test_ranks_of_one_measure_on_other_data_need_not_agree(write: Write) -> None:
    one = read_sheet(write("mimic.csv", _ranked("alpha", "beta", "BLEU")))
    other = read_sheet(write("iu.csv", _ranked("beta", "alpha", "BLEU")))
    assert not any(check.broken for check in across([one, other]))


def test_ranks_beside_the_same_numbers_must_agree(write: Write) -> None:
    rows = _ranked("alpha", "beta", "BLEU")
    moved = [rows[0], ["2", "alpha", 0.2], ["1", "beta", 0.1]]
    (check,) = across([read_sheet(write("a.csv", rows)), read_sheet(write("b.csv", moved))])
    assert [(one.column, one.stated) for one in check.broken] == [("Rank", "2"), ("Rank", "1")]


@pytest.mark.parametrize("heading", ["run", "task_name", "Run Name", "checkpoint"])
def test_a_board_may_call_its_systems_runs(heading: str, write: Write) -> None:
    sheet = read_sheet(write("board.csv", [[heading, "BLEU_4"], ["a", 0.1], ["b", 0.2]]))
    assert (sheet.kind, sheet.names) == ("board", ("a", "b"))


def test_the_column_of_systems_can_be_named(write: Write) -> None:
    sheet = read_sheet(write("board.csv", [["who", "BLEU_4"], ["a", 0.1], ["b", 0.2]]), system="who")
    assert sheet.names == ("a", "b")
    with pytest.raises(DataError, match="--model-column"):
        read_sheet(write("board.csv", [["who", "BLEU_4"], ["a", 0.1], ["b", 0.2]]))
    with pytest.raises(DataError, match=r"there is no column 'whom'; its columns are who, BLEU_4"):
        read_sheet(write("board.csv", [["who", "BLEU_4"], ["a", 0.1], ["b", 0.2]]), system="whom")


def test_a_study_id_still_names_the_rows_of_a_file_that_also_has_names(write: Write) -> None:
    assert read_sheet(write("reports.csv", [["study_id", "name", "BLEU"], ["s1", "x", 0.1]])).kind == "reports"


def test_a_table_with_one_row_a_number_is_read_as_a_board(write: Write) -> None:
    rows: list[list[object]] = [
        ["system", "metric", "value"],
        ["a", "BLEU", 0.1],
        ["a", "ROUGE-L", 0.3],
        ["b", "BLEU", 1.2],
        ["b", "ROUGE-L", 0.2],
    ]
    sheet = read_sheet(write("long.csv", rows))
    assert (sheet.names, list(sheet.numbers)) == (("a", "b"), ["BLEU", "ROUGE-L"])
    assert [(one.row, one.column) for one in broken(sheet)] == [("b (line 4)", "BLEU")]
    with pytest.raises(DataError, match=r"long\.csv:6: a has two values of 'BLEU'"):
        read_sheet(write("long.csv", [*rows, ["a", "BLEU", 0.2]]))


def test_a_table_of_ours_in_which_runs_were_scored_with_other_metrics_passes(write: Write) -> None:
    header = ["model", "task", "n", "BLEU-4 @ raw", "ROUGE-L @ raw"]
    assert broken(read_sheet(write("ours.csv", [header, ["a", "mcot", 24, 0.1, ""], ["b", "mcot", 24, "", 0.3]]))) == []
