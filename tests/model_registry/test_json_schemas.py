"""How a reply of a JSON schema is requested, beside what the run says of decoding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from mmrad_eval.core.contracts import PreparedRequest
from mmrad_eval.core.errors import ModelError
from mmrad_eval.core.values import Decoding
from mmrad_eval.model_registry import providers, resolve
from mmrad_eval.model_registry.wire import WireClient

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
WHERE = {
    "openai": ("response_format", "json_schema", "schema"),
    "anthropic": ("output_config", "format", "schema"),
    "gemini": ("generationConfig", "responseJsonSchema"),
}
BESIDE = {
    "openai": ("reasoning_effort",),
    "anthropic": ("output_config", "effort"),
    "gemini": ("generationConfig", "maxOutputTokens"),
}


def body(provider: str, sent_of: Callable[..., PreparedRequest], extra: dict[str, Any], **decoding: Any) -> Any:
    client = resolve(f"{provider}:m", base_url=["http://127.0.0.1:9/v1"])
    assert isinstance(client, WireClient)
    how = Decoding(max_tokens=300, temperature=None, **decoding)
    sent = sent_of(("user", "How many?"), decoding=how, extra=extra, provider=provider, model="m")
    return msgspec.json.decode(client.encode(sent))


def at(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        value = value[name]
    return value


@pytest.mark.parametrize("provider", WHERE)
def test_a_schema_stands_where_the_provider_reads_it_and_takes_nothing_from_the_run(
    provider: str, sent_of: Callable[..., PreparedRequest]
) -> None:
    found = providers.find(provider)
    assert found is not None
    extra = found.schema("count", SCHEMA)
    made = body(provider, sent_of, extra, reasoning="low")

    assert at(made, WHERE[provider]) == SCHEMA
    assert at(made, BESIDE[provider]) in {"low", 300}
    plain = body(provider, sent_of, {}, reasoning="low")
    assert at(plain, BESIDE[provider]) == at(made, BESIDE[provider])


@pytest.mark.parametrize(
    ("provider", "extra"),
    [
        ("anthropic", {"output_config": {"effort": "high"}}),
        ("gemini", {"generationConfig": {"maxOutputTokens": 9}}),
        ("openai", {"reasoning_effort": "high"}),
    ],
)
def test_an_extra_field_never_changes_what_the_run_says(
    provider: str, extra: dict[str, Any], sent_of: Callable[..., PreparedRequest]
) -> None:
    with pytest.raises(ModelError, match="only the run may set"):
        body(provider, sent_of, extra, reasoning="low")
