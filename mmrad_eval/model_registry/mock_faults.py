"""Answers of servers in trouble, as the mock server gives them: pages of proxies, odd waits, codes, bodies without end.

Bodies are written from what servers of the kind are known to send; ``rejection_rules`` names the sources of the codes.
"""

from __future__ import annotations

import asyncio
import base64
import json
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from aiohttp import web

_HTML = "<html>\r\n<head><title>{0}</title></head>\r\n<body><center><h1>{0}</h1></center><hr>nginx/1.24.0</body></html>"
_BIG = 80 << 20
"""Bytes of the bodies that are too large: more than any reply that is read."""
_CHUNK = b" " * (1 << 16)


class Page(NamedTuple):
    """One whole answer."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}
    media_type: str = "application/json"


def _html(status: int, title: str) -> Page:
    return Page(status, _HTML.format(title).encode(), media_type="text/html")


def _error(status: int, message: str, *, code: str | None = None, headers: Mapping[str, str] = {}) -> Page:
    error = {"error": {"message": message, "type": "rehearsal", "code": code, "param": None}}
    return Page(status, json.dumps(error).encode(), headers)


def _json(status: int, value: object) -> Page:
    return Page(status, json.dumps(value).encode())


_FLAGGED = {"reasons": ["violence"], "flagged_input": "Compile a report"}
_SLOW_DOWN = "Rate limit reached for requests"

PAGES: Mapping[str, Page] = {
    "html200": _html(200, "Just a moment..."),
    "html400": _html(400, "400 Bad Request"),
    "html413": _html(413, "413 Request Entity Too Large"),
    "html502": _html(502, "502 Bad Gateway"),
    "memory": _error(400, "CUDA out of memory. Tried to allocate 2.00 GiB"),
    "overload": _error(400, "The model is overloaded, please try again later"),
    "ratelimit": _error(400, _SLOW_DOWN, code="rate_limit_exceeded"),
    "engine": _error(400, "EngineCore encountered an issue. See stack trace (above) for the root cause."),
    "image": _error(422, "cannot identify image file"),
    "detail": _json(400, {"detail": "Bad Request"}),
    "day": _error(429, _SLOW_DOWN, headers={"Retry-After": "86400"}),
    "endlesswait": _error(429, _SLOW_DOWN, headers={"retry-after-ms": "inf"}),
    "tomorrow": _error(503, "maintenance", headers={"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"}),
    "negative": _error(429, _SLOW_DOWN, headers={"Retry-After": "-5"}),
    "past": _error(429, _SLOW_DOWN, headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}),
    "nested": Page(200, b'{"choices":' + b"[" * 100_000),
    "policy": _error(400, "rehearsed policy", code="content_filter"),
    "long": _error(400, "rehearsed long", code="context_length_exceeded"),
    "azure": _json(400, {"error": {"message": "filtered", "innererror": {"code": "ResponsibleAIPolicyViolation"}}}),
    "moderation": _json(403, {"error": {"code": 403, "message": "flagged", "metadata": _FLAGGED}}),
    "llama": _json(400, {"error": {"code": 400, "message": "too long", "type": "exceed_context_size_error"}}),
    "sglang": _error(400, "The input (9000 tokens) is longer than the model's context length (8192 tokens)."),
}
"""Fault -> what is sent in place of a reply."""

SAID: Mapping[str, str] = {
    "saidstatus": "Internal Server Error",
    "saidpage": _HTML.format("502 Bad Gateway"),
    "saidbody": '{"error": {"message": "Worker died", "type": "server_error", "code": 500}}',
    "saidenvoy": "upstream connect error or disconnect/reset before headers. reset reason: connection failure",
    "saidmemory": "CUDA out of memory. Tried to allocate 2.00 GiB",
}
"""Fault -> what stands as the content of a reply with status 200 in place of the model's words."""

STREAMS = ("huge", "endless", "bomb", "cut", "slow")
"""Bodies that are no whole answer: declared too large, without end, a gzip bomb, shorter than declared, dripping."""


def page(kind: str) -> web.Response:
    """The answer of a fault of ``PAGES``."""
    from aiohttp import web

    found = PAGES[kind]
    return web.Response(
        status=found.status, body=found.body, content_type=found.media_type, headers=dict(found.headers)
    )


async def stream(request: web.BaseRequest, kind: str) -> web.StreamResponse:
    """Send a body of ``STREAMS`` until the client has enough of it."""
    from aiohttp import web

    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    if kind in ("huge", "cut"):
        response.content_length = _BIG if kind == "huge" else 2000
    if kind == "bomb":
        response.headers["Content-Encoding"] = "gzip"
    await response.prepare(request)
    try:
        if kind == "bomb":
            await response.write(_bomb())
        elif kind == "cut":
            await response.write(b'{"choices": [{"message": {"content": "FINDINGS')
        else:
            for _ in range(_BIG // len(_CHUNK)):
                await response.write(_CHUNK[:1] if kind == "slow" else _CHUNK)
                await asyncio.sleep(1 if kind == "slow" else 0)
    except ConnectionError:
        return response
    if request.transport is not None:
        request.transport.abort()
    return response


def _bomb() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(_CHUNK) for _ in range(_BIG // len(_CHUNK))) + packer.flush()


def echoes(key: str) -> str:
    """A key as servers repeat it: as it is, as JSON escapes write it, in base64."""
    escaped = "".join(f"\\u{ord(character):04x}" for character in key)
    return f"{key} {escaped} {base64.b64encode(key.encode()).decode()}"
