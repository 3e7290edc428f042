"""From a study with a trace to a conversation: what may be written, and why a study may not."""

from __future__ import annotations

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Box, DataUse, Frame, Image, Step, Study, Trace, Value
from mmrad_eval.metrics.consistency.statements import Statement, statements
from mmrad_eval.metrics.facts.extract import extract
from mmrad_eval.tasks.regions import region_image
from mmrad_eval.tasks.views import key_image
from mmrad_eval.traces import geometry
from mmrad_eval.traces.box_marks import mark_boxes
from mmrad_eval.traces.geometry import Size
from mmrad_eval.traces.rendering import size_of
from mmrad_eval.training.conversation import Conversation, ExportLook, mark_in
from mmrad_eval.training.pictures import drawn

_IN_PADDING = "in padding"


class Draft(Value, frozen=True):
    """What one study gives, before any trainer's pictures and numbers."""

    study: Study
    report: str
    trace: Trace | None = None


class LeftOut(Value, frozen=True):
    """A study that gives no draft, and why."""

    study: str
    why: str


class Unfit(Exception):  # noqa: N818 - no error: a reason why one study is not exported
    """Why a study is left out, as a clause that follows "left out:"."""


def checked(draft: Draft) -> Draft:
    """The draft; Unfit where its words or boxes can't be taught as they are."""
    if key_image(draft.study) is None:
        raise Unfit("they have no image")
    if not draft.report.strip():
        raise Unfit("they have no report to train on")
    steps = steps_of(draft.trace)
    words = [draft.report, *(text for step in steps for text in (step.region, step.text))]
    if mark_in(*words):
        raise Unfit("their text contains a trainer's own marker, such as <image>")
    if any(mark_boxes(step.text)[1] for step in steps):
        raise Unfit("their text contains box numbers, whose frame is unknown")
    return draft


def steps_of(trace: Trace | None) -> tuple[Step, ...]:
    """The steps of a trace; its words as one step where it has no others."""
    if trace is None:
        return ()
    return trace.steps or ((Step(text=trace.text.strip()),) if trace.text.strip() else ())


def conversation(
    draft: Draft, *, frame: Frame, numbers: Frame, question: str, data_use: DataUse, pictured: bool = True
) -> Conversation:
    """The conversation of a draft. Boxes are converted to the film as it is exported.

    ``frame`` is that of the film's pixels, ``numbers`` the one that words are written in. Without ``pictured`` its
    looks are words alone. Unfit where a box or a picture can't be used.
    """
    film = key_image(draft.study)
    assert film is not None
    try:
        size = size_of(film.path)
        looks = []
        for step in steps_of(draft.trace):
            box = _sound(step.box, size)
            region = region_image(draft.study, step, "record") if pictured else None
            looks.append(
                ExportLook(
                    region=" ".join(step.region.split()),
                    text=step.text.strip(),
                    box=None if box is None else geometry.convert(box, frame, size),
                    numbers="" if box is None else geometry.spoken(geometry.convert(box, numbers, size)),
                    picture=None if region is None else drawn(region, frame)[0],
                    abnormal=any(statement.abnormal for statement in said(step.text)),
                )
            )
        shown = drawn(film, frame)[0]
    except DataError as error:
        raise Unfit(_kind(error)) from error
    report = draft.report.strip()
    return Conversation(draft.study.id, shown, tuple(looks), report, question=question, data_use=data_use)


def images_of(draft: Draft) -> list[Image]:
    """The film and the pictures of the steps, in order."""
    film = key_image(draft.study)
    looks = (region_image(draft.study, step, "record") for step in steps_of(draft.trace))
    return [image for image in (film, *looks) if image is not None]


def said(text: str) -> tuple[Statement, ...]:
    """The statements of a text, by rules."""
    return statements(extract(text))


def fact(statement: Statement) -> str:
    """A statement in words: ``present left pleural effusion``."""
    known = statement.fact
    return " ".join(word for word in (known.status, known.side, known.zone, known.concept.replace("_", " ")) if word)


def _sound(box: Box | None, size: Size) -> Box | None:
    """The box, cut to the film where it reaches into padding; Unfit where it is no box of this film."""
    if box is None:
        return None
    found = geometry.problems(box, size)
    bad = [what for what in found if not what.startswith(_IN_PADDING) or "wholly" in what]
    if bad:
        raise Unfit(f"a box is invalid: {bad[0].partition(':')[0]} (mmrad-eval data check names them)")
    return geometry.clip(box, size)


def _kind(error: DataError) -> str:
    """The kind of a fault of a picture, without its path."""
    if isinstance(error.__cause__, FileNotFoundError):
        return "an image file does not exist (--images names the folder that image names start from)"
    said = str(error).partition(": ")[2].partition(";")[0][:80]
    return f"a region image can't be made: {said or 'unknown'}"
