"""Reading and writing the directory. No commits here; each change is a ledger entry."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, Row, Table

from zaigang_collector import db
from zaigang_collector.db import Randomness
from zaigang_collector.directory.model import (
    Assignment,
    Change,
    Employee,
    KnownNetworks,
    Language,
    Learnt,
    Network,
    NetworkKind,
    Site,
    SiteKind,
)
from zaigang_collector.directory.tables import (
    ASSIGNMENT,
    EMPLOYEE,
    EVENT,
    LEARNT,
    PERSON_PLACE,
    SITE,
    SITE_NETWORK,
)
from zaigang_collector.errors import UnknownIdError
from zaigang_collector.ledger import service as ledger
from zaigang_collector.vault.model import person
from zaigang_collector.vault.service import Vault
from zaigang_shared import cbor
from zaigang_shared.device_config import Shift

_PAGE: Final = 1000
# Kinds of events whose subject is a person: sealed. An id of a site may be the same word.
PERSONAL: Final = frozenset(
    {
        "assignment",
        "carried",
        "carried_removed",
        "employee",
        "home_place",
        "home_place_removed",
        "learnt",
        "learnt_dropped",
    }
)


# Reading.


def get_site(conn: Connection, site_id: str) -> Site | None:
    """One site."""
    row = conn.execute(sa.select(SITE).where(SITE.c.id == site_id)).one_or_none()
    return None if row is None else _site(row)


def list_sites(conn: Connection, after_id: str = "", limit: int = _PAGE) -> tuple[Site, ...]:
    """Sites by id, from after `after_id`."""
    query = sa.select(SITE).where(SITE.c.id > after_id).order_by(SITE.c.id).limit(limit)
    return tuple(_site(row) for row in conn.execute(query))


def get_employee(conn: Connection, employee_id: str) -> Employee | None:
    """One person."""
    row = conn.execute(sa.select(EMPLOYEE).where(EMPLOYEE.c.id == employee_id)).one_or_none()
    return None if row is None else _employee(row)


def list_employees(
    conn: Connection,
    after_id: str = "",
    limit: int = _PAGE,
    among: Collection[str] | None = None,
) -> tuple[Employee, ...]:
    """People by id, from after `after_id`; `among`: only these."""
    query = sa.select(EMPLOYEE).where(EMPLOYEE.c.id > after_id).order_by(EMPLOYEE.c.id).limit(limit)
    if among is not None:
        query = query.where(EMPLOYEE.c.id.in_(sorted(among)))
    return tuple(_employee(row) for row in conn.execute(query))


def departments_of(conn: Connection, employee_ids: Iterable[str]) -> dict[str, str]:
    """The department of each who is known."""
    wanted, found = sorted(set(employee_ids)), {}
    for start in range(0, len(wanted), _PAGE):
        query = sa.select(EMPLOYEE.c.id, EMPLOYEE.c.department).where(
            EMPLOYEE.c.id.in_(wanted[start : start + _PAGE])
        )
        found.update({row.id: row.department for row in conn.execute(query)})
    return found


def ids_in_departments(conn: Connection, departments: Collection[str]) -> frozenset[str]:
    """Who is in one of these now."""
    query = sa.select(EMPLOYEE.c.id).where(EMPLOYEE.c.department.in_(sorted(departments)))
    return frozenset(conn.scalars(query)) if departments else frozenset()


def networks_of_site(conn: Connection, site_id: str) -> KnownNetworks:
    """How the site's network is recognised; empty when nothing is known."""
    return _known(conn, SITE_NETWORK, SITE_NETWORK.c.site_id == site_id)


def home_places(conn: Connection, employee_id: str) -> KnownNetworks:
    """What the person registered as their home; empty when nothing is."""
    return _known(conn, PERSON_PLACE, PERSON_PLACE.c.employee_id == employee_id)


def assignments_of(conn: Connection, employee_id: str) -> tuple[Assignment, ...]:
    """All assignments of a person, the earliest first."""
    query = (
        sa.select(ASSIGNMENT)
        .where(ASSIGNMENT.c.employee_id == employee_id)
        .order_by(ASSIGNMENT.c.from_day, ASSIGNMENT.c.site_id)
    )
    return tuple(_assignment(row) for row in conn.execute(query))


