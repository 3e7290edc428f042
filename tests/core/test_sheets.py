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
