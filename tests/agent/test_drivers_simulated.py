"""The whole path driver, smbus2, system call; only the kernel is ours."""

from __future__ import annotations

import errno
import fcntl
import os
import warnings
from pathlib import Path

import bme280  # type: ignore[import-untyped]  # has none
import pytest
import smbus2
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from zaigang_agent.drivers.bus import NACK, Climate, NotYetError, SensorError
from zaigang_agent.drivers.catalog import DRIVERS
from zaigang_agent.drivers.linux_bus import LinuxBus
from zaigang_agent.drivers.simulated import (
    Curve,
    Fault,
    SensorSpec,
    SimulatedBus,
    Spec,
    load_spec,
)
from zaigang_agent.drivers.simulated import bme280 as registers
from zaigang_agent.errors import AgentError, SampleError

MODELS = tuple(DRIVERS)
# Of the words of a measurement; a BME280's is that of its arithmetic.
RESOLUTION = {"temp_c": 0.011, "rh_pct": 0.05}


def awake(clock: FakeClock, model: str, **changes: object) -> LinuxBus:
    """A bus whose one sensor was identified and has something to say."""
    bus = bus_with(clock, model=model, **changes).open()
    DRIVERS[model].identify(bus, DRIVERS[model].addresses[0])
    if model == "scd4x":
        bus.sleep(5)
    return bus


def measure(bus: LinuxBus, model: str) -> Climate:
    return DRIVERS[model].measure(bus, DRIVERS[model].addresses[0])


def bus_with(clock: FakeClock, **changes: object) -> SimulatedBus:
    fields = {"model": "sht4x", "temp_c": Curve(22.5), "rh_pct": Curve(45.0)} | changes
    return SimulatedBus(Spec((SensorSpec(**fields),), seed=7), clock)  # type: ignore[arg-type]  # the test's own fields


@pytest.mark.parametrize("model", MODELS)
@given(
    temp_c=st.floats(-9.9, 59.9),
    rh_pct=st.floats(0, 99.9),
    hpa=st.floats(870, 1085),
    ppm=st.floats(400, 5000),
)
def test_what_the_sensor_feels_is_what_the_driver_reads(
    model: str, temp_c: float, rh_pct: float, hpa: float, ppm: float
) -> None:
    bus = awake(
        FakeClock(),
        model,
        temp_c=Curve(temp_c),
        rh_pct=Curve(rh_pct),
        pressure_hpa=Curve(hpa),
        co2_ppm=Curve(ppm),
    )
    climate = measure(bus, model)
    bus.close()
    assert climate.temp_c == pytest.approx(temp_c, abs=RESOLUTION["temp_c"])
    assert climate.rh_pct == pytest.approx(rh_pct, abs=RESOLUTION["rh_pct"])
    if model == "bme280":
        assert climate.pressure_hpa == pytest.approx(hpa, abs=0.02)
    if model == "scd4x":
        assert climate.co2_ppm == pytest.approx(ppm, abs=0.5)


NUMBERS = {
    "sht4x": "0f012345",
    "sht3x": "0f012345",
    "htu21d": "00012345320f4854",
    "si7021": "0f01234515ffffff",
    "scd4x": "00000f012345",
    "aht20": "at38",  # it has none
}


@pytest.mark.parametrize(("model", "number"), NUMBERS.items())
def test_a_sensor_says_who_it_is(model: str, number: str) -> None:
    bus = bus_with(FakeClock(), model=model, serial="0f012345").open()
    for _ in range(2):
        assert DRIVERS[model].identify(bus, DRIVERS[model].addresses[0]) == number


def test_a_bme280_is_known_by_its_factory_calibration() -> None:
    def number(serial: str) -> str:
        bus = bus_with(FakeClock(), model="bme280", serial=serial).open()
        return DRIVERS["bme280"].identify(bus, 0x76)

    assert number("00000001") == number("00000001")
    assert len({number(f"{n:08x}") for n in range(16)}) == 16


@pytest.mark.parametrize(("wrong", "right"), [("htu21d", "si7021"), ("si7021", "htu21d")])
def test_the_wrong_name_for_a_sister_is_answered_with_the_right_one(wrong: str, right: str) -> None:
    bus = bus_with(FakeClock(), model=right).open()
    with pytest.raises(SensorError, match=f"this is a {right}: write {right}@0x40"):
        DRIVERS[wrong].identify(bus, 0x40)


def test_a_bmp280_sold_as_a_bme280_is_refused_in_words() -> None:
    bus = bus_with(FakeClock(), model="bmp280").open()
    with pytest.raises(SensorError, match="BMP280, which measures no humidity; a BME280 has 0x60"):
        DRIVERS["bme280"].identify(bus, 0x76)


