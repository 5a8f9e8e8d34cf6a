"""A BlueZ adapter behind `air.Radio` without bleak: for laptops, where each MiB counts (ADR 12).

One thread and one connection to the message bus listen and broadcast; what bluetoothd begins for a
connection ends with it. On a laptop it listens in windows: 3 s in every 15 s, so that each slot of a
beacon is heard and the battery and headsets get a rest.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from dataclasses import dataclass
from typing import Final

from zaigang_agent.ble import faults
from zaigang_agent.ble.bluez_session import Session, Turn
from zaigang_agent.ble.reception import Reception
from zaigang_agent.ble.sent import Sent
from zaigang_agent.ble.supervision import Patience
from zaigang_agent.ble.threaded import ThreadedRadio
from zaigang_agent.platforms.dbus import SYSTEM_BUS
from zaigang_shared import rid
from zaigang_shared.clock import Clock

_log = logging.getLogger(__name__)
_PROBE_S: Final = 5.0  # somebody is waiting for the screen
# While the radio is broken: how often a slot that is not on the air is noted.
_NOTE_EVERY_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Windows:
    """Listen `open_s` in every `every_s` seconds."""

    open_s: float = 3.0
    """A node sends four or five times a second. Smaller, and a beacon of which every second packet is
    lost may be missed in its slot; larger costs battery and the quality of Bluetooth headsets."""
    every_s: float = 15.0
    """One slot. Larger would leave slots out in which nothing could be heard, and make every scan
    reading a lie; smaller restarts the adapter for nothing."""


ALWAYS: Final = Windows(1.0, 1.0)


class BluezRadio(ThreadedRadio):
    """`air.Radio`; `close` ends its thread for good."""

    _close_s = 20

    def __init__(
        self,
        clock: Clock,
        adapter: str = "",
        patience: Patience | None = None,
        windows: Windows = ALWAYS,
        address: str | None = None,
    ) -> None:
        """`adapter`: as hci0; empty for the first that is switched on. `address`: of the message bus;
        None for the system's."""
        super().__init__(clock, adapter, patience)
        self._windows = windows
        self._address = address or _system_bus()
        self._wake = threading.Event()

    def _nudge(self) -> None:
        self._wake.set()

    def _work(self) -> None:
        while not self._closing:
            if not self._wanted:
                self._wake.wait()
                self._wake.clear()
                continue
            problem = self._session()
            if problem is not None:
                self._pause(self._reception.failed(problem), problem)

    def _session(self) -> str | None:
        """Until nothing is wanted any more, or something is wrong: the sentence that says what."""
        session = Session(self._clock, self._reception, self._sent, self._adapter, self._patience)
        try:
            session.open(self._address)
            while self._wanted and not self._closing:
                turn = session.turn(Turn(self._reception.listener, self._frame_at, self._windows))
                if self._reception.listener is not None:
                    if self._reception.is_old():
                        self._reception.renewed()
                        return None
                    if self._reception.is_quiet():
                        return faults.SILENT
                self._wake.wait(turn)
                self._wake.clear()
            session.end()
        except Exception as error:  # noqa: BLE001  # whatever it is, a radio is begun anew
            _log.debug("radio: %s", type(error).__name__)
            return _problem(error, self._adapter)
        finally:
            with contextlib.suppress(OSError):
                session.close()
        return None

    def _pause(self, seconds: float, problem: str) -> None:
        """Wait before the next session; slots go by meanwhile and are not on the air."""
        until_ms = self._clock.boot_ms() + round(seconds * 1000)
        while self._wanted and not self._closing:
            if self._frame_at is not None:
                slot = rid.slot_at(self._clock.utc_ms())
                self._sent.note(slot, self._clock.boot_ms(), problem)
            left_s = (until_ms - self._clock.boot_ms()) / 1000
            if left_s <= 0:
                return
            # `stop` and a new listener wake it; waiting goes on for the rest of the pause.
            self._wake.wait(min(left_s, _NOTE_EVERY_S))
            self._wake.clear()


def probe(clock: Clock, adapter: str, *, sends: bool, address: str | None = None) -> str | None:
    """Whether there is an adapter to listen with, and to send when it `sends`: None, or what to do.
    Looks, and begins nothing."""
    patience = Patience(start_s=_PROBE_S)
    session = Session(clock, Reception(clock, patience), Sent(), adapter, patience)
    try:
        session.open(address or _system_bus())
    except Exception as error:  # noqa: BLE001  # whatever it is, somebody wants to know what to do
        return _problem(error, adapter)
    finally:
        with contextlib.suppress(OSError):
            session.close()
    return faults.NO_ADVERTISING if sends and not session.can_send else None


def _problem(error: Exception, adapter: str) -> str:
    unknown = getattr(error, "dbus_error", "") == "org.freedesktop.DBus.Error.UnknownObject"
    return faults.no_such_adapter(adapter) if adapter and unknown else faults.explain(error)


def _system_bus() -> str:
    return os.environ.get("DBUS_SYSTEM_BUS_ADDRESS") or SYSTEM_BUS
