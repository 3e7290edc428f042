"""Reads reports that were made elsewhere: csv, tsv, jsonl, JSON (list, object of texts, ReXrank's form) or parquet,
joined by id; and traces with their reports, in any format of ``traces.convert`` that has reports.

Whatever the file, a report is found by its study's id, never by its position.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmrad_eval.core.data_use import of_place, strictest
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Answer, DataUse, Report, Target, Trace
from mmrad_eval.datasets import columns, outputs, raw_text, sections
from mmrad_eval.datasets.containers import read_in_order, read_table
from mmrad_eval.datasets.credentialed import class_of_rows
from mmrad_eval.datasets.prediction_columns import REPORT, choose
from mmrad_eval.datasets.problems import Problem, Problems
from mmrad_eval.datasets.raw_text import Understood
from mmrad_eval.datasets.references import Place
from mmrad_eval.datasets.rows import FileRow, FileRows
from mmrad_eval.traces import convert, transcript_files
from mmrad_eval.traces.data_use import class_of
from mmrad_eval.traces.record import trace_of
from mmrad_eval.traces.steps import read_trace

TRACES = frozenset((".jsonl", ".ndjson", ".parquet"))
"""Endings of files that may hold records of traces."""


@dataclass(frozen=True)
class Predictions:
    """Reports by study id."""

    path: Path
    reports: dict[str, Report]
    """The report of each id; empty where none was found or the model declined."""
    traces: dict[str, Trace] = field(default_factory=dict)
    """Reasoning that stands beside a report: its steps where it marks them, and its words."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Our word -> the column or key that it was read from."""
    problems: tuple[Problem, ...] = ()
    understood: Mapping[str, Understood] = field(default_factory=dict)
    """How the text of each id was read: its status, and what was removed."""
    joined: str = ""
    """How ids were found where the file has none, as the end of a sentence."""
    data_use: DataUse = "open"
    """The class that the file states (``export`` writes it into every row); ``open`` where it states none."""

    def answer(self, study: str) -> Answer | None:
        """The answer to a study, as a reply with the same words would be read; None without a report."""
        if study not in self.reports:
            return None
        report, found = self.reports[study], self.understood.get(study)
        if found is None:
            return Answer(study, "ok" if report.text.strip() else "empty", "", report, self.traces.get(study))
        return Answer(study, found.status, found.why, report, self.traces.get(study), events=found.events)

    def statuses(self) -> dict[str, str]:
        """Status of each id whose report is not as it stands: refused, unparsed."""
        return {study: found.status for study, found in self.understood.items() if found.status not in {"ok", "empty"}}

    @property
    def notes(self) -> tuple[str, ...]:
        """Warnings as sentences."""
        return _collected(self.problems).notes()


