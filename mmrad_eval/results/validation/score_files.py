"""Tables of scores made elsewhere: boards (one row per system) and files of reports (one row per report).

Nothing is taken on trust and nothing is dropped: a short row is padded, a cell that should be a number and is none is
kept by where it stands, a row of means at the end is told from the reports above it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mmrad_eval.core import sheets
from mmrad_eval.core.contracts import FloatArray
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Report
from mmrad_eval.datasets import columns as names_of
from mmrad_eval.datasets import files
from mmrad_eval.datasets.problems import Problems
from mmrad_eval.datasets.rows import FileRow, FileRows, read_rows

SYSTEM = ("model_name", "model", "system", "method", "submission", "team", "approach", "algorithm", "model_id")
"""Names of columns that hold a system's name, as ``columns.plain`` writes them."""
RUN = ("run", "run_name", "checkpoint", "experiment", "task_name", "name")
"""Names that hold a system's name where no column holds a study id."""
BESIDE = ("task", "variant", "dataset", "split")
"""Columns that tell rows of one system apart, in our own tables."""
PROFILE = " @ "
"""What a column of our own tables has between the name of a number and its profile."""
LONG = (("metric", "measure", "column", "score_name"), ("value", "score", "result"))
"""Columns of a table with one row a number: what the number is, and the number."""
FACTS = (
    "rank",
    "date",
    "year",
    "n",
    "size",
    "sample",
    "clusters",
    "failed",
    "open",
    "pending",
    "line",
    "unnamed_0",
    "index",
)
"""Numbers that are no scores."""
MEAN_ROWS = frozenset({"mean", "average", "avg", "overall", "total", "all", "aggregate", "macro"})
PLACES = 9
"""Decimals from which on a column counts as written in full."""


@dataclass(frozen=True)
class Measure:
    """What a column's name says that it holds, and the values that this can take."""

    name: str
    better: Literal["higher", "lower"] = "higher"
    low: float | None = 0.0
    high: float | None = 1.0


BLEU, BERTSCORE, SEMB = Measure("BLEU"), Measure("BERTScore", low=-2.0), Measure("SembScore", low=-1.0)
RADGRAPH = Measure("RadGraph")
RADCLIQ_V0 = Measure("RadCliQ-v0", "lower", None, None)
RADCLIQ_V1 = Measure("RadCliQ-v1", "lower", None, None)

_KNOWN: tuple[tuple[str, Measure], ...] = (
    (r"bleu\d?(score)?", BLEU),
    (r"bertscore(f1)?", BERTSCORE),
    (r"semb(score)?|chexbert(cosine|similarity|embedding)", SEMB),
    (r"radgraph(combined|f1|simple|partial|complete|xl)?|f1radgraph(simple|partial|complete)?", RADGRAPH),
    (r"radcliqv0", RADCLIQ_V0),
    (r"radcliq(v1)?", RADCLIQ_V1),
    (r"rate(score)?", Measure("RaTEScore")),
    (r"green(score)?", Measure("GREEN")),
    (r"fineradscore", Measure("FineRadScore", "lower", 0.0, None)),
    (r"rouge(1|2|l|lsum)(score)?", Measure("ROUGE")),
    (r"meteor(score)?", Measure("METEOR")),
    (r"ciderd?(score)?", Measure("CIDEr", high=10.0)),
    (r"crimson", Measure("CRIMSON", low=-1.0)),
    (r"f1chexbert.*|chexbertf1.*|(micro|macro|weighted)f1.*", Measure("CheXbert F1")),
)
"""Pattern of a column's name, letters and digits only -> the measure. Ranges: BERTScore rescaled, CIDEr-D times ten."""


def measure_of(column: str) -> tuple[Measure, bool] | None:
    """What a column holds, and whether as its reciprocal (``1/RadCliQ-v1``); None where the name says nothing known."""
    text = column.partition(PROFILE)[0].strip().lower()
    found = re.match(r"1\s*/\s*(.*)", text)
    plain = re.sub(r"[^a-z0-9]", "", found[1] if found else text)
    measure = next((measure for pattern, measure in _KNOWN if re.fullmatch(pattern, plain)), None)
    return None if measure is None else (measure, found is not None)


@dataclass(frozen=True)
class NonNumericCell:
    """A cell where a number should be and none is."""

    row: int
    column: str
    text: str


