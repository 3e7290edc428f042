"""The data-use gate: credentialed data goes to this machine's own addresses, or nowhere without an attestation.

Data of unknown terms counts as credentialed, and so does data that is called open but is written like MIMIC. A host is
local where every address that its name resolves to is loopback, or where ``--local-network`` names it; the run then
connects to those addresses only, whatever the name resolves to later. Redirects and proxies are never used.

The rule is PhysioNet's "Use of MIMIC Data with Large Language Models and Online Services" (24 September 2025): the data
use agreement forbids sharing, through APIs too; zero retention is required; local models are recommended.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mmrad_eval.core.connections import Address, Guard, looking_up, plain_address
from mmrad_eval.core.contracts import Answerer, Client, Dataset, is_client
from mmrad_eval.core.data_use import strictest
from mmrad_eval.core.errors import GateError, UsageError
from mmrad_eval.core.values import DataUse
from mmrad_eval.datasets import looks_credentialed
from mmrad_eval.harness.last_check import MASKED
from mmrad_eval.model_registry.transport import Transport


@dataclass(frozen=True)
class Permit:
    """Where one model may send one dataset."""

    hosts: Mapping[str, tuple[str, ...]] | None = None
    """Host name -> the addresses that it may be reached at; None: anywhere."""
    attestation: Mapping[str, str] | None = None
    """What the user stated, for run.json, where the run depends on it."""

    def confine(self, model: Client | Answerer) -> None:
        """Bind a client of ours to the addresses that were looked at."""
        transport = model.transport if is_client(model) else None
        if isinstance(transport, Transport) and self.hosts is not None:
            transport.confine(self.hosts)

    def guard(self) -> Guard:
        """A guard over every other connection of this process, for the time of asking."""
        if self.hosts is None:
            return Guard(None)
        return Guard({a for addresses in self.hosts.values() for a in addresses}, frozenset(map(str.lower, self.hosts)))


def with_results(dataset: Dataset, use: DataUse) -> Dataset:
    """The dataset as what leaves holds it: with files of results of class ``use``, which count as the data does."""
    if strictest((dataset.data_use, use)) == dataset.data_use:
        return dataset
    return replace(dataset, data_use=use, name=f"{dataset.name}, with files of results that its metrics read")


def check_batches(label: str, permit: Permit) -> None:
    """GateError where what was attested says nothing of batches, which a provider keeps longer than other requests."""
    if permit.attestation is not None and "batch" not in permit.attestation["retention"].lower():
        raise GateError(
            f"{label} keeps requests and replies of batches for up to 30 days, even if zero retention was agreed: "
            "attest exactly that, such as --attest-retention 'batch, 30 days', or leave --batch out"
        )


def joined(permits: Iterable[Permit]) -> Permit:
    """What several models may reach together; each of them is confined by its own permit."""
    every = list(permits)
    stated = next((one.attestation for one in every if one.attestation is not None), None)
    if any(one.hosts is None for one in every):
        return Permit(None, stated)
    return Permit({host: found for one in every for host, found in (one.hosts or {}).items()}, stated)


def attestation(*, provider: str, retention: str, who: str, date: str | None = None) -> dict[str, str]:
    """A user's statement that a provider may have the data, as run.json keeps it.

    ``retention`` is the provider's setting, such as ``zero``; ``date`` is today where it is None. UsageError where a
    part says nothing.
    """
    stated = {"provider": provider.strip(), "retention": retention.strip(), "who": who.strip()}
    empty = [name for name, value in stated.items() if not value]
    if empty:
        raise UsageError(f"the attestation lacks {', '.join(empty)}; it needs provider, retention and who")
    try:
        day = dt.date.fromisoformat(date) if date else dt.datetime.now(dt.UTC).date()
    except ValueError as error:
        raise UsageError(f"the attestation's date {date!r} is not a date; write it as 2026-01-31") from error
    return stated | {"date": day.isoformat()}


def check(
    dataset: Dataset,
    model: Client | Answerer,
    *,
    local_networks: Sequence[str] = (),
    attested: Mapping[str, str] | None = None,
) -> Permit:
    """Where ``model`` (or a judge) may send ``dataset``; GateError before the first byte where it may not.

    ``local_networks`` holds host names, addresses or networks (10.1.0.0/16) that the user's institution runs itself;
    ``attested`` is what ``attestation`` returned.
    """
    use, evidence = _use(dataset)
    if use == "open":
        return Permit()
    where, allowed = endpoints(model), _networks(local_networks)
    hosts: dict[str, tuple[str, ...]] = {}
    remote = []
    for url in where or ():
        host = _host(url)
        addresses = _addresses(host)
        if _local(host, addresses, allowed):
            hosts[host] = tuple(str(address) for address in addresses)
        else:
            remote.append((host, addresses))
    if where is not None and not remote:
        return Permit(hosts)
    if attested is None:
        raise GateError(_refusal(dataset.name, use, evidence, model, remote))
    return Permit(None, dict(attested))


def check_nodes(use: DataUse, hosts: Sequence[str], local_networks: Sequence[str] = ()) -> None:
    """GateError unless data of class ``use`` may go to the nodes of a cluster: this machine, or one the user named."""
    if use == "open":
        return
    allowed, own = _networks(local_networks), set(_addresses(socket.gethostname()))
    for host in hosts:
        addresses = _addresses(host)
        if not (_local(host, addresses, allowed) or (addresses and own.issuperset(addresses))):
            places = ", ".join(map(str, addresses)) or "no address"
            raise GateError(
                f"the data ({'unknown terms, which count as credentialed' if use == 'unknown' else use}) may not leave "
                f"this machine, and the cluster has a node at {host} ({places}). Ways out: --local-network HOST or "
                "NETWORK for nodes of your own institution, --workers N for this machine alone, or --data-use open for "
                "data that truly is"
            )


def endpoints(model: Client | Answerer) -> tuple[str, ...] | None:
    """The addresses that a model sends to: none for an answerer of ours; None where it does not say."""
    return None if model.endpoints is None else tuple(model.endpoints)


def _use(dataset: Dataset) -> tuple[DataUse, str]:
    """The class that counts, and what was seen that made it so: a reader has looked already, a caller may not have."""
    if dataset.data_use != "open":
        return dataset.data_use, ""
    evidence = looks_credentialed(dataset.studies, marks=MASKED not in dataset.name)
    return ("credentialed", f"{evidence} is written as in MIMIC-CXR") if evidence else ("open", "")


def _refusal(
    name: str, use: DataUse, evidence: str, model: Client | Answerer, remote: Sequence[tuple[str, Sequence[Address]]]
) -> str:
    counted = {"unknown": "data use unknown, which counts as credentialed"}.get(use, "credentialed")
    places = ", ".join(f"{host} ({', '.join(map(str, addresses)) or 'no address'})" for host, addresses in remote)
    where = f"is at {places}" if places else "does not state where it sends its input"
    seen = f"; it is called open, but {evidence}" if evidence else ""
    return (
        f"{name} ({counted}{seen}) may not leave this machine, and {model.card.label} {where}. The rule: "
        "PhysioNet's data use agreement forbids sharing MIMIC-derived data, through APIs too, and requires zero "
        "retention (24 September 2025). Ways out: a model on this machine (vllm:ID, baseline:NAME); --local-network "
        "HOST for a server of your own institution; --data-use open if the data is truly open; or state that the "
        "provider may have it with --attest-provider, --attest-retention and --attest-who, stored with the run"
    )


def _host(url: str) -> str:
    """The host as the HTTP client will read it."""
    from yarl import URL

    try:
        host = URL(url).host
    except ValueError as error:
        raise UsageError(f"{url}: not an address: {error}") from error
    if not host:
        raise UsageError(f"{url}: an address without a host")
    return host


def _addresses(host: str) -> tuple[Address, ...]:
    """Every address of a host, mapped IPv4 written as IPv4; none where it can't be resolved."""
    try:
        with looking_up():
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(plain_address(str(entry[4][0])) for entry in found))


@dataclass(frozen=True)
class _Allowed:
    names: frozenset[str]
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]


def _networks(stated: Sequence[str]) -> _Allowed:
    names, networks = [], []
    for one in stated:
        try:
            networks.append(ipaddress.ip_network(one.strip("[]"), strict=False))
        except ValueError:
            if "/" in one or not one.strip():
                raise UsageError(f"--local-network {one}: neither a host, an address nor a network") from None
            names.append(one.lower().rstrip("."))
    return _Allowed(frozenset(names), tuple(networks))


def _local(host: str, addresses: Sequence[Address], allowed: _Allowed) -> bool:
    """Whether all addresses of a host are loopback or lie in what the user named."""
    if not addresses:
        return False
    if host.lower().rstrip(".") in allowed.names:
        return True
    return all(address.is_loopback or any(address in network for network in allowed.networks) for address in addresses)
