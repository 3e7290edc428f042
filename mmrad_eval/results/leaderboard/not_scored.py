"""What is said below a table of metrics that were not scored: one line for all that only has to be installed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from mmrad_eval.results.leaderboard.rows import ScoredRun

INSTALLS = ("pip install ", "python -m ", "mmrad-eval weights ")
"""Beginnings of the remedies for what is not installed."""
_NAMED = 3


def not_scored(runs: Sequence[ScoredRun]) -> Iterator[str]:
    """One sentence for what is not installed, and one for each other reason, with the runs that it concerns."""
    lacks: dict[tuple[str, str], dict[str, set[tuple[str, str]]]] = defaultdict(lambda: defaultdict(set))
    absent: dict[str, str] = {}
    for scored in runs:
        for name, missing in (scored.summary.missing if scored.summary else {}).items():
            if missing.remedy.startswith(INSTALLS):
                absent[name] = missing.remedy
            else:
                lacks[missing.what, missing.remedy][name].add(_called(scored))
    everybody = {_called(scored) for scored in runs}
    for (what, remedy), metrics in lacks.items():
        these = set.union(*metrics.values())
        where = "" if these == everybody else f" for {', '.join(sorted(' '.join(run) for run in these))}"
        yield f"Not scored{where}: {', '.join(metrics)}: {what}; {remedy}."
    if absent:
        yield f"Not scored: {_named(list(absent))}; to add {'it' if len(absent) == 1 else 'them'}: {_ways(absent)}."


def _called(scored: ScoredRun) -> tuple[str, str]:
    return scored.run.card.label, scored.run.identity.task


def _named(names: Sequence[str]) -> str:
    """``a, b, c and 6 more metrics``."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more metrics" if more > 0 else "")


def _ways(absent: dict[str, str]) -> str:
    return "; ".join(dict.fromkeys(absent.values()))
