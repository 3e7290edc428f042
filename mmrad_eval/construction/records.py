"""Records of a build: one line an image in the file of each stage, and what a line holds.

A line is complete for its stage: what a later stage needs stands in it, but for what was collected, which stands in the
line of the first stage. It holds no times, so that equal builds are equal bytes.
"""

from __future__ import annotations

from typing import Any, Literal

from mmrad_eval.core.structs import Value
from mmrad_eval.core.values import Box, DataUse, Report

StageName = Literal["collect", "summarise", "reflect", "audit", "check", "rate", "aggregate", "crop", "assemble"]
STAGES: tuple[StageName, ...] = (
    "collect", "summarise", "reflect", "audit", "check", "rate", "aggregate", "crop", "assemble",
)  # fmt: skip
"""All stages, in order; the file of the n-th is ``stages/n-NAME.jsonl``."""

LineStatus = Literal["kept", "corrected", "rejected", "failed"]
"""``failed``: infrastructure, asked again by the next command and never a verdict."""

REASONS = (
    "no report",
    "no box",
    "box",
    "no pixels",
    "unreadable",
    "refused",
    "region not given",
    "row not given",
    "quote not in report",
    "contradicted",
    "invented",
    "side",
    "lost",
    "not from one image",
    "two rounds",
    "rated low",
    "nothing left",
)
"""Why a record, or a statement of it, is rejected: one word list for all stages."""

WriterSees = Literal["nothing", "labels", "report"]
"""What of the report the writer sees when it summarises."""


class SourceRow(Value, frozen=True):
    """One sentence of the source about a region."""

    id: str
    """``r1``, ``r2``, ... within the image, in the order of the source."""
    text: str
    origin: str = ""
    """Who said it, or in answer to what: a reading, a kind of question."""


class SourceRegion(Value, frozen=True):
    """A region of an image: its boxes and what the source says of it."""

    name: str
    """Of the vocabulary where it is known; of a source that boxes findings, the finding."""
    category: str
    boxes: tuple[Box, ...] = ()
    rows: tuple[SourceRow, ...] = ()
    note: str = ""
    """``box disagreement`` where its boxes differ too much to be one."""


class CollectedStudy(Value, frozen=True):
    """What is known of an image before anybody writes."""

    patient: str | None = None
    split: str | None = None
    """As the source or MIMIC-CXR's list has it."""
    image: str = ""
    """The name that the source has for the film."""
    path: str = ""
    size: tuple[int, int] | None = None
    view: str | None = None
    report: Report = Report()
    labels: tuple[str, ...] = ()
    """Findings that the report's labels, or the source's, call present."""
    denied: tuple[str, ...] = ()
    """Findings that the source's labels call absent, everywhere in the image."""
    regions: tuple[SourceRegion, ...] = ()


class TraceStatement(Value, frozen=True):
    """One sentence of a trace, and what became of it."""

    n: int
    region: str
    text: str
    rows: tuple[str, ...] = ()
    """The source rows that it cites."""
    quote: str = ""
    """The words of the report that it rests on, verbatim."""
    reflect: str = ""
    """The writer's verdict on itself: ``keep``, ``correct``, ``remove``; ``add`` for one that it added when asked."""
    audit: str = ""
    """The auditor's: ``supported``, ``contradicted``, ``not mentioned``, ``unclear``."""
    error: str = ""
    """The kind of error that the auditor names."""
    rules: str = ""
    """Ours: ``supported``, ``contradicted``, ``invented``, ``certainty``, ``side``, ``normal remark``, ``silent``."""
    why: str = ""
    """The reason for which it is rejected; empty while it stands."""


class CheckFinding(Value, frozen=True):
    """Something that our rules say of a record."""

    check: str
    effect: Literal["return", "reject", "flag", "count"]
    n: tuple[int, ...] = ()
    """The statements that it is about; empty for the record as a whole."""
    what: str = ""


class BuiltStep(Value, frozen=True):
    """A step of the aggregated trace."""

    category: str
    phrase: str
    text: str
    box: Box | None = None
    """The hull of the boxes of its regions."""
    regions: tuple[str, ...] = ()
    boxes: tuple[Box, ...] = ()
    statements: tuple[int, ...] = ()


class BuiltImage(Value, frozen=True):
    """A picture file of the built dataset."""

    file: str
    """Below the folder of the build."""
    sha256: str
    size: tuple[int, int]
    render: str = ""
    """Empty for the film."""
    step: int = 0
    """From 1; 0 for the film."""
    correlation: float | None = None
    """How well the crop was found again in the film, at its box."""


class StageLine(Value, frozen=True, kw_only=True):
    """One image in the file of one stage."""

    id: str
    stage: StageName
    version: int
    key: str
    """Digest of all that decides this line; the same key: nothing is done again."""
    input: str = ""
    """The key of the line of the stage before."""
    status: LineStatus = "kept"
    why: str = ""
    """One of ``REASONS`` where it is rejected, the fault where it failed."""
    detail: str = ""
    rounds: int = 0
    """How often it went back to the writer."""
    study: CollectedStudy | None = None
    statements: tuple[TraceStatement, ...] = ()
    findings: tuple[CheckFinding, ...] = ()
    counts: dict[str, int] = {}
    ratings: dict[str, int] = {}
    """Rater -> rating, where this record was rated."""
    steps: tuple[BuiltStep, ...] = ()
    images: tuple[BuiltImage, ...] = ()
    split: str = ""
    record: dict[str, Any] = {}
    """The finished record in the authors' form."""
    asked: tuple[str, ...] = ()
    """Keys of the requests, in the order in which they were sent."""
    model: tuple[str, ...] = ()
    """Labels of the models that were asked."""
    data_use: DataUse | None = None
    """The class of the data, so that it is known wherever the file is copied to; open data has none."""

    @property
    def goes_on(self) -> bool:
        """Whether the next stage takes it."""
        return self.status in {"kept", "corrected"}

    @property
    def standing(self) -> tuple[TraceStatement, ...]:
        """The statements that are not rejected."""
        return tuple(one for one in self.statements if not one.why)
