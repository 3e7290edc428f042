"""How a conversation in a model's own dialect opens: in our words, by the chat template, or by a file of the user's.

The words in which a model was told of its tool while it was trained are no part of this package. ``opening=template``
declares the tool in the request and lets the chat template of the server word it; ``opening=FILE`` takes the words from
a file, whose digest is part of the run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmrad_eval.core import decode
from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import Message, Text
from mmrad_eval.model_registry import providers
from mmrad_eval.tasks.given_evidence import corners_in_order, frame_words
from mmrad_eval.tasks.look_dialects import ENDS, LookDialect
from mmrad_eval.tasks.prompting import Piece, Prompt

WORDS, TEMPLATE = "words", "template"
_ABOUT = "Zoom in on a region of an image."
_BOX = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}


@dataclass(frozen=True)
class DialectOpening:
    """Where the words come from that tell a model how to ask for looks."""

    kind: str = WORDS
    """``words``, ``template``, or the digest of ``system``."""
    system: str = ""
    """The text of a file, sent as the system message as it is."""

    @property
    def by_template(self) -> bool:
        """Whether the server's chat template words it."""
        return self.kind == TEMPLATE

    @property
    def options(self) -> dict[str, str]:
        """What a run's identity holds of it."""
        return {} if self.kind == WORDS else {"opening": self.kind}

    def check(self, dialect: LookDialect) -> None:
        """UsageError where the dialect has no tool that a template could word."""
        if self.by_template and not dialect.tool:
            raise UsageError(
                f"--set opening=template: the dialect {dialect.name} declares no tool, so no chat template words it; "
                "name a file with the words"
            )


IN_WORDS = DialectOpening()
"""In our own words."""


def opening_of(said: str) -> DialectOpening:
    """The opening that ``--set opening=…`` names: ``words``, ``template``, or a text file. UsageError for others."""
    if said in {WORDS, TEMPLATE}:
        return DialectOpening(said)
    try:
        data = decode.read_bytes(Path(said))
        text = decode.utf8(data, said)
    except DataError as error:
        raise UsageError(f"--set opening={said}: words, template, or a text file: {error}") from error
    if not text.strip():
        raise UsageError(f"--set opening={said}: the file has no words")
    return DialectOpening(f"sha256:{hashlib.sha256(data).hexdigest()}", text.strip())


def protocol(prompt: Prompt, dialect: LookDialect, opening: DialectOpening, looks: int, frame: str) -> list[Piece]:
    """What the first message says of how to look; nothing where the template or the user's file says it."""
    if opening.kind != WORDS:
        return []
    (box,) = corners_in_order([prompt.text("protocol box")], frame)
    sources = {
        "field": dialect.source_field,
        "film": dialect.film,
        "earlier": dialect.earlier.replace("{n}", "n"),
    }
    ends = ENDS[dialect.ends]
    return prompt.fill(
        "protocol",
        {
            "looks": str(looks),
            "call": dialect.example.replace("{box}", str(box)),
            "frame": [*prompt.fill("protocol frame", {"frame": frame_words(frame)}), "\n"],
            "sources": [*prompt.fill("protocol sources", sources), "\n"] if dialect.source_field else "",
            "ends": ends,
        },
    )


def opened(messages: Sequence[Message], dialect: LookDialect, opening: DialectOpening) -> list[Message]:
    """The first messages, with the dialect's last line, and with the user's own system message in place of ours.

    A chat template has a system message of its own.
    """
    if dialect.form:
        *before, last = messages
        messages = [*before, Message(last.role, (*last.parts, Text(f"\n{dialect.form}")))]
    if opening.kind == WORDS:
        return list(messages)
    rest = [message for message in messages if message.role != "system"]
    return rest if opening.by_template else [Message("system", (Text(opening.system),)), *rest]


def fields_of(dialect: LookDialect, opening: DialectOpening, provider: str) -> dict[str, Any]:
    """Fields of each request of a conversation, for endpoints of the chat completions format.

    ``tool_choice: none`` leaves the calls in the words, in which the model was trained to write them.
    """
    known = providers.find(provider)
    if known is not None and known.tool is not providers.chat_tool:
        return {}
    fields: dict[str, Any] = {}
    if dialect.stop:
        fields["stop"] = list(dialect.stop)
        if provider == "vllm":
            fields["include_stop_str_in_output"] = True
    if opening.by_template:
        fields |= providers.chat_tool(providers.Tool(dialect.tool, _ABOUT, _schema(dialect)))
        fields["tool_choice"] = "none"
    return fields


def _schema(dialect: LookDialect) -> Mapping[str, Any]:
    properties: dict[str, Any] = {dialect.field: dict(_BOX), "label": {"type": "string"}}
    if dialect.source_field:
        properties[dialect.source_field] = {"type": "number"}
    return {"type": "object", "properties": properties, "required": list(properties)}
