"""The class of data, and how it travels: whatever is made of several inputs has the class of the strictest.

``open`` may go anywhere. ``credentialed`` stays on this machine unless the user states otherwise for the record.
``unknown`` counts as credentialed until the user says what it is (``--data-use``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mmrad_eval.core.values import DataUse

FIELD = "data_use"
"""The field, column or key in which files of ours state the class of what they hold."""

_NAMES = (FIELD, "licence_class")
_ORDER: tuple[DataUse, ...] = ("open", "unknown", "credentialed")


def strictest(inputs: Iterable[DataUse]) -> DataUse:
    """The class of what is made of ``inputs``: ``unknown`` where there are none."""
    return max(inputs, key=_ORDER.index, default="unknown")


def stated(record: Mapping[Any, Any]) -> DataUse | None:
    """The class that a row or record states; None where it states none.

    A word that is none of the three counts as credentialed: somebody meant to restrict it.
    """
    said = [str(record[name]).strip().lower() for name in _NAMES if record.get(name) not in (None, "")]
    if not said:
        return None
    return strictest(next((use for use in _ORDER if use == word), "credentialed") for word in said)


def of_rows(rows: Iterable[Mapping[Any, Any]], otherwise: DataUse) -> DataUse:
    """The class of a file of rows, each of which may state its own; ``otherwise`` holds for those that state none.

    One row that states nothing keeps a file from being open by the word of the others.
    """
    return strictest({otherwise if (said := stated(row)) is None else said for row in rows} or {otherwise})
