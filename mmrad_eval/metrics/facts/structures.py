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
_COPULA = frozenset(("is", "are", ":"))
"""Between an attribute that opens a clause and its structures: "enlarged is the heart", "normal: heart, hila"."""
_LINKS = frozenset(("in", "of"))
"""After the noun of an attribute these lead to what has it: "enlargement of the heart", "increase in heart size"."""
_RESPECTS = frozenset(("size", "appearance", "width"))
_ENDS = frozenset((*_PLACED, "of", "for", "on", "with", "given", "when"))
"""Words at which the noun phrase of an attribute is over."""
_THE = frozenset(("the", "a", "an", "both", "this", "that", "right", "left"))


_INSIDE = frozenset(("in", "of", "within", "involving", "along", "throughout"))
_HARMLESS = frozenset(
    (
        *("view", "views", "image", "images", "film", "films", "radiograph", "radiographs", "mri", "survey", "detail"),
        *("evaluation", "assessment", "visualization", "visibility", "level", "height", "heights", "alignment", "xxxx"),
        *("remainder", "portion", "portions", "aspect", "aspects", "region", "area", "part", "side", "base", "margin"),
        *("margins", "border", "borders", "configuration", "contour", "contours", "mineralization", "position", "head"),
        *("appearance", "structure", "structures", "third", "half", "resection", "removal", "repair", "rest", "end"),
        *("fixation", "size", "shape", "most", "some", "many", "both", "each", "several", "appearances", "projection"),
        *("contrast", "barium", "secretions", "origin"),
    )
)
"""Nouns that say nothing abnormal of the bone whose they are: "the remainder of the spine", "the level of T4"."""
_FIRM = frozenset(("bone_abnormality", "foreign_body"))
"""Concepts of structures in which anything that is named, and not known to be harmless, is abnormal."""
_ABNORMAL = frozenset(("large", "odd", "misshapen", "shifted", "elevated", "flat"))
_HALF = 0.5
"""Width of the heart as a share of the chest's, above which it is enlarged."""
_SHORT = 3
"""Letters of words too short to be a noun that says something."""
_ADJECTIVE = Role.ANEW | Role.CHANGE


def judge(clause: list[Item], before: list[Item]) -> None:
    """Give each structure of a clause the attribute that judges it."""
    group: list[Item] = []
    for i, item in enumerate(clause):
        roles = item.roles
        if roles & Role.ANATOMY:
            item.free = not _placed(clause, i) and not _describes(clause, i)
            item.status = None
        name = _attribute(item) if roles else ""
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
        if group and _told(item, name, group):
            item.status = None  # said of the structure, not by itself
    _announced(clause, before)
    _unjudged(clause)


def _announced(clause: list[Item], before: list[Item]) -> None:
    """Judge the structure that opens a clause by what was said before it: "grossly enlarged, the heart ..."."""
    if not before or any(x.roles & SAID for x in before):
        return
    attribute = next((x for x in before if _attribute(x)), None)
    if attribute is None:
        return
    subject = next((x for x in clause if x.word not in _THE), clause[0])
    if subject.roles & Role.ANATOMY and subject.judgement in {"", "same"}:
        _give(subject, _attribute(attribute), attribute, near=attribute.denied)


def _told(item: Item, name: str, group: list[Item]) -> bool:
    """Whether a finding that judges a structure is told by the structure's own concept.

    "Calcified lymph nodes" are calcified, and not enlarged.
    """
    if not item.roles & Role.FINDING or item.sense is None:
        return False
    if any(m.judges for m in item.sense.findings):
        return True
    return any(name in m.abnormal for anatomy in group if anatomy.sense for m in anatomy.sense.anatomies)


def _measure(clause: list[Item], i: int) -> None:
    """Judge a ratio by the number that follows it: "cardiothoracic ratio of 58%", "CTR 17/30"."""
    value = _ratio([x.word for x in clause[i + 1 : i + 1 + _REACH]])
    if value:
        clause[i].judgement, clause[i].judge = "normal" if value <= _HALF else "large", clause[i]


def _ratio(words: list[str]) -> float:
    """The first number of these words as a share of the chest's width; 0 where there is none."""
    k = next((k for k, word in enumerate(words) if word[:1].isdigit()), len(words))
    if k == len(words):
        return 0.0
    value = float(words[k])
    if words[k + 1 : k + 2] == ["/"] and k + 2 < len(words) and words[k + 2][:1].isdigit():
        value /= float(words[k + 2]) or value or 1.0
    elif value > 1:
        value /= 100
    return value if value < 1 else 0.0


