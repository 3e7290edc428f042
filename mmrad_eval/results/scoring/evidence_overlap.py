"""How much of the references the words of their own traces hold: ROUGE-L(T*, R*).

Traces of such data are written from the reference reports. A model that copies the words it is shown scores about this
much, so the number stands under every table of given evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from mmrad_eval.core.contracts import Corpus, FloatArray
from mmrad_eval.core.values import Answer, Example, Report, Step, Study, Target, Trace
from mmrad_eval.metrics import suite
from mmrad_eval.metrics.consistency.statements import words_of
from mmrad_eval.results.scoring.measure import measure_examples

MOST = 1000
"""Studies that a note is over: of more, as many from beginning to end. The standard error of their mean is about .005
where ROUGE-L spreads by .15 over studies."""
METRIC = "rouge@r2gen-mimic"
NAME = "ROUGE-L(T*, R*)"
STATED = "Leak of "
"""How the note of a dataset begins that states what its traces hold of its reports; it stands under every table."""


def traced(studies: Sequence[Study], target: Target) -> list[Study]:
    """The studies that have both a reference for the target and words of a reference trace."""
    return [s for s in studies if s.reference and s.reference.target(target) and words_of(s.trace)]


def overlap(studies: Sequence[Study], target: Target) -> FloatArray:
    """(n, 2) ROUGE-L of trace and reference of each study, and 1; every study has both."""
    examples = [
        Example(study, Answer(study.id, "ok", report=Report(words_of(study.trace))), target) for study in studies
    ]
    (rouge,) = measure_examples(suite([METRIC]), Corpus(studies, target=target), examples)
    return rouge.statistics


def note(studies: Sequence[Study], target: Target) -> str:
    """One line for tables of given evidence; empty where no study has a trace."""
    both = traced(studies, target)
    if not both:
        return ""
    count = min(len(both), MOST)
    chosen = [both[place * len(both) // count] for place in range(count)]
    pairs = tuple((words_of(s.trace), s.reference.target(target) or "") for s in chosen if s.reference)
    value = _mean(pairs)
    said = f"{value:.3f} over {count:,}" if count == len(both) else f"{value:.2f} over {count:,} of {len(both):,}"
    return f"{NAME} {said} studies: how much of the reference text the evidence already contains."


@lru_cache(maxsize=4)
def _mean(pairs: tuple[tuple[str, str], ...]) -> float:
    """Mean ROUGE-L of (words of a trace, reference): the same for all runs that one process scores."""
    studies = [
        Study(str(i), reference=Report(said, findings=said), trace=Trace((Step(text=words),)))
        for i, (words, said) in enumerate(pairs)
    ]
    total, n = overlap(studies, "findings").sum(axis=0)
    return float(total / n)
