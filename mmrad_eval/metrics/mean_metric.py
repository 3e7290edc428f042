"""A metric that is the mean of a function of two texts, made by ``mean_metric``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

from mmrad_eval.core import members, plugins
from mmrad_eval.core.contracts import Column, Corpus, Metric
from mmrad_eval.core.errors import PluginError

if TYPE_CHECKING:
    from mmrad_eval.core.contracts import FloatArray
    from mmrad_eval.core.values import Example

Measure: TypeAlias = Callable[[str, str], float | Mapping[str, float]]
CUSTOM = "custom"
"""The profile of a metric whose name states none."""
_SAMPLE = "The heart is normal in size. The lungs are clear. No pleural effusion or pneumothorax is seen."


@dataclass(frozen=True)
class MeanMetric(Metric):
    """The mean over studies of a number, or of several numbers by name.

    Statistics of a study, (columns + 1,) float64: its numbers, and 1.
    """

    name: str
    function: Measure
    better: Literal["higher", "lower", ""]
    best: float | None
    version: int

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """One column for each number that the function gives for a sample text against itself."""
        family, _, profile = self.name.partition("@")
        numbers = self._numbers(_SAMPLE, _SAMPLE, "a sample text against itself")
        names = [f"{family} {key}" if key else family for key in numbers]
        return tuple(Column(name, profile or CUSTOM, self.better, self.best) for name in names)

    @property
    def statistics(self) -> tuple[str, ...]:
        """The numbers, and how many studies they are of."""
        return (*(column.name for column in self.columns), "studies")

    def fit(self, corpus: Corpus) -> str:
        """The part of the reports that is scored."""
        return corpus.target

    def signature(self, context: str) -> str:
        """The name, the target, and that it is a mean."""
        return f"{self.name}|target:{context}|mean|v{self.version}"

    def measure(self, examples: Sequence[Example], context: str) -> FloatArray:
        """(n, columns + 1) the numbers of each study and 1."""
        import numpy as np

        rows = np.ones((len(examples), len(self.columns) + 1))
        for row, example in zip(rows, examples, strict=True):
            numbers = self._numbers(example.candidate, example.reference or "", f"study {example.study.id}")
            names = [column.name for column in self.columns]
            family = self.name.partition("@")[0]
            seen = [f"{family} {key}" if key else family for key in numbers]
            if seen != names:
                raise PluginError(
                    f"metric {self.name} returned {', '.join(seen)} for study {example.study.id}, and "
                    f"{', '.join(names)} for a sample text; it must return the same numbers in the same order each time"
                )
            row[:-1] = list(numbers.values())
        return rows

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., columns + 1) sums to (..., columns) means; nan over no study."""
        return sums[..., :-1] / sums[..., -1:]

    def _numbers(self, candidate: str, reference: str, where: str) -> dict[str, float]:
        """The function's numbers by name, "" where it gives one; PluginError where it gives none."""
        given = plugins.call(f"metric {self.name} on {where}", self.function, candidate, reference)
        numbers = dict(given) if isinstance(given, Mapping) else {"": given}
        for key, number in numbers.items():
            if not _is_number(number):
                what = f"{key!r}: {members.seen(number)}" if key else members.seen(number)
                raise PluginError(f"metric {self.name} returned {what} for {where}; it must return finite numbers")
        if not numbers:
            raise PluginError(f"metric {self.name} returned an empty mapping for {where}")
        named = {str(key): float(number) for key, number in numbers.items()}
        if len(named) < len(numbers):
            raise PluginError(f"metric {self.name} returned two numbers with one name for {where}: {list(numbers)!r}")
        return named


def _is_number(value: Any) -> bool:
    """Whether it is one finite number: also one of numpy, or a bool (0 or 1)."""
    import math

    if isinstance(value, str | bytes | complex) or getattr(value, "shape", ()) != ():
        return False
    try:
        return math.isfinite(value)
    except (TypeError, ValueError, OverflowError):
        return False


@overload
def mean_metric(
    name: str,
    function: Measure,
    *,
    better: Literal["higher", "lower", ""] = "higher",
    best: float | None = None,
    version: int = 1,
) -> MeanMetric: ...
@overload
def mean_metric(
    name: str,
    function: None = None,
    *,
    better: Literal["higher", "lower", ""] = "higher",
    best: float | None = None,
    version: int = 1,
) -> Callable[[Measure], MeanMetric]: ...
def mean_metric(
    name: str,
    function: Measure | None = None,
    *,
    better: Literal["higher", "lower", ""] = "higher",
    best: float | None = None,
    version: int = 1,
) -> MeanMetric | Callable[[Measure], MeanMetric]:
    """Make a metric of a function ``(candidate, reference) -> number``, or a mapping of numbers by name.

    The column is called after the metric: ``overlap@mine`` fills ``overlap @ mine``. ``best`` is the value of a perfect
    report. Without ``function``, a decorator. PluginError for a function that can't be called so.
    """

    def made(function: Measure) -> MeanMetric:
        _check(name, function)
        return MeanMetric(name, function, better, best, version)

    return made if function is None else made(function)


def _check(name: Any, function: Any) -> None:
    if not isinstance(name, str):
        raise PluginError('mean_metric needs a name and a function: mmrad_eval.mean_metric("name", function)')
    if not callable(function) or inspect.iscoroutinefunction(function):
        what = "a coroutine" if callable(function) else type(function).__name__
        raise PluginError(
            f"metric {name} is not valid: write mmrad_eval.mean_metric(NAME, FUNCTION) with a plain function of two "
            f"texts, not {what}"
        )
    try:
        inspect.signature(function).bind("candidate", "reference")
    except TypeError as error:
        raise PluginError(
            f"metric {name} is not valid: its function can't be called with two texts: {error}"
        ) from error
    except ValueError:
        return  # a builtin that hides its parameters
