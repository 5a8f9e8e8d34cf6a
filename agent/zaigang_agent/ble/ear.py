"""What one device listens for, and nothing else: other people's devices are dropped here.

Kept are the company's own beacons (`rid`), identifiers that the signed configuration names, and
thermometers that it names by their address. All else leaves this module without a trace.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from zaigang_agent.ble import bthome, presence, thermometers
from zaigang_agent.ble.adverts import Identity, identities
from zaigang_agent.ble.air import Sighting
from zaigang_agent.ble.presence import Beaconing, Presence
from zaigang_agent.ble.thermometers import Measured
from zaigang_shared import rid
from zaigang_shared.device_config import Carried, DeviceConfig, Kept
from zaigang_shared.readings import Beacon, Environment

# How many slots around now are known as our own. Fewer than the five minutes that a sighting can be
# old, and an echo of ours would be told as somebody's; more would cost HMACs for nothing (2 µs each).
_OWN_SLOTS: Final = 20


class Ear:
    """`air.Listener` of one device under one configuration. Any thread may call it."""

    def __init__(
        self, config: DeviceConfig, utc_ms: Callable[[], int], *, on_laptop: bool = True
    ) -> None:
        """`on_laptop`: colleagues' laptops are nobody's business here; a node witnesses them."""
        self._on_laptop = on_laptop
        self._most = presence.MOST_ON_LAPTOP if on_laptop else presence.MOST_ON_NODE
        self._kept = config.kept
        self._own = _OwnIds(config.rid_key, utc_ms)
        self._sensors = [_Sensor(carried) for carried in config.carried]
        self._presence = Presence()
        self._lock = threading.Lock()
        self.needles: Sequence[bytes] | None = (
            rid.SERVICE_UUID.encode(),
            *(kept.prefix for kept in config.kept),
            *(carried.address.hex("_").upper().encode() for carried in config.carried),
        )

    def hear(self, sighting: Sighting) -> None:
        """Keep what is ours."""
        with self._lock:
            for identity in identities(sighting):
                what = self._ours(identity)
                if what is not None:
                    self._presence.add(what, sighting.t_ms, sighting.rssi_dbm)
            for sensor in self._sensors:
                sensor.hear(sighting)

    def forget(self) -> None:
        """Whatever was not told yet is dropped."""
        with self._lock:
            self._presence.clear()
            for sensor in self._sensors:
                sensor.forget()

    def take(self, from_ms: int, to_ms: int, apart_ms: int) -> list[Beacon | Environment]:
        """The readings of a period (CLOCK_BOOTTIME); a thermometer speaks every `apart_ms` at most."""
        with self._lock:
            beacons = self._presence.take(from_ms, to_ms, self._most)
            climate = [sensor.take(from_ms, to_ms, apart_ms) for sensor in self._sensors]
        return [*beacons, *(reading for reading in climate if reading is not None)]

    def _ours(self, identity: Identity) -> Beaconing | None:
        if identity.format == "rid":
            if identity.by_laptop and self._on_laptop:
                return None
            return None if self._own.has(identity.id) else Beaconing("rid", identity.id)
        return next(
            (_named(kept, identity.id) for kept in self._kept if _names(kept, identity)), None
        )


class _OwnIds:
    """The identifiers that this device itself sends about now: hearing oneself proves nothing."""

    def __init__(self, key: bytes | None, utc_ms: Callable[[], int]) -> None:
        self._key = key
        self._utc_ms = utc_ms
        self._slot = -1
        self._ids: dict[int, bytes] = {}
        """By slot."""

    def has(self, code: bytes) -> bool:
        if self._key is None:
            return False
        slot = rid.slot_at(self._utc_ms())
        if slot != self._slot:
            # One goes and one comes, unless the clock was set.
            around = range(max(0, slot - _OWN_SLOTS), slot + _OWN_SLOTS + 1)
            known, self._slot = self._ids, slot
            self._ids = {each: known.get(each) or rid.rid(self._key, each) for each in around}
        return code in self._ids.values()


def _names(kept: Kept, identity: Identity) -> bool:
    return kept.format == identity.format and identity.id.startswith(kept.prefix)


def _named(kept: Kept, code: bytes) -> Beaconing:
    return Beaconing("badge" if kept.badge else kept.format, code)


@dataclass(slots=True)
class _Sensor:
    """One thermometer, and the newest that it said."""

    carried: Carried
    _payload: bytes = b""
    _counter: int = -1
    _new: tuple[int, Measured] | None = None
    _told_ms: int | None = None

    def hear(self, sighting: Sighting) -> None:
        if sighting.address and sighting.address != self.carried.address:
            return
        payload = _payload(self.carried, sighting)
        # Systems repeat the last payload with every change of strength: that is no measurement.
        if payload is None or payload == self._payload:
            return
        found = self._read(payload, sighting.address)
        if found is not None:
            self._payload = payload
            self._new = sighting.t_ms, found

    def forget(self) -> None:
        self._new = None

    def take(self, from_ms: int, to_ms: int, apart_ms: int) -> Environment | None:
        if self._new is None or self._new[0] > to_ms:
            return None
        if self._told_ms is not None and to_ms - self._told_ms < apart_ms:
            return None
        (t_ms, air), self._new = self._new, None
        if t_ms < from_ms:
            return None
        self._told_ms = to_ms
        return Environment(
            t_ms=t_ms,
            span_ms=0,
            sensor=self.carried.sensor,
            model=self.carried.format,
            temp_c=round(air.temp_c, 2),
            rh_pct=round(air.rh_pct, 2),
            via="ble",
            pressure_hpa=None if air.pressure_hpa is None else round(air.pressure_hpa, 2),
            co2_ppm=air.co2_ppm,
        )

    def _read(self, payload: bytes, address: bytes) -> Measured | None:
        if self.carried.format == "bthome":
            # The frame does not say whose it is: without an address it could be anybody's.
            return self._bthome(payload) if address else None
        read = thermometers.ruuvi if self.carried.format == "ruuvi" else thermometers.atc
        found = read(payload)
        return found if found is not None and found.address == self.carried.address else None

    def _bthome(self, payload: bytes) -> Measured | None:
        if self.carried.key is None:
            return bthome.plain(payload)
        opened = bthome.encrypted(payload, self.carried.key, self.carried.address)
        if opened is None or opened[0] <= self._counter:  # plain text, or recorded and sent again
            return None
        self._counter = opened[0]
        return opened[1]


def _payload(carried: Carried, sighting: Sighting) -> bytes | None:
    if carried.format == "ruuvi":
        return sighting.manufacturer_data.get(thermometers.RUUVI_COMPANY)
    uuid = bthome.SERVICE_UUID if carried.format == "bthome" else thermometers.ATC_UUID
    return sighting.service_data.get(uuid)
