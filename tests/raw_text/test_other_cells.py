"""The second drawing of cells and ids: the share that is read as it is meant, and no id that is taken for another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mmrad_eval import datasets
from mmrad_eval.core.errors import MmradError
from mmrad_eval.core.values import Answer, Example, Report, Study
from mmrad_eval.datasets.predictions import read_predictions
from tests.raw_text import cell_forms, other_cells
from tests.raw_text.suite import FINDINGS

LEAST = 0.98
"""The reader that came before: .560 (of cells without a report .476, of reports .598); no id was taken for another."""


def read(path: Path, side: str) -> str:
    """The findings of study a; ``refused`` where it is refused by name."""
    try:
        if side == "prediction":
            found = read_predictions(path)
            if "a" not in found.reports:
                return cell_forms.REFUSED if any(one.study == "a" for one in found.problems) else "lost"
            return Example(Study("a"), Answer("a", "ok", report=found.reports["a"])).candidate
        reference = datasets.load(f"table:{path}").studies[0].reference or Report()
        return reference.target("findings") or ""
    except MmradError as error:
        named = any(place in str(error) for place in (":1:", ":2:", " a:", "study a"))  # the line of study a
        return cell_forms.REFUSED if named else f"not named: {error}"


def right(wanted: str, found: str) -> bool:
    if wanted == other_cells.NO_REPORT:
        return found in {"", cell_forms.REFUSED}
    return cell_forms.right(wanted, found)


def outcomes(folder: Path) -> Iterator[tuple[str, str, str, bool]]:
    """(value, place, what was read, whether that is right) in each kind of file, on both sides."""
    for number, cell in enumerate(other_cells.cells()):
        for form, text, _ in cell_forms.files(cell.value):
            for side in ("prediction", "reference"):
                path = folder / f"{side}{number}.{form}"
                path.write_text(text, encoding="utf-8", newline="")
                found = read(path, side)
                yield f"{cell.value!r}", f"{side} in {form}", found, right(cell.wanted, found)


def test_cells_of_a_second_drawing_are_read_as_what_they_are_or_refused_by_name(tmp_path: Path) -> None:
    found = [fine for *_, fine in outcomes(tmp_path)]
    assert len(found) > 1000
    assert found.count(True) / len(found) >= LEAST


def test_no_cell_without_a_report_is_read_as_one(tmp_path: Path) -> None:
    none = {repr(cell.value) for cell in other_cells.cells() if cell.wanted in {"", other_cells.NO_REPORT}}
    assert [
        (value, place, found) for value, place, found, fine in outcomes(tmp_path) if value in none and not fine
    ] == []


def joined(folder: Path, one: Any, other: Any) -> bool:
    paths = []
    for side, value in (("p", one), ("r", other)):
        paths.append(folder / f"{side}.jsonl")
        paths[-1].write_text(json.dumps({"study_id": value, "findings": FINDINGS[0]}) + "\n", encoding="utf-8")
    try:
        return datasets.load(f"table:{paths[1]}").studies[0].id in read_predictions(paths[0]).reports
    except MmradError:
        return False


@pytest.mark.parametrize(("one", "other", "same"), other_cells.IDS, ids=repr)
def test_an_id_is_joined_with_itself_and_with_no_other(one: Any, other: Any, same: bool | None, tmp_path: Path) -> None:
    if same is not None:
        assert joined(tmp_path, one, other) is same
        assert joined(tmp_path, other, one) is same
