"""Broadcasting through BlueZ with dbus-fast (org.bluez.LEAdvertisement, LEAdvertisingManager).

A frame is an object on the message bus that bluetoothd reads once, when it is registered. So each
slot has an object of its own: the new one is registered, then the old one goes, and nothing is
missing on the air. The object is answered for by hand; dbus-fast's own way would load `inspect`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final

from dbus_fast import BusType, DBusError, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from zaigang_agent.ble import faults
from zaigang_agent.ble.air import FrameAt
from zaigang_agent.ble.sent import Sent
from zaigang_agent.ble.supervision import Patience
from zaigang_shared import rid
from zaigang_shared.clock import Clock

BLUEZ: Final = "org.bluez"
ADVERTISEMENT: Final = "org.bluez.LEAdvertisement1"
MANAGER: Final = "org.bluez.LEAdvertisingManager1"
ADAPTER: Final = "org.bluez.Adapter1"
_PATHS: Final = ("/zaigang/advert0", "/zaigang/advert1")
# Of 31 bytes: two of length and type, the UUID.
MAX_FRAME: Final = 31 - 2 - 16
# A listener that hears one packet in ten still hears several in a slot of 15 s. Shorter crowds the
# air, longer makes phones and laptops, which listen a tenth of the time, miss slots.
INTERVAL_MS: Final = (200, 250)
# After a failure within a slot: the slot can still be saved.
_RETRY_S: Final = 5.0
_OWNER_CHANGED: Final = (
    "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='org.bluez'"
)


class Advertiser:
    """Has one frame on the air in each slot, and notes which slots were."""

    def __init__(self, clock: Clock, sent: Sent, adapter: str, patience: Patience) -> None:
        self._clock = clock
        self._sent = sent
        self._adapter = adapter
        self._patience = patience
        self._bus: MessageBus | None = None
        self._manager = ""
        self._frames: dict[str, bytes] = {}
        self._on_air: str | None = None
        self._woken = asyncio.Event()

    async def run(self, frame_at: Callable[[], FrameAt | None]) -> None:
        """Until cancelled."""
        try:
            while True:
                self._woken.clear()
                source = frame_at()
                pause_s = _RETRY_S if source is None else await self._slot(source)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await self._woken.wait()
        finally:
            await self._close()

    async def _slot(self, frame_at: FrameAt) -> float:
        """Put the frame of this moment on the air. Seconds until something is to be done again."""
        utc_ms = self._clock.utc_ms()
        slot, problem = rid.slot_at(utc_ms), None
        try:
            async with asyncio.timeout(self._patience.stop_s):
                await self._put(frame_at(utc_ms))
        except Exception as error:  # noqa: BLE001  # told as not sent; the next slot begins anew
            problem = faults.explain(error)
            self._hang_up()
        self._sent.note(slot, self._clock.boot_ms(), problem)
        left_s = (rid.slot_start_ms(slot + 1) - self._clock.utc_ms()) / 1000
        return max(0.0, left_s if problem is None else min(left_s, _RETRY_S))

    async def _put(self, frame: bytes) -> None:
        if len(frame) > MAX_FRAME:
            raise ValueError(f"a frame has at most {MAX_FRAME} bytes")
        if self._bus is None or not self._bus.connected:
            await self._connect()
        old = self._on_air
        new = _PATHS[old == _PATHS[0]]
        self._frames[new] = frame
        try:
            await self._call(self._manager, MANAGER, "RegisterAdvertisement", "oa{sv}", new, {})
        except DBusError:
            if old is None:
                raise
            await self._take_down(old)  # an adapter that can send one thing at a time
            old = None
            await self._call(self._manager, MANAGER, "RegisterAdvertisement", "oa{sv}", new, {})
        self._on_air = new if new in self._frames else None
        if old is not None:
            await self._take_down(old)

    async def _take_down(self, path: str) -> None:
        self._on_air = None if self._on_air == path else self._on_air
        self._frames.pop(path, None)
        with contextlib.suppress(DBusError):  # bluetoothd was restarted, and knows it no more
            await self._call(self._manager, MANAGER, "UnregisterAdvertisement", "o", path)

    async def _connect(self) -> None:
        self._hang_up()
        bus = MessageBus(bus_type=BusType.SYSTEM)
        try:
            await bus.connect()
        except BaseException:
            bus.disconnect()  # or its socket stays open
            raise
        self._bus = bus
        bus.add_message_handler(self._on_message)
        dbus = "org.freedesktop.DBus"
        await self._call("/" + dbus.replace(".", "/"), dbus, "AddMatch", "s", _OWNER_CHANGED)
        self._manager = self._choose(
            await self._call("/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", "")
        )

    def _choose(self, objects: dict[str, dict[str, dict[str, Variant]]]) -> str:
        """The path of the adapter to use. Raises DBusError."""
        found = {path: interfaces for path, interfaces in objects.items() if ADAPTER in interfaces}
        if self._adapter:
            path = f"/org/bluez/{self._adapter}"
            found = {path: found[path]} if path in found else {}
        if not found:
            raise DBusError("org.freedesktop.DBus.Error.UnknownObject", "no such adapter")
        on = {path: each for path, each in found.items() if each[ADAPTER]["Powered"].value}
        if not on:
            raise DBusError("org.bluez.Error.NotReady", "switched off")
        able = [path for path, interfaces in on.items() if MANAGER in interfaces]
        if not able:
            raise DBusError("org.bluez.Error.NotSupported", "no advertising")
        return able[0]

    async def _call(
        self, path: str, interface: str, member: str, signature: str, *body: Any
    ) -> Any:
        """The first value of the answer. Raises DBusError, EOFError, OSError."""
        if self._bus is None:
            raise EOFError
        destination = interface if interface == "org.freedesktop.DBus" else BLUEZ
        reply = await self._bus.call(
            Message(
                destination=destination,
                path=path,
                interface=interface,
                member=member,
                signature=signature,
                body=list(body),
            )
        )
        if reply is None:
            raise EOFError
        if reply.message_type is MessageType.ERROR:
            raise DBusError(reply.error_name or "unknown", "")
        return reply.body[0] if reply.body else None

    def _on_message(self, message: Message) -> Message | None:
        """bluetoothd asks what to send, or says that it does not any more."""
        if message.member == "NameOwnerChanged" and message.sender == "org.freedesktop.DBus":
            self._on_air = None
            self._frames.clear()
            if message.body[2]:  # bluetoothd is back, and knows nothing of us
                self._woken.set()
            return None
        if message.message_type is not MessageType.METHOD_CALL or message.path not in self._frames:
            return None
        if message.member == "GetAll":
            properties = advertisement(self._frames[message.path])
            return Message.new_method_return(message, "a{sv}", [properties])
        if message.interface == ADVERTISEMENT and message.member == "Release":
            del self._frames[message.path]  # perhaps before we have heard that it was registered
            self._on_air = None if message.path == self._on_air else self._on_air
            self._woken.set()
            return Message.new_method_return(message)
        return None

    def _hang_up(self) -> None:
        self._on_air = None
        if self._bus is not None:
            self._bus.disconnect()
            self._bus = None

    async def _close(self) -> None:
        with contextlib.suppress(Exception):
            if self._on_air is not None:
                async with asyncio.timeout(self._patience.stop_s):
                    await self._take_down(self._on_air)
        self._hang_up()


def advertisement(frame: bytes) -> dict[str, Variant]:
    """The properties of an LEAdvertisement1: not connectable, nothing in it but the frame."""
    low_ms, high_ms = INTERVAL_MS
    return {
        "Type": Variant("s", "broadcast"),
        "ServiceData": Variant("a{sv}", {rid.SERVICE_UUID: Variant("ay", frame)}),
        "MinInterval": Variant("u", low_ms),
        "MaxInterval": Variant("u", high_ms),
    }
