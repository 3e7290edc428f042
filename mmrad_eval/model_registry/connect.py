"""Where a client's requests go, and with which key: the run's own words first, then the card's, then the provider's.

A key goes to its provider's own address, or where the command line sends it. A card is a file that may come from a
stranger: it names no variable that its provider does not own, and sends no key to an address of its own choice.
"""

from __future__ import annotations

import ipaddress
import os
from typing import TYPE_CHECKING

from mmrad_eval.core.errors import ModelError, UsageError
from mmrad_eval.core.values import Card
from mmrad_eval.model_registry import providers
from mmrad_eval.model_registry.providers import Connection, Provider
from mmrad_eval.model_registry.secrets import Secret, check_variable, find_key
from mmrad_eval.model_registry.transport import base_urls

if TYPE_CHECKING:
    from collections.abc import Sequence


def connect(
    card: Card, how: Connection, *, suffix: str = "/v1", default: str | None = None
) -> tuple[tuple[str, ...], Secret | None]:
    """The addresses of a card's client, and its key.

    ``suffix`` is added to a bare host; ``default`` is the address of a provider that has none of its own. ModelError
    where an address or a key is missing; UsageError where the card would send a key somewhere that nobody allowed.
    """
    provider = how.provider or providers.get(card.provider)
    base_urls(listed(card.base_url), provider.url or "http://localhost")  # what is stored of a card holds no password
    given = how.base_url or listed(card.base_url) or listed(os.environ.get(provider.url_env or ""))
    own = provider.url or default
    if not given and own is None:
        example = f"https://NAME{provider.hosts[0]}" if provider.hosts else "URL"
        variable = f", or set {provider.url_env}" if provider.url_env else ""
        raise ModelError(f"{provider.name} needs the address of its server: give --base-url {example}{variable}")
    urls = base_urls(given, own or "", suffix=suffix)
    return urls, _key(card, how, provider, given=bool(given))


def listed(urls: str | None) -> tuple[str, ...]:
    """Addresses that are written in one string, separated by commas."""
    return tuple(filter(None, (url.strip() for url in (urls or "").split(","))))


def _key(card: Card, how: Connection, provider: Provider, *, given: bool) -> Secret | None:
    """The key that goes with the requests; None where none does."""
    check_variable(card.api_key_env)
    usual = provider.keys[0] if provider.keys and (provider.url is None or not given) else None
    variable = how.api_key_env or card.api_key_env or usual
    required = how.key_needed and provider.key_required and (provider.url is None or not given)
    if how.api_key_file is None and how.api_key_env is None:
        chosen_by_card = () if how.base_url else listed(card.base_url)
        refuse(f"the card of {card.label}", provider, card.api_key_env, variable, chosen_by_card, how.allowed_keys)
    return find_key(variable, how.api_key_file, required=required)


def refuse(  # noqa: PLR0917 (the one rule for cards and experiment files)
    file: str,
    provider: Provider,
    named: str | None,
    used: str | None,
    addresses: Sequence[str],
    allowed: frozenset[str],
) -> None:
    """UsageError where ``file`` would send a key that it has no say over.

    ``named``: the variable that the file names; ``used``: the one that the key is read from, named or not;
    ``addresses``: those that the file chose; ``allowed``: variables that the command line lets it use.
    """
    way_out = f"if you trust the file, allow it on the command line: --allow-key {used}"
    check_variable(named)
    if used is None or used in allowed:
        return
    if named is not None and named not in provider.keys:
        own = ", ".join(provider.keys) or "no variable"
        raise UsageError(f"{file} names the environment variable {named}, and {provider.name} owns {own}; {way_out}")
    foreign = [url for url in addresses if not _own(url, provider)]
    if foreign and os.environ.get(used, "").strip():
        raise UsageError(f"{file} would send the key in {used} to {foreign[0]}; {way_out}")


def _own(url: str, provider: Provider) -> bool:
    """Whether a key of the provider may go to this address: its own, or this machine."""
    host = _host(url)[1]
    return host == "localhost" or _loopback(host) or at_provider(url, provider)


def at_provider(url: str, provider: Provider) -> bool:
    """Whether an address is the provider's own, and no server of somebody else that speaks its format."""
    from yarl import URL

    scheme, host = _host(url)
    own = {URL(provider.url).host} if provider.url else set()
    return scheme == "https" and (host in own or host.endswith(provider.hosts or ("\0",)))


def _host(url: str) -> tuple[str, str]:
    """(scheme, host) of an address, both empty where it is none."""
    from yarl import URL

    try:
        address = URL(url)
        return address.scheme, (address.host or "").rstrip(".").lower()
    except ValueError:
        return "", ""


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
