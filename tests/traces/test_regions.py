"""Names of regions: all that references use resolve, and nothing else does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmrad_eval.traces import regions

# Chest ImaGenome 1.0.0 (PhysioNet), the names of its boxes
BOXED = [
    *(
        f"{side} {name}"
        for side in ("right", "left")
        for name in (
            "lung",
            "upper lung zone",
            "mid lung zone",
            "lower lung zone",
            "hilar structures",
            "apical zone",
            "costophrenic angle",
            "cardiophrenic angle",
            "hemidiaphragm",
            "clavicle",
            "cardiac silhouette",
            "upper abdomen",
        )
    ),
    *("trachea", "carina", "spine", "aortic arch", "descending aorta", "mediastinum", "upper mediastinum", "svc"),
    *("cavoatrial junction", "right atrium", "cardiac silhouette", "abdomen"),
]

# GEMeX-VQA's public sample: regions of its 80 questions, unions among them
GEMEX = [
    *("bilateral lung", "cardiac region", "right lower lung zone", "right hemidiaphragm", "bilateral hilar structures"),
    *("trachea", "spine", "right lung", "abdomen", "left lower lung zone", "mediastinum", "bilateral lower lung zone"),
    *("svc", "left lung"),
]


def test_the_36_boxed_names_are_names_of_their_own() -> None:
    found = [regions.resolve(name) for name in BOXED]
    assert [region.name for region in found if region and region.boxed] == BOXED
    assert sum(region.boxed for region in regions.regions()) == len(BOXED) == 36


@pytest.mark.parametrize("name", GEMEX)
def test_names_of_the_public_sample_resolve(name: str) -> None:
    assert regions.resolve(name)


@pytest.mark.parametrize(
    ("raw", "name", "category"),
    [
        ("the heart and the mediastinal region", "heart and mediastinum", "heart_mediastinum"),
        ("the lung region", "bilateral lung", "lungs"),
        ("cardiac region", "cardiac silhouette", "heart_mediastinum"),
        ("Heart", "cardiac silhouette", "heart_mediastinum"),
        ("hila", "bilateral hilar structures", "heart_mediastinum"),
        ("right hilum", "right hilar structures", "heart_mediastinum"),
        ("CP angle", "bilateral costophrenic angles", "pleura_diaphragm"),
        ("left costophrenic sulcus", "left costophrenic angle", "pleura_diaphragm"),
        ("lower zone of the right lung", "right lower lung zone", "lungs"),
        ("right lower zone", "right lower lung zone", "lungs"),
        ("left_lower_lobe", "left lower lung zone", "lungs"),
        ("bibasilar", "bilateral lower lung zone", "lungs"),
        ("Lung apices", "bilateral apical zone", "lungs"),
        ("left-sided lung fields", "left lung", "lungs"),
        ("superior vena cava", "svc", "heart_mediastinum"),
        ("superior mediastinum", "upper mediastinum", "heart_mediastinum"),
        ("pleural space", "pleura", "pleura_diaphragm"),
        ("bony structures", "bones", "bones"),
        ("clavicles", "bilateral clavicles", "bones"),
        ("upper abdomen", "abdomen", "abdomen"),
        ("left breast", "left breast", "other"),
        ("neck", "neck", "other"),
        ("chest wall", "chest wall", "other"),
    ],
)
def test_words_of_reports_and_traces_resolve(raw: str, name: str, category: str) -> None:
    region = regions.resolve(raw)
    assert region is not None
    assert (region.name, regions.category_of(raw)) == (name, category)


@pytest.mark.parametrize(
    "raw", ["", "the", "the region", "toenail", "right", "lower", "right lower", "knee of the lung"]
)
def test_what_no_region_is_called_is_other(raw: str) -> None:
    assert regions.resolve(raw) is None
    assert regions.category_of(raw) == "other"


def test_no_name_stands_for_two_regions_and_all_links_lead_somewhere() -> None:
    vocabulary = regions._vocabulary()
    names = {region.name for region in regions.regions()}
    kinds = {category.name for category in regions.categories()}
    for region in regions.regions():
        assert region.category in kinds
        assert {*region.parents, *region.union_of} <= names
        for name in (region.name, *region.aliases):
            assert vocabulary.by_key[vocabulary.key(name)] is region, name


def test_the_two_sides_mirror_each_other_and_unions_have_both() -> None:
    for region in regions.regions():
        if region.side == "right" and region.name != "right atrium":
            mirrored = regions.resolve(region.name.replace("right", "left", 1))
            assert mirrored is not None
            assert (mirrored.side, mirrored.category) == ("left", region.category)
        if region.side == "both" and region.union_of and region.name != "pleura and diaphragm":
            assert [r.split()[0] for r in region.union_of] == ["right", "left"]


def test_each_category_looks_at_a_region_of_its_own_and_its_phrase_says_so() -> None:
    for category in regions.categories():
        if category.name != "other":
            region = regions.resolve(category.phrase)
            assert region is not None
            assert (region.name, region.category) == (category.region, category.name)


def test_unions_and_parents() -> None:
    def named(name: str) -> regions.Region:
        found = regions.resolve(name)
        assert found is not None
        return found

    assert regions.leaves(named("heart and mediastinum")) == ("cardiac silhouette", "mediastinum")
    assert regions.leaves(named("bones")) == ("spine", "right clavicle", "left clavicle")
    assert regions.leaves(named("svc")) == ("svc",)
    assert regions.ancestors(named("right apical zone"))[0] == "right upper lung zone"
    assert regions.contains(named("lungs"), named("right apical zone"))
    assert regions.contains(named("heart and mediastinum"), named("aortic knob"))
    assert not regions.contains(named("left lung"), named("right apical zone"))
    assert not regions.contains(named("right apical zone"), named("lungs"))


def test_regions_in_running_text_are_found_where_they_stand() -> None:
    text = "The hilar contours are smooth; no effusion at the LEFT costophrenic angle, nor in the right lower lobe."
    found = regions.mentions(text)
    assert [mention.region.name for mention in found] == [
        "bilateral hilar structures",
        "left costophrenic angle",
        "right lower lung zone",
    ]
    assert [text[m.start : m.end] for m in found] == ["hilar contours", "LEFT costophrenic angle", "right lower lobe"]
    assert regions.fine_names("Heart, heart and lungs.") == ("cardiac silhouette", "bilateral lung")
    assert regions.fine_names("Pain in the right lower extremity.") == ()


def test_a_name_does_not_reach_over_punctuation() -> None:
    assert regions.fine_names("Opacity on the right. Lung volumes are low.") == ("bilateral lung",)


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    regions.resolve(text)
    end = 0
    for mention in regions.mentions(text):
        assert end <= mention.start < mention.end <= len(text)
        end = mention.end
