"""Two other patients for a look: one whose image shows a finding at that place, and one whose report has none of it.

The finding is one that the own reference does not state. Where it lies on the donor's image, a reader's box or a step
of the donor's trace says. Both crops are cut at the same place, so that they differ in what they show.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from mmrad_eval.core.contracts import Donor
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Box, Image, Study
from mmrad_eval.metrics.consistency.matching import is_kind
from mmrad_eval.metrics.facts.extract import extract
from mmrad_eval.tasks.views import key_image
from mmrad_eval.traces.geometry import Corners, Size, convert, problems
from mmrad_eval.traces.rendering import size_of

INSIDE = 0.5
"""Share of a finding's box that must lie in the look, so that a crop at its place shows it."""
MOST_TRIED = 2000
"""Other patients that are looked at for one with a finding in that place."""
_GROWN = 0.1


@dataclass(frozen=True)
class LookDonors:
    """What takes the place of a region image."""

    concept: str
    """The finding that the first crop shows, in the vocabulary of facts."""
    shows: Image
    lacks: Image


def look_donors(study: Study, image: Image, size: Size, donor: Donor) -> LookDonors | None:
    """The donors of a region image of a study; None where no two patients would do.

    ``size`` is that of the study's own image. Where nobody has a finding in the place of the look, the crops are cut
    around the donor's finding.
    """
    place = convert(image.box, "norm_1", size).xyxy if image.box is not None else (0.0, 0.0, 1.0, 1.0)
    own = _stated(study)
    for around in (False, True):
        tried = 0

        def where(other: Study, *, around: bool = around) -> bool:
            nonlocal tried
            tried += 1
            return tried <= MOST_TRIED and bool(_choices(other, place, own, around=around))

        try:
            other = donor(study, where)
        except DataError:
            continue
        choices = _choices(other, place, own, around=around)
        concept = min(choices, key=lambda name: hashlib.sha256(f"{study.id}\n{name}".encode()).digest())
        without = _without(study, other, concept, donor)
        if without is None:
            return None
        cut = place if not around else choices[concept]
        return LookDonors(concept, _cut(other, image, cut), _cut(without, image, cut))
    return None


def _choices(other: Study, place: Corners, own: frozenset[str], *, around: bool) -> dict[str, Corners]:
    """Concept -> its place, of what another patient shows there and the study itself does not have."""
    found: dict[str, Corners] = {}
    for concept, box in _placed(other):
        known = any(is_kind(concept, mine) or is_kind(mine, concept) for mine in own)
        if not known and (around or _share(box, place) >= INSIDE):
            found.setdefault(concept, _wider(box))
    return found


def _placed(study: Study) -> Iterator[tuple[str, Corners]]:
    """What a study shows where, in fractions of its image: of readers' boxes, then of the steps of its trace."""
    key = key_image(study)
    drawn = [(box.sentence or box.label, box.box) for box in study.boxes]
    drawn += [(step.text, step.box) for step in (study.trace.steps if study.trace else ()) if step.box is not None]
    if key is None or not drawn:
        return
    try:
        size = key.size or size_of(key.path)
    except DataError:
        return
    for words, box in drawn:
        if not problems(box, size):
            corners = convert(box, "norm_1", size).xyxy
            yield from ((fact.concept, corners) for fact in extract(words) if fact.status == "present")


def _stated(study: Study) -> frozenset[str]:
    """What a study's reference, boxes and trace say is there, surely or perhaps."""
    words = [study.reference.text if study.reference else ""]
    words += (
        [part for part in (study.reference.findings, study.reference.impression) if part] if study.reference else []
    )
    words += [box.sentence or box.label for box in study.boxes]
    words += [step.text for step in (study.trace.steps if study.trace else ())]
    return frozenset(fact.concept for text in words if text for fact in extract(text) if fact.status != "absent")


def _without(study: Study, shows: Study, concept: str, donor: Donor) -> Study | None:
    """Another patient, neither the study's nor the first donor's, who has a report and none of the finding."""
    tried = 0

    def where(other: Study) -> bool:
        nonlocal tried
        tried += 1
        if tried > MOST_TRIED or other.cluster == shows.cluster or key_image(other) is None:
            return False
        known = other.reference is not None or other.boxes or other.trace
        return bool(known) and not any(is_kind(said, concept) or is_kind(concept, said) for said in _stated(other))

    try:
        return donor(study, where)
    except DataError:
        return None


def _cut(other: Study, like: Image, place: Corners) -> Image:
    """The same place of another patient's image, shown in the same way."""
    key = key_image(other)
    assert key is not None  # both donors were chosen for their images
    render = like.render if like.render.partition("@")[0] == "crop" else "crop"
    box = Box(place, "norm_1")
    return msgspec.structs.replace(key, role="region", box=box, render=render, source="tool", parts=())


def _share(box: Corners, place: Corners) -> float:
    """The share of a box that lies in a place."""
    across = min(box[2], place[2]) - max(box[0], place[0])
    down = min(box[3], place[3]) - max(box[1], place[1])
    area = (box[2] - box[0]) * (box[3] - box[1])
    return max(0.0, across) * max(0.0, down) / area if area > 0 else 0.0


def _wider(box: Corners) -> Corners:
    across, down = _GROWN * (box[2] - box[0]), _GROWN * (box[3] - box[1])
    return max(0.0, box[0] - across), max(0.0, box[1] - down), min(1.0, box[2] + across), min(1.0, box[3] + down)
