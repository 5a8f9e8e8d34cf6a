"""What a device keeps of all that it hears, and that nothing is left of anybody else's."""

from __future__ import annotations

import gc
import itertools
import logging
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from zaigang_agent.ble import bthome, eddystone, thermometers
from zaigang_agent.ble.air import Sighting
from zaigang_agent.ble.ear import Ear
from zaigang_agent.ble.reception import Reception
from zaigang_agent.ble.supervision import Patience
from zaigang_shared import rid
from zaigang_shared.device_config import Carried, DeviceConfig, Kept
from zaigang_shared.readings import Beacon, Environment, encode

KEY = bytes(range(32))
UUID = bytes.fromhex("00112233445566778899aabbccddeeff")
IBEACON = b"\x02\x15" + UUID + b"\0\1\0\2\xc5"
ALTBEACON = b"\xbe\xac" + UUID + b"\0\1\0\2\xc3\0"
EDDYSTONE = b"\x00\xee" + UUID
MAC = bytes.fromhex("a4c1380d34a2")
ATC = MAC + bytes.fromhex("00ef38270b6445")
RUUVI_MAC = bytes.fromhex("CBB8334C884F")
RUUVI = bytes.fromhex("0512FC5394C37C0004FFFC040CAC364200CDCBB8334C884F")
BTHOME_KEY = bytes.fromhex("231d39c1d7cc1ab1aee224cd096db932")
BTHOME_MAC = bytes.fromhex("5448E68F80A5")
SEALED = bytes.fromhex("41a47266c95f730011223378237214")
CLOCK = FakeClock()


def an_ear(*kept: Kept, carried: tuple[Carried, ...] = (), rid_key: bytes | None = None) -> Ear:
    config = DeviceConfig(
        hours=None, net_key=bytes(32), kept=kept, carried=carried, rid_key=rid_key
    )
    return Ear(config, CLOCK.utc_ms)


def packet(
    t_ms: int = 5,
    *,
    service: Mapping[str, bytes] | None = None,
    company: Mapping[int, bytes] | None = None,
    address: bytes = bytes(6),
) -> Sighting:
    return Sighting(t_ms, -60, service or {}, company or {}, address)


def beacons(ear: Ear) -> list[tuple[str, bytes]]:
    found = ear.take(0, 100, 0)
    for reading in found:
        encode(reading)
    return [(r.scheme, r.id) for r in found if isinstance(r, Beacon)]


def own_frame(slots_away: int) -> dict[str, bytes]:
    code = rid.rid(KEY, rid.slot_at(CLOCK.utc) + slots_away)
    return {rid.SERVICE_UUID: rid.Frame(True, False, -59, code).encode()}


# ---- beacons


def test_our_own_kind_is_always_kept() -> None:
    ear = an_ear()
    ear.hear(packet(service=own_frame(0)))
    assert beacons(ear) == [("rid", rid.rid(KEY, rid.slot_at(CLOCK.utc)))]


def test_a_colleagues_laptop_is_dropped_by_a_laptop_and_witnessed_by_a_node() -> None:
    code = rid.rid(bytes(32), rid.slot_at(CLOCK.utc))
    frame = rid.Frame(True, False, -59, code, laptop=True).encode()
    config = DeviceConfig(hours=None, net_key=KEY, rid_key=KEY)
    laptop, node = (Ear(config, CLOCK.utc_ms, on_laptop=is_one) for is_one in (True, False))
    for ear in (laptop, node):
        ear.hear(packet(service={rid.SERVICE_UUID: frame}))
    assert beacons(laptop) == []
    assert beacons(node) == [("rid", code)]


def test_a_node_tells_of_a_full_room_and_a_laptop_of_a_building() -> None:
    config = DeviceConfig(hours=None, net_key=KEY)
    for on_laptop, most in ((True, 64), (False, 300)):
        ear = Ear(config, CLOCK.utc_ms, on_laptop=on_laptop)
        for number in range(400):
            frame = rid.Frame(True, False, -59, number.to_bytes(8, "big")).encode()
            ear.hear(packet(service={rid.SERVICE_UUID: frame}))
        assert len(beacons(ear)) == most


@pytest.mark.parametrize("away", [-20, 0, 1, 20])
def test_a_device_never_tells_of_hearing_itself(away: int) -> None:
    ear = an_ear(rid_key=KEY)
    ear.hear(packet(service=own_frame(away)))
    assert beacons(ear) == []


@pytest.mark.parametrize(
    ("kept", "data"),
    [
        (Kept("ibeacon", UUID), packet(company={0x004C: IBEACON})),
        (Kept("altbeacon", UUID[:4]), packet(company={0x0118: ALTBEACON})),
        (Kept("eddystone", UUID[:10]), packet(service={eddystone.SERVICE_UUID: EDDYSTONE})),
    ],
)
def test_a_beacon_that_the_configuration_names_is_kept_under_its_format(
    kept: Kept, data: Sighting
) -> None:
    ear, stranger, badge = (
        an_ear(kept),
        an_ear(Kept(kept.format, b"\xff" * 4)),
        an_ear(Kept(kept.format, kept.prefix, badge=True)),
    )
    for each in (ear, stranger, badge):
        each.hear(data)
    [(scheme, code)] = beacons(ear)
    assert (scheme, code[:16]) == (kept.format, UUID)
    assert beacons(stranger) == []
    assert beacons(badge) == [("badge", code)]


