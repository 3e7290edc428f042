"""Looks as native tool calls: offered in each provider's words, read from its replies, done without where refused."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmrad_eval import tasks
from mmrad_eval.core.contracts import Dataset, TaskContext
from mmrad_eval.core.values import Answer, Box, Card, Image, Message, Reply, Text
from mmrad_eval.model_registry.anthropic import AnthropicClient
from mmrad_eval.model_registry.gemini import GeminiClient
from mmrad_eval.model_registry.openai_chat import ChatClient
from mmrad_eval.model_registry.transport import HttpResponse
from mmrad_eval.model_registry.wire import WireClient
from mmrad_eval.tasks.donors import Donors
from mmrad_eval.tasks.tool_calls import calls_of, declared

ARGUMENTS = {"region": "left lower lung zone", "box": [168, 168, 252, 277], "saw": ""}
REPORT = '{"action": "report", "findings": "Clear.", "saw": "no nodule"}'


def chat(*calls: tuple[str, Any]) -> dict[str, Any]:
    made = [
        {"id": str(i), "type": "function", "function": {"name": n, "arguments": a}} for i, (n, a) in enumerate(calls)
    ]
    message = {"role": "assistant", "content": None, "tool_calls": made}
    return {"choices": [{"message": message, "finish_reason": "tool_calls"}]}


BODIES = {
    "openai": chat(("look", json.dumps(ARGUMENTS))),
    "vllm": chat(("look", json.dumps(ARGUMENTS))),
    "anthropic": {
        "content": [{"type": "text", "text": ""}, {"type": "tool_use", "name": "look", "input": ARGUMENTS}],
        "stop_reason": "tool_use",
    },
    "gemini": {
        "candidates": [
            {"content": {"parts": [{"functionCall": {"name": "look", "args": ARGUMENTS}}]}, "finishReason": "STOP"}
        ]
    },
}
CLIENTS: dict[str, WireClient] = {
    "content": AnthropicClient(Card(provider="anthropic", id="m"), ("http://127.0.0.1:9",)),
    "candidates": GeminiClient(Card(provider="gemini", id="m"), ("http://127.0.0.1:9",)),
    "choices": ChatClient(Card(provider="openai", id="m"), ("http://127.0.0.1:9",)),
}


def reply_of(body: dict[str, Any]) -> Reply:
    """What the client of the body's format makes of it."""
    client = next(client for name, client in CLIENTS.items() if name in body)
    return client.read(HttpResponse(200, msgspec.json.encode(body), {}, "http://127.0.0.1:9"))


class Calling:
    """Calls the tool with what is written, then reports."""

    def __init__(self, *bodies: dict[str, Any], refuses: bool = False) -> None:
        self.bodies, self.refuses = bodies, refuses
        self.heard: list[tuple[Sequence[Message], Mapping[str, Any] | None]] = []

    async def __call__(self, messages: Sequence[Message], *, extra: Mapping[str, Any] | None = None) -> Reply:
        self.heard.append((messages, extra))
        if extra and self.refuses:
            return Reply(finish="rejected", why="HTTP 400: tool choice is not enabled")
        turn = len(self.heard) - 1 - self.refuses
        if turn < len(self.bodies) and not self.refuses:
            return reply_of(self.bodies[turn])
        return Reply(REPORT)

    def words(self, turn: int) -> str:
        messages = self.heard[turn][0]
        return "\n".join(p.text if isinstance(p, Text) else "<image>" for m in messages for p in m.parts)


async def converse(demo: Dataset, model: Calling, provider: str, **options: str) -> Answer:
    task = tasks.load("mcot-loop", {"calls": "native", **options})
    card = Card(provider=provider, id="m")
    return await task.converse(
        demo.studies[0], TaskContext(model, card, "findings", task.prompt(), Donors(demo.studies))
    )


