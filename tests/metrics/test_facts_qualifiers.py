"""Side, zone, severity and change of a fact."""

from __future__ import annotations

import pytest

from mmrad_eval.metrics.facts.extract import extract


def _one(text: str, concept: str) -> tuple[str, str, str, str]:
    (fact,) = [fact for fact in extract(text) if fact.concept == concept]
    return fact.side, fact.zone, fact.severity, fact.change


@pytest.mark.parametrize(
    ("text", "concept", "expected"),
    [
        ("Small left pleural effusion.", "pleural_effusion", ("left", "", "mild", "")),
        ("Bilateral pleural effusions, left greater than right.", "pleural_effusion", ("both", "", "", "")),
        ("There is an opacity in the right upper lobe.", "opacity", ("right", "upper", "", "")),
        ("Patchy opacities at both lung bases.", "opacity", ("both", "lower", "", "")),
        ("Opacity in the left upper and right lower lobes.", "opacity", ("both", "several", "", "")),
        ("Lingular scarring.", "scarring", ("left", "mid", "", "")),
        ("Right middle lobe pneumonia.", "pneumonia", ("right", "mid", "", "")),
        ("Tiny right apical pneumothorax.", "pneumothorax", ("right", "apical", "minimal", "")),
        ("Large left pneumothorax.", "pneumothorax", ("left", "", "severe", "")),
        ("The heart is mildly enlarged.", "cardiomegaly", ("", "", "mild", "")),
        ("Moderate cardiomegaly.", "cardiomegaly", ("", "", "moderate", "")),
        ("Left effusion and atelectasis.", "atelectasis", ("left", "", "", "")),
        ("Atelectasis and consolidation at the left base.", "atelectasis", ("left", "lower", "", "")),
        ("Left basilar atelectasis and cardiomegaly.", "cardiomegaly", ("", "", "", "")),
        ("Right effusion. Left consolidation.", "consolidation", ("left", "", "", "")),
        ("Small right effusion with left lower lobe atelectasis.", "pleural_effusion", ("right", "", "mild", "")),
        ("Small right effusion with left lower lobe atelectasis.", "atelectasis", ("left", "lower", "", "")),
        ("No right pneumothorax.", "pneumothorax", ("right", "", "", "")),
        ("Unchanged bibasilar atelectasis.", "atelectasis", ("both", "lower", "", "same")),
        ("No significant change in the left effusion.", "pleural_effusion", ("left", "", "", "same")),
        ("The right effusion has increased.", "pleural_effusion", ("right", "", "", "worse")),
        ("Bilateral effusions, larger on the right.", "pleural_effusion", ("both", "", "", "")),
        ("Bibasilar opacities, more prominent at the left base.", "opacity", ("both", "lower", "", "")),
        ("The left effusion is larger than before.", "pleural_effusion", ("left", "", "", "worse")),
        ("The effusion has slightly decreased.", "pleural_effusion", ("", "", "", "better")),
        ("There is a mass, not seen previously.", "mass", ("", "", "", "new")),
        ("The effusion has not increased.", "pleural_effusion", ("", "", "", "same")),
        ("Larger left effusion.", "pleural_effusion", ("left", "", "", "worse")),
        ("Diffuse osteopenia.", "osteopenia", ("", "", "", "")),
        ("Edema has improved.", "edema", ("", "", "", "better")),
        ("Improving right lower lobe consolidation.", "consolidation", ("right", "lower", "", "better")),
        ("New left lower lobe opacity.", "opacity", ("left", "lower", "", "new")),
        ("The left pneumothorax has resolved.", "pneumothorax", ("left", "", "", "gone")),
        ("Resolution of the right effusion.", "pleural_effusion", ("right", "", "", "gone")),
        ("Increased interstitial markings.", "interstitial_disease", ("", "", "", "")),
        ("Right PICC ends in the lower SVC.", "central_line", ("right", "", "", "")),
        ("The mediastinum is not shifted to the left.", "mediastinal_shift", ("", "", "", "")),
    ],
)
def test_words_around_a_finding_say_where_how_much_and_since_when(
    text: str, concept: str, expected: tuple[str, str, str, str]
) -> None:
    assert _one(text, concept) == expected


def test_a_finding_between_two_others_keeps_its_own_side() -> None:
    text = "Left effusion, right pneumothorax, and bibasilar atelectasis."
    assert [fact.side for fact in extract(text)] == ["left", "right", "both"]


@pytest.mark.parametrize(
    ("text", "concept", "expected"),
    [
        ("On the right side, a large pleural effusion is present.", "pleural_effusion", ("right", "", "severe", "")),
        ("In the right lower lobe, there is an opacity.", "opacity", ("right", "lower", "", "")),
        ("On the left, there is a small effusion and atelectasis.", "atelectasis", ("left", "", "", "")),
        ("Right lung: consolidation.", "consolidation", ("right", "", "", "")),
        ("On the left, there is an effusion, and on the right, a pneumothorax.", "pleural_effusion", ("left",)),
        ("On the left, there is an effusion, and on the right, a pneumothorax.", "pneumothorax", ("right",)),
        ("In the right upper lobe, left upper lobe and lingula, there are opacities.", "opacity", ("both", "several")),
        ("Since the prior study, on the left, the effusion is larger.", "pleural_effusion", ("left", "", "", "worse")),
        ("There is an effusion, on the right, which is small.", "pleural_effusion", ("right",)),
        ("On the right, an effusion extends into the left fissure.", "pleural_effusion", ("left",)),
        ("On the right, no effusion.", "pleural_effusion", ("right",)),
        ("On the left, there is an effusion, no pneumothorax.", "pneumothorax", ("",)),
        ("No pneumothorax, right lower lobe consolidation.", "pneumothorax", ("", "")),
        ("No right effusion or pneumothorax.", "pneumothorax", ("right",)),
        ("On the left lateral view, there is an effusion.", "pleural_effusion", ("",)),
        ("In the right clinical setting, this may be pneumonia.", "pneumonia", ("",)),
        ("In the left upper lobe, a nodule, and the heart is enlarged.", "cardiomegaly", ("", "", "", "")),
    ],
)
def test_a_place_that_is_named_first_holds_for_what_follows(text: str, concept: str, expected: tuple[str, ...]) -> None:
    assert _one(text, concept)[: len(expected)] == expected
