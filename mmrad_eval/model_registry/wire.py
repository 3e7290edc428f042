"""What all HTTP clients share: encode, send, read. A wire format says only what differs."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec
import pybase64

from mmrad_eval.core.contracts import Client, PreparedRequest
from mmrad_eval.core.errors import ModelError, TransportError
from mmrad_eval.core.values import Card, Message, OutputImage, Reply, ReplyPart, Request, Text, ToolCall
from mmrad_eval.model_registry.rejections import RejectionPolicy, counted
from mmrad_eval.model_registry.server_counters import ServerCounters
from mmrad_eval.model_registry.transport import HttpResponse, Transport


class WireClient(Client):
    """One model behind one or several servers of one wire format."""

    card: Card
    transport: Transport
    max_edge: int | None = None
    """Pixels of the longest side that the endpoint accepts."""
    max_bytes: int | None = None
    """Bytes of one image file that the endpoint accepts."""
    max_together: int | None = None
    """Bytes of all image files of one request together."""
    reasoning: AbstractSet[str] = frozenset()
    """What the wire format has a field for: ``effort``, ``tokens``."""
    unasked: AbstractSet[str] = frozenset()
    unset_max_tokens: int | None = None
    """Decoding values that are left out unless the run states them, as many models of this provider refuse them."""

    def __init__(self, card: Card, transport: Transport) -> None:
        self.card, self.transport = card, transport
        self.refusals: tuple[str, ...] = ()
        """Texts that the user declared to be refusals (``--refusal-pattern``)."""

    @property
    def policy(self) -> RejectionPolicy:
        """What decides what a rejection means beside its words."""
        return RejectionPolicy(self.card.context, self.refusals)

    def edge_for(self, images: int) -> int | None:
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

    def headers(self, request: Request) -> dict[str, str]:
        """Headers that depend on the request, beside those of every request."""
        return {}

    @abstractmethod
    def body(self, sent: PreparedRequest) -> dict[str, Any]:
        """The request in the provider's words, without its extra fields."""

    @abstractmethod
    def read(self, response: HttpResponse) -> Reply:
        """The reply in ours; TransportError where infrastructure failed."""

    def encode(self, sent: PreparedRequest) -> bytes:
        """The bytes that are sent. An extra field may add to the body, never change what the run says."""
        body = self.body(sent)
        for name, value in sent.request.extra.items():
            inner = msgspec.json.decode(value) if isinstance(body.get(name), dict) else None
            if isinstance(inner, dict) and not inner.keys() & body[name].keys():
                body[name] |= inner
            elif name in body:
                raise ModelError(f"the task sets {name} as an extra field, which only the run may set")
            else:
                body[name] = value
        return encoded(body)

    async def counted(self) -> ServerCounters | None:
        """What the servers counted since this client found them; None where they do not tell."""
        return None

    async def generate(self, sent: PreparedRequest) -> Reply:
        """Ask once; TransportError where infrastructure failed."""
        reply, _ = await self.exchange(sent)
        return reply

    async def exchange(self, sent: PreparedRequest) -> tuple[Reply, str]:
        """Send and read; returns the reply and the address of the server that gave it."""
        body = self.encode(sent)
        seconds = self.transport.time_allowed(sent.request.decoding.expected_tokens)
        start = time.perf_counter()
        headers = self.headers(sent.request)
        response = await self.transport.post(self.path(sent.request), body, seconds=seconds, headers=headers)
        try:
            reply = self.reply_of(response)
        except TransportError as error:
            error.server = response.base
            raise
        return msgspec.structs.replace(reply, latency=round(time.perf_counter() - start, 6)), response.base

    def reply_of(self, response: HttpResponse) -> Reply:
        """The reply that counts; TransportError where infrastructure failed, or the reply repeats the key."""
        reply = counted(self.read(response), self.policy)
        self._refuse_pieces(reply)
        return reply

    def _refuse_pieces(self, reply: Reply) -> None:
        """TransportError where the parts of a reply, put together, repeat the key that none of them holds alone."""
        secret = self.transport.secret
        if secret is None or len(reply.parts) < 2:
            return
        words = (reply.text, "".join(map(_words, reply.parts)))
        if any(secret.echo.hidden(text) != text for text in words):
            raise TransportError("the reply contains pieces of the API key, so the reply was not stored", retry=False)

    async def close(self) -> None:
        """Close the connections."""
        await self.transport.close()


def _words(part: ReplyPart) -> str:
    """The text of a part, of whatever kind; none of an image."""
    return part.arguments if isinstance(part, ToolCall) else "" if isinstance(part, OutputImage) else part.text


def asking_for(request: Request, name: str, value: object) -> Request:
    """The request with a field of the body that asks for pictures; a task that sets the same field goes first.

    Objects are joined, as far as they name other things.
    """
    set_already = request.extra.get(name)
    if set_already is not None:
        theirs = msgspec.json.decode(set_already)
        if not isinstance(theirs, dict) or not isinstance(value, dict):
            return request
        value = value | theirs
    return msgspec.structs.replace(request, extra={**request.extra, name: msgspec.Raw(msgspec.json.encode(value))})


def split_system(messages: tuple[Message, ...]) -> tuple[str, tuple[Message, ...]]:
    """The text of the system turns that a conversation opens with, and the turns after them."""
    first = next((number for number, message in enumerate(messages) if message.role != "system"), len(messages))
    if any(message.role == "system" for message in messages[first:]):
        raise ModelError("this provider accepts system text only at the beginning of a conversation")
    parts = [part for message in messages[:first] for part in message.parts]
    if not all(isinstance(part, Text) for part in parts):
        raise ModelError("this provider accepts no images in system text")
    return "\n\n".join(part.text for part in parts if isinstance(part, Text)), messages[first:]


class Base64:
    """A string of a body: ``before``, and ``data`` in base64. No dataclass: of those msgspec would write the fields."""

    __slots__ = ("before", "data")

    def __init__(self, before: str, data: bytes) -> None:
        self.before, self.data = before, data


def encoded(body: dict[str, Any]) -> bytes:
    """The body as JSON. Pictures are put in at the end, so that their bytes are copied once."""
    pictures: list[Base64] = []

    def place(value: object) -> msgspec.Raw:
        assert isinstance(value, Base64), type(value)
        pictures.append(value)
        return _PLACE

    text = msgspec.json.Encoder(enc_hook=place).encode(body)
    if not pictures:
        return text
    first, *rest = text.split(_NUL)
    pieces = [first]
    for picture, piece in zip(pictures, rest, strict=True):
        pieces += (b'"', picture.before.encode(), pybase64.b64encode(picture.data), b'"', piece)
    return b"".join(pieces)


_NUL = b"\0"
"""Stands for a picture: JSON escapes it wherever else it may come from."""
_PLACE = msgspec.Raw(_NUL)
