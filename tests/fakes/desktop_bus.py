"""A pretended GNOME and NetworkManager on a bus: `python -m tests.fakes.desktop_bus ADDRESS`.

Service classes of dbus-fast read their annotations as D-Bus signatures, so none are postponed here.
"""

import asyncio
import sys
from typing import Any

from dbus_fast.aio import MessageBus
from dbus_fast.constants import PropertyAccess
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property

NM = "org.freedesktop.NetworkManager"


class IdleMonitor(ServiceInterface):
    @dbus_method()
    def GetIdletime(self) -> "t":  # type: ignore[name-defined]  # noqa: F821, N802  # D-Bus's names
        return 4_711


class ScreenSaver(ServiceInterface):
    @dbus_method()
    def GetActive(self) -> "b":  # type: ignore[name-defined]  # noqa: F821, N802  # as above
        return True


class NetworkManager(ServiceInterface):
    @dbus_method()
    def GetDeviceByIpIface(self, name: "s") -> "o":  # type: ignore[name-defined]  # noqa: F821, N802
        if name not in ("wlan0", "wlan1"):
            raise ValueError(name)
        return f"/devices/{name}"


class Wireless(ServiceInterface):
    def __init__(self, point: str) -> None:
        super().__init__(f"{NM}.Device.Wireless")
        self.point = point

    @dbus_property(access=PropertyAccess.READ)
    def ActiveAccessPoint(self) -> "o":  # type: ignore[name-defined]  # noqa: F821, N802
        return self.point


class AccessPoint(ServiceInterface):
    @dbus_property(access=PropertyAccess.READ)
    def HwAddress(self) -> "s":  # type: ignore[name-defined]  # noqa: F821, N802
        return "02:00:5E:10:00:02"


async def serve(address: str) -> None:
    bus: Any = await MessageBus(bus_address=address).connect()
    mutter, saver = "org.gnome.Mutter.IdleMonitor", "org.gnome.ScreenSaver"
    bus.export("/org/gnome/Mutter/IdleMonitor/Core", IdleMonitor(mutter))
    bus.export("/org/gnome/ScreenSaver", ScreenSaver(saver))
    bus.export("/org/freedesktop/NetworkManager", NetworkManager(NM))
    bus.export("/devices/wlan0", Wireless("/points/1"))
    bus.export("/devices/wlan1", Wireless("/"))
    bus.export("/points/1", AccessPoint(f"{NM}.AccessPoint"))
    for name in (mutter, saver, NM):
        await bus.request_name(name)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await bus.wait_for_disconnect()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