def test_the_same_bytes_in_another_format_are_somebody_elses() -> None:
    ear = an_ear(Kept("eddystone", UUID))
    ear.hear(packet(company={0x004C: IBEACON, 0x0118: ALTBEACON}))
    assert beacons(ear) == []


def test_an_eid_is_never_kept_for_no_prefix_can_name_what_changes() -> None:
    ear = an_ear(Kept("eddystone", UUID[:8]))
    ear.hear(packet(service={eddystone.SERVICE_UUID: b"\x30\xee" + UUID[:8]}))
    assert beacons(ear) == []


# ---- thermometers


def climate(ear: Ear, to_ms: int = 100, apart_ms: int = 0, from_ms: int = 0) -> list[Environment]:
    return [r for r in ear.take(from_ms, to_ms, apart_ms) if isinstance(r, Environment)]


def atc(temp_tenths: int, count: int, t_ms: int = 5) -> Sighting:
    data = MAC + temp_tenths.to_bytes(2, "big") + ATC[8:-1] + bytes([count])
    return packet(t_ms, service={thermometers.ATC_UUID: data}, address=MAC)


@pytest.mark.parametrize(
    ("carried", "data", "temp_c", "rh_pct"),
    [
        (
            Carried("desk", "ruuvi", RUUVI_MAC),
            packet(company={thermometers.RUUVI_COMPANY: RUUVI}, address=RUUVI_MAC),
            24.3, 53.49,
        ),
        (
            Carried("desk", "ruuvi", RUUVI_MAC),
            packet(company={thermometers.RUUVI_COMPANY: RUUVI}, address=b""),  # macOS
            24.3, 53.49,
        ),
        (Carried("desk", "atc", MAC), atc(239, 1), 23.9, 56.0),
        (
            Carried("desk", "bthome", BTHOME_MAC),
            packet(
                service={bthome.SERVICE_UUID: bytes.fromhex("4002ca0903bf13")}, address=BTHOME_MAC
            ),
            25.06, 50.55,
        ),
        (
            Carried("desk", "bthome", BTHOME_MAC, BTHOME_KEY),
            packet(service={bthome.SERVICE_UUID: SEALED}, address=BTHOME_MAC),
            25.06, 50.55,
        ),
    ],
)  # fmt: skip
def test_a_thermometer_of_ours_is_read_and_anybody_elses_is_not(
    carried: Carried, data: Sighting, temp_c: float, rh_pct: float
) -> None:
    ear = an_ear(carried=(carried,))
    ear.hear(data)
    [reading] = climate(ear)
    assert (reading.sensor, reading.model, reading.via) == ("desk", carried.format, "ble")
    assert (reading.temp_c, reading.rh_pct, reading.t_ms) == (temp_c, rh_pct, 5)
    assert (reading.temp_acc_c, reading.rh_acc_pct, reading.self_heat_c) == (None, None, None)
    encode(reading)
    other = Carried("desk", carried.format, bytes(6), carried.key)
    stranger = an_ear(carried=(other,))
    stranger.hear(data)
    assert climate(stranger) == []


def test_a_frame_of_another_sensor_at_our_address_is_not_ours() -> None:
    ear = an_ear(carried=(Carried("desk", "atc", bytes(6)),))
    ear.hear(packet(service={thermometers.ATC_UUID: ATC}, address=bytes(6)))
    assert climate(ear) == []


def test_plain_text_of_a_sensor_with_a_key_and_an_old_counter_are_not_believed() -> None:
    ear = an_ear(carried=(Carried("desk", "bthome", BTHOME_MAC, BTHOME_KEY),))
    plain = {bthome.SERVICE_UUID: bytes.fromhex("4002ca0903bf13")}
    ear.hear(packet(service=plain, address=BTHOME_MAC))
    assert climate(ear) == []
    sealed = packet(service={bthome.SERVICE_UUID: SEALED}, address=BTHOME_MAC)
    ear.hear(sealed)
    assert len(climate(ear)) == 1
    ear.hear(packet(service=plain, address=BTHOME_MAC))
    ear.hear(sealed)  # recorded, and sent again
    assert climate(ear) == []


def test_the_newest_value_of_a_period_is_told_once() -> None:
    ear = an_ear(carried=(Carried("desk", "atc", MAC),))
    ear.hear(atc(200, 1, 5))
    ear.hear(atc(210, 2, 6))
    assert [reading.temp_c for reading in climate(ear)] == [21.0]
    ear.hear(atc(210, 2, 105))  # the system repeats what it knows: not a measurement
    assert climate(ear, 200) == []
    ear.hear(atc(210, 3, 205))
    assert [reading.t_ms for reading in climate(ear, 300)] == [205]


