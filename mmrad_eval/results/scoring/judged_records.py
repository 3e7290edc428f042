"""What judges said of a study, as each metric read it: phrases and evidence, matched findings, counts of errors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from mmrad_eval.core.contracts import Metric
from mmrad_eval.metrics.judge_metrics import JudgedMetric


def judged_lines(metrics: Iterable[Metric], ids: Sequence[str], model: str) -> list[str]:
    """The verdicts of the judged metrics on these studies of a model; nothing of one that no judge was shown."""
    return [
        line
        for metric in metrics
        if isinstance(metric, JudgedMetric)
        for study in ids
        for line in _of_study(metric, study, model)
    ]


def _of_study(metric: JudgedMetric, study: str, model: str) -> Iterator[str]:
    verdicts = metric.verdicts(study)
    for number, verdict in enumerate(verdicts, start=1):
        repeat = f", repeat {number}" if len(verdicts) > 1 else ""
        yield f"{study}: {model}, {metric.name}{repeat}: {verdict.state}{f' ({verdict.why})' if verdict.why else ''}"
        yield from _shown(verdict.value, "  ")


def _shown(value: Any, indent: str) -> Iterator[str]:
    """JSON as lines: one a plain value, one a record whose values are plain."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if _plain(inner):
                yield f"{indent}{name}: {_words(inner)}"
            else:
                yield f"{indent}{name}:"
                yield from _shown(inner, f"{indent}  ")
    elif isinstance(value, list | tuple):
        for inner in value:
            if isinstance(inner, dict) and all(map(_plain, inner.values())):
                yield f"{indent}- {'; '.join(f'{name}: {_words(one)}' for name, one in inner.items())}"
            elif _plain(inner):
                yield f"{indent}- {_words(inner)}"
            else:
                yield f"{indent}-"
                yield from _shown(inner, f"{indent}  ")
    elif value is not None:
        yield f"{indent}{_words(value)}"


def _plain(value: Any) -> bool:
    """Whether a value is no structure, or a list of such."""
    inner = value if isinstance(value, list | tuple) else (value,)
    return not any(isinstance(one, dict | list | tuple) for one in inner)


def _words(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " | ".join(map(_words, value)) or "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else "none" if value is None else str(value)
