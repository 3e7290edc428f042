"""Measuring one chunk of examples with every metric: in this process, or in a worker where that can make the metric."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mmrad_eval.core.contracts import FloatArray, Metric
from mmrad_eval.core.errors import MissingError, MmradError, PluginError, one_line, some
from mmrad_eval.core.values import Example
from mmrad_eval.metrics.suites import rebuilt
from mmrad_eval.results.run.summary import MissingColumns
from mmrad_eval.results.scoring import languages
from mmrad_eval.results.scoring.languages import LanguageTally, ReferenceLanguages

if TYPE_CHECKING:
    from mmrad_eval.metrics.encoders import SourceKey, TextEncoders

CHUNK = 256
"""Examples that are measured at once."""
Chunk = Sequence[Example]
_NAMED = 8  # metrics that a line names


@dataclass(frozen=True)
class Fitted:
    """A metric with its context, and the columns of the store that it fills."""

    metric: Metric
    context: Any
    signature: str
    at: range
    portable: bool = False
    """Whether a worker can make it anew from its name."""


@dataclass(frozen=True)
class MeasuredChunk:
    """The statistics of some examples."""

    n: int
    filled: Mapping[range, FloatArray]
    """Columns of the store -> (n, k) statistics."""
    missing: Mapping[str, MissingColumns]
    """Metric -> why it has no statistics here."""
    wrong: LanguageTally
    """Reports in a language other than their reference's."""
    unread: Mapping[str, LanguageTally]
    """Metric -> the references that it left out."""

    def beside(self, other: MeasuredChunk) -> MeasuredChunk:
        """This one, with what other metrics made of the same examples."""
        return MeasuredChunk(
            self.n,
            {**self.filled, **other.filled},
            {**self.missing, **other.missing},
            self.wrong,
            {**self.unread, **other.unread},
        )


class Mapper(Protocol):
    """Apply a measurer to each chunk, results in the order of the chunks: the built-in ``map``, or workers.

    Metrics share what they made of the chunk at hand, so a process measures one chunk at a time: workers are processes.
    """

    def __call__(self, measurer: ChunkMeasurer, chunks: Iterable[Chunk], /) -> Iterable[MeasuredChunk]:
        """One result a chunk."""
        ...


@dataclass
class ChunkMeasurer:
    """Measure one chunk with each metric; equal statistics once."""

    metrics: Sequence[Fitted]
    spoken: ReferenceLanguages
    told: Mapping[str, Any] = field(default_factory=dict)
    """What the metrics were told, for those that are made anew."""
    gone: set[str] = field(default_factory=set)
    """Metrics that are measured no more."""
    encoders: TextEncoders | None = None
    """The engines that some of the metrics share."""
    encoding: AbstractSet[str] = frozenset()
    """Names of those metrics."""

    def __call__(self, chunk: Chunk) -> MeasuredChunk:
        """The statistics of a chunk; PluginError where a metric's are none."""
        wrong = LanguageTally()
        examples = languages.heard(chunk, self.spoken, wrong)
        filled: dict[range, FloatArray] = {}
        missing: dict[str, MissingColumns] = {}
        unread: dict[str, LanguageTally] = {}
        for one in self.metrics:
            name = one.metric.name
            if one.at in filled or name in self.gone:
                continue
            tally = LanguageTally()
            try:
                read = ~languages.unread(one.metric, examples, self.spoken, tally)
                filled[one.at] = _checked(one, examples) * read[:, None]
            except MissingError as error:
                missing[name] = MissingColumns(error.what, error.remedy)
                continue
            if tally.unread:
                unread[name] = tally
        return MeasuredChunk(len(examples), filled, missing, wrong, unread)

    def texts_wanted(self, chunk: Chunk) -> dict[SourceKey, list[Any]]:
        """Engine -> the distinct texts of a chunk that it has to encode."""
        if self.encoders is None:
            return {}
        examples = languages.heard(chunk, self.spoken, LanguageTally())
        wanted: dict[SourceKey, list[Any]] = {}
        for one in self.metrics:
            if not self._has_engine(one):
                continue
            try:
                found = self.encoders.wanted(partial(one.metric.measure, examples, one.context))
            except MissingError:  # which is told where it is measured
                continue
            for key, texts in found.items():
                wanted[key] = list(dict.fromkeys((*wanted.get(key, ()), *texts)))
        return wanted

    @property
    def portable_encoders(self) -> TextEncoders | None:
        """The engines of the metrics, where another process can make them from what the metrics were told."""
        return self.encoders if any(map(self._has_engine, self.metrics)) and _travels(self.told) else None

    def _has_engine(self, one: Fitted) -> bool:
        return one.metric.name in self.encoding - self.gone

    def divided(self) -> tuple[bytes | None, ChunkMeasurer | None]:
        """What workers measure, pickled for ``measurer_of``, and what stays in this process; None: nothing.

        Encoders stay, which this process loads once; so does what only this process has, such as a metric of a file
        and one that holds a judge's replies. Metrics with equal statistics go the same way.
        """
        if not _travels(self.told):
            return None, self
        stay = {one.at for one in self.metrics if not one.portable or not _travels(one.context)}
        go = [one for one in self.metrics if one.at not in stay]
        kept = [one for one in self.metrics if one.at in stay]
        here = replace(self, metrics=kept) if kept else None
        if not go:
            return None, here
        parts = [(one.metric.name, one.context, one.signature, one.at) for one in go]
        return pickle.dumps((parts, self.spoken, self.told)), here


