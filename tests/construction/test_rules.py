"""What our rules say of statements, and of boxes, beside the judges."""

from __future__ import annotations

import pytest

from mmrad_eval.construction.records import CollectedStudy, SourceRegion, TraceStatement
from mmrad_eval.construction.rules import MeanRegions, RulesVerdict, judge
from mmrad_eval.construction.sides import crossed
from mmrad_eval.core.values import Box, Report

FRAME = "pad_square_336"


def said(report: str, *texts: str, region: str = "image", lost: int | None = None) -> RulesVerdict:
    statements = [TraceStatement(n, region, text) for n, text in enumerate(texts, start=1)]
    return judge(statements, CollectedStudy(report=Report(report)), MeanRegions(), report=True, lost=lost)


@pytest.mark.parametrize(
    ("report", "text", "word"),
    [
        ("There is a small left pleural effusion.", "Small left pleural effusion.", "supported"),
        ("There is a small left pleural effusion.", "There is a small right pleural effusion.", "side"),
        ("There is a pleural effusion.", "There is a left pleural effusion.", "side"),
        ("No pneumothorax.", "There is a pneumothorax.", "contradicted"),
        ("The heart is enlarged.", "The heart is normal in size.", "contradicted"),
        ("The heart is enlarged.", "There is a left upper lobe nodule.", "invented"),
        ("Possible pneumonia at the left base.", "There is pneumonia at the left base.", "certainty"),
        ("The heart is enlarged.", "No pneumothorax is seen.", "normal remark"),
        ("The heart is enlarged.", "The patient is turned a little.", "silent"),
        # a sign stands for what it shows, and fluid lies at the base
        ("There is a small left pleural effusion.", "The left costophrenic angle is blunted.", "supported"),
        ("There is a left pleural effusion.", "A moderate effusion hides the left base.", "supported"),
        ("There is a left pleural effusion.", "A moderate effusion hides the right base.", "side"),
        # of a report that says two things, the trace says one
        ("Streaky opacities may be scarring. Impression: Scarring.", "Streaky opacities may be scarring.", "supported"),
        # a side of what no vocabulary holds
        ("Removal of 2 left-sided chest tubes. No effusion.", "Removal of 2 right-sided chest tubes.", "side"),
        ("Ureteral stents are noted on the right.", "Ureteral stents are noted on the left.", "side"),
    ],
)
def test_a_statement_is_judged_by_the_report(report: str, text: str, word: str) -> None:
    assert said(report, text).words == {1: word}


def test_what_must_not_stand_returns_and_a_normal_remark_is_counted() -> None:
    found = said("The heart is enlarged. No effusion.", "The heart is enlarged.", "There is an effusion.", "No nodule.")
    assert {(one.check, one.effect, one.n) for one in found.findings} == {
        ("contradicted", "return", (2,)),
        ("normal remark", "count", (3,)),
    }


def test_a_region_places_words_that_name_no_side_and_claims_nothing_itself() -> None:
    report = "There is an opacity at the right base."
    assert said(report, "There is an opacity.", region="right lower lung zone").words == {1: "supported"}
    assert said(report, "There is an opacity.", region="left lower lung zone").words == {1: "side"}
    assert said("There is an opacity.", "There is an opacity.", region="left lower lung zone").words == {1: "supported"}


@pytest.mark.parametrize(("lost", "effect"), [(0, "return"), (1, "count"), (None, "count")])
def test_a_finding_of_the_report_that_is_not_spoken_of_is_lost(lost: int | None, effect: str) -> None:
    report = "The heart is enlarged. There is a left pneumothorax. No effusion."
    (found,) = (one for one in said(report, "The heart is enlarged.", lost=lost).findings if one.check == "lost")
    assert (found.effect, found.what) == (effect, "There is a left pneumothorax.")


def test_a_conclusion_is_not_lost_where_the_trace_tells_what_is_seen() -> None:
    found = said("Left lower lobe consolidation. Impression: Pneumonia.", "Consolidation at the left base.", lost=0)
    assert not [one for one in found.findings if one.check == "lost"]


def test_a_report_in_another_language_is_left_to_the_judges() -> None:
    found = said("Aumento de la silueta cardiaca. Derrame pleural derecho. No se observa neumotórax.", "Cardiomegalia.")
    assert found.words == {1: "other language"}
    assert [one.check for one in found.findings] == ["language"]


def boxed(region: str, box: tuple[int, int, int, int], text: str, size: tuple[int, int] | None = None) -> list[str]:
    source = SourceRegion(region, "lungs", (Box(box, FRAME),))
    study = CollectedStudy(report=Report(text), regions=(source,), size=size)
    found = judge([TraceStatement(1, region, text)], study, MeanRegions(), report=True, lost=None)
    return [one.check for one in found.findings if one.effect in {"return", "reject", "flag"}]


