"""Refusals that send away, pass on or speak in the third person, and reports that resemble them."""

from __future__ import annotations

import pytest

from mmrad_eval.datasets.raw_text.declining import declines


@pytest.mark.parametrize(
    "text",
    [
        "Unable to comply.",
        "As an AI, I must pass on this request.",
        "Please have a board-certified radiologist look at this image.",
        "I have no capability to view pictures.",
        "The assistant refuses to provide medical advice.",
        "\u6211\u65e0\u6cd5\u67e5\u770b\u60a8\u7684X\u5149\u7247\u3002",
    ],
)
def test_a_refusal_is_told_by_what_it_withholds(text: str) -> None:
    assert declines(text)


@pytest.mark.parametrize(
    "text",
    [
        "Diagnosis of heart failure cannot be made from this radiograph alone; mild congestion.",
        "Findings discussed with the doctor. Right pneumothorax.",
        "The patient refused a repeat radiograph.",
        "We do not see a pleural effusion.",
        "\u80f8\u7247\u4e0d\u80fd\u6392\u9664\u53f3\u4e0b\u80ba\u708e\u3002",
        "Please see the report of the prior CT for the nodule.",
    ],
)
def test_what_the_picture_cannot_show_is_a_report(text: str) -> None:
    assert not declines(text)


@pytest.mark.parametrize(
    "text",
    [
        "%ijaxi:\ufffd I\ufffdAwit\ufffd pneu 300!3 analyze or\x19\ufffd{|}~",
        "\ufffd efgh[\\ I\ufffd\ufffd 20nalP\ufffdE)*+,-./:DFirst'(N\ufffd I\ufffdwx",
        "f)*+,-./:I SIO@Firstdi@ unyze]^DINGSngd)*+,-./:First s, see",
        "}{ you #$% 12 ;; I ++ == please <> 44 ##",
    ],
)
def test_an_i_among_marks_and_broken_characters_declines_nothing(text: str) -> None:
    """As a model with random weights writes."""
    assert not declines(text)
