"""Any text metric of the ``evaluate`` catalogue: ``evaluate:NAME`` from the hub, ``evaluate:./folder`` from here.

A metric that scores pairs one by one (or gives a list of per-pair scores) gets intervals like any other. One that only
scores a whole corpus can't be summed over studies, so each study is scored on its own and the mean says so in its name.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmrad_eval.core.contracts import Column, Corpus, FloatArray
from mmrad_eval.core.errors import MissingError, PluginError
from mmrad_eval.core.values import Example
from mmrad_eval.metrics.lexical.mean import means, reduce_means

if TYPE_CHECKING:
    from mmrad_eval.metrics.suites import Setup

_TRIAL = ("No acute abnormality of the chest.", "The chest is without acute abnormality.")


def load(setup: Setup) -> EvaluateMetric:
    """Load the metric; MissingError where the extra, the hub or a package of its own is not here."""
    try:
        evaluate = importlib.import_module("evaluate")
    except ImportError as error:
        raise MissingError(f"{setup.name} needs evaluate", "pip install 'mmrad-eval[clinical]'") from error
    name = str(Path(setup.argument).expanduser()) if setup.argument.startswith((".", "/", "~")) else setup.argument
    try:
        with _quiet():
            metric = evaluate.load(name)
    except Exception as error:
        first = str(error).strip().split("\n")[0]
        raise MissingError(
            f"{setup.name} can't be loaded: {first}",
            "load it on a machine that can reach the hub, or give its folder: evaluate:./folder",
        ) from error
    return EvaluateMetric(setup.name, setup.argument.rstrip("/").rpartition("/")[2], metric, str(evaluate.__version__))


class EvaluateMetric:
    """Means of a metric of the catalogue's numbers, study by study.

    Statistics of a study: the numbers that the metric gives for its pair, and 1.
    """

    requires: Sequence[str] = ()

    def __init__(self, name: str, short: str, metric: Any, version: str) -> None:
        """One invented pair is scored, to learn which numbers it gives."""
        self.name, self._metric, self._version = name, metric, version
        with _quiet():
            trial = self._numbers(*_TRIAL)
        if not trial:
            raise PluginError(f"{name}: returns no number for a pair of texts")
        self._keys = tuple(trial)
        self.statistics: Sequence[str] = (*self._keys, "studies")
        self.columns: Sequence[Column] = [
            Column(short if key == short else f"{short} {key}", "evaluate, mean of studies", better="")
            for key in self._keys
        ]

    def fit(self, corpus: Corpus) -> str:
        """The target; nothing is learnt."""
        return corpus.target

    def signature(self, context: str) -> str:
        """The package's version and the metric's own."""
        own = getattr(self._metric, "experiment_id", "") or ""
        digest = str(getattr(self._metric, "hash", "") or own)[:12]
        return f"{self.name}|target:{context}|evaluate:{self._version}|script:{digest}|level:mean|v1"

    def measure(self, examples: Sequence[Example], context: str) -> FloatArray:
        """(n, numbers + 1) numbers and count; zeros where the candidate is empty and the metric refuses it."""
        rows = np.zeros((len(examples), len(self._keys)))
        with _quiet():
            for row, example in zip(rows, examples, strict=True):
                found = self._pair(example)
                row[:] = [found.get(key, 0.0) for key in self._keys]
        return means(examples, *rows.T)

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., numbers + 1) to (..., numbers)."""
        return reduce_means(sums)

    def _pair(self, example: Example) -> Mapping[str, float]:
        if not example.candidate.strip() or not (example.reference or "").strip():
            return {}
        try:
            return self._numbers(example.candidate, example.reference or "")
        except Exception as error:  # whatever a script of the catalogue raises
            raise PluginError(f"{self.name}, study {example.study.id}: {type(error).__name__}: {error}") from error

    def _numbers(self, candidate: str, reference: str) -> dict[str, float]:
        """Every finite number that the metric gives for one pair; of a list of one, the one."""
        given = self._metric.compute(predictions=[candidate], references=[reference])
        numbers = {}
        for key, value in (given or {}).items():
            one = value[0] if isinstance(value, list | tuple) and len(value) == 1 else value
            if isinstance(one, int | float | np.number) and not isinstance(one, bool) and math.isfinite(float(one)):
                numbers[str(key)] = float(one)
        return numbers


@contextlib.contextmanager
def _quiet() -> Any:
    """Keep progress bars and warnings of scripts away from the user."""
    sink = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
        warnings.simplefilter("ignore")
        yield
