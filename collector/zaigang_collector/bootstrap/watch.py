"""Keeps devices up with the directory: tells those that are online what changed for them, and cuts
the connections of those that are listened to no longer.

A configuration goes out when the directory or the register changed, and when a device comes online
with an older one; once per device and version, as long as nothing says that it was lost. What it
knows of devices is in memory only, and shares its fate with the connections that it is about.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from sqlalchemy.exc import SQLAlchemyError

from zaigang_collector.bootstrap.crl import CrlFile
from zaigang_collector.bootstrap.data import Opened
from zaigang_collector.devices import configuration
from zaigang_collector.devices import service as devices
from zaigang_collector.devices.model import DeviceStatus
from zaigang_collector.directory import service as directory

_LOG: Final = logging.getLogger(__name__)

# Other processes (the command line) change the directory: two short questions. Larger lets a stolen
# laptop stay connected for longer; smaller asks for nothing.
EVERY_S: Final = 2.0
# Everybody online is compared, whatever was noticed: PostgreSQL may show an older change after a
# newer one. Larger lets such a one wait; smaller compares a fleet for nothing.
FULL_EVERY_MS: Final = 300_000
# Enrolment brings the first configuration, so nothing is older than this.
_FIRST_VERSION: Final = 1
# What was sent so shortly before a connection ended may not have come through. Larger sends some
# twice; smaller than the broker's patience with a silent client loses one.
_UNSURE_MS: Final = 120_000
# Signed in one transaction. Larger keeps ingest waiting; smaller commits more often.
_AT_ONCE: Final = 100


class Line(Protocol):
    """`Subscriber`, or a test's."""

    def send_down(self, device_id: str, data: bytes) -> bool: ...


class Door(Protocol):
    """`EmbeddedBroker`, or a test's."""

    @property
    def connected(self) -> Collection[str]: ...

    def disconnect(self, device_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class _Told:
    version: int
    at_ms: int


class Watch:
    """One pass every `EVERY_S`, in a thread of its own, until stopped."""

    def __init__(self, collector: Opened, door: Door | None) -> None:
        """`door`: None where the broker is another program, which lets nobody be cut off."""
        self._collector = collector
        self._door = door
        self._crl = CrlFile(collector)
        self._heard: queue.SimpleQueue[tuple[str, bool] | None] = queue.SimpleQueue()
        self._online: set[str] = set()
        self._due: set[str] = set()
        self._told: dict[str, _Told] = {}
        self._directory_event = self._device_event = -1
        self._look_twice = False
        self._full_due_ms = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def heard(self, device_id: str, online: bool) -> None:
        """A device said, or the broker for it, that it came or went. From any thread."""
        self._heard.put((device_id, online))

    def connected(self) -> None:
        """The collector has a new connection to the broker, and has heard nothing on it yet."""
        self._heard.put(None)

    def start(self, line: Line) -> None:
        self._thread = threading.Thread(target=self._run, args=(line,), name="watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Returns when the pass at hand is done."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def run_once(self, line: Line) -> int:
        """One pass; returns how many configurations went out."""
        self._take_heard()
        self._notice_changes()
        return self._tell(line)

    def _take_heard(self) -> None:
        now_ms = self._collector.clock.utc_ms()
        while not self._heard.empty():
            heard = self._heard.get()
            if heard is None:
                self._begin_anew()
                continue
            device_id, online = heard
            if online:
                self._online.add(device_id)
                self._due.add(device_id)
                continue
            self._online.discard(device_id)
            told = self._told.get(device_id)
            if told is not None and now_ms - told.at_ms < _UNSURE_MS:
                del self._told[device_id]

    def _begin_anew(self) -> None:
        """What was on the way may be gone. Another broker keeps who is online and says it again;
        ours knows whom it holds."""
        self._told.clear()
        self._online = set() if self._door is None else set(self._door.connected)
        self._due = set(self._online)

    def _notice_changes(self) -> None:
        now_ms = self._collector.clock.utc_ms()
        with self._collector.reading() as conn:
            directory_event, device_event = (
                directory.last_event_id(conn),
                devices.last_event_id(conn),
            )
            changed = frozenset[str]()
            if device_event != self._device_event:
                changed = devices.changed_since(conn, max(0, self._device_event))
        everybody = directory_event != self._directory_event or now_ms >= self._full_due_ms
        if everybody:
            self._full_due_ms = now_ms + FULL_EVERY_MS
        self._due |= self._online if everybody else changed & self._online
        if changed or everybody or self._look_twice:
            self._cut()
        self._crl.keep(now_ms, is_changed=bool(changed))
        # Whoever was being let in while its status changed is in by the next pass.
        self._look_twice = bool(changed)
        self._directory_event, self._device_event = directory_event, device_event

    def _cut(self) -> None:
        if self._door is None:
            return
        with self._collector.reading() as conn:
            known = devices.public_keys(conn, self._door.connected)
        for device_id, device in known.items():
            if device.status is not DeviceStatus.ACTIVE:
                _LOG.info("cutting the connection of %s: %s", device_id, device.status.value)
                self._door.disconnect(device_id)

    def _tell(self, line: Line) -> int:
        sent = 0
        for some in _portions(self._due & self._online):
            behind = self._behind(some)
            if behind and not self._send(line, behind):
                return sent  # the rest stays due until there is a connection again
            sent += len(behind)
            self._due -= some
        self._due &= self._online
        return sent

    def _behind(self, device_ids: Collection[str]) -> tuple[str, ...]:
        now_ms = self._collector.clock.utc_ms()
        with self._collector.reading() as conn:
            return configuration.behind(
                conn, self._collector.issuer.grounds, self._versions(device_ids), now_ms
            )

    def _versions(self, device_ids: Collection[str]) -> Mapping[str, int]:
        nothing = _Told(_FIRST_VERSION, 0)
        return {one: self._told.get(one, nothing).version for one in device_ids}

    def _send(self, line: Line, device_ids: Collection[str]) -> bool:
        now_ms = self._collector.clock.utc_ms()
        with self._collector.writing() as conn:
            handouts = configuration.handouts(
                conn, self._collector.issuer.grounds, device_ids, now_ms
            )
        # Only what is committed is sent: a version that was rolled back would be given again.
        for handout in handouts:
            if not line.send_down(handout.device_id, handout.data):
                return False
            self._told[handout.device_id] = _Told(handout.version, now_ms)
        return True

    def _run(self, line: Line) -> None:
        while not self._stop.wait(EVERY_S):
            try:
                self.run_once(line)
            except SQLAlchemyError as error:
                # The next pass finds the same to do: nothing is lost but seconds.
                _LOG.error("devices could not be told: %s", type(error).__name__)
            except Exception:  # noqa: BLE001  # one device's oddity must not end the watch
                _LOG.exception("devices could not be told")


def _portions(device_ids: set[str]) -> list[set[str]]:
    ids = sorted(device_ids)
    return [set(ids[start : start + _AT_ONCE]) for start in range(0, len(ids), _AT_ONCE)]
