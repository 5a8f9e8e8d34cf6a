"""Files of the UCI Occupancy Detection set (Candanedo and Feldheim, Energy and Buildings 112, 2016).

    "date","Temperature","Humidity","Light","CO2","HumidityRatio","Occupancy"
    "1","2015-02-04 17:51:00",23.18,27.272,426,721.25,0.00479298817650529,1

A minute a line, °C and % of relative humidity, wall clock without a zone. Lines have one field more
than the header: their number, which nobody needs. Files whose header names that field too, or whose
lines leave it out, are read as well. All problems are told at once.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from zaigang_collector.directory.csv_reader import MAX_PROBLEMS, CsvLines, decode, shorten
from zaigang_collector.errors import CsvError, LineProblem

_COLUMNS: Final = ("date", "Temperature", "Humidity")
_A_TIME: Final = "a time as 2015-02-04 17:51:00"
_A_TIME_FORM: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
_A_NUMBER: Final = re.compile(r"[+-]?\d{1,6}(\.\d{1,20})?([eE][+-]?\d{1,2})?", re.ASCII)
# Rooms. Wider lets °F (a room has 70) and a broken sensor's rail pass for air; narrower refuses a
# cold store or a greenhouse, which somebody may want to try.
_TEMP_C: Final = (-30.0, 60.0)
# No room is drier than 1 %; 0 is what a broken humidity sensor says.
_RH_PCT: Final = (1.0, 100.0)
_EPOCH: Final = dt.datetime(1970, 1, 1)  # noqa: DTZ001  # the file has no zone; only differences count


@dataclass(frozen=True, slots=True)
class AirSample:
    """One line."""

    at_ms: int
    """The wall clock as if it were UTC."""
    temp_c: float
    rh_pct: float


_Cells: TypeAlias = Sequence[str]


def read(data: bytes) -> tuple[AirSample, ...]:
    """All lines in order of time; at least one. Raises CsvError with every problem."""
    text = decode(data).removeprefix("\ufeff")
    problems: list[LineProblem] = []
    samples: list[AirSample] = []
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        places, width = _header(lines)
        for cells in lines:
            if not any(cell.strip() for cell in cells):
                continue
            found = _sample(cells, lines.line_num, places, width, problems)
            if found is not None:
                _append(samples, found, lines.line_num, problems)
            if len(problems) >= MAX_PROBLEMS:
                break
    except csv.Error as error:
        problems.append(LineProblem(lines.line_num, "", f"quotes that are closed ({error})"))
    if not samples and not problems:
        problems.append(LineProblem(lines.line_num + 1, "", "at least one line of measurements"))
    if problems:
        raise CsvError(problems)
    return tuple(samples)


def _header(lines: CsvLines) -> tuple[dict[str, int], int]:
    """Where each column stands, and how many the header names."""
    names = next((cells for cells in lines if any(cell.strip() for cell in cells)), [])
    places = {name.strip(): place for place, name in enumerate(names)}
    missing = [name for name in _COLUMNS if name not in places]
    if missing:
        wanted = ", ".join(missing)
        found = shorten(",".join(names))
        raise CsvError([LineProblem(max(1, lines.line_num), "", f"a header with {wanted}", found)])
    return places, len(names)


def _sample(
    cells: _Cells, line: int, places: dict[str, int], width: int, problems: list[LineProblem]
) -> AirSample | None:
    numbered = len(cells) - width
    if numbered not in (0, 1):
        expected = f"{width} fields, or {width + 1} with the line's number first"
        problems.append(LineProblem(line, "", expected, f"{len(cells)} fields"))
        return None
    date, temp, rh = (cells[places[name] + numbered].strip() for name in _COLUMNS)
    at_ms, temp_c, rh_pct = _time_ms(date), _number(temp, _TEMP_C), _number(rh, _RH_PCT)
    for name, value, text, expected in (
        ("date", at_ms, date, _A_TIME),
        ("Temperature", temp_c, temp, f"°C from {_TEMP_C[0]:g} to {_TEMP_C[1]:g}"),
        ("Humidity", rh_pct, rh, f"% from {_RH_PCT[0]:g} to {_RH_PCT[1]:g}"),
    ):
        if value is None:
            problems.append(LineProblem(line, name, expected, shorten(text)))
    if at_ms is None or temp_c is None or rh_pct is None:
        return None
    return AirSample(at_ms, temp_c, rh_pct)


def _append(
    samples: list[AirSample], found: AirSample, line: int, problems: list[LineProblem]
) -> None:
    if samples and found.at_ms <= samples[-1].at_ms:
        problems.append(LineProblem(line, "date", "a later time than that of the line before"))
    else:
        samples.append(found)


def _time_ms(text: str) -> int | None:
    if not _A_TIME_FORM.fullmatch(text):
        return None
    try:
        at = dt.datetime.strptime(text, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007  # as above
    except ValueError:
        return None
    since_ms = (at - _EPOCH) // dt.timedelta(milliseconds=1)
    return since_ms if since_ms >= 0 else None


def _number(text: str, bounds: tuple[float, float]) -> float | None:
    if not _A_NUMBER.fullmatch(text):  # also refuses NaN, infinity and 1_000
        return None
    value = float(text)
    return value if math.isfinite(value) and bounds[0] <= value <= bounds[1] else None
