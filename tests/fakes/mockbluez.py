"""A stand-in for bluetoothd with a piece of air: what one adapter broadcasts, the others hear.

Pure dbus-fast: ObjectManager, Adapter1, Device1, LEAdvertisingManager1. It reads an advertisement back
as bluetoothd does, keeps to 31 bytes, gives each registration a new random address, forgets devices
that fall silent, and ends what a client that left has begun. In a test it runs in a thread
(`mockair.running`); beside real agents as a process of its own:

    python -m tests.fakes.mockbluez --bus FOLDER --adapters 2 --foreign 20

It starts a dbus-daemon in FOLDER, prints DBUS_SYSTEM_BUS_ADDRESS=..., and runs until it is ended. The
adapters are hci0, hci1 and so on; give each agent one of its own ([radio] adapter), for an adapter
does not hear itself.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import random
import signal
import sys
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from tests.fakes.dbus import PrivateBus
from zaigang_shared import rid
from zaigang_shared.clock import SystemClock

_OM: Final = "org.freedesktop.DBus.ObjectManager"
_PROPERTIES: Final = "org.freedesktop.DBus.Properties"
_ADAPTER: Final = "org.bluez.Adapter1"
_DEVICE: Final = "org.bluez.Device1"
_MANAGER: Final = "org.bluez.LEAdvertisingManager1"
_MAX_BYTES: Final = 31
_INSTANCES: Final = 5
# Signals of up to a KiB in a socket of 200.
_UNREAD: Final = 20
# The devices of strangers within reach: so many at a time, and one advertisement in so many is of a
# new one, as phones change their address every quarter of an hour.
_STRANGERS: Final = 40
_NEW_STRANGER_IN: Final = 20


@dataclass
class Adapter:
    """One radio."""

    path: str
    powered: bool = True
    advertises: bool = True
    instances: int = _INSTANCES
    discovering: set[str] = field(default_factory=set)
    """Unique names of the clients that have asked to listen."""
    refuses: str | None = None
    """D-Bus error with which StartDiscovery answers."""
    deaf: bool = False
    """Says that it listens, and hears nothing: a stalled driver."""
    seen: dict[str, float] = field(default_factory=dict)
    """Device paths with the time at which each was heard last."""


@dataclass
class OnAir:
    """One registered advertisement."""

    adapter: Adapter
    address: str
    service_data: dict[str, bytes]
    interval_ms: tuple[int, int]


class MockBluez:
    """org.bluez on the bus of DBUS_SYSTEM_BUS_ADDRESS. All methods belong to its own event loop."""

    def __init__(
        self,
        adapters: int = 1,
        *,
        echo: bool = False,
        keep_s: float = 30.0,
        every_s: float = 1.0,
        seed: int = 1,
    ) -> None:
        """`echo`: adapters hear themselves as well, so that one is enough; `keep_s`: how long a silent
        device is remembered (TemporaryTimeout); `every_s`: how often what is on the air is heard."""
        self.adapters = {
            f"/org/bluez/hci{n}": Adapter(f"/org/bluez/hci{n}") for n in range(adapters)
        }
        self.devices: dict[str, dict[str, Variant]] = {}
        self.on_air: dict[tuple[str, str], OnAir] = {}
        self.broadcast: list[dict[str, bytes]] = []
        """Service data of every registration, in order."""
        self.starts = 0
        """How often somebody asked to listen."""
        self.filters = 0
        """How often somebody said what to listen for."""
        self._echo = echo
        self._keep_s = keep_s
        self._every_s = every_s
        self._random = random.Random(seed)
        self._bus: MessageBus | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._signals: asyncio.Queue[Message] = asyncio.Queue()
        self._strangers: list[tuple[str, dict[int, bytes], str | None]] = []

    # ---- life

    async def start(self) -> None:
        """Take the name org.bluez."""
        self._bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
        self._bus.add_message_handler(self._on_message)
        await self._bus.call(
            Message(
                destination="org.freedesktop.DBus",
                path="/org/freedesktop/DBus",
                interface="org.freedesktop.DBus",
                member="AddMatch",
                signature="s",
                body=["type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged'"],
            )
        )
        await self._bus.request_name("org.bluez")
        self._spawn(self._turn())
        self._spawn(self._speak())

    async def stop(self) -> None:
        """As when bluetoothd ends: the name is gone, and everything that clients had begun."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._bus is not None:
            self._bus.disconnect()
            self._bus = None

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _turn(self) -> None:
        while True:
            self.hear_all()
            await asyncio.sleep(self._every_s)

    async def _speak(self) -> None:
        """One signal after the other. dbus-fast breaks when its socket is full: every now and then we
        wait until the bus has read all of it."""
        for count in itertools.count(1):
            message = await self._signals.get()
            if self._bus is not None:
                await self._bus.send(message)
            if count % _UNREAD == 0:
                await self._ping()
            self._signals.task_done()

    # ---- what tests do to it

    def hear_all(self) -> None:
        """One packet of each advertisement that is on the air."""
        for advert in self.on_air.values():
            rssi = -50 - self._random.randrange(20)
            self._reach(advert.adapter, advert.address, rssi, service_data=advert.service_data)
        self._forget_silent()

    def packet(
        self,
        address: str,
        *,
        rssi: int = -60,
        service_data: Mapping[str, bytes] | None = None,
        manufacturer_data: Mapping[int, bytes] | None = None,
        name: str | None = None,
    ) -> None:
        """One packet of a device that is none of ours."""
        self._reach(
            None,
            address,
            rssi,
            service_data=service_data,
            manufacturer_data=manufacturer_data,
            name=name,
        )

    async def flush(self) -> None:
        """Return when the bus has taken everything that was said."""
        await self._signals.join()
        await self._ping()

    async def _ping(self) -> None:
        if self._bus is not None:
            await self._bus.call(
                Message(
                    destination="org.freedesktop.DBus",
                    path="/org/freedesktop/DBus",
                    interface="org.freedesktop.DBus.Peer",
                    member="Ping",
                )
            )

    def strangers(self, packets: int) -> None:
        """So many packets of other people's devices."""
        for _ in range(packets):
            if len(self._strangers) < _STRANGERS:
                self._strangers.append(self._stranger())
            elif self._random.randrange(_NEW_STRANGER_IN) == 0:
                self._strangers[self._random.randrange(_STRANGERS)] = self._stranger()
            address, data, name = self._random.choice(self._strangers)
            rssi = -40 - self._random.randrange(55)
            self.packet(address, rssi=rssi, manufacturer_data=data, name=name)

    async def foreign(self, per_s: float) -> None:
        """Strangers' packets, evenly, until cancelled."""
        began, sent = time.monotonic(), 0
        while True:
            await asyncio.sleep(1 / per_s)
            due = int((time.monotonic() - began) * per_s)
            self.strangers(due - sent)
            sent = due

    async def nodes(self, count: int) -> None:
        """Site nodes in the air, four packets a second each, until cancelled."""
        keys = [self._random.randbytes(rid.KEY_BYTES) for _ in range(count)]
        addresses: dict[tuple[int, int], str] = {}
        while True:
            slot = rid.slot_at(SystemClock().utc_ms())
            for n, key in enumerate(keys):
                if (n, slot) not in addresses:  # the kernel takes another for each registration
                    addresses[n, slot] = self._random.randbytes(6).hex(":").upper()
                frame = rid.Frame(True, False, -59, rid.rid(key, slot)).encode()
                self.packet(
                    addresses[n, slot],
                    rssi=-50 - self._random.randrange(25),
                    service_data={rid.SERVICE_UUID: frame},
                )
            addresses = {key: each for key, each in addresses.items() if key[1] == slot}
            await asyncio.sleep(0.25)

    def remove_adapter(self, name: str) -> None:
        """Pulled out."""
        adapter = self.adapters.pop(f"/org/bluez/{name}")
        for path in list(adapter.seen):
            self._remove_device(adapter, path)
        self.on_air = {key: on for key, on in self.on_air.items() if on.adapter is not adapter}
        self._emit("/", _OM, "InterfacesRemoved", "oas", [adapter.path, [_ADAPTER, _MANAGER]])

    def add_adapter(self, name: str) -> None:
        """Plugged in."""
        adapter = self.adapters[f"/org/bluez/{name}"] = Adapter(f"/org/bluez/{name}")
        self._emit(
            "/", _OM, "InterfacesAdded", "oa{sa{sv}}", [adapter.path, self._interfaces(adapter)]
        )

    def power(self, name: str, on: bool) -> None:
        """Switched on or off: then BlueZ ends discovery and broadcasts."""
        adapter = self.adapters[f"/org/bluez/{name}"]
        adapter.powered = on
        adapter.discovering.clear()
        if not on:
            self.on_air = {
                key: each for key, each in self.on_air.items() if each.adapter != adapter
            }
        changed = {"Powered": Variant("b", on), "Discovering": Variant("b", False)}
        self._emit(
            adapter.path, _PROPERTIES, "PropertiesChanged", "sa{sv}as", [_ADAPTER, changed, []]
        )

    # ---- devices

    def _stranger(self) -> tuple[str, dict[int, bytes], str | None]:
        address = ":".join(f"{byte:02X}" for byte in self._random.randbytes(6))
        data = {0x004C: b"\x10" + self._random.randbytes(self._random.randrange(6, 20))}
        name = f"Phone of {address[:2]}" if self._random.randrange(4) == 0 else None
        return address, data, name

    def _reach(
        self,
        sender: Adapter | None,
        address: str,
        rssi: int,
        *,
        service_data: Mapping[str, bytes] | None = None,
        manufacturer_data: Mapping[int, bytes] | None = None,
        name: str | None = None,
    ) -> None:
        for adapter in self.adapters.values():
            itself = adapter is sender and not self._echo
            if adapter.discovering and adapter.powered and not adapter.deaf and not itself:
                data = _data(service_data or {}, manufacturer_data or {})
                self._device(adapter, address, rssi, data, name)

    def _device(
        self, adapter: Adapter, address: str, rssi: int, data: dict[str, Variant], name: str | None
    ) -> None:
        path = f"{adapter.path}/dev_{address.replace(':', '_')}"
        adapter.seen[path] = time.monotonic()
        known = self.devices.get(path)
        new = {"RSSI": Variant("n", rssi), **data}
        if known is None:
            self.devices[path] = {**_device(adapter, address, name), **new}
            body = [path, {_DEVICE: self.devices[path]}]
            self._emit("/", _OM, "InterfacesAdded", "oa{sa{sv}}", body)
            return
        # BlueZ says only what is different from what it said before.
        changed = {key: value for key, value in new.items() if known.get(key) != value}
        known.update(changed)
        if changed:
            body = [_DEVICE, changed, []]
            self._emit(path, _PROPERTIES, "PropertiesChanged", "sa{sv}as", body)

    def _forget_silent(self) -> None:
        before = time.monotonic() - self._keep_s
        for adapter in self.adapters.values():
            for path in [path for path, at in adapter.seen.items() if at < before]:
                self._remove_device(adapter, path)

    def _remove_device(self, adapter: Adapter, path: str) -> None:
        adapter.seen.pop(path, None)
        self.devices.pop(path, None)
        self._emit("/", _OM, "InterfacesRemoved", "oas", [path, [_DEVICE]])

    # ---- D-Bus

    def _interfaces(self, adapter: Adapter) -> dict[str, dict[str, Variant]]:
        used = sum(on.adapter is adapter for on in self.on_air.values())
        interfaces = {
            _ADAPTER: {
                "Address": Variant("s", "00:11:22:33:44:55"),
                "Powered": Variant("b", adapter.powered),
                "Discovering": Variant("b", bool(adapter.discovering)),
                "Roles": Variant("as", ["central", "peripheral"]),
            }
        }
        if adapter.advertises:
            interfaces[_MANAGER] = {
                "ActiveInstances": Variant("y", used),
                "SupportedInstances": Variant("y", adapter.instances - used),
            }
        return interfaces

    def _on_message(self, message: Message) -> Message | bool | None:
        if message.member == "NameOwnerChanged" and message.body[2] == "":
            self._client_left(message.body[0])
            return None
        if message.message_type is not MessageType.METHOD_CALL or self._bus is None:
            return None
        if message.interface == _OM and message.path == "/":
            objects = {
                adapter.path: self._interfaces(adapter) for adapter in self.adapters.values()
            }
            objects |= {path: {_DEVICE: device} for path, device in self.devices.items()}
            return Message.new_method_return(message, "a{oa{sa{sv}}}", [objects])
        adapter = self.adapters.get(str(message.path))
        if adapter is None:
            return None
        if message.interface == _ADAPTER:
            return self._on_adapter(adapter, message)
        if message.interface == _MANAGER:
            return self._on_manager(adapter, message)
        return None

    def _on_adapter(self, adapter: Adapter, message: Message) -> Message | None:
        sender = message.sender or ""
        if message.member == "StartDiscovery":
            self.starts += 1
            error = adapter.refuses or (None if adapter.powered else "org.bluez.Error.NotReady")
            if error is not None:
                return Message.new_error(message, error, "refused by the mock")
            adapter.discovering.add(sender)
        elif message.member == "StopDiscovery":
            adapter.discovering.discard(sender)
        elif message.member == "SetDiscoveryFilter":
            self.filters += 1
        else:
            return None
        return Message.new_method_return(message)

    def _on_manager(self, adapter: Adapter, message: Message) -> Message | bool | None:
        sender = message.sender or ""
        if message.member == "RegisterAdvertisement":
            self._spawn(self._register(adapter, message))
            return True
        if message.member == "UnregisterAdvertisement":
            if self.on_air.pop((sender, message.body[0]), None) is None:
                return Message.new_error(message, "org.bluez.Error.DoesNotExist", "not registered")
            return Message.new_method_return(message)
        return None

    async def _register(self, adapter: Adapter, message: Message) -> None:
        """Read what is to be sent from the client's object, as bluetoothd does."""
        if self._bus is None:
            return
        answer = await self._bus.call(
            Message(
                destination=message.sender,
                path=message.body[0],
                interface=_PROPERTIES,
                member="GetAll",
                signature="s",
                body=["org.bluez.LEAdvertisement1"],
            )
        )
        used = sum(on.adapter is adapter for on in self.on_air.values())
        error = None
        if not adapter.powered:
            error = "org.bluez.Error.NotReady"
        elif used >= adapter.instances:
            error = "org.bluez.Error.NotPermitted"
        elif answer.message_type is MessageType.ERROR:
            error = "org.bluez.Error.Failed"
        if error is None:
            error = self._put_on_air(adapter, message, answer.body[0])
        reply = (
            Message.new_method_return(message)
            if error is None
            else Message.new_error(message, error, "refused by the mock")
        )
        await self._bus.send(reply)

    def _put_on_air(
        self, adapter: Adapter, message: Message, properties: dict[str, Variant]
    ) -> str | None:
        """The error, if any."""
        data = {uuid: bytes(value.value) for uuid, value in properties["ServiceData"].value.items()}
        if properties["Type"].value != "broadcast" or _size(data) > _MAX_BYTES:
            return "org.bluez.Error.InvalidLength"
        address = self._random.randbytes(6).hex(":").upper()
        interval_ms = properties["MinInterval"].value, properties["MaxInterval"].value
        on_air = OnAir(adapter, address, data, interval_ms)
        self.on_air[message.sender or "", message.body[0]] = on_air
        self.broadcast.append(data)
        self._reach(adapter, address, -55, service_data=data)
        return None

    def _client_left(self, name: str) -> None:
        self.on_air = {key: each for key, each in self.on_air.items() if key[0] != name}
        for adapter in self.adapters.values():
            adapter.discovering.discard(name)

    async def release(self) -> None:
        """Tell every client that its advertisement is not sent any more."""
        assert self._bus is not None
        released, self.on_air = list(self.on_air), {}
        for sender, path in released:
            await self._bus.call(
                Message(
                    destination=sender,
                    path=path,
                    interface="org.bluez.LEAdvertisement1",
                    member="Release",
                )
            )

    def _emit(
        self, path: str, interface: str, member: str, signature: str, body: list[Any]
    ) -> None:
        self._signals.put_nowait(
            Message(
                message_type=MessageType.SIGNAL,
                path=path,
                interface=interface,
                member=member,
                signature=signature,
                body=body,
            )
        )


