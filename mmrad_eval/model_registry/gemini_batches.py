"""Gemini's batches (ai.google.dev, batch API), with their requests inline: what has a file of its own stays longer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import msgspec

from mmrad_eval.core.contracts import PreparedRequest
from mmrad_eval.core.errors import TransportError
from mmrad_eval.model_registry.batch_forms import NAME, BatchLine, BatchState, WireBatches, response_of, seconds_of
from mmrad_eval.model_registry.bodies import field, text_of

_ENDED = frozenset({"SUCCEEDED", "PARTIALLY_SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED"})
_STATUSES = {3: 400, 5: 404, 7: 403, 8: 429, 9: 400, 11: 400, 13: 500, 14: 503, 16: 401, 4: 504, 1: 499}
"""Codes of google.rpc.Code and their HTTP statuses (google/rpc/code.proto)."""


class GeminiBatches(WireBatches):
    """``models/ID:batchGenerateContent``: 20 MB of inline requests."""

    lines = 5_000
    size = 19_000_000
    labelled = True

    def line(self, sent: PreparedRequest) -> bytes:
        """The request, and its key beside it."""
        return b'{"request":%b,"metadata":{"key":"%b"}}' % (self.client.encode(sent), sent.key.encode())

    async def create(self, label: str, file: str, lines: Sequence[bytes]) -> str:
        """The batch with all requests in it, under our name."""
        name = msgspec.json.encode(NAME.format(label=label))
        body = b'{"batch":{"displayName":%b,"inputConfig":{"requests":{"requests":[%b]}}}}' % (name, b",".join(lines))
        value = await self.post(f"/models/{self.client.card.id}:batchGenerateContent", body)
        found = text_of(field(value, "name"))
        if not found.startswith("batches/"):
            raise TransportError("Gemini's reply names no batch", retry=True)
        return found

    async def find(self, label: str, since: float, requests: int) -> list[str]:
        """By its name, among all that are listed."""
        token = ""
        while True:
            page = await self.get(f"/batches?pageSize=100{token}")
            batches = field(page, "operations")
            for one in batches if isinstance(batches, list) else ():
                if field(one, "metadata", "displayName") == NAME.format(label=label):
                    return [text_of(field(one, "name"))]
                if seconds_of(field(one, "metadata", "createTime")) < since:
                    return []
            more = text_of(field(page, "nextPageToken"))
            if not more:
                return []
            token = f"&pageToken={more}"

    async def state(self, batch: str) -> BatchState:
        """The state of its metadata; its results are on the same page."""
        value = await self.get(f"/{batch}")
        words = text_of(field(value, "metadata", "state"))
        ended = words.rpartition("_STATE_")[2] in _ENDED
        why = text_of(field(value, "error", "message"))
        return BatchState(words, ended, (f"/{batch}",), why, value) if ended else BatchState(words, ended, why=why)

    async def results(self, state: BatchState) -> AsyncIterator[BatchLine]:
        """Each response with the metadata of its request, or the error in its place."""
        base = self.client.endpoints[0]
        for page in state.pages:
            value = state.page or await self.get(page)
            output = field(value, "metadata", "output") or field(value, "response")
            rows = field(output, "inlinedResponses", "inlinedResponses")
            for row in rows if isinstance(rows, list) else ():
                key, response, error = (
                    text_of(field(row, "metadata", "key")),
                    field(row, "response"),
                    field(row, "error"),
                )
                if isinstance(response, dict) and not error:
                    yield BatchLine(key, response_of(200, response, base))
                elif isinstance(error, dict):
                    code = field(error, "code")
                    status = _STATUSES.get(code, code) if isinstance(code, int) else 500
                    yield BatchLine(key, response_of(status, {"error": {**error, "code": status}}, base))
                elif key:
                    yield BatchLine(key, None, "no response in its line")

    async def cancel(self, batch: str) -> None:
        """It ends with what is answered by then."""
        await self.post(f"/{batch}:cancel", b"{}")
