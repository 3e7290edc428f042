"""The class of traces, kept through every format that they are converted to.

The neutral record has a field for it. A row of another format states it under ``data_use`` where it is not what the
format alone implies, so that a chain of conversions, a copy or a new file name loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from mmrad_eval.core.data_use import FIELD, stated, strictest
from mmrad_eval.core.values import DataUse
from mmrad_eval.traces.record import TraceRecord

_LEAST: Mapping[str, DataUse] = {"mmrad": "credentialed", "thinkvg": "credentialed", "gemex-thinkvg": "credentialed"}
"""Formats and datasets that were made from MIMIC-CXR: nothing that a file says makes them less."""


def class_of(record: TraceRecord) -> DataUse:
    """The class of a record: what it states, and no less than what its dataset is known to be."""
    return strictest((record.study.licence_class, _LEAST.get(record.study.dataset, "open")))


def classed(record: TraceRecord, source: str, rows: Iterable[Mapping[str, Any]]) -> TraceRecord:
    """The record with the class of the rows of format ``source`` that it was read from."""
    said = {use for row in rows if (use := stated(row)) is not None}
    use = strictest((strictest(said or {record.study.licence_class}), _LEAST.get(source, "open"), _least(record)))
    extra = {name: value for name, value in record.extra.items() if name != FIELD}
    return msgspec.structs.replace(record, study=msgspec.structs.replace(record.study, licence_class=use), extra=extra)


def stating(row: dict[str, Any], record: TraceRecord, target: str) -> dict[str, Any]:
    """A row of format ``target`` made of the record; it states the class where the format does not imply it."""
    use = class_of(record)
    return row if use == _LEAST.get(target, "unknown") else {**row, FIELD: use}


def _least(record: TraceRecord) -> DataUse:
    return _LEAST.get(record.study.dataset, "open")
