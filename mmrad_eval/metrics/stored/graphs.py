"""RadGraph annotations that were stored: the raw JSON of version 1 and XL, and the processed form."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from mmrad_eval.core import decode
from mmrad_eval.core.data_use import strictest
from mmrad_eval.core.errors import DataError, MissingError, UsageError
from mmrad_eval.core.values import DataUse, Example
from mmrad_eval.metrics.clinical.graphs.graph import Graph, read_graph
from mmrad_eval.metrics.clinical.graphs.metric import GraphsOf, RadGraph, RadGraphProfile
from mmrad_eval.metrics.clinical.graphs.rewards import CASES
from mmrad_eval.metrics.stored.tables import IDS, class_of, json_records, readable, two_files

if TYPE_CHECKING:
    from mmrad_eval.metrics.clinical.graphs.rewards import Case
    from mmrad_eval.metrics.suites import Setup


@dataclass(frozen=True)
class Graphs:
    """The graphs of one file by study id."""

    path: Path
    digest: str
    rows: dict[str, Graph]
    scheme: str
    """``v1`` or ``xl``; empty where no graph has an entity."""
    data_use: DataUse

    def of(self, study: str) -> Graph:
        """The graph of a study; MissingError where the file has none."""
        if study not in self.rows:
            raise MissingError(f"{self.path} has no graph for study {study}", "annotate it, or leave it out (--ids)")
        return self.rows[study]


def read_graphs(path: Path | str) -> Graphs:
    """Graphs from an object by study id (or by the path of its report file), a list of records with ids, or jsonl."""
    file = Path(path).expanduser()
    data = readable(file, "give the path of RadGraph's JSON")
    loaded = json_records(file, decode.utf8(data, str(file)))
    rows: dict[str, Graph] = {}
    for key, record in _records(loaded, file):
        if key in rows:
            raise DataError(f"{file}: id {key!r} occurs twice")
        rows[key] = read_graph(record, f"{file}, {key}")
    schemes = {graph.scheme for graph in rows.values()} - {""}
    if len(schemes) > 1:
        raise DataError(f"{file}: mixes RadGraph 1 and RadGraph-XL, whose labels differ; keep one file of each")
    return Graphs(file, hashlib.sha256(data).hexdigest(), rows, next(iter(schemes), ""), _class_of(file, loaded))


def stored_graphs(setup: Setup) -> RadGraph:
    """``graphs:FILE:REFERENCES``, under the option ``case`` (0.1.18 or lower)."""
    candidates, references = (read_graphs(path) for path in two_files(setup.argument, "graphs:"))
    setup.holds(strictest((candidates.data_use, references.data_use)))
    case: Case = setup.option("case", "0.1.18", CASES)  # type: ignore[assignment] # one of them
    if candidates.scheme and references.scheme and candidates.scheme != references.scheme:
        kinds = f"{candidates.path} is of {candidates.scheme}, {references.path} of {references.scheme}"
        raise UsageError(f"{kinds}: their labels differ, so they can't be compared")
    scheme = references.scheme or candidates.scheme
    profile = RadGraphProfile(f"stored {scheme}".strip() + ("" if case == "0.1.18" else " lower"), "radgraph", case)

    def source() -> tuple[GraphsOf, str]:
        def of(examples: Sequence[Example]) -> list[tuple[Graph, Graph]]:
            empty = Graph()
            return [
                (candidates.of(e.study.id) if e.candidate.strip() else empty, references.of(e.study.id))
                for e in examples
            ]

        return of, f"stored:{candidates.digest[:12]}-{references.digest[:12]}|labels:{scheme or 'none'}"

    return RadGraph(setup.name, profile, source)


def _class_of(path: Path, loaded: Any) -> DataUse:
    """The class of the file: an object by study id may state it for all, a record for itself."""
    if isinstance(loaded, dict):
        records = [{"id": key, **record} for key, record in loaded.items() if isinstance(record, dict)]
        return class_of(path, [loaded, *records])
    return class_of(path, loaded)


def _records(loaded: Any, path: Path) -> Iterable[tuple[str, dict[str, Any]]]:
    if isinstance(loaded, dict):
        pairs = list(loaded.items())
        if pairs and all(key == str(number) for number, (key, _) in enumerate(pairs)):
            raise DataError(
                f"{path}: reports are numbered, not named; key them by study id, because their order is unknown"
            )
        pairs = [(_stem(key), record) for key, record in pairs]
    elif isinstance(loaded, list):
        pairs = [(_id(record, path, number), record) for number, record in enumerate(loaded, start=1)]
    else:
        raise DataError(f"{path}: is neither an object by study id nor a list of records")
    for key, record in pairs:
        if not isinstance(record, dict):
            raise DataError(f"{path}, {key}: is a {type(record).__name__}, not an annotation")
        yield key, record


def _stem(key: str) -> str:
    """``p10/p10000032/s50414267.txt``, as RadGraph's release names reports, is study s50414267."""
    return PurePosixPath(key).stem if key.endswith(".txt") else key


def _id(record: Any, path: Path, number: int) -> str:
    if isinstance(record, dict):
        for name in IDS:
            if name in record:
                return str(record[name])
    raise DataError(f"{path}, record {number}: no id ({', '.join(IDS[:4])}, …)")
