"""Metrics that judge models decide, under the names and with the words of those who published them.

No prompt and no rule of theirs lies here: both are read at run time from the published wheel (``wheels``). Each metric
has two profiles: ``upstream`` does with an unread reply what the package does, ``strict`` lets none be a good score.
"""

_HERE = "mmrad_eval.metrics.judged"

METRICS: dict[str, tuple[str, str]] = {
    "crimson@upstream": (f"{_HERE}.crimson:upstream", "CRIMSON by a judge; unread replies left out, as upstream"),
    "crimson@strict": (f"{_HERE}.crimson:strict", "CRIMSON by a judge; unread replies score the worst value"),
    "radmatch@upstream": (f"{_HERE}.radmatch:upstream", "RadMatch by judges; failed reports left out, as upstream"),
    "radmatch@strict": (f"{_HERE}.radmatch:strict", "RadMatch by judges; an unread candidate has missed everything"),
}