@pytest.mark.parametrize("provider", BODIES)
async def test_a_call_in_each_format_is_a_look(demo: Dataset, provider: str) -> None:
    model = Calling(BODIES[provider])

    answer = await converse(demo, model, provider)

    assert (answer.status, answer.report.findings, answer.events) == ("ok", "Clear.", {"looks": 1})
    assert answer.trace is not None
    (step,) = answer.trace.steps
    assert (step.region, step.box, step.text) == (
        "left lower lung zone",
        Box((168.0, 168.0, 252.0, 277.0), "pad_square_336"),
        "no nodule",
    )
    assert model.heard[0][1] == declared(provider, "pad_square_336")
    assert "with the tool look" in model.words(0)
    assert '{"action": "look", "region": "left lower lung zone"' in model.words(1)
    assert isinstance(model.heard[1][0][-1].parts[0], Image)


@pytest.mark.parametrize(
    ("provider", "path"),
    [
        ("openai", ("tools", 0, "function", "parameters")),
        ("anthropic", ("tools", 0, "input_schema")),
        ("gemini", ("tools", 0, "functionDeclarations", 0, "parameters")),
    ],
)
def test_the_tool_is_declared_in_the_providers_words(provider: str, path: tuple[Any, ...]) -> None:
    found: Any = declared(provider, "norm_1000")
    for step in path:
        found = found[step]
    assert found["required"] == ["region", "box"]
    assert "in thousandths" in found["properties"]["box"]["description"]
    assert "box" not in json.dumps(declared(provider, ""))


async def test_an_endpoint_that_refuses_tools_is_asked_in_words(demo: Dataset) -> None:
    model = Calling(refuses=True)

    answer = await converse(demo, model, "vllm")

    assert (answer.status, answer.events) == ("ok", {"no native calls": 1})
    assert [extra is None for _, extra in model.heard] == [False, True]
    assert "answer with one JSON object" in model.words(1)


async def test_after_the_last_look_no_tool_is_offered(demo: Dataset) -> None:
    model = Calling(*[BODIES["openai"]] * 9)

    answer = await converse(demo, model, "openai", looks="2")

    assert [extra is None for _, extra in model.heard] == [False, False, True, True]
    assert answer.events == {"beyond": 1, "looks": 1, "repeated": 1}
    assert answer.status == "unparsed"


@pytest.mark.parametrize(
    ("body", "event"),
    [
        (chat(("look", "{not json")), "malformed"),
        (chat(("look", "[1, 2]")), "malformed"),
        (chat(("dance", "{}")), "malformed"),
        (chat(("look", json.dumps({"region": "heart", "box": [1, 2]}))), "malformed"),
        (chat(("look", json.dumps({**ARGUMENTS, "box": [300, 1, 2, 3]}))), "out of frame"),
    ],
)
async def test_a_call_that_can_not_be_granted_is_told_why(demo: Dataset, body: dict[str, Any], event: str) -> None:
    answer = await converse(demo, Calling(body), "openai")
    assert (answer.status, answer.events) == ("ok", {event: 1})


async def test_of_several_calls_at_once_the_first_counts_and_the_others_are_counted(demo: Dataset) -> None:
    both = chat(("look", json.dumps(ARGUMENTS)), ("look", json.dumps({**ARGUMENTS, "region": "heart"})))
    answer = await converse(demo, Calling(both), "openai")
    assert answer.events == {"further calls": 1, "looks": 1}


def test_the_way_of_calling_is_part_of_the_run() -> None:
    assert getattr(tasks.load("mcot-loop", {"calls": "native"}), "options", {})["calls"] == "native"
    assert "calls" not in getattr(tasks.load("mcot-loop"), "options", {})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "message", "tool_calls", "function", "content", "candidates", "parts", "name"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_any_body_is_read(body: Any) -> None:
    for wrapped in (
        {"choices": [{"message": {"tool_calls": body}, "finish_reason": "stop"}]},
        {"content": [body], "stop_reason": "end_turn"},
        {"candidates": [{"content": {"parts": [body]}, "finishReason": "STOP"}]},
    ):
        assert isinstance(calls_of(reply_of(wrapped)), list)
