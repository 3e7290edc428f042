"""The arms of a faithfulness page: which runs of one model it compares, and what each is for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmrad_eval.core.values import Study


@dataclass(frozen=True)
class Arm:
    """One run that the page needs."""

    task: str
    why: str
    traced: bool = False
    """Whether the studies must have reference traces."""


ARMS: tuple[Arm, ...] = (
    Arm("direct", "the image alone"),
    Arm("direct-null", "the image moved by two pixels: what changes for no reason"),
    Arm("direct-swapped", "another patient's image"),
    Arm("direct-blank", "a black image"),
    Arm("tcot", "image and the trace's words", traced=True),
    Arm("tcot-blind", "the trace's words without any image: what the words alone give away", traced=True),
    Arm("mcot", "image, words, boxes and region images", traced=True),
    Arm("mcot-null", "the same, the image moved by two pixels", traced=True),
    Arm("mcot-repeat", "the whole image again in place of each region image", traced=True),
    Arm("mcot-random", "equal areas elsewhere in place of the regions", traced=True),
    Arm("mcot-shuffled", "the region images in another order", traced=True),
    Arm("mcot-swapped", "another patient's region images beside this patient's words", traced=True),
    Arm("tcot-self", "the model's own trace"),
    Arm("early-100", "the report after the whole of its own trace, in a second turn"),
    Arm("early-0", "the report after none of its own trace"),
    Arm("early-25", "after a quarter"),
    Arm("early-50", "after half"),
    Arm("early-75", "after three quarters"),
    Arm("mistaken", "the report after its own trace with one statement turned around"),
)


def applicable(studies: Sequence[Study]) -> tuple[list[Arm], list[Arm]]:
    """The arms that can be asked about these studies, and those that can't for want of reference traces."""
    traced = any(study.trace and study.trace.steps for study in studies)
    return [a for a in ARMS if traced or not a.traced], [a for a in ARMS if a.traced and not traced]
