from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaigang_agent.drivers import aht20, bme280, htu21d, scd4x, sht3x, sht4x
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


def summed(*words: int, init: int = 0xFF) -> bytes:
    """Words as a sensor sends them."""
    pairs = (word.to_bytes(2, "big") for word in words)
    return b"".join(pair + bytes([crc8(pair, init)]) for pair in pairs)


def aht_frame(status: int, raw_rh: int, raw_temp: int) -> bytes:
    frame = bytes([status]) + (raw_rh << 20 | raw_temp).to_bytes(5, "big")
    return frame + bytes([crc8(frame)])


def bme_calibration(data: bytes) -> bme280.Calibration:
    return bme280.calibration(data[:26], data[26:33])


# The vendor's example: T1 to T3, P1 to P9, a byte that is not used, H1; H2 to H6.
BME_EXAMPLE = struct.pack(
    "<Hhh H8h xB", 27504, 26435, -1000,
    36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000, 75,
) + struct.pack("<hBbBbb", 362, 0, 333 >> 4, 333 & 0x0F, 0, 30)  # fmt: skip


WORDS = st.integers(0, 0xFFFF)
# Each decoder, its datasheet's range of temperature, and frames that get past length and checksum.
DECODERS: list[tuple[Callable[[bytes], Climate], float, float, st.SearchStrategy[bytes]]] = [
    (sht3x.climate, -40, 125, st.builds(summed, WORDS, WORDS)),
    (sht4x.climate, -40, 125, st.builds(summed, WORDS, WORDS)),
    (scd4x.climate, -10, 60, st.builds(summed, WORDS, WORDS, WORDS)),
    (
        aht20.climate,
        -40,
        85,
        st.builds(
            aht_frame,
            st.integers(0, 255),
            st.integers(0, (1 << 20) - 1),
            st.integers(0, (1 << 20) - 1),
        ),
    ),
    (
        lambda frame: htu21d.climate(frame[:3], frame[3:]),
        -40,
        125,
        st.builds(lambda a, b: summed(a, b, init=0), WORDS, WORDS),
    ),
    (
        lambda frame: bme280.climate(bme_calibration(frame[:33]), frame[33:]),
        -40,
        85,
        st.binary(min_size=41, max_size=41),
    ),
]


@pytest.mark.parametrize(
    ("read", "low_c", "high_c", "frames"),
    DECODERS,
    ids=["sht3x", "sht4x", "scd4x", "aht20", "htu21d", "bme280"],
)
@given(data=st.data())
def test_any_bytes_give_a_possible_climate_or_an_error(
    read: Callable[[bytes], Climate],
    low_c: float,
    high_c: float,
    frames: st.SearchStrategy[bytes],
    data: st.DataObject,
) -> None:
    frame = data.draw(st.one_of(frames, st.binary(max_size=48)))
    try:
        climate = read(frame)
    except SensorError:
        return
    assert low_c <= climate.temp_c <= high_c
    assert 0 <= climate.rh_pct <= 100
    assert climate.pressure_hpa is None or 300 <= climate.pressure_hpa <= 1100
    assert climate.co2_ppm is None or 0 < climate.co2_ppm <= 40_000
    assert climate.raw == frame[-len(climate.raw) :]


@pytest.mark.parametrize("fill", [b"\x00", b"\xff"], ids=["all 00", "all FF"])
@pytest.mark.parametrize(
    ("read", "count"),
    [
        (sht3x.climate, 6),
        (sht4x.climate, 6),
        (scd4x.climate, 9),
        (aht20.climate, 7),
        (lambda frame: htu21d.climate(frame[:3], frame[3:]), 6),
        (lambda frame: bme_calibration(frame), 33),
        (lambda frame: bme280.climate(bme_calibration(BME_EXAMPLE), frame), 8),
    ],
    ids=["sht3x", "sht4x", "scd4x", "aht20", "htu21d", "bme280 calibration", "bme280"],
)
def test_a_line_that_is_held_high_or_low_is_no_value(
    read: Callable[[bytes], object], count: int, fill: bytes
) -> None:
    with pytest.raises(SensorError):
        read(fill * count)


def test_the_checksum_of_the_older_sensors_passes_zeros_but_the_driver_does_not() -> None:
    assert crc8(bytes(2), init=0) == 0
    with pytest.raises(SensorError, match="holds the data line low"):
        htu21d.climate(bytes(3), summed(0x6838, init=0))


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_well_formed_words_follow_the_formula_of_the_datasheet(temp: int, rh: int) -> None:
    frame = summed(temp, rh)
    expected_c = -45 + 175 * temp / 65535
    if not -40 <= expected_c <= 125:
        with pytest.raises(SensorError, match="outside"):
            sht4x.climate(frame)
        return
    climate = sht4x.climate(frame)
    assert climate.temp_c == pytest.approx(expected_c)
    assert climate.rh_pct == pytest.approx(min(100, max(0, -6 + 125 * rh / 65535)))
    assert sht3x.climate(frame).rh_pct == pytest.approx(100 * rh / 65535)


# ---- one by one


def test_the_scd4x_example_of_the_datasheet() -> None:
    climate = scd4x.climate(bytes.fromhex("01f433 6667a2 5eb93c"))
    assert climate.co2_ppm == 500
    assert climate.temp_c == pytest.approx(25.0, abs=0.01)
    assert climate.rh_pct == pytest.approx(37.0, abs=0.01)


