"""What is stored of a text and of a pair: entities, and scores under both tables of affinities."""

from __future__ import annotations

from mmrad_eval.core.values import Value

UNDEFINED = 0.5
"""RaTEScore where either side has no entity (RaTEScore 0.6.0, ``scorer.py``)."""


class ReportEntities(Value, frozen=True):
    """What the token classifier finds in one report."""

    entities: tuple[tuple[str, str], ...] = ()
    """(text, type) in the order of the report; the types are those of ``affinity.TYPES``."""
    sentences: int = 0
    """Sentences that were read."""
    margin: float | None = None
    """The smallest distance between the best and the second label of any piece; None where nothing was read."""


class RateScored(Value, frozen=True):
    """RaTEScore of one pair."""

    long: float
    short: float
    candidate: int
    """Entities of the candidate."""
    reference: int
    """Entities of the reference."""
    margin: float | None = None
    """How close the closest choice between partners of two types was; None where there was none, or it is not known."""
