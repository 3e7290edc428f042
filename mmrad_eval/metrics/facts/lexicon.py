"""The vocabulary of chest X-ray reports, read from data files into one tree of phrases."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Literal

Status = Literal["present", "absent", "uncertain"]


class Role:
    """What a phrase does in a sentence, as bits: one phrase may do several things.

    Plain numbers: the arithmetic of IntFlag doubled the time of a report.
    """

    FINDING = 1
    ANATOMY = 2
    DENY_AFTER = 4
    DENY_BEFORE = 8
    DOUBT_AFTER = 16
    DOUBT_BEFORE = 32
    ASIDE_AFTER = 64
    NEUTRAL = 128
    STOP = 256
    LINKED = 512
    WITH = 1024
    VERB = 2048
    SEEN = 4096
    ANEW = 8192
    ATTRIBUTE = 1 << 14
    COMMA = 1 << 15
    AND = 1 << 16
    OR = 1 << 17
    COLON = 1 << 18
    BRACKET = 1 << 19
    QUESTION = 1 << 20
    CHANGE = 1 << 21
    LISTED = 1 << 22
    KNOWN = 1 << 23
    ORGAN = 1 << 24
    ASIDE_BEFORE = 1 << 25


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a finding or an anatomy phrase speaks of."""

    concept: str
    category: str
    labels: tuple[str, ...] = ()
    """CheXpert observations that the phrase asks for."""
    hints: tuple[str, ...] = ()
    """CheXpert observations that become uncertain where the phrase is present."""
    cautious: bool = False
    """Whether the labels become uncertain where the phrase is present."""
    counts: bool = True
    """Whether its presence alone keeps a report from having no finding."""
    abnormal: frozenset[str] = frozenset()
    """Attributes that make an anatomy's concept present."""
    judges: bool = False
    """A finding that can also be a predicate of a structure ("bones are without abnormality")."""
    gone: bool = False
    """A finding whose very name says that it is no longer there."""
    strict: bool = False
    """A structure whose normal state says nothing of this concept."""
    ratio: bool = False
    """Whether a number can follow that judges the structure, as a share ("CTR 0.6")."""
    quiet: bool = False
    """A structure whose normal state is not what the label asks for ("normal heart" says nothing of its size)."""


@dataclass(slots=True)
class Sense:
    """All that one phrase can do."""

    roles: int = 0
    findings: list[Meaning] = field(default_factory=list)
    anatomies: list[Meaning] = field(default_factory=list)
    organ: Meaning | None = None
    """What an abnormality in this organ is, for an organ that is neither lung nor pleura."""
    holds: dict[str, Meaning] | None = None
    """Of a space of the body: what a substance in it is ("fluid in the pleural space")."""
    projects: bool = False
    """Whether what lies over the organ counts as in it ("opacity over the abdomen", unlike "over the rib")."""
    attribute: str = ""
    change: str = ""
    """What the phrase says of the time since the last image."""


Tree = dict[str, Any]
END = ""
"""The key under which a node of the tree keeps the sense of the phrase that ends there."""

PUNCTUATION: Mapping[str, int] = {
    ",": Role.COMMA,
    "and": Role.AND,
    "plus": Role.AND,
    "&": Role.AND,
    "as well as": Role.AND,
    "or": Role.OR,
    "/": Role.OR,
    ":": Role.COLON,
    "(": Role.BRACKET,
    ")": Role.BRACKET,
    "-": Role.BRACKET,
    "?": Role.QUESTION,
}

_CUES: Mapping[str, int] = {
    "deny_after": Role.DENY_AFTER,
    "deny_before": Role.DENY_BEFORE,
    "doubt_after": Role.DOUBT_AFTER,
    "doubt_list": Role.DOUBT_AFTER | Role.LISTED,
    "doubt_before": Role.DOUBT_BEFORE,
    "aside_after": Role.ASIDE_AFTER,
    "aside_before": Role.ASIDE_BEFORE,
    "neutral": Role.NEUTRAL,
    "stop": Role.STOP,
    "linked": Role.LINKED,
    "with": Role.WITH,
    "verb": Role.VERB,
    "seen": Role.SEEN,
    "anew": Role.ANEW,
    "anew_known": Role.ANEW | Role.KNOWN,
}


