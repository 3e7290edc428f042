"""Facts of a text: what it says is present, absent or uncertain, where, how much, and whether it changed."""

from __future__ import annotations

from functools import lru_cache

from mmrad_eval.core.values import Value
from mmrad_eval.metrics.facts.lexicon import Status, lexicon
from mmrad_eval.metrics.facts.qualifiers import qualify
from mmrad_eval.metrics.facts.scope import Mention, SentenceReading, read
from mmrad_eval.metrics.facts.sentences import sentences

VERSION = "rules-5"
"""Name and version of this extractor, for signatures; it changes when any text may be read differently."""

_SENTENCES = 1 << 15
"""Distinct sentences that are remembered: reports repeat themselves."""

_TEXTS = 1 << 12
"""Distinct texts whose facts are remembered: a reference is read beside every system, and for every arm."""


class Fact(Value, frozen=True, gc=False):
    """One statement of a text."""

    concept: str
    status: Status
    side: str = ""
    """``left``, ``right``, ``both``; empty where nothing is said."""
    zone: str = ""
    """``apical``, ``upper``, ``mid``, ``lower``, ``perihilar``, ``several``; empty where nothing is said."""
    category: str = "other"
    """Region category, as traces use it: ``heart_mediastinum``, ``lungs``, ``pleura_diaphragm``, ``bones``,
    ``abdomen``, ``devices``, ``other``."""
    severity: str = ""
    """``minimal``, ``mild``, ``moderate``, ``severe``; empty where nothing is said."""
    change: str = ""
    """Since the last image: ``new``, ``worse``, ``same``, ``better``, ``gone``; empty where nothing is said."""
    span: tuple[int, int] = (0, 0)
    """Offsets of the words in the text."""


@lru_cache(maxsize=_TEXTS)
def extract(text: str) -> tuple[Fact, ...]:
    """The facts of a text, in order; structures that are only said to be as before state none."""
    words = lexicon()
    found: list[Fact] = []
    for start, sentence in sentences(text, words):
        for fact in facts_of(sentence):
            first, last = fact.span
            found.append(
                Fact(
                    fact.concept,
                    fact.status,
                    fact.side,
                    fact.zone,
                    fact.category,
                    fact.severity,
                    fact.change,
                    (first + start, last + start),
                )
            )
    return tuple(found)


def mentions(sentence: str) -> tuple[Mention, ...]:
    """All mentions of one sentence with what they ask of labels, in order."""
    return remembered(sentence).mentions


def facts_of(sentence: str) -> tuple[Fact, ...]:
    """The facts of one sentence, in order; spans count in the sentence."""
    return remembered(sentence).facts()


class RememberedSentence:
    """A sentence that labels and facts share: read once, and qualified once somebody asks for its facts."""

    __slots__ = ("_facts", "_reading", "mentions")

    def __init__(self, sentence: str) -> None:
        reading = read(sentence, lexicon())
        self.mentions = tuple(reading.mentions)
        self._reading: SentenceReading | None = reading if reading.mentions else None
        self._facts: tuple[Fact, ...] = ()

    def facts(self) -> tuple[Fact, ...]:
        """Its facts, in order."""
        reading = self._reading
        if reading is not None:
            self._facts = _facts(reading)
            self._reading = None
        return self._facts


@lru_cache(maxsize=_SENTENCES)
def remembered(sentence: str) -> RememberedSentence:
    """The sentence, from memory where it was read before."""
    return RememberedSentence(sentence)


def _facts(reading: SentenceReading) -> tuple[Fact, ...]:
    return tuple(
        Fact(m.meaning.concept, m.status, q.side, q.zone, m.meaning.category, q.severity, q.change, (m.start, m.end))
        for m, q in zip(reading.mentions, qualify(reading, lexicon()), strict=True)
        if m.status is not None
    )
