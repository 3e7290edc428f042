"""The prompt that was really sent is no report, whatever it says; findings that it told may be repeated."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import msgspec
import pytest

import mmrad_eval
from mmrad_eval.core.contracts import Dataset
from mmrad_eval.core.values import Answer, Message, Reply, Step, Text, Trace
from mmrad_eval.datasets import load_dataset
from mmrad_eval.tasks.answers import read_answer
from tests.raw_text.suite import FINDINGS, IMPRESSIONS, plain

OWN = (
    "You see a chest film of a patient in the emergency room. Name what you find, organ by organ, in short sentences.",
    "Rate each lung zone from 0 to 3, then put it in words. Answer in English, and leave nothing out that matters.",
    "Context: cough for two weeks, smoker. Task: tell the referring doctor in three sentences what the film shows.",
    "Je bent radioloog. Schrijf het verslag van deze thoraxfoto in het Engels, zonder opmerkingen vooraf of achteraf.",
)
EVIDENCE = "Step 1: right lung: There is a small right effusion. Step 2: heart: The heart is enlarged."


def _built_in() -> list[str]:
    """The words of the prompt files, without slots."""
    prompts = files("mmrad_eval.tasks") / "prompts"
    texts = [prompts.joinpath(name).read_text(encoding="utf-8") for name in ("given.txt", "tcot-self.txt")]
    return ["\n".join(line for line in t.splitlines() if line[:1] not in "#[" and "{" not in line) for t in texts]


PROMPTS = (*OWN, *_built_in())
REPORTS = [
    *(f"FINDINGS: {findings}\nIMPRESSION: {i}" for findings, i in zip(FINDINGS, IMPRESSIONS, strict=True)),
    *FINDINGS,
]


def _read(reply: str, prompt: str) -> Answer:
    return read_answer(Reply(reply), "findings", asked=[Message("user", (Text(prompt),))])


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("form", ["{p}", "user\n{p}\nassistant\n", "{p}\n\n{p}", "  {p}  ", "{u}"])
def test_the_prompt_alone_is_no_answer(prompt: str, form: str) -> None:
    reply = form.replace("{p}", prompt).replace("{u}", prompt.upper())

    answer = _read(reply, prompt)

    assert (answer.status, answer.events["degenerate"]) == ("unparsed", 1)


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("form", ["{p}\n{r}", "{p}\nassistant: {r}", "{r}\n\n{p}", "{p}\n\n{r}\n\n{p}"])
@pytest.mark.parametrize("report", REPORTS)
def test_the_prompt_around_an_answer_is_taken_off(report: str, form: str, prompt: str) -> None:
    answer = _read(form.replace("{p}", prompt).replace("{r}", report), prompt)

    assert answer.status == "ok"
    assert answer.events["removed prompt"] in {1, 2}
    assert plain(answer.report.findings or answer.report.text) in {plain(f) for f in FINDINGS}


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize("prompt", PROMPTS)
def test_an_answer_to_a_prompt_stays_whole(prompt: str, report: str) -> None:
    assert "removed prompt" not in _read(report, prompt).events


def test_findings_that_the_prompt_told_may_be_repeated() -> None:
    told = "There is a small right effusion. The heart is enlarged."

    answer = _read(told, f"{OWN[0]}\n{EVIDENCE}\nWrite the findings.")

    assert (answer.status, answer.report.text) == ("ok", told)


WORDY = (
    "One observes the following here: calcified granuloma in the left base.",
    "It can be appreciated that the lungs are clear and that the heart is of normal size.",
    "Consider the right base, where a small effusion blunts the angle.",
    "Note the tube, which ends three centimeters above the carina. Look at the left apex for a thin pneumothorax.",
)
"""Evidence as writers word it, which reads like instructions."""


@pytest.mark.parametrize("wordy", [*WORDY, " ".join(WORDY)])
def test_evidence_may_be_repeated_however_it_is_worded(wordy: str) -> None:
    order = "Write the findings section of the report of this examination. Begin with the heading FINDINGS: and write."
    shown = Trace((Step("the lung region", text=wordy),))
    asked = [Message("user", (Text(f"First, the lung region. {wordy}\n\n{order}"),))]

    def read(reply: str) -> Answer:
        return read_answer(Reply(reply), "findings", asked=asked, shown=shown)

    assert read(f"FINDINGS: {wordy}").report.findings == wordy
    assert read(f"{order}\n\nFINDINGS: {wordy}").report.findings == wordy
    assert read(f"FINDINGS: {wordy}\n\n{order}").report.findings == wordy
    assert read(f"First, the lung region. {wordy}\n\n{order}").status == "unparsed"


@pytest.mark.parametrize("task", ["tcot", "mcot"])
def test_a_model_that_copies_wordy_evidence_is_scored_by_it(task: str, tmp_path: Path) -> None:
    study = load_dataset("demo?split=patient").studies[0]
    assert study.trace is not None
    steps = tuple(msgspec.structs.replace(step, text=WORDY[1]) for step in study.trace.steps)
    data = Dataset("wordy", (msgspec.structs.replace(study, trace=Trace(steps)),), "open")

    @mmrad_eval.model
    def copier(_: mmrad_eval.PreparedRequest) -> str:
        return f"FINDINGS: {WORDY[1]}"

    (answer,) = mmrad_eval.evaluate(copier, task, data, metrics=["bleu@raw"], out=tmp_path).answers()

    assert (answer.status, answer.report.findings) == ("ok", WORDY[1])


@mmrad_eval.model
def parrot(sent: mmrad_eval.PreparedRequest) -> str:
    """A model that writes down what it was asked."""
    parts = (part for message in sent.request.messages for part in message.parts)
    return "\n".join(part.text for part in parts if isinstance(part, Text))


def test_a_model_that_repeats_its_prompt_is_counted(tmp_path: Path) -> None:
    run = mmrad_eval.evaluate(parrot, "direct", metrics=["bleu@raw"], limit=3, out=tmp_path)

    assert [answer.status for answer in run.answers()] == ["unparsed"] * 3
    assert all(answer.events["degenerate"] == 1 for answer in run.answers())
