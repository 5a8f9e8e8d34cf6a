"""The air outside: a climate drawn for each place, a season, days and passing fronts.

Hourly values, straight lines between them. The departure from the season is an AR(1) process with a
memory of about two days, which is how long weather systems of the middle latitudes take to pass
(Wilks, "Statistical Methods in the Atmospheric Sciences", ch. 9: lag-1 autocorrelation of daily
temperatures 0.5 to 0.8).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from zaigang_collector.simulation.moist import ratio_of
from zaigang_collector.simulation.streams import Stream, clipped

HOUR_MIN: Final = 60
_MEMORY_H: Final = 48.0


@dataclass(frozen=True, slots=True)
class Climate:
    """Of one place. Temperatures in °C; shares of the year and of the day are built in."""

    mean_c: float
    season_c: float
    """Half the distance from the coldest to the warmest month."""
    day_c: float
    """Half the distance from dawn to afternoon."""
    front_c: float
    """Standard deviation of what weather adds to the season."""
    dew_gap_c: float
    """How far the dew point lies below the daily mean, on average."""


def draw_climate(draw: Stream) -> Climate:
    """From a dry continental to a humid subtropical place: the spread of large cities' yearly means,
    annual ranges and daily ranges in WMO's climatological normals 1991-2020."""
    return Climate(
        mean_c=draw.uniform(8, 23),
        season_c=draw.uniform(6, 15),
        day_c=draw.uniform(2.5, 6),
        front_c=draw.uniform(2, 4.5),
        dew_gap_c=draw.uniform(3, 10),
    )


class Weather:
    """Of one place, by minutes after a beginning."""

    def __init__(self, climate: Climate, day_of_year: int, days: int, draw: Stream) -> None:
        """`day_of_year`: of minute 0, from 0; `days`: how far it reaches."""
        self._temps: list[float] = []
        self._ratios: list[float] = []
        keep = math.exp(-1 / _MEMORY_H)
        fresh = math.sqrt(1 - keep * keep)
        front, moist = draw.gauss(0, 1), draw.gauss(0, 1)
        for hour in range(days * 24 + 2):
            front = keep * front + fresh * draw.gauss(0, 1)
            moist = keep * moist + fresh * draw.gauss(0, 1)
            season = -math.cos(2 * math.pi * (day_of_year + hour / 24 - 20) / 365)
            daily = -math.cos(2 * math.pi * (hour - 3) / 24)
            mean = climate.mean_c + climate.season_c * season + climate.front_c * front
            temp = mean + climate.day_c * daily
            # Moisture moves with the air mass, and hardly with the hour of the day.
            dew = min(temp - 0.3, mean - climate.dew_gap_c + 0.8 * climate.front_c * moist)
            self._temps.append(temp)
            self._ratios.append(ratio_of(dew, 100.0))

    def at(self, minute: float) -> tuple[float, float]:
        """Temperature (°C) and mixing ratio."""
        place = clamp(minute / HOUR_MIN, len(self._temps) - 1.001)
        hour = int(place)
        part = place - hour
        return (
            self._temps[hour] * (1 - part) + self._temps[hour + 1] * part,
            self._ratios[hour] * (1 - part) + self._ratios[hour + 1] * part,
        )


def clamp(value: float, most: float) -> float:
    """Between 0 and `most`."""
    return min(most, max(0.0, value))


def wet_day(draw: Stream) -> float:
    """Share by which a day is wetter than its air mass: rain, cooking, a floor that was mopped."""
    return clipped(draw, 0.0, 0.05, -0.1, 0.25)
