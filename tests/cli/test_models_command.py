"""`mmrad-eval models`: what is there, and which tasks a card says are impossible."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

COMMAND = str(Path(sys.executable).with_name("mmrad-eval"))


def said(*words: str) -> str:
    return subprocess.run([COMMAND, "models", *words], capture_output=True, text=True, check=True).stdout


def line(name: str) -> str:
    return next(one for one in said().splitlines() if one.startswith(f"{name} "))


def test_a_line_says_images_boxes_serving_training_and_what_is_impossible() -> None:
    assert "1 image (several as a montage)" in line("chameleon-7b")
    assert "cannot run" not in line("chameleon-7b")
    assert "not by vLLM" in line("maira-2")
    assert "file:PATH" in line("maira-2")
    assert "saw MIMIC-CXR" in line("medgemma-4b")
    assert "cannot run" not in line("qwen2.5-vl-7b")


def test_a_line_says_how_boxes_are_read_and_what_nobody_verified() -> None:
    assert "norm_1000_yx (box_2d)" in line("gemini-3.6-flash")
    assert "unverified: dialect" in line("chexagent-2-3b")
    assert "unverified" not in line("qwen3-vl-8b")


def test_all_is_told_about_one_with_sources() -> None:
    told = said("show", "claude-haiku-4.5")
    assert "price: 1.0; 5.0  (platform.claude.com/docs/en/models, 2026-11)" in told
    facts = json.loads(said("show", "vllm:Qwen/Qwen2.5-VL-7B-Instruct", "--json"))
    assert facts["box_frame"] == "multiples_28:3136-12845056"
    assert "smart_resize" in facts["sources"]["box_frame"]


def test_on_a_terminal_what_is_known_of_a_card_is_as_wide_as_it(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmrad_eval.cli.terminal.has_colours", lambda: True)
    monkeypatch.setenv("COLUMNS", "72")
    cards = call("models").out.partition("Cards")[2].splitlines()[1:]
    assert max(map(len, cards)) < 72
    assert "radvlm" in cards
    assert any(one.startswith("    ") and "MS-CXR" in one for one in cards)