def sites_of(conn: Connection, employee_id: str, day: dt.date) -> tuple[str, ...]:
    """Ids of the sites to which the person is assigned on `day`, sorted."""
    query = sa.select(ASSIGNMENT.c.site_id).where(
        ASSIGNMENT.c.employee_id == employee_id, _holds_on(day)
    )
    return tuple(sorted(set(conn.scalars(query))))


def employees_at(conn: Connection, site_id: str, day: dt.date) -> tuple[str, ...]:
    """Ids of the people who are assigned to the site on `day`, sorted."""
    query = sa.select(ASSIGNMENT.c.employee_id).where(
        ASSIGNMENT.c.site_id == site_id, _holds_on(day)
    )
    return tuple(sorted(set(conn.scalars(query))))


def last_event_id(conn: Connection) -> int:
    """Rises with every change of the directory: whoever derives something from it can compare."""
    return int(conn.execute(sa.select(sa.func.coalesce(sa.func.max(EVENT.c.id), 0))).scalar_one())


def subjects(conn: Connection, event_ids: Sequence[int]) -> frozenset[str | None]:
    """The people whom these events are about; None among them: one is about something else, which may
    concern everybody."""
    found: set[str | None] = set()
    for start in range(0, len(event_ids), _PAGE):
        query = sa.select(EVENT.c.kind, EVENT.c.subject_id).where(
            EVENT.c.id.in_(event_ids[start : start + _PAGE])
        )
        rows = conn.execute(query)
        found.update(row.subject_id if row.kind in PERSONAL else None for row in rows)
    return frozenset(found)


def event_body(conn: Connection, vault: Vault, event_id: int) -> bytes | None:
    """What the ledger committed to of an event; None: there is none, or it was forgotten."""
    row = conn.execute(sa.select(EVENT).where(EVENT.c.id == event_id)).one_or_none()
    if row is None or row.body is None:
        return None
    if row.kind not in PERSONAL:
        return bytes(row.body)
    (body,) = vault.open_many(conn, [(row.body, context_of(event_id))])
    return body


# Writing. Each returns what it changed; the same value again changes nothing.


def put_site(conn: Connection, site: Site, now_ms: int, randomness: Randomness) -> Change:
    """Add or change a site."""
    change = _change(get_site(conn, site.id), site)
    if change is not Change.UNCHANGED:
        fields = dataclasses.asdict(site) | {"kind": site.kind.value}
        db.upsert(conn, SITE, [fields | {"changed_ms": now_ms}])
        record(conn, "site", site.id, fields, now_ms, randomness)
    return change


def put_employee(
    conn: Connection, vault: Vault, employee: Employee, now_ms: int, randomness: Randomness
) -> Change:
    """Add or change a person."""
    change = _change(get_employee(conn, employee.id), employee)
    if change is not Change.UNCHANGED:
        shift = [[item.weekday, item.from_min, item.to_min] for item in employee.shift]
        fields = {
            "id": employee.id,
            "name": employee.name,
            "department": employee.department,
            "language": employee.language.value,
            "time_zone": employee.time_zone,
        }
        row = fields | {"shift": json.dumps(shift), "changed_ms": now_ms}
        db.upsert(conn, EMPLOYEE, [row])
        record(conn, "employee", employee.id, fields | {"shift": shift}, now_ms, randomness, vault)
    return change


def add_site_network(
    conn: Connection, site_id: str, network: Network, now_ms: int, randomness: Randomness
) -> Change:
    """Let a site be recognised by `network` too. Raises UnknownIdError."""
    if get_site(conn, site_id) is None:
        raise UnknownIdError("site", site_id)
    key = {"site_id": site_id, "kind": network.kind.value, "value": network.value}
    return _add(conn, SITE_NETWORK, "site_network", site_id, key, now_ms, randomness)


def remove_site_network(
    conn: Connection, site_id: str, network: Network, now_ms: int, randomness: Randomness
) -> Change:
    """Recognise a site by `network` no longer."""
    key = {"site_id": site_id, "kind": network.kind.value, "value": network.value}
    return _remove(conn, SITE_NETWORK, "site_network_removed", site_id, key, now_ms, randomness)


def add_home_place(
    conn: Connection,
    vault: Vault,
    employee_id: str,
    network: Network,
    now_ms: int,
    randomness: Randomness,
) -> Change:
    """Note a network as the person's home, as they registered it. Raises UnknownIdError."""
    if get_employee(conn, employee_id) is None:
        raise UnknownIdError("employee", employee_id)
    key = {"employee_id": employee_id, "kind": network.kind.value, "value": network.value}
    return _add(conn, PERSON_PLACE, "home_place", employee_id, key, now_ms, randomness, vault)


