"""``mmrad_eval.reward``: the numbers of a leaderboard as rewards for training.

A completion is read by the reader that reads a model's reply, and measured on the path that a run is scored on, so that
a reward is the value that the leaderboard has for that study.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal

from mmrad_eval.core.contracts import Column, Corpus, Metric
from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Answer, ClinicalContext, Example, PriorStudy, Report, Study, Target
from mmrad_eval.datasets import raw_text
from mmrad_eval.metrics import suite
from mmrad_eval.results.scoring.chunk import in_chunks
from mmrad_eval.results.scoring.measure import measure
from mmrad_eval.results.scoring.texts import reference_of

REFERENCES = ("reference", "references", "ground_truth", "ground_truths", "report", "findings", "solution", "answer")
"""Names of a dataset's column that may hold the references, the first that is there; ``reference=`` names another."""
Shaping = Callable[[float], float] | Literal["positive"]
_LEADING = {"findings": "Findings all", "radgraph": "RadGraph-partial", "bleu": "BLEU-4"}
"""Family -> the column that is the reward, where it is not the first with a good end."""
_OURS = "assistant"
_REMEMBERED = 1 << 16
_Key = tuple[str, str, bool, str | None]


class Reward:
    """A weighted sum of metrics' values of one study, called as TRL, ms-swift and verl call a reward.

    Picklable, and safe after a fork: a process makes metrics of its own at its first call.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        weights: Sequence[float] | Mapping[str, float] | None = None,
        shaping: Shaping | None = None,
        reference: str = "",
        columns: Mapping[str, str] | None = None,
        corpus: Sequence[str] | None = None,
        options: Mapping[str, Any] | None = None,
        target: Target = "findings",
    ) -> None:
        self._given: dict[str, Any] = {
            "weights": weights,
            "shaping": shaping,
            "reference": reference,
            "columns": columns,
        }
        self._given |= {"corpus": corpus, "options": options, "target": target}
        self.names = tuple(names)
        self.target: Target = target
        self._shaping, self._reference, self._columns, self._options = shaping, reference, dict(columns or {}), options
        self._corpus = None if corpus is None else _studies(corpus, target)
        self._process = 0
        self._metrics: list[Metric] = []
        self._values: dict[_Key, float] = {}
        self._ready()
        self.weights = _weights(self.names, weights)
        self.__name__ = "+".join(self.names)  # what trainers log it as
        logging.getLogger(__name__).info("reward: %s", self.signature)

    @property
    def optimized_for(self) -> tuple[str, ...]:
        """What a model that is trained on this can't be ranked by: for its card."""
        return self.names

    @property
    def signature(self) -> str:
        """Exactly how the number is computed."""
        corpus = Corpus(self._corpus or (), (), self.target)
        parts = [
            f"{weight:g}*{column.name}[{metric.signature(metric.fit(corpus))}]"
            for metric, column, weight in zip(self._asked(), self._leading(), self.weights, strict=True)
        ]
        shaped = "" if self._shaping is None else f"|shaping:{getattr(self._shaping, '__name__', self._shaping)}"
        return " + ".join(parts) + shaped

    def __call__(self, *said: Any, **columns: Any) -> Any:
        """The reward of each completion, a list of floats; of verl's single completion, a float.

        TRL and ms-swift: ``completions`` (texts, or conversations) and the dataset's columns. verl: ``data_source,
        solution_str, ground_truth, extra_info``, or the same in the plural for a batch. UsageError names what lacks.
        """
        if len(said) == 1:
            columns["completions"] = said[0]
        elif said:  # verl's order
            one = isinstance(said[1], str)
            names = ("data_source", "solution_str", "ground_truth", "extra_info")
            columns |= {name if one else _PLURAL[name]: value for name, value in zip(names, said, strict=False)}
        if "solution_str" in columns:
            row = columns.get("extra_info") or {}
            return self.values([columns["solution_str"]], [columns.get("ground_truth")], [row])[0]
        if "solution_strs" in columns:
            rows = columns.get("extra_infos") or [{}] * len(columns["solution_strs"])
            return self.values(columns["solution_strs"], columns.get("ground_truths") or [], rows)
        if "completions" not in columns:
            raise UsageError("a reward is called with completions=, or as verl does with solution_str=")
        completions = columns["completions"]
        references = columns[self._column(columns)]
        known = [name for name in ("prior_shown", "age") if name in columns]
        rows = [{name: columns[name][i] for name in known} for i in range(len(completions))]
        return self.values(completions, references, rows)

    def values(
        self, completions: Sequence[Any], references: Sequence[Any], rows: Sequence[Mapping[str, Any] | None] = ()
    ) -> list[float]:
        """The reward of each pair; ``rows`` may say ``prior_shown`` and ``age``.

        A study that a metric does not define has 0, whatever is completed, and so prefers nothing.
        """
        if len(completions) != len(references):
            raise UsageError(
                f"{len(completions)} completions and {len(references)} references; every completion needs one reference"
            )
        self._ready()
        contexts = rows or [None] * len(completions)
        keys: list[_Key] = [
            (_text(completion), _said(reference), bool((row or {}).get("prior_shown")), _age((row or {}).get("age")))
            for completion, reference, row in zip(completions, references, contexts, strict=True)
        ]
        new = [key for key in dict.fromkeys(keys) if key not in self._values]
        if len(self._values) + len(new) > _REMEMBERED:
            new = list(dict.fromkeys(keys))
            self._values.clear()
        self._values.update(zip(new, self._measured(new), strict=True))
        return [self._values[key] for key in keys]

    def mark(self, card: Path) -> None:
        """Write into a model's card what it was optimized for; tables then mark these columns."""
        from mmrad_eval.results.scoring.optimized import write_optimized_for

        write_optimized_for(card, self.optimized_for)

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(Reward, self.names, **self._given), ()

    def _ready(self) -> None:
        """Make the metrics of this process: what a fork left behind may hold threads and locks of another."""
        if self._process == os.getpid():
            return
        self._process = os.getpid()
        made = suite(self.names, options=self._options, stored=False)
        if made.missing:
            raise UsageError(f"{made.missing[0]}")
        self._metrics = list(made)
        unknown = set(self.names) - {metric.name for metric in self._metrics}
        if unknown:
            raise UsageError(f"{min(unknown)} names several metrics; name one, such as {self._metrics[0].name}")

    def _asked(self) -> list[Metric]:
        by_name = {metric.name: metric for metric in self._metrics}
        return [by_name[name] for name in self.names]

    def _leading(self) -> list[Column]:
        return [_leading(metric, self._columns.get(metric.name, "")) for metric in self._asked()]

    def _column(self, columns: Mapping[str, Any]) -> str:
        """The column that holds the references."""
        names = (self._reference,) if self._reference else REFERENCES
        found = next((name for name in names if name in columns), None)
        if found is None:
            have = ", ".join(sorted(set(columns) - {"completions"})) or "none"
            raise UsageError(f"no column contains the references; the dataset has {have}. Pass reference=COLUMN")
        return found

    def _measured(self, keys: Sequence[_Key]) -> list[float]:
        """The reward of each pair that was not met before."""
        if not keys:
            return []
        studies = [_study(str(i), key, self.target) for i, key in enumerate(keys)]
        examples = [
            Example(study, _answer(study.id, key[0], self.target), self.target)
            for study, key in zip(studies, keys, strict=True)
        ]
        corpus = Corpus(self._corpus or studies, (), self.target)
        found = {m.metric.name: m for m in measure(self._metrics, corpus, in_chunks(examples), len(keys)).complete()}
        total = [0.0] * len(keys)
        for name, column, weight in zip(self.names, self._leading(), self.weights, strict=True):
            own = found[name].own[:, list(found[name].metric.columns).index(column)]
            sign = -1.0 if column.better == "lower" else 1.0
            for i, value in enumerate(own.tolist()):
                total[i] += weight * sign * (0.0 if math.isnan(value) else value)
        if self._shaping == "positive":
            return [max(0.0, value) for value in total]
        return [self._shaping(value) for value in total] if callable(self._shaping) else total


