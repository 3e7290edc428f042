"""What a judge's numbers are worth: probes that sway it or not, spread, a second judge, whose family it is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval.core.values import Card
from mmrad_eval.harness.judge_check import listed, maker, repeated, shuffled

COMMAND = str(Path(sys.executable).with_name("mmrad-eval"))

PLUGIN = '''
import numpy as np

from mmrad_eval import Column, Decoding, Message, Text, Verdict


class Lengthy:
    """A judgement that grows with the length of the candidate, by the judge's own measure in its name."""

    name = "lengthy@test"
    columns = (Column("Lengthy", "test"), Column("Lengthy read", "test"))
    statistics = ("words", "read", "studies")
    decoding = Decoding(max_tokens=50)

    def __init__(self, said=None, sign=1):
        self.said, self.sign = said, sign

    def for_judges(self, cards):
        return Lengthy(self.said, -1 if any(card.id == "contrary" for card in cards.values()) else 1)

    def most(self, example):
        return 1

    async def judge(self, example, ask):
        await ask((Message("user", (Text(f"JUDGE {example.reference} {example.candidate}"),)),))
        return Verdict(self.sign * len(example.candidate.replace(".", " ").split()))

    def judged(self, said):
        return Lengthy(said, self.sign)

    def signature(self, context):
        return "lengthy|v1"

    def measure(self, examples, context):
        return np.array([[self.said[one.study.id].value, 1.0, 1.0] for one in examples]).reshape(-1, 3)

    def reduce(self, sums):
        return sums[..., :2] / sums[..., 2:]
'''


Check = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Three runs of the demo, and the command that checks a judge of them."""
    (tmp_path / "lengthy.py").write_text(PLUGIN)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([COMMAND, *words], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)

    for model in ("baseline:reference", "baseline:normal", "baseline:evidence"):
        made = run("run", "--model", model, "--task", "direct", "--limit", "6", "--metrics", "bleu@raw", "--no-table")
        assert made.returncode == 0, made.stderr
    runs = sorted((str(path) for path in tmp_path.glob("results/runs/*/*/*/*")), reverse=True)
    return lambda *more: run("judges", "check", *runs, "--metrics", "lengthy.py:Lengthy", *more, "--format", "json")


def tables(text: str) -> dict[str, list[dict[str, Any]]]:
    found = json.loads(text)
    return {
        table["name"]: [{key: cell.get("value") for key, cell in row["cells"].items()} for row in table["rows"]]
        for table in found
    }


def test_the_page_tells_spread_agreement_and_what_sways(check: Check, judge: str) -> None:
    both = ("--judge", "openai:one", "--judge-url", judge, "--second", "openai:contrary", "--second-url", judge)
    ended = check(*both, "--judge-samples", "2")
    assert ended.returncode == 0, ended.stderr
    page = tables(ended.stdout)
    assert len(page["judges"]) == 6
    assert {row["spread"] for row in page["judges"] if row["judge"] == "openai:one"} == {0.0}
    [agreement] = page["agreement"]
    assert agreement["runs"] == 3
    assert agreement["tau of runs"] == pytest.approx(-1.0)
    assert agreement["tau of studies"] == pytest.approx(-1.0)
    change = {row["probe"].split(":")[0]: row["change"] for row in page["probes"] if row["judge"] == "openai:one"}
    assert change["order"] == 0.0
    assert change["length"] > 5
    assert change["style"] > 0  # the numbers of a list are words to this one
    again = check(*both, "--judge-samples", "2")
    assert " sent, 0 cached" not in again.stderr.replace("judged: 0 sent", "")


def test_a_second_judge_passes_the_gate_before_the_first_is_asked(judge: str, tmp_path: Path) -> None:
    (tmp_path / "lengthy.py").write_text(PLUGIN)
    records = tmp_path / "studies.jsonl"
    records.write_text(json.dumps({"study_id": "s50000001", "patient_id": "p10000001", "findings": "Clear."}) + "\n")
    made = ("run", "--model", "baseline:normal", "--task", "direct", "--data", str(records), "--metrics", "bleu@raw")
    subprocess.run([COMMAND, *made], cwd=tmp_path, capture_output=True, check=True, timeout=60)
    [run] = [path for path in tmp_path.glob("results/runs/*/*/*/*") if "studies" in str(path)]
    far = ("--second", "openai:far", "--second-url", "http://192.0.2.7/v1")  # TEST-NET-1
    words = ("judges", "check", str(run), "--metrics", "lengthy.py:Lengthy", "--judge", "openai:one")
    ended = subprocess.run(
        [COMMAND, *words, "--judge-url", judge, *far], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 4
    assert "openai:far is at 192.0.2.7" in ended.stderr
    assert not list(tmp_path.glob("results/replies/*/openai*"))


def test_metaeval_lets_a_judge_read_the_texts_of_rated_items(judge: str, tmp_path: Path) -> None:
    (tmp_path / "lengthy.py").write_text(PLUGIN)
    rows = ["case,candidate,reference,report,errors"]
    rows += [
        f"{case},{who},Clear {case}.,{'Large heart. ' * n},{9 - n}"
        for case in "abcd"
        for n, who in ((1, "x"), (3, "y"))
    ]
    (tmp_path / "rated.csv").write_text("\n".join(rows) + "\n")
    words = (
        "metaeval",
        "rated.csv",
        "--rating",
        "errors=lower",
        "--metrics",
        "lengthy.py:Lengthy",
        "--resamples",
        "20",
    )
    ended = subprocess.run(
        [COMMAND, *words, "--judge", "openai:one", "--judge-url", judge],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    assert "judged: 8 sent, 0 cached, 0 failed" in ended.stderr  # two candidates of one case are two examples
    assert "Lengthy" in ended.stdout
    assert "1.000" in ended.stdout


@pytest.mark.parametrize(
    ("model", "made"),
    [
        ("google/medgemma-27b-it", "Google"),
        ("gemini-9-pro", "Google"),
        ("Qwen/Qwen3-32B", "Qwen"),
        ("gpt-5.2", "OpenAI"),
        ("owner/llava-rad", "llava"),
        ("7b-model", ""),
    ],
)
def test_who_made_a_model_is_told_by_its_id(model: str, made: str) -> None:
    assert maker(Card(provider="vllm", id=model)) == made


def test_probes_keep_every_sentence() -> None:
    text = "The heart is large. No effusion. Lungs are clear."
    assert shuffled(text) == "Lungs are clear. No effusion. The heart is large."
    assert repeated("A. B.") == "A. A. B. B."
    assert listed(text).splitlines()[1] == "2. No effusion."
    assert (shuffled(""), repeated(""), listed("")) == ("", "", "")
