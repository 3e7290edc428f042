"""The built-in cards: complete, sourced, and found by name, id or alias."""

from __future__ import annotations

import re

import pytest

from mmrad_eval.core.errors import ModelError, UsageError
from mmrad_eval.core.values import Card, Decoding
from mmrad_eval.model_registry import providers, resolve
from mmrad_eval.model_registry.model_cards import builtin, find, settled
from mmrad_eval.model_registry.openai_chat import ChatClient
from mmrad_eval.traces.dialects import DIALECTS, FORMS
from mmrad_eval.traces.geometry import valid_frame, y_first

CARDS = builtin()

PANEL = (  # the models that a study of open and medical models would name first
    "Qwen/Qwen2.5-VL-7B-Instruct", "Qwen/Qwen3-VL-8B-Instruct", "OpenGVLab/InternVL3-8B",
    "llava-hf/llava-onevision-qwen2-7b-ov-hf", "google/medgemma-4b-it", "lingshu-medical-mllm/Lingshu-7B",
    "ZJU-AI4H/Hulu-Med-7B", "FreedomIntelligence/HuatuoGPT-Vision-7B-Qwen2.5VL",
    "microsoft/llava-med-v1.5-mistral-7b", "StanfordAIMI/CheXagent-2-3b", "microsoft/maira-2",
    "byrLLCC/ChestX-Reasoner", "ChenShawn/DeepEyes-7B", "Mini-o3/Mini-o3-7B-v1", "facebook/chameleon-7b",
    "GAIR/Anole-7b-v0.1", "ByteDance-Seed/BAGEL-7B-MoT", "deepseek-ai/Janus-Pro-7B",
)  # fmt: skip


def test_the_panel_and_the_closed_families_are_there() -> None:
    assert set(PANEL) <= {card.id for card in CARDS.values()}
    assert {"openai", "anthropic", "gemini"} <= {card.provider for card in CARDS.values()}


@pytest.mark.parametrize("name", CARDS)
def test_every_fact_has_a_source_with_a_date_or_says_that_it_was_not_checked(name: str) -> None:
    card = CARDS[name]
    stated = {"id"}
    stated |= {
        f
        for f in (
            "price",
            "trained_on",
            "optimized_for",
            "served_by_vllm",
            "max_images",
            "context",
            "fixed",
            "aliases",
            "dialect",
            "cutoff",
        )
        if getattr(card, f)
    }
    if card.box_frame != Card(provider="p", id="i").box_frame:
        stated.add("box_frame")

    assert stated <= set(card.sources), f"{name}: no source for {stated - set(card.sources)}"
    for fact in stated:
        assert re.search(r"20\d\d|unverified", card.sources[fact]), f"{name}: {fact} has no date"
    assert card.provider in providers.BUILTIN
    assert valid_frame(card.box_frame)
    assert card.dialect in DIALECTS
    orders = {form.order for form in FORMS if form.name in DIALECTS[card.dialect].boxes} - {""}
    assert orders <= {"y first" if y_first(card.box_frame) else "x first"}
    assert card.summary


def test_no_id_and_no_alias_names_two_cards() -> None:
    ids = [(card.provider, one) for card in CARDS.values() for one in (card.id, *card.aliases)]
    assert len(ids) == len(set(ids))


def test_a_card_is_found_by_its_name_its_id_and_its_alias() -> None:
    url = ["http://127.0.0.1:9"]
    by_name, by_id, by_alias = (
        resolve(spec, base_url=url).card
        for spec in ("claude-haiku-4.5", "anthropic:claude-haiku-4-5-20251001", "anthropic:claude-haiku-4-5")
    )
    assert by_name == by_id == by_alias
    assert by_alias.id == "claude-haiku-4-5-20251001"


def test_a_name_that_its_provider_moves_is_refused() -> None:
    with pytest.raises(UsageError, match="is a moving alias"):
        find("openai", "gpt-x-chat-latest")
    assert find("vllm", "me/model:latest").id == "me/model:latest"


def test_a_model_that_vllm_does_not_serve_is_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MMRAD_VLLM_URL", raising=False)
    with pytest.raises(ModelError, match=r"does not serve .*llava_mistral.*file:PATH"):
        resolve("llava-med-1.5")
    assert resolve("llava-med-1.5", base_url=["http://127.0.0.1:9"]).card.max_images == 1


DEFAULT = Decoding(temperature=0.0)


def test_a_default_gives_way_to_what_a_model_takes_and_an_order_does_not() -> None:
    url = ["http://127.0.0.1:9"]
    new, old = resolve("claude-opus-5.5", base_url=url), resolve("claude-haiku-4.5", base_url=url)

    assert settled(new, DEFAULT, ()).temperature is None
    assert settled(old, DEFAULT, ()).temperature is None
    assert settled(old, DEFAULT, {"temperature"}).temperature == 0.0
    assert settled(resolve("vllm:m", base_url=url), DEFAULT, ()) == DEFAULT
    with pytest.raises(UsageError, match="leave --temperature out"):
        settled(new, Decoding(temperature=0.0), {"temperature"})
    with pytest.raises(UsageError, match="leave --seed out"):
        settled(old, Decoding(seed=1), {"seed"})


@pytest.mark.parametrize(
    ("model", "unasked"), [("o3", True), ("gpt-5-mini", True), ("gpt-6.1-sol", True), ("gpt-4o", False)]
)
def test_openai_s_reasoning_models_get_no_temperature_unless_asked(
    model: str, *, unasked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "planted")
    client = resolve(f"openai:{model}")
    assert isinstance(client, ChatClient)
    assert ("temperature" in client.unasked) is unasked
