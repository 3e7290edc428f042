"""What tasks, models and metrics must offer, and what each optional member is where a plugin leaves it out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.members import default, required
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
    from typing_extensions import TypeIs

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


def _no_mean_box(category: str, study: Study) -> Box | None:  # noqa: ARG001 (the signature of a mean box)
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
    mean_box: Callable[[str, Study], Box | None] = _no_mean_box
    """The mean box of a region category over other patients; None where nobody has one."""


@runtime_checkable
class Task(Protocol):
    """How a study becomes a conversation, and how the model's words become an answer."""

    @required
    def name(self) -> str:
        """What runs and tables call it."""
        ...

    @required
    def given(self) -> bool:
        """Whether evidence is shown (given) or made by the model (generated). The two never share a table."""
        ...

    @required
    def needs(self) -> AbstractSet[str]:
        """What a study must have: ``images``, ``trace``, ``donor`` (another patient to borrow from)."""
        ...

    @abstractmethod
    async def converse(self, study: Study, context: TaskContext) -> Answer:
        """Ask, and read the replies. Given the same replies, the same answer; harness fills id, keys and usage."""
        ...

    @default
    def version(self) -> int:
        """Raised whenever the same study would be asked about otherwise."""
        return 1

    @default
    def several_images(self) -> bool:
        """Whether a conversation may hold more than the study's own images."""
        return False

    @default
    def turns(self) -> int | None:
        """The most requests that one conversation sends; None where the task does not say. Only a dry run reads it."""
        return None

    @default
    def options(self) -> Mapping[str, str]:
        """The options that ``--set`` takes, with the values in force."""
        return {}

    @default
    def data_use(self) -> DataUse:
        """The class of data that it brings along, such as reports that were made from credentialed ones."""
        return "open"

    @default
    def source(self) -> str:
        """The digest of the code of a plugin of a file or an object; the loader's."""
        return ""

    def prompt(self) -> str:
        """The text of the built-in prompt file; empty where the task has none."""
        return ""

    def shown(self, study: Study, context: TaskContext) -> Trace | None:
        """The evidence that this task shows; what answerers get. Opens no image."""
        return None

    def configured(self, options: Mapping[str, str]) -> Task:
        """The task under other options; UsageError for one that it does not have."""
        said = " ".join(f"{key}={value}" for key, value in options.items())
        raise UsageError(f"--set {said}: {self.name} has no options")

    def for_card(self, card: Card) -> Task:
        """The task as it is held with this model; the task itself where that makes no difference."""
        return self

    def lacks(self, study: Study, donor: Donor, target: Target) -> str:
        """Why a study that has what ``needs`` names can't be asked about, and is left out; empty where it can."""
        return ""

    def extra_images(self, study: Study) -> int:
        """Images that a conversation may hold beside the study's own."""
        return len(study.trace.steps) if self.several_images and study.trace else 0


@dataclass(frozen=True)
class PreparedRequest:
    """A request with the bytes of its images: (media type, bytes) by image, in no order."""

    request: Request
    images: Mapping[Any, tuple[str, bytes]]
    key: str


@runtime_checkable
class Client(Protocol):
    """A model that answers requests."""

    @required
    def card(self) -> Card:
        """Who answers."""
        ...

    @abstractmethod
    def generate(self, sent: PreparedRequest) -> Awaitable[Reply] | Reply:
        """Ask once; TransportError for what is worth another try. A plain ``def`` is run in a thread."""
        ...

    @default
    def endpoints(self) -> Sequence[str] | None:
        """The addresses that it sends to; None: unknown, so that only open data is given to it."""
        return None

    @default
    def unasked(self) -> AbstractSet[str]:
        """Decoding values that are left out unless the run states them."""
        return frozenset()

    @default
    def unset_max_tokens(self) -> int | None:
        """The ``max_tokens`` that is sent where a decoding has none, by formats that demand one; None: none is."""
        return None

    @default
    def reasoning(self) -> AbstractSet[str]:
        """What ``--reasoning`` may be: ``effort`` for the name of one, ``tokens`` for a number; by default nothing."""
        return frozenset()

    @default
    def max_edge(self) -> int | None:
        """Pixels of the longest side of an image that it takes."""
        return None

    @default
    def max_bytes(self) -> int | None:
        """Bytes of one image file that it takes."""
        return None

    @default
    def transport(self) -> object | None:
        """The HTTP connections, for clients that use ours."""
        return None

    @default
    def server(self) -> object | None:
        """The server of its own that was started for the run, if one was."""
        return None

    @default
    def data_use(self) -> DataUse:
        """The class of data that it brings along, such as reports that were made from credentialed ones."""
        return "open"

    @default
    def source(self) -> str:
        """The digest of the code of a plugin of a file or an object; the loader's."""
        return ""

    def edge_for(self, images: int) -> int | None:
        """``max_edge`` for a request of so many images."""
        return self.max_edge

    def bytes_for(self, images: int) -> int | None:
        """``max_bytes`` for a request of so many images."""
        return self.max_bytes

    def adapt(self, request: Request) -> Request:
        """The request as this model takes it; what is returned decides the key."""
        return request

    @default
    def looks_first(self) -> bool:
        """Whether ``prepare`` finds a wrong key or model out, so that the first requests need no caution."""
        return False

    async def prepare(self) -> None:
        """Find the endpoint, once before the first request; ModelError where it can't be used."""
        return

    def close(self) -> Awaitable[None] | None:
        """Let go of connections; may be a coroutine."""
        return None


