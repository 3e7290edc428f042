"""Commands of several runs that are interrupted, or whose budget is spent: where they stop, and what they say."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mmrad_eval.model_registry.mock_server import MockServer

N = 6
RUN = ("--metrics", "bleu@raw", "--quiet", "--no-table")
TASKS = ("--task", "direct,tcot,mcot")
FAITHFULNESS = ("faithfulness", "openai:rehearsal", "--arms", "direct,tcot,mcot")
FIRST = ("--model", "openai:rehearsal", *TASKS)


def command(server: MockServer, *words: str) -> list[str]:
    asked = ("--base-url", server.url, "--no-look-check", "--limit", str(N), "--concurrency", "2")
    return [sys.executable, "-m", "mmrad_eval", *words, *asked]


async def ended(words: Sequence[str], cwd: Path, presses: Sequence[Callable[[], bool]] = ()) -> tuple[int, str, str]:
    """Exit status and what was said; Ctrl-C is pressed each time that the next of ``presses`` holds."""
    env = os.environ | {"OPENAI_API_KEY": "none", "XDG_CACHE_HOME": str(cwd / "cache")}
    log = cwd / "stderr"
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(*words, cwd=cwd, env=env, stdout=-1, stderr=file)
    for ready in presses:
        async with asyncio.timeout(60):
            while not ready():
                await asyncio.sleep(0.01)
        process.send_signal(signal.SIGINT)
    out, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode is not None
    return process.returncode, out.decode(), log.read_text()


async def test_ctrl_c_in_the_first_of_several_runs_names_those_that_were_not_reached(tmp_path: Path) -> None:
    async with MockServer(delay=0.3) as server:
        words = command(server, *FIRST, "--metrics", "bleu@raw", "--no-table")
        code, _, err = await ended(words, tmp_path, [lambda: server.requests >= 4])

        assert code == 3
        assert "in flight; press Ctrl-C again to quit without" in err
        assert "direct: 2 of 6 studies have no answer yet: interrupted; run the same command again" in err
        assert "interrupted before openai:rehearsal tcot, openai:rehearsal mcot; run the same command again" in err
        assert server.requests == 4
        code, _, err = await ended(words, tmp_path)
        assert (code, server.requests) == (0, 3 * N)  # nothing twice
        assert "interrupted" not in err


async def test_ctrl_c_twice_says_what_is_lost_and_what_resumes(tmp_path: Path) -> None:
    async with MockServer(delay=60) as server:
        told = tmp_path / "stderr"
        presses = [lambda: server.requests == 2, lambda: "waiting for 2 requests in flight" in told.read_text()]
        code, _, err = await ended(command(server, *FIRST, "--no-table"), tmp_path, presses)
        assert code == 130
        assert "those in flight are lost; run the same command again to resume" in err


async def test_ctrl_c_ends_a_faithfulness_page_and_not_one_of_its_arms(tmp_path: Path) -> None:
    async with MockServer(delay=0.3) as server:
        words = command(server, *FAITHFULNESS, "-q")
        code, out, err = await ended(words, tmp_path, [lambda: server.requests >= N + 2])

        assert (code, out) == (3, "")
        assert server.requests < 2 * N
        assert "interrupted: 2 of 3 arms are not complete, and no page was written; run the same command again" in err
        assert not (tmp_path / "results" / "faithfulness").exists()
        code, page, _ = await ended(words, tmp_path)
        assert (code, server.requests) == (0, 3 * N)
        assert "# Does openai:rehearsal look?" in page


async def test_ctrl_c_ends_a_test_of_contamination_without_a_table(tmp_path: Path) -> None:
    async with MockServer(delay=0.3) as server:
        words = command(server, "contamination", "openai:rehearsal", "--data", "demo", "-q")
        code, out, err = await ended(
            [w for w in words if w != "--no-look-check"], tmp_path, [lambda: server.requests >= 2]
        )
        assert (code, out) == (3, "")
        assert "interrupted, so there is no table; run the same command again to resume" in err


@pytest.mark.parametrize("words", [(*FIRST, *RUN), (*FAITHFULNESS, "-q")], ids=["run", "faithfulness"])
async def test_a_budget_is_that_of_the_command_however_many_runs_it_has(tmp_path: Path, words: Sequence[str]) -> None:
    async with MockServer() as server:
        code, _, err = await ended(command(server, *words, "--max-requests", "8"), tmp_path)
        assert (code, server.requests) == (3, 8)
        assert "tcot: 4 of 6 studies have no answer yet: --max-requests: 8 requests are sent" in err
        code, _, _ = await ended(command(server, *words, "--max-requests", "8"), tmp_path)
        assert (code, server.requests) == (3, 16)  # the next command has a budget of its own