@dataclass(frozen=True)
class Lexicon:
    """The tree of phrases, the word beginnings among them, and the headings."""

    tree: Tree
    stems: Mapping[str, tuple[str, ...]]
    """First letters -> word beginnings with their star, the longest first."""
    words: frozenset[str]
    skip: frozenset[str]
    """Headings whose text describes something else than this image."""
    brief: frozenset[str]
    """Those of them whose text is a line."""
    read: frozenset[str]
    """Headings whose text is to be read."""
    categories: Mapping[str, str]
    """Concept -> category."""
    sided: frozenset[str]
    """Concepts that can lie on a side."""
    kind_of: Mapping[str, str]
    """Concept -> the more general one that it is a kind of."""
    denies: Mapping[str, frozenset[str]]
    """Concept -> concepts that its absence rules out."""
    qualifiers: Mapping[str, Mapping[str, str]]
    """``side``, ``zone`` and ``severity``: word -> value."""
    places: frozenset[str]
    """Words of sides and zones."""

    def symbol(self, word: str) -> str:
        """The word itself, or the word beginning that stands for it in the tree."""
        if word not in self.words:
            for stem in self.stems.get(word[:_STEM_KEY], ()):
                if word.startswith(stem[:-1]):
                    return stem
        return word


@cache
def lexicon() -> Lexicon:
    """The built-in vocabulary, read once."""
    concepts, cues, qualifiers = _read("concepts.toml"), _read("cues.toml"), _read("qualifiers.toml")
    tree: Tree = {}
    for mark, role in PUNCTUATION.items():
        _sense(tree, mark.split()).roles |= role
    _add_cues(tree, cues, qualifiers.pop("change"))
    for entry in concepts["finding"]:
        _add(tree, entry, Role.FINDING)
    for entry in concepts["anatomy"]:
        _add(tree, entry, Role.ANATOMY)
    for entry in concepts["organ"]:
        _add_organ(tree, entry)
    for entry in concepts["space"]:
        _add_space(tree, entry)
    words = frozenset(_words(tree))
    return Lexicon(
        tree=tree,
        stems=_stems(words),
        words=words,
        skip=frozenset((*cues["heading"]["skip"], *cues["heading"]["brief"])),
        brief=frozenset(cues["heading"]["brief"]),
        read=frozenset(cues["heading"]["read"]),
        categories={
            e["concept"]: e["category"]
            for e in (*concepts["organ"], *concepts["anatomy"], *concepts["finding"])
            if e["concept"]
        },
        sided=_sided(concepts),
        kind_of=concepts["kind_of"],
        denies={general: frozenset(denied) for general, denied in concepts["denies"].items()},
        qualifiers={
            kind: {word: value for value, listed in table.items() for word in listed}
            for kind, table in qualifiers.items()
        },
        places=frozenset(w for kind in ("side", "zone") for listed in qualifiers[kind].values() for w in listed),
    )


def _add_cues(tree: Tree, cues: Mapping[str, Any], changes: Mapping[str, Sequence[str]]) -> None:
    verbs = frozenset(cues["verb"])
    for name, role in _CUES.items():
        for words in _phrases(cues[name]):
            sense = _sense(tree, words)
            sense.roles |= role | (Role.VERB if verbs.intersection(words) else 0)
            if role & (Role.NEUTRAL | Role.DENY_AFTER | Role.DENY_BEFORE):
                sense.change = _implied_change(words, cues["implied"], denial=role != Role.NEUTRAL)
                if role == Role.NEUTRAL and not _ALTERED.isdisjoint(words):
                    sense.attribute = "same"  # "no change in heart size"
    for name, phrases in cues["attribute"].items():
        for words in _phrases(phrases):
            sense = _sense(tree, words)
            sense.roles |= Role.ATTRIBUTE
            sense.attribute = name
    for value, phrases in changes.items():
        for words in _phrases(phrases):
            sense = _sense(tree, words)
            sense.roles |= Role.CHANGE | (Role.VERB if verbs.intersection(words) else 0)
            sense.change = value
            if value == "worse" and not _GREATER.isdisjoint(words):
                sense.attribute = "large"  # "the heart has increased" tells its size, and that it changed


_ALTERED = frozenset(("change", "changes", "changed", "alteration", "altered"))
_GREATER = frozenset(("increase", "increased", "increasing", "larger", "enlarging", "prominent", "prominence"))


def _implied_change(words: Sequence[str], implied: Mapping[str, Sequence[str]], *, denial: bool) -> str:
    """What a cue tells of the time since the last image.

    "Has resolved" says that it is gone; "not resolved" and "no change in" say that it is the same.
    """
    if denial:
        return "gone" if set(words) & set(implied["ended"]) else ""
    return "same" if set(words) & set(implied["compared"]) else ""


