"""Label F1 with labels by rule: no weights, under its own column names."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from mmrad_eval.metrics.facts.extract import VERSION
from mmrad_eval.metrics.facts.labels import label_many
from mmrad_eval.metrics.labelf1 import POLICIES, LabelF1, Policy

if TYPE_CHECKING:
    from mmrad_eval.metrics.suites import Setup


def rules(setup: Setup) -> LabelF1:
    """``rules@uncertain=positive`` and its like: averages over 14 and 5 observations."""
    return _made(setup, by_label=False)


def rules_by_label(setup: Setup) -> LabelF1:
    """``rules-by-label@uncertain=positive``: F1 and support of each observation."""
    return _made(setup, by_label=True)


def _made(setup: Setup, *, by_label: bool) -> LabelF1:
    policy = cast("Policy", setup.name.partition("uncertain=")[2] or "positive")
    macro = setup.option("macro", "all", ("all", "supported"))
    assert policy in POLICIES, setup.name
    english = frozenset({"en"})
    return LabelF1(
        setup.name,
        "rules",
        label_many,
        VERSION,
        policy,
        macro=macro,  # type: ignore[arg-type]  # ``option`` checked it
        by_label=by_label,
        languages=english,
    )
