"""Porter's stemmer with the departures that NLTK makes by default, which rouge-score's stemmed scores rest on.

M. F. Porter, An algorithm for suffix stripping, Program 14(3), 1980; the departures are those of NLTK's
``PorterStemmer`` in its ``NLTK_EXTENSIONS`` mode, marked where they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

Condition = Callable[[str], bool]
Rule = tuple[str, str, Condition | None]

IRREGULAR = {
    form: stem
    for stem, forms in {
        "sky": ("sky", "skies"),
        "die": ("dying",),
        "lie": ("lying",),
        "tie": ("tying",),
        "news": ("news",),
        "inning": ("innings", "inning"),
        "outing": ("outings", "outing"),
        "canning": ("cannings", "canning"),
        "howe": ("howe",),
        "proceed": ("proceed",),
        "exceed": ("exceed",),
        "succeed": ("succeed",),
    }.items()
    for form in forms
}
"""NLTK's irregular forms."""


def stem(word: str) -> str:
    """The stem of one lower-case word."""
    if word in IRREGULAR:
        return IRREGULAR[word]
    if len(word) <= 2:
        return word
    for step in (_plural, _past, _final_y, _double_suffix, _single_suffix, _bare_suffix, _final_e, _final_ll):
        word = step(word)
    return word


def stem_of_long(word: str) -> str:
    """The stem of a word of more than three letters, any other as it is (rouge-score, rouge_score/tokenize.py)."""
    return stem(word) if len(word) > 3 else word


def _shape(word: str) -> str:
    """``c`` or ``v`` for each letter; y is a vowel after a consonant."""
    shape = ""
    for letter in word:
        vowel = letter in "aeiou" or (letter == "y" and shape[-1:] == "c")
        shape += "v" if vowel else "c"
    return shape


def _measure(word: str) -> int:
    """Porter's m: how often a consonant follows a vowel."""
    return _shape(word).count("vc")


def _long(word: str) -> bool:
    return _measure(word) > 0


def _longer(word: str) -> bool:
    return _measure(word) > 1


def _short_syllable(word: str) -> bool:
    """Porter's *o, ends consonant, vowel, consonant but w, x, y; NLTK adds the two-letter words of vowel, consonant."""
    shape = _shape(word)
    return (shape.endswith("cvc") and word[-1] not in "wxy") or shape == "vc"


def _apply(word: str, rules: Sequence[Rule]) -> str:
    """Use the first rule whose suffix fits; where its condition fails, no other is tried."""
    for suffix, instead, condition in rules:
        if word.endswith(suffix):
            rest = word[: len(word) - len(suffix)]
            return rest + instead if condition is None or condition(rest) else word
    return word


def _plural(word: str) -> str:
    """Step 1a. NLTK keeps the e of four-letter words in -ies."""
    if word.endswith("ies") and len(word) == 4:
        return word[:-1]
    return _apply(word, (("sses", "ss", None), ("ies", "i", None), ("ss", "ss", None), ("s", "", None)))


def _past(word: str) -> str:
    """Step 1b. NLTK treats -ied apart."""
    if word.endswith("ied"):
        return word[:-1] if len(word) == 4 else word[:-2]
    if word.endswith("eed"):
        return word[:-1] if _long(word[:-3]) else word
    rest = word[:-2] if word.endswith("ed") else word[:-3] if word.endswith("ing") else ""
    if "v" not in _shape(rest):
        return word
    if rest.endswith(("at", "bl", "iz")):
        return rest + "e"
    if len(rest) > 1 and rest[-1] == rest[-2] and _shape(rest)[-1] == "c":
        return rest if rest[-1] in "lsz" else rest[:-1]
    return rest + "e" if _measure(rest) == 1 and _short_syllable(rest) else rest


def _final_y(word: str) -> str:
    """Step 1c. NLTK asks for a consonant before the y, and for more than it alone."""
    if word.endswith("y") and len(word) > 2 and _shape(word)[-2] == "c":
        return word[:-1] + "i"
    return word


_DOUBLE: tuple[Rule, ...] = (
    ("ational", "ate", _long),
    ("tional", "tion", _long),
    ("enci", "ence", _long),
    ("anci", "ance", _long),
    ("izer", "ize", _long),
    ("bli", "ble", _long),
    ("alli", "al", _long),
    ("entli", "ent", _long),
    ("eli", "e", _long),
    ("ousli", "ous", _long),
    ("ization", "ize", _long),
    ("ation", "ate", _long),
    ("ator", "ate", _long),
    ("alism", "al", _long),
    ("iveness", "ive", _long),
    ("fulness", "ful", _long),
    ("ousness", "ous", _long),
    ("aliti", "al", _long),
    ("iviti", "ive", _long),
    ("biliti", "ble", _long),
    ("fulli", "ful", _long),
    ("logi", "log", lambda rest: _long(rest + "l")),
)
"""Step 2. NLTK has bli for abli, and adds fulli and logi."""


def _double_suffix(word: str) -> str:
    if word.endswith("alli") and _long(word[:-4]):  # NLTK: then once more
        return _double_suffix(word[:-2])
    return _apply(word, _DOUBLE)


_SINGLE: tuple[Rule, ...] = (
    ("icate", "ic", _long),
    ("ative", "", _long),
    ("alize", "al", _long),
    ("iciti", "ic", _long),
    ("ical", "ic", _long),
    ("ful", "", _long),
    ("ness", "", _long),
)


def _single_suffix(word: str) -> str:
    """Step 3."""
    return _apply(word, _SINGLE)


_BARE: tuple[Rule, ...] = (
    *((suffix, "", _longer) for suffix in ("al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment")),
    ("ent", "", _longer),
    ("ion", "", lambda rest: _longer(rest) and rest[-1] in "st"),
    *((suffix, "", _longer) for suffix in ("ou", "ism", "ate", "iti", "ous", "ive", "ize")),
)


def _bare_suffix(word: str) -> str:
    """Step 4."""
    return _apply(word, _BARE)


def _final_e(word: str) -> str:
    """Step 5a."""
    if word.endswith("e"):
        rest = word[:-1]
        if _longer(rest) or (_measure(rest) == 1 and not _short_syllable(rest)):
            return rest
    return word


def _final_ll(word: str) -> str:
    """Step 5b."""
    return word[:-1] if word.endswith("ll") and _longer(word[:-1]) else word
