"""Carries denial and doubt through a clause: forward over its list, or backward to what stands before the cue."""

from __future__ import annotations

from dataclasses import dataclass

from mmrad_eval.metrics.facts.items import BACKWARD, FORWARD, JOINTS, SAID, Item
from mmrad_eval.metrics.facts.lexicon import Role, Status

_AFTER_PREDICATE = frozenset(("in", "on", "at", "within", "given", "for", "by", "from", "since", "as"))
_NONE = frozenset(("none", "nil", "absent"))
_PLACES = frozenset(("on", "at", "in"))
_ASIDE = Role.ASIDE_AFTER | Role.ASIDE_BEFORE
_SO = frozenset(("so", "as"))
_LIKEWISE = 3
"""Fewest items of "so is pneumothorax"."""
_VERSUS = frozenset(("versus", "vs"))


@dataclass(slots=True)
class _Scope:
    """What holds at one point of a clause."""

    deny: bool = False
    doubt: bool = False
    listed: bool = False
    """The doubt holds over commas."""
    aside: bool = False

    def status(self) -> Status | None:
        if self.aside:
            return None
        return "absent" if self.deny else "uncertain" if self.doubt else "present"


def carry(clause: list[Item], before: list[Item]) -> None:
    """Set the status of each item of a clause; ``before`` is the clause before it in the sentence."""
    scope = _likewise(clause, before)
    alone = not any(item.roles & SAID for item in clause)
    for i, item in enumerate(clause):
        roles = item.roles
        if roles & SAID:
            item.status = scope.status()
        item.denied, item.doubted = scope.deny, scope.doubt
        if roles & Role.NEUTRAL:
            continue
        if roles & (FORWARD | BACKWARD):
            _cue(clause, i, scope, before if alone else None)
        if roles & _ASIDE:
            _set_aside(clause, i, scope)
        elif roles & Role.QUESTION:
            _question(clause, i, scope)
        elif roles & Role.COMMA:
            scope.aside = False
            scope.doubt = scope.doubt and (scope.listed or _list_ahead(clause, i + 1))


def _likewise(clause: list[Item], before: list[Item]) -> _Scope:
    """The scope at the beginning of a clause: "so is ..." and "as is ..." say what the clause before said."""
    if len(clause) < _LIKEWISE or clause[0].word not in _SO or not clause[1].roles & Role.VERB:
        return _Scope()
    last = next((x.status for x in reversed(before) if x.roles & Role.FINDING), None)
    return _Scope(deny=last == "absent", doubt=last == "uncertain")


def alternatives(row: list[Item]) -> None:
    """Two findings joined by "or" ("atelectasis or scarring") are both uncertain, unless they are denied together."""
    for i, item in enumerate(row):
        if not item.roles & Role.OR:
            continue
        left = next((x for x in reversed(row[:i]) if x.roles & (Role.FINDING | Role.VERB | Role.COLON)), None)
        right = next((x for x in row[i + 1 :] if x.roles & (Role.FINDING | Role.VERB | JOINTS)), None)
        if left and right and left.status == right.status == "present" and _differ(left, right):
            left.status = right.status = "uncertain"


def _cue(clause: list[Item], i: int, scope: _Scope, recalled: list[Item] | None) -> None:
    """Let a cue act on what stands before it, else on what follows.

    ``recalled``: the clause before, for a clause that names nothing itself ("..., although one cannot be excluded").
    """
    roles, either = clause[i].roles, bool(clause[i].roles & FORWARD)
    if roles & Role.DENY_BEFORE and _elsewhere(clause if recalled is None else [*recalled, *clause[i:]], clause[i]):
        return
    backward = roles & BACKWARD and (not either or _predicative(clause, i))
    if backward or _trailing(clause, i):
        targets = [x for x in (clause[:i] if recalled is None else recalled) if x.roles & Role.FINDING]
        deny = bool(roles & (Role.DENY_BEFORE if backward else Role.DENY_AFTER))
        deny = deny and not (backward and either and roles & Role.DOUBT_BEFORE)
        for x in targets:
            _set(x, deny=deny, recalled=recalled is not None)
        if targets:
            return
    if roles & (Role.DENY_AFTER | Role.DENY_BEFORE):
        scope.deny = True
    else:
        scope.doubt = True
        scope.listed = scope.listed or bool(roles & Role.LISTED)
        if clause[i].word in _VERSUS:
            nearest = next((x for x in reversed(clause[:i]) if x.roles & Role.FINDING), None)
            if nearest:
                _set(nearest, deny=False)


def _elsewhere(said: list[Item], cue: Item) -> bool:
    """Whether "none" denies one place of several: "effusion: small on the right, none on the left"."""
    i = said.index(cue)
    if cue.word not in _NONE or i + 1 == len(said) or said[i + 1].word not in _PLACES:
        return False
    return any(x.word in _PLACES for x in said[:i])


def _set(item: Item, *, deny: bool, recalled: bool = False) -> None:
    if deny:
        item.status = "absent"
    elif item.status == "present" or (recalled and item.status == "absent"):
        item.status = "uncertain"


def _set_aside(clause: list[Item], i: int, scope: _Scope) -> None:
    """Leave out what follows, or what stands before: it is not said of this image."""
    if clause[i].roles & Role.ASIDE_AFTER:
        scope.aside = True
    else:
        for x in clause[:i]:
            x.status = None if x.roles & Role.FINDING else x.status


def _question(clause: list[Item], i: int, scope: _Scope) -> None:
    """A question mark doubts what follows it, or all before it where it ends the sentence."""
    if i + 1 < len(clause):
        scope.doubt = True
    for x in clause[:i] if i + 1 == len(clause) else ():
        x.doubted = True
        if x.roles & Role.FINDING:
            _set(x, deny=False)


def _predicative(clause: list[Item], i: int) -> bool:
    """Whether a cue of both sides stands after what it is about ("pneumonia is possible in the left base")."""
    if i + 1 == len(clause):
        return True
    after = clause[i + 1]
    return bool(after.roles & JOINTS) or after.word in _AFTER_PREDICATE


def _trailing(clause: list[Item], i: int) -> bool:
    """Whether a cue that reaches forward has nothing to reach ("Effusion: no", "an effusion is possibly present")."""
    after = clause[i + 1 :]
    if clause[i].roles & Role.DENY_AFTER:
        return clause[i].word == "no" and not after
    if any(item.roles & (SAID | Role.ATTRIBUTE) for item in after) or not i:
        return False
    return bool((clause[i - 1].roles | clause[i].roles) & Role.VERB and (not after or after[0].roles & Role.SEEN))


def _list_ahead(clause: list[Item], start: int) -> bool:
    """Whether a list that a doubt opened goes on after this comma: its last member is still to come."""
    return any(item.roles & Role.OR or item.word in _VERSUS for item in clause[start:])


def _differ(left: Item, right: Item) -> bool:
    """Whether two findings are alternatives: two concepts, none of them a device."""
    if not (left.roles & Role.FINDING and right.roles & Role.FINDING and left.sense and right.sense):
        return False
    a, b = left.sense.findings[0], right.sense.findings[0]
    return a.concept != b.concept and "devices" not in {a.category, b.category}
