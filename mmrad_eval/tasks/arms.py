"""The arms: every form of evidence and every control and intervention, each described once.

The registry of tasks, the tables of a paper, the page of ``mmrad-eval faithfulness`` and the documentation are made
from this table, and so is the rule by which a gain of region images may be called visual.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["evidence", "control", "intervention", "own trace"]
"""``evidence``: a form in which evidence is shown. ``control``: the same with something withheld or replaced.
``intervention``: a change of image, request or trace; its runs are compared and never scored. ``own trace``: the model
writes the trace itself."""

Need = Literal["", "reference traces", "reference reports", "boxes of findings"]
TRACES: Need = "reference traces"
REPORTS: Need = "reference reports"
BOXES: Need = "boxes of findings"


@dataclass(frozen=True)
class Arm:
    """One task of an experiment."""

    task: str
    place: str
    """``module:attribute`` of the task."""
    role: Role
    shows: str
    """What the model sees, as the list of tasks and the faithfulness page say it."""
    label: str = ""
    """What the tables of a paper call it; empty: it stands in none."""
    needs: Need = ""
    """What some study of the data must have."""
    rival: str = ""
    """What ``mcot`` must beat before its gain is visual, in words; empty: nothing that the rule asks for."""
    compared: bool = True
    """Whether the faithfulness page asks it."""


_GIVEN = "mmrad_eval.tasks.given_evidence"
_GENERATED = "mmrad_eval.tasks.generated"
_IMAGES = "mmrad_eval.tasks.interventions.images"
_RETURNED = "mmrad_eval.tasks.interventions.returned_trace"
_LOOKS = "mmrad_eval.tasks.interventions.own_looks"
_CUES = "mmrad_eval.tasks.interventions.cues"

MAIN = "mcot"
"""The arm whose gain the visual rule judges."""
TEXT = "tcot"
"""The arm to which a paper's differences are taken."""

