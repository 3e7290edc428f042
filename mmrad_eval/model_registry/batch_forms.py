"""What providers call a batch: many requests handed over at once, answered within a day, at half price.

A form says how one provider takes them, lists them and gives the replies back; the bodies and the replies are those of
the direct route, so its client writes the ones and reads the others. Facts are from the providers' own clients (openai
3.57.0, anthropic 2.13.0, google-genai 3.6.1) and pages, read 2026-11.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import msgspec

from mmrad_eval.core.contracts import PreparedRequest
from mmrad_eval.core.errors import TransportError
from mmrad_eval.core.values import Reply
from mmrad_eval.model_registry.bodies import read_json, text_of
from mmrad_eval.model_registry.http_errors import read_fault
from mmrad_eval.model_registry.transport import Headers, HttpResponse
from mmrad_eval.model_registry.wire import WireClient

NAME = "mmrad-{label}"
"""How a batch is called at the provider; ``label`` is a digest of its keys."""
SECONDS = 600.0
"""For one upload or one list of results."""


@dataclass(frozen=True)
class BatchState:
    """What a provider says of one batch."""

    words: str
    """Its own word for it."""
    ended: bool
    pages: tuple[str, ...] = ()
    """Where the lines of its results are, once it has ended."""
    why: str = ""
    """What it says went wrong with the whole."""
    page: Any = field(default=None, compare=False, repr=False)
    """What it said so, where the results stand on the same page, which is not read again then."""


@dataclass(frozen=True)
class BatchLine:
    """What became of one request."""

    key: str
    """Its request key, as sent."""
    response: HttpResponse | None
    """As the direct route would have sent it; None where the request was not tried."""
    why: str = ""
    """Why it was not: expired, cancelled."""


class BatchForm(Protocol):
    """Batches at one provider, for one client."""

    lines: int
    """Requests of one batch at most."""
    size: int
    """Bytes of their bodies at most."""
    labelled: bool
    """Whether the provider keeps our name of a batch, so that it is found again by it."""

    @abstractmethod
    def line(self, sent: PreparedRequest) -> bytes:
        """One request, as the body of a batch holds it."""

    @abstractmethod
    async def upload(self, label: str, lines: Sequence[bytes]) -> str:
        """Hand over the requests where that comes before a batch is made; the file's id, empty where it does not."""

    @abstractmethod
    async def create(self, label: str, file: str, lines: Sequence[bytes]) -> str:
        """Make the batch, in one try; its id. TransportError where it is not known whether it was made (``retry``)."""

    @abstractmethod
    async def find(self, label: str, since: float, requests: int) -> list[str]:
        """Ids of batches made since then (seconds of the epoch) that may be this one, the likeliest first."""

    @abstractmethod
    async def state(self, batch: str) -> BatchState:
        """What the provider says of it."""

    @abstractmethod
    def results(self, state: BatchState) -> AsyncIterator[BatchLine]:
        """Its lines, in the provider's order; of a line that can't be read, none."""

    @abstractmethod
    async def cancel(self, batch: str) -> None:
        """Stop what is not answered yet."""


def reply_of(line: BatchLine, client: WireClient) -> Reply:
    """The reply that a line holds; TransportError where it holds none and the request is to be made again."""
    if line.response is None:
        raise TransportError(line.why, retry=True)
    return client.reply_of(line.response)


class WireBatches:
    """What the forms share: JSON to and from the client's own address."""

    def __init__(self, client: WireClient) -> None:
        self.client = client

    def headers(self) -> Headers:
        """Headers of every call."""
        return {}

    async def upload(self, label: str, lines: Sequence[bytes]) -> str:
        """Nothing, where the batch itself holds its requests."""
        return ""

    async def get(self, path: str) -> Any:
        """The value of a page; TransportError where it is none."""
        response = await self.client.transport.get(path, seconds=SECONDS, headers=self.headers())
        return self._value(response)

    async def post(self, path: str, body: bytes, headers: Headers | None = None) -> Any:
        """The value that comes back."""
        return self._value(await self._posted(path, body, headers))

    async def rows(self, path: str) -> AsyncIterator[Any]:
        """The values of a page of JSON lines; a line that is none is passed over, as one that is not there."""
        response = await self.client.transport.get(path, seconds=SECONDS, headers=self.headers())
        if response.status != 200:
            self._value(response)
        for line in response.body.splitlines():
            if not line.strip():
                continue
            try:
                yield msgspec.json.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue

    async def _posted(self, path: str, body: bytes, headers: Headers | None) -> HttpResponse:
        return await self.client.transport.post(
            path, body, seconds=SECONDS, headers={**self.headers(), **(headers or {})}
        )

    def _value(self, response: HttpResponse) -> Any:
        secret = self.client.transport.secret
        if response.status != 200:
            reply = read_fault(response, secret)
            raise TransportError(reply.why, retry=False)
        value, _ = read_json(response.body, secret)
        return value


def response_of(status: Any, body: Any, base: str) -> HttpResponse:
    """A response as the direct route would have sent it."""
    number = status if isinstance(status, int) and 100 <= status < 600 else 502
    return HttpResponse(number, msgspec.json.encode(body), {}, base)


def seconds_of(time: object) -> float:
    """Seconds of the epoch of an RFC 3339 time; later than all where it is none, so that nothing is passed over."""
    try:
        return datetime.fromisoformat(text_of(time)).timestamp()
    except ValueError:
        return float("inf")