@pytest.mark.parametrize("model", MODELS)
def test_no_driver_takes_another_sensor_for_its_own(model: str) -> None:
    """Every driver at every kind of sensor, moved to where that driver looks."""
    for other in MODELS:
        if other == model:
            continue
        address = DRIVERS[model].addresses[0]
        bus = bus_with(FakeClock(), model=other, address=address).open()
        with pytest.raises((SensorError, OSError)):
            DRIVERS[model].identify(bus, address)


# ---- a second opinion: the unmodified package RPi.bme280 on the same simulated bus


@given(
    temp_c=st.floats(-39, 84),
    rh_pct=st.floats(0, 99.9),
    hpa=st.floats(870, 1085),
    serial=st.integers(0, 2**32 - 1),
)
@settings(deadline=None)
def test_somebody_elses_driver_reads_the_same_numbers(
    temp_c: float, rh_pct: float, hpa: float, serial: int
) -> None:
    changes = {
        "model": "bme280",
        "serial": f"{serial:08x}",
        "temp_c": Curve(temp_c),
        "rh_pct": Curve(rh_pct),
        "pressure_hpa": Curve(hpa),
    }
    bus = bus_with(FakeClock(), **changes).open()
    ours = DRIVERS["bme280"].measure(bus, 0x76)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bme280.time.sleep", bus.sleep)
        # It asks for naive UTC, which newer Pythons warn of.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            theirs = bme280.sample(bus._bus, 0x76, bme280.load_calibration_params(bus._bus, 0x76))
    bus.close()
    assert theirs.temperature == pytest.approx(ours.temp_c, abs=1e-9)
    assert theirs.humidity == pytest.approx(ours.rh_pct, abs=1e-9)
    assert theirs.pressure == pytest.approx(ours.pressure_hpa, abs=1e-9)


def test_the_datasheets_integer_arithmetic_agrees_with_its_example() -> None:
    fine = registers._t_fine((27504, 26435, -1000), 519888)
    assert fine == 128422
    calibration = (36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000)
    assert registers._pascal(calibration, fine, 415148) / 256 == pytest.approx(100653.27, abs=0.05)
    assert registers._humidity((75, 362, 0, 333, 0, 30), fine, 25000) / 1024 == pytest.approx(
        20.778, abs=0.001
    )


# ---- a bus of several


def test_a_day_of_air_follows_its_curve_and_is_the_same_every_time() -> None:
    curve = Curve(22.0, amplitude=2.0, period_s=86_400, peak_s=50_400, noise=0.04)

    def day() -> list[float]:
        clock = FakeClock(utc=0)
        bus = bus_with(clock, temp_c=curve).open()
        found = []
        for _ in range(48):
            found.append(DRIVERS["sht4x"].measure(bus, 0x44).temp_c)
            clock.advance(1_800_000)
        return found

    temps = day()
    assert temps == day()
    assert max(range(48), key=temps.__getitem__) == pytest.approx(28, abs=3)  # 14:00
    assert max(temps) == pytest.approx(24, abs=0.3)
    assert min(temps) == pytest.approx(20, abs=0.3)


def test_noise_makes_every_measurement_another() -> None:
    clock = FakeClock()
    bus = bus_with(clock, temp_c=Curve(22, noise=0.04), rh_pct=Curve(45, noise=0.3)).open()
    seen = set()
    for _ in range(20):
        seen.add(DRIVERS["sht4x"].measure(bus, 0x44).raw)
        clock.advance(60_000)
    assert len(seen) == 20


TRIGGERS = {
    "sht4x": b"\xfd",
    "sht3x": b"\x24\x00",
    "htu21d": b"\xf5",
    "si7021": b"\xf3",
}


@pytest.mark.parametrize(("model", "trigger"), TRIGGERS.items())
def test_reading_before_the_measurement_is_done_is_not_acknowledged(
    model: str, trigger: bytes
) -> None:
    address = DRIVERS[model].addresses[0]
    bus = bus_with(FakeClock(), model=model).open()
    bus.write(address, trigger)
    bus.sleep(0.0005)
    with pytest.raises(OSError, match="Remote") as caught:
        bus.read(address, 6)
    assert caught.value.errno == NACK
    bus.sleep(0.06)
    assert bus.read(address, 6)


def test_an_aht20_that_is_read_too_early_says_that_it_is_busy() -> None:
    bus = awake(FakeClock(), "aht20")
    bus.write(0x38, b"\xac\x33\x00")
    bus.sleep(0.07)
    assert bus.read(0x38, 1)[0] & 0x80
    bus.sleep(0.01)
    assert not bus.read(0x38, 1)[0] & 0x80


