"""A real vLLM with a chat template of the string content format, and with one that loops and puts images first."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmrad_eval.model_registry.serving import Server
from tests.model_registry.conftest import serving

pytestmark = pytest.mark.vllm

STRING = """{%- for message in messages -%}<|im_start|>{{ message['role'] }}
{{ message['content'] }}<|im_end|>
{% endfor -%}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
IMAGES_FIRST = """{%- for message in messages -%}<|im_start|>{{ message['role'] }}
{% if message['content'] is string %}{{ message['content'] }}{% else -%}
{%- for part in message['content'] if part['type'] != 'text' -%}<|vision_start|><|image_pad|><|vision_end|>
{%- endfor -%}
{%- for part in message['content'] if part['type'] == 'text' -%}{{ part['text'] }}{%- endfor -%}
{%- endif %}<|im_end|>
{% endfor -%}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


def run(server: Server, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "mmrad_eval",
        "--model",
        f"vllm:{server.card.id}",
        "--no-look-check",
        "--base-url",
        server.url,
    ]
    command += ["--api-key-env", "VLLM_TEST_KEY", "--task", "mcot", "--limit", "2", "--max-tokens", "8"]
    command += ["--max-edge", "112", "--metrics", "bleu@raw", "--out", str(out), *more]
    assert server.secret is not None
    environment = os.environ | {"VLLM_TEST_KEY": server.secret.reveal()}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=300)


CASES = {
    "string format": (STRING, "--no-interleave-mm-strings", 1),
    "string format, interleaved": (STRING, "--interleave-mm-strings", 0),
    "looping, images first": (IMAGES_FIRST, "--interleave-mm-strings", 1),
}


@pytest.mark.parametrize("case", CASES)
def test_a_run_is_refused_marked_or_sound(vllm_command: Path, tiny_model: Path, tmp_path: Path, case: str) -> None:
    template, flag, code = CASES[case]
    path = tmp_path / "template.jinja"
    path.write_text(template)
    flags = ("--chat-template", str(path), flag)
    with serving(vllm_command, tiny_model, tmp_path / "log", *flags, images=12) as server:
        ended = run(server, tmp_path / "out")
        assert ended.returncode == code, ended.stderr
        if code:
            assert "--interleave-mm-strings" in ended.stderr
            marked = run(server, tmp_path / "out", "--images-first")
            assert marked.returncode == 0, marked.stderr
            assert "images first" in marked.stdout
