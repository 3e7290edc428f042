"""A judge whose reply was broken off, or stands beside a failure, has judged nothing: no metric is made of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from mmrad_eval.harness.judging import JudgeAccount, put_questions
from mmrad_eval.harness.requester import Requester
from mmrad_eval.metrics import Suite
from tests.harness.test_judge_failures import EXAMPLES, Verdict
from tests.model_registry.test_ends import BROKEN
from tests.model_registry.test_gateway_bodies import BESIDE, chat

BODIES = BROKEN | {name: body for name, (kind, body) in BESIDE.items() if kind == "openai"}


@pytest.fixture
def judge() -> Iterator[tuple[str, dict[str, Any]]]:
    """A judge over loopback: its address, and the bodies that it answers to a word of its question."""
    bodies: dict[str, Any] = {}

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
            body = next((body for word, body in bodies.items() if word in asked), chat("5"))
            data = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", bodies
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("name", BODIES)
async def test_a_judge_that_was_cut_off_has_judged_nothing(
    judge: tuple[str, dict[str, Any]], requester_of: Callable[..., Requester], name: str
) -> None:
    url, bodies = judge
    bodies["JUDGE b"] = BODIES[name]
    suite = await put_questions(Suite([Verdict()]), EXAMPLES, {"": JudgeAccount(requester_of(url, timeout=2.0))})

    assert list(suite) == []
    (missing,) = suite.missing
    assert missing.what.startswith("1 of its questions to ")
