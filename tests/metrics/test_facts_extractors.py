"""Facts from RadGraph's graphs and CheXbert's labels have the shape of those by rules."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmrad_eval.metrics import suite
from mmrad_eval.metrics.clinical.embeddings.observations import HEADS
from mmrad_eval.metrics.clinical.graphs.graph import Entity, Graph, read_graph
from mmrad_eval.metrics.facts.extract import Fact, extract
from mmrad_eval.metrics.facts.extractors import rules
from mmrad_eval.metrics.facts.from_graph import graph_facts
from mmrad_eval.metrics.facts.from_labels import label_facts

PRESENT, ABSENT, UNSURE = (f"Observation::{w}" for w in ("definitely present", "definitely absent", "uncertain"))
ANATOMY = "Anatomy::definitely present"


def _said(*entities: Entity) -> list[tuple[str, str, str, str]]:
    return [(f.concept, f.status, f.side, f.zone) for f in graph_facts(Graph(entities))]


def test_an_observation_with_its_place_and_modifiers_is_one_fact() -> None:
    found = _said(
        Entity("small", PRESENT, relations=(("modify", 2),)),
        Entity("left", ANATOMY, relations=(("modify", 3),)),
        Entity("effusion", PRESENT, relations=(("located_at", 3),)),
        Entity("pleural", ANATOMY),
    )
    assert found == [("pleural_effusion", "present", "left", "")]


@pytest.mark.parametrize(
    ("label", "status"),
    [
        (PRESENT, "present"),
        (ABSENT, "absent"),
        (UNSURE, "uncertain"),
        ("OBS-DP", "present"),
        ("OBS-DA", "absent"),
        ("OBS-U", "uncertain"),
    ],
)
def test_the_graphs_own_label_decides_the_status(label: str, status: str) -> None:
    assert _said(Entity("pneumothorax", label)) == [("pneumothorax", status, "", "")]


@pytest.mark.parametrize(
    ("word", "place", "label", "expected"),
    [
        ("clear", "lungs", PRESENT, ("lung_abnormality", "absent")),
        ("enlarged", "heart", PRESENT, ("cardiomegaly", "present")),
        ("enlarged", "heart", ABSENT, ("cardiomegaly", "absent")),
        ("normal", "cardiac silhouette", PRESENT, ("cardiomegaly", "absent")),
        ("intact", "osseous structures", PRESENT, ("bone_abnormality", "absent")),
    ],
)
def test_an_attribute_of_a_structure_is_a_fact_about_it(
    word: str, place: str, label: str, expected: tuple[str, str]
) -> None:
    (fact,) = graph_facts(Graph((Entity(word, label, relations=(("located_at", 1),)), Entity(place, ANATOMY))))
    assert (fact.concept, fact.status) == expected


def test_words_that_the_vocabulary_does_not_know_stay_themselves() -> None:
    assert _said(Entity("Luftsichel sign", PRESENT)) == [("luftsichel sign", "present", "", "")]


def test_anatomy_alone_states_nothing() -> None:
    assert _said(Entity("lungs", ANATOMY)) == []


@pytest.mark.shared
def test_recorded_graphs_and_rules_read_the_same_findings(shared_data: Path) -> None:
    reports = json.loads((shared_data / "radgraph" / "expected_processed_annotations.json").read_text(encoding="utf-8"))
    known = {"pneumothorax", "pleural_effusion", "pneumonia", "edema", "consolidation", "cardiomegaly", "opacity"}
    known |= {"nodule", "mass", "atelectasis", "fracture", "lung_abnormality", "granuloma"}
    seen = 0
    for report in reports:
        graph = read_graph(report["processed_annotations"], "shared")
        ours = {(f.concept, f.status) for f in extract(report["report_text"]) if f.concept in known}
        theirs = {(f.concept, f.status) for f in graph_facts(graph) if f.concept in known}
        assert theirs <= ours
        seen += len(theirs)
    assert seen >= 8


def test_labels_are_facts_without_a_place() -> None:
    classes = [0] * len(HEADS)
    classes[HEADS.index("Edema")], classes[HEADS.index("Pneumothorax")] = 1, 2
    classes[HEADS.index("Pneumonia")], classes[HEADS.index("No Finding")] = 3, 1
    assert label_facts(classes) == (
        Fact("edema", "present", category="lungs"),
        Fact("pneumonia", "uncertain", category="lungs"),
        Fact("pneumothorax", "absent", category="pleura_diaphragm"),
    )


def test_empty_texts_reach_no_extractor_and_have_no_facts() -> None:
    found = rules()(["", "Edema.", "  "])
    assert [len(facts) for facts in found] == [0, 1, 0]


@pytest.mark.parametrize("name", ["consistency@radgraph", "consistency@chexbert", "copy@radgraph"])
def test_without_weights_a_metric_says_what_it_needs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("HOME", "XDG_CACHE_HOME", "HF_HOME", "HF_HUB_CACHE"):
        monkeypatch.setenv(variable, str(tmp_path))
    made = suite([name])
    if made:
        pytest.skip("weights are installed here")
    (missing,) = made.missing
    assert missing.name == name
    assert missing.remedy
