"""Output files of other harnesses and of batch endpoints, as rows of ids and reports.

lm-eval and lmms-eval (``samples_*.jsonl`` with ``resps`` and ``filtered_resps``), and batches (``batches``). Files of
VLMEvalKit, ms-swift and LLaVA have columns of their own, which ``prediction_columns`` knows. Looks among the words
of any of them, and of DeepEyes' results, are read apart (``traces.transcripts``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from mmrad_eval.core.values import Reply, Report, Trace
from mmrad_eval.datasets import batches, columns, raw_text
from mmrad_eval.datasets.problems import Problems
from mmrad_eval.datasets.raw_text import Understood
from mmrad_eval.datasets.rows import FileRow, FileRows
from mmrad_eval.traces import transcript_files
from mmrad_eval.traces.record import trace_of
from mmrad_eval.traces.transcripts import FILM, Piece, final_words, has_looks, pieces_of, record_of

LOOKS = "the looks of the transcript"
"""The cell that holds a ``Trace``, beside the columns of a transcript."""
REPLY = "the reply of the batch"
"""The cell that holds a ``Reply``, beside the columns of a batch."""


def as_rows(table: FileRows, problems: Problems) -> FileRows:
    """The table with ids and reports in columns of their own, where it is such a file; any other table as it is."""
    names = set(table.columns)
    key = next((key for key, held in batches.KEYS.items() if key in names and names & held), None)
    if key is not None and (key != "key" or any(batches.reply_in(row.cells) for row in table.rows)):
        return _batch(table, key, problems)
    if {"pred_output", "pred_ans"} <= names:
        return _deepeyes(table, problems)
    if "doc_id" in names and names & {"resps", "filtered_resps"}:
        return _with_looks(_samples(table), "report")
    columns_of_model = [name for name in ("prediction", "response", "output") if name in names]
    return _with_looks(table, columns_of_model[0]) if columns_of_model else table


def _deepeyes(table: FileRows, problems: Problems) -> FileRows:
    """What DeepEyes' evaluation keeps; a sample that broke off is left out, as no answer of the model is known."""
    rows = []
    for row in table.rows:
        if row.cells.get("status") == "error":
            what = "the evaluation stopped at this sample; its study stays pending"
            problems.warn("failed request", what, file=str(table.path), line=row.line)
            continue
        read = transcript_files.transcript("deepeyes", row.cells)
        cells = {"id": read.id or None, "report": final_words(read.pieces)}
        rows.append(FileRow(row.line, cells | _looks(table.path, read.pieces, read.film)))
    return FileRows(table.path, ("id", "report"), tuple(rows))


def trajectories(folder: Path) -> FileRows:
    """A folder of Mini-o3's trajectories, a sample a row; DataError where it holds none."""
    rows = []
    for number, (read, _) in enumerate(transcript_files.trajectories(folder), 1):
        cells = {"id": read.id, "report": final_words(read.pieces)}
        rows.append(FileRow(number, cells | _looks(folder / "traj.jsonl", read.pieces, read.film)))
    return FileRows(folder, ("id", "report"), tuple(rows))


def _with_looks(table: FileRows, column: str) -> FileRows:
    """The table with looks apart, where the words of a column hold calls or pictures; the report is behind the last."""

    def apart(row: FileRow) -> FileRow:
        text = row.cells.get(column)
        if not isinstance(text, str) or not has_looks(text):
            return row
        pieces = tuple(pieces_of(text))
        return FileRow(row.line, {**row.cells, column: final_words(pieces), **_looks(table.path, pieces)})

    return FileRows(table.path, table.columns, tuple(map(apart, table.rows)))


def _looks(path: Path, pieces: Sequence[Piece], film: str = "") -> dict[str, Trace]:
    trace = trace_of(record_of(pieces, "", film=film or FILM), str(path.parent.absolute()))
    return {LOOKS: trace} if trace.steps else {}


def _batch(table: FileRows, key: str, problems: Problems) -> FileRows:
    """Requests that failed are left out: no answer of the model is known."""
    rows = []
    for row in table.rows:
        reply = batches.reply_in(row.cells)
        if reply is None:
            problems.warn(
                "failed request",
                "this request of the batch failed; its study stays pending",
                file=str(table.path),
                line=row.line,
                study=str(row.cells.get(key)),
            )
            continue
        cells = {"id": row.cells.get(key), "report": reply.text, "reasoning": reply.reasoning, REPLY: reply}
        rows.append(FileRow(row.line, cells))
    return FileRows(table.path, ("id", "report", "reasoning"), tuple(rows))


def as_it_ended(understood: Understood, reply: Any) -> Understood:
    """How a text is understood, given the reply that it is of: one that was cut, or refused by the provider."""
    if not isinstance(reply, Reply):
        return understood
    if reply.finish in {"refusal", "too long"}:
        status = "refused" if reply.finish == "refusal" else "too long"
        why = reply.why or reply.text or reply.finish
        return msgspec.structs.replace(understood, status=status, why=why, report=Report())
    if reply.finish == "length" and understood.status in {"ok", "empty", "unparsed"}:
        return msgspec.structs.replace(understood, status="truncated", why=understood.why or reply.why)
    if understood.status == "empty" and reply.reasoning.strip() and not reply.text.strip():
        return msgspec.structs.replace(understood, status="unparsed", why="no text after the reasoning")
    return understood


def _samples(table: FileRows) -> FileRows:
    """Samples of lm-eval and lmms-eval: the filtered response; the id of the document where it has one."""
    rows = []
    for row in table.rows:
        cells = row.cells
        filtered, raw = _first(cells.get("filtered_resps")), _first(cells.get("resps"))
        doc = cells.get("doc")
        named = {columns.plain(str(key)): value for key, value in doc.items()} if isinstance(doc, Mapping) else {}
        own = next((named[name] for name in columns.STUDY["id"] if named.get(name) is not None), cells["doc_id"])
        said = raw if filtered is None else filtered
        thought = _thought(raw) if said != raw else ""  # which the filter may have taken away
        cells = {"id": own, "report": said, "reasoning": thought}
        pieces = transcript_files.transcript("lmms-eval", {"resps": [said]}).pieces
        if pieces != (said,):  # JSON of a loop, or of words with pictures
            cells |= {"report": final_words(pieces), **_looks(table.path, pieces)}
        rows.append(FileRow(row.line, cells))
    return FileRows(table.path, ("id", "report", "reasoning"), tuple(rows))


def _thought(raw: Any) -> str:
    return raw_text.read(raw, "findings").thought if isinstance(raw, str) else ""


def _first(value: Any) -> Any:
    """The innermost first item of nested lists."""
    while isinstance(value, list):
        value = value[0] if value else None
    return value