@dataclass(frozen=True)
class ScoreFile:
    """One table, column by column."""

    path: Path
    kind: Literal["board", "reports"]
    key: str
    """The column that names the rows."""
    names: tuple[str, ...]
    lines: tuple[int | None, ...]
    numbers: dict[str, FloatArray]
    """Columns of scores, nan where a cell is empty."""
    decimals: dict[str, int]
    """Most decimals that a column writes."""
    texts: dict[str, tuple[str, ...]]
    """All other columns."""
    odd: tuple[NonNumericCell, ...]
    means: dict[str, float]
    """A row of means that stands among the reports, by column; empty where there is none."""

    def __len__(self) -> int:
        return len(self.names)

    def half(self, column: str) -> float:
        """Half of the last decimal that is written: how far rounding alone can be off."""
        places = self.decimals[column]
        return 0.0 if places >= PLACES else 0.5 * 10.0**-places

    def measured(self, measure: Measure, *, inverse: bool = False) -> str | None:
        """The column that holds a measure (or its reciprocal); None where there is none."""
        return next((column for column in self.numbers if measure_of(column) == (measure, inverse)), None)

    def reports(self) -> dict[str, Report]:
        """The texts of the reports by id, where the file has them."""
        for words in (names_of.PREDICTION, names_of.REPORT):
            found = names_of.match(tuple(self.texts), words, {}, self.path)
            if "report" in found or "findings" in found:
                break
        else:
            return {}
        whole, findings = (self.texts.get(found.get(word, "")) for word in ("report", "findings"))
        blank = ("",) * len(self)
        return {
            name: Report(text=text or part, findings=part or None)
            for name, text, part in zip(self.names, whole or blank, findings or blank, strict=True)
        }

    def where(self, row: int) -> str:
        """The name of a row, and its line where the file has lines."""
        line = self.lines[row]
        return self.names[row] if line is None else f"{self.names[row]} (line {line})"


def read_sheet(path: Path | str, *, system: str | None = None) -> ScoreFile:
    """Read a board or a file of reports; DataError where it is no table with names and numbers.

    ``system`` names the column of a board's systems, where its name is none that is known.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise DataError(f"there is no file {path}")
    problems = Problems()
    table = _padded(path, problems)
    problems.raise_errors(str(path))
    if not table.rows:
        raise DataError(f"{path}: {'has a header and no rows' if table.columns else 'the file is empty'}")
    table = _wide(table, system)
    key, kind = _key(table, system)
    names = _names(table, key, kind)
    average = [row for row, name in enumerate(names) if kind == "reports" and name.strip().lower() in MEAN_ROWS]
    kept = [row for row in range(len(names)) if row not in average]
    numbers, decimals, texts, odd = _columns(table, key, kept)
    if not numbers:
        commas = any(re.fullmatch(r"-?\d+,\d+", str(cell)) for row in table.rows for cell in row.cells.values())
        hint = "; decimal commas are not read: write points" if commas else ""
        raise DataError(f"{path}: no column contains numbers; its columns are {', '.join(table.columns)}{hint}")
    means = {
        column: value for row in average for column in numbers if (value := _number(table, row, column)) is not None
    }
    return ScoreFile(
        path,
        kind,
        key,
        tuple(names[row] for row in kept),
        tuple(table.rows[row].line for row in kept),
        numbers,
        decimals,
        texts,
        odd,
        means,
    )


def one_row(path: Path, name: str, *, cells: dict[str, Any] | None = None) -> ScoreFile | None:
    """A file whose only row of numbers belongs to no report, called ``name``; None where it is another one."""
    if cells is None:
        problems = Problems()
        table = _padded(path, problems)
        problems.raise_errors(str(path))
    else:
        table = FileRows(path, tuple(cells), (FileRow(None, cells),))
    plain = {names_of.plain(column) for column in table.columns}
    if len(table.rows) != 1 or not plain.isdisjoint(names_of.STUDY["id"]):
        return None
    numbers, decimals, texts, odd = _columns(table, "", [0])
    lines = (table.rows[0].line,)
    return ScoreFile(path, "board", "", (name,), lines, numbers, decimals, texts, odd, {}) if numbers else None


def _padded(path: Path, problems: Problems) -> FileRows:
    """The rows of a file; a csv row with cells missing at its end is kept, with empty ones."""
    if path.suffix.lower() == ".json" and (named := _by_name(path, problems)):
        return FileRows(path, tuple(dict.fromkeys(column for row in named for column in row.cells)), named)
    if not path.name.lower().removesuffix(".gz").endswith((".csv", ".tsv", ".txt")):
        return read_rows(path, problems)
    text = files.read_text(path, problems)
    read = sheets.read(text, strict=False)
    if read.fault is not None:
        raise DataError(f"{path}:{read.fault[0]}: {read.fault[1]}")
    header: list[str] = []
    rows: list[FileRow] = []
    for start, cells in read.rows:
        if not header:
            header = [cell.strip() or f"column {number}" for number, cell in enumerate(cells, 1)]
            twice = [name for name, count in Counter(header).items() if count > 1]
            if twice:
                raise DataError(f"{path}:{start}: the header names {twice[0]!r} twice; rename one")
        elif len(cells) > len(header):
            problems.error("too many cells", f"{len(cells)} cells where the header names {len(header)}", line=start)
        elif any(cell.strip() for cell in cells):
            padded = cells + [""] * (len(header) - len(cells))
            rows.append(FileRow(start, dict(zip(header, padded, strict=True))))
    return FileRows(path, tuple(header), tuple(rows))


def _by_name(path: Path, problems: Problems) -> tuple[FileRow, ...]:
    """The rows of an object with a name for each, such as ``{"s1": {"bleu_score": 0.5}}``; none of any other file."""
    value = files.json_file(path, problems)
    if not isinstance(value, dict) or not all(isinstance(cells, dict) for cells in value.values()):
        return ()
    return tuple(FileRow(None, {"id": name, **cells}) for name, cells in value.items())


def _wide(table: FileRows, system: str | None) -> FileRows:
    """A table with one row a number (``system,metric,value``) as one with a row a system; any other as it is."""
    plain = {names_of.plain(column): column for column in reversed(table.columns)}
    what, value = (next((plain[name] for name in names if name in plain), None) for names in LONG)
    if what is None or value is None:
        return table
    rest = [column for column in table.columns if column not in (what, value)]
    key, _ = _key(FileRows(table.path, tuple(rest), table.rows), system)
    rows: dict[tuple[str, ...], FileRow] = {}
    columns = dict.fromkeys([key])
    for row in table.rows:
        name = names_of.text(row.cells.get(what)) or ""
        own = tuple(names_of.text(row.cells.get(column)) or "" for column in (key, *BESIDE))
        whole = rows.setdefault(own, FileRow(row.line, {column: row.cells.get(column) for column in (key, *BESIDE)}))
        if name in whole.cells:
            raise DataError(f"{table.path}:{row.line}: {own[0]} has two values of {name!r}")
        whole.cells[name] = row.cells.get(value)
        columns[name] = None
    beside = [column for column in BESIDE if column in table.columns]
    return FileRows(table.path, (*columns, *beside), tuple(rows.values()))


def _key(table: FileRows, system: str | None = None) -> tuple[str, Literal["board", "reports"]]:
    if system is not None:
        if system not in table.columns:
            raise DataError(f"{table.path}: there is no column {system!r}; its columns are {', '.join(table.columns)}")
        return system, "board"
    plain = {names_of.plain(column): column for column in reversed(table.columns)}
    for name in SYSTEM:
        if name in plain:
            return plain[name], "board"
    for name in names_of.STUDY["id"]:
        if name in plain:
            return plain[name], "reports"
    for name in RUN:
        if name in plain:
            return plain[name], "board"
    raise DataError(
        f"{table.path}: no column is recognized as the name of each row (a system, a study id) among "
        f"{', '.join(table.columns)}. Rename one to id or model, or name the column of systems with --model-column"
    )


def _names(table: FileRows, key: str, kind: str) -> list[str]:
    """The rows' names; in a board, what else tells rows of one system apart is added."""
    names = [names_of.text(row.cells.get(key)) or "" for row in table.rows]
    if kind == "board":
        for beside in BESIDE:
            if len(set(names)) == len(names):
                break
            if beside in table.columns:
                parts = [names_of.text(row.cells.get(beside)) for row in table.rows]
                names = [f"{name}, {part}" if part else name for name, part in zip(names, parts, strict=True)]
    return names


