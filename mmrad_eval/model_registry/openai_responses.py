"""OpenAI's Responses, for models that draw: its chat completions hold no pictures.

Types as in openai 3.57.0 (``openai.types.responses``). The format has no stop sequences and no seed; both are refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mmrad_eval.core.contracts import PreparedRequest
from mmrad_eval.core.errors import ModelError, TransportError
from mmrad_eval.core.values import (
    Card,
    Decoding,
    Finish,
    Message,
    OutputImage,
    Reasoning,
    Reply,
    ReplyPart,
    Request,
    Served,
    Text,
    ToolCall,
    Usage,
)
from mmrad_eval.datasets.raw_text import reported_failure
from mmrad_eval.model_registry.bodies import arguments, count_of, field, read_json, text_of
from mmrad_eval.model_registry.http_errors import failed_beside, read_fault
from mmrad_eval.model_registry.secrets import Secret
from mmrad_eval.model_registry.transport import HttpResponse, Transport
from mmrad_eval.model_registry.wire import Base64, WireClient, asking_for

_CUT: Mapping[str, Finish] = {"max_output_tokens": "length", "content_filter": "refusal"}
_ROLES = {"user": "input_text", "system": "input_text", "assistant": "output_text"}


class ResponsesClient(WireClient):
    """One model of OpenAI's that is asked for pictures beside words."""

    reasoning = frozenset({"effort"})

    def __init__(self, card: Card, urls: tuple[str, ...], secret: Secret | None, *, timeout: float | None) -> None:
        headers = {"Authorization": f"Bearer {secret.reveal()}"} if secret else {}
        super().__init__(card, Transport(urls, headers=headers, secret=secret, timeout=timeout))

    def adapt(self, request: Request) -> Request:
        """The request with the tool that draws."""
        return asking_for(request, "tools", [{"type": "image_generation"}])

    def path(self, request: Request) -> str:
        """The same for every request."""
        return "/responses"

    def body(self, sent: PreparedRequest) -> dict[str, Any]:
        """Model, turns in order, decoding; nothing is stored at the provider."""
        turns = [_turn(message, sent.images) for message in sent.request.messages]
        return {"model": sent.request.model, "input": turns, "store": False} | _decoding(sent.request.decoding)

    def read(self, response: HttpResponse) -> Reply:
        """The items of the output in order; a picture that was not drawn is told, and is no refusal of the study."""
        if response.status != 200:
            return read_fault(response, self.transport.secret, policy=self.policy)
        value, raw = read_json(response.body, self.transport.secret)
        status, items = field(value, "status"), field(value, "output")
        finish: Finish | None = "stop" if status == "completed" else None
        if status == "incomplete":
            finish = _CUT.get(text_of(field(value, "incomplete_details", "reason")))
        if finish is None or not isinstance(items, list):
            error = text_of(field(value, "error", "message")) or text_of(field(value, "error", "code"))
            said = f": {error[:200]}" if error else ""
            raise TransportError(
                f"{response.base} did not complete its reply (status {status!r:.40}){said}", retry=True
            )
        if failure := reported_failure(value):
            raise failed_beside(response.base, failure)
        ends = (text_of(field(item, "status")) for item in items if field(item, "type") == "message")
        if finish == "stop" and (end := next((end for end in ends if end not in {"", "completed"}), "")):
            raise failed_beside(response.base, f"its message is {end}")
        parts = tuple(part for item in items for part in _parts(item))
        refusal = next((text for item in items if (text := _refusal(item))), "")
        undrawn = next((why for item in items if (why := _undrawn(item))), "")
        reason = text_of(field(value, "incomplete_details", "reason"))
        return Reply(
            parts=parts,
            finish="refusal" if refusal else finish,
            why=refusal or (reason if finish != "stop" else undrawn),
            usage=_usage(field(value, "usage")),
            served=Served(id=text_of(field(value, "model")) or None),
            raw=raw,
        )


def _turn(message: Message, images: Mapping[Any, tuple[str, bytes]]) -> dict[str, Any]:
    kind = _ROLES[message.role]
    if message.role == "assistant" and not all(isinstance(part, Text) for part in message.parts):
        raise ModelError("OpenAI's Responses API accepts no images in the model's own turns")
    content = [
        {"type": kind, "text": part.text} if isinstance(part, Text) else _picture(*images[part])
        for part in message.parts
    ]
    return {"role": message.role, "content": content}


def _picture(media_type: str, data: bytes) -> dict[str, Any]:
    return {"type": "input_image", "image_url": Base64(f"data:{media_type};base64,", data)}


def _decoding(decoding: Decoding) -> dict[str, Any]:
    for name in ("seed", "stop"):
        if getattr(decoding, name) not in (None, ()):
            raise ModelError(
                f"image-generating models are called through OpenAI's Responses API, which has no {name}; leave it out"
            )
    fields: dict[str, Any] = {"max_output_tokens": decoding.max_tokens} if decoding.max_tokens is not None else {}
    for name in ("temperature", "top_p"):
        if getattr(decoding, name) is not None:
            fields[name] = getattr(decoding, name)
    if decoding.reasoning is not None:
        fields["reasoning"] = {"effort": decoding.reasoning}
    return fields


def _parts(item: Any) -> Iterator[ReplyPart]:
    """What one item of the output says, thinks, draws or calls."""
    kind = field(item, "type")
    if kind == "message":
        texts = (field(part, "text") for part in field(item, "content") or () if field(part, "type") == "output_text")
        yield from (Text(text) for text in texts if text_of(text))
    elif kind == "reasoning":
        pieces = (*(field(item, "summary") or ()), *(field(item, "content") or ()))
        yield from (Reasoning(text) for piece in pieces if (text := text_of(field(piece, "text"))))
    elif kind == "image_generation_call":
        yield from _drawn(item)
    elif kind == "function_call":
        name, call = text_of(field(item, "name")), text_of(field(item, "call_id"))
        yield ToolCall(name, arguments(field(item, "arguments")), call)


def _drawn(item: Any) -> Iterator[ReplyPart]:
    """A picture, after what the model told the tool to draw."""
    told, data = text_of(field(item, "revised_prompt")), text_of(field(item, "result"))
    if told:
        yield Reasoning(told)
    if data:
        yield OutputImage(f"data:image/{text_of(field(item, 'output_format')) or 'png'};base64,{data}")


def _refusal(item: Any) -> str:
    contents = field(item, "content") if field(item, "type") == "message" else ()
    said = [text_of(field(part, "refusal")) for part in contents or () if field(part, "type") == "refusal"]
    return " ".join(filter(None, said))


def _undrawn(item: Any) -> str:
    """Why a picture was not drawn; empty where it was."""
    if field(item, "type") != "image_generation_call" or text_of(field(item, "result")):
        return ""
    error = field(item, "error")
    code = text_of(field(error, "code")) or text_of(field(error, "message")) or text_of(field(item, "status"))
    return f"an image was not drawn: {code or 'no reason given'}"


def _usage(usage: Any) -> Usage:
    return Usage(
        prompt=count_of(field(usage, "input_tokens")),
        completion=count_of(field(usage, "output_tokens")),
        reasoning=count_of(field(usage, "output_tokens_details", "reasoning_tokens")),
        cached=count_of(field(usage, "input_tokens_details", "cached_tokens")),
    )
