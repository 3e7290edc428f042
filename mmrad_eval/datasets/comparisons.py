"""Statements that compare with a prior examination: what one image alone can't show.

A sentence is a comparison where it speaks of change or sameness over time ("unchanged", "new since", "has improved") or
of a prior study ("compared with the prior radiograph"). Earlier surgery is none ("prior sternotomy").
"""

from __future__ import annotations

import re

VERSION = 1
"""Raised whenever a text would be flagged otherwise."""
STUDIES = (
    r"(?:study|studies|exam(?:ination)?s?|radiographs?|films?|images?|imaging|x-?rays?|cxrs?|cts?|scans?|reports?"
    r"|chest)"
)
WORDS = (
    r"unchanged|unaltered|stable|residual|constant|persist\w*|interval|new(?:ly)?|no longer|re-?demonstrat\w+",
    r"remain(?:s|ed|ing)?|improved|improving|improvement|worsened|worsening|resolved|resolving|progression",
    r"no (?:(?:significant|substantial|interval|major|definite|relevant) )*change",
    r"(?:in )?compar(?:ed|ison) (?:to|with)|since (?:the )?(?:prior|previous|last|earlier|X{3,}|___|\d)",
    rf"(?:prior|previous|earlier|preceding|last) (?:\w+ ){{0,2}}{STUDIES}|from (?:the )?(?:prior|previous)",
    r"previously (?:seen|noted|described|identified|visualized|reported|demonstrated)|pre-?existing (?:\w+ )?opacit\w+",
    r"again (?:seen|noted|demonstrated|identified|visualized|is|are)|(?:is|are) again",
    r"(?:has|have|had) (?:\w+ ){0,2}(?:increased|decreased|cleared|progressed|developed|enlarged)",
    r"(?:has|have) been (?:removed|placed|inserted|withdrawn|advanced)",
    r"(?:increas|decreas)(?:ed|ing|e) (?:since|from|compared|in the interval)|similar (?:to|in appearance)",
    r"now (?:seen|present|appears?|small|large|moderate|clear)",
)
"""What a comparison says, each alternative a piece of a pattern."""
PATTERN = re.compile(rf"\b(?:{'|'.join(WORDS)})(?!\w)", re.IGNORECASE)
SENTENCE = re.compile(r"[^.!?\n]*(?:[.!?](?!\s|$)[^.!?\n]*)*(?:[.!?]+|\n|$)\s*")


def sentences(text: str) -> list[tuple[str, bool]]:
    """(sentence with the space after it, whether it compares), in order; together they are the text."""
    return [(match[0], bool(PATTERN.search(match[0]))) for match in SENTENCE.finditer(text) if match[0]]


def compares(text: str) -> bool:
    """Whether any statement compares."""
    return bool(PATTERN.search(text))


def without(text: str) -> str:
    """The text without the sentences that compare."""
    return "".join(sentence for sentence, compared in sentences(text) if not compared).strip()
