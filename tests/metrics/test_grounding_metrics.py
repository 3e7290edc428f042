"""Known answers of grounding, on boxes whose overlap is plain, and on films."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image as Pillow

from mmrad_eval.core.contracts import Corpus
from mmrad_eval.core.values import Answer, Box, Example, Image, ReaderBox, Report, Step, Study, Trace
from mmrad_eval.metrics import suite

Edges = tuple[float, float, float, float]
HEART, LUNGS = (100.0, 150.0, 220.0, 260.0), (50.0, 60.0, 280.0, 280.0)


def _step(category: str, edges: Edges | None, text: str = "", names: tuple[str, ...] = ()) -> Step:
    box = Box(edges, "pad_square_336") if edges else None
    return Step(category=category, box=box, text=text, regions=names)


REFERENCE = Trace(
    (
        _step("heart_mediastinum", HEART, names=("cardiac silhouette", "mediastinum")),
        _step("lungs", LUNGS, names=("left lung", "right lung")),
    )
)


def _example(trace: Trace | None, number: int = 0, reference: Trace | None = REFERENCE) -> Example:
    study = Study(
        f"s{number}",
        images=(Image("none.png", size=(336, 336)),),
        patient=f"p{number}",
        trace=reference,
        reference=Report(findings="Cardiomegaly."),
    )
    return Example(study, Answer(study.id, "ok", trace=trace))


TRAIN = [_example(None, 9, Trace((_step("heart_mediastinum", (90, 140, 210, 250)), _step("lungs", LUNGS)))).study]


def _values(name: str, examples: Sequence[Example], train: Sequence[Study] = TRAIN) -> dict[str, float]:
    (metric,) = suite([name])
    context = metric.fit(Corpus([e.study for e in examples], train))
    rows = metric.measure(examples, context)
    total = metric.reduce(rows.sum(axis=0))
    assert metric.reduce(rows[None]).shape == (1, len(examples), len(metric.columns))
    return {column.name: float(value) for column, value in zip(metric.columns, total, strict=True)}


def _anatomy(*steps: Step) -> dict[str, float]:
    return _values("grounding@anatomy", [_example(Trace(steps))])


def test_the_reference_boxes_are_perfect() -> None:
    values = _values("grounding@anatomy", [_example(REFERENCE)])
    for name in (
        "mIoU",
        "IoU@.5",
        "IoU@.75",
        "F1@.3",
        "F1@.5",
        "Skill",
        "RegionF1 categories",
        "RegionF1 names",
        "Order",
    ):
        assert values[name] == 1.0
    for name in ("Extra boxes", "FullFrameRate", "Not a box"):
        assert values[name] == 0.0


def test_a_shifted_box_has_the_iou_of_its_overlap() -> None:
    shifted = (130.0, 150.0, 250.0, 260.0)  # 90 of 120 columns shared: 90 / 150
    values = _anatomy(_step("heart_mediastinum", shifted), _step("lungs", LUNGS))
    assert values["mIoU"] == pytest.approx((0.6 + 1.0) / 2)
    assert (values["IoU@.5"], values["IoU@.75"]) == (1.0, 0.5)


def test_the_prior_itself_has_no_skill_and_worse_than_it_has_less() -> None:
    prior = _anatomy(_step("heart_mediastinum", (90, 140, 210, 250)), _step("lungs", LUNGS))
    assert prior["Skill"] == pytest.approx(0.0)
    assert prior["mIoU"] == pytest.approx(prior["mIoU of prior"])
    worse = _anatomy(_step("heart_mediastinum", (0, 0, 10, 10)), _step("lungs", LUNGS))
    assert worse["Skill"] < 0


def test_a_box_around_everything_is_found_out() -> None:
    whole = (0.0, 0.0, 336.0, 336.0)
    values = _anatomy(_step("heart_mediastinum", whole), _step("lungs", whole))
    assert values["FullFrameRate"] == 1.0
    assert values["mIoU"] == pytest.approx(values["mIoU of whole picture"])
    assert values["Skill"] < 0


def test_boxes_of_another_category_do_not_count_and_are_extra() -> None:
    values = _anatomy(_step("bones", HEART), _step("lungs", LUNGS))
    assert values["mIoU"] == pytest.approx(0.5)
    assert values["Extra boxes"] == 1.0
    assert values["RegionF1 categories"] == pytest.approx(0.5)


def test_more_boxes_than_there_are_cost() -> None:
    values = _anatomy(_step("heart_mediastinum", HEART), _step("lungs", LUNGS), *[_step("lungs", (0, 0, 20, 20))] * 2)
    assert values["mIoU"] == 1.0
    assert values["F1@.5"] == pytest.approx(2 * 2 / (2 + 4))
    assert values["Extra boxes"] == 2.0


def test_an_unboxed_region_counts_nothing_and_the_order_is_judged() -> None:
    values = _anatomy(_step("lungs", LUNGS), _step("heart_mediastinum", None))
    assert values["mIoU"] == pytest.approx(0.5)
    assert values["Order"] == -1.0
    assert values["RegionF1 categories"] == 1.0


def test_a_reversed_box_is_no_box() -> None:
    values = _anatomy(_step("heart_mediastinum", (220, 150, 100, 260)), _step("lungs", LUNGS))
    assert values["Not a box"] == 0.5
    assert values["mIoU"] == pytest.approx(0.5)


def test_a_missing_trace_counts_as_nothing_beside_others_and_is_undefined_alone() -> None:
    both = _values("grounding@anatomy", [_example(REFERENCE), _example(None, 1)])
    assert both["mIoU"] == pytest.approx(0.5)
    assert np.isnan(_values("grounding@anatomy", [_example(None)])["mIoU"])
    undefined = _values("grounding@anatomy", [_example(REFERENCE), _example(REFERENCE, 1, None)])
    assert (undefined["mIoU"], undefined["Grounding defined"]) == (1.0, 0.5)


def test_the_prior_is_part_of_the_signature() -> None:
    (metric,) = suite(["grounding@anatomy"])
    one, other = metric.fit(Corpus([], TRAIN)), metric.fit(Corpus([_example(REFERENCE).study]))
    assert metric.signature(one) != metric.signature(other)
    assert "prior:train" in metric.signature(one)
    assert "prior:other patients" in metric.signature(other)


READER = [
    ReaderBox(Box((200, 200, 300, 300), "pad_square_336"), label="Pleural effusion"),
    ReaderBox(Box((60, 60, 100, 100), "pad_square_336"), label="Nodule/Mass", sentence="Right upper lobe nodule."),
]


def _findings(*steps: Step) -> dict[str, float]:
    example = _example(Trace(steps))
    example = Example(msgspec.structs.replace(example.study, boxes=tuple(READER)), example.answer)
    return _values("grounding@finding", [example])


def test_finding_boxes_of_the_reader_are_perfect() -> None:
    values = _findings(
        _step("lungs", (200, 200, 300, 300), "Left effusion."), _step("lungs", (60, 60, 100, 100), "A nodule.")
    )
    assert set(values.values()) == {1.0}


def test_the_right_place_with_another_finding_is_not_found() -> None:
    values = _findings(_step("lungs", (200, 200, 300, 300), "Consolidation."))
    assert values["Finding mIoU"] == 0.0
    assert values["Spatial precision"] == values["Spatial recall"] == 0.0
    assert np.isnan(values["Grounding precision"])  # nothing that it says is supported


def test_the_right_finding_in_another_place_is_supported_and_not_grounded() -> None:
    values = _findings(_step("lungs", (0, 0, 50, 50), "Effusion."), _step("lungs", (60, 60, 100, 100), "Nodule."))
    assert values["Grounding precision"] == values["Grounding recall"] == 0.5
    assert values["Finding F1@.5"] == 0.5


def test_a_larger_box_is_recalled_but_not_precise() -> None:
    values = _findings(_step("lungs", (100, 100, 336, 336), "Effusion."))
    assert values["Grounding precision"] == 0.0  # under a fifth of it lies in the reader's box
    assert values["Grounding recall"] == 1.0
    assert values["Spatial recall"] == 0.5  # the nodule is missing


def _against(drawn: dict[str, list[tuple[float, float, float, float]]], *steps: Step) -> dict[str, float]:
    """The columns of a trace against boxes that readers drew, by label."""
    boxes = tuple(
        ReaderBox(Box(edges, "pad_square_336"), label=label) for label, listed in drawn.items() for edges in listed
    )
    example = _example(Trace(steps))
    return _values("grounding@finding", [Example(msgspec.structs.replace(example.study, boxes=boxes), example.answer)])


def test_a_statement_without_a_box_supports_and_does_not_ground() -> None:
    unboxed = Step(category="lungs", text="Pneumothorax.")
    values = _against(
        {"Cardiomegaly": [(0, 0, 100, 100)], "Pneumothorax": [(200, 200, 220, 220)]},
        _step("heart_mediastinum", (0, 0, 100, 100), "Cardiomegaly."),
        unboxed,
    )
    assert values["Grounding recall"] == values["Spatial recall"] == 0.5
    assert values["Grounding precision"] == values["Spatial precision"] == 1.0  # of the one that has a box


def test_several_boxes_of_one_finding_are_one_area() -> None:
    drawn = {"Pneumothorax": [(0.0, 0.0, 100.0, 100.0), (200.0, 200.0, 220.0, 220.0)]}
    values = _against(drawn, _step("lungs", (0, 0, 110, 110), "Pneumothorax."))
    assert values["Grounding recall"] == 1.0  # 10,000 of 10,400
    assert values["Grounding precision"] == 1.0  # 10,000 of 12,100


def test_boxes_that_overlap_count_their_shared_area_once() -> None:
    drawn = {"Pneumothorax": [(0.0, 0.0, 100.0, 100.0), (0.0, 0.0, 100.0, 60.0), (0.0, 0.0, 100.0, 50.0)]}
    assert _against(drawn, _step("lungs", (0, 0, 100, 60), "Pneumothorax."))["Grounding recall"] == 1.0
    assert _against(drawn, _step("lungs", (0, 50, 100, 100), "Pneumothorax."))["Grounding recall"] == 0.0


@pytest.mark.parametrize(("bottom", "recall"), [(50, 0.0), (51, 1.0)])
def test_more_than_half_must_be_covered(bottom: int, recall: float) -> None:
    values = _against({"Pneumothorax": [(0, 0, 100, 100)]}, _step("lungs", (0, 0, 100, bottom), "Pneumothorax."))
    assert values["Grounding recall"] == recall


def test_two_steps_of_one_finding_ground_it_together() -> None:
    halves = [_step("lungs", edges, "Pneumothorax.") for edges in ((0, 0, 100, 40), (0, 40, 100, 80))]
    values = _against({"Pneumothorax": [(0, 0, 100, 100)]}, *halves)
    assert values["Grounding recall"] == values["Grounding precision"] == 1.0


def test_the_boxes_of_one_statement_are_one_area() -> None:
    drawn = {"Pneumothorax": [(0.0, 0.0, 50.0, 100.0)]}
    there, elsewhere = ((0, 0, 50, 100), (200, 200, 250, 300))
    same = _against(drawn, _step("lungs", there, "Pneumothorax."), _step("lungs", elsewhere, "Pneumothorax."))
    other = _against(drawn, _step("lungs", there, "Pneumothorax."), _step("lungs", elsewhere, "A pneumothorax."))
    assert (same["Grounding precision"], other["Grounding precision"]) == (0.0, 0.5)


def test_denied_findings_point_at_nothing() -> None:
    values = _findings(_step("lungs", (200, 200, 300, 300), "No effusion."))
    assert values["Finding mIoU"] == 0.0
    assert values["Spatial precision"] == 0.0


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A picture with detail everywhere: smoothed noise."""
    rng = np.random.default_rng(1)
    grey = rng.normal(size=(64, 64)).repeat(6, 0).repeat(6, 1) * 40 + rng.normal(size=(384, 384)) * 12 + 128
    path = tmp_path / "film.png"
    Pillow.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).save(path)
    return path


