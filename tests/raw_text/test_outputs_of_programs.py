"""What programs put around a report, or in its place: error messages, questions, references, Python's spelling."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmrad_eval import score
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.datasets.predictions import read_predictions
from mmrad_eval.datasets.raw_text import ErrorMessageError, read, read_cell, read_reference

REPORT = "The heart is enlarged. No effusion."

ERRORS = [
    "Error: CUDA out of memory. Tried to allocate 2.00 GiB",
    "Traceback (most recent call last):\n  File 'a.py', line 3",
    "HTTP 429 Too Many Requests",
    "Internal Server Error",
    "Failed to obtain answer via API.",
    "openai.RateLimitError: Error code: 429 - {}",
    "Request timed out.",
    "<html><body>502 Bad Gateway</body></html>",
    "requests.exceptions.ReadTimeout: HTTPSConnectionPool(host='x')",
    "[ERROR] no response",
    '{"error": {"message": "overloaded"}}',
    "KeyError('choices')",
    "503 Service Unavailable",
    "Connection refused",
]
REPORTS = [
    REPORT,
    "No response to treatment; the effusion is unchanged.",
    "Technical error in positioning; the heart is normal.",
    "Error in labeling: left marker on the right. The heart is normal.",
    "Exception: none. The lungs are clear.",
    "Not found: effusion, pneumothorax.",
    "Status post CABG. 500 mL of effusion were drained.",
    "Connection tubing overlies the chest.",
    "Forbidden airway maneuvers were not performed.",
    "Unavailable comparison. The heart is normal.",
]


@pytest.mark.parametrize("message", ERRORS)
def test_an_error_message_is_no_report(message: str) -> None:
    with pytest.raises(ErrorMessageError, match="an error message"):
        read_cell(message)


@pytest.mark.parametrize("report", REPORTS)
def test_a_report_is_no_error_message(report: str) -> None:
    assert read_cell(report).report.text == report


def test_a_report_in_a_page_is_no_error_message() -> None:
    page = "<html><body><p><b>Findings:</b> Clear lungs.</p><p><b>Impression:</b> Normal.</p></body></html>"
    assert read_cell(page).report.findings == "Clear lungs."


def test_the_studies_of_error_messages_in_a_file_stay_pending(tmp_path: Path) -> None:
    path = tmp_path / "outputs.jsonl"
    path.write_text('{"id": "a", "report": "Clear lungs."}\n{"id": "b", "report": "Error code: 500 - overloaded"}\n')
    found = read_predictions(path)
    assert list(found.reports) == ["a"]
    assert [(problem.kind, problem.line, problem.study) for problem in found.problems] == [("error message", 2, "b")]


def test_a_file_of_nothing_but_error_messages_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "outputs.jsonl"
    path.write_text('{"id": "a", "report": "Failed to obtain answer via API."}\n')
    with pytest.raises(DataError, match=r"outputs.jsonl contains no model reply: each is an error message"):
        read_predictions(path)


def test_an_error_message_among_candidates_is_refused() -> None:
    with pytest.raises(UsageError, match="this is an error message"):
        score(["Error: CUDA out of memory"], [REPORT], ["bleu@raw"])


@pytest.mark.parametrize(
    "text",
    [
        f"USER: <image>\nWrite the findings. ASSISTANT: {REPORT}",
        f"[INST] Write the findings of this film. [/INST] {REPORT}",
        f"<|im_start|>system\nHelp.<|im_end|>\n<|im_start|>user\nFindings?<|im_end|>\n<|im_start|>assistant\n{REPORT}",
        f"<start_of_turn>user\nFindings?<end_of_turn>\n<start_of_turn>model\n{REPORT}<end_of_turn>",
        f"### Human: Findings?\n### Assistant: {REPORT}",
        f"Prediction: {REPORT}\nReference: Small effusion.",
        f"Generated report:\n{REPORT}\nGround truth: Small effusion.",
        f"{REPORT}\n\nGround truth report: Small effusion.",
        f"{REPORT}\nReference report: Small effusion.",
        f"b'{REPORT}'",
        f"array(['{REPORT}'], dtype=object)",
    ],
)
def test_what_a_file_of_outputs_repeats_is_no_part_of_the_report(text: str) -> None:
    understood = read_cell(text)
    assert (understood.status, understood.report.text) == ("ok", REPORT)


@pytest.mark.parametrize(
    "text",
    [
        "Comparison with the reference examination: no change.",
        "Users of the ventilator: tube in place. The assistant: none.",
        "Model of pacemaker: unknown.\nThe target lesion: stable.",
        "REFERENCE FINDINGS: The lungs are clear.",
        "Reference report: unchanged since 2019. Small effusion.",
    ],
)
def test_words_of_a_report_that_look_like_these_stay(text: str) -> None:
    assert read(text, "findings").report.text == text


def test_a_reference_keeps_its_words() -> None:
    text = "Effusion.\nReference report: unchanged since 2019."
    assert read_reference(text).text == text


@pytest.mark.parametrize(
    "text",
    [
        "I polmoni sono chiari. Non versamento pleurico.",
        "Non si osservano addensamenti. I seni costofrenici sono liberi.",
        "I campi polmonari sono espansi.",
        "Pľúca bez ložiskových zmien. Srdce nie je zväčšené.",
    ],
)
def test_reports_in_other_languages_are_not_refused(text: str) -> None:
    assert read(text, "findings").status == "ok"


@pytest.mark.parametrize(
    "text", ['{"Cardiomegaly": 1, "Edema": 0}', "{'labels': {'Edema': None}, 'scores': [0.1, 0.9]}"]
)
def test_an_object_of_numbers_is_no_report(text: str) -> None:
    understood = read(text, "findings")
    assert (understood.status, understood.report.text) == ("unparsed", "")
    assert "an object without words" in understood.why


@pytest.mark.parametrize("text", ["|   |   |\n|:--|:--|\n", "| |\n|-|\n| |\n|-|"])
def test_a_table_of_rules_alone_is_no_report(text: str) -> None:
    assert read(text, "findings").status == "unparsed"
