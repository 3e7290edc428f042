"""Shards: disjoint shares of a dataset's studies, which several commands ask about side by side.

Every command stores its replies in the same journal and publishes nothing; the same command without a shard then finds
them all, sends nothing, and writes the run. The share of a study depends on its id alone, so it is the same for every
task, model and arm, and stays the same where a limit or a selection changes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mmrad_eval.core.errors import UsageError
from mmrad_eval.core.values import Study
from mmrad_eval.datasets.lazy import subset

MOST = 100_000


@dataclass(frozen=True)
class Shard:
    """Share ``number`` of ``of``, counted from 1."""

    number: int
    of: int

    @classmethod
    def written(cls, words: str) -> Shard:
        """From words such as ``2/8``; UsageError for anything else."""
        found = re.fullmatch(r"\s*(\d{1,6})\s*/\s*(\d{1,6})\s*", words, re.ASCII)
        shard = cls(int(found[1]), int(found[2])) if found else cls(0, 0)
        if not 1 <= shard.number <= shard.of <= MOST:
            raise UsageError(f"--shard {words}: write I/N, such as 1/4")
        return shard

    def has(self, study: str) -> bool:
        """Whether the study of this id is in this share: SHA-256 of the id, its first 8 bytes modulo ``of``."""
        start = hashlib.sha256(study.encode("utf-8", "surrogatepass")).digest()[:8]
        return int.from_bytes(start) % self.of == self.number - 1

    def studies(self, studies: Sequence[Study]) -> Sequence[Study]:
        """Those of this share, in order; of lazy studies none is read for it."""
        return subset(studies, lambda study: self.has(study.id))

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"