_SIDED = frozenset(("lungs", "pleura_diaphragm", "bones", "devices"))
"""Categories whose concepts can lie on a side, unless an entry says otherwise."""


def _sided(concepts: Mapping[str, Any]) -> frozenset[str]:
    entries = (*concepts["finding"], *concepts["anatomy"])
    return frozenset(e["concept"] for e in entries if e.get("sided", e["category"] in _SIDED))


_DISEASE = re.compile(
    r"(?!(?:dia|pro)gnosis|anastomosis)[a-z]{3,}(?:osis|itis|oma|omas|omata|megaly|pathy|malacia|penia|listhesis|ectasia|ectasis"
    r"|plegia|cele|lithiasis|stenosis|sclerosis|trophy|phyte|phytes)"
)
"""Words that name a disease by how they are formed, whether or not the vocabulary knows them."""


@lru_cache(maxsize=1 << 12)
def disease(word: str) -> Sense | None:
    """The sense of a word that the vocabulary lacks but whose ending names a disease: a finding of its own name."""
    if not _DISEASE.fullmatch(word):
        return None
    return Sense(roles=Role.FINDING, findings=[Meaning(word, "other")])


_STEM_KEY = 4
"""Letters by which word beginnings are found; none is shorter."""


def _stems(words: frozenset[str]) -> dict[str, tuple[str, ...]]:
    stems = sorted((w for w in words if w.endswith("*")), key=len, reverse=True)
    return {key: tuple(s for s in stems if s.startswith(key)) for key in {s[:_STEM_KEY] for s in stems}}


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(files("mmrad_eval.metrics.facts").joinpath(name).read_text(encoding="utf-8"))


def _add(tree: Tree, entry: Mapping[str, Any], role: int) -> None:
    labels = tuple(entry[key] for key in ("label", "also") if key in entry)
    for phrase in entry["phrases"]:
        quiet, other = phrase.startswith("~"), phrase.startswith("+")
        meaning = Meaning(
            concept=entry["concept"],
            category=entry["category"],
            labels=() if other or (quiet and role == Role.FINDING) else labels,
            hints=(entry["hint"],) if "hint" in entry else (),
            cautious=entry.get("cautious", False),
            counts=other or (entry.get("counts", True) and not (quiet and role == Role.FINDING and bool(labels))),
            abnormal=frozenset(entry.get("abnormal", ())),
            judges=entry.get("judges", False),
            quiet=quiet,
            gone=entry.get("gone", False),
            strict=entry.get("strict", False),
            ratio=entry.get("ratio", False),
        )
        for words in _expand(phrase.lstrip("~+")):
            sense = _sense(tree, words)
            sense.roles |= role
            known = sense.findings if role == Role.FINDING else sense.anatomies
            if all(m.concept != meaning.concept for m in known):
                known.append(meaning)


def _add_organ(tree: Tree, entry: Mapping[str, Any]) -> None:
    meaning = Meaning(entry["concept"], entry["category"])
    for words in _phrases(entry["phrases"]):
        sense = _sense(tree, words)
        sense.roles |= Role.ORGAN
        sense.organ, sense.projects = meaning, entry.get("over", False)


def _add_space(tree: Tree, entry: Mapping[str, Any]) -> None:
    known = {m.concept: m for words in _phrases(entry["means"]) for m in _sense(tree, words).findings}
    holds = {substance: known[concept] for substance, concept in entry["holds"].items()}
    for words in _phrases(entry["phrases"]):
        sense = _sense(tree, words)
        sense.roles |= Role.ORGAN
        sense.holds = holds


def _sense(tree: Tree, words: Sequence[str]) -> Sense:
    node = tree
    for word in words:
        node = node.setdefault(word, {})
    sense: Sense = node.setdefault(END, Sense())
    return sense


def _phrases(patterns: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for pattern in patterns:
        yield from _expand(pattern)


def _expand(pattern: str) -> Iterator[tuple[str, ...]]:
    """All rows of words that a phrase stands for: "small? a/b" gives "small a", "small b", "a", "b"."""
    slots = [(*slot.removesuffix("?").split("/"), *((None,) if slot.endswith("?") else ())) for slot in pattern.split()]
    for row in itertools.product(*slots):
        words = tuple(word for word in row if word)
        if words:
            yield words


def _words(tree: Tree) -> Iterator[str]:
    for word, node in tree.items():
        if word != END:
            yield word
            yield from _words(node)
