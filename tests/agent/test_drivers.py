from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaigang_agent.drivers import sht3x, sht4x
from zaigang_agent.drivers.bus import NACK, Climate, SensorError, ask, crc8, words
from zaigang_agent.drivers.catalog import DRIVERS


@pytest.mark.parametrize(
    ("data", "crc"),
    [
        ("beef", 0x92),
        ("0000", 0x81),
        ("ffff", 0xAC),
        ("1234", 0x37),
        ("6667", 0xA2),
        ("5eb9", 0x3C),
        ("01f4", 0x33),
        ("f896", 0x31),
        ("9f07", 0xC2),
        ("3bbe", 0x89),
        ("0190", 0x4C),
        ("8000", 0xA2),
        ("1c269a7642e7", 0x76),
    ],
)
def test_checksums_are_those_of_the_datasheets(data: str, crc: int) -> None:
    assert crc8(bytes.fromhex(data)) == crc


@pytest.mark.parametrize(("data", "crc"), [("dc", 0x79), ("683a", 0x7C), ("4e85", 0x6B)])
def test_the_older_sensors_start_the_checksum_at_zero(data: str, crc: int) -> None:
    assert crc8(bytes.fromhex(data), init=0) == crc


@given(st.binary(min_size=2, max_size=2), st.integers(0, 23))
def test_any_single_flipped_bit_is_noticed(data: bytes, bit: int) -> None:
    frame = bytearray(data + bytes([crc8(data)]))
    frame[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SensorError, match="checksum"):
        words(bytes(frame), 1)


@given(st.binary(max_size=12))
@pytest.mark.parametrize("read", [sht4x.climate, sht3x.climate])
def test_any_bytes_give_a_possible_climate_or_an_error(
    read: Callable[[bytes], Climate], frame: bytes
) -> None:
    try:
        climate = read(frame)
    except SensorError:
        return
    assert -40 <= climate.temp_c <= 125
    assert 0 <= climate.rh_pct <= 100
    assert climate.raw == frame


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_well_formed_words_follow_the_formula_of_the_datasheet(temp: int, rh: int) -> None:
    frame = b"".join(w.to_bytes(2, "big") + bytes([crc8(w.to_bytes(2, "big"))]) for w in (temp, rh))
    expected_c = -45 + 175 * temp / 65535
    if not -40 <= expected_c <= 125:
        with pytest.raises(SensorError, match="outside"):
            sht4x.climate(frame)
        return
    climate = sht4x.climate(frame)
    assert climate.temp_c == pytest.approx(expected_c)
    assert climate.rh_pct == pytest.approx(min(100, max(0, -6 + 125 * rh / 65535)))
    assert sht3x.climate(frame).rh_pct == pytest.approx(100 * rh / 65535)


@pytest.mark.parametrize("frame", [b"\x00" * 6, b"\xff" * 6])
def test_a_bus_that_is_stuck_high_or_low_is_refused(frame: bytes) -> None:
    with pytest.raises(SensorError, match="checksum"):
        sht4x.climate(frame)


class SlowBus:
    """Does not acknowledge the first `late` reads."""

    def __init__(self, late: int, errno: int = NACK) -> None:
        self.late, self.errno, self.waited_s = late, errno, 0.0

    def write(self, address: int, data: bytes) -> None:
        assert address
        assert data

    def read(self, address: int, count: int) -> bytes:
        assert address
        self.late -= 1
        if self.late >= 0:
            raise OSError(self.errno, "not yet")
        return bytes(count)

    def sleep(self, seconds: float) -> None:
        self.waited_s += seconds


def test_a_sensor_that_is_late_is_asked_twice_more_after_half_the_wait() -> None:
    bus = SlowBus(late=2)
    assert ask(bus, 0x44, b"\xfd", 0.01, 6) == bytes(6)
    assert bus.waited_s == pytest.approx(0.02)


def test_a_sensor_that_never_answers_is_given_up() -> None:
    with pytest.raises(OSError, match="not yet"):
        ask(SlowBus(late=3), 0x44, b"\xfd", 0.01, 6)


def test_a_bus_that_hangs_is_not_asked_again() -> None:
    bus = SlowBus(late=1, errno=110)
    with pytest.raises(OSError, match="not yet"):
        ask(bus, 0x44, b"\xfd", 0.01, 6)
    assert bus.waited_s == pytest.approx(0.01)


def test_every_driver_carries_its_accuracy_and_addresses() -> None:
    for model, driver in DRIVERS.items():
        assert driver.model == model
        assert driver.addresses
        assert 0 < driver.temp_accuracy_c < 2
        assert 0 < driver.rh_accuracy_pct < 10
