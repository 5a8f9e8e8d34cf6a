"""Files in the format of the UCI occupancy set, with made-up air. The set itself is not here."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence

HEADER = '"date","Temperature","Humidity","Light","CO2","HumidityRatio","Occupancy"'
BEGIN = dt.datetime(2015, 2, 4, 17, 51)  # noqa: DTZ001  # as in the set: no zone


def line(number: int, at: dt.datetime, temp: object = 23.18, rh: object = 27.272) -> str:
    return f'"{number}","{at:%Y-%m-%d %H:%M:%S}",{temp},{rh},426,721.25,0.00479298817650529,1'


def text(lines: Sequence[str], end: str = "\n") -> str:
    return end.join((HEADER, *lines, ""))


def a_room(hours: int, *, temp_c: float = 22.0, rh_pct: float = 30.0, phase: float = 0.0) -> str:
    """Air that goes up and down every 25 min, and the water in it every other day."""
    lines = []
    for minute in range(hours * 60):
        swing = math.sin(2 * math.pi * minute / 25 + phase)
        day = math.sin(2 * math.pi * minute / 2880 + phase)
        # The set's clock says :00 and :59 by turns.
        at = BEGIN + dt.timedelta(minutes=minute, seconds=-(minute % 2))
        lines.append(
            line(minute + 1, at, round(temp_c + 0.4 * swing, 3), round(rh_pct + 8 * day, 3))
        )
    return text(lines)