def test_a_thermometer_speaks_once_a_period_at_most() -> None:
    ear = an_ear(carried=(Carried("desk", "atc", MAC),))
    told = []
    for second in range(1, 601):
        ear.hear(atc(200 + second % 7, second % 256, second * 1000))
        if second % 10 == 0:
            told += climate(ear, second * 1000, apart_ms=59_000)
    assert len(told) == 10
    assert all(b.t_ms - a.t_ms >= 59_000 for a, b in itertools.pairwise(told))


def test_what_was_heard_before_the_period_is_not_told() -> None:
    ear = an_ear(carried=(Carried("desk", "atc", MAC),))
    ear.hear(atc(200, 1, 5))
    assert climate(ear, 100, from_ms=50) == []
    ear.hear(atc(210, 2, 60))
    ear.forget()
    assert climate(ear, 200) == []


# ---- everybody else

SENTINEL = b"SENTINEL"
SENTINEL_MAC = bytes.fromhex("5e47111e1c0d")


def strangers() -> list[Sighting]:
    """Every format, with identifiers and names that nobody has named."""
    code = SENTINEL * 2
    return [
        packet(company={0x004C: b"\x02\x15" + code + b"\0\1\0\2\xc5"}, address=SENTINEL_MAC),
        packet(company={0x004C: b"\x10\x05" + SENTINEL}, address=SENTINEL_MAC),
        packet(company={0x0118: b"\xbe\xac" + code + b"\0\1\0\2\xc3\0"}, address=SENTINEL_MAC),
        packet(service={eddystone.SERVICE_UUID: b"\0\xee" + code}, address=SENTINEL_MAC),
        packet(service={eddystone.SERVICE_UUID: b"\x30\xee" + SENTINEL}, address=SENTINEL_MAC),
        packet(service={thermometers.ATC_UUID: SENTINEL_MAC + ATC[6:]}, address=SENTINEL_MAC),
        packet(service={bthome.SERVICE_UUID: b"\x40" + SENTINEL}, address=SENTINEL_MAC),
        packet(service={"0000180f-0000-1000-8000-00805f9b34fb": SENTINEL}, address=SENTINEL_MAC),
    ]


def contents(thing: object, depth: int = 12) -> set[bytes]:
    """All bytes that can be reached from an object of ours."""
    found: set[bytes] = set()
    seen: set[int] = set()
    level = [thing]
    for _ in range(depth):
        level = [each for each in gc.get_referents(*level) if id(each) not in seen]
        seen |= {id(each) for each in level}
        found |= {bytes(each) for each in level if isinstance(each, (bytes, bytearray))}
        level = [each for each in level if not isinstance(each, type) and not callable(each)]
    return found


def test_nothing_is_left_of_other_peoples_devices(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    kept = (Kept("ibeacon", UUID), Kept("altbeacon", UUID), Kept("eddystone", UUID))
    carried = tuple(Carried("x", name, MAC) for name in ("atc", "bthome", "ruuvi"))
    ear = an_ear(*kept, carried=carried)
    reception = Reception(CLOCK, Patience())
    reception.listen(ear)
    for sighting in strangers():
        reception.hear("5E:47:11:1E:1C:0D", sighting)
        assert SENTINEL.decode() not in repr(sighting)
        assert "5e" not in repr(sighting).lower().removeprefix("sighting")
    left = contents(ear) | contents(reception)
    assert any(UUID in data for data in left)  # it does look inside
    assert not any(SENTINEL in data or SENTINEL_MAC in data for data in left)
    assert ear.take(0, 100, 0) == []
    heard = reception.take()
    assert (heard.adverts, heard.devices) == (8, 1)
    assert caplog.text == ""


def test_an_error_in_the_listener_ends_nothing_and_says_nothing_of_what_was_heard(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken:
        needles = None

        def hear(self, sighting: Sighting) -> None:
            raise ValueError(f"cannot read {dict(sighting.manufacturer_data)!r}")

    reception = Reception(CLOCK, Patience())
    reception.listen(Broken())
    reception.hear("5E:47:11:1E:1C:0D", strangers()[1])
    assert reception.take().adverts == 1
    assert "ValueError" in caplog.text
    assert "SENTINEL" not in caplog.text


@given(st.binary(max_size=31), st.integers(0, 0xFFFF), st.binary(min_size=6, max_size=6))
def test_any_advertisement_is_ours_or_dropped(data: bytes, company: int, address: bytes) -> None:
    carried = tuple(Carried("x", name, MAC, None) for name in ("atc", "bthome", "ruuvi"))
    ear = an_ear(Kept("ibeacon", UUID), carried=carried)
    uuids = [rid.SERVICE_UUID, eddystone.SERVICE_UUID, bthome.SERVICE_UUID, thermometers.ATC_UUID]
    ear.hear(packet(service=dict.fromkeys(uuids, data), company={company: data}, address=address))
    for reading in ear.take(0, 100, 0):
        encode(reading)
        assert isinstance(reading, Environment) or reading.scheme == "rid"
