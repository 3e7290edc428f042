"""The names of sections, and the lines that open one.

A name is in a list, or is made of a noun for a section and words that tell which ("Radiographic Findings", "Overall
Impression"); several may be joined ("Impression and Recommendations"). A line may decorate it as it likes: numbers,
Markdown, brackets, bullets, rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from mmrad_eval.datasets.words import among, words_of

_ELSEWHERE = {
    "findings": (
        *(
            "hallazgos",
            "hallazgos radiológicos",
            "hallazgos radiograficos",
            "befund",
            "befunde",
            "résultats",
            "resultats",
        ),
        *("résultat", "constatations", "description radiologique", "achados", "achados radiológicos", "reperti"),
        *(
            "bevindingen",
            "所见",
            "影像所见",
            "检查所见",
            "影像学所见",
            "影像表现",
            "影像学表现",
            "所見",
            "画像所見",
            "胸部所見",
        ),
        *("소견", "영상 소견", "영상소견", "판독 소견", "описание", "opis", "bulgular"),
    ),
    "impression": (
        *("impresión", "impresión diagnóstica", "conclusión", "conclusiones", "beurteilung", "zusammenfassung"),
        *(
            "synthèse",
            "impressão",
            "impressão diagnóstica",
            "conclusão",
            "conclusioni",
            "conclusie",
            "诊断",
            "影像诊断",
        ),
        *(
            "影像学诊断",
            "诊断意见",
            "印象",
            "结论",
            "診断",
            "結論",
            "판독",
            "결론",
            "인상",
            "заключение",
            "wnioski",
            "sonuç",
        ),
    ),
}
"""Headings of reports in other languages."""
HEADINGS: dict[str, tuple[str, ...]] = {
    "findings": (
        "findings",
        "finding",
        "chest findings",
        "radiographic findings",
        "imaging findings",
        "key findings",
        "report findings",
        "description",
        "observations",
        "radiographic description",
        "what i see",
        *_ELSEWHERE["findings"],
    ),
    "impression": (
        "impression",
        "impressions",
        "imp",
        "conclusion",
        "conclusions",
        "opinion",
        "final impression",
        "overall impression",
        "final diagnosis",
        "summary",
        "interpretation",
        "diagnosis",
        *_ELSEWHERE["impression"],
    ),
    "closing": (
        "overall",
        "in summary",
        "to summarize",
        "in short",
        "bottom line",
        "tl;dr",
        "take-home message",
        "what it means",
        "comment",
        "comments",
        "overall impression is",
    ),
    "both": (
        "findings and impression",
        "findings/impression",
        "findings / impression",
        "findings & impression",
        "findings and impressions",
        "impression and findings",
        "impression/findings",
    ),
    "indication": (
        "indication",
        "indications",
        "clinical indication",
        "reason for exam",
        "reason for examination",
        "reason for the exam",
        "reason for study",
        "clinical information",
        "clinical question",
    ),
    "history": ("history", "clinical history", "patient history", "medical condition"),
    "comparison": (
        "comparison",
        "comparisons",
        "comparison study",
        "comparison studies",
        "comparison exam",
        "compared to",
        "prior studies",
    ),
    "technique": (
        "technique",
        "procedure",
        "procedure comments",
        "examination",
        "exam",
        "study",
        "type of exam",
        "views",
    ),
    "age": ("age", "patient age"),
    "sex": ("sex", "gender", "patient sex"),
    "other": (
        "notification",
        "recommendation",
        "recommendations",
        "recommendation(s)",
        "wet read",
        "final report",
        "addendum",
        "addenda",
    ),
}
"""Section -> the headings that open it, in lower case.

