"""``--workers ray``: two nodes, an actor killed, a node lost and another joined give the statistics of one process."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmrad_eval.core.errors import GateError, MissingError, MmradError
from mmrad_eval.harness.measuring import mapper_of
from mmrad_eval.metrics import suite
from mmrad_eval.results.scoring.chunk import CHUNK, Chunk, in_chunks
from mmrad_eval.results.scoring.measure import Measurement, measure
from mmrad_eval.results.scoring.ray_workers import RayWorkers
from mmrad_eval.results.scoring.workers import Workers
from tests.processes import started
from tests.results.scoring.test_measuring import Words
from tests.results.scoring.test_scoring_workers import cases, corpus

NODE = {"num_cpus": 1, "object_store_memory": 100 << 20}
SOME = cases(14 * CHUNK + 5)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head and a second node, both on this machine."""
    pytest.importorskip("ray", reason="needs the environment of Ray (scripts/env-ray)")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args=NODE)
    made.second = made.add_node(**NODE)
    yield made
    made.shutdown()


def anywhere(_: Sequence[str]) -> None:
    """Every node may have the data."""


def measured(mapper: Any, chunks: Any = None) -> Measurement:
    metrics = suite(["cider@r2gen-iu", "rouge@radeval", "rules", Words()])
    return measure(metrics, corpus(SOME), chunks or in_chunks(SOME), len(SOME), mapper=mapper)


@pytest.fixture(scope="module")
def alone() -> Measurement:
    return measured(map)


def equal(one: Measurement, other: Measurement) -> None:
    assert [m.signature for m in one.metrics] == [m.signature for m in other.metrics]
    np.testing.assert_array_equal(one.metrics[0].store, other.metrics[0].store)
    assert one.spoken == other.spoken


def at_chunk(number: int, act: Callable[[], None]) -> Iterator[Chunk]:
    """The chunks, with something that happens before one of them is handed over."""
    for i, chunk in enumerate(in_chunks(SOME)):
        if i == number:
            act()
        yield chunk


@pytest.mark.ray
def test_two_nodes_measure_what_one_process_does(cluster: Any, alone: Measurement) -> None:
    seen: list[str] = []
    equal(measured(RayWorkers(cluster.address, "open", seen.extend)), alone)
    assert len(seen) == 2


@pytest.mark.ray
def test_a_killed_actor_is_started_again_and_nothing_is_missing(cluster: Any, alone: Measurement) -> None:
    killed: list[int] = []

    def kill() -> None:
        while not (found := started("ray::ChunkActor")):
            time.sleep(0.05)
        killed.append(found[0])
        os.kill(killed[0], signal.SIGKILL)

    equal(measured(RayWorkers(cluster.address, "open", anywhere), at_chunk(6, kill)), alone)
    assert killed


@pytest.mark.ray
def test_a_lost_node_and_one_that_joins_change_nothing(cluster: Any, alone: Measurement) -> None:
    def lose() -> None:
        cluster.remove_node(cluster.second, allow_graceful=False)
        cluster.second = cluster.add_node(**NODE)

    equal(measured(RayWorkers(cluster.address, "open", anywhere), at_chunk(6, lose)), alone)


@pytest.mark.ray
def test_workers_without_a_core_are_counted_when_nothing_comes(cluster: Any) -> None:
    def lose() -> None:
        cluster.remove_node(cluster.second, allow_graceful=False)

    with pytest.raises(MmradError, match=r"\d+ workers? waits? for (?:a core|cores): the cluster has"):
        measured(RayWorkers(cluster.address, "open", anywhere, patience=10), at_chunk(4, lose))
    cluster.second = cluster.add_node(**NODE)


@pytest.mark.ray
def test_a_node_that_joins_later_gets_no_credentialed_data(cluster: Any) -> None:
    before = cluster.second.node_id

    def swap() -> None:
        cluster.remove_node(cluster.second, allow_graceful=False)
        cluster.second = cluster.add_node(**NODE)

    with pytest.raises(MmradError, match=r"Nothing was written|the Ray cluster failed"):
        measured(RayWorkers(cluster.address, "credentialed", anywhere, patience=10), at_chunk(4, swap))
    assert cluster.second.node_id != before


@pytest.mark.ray
def test_a_cluster_of_one_s_own_lives_for_the_scoring_and_spills_where_the_class_is_stated(alone: Measurement) -> None:
    pytest.importorskip("ray", reason="needs the environment of Ray (scripts/env-ray)")
    before, stated = spills(), dict[Path, str]()

    def look() -> None:
        stated.update({folder: (folder / "data_use.json").read_text() for folder in spills() - before})

    equal(measured(mapper_of(Workers.written("ray"), "credentialed"), at_chunk(2, look)), alone)
    (folder,) = stated
    assert "credentialed" in stated[folder]
    assert not folder.exists()


def spills() -> set[Path]:
    """Folders that clusters of a scoring's own may spill to."""
    return set(Path(tempfile.gettempdir()).glob("mmrad-ray-*"))


@pytest.mark.ray
def test_a_cluster_that_is_not_there_is_an_error_in_one_line() -> None:
    pytest.importorskip("ray", reason="needs the environment of Ray (scripts/env-ray)")
    with pytest.raises(MmradError, match=r"no Ray cluster at 127\.0\.0\.1:9"):
        measured(RayWorkers("127.0.0.1:9", "open", anywhere))


@pytest.mark.parametrize("address", ["192.0.2.200:6379", "203.0.113.7:6379"])
def test_credentialed_data_goes_to_no_cluster_elsewhere(address: str) -> None:
    with pytest.raises(GateError, match=r"--local-network"):
        mapper_of(Workers.written(f"ray:{address}"), "credentialed")
    assert mapper_of(Workers.written(f"ray:{address}"), "open")
    assert mapper_of(Workers.written(f"ray:{address}"), "unknown", ["192.0.2.0/24", "203.0.113.7"])


def test_nodes_are_looked_at_before_anything_is_sent_to_them() -> None:
    mapper = mapper_of(Workers.written("ray:127.0.0.1:6379"), "credentialed")
    assert isinstance(mapper, RayWorkers)
    mapper.permit(["127.0.0.1"])
    with pytest.raises(GateError, match=r"203\.0\.113\.9"):
        mapper.permit(["127.0.0.1", "203.0.113.9"])


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    some = SOME[:3]
    with pytest.raises(MissingError, match=r"mmrad-eval\[ray\]"):
        measure(suite(["bleu@raw"]), corpus(some), in_chunks(some), 3, mapper=RayWorkers("", "open", anywhere))
