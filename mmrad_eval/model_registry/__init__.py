"""Who answers: clients of endpoints, answerers, cards; found by name, card file, or in a Python file.

``resolve`` takes what ``--model`` takes:

- ``provider:rest``, split once at the first colon, such as ``vllm:Qwen/Qwen2.5-VL-7B-Instruct`` or ``file:reports.csv``
- a registered name, such as ``baseline:evidence``, a built-in card, or a name of an installed package
- a card file ``model.toml``
- ``path/to/file.py:Name``
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from mmrad_eval.model_registry import providers
from mmrad_eval.model_registry.providers import Connection

if TYPE_CHECKING:
    from mmrad_eval.core.contracts import Answerer, Client
    from mmrad_eval.core.plugins import Kind, Plugin
    from mmrad_eval.core.registry import Registry
    from mmrad_eval.core.values import Card
    from mmrad_eval.model_registry.serving import ServeOptions

_ANSWERERS = "mmrad_eval.model_registry.answerers"

ANSWERERS: dict[str, tuple[str, str]] = {
    "baseline:evidence": (f"{_ANSWERERS}:Evidence", "Copies the evidence text that the task shows."),
    "baseline:normal": (f"{_ANSWERERS}:Normal", "One fixed normal report for every study."),
    "baseline:reference": (f"{_ANSWERERS}:Reference", "The reference itself: the ceiling of every metric."),
    "baseline:shuffle": (f"{_ANSWERERS}:Shuffle", "Another patient's reference: the level of chance."),
    "file": (f"{_ANSWERERS}:predictions", "file:PATH - reports made elsewhere (csv, jsonl, json)."),
}


def registry() -> Registry:
    """Baselines, providers, and the models of installed packages (entry-point group ``mmrad_eval.models``)."""
    from mmrad_eval.core.registry import Registry

    hosts = {name: (f"{providers.__name__}:find", provider.summary) for name, provider in providers.BUILTIN.items()}
    return Registry("model", ANSWERERS | hosts)


def resolve(
    spec: object,
    *,
    base_url: Sequence[str] = (),
    api_key_env: str | None = None,
    api_key_file: Path | None = None,
    allowed_keys: Collection[str] = (),
    timeout: float | None = None,
    serve: ServeOptions | None = None,
) -> Client | Answerer:
    """Find and make the model that ``spec`` names, or that it is; nothing is sent.

    UnknownNameError with near names, PluginError quoting what is missing, DataError for a card or file that can't be
    read, ModelError for a key that is not there.
    """
    from mmrad_eval.core import plugins

    how = Connection(tuple(base_url), api_key_env, api_key_file, frozenset(allowed_keys), timeout, serve)

    if not isinstance(spec, str) or plugins.file_spec(spec):
        return _identified(plugins.load(kind(), spec))
    if spec.endswith(".toml"):
        from mmrad_eval.model_registry import model_cards

        return _from_card(model_cards.read(Path(spec).expanduser()), how)
    known = registry()
    provider = providers.find(spec)
    if provider is None and spec != "file" and known.get(spec):
        return cast("Client | Answerer", plugins.load(kind(), spec, known).value)
    if provider is not None or spec == "file":
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
    if colon and providers.find(provider) is not None:
        return _from_card(model_cards.find(provider, rest), how)
    if colon and provider != "baseline" and known.get(provider):
        return cast("Client | Answerer", plugins.load(kind(), provider, known, arguments=(rest,)).value)
    card = model_cards.builtin().get(spec)
    if card:
        return _from_card(card, how)
    raise _unknown(spec, known)


def _from_card(card: Card, how: Connection) -> Client | Answerer:
    from mmrad_eval.core import plugins
    from mmrad_eval.core.errors import UsageError

    provider = providers.get(card.provider)
    if how.serve is not None and not provider.own_server:
        raise UsageError(f"--serve starts vLLM servers, and {card.label} is none; write vllm:ID")
    client = provider.client(card, how)
    if card.provider in providers.BUILTIN:
        return client
    return cast("Client", plugins.checked(kind(), client, f"provider {card.provider}"))


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
        return UnknownNameError("provider", head, providers.names())
    names = [(entry.name, entry.origin) for entry in known] + [(name, "mmrad-eval") for name in model_cards.builtin()]
    return UnknownNameError("model", spec, names)