def remove_home_place(
    conn: Connection,
    vault: Vault,
    employee_id: str,
    network: Network,
    now_ms: int,
    randomness: Randomness,
) -> Change:
    """Forget a network as the person's home."""
    key = {"employee_id": employee_id, "kind": network.kind.value, "value": network.value}
    return _remove(
        conn, PERSON_PLACE, "home_place_removed", employee_id, key, now_ms, randomness, vault
    )


def put_assignment(
    conn: Connection, vault: Vault, assignment: Assignment, now_ms: int, randomness: Randomness
) -> Change:
    """Add an assignment, or change the end of the one that begins on the same day.

    Raises UnknownIdError.
    """
    if get_employee(conn, assignment.employee_id) is None:
        raise UnknownIdError("employee", assignment.employee_id)
    if get_site(conn, assignment.site_id) is None:
        raise UnknownIdError("site", assignment.site_id)
    stored = conn.execute(
        sa.select(ASSIGNMENT).where(
            ASSIGNMENT.c.employee_id == assignment.employee_id,
            ASSIGNMENT.c.site_id == assignment.site_id,
            ASSIGNMENT.c.from_day == assignment.from_day.isoformat(),
        )
    ).one_or_none()
    change = _change(None if stored is None else _assignment(stored), assignment)
    if change is not Change.UNCHANGED:
        fields = {
            "employee_id": assignment.employee_id,
            "site_id": assignment.site_id,
            "from_day": assignment.from_day.isoformat(),
            "to_day": None if assignment.to_day is None else assignment.to_day.isoformat(),
        }
        db.upsert(conn, ASSIGNMENT, [fields])
        record(conn, "assignment", assignment.employee_id, fields, now_ms, randomness, vault)
    return change


def learnt_of(conn: Connection, employee_id: str, site_id: str) -> tuple[Learnt, ...]:
    """What was accepted of this person at this site, by name."""
    query = (
        sa.select(LEARNT)
        .where(LEARNT.c.employee_id == employee_id, LEARNT.c.site_id == site_id)
        .order_by(LEARNT.c.name)
    )
    return tuple(Learnt(**row._mapping) for row in conn.execute(query))


def learnt_names(conn: Connection, employee_id: str, prefix: str) -> tuple[str, ...]:
    """Names with this beginning of what was accepted of this person at any site, sorted."""
    query = sa.select(LEARNT.c.name).where(
        LEARNT.c.employee_id == employee_id, LEARNT.c.name.startswith(prefix, autoescape=True)
    )
    return tuple(sorted(set(conn.scalars(query))))


def put_learnt(
    conn: Connection,
    vault: Vault,
    learnt: Learnt,
    accepted_by: str,
    now_ms: int,
    randomness: Randomness,
) -> Change:
    """Use this from now on, because `accepted_by` said yes. Raises UnknownIdError."""
    if get_employee(conn, learnt.employee_id) is None:
        raise UnknownIdError("employee", learnt.employee_id)
    if get_site(conn, learnt.site_id) is None:
        raise UnknownIdError("site", learnt.site_id)
    held = {one.name: one for one in learnt_of(conn, learnt.employee_id, learnt.site_id)}
    change = _change(held.get(learnt.name), learnt)
    if change is not Change.UNCHANGED:
        fields = dataclasses.asdict(learnt)
        db.upsert(conn, LEARNT, [fields])
        said = fields | {"accepted_by": accepted_by}
        record(conn, "learnt", learnt.employee_id, said, now_ms, randomness, vault)
    return change


def drop_learnt(
    conn: Connection,
    vault: Vault,
    employee_id: str,
    site_id: str,
    now_ms: int,
    randomness: Randomness,
) -> int:
    """Use nothing of what was learnt of this person at this site any more. Returns how much."""
    dropped = 0
    for one in learnt_of(conn, employee_id, site_id):
        key = {"employee_id": employee_id, "site_id": site_id, "name": one.name}
        _remove(conn, LEARNT, "learnt_dropped", employee_id, key, now_ms, randomness, vault)
        dropped += 1
    return dropped


