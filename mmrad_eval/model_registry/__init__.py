"""Who answers: clients of endpoints, answerers, cards; found by name, card file, or in a Python file.

``resolve`` takes what ``--model`` takes:

- ``provider:rest``, split once at the first colon, such as ``vllm:Qwen/Qwen2.5-VL-7B-Instruct`` or ``file:reports.csv``
- a registered name, such as ``baseline:evidence``, a built-in card, or a name of an installed package
- a card file ``model.toml``
- ``path/to/file.py:Name``, a model; ``path/to/file.py:HOST:ID``, a model of a provider
- an object, or ``(provider, ID)``
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mmrad_eval.model_registry import providers
from mmrad_eval.model_registry.providers import Connection, Provider

if TYPE_CHECKING:
    from mmrad_eval.core.contracts import Answerer, Client
    from mmrad_eval.core.plugins import Kind, Plugin
    from mmrad_eval.core.registry import Registry
    from mmrad_eval.core.values import Card
    from mmrad_eval.model_registry.programs.options import ProgramOptions
    from mmrad_eval.model_registry.serving import ServeOptions

_ANSWERERS = "mmrad_eval.model_registry.answerers"

_COMMANDS = frozenset(("command", "hf"))
"""Providers of programs."""

ANSWERERS: dict[str, tuple[str, str]] = {
    "baseline:evidence": (f"{_ANSWERERS}:Evidence", "Copies the evidence text that the task shows."),
    "baseline:normal": (f"{_ANSWERERS}:Normal", "One fixed normal report for every study."),
    "baseline:reference": (f"{_ANSWERERS}:Reference", "The reference itself: the upper bound of every metric."),
    "baseline:second-reader": (f"{_ANSWERERS}:SecondReader", "A second radiologist's report, where the data has one."),
    "baseline:shuffle": (f"{_ANSWERERS}:Shuffle", "Another patient's reference: chance level."),
    "file": (f"{_ANSWERERS}:predictions", "file:PATH - external reports (csv, jsonl, json)."),
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
    programs: ProgramOptions | None = None,
    key_needed: bool = True,
) -> Client | Answerer:
    """Find and make the model that ``spec`` names, or that it is; nothing is sent.

    ``key_needed``: False for a model that is only planned for; it is then found without its key.
    UnknownNameError with near names, PluginError quoting what is missing, DataError for a card or file that can't be
    read, ModelError for a key that is not there.
    """
    from mmrad_eval.core import plugins
    from mmrad_eval.core.plugin_files import file_spec

    how = Connection(
        tuple(base_url),
        api_key_env,
        api_key_file,
        frozenset(allowed_keys),
        timeout,
        serve=serve,
        key_needed=key_needed,
        programs=programs,
    )
    if isinstance(spec, str) and spec.partition(":")[0] in _COMMANDS:  # whose words may end like a file's name
        return _from_name(spec, registry(), how)

    if isinstance(spec, tuple) or file_spec(spec):
        host = _host_of(spec)
        if host is not None:
            from mmrad_eval.core.values import Card

            return _identified(host, _from_provider(host.value, Card(provider=host.value.name, id=host.rest), how))
    if not isinstance(spec, str) or file_spec(spec):
        plugin = plugins.load(kind(), spec)
        return _identified(plugin, plugin.value)
    if spec.endswith(".toml"):
        from mmrad_eval.model_registry import model_cards

        return _from_card(model_cards.read(Path(spec).expanduser()), how)
    known = registry()
    provider = providers.find(spec)
    if provider is None and spec != "file" and known.get(spec):
        return _registered(plugins.load(kind(), spec, known))
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
        return _registered(plugins.load(kind(), provider, known, arguments=(rest,)))
    card = model_cards.builtin().get(spec)
    if card:
        return _from_card(card, how)
    raise _unknown(spec, known)


def _from_card(card: Card, how: Connection) -> Client | Answerer:
    return _from_provider(providers.get(card.provider), card, how)


def _from_provider(provider: Provider, card: Card, how: Connection) -> Client | Answerer:
    from mmrad_eval.core import plugins
    from mmrad_eval.core.errors import UsageError
    from mmrad_eval.model_registry.guarded import guarded

    if how.serve is not None and not provider.own_server:
        raise UsageError(f"--serve starts vLLM servers, and {card.label} is not a vLLM model; write vllm:ID")
    if card.provider in providers.BUILTIN:
        return provider.client(card, how)
    how = replace(how, provider=provider)
    client = plugins.call(f"client of provider {card.provider}", provider.client, card, how)
    return guarded(plugins.checked(kind(), client, f"of provider {card.provider}"))


def _host_of(spec: object) -> Plugin | None:
    """The provider of ``path/to/host.py:HOST:ID`` or ``(HOST, ID)``; None where something else is named."""
    from mmrad_eval.core import plugins
    from mmrad_eval.core.errors import UsageError
    from mmrad_eval.core.plugin_files import file_spec

    file = file_spec(spec)
    if file is not None:
        if not plugins.holds(providers.kind(), file):
            return None
        plugin = plugins.load(providers.kind(), f"{file.path}:{file.name}")
        plugin = replace(plugin, rest=file.rest)
    elif isinstance(spec, tuple) and len(spec) == 2 and isinstance(spec[0], Provider):
        plugin = replace(plugins.load(providers.kind(), spec[0]), rest=str(spec[1]))
    else:
        return None
    if not plugin.rest:
        raise UsageError(f"--model {plugin.name} is a provider and needs an id: {plugin.name}:ID")
    if providers.find(plugin.value.name) is not None:
        raise UsageError(
            f"--model {plugin.name}: another provider already has the name {plugin.value.name!r}; rename one of them"
        )
    return plugin


def kind() -> Kind:
    """What a model must be."""
    from mmrad_eval.core.contracts import Answerer, Client
    from mmrad_eval.core.plugins import Kind
    from mmrad_eval.model_registry.guarded import unlike_a_model

    hint = "decorate a function with @mmrad_eval.model"
    return Kind("model", (Client, Answerer), hint, checked=unlike_a_model)


def _registered(plugin: Plugin) -> Client | Answerer:
    """A model of ours as it is; one of an installed package guarded."""
    from mmrad_eval.core.registry import BUILTIN
    from mmrad_eval.model_registry.guarded import guarded

    model: Client | Answerer = plugin.value
    return model if plugin.origin == BUILTIN else guarded(model)


def _identified(plugin: Plugin, model: Client | Answerer) -> Client | Answerer:
    """A model of a file or an object; its source is its revision where its card states none.

    So a model whose code was edited is asked again, and a card that states a revision keeps its replies. A provider
    without code of its own says only where its models are.
    """
    import msgspec

    from mmrad_eval.core.errors import UsageError
    from mmrad_eval.core.provenance import source_of
    from mmrad_eval.model_registry.guarded import guarded

    card = model.card
    own_code = not (isinstance(plugin.value, Provider) and plugin.value.client is Provider.client)
    try:
        source = source_of(plugin)
    except UsageError:
        if card.revision is None:
            raise
        return guarded(model)
    if card.revision is None and own_code:
        card = msgspec.structs.replace(card, revision=f"source:{source}")
    return guarded(model, card=card, source=source)


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
