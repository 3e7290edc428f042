"""Models in transformers (`hf:ID`): two tiny architectures with random weights, in an environment of their own."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mmrad_eval
from mmrad_eval.core.contracts import PreparedRequest
from mmrad_eval.core.errors import ModelError, TransportError, UsageError
from mmrad_eval.core.values import Decoding, Reply, Text
from mmrad_eval.model_registry import resolve
from mmrad_eval.model_registry.programs.hf import TransformersClient
from mmrad_eval.model_registry.programs.options import ProgramOptions

Sent = Callable[..., PreparedRequest]
ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".envs/trl/bin/python"


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of a tiny Qwen2.5-VL and a tiny LLaVA."""
    if not PYTHON.exists():
        pytest.skip("no .envs/trl: run scripts/env-trainers trl")
    folder = tmp_path_factory.mktemp("models")
    for name in ("tiny_vlm", "tiny_llava"):
        command = [str(PYTHON), "-m", f"tests.model_registry.{name}", str(folder / name)]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    return {"qwen": folder / "tiny_vlm", "llava": folder / "tiny_llava"}


@pytest.fixture(scope="session")
def alone(tiny: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, list[Any]]]:
    """What each of them answers, asked one by one."""
    told = {}
    for name, model in tiny.items():
        results = tmp_path_factory.mktemp(f"alone-{name}")
        finished(command_of(model, results, 1))
        told[name] = answers(results)
    return told


def client_of(spec: str, **options: Any) -> TransformersClient:
    client = resolve(spec, programs=ProgramOptions(**options))
    assert isinstance(client, TransformersClient)
    return client


def command_of(model: Path, results: Path, batch: int) -> list[str]:
    return [
        *(sys.executable, "-m", "mmrad_eval", "--model", f"hf:{model}", "--python", str(PYTHON)),
        *("--batch-size", str(batch), "--task", "tcot,mcot", "--limit", "4", "--max-tokens", "12"),
        *("--metrics", "bleu", "--no-look-check", "--out", str(results)),
    ]