def _columns(
    table: FileRows, key: str, kept: Sequence[int]
) -> tuple[dict[str, FloatArray], dict[str, int], dict[str, tuple[str, ...]], tuple[NonNumericCell, ...]]:
    numbers: dict[str, FloatArray] = {}
    decimals: dict[str, int] = {}
    texts: dict[str, tuple[str, ...]] = {}
    odd: list[NonNumericCell] = []
    for column in table.columns:
        cells = [table.rows[row].cells.get(column) for row in kept]
        written = [names_of.text(cell) or "" for cell in cells]
        values = [_parsed(cell) for cell in cells]
        filled = sum(bool(text) for text in written)
        known = names_of.plain(column) in FACTS or column == key
        if known or not filled or 2 * sum(value is not None for value in values) <= filled:
            texts[column] = tuple(written)
            continue
        numbers[column] = np.array([np.nan if value is None else value for value in values])
        decimals[column] = max(map(_places, cells))
        odd += [
            NonNumericCell(row, column, text)
            for row, (text, value) in enumerate(zip(written, values, strict=True))
            if text and (value is None or not np.isfinite(value))
        ]
    return numbers, decimals, texts, tuple(odd)


def _number(table: FileRows, row: int, column: str) -> float | None:
    value = _parsed(table.rows[row].cells.get(column))
    return value if value is not None and np.isfinite(value) else None


def _parsed(cell: Any) -> float | None:
    """A cell as a number; None where it is empty or none."""
    if isinstance(cell, bool) or cell is None:
        return None
    try:
        return float(cell)
    except (TypeError, ValueError, OverflowError):
        return None


def _places(cell: Any) -> int:
    """Decimals that a number is written with; floats of JSON and parquet, and exponents, count as written in full."""
    if isinstance(cell, float):
        cell = repr(cell)
    text = str(cell if cell is not None else "").strip().lower()
    if "e" in text:
        return PLACES
    return len(text.partition(".")[2]) if re.fullmatch(r"[-+]?\d*\.?\d*", text) else 0


def duplicates(names: Sequence[str]) -> Iterator[tuple[str, list[int]]]:
    """(name, rows) of each name that stands more than once."""
    places: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        places.setdefault(name, []).append(row)
    yield from ((name, rows) for name, rows in places.items() if len(rows) > 1)
