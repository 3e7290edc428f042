"""Overlap, pairing and cover of boxes, and the prior that skill counts from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment
from scipy.stats import kendalltau

from mmrad_eval.core.contracts import Corpus
from mmrad_eval.core.values import Box, Image, Step, Study, Trace
from mmrad_eval.metrics.grounding.anatomy import kendall
from mmrad_eval.metrics.grounding.boxes import assign, canonical, placed, share_inside
from mmrad_eval.metrics.grounding.mean_boxes import mean_boxes


@settings(deadline=None)
@given(arrays(np.float64, st.tuples(st.integers(0, 6), st.integers(0, 6)), elements=st.floats(0, 1)))
def test_the_pairing_has_the_largest_sum(table: np.ndarray) -> None:
    pairs = assign(table)
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
    rows, columns = linear_sum_assignment(-table)
    assert sum(table[pair] for pair in pairs) == pytest.approx(table[rows, columns].sum(), abs=1e-9)


@settings(deadline=None)
@given(
    st.permutations(list("abcdefg")),
    st.permutations(list("abcdefg")),
    st.integers(0, 7),
)
def test_order_is_kendalls_tau_over_what_both_have(a: list[str], b: list[str], cut: int) -> None:
    first, second = {x: i for i, x in enumerate(a[:cut])}, {x: i for i, x in enumerate(b)}
    value = kendall(first, second)
    if cut < 2:
        assert value is None
    else:
        assert value == pytest.approx(kendalltau([first[x] for x in a[:cut]], [second[x] for x in a[:cut]]).statistic)


@pytest.mark.parametrize(
    ("box", "others", "share"),
    [
        ((0, 0, 10, 10), [(0, 0, 10, 10)], 1.0),
        ((0, 0, 10, 10), [(0, 0, 5, 10)], 0.5),
        ((0, 0, 10, 10), [(0, 0, 5, 10), (0, 0, 5, 5)], 0.5),  # shared area counts once
        ((0, 0, 10, 10), [(0, 0, 5, 10), (5, 5, 20, 20)], 0.75),
        ((0, 0, 10, 10), [(20, 20, 30, 30)], 0.0),
        ((0, 0, 10, 10), [], 0.0),
    ],
)
def test_the_share_inside_others_counts_their_union(
    box: tuple[float, ...], others: list[tuple[float, ...]], share: float
) -> None:
    def made(edges: tuple[float, ...]) -> Box:
        a, b, c, d = edges
        return Box((a, b, c, d), "pad_square_336")

    assert share_inside([made(box)], [made(other) for other in others]) == pytest.approx(share)


def test_boxes_of_every_frame_meet_in_the_canonical_one() -> None:
    size = (1000, 500)
    boxes = [
        Box((100, 50, 500, 250)),
        Box((0.1, 0.1, 0.5, 0.5), "norm_1"),
        Box((100, 100, 500, 500), "norm_1000"),
        Box((33.6, 100.8, 168, 168), "pad_square_336"),
        Box((22.4, 67.2, 112, 112), "pad_square_224"),
    ]
    for box in boxes:
        found = canonical(box, size)
        assert found is not None
        assert found.xyxy == pytest.approx((33.6, 100.8, 168, 168))


@pytest.mark.parametrize(
    ("box", "size"),
    [
        (Box((10, 10, 5, 20)), (100, 100)),
        (Box((10, 10, 10, 20)), (100, 100)),
        (Box((float("nan"), 0, 1, 1)), (100, 100)),
        (Box((0, 0, 1, 1), "norm_1"), None),  # nobody knows the size of the image
        (Box((0, 0, 1, 1), "martian"), (100, 100)),
    ],
)
def test_what_is_no_box_is_none(box: Box, size: tuple[int, int] | None) -> None:
    assert canonical(box, size) is None


def test_padded_frames_need_no_size() -> None:
    found = canonical(Box((0, 0, 112, 112), "pad_square_224"), None)
    assert found is not None
    assert found.xyxy == (0, 0, 168, 168)


def _study(name: str, patient: str, *edges: tuple[float, float, float, float]) -> Study:
    steps = tuple(Step(category="lungs", box=Box(e, "pad_square_336"), text="x") for e in edges)
    return Study(name, images=(Image("x.png", size=(336, 336)),), patient=patient, trace=Trace(steps))


def test_the_prior_is_the_mean_box_of_the_training_split() -> None:
    train = [_study("t1", "a", (0, 0, 100, 100)), _study("t2", "b", (100, 100, 200, 200))]
    scored = [_study("s", "c", (0, 0, 10, 10))]
    found = mean_boxes(Corpus(scored, train)).box("lungs", scored[0])
    assert found == Box((50, 50, 150, 150), "pad_square_336")


def test_without_a_training_split_the_prior_is_that_of_the_other_patients() -> None:
    scored = [
        _study("s1", "a", (0, 0, 100, 100)),
        _study("s2", "a", (0, 0, 60, 60)),
        _study("s3", "b", (100, 100, 200, 200)),
    ]
    made = mean_boxes(Corpus(scored))
    assert made.box("lungs", scored[0]) == Box((100, 100, 200, 200), "pad_square_336")
    assert made.box("lungs", scored[2]) == Box((0, 0, 80, 80), "pad_square_336")
    assert made.box("bones", scored[0]) is None
    assert mean_boxes(Corpus(scored[:2])).box("lungs", scored[0]) is None


def test_steps_without_a_box_are_no_boxes() -> None:
    trace = Trace((Step(category="lungs", text="x"), Step(category="bones", box=Box((0, 0, 5, 5), "pad_square_336"))))
    assert [(p.category, p.step) for p in placed(trace, None)] == [("bones", 1)]
    assert placed(None, None) == []
