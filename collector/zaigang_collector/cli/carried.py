"""`people carried` and `people import-carried`: badges and thermometers that people carry."""

from __future__ import annotations

import argparse
from pathlib import Path

from zaigang_collector import beacon_ids, bootstrap
from zaigang_collector.cli.arguments import Commands, columns_told, group, zone_argument
from zaigang_collector.cli.console import Exit, local, read_file, rows, say
from zaigang_collector.cli.looking import looked, why_argument
from zaigang_collector.devices import listening
from zaigang_collector.directory import carried, csv_carried
from zaigang_collector.directory.carried import Carried
from zaigang_collector.directory.csv_import import ID_EXPECTED, parse_id
from zaigang_collector.errors import ConfigError


def add(people: Commands, common: argparse.ArgumentParser) -> None:
    """Add the commands to `people`."""
    inner = group(people, "carried", "badges and thermometers that people carry")
    new = inner.add_parser("add", parents=[common], help="from now on it is this person's")
    new.add_argument("person")
    new.add_argument("id", type=_id, help="what it is called: of a thermometer, in its readings")
    new.add_argument("format", choices=beacon_ids.FORMATS)
    new.add_argument(
        "identifier", help="UUID/major/minor, namespace/instance, hex digits or an address"
    )
    new.add_argument(
        "--key-file",
        type=Path,
        metavar="FILE",
        help="bthome: a file with the bind key, 32 hex digits",
    )
    new.set_defaults(run=_add)
    listing = inner.add_parser("list", parents=[common], help="all of it, also what was taken back")
    listing.add_argument("person", nargs="?")
    why_argument(listing)
    zone_argument(listing)
    listing.set_defaults(run=_list)
    gone = inner.add_parser("remove", parents=[common], help="from now on it is nobody's")
    gone.add_argument("id")
    gone.set_defaults(run=_remove)
    many = people.add_parser(
        "import-carried", parents=[common], help="what people carry, from CSV, all or nothing"
    )
    many.add_argument("file", type=Path, help=columns_told(csv_carried.COLUMNS))
    many.set_defaults(run=_import)


def _add(args: argparse.Namespace) -> int:
    try:
        identifier = beacon_ids.parse(args.format, args.identifier)
    except ValueError as error:
        raise ConfigError(f"{args.identifier} is no {args.format} identifier: {error}") from None
    new = Carried(args.id, args.person, args.format, identifier, _key(args))
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        now_ms = collector.clock.utc_ms()
        change = carried.register(conn, collector.vault, new, now_ms, collector.randomness)
        prefixes = collector.issuer.grounds.kept_beacons
        listening.check_sites_of(conn, new.employee_id, prefixes, now_ms)
    say(
        f"{new.id} {change.value}: {beacon_ids.written(new.format, identifier)} of {new.employee_id}"
    )
    return Exit.OK


def _key(args: argparse.Namespace) -> bytes | None:
    if args.key_file is None:
        return None
    if args.format != "bthome":
        raise ConfigError(f"{args.format} has no bind key; leave --key-file out")
    try:
        return beacon_ids.parse_key(read_file(args.key_file).decode("ascii"))
    except ValueError:  # what stands there is a secret, or may be one
        raise ConfigError(f"{args.key_file}: expected a bind key of 32 hex digits") from None


def _list(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        found = carried.registrations(conn, args.person)
        looked(
            collector, args, "badges and thermometers", {one.carried.employee_id for one in found}
        )
    lines = [
        (
            one.carried.id,
            one.carried.employee_id,
            one.carried.format,
            beacon_ids.written(one.carried.format, one.carried.identifier),
            "yes" if one.carried.key else "",
            local(one.from_ms, args.zone),
            local(one.to_ms, args.zone),
        )
        for one in found
    ]
    rows(("id", "person", "format", "identifier", "key", "from", "to"), lines)
    return Exit.OK


def _remove(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        now_ms = collector.clock.utc_ms()
        gone = carried.remove(conn, collector.vault, args.id, now_ms, collector.randomness)
    say(f"{gone.id} is not {gone.employee_id}'s any more")
    return Exit.OK


def _import(args: argparse.Namespace) -> int:
    data = read_file(args.file)
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        now_ms = collector.clock.utc_ms()
        result = csv_carried.import_carried(
            conn, collector.vault, data, now_ms, collector.randomness
        )
        prefixes = collector.issuer.grounds.kept_beacons
        for person in result.people:
            listening.check_sites_of(conn, person, prefixes, now_ms)
    say(f"{result.added} new, {result.unchanged} known already")
    return Exit.OK


def _id(text: str) -> str:
    try:
        return parse_id(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not {ID_EXPECTED}") from None
