"""Anthropic's message batches (docs.claude.com, batch processing): requests inline, no name, results as JSON lines."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from mmrad_eval.core.contracts import PreparedRequest
from mmrad_eval.core.errors import TransportError
from mmrad_eval.model_registry.anthropic import VERSION
from mmrad_eval.model_registry.batch_forms import BatchLine, BatchState, WireBatches, response_of, seconds_of
from mmrad_eval.model_registry.bodies import field, text_of
from mmrad_eval.model_registry.transport import Headers
from mmrad_eval.model_registry.wire import WireClient

_STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""Types of errors and the statuses that they have on the direct route (docs.claude.com, errors)."""


class AnthropicBatches(WireBatches):
    """``/messages/batches``: 100,000 requests and 256 MB, less of both here."""

    lines = 5_000
    size = 95_000_000
    labelled = False

    def __init__(self, client: WireClient) -> None:
        super().__init__(client)
        self._version = VERSION

    def headers(self) -> Headers:
        """The version that knows all that the requests say."""
        return {"anthropic-version": self._version}

    def line(self, sent: PreparedRequest) -> bytes:
        """Key and parameters."""
        self._version = self.client.headers(sent.request)["anthropic-version"]
        return b'{"custom_id":"%b","params":%b}' % (sent.key.encode(), self.client.encode(sent))

    async def create(self, label: str, file: str, lines: Sequence[bytes]) -> str:
        """The batch with all requests in it."""
        value = await self.post("/messages/batches", b'{"requests":[%b]}' % b",".join(lines))
        found = text_of(field(value, "id"))
        if not found:
            raise TransportError("Anthropic's reply names no batch", retry=True)
        return found

    async def find(self, label: str, since: float, requests: int) -> list[str]:
        """Batches keep no name: those with as many requests, made since then; whose keys are ours, results tell."""
        found, after = list[str](), ""
        while True:
            page = await self.get(f"/messages/batches?limit=100{after}")
            batches = field(page, "data")
            for one in batches if isinstance(batches, list) else ():
                if seconds_of(field(one, "created_at")) < since:
                    return found
                counts = field(one, "request_counts")
                if sum(n for n in (counts or {}).values() if isinstance(n, int)) == requests:
                    found.append(text_of(field(one, "id")))
            if not batches or field(page, "has_more") is not True:
                return found
            after = f"&after_id={text_of(field(page, 'last_id'))}"

    async def state(self, batch: str) -> BatchState:
        """``ended`` is the only end; each line says how it ended."""
        value = await self.get(f"/messages/batches/{batch}")
        words = text_of(field(value, "processing_status"))
        ended = words == "ended"
        return BatchState(words, ended, (f"/messages/batches/{batch}/results",) if ended else ())

    async def results(self, state: BatchState) -> AsyncIterator[BatchLine]:
        """``succeeded`` holds the message, ``errored`` the error of the direct route."""
        base = self.client.endpoints[0]
        for page in state.pages:
            async for row in self.rows(page):
                key, kind = text_of(field(row, "custom_id")), text_of(field(row, "result", "type"))
                if kind == "succeeded":
                    yield BatchLine(key, response_of(200, field(row, "result", "message"), base))
                elif kind == "errored":
                    body = field(row, "result", "error")
                    status = _STATUSES.get(text_of(field(body, "error", "type")), 500)
                    yield BatchLine(key, response_of(status, body, base))
                elif key:
                    yield BatchLine(key, None, kind or "no result in its line")

    async def cancel(self, batch: str) -> None:
        """It ends with what is answered by then."""
        await self.post(f"/messages/batches/{batch}/cancel", b"{}")