_PLURAL = {
    "data_source": "data_sources",
    "solution_str": "solution_strs",
    "ground_truth": "ground_truths",
    "extra_info": "extra_infos",
}


def reward(
    *names: str,
    weights: Sequence[float] | Mapping[str, float] | None = None,
    shaping: Shaping | None = None,
    reference: str = "",
    columns: Mapping[str, str] | None = None,
    corpus: Sequence[str] | None = None,
    options: Mapping[str, Any] | None = None,
    target: Target = "findings",
) -> Reward:
    """A reward for TRL, ms-swift and verl, made of metrics: ``reward("findings@rules", "bleu@raw", weights=[1, 0.5])``.

    ``weights``: one a metric, equal shares where none are given. ``shaping``: a function of the weighted sum, or
    ``"positive"`` (0 for what is less). ``reference``: the dataset's column of references. ``columns``: metric -> the
    column of it that counts. ``corpus``: the references of the training split, for metrics that learn from them, such
    as CIDEr. UsageError where a metric is unknown or can't be computed here.
    """
    if not names:
        raise UsageError('name at least one metric: mmrad_eval.reward("findings@rules")')
    return Reward(
        names,
        weights=weights,
        shaping=shaping,
        reference=reference,
        columns=columns,
        corpus=corpus,
        options=options,
        target=target,
    )


