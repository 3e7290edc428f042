"""Who answers: clients of endpoints, answerers, cards; found by name, card file, or in a Python file.

``resolve`` takes what ``--model`` takes:

- ``provider:rest``, split once at the first colon, such as ``vllm:Qwen/Qwen2.5-VL-7B-Instruct`` or ``file:reports.csv``
- a registered name, such as ``baseline:evidence``, a built-in card, or a name of an installed package
- a card file ``model.toml``
- ``path/to/file.py:Name``
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from mmrad_eval.core.contracts import Answerer, Client
    from mmrad_eval.core.plugins import Kind, Plugin
    from mmrad_eval.core.registry import Registry
    from mmrad_eval.core.values import Card
    from mmrad_eval.model_registry.serving import ServeOptions

_ANSWERERS = "mmrad_eval.model_registry.answerers"
_CHAT = "mmrad_eval.model_registry.openai_chat"

ANSWERERS: dict[str, tuple[str, str]] = {
    "baseline:evidence": (f"{_ANSWERERS}:Evidence", "Copies the evidence text that the task shows."),
    "baseline:normal": (f"{_ANSWERERS}:Normal", "One fixed normal report for every study."),
    "baseline:reference": (f"{_ANSWERERS}:Reference", "The reference itself: the ceiling of every metric."),
    "baseline:shuffle": (f"{_ANSWERERS}:Shuffle", "Another patient's reference: the level of chance."),
    "file": (f"{_ANSWERERS}:predictions", "file:PATH - reports made elsewhere (csv, jsonl, json)."),
}
PROVIDERS: dict[str, tuple[str, str]] = {
    "vllm": (
        "mmrad_eval.model_registry.vllm:vllm",
        "vllm:ID - an open model behind a vLLM server (--base-url or MMRAD_VLLM_URL).",
    ),
    "openai": (f"{_CHAT}:hosted", "openai:ID - OpenAI, or any host of its chat format with --base-url."),
    "azure": (f"{_CHAT}:azure", "azure:DEPLOYMENT - Azure OpenAI (--base-url or AZURE_OPENAI_ENDPOINT)."),
    "anthropic": ("mmrad_eval.model_registry.anthropic:anthropic", "anthropic:ID - Claude, by Anthropic's messages."),
    "gemini": ("mmrad_eval.model_registry.gemini:gemini", "gemini:ID - Google Gemini, by generateContent."),
    "openrouter": (f"{_CHAT}:hosted", "openrouter:VENDOR/ID - models behind OpenRouter."),
    "together": (f"{_CHAT}:hosted", "together:VENDOR/ID - models behind Together."),
}
"""Provider -> (factory of a client, summary): each factory takes a card and a ``Connection``."""


@dataclass(frozen=True)
class Connection:
    """How a client reaches its endpoint; nothing here can change a reply."""

    base_url: tuple[str, ...] = ()
    """Several servers of one model are used together, least loaded first."""
    api_key_env: str | None = None
    api_key_file: Path | None = None
    timeout: float | None = None
    """Seconds for one try; by default it grows with the tokens that may be written."""
    serve: ServeOptions | None = None
    """How to start a server of the run's own, where the run says ``--serve``."""


def registry() -> Registry:
    """Baselines, providers, and the models of installed packages (entry-point group ``mmrad_eval.models``)."""
    from mmrad_eval.core.registry import Registry

    return Registry("model", ANSWERERS | PROVIDERS)


