"""CRIMSON and RadMatch beside the packages: the same requests on the wire, and the same values of the same replies."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmrad_eval.core.journal import Journal
from mmrad_eval.core.values import Answer, Card, ClinicalContext, Example, Report, Study
from mmrad_eval.harness.judging import JudgeAccount, put_questions
from mmrad_eval.harness.pacing import Pace
from mmrad_eval.harness.requester import Requester
from mmrad_eval.metrics import suite
from mmrad_eval.metrics.judged.radmatch_stages import COUNTS
from mmrad_eval.metrics.judged.wheels import PINS, fetch, place
from mmrad_eval.model_registry.openai_chat import ChatClient
from tests.metrics.scripted_judge import Script, ScriptedJudge, crimson_reply, radmatch_reply, scripted

ROOT = Path(__file__).resolve().parents[2]
ORACLE = Path(__file__).with_name("judged_oracle.py")

pytestmark = pytest.mark.judges

Pair = tuple[str, str, dict[str, str]]


@pytest.fixture
def python(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The Python of the environment that holds the packages, whose wheels lie beside it."""
    found = ROOT / ".envs/judges/bin/python"
    if not found.exists():
        pytest.skip("no .envs/judges: run scripts/env-judges")
    monkeypatch.setenv("MMRAD_JUDGES", str(ROOT / ".envs/judges/wheels"))
    return found


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "replies") as made:
        yield made


async def both(  # noqa: PLR0917 (two sides of one comparison)
    python: Path, journal: Journal, package: str, script: Script, pairs: Sequence[Pair], seed: int, fewshot: str = ""
) -> tuple[ScriptedJudge, list[Any], Any, list[Example]]:
    """The judge after both had asked it, the package's values, and our metric under its rules."""
    with scripted(script, seed) as judge:
        asked = {"package": package, "base_url": judge.at("theirs"), "pairs": pairs, "fewshot": fewshot or None}
        options = {f"{package}.fewshot": fewshot} if fewshot else {}
        theirs = await asyncio.to_thread(asked_by_the_package, python, asked)
        examples = [_example(str(n), *pair) for n, pair in enumerate(pairs)]
        client = ChatClient(Card(provider="openai", id="judge"), (judge.at("ours"),), timeout=30.0)
        requester = Requester(client, journal, pace=Pace.fixed(8))
        made = await put_questions(
            suite([f"{package}@upstream"], options=options), examples, {"": JudgeAccount(requester)}
        )
        await requester.close()
    assert not made.missing
    return judge, theirs, made[0], examples


