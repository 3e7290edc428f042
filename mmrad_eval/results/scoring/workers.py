"""``--workers``: who measures, as it is written on a command line."""

from __future__ import annotations

from dataclasses import dataclass

from mmrad_eval.core.errors import UsageError
from mmrad_eval.results.scoring.chunk import Mapper

MOST = 1024


@dataclass(frozen=True)
class Workers:
    """How many processes measure; one: this one alone."""

    count: int = 1

    @classmethod
    def written(cls, words: str) -> Workers:
        """From words such as ``4``; UsageError for anything else."""
        if not (words.isascii() and words.isdecimal() and 1 <= int(words) <= MOST):
            raise UsageError(f"--workers {words}: write how many processes measure, such as 4")
        return cls(int(words))

    def mapper(self) -> Mapper:
        """What applies the measuring to each chunk."""
        if self.count == 1:
            return map
        from mmrad_eval.results.scoring.processes import Processes

        return Processes(self.count)
