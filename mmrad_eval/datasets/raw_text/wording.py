"""What models write around a report: a preamble, a title, a closing remark. Told by what a sentence is about."""

from __future__ import annotations

import re

from mmrad_eval.datasets import headings
from mmrad_eval.datasets.raw_text.removed import Removed
from mmrad_eval.datasets.raw_text.vocabulary import ABOUT, SEEN
from mmrad_eval.datasets.words import among, words_of

_SENTENCE = re.compile(r"[^\n]*?(?:[.!?:](?=[\s*_\"')\]]|\Z)[*_\"')\]]*|\n|\Z)\s*")
_EDGE = " \t\n*_#>-=~`"
_REPORT = (
    r"(?:report|findings?|impression|interpretation|analysis|description|reading|assessment|summary|evaluation"
    r"|review|json|answer|response|draft)"
)
_PICTURE = (
    r"(?:images?|pictures?|x-?rays?|radiographs?|films?|scans?|studies|study|views?|photos?|cxrs?|examination|prompt)"
)
_OPENS = re.compile(
    rf"""^(?:
    (?:certainly|sure(?:\ thing)?|of\ course|okay|ok|absolutely|yes|hello|hi|hi\ there|great|alright|understood
      |thank\ you|thanks|(?:i['\u2019]d\ be\ |i\ would\ be\ |i['\u2019]m\ )?(?:happy|glad
        |pleased)\ to\ (?:help|assist))\b[^.!?:]{{0,30}}[.!,]?$
    |(?:.{{0,60}}\b(?:the|your|my|a|an|generated|following|requested)\ {_REPORT}|report)\b(?:\ \w+){{0,4}}:$
    |.{{0,80}}\b(?:here(?:['\u2019]s|\ is|\ are)|below\ (?:is|are)|the\ following\ (?:is|are)|this\ is\ (?:a|the|my)
      |follows(?:\ below)?|i\ (?:have\ )?(?:written|prepared|drafted|generated
      |created))\b.{{0,160}}\b{_REPORT}\b.{{0,120}}$
    |.{{0,60}}\b{_REPORT}\b.{{0,60}}\b(?:follows|is\ as\ follows|are\ as\ follows|below)\b.{{0,60}}[:.]$
    |(?:certainly|sure|of\ course|okay|ok|yes|hello|hi|great|alright|thank\ you|thanks)\b.{{0,60}}\b(?:i|i['\u2019]ve
      |i['\u2019]ll|let\ me|happy)\b.{{0,160}}$
    |(?:i|i['\u2019]ve|i['\u2019]ll|let\ me)\ (?:can\ |will\ |have\ )?(?:help|assist|look(?:ed)?|analy[sz]ed?
      |review(?:ed)?|examined?|describe|provide|start|begin|write|report)\b.{{0,120}}\b(?:you|this|that|{_PICTURE}
      |report|below|it)\b.{{0,60}}$
    |based\ on\ (?:the|your|this|these|my)\b.{{0,80}}\b{_PICTURE}\b.{{0,120}}:$
    |(?:here\ is|here['\u2019]s|i\ can\ (?:tell\ you|describe|share))\ what\ (?:i
      \ (?:can\ )?(?:see|observe|notice)|is\ (?:seen|visible|shown))\b.{{0,60}}$
    |the\ json\ (?:is|output)$
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_TITLE = re.compile(
    r"(?:(?:(?:final|radiology|radiological|radiologic|radiographic|chest|x-?ray|cxr|radiograph|imaging|diagnostic"
    r"|structured|medical|examination|pa|ap|and|lateral|the|preliminary)\s+)*"
    r"(?:x-?ray\s+)?(?:report|json)(?:\s+(?:of|for)\s+(?:the\s+)?(?:chest\s+)?(?:x-?ray|radiograph))?)[\s:*_#=-]*",
    re.IGNORECASE,
)
_ADMIN = re.compile(
    r"(?:patient(?:['\u2019]s)?(?: name| id)?|name|date(?: of \w+)?|exam(?:ination)? date|mrn|dob"
    r"|accession(?: number)?|referring \w+"
    r"|radiologist|institution|hospital|department|id)[ *_]*:",
    re.IGNORECASE,
)
"""A line of the head of a form."""
_PRODUCT = (
    r"(?:\bai\b|artificial intelligence|ai-generated|ai-assisted|language model|automated|machine.generated"
    r"|computer.generated)"
)
_EXPERT = (
    r"(?:radiologists?|physicians?|doctors?|clinicians?|(?:healthcare|medical|qualified|health)\s+(?:professionals?"
    r"|providers?|experts?))"
)
_CLOSES = re.compile(
    rf"""(?:
    ^(?:disclaimer|legal\ notice)\b
    |\b(?:not|never)\b.{{0,60}}\b(?:substitute|replacement|replace|replaces|intended)\b.{{0,60}}\b(?:advice|diagnosis
      |care|consultation|judg\w+|evaluation|interpretation|use|{_EXPERT})\b
    |\b(?:educational|informational|illustrative|research|demonstration)\b.{{0,30}}\bpurposes?\b|\bpurposes?\ only\b
    |\b(?:report|draft|interpretation|reading|analysis|text|output|response)\b.{{0,60}}{_PRODUCT}
    |{_PRODUCT}.{{0,60}}\b(?:report|draft|interpretation|reading|analysis|output|model|assistant|not|cannot)\b
    |\bnot\ (?:a\ |an\ |any\ )?(?:medical|clinical|professional|official)\ (?:diagnosis|advice|opinion|report)\b
    |\bi(?:['\u2019]m|\ am)\ (?:not\ a|an\ ai|just\ an?|only\ an?)\b
    |\b(?:please|should|must|always|recommend(?:ed)?\ to)\b.{{0,40}}\bconsult\b.{{0,60}}\b{_EXPERT}
    |\b(?:discuss|share|review|go\ over|talk)\b.{{0,60}}\b(?:your|a)\b.{{0,20}}\b{_EXPERT}
    |\b(?:recommend|suggest|advise)\b.{{0,60}}\b(?:confirmed|reviewed|verified|checked|read)\b.{{0,30}}\b{_EXPERT}
    |^(?:please\ )?(?:consult|see|visit|contact|ask|talk\ to|speak\ (?:to|with))\b.{{0,60}}\b{_EXPERT}
    |\b(?:should|must|needs?\ to|has\ to)\ be\ (?:reviewed|verified|confirmed|validated|checked|interpreted
      |signed)\b.{{0,60}}\b{_EXPERT}
    |\b(?:let\ me\ know|feel\ free|i\ hope\ (?:this|that|it)|hope\ this\ helps|happy\ to\ (?:help|assist|provide
      |clarify)|would\ you\ like|do\ you\ (?:want|need)|if\ you\ (?:have|need|would\ like|want|provide|can))\b
    |^(?:if|should|when|once)\ you\b.{{0,120}}\b(?:i|me|we)\b
    |\b(?:further|other|more|any|additional)\ (?:questions|assistance|help)\b
    |^\[?\s*(?:electronically\ |digitally\ )?(?:signed|dictated|transcribed|reported|verified)\ (?:by
      |and)\b.{{0,80}}\]?$
    |^(?:radiologist|reporting\ radiologist|physician|signature|date
      |signed)\s*:?\s*(?:dr\.?\s*)?(?:\[[^\]]*\]|_+)?(?:,\s*[\w\ ]{{1,30}})?\s*$
    |^\[?\s*end\ of\ (?:the\ )?(?:report|impression|findings|dictation|document)\s*\]?$
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_ANNOUNCES = re.compile(
    r"^(?:\W*(?:disclaimer|note|please note|important|important note|caution|reminder|limitations?)\s*:?\W*)$",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"^(?:disclaimer|(?:please |important )?note|important|caution|reminder)\s*(?:that\b|:|\*)", re.IGNORECASE
)
_FIRST = 200
_MAY_OPEN = among(
    "here below follows following certainly sure course okay ok absolutely yes hello hi great alright understood "
    "thank thanks happy report i let based json my this patient name date mrn dob accession referring radiologist "
    "institution hospital department id glad pleased the requested generated"
)
_MAY_CLOSE = among(
    "disclaimer legal note important caution reminder limitation limitations purpose purposes only ai artificial "
    "automated language machine computer i consult radiologist radiologists physician physicians doctor doctors "
    "clinician professional professionals let feel hope happy would you your question questions assistance help "
    "clarification signed electronically digitally dictated transcribed reported verified signature date end "
    "substitute replacement advice diagnosis diagnostic"
)
"""One of these is in each announcement, and in each remark; most reports hold none, and looking for them costs "
"less."""
_MOST = 12
"""Sentences that a preamble or a closing remark may have."""
_NEAR_END = 1200
"""Characters within which closing remarks stand; nothing is looked for before."""


def without_preamble(text: str, removed: list[Removed]) -> str:
    """A text without the sentences and the title that announce a report."""
    if words_of(text).isdisjoint(_MAY_OPEN) or words_of(text[:_FIRST]).isdisjoint(_MAY_OPEN):
        return text
    for _ in range(_MOST):
        found = _SENTENCE.match(text)
        first = found[0] if found else ""
        said = first.strip(_EDGE)
        if not found or not found.end() or found.end() >= len(text):
            break
        line = text.split("\n", 1)[0].strip(_EDGE)
        if _TITLE.fullmatch(line) or _ADMIN.match(line):
            first, kind = text[: len(text.split("\n", 1)[0]) + 1], "title"
        elif not said or (_OPENS.match(said) and not _heads(said)) or _TITLE.fullmatch(said):
            kind = "preamble"
        else:
            break
        if said:
            removed.append(Removed(kind, first.strip()))
        text = text[len(first) :].lstrip()
    return text


def _heads(said: str) -> bool:
    """Whether words are the heading of a section, or say something that is seen."""
    return said.endswith(":") and (headings.kind_of(said[:-1]) is not None or _finding(said))


def without_closing(text: str, removed: list[Removed]) -> str:
    """A text without the remarks after the report: disclaimers, offers, signatures."""
    near = max(0, len(text) - _NEAR_END)
    if words_of(text).isdisjoint(_MAY_CLOSE) or words_of(text[near:]).isdisjoint(_MAY_CLOSE):
        return text
    near = text.find("\n", near) + 1 if near else 0
    pieces = [m for m in _SENTENCE.finditer(text, near) if m[0]]
    cut = len(text)
    for piece in reversed(pieces[-_MOST * 2 :]):
        said = piece[0].strip(_EDGE)
        closes = (_CLOSES.search(said) and not _finding(said)) or _ANNOUNCES.match(said)
        if not said:
            continue
        if not closes:
            break
        cut = piece.start()
    cut = _from_label(text, cut, near)
    rest = text[cut:].strip()
    if not rest or not text[:cut].strip(_EDGE):
        return text
    removed.append(Removed("closing remark", rest))
    return text[:cut].rstrip(" \t\n*_#>=~`").rstrip("-").rstrip()


def _finding(said: str) -> bool:
    return bool(SEEN.search(said)) and not ABOUT.search(said)


def _from_label(text: str, cut: int, near: int) -> int:
    """Where a disclaimer begins that is labelled as one, whatever its later sentences say."""
    at = re.compile(
        r"^[*_#> \t\[(-]*(?:disclaimer|legal notice|(?:electronically |digitally )?signed|dictated by|signature)\b",
        re.IGNORECASE | re.MULTILINE,
    ).search(text, near)
    return min(cut, at.start()) if at else cut
