"""Is this MIMIC-CXR under another name? The marks that it carries wherever it was copied to.

The names are those of physionet.org/content/mimic-cxr/2.1.0: ``files/p10/p10000032/s50414267/``, images named by five
groups of eight hexadecimal digits, ``___`` where a report was de-identified.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from mmrad_eval.core.data_use import of_rows, strictest
from mmrad_eval.core.values import DataUse, Image, Message, Report, Study, Text
from mmrad_eval.datasets import raw_text
from mmrad_eval.datasets.lazy import LazyStudies

MARK = "___"
_LOOKED_AT = 400
"""Studies, spread over all of them, that are looked at before a run where looking at one costs a file or more."""
_EIGHT = "[0-9a-fA-F]{8}"
_DICOM = rf"(?<![0-9a-f]){_EIGHT}(?:-{_EIGHT}){{4}}(?![0-9a-f])"
_INNER = re.compile(f"-{_EIGHT}-{_EIGHT}-{_EIGHT}-")
"""Three groups within such a name."""
_PATH = r"(?<![0-9a-z])p?1\d{7}[\W_]{1,3}s5\d{7}(?![0-9a-z])|(?<![0-9a-z])p1\d{7}[\W_]{1,3}s?5\d{7}(?![0-9a-z])"
_PLACE = re.compile(rf"{_PATH}|{_DICOM}", re.IGNORECASE)
_JOINED = r"(?<![0-9a-z])(?:p1\d{7}s?|1\d{7}s)5\d{7}(?![0-9a-z])"
_BARE = r"(?<![0-9a-z.])1\d{7}[-_/\\ ]{1,2}5\d{7}(?![0-9a-z])"
_IN_NAME = re.compile(rf"{_JOINED}|{_BARE}|(?<![0-9a-f]){_EIGHT}(?:_{_EIGHT}){{4}}(?![0-9a-f])", re.IGNORECASE)
"""What is such a place in an id or a name, and too little in a sentence: ``10000032_50414267``."""
_NAME = "mimic"
"""In ids and in the names of files; in texts one finding may mimic another."""
_STUDY, _PATIENT = re.compile(r"s?5\d{7}"), re.compile(r"p?1\d{7}")
_UNDASHED = re.compile(r"(?<![0-9a-z])[0-9a-f]{40}(?![0-9a-z])", re.IGNORECASE)
"""An image's name without its dashes, which a SHA-1 is as well: it counts beside an id of a study or a patient."""
_ENOUGH, _TENTHS = 20, 7
"""Ids from which on their spread says something, and the tenths of the range of MIMIC's ids that they fall into."""
_DIGITS = re.compile("[15]")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+")
_SHORT = 60
"""Characters of a cell that may be an id."""
_DEPTH = 8
"""Lists and records within a cell that are looked into."""


def looks_credentialed(studies: Sequence[Study], *, marks: bool = True) -> str | None:
    """What in ``studies`` is written as in MIMIC-CXR, for a message; None where nothing is.

    All are looked at where they are in memory; of those that are read one by one, some, from beginning to end, since
    ``marks_of`` looks at each again before it is sent. ``marks``: whether ``___`` in a report counts; not where a
    reader has put it there in the place of other marks.
    """
    ids = []
    for study in _some(studies):  # links are followed for these: that asks the disk
        if found := marks_of(study, marks=False):
            return found
        ids.append(_id_of(study.id))
    if found := _drawn(ids):
        return found
    marked = 0
    for study in _some(studies) if isinstance(studies, LazyStudies) else studies:
        if found := _identity(study) or _named(_names_of(study)):
            return found
        marked += marks and any(MARK in text for text in _written(study))
    return f"the de-identification mark {MARK} in {marked} reports" if marked else None


def marks_of(study: Study, *, marks: bool = True) -> str | None:
    """What in this study is written as in MIMIC-CXR: its ids, the names of its images, where links lead, its texts."""
    found = _identity(study) or _named((*_names_of(study), *_targets(_images(study))))
    return found or _in_texts(_texts(study), marks=marks)


