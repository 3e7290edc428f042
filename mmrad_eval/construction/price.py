"""What a build would ask, and what it would cost at most: estimated from a sample of the source. Nothing is sent."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from mmrad_eval.construction.asking import Role
from mmrad_eval.construction.build import BuildPlan
from mmrad_eval.construction.collect import collect
from mmrad_eval.core.values import Usage
from mmrad_eval.results.run.spent import cost

RETURNED = 0.1
"""Share of records that are expected to go back to the writer: each costs a reflection and an audit more."""
_SAMPLE = 24
_CHARACTERS = 4.0
"""Characters of English text to a token, about."""
_TOKENS = 60
"""Of the answer to one statement, about: its sentence, its quote and the names of the fields."""
QUESTIONS: tuple[tuple[str, Role], ...] = (("summarise", "writer"), ("reflect", "writer"), ("audit", "auditor"))


@dataclass(frozen=True)
class BuildPrice:
    """The questions of a build in numbers."""

    images: int
    requests: int
    """If no record goes back."""
    returned: int
    """Requests more, where a tenth of the records do."""
    planted: int
    prompt_tokens: int
    completion_tokens: int
    dollars: float | None
    """None where a card has no price."""


def price_of(plan: BuildPlan) -> BuildPrice:
    """Calls = images x questions x (1 + expected share of returns), and those about planted errors."""
    options = plan.settings.options
    sampled = [collect(study, plan.settings.dataset.format, rows) for study, rows in islice(plan.studies(), _SAMPLE)]
    many = max(len(sampled), 1)
    rows = sum(len(region.rows) for one in sampled for region in one.regions) / many
    words = sum(len(row.text) + 20 for one in sampled for region in one.regions for row in region.rows) / many
    report = sum(len(one.report.text) for one in sampled) / many
    asked = [(name, role) for name, role in QUESTIONS if role in plan.clients and name in plan.settings.stages]
    if options.report == "none":
        asked = asked[:1] if asked and asked[0][0] == "summarise" else []
    n = plan.count
    planted = round(n * min(1.0, options.plant * rows)) if ("audit", "auditor") in asked else 0
    back = round(n * RETURNED)
    times = {name: n + (back if name in {"reflect", "audit"} else 0) for name, _ in asked}
    if planted:
        times["audit"] += planted
    length = {"summarise": words, "reflect": words + report, "audit": words + report}
    prompt = completion = 0.0
    dollars: float | None = 0.0
    for name, role in asked:
        text = next(prompt.text for key, prompt in plan.prompts.items() if key == name)
        tokens = times[name] * (length[name] + len(text)) / _CHARACTERS
        answers = times[name] * min(plan.settings.decoding.expected_tokens, _TOKENS * max(rows, 1.0))
        prompt, completion = prompt + tokens, completion + answers
        price = cost(Usage(round(tokens), round(answers)), plan.clients[role].card)
        dollars = None if dollars is None or price is None else dollars + price
    returns = sum(back for name, _ in asked if name in {"reflect", "audit"})
    return BuildPrice(n, n * len(asked), returns, planted, round(prompt), round(completion), dollars)
