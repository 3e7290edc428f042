"""``--workers``: who measures, as it is written on a command line."""

from __future__ import annotations

from dataclasses import dataclass

from mmrad_eval.core.errors import UsageError

MOST = 1024
RAY = "ray"


@dataclass(frozen=True)
class Workers:
    """How many processes of this machine measure (one: this one alone), or which Ray cluster does."""

    count: int = 1
    ray: str | None = None
    """The cluster's address; empty: one of this machine, for the time of the scoring."""

    @classmethod
    def written(cls, words: str) -> Workers:
        """From words such as ``4``, ``ray`` and ``ray:10.0.0.1:6379``; UsageError for anything else."""
        engine, colon, address = words.partition(":")
        if engine == RAY and bool(colon) == bool(address):
            host, _, port = address.rpartition(":")
            if address and not (host and port.isascii() and port.isdecimal()):
                raise UsageError(f"--workers {words}: write the cluster's host and port, such as ray:10.0.0.1:6379")
            return cls(ray=address)
        if not (words.isascii() and words.isdecimal() and 1 <= int(words) <= MOST):
            raise UsageError(f"--workers {words}: write the number of processes, such as 4, or ray, or ray:HOST:PORT")
        return cls(int(words))
