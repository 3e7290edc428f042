"""One table in six formats: what each shows, and what none may break on."""

from __future__ import annotations

import csv
import html
import io
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mmrad_eval.core.errors import UsageError
from mmrad_eval.results.tables import FORMATS, Cell, Row, Table, TableColumn, render
from mmrad_eval.results.tables.table import CellColumn, cells_of, ranked

COLUMNS = (
    TableColumn("model"),
    TableColumn("n", kind="count"),
    TableColumn("run", media="data"),
    TableColumn("answers", media="drawn"),
    TableColumn("BLEU-4 @ r2gen-iu", kind="score", better="higher", footnote="bleu|v1", interval=True),
    TableColumn("RadCliQ @ rexrank", kind="score", better="lower", footnote="radcliq|v1", interval=True),
    TableColumn("Length @ raw", kind="score", headline=False, interval=True),
)


def row(model: str, bleu: float | None, cliq: float, **fields: object) -> Row:
    cells = {
        "model": Cell(model),
        "n": Cell(1234),
        "run": Cell("abc"),
        "answers": Cell("all ok"),
        "BLEU-4 @ r2gen-iu": Cell(bleu, None if bleu is None else bleu - 0.01, None if bleu is None else bleu + 0.01),
        "RadCliQ @ rexrank": Cell(cliq, cliq - 0.1, cliq + 0.1),
        "Length @ raw": Cell(54.0),
    }
    return replace(Row(cells), **fields)


TABLE = ranked(
    Table(
        "made",
        "made, test",
        COLUMNS,
        (
            row("one & two", 0.11, -0.5),
            row("three_four", 0.10, -0.7),
            row("five", 0.09, 0.2, notes=("incomplete",), ranked=False),
            row("six", None, 0.1),
            row("seven", 0.02, 0.3),
        ),
        notes=("Intervals: 95 %.",),
        ranking="the complete runs",
    )
)


def test_csv_has_plain_numbers_with_low_and_high_beside_them() -> None:
    lines = list(csv.DictReader(io.StringIO(render(TABLE, "csv"))))
    assert list(lines[0])[:4] == ["model", "n", "run", "BLEU-4 @ r2gen-iu"]
    assert lines[0]["n"] == "1234"
    ends = [float(lines[0][f"BLEU-4 @ r2gen-iu{end}"]) for end in ("", " low", " high")]
    assert ends == pytest.approx([0.11, 0.10, 0.12])
    assert lines[3]["BLEU-4 @ r2gen-iu"] == ""
    assert "answers" not in lines[0]


def test_csv_of_several_tables_has_one_header_and_empty_fields() -> None:
    other = Table("o", "o", (TableColumn("model"), TableColumn("F1 @ x", kind="score")), (Row({"model": Cell("m")}),))
    lines = list(csv.DictReader(io.StringIO(render([TABLE, other], "csv"))))
    assert len(lines) == 6
    assert lines[5]["model"] == "m"
    assert (lines[5]["n"], lines[0]["F1 @ x"]) == ("", "")


def test_json_reads_back_as_the_same_tables() -> None:
    assert msgspec.json.decode(render(TABLE, "json"), type=list[Table]) == [TABLE]


def test_best_is_bold_and_second_is_told_apart_by_the_good_end_of_each_column() -> None:
    text = render(TABLE, "md")
    assert "| one &amp; two | 1,234 | all ok | **0.110** [0.100, 0.120]" in text
    assert "_0.100_" in text
    assert "**\N{MINUS SIGN}0.700**" in text
    assert "_\N{MINUS SIGN}0.500_" in text


def test_an_unranked_row_is_never_best_and_says_why() -> None:
    table = replace(TABLE, rows=tuple(replace(r, ranked=r is not TABLE.rows[1]) for r in TABLE.rows))
    assert ranked(table).rows[1].cells["RadCliQ @ rexrank"].rank == ""
    assert "five<sup>1</sup>" in render(TABLE, "md")
    assert "<sup>1</sup> incomplete" in render(TABLE, "md")


def test_alike_values_share_the_first_place_and_a_single_one_has_none() -> None:
    same = ranked(replace(TABLE, rows=(row("a", 0.10001, 1), row("b", 0.09999, 2), row("c", 0.05, 3))))
    assert [r.cells["BLEU-4 @ r2gen-iu"].rank for r in same.rows] == ["best", "best", ""]
    alone = ranked(replace(TABLE, rows=(row("a", 0.1, 1),)))
    assert alone.rows[0].cells["BLEU-4 @ r2gen-iu"].rank == ""


def test_every_signature_is_a_footnote_of_every_drawn_format() -> None:
    for form in ("md", "latex", "html"):
        text = render(TABLE, form).replace("\\textbar{}\\allowbreak{}", "|").replace("\\|", "|")
        assert "bleu|v1" in text, form
        assert "radcliq|v1" in text, form