def read_predictions(
    path: Path | str,
    given: Mapping[str, str] | None = None,
    *,
    strict: bool = True,
    target: Target = "findings",
    references: Mapping[str, Report] | None = None,
    ids: Sequence[str] | None = None,
) -> Predictions:
    """The reports of a file by id; ``given`` maps our words (id, report, findings, impression, trace) to its columns.

    ``target``: what was asked for. ``references``: the reports that it will be held against, so that none is taken for
    a prediction. ``ids``: the studies in the order of the file, for a file without ids. DataError names file, line and
    id of what can't be read or stands twice; with ``strict=False`` those are left out and stay among ``problems``. An
    id that stands twice with the same text is a warning.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        table = outputs.trajectories(path)
        return _from_table(table, {"id": "id", "report": "report"}, Problems(), target, strict=strict)
    if not path.is_file():
        raise DataError(f"{path} is not a file of reports" if path.exists() else f"there is no file {path}")
    problems = Problems()
    kind = None if given or ids else _kind_of_traces(path)
    if kind is not None:
        return _from_records(path, kind, problems, strict=strict)
    table = read_in_order(path, ids, problems) if ids else outputs.as_rows(read_table(path, problems), problems)
    if strict and not table.rows:
        problems.raise_errors(str(path))
    where = choose(table, given or {}, references).columns
    return _from_table(table, where, problems, target, strict=strict)


def _from_table(
    table: FileRows, where: Mapping[str, str], problems: Problems, target: Target, *, strict: bool
) -> Predictions:
    path = table.path
    found: dict[str, Understood] = {}
    traces: dict[str, Trace] = {}
    lines: dict[str, int | None] = {}
    for row in table.rows:
        study = raw_text.identifier(row.cells.get(where["id"]))
        if study is None:
            problems.error("no id", f"{where['id']!r} is empty", file=str(path), line=row.line)
            continue
        try:
            understood = raw_text.read_row(
                {word: row.cells.get(where[word]) for word in REPORT if word in where}, target
            )
        except raw_text.ErrorMessageError as error:
            what = f"{error} and no reply of a model; the study stays pending"
            problems.warn("error message", what, file=str(path), line=row.line, study=study)
            continue
        except raw_text.NoReportError as error:
            what = f"{', '.join(where[word] for word in REPORT if word in where)} is {error}, not a string"
            problems.error("not a report", what, file=str(path), line=row.line, study=study)
            continue
        understood = outputs.as_it_ended(understood, row.cells.get(outputs.REPLY))
        if study in found:
            _twice(problems, path, row, study, lines[study], same=found[study] == understood)
            continue
        _doubts(problems, path, row, study, understood)
        found[study], lines[study] = understood, row.line
        if (looked := row.cells.get(outputs.LOOKS)) is not None:
            traces[study] = looked
            continue
        beside = columns.text(row.cells.get(where["trace"])) if "trace" in where else None
        if written := read_trace("\n\n".join(t for t in (beside, understood.thought) if t)):
            traces[study] = written
    if strict:
        problems.raise_errors(str(path))
        _none_but_errors(path, found, problems)
    use = strictest((class_of_rows([row.cells for row in table.rows], "open"), of_place(path)))
    reports = {study: understood.report for study, understood in found.items()}
    return Predictions(path, reports, traces, where, tuple(problems), found, data_use=use)


def _none_but_errors(path: Path, found: Mapping[str, Understood], problems: Problems) -> None:
    """Raise DataError where no reply of a model is in the file, since its making failed."""
    errors = [problem for problem in problems if problem.kind == "error message"]
    if errors and not found:
        message = errors[0].what.partition(" and no reply")[0]
        raise DataError(f"{path} contains no model reply: each is {message} or similar; run the model again")


def _doubts(problems: Problems, path: Path, row: FileRow, study: str, understood: Understood) -> None:
    """Say what a reader of the table should know of one report."""
    place: Place = {"file": str(path), "line": row.line, "study": study}
    if understood.status == "empty":
        kind, what = "empty report", "the report is empty; it scores as one"
        if understood.why.startswith("the text is"):
            kind, what = (
                "no words",
                f"the report is {understood.why.removeprefix('the text is ')}, read as an empty one",
            )
        problems.warn(kind, what, **place)
    elif understood.status != "ok":
        problems.warn(understood.status, f"read as {understood.status}: {understood.why}", **place)


def _kind_of_traces(path: Path) -> str | None:
    """The format of a file of traces that also holds reports; None for any other file."""
    if path.suffix.lower() not in TRACES:
        return None
    try:
        kind = convert.recognise(path)
    except DataError:
        return None
    return None if kind == "thinkvg" or kind in transcript_files.FORMATS else kind


def _from_records(path: Path, kind: str, problems: Problems, *, strict: bool) -> Predictions:
    reports: dict[str, Report] = {}
    traces: dict[str, Trace] = {}
    credentialed = False
    for number, record in enumerate(convert.read(path, kind), 1):
        credentialed = credentialed or class_of(record) == "credentialed"
        where, study = {"file": str(path), "line": number}, record.id or record.study.study
        if not study:
            problems.error("no id", f"record {number} has no id", **where)  # type: ignore[arg-type]  # file and line
            continue
        if wrote := raw_text.server_error(record.report.text):
            what = f"{wrote} instead of a report; the study stays pending"
            problems.warn("error message", what, study=study, **where)  # type: ignore[arg-type]  # as above
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
    use = strictest(("credentialed" if credentialed else "open", of_place(path)))  # unknown is what states nothing
    return Predictions(path, reports, traces, {}, tuple(problems), data_use=use)


def _twice(problems: Problems, path: Path, row: FileRow, study: str, line: int | None, *, same: bool) -> None:
    before = f"at line {line}" if line else "earlier in the file"
    if same:
        what = f"this id occurs {before} with the same report; kept once"
        problems.warn("duplicate id", what, file=str(path), line=row.line, study=study)
    else:
        what = f"this id occurs {before} with another report; it is unknown which one counts"
        problems.error("duplicate id", what, file=str(path), line=row.line, study=study)


def _collected(found: Iterable[Problem]) -> Problems:
    problems = Problems()
    for problem in found:
        add = problems.error if problem.severity == "error" else problems.warn
        add(problem.kind, problem.what, file=problem.file, line=problem.line, study=problem.study)
    return problems
