"""The directory as its events tell it, held against its tables. Pure but for reading the tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector.directory.tables import (
    ASSIGNMENT,
    CARRIED,
    EMPLOYEE,
    LEARNT,
    PERSON_PLACE,
    SITE,
    SITE_NETWORK,
)
from zaigang_collector.ledger.audit import Finding

_NETWORKS: Final = {"site_network": True, "site_network_removed": False}
_HOMES: Final = {"home_place": True, "home_place_removed": False}
_BLANK: Final = {"name": "", "department": "", "shift": []}


@dataclass(slots=True)
class Replay:
    """What the events so far add up to."""

    sites: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    networks: set[tuple[str, str, str]] = field(default_factory=set)
    people: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    homes: set[tuple[str, str, str]] = field(default_factory=set)
    assignments: dict[tuple[str, str, str], str | None] = field(default_factory=dict)
    learnt: dict[tuple[str, str, str], tuple[float, float | None, int, int]] = field(
        default_factory=dict
    )
    carried: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    """By name and since when."""

    def add(self, kind: str, subject_id: str, fields: Mapping[str, Any]) -> None:
        """Take the next event. Raises KeyError, TypeError for one that is none."""
        if kind == "site":
            self.sites[fields["id"]] = fields
        elif kind in _NETWORKS:
            key = fields["site_id"], fields["kind"], fields["value"]
            _put(self.networks, key, there=_NETWORKS[kind])
        elif kind == "employee":
            self.people[fields["id"]] = fields
        elif kind in _HOMES:
            key = fields["employee_id"], fields["kind"], fields["value"]
            _put(self.homes, key, there=_HOMES[kind])
        elif kind == "assignment":
            place = fields["employee_id"], fields["site_id"], fields["from_day"]
            self.assignments[place] = fields["to_day"]
        elif kind == "learnt":
            name = fields["employee_id"], fields["site_id"], fields["name"]
            self.learnt[name] = fields["value"], fields["sd"], fields["days"], fields["since_ms"]
        elif kind == "learnt_dropped":
            self.learnt.pop((fields["employee_id"], fields["site_id"], fields["name"]), None)
        elif kind == "carried":
            self.carried[fields["id"], fields["from_ms"]] = {**fields, "to_ms": None}
        elif kind == "carried_removed":
            self._take_back(fields["id"], fields["to_ms"])
        elif kind == "employee_forgotten":
            self._forget(subject_id)

    def _take_back(self, name: str, to_ms: int) -> None:
        for key, one in list(self.carried.items()):
            if key[0] == name and one["to_ms"] is None:
                self.carried[key] = {**one, "to_ms": to_ms, "key_sha256": None}
                if key[1] >= to_ms:  # one that began in this same millisecond never was
                    del self.carried[key]

    def _forget(self, person: str) -> None:
        self.people[person] = _BLANK
        self.homes = {one for one in self.homes if one[0] != person}
        self.learnt = {key: told for key, told in self.learnt.items() if key[0] != person}
        kept = self.assignments.items()
        self.assignments = {key: to_day for key, to_day in kept if key[0] != person}
        things = self.carried.items()
        self.carried = {key: one for key, one in things if one["employee_id"] != person}

    def compare(self, conn: Connection) -> Iterator[Finding]:
        """What the tables say otherwise."""
        sites = {row.id: dict(row._mapping) for row in conn.execute(sa.select(SITE))}
        yield from _differences("site", sites, self.sites)
        people = {row.id: dict(row._mapping) for row in conn.execute(sa.select(EMPLOYEE))}
        for row in people.values():
            row["shift"] = json.loads(row["shift"])
        yield from _differences("person", people, self.people)
        networks = {(r.site_id, r.kind, r.value) for r in conn.execute(sa.select(SITE_NETWORK))}
        for name, _, _ in sorted(networks ^ self.networks):
            yield Finding(f"site {name}", "has other networks than its events say")
        homes = {(r.employee_id, r.kind, r.value) for r in conn.execute(sa.select(PERSON_PLACE))}
        for name, _, _ in sorted(homes ^ self.homes):
            yield Finding(f"person {name}", "has other homes than their events say")
        learnt = {
            (r.employee_id, r.site_id, r.name): (r.value, r.sd, r.days, r.since_ms)
            for r in conn.execute(sa.select(LEARNT))
        }
        for key in sorted(learnt.keys() | self.learnt.keys()):
            if learnt.get(key) != self.learnt.get(key):
                yield Finding(
                    f"what was learnt of {key[0]} at {key[1]} ({key[2]})",
                    "is not what their events say",
                )
        assignments = {
            (r.employee_id, r.site_id, r.from_day): r.to_day
            for r in conn.execute(sa.select(ASSIGNMENT))
        }
        for key in sorted(assignments.keys() | self.assignments.keys()):
            there = key in assignments and key in self.assignments
            if not there or assignments[key] != self.assignments[key]:
                person, site, from_day = key
                yield Finding(
                    f"assignment of {person} to {site} from {from_day}",
                    "is not what their events say",
                )
        yield from _differences("carried", dict(_carried(conn)), _named(self.carried))


def _carried(conn: Connection) -> Iterator[tuple[str, dict[str, Any]]]:
    for row in conn.execute(sa.select(CARRIED)):
        digest = None if row.key is None else hashlib.sha256(row.key).digest()
        yield f"{row.id} since {row.from_ms}", {**row._mapping, "key_sha256": digest}


def _named(told: Mapping[tuple[str, int], Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {f"{name} since {from_ms}": one for (name, from_ms), one in told.items()}


def _put(places: set[tuple[str, str, str]], key: tuple[str, str, str], *, there: bool) -> None:
    if there:
        places.add(key)
    else:
        places.discard(key)


def _differences(
    what: str, stored: Mapping[str, Mapping[str, Any]], told: Mapping[str, Mapping[str, Any]]
) -> Iterator[Finding]:
    for name in sorted(stored.keys() | told.keys()):
        if name not in stored:
            yield Finding(f"{what} {name}", "was deleted; its events are here")
        elif name not in told:
            yield Finding(f"{what} {name}", "is in no event: put in behind the ledger's back")
        else:
            wrong = [key for key, value in told[name].items() if stored[name][key] != value]
            if wrong:
                yield Finding(f"{what} {name}", f"has another {wrong[0]} than its events say")
