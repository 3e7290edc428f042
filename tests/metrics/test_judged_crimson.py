"""CRIMSON on a stand-in wheel of the same layout: what is asked, what is unread, and what becomes of it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval.core.errors import DataError, PluginError
from mmrad_eval.core.replies import Finish
from mmrad_eval.core.values import Answer, Card, ClinicalContext, Example, Message, Reply, Report, Study
from mmrad_eval.metrics import suite
from mmrad_eval.metrics.judge_metrics import judging
from mmrad_eval.metrics.judged import wheels
from mmrad_eval.metrics.judged.crimson import FORMAT, strict_read
from mmrad_eval.results.leaderboard.rows import mean_cell
from mmrad_eval.results.run.summary import ColumnSummary

MODULES = {
    "CRIMSON/__init__.py": "raise RuntimeError('never run')\n",
    "CRIMSON/prompt_parts.py": """
def build_prompt(reference, candidate, patient_context=None, include_significance_examples=True,
                 include_attribute_guidelines=True, include_context_guidelines=True):
    flags = (include_significance_examples, include_attribute_guidelines, include_context_guidelines)
    return f"WEIGH {reference} AGAINST {candidate} {dict(patient_context or {})} {flags}"
""",
    "CRIMSON/utils.py": "import json\nimport os\n\nparse_json_response = json.loads\n",
    "CRIMSON/generate_score.py": """
import json, csv, os, sys, re
from CRIMSON.utils import parse_json_response
from CRIMSON.prompt_parts import build_prompt


class CRIMSONScore:
    DEFAULT_HF_MODEL = "owner/tuned"

    def ask(self, prompt):
        import torch
        return [{"role": "system", "content": "You weigh."}, {"role": "user", "content": prompt}]

    def _calculate_crimson(self, judged):
        return {"crimson_score": round(judged["value"], 4)}
""",
}


@pytest.fixture
def crimson(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in wheel in its place."""
    pin = wheels.PINS["crimson"]
    path = tmp_path / "judges" / pin.file
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as made:
        for name, text in MODULES.items():
            made.writestr(name, text)
    monkeypatch.setenv("MMRAD_JUDGES", str(path.parent))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setitem(wheels.PINS, "crimson", replace(pin, sha256=digest))
    return path


PERFECT: dict[str, Any] = {
    "reference_findings": [{"id": "R1", "finding": "effusion", "clinical_significance": "urgent"}],
    "predicted_findings": [{"id": "P1", "finding": "effusion", "clinical_significance": "urgent"}],
    "matched_findings": [{"ref_id": "R1", "pred_id": "P1"}],
    "errors": {"false_findings": [], "missing_findings": [], "attribute_errors": []},
}


def example(name: str, reference: str = "Effusion.", candidate: str = "No effusion.", **told: str) -> Example:
    study = Study(name, reference=Report(reference, reference), context=ClinicalContext(**told))
    return Example(study, Answer(name, "ok", report=Report(candidate, candidate)))


def reply(text: str, finish: Finish = "stop", status: int | None = None) -> Reply:
    return Reply(text, finish=finish, status=status)


async def verdicts(profile: str, replies: Sequence[Reply], **options: str) -> tuple[Any, list[str], Any]:
    """The judged metric, the states of its verdicts, and its columns."""
    [metric] = suite([f"crimson@{profile}"], options=options)
    asked = judging(metric, {"": Card(provider="openai", id="judge")})
    said = {}
    examples = [example(str(n)) for n in range(len(replies))]
    for one, given in zip(examples, replies, strict=True):

        async def ask(messages: Sequence[Message], given: Reply = given, **more: Any) -> Reply:  # noqa: ARG001 (it asks nobody)
            assert more["extra"] == FORMAT
            return given

        said[one.study.id] = await asked.judge(one, ask)
    judged = asked.judged(said)
    columns = judged.reduce(judged.measure(examples, None).sum(axis=0))
    return judged, [one.state for one in said.values()], columns


@pytest.mark.usefixtures("crimson")
async def test_an_unread_reply_is_left_out_by_one_profile_and_worst_by_the_other() -> None:
    good = json.dumps(PERFECT | {"value": 1.0})
    replies = [reply(good), reply("no JSON"), reply(good, "refusal"), reply("{}")]
    _, states, columns = await verdicts("upstream", replies)
    assert states == ["read", "unread", "unread", "unread"]
    assert columns == pytest.approx([1.0, 0.25])
    _, states, columns = await verdicts("strict", replies)
    assert states == ["read", "unread", "unread", "unread"]
    assert columns == pytest.approx([(1.0 - 3.0) / 4, 0.25])


