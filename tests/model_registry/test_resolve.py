"""What ``--model`` takes, and how it says no."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mmrad_eval.core.contracts import is_client
from mmrad_eval.core.errors import DataError, ModelError, PluginError, UnknownNameError, UsageError
from mmrad_eval.model_registry import registry, resolve
from mmrad_eval.model_registry.openai_chat import ChatClient
from tests.packages import installed

PLUGIN = '''
from mmrad_eval.core.values import Card, Reply, Report

class Chatty:
    """A client."""
    def __init__(self, size="small"):
        self.card = Card(provider="acme", id=f"chatty-{size}")
    def generate(self, sent):
        return Reply(text="FINDINGS: Clear.")

class Reader:
    card = Card(provider="acme", id="reader")
    def answer(self, study, shown, donor):
        return Report(text="Clear.")

ready = Chatty("ready")

class NoCard:
    def generate(self, sent): ...

class Idle:
    card = Card(provider="acme", id="idle")

class Narrow:
    card = Card(provider="acme", id="narrow")
    def generate(self): ...

class Explosive:
    def __init__(self):
        raise RuntimeError("no weights here")
'''


POINTS = {"acme-reader": "acme_models:Reader", "chatty": "acme_models:Chatty", "half": "acme_models:Idle"}


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "my models.py"
    path.write_text(PLUGIN)
    return path


@pytest.mark.parametrize("name", ["evidence", "normal", "reference", "shuffle"])
def test_baselines_are_answerers(name: str) -> None:
    assert not is_client(resolve(f"baseline:{name}"))


def test_an_id_keeps_its_slashes_and_colons() -> None:
    model = resolve("vllm:org/model:latest-v2:rank8", base_url=["http://127.0.0.1:8000"])

    assert (model.card.provider, model.card.id) == ("vllm", "org/model:latest-v2:rank8")
    assert model.card.label == "vllm:org/model:latest-v2:rank8"


def test_vllm_is_found_by_option_before_environment_before_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MMRAD_VLLM_URL", raising=False)
    assert endpoints("vllm:m") == ("http://127.0.0.1:8000/v1",)
    monkeypatch.setenv("MMRAD_VLLM_URL", "http://a:1, http://b:2/v1")
    assert endpoints("vllm:m") == ("http://a:1/v1", "http://b:2/v1")
    assert endpoints("vllm:m", "http://c:3/v1/") == ("http://c:3/v1",)


def endpoints(spec: str, *urls: str) -> tuple[str, ...]:
    model = resolve(spec, base_url=urls)
    assert isinstance(model, ChatClient)
    return model.endpoints


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8000", "ftp://host/v1", "http://", "http://h/v1?x=1", "http://1.2.3.4\\@evil/v1"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="--base-url"):
        resolve("vllm:m", base_url=[url])


def test_a_password_in_an_address_is_refused_without_repeating_it() -> None:
    with pytest.raises(UsageError) as refusal:
        resolve("vllm:m", base_url=["http://me:planted-password@host/v1"])
    assert "planted" not in str(refusal.value)


def test_openai_needs_its_key_and_its_key_goes_to_openai_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ModelError, match="OPENAI_API_KEY"):
        resolve("openai:some-model")
    monkeypatch.setenv("OPENAI_API_KEY", "planted")
    assert endpoints("openai:some-model") == ("https://api.openai.com/v1",)
    elsewhere = resolve("openai:some-model", base_url=["http://127.0.0.1:1"])
    assert isinstance(elsewhere, ChatClient)
    assert elsewhere.transport.secret is None


def test_a_model_of_one_s_own_is_named_by_its_file(plugin: Path) -> None:
    assert resolve(f"{plugin}:Chatty").card.id == "chatty-small"
    assert resolve(f"{plugin}:ready").card.id == "chatty-ready"
    assert not is_client(resolve(f"{plugin}:Reader"))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("NoCard", "NoCard: it has no `card`"),
        ("Idle", "neither `generate"),
        ("Narrow", r"needs `generate\(sent\)`|called as `generate\(sent\)`"),
        ("Explosive", "no weights here"),
        ("Missing", "has no 'Missing'; it defines Chatty, Reader"),
    ],
)
def test_what_a_model_of_one_s_own_lacks_is_quoted(plugin: Path, name: str, words: str) -> None:
    with pytest.raises(PluginError, match=words):
        resolve(f"{plugin}:{name}")


def test_a_file_that_breaks_or_is_not_there_says_so(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import nothing_of_this_name")
    with pytest.raises(PluginError, match="nothing_of_this_name"):
        resolve(f"{tmp_path}/broken.py:Model")
    with pytest.raises(DataError, match="no such file"):
        resolve(f"{tmp_path}/gone.py:Model")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("baseline:evidnce", "did you mean baseline:evidence"),
        ("vlm:Qwen/Qwen2.5-VL-7B-Instruct", "no provider is called 'vlm'; did you mean vllm"),
        ("Qwen/Qwen2.5-VL-7B-Instruct", "did you mean vllm:Qwen/Qwen2.5-VL-7B-Instruct"),
        ("vllm:", "needs something after the colon"),
        ("vllm", "needs an id: vllm:ID"),
        ("file", "needs a path: file:PATH"),
    ],
)
def test_a_name_that_is_none_gets_a_way_out(spec: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        resolve(spec)


def test_a_card_file_is_a_model(tmp_path: Path) -> None:
    card = tmp_path / "mine.toml"
    card.write_text('provider = "vllm"\nid = "me/mine"\nname = "mine"\nbox_frame = "norm_1000"\nmax_images = 4\n')
    model = resolve(str(card))

    assert model.card.label == "mine"
    assert model.card.max_images == 4


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('provider = "vllm"\nid = "m"\nmax_image = 4', "did you mean 'max_images'"),
        ('provider = "vllm"', "missing required field `id`"),
        ('provider = "vllm"\nid = 7', "`str`, got `int`"),
        ("provider = ", "not TOML"),
        ('provider = "vlm"\nid = "m"', "did you mean vllm"),
    ],
)
def test_a_card_file_that_is_wrong_names_the_field(tmp_path: Path, text: str, words: str) -> None:
    card = tmp_path / "mine.toml"
    card.write_text(text)
    with pytest.raises((DataError, UnknownNameError), match=words):
        resolve(str(card))


def test_a_card_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="can't be read"):
        resolve(str(tmp_path / "gone.toml"))


def test_listing_imports_nothing_heavy() -> None:
    code = (
        "import sys; from mmrad_eval.model_registry import registry; names = [e.name for e in registry()];"
        "assert 'baseline:evidence' in names and 'vllm' in names;"
        "heavy = {'aiohttp', 'numpy', 'pandas', 'PIL', 'yarl', 'asyncio'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_built_in_name_loads() -> None:
    known = registry()
    for entry in known:
        entry.load()


def test_an_installed_package_adds_a_model(tmp_path: Path) -> None:
    place = installed(tmp_path, "acme-models", {"mmrad_eval.models": POINTS}, acme_models=PLUGIN)
    code = """
from mmrad_eval.core.errors import PluginError
from mmrad_eval.model_registry import registry, resolve
entry = registry().entry("acme-reader")
assert (entry.origin, entry.summary) == ("acme-models", "Summary of acme-models"), entry
assert resolve("acme-reader").card.id == "reader"
assert resolve("chatty").card.id == "chatty-small"
assert resolve("chatty:large").card.id == "chatty-large"
try:
    resolve("half")
except PluginError as error:
    assert "neither `generate" in str(error), error
else:
    raise AssertionError("a model without generate or answer was taken")
"""
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(place), "PATH": "/usr/bin"})
