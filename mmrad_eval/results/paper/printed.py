"""The tables of a paper as they are printed: one tabular of models and metrics, what it leaves out in the appendix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as replace_page

from msgspec.structs import replace

from mmrad_eval.results.leaderboard.optimized import OPTIMIZED
from mmrad_eval.results.paper.labels import Labels, labels_of
from mmrad_eval.results.run.summary import ColumnSummary
from mmrad_eval.results.tables.latex import ARTICLE, latex
from mmrad_eval.results.tables.table import Cell, Row, Table, TableColumn

NOT_RANKED = ": controls, not ranked"
"""What follows a model's name above its controls."""
NO_MODEL, _BASELINES = "no model", "Baselines"
BLIND = "reports that see no image"
"""The heading above the policies that a metric is shown beside."""
_HEADINGS = {NO_MODEL: _BASELINES, BLIND: "Reports that see no image"}
VERDICTS = (
    "Not shown that region images help",
    "Region images help",
    "A visual gain of",
    "It is unknown whether region images help",
)
"""Beginnings of the verdicts on a visual gain (``visual_claim.sentence``)."""
_INVALID = "not ok"
UNIT, DIFFERENCES = "n: studies; ", "Differences are paired, "
"""Beginnings of the notes on what intervals rest on, and on the mark of significance."""


@dataclass(frozen=True)
class Printed:
    """What a paper prints for our names."""

    labels: Labels
    columns: Mapping[str, str]
    """Column label -> printed name."""

    def row(self, row: Row) -> Row:
        """The row with models called as they are printed."""
        cells = dict(row.cells)
        if "model" in cells:
            cells["model"] = replace(cells["model"], value=self.labels.model(str(cells["model"].value)))
        model = row.heading.removesuffix(NOT_RANKED)
        heading = _HEADINGS.get(model) or (model and self.labels.model(model) + row.heading[len(model) :])
        return replace(row, cells=cells, heading=heading)


def body(table: Table, words: Printed, size: str, *, with_intervals: bool) -> Table:
    """Values alone, with the mark of each row's difference; ``size``: what all rows rest on, said in the caption.

    Columns that say the same of every row are left out: n, no answer that is invalid,
    training data that nobody states.
    """
    columns = [_titled(column, words) for column in table.columns if column.kind not in {"difference", "change"}]
    kept = tuple(column for column in columns if column.kind == "score" or not _says_nothing(table, column))
    alike = not any(column.key == "n" for column in kept)
    rows = tuple(words.row(_marked(row, table)) for row in table.rows)
    title = f"{table.title}, {size}." if alike else f"{table.title}."
    notes = tuple(_short(note) for note in table.notes if with_intervals or not note.startswith(UNIT))
    return replace(table, columns=kept, rows=rows, title=title, notes=notes)


def intervals(table: Table, words: Printed, level: str) -> Table:
    """The same values with their intervals, for the appendix."""
    columns = tuple(_titled(column, words) for column in table.columns if column.kind in {"score", "text"})
    kept = tuple(column for column in columns if column.kind == "score" or not _says_nothing(table, column))
    rows = tuple(words.row(replace(row, notes=())) for row in table.rows)
    title = f"{table.title}: values with {level} intervals."
    return replace(table, name=f"{table.name}-intervals", columns=kept, rows=rows, title=title, notes=(), ranking="")


def differences(table: Table, words: Printed, to: str, level: str) -> Table | None:
    """The differences with their intervals, for the appendix; None where the table has none."""
    columns: list[TableColumn] = []
    for column in table.columns:
        if column.kind == "difference":
            label = column.group
            columns.append(replace(column, title=words.columns.get(label, label)))
        elif column.kind == "text" and not _says_nothing(table, column):
            columns.append(column)
    compared = [column for column in columns if column.kind == "difference"]
    rows = _regrouped(
        [row for row in table.rows if any(table.cell(row, c).value is not None for c in compared)], table, words
    )
    if not compared or not rows:
        return None
    star = tuple(note for note in table.notes if note.startswith(DIFFERENCES))
    title = f"{table.title}: differences to {to} with {level} intervals."
    return replace(
        table,
        name=f"{table.name}-differences",
        columns=tuple(columns),
        rows=tuple(rows),
        title=title,
        notes=star,
        ranking="",
    )


def signatures(columns: Sequence[ColumnSummary], words: Printed) -> Table:
    """Exactly how each printed number was computed."""
    rows = tuple(
        Row({"metric": Cell(words.columns[column.label]), "how": Cell(f"{column.label}: {column.signature}")})
        for column in columns
    )
    heads = (TableColumn("metric"), TableColumn("how", "column of mmrad-eval: signature"))
    return Table("signatures", "How each metric was computed.", heads, rows)


@dataclass(frozen=True)
class CompactColumn:
    """One run of a compact table."""

    run: str
    values: Mapping[str, ColumnSummary]
    marked: frozenset[str] = frozenset()
    """Labels of the columns whose value has a star."""
    optimized: frozenset[str] = frozenset()
    """Labels of the columns that its model was optimized for."""

    def mark(self, label: str) -> str:
        """The signs after a value."""
        return ("*" if label in self.marked else "") + (OPTIMIZED if label in self.optimized else "")


