"""English words by what they stand for in a clause: who speaks, what can't or may not be done, and to what.

A word may stand for several things; each is one letter.
"""

from __future__ import annotations

from functools import lru_cache

from mmrad_eval.datasets.raw_text.vocabulary import SEEN
from mmrad_eval.datasets.words import among

ME, MACHINE, YOU, EXPERT, PATIENT = "I", "M", "Y", "E", "p"
CANNOT, NOT, DECLINE, PAST, RULE, SORRY, PLEASE = "C", "N", "X", "x", "K", "H", "R"
DO, GIVE, LOOK, SEND, JUDGE = "V", "G", "L", "U", "D"
PICTURE, PRODUCT, ADVICE, TEXT, ELSE = "P", "T", "a", "t", "e"
ORGAN, STATE, SICKNESS, TECHNIQUE = "S", "s", "g", "Q"
FOREIGN, REPORTED, DEALT_WITH = "z", "b", "d"
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
        "department hospital clinic staff nurse"
    ),
    PATIENT: among("patient he she his her child infant"),
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
        "credentials specialty forte competent configured meant eligible advisable ethical safe safety supported "
        "support degree "
        "cleared approved law legally position"
    ),
    SORRY: among("sorry apologize apologise apologies apology unfortunately afraid regrettably regretfully regret"),
    PLEASE: among("please kindly mind let try"),
    DO: _forms(
        "interpret analyze analyse diagnose assist help evaluate assess examine describe perform determine comment "
        "review complete answer identify detect conduct process judge say respond continue recognize recognise report "
        "overstep reply handle engage discuss attempt serve fulfil fulfill comply participate proceed screen speculate "
        "advise counsel estimate undertake explain practice opine issue understand"
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
        "baseline obtain obtained expiration exposed positioning acquire acquired centered centred cropped cut "
        "addendum ct mri ultrasound "
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
        "absent removed stripped dropped blocked deleted omitted discarded timeout inaccessible unreadable dead "
        "unreachable damaged expired invalid problem trouble nowhere "
        "incomplete unsuccessful"
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
_ORGAN_EXCEPT = ENGLISH[STATE] | ENGLISH[PICTURE] | ENGLISH[SICKNESS]


@lru_cache(maxsize=8192)
def letters(token: str) -> str:
    """What an English word stands for."""
    found = "".join(letter for letter, words in ENGLISH.items() if token in words)
    return f"{found}{ORGAN}" if token not in _ORGAN_EXCEPT and SEEN.fullmatch(token) else found
