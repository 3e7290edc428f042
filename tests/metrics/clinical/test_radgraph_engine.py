"""The own RadGraph engine gives the package's graphs: same words, entities, labels and relations in the same order."""

from __future__ import annotations

import random
from typing import Any

import pytest

pytestmark = pytest.mark.clinical

MODELS = ("radgraph", "radgraph-xl")
TEXTS = 170
"""Reports a model and seed: with three seeds and two models over a thousand."""


def engines(weights: Any, model: Any) -> tuple[Any, Any]:
    from mmrad_eval.metrics.clinical.graphs.archive import RadGraphRunner
    from mmrad_eval.metrics.clinical.reference_packages import UpstreamRadGraph

    folder = weights.archives / model
    return RadGraphRunner(folder, model, weights.encoder), UpstreamRadGraph(folder, model, weights.encoder)


TIE = 1e-4
"""A decision closer than this may fall either way with the rounding of a processor; the engine reports its margin."""


def differing(own: list[Any], upstream: list[Any]) -> list[tuple[int, float | None]]:
    """(index, margin of the closest decision) of every text whose graphs differ in anything and were no tie."""
    pairs = enumerate(zip(own, upstream, strict=True))
    return [(n, a.margin) for n, (a, b) in pairs if a.graph != b.graph and (a.margin is None or a.margin > TIE)]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("seed", [3, 4, 5])
def test_graphs_are_the_packages(make_weights: Any, model: str, seed: int) -> None:
    from benchmarks.clinical.reports import reports

    own, upstream = engines(make_weights(seed), model)
    texts = reports(TEXTS - 10, seed=seed + 100, low=1, high=3) + reports(10, seed=seed + 200, low=4, high=10)
    found = own(texts)
    assert differing(found, upstream(texts)) == []
    entities = sum(len(one.graph.entities) for one in found)
    relations = sum(len(entity.relations) for one in found for entity in one.graph.entities)
    assert entities > TEXTS
    assert relations > 20


@pytest.mark.parametrize("model", MODELS)
def test_graphs_of_random_words_and_edges_are_the_packages(
    weights: Any, model: str, edges: tuple[str, ...], texts: list[str]
) -> None:
    chooser = random.Random(11)
    words = sorted({word for text in texts for word in text.split()})
    noise = [" ".join(chooser.choices(words, k=chooser.randint(1, 30))) for _ in range(40)]
    own, upstream = engines(weights, model)
    asked = [*edges, *noise]
    assert differing(own(asked), upstream(asked)) == []


@pytest.mark.parametrize("model", MODELS)
def test_graphs_past_512_pieces_are_the_packages(weights: Any, model: str, texts: list[str]) -> None:
    long = [" ".join(texts[:count]) for count in (4, 6)]
    own, upstream = engines(weights, model)
    found = own(long)
    assert all(len(one.graph.text.split()) > 200 for one in found)
    assert differing(found, upstream(long)) == []


def test_a_text_without_words_has_no_graph(weights: Any) -> None:
    own, upstream = engines(weights, "radgraph-xl")
    for engine in (own, upstream):
        assert [len(one.graph.entities) for one in engine(["", " \n", "\t"])] == [0, 0, 0]


def test_a_report_with_no_entity_has_an_empty_graph(weights: Any) -> None:
    own, upstream = engines(weights, "radgraph-xl")
    texts = [word for word in ("the", "is", "of", ".", "and", "or", "at", "with", "no", "may", "a") if word]
    found = own(texts)
    assert differing(found, upstream(texts)) == []
    assert any(not one.graph.entities for one in found)


def test_a_text_says_the_same_alone_and_among_others(weights: Any, texts: list[str]) -> None:
    own, _ = engines(weights, "radgraph-xl")
    together = own(texts)
    assert differing([own([text])[0] for text in texts[:20]], together[:20]) == []


def test_the_longest_reports_stay_small_in_memory(weights: Any, texts: list[str]) -> None:
    own, _ = engines(weights, "radgraph-xl")
    (found,) = own([" ".join(texts * 2)])
    assert len(found.graph.text.split()) > 5000
    assert found.graph.entities


def test_relations_are_scored_in_blocks_without_a_change(
    weights: Any, texts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mmrad_eval.metrics.clinical.graphs import dygie

    own, _ = engines(weights, "radgraph-xl")
    whole = own(texts[:20])
    monkeypatch.setattr(dygie, "_BLOCK", 500)
    assert differing(own(texts[:20]), whole) == []


@pytest.mark.shared
def test_rewards_are_the_packages_on_recorded_graphs(shared_data: Any) -> None:
    import json

    from mmrad_eval.metrics.clinical.graphs.graph import read_graph
    from mmrad_eval.metrics.clinical.graphs.rewards import rewards

    compute_reward = pytest.importorskip("radgraph.rewards").compute_reward
    records = json.loads((shared_data / "radgraph/expected_processed_annotations.json").read_text())
    raw = [record["processed_annotations"]["radgraph_annotations"]["0"] for record in records]
    for a in raw:
        for b in raw:
            assert rewards(read_graph(a, "a"), read_graph(b, "b"))[:3] == compute_reward(a, b, "all")


def test_rewards_are_the_packages_on_generated_graphs(weights: Any, texts: list[str]) -> None:
    from mmrad_eval.metrics.clinical.graphs.graph import write_graph
    from mmrad_eval.metrics.clinical.graphs.rewards import rewards

    compute_reward = pytest.importorskip("radgraph.rewards").compute_reward
    own, _ = engines(weights, "radgraph-xl")
    graphs = [one.graph for one in own(texts)]
    compared = 0
    for a in graphs:
        for b in graphs[::3]:
            expected = compute_reward(write_graph(a), write_graph(b), "all")
            assert rewards(a, b)[:3] == expected
            compared += expected[2] not in (0.0, 1.0)
    assert compared > 100