def _leading(metric: Metric, wanted: str) -> Column:
    """The column of a metric that is its reward."""
    usual = _LEADING.get(metric.name.partition("@")[0])
    first = next((column.name for column in metric.columns if column.better), "")
    for name in (wanted,) if wanted else (usual, first):
        for column in metric.columns:
            if column.name == name:
                return column
    raise UsageError(f"{metric.name} has no column {wanted!r}; it has {', '.join(c.name for c in metric.columns)}")


def _weights(names: Sequence[str], weights: Sequence[float] | Mapping[str, float] | None) -> tuple[float, ...]:
    if weights is None:
        return (1.0 / len(names),) * len(names)
    given = [weights.get(name) for name in names] if isinstance(weights, Mapping) else list(weights)
    if len(given) != len(names) or any(weight is None or not math.isfinite(weight) for weight in given):
        raise UsageError(f"weights {weights!r}: give one finite number for each of {', '.join(names)}")
    return tuple(float(weight or 0.0) for weight in given)


def _text(completion: Any) -> str:
    """The words of a completion: a text, a message, or the assistant's messages of a conversation."""
    if completion is None or isinstance(completion, str):
        return completion or ""
    if isinstance(completion, Mapping):
        content = completion.get("content", completion.get("text"))
        return content if isinstance(content, str) else "".join(_text(part) for part in content or ())
    said = (part for part in completion if not isinstance(part, Mapping) or part.get("role", _OURS) == _OURS)
    return "\n".join(text for text in map(_text, said) if text)


def _said(reference: Any) -> str:
    """A reference as text; verl wraps it in an object at times."""
    if isinstance(reference, Mapping):
        reference = next((reference[name] for name in REFERENCES if name in reference), None)
    if not isinstance(reference, str):
        raise UsageError(f"a reference is {reference!r}, not a string; pass reference=COLUMN")
    return reference


def _age(age: Any) -> str | None:
    return None if age is None else str(age)


def _study(name: str, key: _Key, target: Target) -> Study:
    _, reference, prior, age = key
    priors = (PriorStudy("earlier"),) if prior else ()
    return Study(name, reference=_report(reference, target), priors=priors, context=ClinicalContext(age=age))


def _studies(references: Sequence[str], target: Target) -> list[Study]:
    return [Study(str(i), reference=_report(text, target)) for i, text in enumerate(references)]


@lru_cache(maxsize=_REMEMBERED)
def _report(text: str, target: Target) -> Report:
    try:
        return reference_of(text, target)
    except raw_text.NoReportError as error:
        raise UsageError(f"a reference is {error}, not a report") from error


def _answer(name: str, completion: str, target: Target) -> Answer:
    """A completion, read as any reply is; one that reads like a server's error is a policy's words, and no report."""
    try:
        found = raw_text.read_cell(completion, target)
    except raw_text.NoReportError as error:
        return Answer(name, "unparsed", str(error))
    return Answer(name, found.status, found.why, found.report, events=found.events)
