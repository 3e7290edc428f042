"""What a vLLM server counted of its caches while a run asked is kept in run.json, and only where it is known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

import mmrad_eval
from mmrad_eval.harness.evaluate import Evaluation
from mmrad_eval.model_registry.server_counters import ServerCounters, read_counters
from tests.cli.test_shards import _command as command
from tests.loopback import Loopback

MODEL = "org/model"
WORDS = ["run", "--model", f"vllm:{MODEL}", "--limit", "4", "--no-look-check", "--no-table", "--metrics", "bleu@raw"]

# as a server of two engines writes it: help and type lines, labels with quotes and braces, exponents, other names
PAGE = r"""# HELP vllm:prefix_cache_queries_total Prefix cache queries, in terms of number of queried tokens.
# TYPE vllm:prefix_cache_queries_total counter
vllm:prefix_cache_queries_total{engine="0",model_name="a \"b\" {c}"} 1.0237e+06
vllm:prefix_cache_queries_total{engine="1",model_name="a \"b\" {c}"} 300.0
# TYPE vllm:prefix_cache_queries_created gauge
vllm:prefix_cache_queries_created{engine="0",model_name="m"} 1.7958e+09
vllm:prefix_cache_queries_created{engine="1",model_name="m"} 1.7959e+09
vllm:prefix_cache_hits_total{engine="0",model_name="m"} 20000.0
vllm:prefix_cache_hits_total{engine="1",model_name="m"} 45.0
vllm:external_prefix_cache_queries_total{engine="0",model_name="m"} 77.0
vllm:mm_cache_queries_total{engine="0",model_name="m"} 360.0
vllm:mm_cache_hits_total{engine="0",model_name="m"} 220.0 1795800000000
vllm:request_success_total{engine="0",finished_reason="stop",model_name="m"} 118.0
vllm:request_success_total{engine="0",finished_reason="length",model_name="m"} 2.0
process_cpu_seconds_total 22.5
"""


def test_counters_of_all_engines_and_reasons_are_summed() -> None:
    found = read_counters(PAGE.encode())
    assert found is not None
    assert (found.queries, found.hits) == (1_024_000, 20_045)
    assert (found.image_queries, found.image_hits, found.requests) == (360, 220, 120)
    assert len(found.since) == 2


@pytest.mark.parametrize(
    "page",
    [
        "",
        "<html>vllm:prefix_cache_queries_total</html>",
        "sglang:cache_hit_rate 0.5\nsglang:prompt_tokens_total 12.0",
        "llamacpp:prompt_tokens_total 12",
        "vllm:prefix_cache_queries_total 5.0",
        "vllm:prefix_cache_queries_total NaN\nvllm:prefix_cache_hits_total 1.0",
        "vllm:prefix_cache_queries_total +Inf\nvllm:prefix_cache_hits_total 1.0",
        "vllm:prefix_cache_queries_total five\nvllm:prefix_cache_hits_total 1.0",
    ],
)
def test_a_page_without_both_counters_tells_nothing(page: str) -> None:
    assert read_counters(page.encode()) is None


def test_what_another_process_counted_is_no_difference() -> None:
    before = ServerCounters(100, 40, 6, 3, 7, frozenset({"t1"}))
    after = ServerCounters(250, 60, 9, 4, 9, frozenset({"t1"}))
    assert after.after(before) == ServerCounters(150, 20, 3, 1, 2, frozenset({"t1"}))
    assert before.after(after) is None
    assert ServerCounters(250, 39, 9, 4, 9, frozenset({"t1"})).after(before) is None
    assert ServerCounters(250, 60, 9, 4, 9, frozenset({"t2"})).after(before) is None


def test_a_counter_that_one_of_two_servers_lacks_is_none_of_their_sum() -> None:
    both = ServerCounters(10, 4, 6, 3, 7) + ServerCounters(5, 1)
    assert both == ServerCounters(15, 5)


class Vllm(Loopback):
    """Speaks as vLLM does: each prompt is 100 tokens, of which all but the first of a run were cached for 60."""

    def __init__(self, *, counts: bool = True, others: int = 0, restarts: bool = False) -> None:
        super().__init__()
        self.counts, self.others, self.restarts = counts, others, restarts
        self.asked, self.pages = 0, 0
        self.bodies: list[Mapping[str, Any]] = []

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/v1/models":
            return web.json_response({"data": [{"id": MODEL, "root": MODEL, "max_model_len": 32768}]})
        if request.path == "/metrics" and self.counts:
            self.pages += 1
            return web.Response(text=self._page())
        if request.path != "/v1/chat/completions":
            return web.json_response({}, status=404)
        self.bodies.append(await request.json())
        self.asked += 1 + self.others
        message = {"role": "assistant", "content": "FINDINGS: The lungs are clear."}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 100, "completion_tokens": 8}
        return web.json_response({"choices": [choice], "usage": usage, "model": MODEL})

    def _page(self) -> str:
        began = self.pages if self.restarts else 1
        labels = f'{{engine="0",model_name="{MODEL}"}}'
        numbers = {
            "prefix_cache_queries_total": 5000 + 100 * self.asked,
            "prefix_cache_queries_created": 1.7e9 + began,
            "prefix_cache_hits_total": 3000 + 60 * max(self.asked - 1, 0),
            "request_success_total": 50 + self.asked,
        }
        return "".join(f"vllm:{name}{labels} {float(value)}\n" for name, value in numbers.items())


def caches(out: Path, task: str) -> list[dict[str, Any]]:
    (path,) = out.glob(f"runs/*/{task}/*/*/run.json")
    found: list[dict[str, Any]] = json.loads(path.read_text()).get("server_caches", [])
    for one in found:
        assert one.pop("finished").startswith("20")
    return found


def ask(out: Path, *servers: Vllm, provider: str = "vllm", **more: Any) -> Evaluation:
    urls = [server.url for server in servers]
    model = f"{provider}:{MODEL}"
    return mmrad_eval.evaluate(model, "direct", metrics="bleu@raw", limit=4, base_url=urls, out=out, **more)


async def test_the_difference_is_kept_with_the_run_and_said(tmp_path: Path) -> None:
    with Vllm() as server:
        words = [*WORDS, "--base-url", server.url, "--task", "direct", "--out", "."]
        code, said = await command(*words, cwd=tmp_path)
        assert code == 0, said
        assert "prefix cache held 180 of 400 prompt tokens (45.0%)" in said
        assert "meanwhile" not in said
    assert caches(tmp_path, "direct") == [{"queries": 400, "hits": 180, "sent": 4, "requests": 4}]


async def test_tasks_that_are_asked_together_are_counted_once_and_named(tmp_path: Path) -> None:
    with Vllm(others=2) as server:
        words = [*WORDS, "--base-url", server.url, "--task", "direct,tcot", "--order", "study", "--out", "."]
        code, said = await command(*words, cwd=tmp_path)
        assert code == 0, said
        assert said.count("prefix cache held 1,380 of 2,400 prompt tokens") == 1
        assert "the server answered 24 requests meanwhile, and this command sent 8" in said
    kept = [*caches(tmp_path, "direct"), *caches(tmp_path, "tcot")]
    assert kept == [{"queries": 2400, "hits": 1380, "sent": 8, "requests": 24, "tasks": ["direct", "tcot"]}]


def test_a_run_of_stored_replies_asks_for_no_counters(tmp_path: Path) -> None:
    with Vllm() as server:
        first = ask(tmp_path, server)
        pages = server.pages
        again = ask(tmp_path, server)
        assert server.pages == pages == 2
    assert [one.hits for one in first.run.server_caches] == [180]
    assert again.run.server_caches == first.run.server_caches


def test_a_run_that_goes_on_adds_what_its_second_command_saw(tmp_path: Path) -> None:
    with Vllm() as server:
        ask(tmp_path, server, max_requests=3, concurrency=1)
        ask(tmp_path, server)
    kept = caches(tmp_path, "direct")
    assert [one["sent"] for one in kept] == [3, 1]
    assert [one["hits"] for one in kept] == [120, 60]


@pytest.mark.parametrize("how", [{"counts": False}, {"restarts": True}])
def test_a_server_that_does_not_count_or_began_anew_leaves_no_number(tmp_path: Path, how: dict[str, Any]) -> None:
    with Vllm(**how) as server:
        assert ask(tmp_path, server).complete
        assert len(server.bodies) == 4
    assert caches(tmp_path, "direct") == []


def test_one_of_two_servers_that_does_not_count_leaves_no_number(tmp_path: Path) -> None:
    with Vllm() as one, Vllm(counts=False) as two:
        assert ask(tmp_path, one, two).complete
        assert one.pages > 0
    assert caches(tmp_path, "direct") == []


def test_the_counters_of_two_servers_are_summed(tmp_path: Path) -> None:
    with Vllm() as one, Vllm() as two:
        assert ask(tmp_path, one, two, concurrency=2).complete
        asked = [server.asked for server in (one, two)]
    (kept,) = caches(tmp_path, "direct")
    assert (kept["queries"], kept["requests"], sum(asked)) == (400, 4, 4)
    assert kept["hits"] == sum(60 * max(number - 1, 0) for number in asked)


def test_a_server_of_another_provider_is_not_asked_for_its_counters(tmp_path: Path) -> None:
    with Vllm() as server:
        assert ask(tmp_path, server, provider="openai").complete
        assert server.pages == 0
