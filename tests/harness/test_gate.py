"""The data-use gate, attacked: nothing leaves this machine that was not attested."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval.core.contracts import Client, Dataset, PreparedRequest
from mmrad_eval.core.errors import GateError, Stopped, TransportError, UsageError
from mmrad_eval.core.journal import Journal
from mmrad_eval.core.values import Card, DataUse, Image, Message, Reply, Report, Request, Study, Text
from mmrad_eval.harness import gate
from mmrad_eval.harness.requester import Requester
from mmrad_eval.model_registry import resolve
from mmrad_eval.model_registry.mock_server import MockServer
from mmrad_eval.model_registry.openai_chat import ChatClient

ATTESTED = gate.attestation(provider="Azure OpenAI", retention="zero", who="A. Researcher", date="2026-01-31")
PLAIN = (Study("s1", reference=Report("FINDINGS: Clear lungs.")),)


def data(use: DataUse, studies: Sequence[Study] = PLAIN, name: str = "mine") -> Dataset:
    return Dataset(name, studies, use, source=name)


def client(*urls: str) -> ChatClient:
    return ChatClient(Card(provider="openai", id="m"), urls)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A name service: host -> address; hosts that are not in it are looked up for real."""
    table: dict[str, str] = {}
    real = socket.getaddrinfo

    def look_up(host: Any, port: Any, *rest: Any, **named: Any) -> Any:
        return real(table.get(host, host), port, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return table


@pytest.mark.parametrize("use", ["credentialed", "unknown"])
@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "http://192.0.2.7:8000/v1",
        "http://127.0.0.1.example.com/v1",
        "http://localhost.example.com/v1",
        "http://[2001:db8::1]:8000/v1",
        "http://[::ffff:192.0.2.7]:8000/v1",
        "http://0.0.0.0:8000/v1",
        "http://[::]:8000/v1",
        "http://169.254.169.254/v1",
        "http://[64:ff9b::7f00:1]/v1",  # loopback as a gateway to IPv4 would write it
        "http://[2002:7f00:1::]/v1",
        "http://[::127.0.0.1]/v1",
    ],
)
def test_data_that_is_not_open_is_refused_to_every_other_machine(names: dict[str, str], use: DataUse, url: str) -> None:
    names |= dict.fromkeys(
        ("api.openai.com", "127.0.0.1.example.com", "localhost.example.com"), "192.0.2.7"
    )  # TEST-NET-1, RFC 5737
    with pytest.raises(GateError, match="may not leave this machine") as refusal:
        gate.check(data(use), client(url))

    assert refusal.value.exit_code == 4
    for way_out in ("PhysioNet", "--local-network", "--data-use open", "--attest-provider"):
        assert way_out in str(refusal.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/v1",
        "http://127.8.9.10/v1",
        "http://localhost:1/v1",
        "http://[::1]:8000/v1",
        "http://[::ffff:127.0.0.1]/v1",
    ],
)
def test_loopback_in_all_its_spellings_is_this_machine(url: str) -> None:
    assert gate.check(data("credentialed"), client(url)).attestation is None


def test_one_remote_server_among_local_ones_is_refused() -> None:
    with pytest.raises(GateError, match=r"192\.0\.2\.7"):
        gate.check(data("credentialed"), client("http://127.0.0.1:8000/v1", "http://192.0.2.7:8000/v1"))


def test_a_host_that_does_not_resolve_is_not_local(names: dict[str, str]) -> None:
    names["gone.example.com"] = "no such name"
    with pytest.raises(GateError, match="no address"):
        gate.check(data("credentialed"), client("http://gone.example.com/v1"))


def test_open_data_goes_anywhere() -> None:
    assert gate.check(data("open"), client("https://192.0.2.7/v1")) == gate.Permit()


def test_baselines_need_no_permission() -> None:
    gate.check(data("credentialed"), resolve("baseline:evidence"))


@pytest.mark.parametrize("stated", ["192.0.2.7", "192.0.2.0/24", "server.hospital.example"])
def test_a_local_network_counts_as_local(names: dict[str, str], stated: str) -> None:
    names["server.hospital.example"] = "192.0.2.7"
    permit = gate.check(data("unknown"), client("http://server.hospital.example:8000/v1"), local_networks=[stated])

    assert permit.hosts == {"server.hospital.example": ("192.0.2.7",)}


@pytest.mark.parametrize("stated", ["10.0.0.0/40", "host/path", " "])
def test_a_local_network_that_is_none_is_refused(stated: str) -> None:
    with pytest.raises(UsageError, match="--local-network"):
        gate.check(data("unknown"), client("http://192.0.2.7/v1"), local_networks=[stated])


def test_an_attestation_opens_the_gate_and_is_what_the_run_stores() -> None:
    permit = gate.check(data("credentialed"), client("https://192.0.2.7/v1"), attested=ATTESTED)

    assert permit.hosts is None
    assert permit.attestation == {
        "provider": "Azure OpenAI",
        "retention": "zero",
        "who": "A. Researcher",
        "date": "2026-01-31",
    }


@pytest.mark.parametrize("lacking", [{"provider": ""}, {"retention": " "}, {"who": ""}, {"date": "soon"}])
def test_an_attestation_that_says_nothing_is_none(lacking: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="attestation"):
        gate.attestation(**{"provider": "p", "retention": "zero", "who": "me", **lacking})


