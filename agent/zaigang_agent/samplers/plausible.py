"""Whether what a sensor says can be air: pure, told the time.

What is refused is told as a failed sensor. Nothing is smoothed, filled in or corrected.
"""

from __future__ import annotations

from typing import Final

from zaigang_agent.drivers.bus import Climate, SensorError

# A live sensor's lowest bits never rest: the noise of one measurement is a dozen steps. Ten equal
# pairs of words are a dead converter. Three would happen by chance about once a week in still air;
# thirty would believe a dead sensor for half an hour.
_STUCK_AFTER: Final = 10

# Air of a room does not change by so much between two looks: a window opened in winter gives 5 to 8
# degrees in a minute at the sensor, a breath 30 % of humidity for seconds. Larger lets through what a
# disturbed line made of a value (one in 256 has a right checksum, and a BME280 has none); smaller
# calls an open window a failure.
_JUMP_C: Final = 12.0
_JUMP_RH_PCT: Final = 45.0
# A lift of 40 floors makes 15 hPa, a weather front 3 in an hour.
_JUMP_HPA: Final = 25.0
# Looks further apart than this are not compared: in a quarter of an hour a room can become another.
_COMPARED_MS: Final = 15 * 60_000


class Plausible:
    """Follows one sensor."""

    def __init__(self) -> None:
        self._last_raw = b""
        self._same = 0
        self._last: tuple[int, Climate] | None = None

    def check(self, climate: Climate, boot_ms: int) -> None:
        """Raises SensorError with what to do when this cannot be.

        A jump is refused once: what is there again at the next look is believed, because the sensor
        was carried to another place, and a node that never came back would be worse.
        """
        before, self._last = self._last, (boot_ms, climate)
        self._refuse_stuck(climate.raw)
        if before is not None and boot_ms - before[0] <= _COMPARED_MS:
            _refuse_jump(before[1], climate)

    def _refuse_stuck(self, raw: bytes) -> None:
        self._same = self._same + 1 if raw == self._last_raw else 0
        self._last_raw = raw
        if self._same >= _STUCK_AFTER:
            raise SensorError(
                f"the same words {self._same + 1} times ({raw.hex()}): "
                "the sensor is stuck; cut its power, or replace it"
            )


def _refuse_jump(before: Climate, after: Climate) -> None:
    jumps = [
        (before.temp_c, after.temp_c, _JUMP_C, "degrees"),
        (before.rh_pct, after.rh_pct, _JUMP_RH_PCT, "% of humidity"),
    ]
    if before.pressure_hpa is not None and after.pressure_hpa is not None:
        jumps.append((before.pressure_hpa, after.pressure_hpa, _JUMP_HPA, "hPa"))
    for was, is_now, limit, unit in jumps:
        if abs(is_now - was) > limit:
            raise SensorError(
                f"from {was:.1f} to {is_now:.1f} {unit} between two looks, which no air does: "
                "believed if it is so again; if this comes back, look at wiring and supply"
            )
