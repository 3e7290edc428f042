"""Raw text of any origin, read in one way: a model's reply, a file of outputs, a text given in Python, a reference."""

from __future__ import annotations

from mmrad_eval.datasets.raw_text.cells import (
    ErrorMessageError,
    NoReportError,
    identifier,
    is_missing,
    person,
    read_cell,
    read_reference_cell,
    read_row,
)
from mmrad_eval.datasets.raw_text.ends import end_beside
from mmrad_eval.datasets.raw_text.failed_bodies import BLOCKED_UNEXPLAINED, read_choice, reported_failure
from mmrad_eval.datasets.raw_text.reading import read, read_reference
from mmrad_eval.datasets.raw_text.removed import Removed, Understood
from mmrad_eval.datasets.raw_text.server_errors import server_error

__all__ = [
    "BLOCKED_UNEXPLAINED",
    "ErrorMessageError",
    "NoReportError",
    "Removed",
    "Understood",
    "end_beside",
    "identifier",
    "is_missing",
    "person",
    "read",
    "read_cell",
    "read_choice",
    "read_reference",
    "read_reference_cell",
    "read_row",
    "reported_failure",
    "server_error",
]
