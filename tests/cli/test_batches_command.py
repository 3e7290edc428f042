"""`mmrad-eval batches`: what is under way, from the manifests of a results folder."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

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
        assert "no such batch in progress; there are: b0" in unknown.err
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


def test_a_folder_without_batches_is_told_so_and_a_broken_manifest_is_named(
    call: Callable[..., Said], tmp_path: Path
) -> None:
    said = call("batches")
    assert said.code == 2
    assert "no batches; `mmrad-eval run --batch` makes some" in said.err
    broken = tmp_path / "results/replies/mine/openai-m/batches/abc.json"
    broken.parent.mkdir(parents=True)
    broken.write_text('{"label": "abc"')
    said = call("batches")
    assert said.code != 0
    assert "abc.json: no manifest of a batch" in said.err
    assert "may have been paid for" in said.err
