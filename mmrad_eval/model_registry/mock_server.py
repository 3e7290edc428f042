"""A chat server on loopback that answers at once and misbehaves when told to: for trials, tests and benchmarks.

    python -m mmrad_eval.model_registry.mock_server --port 8000 --delay 0.2 --fault "study 7=500" --fault "x9=429:1:2"

A fault is chosen by a piece of text in the request, or by chance (``--misbehave SHARE``, decided by the request itself,
so that it is the same in every run):

``500``, ``400``, ``401`` and so on     that status, with an error body; ``500:2`` the first two times only
``307@URL``                             a redirect
``echo400``, ``echo500`` and so on      that status, with the key and all that was sent in the error's words
``429:SECONDS:TIMES``                   slow down, with Retry-After, so many times, and then a reply
``policy`` ``long``     a 400 with the structured code of a content policy, or of a context that is too short
``null`` ``empty`` ``length`` ``refusal`` ``filter``     replies without content, cut short, declined, or filtered
``saidstatus`` ``saidpage`` and so on   replies whose content is a server's error, as ``mock_faults`` lists them
``nofinish`` ``abort``  replies that do not say how they ended, or that they were broken off
``echo``                a reply that repeats the key in several spellings
``malformed`` ``disconnect`` ``hang``   no JSON, a broken connection, no answer; ``hang:1`` the first time only
``html413`` ``memory`` ``day`` ``bomb`` and so on     what ``mock_faults`` lists: pages of proxies, rejections that are
                        no refusals, waits of a day, bodies without end

A marker with a group names the fault itself: what the group matches in a request is its fault.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

import msgspec

from mmrad_eval.model_registry import mock_faults

if TYPE_CHECKING:
    from aiohttp import web

REPORT = (
    "FINDINGS: The heart is normal in size. The lungs are clear without focal consolidation. No pleural effusion or "
    "pneumothorax is seen. The mediastinal contours are unremarkable. Degenerative changes of the thoracic spine are "
    "mild. There is no free air below the diaphragm.\nIMPRESSION: No acute cardiopulmonary abnormality."
)
CHANCE_FAULTS = ("500:1", "500:2", "policy", "long", "429:0.01:1", "null", "empty", "length", "refusal", "filter")
BROKEN_FAULTS = ("malformed:1", "disconnect:1", "hang:1")
FOREVER = 1 << 30


@dataclass
class MockServer:
    """One server of the chat completions format."""

    delay: float = 0.0
    """Seconds before each reply."""
    faults: Mapping[str, str] = field(default_factory=dict)
    """Text in a request -> fault."""
    misbehave: float = 0.0
    """Share of requests that meet one of ``CHANCE_FAULTS`` or ``BROKEN_FAULTS``."""
    keep: bool = False
    """Whether ``bodies`` keeps what came."""
    marker: re.Pattern[bytes] | None = None
    """What of a request decides its fault by chance, such as ``case \\d+``; by default all of it."""
    own_words: bool = False
    """Whether each request gets a text of its own, made from its words."""
    bucket: tuple[int, float] | None = None
    """Requests at once and refilled a second; who asks for more gets 429, and headers tell what is left."""
    model: str = "rehearsal"
    log: IO[bytes] | None = None
    """Unbuffered; gets a line for each good reply before it is sent: monotonic seconds, a digest of the key that came
    with the request, and what ``marker`` matched."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the model's entry, such as ``root`` and ``max_model_len`` of vLLM."""
    bodies: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    requests: int = 0
    replies: int = 0
    """Good ones, whose words are a report."""
    tries: Counter[str] = field(default_factory=Counter)
    """Digest of a body -> how often it came."""
    most_at_once: int = 0
    url: str = ""
    _at_once: int = 0
    _left: float = 0.0
    _filled: float = 0.0
    _runner: web.ServerRunner | None = None

    async def start(self, port: int = 0) -> str:
        """Listen on 127.0.0.1; returns the base URL."""
        from aiohttp import web

        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port, backlog=1024)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        return self.url

    async def stop(self) -> None:
        """Close the socket and every connection."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        from aiohttp import web

        body = await request.read()
        if request.method == "GET":
            return web.Response(body=self._page(request.path), content_type="application/json")
        self.requests += 1
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            if self.keep:
                self.bodies.append(msgspec.json.decode(body))
                self.headers.append(dict(request.headers))
                self.paths.append(request.path_qs)
            if self.delay:
                await asyncio.sleep(self.delay)
            kind, tries, seconds = self._fault(body)
            if self.bucket is not None:
                return await self._limited(request, body, self.bucket)
            return await self._answer(request, body, kind if tries else "", seconds)
        finally:
            self._at_once -= 1

    async def _limited(self, request: web.BaseRequest, body: bytes, bucket: tuple[int, float]) -> web.StreamResponse:
        size, rate = bucket
        now = time.monotonic()
        self._left = min(float(size), self._left + (now - self._filled) * rate) if self._filled else float(size)
        self._filled = now
        within = self._left >= 1
        self._left -= within
        response = await self._answer(request, body, "" if within else "429", 1 / rate)
        response.headers["x-ratelimit-limit-requests"] = f"{size}"
        response.headers["x-ratelimit-remaining-requests"] = f"{int(self._left)}"
        response.headers["x-ratelimit-reset-requests"] = f"{(size - self._left) / rate:.3f}s"
        return response

    def _page(self, path: str) -> bytes:
        if path.endswith("/models"):
            entry = {"id": self.model, "object": "model", **self.facts}
            return msgspec.json.encode({"object": "list", "data": [entry]})
        return msgspec.json.encode({"requests": self.requests, "replies": self.replies})

    def _fault(self, body: bytes) -> tuple[str, bool, float]:
        """The fault of this request, whether it happens this time, and the seconds that it asks to wait."""
        written = next((fault for text, fault in self.faults.items() if text.encode() in body), "")
        marked = self.marker.search(body) if self.marker else None
        if marked and marked.re.groups:
            written = written or (marked[1] or b"").decode()
        if not written and not self.misbehave:
            return "", False, 0.0
        decisive = marked[0] if marked else body
        written = written or chance_fault(decisive, self.misbehave)
        key = hashlib.sha256(decisive).hexdigest()
        self.tries[key] += 1
        if "@" in written:
            return written, True, 0.0
        kind, _, rest = written.partition(":")
        numbers = rest.split(":") if rest else []
        seconds = float(numbers.pop(0)) if kind == "429" and numbers else 0.0
        times = int(numbers[0]) if numbers else FOREVER
        return kind, self.tries[key] <= times, seconds

    async def _answer(self, request: web.BaseRequest, body: bytes, kind: str, seconds: float) -> web.StreamResponse:
        from aiohttp import web

        echo, kind = kind.startswith("echo"), kind.removeprefix("echo")
        kind, _, location = kind.partition("@")
        if kind.isdigit():
            headers = {"Retry-After": f"{seconds:g}"} if kind == "429" else {}
            headers |= {"Location": location} if location else {}
            message = f"rehearsed fault {kind}"
            if echo:
                key = request.headers.get("Authorization", "")
                message = f"bad input of {key}: {body.decode()} of {dict(request.headers)}"
            error = {"error": {"message": message, "type": "rehearsal", "code": None, "param": None}}
            data = msgspec.json.encode(error)
            return web.Response(status=int(kind), body=data, content_type="application/json", headers=headers)
        if kind in mock_faults.PAGES:
            return mock_faults.page(kind)
        if kind in mock_faults.STREAMS:
            return await mock_faults.stream(request, kind)
        if kind in ("hang", "disconnect"):
            if kind == "hang":
                await asyncio.sleep(3600)
            elif request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)  # nobody reads it
        if kind == "malformed":
            return web.Response(body=b'{"choices": [{"mess', content_type="application/json")
        key = request.headers.get("Authorization", "")
        said = mock_faults.echoes(key) if echo else ""
        return web.Response(body=self._reply(body, kind, key, said), content_type="application/json")

    def _good(self, body: bytes, key: str) -> None:
        """Count a good reply, and log it."""
        self.replies += 1
        marked = self.marker.search(body) if self.log and self.marker else None
        if self.log is not None and marked is not None:
            self.log.write(b"%.6f %b %b\n" % (time.monotonic(), key_digest(key).encode(), marked[0]))

    def _reply(self, body: bytes, kind: str, key: str, said: str = "") -> bytes:
        if kind not in ("nofinish", "abort", *mock_faults.SAID):
            self._good(body, key)
        text = REPORT
        if self.own_words:
            text = f"FINDINGS: Study {hashlib.sha256(body).hexdigest()[:8]}. {REPORT.removeprefix('FINDINGS: ')}"
        message: dict[str, Any] = {"role": "assistant", "content": f"{text} {said}".strip()}
        finish = "stop"
        if kind in ("null", "empty"):
            message["content"] = None if kind == "null" else ""
        elif kind == "length":
            message["content"], finish = text[:60], "length"
        elif kind == "refusal":
            message |= {"content": None, "refusal": "I can't help with that."}
        elif kind == "filter":
            message["content"], finish = "", "content_filter"
        elif kind == "abort":
            finish = "abort"
        message["content"] = mock_faults.SAID.get(kind, message["content"])
        return msgspec.json.encode(
            {
                "id": "chatcmpl-rehearsal",
                "object": "chat.completion",
                "created": 0,
                "model": self.model,
                "system_fingerprint": "rehearsal-1",
                "choices": [
                    {
                        "index": 0,
                        "message": message,
                        "finish_reason": None if kind == "nofinish" else finish,
                        "logprobs": None,
                    }
                ],
                "usage": {
                    "prompt_tokens": len(body) // 4,
                    "completion_tokens": 80,
                    "total_tokens": len(body) // 4 + 80,
                },
            }
        )


def key_digest(authorization: str) -> str:
    """Who asks, as the log has it."""
    return hashlib.sha256(authorization.encode()).hexdigest()[:16]


def chance_fault(decisive: bytes, share: float) -> str:
    """The fault that chance gives a request, the same in every run; the empty string for most."""
    key = hashlib.sha256(decisive).hexdigest()
    if int(key[:8], 16) >= share * 2**32:
        return ""
    choices = CHANCE_FAULTS + BROKEN_FAULTS
    return choices[int(key[8:16], 16) % len(choices)]


def main() -> None:
    """Serve until interrupted; the first line on standard output is the base URL."""
    import argparse
    import contextlib
    import sys

    parser = argparse.ArgumentParser(
        prog="python -m mmrad_eval.model_registry.mock_server",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--model", default=MockServer.model, metavar="ID", help="the model id that it serves")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each reply")
    parser.add_argument("--fault", action="append", default=[], metavar="TEXT=FAULT", help="fault by text in a request")
    parser.add_argument("--misbehave", type=float, default=0.0, metavar="SHARE", help="share of requests that go wrong")
    parser.add_argument("--marker", help="regular expression of what in a request decides its fault by chance")
    parser.add_argument("--own-words", action="store_true", help="a text of its own for each request")
    parser.add_argument("--log", type=Path, help="a file that gets a line for each good reply, before it is sent")
    given = parser.parse_args()
    faults = dict(fault.rpartition("=")[::2] for fault in given.fault)
    marker = re.compile(given.marker.encode()) if given.marker else None
    server = MockServer(
        given.delay, faults, given.misbehave, marker=marker, own_words=given.own_words, model=given.model
    )

    async def serve() -> None:
        server.log = given.log and given.log.open("ab", buffering=0)
        sys.stdout.write(f"{await server.start(given.port)}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())


if __name__ == "__main__":
    main()
