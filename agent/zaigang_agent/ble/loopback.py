"""Air inside one process: what one radio sends, others in the same place hear.

For the demo, the fleet simulator and tests. Time is the clock's: a radio that is asked after a
minute of simulated time hands over what it would have heard in that minute, with the frames that
were right for each moment, however coarse the steps are.

    air = LoopbackAir()
    node = air.radio("node-1", clock, lambda utc_ms: {"hq"})
    laptop = air.radio("laptop-1", clock, platform.places)   # ScriptedPlatform.places
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Sequence
from typing import Final

from zaigang_agent.ble.air import Broadcast, FrameAt, Heard, Listener, Sighting
from zaigang_shared import rid
from zaigang_shared.clock import Clock

# One in five seconds of a real beacon's twenty packets: enough for every slot of 15 s to be heard
# twice, few enough for a hundred laptops in one process.
_HEARD_EVERY_MS: Final = 5_000
# What an adapter and its system would have kept for somebody who did not ask.
_KEPT_MS: Final = 300_000
_RSSI_NEAR_DBM: Final = -52
_RSSI_SPREAD_DB: Final = 18

Places = Callable[[int], Collection[str] | None]
"""Where a device is at a UTC time in ms: none at all when it is off or out of range of everything,
None when it is in range of everything."""


class LoopbackAir:
    """All radios that could hear each other."""

    def __init__(self) -> None:
        self.radios: list[LoopbackRadio] = []

    def radio(self, name: str, clock: Clock, places: Places) -> LoopbackRadio:
        """One more radio. `name` decides nothing but its signal strengths."""
        radio = LoopbackRadio(self, name, clock, places)
        self.radios.append(radio)
        return radio


class LoopbackRadio:
    """`air.Radio` in a LoopbackAir."""

    def __init__(self, air: LoopbackAir, name: str, clock: Clock, places: Places) -> None:
        self.name = name
        self.places = places
        self._air = air
        self._clock = clock
        self._listener: Listener | None = None
        self._heard_until_ms = 0
        self._frame_at: FrameAt | None = None
        self._frames: dict[int, bytes] = {}
        self._sending_from_ms = 0
        self._told_until_ms = 0

    def start(self, listener: Listener) -> None:
        self._listener, self._heard_until_ms = listener, self._clock.utc_ms()

    def stop(self) -> None:
        self._listener = None
        self._frame_at = None

    def advertise(self, frame_at: FrameAt) -> None:
        if self._frame_at is None:
            self._sending_from_ms = self._told_until_ms = self._clock.utc_ms()
        self._frame_at = frame_at
        self._frames.clear()

    def heard(self) -> Heard:
        if self._listener is None:
            return Heard(0, 0, healthy=False, restarts=0, problem="the radio was not started")
        now_ms = self._clock.utc_ms()
        since_ms = max(self._heard_until_ms, now_ms - _KEPT_MS)
        self._heard_until_ms = now_ms
        boot_began_ms = now_ms - self._clock.boot_ms()
        adverts = 0
        senders: set[str] = set()
        first_ms = -(-since_ms // _HEARD_EVERY_MS) * _HEARD_EVERY_MS
        for utc_ms in range(first_ms, now_ms, _HEARD_EVERY_MS):
            here = self.places(utc_ms)
            for other in self._air.radios:
                data = other.on_air(utc_ms, here) if other is not self else None
                if data is not None:
                    rssi_dbm = self._rssi_dbm(other, utc_ms)
                    data_by_uuid = {rid.SERVICE_UUID: data}
                    self._listener.hear(Sighting(utc_ms - boot_began_ms, rssi_dbm, data_by_uuid))
                    adverts += 1
                    senders.add(other.name)
        return Heard(adverts, len(senders), healthy=True, restarts=0)

    def broadcast(self) -> Sequence[Broadcast] | None:
        if self._frame_at is None:
            return None
        since_ms, now_ms = self._told_until_ms, self._clock.utc_ms()
        self._told_until_ms = now_ms
        boot_began_ms = now_ms - self._clock.boot_ms()
        return [
            Broadcast(
                from_ms=max(0, since_ms - boot_began_ms),
                until_ms=now_ms - boot_began_ms,
                slot_first=rid.slot_at(since_ms),
                slot_last=rid.slot_at(now_ms),
                ok=True,
            )
        ]

    def on_air(self, utc_ms: int, places: Collection[str] | None) -> bytes | None:
        """The frame that this radio sends at a moment, for somebody in `places`."""
        if self._frame_at is None or utc_ms < self._sending_from_ms:
            return None
        if not _meet(self.places(utc_ms), places):
            return None
        slot = rid.slot_at(utc_ms)
        if slot not in self._frames:
            if len(self._frames) > _KEPT_MS // rid.SLOT_MS:
                self._frames.clear()
            self._frames[slot] = self._frame_at(utc_ms)
        return self._frames[slot]

    def _rssi_dbm(self, other: LoopbackRadio, utc_ms: int) -> int:
        noise = zlib.crc32(f"{self.name}/{other.name}/{utc_ms}".encode()) % _RSSI_SPREAD_DB
        return _RSSI_NEAR_DBM - noise


def _meet(mine: Collection[str] | None, theirs: Collection[str] | None) -> bool:
    if mine is None:
        return theirs is None or bool(theirs)
    return bool(mine) if theirs is None else not set(mine).isdisjoint(theirs)
