"""The whole path driver, smbus2, system call; only the kernel is ours."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import smbus2
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from zaigang_agent.drivers.bus import NACK, SensorError
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
from zaigang_agent.errors import AgentError, SampleError

MODELS = ("sht4x", "sht3x")
RESOLUTION = {"temp_c": 175 / 65535, "rh_pct": 125 / 65535}


def bus_with(clock: FakeClock, **changes: object) -> SimulatedBus:
    fields = {"model": "sht4x", "temp_c": Curve(22.5), "rh_pct": Curve(45.0)} | changes
    return SimulatedBus(Spec((SensorSpec(**fields),), seed=7), clock)  # type: ignore[arg-type]  # the test's own fields


@pytest.mark.parametrize("model", MODELS)
@given(temp_c=st.floats(-39.9, 124.9), rh_pct=st.floats(0, 100))
def test_what_the_sensor_feels_is_what_the_driver_reads(
    model: str, temp_c: float, rh_pct: float
) -> None:
    simulated = bus_with(FakeClock(), model=model, temp_c=Curve(temp_c), rh_pct=Curve(rh_pct))
    bus = simulated.open()
    climate = DRIVERS[model].measure(bus, 0x44)
    bus.close()
    assert climate.temp_c == pytest.approx(temp_c, abs=RESOLUTION["temp_c"])
    assert climate.rh_pct == pytest.approx(rh_pct, abs=RESOLUTION["rh_pct"])


@pytest.mark.parametrize("model", MODELS)
def test_a_sensor_says_who_it_is(model: str) -> None:
    bus = bus_with(FakeClock(), model=model, serial="0f012345").open()
    assert DRIVERS[model].identify(bus, 0x44) == "0f012345"


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


def test_reading_before_the_measurement_is_done_is_not_acknowledged() -> None:
    bus = bus_with(FakeClock()).open()
    bus.write(0x44, b"\xfd")
    with pytest.raises(OSError, match="Remote") as caught:
        bus.read(0x44, 6)
    assert caught.value.errno == NACK


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


def test_a_flipped_bit_on_the_wire_is_an_error_and_no_value() -> None:
    clock = FakeClock()
    fault = Fault(clock.utc, clock.utc + 1000, "crc")
    bus = bus_with(clock, faults=(fault,)).open()
    with pytest.raises(SensorError, match="checksum"):
        DRIVERS["sht4x"].measure(bus, 0x44)
    clock.advance(1000)
    assert DRIVERS["sht4x"].measure(bus, 0x44).temp_c == pytest.approx(22.5, abs=0.01)


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


def test_a_description_with_a_mistake_names_the_field(tmp_path: Path) -> None:
    path = tmp_path / "bus.json"
    path.write_text('{"sensors": [{"model": "sht4x", "temp_c": {"mean": "warm"}}]}')
    with pytest.raises(AgentError, match=r"sensors\[0\]\.temp_c\.mean|\$\.sensors\[\.\.\.\]"):
        load_spec(path)
    with pytest.raises(AgentError, match="cannot be read"):
        load_spec(tmp_path / "none.json")
