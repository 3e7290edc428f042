# ruff: noqa: E501 (forms stand in one line, as programs write them)
"""A second drawing of cells: objects in the spellings of programs, errors of spreadsheets, dates, and ids that changed.

Forms were seen in public files and threads, named beside them; the words are invented.
"""

from __future__ import annotations

import json
import pprint
from collections.abc import Callable, Iterator
from typing import Any

from tests.raw_text.cell_forms import Cell
from tests.raw_text.suite import FINDINGS, IMPRESSIONS, MADE_UP

F, G, IMP = FINDINGS[2], FINDINGS[3], IMPRESSIONS[2]
NO_REPORT = "no report"
"""Read as an empty report, or refused by name."""
EXCEL = "error values of Excel, LibreOffice and Google Sheets (biolab/orange3#5172, pandas-dev/pandas#1225)"
NA_VALUES = "pandas' own list of values for nothing (pandas-dev/pandas#14030), MySQL's, R's and SAS's exports"
DATES = "columns of dates and flags that stand beside reports in MIMIC's and CheXpert's tables"
CHAT = "bodies of replies: OpenAI, Anthropic, Gemini, vLLM, transformers, lm-eval, ShareGPT"
MODELS = "outputs that prompts for JSON ask for"
OFFICE = "text that went through Excel, Word or a browser"

NOTHING = (
    *((word, EXCEL) for word in (
        "#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!", "#GETTING_DATA",
        "#ERROR!", "Err:502", "#FIELD!", "#BLOCKED!",
    )),
    *((word, NA_VALUES) for word in (
        "#N/A N/A", "#NA", "-1.#IND", "1.#QNAN", "-1.#QNAN", "1.#IND", "-NaN", "-nan", "<NA>", "\\N", "NaN ", " null",
        "(null)", "[null]", "<null>", "<none>", "(none)", "(blank)", "N.A.", "n.a.", "NIL", "NULL.", "nan nan", "NA_character_",
        "None None", "*", "****", "\u2014", "\u2013", "\u2026", "\u00a0", "\ufeff", "\u200b", "\t", "\r\n", '"nan"', "['nan']",
        "[None]", "{'findings': nan}", '{"findings": null}', '{"findings": ""}', "<EMPTY>",
    )),
)  # fmt: skip
NUMBERS = tuple((value, DATES) for value in (
    "3.14", "-0.5", "1,234", "12.345,67", "5.0E+07", "1e-05", "0x1F", "50%", "2024-01-05", "01/05/2024", "21800506",
    "2024-01-05T10:00:00", "2024-01-05T10:00:00Z", "2024-01-05 10:00:00+00:00", "05-Jan-2024", "Jan 5, 2024", "10:32 AM",
    "True", "False", "TRUE", "FALSE", "true", "Yes", "No", "Timestamp('2024-01-05 00:00:00')", "datetime.date(2024, 1, 5)",
    "[1, 2, 3]", "[0.1, 0.2]", "{'BLEU': 0.3}", '{"score": 1}', 0, -3, 1.5e300, False, [], {}, [0.5], [None, 1],
    {"box": [1, 2, 3, 4]}, {"labels": [0, 1]}, {"findings": 3}, {"findings": True}, [[1], [2]], {"usage": {"tokens": 3}},
))  # fmt: skip

_ALONE: tuple[tuple[Any, str, str], ...] = (
    ({"findings": F, "impression": None}, F, MODELS),
    ({"findings": F, "impression": "nan"}, F, MODELS),
    ({"FINDINGS": F, "IMPRESSION": IMP}, F, MODELS),
    ({"findings": {"text": F}}, F, MODELS),
    ({"findings": [F, G]}, f"{F} {G}", MODELS),
    ({"report": {"Findings": F, "Impression": IMP}}, F, MODELS),
    ({"radiology_report": {"findings": F, "impression": [IMP]}}, F, MODELS),
    ({"section_findings": F, "section_impression": IMP}, F, MODELS),
    ({"generated_report": f"FINDINGS: {F} IMPRESSION: {IMP}"}, F, MODELS),
    ({"prediction": F}, F, MODELS),
    ({"output": F}, F, MODELS),
    ({"answer": F}, F, MODELS),
    ({"data": {"report": F}}, F, MADE_UP),
    ({"result": {"findings": F}}, F, MADE_UP),
    ({"choices": [{"index": 0, "message": {"role": "assistant", "content": F}}]}, F, CHAT),
    ({"message": {"role": "assistant", "content": F}}, F, CHAT),
    ({"candidates": [{"content": {"parts": [{"text": F}], "role": "model"}}]}, F, CHAT),
    ({"content": [{"type": "text", "text": F}]}, F, CHAT),
    ({"response": {"body": {"choices": [{"message": {"content": F}}]}}}, F, CHAT),
    ({"outputs": [{"text": F}]}, F, CHAT),
    ({"resps": [[F]]}, F, CHAT),
    ({"filtered_resps": [F]}, F, CHAT),
    ([{"from": "human", "value": "Write."}, {"from": "gpt", "value": F}], F, CHAT),
    ({"conversations": [{"from": "human", "value": "Write."}, {"from": "gpt", "value": F}]}, F, CHAT),
    ([{"role": "system", "content": "You write."}, {"role": "assistant", "content": [{"type": "text", "text": F}]}], F, CHAT),
)  # fmt: skip

