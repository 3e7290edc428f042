"""What tasks, models, metrics and datasets must offer: the whole extension surface on one page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from mmrad_eval.core.values import (
    Answer,
    Box,
    Card,
    DataUse,
    Example,
    Message,
    Reply,
    Report,
    Request,
    Study,
    Target,
    Trace,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]
else:
    FloatArray = Any  # numpy takes longer to import than a listing may take


class Ask(Protocol):
    """Send one conversation and wait for its reply; raises only ``Interrupted``, which tasks let pass."""

    def __call__(self, messages: Sequence[Message], *, extra: Mapping[str, Any] | None = None) -> Awaitable[Reply]:
        """``extra`` adds fields to the request body."""
        ...


class Donor(Protocol):
    """Another patient's study, the same one for every model and every limit of the same dataset."""

    def __call__(self, study: Study, where: Callable[[Study], bool] | None = None) -> Study:
        """The donor of ``study`` among the studies that satisfy ``where``; DataError where there is none."""
        ...


def _no_prior(category: str, study: Study) -> Box | None:  # noqa: ARG001 (the signature of a prior)
    return None


@dataclass(frozen=True)
class TaskContext:
    """What a task may need beside the study."""

    ask: Ask
    card: Card
    target: Target
    prompt: str
    """The text of the prompt file in force."""
    donor: Donor
    options: Mapping[str, str] = field(default_factory=dict)
    """``views``, ``context``, ``priors``, ``render`` as the run says."""
    prior: Callable[[str, Study], Box | None] = _no_prior
    """The mean box of a region category over other patients; None where nobody has one."""


@runtime_checkable
class Task(Protocol):
    """How a study becomes a conversation, and how the model's words become an answer.

    It may also have ``lacks(study, donor, target) -> str``: why a study that has what ``needs`` names can't be asked
    all the same; it is left out and counted under that reason. And ``options``, ``configured`` and ``extra_images``.
    """

    @property
    def name(self) -> str:
        """Registry name."""
        ...

    @property
    def version(self) -> int:
        """Raised whenever the same study would be asked about otherwise."""
        ...

    @property
    def given(self) -> bool:
        """Whether evidence is shown (given) or made by the model (generated). The two never share a table."""
        ...

    @property
    def needs(self) -> frozenset[str]:
        """What a study must have: ``images``, ``trace``, ``donor`` (another patient to borrow from)."""
        ...

    @property
    def several_images(self) -> bool:
        """Whether a conversation may hold more than the study's own images."""
        ...

    def prompt(self) -> str:
        """The text of the built-in prompt file."""
        ...

    def shown(self, study: Study, context: TaskContext) -> Trace | None:
        """The evidence that this task shows; what answerers get. Opens no image."""
        ...

    async def converse(self, study: Study, context: TaskContext) -> Answer:
        """Ask, and read the replies. Given the same replies, the same answer; harness fills id, keys and usage."""
        ...


@dataclass(frozen=True)
class PreparedRequest:
    """A request with the bytes of its images: (media type, bytes) by image, in no order."""

    request: Request
    images: Mapping[Any, tuple[str, bytes]]
    key: str


@runtime_checkable
class Client(Protocol):
    """A model that answers requests. Raises TransportError for what is worth another try."""

    @property
    def card(self) -> Card:
        """Who answers."""
        ...

    async def generate(self, sent: PreparedRequest) -> Reply:
        """Ask once. A plain ``def`` is run in a thread."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


@runtime_checkable
class Answerer(Protocol):
    """A model that answers studies and never sees a request: baselines, reports made elsewhere.

    It may also have ``trace(study) -> Trace | None``: the reasoning that was written with the report.
    """

    @property
    def card(self) -> Card:
        """Who answers."""
        ...

    def answer(self, study: Study, shown: Trace | None, donor: Donor) -> Report | None:
        """The report; None where it has none for this study, which then stays open."""
        ...


@dataclass(frozen=True)
class Column:
    """One number of a metric. Tables call it ``name @ profile``."""

    name: str
    profile: str
    better: Literal["higher", "lower", ""] = "higher"
    """The empty string: neither (a count, a share that has no good end)."""
    best: float | None = None
    """The value of a perfect report, where there is one."""

    @property
    def label(self) -> str:
        """The name in tables."""
        return f"{self.name} @ {self.profile}"


@dataclass(frozen=True)
class Corpus:
    """What a metric may know before any answer: never resampled, the same for every model."""

    scored: Sequence[Study]
    """The studies of the run's selection that have a reference."""
    train: Sequence[Study] = ()
    """The training split of the same dataset, where it has one."""
    target: Target = "findings"


@runtime_checkable
class Metric(Protocol):
    """Examples to per-study statistics, summed statistics to columns."""

    name: str
    """Registry name, such as ``bleu@r2gen-iu``."""
    columns: Sequence[Column]
    statistics: Sequence[str]
    """Names of the k additive statistics of a study."""
    requires: Sequence[str]
    """Registry names of metrics whose statistics ``reduce`` wants appended to its own, in this order."""

    def fit(self, corpus: Corpus) -> Any:
        """What must be known of the corpus; None where nothing must."""
        ...

    def signature(self, context: Any) -> str:
        """Exactly how the numbers are computed: the name, then ``|key:value`` pairs, ending in ``|vN``."""
        ...

    def measure(self, examples: Sequence[Example], context: Any) -> FloatArray:
        """(n, k) statistics; a row depends on its own example and the context alone."""
        ...

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., k) summed statistics to (..., columns); nan where nothing was defined.

        The row of one study gives its per-study values.
        """
        ...


@runtime_checkable
class Sharing(Protocol):
    """What a metric has beside the rest whose statistics others have too, such as one labeler under several policies.

    Metrics with equal ``measures`` have equal statistics of equal examples; they are measured and held once.
    """

    @property
    def measures(self) -> str:
        """What the statistics are; asked after ``fit``."""
        ...


@runtime_checkable
class JudgeMetric(Protocol):
    """What a metric has beside the rest that lets a judge model (``--judge``) read each example.

    The harness asks, through the same journal, gate, pace and budget as any model; the metric itself asks nobody. It
    may have a ``decoding``: how the judge is asked to write.
    """

    def question(self, example: Example) -> Sequence[Message]:
        """What the judge is asked about this example; empty where nothing needs asking."""
        ...

    def judged(self, said: Mapping[str, str]) -> Metric:
        """The metric that measures by what the judge wrote: a text by study id, empty where it declined."""
        ...


@dataclass(frozen=True)
class Dataset:
    """A named, versioned list of studies with a data-use class."""

    name: str
    studies: Sequence[Study]
    data_use: DataUse
    source: str
    """The path or registry name that it was loaded from, for messages."""
    format: str = ""
    notes: Sequence[str] = ()
    """What a reader could not place or had to decide, one sentence each."""


class TransportError(Exception):
    """A reply that did not come, or came as an error that is not the input's doing.

    ``retry`` says whether another try can succeed; ``after`` is the server's own Retry-After in seconds; ``kind`` says
    what a wait should look like: ``unreachable`` (no connection could be made, so nothing was sent), ``timeout``,
    ``throttled`` (asked to slow down), or ``fault``.
    """

    def __init__(
        self,
        why: str,
        *,
        retry: bool,
        after: float | None = None,
        kind: Literal["fault", "unreachable", "timeout", "throttled"] = "fault",
    ) -> None:
        super().__init__(why)
        self.why, self.retry, self.after, self.kind = why, retry, after, kind

    @property
    def unsent(self) -> bool:
        """Whether nothing was sent, and may be when the server is there."""
        return self.kind == "unreachable" and self.retry
