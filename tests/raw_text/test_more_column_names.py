"""No pair of a second drawing of column names scores a reference in silence, in whatever case the names are written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.raw_text.more_column_names import pairs
from tests.raw_text.test_generated_suites import columns


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def title(name: str) -> str:
    return name.replace("_", " ").title()


@pytest.mark.parametrize("spelled", [str, camel, title, str.upper])
def test_no_pair_of_names_scores_a_reference(spelled: Callable[[str], str], tmp_path: Path) -> None:
    for number, (reference, prediction) in enumerate(pairs()):
        folder = tmp_path / str(number)
        folder.mkdir()
        tried = columns(folder, [spelled(reference)], [spelled(prediction)])
        assert [what for what, right in tried if not right] == []