def marks_of_messages(messages: Iterable[Message]) -> str | None:
    """What in the words and pictures of a request is written as in MIMIC-CXR.

    ``___`` does not count here: models that were trained on such reports write it themselves.
    """
    parts = [part for message in messages for part in message.parts]
    images = [part for part in parts if isinstance(part, Image)]
    found = _in_texts((part.text for part in parts if isinstance(part, Text)), marks=False)
    if found or not images:
        return found
    return _named(name for image in images for name in (image.name, image.path)) or _named(_targets(images))


def class_of_rows(rows: Sequence[Mapping[Any, Any]], otherwise: DataUse) -> DataUse:
    """The class of a file of rows: what they state, else ``otherwise``; no less than what is seen in any cell."""
    seen: DataUse = "credentialed" if marks_of_rows(rows) else "open"
    return strictest((of_rows(rows, otherwise), seen))


def marks_of_rows(rows: Iterable[Mapping[Any, Any]]) -> str | None:
    """What in the cells of a table is written as in MIMIC-CXR: a place in any cell, ids of patient and study in a row.

    ``___`` does not count, as in the words of a request.
    """
    drawn: list[str] | None = []
    for row in rows:
        cells = list(_cells(row, _DEPTH))
        ids = [_id_of(cell) for cell in cells if len(cell) <= _SHORT]
        longer = (cell for cell in cells if len(cell) > _SHORT)
        found = next(filter(None, map(_place_in_name, ids)), None) or next(filter(None, map(_place, longer)), None)
        if found:
            return f"{found!r} in a row"
        study, patient = (next(filter(form.fullmatch, ids), None) for form in (_STUDY, _PATIENT))
        if study and patient:
            return f"study {study!r} of patient {patient!r}"
        if (study or patient) and any(map(_UNDASHED.search, cells)):
            return f"the name of an image beside {study or patient!r}"
        if study and drawn is not None:
            drawn.append(study)
        else:
            drawn = None
    return _drawn(drawn or ())