def _change(before: object | None, after: object) -> Change:
    if before is None:
        return Change.ADDED
    return Change.UNCHANGED if before == after else Change.CHANGED


def _add(
    conn: Connection,
    table: Table,
    kind: str,
    subject_id: str,
    key: Mapping[str, str],
    now_ms: int,
    randomness: Randomness,
    vault: Vault | None = None,
) -> Change:
    if not db.insert_ignore(conn, table, [key]):
        return Change.UNCHANGED
    record(conn, kind, subject_id, key, now_ms, randomness, vault)
    return Change.ADDED


def _remove(
    conn: Connection,
    table: Table,
    kind: str,
    subject_id: str,
    key: Mapping[str, str],
    now_ms: int,
    randomness: Randomness,
    vault: Vault | None = None,
) -> Change:
    wanted = sa.and_(*(table.c[name] == value for name, value in key.items()))
    if not conn.execute(sa.delete(table).where(wanted)).rowcount:
        return Change.UNCHANGED
    record(conn, kind, subject_id, key, now_ms, randomness, vault)
    return Change.CHANGED


def record(
    conn: Connection,
    kind: str,
    subject_id: str,
    fields: Mapping[str, Any],
    now_ms: int,
    randomness: Randomness,
    vault: Vault | None = None,
) -> None:
    """Keep what changed, and queue it for the ledger. `vault`: the subject is a person, and what
    changed is sealed under their key."""
    body = cbor.dumps({"event": kind, "at": now_ms, "fields": dict(fields)})
    inserted = conn.execute(
        sa.insert(EVENT)
        .values(at_ms=now_ms, kind=kind, subject_id=subject_id, body=None if vault else body)
        .returning(EVENT.c.id)
    )
    event_id = int(inserted.scalar_one())
    if vault:  # only now it has the number that is its place
        sealed = vault.seal(conn, person(subject_id), body, context_of(event_id), now_ms)
        conn.execute(sa.update(EVENT).where(EVENT.c.id == event_id).values(body=sealed))
    ledger.append(
        conn,
        ledger.EntryType.DIRECTORY_EVENT,
        now_ms,
        hashlib.sha256(body).digest(),
        randomness(ledger.SALT_BYTES),
        str(event_id),
    )


def context_of(event_id: int) -> bytes:
    """The place for which the body of a person's event is sealed."""
    return f"directory-event/{event_id}".encode()


def record_event(
    conn: Connection, kind: str, subject_id: str, now_ms: int, randomness: Randomness
) -> None:
    """Keep that something happened, for `directory.erasing`: whoever derives something from the
    directory looks anew."""
    record(conn, kind, subject_id, {}, now_ms, randomness)


def _known(conn: Connection, table: Table, whose: sa.ColumnElement[bool]) -> KnownNetworks:
    rows = conn.execute(sa.select(table.c.kind, table.c.value).where(whose)).all()
    return KnownNetworks(
        networks=frozenset(
            bytes.fromhex(row.value) for row in rows if row.kind == NetworkKind.GATEWAY
        ),
        egress=tuple(sorted(row.value for row in rows if row.kind == NetworkKind.EGRESS)),
    )


def _holds_on(day: dt.date) -> sa.ColumnElement[bool]:
    text = day.isoformat()
    return sa.and_(
        ASSIGNMENT.c.from_day <= text,
        sa.or_(ASSIGNMENT.c.to_day.is_(None), ASSIGNMENT.c.to_day >= text),
    )


def _site(row: Row[Any]) -> Site:
    return Site(
        id=row.id,
        name=row.name,
        kind=SiteKind(row.kind),
        time_zone=row.time_zone,
        latitude=row.latitude,
        longitude=row.longitude,
        radius_m=row.radius_m,
        indoors=row.indoors,
        air_conditioned=row.air_conditioned,
    )


def _employee(row: Row[Any]) -> Employee:
    return Employee(
        id=row.id,
        name=row.name,
        department=row.department,
        language=Language(row.language),
        time_zone=row.time_zone,
        shift=tuple(Shift(*stretch) for stretch in json.loads(row.shift)),
    )


def _assignment(row: Row[Any]) -> Assignment:
    return Assignment(
        employee_id=row.employee_id,
        site_id=row.site_id,
        from_day=dt.date.fromisoformat(row.from_day),
        to_day=None if row.to_day is None else dt.date.fromisoformat(row.to_day),
    )
