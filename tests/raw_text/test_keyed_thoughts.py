"""Thoughts under keys of their own, in answers that are YAML, assignments or JSON, are the trace and not the report."""

from __future__ import annotations

import pytest

from mmrad_eval.core.values import Reply
from mmrad_eval.tasks.answers import read_answer
from tests.raw_text.suite import FINDINGS, IMPRESSIONS, plain

THOUGHT = "The left lung may hold a large pneumothorax. I look again."
FORMS = (
    "thoughts: |\n  {t}\nfindings: |\n  {f}\nimpression: |\n  {i}",
    "thinking: >-\n  {t}\nfindings: >-\n  {f}\nimpression: >-\n  {i}",
    'reasoning: "{t}"\nfindings: "{f}"\nimpression: "{i}"',
    "```yaml\nthoughts: |\n  {t}\nreport:\n  findings: {f}\n  impression: {i}\n```",
    "---\nthought: {t}\n---\nfindings: {f}\nimpression: {i}",
    "chain_of_thought:\n  - {t}\n  - No more.\nfindings:\n  - {f}\nimpression:\n  - {i}",
    "reasoning:\n  step_1: {t}\n  step_2: No more.\nfinal_report:\n  findings: {f}\n  impression: {i}",
    "think: |\n  {t}\nanswer: |\n  {f}",
    "thought: {t}\nreport: {f}",
    "findings: {f}\nimpression: {i}\nreasoning: {t}",
    "findings: {f}\nimpression: {i}\nthoughts: |\n  {t}",
    "confidence: 0.8\nthoughts: |\n  {t}\nfindings: |\n  {f}\nimpression: |\n  {i}\n",
    '{{"thoughts": "{t}", "findings": "{f}", "impression": "{i}"}}',
    'thoughts = """{t}"""\nfindings = """{f}"""\nimpression = """{i}"""',
    '[thoughts]\nnote = "{t}"\n\n[report]\nfindings = "{f}"\nimpression = "{i}"',
    '[thought]\n"left lung" = "{t}"\nheart = "Normal."\n\n[report]\nfindings = "{f}"',
    '[[thoughts]]\nregion = "heart"\n[[thoughts]]\nregion = "lungs"\nsaw = "{t}"\n[answer]\nreport = "{f}"',
    '```toml\n[reasoning]\nsteps = ["No more.", "{t}"]\n\n[findings]\ntext = "{f}"\n```',
    'reasoning = ["{t}", "No more."]\n[report]\nfindings = """\n{f}"""\nimpression = """{i}"""',
    '{{"thoughts": ["{t}", "No more."], "findings": "{f}"}}',
    '{{"reasoning": {{"lungs": "{t}"}}, "report": {{"findings": "{f}", "impression": "{i}"}}}}',
)
"""Of these, the reader that came before read nine."""


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_thought_under_a_key_is_the_trace(form: str, number: int) -> None:
    findings, impression = FINDINGS[number], IMPRESSIONS[number]
    answer = read_answer(Reply(form.format(t=THOUGHT, f=findings, i=impression)), "findings")
    assert answer.status == "ok"
    assert plain(answer.report.findings or answer.report.text) == plain(findings)
    assert answer.report.impression is None or plain(answer.report.impression) == plain(impression)
    assert answer.trace is not None
    assert THOUGHT in answer.trace.text
    assert THOUGHT not in answer.report.text


@pytest.mark.parametrize(
    "text",
    [
        "FINDINGS: Analysis: no effusion is seen.\nIMPRESSION: Normal.",
        "Findings: Clear lungs.\nReason for exam: cough.\nImpression: Normal.",
        "reasoning: {t}",
    ],
)
def test_a_report_with_such_a_word_keeps_it(text: str) -> None:
    answer = read_answer(Reply(text.format(t=THOUGHT)), "report")
    assert plain(text.format(t=THOUGHT)).split()[-1] in answer.report.text
