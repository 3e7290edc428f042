"""The words of the project as frozen values: study, report, trace, request, reply, answer, example."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec

from mmrad_eval.core.replies import Finish as Finish
from mmrad_eval.core.replies import OutputImage as OutputImage
from mmrad_eval.core.replies import Reasoning as Reasoning
from mmrad_eval.core.replies import Reply as Reply
from mmrad_eval.core.replies import ReplyPart as ReplyPart
from mmrad_eval.core.replies import Served as Served
from mmrad_eval.core.replies import Text as Text
from mmrad_eval.core.replies import ToolCall as ToolCall
from mmrad_eval.core.replies import Usage as Usage
from mmrad_eval.core.structs import Value as Value
from mmrad_eval.core.structs import keyed as keyed

Frame = str
"""How the four numbers of a box are read: ``original`` (pixels of the image as stored), ``resized:WxH``,
``pad_square_N`` (longest side scaled to N, centred, padded), ``norm_N`` (N parts of a side), ``bins_100``,
``center_bins_100`` (of the central square); with ``_yx`` at the end where boxes are top, left, bottom, right."""

Target = Literal["findings", "impression", "report"]
DataUse = Literal["open", "credentialed", "unknown"]
ModelStatus = Literal["ok", "truncated", "empty", "refused", "unparsed", "too long"]
Status = Literal["ok", "truncated", "empty", "refused", "unparsed", "too long", "failed", "pending"]

MODEL_STATUSES: tuple[Status, ...] = ("ok", "truncated", "empty", "refused", "unparsed", "too long")
"""The model's doing: scored as they are."""
UNSCORED_STATUSES: tuple[Status, ...] = ("failed", "pending")
"""Infrastructure, or not asked yet: never a score."""


class Box(Value, frozen=True):
    """A rectangle: left, top, right, bottom, and the frame that the numbers live in."""

    xyxy: tuple[float, float, float, float]
    frame: Frame = "original"


class Image(Value, frozen=True, tag="image"):
    """A picture to be shown: a file as it is, or a part of one that is rendered when it is sent."""

    path: str
    """Absolute path of the file that the pixels come from. Never part of a digest."""
    name: str = ""
    """The path as the dataset writes it; part of the dataset's digest."""
    view: str | None = None
    """The dataset's own word, such as PA, AP, LATERAL, Frontal."""
    role: Literal["current", "prior", "region"] = "current"
    box: Box | None = None
    """The part of the file that a region image shows; with ``render="file"``, the box that its record states."""
    render: str = "file"
    """How pixels are made of the file: ``file`` (its bytes, untouched), ``crop``, ``masked``, ``highlighted``,
    ``full`` (the whole picture, letterboxed into as many pixels as the crop of ``box`` would have), ``montage``
    (``parts`` as labelled panels of one canvas; ``path`` is the first one's), ``blurred`` (``box``, or the boxes of
    ``parts``, filled from what surrounds them), ``blank`` (of the mean grey), ``noise`` (of the same spectrum),
    ``jpeg`` (once through JPEG of quality 95), ``padded`` (to a black square); of these four the one of ``parts`` is
    made first, where there is one.
    ``crop@FRAME`` and ``full@FRAME`` are resized as ``rendering`` says."""
    source: Literal["reference", "model", "tool"] = "reference"
    size: tuple[int, int] | None = None
    """Width and height of the file in pixels, where known before it is opened."""
    parts: tuple[Image, ...] = ()
    """The panels of a montage, in order; the boxes of one that is ``blurred``; what is made first of a ``jpeg``; the
    region image on which a model drew the box of a ``crop``."""


class Report(Value, frozen=True):
    """What a radiologist or a model wrote. ``text`` is the whole; a section that is not there is None."""

    text: str = ""
    findings: str | None = None
    impression: str | None = None

    def target(self, target: Target) -> str | None:
        """The part that is scored, None where this report has no such part."""
        if target == "report":
            return self.text or None
        return self.findings if target == "findings" else self.impression


class Step(Value, frozen=True):
    """One look: a region, a box, a region image, an observation."""

    region: str = ""
    """The region as it was written, such as "the heart and the mediastinal region"."""
    regions: tuple[str, ...] = ()
    """Fine names of the region vocabulary."""
    category: str = "other"
    box: Box | None = None
    image: Image | None = None
    text: str = ""
    part: Literal["trace", "report"] = "trace"
    """``report``: a statement of the report itself, with the box that the model wrote beside it; no reasoning."""


