"""The lines between the harness and a program: one JSON object a request, one a reply.

Request: ``id``, ``messages`` (``role``, ``parts`` of ``text`` or the path of an ``image``), ``max_tokens``, and what
else the run says of decoding. Reply: the same ``id``, ``parts`` (``text``, ``reasoning``, ``image`` or ``failed``),
``finish``, and what the program tells of ``usage`` and of who was ``served``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pybase64

from mmrad_eval.core import decode
from mmrad_eval.core.contracts import PreparedRequest
from mmrad_eval.core.errors import DataError, TransportError
from mmrad_eval.core.values import Finish, OutputImage, Reasoning, Reply, ReplyPart, Served, Text, Usage
from mmrad_eval.model_registry.bodies import count_of, field, text_of
from mmrad_eval.traces import headers

LONGEST = 64 << 20
"""Bytes of a line or of a picture; what is longer is no reply."""
FINISHES: Mapping[str, Finish] = {"stop": "stop", "length": "length", "refusal": "refusal", "too long": "too long"}


def request_line(sent: PreparedRequest, name: str, paths: Mapping[Any, Path]) -> bytes:
    """The line that asks; ``name`` is its id, ``paths`` says where the file of each image lies."""
    request, decoding = sent.request, sent.request.decoding
    value: dict[str, Any] = {
        "id": name,
        "messages": [
            {
                "role": message.role,
                "parts": [
                    {"text": part.text} if isinstance(part, Text) else {"image": str(paths[part])}
                    for part in message.parts
                ],
            }
            for message in request.messages
        ],
        "max_tokens": decoding.max_tokens,
    }
    for field_name in ("temperature", "top_p", "seed"):
        if getattr(decoding, field_name) is not None:
            value[field_name] = getattr(decoding, field_name)
    if decoding.stop:
        value["stop"] = list(decoding.stop)
    if request.sample:
        value["sample"] = request.sample
    return msgspec.json.encode(value) + b"\n"


def reply_of(value: Mapping[str, Any], folder: Path) -> Reply:
    """The reply that a line states; TransportError where it states none, or says that the program failed.

    ``folder``: the one that the program's pictures lie in; a path is relative to it, and leads nowhere else.
    """
    failed = value.get("failed")
    if failed is not None:
        raise TransportError(f"the program says that it failed: {_short(failed)}", retry=False)
    written = value.get("parts")
    if not isinstance(written, list):
        raise TransportError("the program's reply has no list of parts", retry=False)
    ended = value.get("finish", "stop")
    finish = FINISHES.get(ended) if isinstance(ended, str) else None
    if finish is None:
        known = ", ".join(FINISHES)
        raise TransportError(f"the program ends its reply with {_short(ended)}; known: {known}", retry=False)
    usage, served = value.get("usage"), value.get("served")

    def told(name: str) -> str | None:
        return text_of(field(served, name)) or None

    return Reply(
        parts=tuple(_part(part, folder) for part in written),
        finish=finish,
        why="" if finish == "stop" else text_of(value.get("why")) or finish,
        usage=Usage(**{name: count_of(field(usage, name)) for name in ("prompt", "completion", "reasoning", "image")}),
        served=Served(told("id"), told("version"), told("fingerprint")),
        raw=msgspec.Raw(msgspec.json.encode(_without_paths(value))),
    )


def _part(part: Any, folder: Path) -> ReplyPart:
    if isinstance(part, dict) and len(part) == 1:
        (kind, said), *_ = part.items()
        if kind == "failed":
            raise TransportError(f"the program says that it failed: {_short(said)}", retry=False)
        if isinstance(said, str) and kind in {"text", "reasoning", "image"}:
            return Text(said) if kind == "text" else Reasoning(said) if kind == "reasoning" else _picture(said, folder)
    raise TransportError(
        f'the program wrote the part {_short(part)}; write {{"text": ...}}, {{"reasoning": ...}} or {{"image": PATH}}',
        retry=False,
    )


def _picture(written: str, folder: Path) -> OutputImage:
    """The picture at a path, as a data URI."""
    try:
        path = (folder / written).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise TransportError(
                f"the program names the image {_short(written)}, which is outside its reply folder",
                retry=False,
            )
        data = decode.read_bytes(path, longest=LONGEST)
        kind = headers.read(data, path.name).media_type
    except (DataError, OSError, ValueError) as error:
        raise TransportError(f"the program's image can't be read: {error}", retry=False) from error
    return OutputImage(f"data:{kind};base64,{pybase64.b64encode(data).decode()}")


def _without_paths(value: Mapping[str, Any]) -> dict[str, Any]:
    """The line as the journal keeps it: of a path, the name alone."""
    parts = [{**part, "image": Path(str(part["image"])).name} if "image" in part else part for part in value["parts"]]
    return {**value, "parts": parts}


def _short(value: Any) -> str:
    said = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return repr(said if len(said) <= 200 else f"{said[:199]}…")
