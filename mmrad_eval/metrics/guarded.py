"""What a metric must be. Of those from outside, what they raise and return is checked, and the source is signed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from numbers import Real
from typing import TYPE_CHECKING, Any, cast

from mmrad_eval.core import members, plugins
from mmrad_eval.core.errors import PluginError
from mmrad_eval.core.plugins import Kind
from mmrad_eval.metrics import judge_metrics

if TYPE_CHECKING:
    from mmrad_eval.core.contracts import Column, Corpus, FloatArray, Metric
    from mmrad_eval.core.values import Example


def kind() -> Kind:
    """What a metric must be."""
    from mmrad_eval.core.contracts import Metric

    return Kind("metric", (Metric,), "or write mmrad_eval.mean_metric(NAME, FUNCTION)", checked=_unlike_a_metric)


def _unlike_a_metric(metric: Metric) -> str | None:
    """What members of the right type can't say: nothing to show, nothing measured, questions of another form."""
    if not metric.columns:
        return "its `columns` are empty"
    if not metric.statistics:
        return "its `statistics` are empty: name at least one number of a study"
    problems = (plugins.name_problem(metric.name, "|,"), *map(_unlike_a_column, metric.columns))
    return next(filter(None, problems), None) or next(
        filter(None, map(partial(_unlike, metric), _beside(metric))), None
    )


def _beside(metric: Metric) -> tuple[type, ...]:
    """What a metric may have beside the rest."""
    from mmrad_eval.core.contracts import LanguageBound, Sharing
    from mmrad_eval.core.judge_contracts import JudgeMetric, JudgingMetric

    several = hasattr(metric, "judge") or hasattr(metric, "most")
    return LanguageBound, Sharing, JudgingMetric if several else JudgeMetric


def _unlike(metric: Metric, contract: type) -> str | None:
    """Why a metric that has a required member of a contract does not fit it."""
    has_one = any(hasattr(metric, name) for name in members.names(contract))
    return members.misfit(metric, contract) if has_one else None


def _unlike_a_column(column: Column) -> str | None:
    import msgspec

    try:
        msgspec.convert(msgspec.to_builtins(column), type(column))
    except (msgspec.ValidationError, TypeError) as error:
        return f"its column {column.label}: {error}"
    problem = plugins.name_problem(column.name) or plugins.name_problem(column.profile)
    return f"its column {column.label!r}: {problem}" if problem else None


def guarded(metric: Metric, source: str = "") -> Metric:
    """The metric, with PluginError in one line for what it raises or returns in another form.

    ``source`` is the digest of a file or an object, so that two metrics of one name are never taken for one.
    """
    name = metric.name

    def fit(corpus: Corpus) -> Any:
        return plugins.call(f"metric {name}: fit", metric.fit, corpus)

    def signature(context: Any) -> str:
        words = plugins.call(f"metric {name}: signature", metric.signature, context)
        if not isinstance(words, str) or "|" not in words:
            raise PluginError(f"metric {name}: signature returned {words!r}; it must be text such as {name}|v1")
        head, _, version = words.rpartition("|")
        return f"{head}|source:{source}|{version}" if source else words

    def measure(examples: Sequence[Example], context: Any) -> FloatArray:
        return _numbers(metric, "measure", len(metric.statistics), metric.measure, examples, context)

    def reduce(sums: FloatArray) -> FloatArray:
        sums = sums.view()
        sums.flags.writeable = False  # other metrics may have the same statistics
        return _numbers(metric, "reduce", len(metric.columns), metric.reduce, sums)

    def judged(said: Mapping[str, Any]) -> Metric:
        made = plugins.call(f"metric {name}: judged", cast("Any", metric).judged, said)
        return guarded(plugins.checked(kind(), made, f"of {name} and its judge"), source)

    def for_judges(cards: Mapping[str, Any]) -> Metric:
        made = plugins.call(f"metric {name}: for_judges", cast("Any", metric).for_judges, cards)
        return guarded(plugins.checked(kind(), made, f"of {name} and its judges"), source)

    own: dict[str, Callable[..., Any]] = {"fit": fit, "signature": signature, "measure": measure, "reduce": reduce}
    if judge_metrics.asks(metric):
        own["judged"] = judged
        if hasattr(metric, "for_judges"):
            own["for_judges"] = for_judges
    return cast("Metric", members.replaced(metric, **own))


def _numbers(metric: Metric, what: str, wide: int, function: Callable[..., Any], given: Any, *more: Any) -> FloatArray:
    """What ``function`` returns, as numbers with one row for each that was given and ``wide`` columns."""
    import numpy as np

    made = plugins.call(f"metric {metric.name}: {what}", function, given, *more)
    try:
        array = np.asarray(made)
        plain = array.dtype.kind == "O" and all(isinstance(number, Real) for number in array.flat)
        array = array.astype(np.float64, casting="unsafe" if plain else "same_kind")
    except (TypeError, ValueError) as error:
        raise PluginError(
            f"metric {metric.name}: {what} returned {type(made).__name__} that contains no numbers: {error}"
        ) from error
    if np.ma.isMaskedArray(made):
        raise PluginError(f"metric {metric.name}: {what} returned a masked array; return nan, or a count of 0, instead")
    wanted = (*(given.shape[:-1] if isinstance(given, np.ndarray) else (len(given),)), wide)
    if array.shape != wanted:
        raise PluginError(
            f"metric {metric.name}: {what} returned an array of shape {array.shape}, but {wanted} is declared"
        )
    return array
