"""The prompt that was really sent is no report, whatever it says; findings that it told may be repeated."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

import mmrad_eval
from mmrad_eval.core.values import Answer, Message, Reply, Text
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


@mmrad_eval.model
def parrot(sent: mmrad_eval.PreparedRequest) -> str:
    """A model that writes down what it was asked."""
    parts = (part for message in sent.request.messages for part in message.parts)
    return "\n".join(part.text for part in parts if isinstance(part, Text))


def test_a_model_that_repeats_its_prompt_is_counted(tmp_path: Path) -> None:
    run = mmrad_eval.evaluate(parrot, "direct", metrics=["bleu@raw"], limit=3, out=tmp_path)

    assert [answer.status for answer in run.answers()] == ["unparsed"] * 3
    assert all(answer.events["degenerate"] == 1 for answer in run.answers())
