"""Does the report follow from the trace? Self-consistency, its chance level and its ceiling.

Consistency is not faithfulness: a wrong trace and a report that repeats it are consistent, so the trace's own accuracy
(``trace@...``) belongs beside it. For evidence that the task gave (``copy@...``) the same numbers measure copying.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from mmrad_eval.core.contracts import Column, Corpus, FloatArray
from mmrad_eval.core.values import Example, Target, Trace
from mmrad_eval.metrics.consistency.donors import ChanceDonor, donors, donors_digest
from mmrad_eval.metrics.consistency.matching import VERSION, Compared, compare
from mmrad_eval.metrics.consistency.statements import Statement, statements, trace_facts, words_of
from mmrad_eval.metrics.facts.extractors import Extractor, extractor
from mmrad_eval.metrics.facts.labels import label_many
from mmrad_eval.metrics.labelf1 import POSITIVE, UNCERTAIN
from mmrad_eval.metrics.sums import by_name

if TYPE_CHECKING:
    from mmrad_eval.metrics.suites import Setup

Which = Literal["own", "given"]
"""The trace that the model wrote, or the evidence that the task showed."""

_VERDICTS = ("supported", "partial", "contradicted", "unsupported")
_FATES = ("carried", "contradicted", "omitted")
STATISTICS: tuple[str, ...] = (
    *(f"{of}: report {verdict}" for of in ("abnormal", "all") for verdict in _VERDICTS),
    *(f"{of}: trace {fate}" for of in ("abnormal", "all") for fate in _FATES),
    "abnormal: overspecified",
    "chance: report supported",
    "chance: trace carried",
    "chance: trace",
    "ceiling: report supported",
    "ceiling: report",
    "ceiling: trace carried",
    "ceiling: trace",
    "labels in both",
    "labels in either",
    "defined",
    "with trace",
    "studies",
)
"""Counts of statements of a study; ``defined``: report or trace says something abnormal."""


@dataclass(frozen=True)
class SelfConsistencyFit:
    """Whose trace stands in for chance, by study id, and what of a report is held against traces."""

    donors: dict[str, ChanceDonor]
    digest: str
    target: Target


class SelfConsistency:
    """Statistics of a study, (27,) float64: see STATISTICS."""

    requires: Sequence[str] = ()
    languages: AbstractSet[str] = frozenset({"en"})
    statistics: Sequence[str] = STATISTICS

    def __init__(self, name: str, extract: Extractor, which: Which) -> None:
        self.name, self.extract, self.which = name, extract, which
        head = "" if which == "own" else "Copy "
        profile = extract.name
        self.columns: Sequence[Column] = (
            Column(f"{head}SC", profile, best=1.0),
            Column(f"{head}SC chance", profile, better=""),
            Column(f"{head}SC - chance", profile),
            Column(f"{head}SC ceiling", profile, better=""),
            Column(f"{head}Sup", profile, best=1.0),
            Column(f"{head}Par", profile, better="lower"),
            Column(f"{head}Con", profile, better="lower", best=0.0),
            Column(f"{head}Uns", profile, better="lower", best=0.0),
            Column(f"{head}Car", profile, best=1.0),
            Column(f"{head}SC all", profile, best=1.0),
            Column(f"{head}Con all", profile, better="lower", best=0.0),
            Column(f"{head}LabelAgree", profile, best=1.0),
            Column(f"{head}SC defined", profile, better=""),
        )

    def fit(self, corpus: Corpus) -> SelfConsistencyFit:
        """Choose for every study the other patient whose reference trace is its chance level."""
        chosen = donors(corpus, self.extract)
        digest = donors_digest({study: donor.study for study, donor in chosen.items()})
        return SelfConsistencyFit(chosen, digest, corpus.target)

    def signature(self, context: SelfConsistencyFit) -> str:
        """What of a report, which facts, which trace, how matched, and who stands in for chance."""
        kind = "self-consistency" if self.which == "own" else "copy-consistency"
        read = f"target:{context.target}|facts:{self.extract.signature}"
        return f"{kind}|{read}|match:{VERSION}|donors:{context.digest}|v1"

    def measure(self, examples: Sequence[Example], context: SelfConsistencyFit) -> FloatArray:
        """(n, 27) counts."""
        none = Trace()
        own = [self._trace(e) for e in examples]
        traces = trace_facts([t or none for t in own], self.extract)
        golds = trace_facts([e.study.trace or none for e in examples], self.extract)
        reports = self.extract([e.candidate for e in examples])
        references = self.extract([e.reference or "" for e in examples])
        agree = _labels([_words(t) for t in own], [e.candidate for e in examples])
        rows = np.zeros((len(examples), len(STATISTICS)))
        for i, example in enumerate(examples):
            report, trace = statements(reports[i]), statements(traces[i])
            counts = _counted(report, trace)
            if (donor := context.donors.get(example.study.id)) is not None:
                counts |= _against("chance", report, donor.statements)
            if example.study.trace is not None and example.reference is not None:
                counts |= _against("ceiling", statements(references[i]), statements(golds[i]))
            counts["labels in both"], counts["labels in either"] = agree[i]
            counts["defined"] = float(any(s.abnormal for s in (*report, *trace)))
            counts["with trace"] = float(own[i] is not None)
            counts["studies"] = 1.0
            rows[i] = [counts.get(name, 0.0) for name in STATISTICS]
        return rows

    def reduce(self, sums: FloatArray) -> FloatArray:
        """(..., 27) summed counts to (..., 13) columns; nan where no trace was written, or nothing abnormal said."""
        at = by_name(STATISTICS, np.asarray(sums, np.float64))

        def shares(of: str) -> tuple[FloatArray, dict[str, FloatArray]]:
            said = at(*(f"{of}: report {verdict}" for verdict in _VERDICTS))
            return said, {verdict: _share(at(f"{of}: report {verdict}"), said) for verdict in _VERDICTS}

        said, share = shares("abnormal")
        said_all, share_all = shares("all")
        thought = at(*(f"abnormal: trace {fate}" for fate in _FATES))
        thought_all = at(*(f"all: trace {fate}" for fate in _FATES))
        carried = _share(at("abnormal: trace carried"), thought)
        sc = _harmonic(at("abnormal: report supported"), said, at("abnormal: trace carried"), thought)
        chance = _harmonic(at("chance: report supported"), said, at("chance: trace carried"), at("chance: trace"))
        chance = np.where(at("chance: trace") + at("chance: report supported") > 0, chance, np.nan)
        ceiling = _harmonic(*(at(f"ceiling: {n}") for n in ("report supported", "report", "trace carried", "trace")))
        everything = _harmonic(at("all: report supported"), said_all, at("all: trace carried"), thought_all)
        agree = _share(at("labels in both"), at("labels in either"))
        defined = _share(at("defined"), at("studies"))
        written = [sc, chance, sc - chance, ceiling, share["supported"], share["partial"], share["contradicted"]]
        written += [share["unsupported"], carried, everything, share_all["contradicted"], agree, defined]
        return np.where(at("with trace")[..., None] > 0, np.stack(written, axis=-1), np.nan)

    def _trace(self, example: Example) -> Trace | None:
        if self.which != "own":
            return example.answer.shown
        return example.answer.trace.reasoned() if example.answer.trace else None


def consistency(setup: Setup) -> SelfConsistency:
    """``consistency@rules`` and its like."""
    return SelfConsistency(setup.name, extractor(setup.name.partition("@")[2], setup), "own")


def copying(setup: Setup) -> SelfConsistency:
    """``copy@rules`` and its like."""
    return SelfConsistency(setup.name, extractor(setup.name.partition("@")[2], setup), "given")


def _counted(report: Sequence[Statement], trace: Sequence[Statement]) -> dict[str, float]:
    compared = compare(report, trace)
    counts: dict[str, float] = {}
    for statement, judged in zip(report, compared.report, strict=True):
        _add(counts, statement, f"report {judged.verdict}")
        if statement.abnormal and judged.why == "overspecified":
            counts["abnormal: overspecified"] = counts.get("abnormal: overspecified", 0.0) + 1
    for statement, fate in zip(trace, compared.trace, strict=True):
        _add(counts, statement, f"trace {fate}")
    return counts


def _add(counts: dict[str, float], statement: Statement, what: str) -> None:
    for of in ("abnormal", "all") if statement.abnormal else ("all",):
        counts[f"{of}: {what}"] = counts.get(f"{of}: {what}", 0.0) + 1


def _against(what: str, report: Sequence[Statement], trace: Sequence[Statement]) -> dict[str, float]:
    """The counts that SC needs of another pair of texts; abnormal statements alone."""
    compared: Compared = compare(report, trace)
    said = [j.verdict for s, j in zip(report, compared.report, strict=True) if s.abnormal]
    fates = [f for s, f in zip(trace, compared.trace, strict=True) if s.abnormal]
    counts = {
        f"{what}: report supported": float(said.count("supported")),
        f"{what}: report": float(len(said)),
        f"{what}: trace carried": float(fates.count("carried")),
        f"{what}: trace": float(len(fates)),
    }
    return {name: value for name, value in counts.items() if name in STATISTICS}


def _words(trace: Trace | None) -> str:
    return words_of(trace) or (trace.text if trace else "")


def _labels(traces: Sequence[str], reports: Sequence[str]) -> FloatArray:
    """(n, 2) observations that are positive or uncertain in both texts, and in either. No Finding is none."""
    from mmrad_eval.metrics.labelf1 import LABELS

    keep = [i for i, name in enumerate(LABELS) if name != "No Finding"]
    a, b = (np.isin(label_many(texts)[:, keep], [POSITIVE, UNCERTAIN]) for texts in (traces, reports))
    return np.column_stack([(a & b).sum(axis=1), (a | b).sum(axis=1)]).astype(np.float64)


def _share(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Part of whole; nan where the whole is empty."""
    share: FloatArray = np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0)
    return share


def _harmonic(supported: FloatArray, said: FloatArray, carried: FloatArray, thought: FloatArray) -> FloatArray:
    """The harmonic mean of two shares; 0 where only one side says something, nan where neither does."""
    a = np.divide(supported, said, out=np.zeros(np.shape(said)), where=said > 0)
    b = np.divide(carried, thought, out=np.zeros(np.shape(thought)), where=thought > 0)
    mean = np.divide(2 * a * b, a + b, out=np.zeros(np.shape(a)), where=a + b > 0)
    return np.where(said + thought > 0, mean, np.nan)
