"""What this node broadcast: its own beacon, nothing of anybody else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from zaigang_agent.ble.adverts import rid_frame
from zaigang_agent.ble.air import Radio
from zaigang_agent.platforms.base import Platform
from zaigang_agent.samplers.base import Now
from zaigang_shared.clock import Clock
from zaigang_shared.device_config import DeviceConfig
from zaigang_shared.readings import Advert

_RESTARTED_MS: Final = 120_000  # wire format: "restarted less than two minutes ago"


class AdvertSampler:
    """For nodes: starts the broadcast at the first look, then says every `beacon_s` what went out."""

    name = "adverts"
    personal = False

    def __init__(self, radio: Radio, platform: Platform, clock: Clock, rid_key: bytes) -> None:
        self._radio = radio
        self._platform = platform
        self._clock = clock
        self._rid_key = rid_key
        self._sending = False

    def interval_s(self, config: DeviceConfig) -> int:
        return config.beacon_s

    def sample(self, now: Now) -> Sequence[Advert]:
        if not self._sending:
            self._radio.advertise(self._frame_at)
            self._sending = True
            return []
        sent = self._radio.broadcast()
        if sent is None:  # the radio was stopped meanwhile
            self._radio.advertise(self._frame_at)
            return []
        return [
            Advert(
                t_ms=now.boot_ms,
                span_ms=now.span_ms,
                slot_first=sent.slot_first,
                slot_last=sent.slot_last,
                ok=sent.ok,
            )
        ]

    def _frame_at(self, utc_ms: int) -> bytes:
        return rid_frame(
            self._rid_key,
            utc_ms,
            clock_synced=self._platform.clock_synced(),
            restarted=self._clock.boot_ms() < _RESTARTED_MS,
        )
