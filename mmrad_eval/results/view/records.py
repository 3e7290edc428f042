"""What a page holds of a study and of each run's answer to it: plain records, each in a script of its own.

The page decodes one when its study is opened, so that opening the page costs the table alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmrad_eval.core.values import Answer, Example, PriorStudy, Report, Step, Study, Target, Trace, Usage, Value
from mmrad_eval.datasets import raw_text
from mmrad_eval.results.run.judged import JudgedRecord
from mmrad_eval.results.run.record import Run
from mmrad_eval.results.scoring.explained import explained
from mmrad_eval.results.scoring.run import as_seen
from mmrad_eval.results.view.findings import Findings, Piece, fates, findings
from mmrad_eval.results.view.images import Album, Cut, Drawn, Picture
from mmrad_eval.results.view.judgements import ViewedJudgement, viewed_judgements
from mmrad_eval.results.view.requests import Exchange
from mmrad_eval.tasks.answers import evidence_words
from mmrad_eval.tasks.views import key_image, label

_REMOVED = "removed "
"""How the events begin that count what was taken off a reply."""


class Shown(Value, frozen=True):
    """A whole image of the study."""

    picture: int
    label: str


class ViewedLook(Value, frozen=True):
    """A step of a trace."""

    region: str = ""
    regions: tuple[str, ...] = ()
    category: str = "other"
    text: str = ""
    pieces: tuple[Piece, ...] = ()
    """The text again, cut by what the report made of it; empty where there is no report."""
    box: Drawn | None = None
    """On the study's key image."""
    image: Cut | None = None
    stated: bool = False
    """Whether it is a statement of the report itself, with the box that the model marked in its words."""


class Thought(Value, frozen=True):
    """A trace."""

    steps: tuple[ViewedLook, ...] = ()
    text: str = ""
    pieces: tuple[Piece, ...] = ()
    """The text again, as in a step."""


class RunReader(Value, frozen=True):
    """A box that a human reader drew."""

    box: Drawn
    label: str = ""
    sentence: str = ""
    reader: str = ""


class Earlier(Value, frozen=True):
    """A prior study of the same patient."""

    id: str
    days: float | None = None
    images: tuple[Shown, ...] = ()
    report: str = ""


class StudyRecord(Value, frozen=True):
    """What is known of a study, whoever answers."""

    pictures: tuple[Picture, ...] = ()
    """Every file that the study or an answer to it shows; numbers elsewhere count in here."""
    images: tuple[Shown, ...] = ()
    """The key image first: boxes are on it."""
    context: dict[str, str] = {}
    reference: Report | None = None
    trace: Thought | None = None
    """The reference trace."""
    readers: tuple[RunReader, ...] = ()
    priors: tuple[Earlier, ...] = ()


class Unscored(Value, frozen=True):
    """Words of a reply that are no part of its report."""

    kind: str
    text: str


class AnswerRecord(Value, frozen=True):
    """What one run answered."""

    why: str = ""
    report: Report = Report()
    candidate: str = ""
    """The part of the report that is scored."""
    trace: Thought | None = None
    """Written by the model."""
    shown: Thought | None = None
    """The evidence that the task showed."""
    findings: Findings | None = None
    """None without a reference for the target, or without an answer."""
    alignment: tuple[str, ...] = ()
    """How ``Findings all @ rules`` of this study comes about; empty where the run has no such column."""
    judged: tuple[ViewedJudgement, ...] = ()
    """What judges said of it."""
    events: dict[str, int] = {}
    """What was counted as the reply was read."""
    unscored: tuple[Unscored, ...] = ()
    """What was taken off the last reply, where it is known."""
    exchanges: tuple[Exchange, ...] = ()
    usage: Usage = Usage()


def study_record(study: Study, album: Album) -> dict[str, Any]:
    """The fields of a StudyRecord but ``pictures``, which answers may add to."""
    key = key_image(study)
    ordered = [key, *(image for image in study.images if image is not key)] if key else []
    images = tuple(Shown(album.add(image), label(image)) for image in ordered)
    on = images[0].picture if images else -1
    context = {name: value for name in study.context.__struct_fields__ if (value := getattr(study.context, name))}
    return {
        "images": images,
        "context": context,
        "reference": study.reference,
        "trace": _thought(study.trace, album, on) if study.trace else None,
        "readers": tuple(RunReader(album.drawn(b.box, on), b.label, b.sentence, b.reader) for b in study.boxes),
        "priors": tuple(_earlier(prior, album) for prior in study.priors),
    }


def answer_record(  # noqa: PLR0917 (an answer, and all that is known of it)
    answer: Answer,
    study: Study,
    run: Run,
    album: Album,
    exchanges: tuple[Exchange, ...],
    judged: Sequence[JudgedRecord] = (),
    *,
    score: str = "",
) -> AnswerRecord:
    """What a page shows of an answer. ``album`` holds the study's own images already.

    ``judged``: what judges said of it. ``score``: the signature of the run's findings score, whose alignment is shown;
    empty where it has none.
    """
    target = run.identity.selection.target
    example = Example(study, answer, target)
    answered = answer.status not in {"failed", "pending"}
    key = key_image(study)
    on = album.add(key) if key else -1
    reference = example.reference
    report = example.candidate if answered else None
    scored = bool(score) and answered and reference
    return AnswerRecord(
        why=answer.why,
        report=answer.report,
        candidate=example.candidate,
        trace=_thought(answer.trace, album, on, report) if answer.trace else None,
        shown=_thought(answer.shown, album, on, report) if answer.shown else None,
        findings=findings(report, reference) if report is not None and reference is not None else None,
        alignment=explained(Example(as_seen(study, run), answer, target), score) if scored else (),
        judged=viewed_judgements(judged),
        events=answer.events,
        unscored=_unscored(answer, target, exchanges),
        exchanges=exchanges,
        usage=answer.usage,
    )


def _unscored(answer: Answer, target: Target, exchanges: tuple[Exchange, ...]) -> tuple[Unscored, ...]:
    """The pieces whose kinds the answer counts, read once more from the last reply."""
    kinds = {event.removeprefix(_REMOVED) for event in answer.events if event.startswith(_REMOVED)}
    if not kinds or not exchanges:
        return ()
    turns = (turn for turn in exchanges[-1].turns if turn.role != "assistant")
    asked = "\n".join(part.text for turn in turns for part in turn.parts if part.text)
    pieces = raw_text.read(exchanges[-1].reply, target, asked=asked, told=evidence_words(answer.shown)).removed
    return tuple(Unscored(piece.kind, piece.text.strip()) for piece in pieces if piece.kind in kinds)


def _thought(trace: Trace, album: Album, on: int, report: str | None = None) -> Thought:
    pieces = iter(fates(report, trace) if report is not None else ())
    said = any(step.text.strip() for step in trace.steps)
    steps = tuple(_look(step, album, on, next(pieces, ()) if step.text.strip() else ()) for step in trace.steps)
    return Thought(steps, trace.text, () if said else next(pieces, ()))


def _look(step: Step, album: Album, on: int, pieces: tuple[Piece, ...]) -> ViewedLook:
    return ViewedLook(
        region=step.region,
        regions=step.regions,
        category=step.category,
        text=step.text,
        pieces=pieces,
        box=album.drawn(step.box, on) if step.box else None,
        image=album.cut(step.image) if step.image else None,
        stated=step.part == "report",
    )


def _earlier(prior: PriorStudy, album: Album) -> Earlier:
    images = tuple(Shown(album.add(image), label(image)) for image in prior.images)
    return Earlier(prior.id, prior.interval_days, images, prior.report.text if prior.report else "")