@pytest.mark.parametrize(("signature", "noted"), [("x|unread:left-out|v1", True), ("x|unread:worst|v1", False)])
def test_a_value_over_fewer_studies_says_so(signature: str, *, noted: bool) -> None:
    summary = ColumnSummary(
        0.5, 0.4, 0.6, n=8, defined=6, name="CRIMSON", profile="upstream", metric="crimson", signature=signature
    )
    cell = mean_cell([summary], signature)
    assert cell is not None
    assert cell.note.startswith("over 6 of 8 studies") == noted


@pytest.mark.usefixtures("crimson")
@pytest.mark.parametrize("profile", ["upstream", "strict"])
async def test_a_column_with_nothing_read_is_no_number(profile: str) -> None:
    _, _, columns = await verdicts(profile, [reply("x"), reply("", "too long", 400)])
    assert columns == pytest.approx([float("nan"), 0.0], nan_ok=True)


@pytest.mark.usefixtures("crimson")
async def test_a_reply_that_was_cut_is_unread_however_it_reads() -> None:
    _, states, _ = await verdicts("strict", [reply(json.dumps(PERFECT), "length")])
    assert states == ["unread"]


Change = Callable[[dict[str, Any]], object]
BREAKS: dict[str, Change] = {
    "a finding that nothing became of": lambda j: j["predicted_findings"].append(
        {"id": "P2", "clinical_significance": "urgent"}
    ),
    "a false finding by its words": lambda j: j["errors"]["false_findings"].append("an effusion"),
    "matched and missing": lambda j: j["errors"]["missing_findings"].append("R1"),
    "a match of an unknown finding": lambda j: j["matched_findings"].append({"ref_id": "R9", "pred_id": "P1"}),
    "an id twice": lambda j: j["reference_findings"].append({"id": "R1", "clinical_significance": "urgent"}),
    "a weight that is none": lambda j: j["reference_findings"][0].update(clinical_significance="severe"),
    "no weight": lambda j: j["reference_findings"][0].pop("clinical_significance"),
    "no list of errors": lambda j: j.pop("errors"),
    "errors that are null": lambda j: j.update(errors=None),
    "an attribute of no match": lambda j: j["errors"]["attribute_errors"].append(
        {"ref_id": "R1", "pred_id": "P9", "severity": "significant"}
    ),
    "a severity that is none": lambda j: j["errors"]["attribute_errors"].append(
        {"ref_id": "R1", "pred_id": "P1", "severity": "bad"}
    ),
    "an id that is a list": lambda j: j["reference_findings"][0].update(id=["R1"]),
}


@pytest.mark.parametrize("change", BREAKS.values(), ids=BREAKS)
def test_what_does_not_fit_together_is_unread_under_the_strict_rules(change: Change) -> None:
    assert strict_read(json.dumps(PERFECT))[0] == 1.0
    broken = json.loads(json.dumps(PERFECT))
    change(broken)
    assert strict_read(json.dumps(broken))[0] is None


@pytest.mark.parametrize(
    "text",
    [
        *("", "{}", "[]", "null", '"text"', "NaN", '{"errors": NaN}', "[" * 5000),
        f"{json.dumps(PERFECT)} and {json.dumps(PERFECT)}",
        f"It is {json.dumps(PERFECT)}",
        json.dumps(PERFECT)[:-1],
    ],
)
def test_what_is_not_one_object_is_unread_under_the_strict_rules(text: str) -> None:
    assert strict_read(text)[0] is None


def test_a_fence_is_no_fault() -> None:
    assert strict_read(f"```json\n{json.dumps(PERFECT)}\n```")[0] == 1.0


