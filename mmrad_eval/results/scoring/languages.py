"""Languages in scoring: references that a metric can't read, and replies in a language other than their reference's."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from mmrad_eval.core.contracts import Corpus, LanguageBound, Metric
from mmrad_eval.core.values import Example, Report
from mmrad_eval.metrics.language import UNDECIDED, differ, language, named, unavailable

REMEDY = "--metrics bleu,rouge,cider reads any language"
WRONG = "wrong language"
"""The event of a reply that is not in the language of its reference."""
NOT_READ = "language not read"
"""The event of a reference in a language that some metric of the run does not read."""
_TOGETHER = 64
"""Short references that are read as one text."""
_LOOKED_AT = 4096
"""References that are searched for short ones."""
_SHORT = 4
"""Words of a reference that tells its language less surely than its corpus does."""


@dataclass(frozen=True)
class ReferenceLanguages:
    """How the language of a reference is found: one that is short is taken for what these say together.

    Ten times "Cardiomegalia." is Spanish.
    """

    short: str = UNDECIDED
    """The code of the short references of the corpus."""

    def of(self, reference: str | None) -> str:
        """The code of one reference; UNDECIDED where neither it nor its corpus tells."""
        if not reference:
            return UNDECIDED
        alone = language(reference)
        return (self.short or alone) if _is_short(reference, alone) else alone


@dataclass
class LanguageTally:
    """What was seen of languages while examples were measured, for the notes of a scoring."""

    wrong: list[tuple[str, str, str]] = field(default_factory=list)
    """Study, the code that its report is in, and that of its reference."""
    unread: dict[AbstractSet[str], dict[str, str]] = field(default_factory=dict)
    """What a metric reads -> study -> the code of a reference that it left out."""

    def add(self, other: LanguageTally) -> None:
        """Take in what was seen in another part of the examples."""
        self.wrong += other.wrong
        for languages, codes in other.unread.items():
            self.unread.setdefault(languages, {}).update(codes)

    def events(self) -> Counter[str]:
        """Event -> studies in which it was seen."""
        unread = set().union(*self.unread.values())
        return +Counter({WRONG: len(self.wrong), NOT_READ: len(unread)})

    def notes(self) -> list[str]:
        """One sentence for each thing that a reader of the numbers must know."""
        said = []
        if self.wrong:
            study, wrote, meant = self.wrong[0]
            said.append(
                f"{WRONG}: {_counted(len(self.wrong), 'report')} in a language other than the reference's and scored "
                f"as empty, such as {study} ({named(wrote)}, its reference {named(meant)})."
            )
        for languages, codes in self.unread.items():
            others, ours = _listed(set(codes.values())), _listed(languages)
            said.append(f"{_counted(len(codes), 'reference')} in {others}, which metrics that read {ours} leave out.")
        if unavailable():
            said.append("Languages are not distinguished: py3langid is not installed; pip install mmrad-eval.")
        return said


def spoken(corpus: Corpus) -> ReferenceLanguages:
    """How languages are found in this corpus."""
    short: dict[str, None] = {}
    for text in itertools.islice(_references(corpus), _LOOKED_AT):
        if _is_short(text, language(text)):
            short[text] = None
        if len(short) == _TOGETHER:
            break
    return ReferenceLanguages(language(" ".join(short)) if len(short) > 1 else UNDECIDED)


def unread_by(metric: Metric, corpus: Corpus, languages: ReferenceLanguages) -> str:
    """Why a metric is left out: it does not read the language of most references. Empty: it does."""
    if not isinstance(metric, LanguageBound) or not metric.languages:
        return ""
    found = Counter(languages.of(text) for text in _references(corpus))
    others = Counter({code: n for code, n in found.items() if code not in {UNDECIDED, *metric.languages}})
    if 2 * others.total() <= found.total():
        return ""
    how_many = f"{others.total():,} of {found.total():,} references"
    return f"it reads {_listed(metric.languages)}, and {how_many} are in {_listed(others)}"


def heard(examples: Sequence[Example], languages: ReferenceLanguages, tally: LanguageTally) -> list[Example]:
    """The examples, with an empty report in place of each that is in another language than its reference."""
    return [_heard(example, languages, tally) for example in examples]


def unread(
    metric: Metric, examples: Sequence[Example], languages: ReferenceLanguages, tally: LanguageTally
) -> NDArray[np.bool_]:
    """(n,) whether the metric can't read the reference; such a study counts for nothing in it."""
    if not isinstance(metric, LanguageBound) or not metric.languages:
        return np.zeros(len(examples), dtype=np.bool_)
    codes = [languages.of(example.reference) for example in examples]
    out = [code not in {UNDECIDED, *metric.languages} for code in codes]
    if any(out):
        left_out = {e.study.id: code for e, code, skipped in zip(examples, codes, out, strict=True) if skipped}
        tally.add(LanguageTally(unread={metric.languages: left_out}))
    return np.array(out, dtype=np.bool_)


def _heard(example: Example, languages: ReferenceLanguages, tally: LanguageTally) -> Example:
    candidate = example.candidate
    if not candidate:
        return example
    wrote, meant = language(candidate), languages.of(example.reference)
    if not differ(wrote, meant):
        return example
    tally.wrong.append((example.study.id, wrote, meant))
    events = {**example.answer.events, WRONG: 1}
    return msgspec.structs.replace(
        example, answer=msgspec.structs.replace(example.answer, report=Report(), events=events)
    )


def _references(corpus: Corpus) -> Iterator[str]:
    for study in corpus.scored:
        text = study.reference.target(corpus.target) if study.reference else None
        if text:
            yield text


def _is_short(text: str, code: str) -> bool:
    return code == UNDECIDED or len(text.split()) <= _SHORT


def _counted(n: int, what: str) -> str:
    return f"1 {what} is" if n == 1 else f"{n:,} {what}s are"


def _listed(codes: Iterable[str]) -> str:
    names = sorted(named(code) for code in codes)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
