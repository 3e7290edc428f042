"""``--workers ray:HOST:PORT`` with encoders: actors of two nodes encode; the statistics are those of one process."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmrad_eval.core.contracts import Corpus
from mmrad_eval.core.errors import MmradError
from mmrad_eval.core.values import Answer, Example, Report, Study
from mmrad_eval.metrics import suite
from mmrad_eval.metrics.clinical.engines import Engines
from mmrad_eval.results.scoring.chunk import Chunk, in_chunks
from mmrad_eval.results.scoring.measure import Measurement, measure
from mmrad_eval.results.scoring.ray_workers import RayWorkers
from tests.processes import started

pytestmark = pytest.mark.clinical

NODE = {"num_cpus": 1, "object_store_memory": 100 << 20}
NAMES = (
    "bleu@raw",
    "radgraph@xl",
    "radgraph@v1-lower",
    "chexbert@uncertain=positive",
    "semb@rexrank",
    "bertscore@rexrank",
)


@pytest.fixture(scope="module")
def cluster(hub_home: Path) -> Iterator[Any]:
    """A head and a second node, both on this machine, whose processes find what this one finds."""
    assert hub_home
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args=NODE)
    made.second = made.add_node(**NODE)
    yield made
    made.shutdown()


@pytest.fixture(scope="module")
def examples(texts: list[str]) -> list[Example]:
    """Three chunks: pairs of which some texts come again, one empty report and one of punctuation."""
    found = []
    for i in range(600):
        reference, candidate = texts[i % len(texts)], texts[(i * 7 + i // len(texts)) % len(texts)]
        candidate = {5: "", 9: "!?;:--()"}.get(i, candidate)
        study = Study(f"s{i}", reference=Report(reference, findings=reference))
        found.append(Example(study, Answer(f"s{i}", report=Report(candidate, findings=candidate)), "findings"))
    return found


@dataclass
class Encoded:
    """What was measured, and what became of the encoders."""

    measurement: Measurement
    made: dict[Any, int]
    """Encoder -> texts whose results came in."""
    loaded: list[Any]
    """Encoders that this process loaded."""


def measured(examples: list[Example], options: Any, mapper: Any = map, chunks: Any = None, **more: Any) -> Encoded:
    metrics = suite(NAMES, options=options, **more)
    assert not metrics.missing
    assert isinstance(metrics.encoders, Engines)
    corpus = Corpus([example.study for example in examples], (), "findings")
    found = measure(metrics, corpus, chunks or in_chunks(examples), len(examples), mapper=mapper)
    sources = metrics.encoders._sources
    made = {key: one.results.made for key, one in sources.items()}
    return Encoded(found, made, [key for key, one in sources.items() if one._runner is not None])


@pytest.fixture(scope="module")
def alone(examples: list[Example], weights: Any) -> Encoded:
    return measured(examples, weights.options())


def equal(one: Encoded, other: Encoded) -> None:
    ours, theirs = one.measurement.metrics, other.measurement.metrics
    assert [m.signature for m in ours] == [m.signature for m in theirs]
    np.testing.assert_array_equal(ours[0].store, theirs[0].store)


def workers(cluster: Any, said: list[str] | None = None, **more: Any) -> RayWorkers:
    return RayWorkers(cluster.address, "open", lambda _: None, say=(said if said is not None else []).append, **more)


def at_chunk(examples: list[Example], number: int, act: Callable[[], None]) -> Iterator[Chunk]:
    for i, chunk in enumerate(in_chunks(examples)):
        if i == number:
            act()
        yield chunk


def test_actors_encode_each_distinct_text_once_and_the_command_loads_no_encoder(
    cluster: Any, examples: list[Example], weights: Any, alone: Encoded
) -> None:
    said: list[str] = []
    found = measured(examples, weights.options(), workers(cluster, said))
    equal(found, alone)
    assert found.made == alone.made
    assert not found.loaded
    assert said == ["the cluster encodes the texts of: " + ", ".join(NAMES[1:])]


def test_an_encoder_that_is_killed_is_started_again(
    cluster: Any, examples: list[Example], weights: Any, alone: Encoded
) -> None:
    killed: list[int] = []

    def kill() -> None:
        while not (found := started("ray::EncoderActor")):
            time.sleep(0.05)
        killed.extend(found)
        for process in found:
            os.kill(process, signal.SIGKILL)

    equal(measured(examples, weights.options(), workers(cluster), at_chunk(examples, 1, kill)), alone)
    assert killed


def test_a_lost_node_and_one_that_joins_change_nothing(
    cluster: Any, examples: list[Example], weights: Any, alone: Encoded
) -> None:
    def lose() -> None:
        cluster.remove_node(cluster.second, allow_graceful=False)
        cluster.second = cluster.add_node(**NODE)

    equal(measured(examples, weights.options(), workers(cluster), at_chunk(examples, 1, lose)), alone)


def test_what_actors_said_is_stored_and_the_next_command_needs_no_cluster(
    cluster: Any, examples: list[Example], weights: Any, tmp_path: Path
) -> None:
    some = examples[:50]
    first = measured(some, weights.options(), workers(cluster), texts=tmp_path)
    again = measured(some, weights.options(), texts=tmp_path)
    equal(again, first)
    assert sum(first.made.values()) > 0
    assert sum(again.made.values()) == 0


@pytest.fixture
def places(tmp_path: Path, make_weights: Any, weights: Any) -> tuple[Path, Path]:
    """Two folders that hold other weights under one name."""
    here, there = tmp_path / "here", tmp_path / "there"
    for place, made in ((here, weights), (there, make_weights(4))):
        place.mkdir()
        (place / "chexbert.pth").symlink_to(made.checkpoint)
    return here, there


def test_a_node_with_other_weights_is_refused(
    cluster: Any, examples: list[Example], weights: Any, places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = places
    options = weights.options(**{"weights.chexbert": Path("chexbert.pth")})
    monkeypatch.chdir(here)

    def move() -> None:
        monkeypatch.chdir(there)

    with pytest.raises(MmradError, match=r"a node of the cluster encodes as chexbert.* the same weights on every node"):
        measured(examples, options, workers(cluster), at_chunk(examples, 0, move))


def test_a_node_of_another_kind_is_refused(
    cluster: Any, examples: list[Example], weights: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Engines, "kind", lambda _: "another card with torch 1.0")
    with pytest.raises(MmradError, match=r"encodes on a CPU \(.*\) with torch .*, but this command .* on another card"):
        measured(examples, weights.options(), workers(cluster))
