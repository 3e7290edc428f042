"""What decides a build beside its data, its models and its prompts."""

from __future__ import annotations

from typing import Literal

from mmrad_eval.construction.records import StageName, WriterSees
from mmrad_eval.core.structs import Value

Profile = Literal["full", "paper"]
CropRender = Literal["crop", "masked", "highlighted", "none"]
CropPixels = Literal["source", "336"]


class BuildOptions(Value, frozen=True, omit_defaults=False):
    """The options of one build; each is part of the keys of the stages that it can change."""

    sees: WriterSees = "nothing"
    report: Literal["reference", "none"] = "reference"
    """``none``: the source has no reports, or they are not to be used; nothing is audited."""
    lost: int | None = 0
    """Present findings of the report that a trace may lack; None: any number."""
    comparisons: Literal["keep", "drop"] = "keep"
    """What becomes of statements that compare with a prior study."""
    profile: Profile = "full"
    order: Literal["vocabulary", "source"] = "vocabulary"
    """Steps in the order of the vocabulary, the same for all; or in that of the source, where it has looks in order."""
    render: CropRender = "crop"
    pixels: CropPixels = "source"
    films: Literal["copy", "link"] = "copy"
    """Whether films of source pixels are copied into the build, or linked to."""
    plant: float = 0.0
    """Share of statements of which a copy with a planted error goes to the auditor."""
    seed: int = 1


DECIDES: dict[StageName, tuple[str, ...]] = {
    "collect": (),
    "summarise": ("sees", "report"),
    "reflect": ("report",),
    "audit": ("report",),
    "check": ("report", "lost", "comparisons"),
    "rate": (),
    "aggregate": ("profile", "order"),
    "crop": ("render", "pixels", "films"),
    "assemble": ("seed",),
}
"""Stage -> the options that decide its lines."""


def said(options: BuildOptions, stage: StageName) -> dict[str, object]:
    """The options that decide a stage, as its keys hold them."""
    return {name: getattr(options, name) for name in DECIDES[stage]}
