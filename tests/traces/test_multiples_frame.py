"""The frame of models that resize a picture to multiples of their patch, as Qwen2.5-VL does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmrad_eval.core.values import Box
from mmrad_eval.traces.geometry import convert, full_frame, problems, valid_frame

QWEN = "multiples_28:3136-12845056"

# width, height -> width, height of `smart_resize` in transformers 5.19 (models/qwen2_vl/image_processing_qwen2_vl.py),
# factor 28, min_pixels 3136, max_pixels 12845056
GOLDEN = [
    ((336, 336), (336, 336)),
    ((1000, 700), (1008, 700)),
    ((2544, 3056), (2548, 3052)),
    ((5000, 4000), (4004, 3192)),
    ((30, 20), (84, 56)),
    ((42, 70), (56, 56)),
]


@pytest.mark.parametrize(("size", "resized"), GOLDEN)
def test_the_whole_picture_is_what_the_processor_makes_of_it(size: tuple[int, int], resized: tuple[int, int]) -> None:
    assert full_frame(size, QWEN).xyxy == (0, 0, *resized)


@given(
    st.tuples(st.integers(20, 4000), st.integers(20, 4000)),
    st.tuples(*(st.floats(0, 1) for _ in range(4))),
)
def test_there_and_back_is_the_same_box(size: tuple[int, int], corners: tuple[float, ...]) -> None:
    box = Box((corners[0] * size[0], corners[1] * size[1], corners[2] * size[0], corners[3] * size[1]))
    back = convert(convert(box, QWEN, size), "original", size)
    assert back.xyxy == pytest.approx(box.xyxy, abs=1e-6)


def test_a_box_outside_is_told_where_the_size_is_known() -> None:
    assert valid_frame(QWEN)
    assert problems(Box((0, 0, 1008, 700), QWEN), (1000, 700)) == []
    assert problems(Box((0, 0, 1100, 700), QWEN), (1000, 700))[0].startswith("outside")
    assert problems(Box((0, 0, 1100, 700), QWEN), None) == []
