"""Moist air: what a sensor calls relative humidity, told as water in the air. Pure physics.

Saturation pressure after Alduchov and Eskridge (1996), "Improved Magnus form approximation of
saturation vapor pressure", J. Appl. Meteor. 35: within 0.4 % from -40 to 50 °C, far better than any
sensor here. Mixing ratios are kg of water per kg of dry air.
"""

from __future__ import annotations

import math
from typing import Final

PRESSURE_HPA: Final = (
    1013.25  # sea level; 100 m of height change it by 1.2 %, the same on both sides
)
_E0_HPA: Final = 6.1094
_A: Final = 17.625
_B_C: Final = 243.04
_EPSILON: Final = 0.62198  # molar masses of water and dry air


def saturation_hpa(temp_c: float) -> float:
    """Pressure of water vapour above water at this temperature."""
    return _E0_HPA * math.exp(_A * temp_c / (_B_C + temp_c))


def ratio_of(temp_c: float, rh_pct: float) -> float:
    """Mixing ratio of air at this temperature and relative humidity."""
    vapour = saturation_hpa(temp_c) * rh_pct / 100
    return _EPSILON * vapour / (PRESSURE_HPA - vapour)


def rh_of(temp_c: float, ratio: float) -> float:
    """Relative humidity (%) of air with this much water, at this temperature; at most 100."""
    vapour = PRESSURE_HPA * ratio / (_EPSILON + ratio)
    return min(100.0, 100 * vapour / saturation_hpa(temp_c))


def dew_point_of(ratio: float) -> float:
    """The temperature (°C) at which this much water begins to condense."""
    vapour = PRESSURE_HPA * max(ratio, 1e-6) / (_EPSILON + max(ratio, 1e-6))
    logged = math.log(vapour / _E0_HPA)
    return _B_C * logged / (_A - logged)
