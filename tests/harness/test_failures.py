"""What is said to do about a failure that the run's own settings cause."""

from __future__ import annotations

import pytest

from mmrad_eval.harness.failures import way_out


@pytest.mark.parametrize(
    "why",
    [
        "400: At most 2 image(s) may be provided in one prompt.",
        "400: You set --limit-mm-per-prompt to 1, but passed 3 image items in the same prompt.",
        "Too many images and documents: 120 + 0 > 100",
    ],
)
def test_too_many_images_for_a_server_have_a_way_out(why: str) -> None:
    assert "max_images" in way_out(why)
    assert "--serve-images N" in way_out(why)


@pytest.mark.parametrize("why", ["503: the model is loading", "400: image could not be decoded", ""])
def test_other_failures_have_no_such_advice(why: str) -> None:
    assert not way_out(why)