@runtime_checkable
class Answerer(Protocol):
    """A model that answers studies and never sees a request: baselines, external reports."""

    @required
    def card(self) -> Card:
        """Who answers."""
        ...

    @abstractmethod
    def answer(self, study: Study, shown: Trace | None, donor: Donor) -> Report | Answer | None:
        """The report, or a whole answer where more is known; None where it has none: the study stays pending."""
        ...

    @default
    def endpoints(self) -> Sequence[str] | None:
        """The addresses that it sends to: empty where it sends nothing, None where that is unknown."""
        return None

    @default
    def data_use(self) -> DataUse:
        """The class of data that it brings along, such as reports that were made from credentialed ones."""
        return "open"

    @default
    def source(self) -> str:
        """The digest of the code of a plugin of a file or an object; the loader's."""
        return ""

    def trace(self, study: Study) -> Trace | None:
        """The reasoning that was written with the report."""
        return None


def is_client(model: Client | Answerer) -> TypeIs[Client]:
    """Whether a model answers requests; the others answer studies."""
    return hasattr(model, "generate")


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

    @required
    def name(self) -> str:
        """Registry name, such as ``bleu@r2gen-iu``."""
        ...

    @required
    def columns(self) -> Sequence[Column]:
        """The numbers that ``reduce`` gives, in order."""
        ...

    @required
    def statistics(self) -> Sequence[str]:
        """Names of the k additive statistics of a study."""
        ...

    @abstractmethod
    def signature(self, context: Any) -> str:
        """Exactly how the numbers are computed: the name, then ``|key:value`` pairs, ending in ``|vN``."""
        ...

    @abstractmethod
    def measure(self, examples: Sequence[Example], context: Any) -> FloatArray:
        """(n, k) statistics; a row depends on its own example and the context alone."""
        ...

    @abstractmethod
    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., k) statistics, summed or of one study, to (..., columns); nan where nothing was defined."""
        ...

    @default
    def requires(self) -> Sequence[str]:
        """Registry names of metrics whose statistics ``reduce`` wants appended to its own, in this order."""
        return ()

    def fit(self, corpus: Corpus) -> Any:
        """What must be known of the corpus; None where nothing must."""
        return None


@runtime_checkable
class LanguageBound(Protocol):
    """What a metric has beside the rest that reads some languages only; a metric without it reads any."""

    @required
    def languages(self) -> AbstractSet[str]:
        """ISO 639-1 codes, such as ``en``; empty: any language.

        Where most references are in another language, the metric is left out for that data, with the reason.
        """
        ...


@runtime_checkable
class Sharing(Protocol):
    """What a metric has beside the rest whose statistics others have too, such as one labeler under several policies.

    Metrics with equal ``measures`` have equal statistics of equal examples; they are measured and held once.
    """

    @required
    def measures(self) -> str:
        """What the statistics are; asked after ``fit``."""
        ...


@dataclass(frozen=True)
class Dataset:
    """A named, versioned list of studies with a data-use class."""

    name: str
    studies: Sequence[Study]
    data_use: DataUse
    source: str = "memory"
    """The path or registry name that it was loaded from, for messages."""
    format: str = ""
    notes: Sequence[str] = ()
    """What a reader could not place or had to decide, one sentence each."""
    published: str = ""
    """Year and month of its reports' first publication, such as ``2019-09``; empty: unknown."""
