"""The names of regions: what each stands for, where it lies, and which category of a trace it belongs to.

The names are data (``regions.toml``); this file only reads them. A name that is not there is no error: it resolves to
None, its category is ``other``, and whoever reads a dataset counts it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple

import msgspec

Side = Literal["right", "left", "both", ""]

OTHER = "other"
_WORD = re.compile(r"[^\W_]+")
_LONGEST = 7
_MOST_KNOWN = 50_000  # words kept; reports of a whole archive have fewer
"""Words of the longest name in running text, articles included."""


@dataclass(frozen=True)
class Region:
    """One region."""

    name: str
    category: str
    side: Side = ""
    """``both`` for a union of two sides; empty for what lies in the middle."""
    parents: tuple[str, ...] = ()
    union_of: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    boxed: bool = False
    """One of the 36 names that Chest ImaGenome has boxes for."""


class RegionMention(NamedTuple):
    """A region named in running text, ``text[start:end]``."""

    start: int
    end: int
    region: Region


@dataclass(frozen=True)
class Category:
    """A kind of step: the words that a trace uses for it, and the region that it looks at."""

    name: str
    phrase: str
    region: str


def resolve(name: str) -> Region | None:
    """The region of that name, in any spelling that the vocabulary covers; None where there is none."""
    vocabulary = _vocabulary()
    return vocabulary.by_key.get(vocabulary.key(name))


def category_of(raw: str) -> str:
    """The category of a region name or of a step's phrase; ``other`` where it is unknown."""
    region = resolve(raw)
    return region.category if region else OTHER


def regions() -> Sequence[Region]:
    """All regions, in the order of the file."""
    return _vocabulary().regions


def categories() -> Sequence[Category]:
    """All categories, ``other`` last."""
    return _vocabulary().categories


def leaves(region: Region) -> tuple[str, ...]:
    """The names that a union is made of, down to what is no union; the region's own name where it is none."""
    if not region.union_of:
        return (region.name,)
    parts = [name for part in region.union_of for name in leaves(_named(part))]
    return tuple(dict.fromkeys(parts))


def ancestors(region: Region) -> tuple[str, ...]:
    """All that the region lies in, nearest first."""
    found: dict[str, None] = {}
    queue = list(region.parents)
    while queue:
        name = queue.pop(0)
        if name not in found:
            found[name] = None
            queue.extend(_named(name).parents)
    return tuple(found)


def contains(outer: Region, inner: Region) -> bool:
    """Whether ``inner`` is ``outer`` or lies in it."""
    return outer.name == inner.name or outer.name in ancestors(inner)


def mentions(text: str) -> list[RegionMention]:
    """Regions named in running text, longest name first, none overlapping, in the order of the text."""
    return list(_mentions(text, _vocabulary()))


def fine_names(text: str) -> tuple[str, ...]:
    """Canonical names of the regions mentioned in ``text``, each once."""
    return tuple(dict.fromkeys(mention.region.name for mention in mentions(text)))


@dataclass(frozen=True)
class _Vocabulary:
    regions: tuple[Region, ...]
    categories: tuple[Category, ...]
    ignored: frozenset[str]
    spelling: dict[str, str]
    by_name: dict[str, Region]
    by_key: dict[tuple[str, ...], Region]
    words: set[str]
    """Every word of every key: a run of words that holds another one names no region."""
    known: dict[str, str]
    """Words as written -> as compared, for those seen before."""

    def word(self, raw: str) -> str:
        """A word as names are compared by; empty where it says nothing about where."""
        found = self.known.get(raw)
        if found is None:
            found = self._word(raw)
            if len(self.known) < _MOST_KNOWN:
                self.known[raw] = found
        return found

    def _word(self, raw: str) -> str:
        word = raw.casefold()
        if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
            word = word[:-1]
        word = self.spelling.get(word, word)
        return "" if word in self.ignored else word

    def key(self, name: str) -> tuple[str, ...]:
        """What names are compared by: their words in alphabetical order; a "zone of the lung" is a "lung zone"."""
        return self.settled({self.word(word) for word in _WORD.findall(name)})

    def settled(self, words: set[str]) -> tuple[str, ...]:
        """The key of a set of words; "zone" adds nothing to "lung"."""
        return tuple(sorted(words - ({"", "zone"} if "lung" in words else {""})))


@cache
def _vocabulary() -> _Vocabulary:
    raw: dict[str, Any] = tomllib.loads(files("mmrad_eval.traces").joinpath("regions.toml").read_text(encoding="utf-8"))
    found = tuple(msgspec.convert(raw["vocabulary"]["regions"], list[Region]))
    kinds = tuple(Category(name, entry["phrase"], entry["region"]) for name, entry in raw["categories"].items())
    by_name = {region.name: region for region in found}
    vocabulary = _Vocabulary(found, kinds, frozenset(raw["ignored"]), raw["spelling"], by_name, {}, set(), {})
    for region in found:
        for name in (region.name, *region.aliases):
            vocabulary.by_key.setdefault(vocabulary.key(name), region)
    vocabulary.words.update(word for key in vocabulary.by_key for word in key)
    vocabulary.words.add("zone")  # left out of the keys of lungs, and said of them
    return vocabulary


def _named(name: str) -> Region:
    return _vocabulary().by_name[name]


def _mentions(text: str, vocabulary: _Vocabulary) -> Iterator[RegionMention]:
    words = [(m.start(), m.end(), vocabulary.word(m[0])) for m in _WORD.finditer(text)]
    at = 0
    while at < len(words):
        found = _longest_at(text, words, at, vocabulary)
        if found is None:
            at += 1
            continue
        last, region = found
        yield RegionMention(words[at][0], words[last][1], region)
        at = last + 1


def _longest_at(
    text: str, words: list[tuple[int, int, str]], at: int, vocabulary: _Vocabulary
) -> tuple[int, Region] | None:
    """The last word and the region of the longest name that starts with word ``at``."""
    if words[at][2] not in vocabulary.words:
        return None
    best: tuple[int, Region] | None = None
    seen: set[str] = set()
    for last in range(at, min(at + _LONGEST, len(words))):
        if last > at and text[words[last - 1][1] : words[last][0]].strip(" \t\r\n-"):
            break
        if words[last][2]:
            if words[last][2] not in vocabulary.words:
                break
            seen.add(words[last][2])
            region = vocabulary.by_key.get(vocabulary.settled(seen))
            if region:
                best = last, region
    return best
