"""`--order study`: all tasks of a study are asked together, and the run folders are the same as in any other order."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval.core.errors import UsageError
from mmrad_eval.harness.budget import Budget
from mmrad_eval.harness.jobs import Job
from mmrad_eval.harness.plan import Plan, first_question
from mmrad_eval.harness.settings import RunSettings
from mmrad_eval.harness.study_order import by_prefix, by_study
from mmrad_eval.model_registry.mock_server import MockServer
from tests.cli.test_shards import _command as command

TASKS = "mcot-random,direct,mcot,tcot"
NAMES = ("answers.jsonl", "scores.parquet", "summary.json")


def asks(*urls: str) -> list[str]:
    said = ["run", "--model", "openai:rehearsal", "--task", TASKS, "--no-look-check", "--no-table", "--limit", "6"]
    return [*said, "--metrics", "bleu@raw", *(word for url in urls for word in ("--base-url", url))]


def picture(body: Any) -> str:
    """A digest of the first picture of a request: the study that it is about."""
    parts = (
        part for message in body["messages"] if isinstance(message["content"], list) for part in message["content"]
    )
    return next(
        hashlib.sha256(part["image_url"]["url"].encode()).hexdigest() for part in parts if part["type"] == "image_url"
    )


def spans(seen: list[str]) -> list[int]:
    """Of each study, how many requests lie between its first and its last."""
    return [len(seen) - 1 - seen[::-1].index(one) - seen.index(one) for one in set(seen)]


def files(out: Path) -> dict[Path, bytes]:
    return {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.name in NAMES}


async def test_tasks_of_a_study_are_asked_together_and_the_folders_are_those_of_task_order(tmp_path: Path) -> None:
    seen = {}
    for order in ("study", "task"):
        async with MockServer(own_words=True, keep=True) as server:
            words = [*asks(server.url), "--concurrency", "1", "--order", order, "--out", order]
            code, said = await command(*words, cwd=tmp_path)
            assert code == 0, said
            seen[order] = [picture(body) for body in server.bodies]

    assert len(set(seen["study"])) == 6
    assert sorted(seen["study"]) == sorted(seen["task"])
    assert max(spans(seen["study"])) <= 2 * 4  # two studies at a time are begun where one request is in flight
    assert min(spans(seen["task"])) > 2 * 6
    assert len(files(tmp_path / "study")) == 4 * len(NAMES)
    assert files(tmp_path / "study") == files(tmp_path / "task")


async def test_the_arms_of_a_faithfulness_page_are_asked_together_too(tmp_path: Path) -> None:
    for order in ("study", "task"):
        async with MockServer(own_words=True, keep=True) as server:
            words = ["faithfulness", "openai:rehearsal", "--base-url", server.url, "--arms", "mcot,direct,direct-jpeg"]
            words += ["--limit", "5", "--no-look-check", "--quiet", "--concurrency", "1", "--order", order]
            code, said = await command(*words, "--out", order, cwd=tmp_path)
            assert code == 0, said
            again, _ = await command(*words, "--out", order, cwd=tmp_path)
            assert again == 0
            assert len(server.bodies) == 15
    assert files(tmp_path / "study") == files(tmp_path / "task")
    assert len([path for path in files(tmp_path / "study") if path.name == "answers.jsonl"]) == 3


async def test_with_several_servers_the_tasks_of_a_study_go_to_one(tmp_path: Path) -> None:
    async with (
        MockServer(keep=True, delay=0.02) as one,
        MockServer(keep=True, delay=0.02) as two,
        MockServer(keep=True, delay=0.02) as three,
    ):
        servers = (one, two, three)
        words = [*asks(*(server.url for server in servers)), "--order", "study", "--out", "out"]
        code, said = await command(*words, cwd=tmp_path)
        assert code == 0, said
        studies = [{picture(body) for body in server.bodies} for server in servers]

    assert sum(len(server.bodies) for server in servers) == 24
    assert sum(map(len, studies)) == 6
    assert sum(bool(of_one) for of_one in studies) > 1


async def test_a_server_that_is_gone_leaves_its_studies_to_another(tmp_path: Path) -> None:
    async with MockServer() as one, MockServer() as two:
        gone = two.url
        await two.stop()
        code, said = await command(*asks(one.url, gone), "--order", "study", "--out", "out", cwd=tmp_path)
        assert code == 0, said
        assert one.replies == 24


async def test_a_command_that_was_killed_in_study_order_is_taken_up_in_any(tmp_path: Path) -> None:
    async with MockServer(own_words=True, delay=0.1) as server:
        words = [*asks(server.url), "--concurrency", "1", "--out", "out"]
        killed = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("mmrad-eval")),
            *(*words, "--order", "study"),
            cwd=tmp_path,
            env=os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")},
            stdout=-3,
            stderr=-3,
        )
        while server.replies < 7:
            await asyncio.sleep(0.02)
        killed.kill()
        await killed.wait()
        code, said = await command(*words, "--order", "task", cwd=tmp_path)
        assert code == 0, said
        assert server.replies <= 25  # what was in flight may be asked twice


def plans(model: str, tasks: str = TASKS, **more: Any) -> list[Plan]:
    jobs: list[Job] = [
        RunSettings(model=model, task=task, limit=3, **more).job(planned_only=True) for task in tasks.split(",")
    ]
    return [job.plan() for job in jobs]


def test_the_default_is_study_order_on_a_vllm_server_of_this_machine_without_a_budget() -> None:
    here = plans("vllm:some/model", base_url="http://127.0.0.1:8000/v1")
    assert by_study(None, here, Budget())
    assert not by_study("task", here, Budget())
    assert not by_study(None, here, Budget(requests=100))
    assert not by_study(None, here, Budget(), fresh=True)
    assert not by_study(None, here[:1], Budget())
    assert not by_study(None, plans("vllm:some/model", base_url="http://192.0.2.7:8000/v1"), Budget())
    assert not by_study(None, plans("openai:rehearsal", base_url="http://127.0.0.1:8000/v1"), Budget())
    assert not by_study("study", plans("baseline:evidence"), Budget())


@pytest.mark.parametrize(
    ("budget", "fresh", "word"), [(Budget(requests=9), False, "budget"), (Budget(), True, "fresh")]
)
def test_study_order_is_refused_where_a_limit_is_of_one_run(budget: Budget, fresh: bool, word: str) -> None:
    with pytest.raises(UsageError, match=word):
        by_study("study", plans("openai:rehearsal", base_url="http://127.0.0.1:8000/v1"), budget, fresh=fresh)


def test_study_order_is_refused_beside_batches() -> None:
    here = plans("vllm:some/model", base_url="http://127.0.0.1:8000/v1")
    with pytest.raises(UsageError, match="--batch"):
        by_study("study", here, Budget(), batch=True)
    assert not by_study(None, here, Budget(), batch=True)


def words_of(plan: Plan) -> str:
    messages = first_question(plan, plan.studies[0])
    return "".join(str(getattr(part, "text", part)) for message in messages for part in message.parts)


def shared(one: Plan, other: Plan) -> int:
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(words_of(one), words_of(other), strict=False))
    return len(list(same))


def test_neighbors_share_the_longest_beginning_in_whatever_order_they_were_asked_for() -> None:
    tasks = f"{TASKS},mcot-shuffled,direct-swapped,bcot,crops"
    made = plans("openai:rehearsal", tasks, base_url="http://127.0.0.1:8000/v1")
    ordered = by_prefix(made)

    assert [plan.task.name for plan in by_prefix(made[::-1])] == [plan.task.name for plan in ordered]
    for first, second, third in itertools.combinations(ordered, 3):
        assert shared(first, third) <= min(shared(first, second), shared(second, third))
