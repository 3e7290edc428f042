"""How RadGraph's models want a report split into words: version 1 and XL differ.

The rules are facts about the published models (radgraph 0.1.18, ``utils.py``): another split gives other graphs.
"""

from __future__ import annotations

import re
from typing import Literal

Model = Literal["radgraph", "radgraph-xl"]
MODELS: tuple[Model, ...] = ("radgraph", "radgraph-xl")

_V1_MARK = re.compile(r"(?<! )(?=[/,:.!?()])|(?<=[/,:.!?()])(?! )")
_XL_WORD = re.compile(r"\w+|[^\w\s]+")  # nltk's wordpunct_tokenize
_XL_ESCAPES = (("\\n", "  "), ("\\f", "  "), ("\\u2122", "      "), ("\n", " "), ('\\"', "``"))
_XL_APART = ((").", ") ."), ("%.", "% ."), (".'", ". '"), ("%,", "% ,"), ("%)", "% )"))


def split(text: str, model: Model) -> list[str]:
    """The words of a report; none where it is only white space."""
    if model == "radgraph":
        return _V1_MARK.sub(" ", text).split()
    for old, new in _XL_ESCAPES:
        text = text.replace(old, new)
    joined = " ".join(_XL_WORD.findall(text))
    for old, new in _XL_APART:
        joined = joined.replace(old, new)
    return joined.split()


def looked_up(word: str) -> str:
    """The spelling under which a word is cut into pieces (DyGIE++'s reader drops a slash before a mark)."""
    return word[1:] if word in ("/.", "/?") else word
