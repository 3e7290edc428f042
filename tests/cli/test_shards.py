"""`--shard`: several commands ask about disjoint shares of the studies, and the whole command publishes."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from mmrad_eval.core.errors import UsageError
from mmrad_eval.harness.shards import Shard
from mmrad_eval.model_registry.mock_server import MockServer
from tests.cli.conftest import Said


async def _command(*words: str, cwd: Path) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("mmrad-eval")),
        *words,
        cwd=cwd,
        env=os.environ | {"XDG_CACHE_HOME": str(cwd / "cache")},
        stdout=-1,
        stderr=-2,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode is not None
    return process.returncode, out.decode()


@pytest.mark.parametrize("of", [1, 2, 3, 7, 64])
def test_every_study_is_in_one_share_and_shares_are_about_equal(of: int) -> None:
    ids = [f"s{number}" for number in range(5000)] + ["", "é", "a/b", "\ud800"]
    shares = [{study for study in ids if Shard(number, of).has(study)} for number in range(1, of + 1)]

    assert Counter(study for share in shares for study in share) == Counter(ids)
    assert min(map(len, shares)) > 0.6 * len(ids) / of


def test_the_share_of_an_id_stays_the_same_for_ever() -> None:
    # sha256 of "s50000001" begins with cb9ba3af832764f5
    assert [number for number in range(1, 6) if Shard(number, 5).has("s50000001")] == [2]


@pytest.mark.parametrize("words", ["", "1", "0/4", "5/4", "1/0", "-1/4", "1/4/2", "a/b", "1.0/4", "1/1000000"])
def test_what_is_no_share_is_refused_with_how_to_write_one(words: str) -> None:
    with pytest.raises(UsageError, match="such as 1/4"):
        Shard.written(words)


async def test_two_commands_side_by_side_ask_everything_once_and_the_whole_command_sends_nothing(
    tmp_path: Path,
) -> None:
    async with MockServer(own_words=True) as server:
        asks = ["run", "--model", "openai:rehearsal", "--task", "tcot,mcot", "--base-url", server.url]
        asks += ["--no-look-check", "--metrics", "bleu@raw,rules", "--limit", "8", "--no-table", "--out"]
        shares = await asyncio.gather(
            *(_command(*asks, "shared", "--shard", f"{number}/2", cwd=tmp_path) for number in (1, 2))
        )
        asked = server.requests
        code, said = await _command(*asks, "shared", cwd=tmp_path)
        assert code == 0, said
        assert server.requests == asked
        code, alone = await _command(*asks, "alone", cwd=tmp_path)
        assert code == 0, alone

    for number, (code, words) in enumerate(shares, 1):
        assert code == 0, words
        assert f"tcot, shard {number}/2" in words
        assert "the same command without --shard writes and scores the run" in words
    assert asked * 2 == server.requests
    names = ("answers.jsonl", "scores.parquet", "summary.json")
    made = [path for path in (tmp_path / "alone").rglob("*") if path.name in names]
    assert len(made) == 2 * len(names)
    for path in made:
        assert (tmp_path / "shared" / path.relative_to(tmp_path / "alone")).read_bytes() == path.read_bytes()


async def test_a_share_publishes_nothing_and_says_what_failed(tmp_path: Path) -> None:
    asks = ["run", "-m", "openai:rehearsal", "-t", "direct", "--base-url", "http://127.0.0.1:9", "--no-look-check"]
    code, said = await _command(*asks, "--patience", "0", "--limit", "4", "--shard", "1/1", cwd=tmp_path)

    assert code == 3
    assert "4 of 4 studies have no answer yet" in said
    assert "run the same command again" in said
    assert "without --shard" not in said
    assert not [path for path in tmp_path.rglob("*") if path.name in {"answers.jsonl", "summary.json"}]


async def test_the_arms_of_a_page_are_shared_too(tmp_path: Path) -> None:
    async with MockServer(own_words=True) as server:
        asks = ["faithfulness", "openai:rehearsal", "--base-url", server.url, "--no-look-check"]
        asks += ["--arms", "direct,tcot", "--limit", "6", "-q"]
        for number in (1, 2):
            code, said = await _command(*asks, "--shard", f"{number}/2", cwd=tmp_path)
            assert code == 0, said
            assert "# Does" not in said
        asked = server.requests
        code, page = await _command(*asks, cwd=tmp_path)
        assert code == 0, page
        assert "# Does openai:rehearsal look?" in page
        assert server.requests == asked


def test_a_dry_run_prices_the_share(call: Callable[..., Said]) -> None:
    asks = ["-m", "openai:gpt-6.1", "-t", "direct", "--dry-run"]
    whole = call(*asks).out
    shares = [call(*asks, "--shard", f"{number}/3").out for number in (1, 2, 3)]

    counts = [int(said.partition(" studies")[0].split()[-1]) for said in (whole, *shares)]
    assert counts[0] == sum(counts[1:])


def test_who_is_not_asked_has_no_share(call: Callable[..., Said]) -> None:
    said = call("-m", "baseline:normal", "-t", "direct", "--shard", "1/2")
    assert said.code == 2
    assert "leave --shard out" in said.err
