"""The language of a text, decided offline, and only on positive evidence where it would not be English.

Reports are short, telegraphic and full of abbreviations and Latin, where every identifier guesses. So words that only
English has settle the common case; of what remains, words that reports of all languages share are discounted, and
py3langid (docs/decisions.md) has to be sure. Thresholds were set on invented reports in 39 languages and on terse
English (tests/golden/languages.tsv).
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any

from mmrad_eval.metrics.facts.lexicon import Lexicon, lexicon

ENGLISH = "en"
UNDECIDED = ""
"""Too short, or no evidence of any language: never treated as another language."""

NAMES = {
    "af": "Afrikaans",
    "am": "Amharic",
    "ar": "Arabic",
    "az": "Azerbaijani",
    "be": "Belarusian",
    "bg": "Bulgarian",
    "bn": "Bengali",
    "bs": "Bosnian",
    "ca": "Catalan",
    "cs": "Czech",
    "cy": "Welsh",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "eo": "Esperanto",
    "es": "Spanish",
    "et": "Estonian",
    "eu": "Basque",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "ga": "Irish",
    "gl": "Galician",
    "gu": "Gujarati",
    "he": "Hebrew",
    "hi": "Hindi",
    "hr": "Croatian",
    "hu": "Hungarian",
    "hy": "Armenian",
    "id": "Indonesian",
    "is": "Icelandic",
    "it": "Italian",
    "ja": "Japanese",
    "ka": "Georgian",
    "kk": "Kazakh",
    "km": "Khmer",
    "kn": "Kannada",
    "ko": "Korean",
    "lo": "Lao",
    "lt": "Lithuanian",
    "lv": "Latvian",
    "mk": "Macedonian",
    "ml": "Malayalam",
    "mn": "Mongolian",
    "mr": "Marathi",
    "ms": "Malay",
    "mt": "Maltese",
    "my": "Burmese",
    "ne": "Nepali",
    "nl": "Dutch",
    "no": "Norwegian",
    "pa": "Punjabi",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "si": "Sinhala",
    "sk": "Slovak",
    "sl": "Slovenian",
    "sq": "Albanian",
    "sr": "Serbian",
    "sv": "Swedish",
    "sw": "Swahili",
    "ta": "Tamil",
    "te": "Telugu",
    "th": "Thai",
    "tl": "Tagalog",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "ur": "Urdu",
    "uz": "Uzbek",
    "vi": "Vietnamese",
    "zh": "Chinese",
}
"""The languages that are told apart, by ISO 639-1 code. Latin is none of them: reports in English are full of it."""

_NEAR = tuple(
    frozenset(group.split())
    for group in (
        *("es pt ca gl it", "da no sv is", "hr sr sl bs", "cs sk", "id ms tl", "ru uk be bg mk sr", "zh ja"),
        *("ar fa ur", "nl af", "hi mr ne", "tr az"),
    )
)
"""Languages that a short text does not tell apart."""

_ENGLISH = frozenset(
    (
        *("the", "is", "are", "was", "were", "has", "have", "been", "there", "this", "that", "these", "those", "which"),
        *("with", "without", "and", "of", "to", "by", "for", "from", "at", "be", "not", "may", "might", "could", "can"),
        *("cannot", "likely", "seen", "within", "both", "new", "old", "mild", "mildly", "moderate", "moderately"),
        *("severe", "small", "large", "left", "right", "lower", "upper", "heart", "lung", "lungs", "clear", "chest"),
        *("rib", "ribs", "bones", "bone", "spine", "size", "limits", "enlarged", "unchanged", "unremarkable", "change"),
        *("changes", "effusion", "effusions", "opacity", "opacities", "disease", "lobe", "lobes", "base", "bases"),
        *("tube", "tip", "line", "lines", "view", "views", "study", "film", "evidence", "free", "air", "appears"),
    )
)
"""Words of reports that no other language above writes so, or hardly ever."""
_DENIALS = {
    **dict.fromkeys(("kein", "keine", "keinen", "keiner", "nicht", "ohne", "nachweisbar"), "de"),
    **dict.fromkeys(("sans", "aucun", "aucune"), "fr"),
    **dict.fromkeys(("senza", "nessun", "nessuna", "pneumotorace"), "it"),
    **dict.fromkeys(("sin", "ning\u00fan", "ninguna", "hallazgos"), "es"),
    **dict.fromkeys(("sem", "n\u00e3o", "nao", "nenhum", "nenhuma"), "pt"),
    **dict.fromkeys(("geen", "niet", "zonder"), "nl"),
    **dict.fromkeys(("inte", "ingen", "utan"), "sv"),
    **dict.fromkeys(("ikke", "uden", "uten"), "da"),
    **dict.fromkeys(("nie", "bez"), "pl"),
    **dict.fromkeys(("yok", "de\u011fil", "izlenmedi", "saptanmad\u0131"), "tr"),
    **dict.fromkeys(("nincs",), "hu"),
    **dict.fromkeys(("f\u0103r\u0103",), "ro"),
    **dict.fromkeys(("tidak", "tanpa"), "id"),
    **dict.fromkeys(("kh\u00f4ng",), "vi"),
}
"""Words that deny, and that no English report holds: what they deny must not be read as being there."""
_OF = re.compile(r"\b(?:absence|pas) de\b|\bpas d'", re.IGNORECASE)
_ENOUGH = 0.2
"""Share of these words that settles it: one in five."""
_SHARED = 0.5
"""Share of words of the English vocabulary above which a text is never another language."""
_SURE = 0.3
"""Least probability of another language, and the most that English may then have."""
_RULED_OUT = 0.06
_WORDS = 2
"""A single word is evidence of nothing, and nor are abbreviations, which are shorter than this:"""
_LONG = 3
_FEW = 5
"""Words of a text that is too short for any identifier."""
_TELLING = 3
"""Words outside that vocabulary that a text without accents needs: two names ("Heimlich valve") tell no language."""
_LATIN = 0x24F
"""The last letter of Latin Extended-B."""

_WORD = re.compile(r"[^\W\d_]+")
_LETTERS = bytes(ord(c.lower() if c.isalpha() else " ") for c in map(chr, range(128))) + bytes(128)
_MASK = "x"
"""What stands, once or several times, for a word that was taken out."""


@lru_cache(maxsize=1 << 14)
def language(text: str) -> str:
    """The ISO 639-1 code of a text's language, or UNDECIDED: too short, no evidence, or ``unavailable``."""
    words = _words(text)
    english = sum(map(_ENGLISH.__contains__, words))
    if english < _ENOUGH * len(words) and (denied := _denied(words, text)):
        return denied
    if english and english >= _ENOUGH * len(words):
        return ENGLISH
    words = [word for word in words if word.strip(_MASK)]
    if not words or english >= _ENOUGH * len(words):
        return ENGLISH if words else UNDECIDED
    letters = "".join(words)
    if 2 * sum(ord(letter) > _LATIN for letter in letters) > len(letters):
        return _ranked(text.lower())[0][0]
    known = lexicon()
    shared = [word for word in words if _of_reports(word, known)]
    long = [word for word in words if len(word) >= _LONG]
    telling = set(long).difference(shared)
    if len(long) < _WORDS or len(shared) > _SHARED * len(words) or (letters.isascii() and len(telling) < _TELLING):
        return UNDECIDED
    ranked = _ranked(text.lower())
    code, probability = ranked[0]
    sure = code == ENGLISH or (probability >= _SURE and dict(ranked)[ENGLISH] <= _RULED_OUT)
    return code if sure else UNDECIDED


