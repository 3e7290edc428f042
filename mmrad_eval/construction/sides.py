"""Sides by words alone: does the sentence of the report that says the same say it of the other side?

Facts know the sides of findings in their vocabulary. A catheter, a stent or a word that nobody listed has a side too:
the sentences of the report that share most words with a statement are asked for theirs.
"""

from __future__ import annotations

import re
from functools import lru_cache

from mmrad_eval.datasets.words import among
from mmrad_eval.metrics.facts.sentences import cut

ENOUGH = 0.6
"""Share of a statement's words that a sentence of the report has where it says the same."""
NEAR = 0.15
"""Sentences whose shares are this near to the best one are asked too."""
_WORD = re.compile(r"[a-z]{3,}")
_SIDES = {"left": "left", "right": "right", "bilateral": "both", "bilaterally": "both", "both": "both"}
_SMALL = among("the and are was were with for has have been there this that its from into not seen noted")


@lru_cache(maxsize=8)
def _sentences(report: str) -> tuple[tuple[frozenset[str], str], ...]:
    """Content words and side of each sentence of a report; of the report at hand, which has many statements."""
    return tuple((_content(sentence), _side(sentence)) for _, sentence in cut(report))


def crossed(text: str, report: str) -> bool:
    """Whether the text has one side, and what says the same in the report has the other side alone."""
    side = _side(text)
    words = _content(text)
    if side not in {"left", "right"} or not words:
        return False
    shares = [(len(words & theirs) / len(words), found) for theirs, found in _sentences(report)]
    best = max((share for share, _ in shares), default=0.0)
    if best < ENOUGH:
        return False
    sides = {found for share, found in shares if share >= best - NEAR}
    return sides == {"left" if side == "right" else "right"}


def _side(text: str) -> str:
    """The side that a text names; ``both`` where it names both, empty where none."""
    found = {_SIDES[word] for word in _WORD.findall(text.lower()) if word in _SIDES}
    return "" if not found else found.pop() if len(found) == 1 else "both"


def _content(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.lower())) - _SMALL - _SIDES.keys()