MIMIC_LIKE = [
    Study("s50000001", patient="p10000001"),
    Study("50000001", patient="10000001"),
    Study("a", images=(Image("/data/x", name="files/p10/p10000001/s50000001/abc.jpg"),)),
    Study("a", images=(Image("/data/mimic-cxr-jpg/x.jpg"),)),
    Study("a", reference=Report("FINDINGS: ___ year old, compared with ___.")),
]


@pytest.mark.parametrize("study", MIMIC_LIKE, ids=["prefixed ids", "bare ids", "image path", "folder", "marks"])
def test_credentialed_data_under_another_name_is_recognised_though_it_is_called_open(study: Study) -> None:
    renamed = data("open", [*PLAIN * 50, study], name="my own little dataset")
    with pytest.raises(GateError, match="is called open, but"):
        gate.check(renamed, client("https://192.0.2.7/v1"))
    gate.check(renamed, client("http://127.0.0.1:1/v1"))


def test_marks_that_a_reader_put_there_are_no_evidence() -> None:
    masked = data("open", [Study("CXR1", reference=Report("FINDINGS: ___ is seen."))], name="openi+marks-mask")
    assert gate.check(masked, client("https://192.0.2.7/v1")) == gate.Permit()


class Mute(Client):
    """A plugin that does not say where it sends what it gets."""

    card = Card(provider="mine", id="mute", base_url="http://127.0.0.1:1/v1")

    async def generate(self, sent: PreparedRequest) -> Reply:
        return Reply(text=sent.key)


class Liar(Mute):
    """A plugin that says that it is local, and calls home."""

    endpoints = ()

    async def generate(self, sent: PreparedRequest) -> Reply:
        with socket.socket() as caller:
            caller.settimeout(0.2)
            caller.connect(("192.0.2.7", 80))
        return Reply(text=sent.key)


def test_a_plugin_that_does_not_say_where_it_sends_is_refused_whatever_its_card_says() -> None:
    with pytest.raises(GateError, match="does not state where"):
        gate.check(data("credentialed"), Mute())


async def test_a_plugin_that_lies_about_being_local_is_stopped_at_the_socket(
    tmp_path: Path, question: Callable[..., Request]
) -> None:
    permit = gate.check(data("credentialed"), Liar())
    with Journal(tmp_path / "r") as journal, permit.guard() as guard:
        requester = Requester(Liar(), journal)
        with pytest.raises(Stopped, match=r"a connection to 192\.0\.2\.7 was refused"):
            await requester.ask(question("secret"))

    assert guard.refused == ["192.0.2.7"]
    assert requester.signal.stop is not None
    assert isinstance(requester.signal.stop.fatal, GateError)


async def test_the_guard_lets_this_machine_and_permitted_addresses_through_and_ends_with_its_block(
    server: MockServer,
) -> None:
    port = int(server.url.removesuffix("/v1").rpartition(":")[2])
    with gate.Permit(hosts={"x": ("192.0.2.7",)}).guard():
        socket.create_connection(("127.0.0.1", port)).close()
        with socket.socket() as caller:
            caller.setblocking(False)
            with pytest.raises(BlockingIOError):
                caller.connect(("192.0.2.7", 80))
            with pytest.raises(GateError):
                caller.connect(("192.0.2.8", 80))
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sender, gate.Permit(hosts={}).guard() as guard, pytest.raises(GateError):
        sender.sendto(b"x", ("192.0.2.8", 9))
    assert guard.refused == ["192.0.2.8"]


def sent() -> PreparedRequest:
    return PreparedRequest(Request("openai", "m", (Message("user", (Text("secret"),)),)), {}, "k")


async def test_a_redirect_to_elsewhere_is_not_followed(server: MockServer) -> None:
    async with MockServer() as elsewhere:
        server.faults = {"secret": f"307@{elsewhere.url}/chat/completions"}
        model = client(server.url)
        with pytest.raises(TransportError, match="redirects are not followed") as error:
            await model.generate(sent())
        await model.close()

        assert not error.value.retry
        assert elsewhere.requests == 0


async def test_proxy_variables_are_not_used(server: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async with MockServer() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url.removesuffix("/v1"))
        monkeypatch.delenv("no_proxy", raising=False)
        model = client(server.url)
        await model.generate(sent())
        await model.close()

        assert (proxy.requests, server.requests) == (0, 1)


async def test_a_name_that_resolves_to_something_else_later_is_not_trusted_twice(
    names: dict[str, str], server: MockServer
) -> None:
    port = server.url.removesuffix("/v1").rpartition(":")[2]
    names["model.example"] = "127.0.0.1"
    model = client(f"http://model.example:{port}/v1")
    gate.check(data("credentialed"), model).confine(model)
    names["model.example"] = "192.0.2.7"
    async with asyncio.timeout(5):
        await model.generate(sent())
    await model.close()

    assert server.requests == 1


async def test_a_confined_client_reaches_no_other_host(server: MockServer) -> None:
    model = client(server.url.replace("127.0.0.1", "localhost"))
    gate.Permit(hosts={}).confine(model)
    with pytest.raises(TransportError, match="not an address that this run was permitted to reach"):
        await model.generate(sent())
    await model.close()

    assert server.requests == 0
