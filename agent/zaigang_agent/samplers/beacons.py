"""Which of the company's beacons were heard, and how the radio was.

Keeps only advertisements of our own service; everything else is counted and dropped on the spot.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from zaigang_agent.ble import presence
from zaigang_agent.ble.air import Radio
from zaigang_agent.samplers.base import Now
from zaigang_shared.device_config import DeviceConfig
from zaigang_shared.readings import Beacon, Scan

# What was heard longer ago was heard while something stood still. Fewer periods would lose sightings
# on a busy machine; more would tell of times that no reading else covers.
_MAX_PERIODS: Final = 5


class BeaconSampler:
    """For laptops: starts to listen at the first look, then beacons and scan health every `beacon_s`."""

    name = "beacons"
    personal = True

    def __init__(self, radio: Radio, *, beacon_s: int) -> None:
        self._radio = radio
        self._max_span_ms = _MAX_PERIODS * beacon_s * 1000

    def interval_s(self, config: DeviceConfig) -> int:
        return config.beacon_s

    def sample(self, now: Now) -> Sequence[Beacon | Scan]:
        if now.span_ms == 0:
            self._radio.start()
            self._radio.heard()  # from before: not ours to tell
            return []
        heard = self._radio.heard()
        span_ms = min(now.span_ms, self._max_span_ms)
        from_ms = now.boot_ms - span_ms
        beacons = presence.aggregate(heard.sightings, from_ms, now.boot_ms)
        return [*beacons, presence.scan(heard, from_ms, now.boot_ms)]
