"""What can be the matter with a radio, in sentences that say what to do. Pure.

None of it is ever an exception for the agent, and none of it says anything of who is there.
"""

from __future__ import annotations

from typing import Final

NO_SERVICE: Final = (
    "no Bluetooth service answers: install bluez and start it with systemctl start bluetooth; or "
    "set [radio] off = true"
)
NO_BUS: Final = (
    "the system's message bus (D-Bus) cannot be reached: look at systemctl status dbus; in a "
    "container, /run/dbus/system_bus_socket has to be passed in"
)
NO_ADAPTER: Final = (
    "the system knows of no Bluetooth adapter: look at systemctl status bluetooth and bluetoothctl "
    "list, plug one in, or set [radio] off = true"
)
POWERED_OFF: Final = "Bluetooth is switched off: bluetoothctl power on, or rfkill unblock bluetooth"
NO_LE: Final = "the Bluetooth adapter has no Low Energy: it can hear no beacon; use another one"
DENIED: Final = (
    "the system does not let the agent use Bluetooth: allow it in the system's privacy settings; on "
    "Linux look at /etc/dbus-1/system.d/bluetooth.conf"
)
NO_ADVERTISING: Final = (
    "the Bluetooth adapter cannot broadcast: use one with LE advertising, BlueZ 5.50 or newer"
)
NO_ROOM: Final = (
    "the Bluetooth adapter broadcasts as much as it can for other programs already: bluetoothctl "
    "show says how much it can; end one of them, or use another adapter"
)
NOT_INSTALLED: Final = "bleak is not installed: install zaigang with the extra [agent]"
NOT_STARTED: Final = "the radio was not started"
STARTING: Final = "the radio is starting"
NO_ANSWER: Final = (
    "Bluetooth does not answer: systemctl restart bluetooth; if that does not help, cut the "
    "adapter's power"
)
SILENT: Final = (
    "nothing at all was heard, from anybody, since listening began anew: right where there is no "
    "Bluetooth device far and wide, else systemctl restart bluetooth"
)
STUCK: Final = "the radio is stuck (5 new beginnings did not help): "

# bleak.exc.BleakBluetoothNotAvailableReason by name, so that bleak need not be loaded to ask.
_BY_REASON: Final = {
    "NO_BLUETOOTH": NO_ADAPTER,
    "NO_BLE_CENTRAL_ROLE": NO_LE,
    "POWERED_OFF": POWERED_OFF,
    "DENIED_BY_USER": DENIED,
    "DENIED_BY_SYSTEM": DENIED,
    "DENIED_BY_UNKNOWN": DENIED,
}
_BY_DBUS_ERROR: Final = {
    "org.bluez.Error.NotReady": POWERED_OFF,
    "org.bluez.Error.NotPermitted": NO_ROOM,
    "org.bluez.Error.NotSupported": NO_ADVERTISING,
    "org.bluez.Error.NotAuthorized": DENIED,
    "org.freedesktop.DBus.Error.AccessDenied": DENIED,
    "org.freedesktop.DBus.Error.ServiceUnknown": NO_SERVICE,
    "org.freedesktop.DBus.Error.NameHasNoOwner": NO_SERVICE,
    "org.freedesktop.DBus.Error.Spawn.ExecFailed": NO_SERVICE,
    "org.freedesktop.DBus.Error.NoReply": NO_ANSWER,
    "org.freedesktop.DBus.Error.UnknownObject": NO_ADAPTER,
    "org.freedesktop.DBus.Error.UnknownMethod": NO_ADAPTER,
}


def no_such_adapter(name: str) -> str:
    """The setting names one that is not there."""
    return (
        f"there is no Bluetooth adapter {name}: look at bluetoothctl list, and set [radio] adapter "
        'to one of them, or to "" for any'
    )


def by_dbus_error(name: str) -> str:
    """A D-Bus error name (never its text, which can hold addresses)."""
    return _BY_DBUS_ERROR.get(
        name, f"Bluetooth refused ({name}): look at systemctl status bluetooth"
    )


def explain(error: BaseException) -> str:
    """An exception of bleak, dbus-fast or the system. The text of unknown ones is left out: it can
    hold the address of somebody's device."""
    reason = getattr(getattr(error, "reason", None), "name", None)
    if reason in _BY_REASON:
        return _BY_REASON[reason]
    dbus_error = getattr(error, "dbus_error", None) or getattr(error, "type", None)
    if isinstance(dbus_error, str):
        return by_dbus_error(dbus_error)
    if isinstance(error, TimeoutError):
        return NO_ANSWER
    if isinstance(error, ImportError):
        return NOT_INSTALLED
    if isinstance(error, (OSError, EOFError)):
        return NO_BUS
    return f"Bluetooth failed ({type(error).__name__}): systemctl status bluetooth says more"
