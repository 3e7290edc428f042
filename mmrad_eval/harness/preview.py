"""A dry run: what would be asked, measured on real conversations of a sample of the studies. Nothing is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mmrad_eval import metrics
from mmrad_eval.core.contracts import is_client
from mmrad_eval.core.errors import GateError, MmradError
from mmrad_eval.core.values import Image, Study, Text, Usage
from mmrad_eval.harness.images import as_sent
from mmrad_eval.harness.jobs import Job
from mmrad_eval.harness.judge_preview import as_answered, judge_previews
from mmrad_eval.harness.plan import Plan, first_question
from mmrad_eval.results.run.spent import cost
from mmrad_eval.traces import rendering

_SAMPLE = 24
_CHARACTERS = 4.0
"""Characters of English text to a token, about, in the tokenizers of current models."""
_PIXELS = 784.0
"""Pixels to an image token: 28 x 28, as Qwen2.5-VL; other families differ by a factor of two or so."""


@dataclass(frozen=True)
class Most:
    """What all turns that the task allows come to, where every answer is as long as it may be."""

    requests: int
    prompt_tokens: float
    """A turn sends again what was said before it, and may show one more image."""
    completion_tokens: int


@dataclass(frozen=True)
class Preview:
    """First questions of a run, in numbers; all but ``studies`` and ``requests`` are estimated from a sample."""

    studies: int
    requests: int
    images: float
    megabytes: float
    """Of images, before base64 makes a third more of them."""
    prompt_tokens: float
    completion_tokens: int
    """Of the first answers, each as long as it may be."""
    most: Most | None
    """None where the task does not say how many turns it may take."""
    longest: tuple[str, float]
    """Study id and prompt tokens of the longest first question of the sample."""
    trouble: Sequence[str]
    """Studies of the sample that can't be asked, and why."""
    dollars: tuple[float, float] | None
    """(prompts of the first questions, everything in ``most`` or else in the first turn); None without a price."""
    judged: Sequence[str] = ()
    """What each metric that asks judges would ask of them, in words."""


@dataclass(frozen=True)
class _Question:
    """The first question about one study."""

    images: int
    size: float
    tokens: float
    largest: float
    """Tokens of its largest image."""


def preview_of(job: Job, plan: Plan) -> Preview:
    """The preview of a job, once the data may go to its model and its judge; GateError where it may not."""
    matters = job.judge is not None or any(isinstance(one, str) and ":" in one for one in job.metrics)  # scores:FILE
    suite = metrics.suite(job.metrics, options=job.metric_options) if matters else metrics.Suite()
    job.permit(plan, suite)
    if job.judge is not None:
        clients = job.judge.clients(suite, job.allowed_keys, key_needed=False)
        job.judge_terms.permit(replace(plan.dataset, data_use=plan.data_use), suite, clients)
        examples = as_answered(plan.studies, plan.identity.selection.target)
        asked = judge_previews(suite, clients, examples, job.judge.repeats, batch=job.judge_batch)
        judged = (*map(str, asked), *map(str, suite.missing))
        return replace(preview(job.asked(plan)), judged=judged)
    return preview(job.asked(plan))


def preview(plan: Plan) -> Preview:
    """Hold the first turn of up to 24 conversations, spread over the selection, up to the moment of sending.

    GateError where one of these studies, or a request about it, may not leave.
    """
    n = len(plan.studies)
    if not is_client(plan.model):
        return Preview(n, 0, 0, 0, 0, 0, Most(0, 0, 0), ("", 0), (), None)
    sample = [plan.studies[i * n // min(n, _SAMPLE)] for i in range(min(n, _SAMPLE))]
    asked: dict[str, _Question] = {}
    trouble = []
    for study in sample:
        try:
            asked[study.id] = _question(plan, study)
        except GateError:
            raise
        except MmradError as error:
            trouble.append(f"{study.id}: {error}")
    scale = n / max(len(asked), 1)
    tokens = sum(question.tokens for question in asked.values()) * scale
    largest = max((question.largest for question in asked.values()), default=0.0)
    answers = n * plan.identity.decoding.expected_tokens
    most = _most(plan, tokens, largest)
    return Preview(
        n,
        n,
        sum(question.images for question in asked.values()) * scale,
        sum(question.size for question in asked.values()) * scale / 1e6,
        tokens,
        answers,
        most,
        max(((name, question.tokens) for name, question in asked.items()), key=lambda pair: pair[1], default=("", 0.0)),
        tuple(trouble),
        _dollars(plan, tokens, most or Most(n, tokens, answers)),
    )


def _question(plan: Plan, study: Study) -> _Question:
    plan.last_check.study(study)
    messages = first_question(plan, study)
    plan.last_check.messages(messages)
    parts = [_measured(part, plan) for message in messages for part in as_sent(message, plan.card).parts]
    images = [tokens for is_image, _, tokens in parts if is_image]
    return _Question(
        len(images), sum(size for _, size, _ in parts), sum(tokens for _, _, tokens in parts), max(images, default=0.0)
    )


def _measured(part: Text | Image, plan: Plan) -> tuple[bool, float, float]:
    """(is it an image, bytes of it, tokens) of one part."""
    if isinstance(part, Text):
        return False, 0.0, len(part.text) / _CHARACTERS
    (width, height), size = rendering.estimate(part, plan.card.formats, plan.identity.extra.get("max_edge"))
    return True, size, width * height / _PIXELS


def _most(plan: Plan, tokens: float, largest: float) -> Most | None:
    """All turns of all conversations: each begins with the first question, and holds every turn before it."""
    turns, n, answer = plan.task.turns, len(plan.studies), plan.identity.decoding.expected_tokens
    if turns is None:
        return None
    shown = largest if plan.task.several_images and turns > 1 else 0.0
    earlier = turns * (turns - 1) / 2
    return Most(n * turns, turns * tokens + n * earlier * (answer + shown), n * turns * answer)


def _dollars(plan: Plan, tokens: float, most: Most) -> tuple[float, float] | None:
    least = cost(Usage(round(tokens), 0), plan.card)
    highest = cost(Usage(round(most.prompt_tokens), most.completion_tokens), plan.card)
    return None if least is None or highest is None else (least, highest)