def measurer_of(pickled: bytes) -> ChunkMeasurer:
    """The measurer of a worker; PluginError where this is another version of a metric than the command's."""
    parts, spoken, told = pickle.loads(pickled)  # noqa: S301 (written by the process that started this one)
    metrics = rebuilt([name for name, *_ in parts], told)
    fitted = []
    for metric, (name, context, signature, at) in zip(metrics, parts, strict=True):
        if metric.signature(context) != signature:
            raise PluginError(
                f"a worker computes {name} as {metric.signature(context)}, but this command computes it as "
                f"{signature}: install the same version of mmrad-eval on every node"
            )
        fitted.append(Fitted(metric, context, signature, at))
    return ChunkMeasurer(fitted, spoken)


class WorkerMeasurer:
    """What a worker holds: it sends back statistics, or the error that the command raises in their place."""

    def __init__(self, pickled: bytes) -> None:
        """``pickled`` is what ``ChunkMeasurer.divided`` gave; it is read with the first chunk."""
        self._pickled = pickled
        self._measurer: ChunkMeasurer | None = None

    def __call__(self, chunk: Chunk) -> MeasuredChunk | MmradError:
        """The statistics of a chunk."""
        try:
            self._measurer = self._measurer or measurer_of(self._pickled)
            return self._measurer(chunk)
        except MmradError as error:
            return error
        except Exception as error:  # noqa: BLE001 (it is raised again where somebody reads it)
            return MmradError(f"a worker failed: {one_line(error)}")


def kept_here(here: ChunkMeasurer | None) -> str:
    """Which metrics workers leave to the command, in a line; empty where they measure all."""
    return _line("workers leave to this command", here.metrics if here is not None else ())


def encoded_there(here: ChunkMeasurer) -> str:
    """Of which metrics the cluster encodes the texts, and which are left to the command alone."""
    there = [one for one in here.metrics if one.metric.name in here.encoding]
    alone = [one for one in here.metrics if one.metric.name not in here.encoding]
    lines = (_line("the cluster encodes the texts of", there), _line("workers leave to this command", alone))
    return "; ".join(filter(None, lines))


def _line(what: str, metrics: Iterable[Fitted]) -> str:
    names = list(dict.fromkeys(one.metric.name for one in metrics))
    return f"{what}: {some(names, _NAMED)}" if names else ""


def in_chunks(examples: Sequence[Example]) -> Iterator[Chunk]:
    """Examples as ``measure`` takes them."""
    return (examples[start : start + CHUNK] for start in range(0, len(examples), CHUNK))


def _travels(value: object) -> bool:
    try:
        pickle.dumps(value)
    except Exception:  # noqa: BLE001 (whatever an object of a stranger raises: it stays where it is)
        return False
    return True


def _checked(one: Fitted, examples: Chunk) -> FloatArray:
    metric = one.metric
    found = np.asarray(metric.measure(examples, one.context), dtype=np.float64)
    wanted = (len(examples), len(metric.statistics))
    if found.shape != wanted:
        raise PluginError(f"metric {metric.name}: measure returned {found.shape} statistics, {wanted} are declared")
    if not np.isfinite(found).all():
        row, column = np.argwhere(~np.isfinite(found))[0]
        raise PluginError(
            f"metric {metric.name}: statistic {metric.statistics[column]!r} of study "
            f"{examples[row].study.id!r} is {found[row, column]}; statistics must be finite; give an "
            "undefined value a count of 0"
        )
    return found
