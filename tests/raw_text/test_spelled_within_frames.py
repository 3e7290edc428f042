"""A list, a quoted text or a value for nothing is read as what it is within any frame of a report, not as words."""

from __future__ import annotations

import pytest

from mmrad_eval.core.values import Reply
from mmrad_eval.datasets import raw_text
from mmrad_eval.tasks.answers import read_answer
from tests.raw_text.suite import FINDINGS, plain

FRAMES = (
    "%s",
    r"\boxed{%s}",
    r"<think>The left lung [10, 20, 30, 40].</think>\boxed{%s}",
    r"\boxed{\text{%s}}",
    "<answer>%s</answer>",
    "<think>I look at the heart.</think>\n<answer>\n%s\n</answer>",
    "<report>\n%s\n</report>",
    "```json\n%s\n```",
    "Final report: %s",
    "FINDINGS: %s",
    "## Findings\n%s",
    "Here is the report:\n%s",
    "Here is the report:\n```json\n%s\n```",
    "<|begin_of_solution|>%s<|end_of_solution|>",
    '{"report": %s}',
    '{"findings": %s}',
)
SENTENCES = tuple(f"{text.split('.')[0]}." for text in FINDINGS[:2])
SPELLED = (
    '["{0}", "{1}"]',
    "['{0}', '{1}']",
    '[["{0}"], ["{1}"]]',
    '"{0} {1}"',
)
NOTHING = ("null", "None", "NaN", "[]", "[null]", "{}", "true", "3", "[[], [null]]", '"null"')


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("spelled", SPELLED)
def test_texts_that_are_spelled_are_read_as_words(frame: str, spelled: str) -> None:
    answer = read_answer(Reply(frame % spelled.format(*SENTENCES)), "findings")
    assert answer.status == "ok"
    assert plain(answer.report.findings or answer.report.text) == plain(" ".join(SENTENCES))


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("nothing", NOTHING)
def test_a_value_for_nothing_is_no_report(frame: str, nothing: str) -> None:
    answer = read_answer(Reply(frame % nothing), "findings")
    assert answer.status in {"empty", "unparsed"}
    assert not answer.report.findings
    assert not answer.report.impression


@pytest.mark.parametrize("spelled", SPELLED)
def test_a_section_of_two_is_read_as_what_it_spells(spelled: str) -> None:
    text = f"FINDINGS: {spelled.format(*SENTENCES)}\nIMPRESSION: ['Normal chest.']"
    for report in (read_answer(Reply(text), "findings").report, raw_text.read_reference(text)):
        assert plain(report.findings or "") == plain(" ".join(SENTENCES))
        assert report.impression == "Normal chest."


@pytest.mark.parametrize(
    "words", ["[Large] effusion (left).", '"Bat wing" opacities, no "air bronchogram"', "(1) Clear."]
)
def test_words_that_begin_with_a_bracket_or_a_quote_stay(words: str) -> None:
    answer = read_answer(Reply(f"FINDINGS: {words}"), "findings")
    assert answer.report.findings == words
