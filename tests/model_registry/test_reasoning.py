"""How much a model may think: asked in each host's own form, part of the run id, refused where it is no use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import mmrad_eval
from mmrad_eval.core.errors import MmradError, UsageError
from mmrad_eval.core.values import Card, Decoding
from mmrad_eval.model_registry import resolve
from mmrad_eval.model_registry.mock_server import MockServer
from mmrad_eval.model_registry.model_cards import settled
from tests.vllm_stand_in import Body, VllmStandIn

HERE = ["http://127.0.0.1:9"]
MODEL = "Qwen/Qwen3.5-9B"


@contextmanager
def vllm(heeds: tuple[str, ...], fields: tuple[str, ...]) -> Iterator[tuple[str, list[Body]]]:
    """A stand-in for vLLM whose chat template reads the words ``heeds``; its address, and what it was asked."""

    def tokens(body: Body) -> list[int]:
        said = body.get("chat_template_kwargs", {})
        return [7, *(sum(map(ord, str(said.get(name)))) for name in heeds)]

    def answer(_body: Body, _before: object) -> tuple[Body, Body]:
        details = {"reasoning_tokens": 3}
        usage = {"prompt_tokens": 9, "completion_tokens": 8, "completion_tokens_details": details}
        return {"content": "The lungs are clear.", "reasoning": "I look."}, usage

    with VllmStandIn(MODEL, answer, tokens, fields) as made:
        yield made.url, made.asked


FIELDS = ("chat_template_kwargs", "reasoning_effort", "thinking_token_budget")


def run(url: str, out: Path, how: int | str | None) -> mmrad_eval.Evaluation:
    decoding = {"max_tokens": 4096, "reasoning": how}
    return mmrad_eval.evaluate(
        f"vllm:{MODEL}", "direct", limit=1, base_url=url, out=out, decoding=decoding, metrics=("bleu@raw",)
    )


@pytest.mark.parametrize(
    ("how", "fields"),
    [
        ("none", {}),
        ("high", {"reasoning_effort": "high"}),
        (1024, {"thinking_token_budget": 1024}),
    ],
)
def test_vllm_is_told_in_its_own_words_and_the_run_has_an_id_of_its_own(
    how: int | str, fields: dict[str, Any], tmp_path: Path
) -> None:
    with vllm(("enable_thinking", "reasoning_effort"), FIELDS) as (url, asked):
        made, plain = run(url, tmp_path, how), run(url, tmp_path, None)

    thinks = how != "none"
    assert asked[0].pop("chat_template_kwargs") == {"enable_thinking": thinks, "thinking": thinks}
    assert {name: asked[0][name] for name in FIELDS if name in asked[0]} == fields
    assert not set(FIELDS) & set(asked[1])
    assert made.run.id != plain.run.id
    assert made.run.identity.decoding.reasoning == how
    assert made.answers()[0].usage.reasoning == 3


@pytest.mark.parametrize(
    ("how", "heeds", "fields", "why"),
    [
        ("none", (), FIELDS, "has no switch for thinking"),
        ("low", ("enable_thinking",), FIELDS, "has no efforts"),
        ("none", ("enable_thinking",), ("reasoning_effort",), "ignore the field chat_template_kwargs"),
        (2048, ("enable_thinking",), FIELDS[:2], "ignore the field thinking_token_budget"),
    ],
)
def test_a_vllm_that_would_take_no_notice_is_refused(
    how: int | str, heeds: tuple[str, ...], fields: tuple[str, ...], why: str, tmp_path: Path
) -> None:
    with vllm(heeds, fields) as (url, asked), pytest.raises(MmradError, match=why):
        run(url, tmp_path, how)
    assert not asked


@pytest.mark.parametrize(
    ("model", "how", "why"),
    [
        ("gpt-5.5", 2048, "takes the name of an effort only"),
        ("claude-opus-5.5", 2048, "takes low, medium, high, xhigh, max"),
        ("claude-haiku-4.5", "low", "takes none, a number of tokens"),
        ("together:vendor/m", 100, "takes the name of an effort only"),
    ],
)
def test_a_model_without_that_kind_of_reasoning_is_refused_by_name(model: str, how: int | str, why: str) -> None:
    client = resolve(model, base_url=HERE, key_needed=False)
    with pytest.raises(UsageError, match=rf"--reasoning {how}: {re.escape(client.card.label)} {why}"):
        settled(client, Decoding(reasoning=how), ())


def test_a_model_of_one_s_own_says_in_its_card_that_it_takes_reasoning(tmp_path: Path) -> None:
    @mmrad_eval.model(endpoints=())
    def mine(sent: mmrad_eval.PreparedRequest) -> str:
        return f"The lungs are clear ({sent.request.decoding.reasoning})."

    with pytest.raises(UsageError, match=r"mine is asked in a way that has no field for it"):
        mmrad_eval.evaluate(mine, "direct", limit=1, out=tmp_path, decoding={"reasoning": "low"})
    card = Card(provider="function", id="mine", reasoning=("low",))
    thinker = mmrad_eval.model("mine", card=card, endpoints=())(mine.function)
    made = mmrad_eval.evaluate(
        thinker, "direct", limit=1, out=tmp_path, decoding={"reasoning": "low"}, metrics=("bleu@raw",)
    )
    assert made.answers()[0].report.text == "The lungs are clear (low)."


@pytest.mark.parametrize("how", ["hihg", -1, 1024])
def test_what_is_no_reasoning_is_refused_before_anything_is_asked(how: int | str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"--reasoning {how}: "):
        mmrad_eval.evaluate("baseline:normal", "direct", out=tmp_path, decoding={"reasoning": how, "max_tokens": 1024})


def test_a_baseline_thinks_of_nothing(tmp_path: Path) -> None:
    made = mmrad_eval.evaluate(
        "baseline:normal", "direct", metrics="bleu@raw", limit=2, out=tmp_path, decoding={"reasoning": "high"}
    )
    assert made.run.identity.decoding.reasoning is None


async def test_claude_s_smallest_budget_is_said_before_it_is_sent(sent_of: Any) -> None:
    async with MockServer(keep=True) as server:
        client = resolve("claude-haiku-4.5", base_url=[server.url], key_needed=False)
        sent = sent_of(("user", "Report."), decoding=Decoding(4096, None, reasoning=100), provider="anthropic")
        with pytest.raises(MmradError, match="1,024 tokens or more"):
            await client.generate(sent)  # type: ignore[misc, union-attr]  # a client of ours
        assert not server.bodies
