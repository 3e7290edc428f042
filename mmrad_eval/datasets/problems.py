"""What is wrong with data, as values: loading stops at errors and remembers warnings, ``data check`` lists them all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Value
from mmrad_eval.core.visible import visible

SHOWN = 5
"""Problems that one error message quotes; ``data check`` shows every one."""


class Problem(Value, frozen=True):
    """One thing that is wrong, where it is, and the way out."""

    kind: str
    """A short name that is counted, such as ``duplicate id``."""
    what: str
    """One sentence: what was seen, and what to do about it."""
    file: str = ""
    line: int | None = None
    """Counted from 1; None where the file has no lines of its own (JSON as a whole, parquet)."""
    study: str | None = None
    severity: Literal["error", "warning"] = "error"
    """``error``: a run on this data would not be sound. ``warning``: it loads, and something is left out or unusual."""

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return visible(
            ": ".join(part for part in (place, f"study {self.study}" if self.study else "", self.what) if part)
        )


class Problems:
    """Collects the problems of one reading, in the order in which they were met."""

    def __init__(self) -> None:
        self._all: list[Problem] = []

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def error(self, kind: str, what: str, *, file: str = "", line: int | None = None, study: str | None = None) -> None:
        """Remember what makes a run unsound."""
        self._all.append(Problem(kind, what, file, line, study))

    def warn(self, kind: str, what: str, *, file: str = "", line: int | None = None, study: str | None = None) -> None:
        """Remember what is left out or unusual."""
        self._all.append(Problem(kind, what, file, line, study, "warning"))

    @property
    def errors(self) -> list[Problem]:
        """Those that make a run unsound."""
        return [p for p in self._all if p.severity == "error"]

    @property
    def warnings(self) -> list[Problem]:
        """Those that leave something out."""
        return [p for p in self._all if p.severity == "warning"]

    def raise_errors(self, source: str) -> None:
        """Raise one DataError that quotes the first errors, if there are any."""
        errors = self.errors
        if not errors:
            return
        lines = [str(p) for p in errors[:SHOWN]]
        if len(errors) > SHOWN:
            lines.append(f"... and {len(errors) - SHOWN} more; `mmrad-eval data check {source}` lists all")
        raise DataError("\n".join(lines))

    def notes(self) -> tuple[str, ...]:
        """Warnings as sentences, those of one kind counted together."""
        kinds: dict[str, list[Problem]] = {}
        for problem in self.warnings:
            kinds.setdefault(problem.kind, []).append(problem)
        return tuple(
            str(found[0]) if len(found) == 1 else f"{kind}: {len(found)} times, first {found[0]}"
            for kind, found in kinds.items()
        )