ARMS: tuple[Arm, ...] = (
    Arm("direct", f"{_GIVEN}:DIRECT", "evidence", "image only: the baseline without any reasoning", "image"),
    Arm(
        "direct-shifted",
        f"{_IMAGES}:DIRECT_SHIFTED",
        "intervention",
        "direct with the image moved by two pixels (should change nothing)",
    ),
    Arm(
        "direct-jpeg",
        f"{_IMAGES}:DIRECT_JPEG",
        "intervention",
        "direct with the image JPEG-compressed at quality 95 (should change nothing)",
    ),
    Arm(
        "direct-reworded",
        f"{_IMAGES}:DIRECT_REWORDED",
        "intervention",
        "direct with the request in other words (should change nothing)",
    ),
    Arm("direct-blank", f"{_IMAGES}:DIRECT_BLANK", "intervention", "direct with a mean-grey image"),
    Arm("direct-swapped", f"{_IMAGES}:DIRECT_SWAPPED", "intervention", "direct with another patient's image"),
    Arm(
        "direct-swap-same",
        f"{_IMAGES}:DIRECT_SWAP_SAME",
        "intervention",
        "direct with the image of a patient with the same labels",
        needs=REPORTS,
    ),
    Arm(
        "direct-swap-opposite",
        f"{_IMAGES}:DIRECT_SWAP_OPPOSITE",
        "intervention",
        "direct with a normal patient's image for an abnormal one's, and the other way round",
        needs=REPORTS,
    ),
    Arm(
        "direct-blurred",
        f"{_IMAGES}:DIRECT_BLURRED",
        "intervention",
        "direct with the boxes of one finding blurred",
        needs=BOXES,
    ),
    Arm(
        "direct-blurred-elsewhere",
        f"{_IMAGES}:DIRECT_BLURRED_ELSEWHERE",
        "intervention",
        "direct with equal areas without findings blurred",
        needs=BOXES,
    ),
    Arm(
        "tcot",
        f"{_GIVEN}:TCOT",
        "evidence",
        "image and the trace's words: text chain of thought",
        "text CoT",
        TRACES,
        rival="text alone",
    ),
    Arm(
        "tcot-blind",
        f"{_GIVEN}:TCOT_BLIND",
        "control",
        "the trace's words without any image: what the words alone give away",
        "text CoT, no image",
        TRACES,
    ),
    Arm(
        "bcot",
        f"{_GIVEN}:BCOT",
        "evidence",
        "image, words and boxes",
        "text + boxes",
        TRACES,
        rival="text and boxes",
    ),
    Arm(
        "mcot",
        f"{_GIVEN}:MCOT",
        "evidence",
        "image, words, boxes and region images, interleaved: multimodal chain of thought",
        "multimodal CoT",
        TRACES,
    ),
    Arm(
        "mcot-unboxed",
        f"{_GIVEN}:MCOT_UNBOXED",
        "evidence",
        "image, words and region images; no box is stated",
        "multimodal, no boxes",
        TRACES,
    ),
    Arm(
        "crops",
        f"{_GIVEN}:CROPS",
        "evidence",
        "image, boxes and region images, without words",
        "regions, no words",
        TRACES,
        compared=False,
    ),
    Arm(
        "crops-atlas",
        f"{_GIVEN}:CROPS_ATLAS",
        "control",
        "image, and region images at mean boxes: the same regions for every study",
        "fixed regions",
        compared=False,
    ),
    Arm(
        "mcot-blind",
        f"{_GIVEN}:MCOT_BLIND",
        "control",
        "words, boxes and region images without the whole image",
        "multimodal, no whole image",
        TRACES,
        compared=False,
    ),
    Arm(
        "mcot-shifted",
        f"{_IMAGES}:MCOT_SHIFTED",
        "intervention",
        "mcot with all images moved by two pixels (should change nothing)",
        needs=TRACES,
    ),
    Arm(
        "mcot-jpeg",
        f"{_IMAGES}:MCOT_JPEG",
        "intervention",
        "mcot with all images JPEG-compressed at quality 95 (should change nothing)",
        needs=TRACES,
    ),
    Arm(
        "mcot-reworded",
        f"{_IMAGES}:MCOT_REWORDED",
        "intervention",
        "mcot with the request in other words (should change nothing)",
        needs=TRACES,
    ),
    Arm(
        "mcot-repeat",
        f"{_GIVEN}:MCOT_REPEAT",
        "control",
        "mcot with the whole image again in place of each region image",
        "image repeated",
        TRACES,
        rival="repeated full images",
    ),
    Arm(
        "mcot-random",
        f"{_GIVEN}:MCOT_RANDOM",
        "control",
        "mcot-unboxed with equal areas elsewhere in the same image",
        "random regions, no boxes",
        TRACES,
    ),
    Arm(
        "mcot-random-boxed",
        f"{_GIVEN}:MCOT_RANDOM_BOXED",
        "control",
        "mcot with equal areas elsewhere in the same image, and the boxes of those areas stated",
        "random regions",
        TRACES,
        rival="random regions with their boxes",
    ),
    Arm(
        "mcot-shuffled",
        f"{_GIVEN}:MCOT_SHUFFLED",
        "control",
        "mcot with the trace's own region images permuted",
        "regions permuted",
        TRACES,
    ),
    Arm(
        "mcot-swapped",
        f"{_GIVEN}:MCOT_SWAPPED",
        "control",
        "mcot with another patient's images of the same regions",
        "another patient's regions",
        TRACES,
    ),
    Arm("tcot-self", f"{_GENERATED}:TCOT_SELF", "own trace", "the model writes its own text trace, then the report"),
    *(
        Arm(
            f"early-{percent}",
            f"{_RETURNED}:EARLY_{percent}",
            "intervention",
            f"the report after {percent} % of the model's own trace, given back in a second turn",
        )
        for percent in (100, 0, 25, 50, 75)
    ),
    Arm(
        "mistaken",
        f"{_RETURNED}:MISTAKEN",
        "intervention",
        "the report after the model's own trace with one statement negated",
    ),
    Arm(
        "mcot-loop",
        "mmrad_eval.tasks.loop:MCOT_LOOP",
        "own trace",
        "the model asks for regions, sees them one at a time, then reports",
    ),
    *(
        Arm(
            f"redraw-{change}",
            f"{_LOOKS}:REDRAW_{change.upper()}",
            "intervention",
            f"mcot-loop from the model's last look on, which shows {shows}",
        )
        for change, shows in (
            ("kept", "the same JPEG-compressed at quality 95 (should change nothing)"),
            ("true", "the film at the box that the model announced"),
            ("foreign", "another patient's picture of that place with a finding that this patient lacks"),
            ("lacking", "another patient's picture of that place without that finding"),
            ("noise", "noise of the same mean and spectrum"),
            ("blank", "the mean grey"),
            ("full", "the whole image in as many pixels"),
            ("removed", "nothing"),
        )
    ),
    Arm(
        "film-swap",
        f"{_LOOKS}:FILM_SWAP",
        "intervention",
        "mcot-loop from the model's last look on, with another patient's whole image and the same look",
    ),
    Arm(
        "word-edit",
        f"{_LOOKS}:WORD_EDIT",
        "intervention",
        "mcot-loop from the model's last look on, with one statement that it made before negated",
    ),
    Arm(
        "mcot-loop-swapped",
        f"{_IMAGES}:MCOT_LOOP_SWAPPED",
        "intervention",
        "mcot-loop with another patient's image from the beginning",
    ),
    Arm(
        "cue-text",
        f"{_CUES}:CUE_TEXT",
        "intervention",
        "tcot-self with a sentence that names a finding which is not there",
        needs=REPORTS,
    ),
    Arm(
        "cue-neutral",
        f"{_CUES}:CUE_NEUTRAL",
        "intervention",
        "tcot-self with a sentence of that length that names no finding",
        needs=REPORTS,
    ),
    Arm(
        "cue-right",
        f"{_CUES}:CUE_RIGHT",
        "intervention",
        "tcot-self with a sentence that names a finding of the reference",
        needs=REPORTS,
    ),
    Arm(
        "cue-mark",
        f"{_CUES}:CUE_MARK",
        "intervention",
        "tcot-self with the usual place of a finding outlined which is not there",
        needs=TRACES,
    ),
    Arm(
        "cue-unmarked",
        f"{_CUES}:CUE_UNMARKED",
        "intervention",
        "tcot-self with the whole image outlined",
        needs=TRACES,
    ),
    Arm(
        "continue",
        "mmrad_eval.tasks.interventions.continuation:CONTINUE",
        "intervention",
        "half a reference report and no image: the rest of it, for `mmrad-eval contamination`",
        needs=REPORTS,
        compared=False,
    ),
)

RIVALS: dict[str, str] = {arm.task: arm.rival for arm in ARMS if arm.rival}
"""Task -> in words: ``mcot`` must beat every one of them on facts that the words did not state (an intersection-union
test) before its gain is called visual."""


def labels(*roles: Role) -> dict[str, str]:
    """Task -> what a paper's tables call it, of the arms in these roles, in order."""
    return {arm.task: arm.label for arm in ARMS if arm.role in roles and arm.label}
