"""Which arms of a faithfulness page some data allow."""

from __future__ import annotations

from collections.abc import Sequence

from mmrad_eval.core.values import Study
from mmrad_eval.tasks.arms import ARMS as EVERY
from mmrad_eval.tasks.arms import BOXES, REPORTS, TRACES, Arm, Need
from mmrad_eval.tasks.interventions.blur_targets import has_boxes

ARMS: tuple[Arm, ...] = tuple(arm for arm in EVERY if arm.compared)
"""The arms that the page asks."""


def applicable(studies: Sequence[Study]) -> tuple[list[Arm], list[Arm]]:
    """The arms that can be asked about these studies, and those that can't for want of what they need."""
    has: dict[Need, bool] = {
        "": True,
        TRACES: any(study.trace and study.trace.steps for study in studies),
        REPORTS: any(study.reference for study in studies),
        BOXES: any(map(has_boxes, studies)),
    }
    return [arm for arm in ARMS if has[arm.needs]], [arm for arm in ARMS if not has[arm.needs]]