def resolve(
    spec: object,
    *,
    base_url: Sequence[str] = (),
    api_key_env: str | None = None,
    api_key_file: Path | None = None,
    timeout: float | None = None,
    serve: ServeOptions | None = None,
) -> Client | Answerer:
    """Find and make the model that ``spec`` names, or that it is; nothing is sent.

    UnknownNameError with near names, PluginError quoting what is missing, DataError for a card or file that can't be
    read, ModelError for a key that is not there.
    """
    how = Connection(tuple(base_url), api_key_env, api_key_file, timeout, serve)
    from mmrad_eval.core import plugins

    if not isinstance(spec, str) or plugins.file_spec(spec):
        return _identified(plugins.load(kind(), spec))
    if spec.endswith(".toml"):
        from mmrad_eval.model_registry import model_cards

        return _from_card(model_cards.read(Path(spec).expanduser()), how)
    known = registry()
    if spec not in PROVIDERS and spec != "file" and known.get(spec):
        return cast("Client | Answerer", plugins.load(kind(), spec, known).value)
    if spec in PROVIDERS or spec == "file":
        from mmrad_eval.core.errors import UsageError

        raise UsageError(f"--model {spec} needs {'a path: file:PATH' if spec == 'file' else f'an id: {spec}:ID'}")
    return _from_name(spec, known, how)


def _from_name(spec: str, known: Registry, how: Connection) -> Client | Answerer:
    from mmrad_eval.core import plugins
    from mmrad_eval.core.errors import UsageError
    from mmrad_eval.model_registry import model_cards

    provider, colon, rest = spec.partition(":")
    if colon and not rest:
        raise UsageError(f"--model {spec}: {provider} needs something after the colon")
    if colon and provider in PROVIDERS:
        return _from_card(model_cards.find(provider, rest), how)
    if colon and provider != "baseline" and known.get(provider):
        return cast("Client | Answerer", plugins.load(kind(), provider, known, arguments=(rest,)).value)
    card = model_cards.builtin().get(spec)
    if card:
        return _from_card(card, how)
    raise _unknown(spec, known)


def _from_card(card: Card, how: Connection) -> Client | Answerer:
    from mmrad_eval.core.errors import UnknownNameError, UsageError

    known = registry()
    if card.provider not in PROVIDERS:
        raise UnknownNameError("provider", card.provider, ((name, "mmrad-eval") for name in PROVIDERS))
    if how.serve is not None and card.provider != "vllm":
        raise UsageError(f"--serve starts vLLM servers, and {card.label} is none; write vllm:ID")
    factory = cast("Callable[[Card, Connection], Client]", known.entry(card.provider).load())
    return factory(card, how)


def kind() -> Kind:
    """What a model must be."""
    from mmrad_eval.core.contracts import Answerer, Client
    from mmrad_eval.core.plugins import Kind

    return Kind("model", (Client, Answerer), "decorate a function with @mmrad_eval.model")


def _identified(plugin: Plugin) -> Client | Answerer:
    """A model of a file or an object; its source is its revision where its card states none.

    So a model that is written anew is asked anew, and a card that states a revision keeps its replies.
    """
    import msgspec

    from mmrad_eval.core.errors import UsageError
    from mmrad_eval.core.members import replaced
    from mmrad_eval.core.provenance import source_of

    card: Card = plugin.value.card
    try:
        source = source_of(plugin)
    except UsageError:
        if card.revision is None:
            raise
        return cast("Client | Answerer", plugin.value)
    if card.revision is None:
        card = msgspec.structs.replace(card, revision=f"source:{source}")
    return cast("Client | Answerer", replaced(plugin.value, card=card, source=source))


def _unknown(spec: str, known: Registry) -> Exception:
    from mmrad_eval.core.errors import UnknownNameError, UsageError
    from mmrad_eval.model_registry import model_cards

    if "/" in spec and ":" not in spec:
        return UsageError(f"--model {spec} looks like a model id without its provider; did you mean vllm:{spec}?")
    head, colon, _ = spec.partition(":")
    if colon and head != "baseline":
        return UnknownNameError("provider", head, ((name, "mmrad-eval") for name in PROVIDERS))
    names = [(entry.name, entry.origin) for entry in known] + [(name, "mmrad-eval") for name in model_cards.builtin()]
    return UnknownNameError("model", spec, names)
