"""Power: textbook numbers, and a simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mmrad_eval.results.statistics.power import detectable, paired_deviation, patients_needed, power_of


def test_the_detectable_difference_is_2_8_standard_errors() -> None:
    assert detectable(1.0) == pytest.approx(1.959964 + 0.841621, abs=1e-5)
    assert power_of(detectable(0.3), 0.3) == pytest.approx(0.8, abs=1e-4)


def test_patients_needed_are_the_textbooks() -> None:
    # a paired difference of half a standard deviation at 80 % power: (2.8016 / 0.5) ** 2 = 31.4
    assert patients_needed(0.5, 1.0) == 32
    assert patients_needed(10.0, 1.0) == 2
    with pytest.raises(ValueError, match="zero"):
        patients_needed(0.0, 1.0)


def test_power_is_what_a_simulation_finds() -> None:
    rng = np.random.default_rng(0)
    found = stats.ttest_1samp(rng.normal(0.2, 1, (4000, 150)), 0, axis=1).pvalue
    assert power_of(0.2, 1 / np.sqrt(150)) == pytest.approx((found <= 0.05).mean(), abs=0.025)
    assert power_of(0.0, 1.0) == pytest.approx(0.05)


def test_pairing_helps_as_much_as_the_systems_agree() -> None:
    assert paired_deviation(1, 1, 0) == pytest.approx(np.sqrt(2))
    assert paired_deviation(1, 1, 1) == 0
    assert paired_deviation(2, 1, 0.5) == pytest.approx(np.sqrt(3))


def test_without_any_error_every_difference_is_seen() -> None:
    assert power_of(0.1, 0) == 1.0
    assert power_of(0.0, 0) == 0.05
