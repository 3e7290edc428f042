"""Judges structures: which attribute of a clause says how "the heart" or "the lungs" are."""

from __future__ import annotations

from mmrad_eval.metrics.facts.items import FORWARD, JOINTS, SAID, Item
from mmrad_eval.metrics.facts.lexicon import Meaning, Role, Status

_PLACED = frozenset(
    (
        *("in", "within", "at", "over", "overlying", "near", "into", "along", "adjacent", "to", "from", "behind", "by"),
        *("through", "throughout", "involving", "obscuring"),
    )
)
_REACH = 5
"""Words that may stand between an attribute and its structure ("normal size and configuration of the heart")."""
_SHOWS = frozenset(("has", "have", "had", "demonstrates", "demonstrate", "shows", "show", "reveals", "reveal"))
"""Verbs with an object: "radiographs show normal heart size"."""
_THE = frozenset(("the", "a", "an", "both", "this", "that", "right", "left"))


def judge(clause: list[Item], before: list[Item]) -> None:
    """Give each structure of a clause the attribute that judges it."""
    group: list[Item] = []
    for i, item in enumerate(clause):
        roles = item.roles
        if roles & Role.ANATOMY:
            item.free = not _placed(clause, i)
            item.status = None
        name = _attribute(item)
        if not name or _modifies(clause, i):
            continue
        left = [x for x in clause[:i] if x.roles & Role.ANATOMY and x.free and not x.judgement]
        right = _right(clause, i)
        if left and not (right and _prefers_right(clause, i)):
            group = left
        elif right:
            group = right
        elif not any(x.roles & SAID for x in clause[:i]) and not group:
            group = [x for x in before if x.roles & Role.ANATOMY and x.free]
        elif any(x.roles & Role.FINDING for x in clause[:i]) and not group:
            continue
        for anatomy in (*group, *_respect(clause, i)):
            _give(anatomy, name, item, near=_near_denial(clause, i))
        if group and item.roles & Role.FINDING:
            item.status = None  # said of the structure, not by itself


def _attribute(item: Item) -> str:
    if item.sense is None:
        return ""
    if item.sense.attribute:
        return item.sense.attribute
    return "odd" if any(m.judges for m in item.sense.findings) else ""


def _modifies(clause: list[Item], i: int) -> bool:
    """Whether an attribute belongs to the finding that it stands before ("large pleural effusion")."""
    if clause[i].roles & Role.FINDING:
        return False
    for x in clause[i + 1 : i + 4]:
        if x.roles & Role.FINDING:
            return True
        if x.roles & ~(Role.ANEW | Role.CHANGE):
            return False
    return False


def _placed(clause: list[Item], i: int) -> bool:
    """Whether a structure is only where something is ("nodule in the right lung")."""
    for x in reversed(clause[max(0, i - 3) : i]):
        if x.word in _PLACED:
            return True
        if x.word not in _THE:
            return False
    return False


def _right(clause: list[Item], i: int) -> list[Item]:
    """The structures that an attribute before them can judge: "normal heart size and mediastinal contours"."""
    found: list[Item] = []
    words = 0
    for x in clause[i + 1 :]:
        if x.roles & Role.ANATOMY:
            found.append(x)
            words = 0
        elif x.roles & (Role.VERB | Role.ATTRIBUTE | Role.FINDING | FORWARD | Role.COLON) or x.word in _PLACED:
            break
        elif not x.roles & JOINTS:
            words += 1
            if words > _REACH:
                break
        elif not found and not x.roles & Role.AND:  # "normal size and configuration of the heart" goes on
            break
    return found


def _respect(clause: list[Item], i: int) -> list[Item]:
    """The respect in which a predicate judges, where it is a structure's own: "normal in size and contour"."""
    if i + 2 < len(clause) and clause[i + 1].word in {"in", "of", "for"} and clause[i + 2].roles & Role.ANATOMY:
        return [clause[i + 2]]
    return []


def _prefers_right(clause: list[Item], i: int) -> bool:
    """Whether an attribute between two structures belongs to the later one: no verb leads from the first to it."""
    for x in reversed(clause[:i]):
        if x.roles & (Role.VERB | Role.COLON):
            return x.word in _SHOWS
        if x.roles & Role.ANATOMY:
            break
    lead = clause[i - 1] if i else None
    if lead is not None and lead.roles & JOINTS:
        return True
    return i + 1 < len(clause) and clause[i + 1].word == "of"


def _near_denial(clause: list[Item], i: int) -> bool:
    """Whether a denial stands close before an attribute ("not grossly enlarged"), not at the head of a list."""
    return any(x.roles & Role.DENY_AFTER for x in clause[max(0, i - 3) : i])


def _give(anatomy: Item, name: str, attribute: Item, *, near: bool) -> None:
    known = anatomy.judgement
    if known and known != "same":
        return
    anatomy.judgement, anatomy.judge = name, attribute
    anatomy.denied = near or (attribute.denied and bool(attribute.roles & Role.FINDING))
    anatomy.doubted = attribute.doubted


def judged(item: Item, meaning: Meaning) -> Status | None:
    """What an attribute says of a structure's concept."""
    name = item.judgement
    if not name or name == "same":
        return None
    if name == "doubtful":
        return "uncertain"
    if name == "normal":
        return None if meaning.strict else "present" if item.denied else "absent"
    if name not in meaning.abnormal:
        return None
    if item.denied:
        return "absent"
    return "uncertain" if item.doubted else "present"