def compact(lines: Sequence[CompactColumn], words: Printed, name: str, title: str) -> Table:
    """Every metric of a few runs, times 100: metrics down, by their conventions, and runs across.

    Conventions under which all runs have the same values stand together.
    """
    heads = (TableColumn("metric"), *(TableColumn(f"{i} {one.run}", one.run, "percent") for i, one in enumerate(lines)))
    every = {label: column for one in lines for label, column in one.values.items()}
    cells = {
        label: {
            f"{i} {one.run}": Cell(one.values[label].value if label in one.values else None, mark=one.mark(label))
            for i, one in enumerate(lines)
        }
        for label in every
    }
    blocks: dict[tuple[object, ...], list[str]] = {}
    for profile in dict.fromkeys(column.profile for column in every.values()):
        labels = [label for label, column in every.items() if column.profile == profile]
        blocks.setdefault(tuple((every[label].name, str(cells[label])) for label in labels), []).append(profile)
    rows: list[Row] = []
    for profiles in blocks.values():
        labels = [label for label, column in every.items() if column.profile == profiles[0]]
        for label in labels:
            arrow = {"higher": " ↑", "lower": " ↓"}.get(every[label].better, "")
            first = Cell(f"{words.labels.column(every[label])}{arrow}")
            heading = ", ".join(profiles) if label == labels[0] else ""
            rows.append(Row({"metric": first, **cells[label]}, heading=heading))
    return Table(name, title, heads, tuple(rows))


def leaderboard_latex(tables: Sequence[Table]) -> str:
    """Leaderboards as a paper prints them: printed names, no intervals; signatures are comments of the source."""
    labels = labels_of(None)
    page = replace_page(ARTICLE, intervals=False)
    text = []
    for table in tables:
        text += [f"% {column.key}: {column.footnote}" for column in table.columns if column.footnote]
        board = _board(table, labels)
        bare = replace(board, columns=tuple(column for column in board.columns if column.key != "length"))
        with_length, without = (latex([one], (page,)) for one in (board, bare))
        pieces = [one.count(r"\begin{tabular}") for one in (with_length, without)]
        text.append(without if pieces[1] < pieces[0] else with_length)  # the metrics stay beside each other
    return "\n".join(text)


def _board(table: Table, labels: Labels) -> Table:
    names = [_printed(column.key, labels) for column in table.columns if column.interval]
    shown = [row for row in table.rows if row.media != "data"]
    columns: list[TableColumn] = []
    for column in table.columns:
        values = {table.cell(row, column).value for row in shown}
        if column.interval:
            printed = _printed(column.key, labels)
            profile = f" ({column.key.partition(' @ ')[2]})" if names.count(printed) > 1 else ""
            columns.append(replace(column, title=f"{printed}{profile}", footnote=""))
        elif (column.media != "data" and column.headline) and (
            column.key in {"model", "length"} or (len(values) > 1 and column.key != "answers")
        ):
            columns.append(column)
    counts = {table.cell(row, column).value for row in shown for column in table.columns if column.key == "n"}
    n = f", n = {counts.pop():,} studies" if len(counts) == 1 else ""
    words = Printed(labels, {})
    return replace(
        table, columns=tuple(columns), rows=tuple(map(words.row, table.rows)), title=f"{table.title}{n}.", notes=()
    )


def _printed(label: str, labels: Labels) -> str:
    name, _, profile = label.partition(" @ ")
    return labels.column(ColumnSummary(None, None, None, 0, 0, name, profile, "", ""))


def _short(note: str) -> str:
    """A verdict without its numbers, which stand in results.md."""
    for phrase in VERDICTS:
        model, found, rest = note.partition(phrase)
        if found and model.endswith(": "):
            ends = [at for mark in (" (", ":") if (at := rest.find(mark)) >= 0]
            return f"{model}{phrase}{rest[: min(ends, default=len(rest))]}."
    return note


def _titled(column: TableColumn, words: Printed) -> TableColumn:
    if column.kind == "score":
        return replace(column, title=words.columns.get(column.key, column.key), footnote="")
    if column.key == _INVALID:
        return replace(column, title="invalid, %")
    return column


def _says_nothing(table: Table, column: TableColumn) -> bool:
    """Whether a column holds the same for every row, or for every model, and so is said once or not at all."""
    if column.kind == "text":
        values = {table.cell(row, column).value for row in table.rows} - {NO_MODEL, None, ""}
        return values <= {"unknown"}
    values = {table.cell(row, column).value for row in table.rows} - {None}
    return len(values) <= 1 and (column.key != _INVALID or values <= {0, None})


def _marked(row: Row, table: Table) -> Row:
    """The row with the star of each difference at its value."""
    cells = dict(row.cells)
    for column in table.columns:
        if column.kind == "difference" and column.group in cells:
            own = cells[column.group]
            cells[column.group] = replace(own, mark=own.mark + table.cell(row, column).mark)
    return replace(row, cells=cells)


def _regrouped(rows: Sequence[Row], table: Table, words: Printed) -> list[Row]:
    """Rows of which some were left out, with each group's heading above the first that is left."""
    kept = {id(row) for row in rows}
    out: list[Row] = []
    waiting = ""
    for row in table.rows:
        waiting = row.heading or waiting
        if id(row) in kept:
            out.append(words.row(replace(row, heading=waiting, rule=bool(waiting and out), notes=())))
            waiting = ""
    return out
