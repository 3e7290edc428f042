"""Csv: what is written for spreadsheets is no formula, and is read back letter by letter."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmrad_eval.core import sheets

TEXTS = st.text(st.sampled_from("'=+-@\t\r\n \"',;a1.\ufeff\u200b\uff1d\0é"), max_size=12)
STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=5))
def test_every_text_is_read_back_as_it_was(rows: list[tuple[str, str]]) -> None:
    read = sheets.read(sheets.write([("id", "report"), *rows]))

    assert read.fault is None
    assert [tuple(cells) for _, cells in read.rows] == [("id", "report"), *rows]


@given(TEXTS)
def test_no_cell_begins_a_formula(text: str) -> None:
    ((cell,),) = csv.reader(io.StringIO(sheets.write([[text]]), newline="")) if text else (("",),)

    begins = cell.lstrip(" \ufeff\u200b").startswith(STARTS) or cell.startswith(("\t", "\r", "\n"))
    assert not begins or not set(cell) - set("+-.1")


@pytest.mark.parametrize("delimiter", ["\t", ";"])
@given(TEXTS, TEXTS)
def test_no_part_of_a_cell_calls_anything_where_another_separator_is_taken(delimiter: str, one: str, two: str) -> None:
    text = sheets.write([["id", one, two]])

    cells = [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) for cell in row]

    begins = [cell.lstrip(" \ufeff\u200b") for cell in cells]
    assert not [cell for cell in begins if cell.startswith(("=", "+", "@", "\uff1d")) and set(cell) - set("+-.1,'\"")]


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5))
def test_a_spreadsheet_may_save_our_table_with_its_own_separator(delimiter: str, rows: list[tuple[str, str]]) -> None:
    named = [("study id", "report, final"), *rows]
    ours = csv.reader(io.StringIO(sheets.write(named), newline=""))
    saved = io.StringIO(newline="")
    saved.write(f"sep={delimiter}\r\n" if delimiter == "|" else "")
    csv.writer(saved, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(ours)

    read = sheets.read(saved.getvalue())

    assert [tuple(cells) for _, cells in read.rows] == named


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("id;report, generated, v2\n1;a, b\n2;c\n", ["id", "report, generated, v2"]),
        ("id\treport\n1\ta, b, c; d, e\n", ["id", "report"]),
        ('id,report\n1,"a;b;c;d"\n2,x;y\n', ["id", "report"]),
        ('"study;id";report\n1;x\n', ["study;id", "report"]),
        ("sep=\t\nid\treport\n", ["id", "report"]),
        ("id\n1\n2\n", ["id"]),
    ],
)
def test_the_separator_is_the_one_that_cuts_the_rows_alike(text: str, cells: list[str]) -> None:
    assert sheets.read(text).rows[0].cells == cells


def test_lists_in_a_report_stay_as_they_are() -> None:
    text = "Findings:\n- No effusion.\n- Heart size normal; - unchanged."

    assert next(csv.reader(io.StringIO(sheets.write([[text]]))))[0] == text


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (-0.5, "-0.5"),
        (1e-07, "1e-07"),
        (3, "3"),
        (None, ""),
        ("-0.25", "-0.25"),
        ("+3.5e-2", "+3.5e-2"),
        ("-", "'-"),
        ("- No effusion.", "'- No effusion."),
        ('=HYPERLINK("http://x")', '\'=HYPERLINK("http://x")'),
        ("-2+3", "'-2+3"),
        ("'- quoted", "''- quoted"),
        ("'tis clear", "'tis clear"),
        ("  @SUM(A1)", "'  @SUM(A1)"),
        ("\x07=1+1", "'\x07=1+1"),
        ("\u200e\u2060=1+1", "'\u200e\u2060=1+1"),
        ("\u22122+3", "'\u22122+3"),
    ],
)
def test_numbers_stay_numbers_and_formulas_become_texts(value: object, cell: str) -> None:
    assert next(csv.reader(io.StringIO(sheets.write([[value, "x"]]))))[0] == cell


def test_a_cell_may_be_longer_than_the_csv_module_allows() -> None:
    text = "word, " * 100_000

    assert sheets.read(sheets.write([["a", text]])).rows[0].cells == ["a", text]


def test_a_broken_row_is_named_by_its_line_and_those_before_it_are_kept() -> None:
    read = sheets.read('a,b\n1,"two\nlines"\n3,"cut')

    assert [cells for _, cells in read.rows] == [["a", "b"], ["1", "two\nlines"]]
    assert read.fault is not None
    assert read.fault[0] == 4
    assert "cut short" in read.fault[1]
