"""RadGraph F1 on annotations: every form that is read, every level, both versions of the reward."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmrad_eval.core.errors import DataError
from mmrad_eval.metrics.clinical.graphs.graph import Entity, Graph, read_graph, write_graph
from mmrad_eval.metrics.clinical.graphs.rewards import CASES, rewards
from mmrad_eval.metrics.clinical.graphs.words import split

HERNIA = {  # output of RadGraph version 1, recorded in Stanford-AIMI/radgraph, tests/radgraph_test.py
    "text": "no evidence of acute cardiopulmonary process moderate hiatal hernia",
    "entities": {
        "1": {"tokens": "acute", "label": "OBS-DA", "start_ix": 3, "end_ix": 3, "relations": []},
        "2": {"tokens": "cardiopulmonary", "label": "ANAT-DP", "start_ix": 4, "end_ix": 4, "relations": []},
        "3": {"tokens": "process", "label": "OBS-DA", "start_ix": 5, "end_ix": 5, "relations": [["located_at", "2"]]},
        "4": {"tokens": "moderate", "label": "OBS-DP", "start_ix": 6, "end_ix": 6, "relations": []},
        "5": {"tokens": "hiatal", "label": "ANAT-DP", "start_ix": 7, "end_ix": 7, "relations": []},
        "6": {"tokens": "hernia", "label": "OBS-DP", "start_ix": 8, "end_ix": 8, "relations": []},
    },
    "data_source": None,
    "data_split": "inference",
}


def graph(*entities: tuple[str, str, Sequence[tuple[str, int]]]) -> Graph:
    return Graph(tuple(Entity(tokens, label, relations=tuple(relations)) for tokens, label, relations in entities))


def test_an_annotation_is_written_as_it_was_read() -> None:
    assert write_graph(read_graph(HERNIA, "here")) == HERNIA


def test_a_graph_is_found_under_report_zero_and_in_the_processed_form() -> None:
    plain = read_graph(HERNIA, "here")
    assert read_graph({"0": HERNIA}, "here") == plain
    processed = {"processed_annotations": [], "radgraph_annotations": {"0": HERNIA}, "radgraph_text": "…"}
    assert read_graph(processed, "here") == plain
    assert read_graph({"report_id": 1, "processed_annotations": processed}, "here") == plain


def test_labels_tell_the_model() -> None:
    assert read_graph(HERNIA, "here").scheme == "v1"
    assert graph(("heart", "Anatomy::definitely present", [])).scheme == "xl"
    assert Graph().scheme == ""


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"processed_annotations": [{"observation": "clear"}]}, "keep `radgraph_annotations` too"),
        ({"labeler_1": HERNIA, "labeler_2": HERNIA}, "several labelers"),
        ({"entities": {"1": {"label": "OBS-DP"}}}, "entity 1: has no 'tokens'"),
        ({"entities": {"1": {"tokens": "a", "label": "b", "relations": [["modify", "9"]]}}}, "points to entity '9'"),
        ({"entities": {"1": ["a"]}}, "is not an entity"),
        ({"entities": []}, "is a list"),
    ],
)
def test_what_is_no_graph_is_named(record: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_graph(record, "file.json, study 7")


def test_levels_of_a_pair_worked_by_hand() -> None:
    # candidate: effusion -> located_at -> lung, clear. reference: effusion -> located_at -> base, clear, lung.
    candidate = graph(("Effusion", "OBS", [("located_at", 1)]), ("lung", "ANAT", []), ("clear", "OBS", []))
    reference = graph(
        ("effusion", "OBS", [("located_at", 1)]), ("base", "ANAT", []), ("clear", "OBS", []), ("lung", "ANAT", [])
    )
    found = rewards(candidate, reference)
    assert found.simple == pytest.approx(2 * (2 / 3) * (2 / 4) / (2 / 3 + 2 / 4))  # lung, clear; the case differs
    assert found.partial == found.simple
    assert found.complete == found.simple  # the relation differs in its target
    assert found.relations == 0.0
    lowered = rewards(candidate, reference, "lower")
    assert lowered.simple == pytest.approx(2 * (3 / 3) * (3 / 4) / (3 / 3 + 3 / 4))
    assert lowered.partial == lowered.simple
    assert lowered.complete == found.complete


def test_the_combination_compares_labels_of_both_ends() -> None:
    one = graph(("effusion", "OBS-DP", [("located_at", 1)]), ("lung", "ANAT-DP", []))
    other = graph(("effusion", "OBS-DP", [("located_at", 1)]), ("lung", "ANAT-U", []))
    found = rewards(one, other)
    assert (found.entities, found.relations, found.combined) == (0.5, 0.0, 0.25)
    assert found.complete == 0.5  # complete does not compare the label of the target
    assert rewards(one, one).combined == 1.0


def test_no_entity_on_either_side_scores_zero() -> None:
    some = read_graph(HERNIA, "here")
    for pair in ((Graph(), Graph()), (some, Graph()), (Graph(), some)):
        assert rewards(*pair) == (0.0, 0.0, 0.0, 0.0, 0.0)


words = st.sampled_from(["lung", "Lung", "effusion", "small", "left"])
labels = st.sampled_from(["ANAT-DP", "OBS-DP", "OBS-DA"])


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    count = draw(st.integers(0, 6))
    entities = []
    for _ in range(count):
        relations = draw(
            st.lists(st.tuples(st.sampled_from(["modify", "located_at"]), st.integers(0, count - 1)), max_size=3)
        )
        entities.append(Entity(draw(words), draw(labels), relations=tuple(relations)))
    return Graph(tuple(entities))


@given(graphs(), graphs())
def test_every_level_is_symmetric_and_bounded(one: Graph, other: Graph) -> None:
    for case in CASES:
        there, back = rewards(one, other, case), rewards(other, one, case)
        assert all(0.0 <= value <= 1.0 for value in there)
        assert there == pytest.approx(back)


@given(graphs())
def test_a_graph_equals_itself_and_survives_writing(one: Graph) -> None:
    again = read_graph(write_graph(one), "here")
    assert again == one
    if one.entities:
        assert rewards(one, again)[:3] == (1.0, 1.0, 1.0)


@pytest.mark.shared
def test_recorded_graphs_of_xl_are_read_alike_in_both_forms(shared_data: Path) -> None:
    records = json.loads((shared_data / "radgraph/expected_processed_annotations.json").read_text())
    assert len(records) == 5
    for record in records:
        found = read_graph(record, str(record["report_id"]))
        assert write_graph(found) == record["processed_annotations"]["radgraph_annotations"]["0"]
        assert found.scheme == "xl"
        assert rewards(found, found)[:3] == (1.0, 1.0, 1.0)


@pytest.mark.shared
def test_words_are_split_as_recorded(shared_data: Path) -> None:
    for record in json.loads((shared_data / "radgraph/expected_processed_annotations.json").read_text()):
        recorded = record["processed_annotations"]["radgraph_annotations"]["0"]["text"]
        assert " ".join(split(record["report_text"], "radgraph-xl")) == recorded


def test_the_models_split_words_differently() -> None:
    assert split("Opacity (50%). Can't exclude.", "radgraph") == [
        "Opacity",
        "(",
        "50%",
        ")",
        ".",
        "Can't",
        "exclude",
        ".",
    ]
    xl = ["Opacity", "(", "50", "%", ")", ".", "Can", "'", "t", "exclude", "."]
    assert split("Opacity (50%). Can't exclude.", "radgraph-xl") == xl
    assert split(" \n\t ", "radgraph") == split("", "radgraph-xl") == []
