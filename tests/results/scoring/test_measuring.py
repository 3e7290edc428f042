"""The one path of measuring: required metrics, shared statistics, wrong shapes, judges, and a mapper in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pytest

from mmrad_eval.core.contracts import Column, Corpus, FloatArray
from mmrad_eval.core.errors import MissingError, PluginError
from mmrad_eval.core.values import Answer, Example, Report, Study
from mmrad_eval.metrics import suite
from mmrad_eval.results.scoring.chunk import CHUNK, in_chunks
from mmrad_eval.results.scoring.measure import measure, measure_examples

SAID = ("The heart is enlarged.", "The lungs are clear.", "There is a small effusion.", "No pneumothorax is seen.")


class Words:
    """Words of each candidate; counts how often it is called."""

    requires: Sequence[str] = ()
    columns: Sequence[Column] = (Column("words", "test", better=""),)
    statistics: Sequence[str] = ("words",)

    def __init__(self, name: str = "words", measures: str = "words", shape: int = 1) -> None:
        self.name, self.measures, self.shape, self.calls = name, measures, shape, 0

    def fit(self, corpus: Corpus) -> Any:
        """Nothing."""

    def signature(self, context: Any) -> str:
        """Its name."""
        assert context is None
        return f"{self.name}|v1"

    def measure(self, examples: Sequence[Example], context: Any) -> FloatArray:
        """One number a study, or a wrong shape."""
        assert context is None
        self.calls += 1
        return np.array([[float(len(one.candidate.split()))] * self.shape for one in examples])

    def reduce(self, sums: FloatArray) -> FloatArray:
        """The sum itself."""
        return sums


def examples(n: int) -> list[Example]:
    """Studies whose candidates are other sentences than their references."""
    return [
        Example(
            Study(f"s{i}", reference=Report(SAID[i % 4], findings=SAID[i % 4])),
            Answer(f"s{i}", "ok", report=Report(SAID[(i + i // 3) % 4])),
        )
        for i in range(n)
    ]


def corpus(of: Sequence[Example]) -> Corpus:
    """All their studies."""
    return Corpus([one.study for one in of])


def test_equal_statistics_are_measured_once_a_chunk() -> None:
    first, second = Words("first"), Words("second")
    some = examples(CHUNK + 5)

    one, other = measure_examples([first, second], corpus(some), some)

    assert (first.calls, second.calls) == (2, 0)
    np.testing.assert_array_equal(one.statistics, other.statistics)


def test_a_metric_has_the_statistics_that_it_requires_though_nobody_asked_for_them() -> None:
    class Twice(Words):
        requires = ("bleu@rexrank",)

        def reduce(self, sums: FloatArray) -> FloatArray:
            return sums[..., 1:2] / sums[..., 2:3]

    some = examples(9)
    (bleu,) = measure_examples(suite(["bleu@rexrank"]), corpus(some), some)
    (composite,) = measure_examples([Twice()], corpus(some), some)

    np.testing.assert_array_equal(composite.own, bleu.own)


def test_statistics_of_another_shape_are_refused_with_the_metric_named() -> None:
    some = examples(3)
    with pytest.raises(PluginError, match=r"metric words: measure returned \(3, 2\) statistics, \(3, 1\) are declared"):
        measure_examples([Words(shape=2)], corpus(some), some)


def test_a_metric_that_asks_a_judge_is_named_and_nothing_is_computed() -> None:
    class Judge(Words):
        def question(self, example: Example) -> Sequence[Any]:
            return [example]

        def judged(self, said: Any) -> Words:
            return Words(str(said))

    some = examples(3)
    with pytest.raises(MissingError, match="words can't be computed: it asks a judge model"):
        measure_examples([Judge()], corpus(some), some)
    assert "words" in measure([Judge()], corpus(some), in_chunks(some), len(some)).lacking


def test_a_metric_that_lacks_something_in_the_middle_takes_those_that_require_it_along() -> None:
    class Late(Words):
        def measure(self, examples: Sequence[Example], context: Any) -> FloatArray:
            if examples[0].study.id != "s0":
                raise MissingError("a file of weights", "fetch it")
            return super().measure(examples, context)

    late, needs, other = Late("late", "late"), Words("needs", "needs"), Words("other", "other")
    needs.requires = ("late",)
    some = examples(2 * CHUNK)

    found = measure([late, needs, other], corpus(some), in_chunks(some), len(some))

    assert [m.metric.name for m in found.shown] == ["other"]
    assert found.lacking["late"].what == "a file of weights"
    assert set(found.lacking) == {"late", "needs"}


def test_chunks_that_are_measured_in_another_order_give_the_same_statistics() -> None:
    some = examples(5 * CHUNK + 7)

    def workers(function: Callable[[Any], Any], items: Iterable[Any], /) -> Iterable[Any]:
        done = {number: function(item) for number, item in reversed(list(enumerate(items)))}
        return (done[number] for number in sorted(done))

    alone = measure(suite(["lexical", "facts"]), corpus(some), in_chunks(some), len(some))
    together = measure(suite(["lexical", "facts"]), corpus(some), in_chunks(some), len(some), mapper=workers)

    np.testing.assert_array_equal(alone.metrics[0].store, together.metrics[0].store)
