"""Judges that refuse, ramble, are cut off or repeat themselves, under every metric whose words need no wheel.

The judge would call every report perfect. Strictly, nothing that it says otherwise than asked is worth anything.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmrad_eval.core.contracts import Corpus
from mmrad_eval.core.values import Answer, Example, Report, Step, Study, Trace
from mmrad_eval.harness.judging import JudgeAccount, put_questions
from mmrad_eval.harness.requester import Requester
from mmrad_eval.metrics import suite
from mmrad_eval.metrics.judged.radfact_prompts import yaml_module
from tests.harness.loopback_judge import Body, loopback_judge
from tests.metrics.judge_checkouts import write_green, write_radrscore
from tests.metrics.radfact_checkout import write_checkout, write_wheel

yaml = yaml_module()
RequesterOf = Callable[..., Requester]
GREEN = "[Explanation]:\nFine.\n\n[Clinically Significant Errors]:\n(a) x: 0.\n\n[Matched Findings]:\n3. a; b; c"
REASONING = {
    "F": {"key_conclusion": ["a", "b"]},
    "R": {"recalled_count": 2},
    "P": {"correct_count": 2},
    "E": {"effective_count": 2, "ineffective_count": 0},
}
BEHAVIORS: dict[str, tuple[Callable[[str], str], str]] = {
    "refuses": (lambda _: "I'm sorry, but I can't help with that.", "stop"),
    "refused by a filter": (lambda said: said, "content_filter"),
    "rambles": (lambda said: "Well, let me think. " * 200 + said[:20], "stop"),
    "is cut off": (lambda said: said[: len(said) // 2], "length"),
    "loops": (lambda said: said[:20] * 50, "length"),
    "says nothing": (lambda _: "", "stop"),
    "says {}": (lambda _: "{}", "stop"),
}


def perfect(body: Body) -> str:
    """What the judge means to say."""
    if "prompt" in body:
        return GREEN
    asked: str = body["messages"][-1]["content"]
    if asked.startswith("reference:"):
        pair = yaml.safe_load(asked)
        said = {"phrase": pair["hypothesis"], "evidence": pair["reference"][:1], "status": "entailment"}
        return str(yaml.dump(said, sort_keys=False))
    if body["messages"][0]["content"].startswith("Stand-in system"):
        return json.dumps(REASONING[asked.strip()[0]])
    return json.dumps({"id": None, "sentence_list": [{"orig": asked, "new": [asked]}]})


def examples() -> list[Example]:
    found = []
    for n in range(3):
        study = Study(f"s{n}", reference=Report(findings=f"Pneumothorax {n}."), trace=Trace((Step(text="Look."),)))
        found.append(Example(study, Answer(study.id, "ok", report=Report(text=f"Clear lungs {n}."))))
    return found


async def scored(metric: str, folder: Path, said: Callable[[str], str], ends: str, of: RequesterOf) -> list[float]:
    """The columns of a metric, the share that was read last; asked again, it sends nothing."""
    options = {
        "green.checkout": write_green(folder / "green"),
        "radrscore.checkout": write_radrscore(folder / "radrscore"),
        "radfact.checkout": write_checkout(folder / "radfact"),
        "radfact.langchain": write_wheel(folder / "core.whl"),
    }
    own = {key: value for key, value in options.items() if key.startswith(metric)}
    asked, metrics = examples(), suite([f"{metric}@strict"], options=own)
    with loopback_judge(lambda body: said(perfect(body)), finish=ends) as (url, bodies):
        account = JudgeAccount(of(url))
        [made] = await put_questions(metrics, asked, {"": account})
        sent = len(bodies)
        await put_questions(metrics, asked, {"": account})
        assert len(bodies) == sent
    values = made.reduce(made.measure(asked, made.fit(Corpus([one.study for one in asked]))).sum(axis=0))
    names = [column.name for column in made.columns]
    kept = [(name, float(value)) for name, value in zip(names, values, strict=True) if not name.endswith(" counted")]
    return [value for name, value in kept if " read" not in name] + [v for name, v in kept if " read" in name]


@pytest.mark.parametrize("metric", ["green", "radfact", "radrscore"])
async def test_a_judge_that_keeps_to_the_form_is_read(metric: str, tmp_path: Path, requester_of: RequesterOf) -> None:
    first, *_, read = await scored(metric, tmp_path, lambda said: said, "stop", requester_of)
    assert (first, read) == (1.0, 1.0)


@pytest.mark.parametrize("metric", ["green", "radfact", "radrscore"])
@pytest.mark.parametrize("behavior", BEHAVIORS)
async def test_a_judge_that_does_not_is_unread_and_no_number(
    metric: str, behavior: str, tmp_path: Path, requester_of: RequesterOf
) -> None:
    *values, read = await scored(metric, tmp_path, *BEHAVIORS[behavior], requester_of)
    assert read == 0.0
    assert np.isnan(values).all()
