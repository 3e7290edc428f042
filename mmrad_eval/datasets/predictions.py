"""Reads reports that were made elsewhere: csv, tsv, jsonl, JSON (list, object of texts, ReXrank's form) or parquet,
joined by id; and traces with their reports, in any format of ``traces.convert`` that has reports.

Whatever the file, a report is found by its study's id, never by its position.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmrad_eval.core.data_use import marked, of_rows, strictest
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import DataUse, Report, Trace
from mmrad_eval.datasets import columns, files, sections
from mmrad_eval.datasets.problems import Problem, Problems
from mmrad_eval.datasets.rows import FileRow, FileRows, read_rows
from mmrad_eval.traces import convert
from mmrad_eval.traces.data_use import class_of
from mmrad_eval.traces.record import trace_of
from mmrad_eval.traces.steps import read_trace

REPORT = ("report", "findings", "impression")
OPTION = "--report-column"
"""How a user names a column of such a file; ``--column`` is for the references."""
TRACES = frozenset((".jsonl", ".ndjson", ".parquet"))
"""Endings of files that may hold records of traces."""
NOTHING = frozenset(("nan", "none", "null", "n/a", "na", "<na>"))
"""What programs write for a cell without a value; no report reads like it."""


@dataclass(frozen=True)
class Predictions:
    """Reports by study id."""

    path: Path
    reports: dict[str, Report]
    traces: dict[str, Trace] = field(default_factory=dict)
    """Reasoning that stands beside a report: its steps where it marks them, and its words."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Our word -> the column or key that it was read from."""
    problems: tuple[Problem, ...] = ()
    data_use: DataUse = "open"
    """The class that the file states (``export`` writes it into every row); ``open`` where it states none."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Warnings as sentences."""
        return _collected(self.problems).notes()


