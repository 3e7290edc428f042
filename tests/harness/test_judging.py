"""A metric that asks a judge: through the journal, the gate and the budget, and never half."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

COMMAND = str(Path(sys.executable).with_name("mmrad-eval"))

PLUGIN = '''
import re

import numpy as np

from mmrad_eval import Column, Decoding, Message, Text


class Verdict:
    """How long what the judge wrote is, and whether it wrote anything."""

    name = "verdict@test"
    columns = (Column("Verdict", "test"), Column("Verdict read", "test"))
    statistics = ("words", "read", "studies")
    requires = ()
    decoding = Decoding(max_tokens=77)

    def __init__(self, said=None):
        self.said = said

    def question(self, example):
        if not example.candidate:
            return ()
        text = f"JUDGE {example.study.id}. Reference: {example.reference} Candidate: {example.candidate}"
        return (Message("system", (Text("You judge reports."),)), Message("user", (Text(text),)))

    def judged(self, said):
        return Verdict(said)

    def fit(self, corpus):
        return None

    def signature(self, context):
        return "verdict|unread:0|v1"

    def measure(self, examples, context):
        texts = [self.said.get(one.study.id, "") for one in examples]
        return np.array([[len(text.split()), float(bool(text)), 1.0] for text in texts]).reshape(-1, 3)

    def reduce(self, sums):
        return sums[..., :2] / sums[..., 2:]
'''


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """An installed package with a metric that asks a judge."""
    place = tmp_path / "site"
    (place / "verdict-1.0.dist-info").mkdir(parents=True)
    (place / "verdict-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: verdict\nVersion: 1.0\n")
    (place / "verdict-1.0.dist-info/entry_points.txt").write_text(
        "[mmrad_eval.metrics]\nverdict@test = verdict_metrics:Verdict\n"
    )
    (place / "verdict_metrics.py").write_text(PLUGIN)
    return place


def server(*arguments: str) -> Iterator[str]:
    command = [sys.executable, "-m", "mmrad_eval.model_registry.mock_server", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


@pytest.fixture
def judge() -> Iterator[str]:
    yield from server("--fault", "JUDGE demo-03=empty")


@pytest.fixture
def failing() -> Iterator[str]:
    yield from server("--fault", "JUDGE=401")


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(plugin: Path, tmp_path: Path) -> Run:
    def start(*more: str, model: str = "baseline:normal", **environment: str) -> subprocess.CompletedProcess[str]:
        words = [COMMAND, "run", "--model", model, "--task", "direct", "--limit", "6", "--out", str(tmp_path / "out")]
        words += ["--metrics", "verdict@test,bleu@r2gen-iu", *more]
        env = os.environ | {"PYTHONPATH": str(plugin)} | environment
        return subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=120)

    return start


def summary(folder: Path) -> dict[str, Any]:
    [path] = folder.glob("out/runs/*/*/*/*/summary.json")
    read: dict[str, Any] = json.loads(path.read_text())
    return read


def journal(folder: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line) for p in folder.glob("out/replies/*/openai*/*.jsonl") for line in p.read_text().splitlines()
    ]


def test_its_questions_are_asked_once_stored_and_named_in_the_signature(run: Run, judge: str, tmp_path: Path) -> None:
    ended = run("--judge", "openai:rehearsal", "--judge-url", judge)
    assert ended.returncode == 0, ended.stderr
    assert "asking openai:rehearsal to judge" in ended.stderr
    columns = summary(tmp_path)["columns"]
    assert columns["Verdict read @ test"]["value"] == pytest.approx(5 / 6)  # of one study the judge wrote nothing
    assert columns["Verdict @ test"]["value"] > 10
    assert columns["Verdict @ test"]["signature"].startswith("verdict|unread:0|judge:openai:rehearsal/")
    assert columns["Verdict @ test"]["signature"].endswith("|v1")
    stored = journal(tmp_path)
    assert len(stored) == 6
    assert {line["request"]["decoding"]["max_tokens"] for line in stored} == {77}

    again = run("--judge", "openai:rehearsal", "--judge-url", judge)
    assert "judged: 0 sent, 6 cached" in again.stderr
    assert len(journal(tmp_path)) == 6
    assert summary(tmp_path)["columns"] == columns


def test_without_a_judge_it_is_missing_and_says_so(run: Run, tmp_path: Path) -> None:
    ended = run()
    assert ended.returncode == 0
    assert "not scored: verdict@test; to fix it: name one with `mmrad-eval run --judge MODEL`" in ended.stderr
    assert list(summary(tmp_path)["columns"]) == [f"BLEU-{n} @ r2gen-iu" for n in (1, 2, 3, 4)]


def test_a_judge_that_fails_leaves_the_metric_out_and_not_half_of_it(run: Run, failing: str, tmp_path: Path) -> None:
    ended = run(
        "--judge", "openai:rehearsal", "--judge-url", failing, "--judge-key-env", "PLANTED", PLANTED="sk-planted"
    )
    assert ended.returncode == 0
    assert "not scored: verdict@test; to fix it: run the same command again to send the rest" in ended.stderr
    found = summary(tmp_path)
    assert "Verdict @ test" not in found["columns"]
    assert "6 of its questions to openai:rehearsal have no answer" in found["missing"]["verdict@test"]["what"]
    written = [path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert not any(b"sk-planted" in content for content in (*written, ended.stderr.encode(), ended.stdout.encode()))
    assert journal(tmp_path) == []


@pytest.mark.parametrize("fault", ["400", "413", "policy", "long"])
def test_a_judge_whose_endpoint_rejects_a_question_has_judged_nothing(run: Run, tmp_path: Path, fault: str) -> None:
    for url in server("--fault", f"JUDGE demo-03={fault}"):
        run("--judge", "openai:judge", "--judge-url", url)

        found = summary(tmp_path)
        assert "verdict@test" in found["missing"]
        assert not any(column.startswith("Verdict") for column in found["columns"])
        assert any(column.startswith("BLEU") for column in found["columns"])


def test_a_judge_passes_the_gate_before_anything_is_asked(run: Run, judge: str, tmp_path: Path) -> None:
    records = tmp_path / "mine.jsonl"
    records.write_text(json.dumps({"study_id": "s50000001", "patient_id": "p10000001", "findings": "Clear."}) + "\n")
    local = ("--data", str(records))
    refused = run(*local, "--judge", "openai:rehearsal", "--judge-url", "http://192.0.2.7/v1")  # TEST-NET-1, RFC 5737
    assert refused.returncode == 4
    assert "may not leave this machine, and openai:rehearsal is at 192.0.2.7" in refused.stderr
    assert not (tmp_path / "out/runs").exists()

    near = run(*local, "--judge", "openai:rehearsal", "--judge-url", judge)
    assert near.returncode == 0, near.stderr
    assert len(journal(tmp_path)) == 1


def test_an_attestation_that_a_judge_needs_is_stored(run: Run, tmp_path: Path) -> None:
    records = tmp_path / "mine.jsonl"
    records.write_text(json.dumps({"study_id": "s50000001", "patient_id": "p10000001", "findings": "Clear."}) + "\n")
    who = ("--attest-provider", "Azure", "--attest-retention", "zero", "--attest-who", "A. Researcher")
    url = "http://localhost.invalid:9/v1"
    ended = run("--data", str(records), "--judge", "openai:m", "--judge-url", url, *who, "--patience", "0")
    assert ended.returncode == 0, ended.stderr
    [path] = tmp_path.glob("out/runs/*/*/*/*/run.json")
    assert json.loads(path.read_text())["attestation"]["provider"] == "Azure"


def test_a_judge_lives_within_the_run_s_budget(run: Run, judge: str, tmp_path: Path) -> None:
    more = (
        "--no-look-check",
        "--base-url",
        judge,
        "--judge",
        "openai:rehearsal",
        "--judge-url",
        judge,
        "--concurrency",
        "1",
    )
    ended = run(*more, "--max-requests", "9", model="openai:model")
    assert ended.returncode == 0, ended.stderr
    assert len(journal(tmp_path)) == 9
    assert "3 of its questions" in summary(tmp_path)["missing"]["verdict@test"]["what"]
    rest = run(*more, model="openai:model")
    assert "judged: 3 sent, 3 cached" in rest.stderr
    assert "Verdict @ test" in summary(tmp_path)["columns"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--judge", "baseline:normal"), "it answers studies, not questions"),
        (("--judge-url", "http://127.0.0.1:9"), "name it with --judge"),
    ],
)
def test_a_judge_that_makes_no_sense_is_refused(run: Run, words: tuple[str, ...], said: str) -> None:
    ended = run(*words)
    assert ended.returncode == 2
    assert said in ended.stderr


def test_a_judge_nobody_asks_is_refused(tmp_path: Path) -> None:
    words = [
        COMMAND,
        "--model",
        "baseline:normal",
        "--task",
        "direct",
        "--metrics",
        "bleu@r2gen-iu",
        "--judge",
        "vllm:m",
    ]
    ended = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 2
    assert "none of these metrics asks a judge" in ended.stderr
