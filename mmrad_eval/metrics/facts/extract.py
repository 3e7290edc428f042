"""Facts of a text: what it says is present, absent or uncertain, where, how much, and whether it changed."""

from __future__ import annotations

from functools import lru_cache

from mmrad_eval.core.values import Value
from mmrad_eval.metrics.facts.lexicon import Status, lexicon
from mmrad_eval.metrics.facts.qualifiers import qualify
from mmrad_eval.metrics.facts.scope import Mention, read
from mmrad_eval.metrics.facts.sentences import sentences

VERSION = "rules-5"
"""Name and version of this extractor, for signatures; it changes when any text may be read differently."""

_SENTENCES = 1 << 14
"""Distinct sentences that are remembered: reports repeat themselves."""


class Fact(Value, frozen=True):
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


@lru_cache(maxsize=_SENTENCES)
def mentions(sentence: str) -> tuple[Mention, ...]:
    """All mentions of one sentence with what they ask of labels, in order."""
    return tuple(read(sentence, lexicon()).mentions)


@lru_cache(maxsize=_SENTENCES)
def facts_of(sentence: str) -> tuple[Fact, ...]:
    """The facts of one sentence, in order; spans count in the sentence."""
    words = lexicon()
    reading = read(sentence, words)
    if not reading.mentions:
        return ()
    return tuple(
        Fact(m.meaning.concept, m.status, q.side, q.zone, m.meaning.category, q.severity, q.change, (m.start, m.end))
        for m, q in zip(reading.mentions, qualify(reading, words), strict=True)
        if m.status is not None
    )
