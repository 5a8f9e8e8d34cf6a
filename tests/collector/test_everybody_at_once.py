"""When many at one site seem absent together, the site is the suspect and nobody is accused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tests.factories.api_world import WEEK, ZONE
from tests.factories.bundling import exported
from tests.factories.judging import HOME_NET, HOUR_MS, MINUTE_MS, SITE_NET, START, Office, office
from tests.factories.vault import VAULT
from zaigang_collector import db
from zaigang_collector.assessment.model import StoredAssessment
from zaigang_collector.attendance import exemptions
from zaigang_collector.attendance.model import ExemptionKind
from zaigang_collector.attendance.service import StoredExemption
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Employee, Language
from zaigang_collector.evidence import recheck

PEOPLE = ("E001", "E002", "E003", "E004", "E005")
HOURS = 4


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as made:
        with db.writing(made.world.engine) as conn:
            for name in PEOPLE[2:]:
                put_employee(made, conn, name)
        yield made


def put_employee(here: Office, conn: Connection, name: str) -> None:
    employee = Employee(name, name, "交付部", Language.CHINESE, ZONE, WEEK)
    directory.put_employee(conn, VAULT, employee, here.world.clock.utc, here.world.randomness)


def live(here: Office, at_site: int, at_home: int) -> None:
    """So many work at the site, so many at home on their registered networks; all claim to be at
    the site."""
    laptops = []
    for number, employee_id in enumerate(PEOPLE[: at_site + at_home]):
        here.home(employee_id=employee_id)
        net = SITE_NET if number < at_site else HOME_NET
        laptops.append((here.laptop(f"desk-{number}", employee_id), net))
    for at_ms in range(START - HOUR_MS // 2, START + (HOURS + 1) * HOUR_MS, MINUTE_MS):
        for laptop, net in laptops:
            laptop.works(at_ms, at_ms + MINUTE_MS, net)
    for employee_id in PEOPLE[: at_site + at_home]:
        here.punch_day(employee_id)
    here.at(START + (HOURS + 2) * HOUR_MS)


def settle(here: Office) -> dict[str, StoredAssessment]:
    """As the worker does, until nothing changes."""
    for _ in range(4):
        here.judge()
    return {one.employee_id: one for one in here.newest()}


def verdicts(here: Office) -> list[str]:
    return [one.presence.value for _, one in sorted(settle(here).items())]


def test_one_absence_among_others_is_told(here: Office) -> None:
    live(here, at_site=4, at_home=1)

    assert verdicts(here) == ["confirmed"] * 4 + ["contradicted"]


def test_two_may_have_left_together(here: Office) -> None:
    live(here, at_site=1, at_home=2)

    assert verdicts(here) == ["confirmed", "contradicted", "contradicted"]


def test_most_of_a_site_absent_at_once_accuses_nobody(here: Office) -> None:
    live(here, at_site=2, at_home=3)

    found = settle(here)

    assert [one.presence.value for _, one in sorted(found.items())] == ["confirmed"] * 2 + [
        "unverified"
    ] * 3
    body = json.loads(found["E005"].body)
    assert body["held_together"] is True
    assert "IT is to look first" in body["reasons"][0]["en"]
    assert found["E005"].absent
    assert not found["E001"].absent


def test_who_was_accused_first_is_withdrawn_when_the_others_follow(here: Office) -> None:
    live(here, at_site=0, at_home=4)
    here.judge()  # the first two are judged before anybody else seems absent

    assert verdicts(here) == ["unverified"] * 4


def test_the_bundle_of_such_a_day_is_judged_again_to_the_same_bytes(here: Office) -> None:
    live(here, at_site=0, at_home=3)
    name = settle(here)["E001"].id

    again = recheck.recheck(exported(here.world.engine, name))

    assert again.problems == ()
    assert again.presence == "unverified"


def test_who_is_on_leave_is_not_among_those_who_were_there(here: Office) -> None:
    """All three who came seem absent: that four others are on leave says nothing for the site."""
    with db.writing(here.world.engine) as conn:
        for name in ("E101", "E102", "E103", "E104"):
            put_employee(here, conn, name)
            hours = START - HOUR_MS, START + 9 * HOUR_MS
            leave = StoredExemption(name, *hours, ExemptionKind.LEAVE, "test", name)
            exemptions.record(conn, VAULT, leave, here.world.clock.utc, here.world.randomness)
    for name in ("E101", "E102", "E103", "E104"):
        here.punch_day(name)
    live(here, at_site=0, at_home=3)

    assert verdicts(here) == ["unverified"] * 3 + ["exempt"] * 4