def test_an_scd4x_without_a_measurement_is_no_air_without_carbon_dioxide() -> None:
    with pytest.raises(SensorError, match="0 ppm"):
        scd4x.climate(summed(0, 0x6667, 0x5EB9))
    assert scd4x.is_ready(summed(0x8006))
    assert not scd4x.is_ready(summed(0x8000))


def test_htu21d_words_of_the_datasheet() -> None:
    assert htu21d.temp_c(0x683A) == pytest.approx(24.7, abs=0.05)
    assert htu21d.rh_pct(0x4E85) == pytest.approx(32.3, abs=0.05)


def test_an_htu21d_says_which_word_it_sends() -> None:
    temp, rh = summed(0x6838, init=0), summed(0x4E86, init=0)
    assert htu21d.climate(rh, temp).temp_c == pytest.approx(24.7, abs=0.05)
    with pytest.raises(SensorError, match="not the answer"):
        htu21d.climate(temp, rh)


def test_an_htu21d_and_a_si7021_are_told_apart_by_their_serial_number() -> None:
    assert htu21d.chip(summed(0x3201, 0x4854, init=0)) == ("htu21d", "32014854")
    assert htu21d.chip(summed(0x15FF, 0xFFFF, init=0)) == ("si7021", "15ffffff")
    with pytest.raises(SensorError, match="0x0d is neither"):
        htu21d.chip(summed(0x0DFF, 0xFFFF, init=0))


@given(st.binary(max_size=9))
def test_any_bytes_are_a_half_of_a_serial_number_or_an_error(frame: bytes) -> None:
    for read in (htu21d.first_half, htu21d.chip):
        try:
            read(frame)
        except SensorError:
            continue


def test_a_real_frame_of_an_aht20() -> None:
    climate = aht20.climate(bytes.fromhex("1c269a7642e776"))
    assert climate.rh_pct == pytest.approx(15.08, abs=0.01)
    assert climate.temp_c == pytest.approx(28.27, abs=0.01)


def test_an_aht20_that_is_busy_or_lost_its_calibration_is_no_value() -> None:
    with pytest.raises(SensorError, match="busy"):
        aht20.climate(aht_frame(0x98, 1 << 19, 1 << 19))
    with pytest.raises(SensorError, match="calibration"):
        aht20.climate(aht_frame(0x10, 1 << 19, 1 << 19))
    assert aht20.climate(aht_frame(0x18, 1 << 19, 1 << 19)).temp_c == 50.0


def bme_frame(pressure: int, temp: int, rh: int) -> bytes:
    return (pressure << 4).to_bytes(3, "big") + (temp << 4).to_bytes(3, "big") + rh.to_bytes(2)


def test_the_bme280_example_of_the_vendor() -> None:
    known = bme_calibration(BME_EXAMPLE)
    assert known.h == (75, 362, 0, 333, 0, 30)
    climate = bme280.climate(known, bme_frame(415148, 519888, 25000))
    assert climate.temp_c == pytest.approx(25.08, abs=0.005)
    assert climate.pressure_hpa == pytest.approx(1006.5327, abs=0.0001)
    assert climate.rh_pct == pytest.approx(20.779, abs=0.001)


def test_negative_words_of_the_bme280s_humidity_are_put_together_with_their_sign() -> None:
    low, high = BME_EXAMPLE[:26], struct.pack("<hBbBbb", 362, 0, -2, 0x7C, -3, -30)
    *_, h4, h5, h6 = bme280.calibration(low, high).h
    assert (h4, h5, h6) == (-2 * 16 + 0xC, -3 * 16 + 0x7, -30)


@pytest.mark.parametrize(
    "frame",
    [bme_frame(0x80000, 519888, 25000), bme_frame(415148, 0x80000, 25000),
     bme_frame(415148, 519888, 0x8000)],
)  # fmt: skip
def test_what_a_bme280_did_not_measure_is_no_value(frame: bytes) -> None:
    with pytest.raises(SensorError, match="did not measure"):
        bme280.climate(bme_calibration(BME_EXAMPLE), frame)


def test_a_chip_that_is_no_bme280_is_called_by_its_name() -> None:
    bme280.check_id(b"\x60")
    with pytest.raises(SensorError, match="BMP280, which measures no humidity"):
        bme280.check_id(b"\x58")
    with pytest.raises(SensorError, match="another chip"):
        bme280.check_id(b"\xff")


@pytest.mark.parametrize(
    ("status", "sentence"),
    [(0x2000, "heater"), (0x0010, "started anew"), (0x0002, "last command"), (0x0001, "last")],
)
def test_the_status_of_an_sht3x_is_heeded(status: int, sentence: str) -> None:
    sht3x.check_status(summed(0))
    sht3x.check_status(summed(0x8C00))  # alerts of limits that nobody set
    with pytest.raises(SensorError, match=sentence):
        sht3x.check_status(summed(status))


# ---- the bus


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


def test_some_controllers_have_another_number_for_not_acknowledged() -> None:
    assert ask(SlowBus(late=2, errno=6), 0x44, b"\xfd", 0.01, 6) == bytes(6)


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
