"""A reply that ends in a call of a tool is no report, whatever the syntax; a report before or inside a call is."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmrad_eval.datasets.raw_text import read
from mmrad_eval.datasets.raw_text.tool_syntax import SYNTAXES, before_call, ending_call

CALLS = [
    '<tool_call>{"name": "zoom", "arguments": {"bbox_2d": [1, 2, 3, 4]}}</tool_call>',
    '<tool_call>\n{"name": "zoom", "argum',
    '\n<grounding>{"bbox_2d": [0.1, 0.2, 0.3, 0.4], "source": "original_image"}</grounding>',
    '<function_call>{"name": "zoom", "args": [1]}</function_call>',
    '<invoke name="zoom"><parameter name="x">1</parameter></invoke>',
    "<function=zoom><parameter=box>[1, 2, 3, 4]</parameter></function>",
    '<|tool_call|>{"name": "zoom"}<|/tool_call|>',
    "<|tool_calls_section_begin|><|tool_call_begin|>functions.zoom:0",
    '[TOOL_CALLS][{"name": "zoom", "arguments": {}}]',
    '<|python_tag|>zoom.call(box="1")',
    "\n<zoom>[10, 20, 30, 40]</zoom>",
    "\n<crop box=1,2,3,4>1</crop>",
    "<code>\n```python\nimage.crop((1, 2, 3, 4))\n```\n</code>",
    "```python\nfrom PIL import Image\nfilm = Image.open('x').crop((1, 2, 3, 4))\n```",
    '{"name": "image_zoom_in_tool", "arguments": {"bbox_2d": [1, 2, 3, 4]}}',
    '```json\n{"tool": "zoom", "parameters": {"box": [1, 2, 3, 4]}}\n```',
    '{"thought": "hm", "action": "zoom", "region": "heart"}',
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("before", ["", "The left lower lobe is hard to judge. ", "<think>Hm.</think>"])
def test_a_reply_that_ends_in_a_call_is_unparsed_and_says_which(call: str, before: str) -> None:
    found = read(before + call, "findings")

    assert (found.status, found.report.text) == ("unparsed", "")
    assert found.why.startswith("the reply ends in ")
    assert found.events["removed tool call"] == 1


@pytest.mark.parametrize("call", CALLS)
def test_a_report_before_a_call_is_the_report(call: str) -> None:
    found = read(f"FINDINGS: Clear lungs.\n{call}", "findings")

    assert (found.status, found.report.findings) == ("ok", "Clear lungs.")


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "submit", "arguments": {"findings": "Clear lungs.", "impression": "Normal."}}',
        '<tool_call>{"name": "submit", "arguments": {"findings": "Clear lungs.", "impression": "Normal."}}</tool_call>',
        "FINDINGS: Clear lungs. IMPRESSION: Normal.",
    ],
)
def test_a_call_that_brings_the_report_is_read(text: str) -> None:
    assert ending_call(text) == ""
    assert "Clear lungs." in read(text, "findings").report.text


@pytest.mark.parametrize(
    "text",
    [
        "<tool_call> is what I would write, but the lungs are clear.</tool_call> No effusion.",
        'Effusion <grounding>{"bbox_2d": [0.1, 0.2, 0.3, 0.4]}</grounding>.',
        "The lungs are clear. Zoom was not needed.",
        'Clear lungs.\n[{"box_2d": [20, 10, 800, 900], "label": "lungs"}]',
    ],
)
def test_words_after_it_or_around_it_make_it_no_call(text: str) -> None:
    assert ending_call(text) == ""
    assert read(text, "findings").status == "ok"


@given(st.text(max_size=60), st.sampled_from(CALLS), st.text(max_size=20))
def test_any_text_is_cut_in_two(before: str, call: str, behind: str) -> None:
    text = before + call + behind
    assert text.startswith(before_call(text))
    assert bool(ending_call(text)) == (before_call(text) != text)


@pytest.mark.parametrize("piece", [*(s.triggers[0] for s in SYNTAXES), "<tool_call>{", "</tool_call>", '{"action": "'])
def test_no_text_takes_long(piece: str) -> None:
    start = time.process_time()
    ending_call(piece * (400_000 // len(piece)) + " end")
    assert time.process_time() - start < 2