def test_an_scd4x_has_its_first_value_after_five_seconds_and_tells_its_number_at_rest_only() -> (
    None
):
    bus = bus_with(FakeClock(), model="scd4x").open()
    DRIVERS["scd4x"].identify(bus, 0x62)
    bus.sleep(4.9)
    with pytest.raises(NotYetError):
        measure(bus, "scd4x")
    bus.sleep(0.1)
    assert measure(bus, "scd4x").co2_ppm == 600
    with pytest.raises(NotYetError):  # each measurement is told once
        measure(bus, "scd4x")
    with pytest.raises(OSError, match="Remote"):
        bus.write(0x62, b"\x36\x82")


def test_a_bme280_measures_humidity_only_as_it_was_told_before_the_measurement() -> None:
    bus = bus_with(FakeClock(), model="bme280").open()
    for command in (b"\xf4\x25", b"\xf2\x01"):  # in the wrong order
        bus.write(0x76, command)
    bus.sleep(0.02)
    bus.write(0x76, b"\xf7")
    frame = bus.read(0x76, 8)
    assert frame[6:] == b"\x80\x00"
    assert frame[:6] != bytes.fromhex("800000800000")
    assert measure(bus, "bme280").rh_pct == pytest.approx(45, abs=0.05)


def test_a_bme280_that_is_read_too_early_has_the_old_values() -> None:
    bus = bus_with(FakeClock(), model="bme280").open()
    bus.write(0x76, b"\xf2\x01")
    bus.write(0x76, b"\xf4\x25")
    bus.sleep(0.009)
    bus.write(0x76, b"\xf3")
    assert bus.read(0x76, 1) == b"\x08"
    bus.write(0x76, b"\xf7")
    assert bus.read(0x76, 8) == bytes.fromhex("8000008000008000")


def test_a_sensor_that_lost_its_power_mid_way_gives_no_value() -> None:
    clock = FakeClock()
    for model in MODELS:
        bus = awake(clock, model, faults=(Fault(clock.utc + 1, clock.utc + 1000, "reset"),))
        clock.advance(1)
        with pytest.raises((SensorError, OSError)):
            measure(bus, model)
        bus.close()


@pytest.mark.parametrize("kind", ["busy", "nack", "timeout"])
@pytest.mark.parametrize("model", MODELS)
def test_a_sensor_with_a_fault_gives_no_value_and_a_sentence_or_an_error_of_the_bus(
    model: str, kind: str
) -> None:
    clock = FakeClock()
    fault = Fault(clock.utc + 1, clock.utc + 1000, kind)  # type: ignore[arg-type]  # of the list above
    bus = awake(clock, model, faults=(fault,))
    clock.advance(1)
    with pytest.raises((SensorError, OSError)):
        measure(bus, model)


def test_a_combined_transfer_without_a_pause_is_not_acknowledged() -> None:
    bus = bus_with(FakeClock()).open()
    write, read = smbus2.i2c_msg.write(0x44, b"\xfd"), smbus2.i2c_msg.read(0x44, 6)
    with pytest.raises(OSError, match="Remote"):
        bus._bus.i2c_rdwr(write, read)  # the wrong way that drivers must not take


@pytest.mark.parametrize("command", [b"\x39", b"\x32", b"\x2f", b"\x24", b"\x1e", b"\x15", b"\x00"])
def test_heater_and_unknown_commands_are_not_acknowledged(command: bytes) -> None:
    with pytest.raises(OSError, match="Remote"):
        bus_with(FakeClock()).open().write(0x44, command)


def test_nobody_answers_at_another_address() -> None:
    with pytest.raises(OSError, match="Remote"):
        DRIVERS["sht4x"].measure(bus_with(FakeClock()).open(), 0x45)


@pytest.mark.parametrize("model", MODELS)
def test_a_flipped_bit_on_the_wire_is_an_error_and_no_value(model: str) -> None:
    clock = FakeClock()
    fault = Fault(clock.utc + 1, clock.utc + 1000, "crc")
    bus = awake(clock, model, faults=(fault,))
    clock.advance(1)
    # A BME280 has no checksum; the flipped bit is in its status and its id as well.
    with pytest.raises(SensorError, match=r"checksum|still measuring"):
        measure(bus, model)
    clock.advance(5000)
    assert measure(bus, model).temp_c == pytest.approx(22.5, abs=0.02)


