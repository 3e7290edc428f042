"""One spelling of what English says in several ways, so that a word stands for one thing."""

from __future__ import annotations

import re

_PICTURE = "(?:image|picture|photo|xray|radiograph|film|scan)"
_AT_LARGE = "xrays|radiographs|scans|images|films"
_OTHER = "(?:cts?|mris?|ultrasounds?)(?: scans| images)?"
"""Pictures of other kinds, where they are named beside radiographs: "CT scans and X-rays"."""
_OR = "(?:,? (?:and|or)|,|/)"
_CONVERSATION = "(?:input|message|prompt|request|query|question|conversation|chat)"
_PHRASES = (
    (r"x[- ]?ray", "xray"),
    (r"\bxray (image|picture|film|scan|photo|file)(s?)\b", r"\1\2"),
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
    (r"mak(?:e|ing) (?:things|it|this|that|one|\w+thing) up|made up|invent(?:ed|ing)?\b|fabricat(?:ed?|ing)", "guess"),
    (rf"\b{_OTHER}{_OR} (?={_AT_LARGE}|mris|cts)", ""),
    (rf"\b({_AT_LARGE}){_OR} (?:{_OTHER}(?:{_OR} |/)?)+", r"\1 "),
    (r"\bdraw(?:s|ing)? (?:the|a) line\b", "decline"),
    (rf"\bnot do (?=(?:chest |medical )?(?:{_AT_LARGE}|mris|diagnos|report|interpret|reading))", "not interpret "),
    (r"\b(?:switched|turned|shut) off\b", "disabled"),
    (r"\b(help|assist)( you)? further\b", "help"),
    (rf"\bmissing (?=(?:a|an|the|its) (?!(?:\w+ )?{_PICTURE}))", "short of "),
    (r"\bpassed (?:on|along|over)\b", "sent"),
    (r"\b(?:the |your )?(?:health)?care team\b", "doctor"),
    (r"\b(?:answer|reply) (?:is|has to be|must be) (?:a )?no\b|\bconsider (?:this|that) a no\b", "decline"),
    (r"\bnothing to (?:view|look at|work with|go on)\b", "nothing is here"),
    (r"\bimaging (?:exams?|studies|study|tests?|scans?)\b", "scans"),
    (rf"\b({_PICTURE}s?) (?:that |which )?you (?:just |have )?(?:upload|send|sent|shar|provid|attach|post)\w*", r"\1"),
    (rf"\bif i (?:only )?had (?=(?:the|an?|your) (?:\w+ )?{_PICTURE})", "i need "),
    (r"\bblind to\b", "cannot see"),
    (r"cannot be (?:read|processed|parsed|decoded|recogni[sz]ed)\b(?! (?:by|as))", "cannot be loaded"),
    (r"(?:ethical|legal|safety|privacy|liability) (?:concern|issue|reason|consideration|matter)s?", "policy"),
    (r"\bmy (?:field|area)\b", "my specialty"),
    (r"(?:no|(?:not have|lacks?|lacking)(?: the| any)?) (?:capa|a)(?:c|b)\w*it(?:y|ies) (?:to|of|for)\b", "cannot"),
    (rf"(?:in|within|with|from) (?:your|the|this|our) {_CONVERSATION}\b", " here"),
    (r"(?:not (?:have )?(?:enough|sufficient)) (?:information|data|context|detail|knowledge)s?", "cannot"),
    (r"not know (?=how\b|what\b|$)", "cannot "),
    (r"visual (?:input|content|data|information|material)s?", "image"),
    (rf"(?:instead|in place|in lieu) of (?=(?:the|an?|your|any) (?:\w+ ){{0,2}}{_PICTURE}\b)", "without "),
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
    (r"\b(?:change|switch|drop) (?:the |this )?(?:subject|topic|conversation)\b", "discuss else"),
    (r"\b(?:this|our) (?:service|platform|channel|app|application|website|site)\b", "assistant"),
    (rf"\bzero (?={_PICTURE}s\b)", "no "),
    (r"get in touch with", "contact"),
    (r"(?:come|came|go|went) through|show(?:ing)? up|(?<=not )make it\b|(?<=not )work(?:ing|s|ed)?\b", "arrive"),
    (r"\bleads? (?=to|nowhere)", "goes "),
    (r"(?:have|need) to (?:be|see)", "must"),
)
_REPLACED = tuple((re.compile(pattern), word) for pattern, word in _PHRASES)


def plain(said: str) -> str:
    """A clause in lower case with one spelling of what may be spelled in several ways."""
    said = said.lower().replace("\u2019", "'").replace("\u2018", "'")
    for pattern, word in _REPLACED:
        said = pattern.sub(word, said)
    return said
