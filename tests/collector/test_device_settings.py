"""What is set for one device: checked, written into the ledger, and told to that device alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from tests.collector.test_watch import World
from tests.factories.api_world import api_world
from tests.factories.devices import TestDevice, an_issuer, stored_laptop, stored_node
from tests.factories.directory import NOW_MS
from tests.fakes.clock import FakeClock
from tests.fakes.randomness import Repeatable
from zaigang_agent.drivers.catalog import DRIVERS
from zaigang_agent.errors import ConfigError as AgentConfigError
from zaigang_agent.samplers.environment import parse_sensor
from zaigang_collector import bootstrap, db
from zaigang_collector.access.model import Scope
from zaigang_collector.cli import main
from zaigang_collector.cli.console import Exit
from zaigang_collector.config import Settings
from zaigang_collector.devices import audit, configuration, service, settings
from zaigang_collector.devices.model import Device, DeviceKind, DeviceStatus
from zaigang_collector.devices.tables import SETTING
from zaigang_collector.errors import SettingError, UnknownIdError
from zaigang_shared.device_config import DeviceConfig

ISSUER = an_issuer()


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[sa.Connection]:
    engine = db.open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    db.metadata.create_all(engine)
    with db.writing(engine) as connection:
        yield connection
    engine.dispose()


def a_device(kind: DeviceKind) -> Device:
    return Device(
        f"{kind.value}-1", kind, "x", "linux", None, None, DeviceStatus.ACTIVE, bytes(32), None,
        1, None, 1,
    )  # fmt: skip


NODE, LAPTOP = a_device(DeviceKind.NODE), a_device(DeviceKind.LAPTOP)


def change(conn: sa.Connection, device: TestDevice, **values: settings.Value) -> tuple[str, ...]:
    return settings.change(conn, device.id, values, NOW_MS + 1, Repeatable("set"))


def test_every_setting_is_one_that_a_device_knows() -> None:
    known = set(DeviceConfig.__struct_fields__) | {settings.MARGIN}
    assert set(settings.NAMES) <= known
    assert set(configuration.INTERVALS) <= set(settings.NAMES)


@pytest.mark.parametrize(
    ("device", "name", "text", "words"),
    [
        (NODE, "environment_s", "0", "1 to 86400 seconds"),
        (NODE, "environment_s", "86401", "1 to 86400 seconds"),
        (NODE, "environment_s", "1e3", "a whole number"),
        (NODE, "environment_s", "-5", "a whole number"),
        (NODE, "environment_s", "٣", "a whole number"),
        (NODE, "temperature", "1", "there are usage_s"),
        (NODE, "usage_s", "60", "is for a laptop"),
        (LAPTOP, "sensors", "sht4x", "is for a node"),
        (LAPTOP, "margin_min", "31", "0 to 30"),
        (NODE, "sensors", "sht4x@44", "MODEL@0xNN"),
        (NODE, "sensors", "sht4x@0x80", "7-bit"),
        (NODE, "sensors", "", "is not a sensor"),
        (NODE, "sensors", "sht4x,sht4x", "each once"),
        (NODE, "sensors", ",".join(f"s{n}" for n in range(10, 27)), "16 at most"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_was_expected(
    device: Device, name: str, text: str, words: str
) -> None:
    with pytest.raises(SettingError, match=words):
        settings.parse(device, name, text, margin_min=30)


def test_values_are_read_and_written_in_the_same_way() -> None:
    for text in ("sht4x", "sht4x@0x44,scd4x@0x62", "none"):
        assert settings.written(settings.parse(NODE, "sensors", text, 30)) == text
    assert settings.parse(NODE, "environment_s", "30", 30) == 30
    assert settings.parse(LAPTOP, "margin_min", "0", 30) == 0


@given(st.from_regex(r"sht[34]x(@0x[0-7][0-9a-f])?", fullmatch=True))
def test_the_agent_reads_a_sensor_as_it_was_meant_or_says_what_is_wrong(text: str) -> None:
    [sensor] = settings.parse_sensors(text)
    model, _, address = sensor.partition("@")
    if not address or int(address, 16) in DRIVERS[model].addresses:
        driver, at = parse_sensor(sensor)
        assert sensor in (driver.model, f"{driver.model}@0x{at:02x}")
        return
    with pytest.raises(AgentConfigError, match="sits at one of"):  # not how it is written
        parse_sensor(sensor)


def test_one_device_is_told_and_no_other(conn: sa.Connection) -> None:
    node, other = stored_node(conn, issuer=ISSUER), stored_node(conn, "door-2", issuer=ISSUER)
    has = {node.id: 1, other.id: 1}
    assert configuration.behind(conn, ISSUER.grounds, has, NOW_MS) == ()
    assert change(conn, node, environment_s=30, sensors=("sht4x@0x44",)) == (
        "environment_s",
        "sensors",
    )
    told = configuration.wanted_config(conn, node.device, ISSUER.grounds, NOW_MS)
    assert (told.environment_s, told.sensors) == (30, ("sht4x@0x44",))
    assert configuration.behind(conn, ISSUER.grounds, has, NOW_MS) == (node.id,)
    [handout] = configuration.handouts(conn, ISSUER.grounds, [node.id], NOW_MS)
    assert handout.version == 2
    assert change(conn, node, environment_s=30) == ()
    names = ("sensors", "health_s", "environment_s")
    gone = settings.take_back(conn, node.id, names, NOW_MS + 2, Repeatable("x"))
    assert gone == ("sensors", "environment_s")
    assert configuration.wanted_config(conn, node.device, ISSUER.grounds, NOW_MS).sensors is None


def test_a_margin_of_its_own_is_never_wider_than_that_of_all(conn: sa.Connection) -> None:
    laptop = stored_laptop(conn, issuer=ISSUER)
    change(conn, laptop, margin_min=10)
    hours = configuration.wanted_config(conn, laptop.device, ISSUER.grounds, NOW_MS).hours
    assert hours is not None
    assert hours.margin_min == 10
    change(conn, laptop, margin_min=200)  # as if the company's had been wider then
    hours = configuration.wanted_config(conn, laptop.device, ISSUER.grounds, NOW_MS).hours
    assert hours is not None
    assert hours.margin_min == ISSUER.grounds.margin_min == 30


def test_a_laptop_of_nobody_stays_blind_whatever_its_margin(conn: sa.Connection) -> None:
    laptop = stored_laptop(conn, issuer=ISSUER)
    change(conn, laptop, margin_min=10)
    stored = service.hand_over(conn, laptop.id, NOW_MS + 2, Repeatable("x"))
    hours = configuration.wanted_config(conn, stored, ISSUER.grounds, NOW_MS).hours
    assert hours is not None
    assert (hours.shifts, hours.margin_min) == ((), 0)


def test_an_unknown_device_is_said(conn: sa.Connection) -> None:
    with pytest.raises(UnknownIdError):
        settings.change(conn, "node-none", {}, NOW_MS, Repeatable("x"))
    with pytest.raises(UnknownIdError):
        settings.listed(conn, "node-none")


def _findings(conn: sa.Connection) -> list[str]:
    histories: dict[str, audit.History] = {}
    list(audit.events(conn, histories))
    found = audit.register(conn, histories, ISSUER.authority.certificate)
    return [f"{one.record}: {one.what}" for one in found if one.record.startswith("setting")]


_BEHIND: dict[str, Callable[[sa.Connection], object]] = {
    "another value": lambda conn: conn.execute(sa.update(SETTING).values(value="5")),
    "taken out": lambda conn: conn.execute(sa.delete(SETTING)),
}


@pytest.mark.parametrize("how", _BEHIND)
def test_a_setting_that_was_changed_behind_the_ledger_is_found(
    conn: sa.Connection, how: str
) -> None:
    node = stored_node(conn, issuer=ISSUER)
    change(conn, node, environment_s=30, health_s=60)
    settings.take_back(conn, node.id, ["health_s"], NOW_MS + 2, Repeatable("y"))
    assert _findings(conn) == []
    _BEHIND[how](conn)
    [finding] = _findings(conn)
    assert f"setting environment_s of {node.id}" in finding


def test_a_setting_goes_out_once_to_the_device_that_it_is_of(tmp_path: Path) -> None:
    clock, randomness = FakeClock(), Repeatable()
    bootstrap.init(tmp_path / "data", Settings(), clock, randomness)
    with bootstrap.opened(tmp_path / "data", clock, randomness) as collector:
        world = World(collector, clock)
        world.come(world.laptop.id, world.node.id)
        world.passes()
        with collector.writing() as conn:
            change(conn, world.node, environment_s=30)
        assert world.passes(5) == [(world.node.id, 2)]
        assert world.passes(1) == []


def test_the_command_line_sets_shows_and_takes_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    main(["init", "--data", str(data)])
    with bootstrap.opened(data) as collector, collector.writing() as conn:
        node = stored_node(conn, issuer=collector.issuer)

    def run(*words: str) -> tuple[int, str]:
        code = main(["devices", *words, "--data", str(data)])
        told = capsys.readouterr()
        return code, told.out + told.err

    capsys.readouterr()
    assert run("set", node.id, "environment_s=30", "sensors=sht4x@0x44")[0] == Exit.OK
    code, told = run("settings", node.id)
    assert code == Exit.OK
    assert "environment_s\t30\t" in told
    assert "sensors\tsht4x@0x44\t" in told
    assert "it was so before" in run("set", node.id, "environment_s=30")[1]
    assert run("unset", node.id, "sensors")[0] == Exit.OK
    assert "sensors" not in run("settings", node.id)[1]
    assert run("set", "node-none", "environment_s=30")[0] == Exit.UNKNOWN_ID
    assert "NAME=VALUE" in run("set", node.id, "environment_s")[1]
    code, told = run("set", node.id, "environment_s=10", "usage_s=10")
    assert (code, "is for a laptop" in told) == (Exit.FAILED, True)
    assert "environment_s\t30\t" in run("settings", node.id)[1]  # all or nothing
    with bootstrap.opened(data) as collector, collector.reading() as conn:
        bodies = [body for _, body in service.event_bodies(conn, node.id)]
    assert sum(b'"sht4x@0x44"' in body for body in bodies) == 1


def test_the_rest_interface_sets_shows_and_takes_back(tmp_path: Path) -> None:
    with api_world(tmp_path) as world:
        with db.writing(world.engine) as conn:
            node = stored_node(conn, now_ms=world.clock.utc)
        url = f"/api/v1/devices/{node.id}/settings"
        write, read = world.token(Scope.WRITE_DEVICES), world.token(Scope.READ_DEVICES)
        done = world.client.put(f"{url}/sensors", json={"value": "sht4x@0x44"}, headers=write)
        assert done.status_code == 200, done.text
        [item] = world.client.get(url, headers=read).json()["items"]
        assert (item["name"], item["value"]) == ("sensors", "sht4x@0x44")
        refused = world.client.put(f"{url}/usage_s", json={"value": "9"}, headers=write)
        assert refused.status_code == 422
        assert "is for a laptop" in refused.json()["errors"][0]["expected"]
        gone = world.client.delete(f"{url}/sensors", headers=write)
        assert (gone.status_code, gone.json()) == (200, {"items": []})
        assert world.client.delete(f"{url}/nothing", headers=write).status_code == 422
        assert world.client.put(f"{url}/sensors", json={}, headers=write).status_code == 422
        assert (
            world.client.put(f"{url}/sensors", json={"value": "x"}, headers=read).status_code == 403
        )
        assert world.client.get(url).status_code == 401
        nobody = url.replace(node.id, "node-none")
        assert world.client.get(nobody, headers=read).status_code == 404
