"""What a paper prints for our names: ``labels.toml``, and a file of the user's own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import msgspec

from mmrad_eval.core import decode
from mmrad_eval.core.errors import DataError
from mmrad_eval.results.figures.style import short_model
from mmrad_eval.results.run.summary import ColumnSummary
from mmrad_eval.tasks.arms import labels as arm_labels


class Labels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Printed names by ours."""

    columns: dict[str, str] = {}
    patterns: dict[str, str] = {}
    models: dict[str, str] = {}
    tasks: dict[str, str] = {}
    datasets: dict[str, str] = {}

    def names(self, columns: Sequence[ColumnSummary]) -> dict[str, str]:
        """Label -> printed name of columns that stand together, with the profile where names would be alike."""
        printed = {column.label: self.column(column) for column in columns}
        alike = Counter(printed.values())
        return {
            column.label: printed[column.label] + (f" ({column.profile})" if alike[printed[column.label]] > 1 else "")
            for column in columns
        }

    def column(self, column: ColumnSummary) -> str:
        """A column, without its profile."""
        for name in (column.label, column.name):
            if name in self.columns:
                return self.columns[name]
        for pattern, printed in self.patterns.items():
            match = re.fullmatch(pattern, column.name)
            if match:
                return _expanded(match, pattern, printed)
        return column.name

    def model(self, label: str) -> str:
        """A model."""
        return self.models.get(label) or short_model(label)

    def task(self, name: str) -> str:
        """A task; empty where a paper need not name it."""
        return self.tasks.get(name, _ARMS.get(name, name))

    def dataset(self, name: str) -> str:
        """A dataset."""
        return self.datasets.get(name, name)


def _expanded(match: re.Match[str], pattern: str, printed: str) -> str:
    try:
        return match.expand(printed)
    except (re.error, IndexError) as error:
        raise DataError(f"--labels: pattern {pattern!r} can't be printed as {printed!r}: {error}") from error


_ARMS = arm_labels("evidence") | arm_labels("control")


def labels_of(path: Path | None) -> Labels:
    """The labels of this package, with those of a user's file before them; DataError where the file is none."""
    text = files("mmrad_eval.results.paper").joinpath("labels.toml").read_text(encoding="utf-8")
    ours = msgspec.toml.decode(text, type=Labels)
    if path is None:
        return ours
    try:
        own = decode.toml_value(decode.read_bytes(path, longest=decode.LONGEST_TOML), str(path), Labels)
    except msgspec.ValidationError as error:
        known = ", ".join(Labels.__struct_fields__)
        raise DataError(f"{path}: this is not a file of labels: {error}; its tables are {known}") from error
    for pattern in own.patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise DataError(f"{path}: pattern {pattern!r} is not a regular expression: {error}") from error
    return Labels(
        *({**getattr(own, field), **_without(getattr(ours, field), getattr(own, field))} for field in _FIELDS)
    )


def _without(ours: dict[str, str], own: dict[str, str]) -> dict[str, str]:
    """Ours that the user's do not name; the user's stand first, and so are the first patterns to be tried."""
    return {name: printed for name, printed in ours.items() if name not in own}


_FIELDS = Labels.__struct_fields__
