"""Programs that write and audit over HTTP, in OpenAI's chat format, on a thread of their own."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

Answer = Callable[["Asked"], "str | int | dict[str, Any]"]
"""A text, an HTTP status, or what is written as JSON."""
_LIST = re.compile(r"^\[\{.*\}\]$", re.MULTILINE)


@dataclass(frozen=True)
class Asked:
    """One request, as its prompt shows it."""

    text: str
    body: dict[str, Any]

    @property
    def lists(self) -> list[Any]:
        """The JSON lists in the prompt, in order."""
        return [json.loads(found) for found in _LIST.findall(self.text)]

    @property
    def kind(self) -> str:
        """``summarise``, ``reflect`` or ``audit``."""
        if '"rows"' in self.text.partition("\n\n")[0] or '{"statements":' in self.text:
            return "summarise"
        return "audit" if "not mentioned" in self.text else "reflect"

    @property
    def report(self) -> str:
        """The report that the prompt shows."""
        return self.text.partition("Report:\n")[2].partition("\n\nStatements:")[0]


def words_of(content: str | list[dict[str, Any]]) -> str:
    """The words of a message, whether it has pictures or not."""
    return content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)


@dataclass
class ProgramServer:
    """One model: what it is called, and what it answers."""

    answer: Answer
    model: str = "program"
    root: str = ""
    """What a vLLM server would say is served under the name."""
    asked: list[Asked] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    """Body -> how often it came."""
    url: str = ""
    _server: ThreadingHTTPServer | None = None

    def __enter__(self) -> Self:
        program = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # else a reply waits 40 ms until its head is acknowledged

            def log_message(self, *_: object) -> None:
                return

            def do_GET(self) -> None:
                entry = {"id": program.model, "root": program.root}
                found = self.path.endswith("/models")
                self._send(*((200, json.dumps({"data": [entry]}).encode()) if found else (404, b"{}")))

            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["Content-Length"]))
                asks = self.path.endswith("/chat/completions")
                self._send(*(program.reply(data) if asks else (404, b"{}")))

            def _send(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with suppress(BrokenPipeError, ConnectionResetError):  # who asked was killed
                    self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    def reply(self, data: bytes) -> tuple[int, bytes]:
        """Status and body."""
        body = json.loads(data)
        text = "\n\n".join(words_of(m["content"]) for m in body["messages"] if m["role"] == "user")
        asked = Asked(text, body)
        self.asked.append(asked)
        self.seen[data.decode()] += 1
        said = self.answer(asked)
        if isinstance(said, int):
            return said, json.dumps({"error": {"message": "rehearsed", "type": "x", "code": None}}).encode()
        content = said if isinstance(said, str) else json.dumps(said)
        message = {"role": "assistant", "content": content}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        pictures = data.count(b'"type":"image_url"')
        usage = {"prompt_tokens": len(text) // 4 + 100 * pictures, "completion_tokens": len(content) // 4}
        return 200, json.dumps({"id": "x", "model": self.model, "choices": [choice], "usage": usage}).encode()
