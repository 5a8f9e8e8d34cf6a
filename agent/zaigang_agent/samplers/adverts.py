"""What this device broadcast: its own beacon, nothing of anybody else."""

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
    """Starts the broadcast at the first look, then says every `beacon_s` what went out: one reading
    for each stretch in which all slots fared alike."""

    name = "adverts"

    def __init__(
        self,
        radio: Radio,
        platform: Platform,
        clock: Clock,
        rid_key: bytes,
        *,
        personal: bool = False,
    ) -> None:
        """`personal`: this is a laptop, which is to be heard in working hours only."""
        self.personal = personal
        self.trouble: str | None = None
        self._radio = radio
        self._platform = platform
        self._clock = clock
        self._rid_key = rid_key

    def interval_s(self, config: DeviceConfig) -> int:
        return config.beacon_s

    def sample(self, now: Now) -> Sequence[Advert]:
        del now  # the radio tells when each stretch was
        sent = self._radio.broadcast()
        if sent is None:  # the first look, or the radio was stopped meanwhile
            self._radio.advertise(self._frame_at)
            return []
        self.trouble = sent[-1].problem if sent else self.trouble
        return [
            Advert(
                t_ms=stretch.until_ms,
                span_ms=stretch.until_ms - stretch.from_ms,
                slot_first=stretch.slot_first,
                slot_last=stretch.slot_last,
                ok=stretch.ok,
            )
            for stretch in sent
        ]

    def rest(self) -> None:
        self._radio.stop()
        self.trouble = None

    def _frame_at(self, utc_ms: int) -> bytes:
        return rid_frame(
            self._rid_key,
            utc_ms,
            clock_synced=self._platform.clock_synced(),
            restarted=self._clock.boot_ms() < _RESTARTED_MS,
            laptop=self.personal,
        )
