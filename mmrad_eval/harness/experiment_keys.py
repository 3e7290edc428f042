"""Which keys a file of options may read: it may come from a stranger, and is trusted no more than a card."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from mmrad_eval.core.errors import UsageError
from mmrad_eval.harness.judges import judges
from mmrad_eval.model_registry import model_cards, providers
from mmrad_eval.model_registry.connect import listed, refuse

_FILE = "the experiment"
_FILES = ("api_key_file",)


def check(settings: Mapping[str, Any], allowed: Collection[str]) -> None:
    """UsageError where one run's settings name a variable or file of a key that the command line does not allow."""
    if settings.get("allow_key"):
        raise UsageError(f"{_FILE} says allow_key: only the command line may allow a key, as in --allow-key NAME")
    for option in _FILES:
        named = settings.get(option)
        if named is not None and str(named) not in allowed:
            raise UsageError(
                f"{_FILE} names the key file {named}; if you trust the file, allow it on the command line: "
                f"--allow-key {named}"
            )
    if settings.get("model") is not None:
        model, variable = str(settings["model"]), settings.get("api_key_env")
        check_role(_FILE, model, settings.get("base_url"), variable, frozenset(allowed))
    named = judges(settings.get("judge") or (), settings.get("judge_url") or (), settings.get("judge_key_env") or ())
    for judge in named.by_part.values() if named else ():
        check_role(_FILE, judge.model, list(judge.base_url), judge.api_key_env, frozenset(allowed))


def check_role(file: str, model: str, address: Any, named: Any, allowed: frozenset[str]) -> None:
    """UsageError where ``file`` would send a key of ``model`` that it has no say over, or to an address of its choice.

    ``address``: one or several that the file gives; ``named``: the variable that it names.
    """
    urls = [url for one in (address if isinstance(address, list) else [address]) for url in listed(one)]
    provider = providers.find(_provider(model))
    if provider is None:
        if named is not None and named not in allowed:
            raise UsageError(
                f"{file} names the environment variable {named} for {model}, which has no provider that owns it; if "
                f"you trust the file, allow it on the command line: --allow-key {named}"
            )
        return
    usual = provider.keys[0] if provider.keys and provider.url is None else None
    refuse(file, provider, named, named or usual, urls, allowed)


def _provider(model: str) -> str:
    if model.endswith(".toml"):
        return model_cards.read(Path(model).expanduser()).provider
    card = model_cards.builtin().get(model)
    return card.provider if card is not None else model.partition(":")[0]
