"""Providers: hosts of models, one record each. To add a host of OpenAI's format, add its record here and nothing else.

A host with a wire format of its own needs a module with its client beside the record. A package registers further
records under the entry-point group ``mmrad_eval.providers``.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmrad_eval.core.contracts import Client
    from mmrad_eval.core.plugins import Kind
    from mmrad_eval.core.registry import Registry
    from mmrad_eval.core.values import Card
    from mmrad_eval.model_registry.programs.options import ProgramOptions
    from mmrad_eval.model_registry.serving import ServeOptions

_HERE = "mmrad_eval.model_registry"


@dataclass(frozen=True)
class Connection:
    """How a client reaches its endpoint; nothing here can change a reply."""

    base_url: tuple[str, ...] = ()
    """Several servers of one model are used together, least loaded first."""
    api_key_env: str | None = None
    api_key_file: Path | None = None
    allowed_keys: frozenset[str] = frozenset()
    """Environment variables that a card may name though its provider does not own them (``--allow-key``)."""
    timeout: float | None = None
    """Seconds for one try; by default it grows with the tokens that may be written."""
    key_needed: bool = True
    """False where nothing is going to be sent: a key that is not there is then no fault."""
    serve: ServeOptions | None = None
    """How to start a server of the run's own, where the run says ``--serve``."""
    programs: ProgramOptions | None = None
    """How a program is run that is the model."""
    provider: Provider | None = None
    """The record that asks; None: the one that the card names."""


@dataclass(frozen=True)
class Tool:
    """A tool that a task offers to a model."""

    name: str
    about: str
    parameters: Mapping[str, Any]
    """JSON schema of its arguments."""


def chat_tool(tool: Tool) -> dict[str, Any]:
    """As chat completions declare it (platform.openai.com/docs/guides/function-calling)."""
    function = {"name": tool.name, "description": tool.about, "parameters": tool.parameters}
    return {"tools": [{"type": "function", "function": function}]}


def _anthropic_tool(tool: Tool) -> dict[str, Any]:
    """As Anthropic's messages declare it (docs.anthropic.com, tool use)."""
    return {"tools": [{"name": tool.name, "description": tool.about, "input_schema": tool.parameters}]}


def _gemini_tool(tool: Tool) -> dict[str, Any]:
    """As Gemini declares it (ai.google.dev, function calling)."""
    declared = {"name": tool.name, "description": tool.about, "parameters": tool.parameters}
    return {"tools": [{"functionDeclarations": [declared]}]}