class Trace(Value, frozen=True):
    """The reasoning before a report, in order."""

    steps: tuple[Step, ...] = ()
    text: str = ""
    """Free reasoning that has no steps (a chain of thought in prose), as it was written."""

    def reasoned(self) -> Trace | None:
        """What was reasoned before the report: the trace without statements of the report; None where that is all."""
        steps = tuple(step for step in self.steps if step.part == "trace")
        if len(steps) == len(self.steps):
            return self
        return Trace(steps, self.text) if steps or self.text.strip() else None


class ReaderBox(Value, frozen=True):
    """A box that a human reader drew."""

    box: Box
    label: str = ""
    sentence: str = ""
    reader: str = ""
    progression: str = ""
    """How the finding changed since the previous study, in the data's own word."""


class Label(Value, frozen=True):
    """A label of a whole study, as its data set gives it."""

    name: str
    value: float = 1.0
    """1 present, 0 absent, -1 uncertain; between 0 and 1 the share of readers who saw it."""
    source: str = ""
    """Who gave it, such as ``chexpert``, ``negbio``, ``mesh``."""


class PriorStudy(Value, frozen=True):
    """A prior study of the same patient."""

    id: str
    images: tuple[Image, ...] = ()
    report: Report | None = None
    interval_days: float | None = None


class ClinicalContext(Value, frozen=True):
    """What the requesting doctor told the radiologist."""

    indication: str | None = None
    comparison: str | None = None
    technique: str | None = None
    history: str | None = None
    age: str | None = None
    sex: str | None = None


class Study(Value, frozen=True):
    """One examination of one patient."""

    id: str
    images: tuple[Image, ...] = ()
    patient: str | None = None
    reference: Report | None = None
    trace: Trace | None = None
    boxes: tuple[ReaderBox, ...] = ()
    labels: tuple[Label, ...] = ()
    priors: tuple[PriorStudy, ...] = ()
    context: ClinicalContext = ClinicalContext()
    split: str | None = None
    second: Report | None = None
    """The report of a second reader, who did not see the reference; no metric reads it."""

    @property
    def cluster(self) -> str:
        """What is resampled: the patient, or the study itself where no patient is known."""
        return self.patient if self.patient is not None else f"study:{self.id}"


Part = Text | Image


class Message(Value, frozen=True):
    """One turn of a conversation: words and pictures in the order in which they are shown."""

    role: Literal["system", "user", "assistant"]
    parts: tuple[Part, ...]


_UNLIMITED = 8192


class Decoding(Value, frozen=True, omit_defaults=False):
    """How a model is asked to write. None and empty mean: not sent."""

    KEYED: ClassVar[tuple[str, ...]] = ("max_tokens", "temperature", "top_p", "seed", "stop")
    """Always part of a request's key; a field that is added later is part of it where it differs from its default."""

    max_tokens: int | None = 1024
    temperature: float | None = 0.0
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    reasoning: int | str | None = None
    """How much the model may think before it answers: an effort, one of ``EFFORTS``, or a number of tokens."""

    @property
    def expected_tokens(self) -> int:
        """The most tokens of an answer; where no limit is sent, what time-outs and prices take for one."""
        return _UNLIMITED if self.max_tokens is None else self.max_tokens


EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""Names of efforts of reasoning, from the least on; which of them a model takes is its provider's to say."""
TOKENS = "tokens"
"""Stands among the efforts that a card lists where the model takes a number of thinking tokens."""


RAW_PROMPT = "raw_prompt"
"""Name in ``Request.extra`` of two texts, between which its one message goes out without a chat template."""


class Request(Value, frozen=True):
    """One exact question to a client. Its key is ``mmrad_eval.core.canonical.request_key``."""

    provider: str
    model: str
    messages: tuple[Message, ...]
    decoding: Decoding = Decoding()
    revision: str | None = None
    sample: int = 0
    extra: dict[str, msgspec.Raw] = {}
    """Further fields of the body that can change the reply (a response format, tools), verbatim JSON."""


