"""Reports in the forms that public boards take, and what in them a board would refuse.

``rexrank``: an object of studies by id, each with ``model_prediction``, ``section_findings`` and
``section_impression``, null where the reference has no such section (github.com/rajpurkarlab/ReXrank,
example_files/evaluation_script.md and prediction.json). ``csv``: ``study_id,report``, the table that this script makes
of it and that CXR-Report-Metric scores; a cell that a spreadsheet would run has an apostrophe before it
(``core/sheets.py``). ``jsonl``: one object a line with id, report, findings, impression, status and the trace, which
``file:PATH`` and ``mmrad-eval score`` read again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmrad_eval.core import sheets
from mmrad_eval.core.data_use import FIELD
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import UNSCORED_STATUSES, Answer, DataUse, Report, Study
from mmrad_eval.core.whole_files import write_whole
from mmrad_eval.datasets import files
from mmrad_eval.datasets.problems import Problems

FORMS = ("rexrank", "csv", "jsonl")
REXRANK_KEYS = ("model_prediction", "section_findings", "section_impression")
CSV_COLUMNS = ("study_id", "report")

Pair = tuple[Study, Answer]


def write(pairs: Sequence[Pair], form: str, path: Path, data_use: DataUse) -> None:
    """Write the answers in the order of the studies. Open studies are left out: they have no report yet.

    Where ``data_use``, the class of the run, is not ``open``, every row states it, so that it is known wherever the
    file is copied to.
    """
    answered = [(study, answer) for study, answer in pairs if answer.status not in UNSCORED_STATUSES]
    class_ = {} if data_use == "open" else {FIELD: data_use}
    text = {"rexrank": _rexrank, "csv": _csv, "jsonl": _jsonl}[form](answered, class_)
    write_whole(path, text)


def prediction(report: Report) -> str:
    """The report as one text, sections under the board's headings."""
    parts = (("Findings", report.findings), ("Impression", report.impression))
    named = " ".join(f"{name}: {text}" for name, text in parts if text)
    return named or report.text


def faults(path: Path, form: str, expected: Iterable[str]) -> list[str]:
    """What a board would refuse in a file of that form, as sentences; ``expected`` are the ids that it asks for."""
    try:
        found = _read(path, form)
    except DataError as error:
        return [str(error)]
    wanted = dict.fromkeys(expected)
    missing = [study for study in wanted if study not in found]
    extra = [study for study in found if study not in wanted]
    empty = [study for study, text in found.items() if not text.strip()]
    kinds = (
        (missing, "studies that the board asks for are not in it"),
        (extra, "of its ids are not studies of the board"),
        (empty, "reports are empty"),
    )
    return [f"{len(ids)} {what}, the first {ids[0]}" for ids, what in kinds if ids]


def _rexrank(pairs: Sequence[Pair], class_: Mapping[str, str]) -> str:
    return json.dumps(
        {
            study.id: {
                "model_prediction": prediction(answer.report),
                "section_findings": study.reference.findings if study.reference else None,
                "section_impression": study.reference.impression if study.reference else None,
                "image_path": [image.name for image in study.images],
                "split": study.split,
                **class_,
            }
            for study, answer in pairs
        },
        indent=1,
        ensure_ascii=False,
    )


def _csv(pairs: Sequence[Pair], class_: Mapping[str, str]) -> str:
    rows = ((_printed(study.id), _printed(prediction(answer.report)), *class_.values()) for study, answer in pairs)
    return sheets.write([(*CSV_COLUMNS, *class_), *rows])


def _printed(text: str) -> str:
    """The text with a replacement mark for each zero byte, which no program takes in a csv file."""
    return text.replace("\0", "\ufffd")


def _jsonl(pairs: Sequence[Pair], class_: Mapping[str, str]) -> str:
    return "".join(json.dumps({**_line(study, answer), **class_}, ensure_ascii=False) + "\n" for study, answer in pairs)


def _line(study: Study, answer: Answer) -> dict[str, Any]:
    report, trace = answer.report, answer.trace
    line: dict[str, Any] = {"id": study.id, "report": report.text, "status": answer.status}
    line |= {name: text for name, text in (("findings", report.findings), ("impression", report.impression)) if text}
    if trace is not None:
        line["trace"] = trace.text or "\n".join(step.text for step in trace.steps)
    return line


def _read(path: Path, form: str) -> dict[str, str]:
    """Id -> text, by the published description alone; DataError where the file is not of that form."""
    problems = Problems()
    found = {"rexrank": _read_rexrank, "csv": _read_csv, "jsonl": _read_jsonl}[form](path, problems)
    problems.raise_errors(str(path))
    return found


def _read_rexrank(path: Path, problems: Problems) -> dict[str, str]:
    value = files.json_file(path, problems)
    if not isinstance(value, dict):
        raise DataError(f"{path}: contains {files.kind(value)}, not an object of studies")
    for study, fields in value.items():
        lacking = [key for key in REXRANK_KEYS if not isinstance(fields, dict) or key not in fields]
        if lacking:
            raise DataError(f"{path}: study {study} has no {', '.join(lacking)}")
        if not isinstance(fields["model_prediction"], str):
            raise DataError(f"{path}: study {study}: model_prediction is {files.kind(fields['model_prediction'])}")
    return {study: fields["model_prediction"] for study, fields in value.items()}


def _read_csv(path: Path, problems: Problems) -> dict[str, str]:
    read = sheets.read(files.read_text(path, problems))
    if read.fault is not None:
        raise DataError(f"{path}:{read.fault[0]}: {read.fault[1]}")
    rows = [cells for _, cells in read.rows]
    if not rows or tuple(rows[0]) not in (CSV_COLUMNS, (*CSV_COLUMNS, FIELD)):
        raise DataError(f"{path}: its header is not {','.join(CSV_COLUMNS)}")
    found = {row[0]: row[1] for row in rows[1:] if len(row) == len(rows[0])}
    if len(found) != len(rows) - 1:
        raise DataError(f"{path}: an id occurs twice, or a row does not have {len(rows[0])} cells")
    return found


def _read_jsonl(path: Path, problems: Problems) -> dict[str, str]:
    found = {}
    for number, fields in files.json_lines(path, problems):
        if not {"id", "report"} <= fields.keys():
            raise DataError(f"{path}:{number}: has no id, or no report")
        found[str(fields["id"])] = str(fields["report"])
    return found