def asked_by_the_package(python: Path, asked: dict[str, Any]) -> list[Any]:
    ended = subprocess.run(
        [python, ORACLE], input=json.dumps(asked), capture_output=True, text=True, check=False, timeout=400
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    found: list[Any] = json.loads(ended.stdout)
    return found


def _example(name: str, reference: str, candidate: str, context: dict[str, str]) -> Example:
    told = ClinicalContext(age=context.get("Age"), indication=context.get("Indication"))
    study = Study(name, reference=Report(reference, reference), context=told)
    return Example(study, Answer(name, "ok", report=Report(candidate, candidate)))


def normal(body: dict[str, Any]) -> str:
    """A request without what differs by chance: the package names faults in the order of a set."""
    *before, last = body["messages"]
    lines = last["content"].split("\n")
    faults = sorted(line for line in lines if line.startswith("- "))
    rest = [line for line in lines if not line.startswith("- ")]
    return json.dumps(body | {"messages": [*before, {**last, "content": "\n".join([*faults, *rest])}]}, sort_keys=True)


async def test_crimson_asks_and_scores_as_the_package_does(python: Path, journal: Journal) -> None:
    contexts: tuple[dict[str, str], ...] = ({}, {"Age": "70"}, {"Age": "70", "Indication": "Cough"})
    pairs = [
        (f"CASE {n}. Small left effusion.", f"No effusion {n}. \u201cClear\u201d.", contexts[n % 3])
        for n in range(1000)
    ]
    judge, theirs, metric, examples = await both(python, journal, "crimson", crimson_reply, pairs, 1)

    assert len(judge.bodies["ours"]) == len(judge.bodies["theirs"]) == 1000
    assert Counter(map(normal, judge.bodies["ours"])) == Counter(map(normal, judge.bodies["theirs"]))
    rows = metric.measure(examples, None)
    ours = [row[0] if row[2] else None for row in rows]
    assert ours == theirs
    unread = theirs.count(None)
    assert 100 < unread < 500
    read = [value for value in theirs if value is not None]
    assert metric.reduce(rows.sum(axis=0)) == pytest.approx([np.mean(read), 1 - unread / 1000])


async def test_radmatch_asks_and_counts_as_the_package_does(python: Path, journal: Journal) -> None:
    pairs: list[Pair] = [(f"CASE {n}. Reference text.", f"CASE {n}. Candidate text.", {}) for n in range(340)]
    pairs += [("CASE 999. Reference text.", "  ", {})]
    judge, theirs, metric, examples = await both(python, journal, "radmatch", radmatch_reply, pairs, 2)

    assert len(judge.bodies["theirs"]) > 1000
    assert Counter(map(normal, judge.bodies["ours"])) == Counter(map(normal, judge.bodies["theirs"]))
    rows = metric.measure(examples, None)
    named = [dict(zip(metric.statistics, row, strict=True)) for row in rows]
    for found, expected in zip(named, theirs, strict=True):
        assert (found["reports"] > 0) == (expected is not None)
        if expected is not None:
            assert {name: found[name] for name in COUNTS} == _counts(expected)
            assert found["degraded"] == expected["fallback"]
    scored = [one for one in theirs if one is not None]
    assert 100 < len(scored) < 330
    per_report = sum(one["actionable_errors_total"] for one in scored) / len(scored)
    columns = dict(zip((c.name for c in metric.columns), metric.reduce(rows.sum(axis=0)), strict=True))
    assert columns["RadMatch errors per report"] == pytest.approx(per_report)
    hits = sum(one["clinical_safety_summary"]["triage_hit_count"] for one in scored)
    of = sum(one["clinical_safety_summary"]["triage_gt_total"] for one in scored)
    assert columns["RadMatch triage recall"] == pytest.approx(hits / of)
    assert columns["RadMatch read"] == pytest.approx(len(scored) / len(pairs))


async def test_radmatch_with_the_wheels_examples_asks_as_the_package_does(python: Path, journal: Journal) -> None:
    pairs: list[Pair] = [(f"CASE {n}. Reference text.", f"CASE {n}. Candidate text.", {}) for n in range(40)]
    judge, theirs, metric, examples = await both(python, journal, "radmatch", radmatch_reply, pairs, 5, "chest-xr")
    assert min(len(body["messages"]) for body in judge.bodies["theirs"]) == 8
    assert Counter(map(normal, judge.bodies["ours"])) == Counter(map(normal, judge.bodies["theirs"]))
    for row, expected in zip(metric.measure(examples, None), theirs, strict=True):
        found = dict(zip(metric.statistics, row, strict=True))
        assert (found["reports"] > 0) == (expected is not None)
        assert expected is None or {name: found[name] for name in COUNTS} == _counts(expected)


def _counts(summary: dict[str, Any]) -> dict[str, float]:
    safety, categories = summary["clinical_safety_summary"], summary["muc_counts"]
    values = [summary["actionable_errors_total"], summary["actionable_findings_total"]]
    for pool in ("triage", "actionable"):
        values += [safety[f"{pool}_{end}"] for end in ("hit_count", "gt_total", "pred_hit_count", "pred_total")]
    values += [categories[name] for name in ("COR", "PAR", "INC", "MIS", "SPU")]
    return dict(zip(COUNTS, values, strict=True))


@pytest.mark.usefixtures("python")
def test_the_wheels_of_the_environment_are_the_pinned_ones() -> None:
    for name in PINS:
        assert fetch(name, place(PINS[name])).is_file()
