"""`sites` and `people`: import, list, show."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from sqlalchemy import Connection

from zaigang_collector import beacon_ids, bootstrap
from zaigang_collector.cli import carried, vault
from zaigang_collector.cli.arguments import Commands, columns_told, group
from zaigang_collector.cli.console import Exit, every, read_file, rows, say
from zaigang_collector.cli.looking import looked, why_argument
from zaigang_collector.db import Randomness
from zaigang_collector.devices import service as devices
from zaigang_collector.directory import carried as register
from zaigang_collector.directory import csv_import, service, shifts
from zaigang_collector.directory.csv_import import ImportResult
from zaigang_collector.directory.csv_reader import Column
from zaigang_collector.errors import UnknownIdError
from zaigang_collector.vault.service import Vault

_Import: TypeAlias = Callable[[Connection, Vault, bytes, int, bytes, Randomness], ImportResult]
_Run: TypeAlias = Callable[[argparse.Namespace], int]


def add(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the commands of this room."""
    sites = group(commands, "sites", "places where people clock in")
    _importing(sites, common, "import", "sites", csv_import.import_sites, csv_import.SITE_COLUMNS)
    _importing(
        sites,
        common,
        "import-networks",
        "networks of sites and registered homes",
        csv_import.import_networks,
        csv_import.NETWORK_COLUMNS,
    )
    _showing(sites, common, _list_sites, _show_site)
    people = group(commands, "people", "people whose clock-ins are checked")
    _importing(
        people,
        common,
        "import",
        "people with their shifts",
        csv_import.import_people,
        csv_import.PEOPLE_COLUMNS,
    )
    _importing(
        people,
        common,
        "import-assignments",
        "who works where, and from when",
        csv_import.import_assignments,
        csv_import.ASSIGNMENT_COLUMNS,
    )
    for one in _showing(people, common, _list_people, _show_person):
        why_argument(one)
    vault.add_people(people, common)
    carried.add(people, common)


def _importing(
    commands: Commands,
    common: argparse.ArgumentParser,
    name: str,
    what: str,
    call: _Import,
    columns: Sequence[Column],
) -> None:
    one = commands.add_parser(name, parents=[common], help=f"{what}, from CSV, all or nothing")
    one.add_argument("file", type=Path, help=columns_told(columns))
    one.set_defaults(run=_import, call=call)


def _showing(
    commands: Commands, common: argparse.ArgumentParser, listing: _Run, showing: _Run
) -> tuple[argparse.ArgumentParser, argparse.ArgumentParser]:
    all_of_them = commands.add_parser("list", parents=[common], help="all of them")
    all_of_them.set_defaults(run=listing)
    one = commands.add_parser("show", parents=[common], help="one of them")
    one.add_argument("id")
    one.set_defaults(run=showing)
    return all_of_them, one


def _import(args: argparse.Namespace) -> int:
    data = read_file(args.file)
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        result: ImportResult = args.call(
            conn,
            collector.vault,
            data,
            collector.clock.utc_ms(),
            collector.keys.net_key,
            collector.randomness,
        )
    say(f"{result.added} new, {result.changed} changed, {result.unchanged} known already")
    return Exit.OK


def _list_sites(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        lines = [
            (site.id, site.name, site.kind.value, site.time_zone, site.radius_m)
            for site in every(service.list_sites, conn)
        ]
    rows(("id", "name", "kind", "time_zone", "radius_m"), lines)
    return Exit.OK


def _show_site(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        site = service.get_site(conn, args.id)
        if site is None:
            raise UnknownIdError("site", args.id)
        known = service.networks_of_site(conn, site.id)
        nodes = devices.nodes_of_site(conn, site.id)
    fence = "none" if site.latitude is None else f"{site.latitude} {site.longitude} WGS-84"
    _fields(
        ("id", site.id),
        ("name", site.name),
        ("kind", site.kind.value),
        ("time zone", site.time_zone),
        ("geofence", f"{fence}, radius {site.radius_m} m"),
        ("indoors", "yes" if site.indoors else "no"),
        ("air-conditioned", "yes" if site.air_conditioned else "no"),
        ("networks", ", ".join(sorted(one.hex() for one in known.networks))),
        ("egress", ", ".join(known.egress)),
        ("nodes", ", ".join(node.id for node in nodes)),
    )
    return Exit.OK


def _list_people(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        lines = [
            (one.id, one.name, one.department, one.time_zone, shifts.render(one.shift))
            for one in every(service.list_employees, conn)
        ]
        looked(collector, args, "the list of people", (line[0] for line in lines))
    rows(("id", "name", "department", "time_zone", "shift"), lines)
    return Exit.OK


def _show_person(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        one = service.get_employee(conn, args.id)
        if one is None:
            raise UnknownIdError("employee", args.id)
        homes = service.home_places(conn, one.id)
        assignments = service.assignments_of(conn, one.id)
        things = register.of_employee(conn, one.id)
        looked(collector, args, "directory entry and assignments", [one.id])
    _fields(
        ("id", one.id),
        ("name", one.name),
        ("department", one.department),
        ("language", one.language.value),
        ("time zone", one.time_zone),
        ("shift", shifts.render(one.shift)),
        ("registered homes", str(len(homes.networks) + len(homes.egress))),
    )
    for item in assignments:
        say(f"assigned: {item.site_id} from {item.from_day} to {item.to_day or 'further notice'}")
    for thing in things:
        shown = beacon_ids.written(thing.format, thing.identifier)
        say(f"carries: {thing.id}, {thing.format} {shown}")
    return Exit.OK


def _fields(*fields: tuple[str, str]) -> None:
    for name, value in fields:
        say(f"{name}: {value or '-'}")
