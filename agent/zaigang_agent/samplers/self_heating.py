"""By how much a node's own warmth raises what its sensor reads: found while it warms up. Pure.

After a cold boot the board warms the air around its sensor:

    T(t) = T0 + rise * (1 - exp(-t / tau)) + drift * t        t since the boot

with a tau of minutes, and the vapour pressure of that air stays what it is, since warming adds no
water. A room is slower than a board, does not begin at the boot, and its vapour pressure changes with
people, windows and air conditioning. `rise` is claimed when all of that is seen, and nothing is
claimed otherwise. It is told beside the temperature and never subtracted from it.

What this cannot tell apart: a small fan heater that is switched on in the same minute as the node,
in a room whose humidity nobody changes for an hour.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

# An hour has four times the slowest tau that is believed, so that the plateau is in it. Longer says
# it later and lets the room's own day into the fit; shorter takes the middle of a rise for its end.
WINDOW_MS: Final = 60 * 60_000
# A third of a small board's rise is over by then. Later, too little of it is left to fit.
_FIRST_BY_MS: Final = 3 * 60_000
# 120 points determine three numbers well; more only costs memory.
_EVERY_MS: Final = 30_000
_MIN_POINTS: Final = 30
_MIN_EARLY_POINTS: Final = 8
_EARLY_MS: Final = 15 * 60_000

# 1 to 29 minutes in steps of 7 %. Coarser steps cost accuracy: at 25 % a rise of 8 was found as 7.6.
_TAUS_MIN: Final = tuple(1.07**step for step in range(51))
# Assumed for a small board in a case: 4 to 10 minutes; to be measured on the first real nodes. Larger
# admits heated rooms; smaller leaves out big cases.
_LONGEST_TAU_MIN: Final = 15
# Less than this is within the noise and of no use to anybody; more is a fault, not a warm board.
_LEAST_C: Final = 0.4
_MOST_C: Final = 15.0
# A room that drifts faster than this is being heated or cooled: its curve is not a line any more.
_MOST_DRIFT_C_H: Final = 1.0
# Five times the noise of a sensor. Larger admits curves of another shape; smaller refuses draughts.
_MOST_RESIDUAL_C: Final = 0.15
# The exponential has to explain three quarters of what a straight line leaves over.
_MOST_OF_LINE: Final = 0.25
# A sensor's error of 1 % in 40 % humidity is 2.5 % of vapour pressure. Larger admits air conditioning
# and people; smaller refuses sensors that are as good as their datasheet.
_MOST_VAPOUR: Final = 0.04
_VAPOUR_BLOCKS: Final = 6


@dataclass(frozen=True, slots=True)
class Point:
    """One look. `boot_ms` since the boot."""

    boot_ms: int
    temp_c: float
    rh_pct: float


class WarmUp:
    """Follows one sensor from the boot on."""

    def __init__(self) -> None:
        self.rise_c: float | None = None
        """What was found; None: nothing, or not yet."""
        self._points: list[Point] = []
        self._over = False

    def note(self, point: Point, was_cold: Callable[[], bool | None]) -> None:
        """One look more. `was_cold`: whether the boot was a cold one; None: cannot be said yet."""
        if self._over:
            return
        if not self._points and point.boot_ms > _FIRST_BY_MS:
            self._over = True
        elif point.boot_ms < WINDOW_MS:
            if not self._points or point.boot_ms - self._points[-1].boot_ms >= _EVERY_MS:
                self._points.append(point)
        else:
            self._conclude(was_cold())

    def _conclude(self, was_cold: bool | None) -> None:
        if was_cold is None:
            return
        self._over = True
        if was_cold:
            self.rise_c = found_rise_c(self._points)
        self._points = []


def found_rise_c(points: Sequence[Point]) -> float | None:
    """The rise that these looks from a cold boot on show; None when they show none for certain."""
    early = [point for point in points if point.boot_ms <= _EARLY_MS]
    if len(points) < _MIN_POINTS or len(early) < _MIN_EARLY_POINTS:
        return None
    if points[0].boot_ms > _FIRST_BY_MS or not _vapour_is_constant(points):
        return None
    hours = [point.boot_ms / 3_600_000 for point in points]
    temps = [point.temp_c for point in points]
    tau_min, fit = min(
        ((tau_min, _fit(hours, temps, tau_min / 60)) for tau_min in _TAUS_MIN),
        key=lambda each: each[1].squares,
    )
    believable = (
        _TAUS_MIN[0] < tau_min <= _LONGEST_TAU_MIN
        and _LEAST_C <= fit.rise_c <= _MOST_C
        and abs(fit.drift_c_h) <= _MOST_DRIFT_C_H
        and math.sqrt(fit.squares / len(points)) <= _MOST_RESIDUAL_C
        and fit.squares <= _MOST_OF_LINE * _line_squares(hours, temps)
    )
    return fit.rise_c if believable else None


def vapour_hpa(temp_c: float, rh_pct: float) -> float:
    """Pressure of the water in the air (Magnus formula over water, WMO-No. 8, annex 4.B)."""
    return rh_pct / 100 * 6.112 * math.exp(17.62 * temp_c / (243.12 + temp_c))


def _vapour_is_constant(points: Sequence[Point]) -> bool:
    size = len(points) / _VAPOUR_BLOCKS
    blocks = [points[round(n * size) : round((n + 1) * size)] for n in range(_VAPOUR_BLOCKS)]
    means = [sum(vapour_hpa(p.temp_c, p.rh_pct) for p in block) / len(block) for block in blocks]
    middle = sum(means) / len(means)
    return middle > 0 and all(abs(mean / middle - 1) <= _MOST_VAPOUR for mean in means)


@dataclass(frozen=True, slots=True)
class _Fit:
    """Least squares of the curve under one tau. `squares`: what is left over, summed."""

    rise_c: float
    drift_c_h: float
    squares: float


def _fit(hours: Sequence[float], temps: Sequence[float], tau_h: float) -> _Fit:
    columns = [
        [1.0] * len(hours),
        [1 - math.exp(-hour / tau_h) for hour in hours],
        list(hours),
    ]
    solution = _least_squares(columns, temps)
    return _Fit(solution[1], solution[2], _left_over(columns, temps, solution))


def _line_squares(hours: Sequence[float], temps: Sequence[float]) -> float:
    columns = [[1.0] * len(hours), list(hours)]
    return _left_over(columns, temps, _least_squares(columns, temps))


def _left_over(
    columns: Sequence[Sequence[float]], values: Sequence[float], solution: Sequence[float]
) -> float:
    total = 0.0
    for row, value in enumerate(values):
        model = sum(factor * column[row] for factor, column in zip(solution, columns, strict=True))
        total += (value - model) ** 2
    return total


def _least_squares(columns: Sequence[Sequence[float]], values: Sequence[float]) -> list[float]:
    """Normal equations by Gauss and Jordan, with pivots. Columns must not depend on each other."""
    n = len(columns)
    rows = [[_dot(a, b) for b in columns] + [_dot(a, values)] for a in columns]
    for pivot in range(n):
        best = max(range(pivot, n), key=lambda row: abs(rows[row][pivot]))
        rows[pivot], rows[best] = rows[best], rows[pivot]
        rows[pivot] = [value / rows[pivot][pivot] for value in rows[pivot]]
        for row in range(n):
            if row != pivot:
                factor = rows[row][pivot]
                rows[row] = [a - factor * b for a, b in zip(rows[row], rows[pivot], strict=True)]
    return [row[n] for row in rows]


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))
