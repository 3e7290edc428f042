"""What an attack has at hand: a folder, the command that is attacked, and servers on loopback."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.records import write_traces

KEY = "sk-attack/7f3a+91c0d2e4b85f6a7c9e1d"
WORDS = "FINDINGS: The heart is large."
PATIENCE = 90.0  # seconds for one command
Answer = tuple[int, dict[str, str], bytes]


def said(words: str = WORDS, **fields: Any) -> Answer:
    """A good reply."""
    choice: dict[str, Any] = {
        "index": 0,
        "message": {"role": "assistant", "content": words},
        "finish_reason": "stop",
    } | fields
    body: dict[str, Any] = {"id": "x", "object": "chat.completion", "model": "m", "choices": [choice]}
    body["usage"] = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}
    return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()


class Server:
    """A chat server whose answer is a function of the request's body and number."""

    def __init__(self, answer: Callable[[str, int], Answer]) -> None:
        self.heads: list[str] = []
        served = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                served.heads.append(str(self.headers))
                self.reply(answer(body, len(served.heads)))

            def do_GET(self) -> None:
                body = json.dumps({"object": "list", "data": [{"id": "m", "object": "model"}]}).encode()
                self.reply((200, {"Content-Type": "application/json"}, body))

            def reply(self, answered: Answer) -> None:
                status, headers, body = answered
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(OSError):  # nobody reads a body without end
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def stop(self) -> None:
        """Take no more connections."""
        self._server.shutdown()
        self._server.server_close()


@dataclass
class Ended:
    """How a command ended."""

    code: int | None
    out: str
    err: str
    peak_mb: float
    seconds: float


@dataclass
class Bench:
    """One attack's folder, and the command that is attacked."""

    command: str
    folder: Path
    servers: list[Server] = field(default_factory=list)

    def serve(self, answer: Callable[[str, int], Answer]) -> Server:
        """A server that ends with the attack."""
        self.servers.append(Server(answer))
        return self.servers[-1]

    def call(self, *words: str, before: Callable[[], None] | None = None, **extra: str) -> Ended:
        """Run the command; code None where it did not end in time."""
        start = time.monotonic()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = subprocess.Popen(
                [self.command, *words],
                stdout=out,
                stderr=err,
                cwd=self.folder,
                env=os.environ | extra,
                preexec_fn=before,  # noqa: PLW1509 (limits of the child; no thread holds a lock of ours)
            )
            timer = threading.Timer(PATIENCE, process.kill)
            timer.start()
            _, status, usage = os.wait4(process.pid, 0)
            timer.cancel()
            process.returncode = os.waitstatus_to_exitcode(status)
            seconds = time.monotonic() - start
            texts = []
            for file in (out, err):
                file.seek(0)
                texts.append(file.read().decode(errors="replace"))
        code = None if process.returncode == -signal.SIGKILL and seconds >= PATIENCE else process.returncode
        return Ended(code, texts[0], texts[1], usage.ru_maxrss / 1024, seconds)

    def run(self, url: str, *words: str, studies: int = 6, **more: Any) -> Ended:
        """A run of a few text studies."""
        if not (self.folder / "studies.jsonl").exists():
            write_traces(self.folder / "studies.jsonl", [f"Lung number {n} is clear." for n in range(studies)])
        base = ["run", "--model", "openai:m", "--base-url", url, "--task", "tcot-blind", "--metrics", "bleu@r2gen-iu"]
        return self.call(*base, "--data", "studies.jsonl", "--quiet", "--concurrency", "2", *words, **more)

    def answers(self) -> list[dict[str, Any]]:
        """What the run's folder shows."""
        paths = list(self.folder.glob("results/runs/*/*/*/*/answers.jsonl"))
        return [json.loads(line) for path in paths for line in path.read_text().splitlines()]

    def statuses(self) -> Counter[str]:
        """Status -> answers."""
        return Counter(answer.get("status", "pending") for answer in self.answers())

    def segments(self) -> list[Path]:
        """The files of the journal."""
        return [path for path in self.folder.glob("results/replies/*/*/*.jsonl") if path.parent.name != "images"]

    def holding(self, needle: str) -> list[str]:
        """Files below results that hold a text, as it stands or within JSON."""
        found = []
        for path in (path for path in self.folder.glob("results/**/*") if path.is_file()):
            text = path.read_bytes().decode(errors="replace")
            decoded = [text]
            for line in text.splitlines():
                try:
                    decoded.append(json.dumps(json.loads(line), ensure_ascii=False).replace("\\/", "/"))
                except ValueError:
                    continue
            if any(needle in one for one in decoded):
                found.append(path.name)
        return found
