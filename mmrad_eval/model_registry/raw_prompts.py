"""Prompts that go out as they are written, to a completions endpoint: for models with a template of their own.

A request says so by the extra field ``RAW_PROMPT``: the texts before and after its one message. They may hold control
tokens; what stands between them, the words of reports, is kept from doing so (``live_tokens``).
"""

from __future__ import annotations

import re

import msgspec

from mmrad_eval.core.errors import ModelError
from mmrad_eval.core.values import RAW_PROMPT, Request, Text

PATH = "/completions"
_END = re.compile(r"(?:</?[a-z_]+>|<\|[^<>|\s]+\|>)\Z")
"""A control token that ends a prompt, such as ``</s>``."""


def is_raw(request: Request) -> bool:
    """Whether the request is a prompt as it is written, and no conversation."""
    return RAW_PROMPT in request.extra


def prompt_of(request: Request) -> str:
    """The whole prompt of such a request; ModelError where it has not the form."""
    before, after = _around(request)
    try:
        [message] = request.messages
        [part] = message.parts
    except ValueError as error:
        raise _misshapen(error) from error
    if not isinstance(part, Text):
        raise ModelError("a raw prompt has no images")
    return f"{before}{part.text}{after}"


def end_of(request: Request) -> str:
    """The control token that ends the whole prompt; empty where none does."""
    found = _END.search(_around(request)[1])
    return found[0] if found else ""


def without_end(request: Request) -> Request:
    """The request less the control token that ends its prompt: for a server whose tokenizer adds that one itself."""
    before, after = _around(request)
    around = msgspec.Raw(msgspec.json.encode((before, after.removesuffix(end_of(request)))))
    return msgspec.structs.replace(request, extra={**request.extra, RAW_PROMPT: around})


def _around(request: Request) -> tuple[str, str]:
    try:
        return msgspec.json.decode(request.extra[RAW_PROMPT], type=tuple[str, str])
    except msgspec.DecodeError as error:
        raise _misshapen(error) from error


def _misshapen(error: Exception) -> ModelError:
    return ModelError(f"a raw prompt takes one message, with one text before it and one after it: {error}")


def without_mark(request: Request) -> Request:
    """The request with those extra fields that are fields of the body."""
    extra = {name: value for name, value in request.extra.items() if name != RAW_PROMPT}
    return msgspec.structs.replace(request, extra=extra)
