"""Every reply ends in a status, with the report that stands in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmrad_eval.core.errors import Failed
from mmrad_eval.core.values import MODEL_STATUSES, Reply, Report
from mmrad_eval.tasks.answers import read_answer

LUNGS, NORMAL = "The lungs are clear.", "No acute disease."


@pytest.mark.parametrize(
    "text",
    [
        f"FINDINGS: {LUNGS}\n\nIMPRESSION: {NORMAL}",
        f"findings:\n{LUNGS}\nimpression:\n{NORMAL}",
        f"**Findings:** {LUNGS}\n\n**Impression:** {NORMAL}",
        f"## Findings\n{LUNGS}\n\n## Impression\n{NORMAL}",
        f"<think>The heart is fine. Findings: not yet.</think>\nFINDINGS: {LUNGS}\nIMPRESSION: {NORMAL}",
        f"I look at the lungs first.</think>FINDINGS: {LUNGS}\nIMPRESSION: {NORMAL}",
        f"<report>FINDINGS: {LUNGS}\nIMPRESSION: {NORMAL}</report>",
        f"<think>x</think><answer>Findings: {LUNGS}\nImpression: {NORMAL}</answer>",
        f"```\nFINDINGS: {LUNGS}\nIMPRESSION: {NORMAL}\n```",
        f"Here is the report.\n```text\nFINDINGS: {LUNGS}\r\nIMPRESSION: {NORMAL}\r\n```",
        f'{{"findings": "{LUNGS}", "impression": "{NORMAL}"}}',
        f'```json\n{{"FINDINGS": "{LUNGS}", "Impression": "{NORMAL}"}}\n```',
        f'{{"report": {{"findings": "{LUNGS}", "impression": "{NORMAL}"}}}}',
        f'{{"findings": ["{LUNGS}"], "impression": ["{NORMAL}"]}}',
        f"First, the lungs. Clear.\n\n  I will generate the following report: Findings: {LUNGS} Impression: {NORMAL}",
        f"Reasoning here.\n\n**Final report:**\nFINDINGS: {LUNGS}\nIMPRESSION: {NORMAL}",
    ],
)
def test_the_sections_are_found_in_every_form(text: str) -> None:
    answer = read_answer(Reply(text), "findings")

    assert (answer.status, answer.report.findings, answer.report.impression) == ("ok", LUNGS, NORMAL)


def test_words_without_headings_are_the_report() -> None:
    answer = read_answer(Reply(f"  {LUNGS}\n"), "findings")

    assert answer.status == "ok"
    assert answer.report == Report(LUNGS)


def test_words_before_the_impression_are_the_findings() -> None:
    answer = read_answer(Reply(f"{LUNGS}\n\nIMPRESSION: {NORMAL}"), "findings")

    assert (answer.report.findings, answer.report.impression) == (LUNGS, NORMAL)


def test_an_impression_alone_is_not_taken_for_findings() -> None:
    answer = read_answer(Reply(f"IMPRESSION: {NORMAL}"), "findings")

    assert answer.report.findings is None
    assert answer.report.impression == NORMAL


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (Reply(""), "empty"),
        (Reply("  \n\t"), "empty"),
        (Reply("FINDINGS:"), "empty"),
        (Reply("**Findings**\n\nIMPRESSION:"), "empty"),
        (Reply("<think>never closed"), "unparsed"),
        (Reply("<think>all thought</think>"), "unparsed"),
        (Reply("", reasoning="thought that the provider returns apart"), "unparsed"),
        (Reply("<think>never closed", finish="length"), "truncated"),
        (Reply(f"FINDINGS: {LUNGS}", finish="length"), "truncated"),
        (Reply('{"findings": "The lungs are', finish="length"), "truncated"),
        (Reply("I'm sorry, but I can't assist with that."), "refused"),
        (Reply("I\u2019m sorry, I cannot provide a medical diagnosis."), "refused"),
        (Reply("As an AI language model, I am unable to interpret medical images."), "refused"),
        (Reply("I cannot analyze this image."), "refused"),
        (Reply("partial words", finish="refusal", why="content_filter"), "refused"),
        (Reply("", finish="too long", why="400: 5000 tokens"), "too long"),
    ],
)
def test_what_is_no_report_has_its_status(reply: Reply, status: str) -> None:
    assert read_answer(reply, "findings").status == status


def test_a_rejected_request_is_a_failure_and_never_an_answer() -> None:
    with pytest.raises(Failed, match="At most 8 images"):
        read_answer(Reply(finish="rejected", why="400: At most 8 images"), "findings")


def test_headings_without_words_are_neither_findings_nor_thoughts() -> None:
    answer = read_answer(Reply("FINDINGS:\n\nIMPRESSION: Normal chest."), "findings")
    assert answer.report.target("findings") is None
    assert answer.trace is None
    both = read_answer(Reply("I looked. FINDINGS/IMPRESSION: all ok"), "findings")
    assert both.trace is not None
    assert both.trace.text == "I looked."


def test_an_impression_before_findings_that_repeat_its_end_is_no_thought() -> None:
    answer = read_answer(Reply("IMPRESSION: Small heart. No effusion.\nFINDINGS: No effusion."), "findings")
    assert answer.trace is None


@pytest.mark.parametrize("status", ["empty", "unparsed", "refused", "too long"])
def test_without_a_report_the_empty_report_is_scored(status: str) -> None:
    replies = {
        "empty": Reply(" "),
        "unparsed": Reply("<think>x"),
        "refused": Reply("Sorry, I can't help."),
        "too long": Reply("", finish="too long"),
    }
    answer = read_answer(replies[status], "findings")

    assert (answer.status, answer.report) == (status, Report())
    assert answer.why


@pytest.mark.parametrize(
    "noise",
    [" " * 200_000, "\t" * 200_000, "*" * 200_000, "_ " * 100_000, "#" * 200_000, ">" * 200_000, "(a)" * 60_000],
    ids=["spaces", "tabs", "stars", "underscores", "hashes", "quotes", "brackets"],
)
def test_a_model_that_writes_one_mark_without_end_costs_no_time(noise: str) -> None:
    """Each would take hours where every mark was tried with every other one."""
    for words in (f"x{noise}y\nFINDINGS: {LUNGS}", f"FINDINGS: {LUNGS}\nIMPRESSION{noise}: x", f"FINDINGS:{noise}x: y"):
        assert read_answer(Reply(words), "report", traced=True).status in MODEL_STATUSES
    answer = read_answer(Reply(f"x{noise}\nFINDINGS: {LUNGS}"), "findings")
    assert answer.report
    assert answer.report.findings == LUNGS


def test_thoughts_without_end_and_json_without_end_have_their_status() -> None:
    assert read_answer(Reply("<think>" * 50_000), "report").status == "unparsed"
    assert read_answer(Reply('{"report":' * 50_000), "report").status in MODEL_STATUSES


def test_a_truncated_report_is_scored_as_far_as_it_goes() -> None:
    answer = read_answer(Reply('{"findings": "The lungs are \\"clear\\". The hea', finish="length"), "findings")

    assert answer.status == "truncated"
    assert answer.report.findings == 'The lungs are "clear". The hea'


def test_a_report_that_mentions_what_cannot_be_seen_is_no_refusal() -> None:
    text = "FINDINGS: I cannot exclude a small effusion. The apices cannot be assessed."

    assert read_answer(Reply(text), "findings").status == "ok"
    prose = f"{LUNGS} The heart is normal in size and the mediastinum is unremarkable. There is no effusion. " * 2
    assert read_answer(Reply(f"{prose}I cannot provide a comparison."), "findings").status == "ok"


def test_a_written_trace_is_kept_with_its_steps() -> None:
    text = f"Step 1: Heart: normal in size.\nStep 2: **Right lung**: clear,\nno nodule.\n\nFINDINGS: {LUNGS}"

    answer = read_answer(Reply(text), "findings", traced=True)

    assert answer.report.findings == LUNGS
    assert answer.trace is not None
    assert [(s.region, s.text) for s in answer.trace.steps] == [
        ("Heart", "normal in size."),
        ("Right lung", "clear,\nno nodule."),
    ]
    assert answer.trace.steps[1].category == "lungs"
    assert answer.trace.steps[1].regions == ("right lung",)


def test_a_trace_with_no_report_after_it_is_unparsed() -> None:
    answer = read_answer(Reply("Step 1: Heart: normal.\nStep 2: Lungs: clear."), "findings", traced=True)

    assert (answer.status, answer.report) == ("unparsed", Report())
    assert answer.trace is not None
    assert len(answer.trace.steps) == 2


def test_thought_returned_apart_is_part_of_the_trace() -> None:
    answer = read_answer(Reply(f"FINDINGS: {LUNGS}", reasoning="I see air."), "findings")

    assert answer.trace is not None
    assert answer.trace.text == "I see air."


@given(
    st.lists(
        st.sampled_from(
            [
                "<think>",
                "</think>",
                "```",
                "```json\n",
                "{",
                "}",
                '"findings": "',
                "FINDINGS:",
                "Impression",
                ":",
                "\n",
                "Step 1:",
                "Report:",
                "<report>",
                "</report>",
                "I'm sorry, I can't",
                "[[user]]",
                "\\u0000",
                "é",
                "word ",
                "\r\n",
            ]
        )
        | st.text(max_size=5),
        max_size=12,
    ),
    st.sampled_from(["stop", "length", "refusal", "too long"]),
    st.booleans(),
)
def test_no_reply_raises(pieces: list[str], finish: str, traced: bool) -> None:
    answer = read_answer(Reply("".join(pieces), finish=finish), "findings", traced=traced)  # type: ignore[arg-type] # drawn from the literal's values

    assert answer.status in MODEL_STATUSES
    assert answer.status in ("ok", "truncated") or answer.report == Report()
    assert answer.status != "ok" or answer.report.text.strip()
