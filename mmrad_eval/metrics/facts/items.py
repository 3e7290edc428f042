"""A sentence as a row of items, the longest phrases of the vocabulary, and the row cut into clauses."""

from __future__ import annotations

import msgspec

from mmrad_eval.metrics.facts.lexicon import END, Lexicon, Meaning, Role, Sense, Status, Tree, disease
from mmrad_eval.metrics.facts.sentences import tokens

JOINTS = Role.COMMA | Role.AND | Role.OR
FORWARD = Role.DENY_AFTER | Role.DOUBT_AFTER
BACKWARD = Role.DENY_BEFORE | Role.DOUBT_BEFORE
SAID = Role.FINDING | Role.ANATOMY
_CUTS = Role.STOP | Role.BRACKET
_MAY_CUT = _CUTS | JOINTS | Role.WITH
_JOINING = frozenset((",", "and", "&", "or", "/", "as", "well"))
_BUT = frozenset(("but", "yet", "though", "although"))
_ONE = frozenset(("a", "an"))
"""Nothing that is denied in a list begins with these ("no lung markings beyond it, a pneumothorax")."""


class Item(msgspec.Struct):
    """A phrase of the vocabulary, or a word that is none."""

    roles: int
    sense: Sense | None
    word: str
    start: int
    end: int
    """Offsets in the sentence."""
    first: int
    last: int
    """Its words are ``words[first:last]``."""
    status: Status | None = "present"
    denied: bool = False
    doubted: bool = False
    judgement: str = ""
    """Of a structure: the attribute that judges it."""
    judge: Item | None = None
    free: bool = True
    """Whether a structure stands as a subject, not as a place ("in the lung")."""
    organ: Meaning | None = None
    """Of a finding that lies in another organ than the lungs: what it is there."""


def items(sentence: str, words: Lexicon) -> tuple[list[str], list[Item]]:
    """The longest phrases of the vocabulary from left to right, and the words between them."""
    found, spans = tokens(sentence)
    known, symbol = words.words, words.symbol
    symbols = [word if word in known else symbol(word) for word in found]
    tree = words.tree
    row: list[Item] = []
    i, n = 0, len(symbols)
    while i < n:
        own = node = tree.get(symbols[i])
        sense, end, j = None, i + 1, i + 1
        while node is not None:
            if END in node:
                sense, end = node[END], j
            if j == n:
                break
            node = node.get(symbols[j])
            j += 1
        if sense is None:
            shared = _shared_noun(symbols, i, own) if own is not None and end < n and symbols[end] in _JOINING else None
            sense = shared or disease(symbols[i])
        word = found[i] if end == i + 1 else ""
        row.append(Item(sense.roles if sense else 0, sense, word, spans[i][0], spans[end - 1][1], i, end))
        i = end
    return found, row


def _shared_noun(symbols: list[str], i: int, own: Tree) -> Sense | None:
    """The structure of an adjective whose noun ends its list: "mediastinal" of "mediastinal and aortic contours"."""
    k, n = i + 1, len(symbols)
    while k + 2 < n and symbols[k] in _JOINING:
        while k < n and symbols[k] in _JOINING:
            k += 1
        k += 1  # the next adjective
        noun = own.get(symbols[k]) if k < n else None
        sense: Sense | None = noun.get(END) if noun else None
        if sense is not None and sense.roles & Role.ANATOMY:
            return sense
    return None


def clauses(row: list[Item]) -> list[list[Item]]:
    """The row cut where a new statement begins; the words that cut are left out."""
    cut: list[list[Item]] = []
    clause: list[Item] = []
    so_far = 0  # the roles of what the clause already has
    for i, item in enumerate(row):
        if item.roles & _MAY_CUT and _cuts(row, i, so_far):
            cut.append(clause)
            clause, so_far = [], 0
        else:
            clause.append(item)
            so_far |= item.roles
    cut.append(clause)
    return [clause for clause in cut if clause]


def _cuts(row: list[Item], i: int, so_far: int) -> bool:
    roles = row[i].roles
    if roles & _CUTS:
        return not _opposes(row, i, so_far)
    if roles & JOINTS:
        return _anew(row, i + 1, so_far)
    if roles & Role.WITH:  # "lungs are clear with no effusion" goes on, "no effusion with atelectasis" does not
        denies = i + 1 < len(row) and bool(row[i + 1].roles & Role.DENY_AFTER)
        return bool(so_far & Role.DENY_AFTER) or not denies
    return False


def _opposes(row: list[Item], i: int, so_far: int) -> bool:
    """Whether a "but" stands between two attributes of one structure: "enlarged but stable heart"."""
    if so_far & SAID or not 0 < i < len(row) - 2 or row[i].word not in _BUT:
        return False
    return bool(row[i - 1].roles & row[i + 1].roles & Role.ATTRIBUTE and row[i + 2].roles & Role.ANATOMY)


def _anew(row: list[Item], start: int, so_far: int) -> bool:
    """Whether what follows a comma or an "and" is a statement of its own and not one more member of the list."""
    while start < len(row) and row[start].roles & JOINTS:  # ", and"
        start += 1
    if start == len(row) or row[start - 1].roles & Role.OR or row[start - 2].roles & Role.OR:
        return False
    end = start
    while end < len(row) and not row[end].roles & (JOINTS | _CUTS | Role.WITH):
        end += 1
    first, segment = row[start], row[start:end]
    if first.roles & Role.DENY_AFTER or first.word == "there" or _has_predicate(segment, so_far):
        return True
    if so_far & Role.DOUBT_AFTER and first.roles & Role.KNOWN:
        return True
    return bool(so_far & Role.DENY_AFTER) and _restarts(segment) and not _or_ahead(row, end)


def _has_predicate(segment: list[Item], so_far: int) -> bool:
    """Whether a segment has a subject and a verb that are not the list's own ("... or pneumothorax is seen")."""
    verb = next((k for k, item in enumerate(segment) if k and item.roles & Role.VERB), None)
    if verb is None:
        return False
    if so_far & (Role.VERB | Role.COLON):
        return True
    if _subject_last(segment[verb + 1 :]):
        return False
    seen = any(item.roles & (Role.SEEN | BACKWARD) for item in segment[verb:])
    return not seen and bool(so_far & (Role.DENY_AFTER | Role.DOUBT_AFTER | Role.ATTRIBUTE))


def _subject_last(after: list[Item]) -> bool:
    """Whether a structure ends a sentence that began with its predicate: "free of effusion and edema are the lungs"."""
    return len(after) in (1, 2) and bool(after[-1].roles & Role.ANATOMY) and (len(after) == 1 or after[0].word == "the")


def _restarts(segment: list[Item]) -> bool:
    """Whether a segment is news after a denial: "no effusion, mild cardiomegaly", "no effusion, heart normal"."""
    if not segment:
        return False
    if segment[0].roles & Role.ANEW or segment[0].word in _ONE or (len(segment) > 1 and _device(segment[0])):
        return True
    return any(x.roles & Role.ANATOMY for x in segment) and any(x.roles & Role.ATTRIBUTE for x in segment)


def _device(item: Item) -> bool:
    return bool(item.sense and item.sense.findings and item.sense.findings[0].category == "devices")


def _or_ahead(row: list[Item], start: int) -> bool:
    for item in row[start:]:
        if item.roles & _CUTS:
            return False
        if item.roles & Role.OR:
            return True
    return False
