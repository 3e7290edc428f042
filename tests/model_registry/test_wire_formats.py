"""What leaves for each closed API equals what its provider's own client sends for the same conversation."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from mmrad_eval.core.contracts import Client, PreparedRequest
from mmrad_eval.core.errors import ModelError, TransportError
from mmrad_eval.core.values import Decoding
from mmrad_eval.model_registry import resolve
from mmrad_eval.model_registry.mock_server import MockServer
from mmrad_eval.model_registry.providers import BUILTIN, Provider
from mmrad_eval.model_registry.wire import Base64, WireClient, encoded

Make = Callable[..., PreparedRequest]
ROOT = Path(__file__).resolve().parents[2]
JPEG, PNG = ("image/jpeg", b"\xff\xd8\xff one"), ("image/png", b"\x89PNG two")

CONVERSATIONS: list[list[tuple[Any, ...]]] = [
    [("system", "You are a radiologist."), ("user", 'Größe "und" Form\n')],
    [("user", "Image 1:", JPEG, "Image 2:", PNG, "Write the report.")],
    [
        ("system", "Look, then report."),
        ("user", "The radiograph:", JPEG),
        ("assistant", '{"action": "look", "box": [1, 2, 3, 4]}'),
        ("user", "Region image 1:", PNG),
        ("assistant", '{"action": "look", "box": [5, 6, 7, 8]}'),
        ("user", "Region image 2:", JPEG, "Now report."),
    ],
]
"""Text; two interleaved images; a loop of looks."""
BARE = Decoding(max_tokens=300, temperature=None)
PROVIDERS = {  # provider -> model, what follows the server's address for us and for the SDK, the header of the key
    "openai": ("gpt-x", "/v1", "/v1", "Authorization"),
    "openrouter": ("vendor/model-x", "/v1", "/v1", "Authorization"),
    "together": ("vendor/model-x", "/v1", "", "Authorization"),
    "azure": ("my-deployment", "", "", "api-key"),
    "anthropic": ("claude-x", "/v1", "", "Authorization"),
    "gemini": ("gemini-x", "", "", "x-goog-api-key"),
}
REASONING: dict[str, tuple[int | str, ...]] = {
    "openai": ("none", "high"),
    "openrouter": ("xhigh",),
    "together": ("medium",),
    "azure": ("minimal",),
    "anthropic": ("none", "max", 1024),
    "gemini": ("none", "high", 2048),
}
KEYS = {
    "openai": "OPENAI_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "together": "TOGETHER_API_KEY",
    "azure": "AZURE_OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "gemini": "GEMINI_API_KEY",
}


@pytest.fixture
def sdks() -> Path:
    """The Python of the environment that holds the providers' own clients; skips where it is not made."""
    python = ROOT / ".envs/sdks/bin/python"
    if not python.exists():
        pytest.skip("no .envs/sdks: run scripts/env-sdks")
    return python


def plain(sent: PreparedRequest) -> list[dict[str, Any]]:
    """The conversation as JSON for the oracle."""
    turns = []
    for message in sent.request.messages:
        parts = []
        for part in message.parts:
            if part in sent.images:
                media_type, data = sent.images[part]
                parts.append({"media_type": media_type, "data": base64.b64encode(data).decode()})
            else:
                parts.append({"text": getattr(part, "text", "")})
        turns.append({"role": message.role, "parts": parts})
    return turns


def ours(server: MockServer, provider: str, monkeypatch: pytest.MonkeyPatch) -> WireClient:
    model, after = PROVIDERS[provider][:2]
    url = server.url.removesuffix("/v1") + after
    monkeypatch.setenv(KEYS[provider], "planted")
    if BUILTIN[provider].client is BUILTIN["openai"].client:  # as if it lived here, so that its own spelling is used
        monkeypatch.setitem(cast("dict[str, Provider]", BUILTIN), provider, replace(BUILTIN[provider], url=url))
        client = resolve(f"{provider}:{model}")
    else:
        client = resolve(f"{provider}:{model}", base_url=[url], api_key_env=KEYS[provider])
    assert isinstance(client, WireClient)
    return client


