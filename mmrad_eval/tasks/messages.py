"""The opening message that tasks share: images, context, priors, evidence, instruction."""

from __future__ import annotations

from collections.abc import Sequence

from mmrad_eval.core.contracts import TaskContext
from mmrad_eval.core.errors import DataError, PromptError
from mmrad_eval.core.values import ClinicalContext, Image, Message, Part, Reply, Study, Text
from mmrad_eval.tasks.prompting import Piece, Prompt, Slots, paragraphs, parts
from mmrad_eval.tasks.views import chosen, label

CONTEXTS = ("none", "indication", "all")
PRIORS = ("none", "report", "images")


def opening(
    prompt: Prompt,
    study: Study,
    context: TaskContext,
    more: Sequence[Piece] = (),
    *,
    images: bool = True,
    slot: str = "evidence",
    between: str = "\n\n",
) -> list[Message]:
    """The messages of the first turn: an optional system message, then the user's.

    ``more`` fills ``slot``, with ``between`` after it.
    """
    shown = chosen(study, context.options.get("views", "all")) if images else ()
    if images and not shown:
        raise DataError(f"study {study.id} has no image to show; leave it out, or use a task without images")
    prior_reports, prior_images = _priors(prompt, study, context.options.get("priors", "none"))
    instruction = prompt.text(context.target)
    if not instruction:
        raise PromptError(f"{prompt.source}: no [[{context.target}]] block, so --target {context.target} can't be used")
    words = context_words(study.context, context.options.get("context", "none"))
    slots: Slots = {
        "images": _spaced(_pictures(prompt, (*shown, *(prior_images if images else ())))),
        "context": _spaced(prompt.fill("context", {"context": words})),
        "priors": _spaced(prior_reports),
        slot: _spaced(more, between),
        "instruction": instruction,
    }
    user = Message("user", parts(prompt.fill("user", slots)))
    system = prompt.text("system")
    return [Message("system", (Text(system),)), user] if system else [user]


def said_again(reply: Reply, words: str) -> tuple[Part, ...]:
    """A model's turn as it goes back: ``words``; where its provider signed some, part by part with the signatures.

    ``words`` may say more than the reply, behind it, such as a stop string that the server has cut off.
    """
    texts = [part for part in reply.parts if isinstance(part, Text)]
    if not any(text.signature for text in texts) or not words.startswith(reply.text):
        return (Text(words),)
    more = words.removeprefix(reply.text)
    return (*texts, Text(more)) if more else tuple(texts)


def context_words(context: ClinicalContext, which: str) -> str:
    """What is told of the clinical context, as sentences; empty for ``none``."""
    if which == "none":
        return ""
    fields = (
        ("indication",) if which == "indication" else ("age", "sex", "indication", "history", "technique", "comparison")
    )
    said = [(name, getattr(context, name)) for name in fields]
    return " ".join(
        f"{name.capitalize()}: {value.strip().rstrip('.')}." for name, value in said if value and value.strip()
    )


def _pictures(prompt: Prompt, images: Sequence[Image]) -> list[Piece]:
    return paragraphs(*(prompt.fill("image", {"label": label(image), "picture": image}) for image in images))


def _priors(prompt: Prompt, study: Study, which: str) -> tuple[list[Piece], tuple[Image, ...]]:
    if which == "none":
        return [], ()
    reports = []
    for prior in study.priors:
        if prior.report and prior.report.text:
            days = prior.interval_days
            interval = "" if days is None else f" ({days:g} days before)"
            reports.append(prompt.fill("prior", {"interval": interval, "report": prior.report.text.strip()}))
    return paragraphs(*reports), tuple(i for p in study.priors for i in p.images) if which == "images" else ()


def _spaced(pieces: Sequence[Piece], between: str = "\n\n") -> list[Piece]:
    """Pieces with an empty line after them; nothing where there are none."""
    return [*pieces, between] if pieces else []
