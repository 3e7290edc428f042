"""English words by what they stand for in a clause: who speaks, what can't or may not be done, and to what.

A word may stand for several things; each is one letter.
"""

from __future__ import annotations

import re
from functools import lru_cache

from mmrad_eval.datasets.raw_text.vocabulary import SEEN
from mmrad_eval.datasets.words import among

ME, MACHINE, YOU, EXPERT, PATIENT = "I", "M", "Y", "E", "p"
CANNOT, NOT, DECLINE, PAST, RULE, SORRY, PLEASE = "C", "N", "X", "x", "K", "H", "R"
DO, GIVE, LOOK, SEND, JUDGE = "V", "G", "L", "U", "D"
PICTURE, PRODUCT, ADVICE, TEXT, ELSE = "P", "T", "a", "t", "e"
ORGAN, STATE, SICKNESS, TECHNIQUE = "S", "s", "g", "Q"
FOREIGN, REPORTED = "z", "b"
LECTURE, MAYBE, HERE, GONE, NEED, WHEN, REFER, ONLY = "l", "c", "h", "m", "n", "i", "r", "o"


def _forms(verbs: str) -> frozenset[str]:
    """The forms of regular verbs."""
    found: set[str] = set()
    for verb in verbs.split():
        stem = verb.removesuffix("e")
        soft = verb.endswith("y") and verb[-2] not in "aeiou"
        found |= {verb, f"{verb[:-1]}ies" if soft else f"{verb}s", f"{verb}es", f"{stem}ing"}
        found |= {f"{verb[:-1]}ied" if soft else f"{stem}ed"}
    return frozenset(found)