def _drawn(ids: Sequence[str]) -> str | None:
    """What shows that ids are nothing but MIMIC-CXR's of studies: eight digits from 5 on, from all of that range.

    Ids that a hospital or a program counts up lie close together, and those that it draws begin with other digits too.
    """
    if not all(map(_STUDY.fullmatch, ids)):
        return None
    numbers = {int(one.lower().lstrip("s")) for one in ids}
    if len(numbers) < _ENOUGH or len({number // 1_000_000 for number in numbers}) < _TENTHS:
        return None
    return f"each of {len(numbers)} ids from all of 50000000 to 59999999, such as {ids[0]!r},"


def _cells(value: Any, depth: int) -> Iterator[str]:
    """The texts and numbers of a row that may hold an id of such data, those of its lists and records too."""
    if isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
        cell = str(value)
        if _DIGITS.search(cell) or not cell.isascii():
            yield cell
    elif depth and isinstance(value, Mapping | list | tuple):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _cells(item, depth - 1)


def _id_of(cell: str) -> str:
    """A cell as the number that it spells: ``50414267.0``, ``="50414267"``, ``50,414,267``."""
    text = raw_text.identifier(cell) or ""
    return text.replace(",", "") if _THOUSANDS.fullmatch(text) else text


def _some(studies: Sequence[Study]) -> Iterator[Study]:
    """Studies from beginning to end, so that what was put after others is seen too."""
    n = len(studies)
    count = min(n, _LOOKED_AT)
    return (studies[place * n // count] for place in range(count))


def _identity(study: Study) -> str | None:
    patient = study.patient
    of_study, of_patient = _STUDY.fullmatch(_id_of(study.id)), patient and _PATIENT.fullmatch(_id_of(patient))
    if (
        _place_in_name(study.id)
        or _NAME in study.id.lower()
        or (of_study and of_patient)
        or ((of_study or of_patient) and any(map(_UNDASHED.search, (study.id, *_names_of(study)))))
    ):
        return f"study {study.id!r}" + (f" of patient {patient!r}" if patient else "")
    return None


def _named(names: Iterable[str]) -> str | None:
    """The first name with a mark. Hardly any has one, so all are looked at together first."""
    names = tuple(names)
    together = "\n".join(names)
    if not _place_in_name(together) and _NAME not in together.lower():
        return None
    return next((f"image {name!r}" for name in names if _place_in_name(name) or _NAME in name.lower()), None)


def _in_texts(texts: Iterable[str], *, marks: bool) -> str | None:
    """What marks the first text with a mark; all are looked at together first, as names are."""
    texts = tuple(texts)
    together = "\n".join(texts)
    if not (marks and "_" in together and MARK in together) and not _may_hold_place(together):
        return None
    return next((found for text in texts if (found := _in_text(text, marks=marks))), None)


def _in_text(text: str, *, marks: bool) -> str | None:
    if marks and MARK in text:
        return f"the de-identification mark {MARK} in a text"
    found = _place(text)
    return f"{found!r} in a text" if found else None


def _place(text: str) -> str | None:
    """A study's or an image's place of MIMIC-CXR in a text."""
    found = _PLACE.search(text) if _may_hold_place(text) else None
    return found[0] if found else None


def _place_in_name(text: str) -> str | None:
    """The same in an id or a name, where less shows it; also as addresses spell it (``%2Fp10000032%2Fs50414267``)."""
    if "%" in text:
        text = unquote(text)
    found = _IN_NAME.search(text)
    return found[0] if found else _place(text)


def _may_hold_place(text: str) -> bool:
    """Whether a text has what a place begins with, as hardly any has; quick, and sure where it says no."""
    numbered = "1" in text and "5" in text and ("s5" in text or "p1" in text or "S5" in text or "P1" in text)
    return numbered or ("-" in text and _INNER.search(text) is not None)


def _images(study: Study) -> Iterator[Image]:
    """Every image that a study may show: its own, those of prior studies, those of its trace."""
    yield from study.images
    for prior in study.priors:
        yield from prior.images
    if study.trace:
        yield from (step.image for step in study.trace.steps if step.image)


def _names_of(study: Study) -> Iterator[str]:
    for image in _images(study):
        yield image.name
        yield image.path
    yield from (prior.id for prior in study.priors)


def _targets(images: Iterable[Image]) -> Iterator[str]:
    """Where links lead."""
    for image in images:
        folder, name = os.path.split(image.path)
        real = os.path.realpath(image.path) if os.path.islink(image.path) else f"{_folder(folder)}/{name}"  # noqa: PTH114 (as below)
        if real != image.path:
            yield real


@lru_cache(maxsize=4096)
def _folder(path: str) -> str:
    """Where a folder truly lies. Images share theirs, and folders what leads to them, so each is asked for once."""
    above, name = os.path.split(path)
    if not os.path.isabs(path) or name in ("", ".", "..") or os.path.islink(path):  # noqa: PTH114, PTH117 (strings are faster)
        return os.path.realpath(path)
    return os.path.join(_folder(above), name)  # noqa: PTH118 (as above)


def _texts(study: Study) -> Iterator[str]:
    yield from _written(study)
    if study.trace:
        yield study.trace.text
        yield from (step.text for step in study.trace.steps)


def _written(study: Study) -> Iterator[str]:
    """What radiologists and clinicians wrote: reports, sentences with boxes, the context."""
    for report in (study.reference, study.second, *(prior.report for prior in study.priors)):
        if isinstance(report, Report):
            yield from (part for part in (report.text, report.findings, report.impression) if part)
    yield from (box.sentence for box in study.boxes if box.sentence)
    context = study.context
    yield from (part for part in (context.indication, context.comparison, context.technique, context.history) if part)
