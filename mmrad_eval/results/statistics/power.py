"""Power: which difference a test set of this size can show, and how many patients a difference needs.

Everything follows from one number, the standard error of a paired difference, which falls with the square root of the
number of patients. The normal approximation is that of every sample-size formula for a mean (for example Chow, Shao and
Wang, Sample Size Calculations in Clinical Research, section 3.2).
"""

from __future__ import annotations

import math
from statistics import NormalDist

_NORMAL = NormalDist()
ALPHA = 0.05
POWER = 0.8


def detectable(error: float, alpha: float = ALPHA, power: float = POWER) -> float:
    """The smallest true difference found with chance ``power`` by a two-sided test at ``alpha``, given its error."""
    return (_NORMAL.inv_cdf(1 - alpha / 2) + _NORMAL.inv_cdf(power)) * error


def power_of(difference: float, error: float, alpha: float = ALPHA) -> float:
    """The chance that a two-sided test at ``alpha`` finds ``difference``; 1 where there is no error at all."""
    if error == 0:
        return 1.0 if difference else alpha
    z, shift = _NORMAL.inv_cdf(1 - alpha / 2), difference / error
    return _NORMAL.cdf(shift - z) + _NORMAL.cdf(-shift - z)


def patients_needed(difference: float, deviation: float, alpha: float = ALPHA, power: float = POWER) -> int:
    """Patients that show ``difference``, when one patient's paired difference has this standard deviation."""
    if difference == 0:
        raise ValueError("no number of patients can detect a difference of zero")
    return max(2, math.ceil((detectable(deviation, alpha, power) / difference) ** 2))


def paired_deviation(first: float, second: float, correlation: float) -> float:
    """Standard deviation of a paired difference, from those of the two systems' values and their correlation."""
    return math.sqrt(max(0.0, first**2 + second**2 - 2 * correlation * first * second))