PICTURES = among(
    "image images picture pictures photo photos photograph photographs xray xrays radiograph radiographs "
    "roentgenogram film films scan scans cxr cxrs imagery attachment attachments file files upload link links url "
    "screenshot photographic"
)
MANY = among("images pictures photos photographs xrays radiographs films scans imagery")
"""Pictures at large, where no word before them says which."""
ENGLISH: dict[str, frozenset[str]] = {
    ME: among("i we me my us our ours mine myself ourselves"),
    MACHINE: among(
        "ai model models assistant chatbot program software bot tool system chatgpt openai creators developers "
        "machine llm programming programmed"
    ),
    YOU: among("you your yours yourself"),
    EXPERT: among(
        "radiologist radiologists doctor doctors physician physicians clinician clinicians professional "
        "professionals specialist specialists expert experts provider providers pulmonologist practitioner "
        "department"
    ),
    PATIENT: among("patient patients he she his her child infant"),
    CANNOT: among("cannot unable incapable impossible inability insufficient"),
    NOT: among("no not never without none nothing nobody neither nor nowhere hardly lack lacks lacking"),
    DECLINE: _forms(
        "decline refuse hesitate refrain abstain withhold deny disable forbid prohibit restrict violate disallow reject"
    )
    | among(
        "withheld avoid avoids avoiding blocked filtered flagged unsupported unqualified unauthorized offlimits "
        "refusal forbidden unwilling reluctant hesitant unlicensed irresponsible unethical inappropriate violation"
    ),
    PAST: _forms("exceed prevent guess skip risk harm")
    | among("against beyond outside unsafe dangerous harmful risky unwise guesswork mistaken"),
    RULE: among(
        "guideline guidelines policy policies terms restriction restrictions rules settings instructed scope remit "
        "role job purpose ability abilities capability capabilities capacity expertise training trained "
        "qualification qualifications qualified license licensed licence certified certification authority "
        "authorized authorised permitted permission allowed allow allows permit designed built intended validated "
        "comfortable equipped obliged bound suited suitable able capable possible appropriate responsible skills "
        "credentials specialty speciality forte competent configured meant eligible advisable ethical safe safety supported support degree "
        "cleared approved law legally position"
    ),
    SORRY: among("sorry apologize apologise apologies apology unfortunately afraid regrettably regretfully regret"),
    PLEASE: among("please kindly mind let try"),
    DO: _forms(
        "interpret analyze analyse diagnose assist help evaluate assess examine describe perform determine comment "
        "review complete answer identify detect conduct process judge say respond continue recognize recognise report overstep "
        "reply handle engage discuss attempt serve fulfil fulfill comply participate proceed screen speculate "
        "advise counsel estimate undertake explain practice opine issue"
    )
    | among("read reads reading tell tells telling doing done rely relied practicing practising speak"),
    GIVE: _forms("give offer generate produce issue provide create deliver prepare draft render make compose formulate")
    | among("giving write writes writing written wrote made making making summarize summarise"),
    LOOK: _forms("view access open load retrieve display receive locate download parse decode")
    | among("see sees seeing seen get gets got getting find finds finding found have has"),
    SEND: _forms("upload attach send resend share submit paste include supply provide transmit add retry insert")
    | among("sent resent given give gave loaded came come arrive arrived received reupload reattach attaching load "
        "again reach reached"),
    JUDGE: _forms(
        "exclude ruleout differentiate distinguish characterize confirm measure count localize quantify correlate "
        "compare appreciate visualize discern delineate"
    )
    | among("certain sure definite certainty"),
    PICTURE: PICTURES,
    PRODUCT: _forms("report diagnose request response")
    | among(
        "diagnosis diagnoses interpretation interpretations analysis analyses assessment assessments reading "
        "readings findings finding impression impressions description descriptions evaluation evaluations opinion "
        "opinions question questions task tasks content conclusion conclusions judgment judgments judgement "
        "judgements service imaging it this that these those so one answer answers recommendations section document"
    ),
    ADVICE: among(
        "diagnosis diagnoses diagnostic advice opinion opinions interpretation interpretations medical clinical "
        "conclusions conclusion judgment judgments analysis radiology guidance medicine content request requests "
        "radiological radiographic"
    ),
    TEXT: among("text words instructions prompt"),
    ELSE: among("else different another"),
    STATE: among(
        "normal abnormal clear unremarkable acute stable unchanged port ports volume volumes inspiration "
        "abnormality abnormalities healthy contour contours"
    ),
    SICKNESS: among(
        "condition conditions disease diseases pathology pathologies illness illnesses disorder disorders problem "
        "problems"
    ),
    TECHNIQUE: among(
        "prior priors previous earlier comparison compare compared lateral oblique additional further followup "
        "second repeat repeated quality degraded degradation rotated rotation motion artifact artifacts artefact "
        "artefacts exposure underexposed overexposed technique projection supine portable history indication "
        "correlate correlation clinically pacs older old guided procedure changes change recent last preceding "
        "baseline obtain obtained expiration exposed positioning acquire acquired centered centred cropped cut addendum ct mri ultrasound "
        "tomography echo expiratory decubitus foreign evidence ward late"
    ),
    REPORTED: among(
        "concern concerns concerning agree agreed complication complications nad reassuring satisfactory negative "
        "positive notified informed called communicated phoned paged discussed reported"
    ),
    LECTURE: among(
        "typically generally usually commonly normally often sometimes suchas common typical lookfor check checks "
        "should would symptoms people whether if include includes healthy general"
    ),
    MAYBE: among("could can might reveal indicate indicates may"),
    HERE: among("here there available visible present accessible anywhere yet chat conversation"),
    GONE: among(
        "missing blank corrupted corrupt broken empty lost failed forgot forgotten unavailable error issue wrong "
        "absent inaccessible unreadable dead unreachable damaged expired invalid problem trouble nowhere incomplete unsuccessful"
    ),
    NEED: among("need needs needed require requires required must await awaiting waiting ready want wait necessary"),
    WHEN: among("once if when whenever until unless after where which"),
    REFER: among(
        "please consult consulting consulted consultation ask see seek contact recommend recommended suggest "
        "suggested consider seeking encourage advise advised should must only best need needs leave refer speak "
        "talk visit show better requires require turn reach task rather instead urge important question for"
    ),
    ONLY: among("only just merely simply solely"),
}  # fmt: skip
PARTICIPLES = among(
    "given provided offered generated made created produced written rendered issued allowed supported available "
    "processed permitted"
)
_PHRASES = (
    (r"can not|can't|cant|can`t|couldn't|could not", "cannot"),
    (r"won't|will not|wouldn't|would not", "would not"),
    (r"n't\b", " not"),
    (r"'m\b", " am"),
    (r"'ll\b", " will"),
    (r"(?:what|something)(?:'s| is) wrong", "findings"),
    (r"\bto be (?:clear|sure)\b", "to be honest"),
    (r"\bright (?=(?:to|person|people|one|tool|place|resource|source|expertise)\b)", "suited "),
    (r"\b(?:was|were|been) taken\b(?! for)", "acquired"),
    (r"\bill[- ](?:suited|equipped|qualified|prepared|placed)\b", "unqualified"),
    (
        r"mak(?:e|ing) (?:things|it|this|that|anything|something|one) up|made up|invent(?:ed|ing)?\b|fabricat(?:ed?|ing)",
        "guess",
    ),
    (r"\bblind to\b", "cannot see"),
    (r"cannot be (?:read|processed|parsed|decoded)\b(?! (?:by|as))", "cannot be loaded"),
    (r"(?:ethical|legal|safety|privacy|liability) (?:concern|issue|reason|consideration|matter)s?", "policy"),
    (r"\bmy (?:field|area)\b", "my specialty"),
    (
        r"(?:no|not have(?: the| any)?|lack(?:s|ing)?(?: the| any)?) (?:abilit|capabilit|capacit)(?:y|ies) (?:to|of|for)\b",
        "cannot",
    ),
    (
        r"(?:in|within|with|from) (?:your|the|this|our) (?:input|message|prompt|request|query|question|conversation|chat)\b",
        " here",
    ),
    (r"(?:not (?:have )?(?:enough|sufficient)) (?:information|data|context|detail|knowledge)s?", "cannot"),
    (r"not know (?=how\b|what\b|$)", "cannot "),
    (r"visual (?:input|content|data|information|material)s?", "image"),
    (
        r"(?:instead|in place|in lieu) of (?=(?:the|an?|your|any) (?:\w+ ){0,2}(?:image|picture|photo|x-?ray|radiograph|film|scan)\b)",
        "without ",
    ),
    (r"all (?:that )?(?:i|we) (?:can see|have|see|got|get|received)", "only have"),
    (r"count me out", "decline"),
    (r"first (?=(?:image|picture|x-?ray|radiograph|film|view|exam)s?\b)", "prior "),
    (r"'d\b", " would"),
    (r"'(?:re|ve|s)\b", ""),
    (r"steers? clear of|keep away from", "avoid"),
    (r"cut out for", "qualified"),
    (r"(?:diagnostic|medical) devices?", "diagnostic tool"),
    (r"(?:a|any|real|your) (?:real |actual )?patients?\b", "somebody"),
    (r"patient (?=images?|data|records?)", ""),
    (r"x[- ]?ray", "xray"),
    (r"not (?:be |going to be |gonna be )?(?:able|capable|possible|feasible)\b", "cannot"),
    (r"(?:no|not have (?:the|any)) (?:way|means) (?:for me )?(?:of|to)\b", "cannot"),
    (r"no can do", "cannot do"),
    (r"\bre-(?=upload|send|attach|share)", "re"),
    (r"turn(?:ing)? (?:\w+ ){0,2}down|passing on|pass on (?:this|that|it)|say no to", "decline"),
    (r"off[- ]limits", "offlimits"),
    (r"look(?:s|ing)? for\b", "lookfor"),
    (r"rather not|prefer not|no comment\b(?! on)", "decline to comment"),
    (r"patient care", "care"),
    (r"let me (?:have|see|get)", "please send"),
    (r"ruled? out|rules out", "ruleout"),
    (r"such as|for instance|in general|as a rule|for example", "suchas"),
    (r"follow[- ]up", "followup"),
    (r"\bco[mn] base\b", "sobre"),
    (r"\b(?:could|can|would|will|may|might) (?=you\b|(?:i|we) (?:have|see|get)\b)", "please "),
    (r"(?:clinical|no|further|relevant) information", "history"),
    (r"outside (?=images?|films?|stud|hospital|radiographs?|ct\b|prior)", "prior "),
    (r"limited (?=abilit|capabilit|capacit|expertise|training|knowledge)", "no "),
    (r"as soon as", "once"),
    (r"in the absence of", "without"),
    (r"on file|from before", "prior"),
    (r"nothing (?:acute|wrong|abnormal|new|to (?:report|add|say|note)|of note|further)", "nad"),
    (r"(?:nothing|not anything|no) else (?:is )?(?:seen|noted)", "nad"),
    (r"\b(?:some|any)(?:thing|one) else|something|anything else", "else"),
    (r"get in touch with", "contact"),
    (r"(?:come|came|go|went) through|show(?:ing)? up|make it\b|(?<=not )work(?:ing|s|ed)?\b", "arrive"),
    (r"\bleads? (?=to|nowhere)", "goes "),
    (r"(?:have|need) to (?:be|see)", "must"),
)
_REPLACED = tuple((re.compile(pattern), word) for pattern, word in _PHRASES)
_ORGAN_EXCEPT = ENGLISH[STATE] | ENGLISH[PICTURE] | ENGLISH[SICKNESS]


def plain(said: str) -> str:
    """A clause in lower case with one spelling of what may be spelled in several ways."""
    said = said.lower().replace("\u2019", "'").replace("\u2018", "'")
    for pattern, word in _REPLACED:
        said = pattern.sub(word, said)
    return said


@lru_cache(maxsize=8192)
def letters(token: str) -> str:
    """What an English word stands for."""
    found = "".join(letter for letter, words in ENGLISH.items() if token in words)
    return f"{found}{ORGAN}" if token not in _ORGAN_EXCEPT and SEEN.fullmatch(token) else found
