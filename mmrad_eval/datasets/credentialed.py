"""Is this MIMIC-CXR under another name? The marks that it carries wherever it was copied to.

The names are those of physionet.org/content/mimic-cxr/2.1.0: ``files/p10/p10000032/s50414267/``, images named by five
groups of eight hexadecimal digits, ``___`` where a report was de-identified.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence

from mmrad_eval.core.values import Image, Study

_LOOKED_AT = 400  # studies, spread over all of them
_PLACE = re.compile(
    r"(?:^|/)p1\d{7}/s5\d{7}(?:/|\.|$)|(?<![0-9a-f])[0-9a-f]{8}(?:-[0-9a-f]{8}){4}(?![0-9a-f])|mimic", re.IGNORECASE
)
_STUDY, _PATIENT = re.compile(r"s?5\d{7}"), re.compile(r"p?1\d{7}")


def looks_credentialed(studies: Sequence[Study], *, marks: bool = True) -> str | None:
    """What in ``studies`` is written as in MIMIC-CXR, for a message; None where nothing is.

    ``marks``: whether ``___`` in a report counts; not where a reader has put it there in the place of other marks.
    """
    marked = 0
    for study in _some(studies):
        found = next((name for image in study.images for name in _names(image) if _PLACE.search(name)), None)
        if found:
            return f"image {found!r}"
        if _PLACE.search(study.id) or (
            study.patient and _STUDY.fullmatch(study.id) and _PATIENT.fullmatch(study.patient)
        ):
            return f"study {study.id!r}" + (f" of patient {study.patient!r}" if study.patient else "")
        marked += bool(marks and study.reference and "___" in study.reference.text)
    return f"the de-identification mark ___ in {marked} reports" if marked else None


def _some(studies: Sequence[Study]) -> Iterator[Study]:
    """Studies from beginning to end, so that what was put after others is seen too."""
    n = len(studies)
    count = min(n, _LOOKED_AT)
    return (studies[place * n // count] for place in range(count))


def _names(image: Image) -> Iterator[str]:
    """Every name of an image's file: the data's, the path, and where a link leads."""
    yield image.name
    yield image.path
    real = os.path.realpath(image.path)
    if real != image.path:
        yield real
