"""`mmrad-eval faithfulness` as a user meets it: in a process of its own, against a server on loopback."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from pathlib import Path

import pytest

from mmrad_eval.model_registry.mock_server import MockServer

ARMS = "direct,direct-shifted,direct-swapped,tcot,bcot,mcot,mcot-repeat,mcot-random,mcot-random-boxed"


async def _run(*words: str, cwd: Path, command: str = "faithfulness") -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("mmrad-eval")),
        command,
        *words,
        cwd=cwd,
        env=os.environ | {"XDG_CACHE_HOME": str(cwd / "cache")},
        stdout=-1,
        stderr=-2,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode is not None
    return process.returncode, out.decode()


async def test_a_page_is_planned_priced_made_and_made_again_without_asking(tmp_path: Path) -> None:
    async with MockServer() as server:
        said = ("openai:rehearsal", "--no-look-check", "--base-url", server.url, "--arms", ARMS, "--limit", "6", "-q")
        code, planned = await _run(*said, "--dry-run", cwd=tmp_path)
        assert code == 0, planned
        assert "direct-swapped           6 requests, about" in planned
        assert "direct                   6 requests, about 6 images" in planned  # no lateral views
        assert server.requests == 0

        code, page = await _run(*said, cwd=tmp_path)
        assert code == 0, page
        assert "# Does openai:rehearsal look?" in page
        assert "No sign that the reports depend on the image" in page
        assert "Not shown that region images help" in page
        assert "Nothing that needs direct-jpeg, direct-reworded, direct-blank" in page
        asked = server.requests
        assert 0 < asked <= 9 * 6

        code, again = await _run(*said, cwd=tmp_path)
        assert code == 0, again
        assert server.requests == asked
        assert again == page
        assert "is complete" in (await _run(*said, "--dry-run", cwd=tmp_path))[1]
    (kept,) = (tmp_path / "results" / "faithfulness" / "demo").glob("*.json")
    record = json.loads(kept.read_text())
    assert record["schema"] == "mmrad.faithfulness/1"
    assert record["values"]["IS direct-swapped"][0] == 0.0
    assert set(record["runs"]) == set(ARMS.split(","))
    code, table = await _run(cwd=tmp_path, command="leaderboard")
    assert code == 0, table
    assert "mcot-random" in table
    assert "direct-s" not in table  # interventions are compared, and are no rows
    code, printed = await _run("--out", "paper", "--no-figures", cwd=tmp_path, command="paper")
    assert code == 0, printed
    (sentence,) = (line[2:].replace("**", "") for line in page.splitlines() if "region images help" in line)
    note = (tmp_path / "paper" / "t1-arms.md").read_text().replace("\\", "")
    assert sentence in note  # one rule on both pages
    assert re.search(r"ROUGE-L\(T\*, R\*\) 0\.\d{3} over 6 studies", table)


async def test_an_unknown_arm_is_an_error_with_its_nearest_name(tmp_path: Path) -> None:
    code, said = await _run("baseline:normal", "--arms", "mcott", cwd=tmp_path)
    assert code == 2
    assert "did you mean mcot" in said


@pytest.mark.shared
async def test_data_without_traces_leaves_the_arms_out_that_show_some(tmp_path: Path, shared_data: Path) -> None:
    data = shared_data / "iu_xray_valid" / "ReXRank_IUXray_valid.json"
    code, said = await _run(
        "baseline:normal",
        "--data",
        str(data),
        "--data-use",
        "open",
        "--arms",
        "direct",
        "--limit",
        "4",
        "-q",
        cwd=tmp_path,
    )
    assert code == 0, said
    assert "the studies have no reference traces, which tcot" in said


async def test_an_arm_whose_command_was_killed_before_it_was_scored_is_scored_and_not_asked_again(
    tmp_path: Path,
) -> None:
    async with MockServer() as server:
        said = ("openai:rehearsal", "--no-look-check", "--base-url", server.url, "--arms", "tcot", "--limit", "3", "-q")
        code, page = await _run(*said, cwd=tmp_path)
        assert code == 0, page
        asked = server.requests
        (summary,) = (tmp_path / "results" / "runs").rglob("summary.json")
        before = summary.read_bytes()
        summary.unlink()
        code, page = await _run(*said, cwd=tmp_path)
        assert code == 0, page
        assert server.requests == asked
    assert summary.read_bytes() == before