def _unjudged(clause: list[Item]) -> None:
    """Judge what no attribute judged: a ratio by its number, and a bone by a word that the vocabulary lacks.

    "CTR 0.62", "resorption of the distal clavicles".
    """
    for i, item in enumerate(clause):
        if not item.roles & Role.ANATOMY or item.judgement or item.denied or item.sense is None:
            continue
        if item.sense.anatomies[0].ratio:
            _measure(clause, i)
            continue
        if any(x.roles & Role.FINDING for x in clause):
            return
        if any(m.concept in _FIRM for m in item.sense.anatomies) and _inhabited(clause, i):
            item.judgement = "misshapen"


def _inhabited(clause: list[Item], i: int) -> bool:
    """Whether a noun leads to the structure by a preposition, and is none of those that say nothing of it."""
    k = i - 1
    while k > 0 and not clause[k].roles & ~_ADJECTIVE and clause[k].word not in _INSIDE and i - k < _REACH:
        k -= 1
    if k < 1 or clause[k].word not in _INSIDE:
        return False
    head = clause[k - 1]
    if head.sense is not None and head.sense.attribute:
        return head.sense.attribute in _ABNORMAL
    return not head.roles and len(head.word) > _SHORT and head.word.isalpha() and head.word not in _HARMLESS


def _attribute(item: Item) -> str:
    if item.sense is None:
        return ""
    if item.sense.attribute:
        return item.sense.attribute
    findings = item.sense.findings
    return "odd" if findings and any(m.judges for m in findings) else ""


def _modifies(clause: list[Item], i: int) -> bool:
    """Whether an attribute belongs to the finding that it stands before ("large pleural effusion")."""
    if clause[i].roles & Role.FINDING:
        return False
    for x in clause[i + 1 : i + 4]:
        if x.roles & Role.FINDING:
            return True
        if x.roles & ~(Role.ANEW | Role.CHANGE) or x.word in _ENDS:
            return False
    return False


def _describes(clause: list[Item], i: int) -> bool:
    """Whether a structure only describes the finding right after it ("aorta calcification has increased")."""
    return i + 1 < len(clause) and bool(clause[i + 1].roles & Role.FINDING) and not _attribute(clause[i + 1])


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
    start = _opened(clause, i)
    if start < len(clause) and (
        clause[start].word in _LINKS
        or (clause[start].word in _COPULA and not any(x.roles & ~(_ADJECTIVE | Role.KNOWN) for x in clause[:i]))
    ):
        start += 1
    for k, x in enumerate(clause[start:], start):
        if x.roles & Role.ANATOMY:
            if not _describes(clause, k):
                found.append(x)
            words = 0
        elif x.roles & Role.ATTRIBUTE and not found and clause[k - 1].roles & (JOINTS | Role.STOP):
            continue  # "an enlarged, stable heart"
        elif x.roles & (Role.VERB | Role.ATTRIBUTE | Role.FINDING | FORWARD | Role.COLON) or x.word in _PLACED:
            break
        elif not x.roles & JOINTS:
            words += 1
            if words > _REACH:
                break
        elif not found and not x.roles & Role.AND and not _coordinated(clause, k):
            break  # "normal size and configuration of the heart" goes on
    return found


def _opened(clause: list[Item], i: int) -> int:
    """Where the structures of an attribute before them begin: "of normal size is ...", "no abnormality seen in ..."."""
    start = i + 1
    passed = Role.VERB | Role.SEEN if clause[i].roles & Role.FINDING else 0
    while start < len(clause) and (clause[start].word in _RESPECTS or clause[start].roles & passed):
        start += 1
    if start == len(clause) or clause[start].word not in (*_COPULA, *_LINKS):
        return i + 1
    if clause[start].word == ":" and not any(x.roles & SAID for x in clause[:i]):
        return start + 1  # "the following are normal: ..."
    return start


def _coordinated(clause: list[Item], k: int) -> bool:
    """Whether a joint stands between two attributes of one structure: "enlarged, stable heart"."""
    return (
        bool(clause[k - 1].roles & Role.ATTRIBUTE)
        and k + 1 < len(clause)
        and bool(clause[k + 1].roles & Role.ATTRIBUTE)
    )


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
    if clause and clause[0].word == "neither":
        return True
    return any(x.roles & Role.DENY_AFTER for x in clause[max(0, i - 3) : i])


def _give(anatomy: Item, name: str, attribute: Item, *, near: bool) -> None:
    known = anatomy.judgement
    if known and known != "same" and not (known == "odd" and name == "large"):
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
        return "absent" if name == "odd" and item.denied and not meaning.strict else None
    if item.denied:
        return "absent"
    return "uncertain" if item.doubted else "present"
