"""Whether what a sensor says can be air: pure, told the time.

What is refused is told as a failed sensor. Nothing is smoothed, filled in or corrected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from zaigang_agent.drivers.bus import Climate, SensorError

# A live sensor's lowest bits never rest: the noise of one measurement is a dozen steps. Ten equal
# pairs of words are a dead converter. Three would happen by chance about once a week in still air;
# thirty would believe a dead sensor for half an hour.
_STUCK_AFTER: Final = 10

# Air of a room does not change by so much between two looks. Estimated and not measured: a window opened
# in winter gives 5 to 8 degrees in a minute at the sensor, a breath 30 % of humidity for seconds. Larger
# lets through what a disturbed line made of a value (one in 256 has a right checksum, and a BME280 has
# none); smaller calls an open window a failure.
_JUMP_C: Final = 12.0
_JUMP_RH_PCT: Final = 45.0
# A lift of 40 floors makes 15 hPa (0.12 hPa a metre). Larger lets more damaged values through.
_JUMP_HPA: Final = 25.0
# Looks further apart than this are not compared: in a quarter of an hour a room can become another.
_COMPARED_MS: Final = 15 * 60_000


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was measured, and when."""

    boot_ms: int
    climate: Climate


class Plausible:
    """Follows one sensor."""

    def __init__(self) -> None:
        self._last_raw = b""
        self._same = 0
        self._believed: _Seen | None = None
        self._doubted: _Seen | None = None

    def check(self, climate: Climate, boot_ms: int) -> None:
        """Raises SensorError with what to do when this cannot be.

        A jump is doubted once: what is there again at the next look is believed, because the sensor
        was carried to another place, and a node that never came back would be worse.
        """
        self._refuse_stuck(climate.raw)
        seen, doubted = _Seen(boot_ms, climate), self._doubted
        jump = _jump(self._believed, seen)
        if jump is not None and (doubted is None or _jump(doubted, seen) is not None):
            self._doubted = seen
            raise SensorError(
                f"{jump} between two looks, which no air does: believed if it is so again; if this "
                "comes back, look at wiring and supply"
            )
        self._believed, self._doubted = seen, None

    def _refuse_stuck(self, raw: bytes) -> None:
        self._same = self._same + 1 if raw == self._last_raw else 0
        self._last_raw = raw
        if self._same >= _STUCK_AFTER:
            raise SensorError(
                f"the same words {self._same + 1} times ({raw.hex()}): "
                "the sensor is stuck; cut its power, or replace it"
            )


def _jump(before: _Seen | None, after: _Seen) -> str | None:
    """The change that no air makes, in words; None when there is none."""
    if before is None or after.boot_ms - before.boot_ms > _COMPARED_MS:
        return None
    was, is_now = before.climate, after.climate
    changes = [
        (was.temp_c, is_now.temp_c, _JUMP_C, "degrees"),
        (was.rh_pct, is_now.rh_pct, _JUMP_RH_PCT, "% of humidity"),
    ]
    if was.pressure_hpa is not None and is_now.pressure_hpa is not None:
        changes.append((was.pressure_hpa, is_now.pressure_hpa, _JUMP_HPA, "hPa"))
    for old, new, limit, unit in changes:
        if abs(new - old) > limit:
            return f"from {old:.1f} to {new:.1f} {unit}"
    return None
