"""One connection to BlueZ: listening in windows, and one broadcast that changes with each slot
(org.bluez.Adapter, org.bluez.LEAdvertisingManager, org.bluez.LEAdvertisement)."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from zaigang_agent.ble import faults
from zaigang_agent.ble.air import FrameAt, Listener
from zaigang_agent.ble.bluez_packets import Packets
from zaigang_agent.ble.bus import Answer, Bus, Called, RefusedError
from zaigang_agent.ble.reception import Reception
from zaigang_agent.ble.sent import Sent
from zaigang_agent.ble.supervision import Patience
from zaigang_shared import rid
from zaigang_shared.clock import Clock

_BLUEZ: Final = "org.bluez"
_ADAPTER: Final = "org.bluez.Adapter1"
_DEVICE: Final = "org.bluez.Device1"
_MANAGER: Final = "org.bluez.LEAdvertisingManager1"
_OBJECTS: Final = "org.freedesktop.DBus.ObjectManager"
_PROPERTIES: Final = "org.freedesktop.DBus.Properties"
_DBUS: Final = "org.freedesktop.DBus"
_MATCHES: Final = (
    f"type='signal',sender='{_BLUEZ}',interface='{_OBJECTS}'",
    f"type='signal',sender='{_BLUEZ}',interface='{_PROPERTIES}',arg0='{_DEVICE}'",
    f"type='signal',sender='{_BLUEZ}',interface='{_PROPERTIES}',arg0='{_ADAPTER}'",
    f"type='signal',sender='{_DBUS}',member='NameOwnerChanged',arg0='{_BLUEZ}'",
)
_PATHS: Final = ("/zaigang/advert0", "/zaigang/advert1")
MAX_FRAME: Final = 31 - 2 - 16
# As often as a node would need 200 ms for listeners that listen a tenth of the time; who listens for
# laptops is a node, which listens all the time, and the battery is a laptop's.
INTERVAL_MS: Final = (500, 600)
# While it listens: what is heard is dated when it is read. Larger would date it later, and beyond the
# slot that it was sent in; smaller costs a wake-up of the processor more often.
_READ_EVERY_S: Final = 3.0
# What is due so soon after something else waits for it: one wake-up for both. Larger would have a slot
# begin late on the air, smaller would miss that a window and a slot begin together.
_TOGETHER_S: Final = 0.05
# `stop` and the like wake it anyhow.
_NOTHING_TO_SEND_S: Final = 15.0
# In a crowd the socket is full before the next look; the bus needs a moment to fill it again.
_READ_ON_S: Final = 0.02
# So long after a window what came within it is still read. Larger listens on in a crowd that has no
# end; smaller loses what dbus-daemon has not handed on yet.
_READ_ON_MS: Final = 2_000
_DISCOVERY: Final = {"Transport": ("s", "le"), "DuplicateData": ("b", False)}


class OpenFor(Protocol):
    """Windows of listening."""

    @property
    def open_s(self) -> float: ...

    @property
    def every_s(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Turn:
    """What is wanted now."""

    listener: Listener | None
    frame_at: FrameAt | None
    windows: OpenFor


class LostError(Exception):
    """The adapter or its service is gone or off; the reason is a D-Bus error name."""

    def __init__(self, dbus_error: str) -> None:
        super().__init__(dbus_error)
        self.dbus_error = dbus_error


class Session:
    """From connecting to hanging up. Methods raise RefusedError, LostError, AgentError, OSError: then
    it is over."""

    def __init__(
        self, clock: Clock, reception: Reception, sent: Sent, adapter: str, patience: Patience
    ) -> None:
        self._clock = clock
        self._reception = reception
        self._sent = sent
        self._wanted_adapter = adapter
        self._patience = patience
        self._bus: Bus | None = None
        self._adapter = ""
        self.can_send = False
        # Windows begin with a slot: one wake-up for hearing and sending, and what is heard is of one
        # slot.
        self._began_ms = clock.boot_ms() - clock.utc_ms() % rid.SLOT_MS
        self._packets: Packets | None = None
        self._listener: Listener | None = None
        self._discovering = self._filtered = False
        self._lost: str | None = None
        self._frames: dict[str, bytes] = {}
        self._on_air: str | None = None
        self._slot: int | None = None
        self._retry_ms = 0

    def open(self, address: str) -> None:
        """Connect, and find the adapter."""
        self._bus = Bus(address, self._clock, self._on_signals, self._on_call)
        self._bus.open()
        for rule in _MATCHES:
            self._ask(_DBUS, "/org/freedesktop/DBus", _DBUS, "AddMatch", "s", rule)
        self._choose(self._ask(_BLUEZ, "/", _OBJECTS, "GetManagedObjects"))

    def turn(self, wanted: Turn) -> float:
        """Do what is due. Seconds until something is to be done again."""
        more = self._bus is not None and self._bus.drain()
        if self._lost is not None:
            raise LostError(self._lost)
        listen_s = self._listen(wanted, more=more)
        send_s = self._send(wanted.frame_at)
        due_s, next_s = sorted((listen_s, send_s))
        due_s = next_s if next_s - due_s < _TOGETHER_S else due_s
        return max(0.0, due_s)

    def end(self) -> None:
        """Nothing is wanted any more: leave the adapter as it was."""
        self._discover(False)
        if self._on_air is not None:
            self._take_down(self._on_air)

    def close(self) -> None:
        if self._bus is not None:
            self._bus.close()

    # ---- listening

    def _listen(self, wanted: Turn, *, more: bool) -> float:
        if wanted.listener is None:
            self._discover(False)
            return self._patience.check_s
        if wanted.listener is not self._listener:
            self._listener = wanted.listener
            self._packets = Packets(self._adapter, wanted.listener)
            self._packets.remember(self._ask(_BLUEZ, "/", _OBJECTS, "GetManagedObjects"))
        every_ms, open_ms = (
            round(seconds * 1000) for seconds in (wanted.windows.every_s, wanted.windows.open_s)
        )
        into_ms = (self._clock.boot_ms() - self._began_ms) % every_ms
        behind = more and self._discovering and into_ms < open_ms + _READ_ON_MS
        if into_ms < open_ms or open_ms >= every_ms or behind:
            self._discover(True)
            self._reception.going_on()
            if behind:
                return _READ_ON_S
            read_s = min(_READ_EVERY_S, self._patience.check_s)
            left_s = read_s if open_ms >= every_ms else (open_ms - into_ms) / 1000
            return min(read_s, left_s)
        if self._discovering:
            self._discovering = False
            # Long before the next window. An adapter that is gone says so itself.
            self._tell(_ADAPTER, "StopDiscovery")
        return (every_ms - into_ms) / 1000

    def _discover(self, on: bool) -> None:
        if on == self._discovering:
            return
        self._discovering = on  # first: packets come while the answer is on its way
        if not on:
            self._ask_adapter("StopDiscovery")  # whoever starts again at once would be refused
            return
        self._reception.opens()
        if not self._filtered:  # BlueZ keeps it for as long as we are connected
            self._ask_adapter("SetDiscoveryFilter", "a{sv}", _DISCOVERY)
            self._filtered = True
        self._ask_adapter("StartDiscovery")

    def _ask_adapter(self, member: str, signature: str = "", *values: Any) -> None:
        self._ask(_BLUEZ, self._adapter, _ADAPTER, member, signature, *values)

    def _tell(self, interface: str, member: str, signature: str = "", *values: Any) -> None:
        """What need not be waited for: it can only fail when there is nothing to do."""
        if self._bus is not None:
            self._bus.tell(_BLUEZ, self._adapter, interface, member, signature, *values)

    def _on_signals(self, frames: Sequence[bytes]) -> None:
        """What one look at the socket has found; as it came."""
        t_ms = self._clock.boot_ms()
        strangers: list[bytes] = []
        for frame in frames:
            packet = None if self._packets is None else self._packets.read(frame, t_ms)
            if packet is None:
                self._note_loss(frame)
            elif not self._discovering:
                continue  # of somebody else's discovery, or of what was on its way when ours ended
            elif packet[1] is None:
                strangers.append(packet[0])
            else:
                self._reception.hear(packet[0], packet[1])
        if strangers:
            self._reception.count(strangers)

    def _note_loss(self, frame: bytes) -> None:
        if b"/dev_" in frame:
            return
        message = Called(frame)
        values = message.values
        if message.member == "NameOwnerChanged" and values[1:2] != [""]:
            self._lost = "org.freedesktop.DBus.Error.ServiceUnknown"
        elif message.member == "InterfacesRemoved" and values[:1] == [self._adapter]:
            self._lost = "org.freedesktop.DBus.Error.UnknownObject"
        elif message.member == "PropertiesChanged" and message.path == self._adapter:
            changed = values[1] if len(values) > 1 and isinstance(values[1], dict) else {}
            if changed.get("Powered") is False:
                self._lost = "org.bluez.Error.NotReady"

    # ---- sending

    def _send(self, frame_at: FrameAt | None) -> float:
        """Have the frame of this slot on the air. Seconds until the next has to be."""
        if frame_at is None:
            if self._on_air is not None:
                self._take_down(self._on_air)
            return _NOTHING_TO_SEND_S
        utc_ms, boot_ms = self._clock.utc_ms(), self._clock.boot_ms()
        slot = rid.slot_at(utc_ms)
        if (slot != self._slot or self._on_air is None) and boot_ms >= self._retry_ms:
            problem = None
            try:
                self._put(frame_at(utc_ms))
                self._slot = slot
            except (RefusedError, ValueError) as error:
                problem = faults.explain(error)
                self._retry_ms = boot_ms + round(self._patience.check_s * 1000)
            self._sent.note(slot, self._clock.boot_ms(), problem)
        left_s = (rid.slot_start_ms(slot + 1) - self._clock.utc_ms()) / 1000
        return left_s if self._on_air is not None else min(left_s, self._patience.check_s)

    def _put(self, frame: bytes) -> None:
        if len(frame) > MAX_FRAME:
            raise ValueError(f"a frame has at most {MAX_FRAME} bytes")
        if not self.can_send:
            raise RefusedError("org.bluez.Error.NotSupported")
        old = self._on_air
        new = _PATHS[old == _PATHS[0]]
        self._frames[new] = frame
        try:
            self._register(new)
        except RefusedError:
            if old is None:
                raise
            self._take_down(old)  # an adapter that can send one thing at a time
            old = None
            self._register(new)
        self._on_air = new if new in self._frames else None
        if old is not None:
            self._frames.pop(old, None)
            self._tell(_MANAGER, "UnregisterAdvertisement", "o", old)

    def _register(self, path: str) -> None:
        self._ask(_BLUEZ, self._adapter, _MANAGER, "RegisterAdvertisement", "oa{sv}", path, {})

    def _take_down(self, path: str) -> None:
        self._on_air = None if self._on_air == path else self._on_air
        self._frames.pop(path, None)
        with contextlib.suppress(RefusedError):  # BlueZ has let go of it already
            self._ask(_BLUEZ, self._adapter, _MANAGER, "UnregisterAdvertisement", "o", path)

    def _on_call(self, call: Called) -> Answer | None:
        """BlueZ asks what to send, or says that it does not any more."""
        if call.path not in self._frames:
            return None
        if call.member == "GetAll":
            return "a{sv}", advertisement(self._frames[call.path])
        if call.member == "Release":
            del self._frames[call.path]  # perhaps before we have heard that it was registered
            self._on_air = None if call.path == self._on_air else self._on_air
            return "", None
        return None

    # ---- the bus

    def _ask(
        self,
        destination: str,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        *values: Any,
    ) -> Any:
        if self._bus is None:
            raise OSError("not connected")
        timeout_s = self._patience.start_s
        return self._bus.ask(timeout_s, destination, path, interface, member, signature, *values)

    def _choose(self, objects: Any) -> None:
        """The adapter to use."""
        adapters = {path: each for path, each in objects.items() if _ADAPTER in each}
        if self._wanted_adapter:
            wanted = f"/org/bluez/{self._wanted_adapter}"
            adapters = {path: each for path, each in adapters.items() if path == wanted}
        if not adapters:
            raise LostError("org.freedesktop.DBus.Error.UnknownObject")
        on = [path for path, each in adapters.items() if each[_ADAPTER].get("Powered")]
        if not on:
            raise LostError("org.bluez.Error.NotReady")
        self._adapter = on[0]
        self.can_send = _MANAGER in adapters[self._adapter]


def advertisement(frame: bytes) -> dict[str, tuple[str, Any]]:
    """The properties of an LEAdvertisement1: not connectable, nothing in it but the frame."""
    low_ms, high_ms = INTERVAL_MS
    return {
        "Type": ("s", "broadcast"),
        "ServiceData": ("a{sv}", {rid.SERVICE_UUID: ("ay", frame)}),
        "MinInterval": ("u", low_ms),
        "MaxInterval": ("u", high_ms),
    }
