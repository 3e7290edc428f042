"""Frames of boxes: known values, inverses, overlap, and faults that are named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Box
from mmrad_eval.traces import geometry

PORTRAIT = (2544, 3056)
FRAMES = (
    *("original", "resized:812x1036", "pad_square_224", "pad_square_336", "norm_1", "norm_1000", "bins_100"),
    *("norm_999", "center_bins_100"),
    *("norm_1000_yx", "pad_square_336_yx"),
)
WHOLE = tuple(frame for frame in FRAMES if frame != "center_bins_100")
"""Frames that hold the whole image."""

sizes = st.tuples(st.integers(8, 5000), st.integers(8, 5000))
shares = st.tuples(*(st.floats(0, 1) for _ in range(4)))


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        # s = 336 / 3056, padding left and right of (336 - 2544 s) / 2 = 28.146597
        ("pad_square_336", (28.146597, 0.0, 168.0, 168.0)),
        ("pad_square_224", (18.764398, 0.0, 112.0, 112.0)),
        ("norm_1", (0.0, 0.0, 0.5, 0.5)),
        ("norm_1000", (0.0, 0.0, 500.0, 500.0)),
        ("norm_1000_yx", (0.0, 0.0, 500.0, 500.0)),
        ("pad_square_336_yx", (0.0, 28.146597, 168.0, 168.0)),
        ("norm_999", (0.0, 0.0, 499.5, 499.5)),
        ("bins_100", (-0.5, -0.5, 49.5, 49.5)),
        ("center_bins_100", (-0.5, -10.562893, 49.5, 49.5)),  # 256 pixels above the central square of 2544
        ("resized:812x1036", (0.0, 0.0, 406.0, 518.0)),
    ],
)
def test_the_upper_left_quarter_in_every_frame(frame: str, expected: tuple[float, ...]) -> None:
    quarter = Box((0.0, 0.0, 1272.0, 1528.0))
    assert geometry.convert(quarter, frame, PORTRAIT).xyxy == pytest.approx(expected, abs=1e-5)


@given(shares, sizes, st.sampled_from(FRAMES), st.sampled_from(FRAMES))
def test_any_frame_to_any_other_and_back_is_the_same_box(
    at: tuple[float, float, float, float], size: tuple[int, int], first: str, second: str
) -> None:
    box = Box((at[0] * size[0], at[1] * size[1], at[2] * size[0], at[3] * size[1]))
    there = geometry.convert(geometry.convert(box, first, size), second, size)
    assert geometry.convert(there, "original", size).xyxy == pytest.approx(box.xyxy, abs=1e-6)


@given(shares, sizes, st.sampled_from(WHOLE))
def test_written_numbers_lose_at_most_half_a_unit_of_their_frame(
    at: tuple[float, float, float, float], size: tuple[int, int], frame: str
) -> None:
    box = geometry.convert(Box((at[0] * size[0], at[1] * size[1], at[2] * size[0], at[3] * size[1])), frame, size)
    numbers = [float(v) for v in geometry.spoken(box).strip("[]").split(", ")]
    assert numbers == pytest.approx(box.xyxy, abs=0.00051 if frame == "norm_1" else 0.5 + 1e-9)


def test_numbers_are_written_as_each_frame_has_them() -> None:
    assert geometry.spoken(Box((108, 104.4, 251.5, 277), "pad_square_336")) == "[108, 104, 252, 277]"
    assert geometry.spoken(Box((0.25, 0, 0.5, 1), "norm_1")) == "[0.250, 0.000, 0.500, 1.000]"
    assert geometry.spoken(Box((-0.5, 0, 99.5, 12), "bins_100")) == "[0, 0, 99, 12]"


def test_overlap_of_half_shifted_squares_is_a_third() -> None:
    assert geometry.iou(Box((0, 0, 10, 10)), Box((5, 0, 15, 10))) == pytest.approx(1 / 3)
    assert geometry.iou(Box((0, 0, 10, 10)), Box((10, 0, 20, 10))) == 0.0
    assert geometry.iou(Box((9, 9, 1, 1)), Box((0, 0, 10, 10))) == 0.0


@given(shares, shares, sizes, st.sampled_from(FRAMES))
def test_overlap_is_symmetric_bounded_and_the_same_in_every_frame(
    a: tuple[float, float, float, float], b: tuple[float, float, float, float], size: tuple[int, int], frame: str
) -> None:
    one, two = (Box((s[0] * size[0], s[1] * size[1], s[2] * size[0], s[3] * size[1])) for s in (a, b))
    value = geometry.iou(one, two)
    assert 0.0 <= value <= 1.0
    assert value == geometry.iou(two, one)
    other = geometry.iou(geometry.convert(one, frame, size), two, size)
    assert other == pytest.approx(value, abs=1e-6) or geometry.area(one) < 1e-3 or geometry.area(two) < 1e-3


def test_boxes_of_two_frames_need_the_image_size() -> None:
    with pytest.raises(DataError, match="pad_square_336 and norm_1"):
        geometry.iou(Box((0, 0, 9, 9), "pad_square_336"), Box((0, 0, 1, 1), "norm_1"))


def test_hull_and_fraction() -> None:
    around = geometry.hull([Box((10, 20, 30, 40)), Box((5, 25, 20, 60))])
    assert around == Box((5, 20, 30, 60))
    assert geometry.fraction(Box((0, 0, 50, 100)), (100, 100)) == pytest.approx(0.5)
    assert geometry.fraction(geometry.full_frame(PORTRAIT, "pad_square_336"), PORTRAIT) == pytest.approx(1.0)
    with pytest.raises(DataError):
        geometry.hull([])


@pytest.mark.parametrize(
    ("box", "size", "kinds"),
    [
        (Box((108, 104, 252, 277), "pad_square_336"), PORTRAIT, []),
        (Box((28, 0, 308, 336), "pad_square_336"), PORTRAIT, []),
        (Box((0, 0, 1, 1), "norm_1"), PORTRAIT, []),
        (Box((12, 30, 12, 30), "bins_100"), PORTRAIT, []),
        (Box((252, 104, 108, 277), "pad_square_336"), PORTRAIT, ["reversed"]),
        (Box((108, 104, 108, 277), "pad_square_336"), PORTRAIT, ["empty"]),
        (Box((0, 10, 60, 60), "pad_square_336"), PORTRAIT, ["in padding"]),
        (Box((2, 10, 20, 60), "pad_square_336"), PORTRAIT, ["in padding"]),
        (Box((300, 104, 400, 277), "pad_square_336"), PORTRAIT, ["outside", "wrong frame suspected"]),
        (Box((-9, 4, 99, 99), "original"), PORTRAIT, ["outside"]),
        (Box((0.1, 0.2, 0.5, 0.9), "pad_square_336"), PORTRAIT, ["in padding", "wrong frame suspected"]),
        (Box((100, 200, 500, 900), "norm_1"), PORTRAIT, ["outside", "wrong frame suspected"]),
        (Box((100, 200, 500, 900), "pad_square_336"), None, ["outside", "wrong frame suspected"]),
        (Box((float("nan"), 0, 5, 5)), PORTRAIT, ["not finite"]),
        (Box((1, 1, 5, 5), "padded336"), PORTRAIT, ["unknown frame"]),
        (Box((1, 1, 5, 5)), None, []),
    ],
)
def test_what_is_wrong_with_a_box_is_named(box: Box, size: tuple[int, int] | None, kinds: list[str]) -> None:
    assert [problem.split(":")[0] for problem in geometry.problems(box, size)] == kinds


def test_a_suspicion_says_which_frame_would_fit() -> None:
    (_, suspicion) = geometry.problems(Box((100, 200, 500, 900), "norm_1"), PORTRAIT)
    assert suspicion.endswith("could be norm_1000")
    assert geometry.fitting(Box((10, 20, 222, 200)), PORTRAIT)[0] == "pad_square_224"


@given(shares, sizes, st.sampled_from(WHOLE))
def test_a_clipped_box_has_no_outside_and_clipping_again_changes_nothing(
    at: tuple[float, float, float, float], size: tuple[int, int], frame: str
) -> None:
    wild = Box(tuple((v - 0.3) * 2 * side for v, side in zip(at, size * 2, strict=True)), "original")  # type: ignore[arg-type] # four numbers
    cut = geometry.clip(geometry.convert(wild, frame, size), size)
    assert not [p for p in geometry.problems(cut, size) if p.startswith(("outside", "in padding"))]
    assert geometry.clip(cut, size).xyxy == pytest.approx(cut.xyxy, abs=1e-9 * max(size))


@pytest.mark.parametrize("frame", ["", "pad_square_", "pad_square_0", "resized:0x5", "resized:5", "pixels"])
def test_an_unknown_frame_is_refused_with_the_known_ones(frame: str) -> None:
    assert not geometry.valid_frame(frame)
    with pytest.raises(DataError, match="known: original"):
        geometry.convert(Box((0, 0, 1, 1)), frame, PORTRAIT)


def test_a_box_written_y_first_finds_the_mark_that_was_drawn() -> None:
    import numpy as np

    pixels = np.zeros((300, 200))
    pixels[240:270, 20:60] = 1.0  # near the lower left corner
    told = Box((800.0, 100.0, 900.0, 300.0), "norm_1000_yx")
    left, top, right, bottom = (round(v) for v in geometry.convert(told, "original", (200, 300)).xyxy)
    assert (left, top, right, bottom) == (20, 240, 60, 270)
    assert pixels[top:bottom, left:right].mean() == 1.0
    assert geometry.spoken(told) == "[800, 100, 900, 300]"
    assert geometry.problems(told, (200, 300)) == []
    assert geometry.corner_words(told.frame) == "top, left, bottom, right"


def test_boxes_written_in_both_orders_overlap_as_they_should() -> None:
    there = Box((800.0, 100.0, 900.0, 300.0), "norm_1000_yx")
    same = geometry.convert(there, "norm_1000", (200, 300))
    assert same.xyxy == pytest.approx((100.0, 800.0, 300.0, 900.0))
    assert geometry.iou(there, same, (200, 300)) == pytest.approx(1.0)