``closing`` is an impression where findings stand before it and no impression is named.
"""


SECTION = {heading: section for section, headings in HEADINGS.items() for heading in headings}
"""Heading -> its section."""

_NOUNS = {
    **dict.fromkeys(among("finding findings observation observations"), "findings"),
    **dict.fromkeys(
        among(
            "impression impressions conclusion conclusions assessment assessments opinion interpretation diagnosis "
            "diagnoses summary"
        ),
        "impression",
    ),
    **dict.fromkeys(among("recommendation recommendations plan advice follow-up disclaimer note notes"), "other"),
}
"""What a section is called, in one word."""
_KINDS_OF_NOUN = among(
    "radiographic radiological radiologic radiology imaging image images chest x-ray xray x-rays cxr radiograph "
    "plain film main key detailed report study final overall diagnostic clinical general preliminary brief "
    "concise short structured objective pertinent relevant primary my your the a of on in from "
    "exam examination thorax radiologist radiologist's radiologists'"
)
"""Words that a name may have beside its noun."""
_OF = frozenset(("of", "on", "in", "from"))
_PICTURES = among("x-ray xray x-rays cxr radiograph image images film study exam examination")
_LONGEST = 60
_SAME_LETTER = str.maketrans({"\u0130": "i", "\u0131": "i", "\u017f": "s"})
"""Letters that a pattern takes for an i or an s whatever their case, and ``lower`` does not."""
_NOTE = re.compile(r"\s*\([^()\n]{0,40}\)")
_JOINT = re.compile(r"\s*(?:[/&+,]|\band\b|\by\b)\s*")
_VERB = re.compile(r" (?:is|are)(?: as follows| the following| listed below| below)?$| as follows$")
"""How a sentence that is a heading ends: "The findings are as follows:"."""
_EDGE = re.compile(r"^[\W_]+|[\W_]+$")
_DECOR = r"(?:[^\w\n]|_)*+"
_NUMBER = (
    r"(?:(?:(?:section|part|no|step|h)\.?[ \t]*)?"
    r"(?:\d{1,2}(?:\.\d{1,2}){0,2}|[ivx]{1,4}|[a-h]|[\u4e00\u4e8c\u4e09\u56db\u4e94])[ \t]*"
    r"(?:[.):\]\u2013\u2014\u3001\uff0e\uff09-](?![0-9])|\ufe0f?\u20e3)"
    r"|\d{1,2}\.\d{1,2}(?=[ \t])|(?<=\#)\d{1,2}(?=[ \t])|[\u2460-\u2473\u2160-\u217f]|(?:first|second|finally),)"
)
_START = re.compile(rf"{_DECOR}(?:{_NUMBER}{_DECOR})?", re.IGNORECASE)
"""What may stand before a name: no letter, and a number in any form."""
COLON = "[:\uff1a\u2236\ufe55\ua789\u02d0\ufe13]"
"""A colon of any script."""
TAIL = r"(?:[-=:~\u2013\u2014]{1,2}(?![\w.]))?"
"""What some write after it, as in "Findings:-"."""
_CLOSER = re.compile(
    rf"(?:[*`]|_(?![A-Za-z])){{1,3}}[ \t]*(?:{COLON}{TAIL}|[\u2013\u2014])?-?[ \t]*"
    rf"|[ \t]*{COLON}{TAIL}[*_`)\]\u3011]{{0,3}}[ \t]*(?:\|[ \t]*)?"
    r"|\t+|[ \t]*=(?![=>])[ \t]*|\.-[ \t]*|[ \t]+~[ \t]+|,(?=\")"
    r"|\uff0d[ \t]*|[\]\u3011\uff3d\u3015\u300d\u300b][ \t]*:?[ \t]*"
    r"|[ \t]+[\u2013\u2014-]+[ \t]+|[ \t]*(?:->|\u2192|=>|>{1,2})[ \t]*|[ \t]*\|[ \t]*"
)
"""What may end a name within a line."""
_BRACKET = re.compile(r"\)[ \t]*:?[ \t]*")
"""What ends a name that stands in round brackets."""
_PLAIN = re.compile(r"(findings|impression):[ \t]+(?=[a-z])", re.IGNORECASE | re.ASCII)
"""The line that most reports have, which the patterns for all others read alike, in four times as long."""
_UNDERLINE = re.compile(r"\r?\n[ \t]*[-=~*]{3,}[ \t]*(?=\r?\n|\Z)")


_WORDS = "|".join(sorted({*_NOUNS, *(name.split()[-1] for name in SECTION)}))
_ANY = re.compile(_WORDS, re.IGNORECASE)
"""A word that each name has."""


def _telling() -> Iterator[str]:
    """A word of each name and noun: where a text has none of them, no heading can be in it."""
    names = [words_of(name) for name in (*SECTION, *_NOUNS)]
    single = frozenset().union(*(words for words in names if len(words) == 1))
    yield from single
    yield from (max(sorted(words), key=len) for words in names if words.isdisjoint(single))


_TELLING = frozenset(_telling())


def may_open(text: str) -> bool:
    """Whether some heading may be in a text; quick, and sure where it says no.

    What is read past within a name (notes in brackets, bold marks) could part its words.
    """
    if not text.isascii() or "(" in text or (":" in text and ("*" in text or "_" in text)):
        return True
    return not words_of(text).isdisjoint(_TELLING)


class Opening(NamedTuple):
    """A line that opens a section: where it starts, where the words of the section start, and the section."""

    start: int
    body: int
    section: str


def plain_name(name: str) -> str:
    """A heading's name as ``HEADINGS`` has it."""
    return " ".join(name.translate(_SAME_LETTER).lower().replace("\u2019", "'").split())


