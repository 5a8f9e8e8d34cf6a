"""What is inside advertisements. Vectors are those of the formats' own pages, or computed once with
another implementation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaigang_agent.ble import bthome, eddystone, thermometers
from zaigang_agent.ble.adverts import Identity, identities
from zaigang_agent.ble.air import Sighting
from zaigang_shared import rid

ALTBEACON = bytes.fromhex("beac13b7cb56815a48eca01f3021ab49a155000002e2c301")
IBEACON = bytes.fromhex("021500112233445566778899aabbccddeeff00010002c5")
RUUVI = bytes.fromhex("0512FC5394C37C0004FFFC040CAC364200CDCBB8334C884F")
ATC = bytes.fromhex("a4c1380d34a200ef38270b6445")
BTHOME_KEY = bytes.fromhex("231d39c1d7cc1ab1aee224cd096db932")
BTHOME_MAC = bytes.fromhex("5448E68F80A5")


def found(
    service: dict[str, bytes] | None = None, company: dict[int, bytes] | None = None
) -> list[Identity]:
    return list(identities(Sighting(0, -50, service or {}, company or {})))


def test_our_own_beacon_is_recognised() -> None:
    frame = rid.Frame(True, False, -59, bytes(range(8))).encode()
    assert found({rid.SERVICE_UUID: frame}) == [Identity("rid", bytes(range(8)), -59)]
    assert found({rid.SERVICE_UUID: frame[:-1]}) == []
    assert found({eddystone.SERVICE_UUID: frame}) == []


def test_an_ibeacon_is_its_uuid_major_and_minor_from_apple_alone() -> None:
    [beacon] = found(company={0x004C: IBEACON})
    assert beacon.id.hex() == "00112233445566778899aabbccddeeff00010002"
    assert (beacon.format, beacon.power_at_1m_dbm) == ("ibeacon", -59)
    assert found(company={0x004D: IBEACON}) == []
    assert found(company={0x004C: b"\x10\x05" + IBEACON[2:]}) == []  # another of Apple's messages


def test_an_altbeacon_is_of_any_company() -> None:
    [beacon] = found(company={0x0118: ALTBEACON})
    assert beacon.id.hex() == "13b7cb56815a48eca01f3021ab49a155000002e2"
    assert (beacon.format, beacon.power_at_1m_dbm) == ("altbeacon", -61)


@pytest.mark.parametrize("reserved", [b"", b"\0\0"])
def test_an_eddystone_uid_is_namespace_and_instance(reserved: bytes) -> None:
    frame = b"\x00\xee" + bytes(range(16)) + reserved
    [beacon] = found({eddystone.SERVICE_UUID: frame})
    assert (beacon.format, beacon.id) == ("eddystone", bytes(range(16)))
    assert beacon.power_at_1m_dbm == -18 - 41


def test_an_eddystone_eid_is_read_and_telemetry_is_not_an_identifier() -> None:
    frame = b"\x30\xee" + bytes(range(8))
    assert found({eddystone.SERVICE_UUID: frame}) == [Identity("eddystone-eid", frame[2:], -59)]
    assert found({eddystone.SERVICE_UUID: b"\x20\x00" + bytes(12)}) == []


@pytest.mark.parametrize(("beacon_s", "eid"), [(0, "a9b76a71c5f89290"), (2000, "4144413e45fefa58")])
def test_an_eid_is_what_the_specification_computes(beacon_s: int, eid: str) -> None:
    key = bytes.fromhex("0102030405060708090A111213141516")
    assert eddystone.eid_at(key, 10, beacon_s).hex() == eid
    assert eddystone.eid_at(key, 10, beacon_s | 0x3FF) == eddystone.eid_at(key, 10, beacon_s)
    with pytest.raises(ValueError, match="exponent of 0 to 15"):
        eddystone.eid_at(key, 16, beacon_s)


def test_an_identity_key_is_agreed_upon_as_the_specification_says() -> None:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    service, beacon = (
        X25519PrivateKey.from_private_bytes(bytes.fromhex(text))
        for text in (
            "61136adab1bf302f1c49e860196aeefd8fbaa41518b4c226372d6cc469c47278",
            "6ea13b5ef3cc642fd6102c1d85c096b510f56efc488114a4562a987bf4525628",
        )
    )
    shared = beacon.exchange(service.public_key())
    key = eddystone.identity_key(
        shared, service.public_key().public_bytes_raw(), beacon.public_key().public_bytes_raw()
    )
    assert shared.hex() == "690821890fffb83bb348fb620d0a10e625fe3d919b5594e7b9258d50f829b90b"
    assert key.hex() == "f40d6f18e5882260e847e99ca33ac44f"


# ---- thermometers


def test_a_ruuvitag_is_read() -> None:
    air = thermometers.ruuvi(RUUVI)
    assert air is not None
    assert (air.temp_c, air.rh_pct) == pytest.approx((24.3, 53.49))
    assert air.pressure_hpa == pytest.approx(1000.44)
    assert (air.battery_mv, air.sequence) == (2977, 205)
    assert air.address == bytes.fromhex("CBB8334C884F")


@pytest.mark.parametrize(("at", "value"), [(1, "8000"), (3, "ffff")])
def test_a_ruuvitag_that_did_not_measure_has_no_climate(at: int, value: str) -> None:
    assert thermometers.ruuvi(RUUVI[:at] + bytes.fromhex(value) + RUUVI[at + 2 :]) is None


def test_a_ruuvitag_without_a_barometer_has_no_pressure() -> None:
    air = thermometers.ruuvi(RUUVI[:5] + b"\xff\xff" + RUUVI[7:])
    assert air is not None
    assert air.pressure_hpa is None


def test_both_layouts_of_the_custom_firmware_are_read() -> None:
    old = thermometers.atc(ATC)
    assert old is not None
    assert (old.temp_c, old.rh_pct, old.battery_mv, old.sequence) == (23.9, 56.0, 2916, 0x45)
    assert old.address == bytes.fromhex("a4c1380d34a2")
    mac = old.address[::-1]
    new = thermometers.atc(mac + bytes.fromhex("5609 e015 640b 27 45 05"))
    assert new is not None
    assert (new.temp_c, new.rh_pct, new.battery_mv, new.sequence) == (23.9, 56.0, 2916, 0x45)
    assert new.address == old.address


def test_plain_bthome_is_read() -> None:
    air = bthome.plain(bytes.fromhex("4002ca0903bf13"))
    assert air is not None
    assert (air.temp_c, air.rh_pct) == pytest.approx((25.06, 50.55))


def test_all_that_is_air_in_bthome_is_read_and_the_rest_is_stepped_over() -> None:
    frame = "40 0007 0161 02ff03 04138a01 0c020c 121704 2101 2e23"
    air = bthome.plain(bytes.fromhex(frame))
    assert air is not None
    assert (air.temp_c, air.rh_pct, air.co2_ppm, air.sequence) == (10.23, 35.0, 1047, 7)
    assert air.pressure_hpa == pytest.approx(1008.83)
    assert air.battery_mv == 3074


def test_bthome_stops_at_a_kind_of_unknown_length() -> None:
    assert bthome.objects(bytes.fromhex("02ca09 53 0c48656c 03bf13")) == {0x02: 0x09CA}
    assert bthome.objects(bytes.fromhex("45f6ff")) == {0x45: -10}


@pytest.mark.parametrize(
    ("frame", "objects"),
    [
        ("41a47266c95f730011223378237214", {0x02: 2506, 0x03: 5055}),
        ("4187b90011223372b0231f", {0x21: 1}),
    ],
)
def test_encrypted_bthome_is_opened(frame: str, objects: dict[int, int]) -> None:
    opened = bthome.unseal(bytes.fromhex(frame), BTHOME_KEY, BTHOME_MAC)
    assert opened is not None
    assert opened[0] == 0x33221100
    assert bthome.objects(opened[1]) == objects


def test_encrypted_bthome_of_another_key_address_or_content_is_refused() -> None:
    frame = bytes.fromhex("41a47266c95f730011223378237214")
    opened = bthome.encrypted(frame, BTHOME_KEY, BTHOME_MAC)
    assert opened is not None
    assert opened[1] is not None
    assert (opened[1].temp_c, opened[1].rh_pct) == pytest.approx((25.06, 50.55))
    assert bthome.encrypted(frame, bytes(16), BTHOME_MAC) is None
    assert bthome.encrypted(frame, BTHOME_KEY, bytes(6)) is None
    for at in range(1, len(frame)):
        changed = frame[:at] + bytes([frame[at] ^ 1]) + frame[at + 1 :]
        assert bthome.encrypted(changed, BTHOME_KEY, BTHOME_MAC) is None
    assert bthome.encrypted(bytes.fromhex("4002ca0903bf13"), BTHOME_KEY, BTHOME_MAC) is None
    assert bthome.plain(frame) is None


def test_what_cannot_be_air_is_no_measurement() -> None:
    assert bthome.plain(bytes.fromhex("4002ff7f03bf13")) is None  # 327 °C
    assert bthome.plain(bytes.fromhex("4002ca0903ffff")) is None  # 655 %
    assert thermometers.atc(ATC[:6] + b"\x7f\xff" + ATC[8:]) is None


# ---- anything else


def like(known: bytes) -> st.SearchStrategy[bytes]:
    """Known frames with some bytes of others, cut off, or longer."""
    return st.builds(
        lambda at, put, end: (known[:at] + put + known[at + len(put) :])[:end],
        st.integers(0, len(known)),
        st.binary(max_size=4),
        st.integers(0, len(known) + 2),
    )


frames = st.one_of(st.binary(max_size=40), *map(like, (ALTBEACON, IBEACON, RUUVI, ATC)))


@given(frames, st.sampled_from([rid.SERVICE_UUID, eddystone.SERVICE_UUID, "0000feaa"]))
def test_any_bytes_give_identifiers_or_nothing(data: bytes, uuid: str) -> None:
    for identity in found({uuid: data}, {0x004C: data, 0x0118: data}):
        assert 8 <= len(identity.id) <= 20
        assert -128 - 41 <= identity.power_at_1m_dbm <= 127


@given(
    frames | like(bytes.fromhex("4002ca0903bf13")), st.binary(max_size=17), st.binary(max_size=7)
)
def test_any_bytes_give_air_or_nothing(data: bytes, key: bytes, address: bytes) -> None:
    read = [thermometers.ruuvi(data), thermometers.atc(data), bthome.plain(data)]
    opened = bthome.encrypted(data, key, address)
    assert opened is None
    for air in read:
        if air is not None:
            assert -60 <= air.temp_c <= 130
            assert 0 <= air.rh_pct <= 100


@given(frames)
def test_any_frame_is_our_beacon_or_is_not(data: bytes) -> None:
    mine = found({rid.SERVICE_UUID: data})
    assert bool(mine) == (len(data) == 10 and data[0] >> 4 == 1)
