"""Requests for the tests of clients, and a real vLLM server for those marked `vllm`."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mmrad_eval.core.contracts import PreparedRequest
from mmrad_eval.core.values import Card, Decoding, Image, Message, Request, Text
from mmrad_eval.model_registry.serving import ServeOptions, Server


@pytest.fixture
def sent_of() -> Callable[..., PreparedRequest]:
    """Makes what a client gets: messages as (role, part, part, ...) with strings and (media type, bytes) pairs."""

    def make(
        *messages: tuple[Any, ...],
        decoding: Decoding | None = None,
        extra: Mapping[str, Any] | None = None,
        provider: str = "openai",
        model: str = "some-model",
    ) -> PreparedRequest:
        images: dict[Image, tuple[str, bytes]] = {}
        made = []
        for role, *parts in messages:
            content: list[Text | Image] = []
            for part in parts:
                if isinstance(part, str):
                    content.append(Text(part))
                else:
                    image = Image(path=f"/images/{len(images)}")
                    images[image] = part
                    content.append(image)
            made.append(Message(role, tuple(content)))
        raw = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in (extra or {}).items()}
        chosen = decoding or Decoding(max_tokens=100)
        return PreparedRequest(Request(provider, model, tuple(made), chosen, extra=raw), images, "key")

    return make


ROOT = Path(__file__).resolve().parents[2]
CONTEXT, IMAGES = 4096, 8
ON_A_CPU = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_TARGET_DEVICE": "cpu",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "TORCH_COMPILE_DISABLE": "1",
}
"""Environment of a vLLM on a CPU that shares its cores: two that bind their threads take the same one."""
FLAGS = ("--enforce-eager", "--distributed-executor-backend", "uni")
"""Nothing is compiled, and the model is within the engine's process: most of a start is the imports of each process."""


@pytest.fixture(scope="session")
def vllm_command() -> Path:
    """The vllm command: MMRAD_VLLM, the environment that scripts/env-vllm makes, or PATH; skips where there is none."""
    found = os.environ.get("MMRAD_VLLM") or shutil.which("vllm", path=f"{ROOT}/.envs/vllm/bin:{os.environ['PATH']}")
    if not found:
        pytest.skip("no vLLM: run scripts/env-vllm, or name its command in MMRAD_VLLM")
    return Path(found)


@pytest.fixture(scope="session")
def tiny_model(vllm_command: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny random vision-language model, and beside it `adapter`, a LoRA adapter of it."""
    folder = tmp_path_factory.mktemp("tiny")
    python = vllm_command.resolve().with_name("python")
    script = Path(__file__).with_name("tiny_vlm.py")
    made = subprocess.run(
        [python, script, folder / "model", "--adapter", folder / "adapter"], capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr[-2000:]
    return folder / "model"


@contextmanager
def serving(
    command: Path, model: Path, log: Path, *more: str, context: int = CONTEXT, images: int = IMAGES
) -> Iterator[Server]:
    """A real vLLM on a CPU that serves the tiny model while the block runs, started as `--serve` starts one."""
    before = {name: os.environ.get(name) for name in ON_A_CPU}
    os.environ.update(ON_A_CPU)
    extra = (*FLAGS, "--max-num-seqs", "16", *more)
    options = ServeOptions(command=(str(command),), dtype="float32", extra=extra, patience=900)
    server = Server(Card(provider="vllm", id=str(model), max_images=images, context=context), options, log=log)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.fixture(scope="session")
def vllm_server(vllm_command: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real vLLM that serves the tiny model and its adapter `tiny-adapter`."""
    adapter = ("--enable-lora", "--max-lora-rank", "8", "--lora-modules", f"tiny-adapter={tiny_model.parent}/adapter")
    with serving(vllm_command, tiny_model, tmp_path_factory.mktemp("vllm") / "vllm.log", *adapter) as server:
        yield server


@pytest.fixture(scope="session")
def llama_url() -> Iterator[str]:
    """Base URL of a llama.cpp server with a small model of words; skips where its environment is not made."""
    python = ROOT / ".envs/llama/bin/python"
    if not python.exists():
        pytest.skip("no .envs/llama: run scripts/env-llama")
    command = [python, Path(__file__).with_name("llama_server.py")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield next(line.strip() for line in process.stdout if line.startswith("http"))
        finally:
            process.stdin.close()
            process.kill()
