"""How much of the reports the traces hold. They are written from them and corrected towards them, so it is measured."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable

from mmrad_eval.construction.records import CollectedStudy, StageLine
from mmrad_eval.core.contracts import Corpus
from mmrad_eval.core.errors import MissingError
from mmrad_eval.core.structs import Value
from mmrad_eval.core.values import Answer, Example, Report, Step, Study, Trace
from mmrad_eval.datasets import comparisons
from mmrad_eval.metrics import suite
from mmrad_eval.metrics.consistency.matching import compare
from mmrad_eval.metrics.consistency.statements import statements, trace_facts, words_of
from mmrad_eval.metrics.facts.extract import extract
from mmrad_eval.metrics.facts.extractors import rules
from mmrad_eval.metrics.language import ENGLISH, UNDECIDED, language
from mmrad_eval.results.scoring.evidence_overlap import STATED
from mmrad_eval.results.scoring.measure import measure_examples

LONG = 8
"""Words of a verbatim run that is no chance."""
ROUGE, LABELS = "rouge@r2gen-mimic", "rules@uncertain=positive"
_WORD = re.compile(r"\w+")


class Leak(Value, frozen=True, omit_defaults=False):
    """What traces hold of their reports; shares are pooled over statements, means over records."""

    records: int
    rouge: float | None
    """Mean ROUGE-L of trace and report."""
    covered: float | None
    """Share of the reports' statements that their traces support."""
    covered_abnormal: float | None
    ceiling: float | None
    """SC of reference and reference trace: the self-consistency that copying would have."""
    longest_run: int
    """Most words in a row that a trace has from its report."""
    in_long_runs: float | None
    """Share of the traces' words in runs of eight words or more."""
    copied_f1: float | None
    """Micro F1 of 14 observations where the trace is handed in as the report (``baseline:evidence``)."""
    comparing: float | None
    """Share of the traces' sentences that compare with a prior study."""

    def sentence(self, name: str) -> str:
        """One line for tables."""
        parts = [
            ("ROUGE-L(T*, R*)", self.rouge),
            ("statements of the report covered", self.covered),
            ("abnormal ones", self.covered_abnormal),
            ("words in runs of 8 or more", self.in_long_runs),
        ]
        said = ", ".join(f"{what} {value:.3f}" for what, value in parts if value is not None)
        return f"{STATED}{name}: {said or 'no reports'} (n = {self.records:,}; see its card)."


def measure(records: Iterable[tuple[StageLine, CollectedStudy]]) -> Leak:
    """The leak of a dataset."""
    facts: Counter[str] = Counter()
    words: Counter[str] = Counter()
    longest = n = 0
    studies: list[Study] = []
    for line, source in records:
        report = source.report.text
        text = " ".join(step.text for step in line.steps)
        n += 1
        sentences = [sentence for sentence, _ in comparisons.sentences(text) if sentence.strip()]
        words["comparing"] += sum(map(comparisons.compares, sentences))
        words["sentences"] += len(sentences)
        if not report.strip():
            continue
        if language(report) in {ENGLISH, UNDECIDED}:  # of other languages the rules read no facts
            facts.update(_facts(Trace(tuple(Step(region=step.phrase, text=step.text) for step in line.steps)), report))
        run, long, said = runs(text, report)
        longest = max(longest, run)
        words["long"] += long
        words["all"] += said
        studies.append(Study(line.id, reference=Report(report, findings=report), trace=Trace((Step(text=text),))))
    rouge, f1 = _columns(studies)
    covered = _share(facts["abnormal supported"], facts["abnormal"])
    carried = _share(facts["abnormal carried"], facts["abnormal of the trace"])
    both = None if covered is None or carried is None else covered + carried
    return Leak(
        records=n,
        rouge=rouge,
        covered=_share(facts["supported"], facts["all"]),
        covered_abnormal=covered,
        ceiling=None if not both or covered is None or carried is None else round(2 * covered * carried / both, 4),
        longest_run=longest,
        in_long_runs=_share(words["long"], words["all"]),
        copied_f1=f1,
        comparing=_share(words["comparing"], words["sentences"]),
    )


def _facts(trace: Trace, report: str) -> Counter[str]:
    """Statements of the report, those that the trace supports, and what of the trace's own the report carries."""
    theirs = statements(extract(report))
    mine = statements(trace_facts([trace], rules())[0])
    compared = compare(theirs, mine)
    counts: Counter[str] = Counter()
    for statement, judged in zip(theirs, compared.report, strict=True):
        for of in ("abnormal", "all") if statement.abnormal else ("all",):
            counts[of] += 1
            counts["abnormal supported" if of == "abnormal" else "supported"] += judged.verdict == "supported"
    for statement, fate in zip(mine, compared.trace, strict=True):
        counts["abnormal of the trace"] += statement.abnormal
        counts["abnormal carried"] += statement.abnormal and fate == "carried"
    return counts


def runs(text: str, report: str) -> tuple[int, int, int]:
    """(longest run of words that both have, words of the text in runs of eight or more, words of the text)."""
    mine, theirs = _WORD.findall(text.lower()), _WORD.findall(report.lower())
    places: dict[str, list[int]] = {}
    for place, word in enumerate(theirs):
        places.setdefault(word, []).append(place)
    longest = long = at = 0
    while at < len(mine):
        length = max((_common(mine, at, theirs, place) for place in places.get(mine[at], ())), default=0)
        longest = max(longest, length)
        long += length if length >= LONG else 0
        at += max(1, length)
    return longest, long, len(mine)


def _common(mine: list[str], at: int, theirs: list[str], place: int) -> int:
    length = 0
    while at + length < len(mine) and place + length < len(theirs) and mine[at + length] == theirs[place + length]:
        length += 1
    return length


def _columns(studies: list[Study]) -> tuple[float | None, float | None]:
    """(mean ROUGE-L, micro F1 of 14 observations) of traces that are handed in as reports."""
    if not studies:
        return None, None
    examples = [
        Example(study, Answer(study.id, "ok", report=Report(words_of(study.trace))), "findings") for study in studies
    ]
    return _mean(ROUGE, examples), _mean(LABELS, examples)


def _mean(name: str, examples: list[Example]) -> float | None:
    """The first column of a metric; None where it can't read the language of these reports."""
    metrics = suite([name])
    try:
        (measured,) = measure_examples(metrics, Corpus([one.study for one in examples]), examples)
    except MissingError:
        return None
    return _number(float(metrics[0].reduce(measured.statistics.sum(axis=0))[0]))


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole else None
