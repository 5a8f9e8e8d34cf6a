"""Times of an interval as the site's wall clock tells them, over midnight and clock changes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from zaigang_collector.matching import words

_MINUTE_MS: Final = 60_000
# At most so many ticks: more stand too close to read at 700 px; fewer make the eye search.
_MOST_TICKS: Final = 12
_STEPS_MIN: Final = (1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720)


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on the axis."""

    at_ms: int
    label: str
    day: str
    """The date, at midnight; else empty."""


@dataclass(frozen=True, slots=True)
class Change:
    """The clocks are put forward or back."""

    at_ms: int
    label: str


@dataclass(frozen=True, slots=True)
class WallClock:
    """The wall clock of a site. An unknown zone is UTC, and says so."""

    zone: dt.tzinfo
    name: str

    @classmethod
    def of(cls, time_zone: str) -> WallClock:
        face = words.clockface(time_zone)
        return cls(face.zone, "UTC" if face.suffix else time_zone)

    def local(self, at_ms: int) -> dt.datetime:
        return dt.datetime.fromtimestamp(at_ms / 1000, self.zone)

    def time(self, at_ms: int) -> str:
        return f"{self.local(at_ms):%H:%M}"

    def moment(self, at_ms: int) -> str:
        """Date, time and offset, for tables."""
        return self.local(at_ms).isoformat(sep=" ", timespec="minutes")

    def span(self, from_ms: int, to_ms: int) -> str:
        """`2026-09-22 22:00 – 2026-09-23 06:00`; the date once where it is one."""
        first, last = self.local(from_ms), self.local(to_ms)
        end = f"{last:%H:%M}" if last.date() == first.date() else f"{last:%Y-%m-%d %H:%M}"
        return f"{first:%Y-%m-%d %H:%M} – {end}"

    def offset(self, at_ms: int) -> str:
        """`UTC+8`, `UTC-3:30`."""
        seconds = round((self.local(at_ms).utcoffset() or dt.timedelta()).total_seconds())
        if not seconds:
            return "UTC"
        hours, rest = divmod(abs(seconds) // 60, 60)
        sign = "-" if seconds < 0 else "+"
        return f"UTC{sign}{hours}" + (f":{rest:02d}" if rest else "")

    def zone_told(self, from_ms: int, to_ms: int) -> str:
        """The zone with its offset, or both offsets where the clocks are changed."""
        if self.name == "UTC":
            return "UTC"
        first, last = self.offset(from_ms), self.offset(to_ms)
        return f"{self.name}, " + (first if first == last else f"{first} → {last}")

    def ticks(self, from_ms: int, to_ms: int) -> list[Tick]:
        """Round times of the wall clock, at most a dozen; none is no error in a very short span."""
        minutes = found = list(self._minutes(from_ms, to_ms))
        for step in _STEPS_MIN:
            found = [one for one in minutes if (one[1].hour * 60 + one[1].minute) % step == 0]
            if len(found) <= _MOST_TICKS:
                break
        return [
            Tick(at_ms, f"{moment:%H:%M}", f"{moment:%m-%d}" if _is_midnight(moment) else "")
            for at_ms, moment in found
        ]

    def changes(self, from_ms: int, to_ms: int) -> list[Change]:
        """Where the offset changes inside the span."""
        found = []
        before = self.local(from_ms).utcoffset()
        for at_ms, moment in self._minutes(from_ms, to_ms):
            if moment.utcoffset() != before:
                label = f"{self.offset(at_ms - _MINUTE_MS)} → {self.offset(at_ms)}"
                found.append(Change(at_ms, label))
                before = moment.utcoffset()
        return found

    def _minutes(self, from_ms: int, to_ms: int) -> Iterator[tuple[int, dt.datetime]]:
        """Whole minutes of the wall clock. Some zones were off by seconds until 1972."""
        offset = self.local(from_ms).utcoffset() or dt.timedelta()
        offset_ms = round(offset.total_seconds()) * 1000
        first = from_ms + (-(from_ms + offset_ms)) % _MINUTE_MS
        for at_ms in range(first, to_ms + 1, _MINUTE_MS):
            yield at_ms, self.local(at_ms)


def _is_midnight(moment: dt.datetime) -> bool:
    return moment.hour == 0 and moment.minute == 0