@pytest.mark.parametrize(
    ("region", "box", "text", "found"),
    [
        ("left lung", (190, 60, 290, 270), "The left lung is clear.", []),
        ("left lung", (40, 60, 150, 270), "The left lung is clear.", ["side and box"]),
        ("left lung", (120, 60, 220, 270), "The left lung is clear.", []),  # between: no verdict
        ("effusion", (40, 60, 150, 270), "There is a left effusion.", ["side and box"]),
        ("cardiac silhouette", (150, 100, 250, 250), "The right atrium is enlarged.", []),  # the heart lies to the left
        ("left lung", (290, 60, 190, 270), "The left lung is clear.", ["box"]),
        ("left lung", (190, 60, 390, 270), "The left lung is clear.", ["box"]),
    ],
)
def test_boxes_are_held_against_sides_and_frames(
    region: str, box: tuple[int, int, int, int], text: str, found: list[str]
) -> None:
    assert boxed(region, box, text) == found


def test_a_box_in_the_bars_beside_the_film_is_found_where_the_films_size_is_known() -> None:
    assert boxed("left lung", (306, 60, 334, 270), "Clear.", (200, 400)) == ["box"]


def test_all_sides_crossed_are_a_film_that_may_be_mirrored() -> None:
    regions = (
        SourceRegion("left lung", "lungs", (Box((40, 60, 150, 270), FRAME),)),
        SourceRegion("right lung", "lungs", (Box((190, 60, 290, 270), FRAME),)),
    )
    texts = ("The left lung is clear.", "The right lung is clear.")
    statements = [TraceStatement(n, r.name, t) for n, (r, t) in enumerate(zip(regions, texts, strict=True), start=1)]
    study = CollectedStudy(report=Report(" ".join(texts)), regions=regions)
    found = judge(statements, study, MeanRegions(), report=True, lost=None)
    assert [(one.check, one.n) for one in found.findings if one.effect == "return"] == [("mirrored film?", (1, 2))]


def test_a_box_far_from_where_others_have_the_region_is_flagged() -> None:
    means = MeanRegions()
    usual = SourceRegion("spine", "bones", (Box((150, 40, 190, 330), FRAME),))
    odd = CollectedStudy(report=Report("x"), regions=(SourceRegion("spine", "bones", (Box((10, 10, 30, 30), FRAME),)),))
    for _ in range(30):
        means.add(CollectedStudy(regions=(usual,)))
    means.add(odd)
    found = judge([TraceStatement(1, "spine", "Normal.")], odd, means, report=True, lost=None)
    assert "region and box" in [one.check for one in found.findings]


@pytest.mark.parametrize(
    ("text", "report", "is_crossed"),
    [
        ("The right lung is clear.", "The left lung is clear. The right lung is clear.", False),
        ("The right lung is clear.", "The left lung is clear. Right effusion.", True),
        ("A catheter ends on the left.", "Both catheters end well.", False),
        ("Clear lungs.", "The left lung is clear.", False),
        ("Something else on the left.", "A right stent.", False),
    ],
)
def test_sides_are_compared_by_words_alone(text: str, report: str, is_crossed: bool) -> None:
    assert crossed(text, report) == is_crossed


@pytest.mark.parametrize(
    ("text", "present", "denied", "what"),
    [
        ("There is a left pleural effusion.", (), ("pleural effusion",), "they deny pleural effusion"),
        ("There is a left pleural effusion.", ("pleural effusion",), (), ""),
        ("There is a left pleural effusion.", ("pleural effusion",), ("pleural effusion",), ""),
        ("No pleural effusion.", ("pleural effusion",), (), "they state pleural effusion"),
        ("No left pleural effusion.", ("pleural effusion",), (), ""),  # it may lie on the right
        ("No new pleural effusion.", ("pleural effusion",), (), ""),
        ("The heart is enlarged.", (), ("enlarged cardiac silhouette", "normal"), "they deny cardiomegaly"),
        ("The heart is not enlarged.", ("Cardiomegaly",), (), "they state cardiomegaly"),
        ("There is a nodule.", ("lung lesion",), ("mass/nodule (not otherwise specified)",), "they deny nodule"),
        ("No opacity.", ("pulmonary edema/hazy opacity",), (), ""),  # either may be there
        ("Possible pneumonia.", (), ("pneumonia",), ""),
        ("The heart is enlarged.", ("No finding",), ("other diseases",), ""),
    ],
)
def test_a_statement_against_the_labels_of_the_source_is_flagged(
    text: str, present: tuple[str, ...], denied: tuple[str, ...], what: str
) -> None:
    study = CollectedStudy(report=Report(text), labels=present, denied=denied)
    found = judge([TraceStatement(1, "image", text)], study, MeanRegions(), report=True, lost=None).findings
    flags = [(one.check, one.n, one.what) for one in found if one.check == "labels"]
    assert flags == ([("labels", (1,), what)] if what else [])
    assert not [one for one in found if one.effect == "return"]
