"""A judge on 127.0.0.1 whose replies a function of the request decides."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]


@contextmanager
def serving(reply: Callable[[str, Body], str], finish: str = "stop") -> Iterator[str]:
    """The address of an endpoint of chats and completions that answers; ``reply`` gets the path and the body."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else a reply waits 40 ms until its head is acknowledged

        def log_message(self, *_: object) -> None: ...

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            text, chat = reply(self.path, body), self.path.endswith("/chat/completions")
            said = {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
            value = {
                "id": "x",
                "object": "chat.completion" if chat else "text_completion",
                "created": 0,
                "model": body["model"],
                "choices": [{"index": 0, **said, "finish_reason": finish}],
                "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
            }
            data = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def loopback_judge(reply: Callable[[Body], str], finish: str = "stop") -> Iterator[tuple[str, list[Body]]]:
    """(address, bodies in the order in which they came) of a judge that answers while the block runs."""
    bodies: list[Body] = []
    lock = threading.Lock()

    def heard(_: str, body: Body) -> str:
        with lock:
            bodies.append(body)
        return reply(body)

    with serving(heard, finish) as url:
        yield url, bodies
