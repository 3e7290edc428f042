"""The look check: does the model see the images that are sent, all of them, in their order?

It asks each server before the first study (``look_guard``). First what needs no skill: the prompt tokens that the
server counts with no image, one and two, and whether two different films get different replies. Then three drawn
digits and a question about them in order; a model that writes reports alone may fail it, so a wrong answer alone only
says *not confirmed*. The check scores nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import msgspec

from mmrad_eval.core.contracts import Client, is_client
from mmrad_eval.core.errors import Failed, ModelError
from mmrad_eval.core.journal import JournalCache
from mmrad_eval.core.values import Decoding, Image, Message, Reply, Request, Text, Usage
from mmrad_eval.datasets.raw_text.thinking import split_thought
from mmrad_eval.harness.look_pictures import DIGITS, digits, films
from mmrad_eval.harness.plan import Plan
from mmrad_eval.harness.requester import Requester
from mmrad_eval.harness.stopping import Stop
from mmrad_eval.model_registry.model_cards import settled
from mmrad_eval.results.run.record import LookCheck

OverBudget = Callable[[int], Stop | None]
Mode = Literal["off", "on", "allow blind"]
"""``allow blind``: a model that sees no image is asked all the same, and its run says so."""

LONGEST = 1024
"""Tokens that a reply to the check may have, so that a thinking model comes to its answer."""
_A_QUESTION, _AN_IMAGE = 40, 336 * 336 // 784
"""Tokens, about: of a question with what a chat template puts around it; of a picture, at 28 x 28 pixels a token."""
_FILM = "Describe this chest X-ray in one sentence."
_DIGITS = "Each picture shows one digit. Write the digits in the order of the pictures, and nothing else."
_LABEL = re.compile(
    r"(?:\b(?:picture|image|photo|figure|digit|no|number)s?\W{0,3}[0-9]\b)|^\s*[0-9]\s*[.):]",
    re.IGNORECASE | re.MULTILINE,
)
"""A number that counts pictures: "Picture 1", "2." at the start of a line."""


@dataclass(frozen=True)
class LookReplies:
    """What the replies of one check tell."""

    prompt_tokens: tuple[int | None, ...]
    """As the server counted them with no image, with one, with two where two were sent."""
    films: tuple[str, str]
    """The replies to two different films."""
    answer: str
    """The reply to the digits."""
    shown: str
    """The digits that were shown, in order."""


def requests_of(plan: Plan) -> int:
    """Requests that the check takes where nothing is remembered; 0 for a run that shows no image to a client."""
    if not is_client(plan.model) or "images" not in plan.task.needs or not plan.studies:
        return 0
    most = plan.card.max_images
    return 5 if most is None or most > 1 else 4 if most == 1 else 0


def usage_of(plan: Plan) -> Usage:
    """Tokens that one check takes at most, about: an image as a film of the size of its pictures."""
    images = (0, 1, 1, 2, 3) if requests_of(plan) == 5 else (0, 1, 1, 1) if requests_of(plan) == 4 else ()
    return Usage(sum(_A_QUESTION + _AN_IMAGE * n for n in images), len(images) * _longest(plan))


def verdict(seen: LookReplies) -> LookCheck:
    """What the replies prove; nothing more than that."""
    read = read_digits(seen.answer)
    differ = seen.films[0].strip() != seen.films[1].strip()
    none, one, *more = seen.prompt_tokens
    grows = None if none is None or one is None else one > none
    second = None if not more or more[0] is None or one is None else more[0] != one

    def found(said: str, why: str = "") -> LookCheck:
        return msgspec.convert(
            {"verdict": said, "why": why, "prompt_tokens": seen.prompt_tokens, "films_differ": differ, "digits": read},
            LookCheck,
        )

    if read == seen.shown:
        return found("confirmed")
    if len(read) == len(seen.shown) and sorted(read) == sorted(seen.shown):
        return found("out of order", f"shown {_spaced(seen.shown)}, it read {_spaced(read)}")
    if grows is False and not differ:
        return found("blind", f"an image adds nothing to the {none} prompt tokens, and two films got the same reply")
    if grows and second is False:
        return found("images lost", f"a second image adds nothing to the {one} prompt tokens")
    if read and set(read) < set(seen.shown) and not (grows and second):
        return found("images lost", f"shown {_spaced(seen.shown)}, it read {_spaced(read)} only")
    return found("not confirmed", f"expected {_spaced(seen.shown)}, got {_short(seen.answer)}")


def read_digits(answer: str) -> str:
    """The digits of an answer in their order, without those that number the pictures and without thoughts."""
    words = split_thought(answer)[1]
    return re.sub(r"\D", "", _LABEL.sub(" ", words))


async def check_looks(
    plan: Plan,
    requester: Requester,
    place: Path,
    over_budget: OverBudget,
    cache: JournalCache,
) -> LookCheck:
    """Ask what ``place`` does not remember; a failure or a spent budget gives no verdict.

    Stopped where the run stops, as for any request.
    """
    with cache.journal(place) as journal:
        beside = requester.beside(journal)
        try:
            seen = await _Check(plan, beside, place.parent / "pictures", over_budget).seen()
        except Failed as reason:
            return LookCheck("no verdict", f"the check could not be finished: {_short(str(reason))}")
        finally:
            beside.images.close()
    return verdict(seen)


def refuse_blind(look: LookCheck, label: str) -> None:
    """ModelError where the check has shown that the model sees no image."""
    if look.verdict == "blind":
        raise ModelError(
            f"{label} sees no image: {look.why}; check that the server loads the model's vision part and that its "
            "chat template has a place for images, or run it anyway with --allow-blind, which marks the run"
        )


@dataclass(frozen=True)
class _Check:
    """The questions of one check, one after another."""

    plan: Plan
    requester: Requester
    pictures: Path
    over_budget: OverBudget

    async def seen(self) -> LookReplies:
        """Ask them all."""
        several = requests_of(self.plan) == 5
        first, second = films(self.pictures)
        none, one, other = [await self._asked(*shown, _FILM) for shown in ((), (first,), (second,))]
        both = [await self._asked(first, second, _FILM)] if several else []
        shown = digits(self.pictures, min(len(DIGITS), self.plan.card.max_images or len(DIGITS)))
        answer = await self._asked(*shown, _DIGITS)
        return LookReplies(
            tuple(reply.usage.prompt for reply in (none, one, *both)),
            (one.text, other.text),
            answer.text,
            DIGITS[: len(shown)],
        )

    async def _asked(self, *parts: Image | str) -> Reply:
        stop = self.over_budget(0)
        if stop is not None:
            raise Failed(stop.reason)
        card = self.plan.card
        content = tuple(part if isinstance(part, Image) else Text(part) for part in parts)
        request = Request(card.provider, card.id, (Message("user", content),), self._decoding(), card.revision)
        return (await self.requester.ask(request)).reply

    def _decoding(self) -> Decoding:
        """Short and plain, as far as the model takes it; the run's own decoding plays no part."""
        return settled(cast("Client", self.plan.model), Decoding(max_tokens=_longest(self.plan)), ())


def _longest(plan: Plan) -> int:
    return min(LONGEST, plan.identity.decoding.expected_tokens)


def _spaced(read: str) -> str:
    return " ".join(read) or "nothing"


def _short(text: str) -> str:
    words = " ".join(text.split())
    return f"{words[:80]}…" if len(words) > 80 else words or "nothing"