def finished(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def answers(results: Path) -> dict[str, list[dict[str, Any]]]:
    """Task -> what the answers say, without the keys, which know the size of a batch."""
    return {
        path.parents[2].name: [
            {name: value for name, value in json.loads(line).items() if name != "keys"}
            for line in path.read_text().splitlines()
        ]
        for path in results.rglob("answers.jsonl")
    }


@pytest.mark.trainers
@pytest.mark.parametrize("name", ["qwen", "llava"])
def test_words_are_the_same_one_by_one_and_in_batches(
    tiny: dict[str, Path], alone: dict[str, dict[str, list[Any]]], tmp_path: Path, name: str
) -> None:
    finished(command_of(tiny[name], tmp_path, 3))
    assert set(alone[name]) == {"tcot", "mcot"}
    assert answers(tmp_path) == alone[name]
    texts = [answer["report"]["text"] for task in alone[name].values() for answer in task]
    assert len(texts) == 8
    assert len(set(texts)) > 4  # the tiny model reads what it is shown
    (log,) = [path for path in tmp_path.rglob("program.log") if "requests in" in path.read_text()]
    batches = int(log.read_text().split(" requests in ")[1].split()[0])
    assert batches < 8
    (run,) = (tmp_path / "runs/demo/mcot").rglob("run.json")
    record = json.loads(run.read_bytes())
    assert record["identity"]["model"]["revision"] == "batch 3"
    assert "float32" in record["served"][0]["version"]


@pytest.mark.trainers
def test_a_run_that_is_killed_goes_on_where_it_was(
    tiny: dict[str, Path], alone: dict[str, dict[str, list[Any]]], tmp_path: Path
) -> None:
    command = command_of(tiny["llava"], tmp_path / "killed", 1)
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not any(path.stat().st_size for path in (tmp_path / "killed/replies").rglob("*.jsonl") if "hf_" in str(path)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    run.send_signal(signal.SIGKILL)
    run.wait()
    finished(command)
    assert answers(tmp_path / "killed") == alone["llava"]
    workers = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(tiny["llava"]) not in workers


@pytest.mark.trainers
async def test_what_a_request_says_is_kept(tiny: dict[str, Path], sent_of: Sent) -> None:
    client = client_of(f"hf:{tiny['llava']}", python=str(PYTHON), batch_size=8)
    short, chance = Decoding(max_tokens=20), Decoding(max_tokens=20, temperature=1.0, seed=5)
    try:
        whole = await client.generate(sent_of(("user", "Describe."), decoding=short))
        stop = whole.text[len(whole.text) // 2 :][:2]
        sent = [
            sent_of(("user", "Describe."), decoding=Decoding(max_tokens=20, stop=(stop,))),
            sent_of(("user", "Describe."), decoding=Decoding(max_tokens=9000)),
            sent_of(("user", "Describe."), decoding=Decoding(max_tokens=None, stop=(stop,))),
            sent_of(("user", "Describe.", ("image/png", b"\x89PNG no film")), decoding=short),
            sent_of(("user", "Describe."), decoding=chance),
            sent_of(("user", "Describe."), decoding=chance),
            sent_of(("system", "You write reports."), ("user", "Describe."), decoding=short),
        ]
        outcomes = await asyncio.gather(*map(client.generate, sent), return_exceptions=True)
    finally:
        await client.close()
    cut, long, free, broken, first, second, with_system = outcomes
    assert isinstance(cut, Reply)
    assert (cut.text, cut.finish) == (whole.text[: whole.text.index(stop)], "stop")
    assert whole.finish == "length"
    assert whole.usage.completion == 20
    assert isinstance(long, Reply)
    assert long.finish == "too long"
    assert isinstance(free, Reply)
    assert free.text == cut.text
    assert isinstance(broken, TransportError)
    assert "cannot identify image" in str(broken)
    assert isinstance(first, Reply)
    assert isinstance(second, Reply)
    assert first.text == second.text != whole.text
    assert isinstance(with_system, Reply)
    assert with_system.text != whole.text


def test_the_number_format_the_batch_and_remote_code_are_of_the_identity() -> None:
    plain = client_of("hf:some/model")
    assert plain.card.revision is None
    assert plain.endpoints == ()
    stated = client_of("hf:some/model", dtype="bfloat16", batch_size=4, trust_remote_code=True)
    assert stated.card.revision == "bfloat16, batch 4, remote code"
    assert stated.endpoints is None  # so that the gate asks for an attestation
    assert client_of("hf:some/model", batch_size=1, device_map="auto").card == plain.card


def test_a_model_that_a_card_knows_behind_vllm_keeps_its_facts() -> None:
    card = client_of("hf:Qwen/Qwen2.5-VL-7B-Instruct").card
    behind = resolve("qwen2.5-vl-7b").card
    assert (card.box_frame, card.dialect, card.trained_on) == (behind.box_frame, behind.dialect, behind.trained_on)
    assert card.label == "hf:Qwen/Qwen2.5-VL-7B-Instruct"


def test_live_tokens_in_words_are_taken_apart(sent_of: Sent) -> None:
    asked = client_of("hf:some/model").adapt(sent_of(("user", "A report says <|image_pad|>.")).request)
    assert asked.messages[0].parts == (Text("A report says < |image_pad| >."),)


def test_credentialed_data_does_not_go_to_remote_code(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "mmrad_eval",
        "--model",
        "hf:some/model",
        "--trust-remote-code",
        "--task",
        "direct",
    ]
    command += ["--data-use", "credentialed", "--limit", "1", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 4
    assert "does not state where it sends its input" in done.stderr


def test_options_that_say_nothing_of_the_model_are_refused() -> None:
    with pytest.raises(UsageError, match="--batch-size is for transformers models"):
        mmrad_eval.evaluate("vllm:some/model", "direct", batch_size=4)
    with pytest.raises(UsageError, match=r"--dtype is for transformers models .* and servers of --serve"):
        mmrad_eval.evaluate("baseline:normal", "direct", dtype="float16")
    with pytest.raises(ModelError, match="--python /no/such/python"):
        client_of("hf:some/model", python="/no/such/python")
    with pytest.raises(UsageError, match="--base-url"):
        resolve("hf:some/model", base_url=("http://127.0.0.1:1",))


async def test_an_environment_without_transformers_is_told(sent_of: Sent, tmp_path: Path) -> None:
    client = client_of("hf:some/model")
    client.server.log = tmp_path / "program.log"
    for _ in range(3):
        with pytest.raises(TransportError):
            await client.generate(sent_of(("user", "a")))
    with pytest.raises(ModelError, match="No module named 'torch'"):
        await client.generate(sent_of(("user", "a")))
    await client.close()