def question(server: MockServer, provider: str, sent: PreparedRequest) -> dict[str, Any]:
    """The same for the oracle."""
    decoding = sent.request.decoding
    return {
        "provider": provider,
        "base_url": server.url.removesuffix("/v1") + PROVIDERS[provider][2],
        "model": PROVIDERS[provider][0],
        "api_version": "2024-10-21",
        "decoding": {name: value for name in decoding.__struct_fields__ if (value := getattr(decoding, name))},
        "messages": plain(sent),
    }


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_it_is_what_the_provider_s_own_client_sends(
    sdks: Path, sent_of: Make, monkeypatch: pytest.MonkeyPatch, provider: str
) -> None:
    seed = None if provider == "anthropic" else 7  # which takes none
    thinking = [Decoding(max_tokens=3000, temperature=None, reasoning=how) for how in REASONING[provider]]
    decodings = (BARE, Decoding(max_tokens=300, temperature=0.5, top_p=0.9, seed=seed, stop=("END", "STOP")), *thinking)
    model = PROVIDERS[provider][0]
    asked = [sent_of(*talk, decoding=d, model=model, provider=provider) for talk in CONVERSATIONS for d in decodings]
    async with MockServer(keep=True) as server:
        client = ours(server, provider, monkeypatch)
        for sent in asked:
            with contextlib.suppress(TransportError):  # the server answers in one format; what was sent is what counts
                await client.generate(sent)
        await client.close()
        oracle = await asyncio.create_subprocess_exec(
            sdks, Path(__file__).with_name("sdk_oracle.py"), stdin=subprocess.PIPE
        )
        await oracle.communicate(json.dumps([question(server, provider, sent) for sent in asked]).encode())

        n = len(asked)
        assert len(server.bodies) == 2 * n
        for number, sent in enumerate(asked):
            assert server.bodies[number] == normal(server.bodies[n + number])
            assert server.paths[number] == server.paths[n + number]
            names = [PROVIDERS[provider][3], "Content-Type"]
            if provider == "anthropic" and sent.request.decoding == BARE:
                names.append("anthropic-version")  # ours speaks an older version where a temperature is sent
            assert header(server, number, names) == header(server, n + number, names)


def header(server: MockServer, number: int, names: list[str]) -> list[str]:
    found = {name.lower(): value for name, value in server.headers[number].items()}
    return [found[name.lower()] for name in names]


def normal(value: Any) -> Any:
    """What an oracle sent, where a provider takes two spellings in the one that we use.

    Google's client writes ``mime_type``, ``thinking_budget`` and the base64 of addresses; its API documents the names
    in camel case and reads both.
    OpenRouter's says ``stream: false``, which its API takes for granted.
    """
    if isinstance(value, list):
        return [normal(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "mime_type" in value:
        return {"mimeType": value["mime_type"], "data": value["data"].replace("-", "+").replace("_", "/")}
    spelled = {"thinking_budget": "thinkingBudget", "thinking_level": "thinkingLevel"}
    return {spelled.get(name, name): normal(item) for name, item in value.items() if (name, item) != ("stream", False)}


@pytest.mark.parametrize("provider", KEYS)
def test_a_provider_s_key_goes_to_its_own_address_alone(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://me.openai.azure.com")
    monkeypatch.delenv(KEYS[provider], raising=False)
    with pytest.raises(ModelError, match=KEYS[provider]):
        resolve(f"{provider}:m")
    monkeypatch.setenv(KEYS[provider], "planted")
    own = resolve(f"{provider}:m")
    assert "planted" not in repr(vars(own))
    assert own.transport.secret is not None  # type: ignore[union-attr]  # a client of ours
    if provider != "azure":  # whose address is always given
        other = resolve(f"{provider}:m", base_url=["http://127.0.0.1:9"])
        assert other.transport.secret is None  # type: ignore[union-attr]  # as above


def test_pictures_stand_where_they_were_put_beside_any_words() -> None:
    one, two = bytes(range(256)), b"\xff\xd8"
    body = {"words": "a \0 b", "pictures": [{"url": Base64("data:,", one)}, "\0", {"url": Base64("", two)}]}

    assert json.loads(encoded(body)) == {
        "words": "a \0 b",
        "pictures": [
            {"url": f"data:,{base64.b64encode(one).decode()}"},
            "\0",
            {"url": base64.b64encode(two).decode()},
        ],
    }


def test_azure_needs_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_OPENAI_ENDPOINT", raising=False)
    with pytest.raises(ModelError, match=r"--base-url https://NAME\.openai\.azure\.com"):
        resolve("azure:m")


def test_a_seed_is_refused_where_it_would_be_ignored(sent_of: Make) -> None:
    client: Any = resolve("anthropic:m", base_url=["http://127.0.0.1:9"])
    with pytest.raises(ModelError, match="does not accept a seed"):
        client.body(sent_of(("user", "Hi"), decoding=Decoding(seed=1)))


@pytest.mark.parametrize("provider", ["anthropic", "gemini"])
def test_system_text_in_the_middle_is_refused_and_not_moved(provider: str, sent_of: Make) -> None:
    client: Any = resolve(f"{provider}:m", base_url=["http://127.0.0.1:9"])
    with pytest.raises(ModelError, match="at the beginning"):
        client.body(sent_of(("user", "Hi"), ("system", "Be brief.")))


def test_clients_are_clients() -> None:
    for provider in PROVIDERS:
        if provider != "azure":
            assert isinstance(resolve(f"{provider}:m", base_url=["http://127.0.0.1:9"]), Client)
