"""What a metric must offer that lets judge models read each example: one question, or a conversation of several."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import msgspec

from mmrad_eval.core.members import default
from mmrad_eval.core.values import Card, Decoding, Example, Message, Reply

if TYPE_CHECKING:
    from mmrad_eval.core.contracts import Metric
else:
    Metric = Any  # its module imports more than a listing needs

VerdictState = Literal["read", "degraded", "unread", "nothing"]
STATES: tuple[VerdictState, ...] = ("read", "degraded", "unread", "nothing")


class Verdict(msgspec.Struct, frozen=True):
    """What one example's replies came to. The same replies give the same verdict, so that it need not be stored."""

    value: Any = None
    """What the metric needs to measure the example: plain JSON."""
    state: VerdictState = "read"
    """``read``: as the metric's form demands; ``degraded``: a part was replaced by a fallback of the metric;
    ``unread``: the judge replied, or declined, and nothing could be read; ``nothing``: no question was due."""
    why: str = ""
    """Why it is degraded or unread."""
    record: Any = None
    """What a reader is shown of how the value came about, such as findings and errors: plain JSON. None: the value."""


class AskJudge(Protocol):
    """Send one question to a judge and wait for its reply; raises only ``Interrupted``, which metrics let pass."""

    def __call__(
        self,
        messages: Sequence[Message],
        *,
        decoding: Decoding | None = None,
        extra: Mapping[str, Any] | None = None,
        sample: int = 0,
        part: str = "",
    ) -> Awaitable[Reply]:
        """The reply, a declined one included: ``declined`` says which are.

        ``decoding``: None is the metric's own. ``extra`` adds fields to the request body, such as a response format.
        ``sample`` draws another reply to the same question, from 0 on and below ``REPEATS_FROM``. ``part`` is one of
        the metric's ``parts``.
        """
        ...


REPEATS_FROM = 1000
"""A repeat of the whole judging draws the samples from ``repeat * REPEATS_FROM`` on."""


@runtime_checkable
class JudgeMetric(Protocol):
    """What a metric has beside the rest that asks a judge (``--judge``) one question about each example."""

    @default
    def decoding(self) -> Decoding:
        """How the judge is asked to write."""
        return Decoding()

    @abstractmethod
    def question(self, example: Example) -> Sequence[Message]:
        """What the judge is asked about this example; empty where nothing needs asking."""
        ...

    @abstractmethod
    def judged(self, said: Mapping[str, str]) -> Metric:
        """The metric that measures by what the judge wrote: a text by study id, empty where it declined."""
        ...


@runtime_checkable
class JudgingMetric(Protocol):
    """What a metric has beside the rest that asks judges several questions about each example.

    The questions of one example may be asked concurrently (``asyncio.gather``) or follow from each other's replies.
    """

    @default
    def decoding(self) -> Decoding:
        """How a judge is asked to write where a question does not say; part of the column's signature."""
        return Decoding()

    @default
    def parts(self) -> Sequence[str]:
        """Roles that ``--judge PART=MODEL`` may give to different models, such as ``extract`` and ``match``."""
        return ()

    def for_judges(self, cards: Mapping[str, Card]) -> JudgingMetric:
        """The metric as it asks these judges, by part, such as with the prompt that one was trained on."""
        return self

    @abstractmethod
    def most(self, example: Example) -> int:
        """The most questions that this example may take; an estimate where the replies decide. Dry runs read it."""
        ...

    @abstractmethod
    async def judge(self, example: Example, ask: AskJudge) -> Verdict:
        """Ask, and read the replies. Given the same replies, the same verdict."""
        ...

    @abstractmethod
    def judged(self, said: Mapping[str, Verdict]) -> Metric:
        """The metric that measures by the verdicts, by study id."""
        ...


_DECLINED = frozenset({"refusal", "too long"})
"""Ends of a reply by which no judgement was given, whatever the status."""


def declined(reply: Reply) -> str:
    """Why a reply holds no judgement: the question was rejected, or its answer filtered; empty where it holds one."""
    if reply.status is None and reply.finish not in _DECLINED:
        return ""
    return reply.why or "the judge's endpoint declined"
