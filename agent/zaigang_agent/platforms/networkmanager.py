"""The hardware address of the Wi-Fi access point, as NetworkManager tells everybody on this machine.

Asked only where no gateway tells one (a network that is IPv6 alone): one address says "this network",
a second would say where in the building. No network name is asked for, and no other network.
"""

from __future__ import annotations

import re
from typing import Any, Final, Protocol

from zaigang_agent.platforms.dbus import DBusError

_NAME: Final = "org.freedesktop.NetworkManager"
_PATH: Final = "/org/freedesktop/NetworkManager"
_PROPERTIES: Final = "org.freedesktop.DBus.Properties"
_NONE: Final = "/"
_MAC: Final = re.compile(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}\Z")


class Caller(Protocol):
    """`dbus.Connection`."""

    def call(self, destination: str, path: str, interface: str, member: str, *args: str) -> Any: ...


def access_point(system: Caller, interface: str) -> bytes | None:
    """Six bytes; None where NetworkManager does not run, or the interface is not its own."""
    try:
        device = system.call(_NAME, _PATH, _NAME, "GetDeviceByIpIface", interface)
        point = _property(system, device, f"{_NAME}.Device.Wireless", "ActiveAccessPoint")
        address = _property(system, point, f"{_NAME}.AccessPoint", "HwAddress")
    except DBusError:
        return None
    if not isinstance(address, str) or not _MAC.match(address):
        return None
    return bytes.fromhex(address.replace(":", ""))


def _property(system: Caller, path: object, interface: str, name: str) -> object:
    if not isinstance(path, str) or path == _NONE:
        return None
    found: object = system.call(_NAME, path, _PROPERTIES, "Get", interface, name)
    return found
