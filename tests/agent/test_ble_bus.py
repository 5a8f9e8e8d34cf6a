"""The radio's own D-Bus: what is written can be read, and strangers' messages are counted unread."""

from __future__ import annotations

from typing import Any

import pytest
from dbus_fast import Message, MessageType, Variant
from hypothesis import given
from hypothesis import strategies as st

from zaigang_agent.ble.air import Sighting
from zaigang_agent.ble.bluez_packets import Packets
from zaigang_agent.ble.bus import Called, marshal
from zaigang_shared import rid

ADAPTER = "/org/bluez/hci0"
ADDRESS = "C0:00:00:00:00:01"
PATH = f"{ADAPTER}/dev_{ADDRESS.replace(':', '_')}"
FRAME = rid.Frame(True, False, -59, bytes(range(8))).encode()
STRANGER = {"ManufacturerData": Variant("a{qv}", {0x4C: Variant("ay", b"\x10\x05SENTINEL")})}
OURS = {"ServiceData": Variant("a{sv}", {rid.SERVICE_UUID: Variant("ay", FRAME)})}


@pytest.mark.parametrize(
    ("signature", "values"),
    [
        ("", ()),
        ("s", ("äöü",)),
        ("oa{sv}", ("/a", {})),
        ("a{sv}", ({"Transport": ("s", "le"), "DuplicateData": ("b", False)},)),
        ("a{sv}", ({"ServiceData": ("a{sv}", {"uuid": ("ay", b"\1\2\3")}), "Min": ("u", 200)},)),
        ("yau(sx)", (7, [1, 2, 3], ("x", -5))),
    ],
)
def test_what_is_written_is_what_another_implementation_writes(
    signature: str, values: tuple[Any, ...]
) -> None:
    theirs = Message(
        message_type=MessageType.SIGNAL,
        path="/a",
        interface="a.b",
        member="C",
        signature=signature,
        body=[variants(value) for value in values],
    )._marshall(False)
    body_size = int.from_bytes(theirs[4:8], "little")
    assert marshal(signature, *values) == bytes(theirs[len(theirs) - body_size :])


def variants(value: Any) -> Any:
    """Our pairs as dbus-fast's variants."""
    if isinstance(value, dict):
        return {key: variants(each) for key, each in value.items()}
    if isinstance(value, tuple) and len(value) == 2 and value[0] in {"s", "b", "u", "ay", "a{sv}"}:
        return Variant(value[0], variants(value[1]))
    return list(value) if isinstance(value, tuple) else value


def signal(member: str, signature: str, *body: Any, path: str = "/") -> bytes:
    return bytes(
        Message(
            message_type=MessageType.SIGNAL,
            path=path,
            interface="org.freedesktop.DBus.Properties",
            member=member,
            signature=signature,
            body=list(body),
        )._marshall(False)
    )


def added(properties: dict[str, Variant], path: str = PATH) -> bytes:
    body = {"org.bluez.Device1": {"Address": Variant("s", ADDRESS), **properties}}
    return signal("InterfacesAdded", "oa{sa{sv}}", path, body)


def changed(properties: dict[str, Variant], *gone: str, path: str = PATH) -> bytes:
    body = ("org.bluez.Device1", properties, list(gone))
    return signal("PropertiesChanged", "sa{sv}as", *body, path=path)


def rssi(value: int) -> dict[str, Variant]:
    return {"RSSI": Variant("n", value)}


class Ours:
    needles = (rid.SERVICE_UUID.encode(),)

    def hear(self, sighting: Sighting) -> None: ...


def packets() -> Packets:
    return Packets(ADAPTER, Ours())


def test_a_strangers_packet_is_counted_by_its_address_and_not_read() -> None:
    reader = packets()
    for frame in (added(rssi(-50) | STRANGER), changed(rssi(-60)), changed(STRANGER)):
        assert reader.read(frame, 5) == (b"C0_00_00_00_00_01", None)
    assert reader._known == {}


