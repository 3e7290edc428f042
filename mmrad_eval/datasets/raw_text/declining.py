"""Tells an answer that declines from a report, by meaning: an inability or a policy about the task or the picture.

A sentence declines where somebody cannot (may not, will not) do the task itself: read images, write a report, help.
What cannot be seen in an image is a finding. So a text declines where a sentence does, and no other says what is seen.
"""

from __future__ import annotations

import re
from typing import Literal

from mmrad_eval.datasets.raw_text.vocabulary import ABOUT, SEEN
from mmrad_eval.datasets.words import among, words_of

Declined = Literal["", "declined", "no image seen"]

_MEDIUM = (
    r"(?:images?|pictures?|x[- ]?rays?|radiographs?|radiology|films?|scans?|photos?|photographs?|attachments?"
    r"|uploads?|files?|cxrs?)"
)
_PRODUCT = (
    r"(?:reports?|diagnos[ie]s|interpretations?|analys[ie]s|assessments?|readings?|findings?|impressions?"
    r"|descriptions?|evaluations?"
    r"|advice|opinions?|requests?|questions?|tasks?|conditions?|diseases?|patients?|this|that|it|them|so|these"
    r"|those|you|content)"
)
_DO = (
    r"(?:interpret|analy[sz]e|diagnose|read|view|see|process|generate|write|create|produce|provide|give|offer|make"
    r"|assist|help|comply|evaluate|assess"
    r"|examine|describe|report|fulfil+|perform|determine|comment|review|do|complete|answer|look|draft"
    r"|engage|identify|conduct|carry|supply|share|trying|attempt(?:ing)?)"
)
_WITHIN = (
    r"(?:\W+(?:to|or|and|with|on|at|from|for|of|about|in|any|an?|the|such|your|specific|actual|direct|accurate"
    r"|medical|clinical|diagnostic"
    r"|radiology|radiological|radiologic|chest|professional|formal|proper|further|full|complete|definitive"
    r"|detailed|provided|attached|uploaded|given"
    r"|this|that|these|section|reliable|real|out|"
    + _DO
    + r"|interpreting|analy[sz]ing|generating|providing|reading|writing|making|diagnosing)){0,9}?"
)
_CANNOT = (
    r"(?:(?:can(?:no|['\u2019`]?)t|can\ not|could\ not|couldn['\u2019]?t|won['\u2019]?t|will\ not|may\ not"
    r"|shouldn['\u2019]?t|should\ not)(?:\ be\ able\ to)?"
    r"|(?:unable|not\ able|unqualified|not\ qualified|not\ permitted|not\ allowed|not\ authori[sz]ed|not\ designed"
    r"|not\ trained|not\ equipped|not\ licensed"
    r"|not\ intended|not\ capable|incapable|not\ comfortable|not\ in\ a\ position|prohibited"
    r"|not\ programmed)(?:\ (?:to|of|from|in|with))?"
    r"|(?:must|have\ to|need\ to|going\ to|respectfully|politely|to|will|would\ have\ to)\ (?:respectfully\ "
    r"|politely\ )?(?:decline|refuse|refrain|abstain)(?:\ (?:to|from|this|your))?"
    r"|(?:do(?:es)?\ not|don['\u2019]?t|doesn['\u2019]?t|lack|lacking|have\ no|has\ no)\ (?:have\ )?(?:the\ |any\ )?"
    r"(?:ability"
    r"|abilities|capability|capabilities|capacity|training|expertise|qualifications?|tools|means"
    r"|authority)(?:\ (?:to|for|of))?"
    r"|not\ (?:be\ )?(?:appropriate|possible|safe|ethical|advisable|responsible|right)(?:\ for\ me)?\ to"
    r"|(?:beyond|outside|exceeds?)\ (?:of\ )?(?:the\ scope\ of\ )?(?:my|our)\ \w+\ to"
    r"|(?:guidelines|polic\w+|rules|instructions|programming|design|training)\ (?:prevents?|prohibits?|forbids?"
    r"|keeps?|stops?|do(?:es)?n['\u2019]?t\ allow)\ me(?:\ from)?)"
)
_TASK_OBJECT = rf"(?:{_MEDIUM}|{_PRODUCT})"
_ACTIVE = re.compile(
    rf"{_CANNOT}(?:\W+(?:really|currently|actually|directly|safely|responsibly|simply|reliably|attempt|try|help"
    rf"|assist))*"
    rf"\W+(?:to\ )?{_DO}(?:ing)?\b{_WITHIN}\W+{_TASK_OBJECT}\b",
    re.IGNORECASE,
)
_BARE = re.compile(
    rf"^\W*(?:sorry|i['\u2019]?m\ sorry|i\ am\ sorry|i\ apologi[sz]e|unfortunately)?\W*(?:but\ )?"
    rf"(?:(?:i|we)\W+)?(?:am\ |are\ |['\u2019]?m\ )?{_CANNOT}\W+(?:help|assist|comply|do\ so|answer"
    rf"|diagnose|interpret)\W*$",
    re.IGNORECASE,
)
_SUBJECT = re.compile(
    rf"^(?:\W|therefore|so|thus|and|hence|a|an|the|no|this|your|radiology|medical|diagnostic|clinical|full|proper"
    rf"|accurate|requested){{0,12}}\W*"
    rf"(?:{_MEDIUM}|report|diagnosis|interpretation|analysis|request|description|reading|findings|impression"
    rf"|assessment)s?\b(?:\ (?:section|report|of\ this\ image))?"
    rf"\W+(?:is\ |are\ )?(?:can(?:no|['\u2019]?)t|can\ not|could\ not|not\ possible"
    rf"|impossible)(?:\W+be\ (?:generated|provided|made|written|given|created|produced|performed|completed"
    rf"|interpreted|analy[sz]ed|processed|opened|read))?\W*(?:$|from|without|since|because|as|here|by)",
    re.IGNORECASE,
)
_POLICY = re.compile(
    r"(?:outside|beyond|exceeds?|against|violates?|not\ within)\ (?:of\ )?(?:the\ (?:scope|limits?)\ of\ )?(?:my"
    r"|our|its|openai)\W+(?:\w+\W+){0,2}(?:capabilit\w+|abilit\w+|expertise|guidelines?|polic\w+|training|scope"
    r"|rules|role)"
    r"|\bnot\ something\ (?:that\ )?i(?:\ can|['\u2019]m\ able|\ am\ able)"
    r"|\bi\ (?:must|have\ to|need\ to|will|would\ rather)?\W*(?:respectfully\ |politely\ )?(?:decline|refuse)\b"
    r"|\b(?:no|not)\W+(?:\w+\W+){0,2}interpretation\ is\ possible"
    r"|\bi(?:\ am|['\u2019]m)\ not\ (?:a\ )?(?:qualified|licensed|able|capable)\b[^.]{0,60}\b(?:medical|image"
    r"|x-?ray|radiolog)",
    re.IGNORECASE,
)
_ABSENT = (
    r"(?:provided|attached|supplied|included|uploaded|received|shared|given|sent|visible|available|displayed"
    r"|present|submitted|loaded|accessible|found|detected|here|there)"
)
_EARLIER = (
    r"(?:prior|previous|earlier|lateral|comparison|additional|further|old|outside|other|follow-up|second"
    r"|frontal\ view|recent|older|preceding)"
)
_NOT_EARLIER = rf"(?!\w*\W*(?:\w+\W+){{0,2}}{_EARLIER}\b)"
_EARLIER_FILM = re.compile(rf"\b{_EARLIER}\W+(?:\w+\W+)?{_MEDIUM}\b", re.IGNORECASE)
_KIND = r"(?:chest\ |medical\ |frontal\ |radiology\ |actual\ |such\ |current\ |pa\ |ap\ )*"
_MISSING = re.compile(
    rf"""(?:
    \bno\ {_NOT_EARLIER}{_KIND}{_MEDIUM}\W+(?:(?:was|were|is|are|has\ been|have\ been|appears?\ to\ (?:be|have\ been)
      |could\ be)\W+)?(?:actually\ |currently\ )?{_ABSENT}\b(?!\W+for\ comparison)
    |(?<!prior\ )(?<!previous\ )(?<!lateral\ )\b{_MEDIUM}\b(?!\W+(?:of|from)\b)[^.,;]{{0,40}}?(?:\b(?:was|were|is|are
      |has|have|did|does|do)(?:\ not|n['\u2019]?t)\b|\bnever\b)\W+(?:\w+\W+){{0,2}}(?:{_ABSENT}|come|came|load
      |loading|attach|open|work|upload)
    |(?<!prior\ )(?<!previous\ )\b(?:{_MEDIUM})\b[^.,;]{{0,30}}\b(?:is|are|appears?\ to\ be|seems?\ to\ be
      |was)\ (?:missing|blank|empty|absent)\b
    |\b(?:i|we)\W+(?:only\ )?(?:do\ not|don['\u2019]?t|did\ not|didn['\u2019]?t|can(?:no|['\u2019]?)t|could\ not
      |couldn['\u2019]?t|am\ unable\ to|am\ not\ able\ to|['\u2019]?m\ unable\ to|['\u2019]?m\ not\ able\ to
      |haven['\u2019]?t|have\ not|never)\W+(?:actually\ |currently\ |yet\ )?(?:see|receive[d]?|find|detect|get|got
      |have(?:\ (?:direct\ )?access\ to)?|access|locate|view)\W+{_NOT_EARLIER}(?:any|an?|the|your|that
      |this)?\W*{_KIND}{_MEDIUM}\b(?!\W+(?:evidence|artifacts?|changes?))
    |\b(?:you|there)\W+(?:haven['\u2019]?t|have\ not|didn['\u2019]?t|did\ not
      |forgot\ to)\W+(?:\w+\W+){{0,3}}?{_NOT_EARLIER}(?:an?|any|the)?\W*{_KIND}{_MEDIUM}\b
    |\bthere\ (?:is|are|was|were|seems?\ to\ be|appears?\ to\ be)\W+(?:no
      |not\ an?)\W+{_NOT_EARLIER}{_KIND}{_MEDIUM}\b\W*(?:$|in\ (?:our|your|the|this)\ (?:conversation|message|chat
      |request|prompt)|attached|here|provided|to\ (?:analy|review|interpret|describe))
    |\bwithout\W+(?:an?|the|any|seeing\ the|access\ to\ the)?\W*{_NOT_EARLIER}{_KIND}{_MEDIUM}\b[^.]{{0,20}}\b(?:i|we
      |it|no)\b
    |(?:\b(?:please|kindly|could\ you|can\ you|would\ you|once\ you|if\ you|when\ you|as\ soon\ as\ you|until\ you
      |you\ need\ to|try)\b)[^.?!]{{0,40}}\b(?:provid|upload|re-?upload|attach|shar|send|submit|supply
      |resend)\w*\W+(?:me\ |us\ |with\ )?{_NOT_EARLIER}(?:\w+\W+){{0,4}}?(?:{_MEDIUM}|one|it)\b
    |\b{_MEDIUM}\b\W+(?:that\ )?you\W+(?:mentioned|referred|refer|sent|uploaded)[^.]{{0,40}}\b(?:not|n['\u2019]t)\b
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_PARTS = re.compile(r"(?<=[.!?;:])\s+|\n+|(?<=[\u3002\uff01\uff1f])|;\s*|,?\s+but\s+(?=the\b|there\b)")
_HEADING = re.compile(r"^[\W_]*(?:findings?|impression|report|conclusion)\b[\W_]*", re.IGNORECASE)
_TASK = among(
    "i me we my our you your section image images picture pictures xray xrays ray rays radiograph radiographs "
    "radiology film films scan scans photo photos photograph photographs attachment attachments upload uploads "
    "file files cxr cxrs report reports diagnose diagnosis diagnoses diagnosing interpret interpretation "
    "interpreting interpretations analyze analyse analysis analyzing analysing request requests help assist "
    "comply assistant advice "
    "consult doctor doctors radiologist radiologists professional professionals physician sorry apologies "
    "apologize model request"
)
"""A sentence without one of these speaks of what is seen, not of the task."""
_FOREIGN = among(
    "puedo podemos ha han veo soy tengo nao non peux suis kann kan geen niet kein keine keinen nicht "
    "nenhuma nessuna aucune "
    "imagen imagenes image"
)
"""What a text in another language holds that may decline."""
_ANY = _TASK | _FOREIGN
_PICTURES = among(
    "image images imaging picture pictures photo photos xray xrays ray rays radiograph radiographs film "
    "films scan scans "
    "attachment file files"
)
_WORK = among(
    "report reports radiology diagnosis diagnoses diagnose diagnostic interpretation interpretations interpret "
    "interpreting analysis analyze analyse request advice conditions medical help assist identify identifying"
)
_SENDING = among(
    "attach attached attachment upload uploaded received load loaded loading found open resend chat "
    "message conversation "
    "missing need end send sent share shared here"
)
_LACKING = among(
    "no not t cannot cant failed unable missing need once without never can could please only neither nor until"
)
_REFUSING = among(
    "no not t cannot cant unable never decline declines refuse refuses refrain pass avoid "
    "outside beyond against violate "
    "violates irresponsible "
    "refused denied disabled declining inappropriate unethical unsupported unsafe prevent prevents "
    "prohibit prohibits prohibited lack lacks prefer"
)
_OUTRIGHT = among("decline declines refuse refuses refused denied disabled")
"""Words that withhold whatever stands beside them."""
_SORRY = re.compile(
    r"\W*(?:i(?:['\u2019]m| am) (?:very |so |really )?sorry|sorry|my apologies|i apologi[sz]e)\b", re.IGNORECASE
)
_EXPERTS = among("radiologist radiologists doctor doctors physician physicians clinician professional professionals")
_REFERRING = among("please consult ask see seek task only not should may must leave contact")
_SOMEBODY = among(
    "i me my myself we our ai model assistant you your policy policies guidelines supported allowed "
    "permitted available "
    "something capabilities request"
)
_ADJUNCT = re.compile(
    rf"\b(?:on|in|by|from|at)\s+(?:(?:this|the|these|that|current|single|portable|chest|frontal|a|an)\s+)*{_MEDIUM}\b",
    re.IGNORECASE,
)
"""Where something was looked for: "on this film" is no task."""
_TECHNICAL = re.compile(
    r"\b(?:prior|previous|earlier|comparison|compare|compared|lateral|oblique|portable|motion|quality"
    r"|artifacts?|projection|views?"
    r"|technique|exposure|field of view|limited|degraded|poor|clinical history|correlat\w+|dr|physician)\b",
    re.IGNORECASE,
)
"""What a radiologist says of the picture itself."""
_ELSEWHERE = (
    (  # Spanish, Portuguese, Italian, French
        re.compile(
            r"\b(?:no puedo|no podemos|no poder|no soy capaz|no me es posible|n[a\u00e3]o (?:posso|consigo|sou capaz)"
            r"|non (?:posso|sono in grado)|(?:je )?ne (?:peux|suis) pas|no tengo la capacidad|no estoy)\b",
            re.IGNORECASE,
        ),
        re.compile(
            r"\b(?:interpr[e\u00e9]t\w*|analy\w*|analiz\w*|analis\w*|ayud\w*|ajud\w*|aiut\w*|aider|gener\w*"
            r"|proporcion\w*"
            r"|fornec\w*|fornir\w*|fournir|diagn\w*|im[a\u00e1]gen\w*|imag\w*|immagin\w*|informe|rapport\w*|relat\w*"
            r"|asist\w*|capac\w*|autoriz\w*)",
            re.IGNORECASE,
        ),
    ),
    (
        re.compile(
            r"\b(?:k(?:ann|an) (?:ich |ik )?(?:leider |helaas )?(?:kein\w*|nicht|diese\w*|das|geen|niet)"
            r"|nicht in der Lage"
            r"|darf (?:ich )?(?:kein\w*|nicht)|kann nicht)\b",
            re.IGNORECASE,
        ),
        re.compile(
            r"(?:bild\w*|beeld\w*|r\u00f6ntgen\w*|befund\w*|diagnos\w*|auswert\w*|interpretier\w*|helfen|bericht\w*"
            r"|analysier\w*|beurteil\w*)",
            re.IGNORECASE,
        ),
    ),
    (
        re.compile(
            r"(?:(?:\u65e0\u6cd5|\u4e0d\u80fd)(?!\u5b8c\u5168)(?!\u6392\u9664|\u9664\u5916)|\u4e0d\u53ef\u4ee5|\u7121\u6cd5|\u6ca1\u6709\u80fd\u529b"
            r"|\u4e0d\u5177\u5907|\u3067\u304d\u307e\u305b\u3093|\u3067\u304d\u306a\u3044"
            r"|\u3044\u305f\u3057\u304b\u306d|\uc218 \uc5c6|\ubabb\ud569\ub2c8\ub2e4|\ubd88\uac00\ub2a5)"
        ),
        re.compile(
            r"(?:\u5149\u7247|\u80f8\u7247|\u56fe\u50cf|\u5716\u50cf|\u5f71\u50cf|\u56fe\u7247|\u89e3\u8bfb|\u8bca\u65ad|\u8a3a\u65b7"
            r"|\u62a5\u544a|\u5831\u544a|\u5e2e\u52a9|\u63d0\u4f9b|\u5206\u6790|\u753b\u50cf|\u8aad\u5f71"
            r"|\uc601\uc0c1|\ud310\ub3c5|\uc9c4\ub2e8|\uc774\ubbf8\uc9c0|\ubcf4\uace0\uc11c|\ub3c4\uc640)"
        ),
    ),
    (  # Russian, Ukrainian, Polish
        re.compile(r"(?:не (?:могу|можу|в состоянии|способ\w+)|nie (?:mogę|jestem w stanie))", re.IGNORECASE),
        re.compile(
            r"(?:изображен|зображен|снимк|рентген|диагно|отч[её]т|помочь|obraz|zdję|diagno"
            r"|raport)",
            re.IGNORECASE,
        ),
    ),
)  # fmt: skip
"""(an inability, the task or the picture) in other languages than English; both in one sentence decline."""
_MISSING_ELSEWHERE = re.compile(
    r"\b(?:no se (?:ha|han) (?:proporcionado|adjuntado|recibido)|no (?:veo|hay|encuentro) (?:ninguna )?imag\w+"
    r"|kein(?:e|en)? (?:bild\w*|beeld\w*|r\u00f6ntgen\w*) (?:bereitgestellt|vorhanden|angeh\u00e4ngt|erhalten|sehen)"
    r"|kein bild|aucune image|nenhuma imagem|nessuna immagine)"
    r"|(?:\u6ca1\u6709|\u672a|\u770b\u4e0d\u5230)[^\u3002]{0,8}(?:\u63d0\u4f9b|\u4e0a\u4f20|\u6536\u5230"
    r"|\u770b\u5230)?[^\u3002]{0,4}(?:\u56fe\u50cf|\u56fe\u7247|\u5f71\u50cf)|\u8bf7(?:\u63d0\u4f9b"
    r"|\u4e0a\u4f20)[^\u3002]{0,10}(?:\u56fe\u50cf|\u56fe\u7247|\u7247)",
    re.IGNORECASE,
)


def _withholds(said: str) -> Declined:
    """What a sentence of other words says that speaks of the task or a picture, and of nothing that is seen."""
    words = words_of(_ADJUNCT.sub(" ", said))
    if not words.isdisjoint(_PICTURES) and not words.isdisjoint(_SENDING) and not words.isdisjoint(_LACKING):
        return "no image seen"
    if _POLICY.search(said):
        return "declined"
    if _SORRY.match(said) or (not words.isdisjoint(_EXPERTS) and not words.isdisjoint(_REFERRING)):
        return "declined"
    by_somebody = not words.isdisjoint(_SOMEBODY)
    about_task = not words.isdisjoint(_PICTURES | _WORK)
    if not words.isdisjoint(_OUTRIGHT) and "patient" not in words and (by_somebody or about_task):
        return "declined"
    return "declined" if by_somebody and about_task and not words.isdisjoint(_REFUSING) else ""


def declines(text: str) -> Declined:
    """Whether a text declines, and whether because no picture came; empty for a report."""
    if text.isascii() and words_of(text).isdisjoint(_ANY):
        return ""
    parts = [said for part in _PARTS.split(text) if (said := _HEADING.sub("", part).strip())]
    kinds = [_kind(said) for said in parts]
    if not any(kinds) or any(not kind and _is_seen(said) for said, kind in zip(parts, kinds, strict=True)):
        return ""
    return "no image seen" if "no image seen" in kinds else "declined"


def _is_seen(said: str) -> bool:
    """Whether a sentence says what is seen in the patient."""
    return bool(SEEN.search(said)) and not ABOUT.search(said)


def _kind(said: str) -> Declined:
    """What one sentence says of the task."""
    words = words_of(said)
    if not words.isdisjoint(_TASK):
        if _MISSING.search(said) and not _EARLIER_FILM.search(said):
            return "no image seen"
        if any(pattern.search(said) for pattern in (_ACTIVE, _BARE, _SUBJECT)):
            return "declined"
        plain = not SEEN.search(said) and not _TECHNICAL.search(said)
        if plain and (found := _withholds(said)):
            return found
    if said.isascii() and words.isdisjoint(_FOREIGN):
        return ""
    if _MISSING_ELSEWHERE.search(said):
        return "no image seen"
    elsewhere = any(first.search(said) and second.search(said) for first, second in _ELSEWHERE)
    return "declined" if elsewhere else ""
