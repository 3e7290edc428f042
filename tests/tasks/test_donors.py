"""Donors are other patients, and the same ones whatever is asked."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmrad_eval.core.errors import DataError
from mmrad_eval.core.values import Study
from mmrad_eval.tasks.donors import Donors


@given(st.lists(st.integers(0, 5), min_size=2, max_size=30), st.randoms(use_true_random=False))
def test_a_donor_is_another_patient_and_does_not_depend_on_the_order(
    patients: list[int], shuffle: random.Random
) -> None:
    studies = [Study(f"s{i}", patient=f"p{p}") for i, p in enumerate(patients)]
    mixed = shuffle.sample(studies, len(studies))
    if len(set(patients)) < 2:
        with pytest.raises(DataError, match="has no donor"):
            Donors(studies)(studies[0])
        return

    donors, again = Donors(studies), Donors(mixed)

    for study in studies:
        assert donors(study).patient != study.patient
        assert donors(study) == again(study)


def test_a_donor_has_what_is_asked_of_it() -> None:
    studies = [Study(str(i), split="a" if i == 7 else "b") for i in range(20)]

    assert Donors(studies)(studies[0], lambda other: other.split == "a") == studies[7]
    with pytest.raises(DataError, match="has what the task borrows"):
        Donors(studies)(studies[7], lambda other: other.split == "a")


def test_without_patient_ids_every_other_study_may_give() -> None:
    studies = [Study("a"), Study("b")]

    assert Donors(studies)(studies[0]) == studies[1]
