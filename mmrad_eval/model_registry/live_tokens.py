"""Words that tokenizers of open families turn into control tokens wherever they stand in a text."""

from __future__ import annotations

import re

import msgspec

from mmrad_eval.core.values import Image, Message, Request, Text

_LIVE = re.compile(
    r"<\|[^<>|\s][^<>|]{0,60}\|>"
    r"|</?(?:s|pad|bos|eos|unk|mask|img|image|video|audio|IMG_CONTEXT|im_start|im_end|im_patch|vision_start|vision_end"
    r"|image_soft_token|start_of_image|end_of_image|start_of_turn|end_of_turn|fake_token_around_image)>"
    r"|\[/?(?:INST|IMG|IMG_BREAK|IMG_END)\]"
)


def taken_apart(request: Request) -> Request:
    """The request with live tokens in its words taken apart: ``<|image_pad|>`` becomes ``< |image_pad| >``."""
    if not any(isinstance(p, Text) and _LIVE.search(p.text) for m in request.messages for p in m.parts):
        return request
    messages = tuple(Message(m.role, tuple(_harmless(part) for part in m.parts)) for m in request.messages)
    return msgspec.structs.replace(request, messages=messages)


def _harmless(part: Text | Image) -> Text | Image:
    if isinstance(part, Image):
        return part
    return Text(_LIVE.sub(lambda found: f"{found[0][0]} {found[0][1:-1]} {found[0][-1]}", part.text))
