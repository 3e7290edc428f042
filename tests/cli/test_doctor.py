"""`mmrad-eval doctor`: what is here, what is missing, and what mends it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

COMMAND = str(Path(sys.executable).with_name("mmrad-eval"))


@pytest.fixture
def server() -> Iterator[str]:
    command = [sys.executable, "-m", "mmrad_eval.model_registry.mock_server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


def asked(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    return subprocess.run(
        [COMMAND, "doctor", *arguments],
        cwd=folder,
        env=clean | {"MMRAD_VLLM_URL": ""} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def found(ended: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    return {finding["about"]: finding for finding in json.loads(ended.stdout)}


def test_a_sound_installation_is_good_and_what_is_missing_has_a_remedy(tmp_path: Path) -> None:
    ended = asked(tmp_path, "--json")
    findings = found(ended)

    assert ended.returncode == 0, ended.stderr
    for about in ("Python", "packages", "plugins", "results", "cache"):
        assert findings[about]["state"] == "good"
    assert all(one["remedy"] for one in findings.values() if one["state"] == "optional" and one["about"] != "GPU")


def test_keys_are_seen_and_never_shown(tmp_path: Path) -> None:
    ended = asked(tmp_path, OPENAI_API_KEY="planted-key")

    assert "OPENAI_API_KEY is set" in ended.stdout
    assert "planted" not in ended.stdout + ended.stderr


def test_a_server_says_what_it_serves_and_one_that_is_away_is_bad(tmp_path: Path, server: str) -> None:
    away = "http://127.0.0.1:9/v1"
    ended = asked(tmp_path, "--json", "--base-url", server, MMRAD_VLLM_URL=away)
    findings = found(ended)

    assert ended.returncode == 1
    assert findings[f"server {server}"]["words"] == "serves rehearsal"
    assert findings[f"server {away}"]["state"] == "bad"
    assert "no connection" in findings[f"server {away}"]["words"]


def test_a_plugin_that_does_not_fit_is_named(tmp_path: Path) -> None:
    info = tmp_path / "half-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: half\nVersion: 1.0\nSummary: Half a model.\n")
    (info / "entry_points.txt").write_text("[mmrad_eval.models]\nhalf = half_models:Half\n")
    (tmp_path / "half_models.py").write_text("class Half: ...\n")
    ended = asked(tmp_path, "--json", PYTHONPATH=str(tmp_path))

    assert ended.returncode == 1
    assert "has neither `generate(sent)`" in found(ended)["plugin half"]["words"]


def test_a_folder_that_can_t_be_written_is_bad(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        target = Path("/proc/results")  # not even root writes there
    else:
        tmp_path.chmod(0o500)
        target = tmp_path / "results"
    ended = asked(Path.cwd(), "--json", "--out", str(target))

    assert found(ended)["results"]["state"] == "bad"
