"""summary.json: what a run scored, column by column, small enough to be read for every table.

::

    {"schema": "mmrad.summary/1", "run": "0123456789ab", "n": 296, "scored": 294, "statuses": {"ok": 290, …},
     "studies": "<sha256>", "clusters": 280, "cluster": "patient",
     "columns": {"BLEU-4 @ r2gen-iu": {"value": 0.104, "low": 0.095, "high": 0.113, "n": 294, "defined": 294, …}, …},
     "missing": {"radgraph@xl": {"what": "the weights of RadGraph-XL", "remedy": "mmrad-eval fetch radgraph"}}, …}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmrad_eval.core.canonical import digest
from mmrad_eval.core.data_use import strictest
from mmrad_eval.core.values import DataUse, Value
from mmrad_eval.results.run.record import Run
from mmrad_eval.results.run.spent import Spent

SCHEMA = "mmrad.summary/1"


class ColumnSummary(Value, frozen=True, omit_defaults=False):
    """One number of a run."""

    value: float | None
    """None where nothing was defined."""
    low: float | None
    """Lower end of the 95 % interval; None where there is none (fewer than two clusters, or too often undefined)."""
    high: float | None
    n: int
    """Studies that were scored: the same for every column of a run."""
    defined: int
    """Studies of these in which the column has a value of its own; the rest lack something to find."""
    name: str
    """The column without its profile, such as ``BLEU-4``."""
    profile: str
    metric: str
    """The registry name of the metric that it comes from."""
    signature: str
    """Exactly how the number was computed."""
    better: str = "higher"
    """``higher``, ``lower``, or empty where neither end is good."""
    best: float | None = None
    """The value of a perfect report, where there is one."""

    @property
    def label(self) -> str:
        """The name in tables."""
        return f"{self.name} @ {self.profile}"


class MissingColumns(Value, frozen=True, omit_defaults=False):
    """A metric that could not be computed."""

    what: str
    remedy: str
    """The command that fixes it."""


class Summary(Value, frozen=True, omit_defaults=False):
    """One summary.json."""

    run: str
    """The run id."""
    n: int
    """Studies of the selection that have a reference for the target."""
    scored: int
    """Those of them that the model answered, in whatever way; failed and pending ones are never scored."""
    statuses: dict[str, int]
    """Status -> studies, over all ``n``; statuses that did not occur are left out."""
    studies: str
    """SHA-256 of the sorted ids of the ``n`` studies: two runs with the same value cover the same studies."""
    clusters: int
    """Independent units among the scored studies."""
    cluster: str
    """What they are: ``patient``, or ``study`` where some study has no patient id."""
    columns: dict[str, ColumnSummary]
    """Column label, such as ``BLEU-4 @ r2gen-iu`` -> the number."""
    same_report: int = 0
    """Scored studies whose report is the most frequent one, word for word; 0 where it was not counted."""
    events: dict[str, int] = {}
    """Event -> scored studies in which it was seen: what the reader of answers counts, ``wrong language`` and
    ``language not read``."""
    words: tuple[int, int] = (0, 0)
    """Words of the scored reports that say something, and of their references."""
    spent: Spent = Spent()
    """Tokens of the scored answers."""
    missing: dict[str, MissingColumns] = {}
    """Registry name of a metric that was asked for -> why it has no column."""
    answers: str = ""
    """SHA-256 of the bytes of the answers.jsonl that it was computed from; empty in summaries of version 0.1.0."""
    scores: str = ""
    """SHA-256 of the bytes of the scores.parquet that belongs to it; empty in summaries of earlier versions."""
    rest: str = ""
    """SHA-256 of the canonical JSON of everything else in this file, so that one that was edited is not shown; empty in
    summaries of earlier versions."""
    data_use: DataUse = "open"
    """The strictest class of the files of results that its metrics read; ``open`` where they read none."""
    notes: tuple[str, ...] = ()
    level: float = 0.95
    resamples: int = 0
    seed: int = 0
    """Patient-clustered bootstrap, percentile: level, resamples and seed of the intervals."""
    schema: str = SCHEMA

    @property
    def complete(self) -> bool:
        """Whether every study was scored."""
        return self.n > 0 and self.scored == self.n


def class_of(run: Run, summary: Summary | None) -> DataUse:
    """The class of a run with its scores: its own, and that of the files of results that it was scored with."""
    return strictest((run.data_use, summary.data_use if summary else "open"))


def digest_of_rest(summary: Mapping[str, Any]) -> str:
    """What ``rest`` is of a summary as plain JSON data."""
    return digest({name: value for name, value in summary.items() if name != "rest"})