def _words(text: str) -> list[str]:
    """The words of a text in lower case: its runs of letters."""
    if text.isascii():  # the same by a table of bytes, which is several times as fast
        return text.encode("ascii").translate(_LETTERS).decode("ascii").split()
    return _WORD.findall(text.lower())


def _denied(words: list[str], text: str) -> str:
    """The language of a word that denies; empty where there is none."""
    if len(words) < _WORDS:
        return ""
    found = next((_DENIALS[word] for word in words if word in _DENIALS), "")
    return found or ("fr" if _OF.search(text) else "")


def is_strange(text: str) -> bool:
    """Whether most words of a short text are none of English reports: too few to name a language, too many to read."""
    words = [word for word in _words(text) if len(word) >= _LONG and word.strip(_MASK)]
    if not 1 < len(words) <= _FEW or any(word in _ENGLISH for word in words):
        return False
    known = lexicon()
    return 2 * sum(_of_reports(word, known) for word in words) < len(words)


def differ(first: str, second: str) -> bool:
    """Whether two codes are certainly two languages: both decided, and not so near that a short text mixes them up."""
    if UNDECIDED in {first, second} or first == second:
        return False
    return not any({first, second} <= group for group in _NEAR)


def named(code: str) -> str:
    """The English name of a language."""
    return NAMES.get(code, code)


def _of_reports(word: str, known: Lexicon) -> bool:
    """Whether a word is one of English, or of the vocabulary of reports, much of which other languages share."""
    if word in _ENGLISH or word in known.words or known.symbol(word) != word:
        return True
    return any(word in table for table in known.qualifiers.values())


def unavailable() -> bool:
    """Whether some text could not be looked at, since py3langid is not installed."""
    return bool(_identifier.cache_info().currsize) and _identifier() is None


def _ranked(text: str) -> list[tuple[str, float]]:
    """(code, probability), the likeliest first."""
    identifier = _identifier()
    if identifier is None:
        return [(UNDECIDED, 0.0), (ENGLISH, 1.0)]
    return [(code, float(probability)) for code, probability in identifier.rank(text)]


@cache
def _identifier() -> Any:
    """py3langid's model, which takes a second to read: only once a text needs it. None where it is not installed."""
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ModuleNotFoundError:
        return None
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(NAMES))
    return identifier
