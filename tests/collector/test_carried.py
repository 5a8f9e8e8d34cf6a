"""Badges and thermometers that people carry: whose, since when, and who is told."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from tests.collector.test_cli_commands import run, save, stocked
from tests.factories.audited import audited, sequenced
from tests.factories.devices import an_issuer, stored_laptop, stored_node
from tests.factories.directory import NOW_MS, stored_employee
from tests.factories.judging import HOUR_MS, Office, office
from tests.factories.vault import VAULT
from tests.fakes import database
from tests.fakes.randomness import Repeatable
from zaigang_collector import beacon_ids, db
from zaigang_collector.access.model import Scope
from zaigang_collector.cli.console import Exit
from zaigang_collector.devices import configuration, listening
from zaigang_collector.devices.model import Device
from zaigang_collector.directory import carried, csv_carried
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.carried import Carried
from zaigang_collector.directory.model import Assignment, Change
from zaigang_collector.directory.tables import CARRIED
from zaigang_collector.errors import ConflictError, CsvError, UnknownIdError
from zaigang_collector.forgetting import service as forgetting
from zaigang_shared import device_config
from zaigang_shared.device_config import DeviceConfig, Kept

UUID = "8ec76ea3-6668-48da-9866-75be8bc86f4d"
BADGE = bytes.fromhex(UUID.replace("-", "") + "00010011")
ADDRESS = bytes.fromhex("5448e68f80a5")
SECRET = bytes.fromhex("231d39c1d7cc1ab1aee224cd096db932")
DICE = Repeatable("carried")


def a_badge(name: str = "badge-17", employee_id: str = "E001", minor: int = 17) -> Carried:
    return Carried(name, employee_id, "ibeacon", BADGE[:18] + minor.to_bytes(2, "big"))


def a_sensor(name: str = "desk", employee_id: str = "E001") -> Carried:
    return Carried(name, employee_id, "bthome", ADDRESS, SECRET)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as made:
        yield made


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    engine = database.in_file(tmp_path)
    with db.writing(engine) as made:
        for name in ("E001", "E002"):
            stored_employee(made, id=name)
        yield made
    engine.dispose()


def register(conn: Connection, new: Carried, now_ms: int = NOW_MS) -> Change:
    return carried.register(conn, VAULT, new, now_ms, DICE)


# ---- identifiers as people write them


@pytest.mark.parametrize(
    ("format_", "text", "expected"),
    [
        ("ibeacon", f"{UUID}/1/17", BADGE),
        ("ibeacon", BADGE.hex().upper(), BADGE),
        ("altbeacon", "00" * 19 + "01", bytes(19) + b"\1"),
        ("eddystone", "0011223344556677889a/000000000001", bytes.fromhex("0011223344556677889a000000000001")),
        ("bthome", "54:48:E6:8F:80:A5", ADDRESS),
        ("atc", "54-48-e6-8f-80-a5", ADDRESS),
        ("ruuvi", "5448e68f80a5", ADDRESS),
    ],
)  # fmt: skip
def test_identifiers_are_taken_as_they_stand_on_the_box(
    format_: str, text: str, expected: bytes
) -> None:
    assert beacon_ids.parse(format_, text) == expected
    assert beacon_ids.parse(format_, beacon_ids.written(format_, expected)) == expected


@pytest.mark.parametrize(
    ("format_", "text"),
    [
        ("ibeacon", UUID), ("ibeacon", f"{UUID}/1"), ("ibeacon", f"{UUID}/1/65536"),
        ("ibeacon", f"{UUID}/1/17/2"), ("ibeacon", ""), ("bthome", "54:48:E6:8F:80"),
        ("bthome", "00:00:00:00:00:00"), ("wifi", "00"), ("eddystone", "0011/22"),
        ("atc", "54:48:E6:8F:80:A\u0665"),
    ],
)  # fmt: skip
def test_half_an_identifier_is_none(format_: str, text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        beacon_ids.parse(format_, text)


@given(st.sampled_from([*beacon_ids.FORMATS, "x"]), st.text(max_size=60))
def test_any_text_is_an_identifier_or_a_value_error(format_: str, text: str) -> None:
    for parse in (beacon_ids.parse, beacon_ids.parse_prefix):
        with contextlib.suppress(ValueError):
            assert 4 <= len(parse(format_, text)) <= 20


def test_the_companys_own_beacons_are_beginnings_each_named_once() -> None:
    text = f"ibeacon:{UUID}, eddystone:0011223344556677889a ，ibeacon:{UUID}"
    found = beacon_ids.prefixes(text)
    assert found == (("ibeacon", BADGE[:16]), ("eddystone", bytes.fromhex("0011223344556677889a")))
    assert beacon_ids.prefixes("") == ()
    for wrong in ("ibeacon:0011", "bthome:5448e68f80a5", UUID, "ibeacon"):
        with pytest.raises(ValueError, match="expected"):
            beacon_ids.prefixes(wrong)


# ---- the register


def test_a_thing_is_somebodys_from_when_it_was_said_until_it_was_taken_back(
    conn: Connection,
) -> None:
    assert register(conn, a_badge()) is Change.ADDED
    assert register(conn, a_badge(), NOW_MS + 5) is Change.UNCHANGED
    assert carried.of_employee(conn, "E001") == (a_badge(),)
    carried.remove(conn, VAULT, "badge-17", NOW_MS + 10, DICE)
    register(conn, a_badge(employee_id="E002"), NOW_MS + 20)
    worn = {
        name: [(one.from_ms, one.to_ms) for one in carried.badges_worn(conn, name, 0, NOW_MS * 2)]
        for name in ("E001", "E002")
    }
    assert worn == {"E001": [(NOW_MS, NOW_MS + 10)], "E002": [(NOW_MS + 20, None)]}
    assert carried.badges_worn(conn, "E001", NOW_MS + 10, NOW_MS * 2) == ()
    assert carried.of_employee(conn, "E001") == ()
    with pytest.raises(UnknownIdError):
        carried.remove(conn, VAULT, "badge-18", NOW_MS + 30, DICE)


def test_what_is_taken_says_whose_it_is_and_what_to_do(conn: Connection) -> None:
    register(conn, a_badge())
    with pytest.raises(ConflictError, match="registered to E001 already; `people carried remove"):
        register(conn, a_badge(employee_id="E002", minor=18))
    with pytest.raises(ConflictError, match="with another identifier"):
        register(conn, a_badge(minor=18))
    with pytest.raises(ConflictError, match=f"{UUID}/1/17 is registered to E001 as badge-17"):
        register(conn, a_badge("badge-18", "E002"))
    with pytest.raises(UnknownIdError):
        register(conn, a_badge(employee_id="E003"))


def test_a_person_has_no_more_than_a_device_takes(conn: Connection) -> None:
    for number in range(carried.BADGES_MOST):
        register(conn, a_badge(f"b-{number}", minor=number))
    with pytest.raises(ConflictError, match="10 badges"):
        register(conn, a_badge("one-more", minor=99))
    for number in range(carried.SENSORS_MOST):
        address = (number + 1).to_bytes(6, "big")
        register(conn, Carried(f"s-{number}", "E001", "ruuvi", address))
    with pytest.raises(ConflictError, match="20 thermometers"):
        register(conn, a_sensor())


def test_a_bind_key_is_shown_nowhere_and_goes_with_the_registration(conn: Connection) -> None:
    register(conn, a_sensor())
    (sensor,) = carried.of_employee(conn, "E001")
    assert sensor.key == SECRET
    assert SECRET.hex() not in repr(sensor)
    assert repr(SECRET) not in repr(sensor)
    carried.remove(conn, VAULT, "desk", NOW_MS + 1, DICE)
    assert [row.key for row in conn.execute(CARRIED.select())] == [None]


# ---- the ledger's word


def test_the_register_is_what_its_events_say(here: Office) -> None:
    with db.writing(here.world.engine) as conn:
        for new in (a_badge(), a_sensor(), a_badge("old", "E002", 9)):
            register(conn, new)
        carried.remove(conn, VAULT, "old", NOW_MS + 1, DICE)
        register(conn, a_badge("blink", "E002", 8), NOW_MS + 2)
        carried.remove(conn, VAULT, "blink", NOW_MS + 2, DICE)
        assert [one.carried.id for one in carried.registrations(conn)] == [
            "badge-17",
            "desk",
            "old",
        ]


@pytest.mark.parametrize(
    "change",
    [
        {"employee_id": "E002"}, {"identifier": "00" * 20}, {"key": b"another" + bytes(9)},
        {"from_ms": NOW_MS - 5}, {"to_ms": NOW_MS + 5}, {"format": "ruuvi"},
    ],
)  # fmt: skip
def test_a_register_that_was_changed_behind_our_back_is_found(
    here: Office, change: dict[str, object]
) -> None:
    here.altered = True
    with db.writing(here.world.engine) as conn:
        register(conn, a_sensor())
        conn.execute(CARRIED.update().values(**change))
    sequenced(here.world.engine)
    assert any("carried desk since" in str(one) for one in audited(here.world.engine).findings)


def test_forgetting_a_person_takes_all_of_it_away(here: Office) -> None:
    with db.writing(here.world.engine) as conn:
        register(conn, a_sensor())
        register(conn, a_badge("theirs", "E002", 9))
        told = forgetting.forget(
            conn, VAULT, "E001", "asked", "Zhang", here.world.clock.utc, here.world.randomness
        )
        assert told.counts["carried"] == 1
        assert [one.carried.id for one in carried.registrations(conn)] == ["theirs"]


def test_a_person_is_shown_what_is_registered_and_never_a_key(here: Office) -> None:
    with db.writing(here.world.engine) as conn:
        register(conn, a_badge())
        register(conn, a_sensor())
    headers = here.world.token(Scope.READ_DIRECTORY)
    answer = here.world.client.get("/api/v1/people/E001", headers=headers)
    assert answer.json()["carried"] == [
        {"id": "badge-17", "format": "ibeacon", "identifier": f"{UUID}/1/17"},
        {"id": "desk", "format": "bthome", "identifier": "54:48:E6:8F:80:A5"},
    ]
    assert SECRET.hex() not in answer.text


# ---- who is told


def wanted(
    conn: Connection,
    device: Device,
    prefixes: listening.Prefixes = (),
    now_ms: int = NOW_MS,
) -> DeviceConfig:
    grounds = dataclasses.replace(an_issuer().grounds, kept_beacons=tuple(prefixes))
    config = configuration.wanted_config(conn, device, grounds, now_ms)
    signed = device_config.SignedConfig(device.id, 1, now_ms, config)
    data = device_config.sign_config(grounds.receipt_key, signed)
    assert SECRET.hex() not in repr(config)
    return device_config.open_config(data, grounds.receipt_key.public_key()).config


def assign(conn: Connection, employee_id: str, first: dt.date, last: dt.date | None = None) -> None:
    assignment = Assignment(employee_id, "hq", first, last)
    directory.put_assignment(conn, VAULT, assignment, NOW_MS, DICE)


def test_a_laptop_listens_to_what_its_owner_carries_and_to_nobody_elses(conn: Connection) -> None:
    laptop = stored_laptop(conn, employee_id="E001").device
    for new in (a_badge(), a_sensor(), a_badge("theirs", "E002", 9)):
        register(conn, new)
    config = wanted(conn, laptop, [("ibeacon", b"sites")])
    assert config.kept == (Kept("ibeacon", BADGE, badge=True), Kept("ibeacon", b"sites"))
    assert config.carried == (device_config.Carried("desk", "bthome", ADDRESS, SECRET),)


def test_a_node_listens_to_the_badges_of_who_is_assigned_these_days(conn: Connection) -> None:
    node = stored_node(conn, site_id="hq").device
    today = dt.datetime.fromtimestamp(NOW_MS / 1000, dt.UTC).date()
    register(conn, a_badge())
    register(conn, a_badge("theirs", "E002", 9))
    register(conn, a_sensor())
    assert wanted(conn, node).kept == ()
    assign(conn, "E001", today + dt.timedelta(days=1))
    assign(conn, "E002", today - dt.timedelta(days=9), today - dt.timedelta(days=2))
    config = wanted(conn, node)
    assert config.kept == (Kept("ibeacon", BADGE, badge=True),)
    assert config.carried == ()
    assert wanted(conn, node, now_ms=NOW_MS - 48 * HOUR_MS).kept == (
        Kept("ibeacon", a_badge(minor=9).identifier, badge=True),
    )


def badges(count: int, series: int) -> list[Carried]:
    return [
        Carried(
            f"b{n}", f"E{n}", "ibeacon", (n % series).to_bytes(16, "big") + n.to_bytes(4, "big")
        )
        for n in range(count)
    ]


def test_more_badges_than_fit_are_told_by_series_and_none_is_left_out() -> None:
    company = (("eddystone", b"ours"),)
    assert len(listening.fitting(badges(99, 99), company)) == 100
    told = listening.fitting(badges(500, 3), company)
    assert [(one.badge, len(one.prefix)) for one in told] == [(True, 16)] * 3 + [(False, 4)]
    for badge in badges(500, 3):
        assert any(one.badge and badge.identifier.startswith(one.prefix) for one in told)
    with pytest.raises(ConflictError, match="100 badges of 100 series, and a device takes 99"):
        listening.fitting(badges(100, 100), company)


def test_the_longest_list_fits_into_a_configuration() -> None:
    sensors = tuple(
        device_config.Carried("s" * 64, "bthome", bytes(6), bytes(16)) for _ in range(20)
    )
    config = DeviceConfig(
        hours=None, net_key=bytes(32), rid_key=bytes(32), carried=sensors,
        kept=listening.fitting(badges(100, 100), ()),
    )  # fmt: skip
    signed = device_config.SignedConfig("node-aaaaaaaaaa", 1, NOW_MS, config)
    data = device_config.sign_config(an_issuer().grounds.receipt_key, signed)
    assert len(data) < device_config.MAX_BYTES // 2


def test_where_not_even_series_fit_adding_is_refused_and_the_node_hears_no_badge_loudly(
    conn: Connection, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "KEPT_MOST", 1)
    node = stored_node(conn, site_id="hq").device
    today = dt.datetime.fromtimestamp(NOW_MS / 1000, dt.UTC).date()
    assign(conn, "E001", today)
    register(conn, a_badge())
    listening.check_sites_of(conn, "E001", (), NOW_MS)
    register(conn, Carried("other", "E001", "altbeacon", bytes(19) + b"\1"))
    with pytest.raises(ConflictError, match="site hq: 2 badges of 2 series"):
        listening.check_sites_of(conn, "E001", (), NOW_MS)
    with caplog.at_level(logging.ERROR):
        assert wanted(conn, node).kept == ()
    assert "the nodes of site hq hear no badge" in caplog.text
    assert "E001" not in caplog.text


# ---- from files and the command line


@pytest.fixture
def data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    made = stocked(tmp_path)
    capsys.readouterr()
    return made


def test_the_command_line_adds_lists_and_removes(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key_file = save(tmp_path, "desk.key", SECRET.hex() + "\n")
    adding = "people", "carried", "add", "E001"
    assert run(data, *adding, "badge-17", "ibeacon", f"{UUID}/1/17") == Exit.OK
    assert run(data, *adding, "desk", "bthome", "54:48:E6:8F:80:A5", "--key-file", key_file) == 0
    assert run(data, "people", "carried", "list", "E001", "--why", "a test") == Exit.OK
    out = capsys.readouterr().out
    assert f"badge-17\tE001\tibeacon\t{UUID}/1/17\t\t" in out
    assert "desk\tE001\tbthome\t54:48:E6:8F:80:A5\tyes\t" in out
    assert run(data, "people", "show", "E001") == Exit.OK
    assert "carries: desk, bthome 54:48:E6:8F:80:A5" in capsys.readouterr().out
    assert run(data, "people", "carried", "remove", "badge-17") == Exit.OK
    assert run(data, "people", "carried", "remove", "badge-17") == Exit.UNKNOWN_ID
    assert SECRET.hex() not in out
    assert run(data, "people", "looks", "E001") == Exit.OK
    assert "badges and thermometers" in capsys.readouterr().out


def test_what_is_wrong_on_the_command_line_is_said_without_the_secret(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    adding = "people", "carried", "add", "E001", "desk"
    assert run(data, *adding, "ibeacon", UUID) == Exit.CONFIG
    assert "expected UUID/major/minor" in capsys.readouterr().err
    wrong = save(tmp_path, "desk.key", SECRET.hex()[:-1] + "ü")
    assert run(data, *adding, "bthome", ADDRESS.hex(), "--key-file", wrong) == Exit.CONFIG
    told = capsys.readouterr().err
    assert "expected a bind key of 32 hex digits" in told
    assert SECRET.hex()[:8] not in told
    good = save(tmp_path, "good.key", SECRET.hex())
    assert run(data, *adding, "ruuvi", ADDRESS.hex(), "--key-file", good) == Exit.CONFIG
    assert "leave --key-file out" in capsys.readouterr().err


def test_a_file_is_taken_as_a_whole_and_repeats_no_key(conn: Connection) -> None:
    header = "工号,名称,格式,蓝牙地址,密钥\n"
    good = (
        header + f"E001,desk,BTHome,54:48:E6:8F:80:A5,{SECRET.hex()}\nE002,b,ibeacon,{UUID}/1/17,\n"
    )
    assert csv_carried.import_carried(conn, VAULT, good, NOW_MS, DICE).added == 2
    again = csv_carried.import_carried(conn, VAULT, good, NOW_MS + 1, DICE)
    assert (again.added, again.unchanged, again.people) == (0, 2, ("E001", "E002"))
    wrong = header + (
        f"E001,x,bthome,54:48:E6:8F:80:A6,{SECRET.hex()}0\nE009,y,wifi,1,\n"
        f"E002,z,ruuvi,54:48:E6:8F:80:A7,{SECRET.hex()}\nE001,b,ibeacon,{UUID}/1/18,\n"
    )
    with pytest.raises(CsvError) as caught:
        csv_carried.import_carried(conn, VAULT, wrong, NOW_MS + 2, DICE)
    told = str(caught.value)
    for part in ("line 2: expected a bind key", "line 3, column 工号", "line 3, column 格式",
                 "line 4: expected no bind key", "line 5: expected something that fits: b is registered to E002"):  # fmt: skip
        assert part in told, told
    assert SECRET.hex() not in told
