"""Values of a whole corpus as papers publish them: one row of numbers, or ``{"Bleu_4": 0.5}``, with no row a report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Answer, Example, Report, Study
from mmrad_eval.results.validation.reproduce import Explained, Ours, explain_rows
from mmrad_eval.results.validation.score_files import ScoreFile, one_row

STATED = "published"
"""What the row is called that has no name."""


def read_corpus_row(path: Path) -> ScoreFile | None:
    """The one row of a file of corpus values; None where the file is another one, with a row a report or many rows."""
    path = path.expanduser()
    if not path.is_file():
        return None
    if path.suffix.lower() != ".json":
        return one_row(path, STATED)
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError:
        return None  # the reader of tables says what is wrong with it
    rows = value if isinstance(value, list) else [value]
    if (
        len(rows) != 1
        or not isinstance(rows[0], dict)
        or any(isinstance(cell, dict | list) for cell in rows[0].values())
    ):
        return None
    return one_row(path, STATED, cells=rows[0])


def pairs_of_all(path: Path, studies: Sequence[Study], predictions: Mapping[str, Report] | None) -> list[Example]:
    """All reports that have a reference; DataError where either is not given, or none fits."""
    if not studies or predictions is None:
        raise DataError(f"{path} has corpus-level values: name the texts with --predictions and --references")
    known = {study.id: study for study in studies}
    found = [
        Example(known[name], Answer(study=name, status="ok", report=report))
        for name, report in predictions.items()
        if name in known
    ]
    if not found:
        raise DataError(
            f"no report has a reference: ids of reports look like {next(iter(predictions))!r}, those of references "
            f"like {next(iter(known))!r}"
        )
    return found


def explain_whole(sheet: ScoreFile, candidates: Sequence[Ours]) -> list[Explained]:
    """The best explanation of each value by ours over the whole corpus."""
    whole = [replace(one, values=np.array([one.whole])) for one in candidates]
    return explain_rows(sheet, np.array([0]), whole)