def _shown(film: Path, image: Image, stated: Edges) -> dict[str, float]:
    step = Step(category="lungs", box=Box(stated), image=image, text="x")
    study = Study("s", images=(Image(str(film), size=(384, 384)),), reference=Report(findings="x"))
    return _values("grounding@crops", [Example(study, Answer("s", "ok", trace=Trace((step,))))])


def test_a_region_image_that_shows_its_box_is_faithful(film: Path) -> None:
    box = (60.0, 80.0, 260.0, 240.0)
    cut = Image(str(film), role="region", box=Box(box), render="crop", size=(384, 384))
    values = _shown(film, cut, box)
    assert values["CropFidelity"] > 0.95
    assert values["Crops found"] == 1.0
    elsewhere = _shown(film, cut, (0.0, 0.0, 100.0, 100.0))
    assert elsewhere["CropFidelity"] < 0.1
    assert elsewhere["Crops found"] == 1.0


def test_an_invented_region_image_is_not_found(film: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    path = tmp_path / "invented.png"
    Pillow.fromarray(rng.integers(0, 255, (160, 200), dtype=np.uint8)).save(path)
    values = _shown(film, Image(str(path), role="region", source="model"), (60.0, 80.0, 260.0, 240.0))
    assert values["Crops found"] == values["CropFidelity"] == 0.0
    assert values["Crop correlation"] < 0.5


def test_a_region_image_that_is_gone_is_counted(film: Path, tmp_path: Path) -> None:
    values = _shown(film, Image(str(tmp_path / "gone.png"), role="region"), (60.0, 80.0, 260.0, 240.0))
    assert values["Crops readable"] == 0.0
    assert values["Crops a study"] == 1.0
    assert np.isnan(values["CropFidelity"])


def test_a_trace_without_region_images_has_no_fidelity() -> None:
    assert np.isnan(_values("grounding@crops", [_example(REFERENCE)])["CropFidelity"])
