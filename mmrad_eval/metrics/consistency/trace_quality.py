"""How true a trace is: its facts against those of the reference, per category of region.

``trace@strict`` and ``trace@lenient`` compare with the reference trace; lenient counts a denial that the reference
does not mention as correct (as RadRScore does). ``trace@report`` compares with the reference report instead, leniently,
which takes the style of the trace's writer out.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import numpy as np

from mmrad_eval.core.contracts import Column, Corpus, FloatArray
from mmrad_eval.core.values import Example, Target, Trace
from mmrad_eval.metrics.consistency.matching import VERSION, compare
from mmrad_eval.metrics.consistency.statements import Statement, statements, trace_facts
from mmrad_eval.metrics.facts.extractors import Extractor, extractor
from mmrad_eval.metrics.sums import ratio

if TYPE_CHECKING:
    from mmrad_eval.metrics.suites import Setup

CATEGORIES = ("heart_mediastinum", "lungs", "pleura_diaphragm", "bones", "abdomen", "devices", "other")
"""Of facts, by their concept, so that it does not matter in which step something is said."""
Against = Literal["strict", "lenient", "report"]

_COUNTS = ("right", "said", "found", "wanted", "contradicted")
"""Statements of the trace that the reference supports, of the trace; of the reference that the trace supports, of the
reference; of the trace that the reference contradicts."""
STATISTICS: tuple[str, ...] = (
    *(f"{of} {category}: {count}" for of in ("all", "abnormal") for category in CATEGORIES for count in _COUNTS),
    "defined",
    "with trace",
    "studies",
)
_GROUPS = 2 * len(CATEGORIES) * len(_COUNTS)


class TraceQuality:
    """Statistics of a study, (73,) float64: see STATISTICS. Zeros where the reference says nothing."""

    requires: Sequence[str] = ()
    languages: AbstractSet[str] = frozenset({"en"})
    statistics: Sequence[str] = STATISTICS

    def __init__(self, name: str, extract: Extractor, against: Against) -> None:
        self.name, self.extract, self.against = name, extract, against
        profile = f"{extract.name}, {against}"
        self.columns: Sequence[Column] = (
            Column("Trace P", profile, best=1.0),
            Column("Trace R", profile, best=1.0),
            Column("Trace F1", profile, best=1.0),
            Column("Trace F1 macro", profile, best=1.0),
            Column("Trace contradicted", profile, better="lower", best=0.0),
            Column("Trace P abnormal", profile, best=1.0),
            Column("Trace R abnormal", profile, best=1.0),
            Column("Trace F1 abnormal", profile, best=1.0),
            *(Column(f"Trace F1 {category}", profile, best=1.0) for category in CATEGORIES),
            Column("Trace defined", profile, better=""),
        )

    def fit(self, corpus: Corpus) -> Target:
        """What of a report it may be compared with; nothing else is needed of the corpus."""
        return corpus.target

    def signature(self, context: Target) -> str:
        """Which facts, against what, how matched."""
        against = f"report|target:{context}" if self.against == "report" else self.against
        return f"trace-quality|facts:{self.extract.signature}|against:{against}|match:{VERSION}|v1"

    def measure(self, examples: Sequence[Example], context: Any) -> FloatArray:
        """(n, 73) counts."""
        none = Trace()
        own = [e.answer.trace.reasoned() if e.answer.trace else None for e in examples]
        traces = trace_facts([trace or none for trace in own], self.extract)
        if self.against == "report":
            golds = self.extract([e.reference or "" for e in examples])
        else:
            golds = trace_facts([e.study.trace or none for e in examples], self.extract)
        rows = np.zeros((len(examples), len(STATISTICS)))
        for row, written, trace, gold in zip(rows, own, traces, golds, strict=True):
            row[-1] = 1.0
            if gold:
                row[:_GROUPS] = self._counted(statements(trace), statements(gold)).ravel()
                row[_GROUPS] = 1.0
                row[_GROUPS + 1] = float(written is not None)
        return rows

    def _counted(self, trace: Sequence[Statement], gold: Sequence[Statement]) -> FloatArray:
        """(2, categories, 5)."""
        counts = np.zeros((2, len(CATEGORIES), len(_COUNTS)))
        for said, judged in zip(trace, compare(trace, gold).report, strict=True):
            lenient = self.against != "strict" and judged.verdict == "unsupported" and not said.abnormal
            right = judged.verdict == "supported" or lenient
            _add(counts, said, right=float(right), said=1.0, contradicted=float(judged.verdict == "contradicted"))
        for wanted, judged in zip(gold, compare(gold, trace).report, strict=True):
            _add(counts, wanted, found=float(judged.verdict == "supported"), wanted=1.0)
        return counts

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., 73) summed counts to (..., 16) columns; nan where no trace was written, or nothing was to be found."""
        sums = np.asarray(sums, np.float64)
        counts = sums[..., :_GROUPS].reshape(*sums.shape[:-1], 2, len(CATEGORIES), len(_COUNTS))
        each = _f1(counts[..., 0, :, :])
        wanted = counts[..., 0, :, 3] > 0
        total, abnormal = counts[..., 0, :, :].sum(-2), counts[..., 1, :, :].sum(-2)
        macro = np.divide(
            np.where(wanted, each, 0.0).sum(-1),
            wanted.sum(-1),
            out=np.full(wanted.shape[:-1], np.nan),
            where=wanted.any(-1),
        )
        columns = [
            *_precision_recall(total),
            _f1(total),
            macro,
            ratio(total[..., 4], total[..., 1]),
            *_precision_recall(abnormal),
            _f1(abnormal),
            *np.moveaxis(np.where(wanted, each, np.nan), -1, 0),
            ratio(sums[..., -3], sums[..., -1]),
        ]
        asked = (sums[..., -2] > 0)[..., None]
        return np.where(asked, np.stack(columns, axis=-1), np.nan)


def trace_quality(setup: Setup) -> TraceQuality:
    """``trace@strict``, ``trace@lenient`` and ``trace@report``; option ``facts`` names the extractor."""
    against = cast("Against", setup.name.partition("@")[2])
    assert against in get_args(Against), setup.name
    name = setup.option("facts", "rules", ("rules", "radgraph", "chexbert"))
    return TraceQuality(setup.name, extractor(name, setup), against)


def _add(counts: FloatArray, statement: Statement, **values: float) -> None:
    category = statement.fact.category if statement.fact.category in CATEGORIES else "other"
    for of in (0, 1) if statement.abnormal else (0,):
        for name, value in values.items():
            counts[of, CATEGORIES.index(category), _COUNTS.index(name)] += value


def _precision_recall(counts: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(..., 5) counts to precision (0 of a trace that says nothing) and recall (nan where nothing is to be found)."""
    recall = np.where(counts[..., 3] > 0, ratio(counts[..., 2], counts[..., 3]), np.nan)
    return np.where(counts[..., 3] > 0, ratio(counts[..., 0], counts[..., 1]), np.nan), recall


def _f1(counts: FloatArray) -> FloatArray:
    precision, recall = ratio(counts[..., 0], counts[..., 1]), ratio(counts[..., 2], counts[..., 3])
    f1 = ratio(2 * precision * recall, precision + recall)
    return np.where(counts[..., 3] > 0, f1, np.nan)
