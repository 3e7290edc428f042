"""How many answers are told apart that were written without regard to the reader."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from tests.raw_text import unseen
from tests.raw_text.suite import Case, rate

KINDS: dict[str, tuple[Callable[[], Iterable[Case]], float]] = {
    "refusals": (unseen.refusals, 0.67),
    "missing pictures": (unseen.missing_pictures, 0.67),
    "reports": (unseen.reports, 0.94),
}
"""Kind -> its cases, and the least share that is read right."""


@pytest.mark.parametrize("kind", KINDS)
def test_wordings_that_the_reader_was_not_written_from(kind: str) -> None:
    cases, least = KINDS[kind]
    right, count = rate(cases())

    assert right / count >= least
