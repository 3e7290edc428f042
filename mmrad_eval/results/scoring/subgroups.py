"""Subgroups of studies: by what is known of the patient, of the pictures, and of the reference report.

Each attribute says of a study which of its groups it belongs to. A study of which the data does not say enough is in no
group; it is counted as *unknown*, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmrad_eval.core.errors import DataError, UsageError
from mmrad_eval.core.values import Study
from mmrad_eval.datasets import columns, views
from mmrad_eval.datasets.problems import Problems
from mmrad_eval.datasets.rows import read_rows
from mmrad_eval.metrics.facts.labels import BLANK, LABELS, POSITIVE, label
from mmrad_eval.traces import dicom

MOST_GROUPS = 40
"""Groups that one attribute may have: more are a column of free values, such as ids."""

_NO_FINDING = "No Finding"
_OWNERS = {word: columns.STUDY[word] for word in ("id", "patient")}
_SEX = {
    "f": "female", "female": "female", "woman": "female", "w": "female", "mujer": "female",
    "m": "male", "male": "male", "man": "male", "hombre": "male", "h": "male",
    "o": "other", "other": "other",
}  # fmt: skip
_AGE = re.compile(r">?\s*(?P<number>\d{1,3})(?:\.\d+)?\s*\+?\s*(?P<unit>y|yo|yrs?|years?|m|months?|w|weeks?|d|days?)?")
_BANDS = ((18, "0-17"), (40, "18-39"), (60, "40-59"), (80, "60-79"), (200, "80 and over"))
_COUNTS = ("0", "1", "2", "3", "4 or more")


@dataclass(frozen=True)
class Attribute:
    """One way to divide studies."""

    name: str
    """As on the command line."""
    says: str
    """What a group is, as the end of the sentence "Groups are ..."."""
    of: Callable[[Study], Sequence[str]]
    """The groups of a study; none where that is not known."""
    order: tuple[str, ...] = ()
    """Groups in the order in which tables show them; others follow by name."""


@dataclass(frozen=True)
class Subgroups:
    """The groups of one attribute over some studies."""

    attribute: Attribute
    members: dict[str, frozenset[str]]
    """Group -> ids, in the order of the tables."""
    unknown: frozenset[str]
    """Ids of studies whose group is not known."""


def subgroups(name: str, studies: Sequence[Study], *, option: str = "--by") -> Subgroups:
    """Divide ``studies`` by an attribute of ``ATTRIBUTES``, or by a column of a table: ``patients.csv:race``.

    UsageError for an unknown attribute; DataError where the studies are not divided by it. ``option`` is what messages
    call it.
    """
    attribute = _attribute(name, option)
    members: dict[str, set[str]] = {}
    unknown = set()
    for study in studies:
        groups = attribute.of(study)
        if not groups:
            unknown.add(study.id)
        for group in groups:
            members.setdefault(group, set()).add(study.id)
    if not members:
        raise DataError(f"{option} {name}: none of the {len(studies):,} studies states it")
    if len(members) > MOST_GROUPS:
        raise DataError(
            f"{option} {name}: {len(members):,} different values, such as {min(members)!r}; at most {MOST_GROUPS} "
            "groups can be compared, so name a column with fewer values"
        )
    place = {group: i for i, group in enumerate(attribute.order)}
    names = sorted(members, key=lambda group: (place.get(group, len(place)), group))
    return Subgroups(attribute, {group: frozenset(members[group]) for group in names}, frozenset(unknown))


def _attribute(name: str, option: str) -> Attribute:
    if name in ATTRIBUTES:
        return ATTRIBUTES[name]
    file, colon, column = name.rpartition(":")
    if colon and file and column:
        return _column(Path(file), column)
    raise UsageError(f"{option} {name}: choose {', '.join(ATTRIBUTES)}, or FILE.csv:COLUMN for a table with study ids")


def _column(path: Path, column: str) -> Attribute:
    """A column of a table with a column of study ids, or of patient ids."""
    problems = Problems()
    table = read_rows(path, problems)
    problems.raise_errors(str(path))
    if column not in table.columns:
        raise UsageError(f"{path}: has no column {column!r}; its columns are {', '.join(table.columns)}")
    found = columns.match(table.columns, _OWNERS, {}, path)
    if not found:
        raise UsageError(f"{path}: has no column of study ids (study_id) or of patient ids (patient_id)")
    kind = "id" if "id" in found else "patient"
    said: dict[str, str] = {}
    for row in table.rows:
        owner, group = columns.text(row.cells.get(found[kind])), columns.text(row.cells.get(column))
        if owner is None or group is None:
            continue
        if said.setdefault(owner.strip(), group.strip()) != group.strip():
            where = f"{path}:{row.line}" if row.line else str(path)
            raise DataError(f"{where}: {owner} has {group!r} here and {said[owner.strip()]!r} above")

    def of(study: Study) -> Sequence[str]:
        group = said.get((study.id if kind == "id" else study.patient) or "")
        return (group,) if group else ()

    return Attribute(column, f"the values of column {column} of {path.name}", of)


def _sex(study: Study) -> Sequence[str]:
    group = _SEX.get((study.context.sex or "").strip().lower())
    return (group,) if group else ()


def _age(study: Study) -> Sequence[str]:
    found = _AGE.fullmatch((study.context.age or "").strip().lower())
    if found is None:
        return ()
    years = int(found["number"]) if (found["unit"] or "y")[0] == "y" else 0
    return next(((band,) for end, band in _BANDS if years < end), ())


def _view(study: Study) -> Sequence[str]:
    found = [(views.orientation(image.view), image.view or "") for image in study.images if image.role == "current"]
    frontal = [view.upper() for kind, view in found if kind == "frontal"]
    for word, mark in (("PA", r"\bPA\b|POSTERO"), ("AP", r"\bAP\b|ANTERO-?\s?POST")):
        if any(re.search(mark, view.replace("_", " ")) for view in frontal):
            return (word,)
    if frontal:
        return ("frontal",)
    return ("lateral only",) if any(kind == "lateral" for kind, _ in found) else ()


def _findings(study: Study) -> list[str] | None:
    """Observations that the reference states; None where nothing can be read in it."""
    if study.reference is None or not study.reference.text:
        return None
    labels = label(study.reference.text)
    if all(code == BLANK for code in labels.values()):
        return None
    return [name for name in LABELS if labels[name] == POSITIVE]


def _normal(study: Study) -> Sequence[str]:
    found = _findings(study)
    return () if found is None else ("normal",) if _NO_FINDING in found else ("abnormal",)


def _finding(study: Study) -> Sequence[str]:
    return _findings(study) or ()


def _count(study: Study) -> Sequence[str]:
    found = _findings(study)
    if found is None:
        return ()
    return (_COUNTS[min(len([name for name in found if name != _NO_FINDING]), len(_COUNTS) - 1)],)


def _prior(study: Study) -> Sequence[str]:
    return ("with prior",) if study.priors else ("without prior",)


def _scanner(study: Study) -> Sequence[str]:
    for image in study.images:
        if image.role == "current" and image.path.lower().endswith((".dcm", ".dicom")):
            maker = dicom.maker_of(image.path)
            return (maker,) if maker else ()
    return ()


_RULES = "by the rule labels of the reference report"
ATTRIBUTES: dict[str, Attribute] = {
    one.name: one
    for one in (
        Attribute("sex", "the patient's recorded sex", _sex, ("female", "male", "other")),
        Attribute("age", "the patient's age in years", _age, tuple(band for _, band in _BANDS)),
        Attribute(
            "view",
            "the view position, the first that is recorded of PA, AP, frontal (neither stated), lateral only",
            _view,
            ("PA", "AP", "frontal", "lateral only"),
        ),
        Attribute("normal", f"No Finding or not, {_RULES}", _normal, ("normal", "abnormal")),
        Attribute("prior", "whether the data has a prior study of the patient", _prior),
        Attribute("finding", f"the observations that are present {_RULES}; a study is in each of its own", _finding),
        Attribute("findings-count", f"how many observations are present {_RULES}", _count, _COUNTS),
        Attribute("scanner", "the manufacturer in the header of the DICOM file", _scanner),
    )
}
