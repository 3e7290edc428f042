"""What all HTTP clients share: encode, send, read. A wire format says only what differs."""

from __future__ import annotations

import binascii
import time
from abc import ABC, abstractmethod
from typing import Any

import msgspec

from mmrad_eval.core.contracts import Sent
from mmrad_eval.core.errors import ModelError
from mmrad_eval.core.values import Card, Reply, Request
from mmrad_eval.model_registry.transport import Response, Transport

ENCODER = msgspec.json.Encoder()


class WireClient(ABC):
    """One model behind one or several servers of one wire format."""

    max_edge: int | None = None
    """Pixels of the longest side that the endpoint takes."""
    max_bytes: int | None = None
    """Bytes of one image file that the endpoint takes."""
    max_together: int | None = None
    """Bytes of all image files of one request together."""
    unasked: frozenset[str] = frozenset()
    """Decoding values that are left out unless the run states them, as many models of this provider refuse them."""

    def __init__(self, card: Card, transport: Transport) -> None:
        self.card, self.transport = card, transport

    def edge_for(self, images: int) -> int | None:  # noqa: ARG002 (for providers whose limit depends on it)
        """The same where a request holds so many images."""
        return self.max_edge

    def bytes_for(self, images: int) -> int | None:
        """Bytes that each file may have where a request holds so many images: an equal share of the whole."""
        limits = (self.max_bytes, None if self.max_together is None else self.max_together // max(images, 1))
        return min((limit for limit in limits if limit is not None), default=None)

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The addresses that this client sends to."""
        return self.transport.urls

    @abstractmethod
    def path(self, request: Request) -> str:
        """Where under the base address a request goes."""

    def headers(self, request: Request) -> dict[str, str]:  # noqa: ARG002 (for formats that need it)
        """Headers that depend on the request, beside those of every request."""
        return {}

    @abstractmethod
    def body(self, sent: Sent) -> dict[str, Any]:
        """The request in the provider's words, without its extra fields."""

    @abstractmethod
    def read(self, response: Response) -> Reply:
        """The reply in ours; TransportError where infrastructure failed."""

    def encode(self, sent: Sent) -> bytes:
        """The bytes that are sent. An extra field may add to the body, never change what the run says."""
        body = self.body(sent)
        for name, value in sent.request.extra.items():
            if name in body:
                raise ModelError(f"the task sets {name} as an extra field; it is the run's to set")
            body[name] = value
        return ENCODER.encode(body)

    async def generate(self, sent: Sent) -> Reply:
        """Ask once; TransportError where infrastructure failed."""
        reply, _ = await self.exchange(sent)
        return reply

    async def exchange(self, sent: Sent) -> tuple[Reply, str]:
        """Send and read; returns the reply and the address of the server that gave it."""
        body = self.encode(sent)
        seconds = self.transport.time_allowed(sent.request.decoding.max_tokens)
        start = time.perf_counter()
        headers = self.headers(sent.request)
        response = await self.transport.post(self.path(sent.request), body, seconds=seconds, headers=headers)
        reply = self.read(response)
        return msgspec.structs.replace(reply, latency=round(time.perf_counter() - start, 6)), response.base

    async def close(self) -> None:
        """Close the connections."""
        await self.transport.close()


def base64_json(before: bytes, data: bytes) -> msgspec.Raw:
    """``before``, then ``data`` in base64, as a JSON string that is encoded already: nothing needs escaping."""
    return msgspec.Raw(b"".join((b'"', before, binascii.b2a_base64(data, newline=False), b'"')))
