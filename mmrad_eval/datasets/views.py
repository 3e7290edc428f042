"""What the words for a view mean, in every spelling of the data sets that we read."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

Orientation = Literal["frontal", "lateral", "other"]

WORD = re.compile(
    r"(?P<lateral>\b(?:lat|lateral|ll|rl|l)\b)|(?P<frontal>\b(?:pa|ap|frontal|posteroanterior|anteroposterior)\b)"
)


@lru_cache(maxsize=1024)  # a data set has a dozen words for views and half a million images
def orientation(view: str | None) -> Orientation | None:
    """Whether a view is frontal or lateral; None where nothing is said. ``postero-anterior``, ``AP_SUPINE``, ``Left
    lateral``, ``LL``.
    """
    if view is None:
        return None
    word = re.sub(r"[\s_]+", " ", view.strip().lower())
    joined = re.sub(r"\b(postero|antero)[ -](anterior|posterior)\b", r"\1\2", word)
    if not joined or joined in {"unknown", "none", "nan"}:
        return None
    found = WORD.search(joined)
    return "other" if found is None else "lateral" if found["lateral"] else "frontal"
