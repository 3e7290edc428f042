"""A code fence around a report, around nothing, and beside a report."""

from __future__ import annotations

import pytest

from mmrad_eval.core.values import Reply
from mmrad_eval.datasets.raw_text.reading import read_reference
from mmrad_eval.tasks.answers import read_answer

PARTS = ("Small left effusion.", "Effusion.")
REPORT = f"FINDINGS: {PARTS[0]}\nIMPRESSION: {PARTS[1]}"


@pytest.mark.parametrize("inside", ["null", "None", "N/A", "", "12.5", "true", "[]", "{}", '""', "-"])
@pytest.mark.parametrize("kind", ["", "json", "text"])
def test_a_fence_around_nothing_is_an_empty_report(kind: str, inside: str) -> None:
    text = f"```{kind}\n{inside}\n```"
    assert read_answer(Reply(text), "findings").status in {"empty", "unparsed"}
    assert not inside or not read_reference(text).text


@pytest.mark.parametrize(
    "fence",
    ["```json\nnull\n```", "```\nN/A\n```", "```json\n[12, 40, 96, 130]\n```", "```python\nprint('done')\n```"],
)
@pytest.mark.parametrize("form", [f"{REPORT}\n{{}}", f"{{}}\n{REPORT}", f"{REPORT}\n\n{{}}\n"])
def test_a_report_beside_a_fence_that_holds_none_is_the_report(form: str, fence: str) -> None:
    answer = read_answer(Reply(form.format(fence)), "findings")
    assert (answer.status, answer.report.findings, answer.report.impression) == ("ok", *PARTS)


@pytest.mark.parametrize(
    "text",
    [
        "Here are the findings:\n```\nThe lungs are clear.\n```",
        "FINDINGS:\n```\nThe lungs are clear.\n```",
        "FINDINGS: below.\n```markdown\nThe lungs are clear.\n```\nLet me know if you need more.",
        "Sure!\n```\nThe lungs are clear.\n```\n```\nnull\n```",
    ],
)
def test_a_report_inside_a_fence_is_the_report(text: str) -> None:
    answer = read_answer(Reply(text), "findings")
    assert (answer.status, answer.report.text) == ("ok", "The lungs are clear.")
