"""What the answers of a run cost: tokens as their provider counted them, and dollars at the card's price."""

from __future__ import annotations

from collections.abc import Sequence

from mmrad_eval.core.values import Card, Usage, Value


class Spent(Value, frozen=True):
    """Tokens of the scored answers, over all turns of each, replies that came from the journal included."""

    answers: int = 0
    """Answers whose prompt and completion were counted by the provider."""
    prompt: int = 0
    completion: int = 0
    image_answers: int = 0
    """Those of them for which it told image tokens apart from the rest of the prompt."""
    image: int = 0
    reasoning_answers: int = 0
    """Those for which it told reasoning apart from the rest of the completion."""
    reasoning: int = 0
    cached: int = 0
    """Tokens of prompts that the provider read from its cache, where it says so."""

    @property
    def total(self) -> int:
        """Prompt and completion together."""
        return self.prompt + self.completion


def spent_of(usages: Sequence[Usage]) -> Spent:
    """The sum over answers; one whose tokens the provider did not count is in none of the numbers."""
    known = [usage for usage in usages if usage.prompt is not None and usage.completion is not None]
    images = [usage.image for usage in known if usage.image is not None]
    thoughts = [usage.reasoning for usage in known if usage.reasoning is not None]
    return Spent(
        len(known),
        sum(usage.prompt or 0 for usage in known),
        sum(usage.completion or 0 for usage in known),
        len(images),
        sum(images),
        len(thoughts),
        sum(thoughts),
        sum(usage.cached or 0 for usage in known),
    )


def cost(usage: Usage | Spent, card: Card) -> float | None:
    """US dollars of the tokens at the card's prices, cached ones at their own where it has one; None without a price.

    What some providers add for writing a cache (Anthropic a quarter of the prompt's price) is not in it.
    """
    if card.price is None:
        return None
    prompt, completion = card.price
    cached = min(usage.cached or 0, usage.prompt or 0)
    less = 0.0 if card.cached_price is None else cached * (prompt - card.cached_price)
    return ((usage.prompt or 0) * prompt - less + (usage.completion or 0) * completion) / 1e6