@lru_cache(maxsize=4096)
def kind_of(name: str) -> str | None:
    """The section that a heading opens, a key of ``HEADINGS``; None for what is no heading."""
    if len(name) > _LONGEST:
        return None
    name = plain_name(_EDGE.sub("", _NOTE.sub("", name)).replace("_", " "))
    if name in SECTION:
        return SECTION[name]
    name = _VERB.sub("", name)
    found = [_single(part) for part in _JOINT.split(name)]
    if not found or None in found:
        return None
    kinds = set(found)
    if {"findings", "impression"} <= kinds:
        return "both"
    return next((kind for kind in ("findings", "impression") if kind in kinds), found[0])


def _single(name: str) -> str | None:
    if name in SECTION:
        return SECTION[name]
    words = name.split()
    nouns = [_NOUNS[word] for word in words if word in _NOUNS]
    if not nouns or not all(word in _NOUNS or word in _KINDS_OF_NOUN for word in words):
        return None
    if _OF & set(words) and words[-1] not in _PICTURES and words[-1] not in _NOUNS:
        return None  # "Summary of the chest" speaks of the chest
    return nouns[0]


def opening(text: str, start: int) -> Opening | None:
    """The heading that the line at ``start`` opens with, however it is decorated; None where it opens with none."""
    if plain := _PLAIN.match(text, start):
        return Opening(start, plain.end(), _NOUNS[plain[1].lower()])
    end = text.find("\n", start)
    end = len(text) if end < 0 else end
    first = _START.match(text, start, end)
    name_at = first.end() if first else start
    if name_at >= end:
        return None
    if not _ANY.search(text, name_at, min(end, name_at + _LONGEST)):
        return None
    closers = _CLOSER.finditer(text, name_at, min(end, name_at + _LONGEST))
    if text[name_at - 1 : name_at] == "(" and (bracket := _BRACKET.search(text, name_at, end)):
        closers = chain([bracket], closers)
    for closer in closers:
        kind = kind_of(text[name_at : closer.start()]) if closer.start() > name_at else None
        if kind is not None:
            return Opening(start, closer.end(), kind)
    kind = kind_of(text[name_at:end])
    if kind is None:
        return None
    ruled = _UNDERLINE.match(text, end)
    return Opening(start, ruled.end() if ruled else end, kind)
