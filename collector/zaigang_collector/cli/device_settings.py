"""`devices set|unset|settings`: what one device is told beside what holds for all."""

from __future__ import annotations

import argparse
from zoneinfo import ZoneInfo

from zaigang_collector import bootstrap
from zaigang_collector.cli.arguments import Commands, zone_argument
from zaigang_collector.cli.console import Exit, local, rows, say
from zaigang_collector.devices import service, settings
from zaigang_collector.errors import SettingError, UnknownIdError

_NAMES = ", ".join(settings.NAMES)


def add(devices: Commands, common: argparse.ArgumentParser) -> None:
    """Add the commands to `devices`."""
    one = devices.add_parser("set", parents=[common], help="tell one device something else")
    one.add_argument("id")
    one.add_argument(
        "values",
        nargs="+",
        metavar="NAME=VALUE",
        help=f"names: {_NAMES}; as environment_s=30 sensors=sht4x@0x44,scd4x",
    )
    one.set_defaults(run=_set)
    one = devices.add_parser("unset", parents=[common], help="what holds for all holds again")
    one.add_argument("id")
    one.add_argument("names", nargs="+", metavar="NAME", choices=settings.NAMES)
    one.set_defaults(run=_unset)
    one = devices.add_parser("settings", parents=[common], help="what is set for one device")
    one.add_argument("id")
    zone_argument(one)
    one.set_defaults(run=_settings)


def _set(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        device = service.get(conn, args.id)
        if device is None:
            raise UnknownIdError("device", args.id)
        values: dict[str, settings.Value] = {}
        for given in args.values:
            name, sign, text = given.partition("=")
            if not sign or name in values:
                raise SettingError(f"{given!r}: expected NAME=VALUE, each name once")
            values[name] = settings.parse(device, name, text, collector.settings.margin_min)
        changed = settings.change(
            conn, args.id, values, collector.clock.utc_ms(), collector.randomness
        )
    _tell(args.id, changed)
    return Exit.OK


def _unset(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        changed = settings.take_back(
            conn, args.id, args.names, collector.clock.utc_ms(), collector.randomness
        )
    _tell(args.id, changed)
    return Exit.OK


def _tell(device_id: str, changed: tuple[str, ...]) -> None:
    if not changed:
        say("nothing was changed: it was so before")
        return
    say(
        f"{', '.join(changed)} of {device_id} changed; it is told within seconds while it is online, "
        "else when it comes"
    )


def _settings(args: argparse.Namespace) -> int:
    zone: ZoneInfo = args.zone
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        found = settings.listed(conn, args.id)
    rows(
        ("name", "value", "since"),
        [(one.name, settings.written(one.value), local(one.changed_ms, zone)) for one in found],
    )
    return Exit.OK
