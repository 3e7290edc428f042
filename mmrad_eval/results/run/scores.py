"""scores.parquet: one row per study with every metric's statistics and the study's own values.

Columns: ``id``, ``patient`` (null where unknown), ``status``, ``answer`` (digest of the answer that was scored); of
data that is not open ``data_use``, its class; then for each metric its additive statistics, named
``bleu@r2gen-iu: matched 1``, and the study's own values, named like the columns of tables, ``BLEU-4 @ r2gen-iu``. Rows
of studies that were not scored (failed, pending) hold nulls. Where two signatures would claim one name, the older one's
ends in `` (2)``.

The file's metadata has the key ``mmrad.scores/1``: a JSON list of ``ScoreBlock``, which says what column is what.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from mmrad_eval.core import decode
from mmrad_eval.core.contracts import Column, FloatArray
from mmrad_eval.core.data_use import FIELD, kept_with
from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import DataUse, Value
from mmrad_eval.core.whole_files import written_whole

if TYPE_CHECKING:
    import pandas as pd

KEY = b"mmrad.scores/1"
_ROWS = 1024  # rows of one row group


class StoredColumn(Value, frozen=True, omit_defaults=False):
    """A column of a metric, and the name of the parquet column that holds each study's own value."""

    name: str
    profile: str
    better: str
    best: float | None
    own: str

    @property
    def label(self) -> str:
        """The name in tables."""
        return f"{self.name} @ {self.profile}"


class ScoreBlock(Value, frozen=True, omit_defaults=False):
    """What one metric left in the file."""

    metric: str
    signature: str
    statistics: dict[str, str]
    """Name of a statistic -> name of its parquet column, in the metric's order."""
    columns: tuple[StoredColumn, ...]
    requires: tuple[str, ...] = ()
    """Signatures of the blocks whose statistics ``reduce`` wants appended to this one's, in this order."""
    shown: bool = True
    """False where it was measured only because another metric requires it."""


class ScoreRows(Value, frozen=True):
    """What is known of the studies, before any metric."""

    ids: tuple[str, ...]
    patients: tuple[str | None, ...]
    statuses: tuple[str, ...]
    answers: tuple[str, ...]
    """Digest of each answer; empty where there is none."""


class Scores:
    """One scores.parquet, read column by column as it is asked for."""

    def __init__(self, path: Path, blocks: Sequence[ScoreBlock], rows: ScoreRows, file: Any) -> None:
        """``file``: the open ``pyarrow.parquet.ParquetFile``."""
        self.path, self.blocks, self.rows = path, tuple(blocks), rows
        self._file = file

    def __repr__(self) -> str:
        return f"Scores({str(self.path)!r}, {len(self.rows.ids)} studies, {len(self.blocks)} metrics)"

    @property
    def clusters(self) -> list[str]:
        """The patient of each study, or the study itself where no patient is known."""
        return [p if p is not None else f"study:{i}" for i, p in zip(self.rows.ids, self.rows.patients, strict=True)]

    @property
    def scored(self) -> NDArray[np.bool_]:
        """(n,) whether the study was scored."""
        return np.array([bool(answer) for answer in self.rows.answers], dtype=np.bool_)

    def block(self, signature: str) -> ScoreBlock:
        """The block of that signature; KeyError where there is none."""
        return next(block for block in self.blocks if block.signature == signature)

    def statistics(self, *blocks: ScoreBlock) -> FloatArray:
        """(n, k) statistics of the blocks side by side, without what they require; nan in rows that were not scored."""
        return self._read([name for block in blocks for name in block.statistics.values()])

    def values(self, block: ScoreBlock) -> FloatArray:
        """(n, columns) each study's own values; nan where undefined or not scored."""
        return self._read([column.own for column in block.columns])

    def frame(self) -> pd.DataFrame:
        """The whole file as a pandas frame, one row per study."""
        import pandas as pd

        return pd.read_parquet(self.path.absolute())

    def _read(self, names: list[str]) -> FloatArray:
        table = decode.arrow_faults(partial(self._file.read, columns=names), self.path)
        out = np.empty((len(self.rows.ids), len(names)), order="F")
        for i, name in enumerate(names):
            out[:, i] = table.column(name).to_numpy(zero_copy_only=False)
        return out