def read_predictions(path: Path | str, given: Mapping[str, str] | None = None, *, strict: bool = True) -> Predictions:
    """The reports of a file by id; ``given`` maps our words (id, report, findings, impression, trace) to its columns.

    DataError names file, line and id of what can't be read or stands twice; with ``strict=False`` those are left out
    and stay among ``problems``. An id that stands twice with the same text is a warning.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise DataError(f"{path} is not a file of reports" if path.exists() else f"there is no file {path}")
    problems = Problems()
    kind = None if given else _kind_of_traces(path)
    if kind is not None:
        return _from_records(path, kind, problems, strict=strict)
    return _from_table(path, given or {}, problems, strict=strict)


def _from_table(path: Path, given: Mapping[str, str], problems: Problems, *, strict: bool) -> Predictions:
    table = _table(path, problems)
    if strict and not table.rows:
        problems.raise_errors(str(path))
    where = _columns(table, given)
    reports: dict[str, Report] = {}
    traces: dict[str, Trace] = {}
    lines: dict[str, int | None] = {}
    for row in table.rows:
        study, report, trace = _prediction(row, where)
        if study is None:
            problems.error("no id", f"{where['id']!r} is empty", file=str(path), line=row.line)
            continue
        if study in reports:
            _twice(problems, path, row, study, lines[study], same=reports[study] == report)
            continue
        if not report.text.strip():
            problems.warn(
                "empty report", "the report is empty; it scores as one", file=str(path), line=row.line, study=study
            )
        elif _no_words(report.text):
            what = f"the report is {report.text.strip()!r}, scored as this text; leave it empty where there is none"
            problems.warn("no words", what, file=str(path), line=row.line, study=study)
        reports[study], lines[study] = report, row.line
        if trace and (written := read_trace(trace)):
            traces[study] = written
    if strict:
        problems.raise_errors(str(path))
    use = strictest((of_rows((row.cells for row in table.rows), "open"), marked(path.parent)))
    return Predictions(path, reports, traces, where, tuple(problems), use)


def _kind_of_traces(path: Path) -> str | None:
    """The format of a file of traces that also holds reports; None for any other file."""
    if path.suffix.lower() not in TRACES:
        return None
    try:
        kind = convert.recognise(path)
    except DataError:
        return None
    return None if kind == "thinkvg" else kind


def _from_records(path: Path, kind: str, problems: Problems, *, strict: bool) -> Predictions:
    reports: dict[str, Report] = {}
    traces: dict[str, Trace] = {}
    credentialed = False
    for number, record in enumerate(convert.read(path, kind), 1):
        credentialed = credentialed or class_of(record) == "credentialed"
        where, study = {"file": str(path), "line": number}, record.id or record.study.study
        if not study:
            problems.error("no id", f"record {number} has none", **where)  # type: ignore[arg-type]  # file and line
            continue
        report = sections.read_report(record.report.text)
        if study in reports:
            _twice(problems, path, FileRow(number, {}), study, None, same=reports[study] == report)
            continue
        if record.invalid:
            problems.warn("invalid record", record.invalid, study=study, **where)  # type: ignore[arg-type]  # as above
        reports[study] = report
        trace = trace_of(record, str(path.parent.absolute()))
        if trace.steps or trace.text:
            traces[study] = trace
    if strict:
        problems.raise_errors(str(path))
    return Predictions(path, reports, traces, {}, tuple(problems), "credentialed" if credentialed else "open")


def _no_words(text: str) -> bool:
    word = text.strip().lower()
    return word in NOTHING or not any(c.isalpha() for c in word)


def _table(path: Path, problems: Problems) -> FileRows:
    if not path.name.lower().removesuffix(".gz").endswith(".json"):
        return read_rows(path, problems)
    value = files.json_file(path, problems)
    if isinstance(value, dict):
        return _object(path, value)
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        raise DataError(f"{path}: is a list of texts without ids; reports are joined by id, never by position")
    return read_rows(path, problems)


def _object(path: Path, value: dict[str, Any]) -> FileRows:
    """An object of texts, or of objects, by id; an outer key that holds the list alone is passed through."""
    lists = [v for v in value.values() if isinstance(v, list) and v and isinstance(v[0], dict)]
    if len(value) == 1 and lists:
        rows = tuple(FileRow(None, item) for item in lists[0])
    elif value and all(isinstance(v, dict) for v in value.values()):
        rows = tuple(
            FileRow(None, {"id": key, **{k: v for k, v in item.items() if k != "id"}}) for key, item in value.items()
        )
    elif all(isinstance(v, str) or v is None for v in value.values()):
        rows = tuple(FileRow(None, {"id": key, "report": text}) for key, text in value.items())
    elif all(
        isinstance(v, list) and all(isinstance(t, str) for t in v) for v in value.values()
    ):  # the form of COCO's tools
        rows = tuple(FileRow(None, {"id": key, "report": "\n".join(texts)}) for key, texts in value.items())
    else:
        kinds = sorted({files.kind(v) for v in value.values()})
        raise DataError(f"{path}: an object of {' and '.join(kinds)}; expected texts or objects by study id")
    names: dict[str, None] = {}
    for row in rows:
        names.update(dict.fromkeys(row.cells))
    return FileRows(path, tuple(names), rows)


def _columns(table: FileRows, given: Mapping[str, str]) -> dict[str, str]:
    """The columns of what a model wrote; those that could be its reference count only where nothing else is there."""
    where = columns.match(table.columns, columns.PREDICTION, given, table.path, OPTION)
    if not where.keys() & set(REPORT):
        where = columns.match(table.columns, columns.REPORT, given, table.path, OPTION)
    _require(table, where)
    return where


def _require(table: FileRows, where: Mapping[str, str]) -> None:
    has = f"it has {', '.join(table.columns) or 'none'}"
    if not table.rows:
        raise DataError(f"{table.path}: holds no reports")
    if "id" not in where:
        raise DataError(
            f"{table.path}: no column is known to hold ids, and reports are never joined by position; {has}."
            f" Name it: {OPTION} id=COLUMN"
        )
    if not where.keys() & set(REPORT):
        raise DataError(f"{table.path}: no column is known to hold reports; {has}. Name it: {OPTION} report=COLUMN")


def _prediction(row: FileRow, where: Mapping[str, str]) -> tuple[str | None, Report, str | None]:
    cells = {word: columns.text(row.cells.get(column)) for word, column in where.items()}
    whole, findings, impression = (cells.get(word) for word in REPORT)
    read = sections.read_report(whole or "")
    report = Report(
        whole or sections.join(findings, impression), findings or read.findings, impression or read.impression
    )
    study = cells.get("id")
    return (study.strip() if study else None), report, cells.get("trace")


def _twice(problems: Problems, path: Path, row: FileRow, study: str, line: int | None, *, same: bool) -> None:
    before = f"at line {line}" if line else "earlier in the file"
    if same:
        what = f"this id stands {before} with the same report; read once"
        problems.warn("duplicate id", what, file=str(path), line=row.line, study=study)
    else:
        what = f"this id stands {before} with another report; which one counts can't be known"
        problems.error("duplicate id", what, file=str(path), line=row.line, study=study)


def _collected(found: Iterable[Problem]) -> Problems:
    problems = Problems()
    for problem in found:
        add = problems.error if problem.severity == "error" else problems.warn
        add(problem.kind, problem.what, file=problem.file, line=problem.line, study=problem.study)
    return problems
