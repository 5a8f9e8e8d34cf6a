"""Sites and people with defaults; name only what matters to the test."""

from __future__ import annotations

import dataclasses
from typing import Any

from sqlalchemy import Connection

from tests.factories.vault import VAULT
from tests.fakes.randomness import Repeatable
from zaigang_collector.directory import service, shifts
from zaigang_collector.directory.model import Employee, Language, Site, SiteKind

NOW_MS = 1_790_000_000_000  # FakeClock's beginning

SITE = Site(
    id="lujiazui",
    name="陆家嘴客户办公室",
    kind=SiteKind.CLIENT,
    time_zone="Asia/Shanghai",
    latitude=31.2397,
    longitude=121.4998,
    radius_m=150.0,
    indoors=True,
    air_conditioned=True,
)
EMPLOYEE = Employee(
    id="e001",
    name="王晓梅",
    department="delivery",
    language=Language.CHINESE,
    time_zone="Asia/Shanghai",
    shift=shifts.parse("Mon-Fri 09:00-18:00"),
)


def a_site(**changes: Any) -> Site:
    """A client's office in Shanghai."""
    return dataclasses.replace(SITE, **changes)


def an_employee(**changes: Any) -> Employee:
    """Somebody who works from nine to six."""
    return dataclasses.replace(EMPLOYEE, **changes)


def stored_site(conn: Connection, **changes: Any) -> Site:
    """A site that is in the directory."""
    site = a_site(**changes)
    service.put_site(conn, site, NOW_MS, Repeatable(f"site/{site.id}"))
    return site


def stored_employee(conn: Connection, **changes: Any) -> Employee:
    """A person who is in the directory."""
    employee = an_employee(**changes)
    service.put_employee(conn, VAULT, employee, NOW_MS, Repeatable(f"employee/{employee.id}"))
    return employee