@pytest.mark.usefixtures("crimson")
def test_the_prompt_is_the_wheel_s_with_age_and_indication_and_without_ids() -> None:
    [metric] = suite(["crimson@strict"])
    made: Any = metric
    system, user = made.question(example("study-77", age="70", indication=" Cough "))
    assert (system.role, system.parts[0].text) == ("system", "You weigh.")
    assert user.parts[0].text == (
        "WEIGH Effusion. AGAINST No effusion. {'Age': '70', 'Indication': 'Cough'} (True, True, True)"
    )
    [plain] = suite(["crimson@strict"], options={"crimson.context": "none"})
    bare: Any = plain
    assert "{}" in bare.question(example("a", age="70"))[1].parts[0].text


@pytest.mark.usefixtures("crimson")
@pytest.mark.parametrize(
    ("prompt", "judge", "short"),
    [
        ("by-judge", "judge", False),
        ("by-judge", "owner/tuned", True),
        ("by-judge", "/models/tuned", False),
        ("short", "/models/tuned", True),
        ("long", "owner/tuned", False),
    ],
)
def test_the_judge_that_was_trained_on_the_short_prompt_gets_it(prompt: str, judge: str, *, short: bool) -> None:
    [metric] = suite(["crimson@upstream"], options={"crimson.prompt": prompt})
    asked: Any = judging(metric, {"": Card(provider="vllm", id=judge)})
    text = asked.question(example("a"))[1].parts[0].text
    assert text.endswith("(False, False, False)" if short else "(True, True, True)")
    assert f"|prompt:{'short' if short else 'long'}:" in asked.judged({}).signature(None)


def test_without_its_wheel_the_metric_says_what_brings_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMRAD_JUDGES", str(tmp_path))
    for name in ("crimson", "radmatch"):
        found = suite([name])
        assert list(found) == []
        assert {one.remedy for one in found.missing} == {f"mmrad-eval judges fetch {name}"}


def test_another_file_in_the_place_of_the_wheel_is_refused(crimson: Path) -> None:
    crimson.write_bytes(crimson.read_bytes() + b"\0")
    with pytest.raises(DataError, match="this is not crimson_score"):
        suite(["crimson@strict"])


def test_a_wheel_is_brought_from_a_file_and_listed(
    crimson: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = crimson.rename(tmp_path / "given.whl")
    monkeypatch.setenv("MMRAD_JUDGES", str(tmp_path / "elsewhere"))
    assert wheels.fetch("crimson", given) == tmp_path / "elsewhere" / wheels.PINS["crimson"].file
    assert wheels.wheel("crimson").pin.version == "0.2.2"
    with pytest.raises(DataError, match="this is not radmatch"):
        wheels.fetch("radmatch", given)


def test_the_command_fetches_what_pip_can_not_reach_with_a_way_out(tmp_path: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin", "MMRAD_JUDGES": str(tmp_path), "PIP_NO_INDEX": "1", "HOME": str(tmp_path)}
    command = [str(Path(sys.executable).with_name("mmrad-eval")), "judges"]
    ended = subprocess.run(
        [*command, "fetch", "radmatch"], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert ended.returncode == 1
    assert "mmrad-eval judges fetch radmatch --wheel FILE" in ended.stderr
    assert "Traceback" not in ended.stderr
    listed = subprocess.run(
        [*command, "list"], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert "radmatch 0.2.2" in listed.stdout
    assert "missing: " in listed.stdout


def test_code_of_a_wheel_reaches_nothing_but_what_it_is_given(crimson: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = MODULES | {"CRIMSON/utils.py": "import socket\nparse_json_response = None\n"}
    with zipfile.ZipFile(crimson, "w") as made:
        for name, text in bad.items():
            made.writestr(name, text)
    digest = hashlib.sha256(crimson.read_bytes()).hexdigest()
    monkeypatch.setitem(wheels.PINS, "crimson", replace(wheels.PINS["crimson"], sha256=digest))
    with pytest.raises(PluginError, match="imports socket, which is not available here"):
        suite(["crimson@strict"])


@pytest.mark.usefixtures("crimson")
def test_a_limit_of_tokens_is_signed_where_one_is_stated() -> None:
    [plain] = suite(["crimson@strict"])
    [short] = suite(["crimson@strict"], options={"crimson.max_tokens": "2048"})
    assert (plain.decoding.max_tokens, short.decoding.max_tokens) == (None, 2048)  # type: ignore[attr-defined]  # it asks
    assert "|decoding:temperature=0,seed=42|" in plain.signature(None)
    assert "|decoding:temperature=0,seed=42,max_tokens=2048|" in short.signature(None)