def _size(service_data: Mapping[str, bytes]) -> int:
    return sum(
        2 + (2 if uuid.startswith("0000") else 16) + len(data)
        for uuid, data in service_data.items()
    )


def _data(service: Mapping[str, bytes], manufacturer: Mapping[int, bytes]) -> dict[str, Variant]:
    found = {}
    if service:
        values = {uuid: Variant("ay", data) for uuid, data in service.items()}
        found["ServiceData"] = Variant("a{sv}", values)
    if manufacturer:
        by_company = {company: Variant("ay", data) for company, data in manufacturer.items()}
        found["ManufacturerData"] = Variant("a{qv}", by_company)
    return found


def _device(adapter: Adapter, address: str, name: str | None) -> dict[str, Variant]:
    named = {} if name is None else {"Name": Variant("s", name)}
    return {
        "Address": Variant("s", address),
        "AddressType": Variant("s", "random"),
        "Alias": Variant("s", name or address.replace(":", "-")),
        "Adapter": Variant("o", adapter.path),
        "UUIDs": Variant("as", []),
        "Paired": Variant("b", False),
        "Connected": Variant("b", False),
        **named,
    }


async def _serve(adapters: int, per_s: float, nodes: int) -> None:
    mock = MockBluez(adapters)
    await mock.start()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    tasks = [asyncio.create_task(mock.nodes(nodes))]
    if per_s:
        tasks.append(asyncio.create_task(mock.foreign(per_s)))
    await ended.wait()
    for task in tasks:
        task.cancel()
    await mock.stop()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--bus", type=Path, help="start a dbus-daemon of our own in this folder")
    parser.add_argument("--adapters", type=int, default=2)
    parser.add_argument("--foreign", type=float, default=0, help="strangers' packets per second")
    parser.add_argument("--nodes", type=int, default=0, help="site nodes, for who listens")
    options = parser.parse_args()
    bus = None
    if options.bus is not None:
        bus = PrivateBus(options.bus)
        bus.start()
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = bus.address
    sys.stdout.write(f"DBUS_SYSTEM_BUS_ADDRESS={os.environ['DBUS_SYSTEM_BUS_ADDRESS']}\n")
    sys.stdout.flush()
    try:
        asyncio.run(_serve(options.adapters, options.foreign, options.nodes))
    finally:
        if bus is not None:
            bus.stop()


if __name__ == "__main__":
    main()
