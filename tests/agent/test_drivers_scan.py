"""`sensors scan`: what is there, what it says, what it writes, and above all what it never sends."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from zaigang_agent import sensorscan
from zaigang_agent.cli import main
from zaigang_agent.drivers.bus import SensorError
from zaigang_agent.drivers.catalog import DRIVERS
from zaigang_agent.drivers.scan import Found, scan
from zaigang_agent.drivers.simulated import Curve, Fault, SensorSpec, SimulatedBus, Spec
from zaigang_agent.drivers.simulated.device import Device, Place, nack
from zaigang_agent.errors import ConfigError
from zaigang_agent.samplers.environment import parse_sensors

SIX = ("aht20", "htu21d", "sht4x", "sht3x@0x45", "scd4x", "bme280")


def spec(*texts: str, claimed: tuple[int, ...] = (), faults: tuple[Fault, ...] = ()) -> Spec:
    sensors = tuple(
        SensorSpec(
            driver.model,  # type: ignore[arg-type]  # of the catalogue
            Curve(22.5),
            Curve(45),
            address=address,
            faults=faults,
        )
        for driver, address in parse_sensors(texts)
    )
    return Spec(sensors, claimed=claimed)


def bus_of(*texts: str, clock: FakeClock | None = None) -> SimulatedBus:
    return SimulatedBus(spec(*texts), clock or FakeClock())


def test_all_six_are_found_with_their_addresses_numbers_and_values() -> None:
    found = list(scan(bus_of(*SIX).open()))
    assert [each.setting for each in found] == [
        "aht20@0x38", "htu21d@0x40", "sht4x@0x44", "sht3x@0x45", "scd4x@0x62", "bme280@0x76",
    ]  # fmt: skip
    assert all(each.serial for each in found)
    values = [each.climate.temp_c for each in found if each.climate is not None]
    assert values == pytest.approx([22.5] * 5, abs=0.02)
    assert "first value takes five seconds" in found[4].trouble


@pytest.mark.parametrize("model", DRIVERS)
def test_each_sensor_is_found_at_each_of_its_addresses(model: str) -> None:
    for address in DRIVERS[model].addresses:
        [found] = scan(bus_of(f"{model}@0x{address:02x}").open())
        assert (found.model, found.address) == (model, address)


def test_an_empty_bus_has_nobody() -> None:
    assert list(scan(bus_of().open())) == []


class Stranger(Device):
    """A chip of another kind: acknowledges everything, answers `answer`, and remembers."""

    def __init__(self, answer: int) -> None:
        self.answer = answer
        self.written: list[bytes] = []
        spec = SensorSpec("sht4x", Curve(0), Curve(0))
        super().__init__(spec, Place(FakeClock(), 0, lambda: 0.0))

    def power_on(self) -> None:
        return

    def take(self, data: bytes) -> None:
        self.written.append(data)

    def give(self, count: int) -> bytes:
        return bytes([self.answer]) * count


def stranger_at(address: int, answer: int) -> tuple[list[Found], list[bytes]]:
    bus, stranger = bus_of(), Stranger(answer)
    bus.devices[address] = stranger
    return list(scan(bus.open())), stranger.written


@pytest.mark.parametrize("answer", [0x00, 0x5A, 0xFF])
def test_nothing_is_written_to_a_port_expander_at_the_address_of_an_aht20(answer: int) -> None:
    [found], written = stranger_at(0x38, answer)
    assert found.model is None
    assert "no sensor that there is a driver for" in found.trouble
    assert written == []


@pytest.mark.parametrize("address", [0x40, 0x76, 0x77])
@given(answer=st.integers(0, 255))
def test_a_chip_with_registers_is_only_told_which_one_to_show(address: int, answer: int) -> None:
    _, written = stranger_at(address, answer)
    # One byte chooses a register. Two would write to one; nobody is asked so who did not answer the
    # first question as the sensor does.
    assert all(len(data) == 1 for data in written) or answer & 0x83 == 0x02 or answer == 0x60
    assert len(written[0]) == 1


@given(address=st.integers(8, 0x77), answer=st.integers(0, 255))
def test_no_stranger_is_taken_for_a_sensor_and_none_is_reset(address: int, answer: int) -> None:
    known = {a for driver in DRIVERS.values() for a in driver.addresses}
    found, written = stranger_at(address, answer)
    assert [each.model for each in found] == ([None] if address in known else [])
    resets = (b"\x94", b"\x30\xa2", b"\xba", b"\xfe", b"\xe0\xb6", b"\x36\x46")
    heaters = (b"\x39", b"\x32", b"\x2f", b"\x24", b"\x1e", b"\x15")
    assert not set(written) & {*resets, *heaters}
    if address not in known:
        assert written == []


def test_a_bmp280_a_kernel_driver_and_a_hung_bus_are_told_as_such() -> None:
    clock = FakeClock()
    bmp = Spec((SensorSpec("bmp280", Curve(20), Curve(50)),))
    [found] = scan(SimulatedBus(bmp, clock).open())
    assert (found.model, "measures no humidity" in found.trouble) == (None, True)
    claimed = SimulatedBus(spec("bme280", "sht4x", claimed=(0x76,)), clock).open()
    found = {each.address: each for each in scan(claimed)}[0x76]
    assert (found.model, "a driver of the kernel has this address" in found.trouble) == (None, True)
    hung = spec("sht4x", faults=(Fault(0, clock.utc + 1, "timeout"),))
    with pytest.raises(SensorError, match="the bus hangs at 0x44"):
        list(scan(SimulatedBus(hung, clock).open()))


def test_a_sensor_that_answers_but_measures_nonsense_is_named_and_its_trouble_told() -> None:
    bus = bus_of("sht4x")
    device = bus.devices[0x44]
    take = device.take

    def without_measuring(data: bytes) -> None:
        if data == b"\xfd":
            raise nack()
        take(data)

    device.take = without_measuring  # type: ignore[method-assign]  # half dead
    [found] = scan(bus.open())
    assert (found.setting, "no value" in found.trouble) == ("sht4x@0x44", True)


# ---- settings

FOUND = [Found(0x44, "sht4x", "0f012345"), Found(0x76, trouble="no"), Found(0x62, "scd4x", "1")]
WANTED = {"i2c_bus": 1, "sensors": ["sht4x@0x44", "scd4x@0x62"]}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "log_level = 'debug'",
        "# mine\n[node]\n",
        "[node]",
        "[node] # the room\ni2c_bus = 3 # the third\nsensors = ['sht3x'] # old\n[spool]\nmax_mb = 9\n",
        "[spool]\nmax_mb = 9\n[node]\nsensors = [\n  'sht3x',  # [old]\n  'aht20',\n]\n\n[apps]\nallow = false\n",
        "[node]\r\nsensors = []\r\n[apps]\r\nallow = false\r\n",
        "[folders]\n'[node]' = '/srv'\n",
    ],
)
def test_settings_are_put_in_and_everything_else_stays(text: str) -> None:
    after = sensorscan.merged(text, 1, FOUND, "agent.toml")
    said = tomllib.loads(after)
    assert said.pop("node") == WANTED
    before = tomllib.loads(text)
    before.pop("node", None)
    assert said == before
    for comment in ("# mine", "# the room"):
        assert (comment in after) == (comment in text)
    assert sensorscan.merged(after, 1, FOUND, "agent.toml") == after
    assert ("\r\n" in after) == ("\r\n" in text)


@pytest.mark.parametrize(
    "text",
    [
        "node = {sensors = ['sht3x']}",
        "node.sensors = ['sht3x']",
        "[ node ]\nsensors = []",
        "['node']\nsensors = []",
        "not toml",
        "[node]\nsensor = 1",
    ],
)
def test_what_cannot_be_changed_safely_is_left_alone_and_said(text: str) -> None:
    with pytest.raises(ConfigError):
        sensorscan.merged(text, 1, FOUND, "agent.toml")


@given(st.text(max_size=200))
def test_any_text_is_kept_whole_or_refused(text: str) -> None:
    try:
        after = sensorscan.merged(f"{text}\n", 1, FOUND, "agent.toml")
    except ConfigError:
        return
    assert tomllib.loads(after)["node"] == WANTED


# ---- the command


def bus_file(folder: Path, *texts: str) -> str:
    sensors = [
        {"model": d.model, "address": a, "temp_c": {"mean": 22.5}, "rh_pct": {"mean": 45}}
        for d, a in parse_sensors(texts)
    ]
    path = folder / "bus.json"
    path.write_text(json.dumps({"sensors": sensors}))
    return f"simulated:{path}"


def run(folder: Path, *words: str) -> int:
    (folder / "agent.toml").touch()
    return main(["--config", str(folder / "agent.toml"), "sensors", "scan", *words])


def test_the_command_prints_what_is_there_and_the_settings_for_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bus = bus_file(tmp_path, *SIX)
    (tmp_path / "agent.toml").write_text('[node]\nsensors = ["sht4x", "sht3x@0x44"]\n')
    assert run(tmp_path, "--bus", bus) == 0
    out = capsys.readouterr().out
    assert "6 sensors" in out
    assert "0x44  sht4x 00000001" in out
    assert "22.5 °C, 45 %, 1013 hPa" in out
    assert "agent.toml names sht3x@0x44, which was not found" in out
    printed = tomllib.loads(out[out.index("[node]") :])
    assert printed["node"]["i2c_bus"] == bus
    assert len(printed["node"]["sensors"]) == 6


def test_the_command_writes_a_profile_that_the_agent_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bus, path = bus_file(tmp_path, "sht4x", "scd4x"), tmp_path / "agent.toml"
    path.write_text("log_level = 'debug'  # while it is new\n")
    path.chmod(0o640)
    assert run(tmp_path, "--bus", bus, "--write", str(path)) == 0
    assert "log_level = 'debug'  # while it is new\n" in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o640
    assert run(tmp_path) == 0  # the bus is in the file now
    assert "2 sensors" in capsys.readouterr().out
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".new"] == []


def test_a_bus_without_sensors_is_a_problem_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "agent.toml"
    assert run(tmp_path, "--bus", bus_file(tmp_path), "--write", str(path)) == 1
    assert path.read_text() == ""
    assert "nobody answers" in capsys.readouterr().out


def test_a_bus_that_is_not_there_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "--bus", "97") == 3
    assert "enable I2C" in capsys.readouterr().err
    assert run(tmp_path, "--bus", "simulated:none.json") == 3
    assert "cannot be read" in capsys.readouterr().err
