"""What a file of options may not say: it may come from a stranger, and is trusted no more than a card.

It reads no key that the command line does not allow, and lets no data leave: what permits that is a statement of the
person who runs the command, so it stands on the command line alone.
"""

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
_PERMISSIONS = {
    "allow_key": "allow a key, as in --allow-key NAME",
    "local_network": "call a network local, as in --local-network HOST",
    "attest_provider": "attest that a provider may have the data, as in --attest-provider P",
    "attest_retention": "attest that a provider may have the data, as in --attest-retention R",
    "attest_who": "attest that a provider may have the data, as in --attest-who W",
}
PERMISSIONS = frozenset({*_PERMISSIONS, "data_use"})
"""Options that permit what is refused without them; ``data_use`` does where it is ``open``."""


def check_permissions(file: str, settings: Mapping[str, Any]) -> None:
    """UsageError where ``file`` says what only the command line may: names of options, with _ for -, and their values.

    ``data_use = "credentialed"`` makes a run stricter, so a file may say that.
    """
    for name, may in _PERMISSIONS.items():
        if settings.get(name):
            raise UsageError(f"{file} says {name}: only the command line may {may}")
    if settings.get("data_use") not in {None, "credentialed"}:
        raise UsageError(
            f"{file} says data_use = {settings['data_use']!r}: only the command line may call data open, as in "
            "--data-use open"
        )


def check(settings: Mapping[str, Any], allowed: Collection[str]) -> None:
    """UsageError where one run's settings permit anything, or name a key that the command line does not allow."""
    check_permissions(_FILE, settings)
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
                f"{file} names the environment variable {named} for {model}, which belongs to no known provider; if "
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