SPELLINGS: tuple[Callable[[Any], Any], ...] = (
    lambda value: value,
    json.dumps,
    repr,
    lambda value: json.dumps(value, indent=2),
    lambda value: json.dumps(json.dumps(value)),
    lambda value: f"```json\n{json.dumps(value, indent=1)}\n```",
    lambda value: pprint.pformat(value, width=40),
    lambda value: f"\ufeff{json.dumps(value)}\r\n",
)
"""The ways in which programs write an object: itself, as JSON, as Python spells it, twice, fenced, broken in lines."""

TEXTS: tuple[tuple[str, str, str], ...] = (
    (f'="{F}"', F, OFFICE),
    (f"'{F}", F, OFFICE),
    (f"FINDINGS: {F}_x000D_\nIMPRESSION: {IMP}", F, "openpyxl's escape of a carriage return"),
    (f"FINDINGS: {F}_x000D_\r\nIMPRESSION: {IMP}_x000D_", F, "openpyxl's escape of a carriage return"),
    (f"\ufeffFINDINGS: {F}\nIMPRESSION: {IMP}", F, OFFICE),
    (f"FINDINGS:\u00a0{F}\u00a0IMPRESSION:\u00a0{IMP}", F, OFFICE),
    (f"FINDINGS:\u3000{F}\nIMPRESSION:\u2003{IMP}", F, OFFICE),
    (f"\u200eFINDINGS: {F}\n\u200eIMPRESSION: {IMP}", F, OFFICE),
    (f"<p>FINDINGS: {F}</p><p>IMPRESSION: {IMP}</p>", F, OFFICE),
    (f"FINDINGS:&nbsp;{F}&nbsp;&nbsp;IMPRESSION: {IMP}", F, OFFICE),
    (f"FINDINGS: {F}\x0bIMPRESSION: {IMP}", F, OFFICE),
    (f"FINDINGS: {F}\\r\\nIMPRESSION: {IMP}", F, OFFICE),
    (f"\u201c{F}\u201d", F, OFFICE),
    (f"{F}\x00", F, "fixed-width fields"),
    (f"{F[:10]}\ud83e{F[10:]}", f"{F[:10]}\ufffd{F[10:]}", "half of an emoji that was cut"),
    (f"{F}\udfff", f"{F}\ufffd", "half of an emoji that was cut"),
    (f"b'{F}'", F, "bytes that were printed"),
    (f'b"{F}"', F, "bytes that were printed"),
    (f"array(['{F}'], dtype=object)", F, "numpy arrays that were printed"),
    (f"array(['{F}'],\n      dtype='<U64')", F, "numpy arrays that were printed"),
    (f"['{F}', None]", F, "lists of pandas"),
    (f"['{F}', nan]", F, "lists of pandas"),
    (f"('{F}',)", F, "zip() results that were printed"),
    (f"{{'findings': '{F}', 'impression': nan}}", F, "rows of pandas that were printed"),
    (f"{F} nan", F, "findings and a missing impression put together"),
    (f"FINDINGS: {F} IMPRESSION: nan", F, "findings and a missing impression put together"),
    (f"FINDINGS: {F}\nIMPRESSION: None", F, "findings and a missing impression put together"),
    (f"FINDINGS: nan IMPRESSION: {IMP}", "", "a missing section put together with the other"),
)


def cells() -> Iterator[Cell]:
    """All of them."""
    yield from (Cell(word, "", source) for word, source in NOTHING)
    yield from (Cell(value, NO_REPORT, source) for value, source in NUMBERS)
    for value, wanted, source in _ALONE:
        yield from (Cell(spell(value), wanted, source) for spell in SPELLINGS)
    yield from (Cell(*text) for text in TEXTS)


IDS: tuple[tuple[Any, Any, bool | None], ...] = (
    ("50000001", 50000001, True),
    ("50000001", 50000001.0, True),
    ("50000001", "50000001.00", True),
    ("50000001", "50000001\r", True),
    ("50000001", "\t50000001", True),
    ("50000001", '=""50000001""', None),
    ("50000001", "50,000,001", None),
    ("50000001", "5.0000001E+07", None),
    ("50000001", "5.0E+07", False),
    ("50000001", "5.00E+07", False),
    ("50000001", "50000001.5", False),
    ("50000001", "-50000001", False),
    ("50000001", "5000000", False),
    ("00000123", 123, None),
    ("00000123", "123", None),
    ("00000123", "0123", False),
    ("00000123.0", "00000123", True),
    ("1e3", "1000", False),
    ("1E05", "100000", False),
    ("2E10", "2e10", None),
    ("CXR1_IM-0001", " CXR1_IM-0001\u200b", True),
    ("a b", "a\u00a0b", None),
    ("s50414267", "50414267", None),
    ("s50414267", "S50414267", None),
    ("files/a.png", "a.png", None),
    ("1.0", "1", True),
    ("1.10", "1.1", False),
    ("1.2.840.10008", "1.2.840.1", False),
    ("True", True, None),
    ("nan", "None", False),
)
"""Pairs of ids of two files: one study (True), two (False), or no mistake either way (None)."""
