"""A sentence as a row of items, the longest phrases of the vocabulary, and the row cut into clauses."""

from __future__ import annotations

from dataclasses import dataclass

from mmrad_eval.metrics.facts.lexicon import END, Lexicon, Meaning, Role, Sense, Status, Tree, disease
from mmrad_eval.metrics.facts.sentences import tokens

JOINTS = Role.COMMA | Role.AND | Role.OR
FORWARD = Role.DENY_AFTER | Role.DOUBT_AFTER
BACKWARD = Role.DENY_BEFORE | Role.DOUBT_BEFORE
SAID = Role.FINDING | Role.ANATOMY
_CUTS = Role.STOP | Role.BRACKET
_JOINING = frozenset((",", "and", "&", "or", "/", "as", "well"))
_BUT = frozenset(("but", "yet", "though", "although"))
_ONE = frozenset(("a", "an"))
"""Nothing that is denied in a list begins with these ("no lung markings beyond it, a pneumothorax")."""


@dataclass(slots=True)
class Item:
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
    symbol = words.symbol
    symbols = [symbol(word) for word in found]
    tree = words.tree
    row: list[Item] = []
    i, n = 0, len(symbols)
    while i < n:
        node = tree.get(symbols[i])
        sense, end, j = None, i + 1, i + 1
        while node is not None:
            if END in node:
                sense, end = node[END], j
            if j == n:
                break
            node = node.get(symbols[j])
            j += 1
        if sense is None:
            sense = _shared_noun(symbols, i, tree) or disease(symbols[i])
        word = found[i] if end == i + 1 else ""
        row.append(Item(sense.roles if sense else 0, sense, word, spans[i][0], spans[end - 1][1], i, end))
        i = end
    return found, row


def _shared_noun(symbols: list[str], i: int, tree: Tree) -> Sense | None:
    """The structure of an adjective whose noun ends its list: "mediastinal" of "mediastinal and aortic contours"."""
    own = tree.get(symbols[i])
    if own is None:
        return None
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


@dataclass(slots=True)
class _SoFar:
    """What the clause that is being read already has."""

    verb: bool = False
    denied: bool = False
    doubted: bool = False
    judged: bool = False
    said: bool = False

    def take(self, roles: int) -> None:
        self.verb = self.verb or bool(roles & (Role.VERB | Role.COLON))
        self.denied = self.denied or bool(roles & Role.DENY_AFTER)
        self.doubted = self.doubted or bool(roles & Role.DOUBT_AFTER)
        self.judged = self.judged or bool(roles & Role.ATTRIBUTE)
        self.said = self.said or bool(roles & SAID)


def clauses(row: list[Item]) -> list[list[Item]]:
    """The row cut where a new statement begins; the words that cut are left out."""
    cut: list[list[Item]] = []
    clause: list[Item] = []
    so_far = _SoFar()
    for i, item in enumerate(row):
        if _cuts(row, i, so_far):
            cut.append(clause)
            clause, so_far = [], _SoFar()
        else:
            clause.append(item)
            so_far.take(item.roles)
    cut.append(clause)
    return [clause for clause in cut if clause]


def _cuts(row: list[Item], i: int, so_far: _SoFar) -> bool:
    roles = row[i].roles
    if roles & _CUTS:
        return not _opposes(row, i, so_far)
    if roles & JOINTS:
        return _anew(row, i + 1, so_far)
    if roles & Role.WITH:  # "lungs are clear with no effusion" goes on, "no effusion with atelectasis" does not
        denies = i + 1 < len(row) and bool(row[i + 1].roles & Role.DENY_AFTER)
        return so_far.denied or not denies
    return False


def _opposes(row: list[Item], i: int, so_far: _SoFar) -> bool:
    """Whether a "but" stands between two attributes of one structure: "enlarged but stable heart"."""
    if so_far.said or not 0 < i < len(row) - 2 or row[i].word not in _BUT:
        return False
    return bool(row[i - 1].roles & row[i + 1].roles & Role.ATTRIBUTE and row[i + 2].roles & Role.ANATOMY)


def _anew(row: list[Item], start: int, so_far: _SoFar) -> bool:
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
    if so_far.doubted and first.roles & Role.KNOWN:
        return True
    return so_far.denied and _restarts(segment) and not _or_ahead(row, end)


def _has_predicate(segment: list[Item], so_far: _SoFar) -> bool:
    """Whether a segment has a subject and a verb that are not the list's own ("... or pneumothorax is seen")."""
    verb = next((k for k, item in enumerate(segment) if k and item.roles & Role.VERB), None)
    if verb is None:
        return False
    if so_far.verb:
        return True
    if _subject_last(segment[verb + 1 :]):
        return False
    seen = any(item.roles & (Role.SEEN | BACKWARD) for item in segment[verb:])
    return not seen and (so_far.denied or so_far.doubted or so_far.judged)


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