def chat_schema(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """As chat completions take the form of a reply (platform.openai.com/docs/guides/structured-outputs)."""
    return {"response_format": {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": schema}}}


def _anthropic_schema(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG001 (the signature of a schema)
    """As Anthropic takes it (platform.claude.com, structured outputs; anthropic 2.13.0), beside an effort."""
    return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}


def _gemini_schema(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG001 (as above)
    """As Gemini takes it (ai.google.dev, structured output), beside the decoding that the client writes there."""
    return {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": schema}}


def reply_form(provider: Provider | None, form: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that ask for a reply of a ``response_format`` of chat completions, as a provider takes them.

    One that has a form of its own gets the schema in that; it has none for any JSON object, which is then left to the
    words of the question.
    """
    if provider is None or provider.schema is chat_schema:
        return {"response_format": form}
    schema = form.get("json_schema")
    return {} if schema is None else provider.schema(schema["name"], schema["schema"])


def _imported(target: str) -> Callable[[Card, Connection], Client]:
    """A factory that is imported when it is first called."""
    module, _, name = target.partition(":")

    def made(card: Card, how: Connection) -> Client:
        client: Client = getattr(importlib.import_module(module), name)(card, how)
        return client

    return made


_chat = _imported(f"{_HERE}.openai_chat:hosted")


@dataclass(frozen=True)
class Provider:
    """A host of models, as cards and ``--model NAME:ID`` name it."""

    name: str
    summary: str
    client: Callable[[Card, Connection], Client] = _chat
    """Makes the client of one model; by default one of OpenAI's chat format."""
    url: str | None = None
    """Its own address; None where each user has another, as with a server of one's own."""
    url_env: str | None = None
    """Environment variable that may hold the address."""
    keys: tuple[str, ...] = ()
    """Environment variables that hold its key, the usual one first; cards and experiment files name no others."""
    hosts: tuple[str, ...] = ()
    """Ends of the names of hosts that are its own beside ``url``: its keys may go there."""
    key_required: bool = True
    """Whether its own address takes no request without a key."""
    own_server: bool = False
    """Whether it is a server of the user's own: ``--serve`` can start it, and its ids don't move."""
    tool: Callable[[Tool], dict[str, Any]] = chat_tool
    """The fields of a request's body that offer a tool."""
    schema: Callable[[str, Mapping[str, Any]], dict[str, Any]] = chat_schema
    """The fields of a request's body that ask for a reply of a JSON schema."""


BUILTIN: Mapping[str, Provider] = {
    provider.name: provider
    for provider in (
        Provider(
            "vllm",
            "vllm:ID - an open model behind a vLLM server (--base-url or MMRAD_VLLM_URL).",
            _imported(f"{_HERE}.vllm:vllm"),
            url_env="MMRAD_VLLM_URL",
            keys=("VLLM_API_KEY",),
            key_required=False,
            own_server=True,
        ),
        Provider(
            "openai",
            "openai:ID - OpenAI, or any host of its chat format with --base-url.",
            url="https://api.openai.com/v1",
            keys=("OPENAI_API_KEY",),
        ),
        Provider(
            "azure",
            "azure:DEPLOYMENT - Azure OpenAI (--base-url or AZURE_OPENAI_ENDPOINT).",
            _imported(f"{_HERE}.openai_chat:azure"),
            url_env="AZURE_OPENAI_ENDPOINT",
            keys=("AZURE_OPENAI_API_KEY",),
            hosts=(".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com"),
        ),
        Provider(
            "anthropic",
            "anthropic:ID - Claude, by Anthropic's messages.",
            _imported(f"{_HERE}.anthropic:anthropic"),
            url="https://api.anthropic.com/v1",
            keys=("ANTHROPIC_API_KEY",),
            tool=_anthropic_tool,
            schema=_anthropic_schema,
        ),
        Provider(
            "gemini",
            "gemini:ID - Google Gemini, by generateContent.",
            _imported(f"{_HERE}.gemini:gemini"),
            url="https://generativelanguage.googleapis.com/v1",
            keys=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
            tool=_gemini_tool,
            schema=_gemini_schema,
        ),
        Provider(
            "openrouter",
            "openrouter:VENDOR/ID - models behind OpenRouter.",
            url="https://openrouter.ai/api/v1",
            keys=("OPENROUTER_API_KEY",),
        ),
        Provider(
            "together",
            "together:VENDOR/ID - models behind Together.",
            url="https://api.together.ai/v1",
            keys=("TOGETHER_API_KEY",),
        ),
        Provider(
            "command",
            "command:'PROGRAM {requests} {replies}' - a custom program without a server.",
            _imported(f"{_HERE}.programs.command:command"),
            key_required=False,
        ),
        Provider(
            "hf",
            "hf:ID - an open model in transformers, by the interpreter of --python.",
            _imported(f"{_HERE}.programs.hf:hf"),
            key_required=False,
        ),
    )
}


def find(name: str) -> Provider | None:
    """The provider of this name, built in or installed; None where there is none."""
    if name in BUILTIN:
        return BUILTIN[name]
    from mmrad_eval.core import plugins

    installed = registry()
    if installed.get(name) is None:
        return None
    provider: Provider = plugins.load(kind(), name, installed).value
    return provider


def get(name: str) -> Provider:
    """The provider of this name; UnknownNameError with near names where there is none."""
    provider = find(name)
    if provider is None:
        from mmrad_eval.core.errors import UnknownNameError

        raise UnknownNameError("provider", name, names())
    return provider


def names() -> Iterator[tuple[str, str]]:
    """(name, where it comes from) of all providers."""
    yield from ((name, "mmrad-eval") for name in BUILTIN)
    yield from ((entry.name, entry.origin) for entry in registry())


def registry() -> Registry:
    """The providers of installed packages (entry-point group ``mmrad_eval.providers``)."""
    from mmrad_eval.core.registry import Registry

    return Registry("provider", {})


def kind() -> Kind:
    """What a provider must be."""
    from mmrad_eval.core.plugins import Kind

    return Kind("provider", (object,), "register a mmrad_eval.Provider(name, summary, ...)", checked=_misfit)


def _misfit(value: object) -> str | None:
    return None if isinstance(value, Provider) else f"it is {type(value).__name__}, not a mmrad_eval.Provider"
