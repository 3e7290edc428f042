"""`mmrad-eval batches`: what is under way, from the manifests of a results folder."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Said
from tests.harness.test_batches import N, ask
from tests.model_registry.batch_server import BatchServer


async def test_a_stopped_run_s_batch_is_listed_cancelled_and_fetched(call: Callable[..., Said], tmp_path: Path) -> None:
    out = tmp_path / "results"
    async with BatchServer("openai", looks=1000) as server:
        run = await asyncio.to_thread(ask, server, out, max_time="2s")
        assert not run.complete
        listed = (await asyncio.to_thread(call, "batches")).out
        head, row = listed.splitlines()
        assert head.split()[:3] == ["batch", "model", "data"]
        assert row.split()[:3] == ["b0", "openai:m", "mine"]
        assert f"{N}" in row.split()
        assert row.endswith("under way")
        unknown = await asyncio.to_thread(call, "batches", "--cancel", "b7")
        assert unknown.code == 2
        assert "no such batch in progress; in progress: b0" in unknown.err
        where = ("--base-url", server.url)
        cancelled = await asyncio.to_thread(call, "batches", "--cancel", "b0", *where)
        assert cancelled.code == 0, cancelled.err
        assert server.cancelled == ["b0"]

        server.made["b0"]["looks"] = 1
        waited = await asyncio.to_thread(call, "batches", "--wait", *where)
        assert f"completed; run its command again to fetch {N} replies" in waited.out
        again = await asyncio.to_thread(ask, server, out)
    assert again.complete
    assert len(server.made) == 1
    assert "fetched" in call("batches").out


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_command_that_is_killed_at_any_call_changes_nothing_and_can_be_run_again(
    call: Callable[..., Said], tmp_path: Path, when: str
) -> None:
    out = tmp_path / "results"
    async with BatchServer("openai", looks=1000) as server:
        assert not (await asyncio.to_thread(ask, server, out, max_time="2s")).complete
        before = _files(out)
        for words in (("--cancel", "b0"), ("--wait",)):
            for number in range(1 if "--cancel" in words else 3):
                code = "import sys; from mmrad_eval.cli.main import main; sys.argv[0] = 'mmrad-eval'; main()"
                where = (sys.executable, "-c", code, "batches", str(out), *words, "--base-url", server.url)
                killed = await asyncio.create_subprocess_exec(*where, env=os.environ | {"OPENAI_API_KEY": "none"})
                server.kill = (len(server.calls) + number, when, killed.pid)
                assert await killed.wait() == -signal.SIGKILL
                server.kill = None
                assert _files(out) == before
        assert server.cancelled == ["b0"]  # the request that arrived was done, though nobody heard of it

        where = ("--base-url", server.url)
        server.errors = {"/cancel": [409, 409], "/batches/b0": []}
        refused = await asyncio.to_thread(call, "batches", "--cancel", "b0", *where)
        assert refused.code == 1  # it goes on, so the refusal counts
        server.made["b0"]["looks"] = 0
        gone = await asyncio.to_thread(call, "batches", "--cancel", "b0", *where)
        assert gone.code == 0, gone.err
        assert "b0: nothing to cancel, it is completed; run its command again to fetch" in gone.out

        server.made["b0"]["looks"] = 1
        server.errors = {"/batches/b0": [503, 503]}
        waited = await asyncio.to_thread(call, "batches", "--wait", *where)
        assert f"completed; run its command again to fetch {N} replies" in waited.out, waited.err
        assert (await asyncio.to_thread(ask, server, out)).complete
        assert len(server.made) == 1


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_folder_without_batches_is_told_so_and_a_broken_manifest_is_named(
    call: Callable[..., Said], tmp_path: Path
) -> None:
    said = call("batches")
    assert said.code == 2
    assert "there are no batches; `mmrad-eval run --batch` submits one" in said.err
    broken = tmp_path / "results/replies/mine/openai-m/batches/abc.json"
    broken.parent.mkdir(parents=True)
    broken.write_text('{"label": "abc"')
    said = call("batches")
    assert said.code != 0
    assert "abc.json: this is not the manifest of a batch" in said.err
    assert "may have been paid for" in said.err


@pytest.mark.parametrize("made", ["1e300", "-1e18", "1e17", "-1"])
def test_a_time_that_no_calendar_has_makes_a_manifest_broken(
    call: Callable[..., Said], tmp_path: Path, made: str
) -> None:
    broken = tmp_path / "results/replies/mine/openai-m/batches/abc.json"
    broken.parent.mkdir(parents=True)
    words = '{"label":"abc","provider":"openai","model":"m","made":%s,"keys":["k"],"step":"created","batch":"b1"}'
    broken.write_text(words % made)
    said = call("batches")
    assert said.code == 1
    assert "abc.json: this is not the manifest of a batch" in said.err


async def test_a_list_changes_nothing_and_asks_nobody(tmp_path: Path) -> None:
    out = tmp_path / "results"
    async with BatchServer("openai", looks=1000) as server:
        assert not (await asyncio.to_thread(ask, server, out, max_time="2s")).complete
        asked, before = len(server.calls), _files(out)
        watched = (
            "import sys, os\n"
            "def hook(event, arguments):\n"
            "    writes = event == 'open' and isinstance(arguments[2], int) and arguments[2] & 0o1103\n"
            "    named = str(arguments[:1])\n"
            "    if (writes and '__pycache__' not in named and '/dev/' not in named) or event == 'socket.connect':\n"
            "        os.write(2, (event + named).encode()); os._exit(99)\n"
            "sys.addaudithook(hook)\n"
            "from mmrad_eval.cli.main import main; sys.argv[0] = 'mmrad-eval'; main()\n"
        )
        listing = await asyncio.create_subprocess_exec(sys.executable, "-c", watched, "batches", str(out))
        assert await listing.wait() == 0
        assert (len(server.calls), _files(out)) == (asked, before)
