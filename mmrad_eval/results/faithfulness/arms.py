"""The arms of a faithfulness page: which runs of one model it compares, and what each is for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mmrad_eval.core.values import Study
from mmrad_eval.tasks.interventions.blur_targets import has_boxes

Need = Literal["", "reference traces", "reference reports", "boxes of findings"]


@dataclass(frozen=True)
class Arm:
    """One run that the page needs."""

    task: str
    why: str
    needs: Need = ""
    """What some study of the data must have."""


TRACES: Need = "reference traces"
REPORTS: Need = "reference reports"
BOXES: Need = "boxes of findings"

ARMS: tuple[Arm, ...] = (
    Arm("direct", "the image alone"),
    Arm("direct-shifted", "the image moved by two pixels: should change nothing"),
    Arm("direct-jpeg", "the image once through JPEG of quality 95: should change nothing"),
    Arm("direct-reworded", "the same request in other words: should change nothing"),
    Arm("direct-blank", "a picture of the image's mean grey"),
    Arm("direct-swapped", "another patient's image"),
    Arm("direct-swap-same", "the image of a patient with the same labels", REPORTS),
    Arm("direct-swap-opposite", "a normal image for an abnormal one, and the other way round", REPORTS),
    Arm("direct-blurred", "one finding of the image blurred", BOXES),
    Arm("direct-blurred-elsewhere", "equal areas without findings blurred", BOXES),
    Arm("tcot", "image and the trace's words", TRACES),
    Arm("tcot-blind", "the trace's words without any image: what the words alone give away", TRACES),
    Arm("mcot", "image, words, boxes and region images", TRACES),
    Arm("mcot-shifted", "the same, all pictures moved by two pixels", TRACES),
    Arm("mcot-jpeg", "the same, all pictures once through JPEG of quality 95", TRACES),
    Arm("mcot-reworded", "the same request in other words", TRACES),
    Arm("mcot-repeat", "the whole image again in place of each region image", TRACES),
    Arm("mcot-random", "equal areas elsewhere in place of the regions", TRACES),
    Arm("mcot-shuffled", "the region images in another order", TRACES),
    Arm("mcot-swapped", "another patient's region images beside this patient's words", TRACES),
    Arm("tcot-self", "the model's own trace"),
    Arm("early-100", "the report after the whole of its own trace, in a second turn"),
    Arm("early-0", "the report after none of its own trace"),
    Arm("early-25", "after a quarter"),
    Arm("early-50", "after half"),
    Arm("early-75", "after three quarters"),
    Arm("mistaken", "the report after its own trace with one statement turned around"),
)


def applicable(studies: Sequence[Study]) -> tuple[list[Arm], list[Arm]]:
    """The arms that can be asked about these studies, and those that can't for want of what they need."""
    has: dict[Need, bool] = {
        "": True,
        TRACES: any(study.trace and study.trace.steps for study in studies),
        REPORTS: any(study.reference for study in studies),
        BOXES: any(map(has_boxes, studies)),
    }
    return [arm for arm in ARMS if has[arm.needs]], [arm for arm in ARMS if not has[arm.needs]]
