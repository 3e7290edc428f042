"""Stage 7, ``aggregate``: statements of fine regions as steps of a few categories, each with the hull of its boxes.

Texts are joined and not rewritten; a sentence that says nothing new is left out, by what it states and not by its
letters. A category without statements has no step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from mmrad_eval.construction.options import BuildOptions, Profile
from mmrad_eval.construction.records import BuiltStep, CollectedStudy, SourceRegion, StageLine, TraceStatement
from mmrad_eval.core.errors import DataError
from mmrad_eval.metrics.consistency.statements import statements
from mmrad_eval.metrics.facts.extract import Fact, extract
from mmrad_eval.traces import geometry
from mmrad_eval.traces.regions import OTHER, categories

VERSION = 1
PROFILES: Mapping[Profile, Mapping[str, str]] = {
    "paper": {
        "heart_mediastinum": "heart_mediastinum",
        "lungs": "lungs",
        "pleura_diaphragm": "lungs",
    },
    "full": {category.name: category.name for category in categories()},
}
"""Category of a region -> category of its step. The published example has two steps and tells of an effusion under the
lungs; what it does with bones and abdomen is unknown, so ``paper`` leaves them out and counts them."""
OTHER_PHRASE = "the rest of the image"


def aggregate(line: StageLine, study: CollectedStudy, options: BuildOptions) -> StageLine:
    """The steps of a record."""
    regions = {region.name: region for region in study.regions}
    profile = PROFILES[options.profile]
    groups: dict[str, list[TraceStatement]] = {}
    left_out = 0
    for one in line.standing:
        region = regions.get(one.region)
        category = profile.get(region.category if region else OTHER)
        if category is None:
            left_out += 1
        else:
            groups.setdefault(category, []).append(one)
    order = list(groups) if options.order == "source" else [c.name for c in categories() if c.name in groups]
    if options.order == "source":
        order.sort(key=lambda category: min(_first_row(one, study) for one in groups[category]))
    try:
        steps = tuple(_step(category, groups[category], regions, study.size) for category in order)
    except DataError as error:  # boxes of several frames on a film whose size is unknown
        return replace(line, status="rejected", why="box", detail=str(error), findings=())
    counts = {"statements left out by the profile": left_out} if left_out else {}
    made = replace(line, steps=steps, counts=counts, findings=())
    if not steps:
        return replace(
            made, status="rejected", why="nothing left", detail=f"no statement belongs to the profile {options.profile}"
        )
    if not any(step.box for step in steps):
        return replace(made, status="rejected", why="no box", detail="no region that is mentioned has a box")
    return made


def _first_row(one: TraceStatement, study: CollectedStudy) -> int:
    numbers = [int(row[1:]) for row in one.rows if row[1:].isdigit()]
    return min(numbers, default=len(study.regions) * 1000)


def _step(
    category: str, said: Sequence[TraceStatement], regions: Mapping[str, SourceRegion], size: geometry.Size | None
) -> BuiltStep:
    phrase = next((c.phrase for c in categories() if c.name == category), "") or OTHER_PHRASE
    names = tuple(dict.fromkeys(one.region for one in said))
    boxes = tuple(box for name in names if name in regions for box in regions[name].boxes)
    return BuiltStep(
        category=category,
        phrase=phrase,
        text=joined([one.text for one in said]),
        box=geometry.hull(boxes, size) if boxes else None,
        regions=names,
        boxes=boxes,
        statements=tuple(one.n for one in said),
    )


def joined(sentences: Sequence[str]) -> str:
    """Sentences in order, without those that state only what those before them state."""
    kept: list[str] = []
    facts: list[Fact] = []
    known: set[Fact] = set()
    for sentence in sentences:
        own = [replace(fact, span=(0, 0)) for fact in extract(sentence)]
        if sentence in kept:
            continue
        if own:
            together = {one.fact for one in statements([*facts, *own])}
            if together == known:
                continue
            facts += own
            known = together
        kept.append(sentence)
    return " ".join(kept)
