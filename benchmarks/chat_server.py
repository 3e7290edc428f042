"""A chat completions server on loopback whose replies one function writes, and the process that runs one.

A script ends in ``serve(answer)``; another starts it with ``served(script)`` and gets its address.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from aiohttp import web

USAGE = {"prompt_tokens": 900, "completion_tokens": 120, "total_tokens": 1020}
MODELS = {"object": "list", "data": [{"id": "invented", "object": "model"}]}


def serve(answer: Callable[[bytes], tuple[str, str]]) -> None:
    """Serve until killed: ``answer`` makes text and finish reason of a request's body. Prints the address first."""
    asyncio.run(_serve(answer))


async def _serve(answer: Callable[[bytes], tuple[str, str]]) -> None:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "GET":
            return web.json_response(MODELS)
        text, finish = answer(await request.read())
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
        body = {"id": "x", "model": "invented", "choices": [choice], "usage": USAGE}
        return web.Response(body=json.dumps(body).encode(), content_type="application/json")

    runner = web.ServerRunner(web.Server(handle, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sys.stdout.write(f"http://127.0.0.1:{runner.addresses[0][1]}/v1\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


@contextmanager
def served(script: Path) -> Iterator[str]:
    """The address of a script's server, while it runs."""
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
