"""How a conversation in a model's own dialect opens: in our words, by the chat template, or by a file of the user's.

The words in which a model was told of its tool while it was trained are no part of this package. ``opening=template``
declares the tool in the request and lets the chat template of the server word it; ``opening=FILE`` takes the words from
a file, ``opening=FILE.py:NAME`` from a text in a source file, ``opening=FOLDER`` from a checkout of the makers' code,
where the dialect knows their place in it. Their digest is part of the run.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
import warnings
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
_IN_CODE = re.compile(r"\.py:[^\W\d]\w*$")
_LONGEST_CODE = 1 << 20  # bytes of a source file
_ABOUT = "Zoom in on a region of an image."
_BOX = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}


@dataclass(frozen=True)
class DialectOpening:
    """Where the words come from that tell a model how to ask for looks."""

    kind: str = WORDS
    """``words``, ``template``, or the digest of ``system``."""
    system: str = ""
    """The text of a file, sent as the system message as it is."""
    checkout: str = ""
    """A folder with the code of the model's makers, from which ``settled_opening`` reads ``system``."""

    @property
    def by_template(self) -> bool:
        """Whether the server's chat template words it."""
        return self.kind == TEMPLATE

    @property
    def options(self) -> dict[str, str]:
        """What a run's identity holds of it."""
        return {} if self.kind == WORDS else {"opening": self.kind}


IN_WORDS = DialectOpening()
"""In our own words."""


def opening_of(said: str) -> DialectOpening:
    """The opening that ``--set opening=…`` names; UsageError for what is none.

    ``words``, ``template``, a text file, ``FILE.py:NAME`` or a folder.
    """
    if said in {WORDS, TEMPLATE}:
        return DialectOpening(said)
    path = Path(said).expanduser()
    if os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises for names that no file can have
        return DialectOpening(checkout=str(path))
    try:
        if _IN_CODE.search(said):
            return _named_in_code(said)
        data = decode.read_bytes(path)
        return _as_it_is(decode.utf8(data, said), data, said)
    except DataError as error:
        raise UsageError(
            f"--set opening={said}: write words, template, a text file, FILE.py:NAME or a checkout ({error})"
        ) from error


def settled_opening(stated: DialectOpening | None, dialect: LookDialect) -> DialectOpening:
    """The opening in force for a dialect: that which was chosen, or the dialect's own. UsageError for a misfit."""
    if stated is None:
        own = dialect.opening
        return _as_it_is(own, own.encode(), dialect.name) if own else IN_WORDS
    if stated.by_template and not dialect.tool:
        raise UsageError(
            f"--set opening=template: the dialect {dialect.name} declares no tool, so a chat template "
            "can't write its opening; name a file that contains the opening"
        )
    if not stated.checkout:
        return stated
    if not dialect.opening_at:
        raise UsageError(
            f"--set opening={stated.checkout}: is a folder, and the dialect {dialect.name} "
            "has no known place for its opening in a checkout; name a text file, or FILE.py:NAME"
        )
    try:
        return _named_in_code(f"{stated.checkout}/{dialect.opening_at}")
    except DataError as error:
        raise UsageError(
            f"--set opening={stated.checkout}: this is not a checkout of {dialect.spoken_by or dialect.name}: {error}"
        ) from error


def _as_it_is(text: str, data: bytes, where: str) -> DialectOpening:
    if not text.strip():
        raise UsageError(f"--set opening={where}: the text is empty")
    return DialectOpening(f"sha256:{hashlib.sha256(data).hexdigest()}", text.strip())


def _named_in_code(said: str) -> DialectOpening:
    """The text that a Python file gives a name, read without running any of it; DataError where there is none."""
    file, _, name = said.rpartition(":")
    try:
        with warnings.catch_warnings(action="ignore"):  # of escapes that Python does not know
            tree = ast.parse(decode.utf8(decode.read_bytes(Path(file).expanduser(), longest=_LONGEST_CODE), file))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise DataError(f"{file}: is not valid Python ({error})") from error
    given = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and any(isinstance(to, ast.Name) and to.id == name for to in node.targets)
    ]
    if not given:
        raise DataError(f"{file}: assigns no string to {name}")
    text = given[-1].value if isinstance(given[-1], ast.Constant) else None
    if not isinstance(text, str):
        raise DataError(f"{file}: {name} is not plain text; copy it to a text file and name that")
    return _as_it_is(text, text.encode("utf-8", "replace"), said)


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
