"""Results that version 0.1.0 wrote are read: nothing that was paid for is asked again.

``tests/golden/version1`` was written by commit fd80f76 over its invented demo, against a server on loopback: four tasks
of a model that answered everything, one run of a model that met a content filter (a 200 and a 400), two proxies'
pages (a 400 and a 413), a server error and a prompt that was too long, and one baseline.
"""

from __future__ import annotations

import asyncio
import json
import math
import shutil
import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from mmrad_eval.core.errors import DataError
from mmrad_eval.model_registry.mock_server import MockServer
from mmrad_eval.results.leaderboard.rows import ScoredRun, why_unranked
from mmrad_eval.results.run.folder import find_runs

OLD = Path(__file__).parent.parent / "golden" / "version1"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A results folder as version 0.1.0 left it."""
    return Path(shutil.copytree(OLD, tmp_path / "results"))


async def ran(url: str, results: Path, *words: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "mmrad_eval", *words, "--data", "demo", "--metrics", "bleu@raw"]
    process = await asyncio.create_subprocess_exec(
        *command, "--out", str(results), "--no-look-check", "--base-url", url, stdout=-1, stderr=-1
    )
    _, err = await process.communicate()
    return process.returncode or 0, err.decode()


def answers(results: Path, model: str) -> dict[str, list[dict[str, object]]]:
    return {
        path.parts[-4]: [json.loads(line) for line in path.read_text().splitlines()]
        for path in sorted((results / "runs").glob(f"*/*/{model}/*/answers.jsonl"))
    }


def columns(results: Path) -> dict[tuple[str, str, str], object]:
    """Run, column and field -> what it holds."""
    return {
        (str(path.relative_to(results)), label, field): value
        for path in sorted((results / "runs").rglob("summary.json"))
        for label, column in json.loads(path.read_text())["columns"].items()
        for field, value in column.items()
    }


def same(one: object, other: object) -> bool:
    """Whether two values are equal, numbers but for the last digit: other processors round logarithms their own way."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-13)
    return one == other


async def test_no_reply_of_an_old_journal_is_asked_for_again(results: Path) -> None:
    before, numbers = answers(results, "openai_invented"), columns(results)
    async with MockServer() as server:
        tasks = "direct,mcot,tcot-self,mcot-loop"
        code, err = await ran(server.url, results, "--model", "openai:invented", "--task", tasks, "--limit", "3")

        assert (code, server.requests) == (0, 0), err
    assert answers(results, "openai_invented") == before
    found = columns(results)
    assert found.keys() == numbers.keys()
    assert [place for place in numbers if not same(found[place], numbers[place])] == []


async def test_what_an_old_journal_holds_of_failures_is_read_by_the_rules_of_today(results: Path) -> None:
    words = ("--model", "openai:moody", "--task", "direct", "--context", "indication", "--limit", "7")
    async with MockServer() as server:
        code, err = await ran(server.url, results, *words)

        assert (code, server.requests) == (0, 3), err  # a server error, and the pages of two proxies
    [found] = answers(results, "openai_moody").values()
    assert Counter(answer["status"] for answer in found) == {"ok": 4, "refused": 2, "too long": 1}


async def test_a_damaged_byte_costs_one_request_and_is_named_with_file_and_offset(results: Path) -> None:
    words = ("--model", "openai:invented", "--task", "direct", "--limit", "3")
    [segment] = [
        path
        for path in (results / "replies" / "demo" / "openai_invented").glob("*.jsonl")
        if b"Write the findings" in path.read_bytes() and b"crop/" not in path.read_bytes()
    ][:1]
    data = bytearray(segment.read_bytes())
    at = data.index(b'"time":') + 9
    data[at] = ord("x")
    segment.write_bytes(bytes(data))
    async with MockServer() as server:
        code, err = await ran(server.url, results, *words)

        assert (code, server.requests) == (0, 1), err
    assert f"{segment.name}, byte 0: a damaged line" in " ".join(err.split()).replace(f"{segment.parent}/", "")


async def test_an_old_run_is_read_in_the_words_of_today_and_shown_beside_new_ones(results: Path) -> None:
    [folder] = [folder for folder in find_runs(results) if folder.run.card.id == "moody"]

    assert folder.run.identity.task == "direct"
    assert folder.run.identity.id() == folder.run.id
    assert folder.run.counts.unanswered == 1
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mmrad_eval", "leaderboard", str(results), stdout=-1, stderr=-1
    )
    out, err = await process.communicate()
    assert (process.returncode, b"openai:moody" in out) == (0, True), err


def test_pending_studies_of_an_old_run_are_counted_as_such(results: Path) -> None:
    [folder] = [folder for folder in find_runs(results) if folder.run.card.id == "moody"]
    path = folder.path / "run.json"
    path.write_text(path.read_text().replace('"failed": 1', '"failed": 1, "open": 4'))

    assert folder.run.counts.statuses["pending"] == 4
    folder.write_run(folder.run)
    written = json.loads(path.read_text())
    assert (written["schema"], "deciding" in written, "identity" in written) == ("mmrad.run/2", False, True)


def test_a_card_that_was_spelled_optimised_for_keeps_its_metrics(results: Path) -> None:
    [folder] = [folder for folder in find_runs(results) if folder.run.card.id == "moody"]
    path = folder.path / "run.json"
    record = json.loads(path.read_text())
    record["card"]["optimised_for"] = ["findings@rules"]
    record["card"].pop("optimized_for", None)
    path.write_text(json.dumps(record))

    assert folder.run.card.optimized_for == ("findings@rules",)


def test_an_old_run_with_refusals_is_not_ranked_until_its_command_has_read_them_by_the_rules_of_today(
    results: Path,
) -> None:
    [folder] = [folder for folder in find_runs(results) if folder.run.card.id == "moody"]
    path, summary = folder.path / "run.json", folder.summary()
    assert summary is not None
    refused = {"ok": summary.n - 1, "refused": 1}
    run = msgspec.json.decode(path.read_bytes())
    run["counts"] = {**run["counts"], "n": summary.n, "statuses": refused}
    path.write_bytes(msgspec.json.encode(run))
    whole = msgspec.structs.replace(summary, statuses=refused, scored=summary.n)
    entry = ScoredRun(folder.path, folder.run, whole)

    assert "version 0.1.0 counted 1 answers" in str(why_unranked(entry))
    folder.write_run(folder.run)
    assert "version 0.1.0" in str(why_unranked(ScoredRun(folder.path, folder.run, whole)))
    folder.write_run(msgspec.structs.replace(folder.run, old_rules=False))
    assert why_unranked(ScoredRun(folder.path, folder.run, whole)) is None


def test_a_run_of_a_later_version_is_refused_in_one_line(results: Path) -> None:
    [folder] = [folder for folder in find_runs(results) if folder.run.card.id == "moody"]
    path = folder.path / "run.json"
    path.write_text(path.read_text().replace("{", '{"schema": "mmrad.run/9",', 1))

    with pytest.raises(DataError, match=r"mmrad\.run/9.*this version reads") as refused:
        _ = folder.run
    assert "\n" not in str(refused.value)