class Answer(Value, frozen=True):
    """What a task made of the replies for one study. Holds no times, so equal runs are equal files."""

    study: str
    status: Status = "pending"
    why: str = ""
    report: Report = Report()
    trace: Trace | None = None
    """The trace that the model wrote."""
    shown: Trace | None = None
    """The evidence that the task showed."""
    events: dict[str, int] = {}
    """What the task counted on the way, such as looks that were granted, repeated, malformed."""
    keys: tuple[str, ...] = ()
    """Keys of the requests, in the order in which they were sent."""
    usage: Usage = Usage()
    data_use: DataUse | None = None
    """Class of the data that it is about, as each line of a file states it; None for open data."""


class Example(msgspec.Struct, frozen=True):
    """A study and an answer, side by side: what a metric sees."""

    study: Study
    answer: Answer
    target: Target = "findings"

    @property
    def candidate(self) -> str:
        """The text that is scored; empty where the model gave none. A report without sections is what was asked for."""
        report = self.answer.report
        if report.findings is None and report.impression is None:
            return report.text
        return report.target(self.target) or ""

    @property
    def reference(self) -> str | None:
        """The text that it is scored against; None where the study has none."""
        return self.study.reference.target(self.target) if self.study.reference else None


class Card(Value, frozen=True, kw_only=True):
    """The facts about a model. Only the behavioural fields can change a reply."""

    provider: str
    id: str
    revision: str | None = None
    box_frame: Frame = "pad_square_336"
    """The frame in which this model reads and writes boxes."""
    dialect: str = ""
    """How this model marks boxes among its words, an entry of ``traces.dialects``; empty: unknown, none is read."""
    look_dialect: str = ""
    """How this model asks for looks, an entry of ``tasks.look_dialects`` or a TOML file; empty: as our own prompt
    says."""
    send: Literal["", "pad_square"] = ""
    """How films are sent: as they are, or in the middle of a black square (``pad_square``), on which boxes are read."""
    draws: bool = False
    """Whether it is asked for pictures beside words, where its endpoint can be."""
    max_images: int | None = None
    """Images that one request may hold; None: no limit known."""
    formats: tuple[str, ...] = ("image/jpeg", "image/png")
    """Media types that the model's endpoint accepts; others are converted, and the conversion is recorded."""
    context: int | None = None
    """Tokens that prompt and answer share; None: unknown."""

    name: str = ""
    """What tables and folders call it; provider:id where empty."""
    aliases: tuple[str, ...] = ()
    """Other ids that the provider resolves to this one today; naming one asks for this id instead."""
    summary: str = ""
    base_url: str | None = None
    api_key_env: str | None = None
    trained_on: tuple[str, ...] = ()
    optimized_for: tuple[str, ...] = ()
    """Metrics that this model was trained to raise; tables mark their columns, and none of them is its headline."""
    cutoff: str = ""
    """Year and month after which nothing was published that it was trained on, such as ``2025-06``; empty: unknown."""
    served_by_vllm: bool | None = None
    thinking: tuple[str, ...] = ()
    """The opening and the closing mark of this model's thoughts, for marks that are not recognised by their form."""
    reasoning: tuple[str, ...] | None = None
    """What ``--reasoning`` may be: efforts, and ``tokens`` for a number of them; empty: nothing; None: unknown."""
    fixed: tuple[str, ...] = ()
    """Decoding values that a request to this model cannot set, such as ``temperature``."""
    price: tuple[float, float] | None = None
    """US dollars for a million prompt tokens and a million completion tokens."""
    cached_price: float | None = None
    """US dollars for a million prompt tokens that the provider read from its cache; None: as any of the prompt."""
    sources: dict[str, str] = {}
    """Field name -> where the fact was read, and when."""

    KEYED: ClassVar[tuple[str, ...]] = (
        "provider",
        "id",
        "revision",
        "box_frame",
        "max_images",
        "formats",
        "context",
    )
    """Always part of a run's identity."""
    BEHAVIOUR: ClassVar[tuple[str, ...]] = (*KEYED, "draws", "send")
    """The behavioral fields; one that is added later is part of a run's identity where it differs from its default."""

    def behavior(self) -> dict[str, Any]:
        """The behavioral fields, as a run's identity holds them."""
        whole = keyed(self)
        return {name: whole[name] for name in self.BEHAVIOUR if name in whole}

    @property
    def label(self) -> str:
        """The name in tables."""
        return self.name or f"{self.provider}:{self.id}"
