"""Each report of a file beside what is understood of it: the raw text, its status, and what was removed and why."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Target
from mmrad_eval.datasets import files, outputs, raw_text
from mmrad_eval.datasets.containers import read_table
from mmrad_eval.datasets.prediction_columns import REPORT, choose
from mmrad_eval.datasets.problems import Problems
from mmrad_eval.datasets.raw_text import Understood

_PLAIN = (".txt", ".md")


@dataclass(frozen=True)
class ParsedText:
    """One text of a file."""

    study: str
    raw: str
    understood: Understood | None
    """None where the cell holds no report at all."""
    refused: str = ""
    """What the cell holds in place of a report, in words."""


def parse(path: Path, given: Mapping[str, str] | None = None, target: Target = "findings") -> Iterator[ParsedText]:
    """The texts of a file of reports in order; of a ``.txt`` or ``.md`` file, the whole file as one text.

    DataError where the file can't be read, or where no column is known to hold reports.
    """
    if not path.is_file():
        raise DataError(f"{path} is not a file of reports" if path.exists() else f"there is no file {path}")
    problems = Problems()
    if path.suffix.lower() in _PLAIN:
        text = files.read_text(path, problems)
        yield _parsed(path.stem, text, {"report": text}, target)
        return
    table = outputs.as_rows(read_table(path, problems), problems)
    where = choose(table, given or {}).columns
    for row in table.rows:
        cells = {word: row.cells.get(where[word]) for word in REPORT if word in where}
        study = raw_text.identifier(row.cells.get(where["id"])) or "(no id)"
        raw = "\n".join(_written(cell) for cell in cells.values())
        parsed = _parsed(study, raw, cells, target)
        understood = parsed.understood and outputs.as_it_ended(parsed.understood, row.cells.get(outputs.REPLY))
        yield replace(parsed, understood=understood)


def _parsed(study: str, raw: str, cells: Mapping[str, Any], target: Target) -> ParsedText:
    try:
        return ParsedText(study, raw, raw_text.read_row(cells, target))
    except raw_text.NoReportError as error:
        return ParsedText(study, raw, None, str(error))


def _written(cell: Any) -> str:
    """A cell as the file has it."""
    return cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False, default=str)
