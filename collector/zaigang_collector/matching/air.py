"""Moist air: dew point, and how well it is known. Pure arithmetic.

A sensor that a hand or a laptop warms reads a higher temperature and a lower relative humidity; the
water in the air stays, and so does the dew point. So two places are compared by dew point first.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

# Magnus formula over water with the coefficients of Alduchov and Eskridge, J. Appl. Meteor. 35
# (1996) 601, equation 21: within 0.4 % of the vapour pressure from -40 to 50 °C.
_A: Final = 17.625
_B_C: Final = 243.04
# Dry nitrogen does not occur in offices; a sensor that says less is broken or saturated. Without a
# floor the logarithm would make a dew point of -100 °C of a rounding step.
_LEAST_RH_PCT: Final = 1.0


# What a reading can say on the wire (`readings.Environment`). Whoever calls matching with anything
# else, NaN among it, gives no air: means would overflow, and dew points divide by nothing.
TEMP_C: Final = (-60.0, 130.0)
RH_PCT: Final = (0.0, 100.0)


class Air(NamedTuple):
    """One sensor's word on the air, and its standard deviations. A tuple: hundreds a day are made."""

    temp_c: float
    temp_sd_c: float
    dew_c: float
    dew_sd_k: float


def is_air(temp_c: float, rh_pct: float) -> bool:
    """Whether a sensor can have said this."""
    return TEMP_C[0] <= temp_c <= TEMP_C[1] and RH_PCT[0] <= rh_pct <= RH_PCT[1]


def dew_point_c(temp_c: float, rh_pct: float) -> float:
    """The temperature at which this air is saturated over water, °C; -60 to 130 °C, 0 to 100 %."""
    return _dew_c(_gamma(temp_c, rh_pct))


def air(temp_c: float, rh_pct: float, temp_acc_c: float, rh_acc_pct: float) -> Air:
    """What a reading says of the dew point: the accuracies carried through to first order.

    `temp_acc_c`, `rh_acc_pct`: plus or minus, taken as standard deviations: typical figures of a
    datasheet hold for about two parts in three.
    """
    gamma = _gamma(temp_c, rh_pct)
    by_gamma = _A * _B_C / (_A - gamma) ** 2
    by_temp = by_gamma * _A * _B_C / (_B_C + temp_c) ** 2
    by_rh = by_gamma / max(_LEAST_RH_PCT, rh_pct)
    dew_sd_k = math.hypot(by_temp * temp_acc_c, by_rh * rh_acc_pct)
    return Air(temp_c, temp_acc_c, _dew_c(gamma), dew_sd_k)


def _dew_c(gamma: float) -> float:
    return _B_C * gamma / (_A - gamma)


def _gamma(temp_c: float, rh_pct: float) -> float:
    share = min(100.0, max(_LEAST_RH_PCT, rh_pct)) / 100
    return math.log(share) + _A * temp_c / (_B_C + temp_c)
