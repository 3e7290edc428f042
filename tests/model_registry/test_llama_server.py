"""A real server of another make (llama.cpp), with a small real model: wires, parsing and resume on real prose."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval.core.contracts import PreparedRequest
from mmrad_eval.core.errors import TransportError
from mmrad_eval.core.values import Card, Decoding, Reply
from mmrad_eval.model_registry.openai_chat import ChatClient

pytestmark = pytest.mark.vllm

ROOT = Path(__file__).resolve().parents[2]
COMMAND = str(Path(sys.executable).with_name("mmrad-eval"))
SHORT = Decoding(max_tokens=16)
Ask = Callable[..., PreparedRequest]


@pytest.fixture
def url(llama_url: str) -> str:
    """Base URL of a llama.cpp server."""
    return llama_url


async def asked(url: str, sent: PreparedRequest) -> Reply:
    client = ChatClient(Card(provider="openai", id="smollm2"), (url,), timeout=300)
    try:
        return await client.generate(sent)
    finally:
        await client.close()


async def test_it_answers_in_words_counts_tokens_and_repeats(url: str, sent_of: Ask) -> None:
    sent = sent_of(("system", "You are brief."), ("user", "What is an X-ray?"), decoding=SHORT)
    first, second = await asked(url, sent), await asked(url, sent)

    assert first.text == second.text != ""
    assert first.finish in ("stop", "length")
    assert (first.usage.prompt or 0) > 10
    assert first.served.id


async def test_a_prompt_that_is_too_long_is_the_study_s_own(url: str, sent_of: Ask) -> None:
    reply = await asked(url, sent_of(("user", "word " * 4000), decoding=SHORT))
    assert reply.finish == "too long"


async def test_a_server_without_eyes_leaves_the_study_open_and_is_not_asked_again(url: str, sent_of: Ask) -> None:
    with pytest.raises(TransportError, match="takes no images") as error:
        await asked(url, sent_of(("user", "Look:", ("image/png", b"\x89PNG\r\n")), decoding=SHORT))
    assert not error.value.retry


def test_a_run_on_real_prose_is_resumed_and_keeps_what_was_answered(url: str, tmp_path: Path) -> None:
    """The server reuses parts of earlier prompts, so that asking again may not repeat: what is kept is not asked."""

    def run(out: str, *more: str) -> subprocess.CompletedProcess[str]:
        words = [
            COMMAND, "run", "--model", "openai:smollm2", "--base-url", url, "--task", "tcot-blind", "--limit", "4",
            "--max-tokens", "60", "--concurrency", "1", "--timeout", "300", "--metrics", "bleu@r2gen-iu", "--out", out,
        ]  # fmt: skip
        return subprocess.run([*words, *more], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=900)

    def answers() -> dict[str, Any]:
        [path] = (tmp_path / "out").glob("runs/demo/tcot-blind/*/*/answers.jsonl*")
        found = [json.loads(line) for line in path.read_text().splitlines()]
        return {answer["study"]: answer for answer in found if answer.get("status", "pending") != "pending"}

    assert run("out", "--max-requests", "2").returncode == 3
    first = answers()
    resumed = run("out")
    assert resumed.returncode == 0, resumed.stderr
    assert "2 sent, 2 cached" in resumed.stderr
    assert len(first) == 2
    assert len(answers()) == 4
    assert answers().items() >= first.items()
    assert all(answer["report"]["text"] for answer in answers().values())
