"""As many at work as the pace allows, none begun that a limit would have stopped."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval.harness.pacing import Pace
from mmrad_eval.harness.workers import run_workers

COMMAND = str(Path(sys.executable).with_name("mmrad-eval"))


async def test_every_item_is_done_once_by_as_many_as_the_pace_allows() -> None:
    pace, items, seen, at_once, most = Pace.fixed(8), iter(range(200)), [], 0, 0

    async def do(item: int) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.001)
        at_once -= 1
        seen.append(item)

    await run_workers(lambda: items, do, pace)
    assert sorted(seen) == list(range(200))
    assert 8 <= most <= pace.wanted


async def test_the_crew_grows_and_shrinks_with_the_pace() -> None:
    pace, items, at_once = Pace(limit=2, most=64), iter(range(500)), 0
    seen: dict[int, int] = {}

    async def do(item: int) -> None:
        nonlocal at_once
        at_once += 1
        seen[item] = at_once
        await asyncio.sleep(0.001)
        at_once -= 1
        if item == 50:
            pace.limit = 40
        if item == 200:
            pace.limit = 1

    await run_workers(lambda: items, do, pace)
    assert max(seen[item] for item in range(50)) <= 8
    assert max(seen.values()) > 40
    assert max(seen[item] for item in range(400, 500)) <= 6


async def test_one_failure_speaks_for_all() -> None:
    async def do(item: int) -> None:
        await asyncio.sleep(0)
        raise OSError(f"disk full at {item}")

    with pytest.raises(OSError, match="disk full"):
        await run_workers(lambda: iter(range(10)), do, Pace.fixed(4))


@pytest.fixture
def slow() -> Iterator[str]:
    command = [sys.executable, "-m", "mmrad_eval.model_registry.mock_server", "--delay", "0.3", "--own-words"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


def ran(folder: Path, url: str, *more: str) -> tuple[dict[str, Any], str]:
    """The counts of a run of 600 studies, and what was said."""
    response = (
        "First, I need to analyze the lung region. <image> The bounding box of this area is [10, 10, 90, 90] . Case {}."
        "\n\n  Summarizing the previous analysis, I will generate the following report: FINDINGS: Clear."
    )
    record = {"prompt": "Report. <image>"}
    rows = [record | {"response": response.format(n), "images": [f"{n}/a.jpg", f"{n}/b.jpg"]} for n in range(600)]
    (folder / "studies.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "card.toml").write_text(f'provider = "openai"\nid = "m"\nbase_url = "{url}"\nprice = [0.0, 1000.0]\n')
    words = [COMMAND, "--model", "card.toml", "--data", "mmrad:studies.jsonl", "--task", "tcot-blind"]
    words += ["--metrics", "bleu@r2gen-iu", "--quiet", *more]
    ended = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 3, ended.stderr
    [path] = folder.glob("results/runs/*/*/*/*/run.json")
    counts: dict[str, Any] = json.loads(path.read_text())["counts"]["statuses"]
    return counts, ended.stderr


def test_money_is_not_spent_by_studies_that_had_begun_already(tmp_path: Path, slow: str) -> None:
    counts, said = ran(tmp_path, slow, "--budget", "3.2usd")  # 80 tokens a reply: 0.08 US dollars
    assert "US dollars are spent" in said
    assert 30 <= counts["ok"] <= 41


def test_time_is_up_for_those_that_wait_too(tmp_path: Path, slow: str) -> None:
    counts, said = ran(tmp_path, slow, "--max-time", "1s")
    assert "--max-time: 1 s have passed" in said
    assert 0 < counts["ok"] <= 250  # of 16 at once, then 32, then 64; not the 256 that may be asked at once in the end


@pytest.mark.parametrize("at_once", ["1", "8", "64"])
def test_no_more_requests_are_sent_than_were_allowed(tmp_path: Path, slow: str, at_once: str) -> None:
    counts, said = ran(tmp_path, slow, "--max-requests", "30", "--concurrency", at_once)
    assert "--max-requests: 30 requests are sent or about to be" in said
    assert counts["ok"] == 30
