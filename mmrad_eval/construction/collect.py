"""Stage 1, ``collect``: what the source says of each region of an image, as rows with ids and boxes.

Three kinds of sources: question rows of GEMeX-ThinkVG, whose thoughts and answers point at regions; traces whose steps
are regions (Chest ImaGenome, own boxes, the demo); boxes that readers drew around findings (PadChest-GR, VinDr-CXR,
MS-CXR, REFLACX), where the finding is the region and its concept gives the category.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmrad_eval.construction.records import CollectedStudy, SourceRegion, SourceRow
from mmrad_eval.core.values import Box, ReaderBox, Report, Study
from mmrad_eval.metrics.facts.extract import extract
from mmrad_eval.metrics.facts.sentences import cut
from mmrad_eval.traces import geometry, thinkvg
from mmrad_eval.traces.record import trace_of
from mmrad_eval.traces.regions import OTHER, category_of, fine_names, resolve

VERSION = 2
ONE_BOX = 0.9
"""Boxes of a region that overlap with their median by at least this much are one box, their median."""
OWN_REPORT = frozenset({"padchest-gr", "padchest-gr-es", "reflacx"})
"""Formats whose reports are the very sentences that are boxed: the others of them, such as denials, are rows too."""
CHOICES = ("single_choice_questions", "multi_choice_questions")
"""Types of questions whose answer may be the letter of an option."""

_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL | re.IGNORECASE)
_REF = re.compile(r"<ref>([^<]{1,80})</ref>")
_WORDS = re.compile(r"[^\W\d_]{2,}")


@dataclass
class _Gathered:
    """A region on its way."""

    category: str
    boxes: list[Box] = field(default_factory=list)
    rows: dict[str, str] = field(default_factory=dict)
    """Sentence -> where it is from."""


def collect(study: Study, form: str = "", rows: Sequence[Mapping[str, Any]] = ()) -> CollectedStudy:
    """What is known of an image. ``form`` is the format of its data; ``rows`` are those of GEMeX-ThinkVG, if any."""
    image = study.images[0] if study.images else None
    if rows:
        found = _of_rows(rows)
    elif any(box.sentence for box in study.boxes):
        found = _of_boxes(study)
        if form in OWN_REPORT:
            _add_unboxed(found, study.reference.text if study.reference else "")
    elif study.trace is not None and study.trace.steps:
        found = _of_steps(study)
    else:
        found = _of_boxes(study)
    return CollectedStudy(
        patient=study.patient,
        split=study.split,
        image=image.name if image else "",
        path=image.path if image else "",
        size=image.size if image else None,
        view=image.view if image else None,
        report=study.reference or Report(),
        labels=tuple(dict.fromkeys(label.name for label in study.labels if label.value > 0)),
        denied=tuple(dict.fromkeys(label.name for label in study.labels if label.value == 0)),
        regions=tuple(_regions(found)),
    )


def _regions(found: Mapping[str, _Gathered]) -> Iterator[SourceRegion]:
    number = 0
    for name, one in found.items():
        rows = []
        for text, origin in one.rows.items():
            number += 1
            rows.append(SourceRow(f"r{number}", text, origin))
        boxes, note = merged(one.boxes)
        yield SourceRegion(name, one.category, boxes, tuple(rows), note)


def merged(boxes: Sequence[Box]) -> tuple[tuple[Box, ...], str]:
    """Boxes of one region as one where they agree, else all of them, which is noted."""
    distinct = tuple(dict.fromkeys(boxes))
    if len(distinct) < 2 or len({box.frame for box in distinct}) > 1:
        return distinct, "box disagreement" if len(distinct) > 1 else ""
    edges = np.median(np.array([box.xyxy for box in boxes]), axis=0)
    left, top, right, bottom = map(float, edges)
    median = Box((left, top, right, bottom), distinct[0].frame)
    if all(geometry.iou(box, median) >= ONE_BOX for box in distinct):
        return (median,), ""
    return distinct, "box disagreement"


def _of_steps(study: Study) -> dict[str, _Gathered]:
    """A region a step, steps of one region together."""
    found: dict[str, _Gathered] = {}
    for step in study.trace.steps if study.trace else ():
        known = resolve(step.region)
        name = known.name if known else step.region.strip() or "image"
        one = found.setdefault(name, _Gathered(known.category if known else _category(step.category, name, step.text)))
        if step.box is not None:
            one.boxes.append(step.box)
        for sentence in sentences(step.text):
            one.rows.setdefault(sentence, "")
    return found


def _of_rows(rows: Sequence[Mapping[str, Any]]) -> dict[str, _Gathered]:
    """Thoughts at the regions that they name, and answers at the regions that their question refers to.

    The options of choice questions are never used; an answer that is a letter says nothing.
    """
    found: dict[str, _Gathered] = {}
    for row in rows:
        kind = str(row.get("question_type") or "")
        for step in trace_of(thinkvg.parse([row])).steps:
            one = _at(found, step.region)
            if step.box is not None:
                one.boxes.append(step.box)
            for sentence in sentences(step.text):
                one.rows.setdefault(sentence, kind)
        said = str(row.get("response") or "")
        answer, refs = _ANSWER.search(said), _REF.findall(said)
        if answer and refs and kind not in CHOICES and len(_WORDS.findall(answer[1])) > 1:
            for sentence in sentences(answer[1]):
                _at(found, refs[0]).rows.setdefault(sentence, kind)
    return found


def _at(found: dict[str, _Gathered], region: str) -> _Gathered:
    known = resolve(region)
    name = known.name if known else region.strip() or "image"
    return found.setdefault(name, _Gathered(known.category if known else OTHER))


def _of_boxes(study: Study) -> dict[str, _Gathered]:
    """A region a finding, with the boxes of all who drew it; each sentence keeps its reader."""
    found: dict[str, _Gathered] = {}
    for box in study.boxes:
        name = box.label.strip() or _place(box)
        one = found.setdefault(name, _Gathered(_category("", box.label, box.sentence)))
        one.boxes.append(box.box)
        for sentence in sentences(box.sentence or f"{box.label}."):
            one.rows.setdefault(sentence, box.reader)
    return found


def _add_unboxed(found: dict[str, _Gathered], report: str) -> None:
    """The sentences of the report that nobody boxed, at their category and without a box."""
    boxed = {sentence for one in found.values() for sentence in one.rows}
    for sentence in sentences(report):
        if sentence not in boxed:
            category = _category("", "", sentence)
            found.setdefault(category, _Gathered(category)).rows.setdefault(sentence, "")


def _place(box: ReaderBox) -> str:
    """The region that a sentence names; for a box without a label."""
    names = fine_names(box.sentence)
    return names[0] if names else "image"


def _category(stated: str, label: str, text: str) -> str:
    """The category of a finding: as stated, of its label's concept, of its label as a region, of its words."""
    if stated and stated != OTHER:
        return stated
    for words in (label, text):
        if not words:
            continue
        for fact in extract(words):
            if fact.category != OTHER:
                return "lungs" if fact.category == "devices" else fact.category
        named = fine_names(words)
        if named and category_of(named[0]) != OTHER:
            return category_of(named[0])
    return OTHER


def sentences(text: str) -> list[str]:
    """The sentences of a text, each in one line and ended by a stop."""
    found = [" ".join(sentence.split()) for _, sentence in cut(text)]
    return [one if one.endswith((".", "!", "?", ":")) else f"{one}." for one in found if _WORDS.search(one)]


def fault(study: CollectedStudy, *, report: bool) -> str:
    """The reason for which nothing can be built of an image; empty where something can."""
    if report and not study.report.text.strip():
        return "no report"
    if not any(region.boxes for region in study.regions):
        return "no box"
    return ""


def present(text: str) -> tuple[str, ...]:
    """The findings of the 14 that the rule labeler finds present in a report."""
    from mmrad_eval.metrics.facts.labels import label

    return tuple(name for name, code in label(text).items() if code == 1 and name != "No Finding")
