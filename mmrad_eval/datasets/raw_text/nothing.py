"""What programs and people write where there is no report: words for nothing, errors of spreadsheets, bare values.

Sources: pandas' list of missing values (pandas/_libs/parsers.pyx), the error values of Excel, LibreOffice and Google
Sheets, NULL as MySQL, R and SAS export it.
"""

from __future__ import annotations

import re

from mmrad_eval.datasets.raw_text import degenerate
from mmrad_eval.datasets.words import among

_WORDS = among("nan none null n/a na n.a #n/a nat undefined nil \\n na_character_ na_integer_ na_real_") | {""}
"""What programs write for a cell without a value; no report reads like it."""
_BRACKETED = among("blank empty missing")
"""Words that mean nothing where they stand in brackets: ``(blank)``, as pivot tables write it."""
_ERROR = re.compile(r"#[A-Z][A-Z0-9/_]*[!?]|#N/?A|#GETTING_DATA|Err:5\d\d|[-+]?1\.#(?:IND|QNAN|SNAN|INF)")
_LONGEST = 16
_MARKS = " \t\n'\"[](){}<>"
_LONGEST_VALUE = 60

_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_TIME = r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[ap]\.?m\.?)?(?:z|[+-]\d{2}:?\d{2})?"
_DATE = rf"(?:\d{{1,4}}[-/.]\d{{1,2}}[-/.]\d{{1,4}}|\d{{1,2}}[- ]{_MONTH}[- ,]+\d{{2,4}}|{_MONTH} \d{{1,2}},? \d{{4}})"
_VALUE = re.compile(
    rf"[-+]?[\d.,]*\d[\d.,]*(?:e[-+]?\d+)?\s?%?|0x[0-9a-f]+|{_DATE}(?:[t ,]+{_TIME})?|{_TIME}"
    r"|true|false|yes|no|(?:pd\.)?timestamp\(.{,50}\)|(?:datetime\.)?(?:date|datetime|timedelta)\([\d, ]+\)",
    re.IGNORECASE,
)


def means_nothing(text: str) -> bool:
    """Whether a text is what programs and people write for nothing: ``nan``, ``None``, ``#REF!``, ``.``, ``___``."""
    bare = text.strip()
    if len(bare) > _LONGEST:
        return False
    if _ERROR.fullmatch(bare):
        return True
    word = bare.strip(_MARKS).lower().rstrip(".")
    if word in _BRACKETED:
        return bare[:1] in "(<["
    signed = word.removeprefix("-")
    return all(part in _WORDS or _ERROR.fullmatch(part.upper()) for part in signed.split(" ")) or (
        len(word) <= degenerate.NOISE and not any(c.isalpha() for c in word)
    )


def is_value(text: str) -> bool:
    """Whether a text is a number, a date, a time or a yes or no, of another column say, and nothing that is seen."""
    bare = text.strip().rstrip(".")
    return len(bare) <= _LONGEST_VALUE and _VALUE.fullmatch(bare) is not None
