"""No body is read without a limit: declared, in chunks or compressed, of a reply, an error or a list of models."""

from __future__ import annotations

import asyncio
import gzip
import resource
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from mmrad_eval.core.errors import Failed
from mmrad_eval.core.journal import Journal
from mmrad_eval.core.values import Decoding, Message, Request, Text
from mmrad_eval.harness.pacing import Pace, Retry
from mmrad_eval.harness.requester import Requester
from mmrad_eval.model_registry import resolve

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
BOMB = gzip.compress(b" " * (300 << 20), 9)


async def endless(request: web.BaseRequest) -> web.StreamResponse:
    response = web.StreamResponse()
    response.enable_chunked_encoding()
    await response.prepare(request)
    try:
        while True:
            await response.write(b"x" * (1 << 20))
    except (ConnectionError, asyncio.CancelledError):
        return response


async def declared(request: web.BaseRequest) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(10**12)})
    await response.prepare(request)
    await asyncio.sleep(30)
    return response


async def bomb(_: web.BaseRequest) -> web.StreamResponse:
    return web.Response(body=BOMB, headers={"Content-Encoding": "gzip"})


async def error_page(request: web.BaseRequest) -> web.StreamResponse:
    response = web.StreamResponse(status=400)
    response.enable_chunked_encoding()
    await response.prepare(request)
    try:
        while True:
            await response.write(b"<p>" * (1 << 18))
    except (ConnectionError, asyncio.CancelledError):
        return response


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[Answer], Awaitable[str]]]:
    runners = []

    async def start(answer: Answer) -> str:
        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            await request.read()
            return await answer(request)

        runner = web.ServerRunner(web.Server(handle, access_log=None), shutdown_timeout=0.2)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


async def text(url: str, folder: Path) -> str:
    client = resolve("openai:m", base_url=[url], timeout=60)
    with Journal(folder / "replies") as journal:
        requester = Requester(client, journal)  # type: ignore[arg-type] # a client
        asked = await requester.ask(Request("openai", "m", (Message("user", (Text("Report."),)),)))
        await requester.close()
    return asked.reply.text


async def failure(url: str, folder: Path, provider: str = "openai") -> str:
    client = resolve(f"{provider}:m", base_url=[url], timeout=60)
    request = Request(provider, "m", (Message("user", (Text("Report."),)),), Decoding(max_tokens=50))
    with Journal(folder / "replies") as journal:
        requester = Requester(client, journal, pace=Pace.fixed(1), retry=Retry(faults=1, first=0.01))  # type: ignore[arg-type] # a client
        try:
            with pytest.raises(Failed) as failed:
                await requester.ask(request)
        finally:
            await requester.close()
        assert len(journal) == 0
    return str(failed.value)


@pytest.mark.parametrize("answer", [endless, declared, bomb, error_page], ids=lambda answer: answer.__name__)
@pytest.mark.parametrize("provider", ["openai", "vllm"])  # vLLM is asked for its models first
async def test_a_body_beyond_any_reply_fails_the_study_in_one_line(
    serve: Callable[[Answer], Awaitable[str]], tmp_path: Path, answer: Answer, provider: str
) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    why = await failure(await serve(answer), tmp_path, provider)

    assert "more than 64 MiB as one reply" in why
    assert "\n" not in why
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400 << 10


REPLY = b'{"choices": [{"message": {"content": "FINDINGS: Clear lungs."}, "finish_reason": "stop"}]}'


@pytest.mark.parametrize(
    ("packing", "window"),
    [("gzip", 31), ("deflate", 15), ("deflate", -15), ("identity", None)],
    ids=["gzip", "deflate", "deflate without a head", "not packed"],
)
async def test_a_packed_reply_is_read_as_one_that_is_not(
    serve: Callable[[Answer], Awaitable[str]], tmp_path: Path, packing: str, window: int | None
) -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        packer = zlib.compressobj(9, zlib.DEFLATED, window or 15)
        assert "gzip" in request.headers["Accept-Encoding"]
        body = packer.compress(REPLY) + packer.flush() if window else REPLY
        return web.Response(body=body, headers={"Content-Encoding": packing})

    assert await text(await serve(answer), tmp_path) == "FINDINGS: Clear lungs."


@pytest.mark.parametrize("packing", ["br", "zstd", "gzip, gzip", "gzip"])
async def test_a_reply_that_is_packed_in_another_way_or_not_as_it_says_fails_the_study(
    serve: Callable[[Answer], Awaitable[str]], tmp_path: Path, packing: str
) -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=REPLY, headers={"Content-Encoding": packing})

    why = await failure(await serve(answer), tmp_path)

    assert "can't be unpacked" in why if packing == "gzip" else f"compresses its reply with {packing!r}" in why


async def test_eight_large_bodies_at_once_take_the_memory_of_one(
    serve: Callable[[Answer], Awaitable[str]], tmp_path: Path
) -> None:
    client = resolve("openai:m", base_url=[await serve(bomb)], timeout=60)
    with Journal(tmp_path / "replies") as journal:
        requester = Requester(client, journal, pace=Pace.fixed(8), retry=Retry(faults=1))  # type: ignore[arg-type] # a client
        asked = [requester.ask(Request("openai", "m", (Message("user", (Text(str(i)),)),))) for i in range(8)]
        tracemalloc.start()
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        await requester.close()

    assert all(isinstance(outcome, Failed) for outcome in outcomes)
    assert most < 100 << 20


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000 + b"]" * 100_000,
        b'{"choices": ' * 50_000 + b"1" + b"}" * 50_000,
        b'{"choices": [{"message": {"content": ' + b"9" * 100_000 + b'}, "finish_reason": 7}]}',
        b'{"error": {"message": ' + b"[" * 100_000,
    ],
    ids=["nested lists", "nested objects", "a long number", "an error nested deep"],
)
@pytest.mark.parametrize("status", [200, 400])
async def test_json_that_is_nested_or_counted_beyond_sense_fails_the_study(
    serve: Callable[[Answer], Awaitable[str]], tmp_path: Path, body: bytes, status: int
) -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status, body=body)

    why = await failure(await serve(answer), tmp_path)

    assert len(why) < 1000
    assert "\n" not in why
