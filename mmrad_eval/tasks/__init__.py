"""Tasks: how a study becomes a conversation with a model, and how the model's words become an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from mmrad_eval.core import plugins
from mmrad_eval.core.contracts import Task
from mmrad_eval.core.members import replaced
from mmrad_eval.core.plugins import Kind
from mmrad_eval.core.provenance import source_of
from mmrad_eval.core.registry import Registry

_GIVEN = "mmrad_eval.tasks.given_evidence"
_GENERATED = "mmrad_eval.tasks.generated"
_EDITS = "mmrad_eval.tasks.interventions.images"
_RETURNED = "mmrad_eval.tasks.interventions.returned_trace"

INTERVENTIONS: dict[str, tuple[str, str]] = {
    "direct-shifted": (f"{_EDITS}:DIRECT_SHIFTED", "direct with the image moved by two pixels (should change nothing)"),
    "direct-jpeg": (f"{_EDITS}:DIRECT_JPEG", "direct with the image once through JPEG of quality 95 (likewise)"),
    "direct-reworded": (f"{_EDITS}:DIRECT_REWORDED", "direct with the prompt in other words (likewise)"),
    "direct-blank": (f"{_EDITS}:DIRECT_BLANK", "direct with a picture of the mean grey"),
    "direct-swapped": (f"{_EDITS}:DIRECT_SWAPPED", "direct with another patient's image"),
    "direct-swap-same": (f"{_EDITS}:DIRECT_SWAP_SAME", "direct with the image of a patient with the same labels"),
    "direct-swap-opposite": (
        f"{_EDITS}:DIRECT_SWAP_OPPOSITE",
        "direct with a normal patient's image for an abnormal one's, and the other way round",
    ),
    "direct-blurred": (f"{_EDITS}:DIRECT_BLURRED", "direct with the boxes of one finding blurred"),
    "direct-blurred-elsewhere": (
        f"{_EDITS}:DIRECT_BLURRED_ELSEWHERE",
        "direct with equal areas without findings blurred",
    ),
    "mcot-shifted": (f"{_EDITS}:MCOT_SHIFTED", "mcot with all pictures moved by two pixels (should change nothing)"),
    "mcot-jpeg": (f"{_EDITS}:MCOT_JPEG", "mcot with all pictures once through JPEG of quality 95 (likewise)"),
    "mcot-reworded": (f"{_EDITS}:MCOT_REWORDED", "mcot with the prompt in other words (likewise)"),
    **{
        f"early-{percent}": (f"{_RETURNED}:EARLY_{percent}", f"the report after {percent} % of the model's own trace")
        for percent in (0, 25, 50, 75, 100)
    },
    "mistaken": (f"{_RETURNED}:MISTAKEN", "the report after its own trace with one statement turned around"),
}
"""Tasks that change what a model sees or has thought; ``mmrad-eval faithfulness`` compares them."""

BUILTIN = {
    "direct": (f"{_GIVEN}:DIRECT", "image only: the baseline without any reasoning"),
    "tcot": (f"{_GIVEN}:TCOT", "image and the trace's words: text chain of thought"),
    "bcot": (f"{_GIVEN}:BCOT", "image, words and boxes"),
    "mcot": (f"{_GIVEN}:MCOT", "image, words, boxes and region images, interleaved: multimodal chain of thought"),
    "crops": (f"{_GIVEN}:CROPS", "image, boxes and region images, without words"),
    "crops-atlas": (
        f"{_GIVEN}:CROPS_ATLAS",
        "image, and region images at mean boxes: the same regions for every study",
    ),
    "tcot-blind": (f"{_GIVEN}:TCOT_BLIND", "control: the trace's words without any image (leak of the reference)"),
    "mcot-blind": (f"{_GIVEN}:MCOT_BLIND", "control: words, boxes and region images without the whole image"),
    "mcot-swapped": (f"{_GIVEN}:MCOT_SWAPPED", "control: mcot with another patient's image of the same region"),
    "mcot-shuffled": (f"{_GIVEN}:MCOT_SHUFFLED", "control: mcot with the trace's own region images permuted"),
    "mcot-repeat": (f"{_GIVEN}:MCOT_REPEAT", "control: mcot with the whole image again in place of each region image"),
    "mcot-random": (f"{_GIVEN}:MCOT_RANDOM", "control: mcot with equal areas elsewhere in the same image, unboxed"),
    "tcot-self": (f"{_GENERATED}:TCOT_SELF", "the model writes its own text trace, then the report"),
    **{name: (place, f"intervention: {words}") for name, (place, words) in INTERVENTIONS.items()},
    "mcot-loop": (
        "mmrad_eval.tasks.loop:MCOT_LOOP",
        "the model asks for regions, sees them one at a time, then reports",
    ),
    "trace-of:": (f"{_GIVEN}:trace_of", "trace-of:RUN - the traces that another run's model wrote, as evidence"),
    "imported": ("mmrad_eval.tasks.imported:IMPORTED", "reports made elsewhere; nothing is shown and nobody is asked"),
}


def registry() -> Registry:
    """All tasks, those of plugins (entry-point group ``mmrad_eval.tasks``) included."""
    return Registry("task", BUILTIN)


KIND = Kind("task", (Task,), "decorate a coroutine with @mmrad_eval.task(NAME)")


def load(spec: object, options: Mapping[str, str] | None = None) -> Task:
    """The task that ``spec`` names under its own ``options``: a registered name, ``path/to/file.py:Name``, an object.

    UnknownNameError with near names, PluginError saying what does not fit, UsageError for options that it does not
    have and for an object that can't be identified.
    """
    plugin = plugins.load(KIND, spec, registry())
    task: Task = plugin.value
    if options:
        task = plugins.checked(KIND, task.configured(options), plugin.name)
    source = source_of(plugin)
    return cast("Task", replaced(task, source=source)) if source else task