def test_latex_keeps_names_apart_whose_letters_its_fonts_lack() -> None:
    from mmrad_eval.results.tables.latex import escape

    assert escape("модель") != escape("сетка")
    assert escape("ñ, 模") == "ñ, U+6A21"


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_a_terminal_line_is_never_longer_than_the_terminal(width: int) -> None:
    assert max(map(len, render(TABLE, width=width).splitlines())) <= width


def test_a_narrow_terminal_stacks_columns_and_repeats_the_rows() -> None:
    wide, narrow = render(TABLE, width=120), render(TABLE, width=40)
    assert wide.count("three_four") == 1
    assert narrow.count("three_four") > 1
    assert "0.100" in narrow
    assert "-0.700" in narrow


def test_a_terminal_leaves_out_what_is_no_headline_and_says_so() -> None:
    assert "Length" not in render(TABLE, width=100)
    assert "1 more column: --all-columns, or --format" in render(TABLE, width=100)
    assert "1 more column: mmrad-eval x --all, or" in render(TABLE, width=100, more="mmrad-eval x --all")
    assert "Length" in render(TABLE, width=100, all_columns=True)


def test_marks_are_seen_without_colour() -> None:
    assert "0.110★" in render(TABLE, width=100)
    assert "\x1b" not in render(TABLE, width=100)
    assert "\x1b[1m" in render(TABLE, width=100, color=True)


def test_html_escapes_whatever_a_name_holds() -> None:
    nasty = replace(TABLE, rows=(row("<script>alert(1)</script>\"'", 0.1, 1),), title="<b>")
    page = render(nasty, "html")
    assert "<script>" not in page
    assert html.escape("<script>alert(1)</script>") in page
    assert "<b>" not in page


def test_markdown_keeps_pipes_and_newlines_inside_a_cell() -> None:
    line = next(x for x in render(replace(TABLE, rows=(row("a|b\nc`d`", 0.1, 1),)), "md").splitlines() if "\\|" in x)
    assert len(re.findall(r"(?<!\\)\|", line)) == len(re.findall(r"\|", render(TABLE, "md").splitlines()[3]))


@given(st.text())
def test_latex_of_any_name_has_balanced_braces_and_no_bare_specials(name: str) -> None:
    from mmrad_eval.results.tables.latex import escape

    text = escape(name)
    assert "\n" not in text
    bare = re.sub(r"\\(textbackslash|textasciitilde|textasciicircum|textbar|textless|textgreater|ldots)\{\}", "", text)
    bare = re.sub(r"\$\\[a-zA-Z]+\$|\$-\$|\\[{}$&%#_]", "", bare)
    assert not set("\\{}$&%#_~^") & set(bare)


@pytest.mark.parametrize("form", FORMATS)
def test_a_table_without_rows_and_no_table_at_all_can_be_drawn(form: str) -> None:
    assert render(replace(TABLE, rows=()), form).endswith("\n")
    assert isinstance(render([], form), str)


def test_an_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="latex"):
        render(TABLE, "xls")


def test_numbers_are_written_by_their_kind() -> None:
    columns = (
        TableColumn("what"),
        TableColumn("d", kind="difference"),
        TableColumn("p", kind="p"),
        TableColumn("share", kind="percent"),
    )
    cells = {"what": Cell("x"), "d": Cell(0.0123, -0.001, 0.02), "p": Cell(0.0004), "share": Cell(0.256)}
    text = render(Table("t", "t", columns, (Row(cells), Row({"d": Cell(-0.0001)}))), "md")
    assert "| x | +0.012 [\N{MINUS SIGN}0.001, +0.020] | &lt;0.001 | 25.6 |" in text
    assert "| 0.000 |" in text


def test_a_column_is_written_with_what_stands_in_it() -> None:
    columns = [
        CellColumn(TableColumn("text"), lambda row: row),
        CellColumn(TableColumn("length", kind="count"), lambda row: Cell(len(row), note="counted")),
    ]
    assert cells_of(columns, "heart") == {"text": Cell("heart"), "length": Cell(5, note="counted")}


def test_a_table_of_several_pages_has_one_number_and_no_page_with_notes_alone() -> None:
    rows = tuple(row(f"model {i}", i / 200, i / 100) for i in range(150))
    text = render(ranked(replace(TABLE, rows=rows)), "latex")
    floats = text.split(r"\begin{table}")[1:]
    assert len(floats) > 2
    assert text.count(r"\label{") == 1
    assert text.count(r"\addtocounter{table}{-1}") == len(floats) - 1
    assert all(r"\begin{tabular}" in one for one in floats)
    assert "Intervals: 95" in floats[-1]


def test_a_heading_of_several_words_is_broken_where_its_column_is_narrow() -> None:
    columns = (TableColumn("model"), TableColumn("f1", "CheXbert micro-F1 (14)", "score", "higher"))
    text = render(Table("t", "t", columns, (Row({"model": Cell("a"), "f1": Cell(-0.5)}),)), "latex")
    assert [line for line in text.splitlines() if line.startswith(" & ")] == [r" & CheXbert \\", r" & micro-F1 \\"]
    assert r"model & (14)$\uparrow$ \\" in text
    assert r"a & $-$0.500 \\" in text
