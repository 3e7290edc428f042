"""Prompts that go out as they are written, to a completions endpoint: for models with a template of their own.

A request says so by the extra field ``RAW_PROMPT``: the texts before and after its one message. They may hold control
tokens; what stands between them, the words of reports, is kept from doing so (``live_tokens``).
"""

from __future__ import annotations

import msgspec

from mmrad_eval.core.errors import ModelError
from mmrad_eval.core.values import RAW_PROMPT, Request, Text

PATH = "/completions"


def is_raw(request: Request) -> bool:
    """Whether the request is a prompt as it is written, and no conversation."""
    return RAW_PROMPT in request.extra


def prompt_of(request: Request) -> str:
    """The whole prompt of such a request; ModelError where it has not the form."""
    try:
        before, after = msgspec.json.decode(request.extra[RAW_PROMPT], type=tuple[str, str])
        [message] = request.messages
        [part] = message.parts
    except (msgspec.DecodeError, ValueError) as error:
        raise ModelError(f"a raw prompt is one message, and the two texts around it: {error}") from error
    if not isinstance(part, Text):
        raise ModelError("a raw prompt has no images")
    return f"{before}{part.text}{after}"


def without_mark(request: Request) -> Request:
    """The request with those extra fields that are fields of the body."""
    extra = {name: value for name, value in request.extra.items() if name != RAW_PROMPT}
    return msgspec.structs.replace(request, extra=extra)
