"""Metrics that let judge models read each example: what they are before and after the judges were asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from mmrad_eval.core.members import complete

if TYPE_CHECKING:
    from mmrad_eval.core.contracts import Column, Corpus, FloatArray, Metric
    from mmrad_eval.core.judge_contracts import AskJudge, JudgeMetric, JudgingMetric, Verdict
    from mmrad_eval.core.values import Card, Decoding, Example

WHAT, REMEDY = (
    "it asks a judge model",
    "name one with `mmrad-eval run --judge MODEL`, or `mmrad-eval score RUN --judge MODEL`",
)
"""Why such a metric is missing where nobody was asked, and the way out."""


def asks(metric: object) -> bool:
    """Whether a metric puts questions to judges."""
    asked = getattr(metric, "question", None) or getattr(metric, "judge", None)
    return callable(asked) and callable(getattr(metric, "judged", None))


def judging(metric: Metric, cards: Mapping[str, Card] | None = None) -> JudgingMetric:
    """A metric that asks, in the form of several questions; one of a single question is the special case.

    ``cards`` are those of its judges by part, where they are known.
    """
    from mmrad_eval.core.judge_contracts import JudgeMetric, JudgingMetric

    if callable(getattr(metric, "judge", None)):
        made = cast("JudgingMetric", complete(metric, JudgingMetric))
        return made if cards is None else complete(made.for_judges(cards), JudgingMetric)
    return _OneQuestion(complete(metric, JudgeMetric))


class _OneQuestion:
    """A metric of one question, as one of several."""

    parts: Sequence[str] = ()

    def __init__(self, metric: JudgeMetric) -> None:
        self._metric = metric
        self.decoding: Decoding = metric.decoding

    def for_judges(self, cards: Mapping[str, Card]) -> JudgingMetric:
        """Itself."""
        return self

    def most(self, example: Example) -> int:
        """One, or none."""
        return 1 if self._metric.question(example) else 0

    async def judge(self, example: Example, ask: AskJudge) -> Verdict:
        """The text of the reply; Failed where the judge declined, since this form has no word for that."""
        from mmrad_eval.core.errors import Failed
        from mmrad_eval.core.judge_contracts import Verdict, declined

        messages = self._metric.question(example)
        if not messages:
            return Verdict(state="nothing")
        reply = await ask(messages)
        if why := declined(reply):
            raise Failed(why)
        return Verdict(reply.text)

    def judged(self, said: Mapping[str, Verdict]) -> Metric:
        """The metric with the texts."""
        return self._metric.judged({study: one.value for study, one in said.items() if one.state != "nothing"})


class JudgedMetric:
    """A metric with all that its judges wrote; its signature names them.

    Where each example was judged several times, a column is the mean over the repeats of the column's value, and a
    column ``... spread`` beside it their standard deviation (n - 1). The statistics of all repeats are resampled
    together, so the interval holds what the judge varies.
    """

    requires: Sequence[str]

    def __init__(self, metric: JudgingMetric, said: Sequence[Mapping[str, Verdict]], judge: str) -> None:
        """``said``: verdicts by study id, one mapping a repeat; ``judge``: who wrote, without blanks or ``|``."""
        self._metrics = [metric.judged(one) for one in said]
        self._said = said
        self._judge = judge
        first = self._metrics[0]
        self.name: str = first.name
        self.requires = first.requires
        self._inner = len(first.columns)
        several = len(said) > 1
        self._spread = [i for i, column in enumerate(first.columns) if several and column.better]
        self.columns: Sequence[Column] = (*first.columns, *(_spread(first.columns[i]) for i in self._spread))
        of = (f" of repeat {i + 1}" if several else "" for i in range(len(said)))
        self.statistics: Sequence[str] = [f"{name}{repeat}" for repeat in of for name in first.statistics]

    def verdicts(self, study: str) -> list[Verdict]:
        """What came of the questions about a study, one a repeat; empty where none was judged."""
        return [one[study] for one in self._said if study in one]

    def fit(self, corpus: Corpus) -> Any:
        """The metric's own; repeats share it, since it holds what is known of the corpus alone."""
        contexts = [metric.fit(corpus) for metric in self._metrics]
        return contexts[0]

    def signature(self, context: Any) -> str:
        """The metric's own, and who judged, how often, before its version."""
        words, mark, version = self._metrics[0].signature(context).rpartition("|")
        repeats = f"|repeats:{len(self._metrics)}" if len(self._metrics) > 1 else ""
        return f"{words}{mark}judge:{self._judge}{repeats}|{version}"

    def measure(self, examples: Sequence[Example], context: Any) -> FloatArray:
        """(n, repeats * k) the metric's own statistics, repeat after repeat."""
        import numpy as np

        return np.concatenate([m.measure(examples, context) for m in self._metrics], axis=1, dtype=np.float64)

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., repeats * k and those required) to (..., columns and their spreads)."""
        import numpy as np

        k = len(self._metrics[0].statistics)
        required = sums[..., k * len(self._metrics) :]
        columns = np.stack(
            [
                np.asarray(m.reduce(np.concatenate([sums[..., k * i : k * (i + 1)], required], axis=-1)), np.float64)
                for i, m in enumerate(self._metrics)
            ]
        )
        if len(columns) == 1:
            only: FloatArray = columns[0]
            return only
        spread = columns[..., self._spread].std(axis=0, ddof=1)
        return np.concatenate([columns.mean(axis=0), spread], axis=-1)


def _spread(column: Column) -> Column:
    from mmrad_eval.core.contracts import Column

    return Column(f"{column.name} spread", column.profile, better="")
