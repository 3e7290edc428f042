"""What a model wrote, as frozen values: the parts of a reply in order, why it ended, who served it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from mmrad_eval.core.structs import Value


class Text(Value, frozen=True, tag="text"):
    """Words of a message."""

    text: str
    signature: str = ""
    """What a provider puts on words of its model, and takes back with them: Gemini's ``thoughtSignature``."""


class Usage(Value, frozen=True):
    """Tokens of one reply, or summed over the replies of one answer; None where the provider did not say."""

    prompt: int | None = None
    completion: int | None = None
    reasoning: int | None = None
    cached: int | None = None
    image: int | None = None
    """Of the prompt's, those of images; few providers tell them apart."""

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            _sum(self.prompt, other.prompt),
            _sum(self.completion, other.completion),
            _sum(self.reasoning, other.reasoning),
            _sum(self.cached, other.cached),
            _sum(self.image, other.image),
        )


def _sum(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else a + b


Finish = Literal["stop", "length", "refusal", "too long", "rejected"]
"""Why a reply ended: by itself; at the token limit; the provider or model declined; the input did not fit the context;
the endpoint rejected the request for a reason that no rule knows as the model's doing (never stored, never scored)."""


class Served(Value, frozen=True):
    """Who truly answered, as the endpoint says."""

    id: str | None = None
    version: str | None = None
    fingerprint: str | None = None
    root: str | None = None
    """What is served under the id: a repository or folder; for an adapter, also what it was put on."""
    context: int | None = None
    """Tokens that prompt and answer share at this endpoint."""
    template: str | None = None
    """Digest of what the chat template and tokenizer make of a fixed conversation."""
    order: Literal["kept", "lost"] | None = None
    """Whether the endpoint keeps the order of words and images; None: unknown."""
    woven: str | None = None
    """Digest of its tokens for words and images in turn; None where it does not tell them."""
    batch: bool | None = None
    """Whether it was given in a provider's batch, which may be served by another snapshot; None: not in one."""


def identities(served: Iterable[Served]) -> tuple[Served, ...]:
    """The distinct identities among those that answered.

    A field that one of them lacks is no difference: servers, and versions of the journal, tell more or less.
    """
    distinct: list[Served] = []
    for one in sorted(served, key=lambda one: (-_known(one), msgspec.json.encode(one))):
        known = next((i for i, other in enumerate(distinct) if _agree(one, other)), None)
        if known is None:
            distinct.append(one)
        else:
            distinct[known] = Served(**{name: value or getattr(one, name) for name, value in _fields(distinct[known])})
    return tuple(one for one in distinct if one != Served())


def _fields(served: Served) -> list[tuple[str, Any]]:
    return list(msgspec.structs.asdict(served).items())


def _known(served: Served) -> int:
    return sum(value is not None for _, value in _fields(served))


def _agree(one: Served, other: Served) -> bool:
    return all(
        value in (None, theirs) or theirs is None
        for (_, value), (_, theirs) in zip(_fields(one), _fields(other), strict=True)
    )


class Reasoning(Value, frozen=True, tag="reasoning"):
    """Thinking that the provider returns apart from the text."""

    text: str


class OutputImage(Value, frozen=True, tag="image"):
    """An image that the model made."""

    file: str
    """A data URI as it came; once stored, a content-addressed file name beside the journal."""


class ToolCall(Value, frozen=True, tag="tool_call"):
    """A call of a tool that the request offered."""

    name: str
    arguments: str = "{}"
    """As the model wrote them: JSON, if it wrote JSON."""
    id: str = ""


ReplyPart = Text | Reasoning | OutputImage | ToolCall


class _ReplyType(type(msgspec.Struct)):  # type: ignore[misc]  # msgspec does not type its metaclass
    """Lets a reply be made of a text alone: ``Reply("No effusion.")``."""

    def __call__(
        cls,
        text: str = "",
        finish: Finish = "stop",
        why: str = "",
        reasoning: str = "",
        images: tuple[str, ...] = (),
        *,
        parts: tuple[ReplyPart, ...] = (),
        **fields: Any,
    ) -> Any:
        if parts and text == reasoning == "" and not images:
            return super().__call__(parts=tuple(parts), finish=finish, why=why, **fields)
        for name, value in (("text", text), ("reasoning", reasoning)):
            if not isinstance(value, str):
                raise TypeError(f"a Reply's {name} is {type(value).__name__}, not str")
        if parts and (text or reasoning or images):
            raise TypeError("a Reply is made of parts, or of text, reasoning and images; not of both")
        made: tuple[ReplyPart, ...] = (Reasoning(reasoning),) if reasoning else ()
        made += (Text(text),) if text else ()
        made += tuple(map(OutputImage, images))
        return super().__call__(parts=tuple(parts) or made, finish=finish, why=why, **fields)


class Reply(Value, frozen=True, metaclass=_ReplyType):
    """What came back, before anything is read into it: its parts, in the order in which they came."""

    parts: tuple[ReplyPart, ...] = ()
    finish: Finish = "stop"
    why: str = ""
    """The provider's words where ``finish`` is not ``stop``."""
    unordered: bool = False
    """Whether it is unknown where among the words its images stand, as they came apart from them."""
    usage: Usage = Usage()
    served: Served = Served()
    latency: float = 0.0
    """Seconds from sending to the last byte."""
    status: int | None = None
    """HTTP status of an error that became this reply; ``finish`` is derived of it and ``raw`` whenever it is read."""
    raw: msgspec.Raw = msgspec.Raw(b"null")
    """The provider's body, verbatim JSON."""

    if TYPE_CHECKING:

        def __init__(
            self,
            text: str = "",
            finish: Finish = "stop",
            why: str = "",
            reasoning: str = "",
            images: tuple[str, ...] = (),
            *,
            parts: tuple[ReplyPart, ...] = (),
            unordered: bool = False,
            usage: Usage = ...,
            served: Served = ...,
            latency: float = 0.0,
            status: int | None = None,
            raw: msgspec.Raw = ...,
        ) -> None: ...

    def __reduce__(self) -> tuple[Any, tuple[bytes]]:
        """By its JSON: its fields are not what it is called with."""
        return _from_json, (msgspec.json.encode(self),)

    @property
    def text(self) -> str:
        """The words of the answer."""
        if len(self.parts) == 1:
            only = self.parts[0]
            return only.text if isinstance(only, Text) else ""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def reasoning(self) -> str:
        """The thinking that came apart from them."""
        return "\n\n".join(part.text for part in self.parts if isinstance(part, Reasoning))

    @property
    def images(self) -> tuple[str, ...]:
        """The images that the model made."""
        return tuple(part.file for part in self.parts if isinstance(part, OutputImage))

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The tools that it called."""
        return tuple(part for part in self.parts if isinstance(part, ToolCall))


def _from_json(data: bytes) -> Reply:
    return msgspec.json.decode(data, type=Reply)
