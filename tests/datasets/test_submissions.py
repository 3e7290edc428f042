"""Reports in the forms of public boards, checked against their published descriptions."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from mmrad_eval.core.values import Answer, Report, Study, Trace
from mmrad_eval.datasets import raw_text, submissions
from mmrad_eval.datasets.predictions import read_predictions

STUDIES = (
    Study("s1", reference=Report("x", "Clear.", "Normal.")),
    Study("s2", reference=Report("y")),
    Study("s3"),
    Study("s4"),
)
ANSWERS = (
    Answer("s1", "ok", report=Report("Findings: A, b.\nImpression: C.", "A, b.", "C."), trace=Trace(text="I look.")),
    Answer("s2", "truncated", report=Report('Only "words"\nin lines.')),
    Answer("s3", "empty"),
    Answer("s4", "failed"),
)
PAIRS = tuple(zip(STUDIES, ANSWERS, strict=True))


@pytest.mark.parametrize("form", submissions.FORMS)
def test_each_form_is_read_again_as_predictions(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"out.{'json' if form == 'rexrank' else form}"
    submissions.write(PAIRS, form, path, "open")
    read = read_predictions(path).reports
    assert list(read) == ["s1", "s2", "s3"]
    assert (read["s1"].findings, read["s1"].impression) == ("A, b.", "C.")
    assert read["s2"].text == 'Only "words"\nin lines.'
    assert read["s3"] == Report()


HOSTILE_TEXTS = (
    "- No effusion.\n- Clear lungs.",
    "-",
    '=HYPERLINK("http://x";A1)',
    "+1 lesion",
    "@home",
    "'- a bullet in quotes'",
    "'tis clear",
    "''=x",
    "-0.5",
    'He said "normal",\r\nthen left.\rEnd',
    "word, " * 40_000,
    "\u2028 \x85 \x0b line ends of other kinds",
    "\uff1d1",
)


@pytest.mark.parametrize("form", submissions.FORMS)
def test_reports_that_a_spreadsheet_would_run_are_read_back_as_a_reply_with_the_same_words(
    tmp_path: Path, form: str
) -> None:
    path = tmp_path / f"out.{'json' if form == 'rexrank' else form}"
    names = [f"{'=-+@'[number % 4]}s{number}" for number in range(len(HOSTILE_TEXTS))]
    studies = [Study(name) for name in names]
    answers = [Answer(name, "ok", report=Report(text)) for name, text in zip(names, HOSTILE_TEXTS, strict=True)]

    submissions.write(list(zip(studies, answers, strict=True)), form, path, "open")

    assert submissions.faults(path, form, names) == []
    found = read_predictions(path).reports
    assert {name: report.text for name, report in found.items()} == {
        name: raw_text.read_cell(text).report.text for name, text in zip(names, HOSTILE_TEXTS, strict=True)
    }


def test_no_cell_of_the_csv_begins_a_formula(tmp_path: Path) -> None:
    answers = [(Study(f"={n}"), Answer(f"={n}", "ok", report=Report(text))) for n, text in enumerate(HOSTILE_TEXTS)]
    submissions.write(answers, "csv", tmp_path / "out.csv", "open")
    csv.field_size_limit(1 << 20)
    rows = list(csv.reader(io.StringIO((tmp_path / "out.csv").read_bytes().decode(), newline="")))

    starts = [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\uff1d"))]
    assert starts == ["-0.5"]


def test_the_board_form_has_the_keys_that_its_script_reads(tmp_path: Path) -> None:
    submissions.write(PAIRS, "rexrank", tmp_path / "out.json", "open")
    written = json.loads((tmp_path / "out.json").read_text())
    first = written["s1"]
    assert first["model_prediction"] == "Findings: A, b. Impression: C."
    assert (first["section_findings"], first["section_impression"]) == ("Clear.", "Normal.")
    assert written["s2"]["section_findings"] is None


@pytest.mark.parametrize("form", submissions.FORMS)
def test_what_a_board_would_refuse_is_said(tmp_path: Path, form: str) -> None:
    path = tmp_path / "out"
    submissions.write(PAIRS, form, path, "open")
    assert submissions.faults(path, form, ["s1", "s2", "s3", "s4"]) == [
        "1 studies that the board asks for are not in it, the first s4",
        "1 reports are empty, the first s3",
    ]
    assert submissions.faults(path, form, ["s1"])[0] == "2 of its ids are not studies of the board, the first s2"


@pytest.mark.parametrize(
    ("form", "text", "said"),
    [
        ("rexrank", '{"s1": {"model_prediction": "x"}}', "study s1 has no section_findings, section_impression"),
        ("rexrank", "[]", "contains a list, not an object of studies"),
        ("csv", "id,report\ns1,x\n", "its header is not study_id,report"),
        ("csv", "study_id,report\ns1,x\ns1,y\n", "an id occurs twice"),
        ("jsonl", '{"id": "s1"', "is cut short"),
    ],
)
def test_a_file_of_another_form_is_told_apart(tmp_path: Path, form: str, text: str, said: str) -> None:
    path = tmp_path / "out"
    path.write_text(text)
    assert said in submissions.faults(path, form, ["s1"])[0]


def test_a_run_is_exported_from_the_command_line_and_scored_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    command = str(Path(sys.executable).with_name("mmrad-eval"))

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([command, *words], cwd=tmp_path, capture_output=True, text=True, check=False)

    ran = call("--model", "baseline:reference", "--task", "direct", "--limit", "4", "--metrics", "bleu@rexrank")
    assert ran.returncode == 0, ran.stderr
    (run,) = {path.parent for path in (tmp_path / "results" / "runs").rglob("run.json")}
    done = call("export", run.name, "--format", "rexrank", "--out", "mine.json")
    assert done.returncode == 0, done.stderr
    assert "mine.json: 4 studies of demo, rexrank" in done.stdout
    scored = call(
        "score", "--predictions", "mine.json", "--references", "demo", "--limit", "4", "--metrics", "bleu@rexrank"
    )
    assert scored.returncode == 0, scored.stderr
    assert "1.000" in scored.stdout
    assert call("export", "nothing").returncode == 2


@pytest.mark.parametrize("form", submissions.FORMS)
def test_a_report_with_a_zero_byte_is_read_back(form: str, tmp_path: Path) -> None:
    path = tmp_path / f"x.{'json' if form == 'rexrank' else form}"
    text = "The lungs\0 are clear."
    pair = (Study("a", reference=Report("Clear.")), Answer("a", "ok", report=Report(text, findings=text)))
    submissions.write([pair], form, path, "open")
    (report,) = read_predictions(path).reports.values()
    assert "are clear." in report.text
