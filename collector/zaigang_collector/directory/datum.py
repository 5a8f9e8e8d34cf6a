"""Chinese maps are shifted: GCJ-02 and BD-09 to WGS-84. Pure; degrees.

GCJ-02 (AMap, DingTalk, WeCom) lies 265 to 694 m away from WGS-84 inside mainland China, BD-09
(Baidu) further still, so that a fence of 200 m fails every time where datums are mixed.
"""

from __future__ import annotations

import enum
import math
from typing import Final

# Krasovsky 1940, on which the public formula computes.
_A_M: Final = 6_378_245.0
_E2: Final = 0.00669342162296594323
_BD_PI: Final = math.pi * 3000.0 / 180.0
_BD_EAST: Final = 0.0065
_BD_NORTH: Final = 0.006
# Four rounds reach 1 µm. One round, the usual "inverse", is off by up to 2.4 m.
_ROUNDS: Final = 6


class Datum(enum.StrEnum):
    """In which system a coordinate is given. Without one a coordinate is refused."""

    WGS84 = "WGS-84"
    GCJ02 = "GCJ-02"
    BD09 = "BD-09"


def parse(text: str) -> Datum:
    """The datum in the ways people write it (WGS-84, gcj02, BD 09). Raises ValueError."""
    word = "".join(char for char in text.upper() if char.isalnum())
    for datum in Datum:
        if datum.value.replace("-", "") == word:
            return datum
    raise ValueError("WGS-84, GCJ-02 or BD-09")


def to_wgs84(latitude: float, longitude: float, datum: Datum) -> tuple[float, float]:
    """(latitude, longitude) in WGS-84. Raises ValueError when not on the globe."""
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):  # also refuses NaN
        raise ValueError(
            "a latitude of -90 to 90 and a longitude of -180 to 180 degrees, in this order"
        )
    if datum is Datum.WGS84:
        return latitude, longitude
    if datum is Datum.BD09:
        latitude, longitude = _bd_to_gcj(latitude, longitude)
    return _gcj_to_wgs(latitude, longitude)


def from_wgs84(latitude: float, longitude: float, datum: Datum) -> tuple[float, float]:
    """The other way, as a Chinese map would show it."""
    if datum is Datum.WGS84:
        return latitude, longitude
    latitude, longitude = _wgs_to_gcj(latitude, longitude)
    return (latitude, longitude) if datum is Datum.GCJ02 else _gcj_to_bd(latitude, longitude)


def _outside_china(latitude: float, longitude: float) -> bool:
    """The rectangle in which the public formula shifts; outside of it GCJ-02 is WGS-84."""
    return not (72.004 <= longitude <= 137.8347 and 0.8293 <= latitude <= 55.8271)


def _wgs_to_gcj(latitude: float, longitude: float) -> tuple[float, float]:
    if _outside_china(latitude, longitude):
        return latitude, longitude
    north, east = _shift(latitude, longitude)
    return latitude + north, longitude + east


def _gcj_to_wgs(latitude: float, longitude: float) -> tuple[float, float]:
    """Fixed-point iteration: the shift changes slowly, so each round gains three digits."""
    if _outside_china(latitude, longitude):
        return latitude, longitude
    guess_latitude, guess_longitude = latitude, longitude
    for _ in range(_ROUNDS):
        north, east = _shift(guess_latitude, guess_longitude)
        guess_latitude, guess_longitude = latitude - north, longitude - east
    return guess_latitude, guess_longitude


def _shift(latitude: float, longitude: float) -> tuple[float, float]:
    """How far GCJ-02 lies to the north and east of a WGS-84 point, degrees."""
    x, y = longitude - 105.0, latitude - 35.0
    root = math.sqrt(abs(x))
    waves = 20.0 * math.sin(6.0 * x * math.pi) + 20.0 * math.sin(2.0 * x * math.pi)
    north_m = (
        -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
        + (
            waves
            + 20.0 * math.sin(y * math.pi) + 40.0 * math.sin(y / 3.0 * math.pi)
            + 160.0 * math.sin(y / 12.0 * math.pi) + 320.0 * math.sin(y * math.pi / 30.0)
        ) * 2.0 / 3.0
    )  # fmt: skip
    east_m = (
        300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
        + (
            waves
            + 20.0 * math.sin(x * math.pi) + 40.0 * math.sin(x / 3.0 * math.pi)
            + 150.0 * math.sin(x / 12.0 * math.pi) + 300.0 * math.sin(x / 30.0 * math.pi)
        ) * 2.0 / 3.0
    )  # fmt: skip
    radians = math.radians(latitude)
    flattening = 1 - _E2 * math.sin(radians) ** 2
    meridian_m = _A_M * (1 - _E2) / (flattening * math.sqrt(flattening))
    parallel_m = _A_M / math.sqrt(flattening) * math.cos(radians)
    return math.degrees(north_m / meridian_m), math.degrees(east_m / parallel_m)


def _gcj_to_bd(latitude: float, longitude: float) -> tuple[float, float]:
    radius = math.hypot(longitude, latitude) + 0.00002 * math.sin(latitude * _BD_PI)
    angle = math.atan2(latitude, longitude) + 0.000003 * math.cos(longitude * _BD_PI)
    return radius * math.sin(angle) + _BD_NORTH, radius * math.cos(angle) + _BD_EAST


def _bd_to_gcj(latitude: float, longitude: float) -> tuple[float, float]:
    guess_latitude, guess_longitude = latitude - _BD_NORTH, longitude - _BD_EAST
    for _ in range(_ROUNDS):
        there = _gcj_to_bd(guess_latitude, guess_longitude)
        guess_latitude += latitude - there[0]
        guess_longitude += longitude - there[1]
    return guess_latitude, guess_longitude
