"""Real servers as judges: a tiny model behind vLLM, a small one behind llama.cpp; they can hardly keep to a form."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.metrics.judge_checkouts import write_green, write_radrscore
from tests.metrics.radfact_checkout import write_checkout, write_wheel
from tests.model_registry.conftest import serving

pytestmark = pytest.mark.vllm

COMMAND = str(Path(sys.executable).with_name("mmrad-eval"))
WHEELS = Path(__file__).resolve().parents[2] / ".envs/judges/wheels"
STUDIES, FEW = 24, 6
ON_REPORTS = ("crimson", "radmatch", "green", "radfact", "radrscore")
WITH_BOXES = ("radfact-grounded",)
CONTEXT = 16_384
"""Of the tiny model, whose tokens are mostly letters: RadMatch's instructions take 11,000 of them."""
TOKENS = {"crimson": 8, "radmatch": 16, "green": 4, "radfact": 4, "radrscore": 4}
"""Of a reply: more of them would only be more noise."""


@pytest.fixture(autouse=True)
def wheels() -> None:
    """The published prompts of CRIMSON and RadMatch."""
    if not WHEELS.exists():
        pytest.skip("no .envs/judges: run scripts/env-judges")


@pytest.fixture
def options(tmp_path: Path) -> list[str]:
    """Where the words of the other metrics are, and how long a reply may be."""
    said = {
        "crimson.prompt": "short",
        "green.checkout": write_green(tmp_path / "green"),
        "radrscore.checkout": write_radrscore(tmp_path / "radrscore"),
        "radfact.checkout": write_checkout(tmp_path / "radfact"),
        "radfact.langchain": write_wheel(tmp_path / "langchain_core.whl"),
        **{f"{metric}.max_tokens": most for metric, most in TOKENS.items()},
    }
    return [f"{key}={value}" for key, value in said.items()]


def boxed(folder: Path) -> Path:
    """Invented studies in PadChest-GR's form, each a sentence with a box."""
    records = [
        {
            "StudyID": str(n),
            "ImageID": f"{n}.png",
            "findings": [
                {"sentence_en": f"Opacity {n} of the left lung.", "abnormal": True, "boxes": [[0.5, 0.1, 0.9, 0.6]]},
            ],
        }
        for n in range(STUDIES)
    ]
    folder.mkdir()
    (folder / "grounded_reports_20240819.json").write_text(json.dumps(records))
    return folder


def with_context(model: Path) -> Path:
    """A copy of the tiny model with positions for ``CONTEXT`` tokens, which cost it no weights."""
    for name in ("config.json", "tokenizer_config.json"):
        text = (model / name).read_text()
        (model / name).write_text(
            re.sub(r'("(?:max_position_embeddings|model_max_length)": )\d+', rf"\g<1>{CONTEXT}", text)
        )
    return model


def judged(
    folder: Path,
    metrics: tuple[str, ...],
    data: str,
    options: list[str],
    *judge: str,
    key: str = "",
    studies: int = STUDIES,
) -> Counter[str]:
    """How the replies about a stored run ended.

    All that is not read is counted, and no number stands where nothing was.
    """
    folder.mkdir(exist_ok=True)
    words = [COMMAND, "--model", "baseline:shuffle", "--task", "direct", "--data", data, "--metrics", "bleu@raw"]
    subprocess.run([*words, "--limit", str(studies), "--quiet"], cwd=folder, check=True, capture_output=True)
    (run,) = folder.glob("results/runs/*/direct/baseline_shuffle/*")
    known = [word for one in options if one.partition(".")[0] in _owners(metrics) for word in ("--metric-option", one)]
    ended = subprocess.run(
        [COMMAND, "score", str(run), "--metrics", ",".join(metrics), *judge, *known],
        cwd=folder,
        env=os.environ | {"MMRAD_JUDGES": str(WHEELS), "JUDGE_KEY": key},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert "Traceback" not in ended.stderr
    assert ended.returncode == 0, ended.stderr
    columns: dict[str, Any] = json.loads((run / "summary.json").read_text())["columns"]
    for name in (f"{metric}@{profile}" for metric in metrics for profile in ("upstream", "strict")):
        states = re.findall(rf"{name}: (\d+) read, (\d+) degraded, (\d+) unread", ended.stderr)
        assert sum(map(int, states[-1])) == studies, (name, ended.stderr)
        own = {label: one for label, one in columns.items() if one["metric"] == name}
        (share,) = (one for label, one in own.items() if " read @ " in label)
        assert share["n"] == studies, name
        if share["value"] == 0:
            numbers = {label for label, one in own.items() if one["value"] is not None}
            assert all(" read @ " in label or " counted @ " in label for label in numbers), numbers

    return Counter(_endings(folder))


def _endings(folder: Path) -> Iterator[str]:
    for path in folder.glob("results/replies/*/*/*.jsonl"):
        for line in path.read_text().splitlines():
            entry = json.loads(line[line.index("{") :])
            if "reply" in entry:
                yield entry["reply"].get("finish", "stop")


def _owners(metrics: tuple[str, ...]) -> set[str]:
    return {metric.partition("-")[0] for metric in metrics}


def test_a_real_vllm_judges_every_study_under_every_metric(
    vllm_command: Path, tiny_model: Path, tmp_path: Path, options: list[str]
) -> None:
    model = with_context(shutil.copytree(tiny_model, tmp_path / "model"))
    with serving(vllm_command, model, tmp_path / "vllm.log", context=CONTEXT) as server:
        named = ("--judge", f"vllm:{server.card.id}", "--judge-url", server.url, "--judge-key-env", "JUDGE_KEY")
        key = server.secret.reveal()
        found = judged(tmp_path / "reports", ON_REPORTS, "demo", options, *named, key=key, studies=FEW)
        data = str(boxed(tmp_path / "data"))
        found += judged(tmp_path / "boxes", WITH_BOXES, data, options, *named, key=key, studies=FEW)
    assert set(found) <= {"stop", "length"}  # every question was answered, whatever it said


def test_a_real_llama_judges_every_study_under_every_metric(llama_url: str, tmp_path: Path, options: list[str]) -> None:
    where = ("--judge", "openai:smollm2", "--judge-url", llama_url)
    found = judged(tmp_path / "reports", ON_REPORTS, "demo", options, *where)
    assert found.pop("too long") == 2 * STUDIES  # CRIMSON's question and RadMatch's first exceed its 1,024 tokens
    found += judged(tmp_path / "boxes", WITH_BOXES, str(boxed(tmp_path / "data")), options, *where)
    assert set(found) <= {"stop", "length"}