def test_a_packet_of_ours_is_read_and_later_ones_that_say_only_what_is_new() -> None:
    reader = packets()
    for frame, strength, data in (
        (added(rssi(-50) | OURS), -50, FRAME),
        (changed(rssi(-60)), -60, FRAME),
        (
            changed({"ServiceData": Variant("a{sv}", {rid.SERVICE_UUID: Variant("ay", b"x")})}),
            -60,
            b"x",
        ),
    ):
        found = reader.read(frame, 7)
        assert found is not None
        sighting = found[1]
        assert sighting is not None
        assert (sighting.t_ms, sighting.rssi_dbm) == (7, strength)
        assert sighting.service_data == {rid.SERVICE_UUID: data}
        assert sighting.address == bytes.fromhex("c00000000001")


def test_what_bluez_knows_already_is_remembered_of_ours_alone_and_is_not_heard_yet() -> None:
    packets = Packets(ADAPTER, Ours())
    ours = {"ServiceData": {rid.SERVICE_UUID: list(FRAME)}}
    strangers = {"ManufacturerData": {0x4C: list(b"\x10\x05SENTINEL")}}
    packets.remember(
        {
            PATH: {"org.bluez.Device1": ours},
            PATH[:-1] + "2": {"org.bluez.Device1": strangers},
            PATH.replace("hci0", "hci1"): {"org.bluez.Device1": ours},
            ADAPTER: {"org.bluez.Adapter1": {}},
        }
    )
    assert len(packets._known) == 1
    [known] = packets._known.values()
    assert known.rssi_dbm == 0
    found = packets.read(changed({"RSSI": Variant("n", -60)}), 5)
    assert found is not None
    assert found[1] is not None
    assert (found[1].t_ms, found[1].rssi_dbm) == (5, -60)
    assert found[1].service_data == {rid.SERVICE_UUID: FRAME}
    packets.remember(None)  # whatever it answers


def test_an_answer_that_tells_of_a_railway_station_is_read() -> None:
    # GetManagedObjects: all devices that bluetoothd remembers, about a KiB each.
    objects = {
        f"{ADAPTER}/dev_{n}": {"org.bluez.Device1": {"Name": Variant("s", "x" * 1_000)}}
        for n in range(2_000)
    }
    frame = signal("Answer", "a{oa{sa{sv}}}", objects)
    assert len(frame) > 2 << 20
    [found] = Called(frame).values
    assert len(found) == 2_000


def test_what_is_no_packet_is_not_counted() -> None:
    reader = packets()
    for frame in (
        changed({"Connected": Variant("b", True)}),
        changed({}, "RSSI"),  # it is out of range
        added({}),  # a device that was paired once
        signal("InterfacesRemoved", "oas", PATH, ["org.bluez.Device1"]),
        added(rssi(-50), path=PATH.replace("hci0", "hci1")),  # another adapter
        changed({"Powered": Variant("b", False)}, path=ADAPTER),
    ):
        assert reader.read(frame, 5) is None


def test_a_device_that_bluez_forgets_is_forgotten() -> None:
    reader = packets()
    reader.read(added(rssi(-50) | OURS), 5)
    assert len(reader._known) == 1
    reader.read(signal("InterfacesRemoved", "oas", PATH, ["org.bluez.Device1"]), 5)
    assert reader._known == {}


def test_invented_beacons_take_a_bounded_memory() -> None:
    reader = packets()
    for n in range(1_000):
        reader.read(
            added(rssi(-50) | OURS, path=f"{ADAPTER}/dev_00_00_00_00_{n >> 8:02X}_{n & 255:02X}"), 5
        )
    assert len(reader._known) == 128


@given(st.binary(max_size=200), st.integers(0, 300), st.binary(max_size=3))
def test_any_bytes_are_a_packet_or_nothing_or_not_d_bus(junk: bytes, at: int, put: bytes) -> None:
    known = added(rssi(-50) | OURS)
    for frame in (junk, known[:at] + put + known[at + len(put) :], known[:at]):
        try:
            packets().read(frame, 5)
            Called(frame)
        except OSError:
            continue