def test_six_sensors_live_on_one_bus() -> None:
    models = ("sht4x", "bme280", "aht20", "htu21d", "scd4x")
    sensors = [SensorSpec(m, Curve(20.0 + n), Curve(45)) for n, m in enumerate(models)]  # type: ignore[arg-type]  # names of the table
    sensors.append(SensorSpec("sht3x", Curve(25.0), Curve(45), address=0x45))
    bus = SimulatedBus(Spec(tuple(sensors)), FakeClock()).open()
    places = [(s.model, s.at_address) for s in sensors]
    for model, address in places:
        DRIVERS[model].identify(bus, address)
    bus.sleep(5)
    found = [DRIVERS[model].measure(bus, address).temp_c for model, address in places]
    assert found == pytest.approx([20, 21, 22, 23, 24, 25], abs=0.02)


@pytest.mark.parametrize("model", MODELS)
def test_a_reset_leaves_a_sensor_that_can_be_identified_again(model: str) -> None:
    bus = awake(FakeClock(), model)
    address = DRIVERS[model].addresses[0]
    number = DRIVERS[model].identify(bus, address)
    DRIVERS[model].reset(bus, address)
    assert DRIVERS[model].identify(bus, address) == number
    bus.sleep(5)
    assert measure(bus, model).temp_c == pytest.approx(22.5, abs=0.02)


def test_a_hanging_bus_times_out() -> None:
    clock = FakeClock()
    bus = bus_with(clock, faults=(Fault(0, clock.utc + 1, "timeout"),)).open()
    with pytest.raises(OSError, match="timed out") as caught:
        DRIVERS["sht4x"].measure(bus, 0x44)
    assert caught.value.errno == errno.ETIMEDOUT


def test_two_buses_in_one_process_do_not_mix() -> None:
    clock = FakeClock()
    warm = bus_with(clock, temp_c=Curve(30)).open()
    cold = bus_with(clock, temp_c=Curve(10)).open()
    assert DRIVERS["sht4x"].measure(warm, 0x44).temp_c == pytest.approx(30, abs=0.01)
    assert DRIVERS["sht4x"].measure(cold, 0x44).temp_c == pytest.approx(10, abs=0.01)


def test_real_buses_still_reach_the_kernel_beside_a_simulated_one(tmp_path: Path) -> None:
    bus_with(FakeClock()).open()
    with pytest.raises(SensorError, match="enable I2C"):
        LinuxBus(str(tmp_path / "i2c-9"))
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SampleError, match="cannot be opened"):  # not an I2C device, says the kernel
        LinuxBus(str(tmp_path / "file"))


def test_a_bus_is_for_one_program_at_a_time() -> None:
    simulated = bus_with(FakeClock())
    bus = simulated.open()
    with bus as mine:
        mine.write(0x44, b"\xfd")
    bus.close()
    with pytest.raises(SensorError, match="was closed"), bus:
        pass


def test_a_device_file_that_another_program_holds_is_told_so(tmp_path: Path) -> None:
    bus = bus_with(FakeClock()).open()
    fd = bus._bus.fd
    assert fd is not None
    other = os.open(f"/proc/self/fd/{fd}", os.O_RDWR)  # the same file, opened by somebody else
    try:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(SensorError, match="another program holds the I2C bus"), bus:
            pass
    finally:
        os.close(other)
    with bus as mine:
        mine.write(0x44, b"\xfd")


def test_a_bare_address_is_asked_for_without_a_byte_and_a_kernel_driver_is_seen() -> None:
    clock = FakeClock()
    spec = Spec((SensorSpec("sht4x", Curve(20), Curve(50)),), claimed=(0x76,))
    bus = SimulatedBus(spec, clock).open()
    assert bus.present(0x44)
    assert not bus.present(0x45)
    with pytest.raises(OSError, match="busy") as caught:
        bus.present(0x76)
    assert caught.value.errno == errno.EBUSY


def test_two_sensors_at_one_address_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bus.json"
    one = '{"model": "%s", "temp_c": {"mean": 20}, "rh_pct": {"mean": 50}}'
    path.write_text(f'{{"sensors": [{one % "sht3x"}, {one % "sht4x"}]}}')
    with pytest.raises(AgentError, match="two sensors at address 68"):
        load_spec(path)


def test_a_description_with_a_mistake_names_the_field(tmp_path: Path) -> None:
    path = tmp_path / "bus.json"
    path.write_text('{"sensors": [{"model": "sht4x", "temp_c": {"mean": "warm"}}]}')
    with pytest.raises(AgentError, match=r"sensors\[0\]\.temp_c\.mean|\$\.sensors\[\.\.\.\]"):
        load_spec(path)
    with pytest.raises(AgentError, match="cannot be read"):
        load_spec(tmp_path / "none.json")
