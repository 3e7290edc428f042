"""Who measures: the mapper of ``--workers``, once the class of the data allows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mmrad_eval.core.values import DataUse
from mmrad_eval.harness import gate
from mmrad_eval.results.scoring.chunk import Mapper
from mmrad_eval.results.scoring.workers import Workers


def mapper_of(
    workers: Workers, use: DataUse, local_networks: Sequence[str] = (), say: Callable[[str], None] = lambda _: None
) -> Mapper:
    """What applies the measuring to each chunk; GateError where the data may not go to the cluster.

    Nodes are looked at when the cluster is joined; ``local_networks`` names those of the user's own institution.
    ``say`` is told which metrics workers leave to this process.
    """
    if workers.ray is not None:
        from mmrad_eval.results.scoring.ray_workers import RayWorkers

        def permit(addresses: Sequence[str]) -> None:
            gate.check_nodes(use, addresses, local_networks)

        if workers.ray:
            permit([workers.ray.rpartition(":")[0].strip("[]")])
        return RayWorkers(workers.ray, use, permit, say=say)
    if workers.count == 1:
        return map
    from mmrad_eval.results.scoring.processes import Processes

    return Processes(workers.count, say)
