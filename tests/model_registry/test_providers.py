"""Providers: one record each says where requests go, with which key, and how a tool is offered."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmrad_eval.core.contracts import PreparedRequest
from mmrad_eval.core.errors import UnknownNameError, UsageError
from mmrad_eval.core.values import Decoding, Message, Request, Text
from mmrad_eval.harness import experiment
from mmrad_eval.model_registry import providers, resolve
from mmrad_eval.model_registry.mock_server import MockServer
from mmrad_eval.model_registry.openai_chat import ChatClient
from mmrad_eval.tasks import tool_calls

COMMAND = str(Path(sys.executable).with_name("mmrad-eval"))
HOST = """
from mmrad_eval import Provider

HOST = Provider("myhost", "an example", url="http://127.0.0.1:9/v1", keys=("MYHOST_KEY",))
"""
STRANGER = "https://collect.example/v1"


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """Where a test writes a card."""
    return tmp_path / "card.toml"


def written(path: Path, **fields: str) -> str:
    path.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in ({"id": "m"} | fields).items()))
    return str(path)


def package(folder: Path, source: str) -> Path:
    """An installed package that registers a provider."""
    place = folder / "site"
    (place / "myhost-1.0.dist-info").mkdir(parents=True)
    (place / "myhost-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: myhost\nVersion: 1.0\n")
    (place / "myhost-1.0.dist-info/entry_points.txt").write_text("[mmrad_eval.providers]\nmyhost = myhost_of:HOST\n")
    (place / "myhost_of.py").write_text(source)
    return place


def run(*words: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | environment
    return subprocess.run(
        [COMMAND, *words], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=120
    )


def test_the_record_declares_a_tool_in_the_provider_s_words() -> None:
    offered = {name: tool_calls.declared(name, "original") for name in (*providers.BUILTIN, "own")}

    assert offered["anthropic"]["tools"][0]["input_schema"]["required"] == ["region", "box"]
    assert offered["gemini"]["tools"][0]["functionDeclarations"][0]["name"] == "look"
    chat = {name: fields for name, fields in offered.items() if name not in {"anthropic", "gemini"}}
    assert all(fields["tools"][0]["function"]["name"] == "look" for fields in chat.values())


async def test_a_host_of_openai_s_format_is_one_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYHOST_KEY", "planted-of-myhost")
    async with MockServer(keep=True) as server:
        record = providers.Provider("myhost", "myhost:ID - an example.", url=server.url, keys=("MYHOST_KEY",))
        monkeypatch.setattr(providers, "BUILTIN", {**providers.BUILTIN, "myhost": record})
        client = resolve("myhost:some/model")
        request = Request("myhost", "some/model", (Message("user", (Text("hello"),)),), Decoding(max_tokens=8))
        assert isinstance(client, ChatClient)
        reply = await client.generate(PreparedRequest(request, {}, "key"))
        await client.close()

    assert reply.text
    assert server.bodies[0]["model"] == "some/model"


def test_an_installed_package_brings_a_provider_that_cards_can_name(tmp_path: Path) -> None:
    site = package(
        tmp_path,
        HOST,
    )
    spec = written(tmp_path / "card.toml", provider="myhost", api_key_env="MYHOST_KEY")
    seen = run("--model", spec, "--task", "direct", "--dry-run", folder=tmp_path, PYTHONPATH=str(site), MYHOST_KEY="k")
    doctor = run("doctor", folder=tmp_path, PYTHONPATH=str(site))

    assert seen.returncode == 0, seen.stderr
    assert "myhost:m" in seen.stdout
    assert "1 loaded" in doctor.stdout


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("HOST = {'url': 'http://127.0.0.1:9/v1'}\n", "it is dict, not a mmrad_eval.Provider"),
        ("HOST = 1 / 0\n", "ZeroDivisionError"),
        ("OTHER = 1\n", "has no 'HOST'"),
        (
            "from mmrad_eval import Provider\nHOST = Provider('myhost', 'x', client=lambda card, how: object())\n",
            "provider myhost is not valid",
        ),
    ],
)
def test_an_installed_provider_that_does_not_fit_is_refused_in_a_line(tmp_path: Path, source: str, says: str) -> None:
    site = package(tmp_path, source)
    seen = run("--model", "myhost:m", "--task", "direct", "--dry-run", folder=tmp_path, PYTHONPATH=str(site))

    assert seen.returncode == 1
    assert says in seen.stderr
    assert "Traceback" not in seen.stderr
    assert len(seen.stderr.splitlines()) == 1


def test_an_unknown_provider_names_its_nearest(card: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean anthropic"):
        resolve(written(card, provider="antropic"))


@pytest.mark.parametrize(
    ("fields", "variable"),
    [
        ({"provider": "openai", "base_url": STRANGER, "api_key_env": "AWS_SECRET_ACCESS_KEY"}, "AWS_SECRET_ACCESS_KEY"),
        ({"provider": "openai", "base_url": STRANGER, "api_key_env": "ANTHROPIC_API_KEY"}, "ANTHROPIC_API_KEY"),
        ({"provider": "openai", "api_key_env": "GITHUB_TOKEN"}, "GITHUB_TOKEN"),
        ({"provider": "anthropic", "api_key_env": "OPENAI_API_KEY"}, "OPENAI_API_KEY"),
        ({"provider": "gemini", "base_url": "http://127.0.0.1:9", "api_key_env": "PATH"}, "PATH"),
        ({"provider": "vllm", "base_url": STRANGER, "api_key_env": "HOME"}, "HOME"),
        ({"provider": "openai", "base_url": STRANGER, "api_key_env": "OPENAI_API_KEY"}, "OPENAI_API_KEY"),
        (
            {"provider": "openai", "base_url": "http://api.openai.com/v1", "api_key_env": "OPENAI_API_KEY"},
            "OPENAI_API_KEY",
        ),
        (
            {
                "provider": "openai",
                "base_url": "https://api.openai.com.collect.example/v1",
                "api_key_env": "OPENAI_API_KEY",
            },
            "OPENAI_API_KEY",
        ),
        (
            {
                "provider": "openai",
                "base_url": f"https://api.openai.com/v1,{STRANGER}",
                "api_key_env": "OPENAI_API_KEY",
            },
            "OPENAI_API_KEY",
        ),
        ({"provider": "azure", "base_url": STRANGER}, "AZURE_OPENAI_API_KEY"),
        ({"provider": "azure", "base_url": "https://notopenai.azure.com.example"}, "AZURE_OPENAI_API_KEY"),
        ({"provider": "vllm", "base_url": "http://192.0.2.7:8000/v1"}, "VLLM_API_KEY"),
    ],
)
def test_a_card_sends_no_key_that_its_provider_does_not_own_nor_to_an_address_of_its_choice(
    card: Path, monkeypatch: pytest.MonkeyPatch, fields: dict[str, str], variable: str
) -> None:
    monkeypatch.setenv(variable, os.environ.get(variable) or "planted")
    spec = written(card, **fields)
    with pytest.raises(UsageError) as refused:
        resolve(spec)

    message = str(refused.value)
    assert variable in message
    assert f"--allow-key {variable}" in message
    assert "the card of" in message
    assert "\n" not in message
    assert "planted" not in message
    resolve(spec, allowed_keys=[variable])
    resolve(spec, api_key_env=variable)


@pytest.mark.parametrize(
    "fields",
    [
        {"provider": "openai"},
        {"provider": "openai", "api_key_env": "OPENAI_API_KEY"},
        {"provider": "openai", "base_url": STRANGER},
        {"provider": "openai", "base_url": "https://API.openai.com/v1", "api_key_env": "OPENAI_API_KEY"},
        {"provider": "openai", "base_url": "http://127.0.0.1:9/v1", "api_key_env": "OPENAI_API_KEY"},
        {"provider": "gemini", "api_key_env": "GOOGLE_API_KEY"},
        {"provider": "azure", "base_url": "https://ward.openai.azure.com"},
        {"provider": "vllm", "base_url": "http://localhost:8000/v1"},
    ],
)
def test_a_card_that_keeps_to_its_provider_needs_no_word_on_the_command_line(
    card: Path, monkeypatch: pytest.MonkeyPatch, fields: dict[str, str]
) -> None:
    for provider in providers.BUILTIN.values():
        for variable in provider.keys:
            monkeypatch.setenv(variable, "planted")

    resolve(written(card, **fields))


EXPERIMENT = 'tasks = ["direct"]\ndata = ["demo"]\n'


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[[model]]\nmodel = "openai:m"\napi_key_env = "AWS_SECRET_ACCESS_KEY"\n', "AWS_SECRET_ACCESS_KEY"),
        (f'[[model]]\nmodel = "openai:m"\nbase_url = "{STRANGER}"\napi_key_env = "OPENAI_API_KEY"\n', "OPENAI_API_KEY"),
        (f'[[model]]\nmodel = "vllm:m"\nbase_url = ["http://127.0.0.1:9/v1", "{STRANGER}"]\n', "VLLM_API_KEY"),
        ('models = ["openai:m"]\n[shared]\napi_key_env = "HOME"\n', "HOME"),
        ('models = ["openai:m"]\n[shared]\napi_key_file = "/etc/hostname"\n', "/etc/hostname"),
        (
            'models = ["baseline:normal"]\n[shared]\njudge = "openai:j"\njudge_key_env = "GITHUB_TOKEN"\n',
            "GITHUB_TOKEN",
        ),
        ('[[model]]\nmodel = "models.py:Own"\napi_key_env = "GITHUB_TOKEN"\n', "GITHUB_TOKEN"),
        ('models = ["claude-opus-4-5"]\n[shared]\napi_key_env = "OPENAI_API_KEY"\n', "OPENAI_API_KEY"),
    ],
)
def test_an_experiment_file_is_trusted_no_more_than_a_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, named: str
) -> None:
    monkeypatch.setenv(named if named.isupper() else "UNUSED", "planted")
    head, mark, tables = f"\n{text}".partition("\n[")
    path = tmp_path / "experiment.toml"
    path.write_text(f"{head}\n{EXPERIMENT}{mark}{tables}")
    seen = run(str(path), "--dry-run", folder=tmp_path, **{named if named.isupper() else "UNUSED": "planted"})

    assert seen.returncode == 2
    assert f"--allow-key {named}" in seen.stderr
    assert len(seen.stderr.splitlines()) == 1
    options = {
        name: f"--{name.replace('_', '-')}"
        for name in (
            "model",
            "task",
            "data",
            "out",
            "base_url",
            "judge",
            "judge_key_env",
            "api_key_env",
            "api_key_file",
        )
    }
    assert experiment.commands(experiment.read(path), options, (), [named])


def test_an_experiment_can_not_allow_itself_a_key(tmp_path: Path) -> None:
    path = tmp_path / "experiment.toml"
    path.write_text(f'models = ["openai:m"]\n{EXPERIMENT}[shared]\napi_key_env = "HOME"\nallow_key = ["HOME"]\n')
    seen = run(str(path), "--dry-run", folder=tmp_path)

    assert seen.returncode == 2
    assert "only the command line may allow a key" in seen.stderr