def read_scores(path: Path) -> Scores:
    """Open one scores.parquet; DataError where it is not one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path.absolute(), memory_map=True)
        blocks = msgspec.json.decode((file.schema_arrow.metadata or {})[KEY], type=list[ScoreBlock])
        table = file.read(columns=["id", "patient", "status", "answer"])
        ids, patients, statuses, answers = (
            tuple(table.column(name).to_pylist()) for name in ("id", "patient", "status", "answer")
        )
        statuses = tuple("pending" if status == "open" else status for status in statuses)  # as version 1 wrote it
        rows = ScoreRows(ids, patients, statuses, answers)
    except (KeyError, OSError, pa.ArrowException, *decode.FAULTS) as error:
        raise DataError(
            f"{path} can't be read as scores ({error}); `mmrad-eval score {path.parent}` rebuilds it"
        ) from error
    return Scores(path, blocks, rows, file)


def named(
    blocks: Iterable[tuple[str, str, Sequence[str], Sequence[Column], tuple[str, ...], bool]],
) -> list[ScoreBlock]:
    """Blocks from (metric, signature, statistics, columns, requires, shown), earlier ones taking the plain names."""
    taken = {"id", "patient", "status", "answer", FIELD}

    def free(name: str) -> str:
        number, wanted = 1, name
        while name in taken:
            number += 1
            name = f"{wanted} ({number})"
        taken.add(name)
        return name

    return [
        ScoreBlock(
            metric=metric,
            signature=signature,
            statistics={name: free(f"{metric}: {name}") for name in statistics},
            columns=tuple(StoredColumn(c.name, c.profile, c.better, c.best, free(c.label)) for c in columns),
            requires=requires,
            shown=shown,
        )
        for metric, signature, statistics, columns, requires, shown in blocks
    ]


def write_scores(
    path: Path,
    rows: ScoreRows,
    blocks: Sequence[ScoreBlock],
    arrays: Iterator[tuple[Sequence[FloatArray], Sequence[FloatArray]]],
    data_use: DataUse = "open",
) -> None:
    """Write the file in row groups.

    ``arrays`` yields, for consecutive ranges of ``chunks(n)``, the statistics (rows, k) and values (rows, columns) of
    every block; nan becomes null. ``data_use``: the class of the data.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    use = kept_with(data_use)
    fields: list[Any] = [pa.field(name, pa.string()) for name in ("id", "patient", "status", "answer")]
    fields += [pa.field(FIELD, pa.string())] if use else []
    for block in blocks:
        fields += [pa.field(name, pa.float64()) for name in block.statistics.values()]
        fields += [pa.field(column.own, pa.float64()) for column in block.columns]
    schema = pa.schema(fields, metadata={KEY: msgspec.json.encode(list(blocks))})
    with written_whole(path) as part, pq.ParquetWriter(part.absolute(), schema, compression="zstd") as writer:
        for (start, stop), (statistics, values) in zip(chunks(len(rows.ids)), arrays, strict=True):
            columns: list[Any] = [
                _strings(part_of[start:stop]) for part_of in (rows.ids, rows.patients, rows.statuses, rows.answers)
            ]
            columns += [_strings([use] * (stop - start))] if use else []
            for pair in zip(statistics, values, strict=True):
                for array in pair:
                    columns += [_numbers(array[:, i]) for i in range(array.shape[1])]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def _numbers(values: FloatArray) -> Any:
    """An Arrow array of the values, null for nan; ``pyarrow.array`` would import pandas for it, which takes longer."""
    return _array("float64", ~np.isnan(values), np.ascontiguousarray(values))


def _strings(values: Sequence[str | None]) -> Any:
    """The same of texts, null for None."""
    data = [b"" if value is None else value.encode() for value in values]
    ends = np.cumsum([0, *map(len, data)], dtype=np.int32)
    return _array("string", np.array([value is not None for value in values]), ends, b"".join(data))


def _array(kind: str, known: NDArray[np.bool_], *buffers: Any) -> Any:
    import pyarrow as pa

    valid = None if known.all() else pa.py_buffer(np.packbits(known, bitorder="little"))
    return pa.Array.from_buffers(getattr(pa, kind)(), len(known), [valid, *map(pa.py_buffer, buffers)])


def chunks(n: int) -> list[tuple[int, int]]:
    """Consecutive ranges of rows, as ``write_scores`` wants them."""
    return [(start, min(start + _ROWS, n)) for start in range(0, n, _ROWS)]
