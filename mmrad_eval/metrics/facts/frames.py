"""Places that are named before what is said of them: "On the left, there is an effusion", "Right lung: consolidation".

Such a phrase gives its side and zone to the findings after it that state none of their own, until the next such phrase
or a denial that is joined on ("..., no pneumothorax").
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from mmrad_eval.metrics.facts.items import Item
from mmrad_eval.metrics.facts.lexicon import Role

_OPENS = frozenset(("on", "in", "at", "within", "over", "along"))
_JOINT = Role.COMMA | Role.AND | Role.OR
_SAYS = Role.FINDING | Role.VERB | Role.DENY_AFTER | Role.DOUBT_AFTER
_NO_PLACE = frozenset(
    (
        *("view", "views", "projection", "film", "films", "radiograph", "radiographs", "image", "images", "study"),
        *("exam", "lateral", "oblique", "decubitus", "setting", "context", "comparison", "patient", "than"),
    )
)
"""Words of phrases that have a side and are no place in the patient: "on the left lateral view"."""
_LONGEST, _LONGEST_BEFORE_COLON = 8, 5


@dataclass(frozen=True, slots=True)
class Frame:
    """A place: the items ``first:mark`` name it, and what follows stands under it."""

    first: int
    mark: int
    words: tuple[str, ...]


def frames(row: list[Item], text: list[str], places: Container[str]) -> list[Frame]:
    """The places of a sentence, in order; ``places``: words of sides and zones."""
    found: list[Frame] = []
    for k, item in enumerate(row):
        if not item.roles & (Role.COMMA | Role.COLON):
            continue
        if found and found[-1].mark < k and _goes_on(row, found[-1].mark, k, text, places):
            last = found.pop()
            found.append(Frame(last.first, k, (*last.words, *text[row[last.mark].last : item.first])))
        elif (frame := _frame(row, k, text, earlier=bool(found))) is not None:
            found.append(frame)
    return found


def stands_under(row: list[Item], at: int, found: list[Frame]) -> tuple[str, ...]:
    """The words of the place that an item stands under; none where there is none, or it is over."""
    frame = next((frame for frame in reversed(found) if frame.mark < at), None)
    if frame is None:
        return ()
    said = False
    for k in range(frame.mark + 1, at):
        if row[k].roles & _JOINT and said and row[k + 1].roles & Role.DENY_AFTER:
            return ()
        said |= bool(row[k].roles & Role.FINDING)
    return frame.words


def _goes_on(row: list[Item], mark: int, k: int, text: list[str], places: Container[str]) -> bool:
    """Whether a list of places goes on after its comma: "in the right upper lobe, left upper lobe and lingula, ..."."""
    between = row[mark + 1 : k]
    begins = bool(between) and text[between[0].first] in places
    return begins and not any(item.roles & _SAYS for item in between)


def _frame(row: list[Item], k: int, text: list[str], *, earlier: bool) -> Frame | None:
    """The place that ends at a comma or a colon, if what stands before it is one."""
    i = k
    while i and not row[i - 1].roles & (Role.COMMA | Role.COLON | Role.STOP):
        i -= 1
        if text[row[i].first] in _OPENS:
            break
    words = tuple(text[row[i].first : row[k].first])
    if not words or len(words) > _LONGEST or any(item.roles & _SAYS for item in row[i:k]):
        return None
    if not _NO_PLACE.isdisjoint(words):
        return None
    if row[k].roles & Role.COLON:
        return Frame(i, k, words) if i == 0 and len(words) <= _LONGEST_BEFORE_COLON else None
    if words[0] not in _OPENS:
        return None
    before = row[i - 1].roles if i else 0
    new = i == 0 or before & (Role.AND | Role.STOP) or (before & Role.COMMA and _nothing_found(row[:i], earlier))
    return Frame(i, k, words) if new else None


def _nothing_found(before: list[Item], earlier: bool) -> bool:
    """Whether a place after a comma is a new one: "an effusion, on the right, is seen" speaks of the effusion."""
    return earlier or not any(item.roles & Role.FINDING for item in before)
