"""Listening through bleak, begun anew whenever it ends, fails or falls silent."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from zaigang_agent.ble import faults
from zaigang_agent.ble.air import Sighting
from zaigang_agent.ble.presence import NO_RSSI
from zaigang_agent.ble.reception import Reception
from zaigang_agent.ble.supervision import Patience
from zaigang_shared.clock import Clock

if TYPE_CHECKING:
    from bleak import BleakScanner
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData

_ADDRESS_CHARS: Final = 17  # 12:34:56:78:9A:BC; macOS gives a UUID of its own making instead


class BleakScan:
    """Rounds of listening, each with a new scanner: an old one may be beyond help."""

    def __init__(
        self, reception: Reception, clock: Clock, adapter: str, patience: Patience
    ) -> None:
        self._reception = reception
        self._clock = clock
        self._adapter = adapter
        self._patience = patience

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            pause_s = await self._round()
            await asyncio.sleep(pause_s)

    async def _round(self) -> float:
        """From start to end; seconds until the next."""
        scanner: BleakScanner | None = None
        try:
            scanner = self._scanner()
            async with asyncio.timeout(self._patience.start_s):
                await scanner.start()
            self._reception.started()
            return await self._watch()
        except Exception as error:  # noqa: BLE001  # whatever it is, a radio is begun anew
            return self._reception.failed(self._problem(error))
        finally:
            if scanner is not None:
                with contextlib.suppress(Exception):  # BlueZ may be gone; the next one is new
                    async with asyncio.timeout(self._patience.stop_s):
                        await scanner.stop()

    async def _watch(self) -> float:
        while True:
            await asyncio.sleep(self._patience.check_s)
            self._reception.going_on()
            if self._reception.is_quiet():
                return self._reception.failed(faults.SILENT)
            if self._reception.is_old():
                self._reception.renewed()
                return 0

    def _scanner(self) -> BleakScanner:
        # Imported here: 4 MiB, and only where there is a radio.
        from bleak import BleakScanner

        if not self._adapter:
            return BleakScanner(self._on_advert)
        return BleakScanner(self._on_advert, bluez={"adapter": self._adapter})

    def _on_advert(self, device: BLEDevice, advert: AdvertisementData) -> None:
        # BlueZ tells also of what is no packet: of a strength that ran out, of a connection. What
        # has no strength was not heard.
        if advert.rssi == NO_RSSI:
            return
        sighting = Sighting(
            self._clock.boot_ms(),
            advert.rssi,
            advert.service_data,
            advert.manufacturer_data,
            address_bytes(device.address),
        )
        self._reception.hear(device.address, sighting)

    def _problem(self, error: Exception) -> str:
        if self._adapter and type(error).__name__ == "BleakError" and "not found" in str(error):
            return faults.no_such_adapter(self._adapter)
        return faults.explain(error)


def address_bytes(address: str) -> bytes:
    """Six bytes; none when it is no Bluetooth address."""
    if len(address) != _ADDRESS_CHARS:
        return b""
    try:
        return bytes.fromhex(address.replace(":", ""))
    except ValueError:
        return b""
