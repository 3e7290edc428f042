"""Alignment of steps against every alignment there is, and known answers of the metric."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from mmrad_eval.core.contracts import Corpus
from mmrad_eval.core.values import Answer, Box, Example, Image, Report, Step, Study, Trace
from mmrad_eval.metrics import suite
from mmrad_eval.metrics.consistency.alignment import aligned, unordered

TABLES = st.integers(0, 4).flatmap(
    lambda m: st.integers(0, 4).flatmap(
        lambda n: st.lists(
            st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=n, max_size=n), min_size=m, max_size=m
        ).map(lambda rows: np.array(rows).reshape(m, n))
    )
)


def every_alignment(m: int, n: int) -> Sequence[Sequence[tuple[int, int]]]:
    """All ordered one-to-one pairings."""
    return [
        list(zip(rows, columns, strict=True))
        for k in range(min(m, n) + 1)
        for rows in combinations(range(m), k)
        for columns in combinations(range(n), k)
    ]


@given(TABLES)
def test_no_alignment_in_order_is_better_and_none_at_all_beats_the_unordered_one(table: np.ndarray) -> None:
    found = aligned(table)
    best = max(sum(table[pair] for pair in pairs) for pairs in every_alignment(*table.shape))
    assert found.total == best == sum(table[pair] for pair in found.pairs)
    assert list(found.pairs) in every_alignment(*table.shape)
    assert unordered(table) >= found.total


def test_ties_keep_the_last_pair_and_then_the_earlier_reference() -> None:
    assert aligned(np.array([[1.0], [1.0]])).pairs == ((1, 0),)
    assert aligned(np.array([[1.0, 1.0]])).pairs == ((0, 1),)
    assert aligned(np.array([[0.0, 1.0], [1.0, 0.0]])).pairs == ((0, 1),)


HEART = Step("heart", ("cardiac silhouette",), "heart_mediastinum", text="The heart is enlarged.")
LUNGS = Step("lungs", ("left lung", "right lung"), "lungs", text="There is a right consolidation.")
PLEURA = Step("pleura", (), "pleura_diaphragm", text="There is a left pleural effusion.")
BONES = Step("bones", (), "bones", text="There is a rib fracture.")
BUILT = (HEART, LUNGS, PLEURA)
FINDINGS = "There is a left pleural effusion. There is a right consolidation. The heart is enlarged."


def study(number: int, steps: Sequence[Step], findings: str = FINDINGS, film: Path | None = None) -> Study:
    image = Image(str(film or "none.png"), size=(336, 336))
    report = Report(findings=findings)
    return Study(f"s{number}", (image,), f"p{number}", report, Trace(tuple(steps)) if steps else None)


OTHER = study(9, (BONES, LUNGS), "There is a rib fracture. There is a right consolidation.")


def values(steps: Sequence[Step] | None, of: Study | None = None) -> dict[str, float]:
    (metric,) = suite(["steps@rules"])
    one = of or study(0, BUILT)
    trace = None if steps is None else Trace(tuple(steps))
    examples = [Example(one, Answer(one.id, "ok", trace=trace))]
    context = metric.fit(Corpus([one, OTHER]))
    rows = metric.measure(examples, context)
    assert metric.signature(context).startswith("step-alignment|facts:rules")
    return {c.name: float(v) for c, v in zip(metric.columns, metric.reduce(rows.sum(0)), strict=True)}


def test_the_reference_itself_is_the_ceiling_in_each_of_its_orders() -> None:
    for order in (BUILT, (PLEURA, LUNGS, HEART)):  # as it is written; as the report says it
        found = values(order)
        assert found["Step F1"] == found["Step recall"] == found["Step precision"] == 1.0
        assert found["Step order cost"] == 0.0
        assert found["Step reference gap"] > 0


def test_an_order_that_no_reference_has_costs_what_the_unordered_pairing_keeps() -> None:
    found = values((LUNGS, PLEURA, HEART))
    assert found["Step F1"] == pytest.approx(2 / 3)
    assert found["Step F1 unordered"] == 1.0
    assert found["Step order cost"] == pytest.approx(1 / 3)


def test_omitted_steps_cost_recall_and_extra_ones_precision() -> None:
    short = values((HEART, PLEURA))
    assert [short["Step recall"], short["Step precision"]] == pytest.approx([2 / 3, 1.0])
    long = values((HEART, BONES, LUNGS, PLEURA))
    assert (long["Step recall"], long["Step precision"]) == (1.0, 0.75)
    assert values(())["Step F1"] == 0.0
    assert np.isnan(values(None)["Step F1"])
    assert np.isnan(values(BUILT, study(0, ()))["Step F1"])


def test_chance_is_another_patient_s_trace() -> None:
    found = values(BUILT)  # of the donor's two steps one says the same
    assert found["Step F1 chance"] == pytest.approx(2 * 1 / (2 + 3))


def test_the_same_words_about_another_region_are_no_match() -> None:
    there = Step("bones", (), "bones", text=LUNGS.text)
    assert values((HEART, there, PLEURA))["Step F1"] == pytest.approx(2 / 3)


def test_places_count_beside_words_and_an_invented_picture_shows_none(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    film = tmp_path / "film.png"
    grey = Pillow.fromarray(rng.integers(0, 255, (42, 42), dtype=np.uint8))
    soft = grey.resize((336, 336), Pillow.Resampling.BICUBIC)
    soft.save(film)
    box = Box((100.0, 150.0, 220.0, 260.0), "pad_square_336")
    soft.crop((100, 150, 220, 260)).save(tmp_path / "true.png")
    Pillow.fromarray(rng.integers(0, 255, (110, 120), dtype=np.uint8)).save(tmp_path / "invented.png")
    reference = Step("heart", ("cardiac silhouette",), "heart_mediastinum", box=box, text=HEART.text)
    one = study(0, (reference,), film=film)

    def drawn(name: str | None, at: Box) -> float:
        image = None if name is None else Image(str(tmp_path / name), role="region", box=at, source="model")
        step = Step("heart", ("cardiac silhouette",), "heart_mediastinum", box=at, image=image, text=HEART.text)
        return values((step,), one)["Step F1"]

    away = Box((0.0, 0.0, 60.0, 60.0), "pad_square_336")
    assert drawn(None, box) == 1.0
    assert drawn(None, away) == 0.5
    assert drawn("true.png", away) == pytest.approx(1.0, abs=0.03)  # it shows the heart, whatever it states
    assert drawn("invented.png", box) == 0.5
