"""The embedded broker in an event loop of its own, for tests that are not asynchronous."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterator
from typing import Any

from tests.factories.devices import ed25519_key
from tests.fakes.pki import Pki
from zaigang_collector.devices.model import DeviceKey, DeviceStatus
from zaigang_collector.ingest.broker import BrokerFiles, EmbeddedBroker
from zaigang_shared.clock import SystemClock


class Embedded:
    """A broker whose register of devices is the dictionary `statuses`; each device is enrolled with
    the key that is named after it, unless `keys` says otherwise."""

    def __init__(self, pki: Pki) -> None:
        self.statuses: dict[str, DeviceStatus] = {}
        self.keys: dict[str, bytes] = {}
        self.two_hosts: list[str] = []
        self.port = 0
        self._pki = pki
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.broker = self._make()

    def start(self) -> None:
        """Returns when it accepts connections; the port stays the same from then on."""
        if not self._thread.is_alive():
            self._thread.start()
        self.port = self._run(self.broker.start("127.0.0.1", self.port))

    def stop(self) -> None:
        """It forgets everything, as it does when its process ends."""
        self._run(self.broker.stop())
        self.broker = self._make()

    kill = stop

    def close(self) -> None:
        """End the event loop."""
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _make(self) -> EmbeddedBroker:
        files = BrokerFiles(
            str(self._pki.server_certificate), str(self._pki.server_key), str(self._pki.ca_file)
        )
        return EmbeddedBroker(files, self._known, SystemClock(), self.two_hosts.append)

    def _known(self, device_id: str) -> DeviceKey | None:
        status = self.statuses.get(device_id)
        key = self.keys.get(device_id) or ed25519_key(device_id).public_key().public_bytes_raw()
        return None if status is None else DeviceKey(status, None, key)

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)


@contextlib.contextmanager
def running(pki: Pki) -> Iterator[Embedded]:
    """An embedded broker for the length of a test."""
    broker = Embedded(pki)
    broker.start()
    try:
        yield broker
    finally:
        broker.close()
