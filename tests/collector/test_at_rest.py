"""What lies on the disk: nothing about a person that could be read without their key."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tests.factories.directory import an_employee
from tests.factories.judging import HOUR_MS, MINUTE_MS, SITE_NET, START, Office, office
from tests.factories.vault import VAULT
from zaigang_collector import db
from zaigang_collector.attendance import service as attendance
from zaigang_collector.attendance.model import Direction, NewClockIn, Point
from zaigang_collector.directory import service as directory
from zaigang_shared import envelope
from zaigang_shared.envelope import FIRST_PREV
from zaigang_shared.readings import Usage

NAME = "欧阳哨兵"
LABEL = "sentinel-application"
RECORD = b'{"sentinel": "of the vendor"}'
PHONE = "sentinel-phone"
LATITUDE, LONGITUDE = 31.187654321, 121.412345678
SECRETS = {
    "name": NAME.encode(),
    "label of a reading": LABEL.encode(),
    "vendor's record": RECORD,
    "id of the phone": PHONE.encode(),
    "latitude as SQLite and CBOR write it": struct.pack(">d", LATITUDE),
    "longitude as SQLite and CBOR write it": struct.pack(">d", LONGITUDE),
    "latitude in digits": str(LATITUDE).encode(),
    "longitude in digits": str(LONGITUDE).encode(),
    "network as CBOR writes it": SITE_NET + b"\x63vpn",
}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as made:
        yield made


def found(here: Office) -> set[str]:
    """Which of the secrets are anywhere in the database's files, its log included."""
    database = Path(str(here.world.engine.url.database))
    files = list(database.parent.glob(database.name + "*"))
    assert database.with_name(database.name + "-wal").stat().st_size > 0, "the log is empty"
    raw = b"".join(path.read_bytes() for path in files)
    return {what for what, secret in SECRETS.items() if secret in raw}


def a_story(here: Office) -> None:
    """Readings, a fork that is kept aside, claims and a verdict."""
    laptop, fork = here.laptop(), here.laptop("desk-8", "E002")
    for at_ms in range(START, START + 20 * MINUTE_MS, MINUTE_MS):
        laptop.kept.append(laptop.seal(at_ms + MINUTE_MS, [usage(at_ms + MINUTE_MS)]))
    laptop.works(START + 20 * MINUTE_MS, START + 30 * MINUTE_MS, SITE_NET, spool=True)
    laptop.deliver_spool(START + 31 * MINUTE_MS)
    first = fork.seal(START + MINUTE_MS, [usage(START)])
    fork.seq, fork.prev = 0, FIRST_PREV
    other = fork.seal(START + 2 * MINUTE_MS, [usage(START)])
    assert envelope.digest(first) != envelope.digest(other)
    fork.arrive([first, other], START + 32 * MINUTE_MS)
    for direction, at_ms in ((Direction.IN, START), (Direction.OUT, START + HOUR_MS)):
        new = NewClockIn(
            source="test",
            source_id=direction.value,
            employee_id="E001",
            site_id="hq",
            direction=direction,
            punched_ms=at_ms,
            received_ms=None,
            point=Point(LATITUDE, LONGITUDE, "WGS-84", 12.5),
            source_device=PHONE,
            vendor_record=RECORD,
        )
        with db.writing(here.world.engine) as conn:
            attendance.record(conn, VAULT, new, here.world.clock.utc, here.world.randomness)
    here.at(START + 3 * HOUR_MS)
    here.judge()


def usage(t_ms: int) -> Usage:
    return Usage(
        t_ms=t_ms,
        span_ms=0,
        active=3,
        regular=False,
        session="local",
        locked=False,
        apps={LABEL: 3},
        touched={LABEL: 2},
    )


def test_the_search_finds_what_is_there(here: Office) -> None:
    with db.writing(here.world.engine) as conn:
        put_name(here, conn, NAME)
    assert found(here) == {"name"}  # the register of people has it: see docs/privacy.md


def put_name(here: Office, conn: Connection, name: str) -> None:
    employee = an_employee(id="E001", name=name)
    directory.put_employee(conn, VAULT, employee, here.world.clock.utc, here.world.randomness)


def test_nothing_of_a_whole_story_is_in_the_clear(here: Office) -> None:
    # The name is searched for in all places but the register: there it becomes another.
    with db.writing(here.world.engine) as conn:
        put_name(here, conn, NAME)
        put_name(here, conn, "somebody")
    assert db.scrub(here.world.engine)
    a_story(here)
    (verdict,) = here.newest()
    assert str(LATITUDE).encode() in verdict.body  # it is held, and can be read
    assert found(here) == set()


def test_what_was_deleted_is_overwritten(here: Office) -> None:
    with db.writing(here.world.engine) as conn:
        put_name(here, conn, NAME)
    with db.writing(here.world.engine) as conn:
        put_name(here, conn, "somebody")
    assert db.scrub(here.world.engine)
    a_story(here)  # so that there is a log again
    assert found(here) == set()
