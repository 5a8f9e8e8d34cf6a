"""Which of the company's beacons and thermometers were heard, and how the radio was.

Keeps what `ble.ear` knows as ours; everything else is counted and dropped on the spot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from zaigang_agent.ble import presence
from zaigang_agent.ble.air import Radio
from zaigang_agent.ble.ear import Ear
from zaigang_agent.samplers.base import Now
from zaigang_shared.clock import Clock
from zaigang_shared.device_config import DeviceConfig
from zaigang_shared.readings import Beacon, Environment, Scan

# What was heard longer ago was heard while something stood still. Fewer periods would lose sightings
# on a busy machine; more would tell of times that no reading else covers.
_MAX_PERIODS: Final = 5
# Looks are not exactly apart; a thermometer must not miss its turn for the lack of a few of them.
_SLACK_MS: Final = 1_000
# The clocks behind it drift by parts per million; a sleep takes longer than this.
_MIN_SUSPEND_MS: Final = 2_000


class BeaconSampler:
    """Starts to listen at the first look, then beacons, climate and scan health every `beacon_s`."""

    name = "beacons"

    def __init__(
        self,
        radio: Radio,
        config: DeviceConfig,
        clock: Clock,
        *,
        personal: bool = True,
        suspended_ms: Callable[[], int] = lambda: 0,
    ) -> None:
        """`personal`: this is a laptop. A node hears the room, whoever is in it. `suspended_ms`: how
        long this boot has been asleep so far."""
        self.personal = personal
        self.trouble: str | None = None
        self._radio = radio
        self._suspended_ms = suspended_ms
        self._slept_ms = 0
        self._ear = Ear(config, clock.utc_ms, on_laptop=personal)
        self._max_span_ms = _MAX_PERIODS * config.beacon_s * 1000
        self._climate_apart_ms = config.environment_s * 1000 - _SLACK_MS

    def interval_s(self, config: DeviceConfig) -> int:
        return config.beacon_s

    def sample(self, now: Now) -> Sequence[Beacon | Environment | Scan]:
        slept = self._slept()
        if now.span_ms == 0:
            self._radio.start(self._ear)
            self._ear.forget()  # from before: not ours to tell
            return []
        heard = self._radio.heard()
        self.trouble = None if heard.healthy else heard.problem
        if slept:  # nobody listened for a part of this; a healthy scan would call that silence
            heard = replace(heard, healthy=False)
        span_ms = min(now.span_ms, self._max_span_ms)
        from_ms = now.boot_ms - span_ms
        readings = self._ear.take(from_ms, now.boot_ms, self._climate_apart_ms)
        return [*readings, presence.scan(heard, from_ms, now.boot_ms)]

    def _slept(self) -> bool:
        before_ms, self._slept_ms = self._slept_ms, self._suspended_ms()
        return self._slept_ms - before_ms >= _MIN_SUSPEND_MS

    def rest(self) -> None:
        self._radio.stop()
        self._ear.forget()
        self.trouble = None
