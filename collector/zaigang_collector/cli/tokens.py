"""`token enrol|api|list|revoke`."""

from __future__ import annotations

import argparse
from typing import Final
from zoneinfo import ZoneInfo

from zaigang_collector import bootstrap
from zaigang_collector.access import service as access
from zaigang_collector.access.model import Scope
from zaigang_collector.cli.arguments import HOURS_MAX, Commands, count, group, zone_argument
from zaigang_collector.cli.console import Exit, complain, local, rows, say
from zaigang_collector.devices import enrolment
from zaigang_collector.devices.model import DeviceKind, TokenScope

_HOUR_MS: Final = 3_600_000
_DAYS_MAX: Final = 3650  # for longer, leave it out and revoke
_DAY_MS: Final = 24 * _HOUR_MS


def add(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the commands of this room."""
    token = group(commands, "token", "one-time tokens for devices, API tokens for programs")
    one = token.add_parser("enrol", parents=[common], help="let a laptop or a site node enrol")
    whose = one.add_mutually_exclusive_group(required=True)
    whose.add_argument("--employee", metavar="ID", help="a laptop of this person")
    whose.add_argument("--site", metavar="ID", help="a node at this site")
    whose.add_argument(
        "--unassigned",
        action="store_true",
        help="laptops that look at nobody until `devices assign` says whose they are",
    )
    one.add_argument(
        "--replaces",
        metavar="DEVICE",
        help="the new device takes the place of this one, which is revoked when it enrols",
    )
    one.add_argument("--uses", type=int, default=1, help="for how many devices (default: 1)")
    one.add_argument(
        "--hours", type=count(HOURS_MAX), help="good for so long (default: setting token_h)"
    )
    one.set_defaults(run=_enrol)
    one = token.add_parser("api", parents=[common], help="let a program use the REST interface")
    one.add_argument("name", help="what it is for, as the list will show it")
    one.add_argument("scope", nargs="+", choices=[scope.value for scope in Scope])
    one.add_argument(
        "--days", type=count(_DAYS_MAX), help="good for so long (default: until revoked)"
    )
    one.set_defaults(run=_api)
    one = token.add_parser("list", parents=[common], help="all tokens; secrets are not kept")
    zone_argument(one)
    one.set_defaults(run=_list)
    one = token.add_parser("revoke", parents=[common], help="end an API or enrolment token now")
    one.add_argument("kind", choices=["api", "enrol"])
    one.add_argument("id")
    one.set_defaults(run=_revoke)


def _enrol(args: argparse.Namespace) -> int:
    kind = DeviceKind.NODE if args.site else DeviceKind.LAPTOP
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        now_ms = collector.clock.utc_ms()
        hours = collector.settings.token_h if args.hours is None else args.hours
        try:
            token = enrolment.issue_token(
                conn,
                TokenScope(kind, args.employee, args.site, args.uses, args.replaces),
                now_ms,
                now_ms + hours * _HOUR_MS,
                collector.keys.authority,
                collector.randomness,
            )
        except ValueError as error:
            complain(str(error))
            return Exit.USAGE
        url = f"https://{collector.settings.public_host}:{collector.settings.device_port}"
    say(str(token))
    again = "--again " if args.replaces else ""
    complain(
        f"Shown once. On the device: zaigang-agent enrol {again}{url} TOKEN (within {hours} h)"
    )
    return Exit.OK


def _api(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        now_ms = collector.clock.utc_ms()
        expires_ms = None if args.days is None else now_ms + args.days * _DAY_MS
        scopes = [Scope(name) for name in args.scope]
        text = access.create(conn, args.name, scopes, now_ms, expires_ms, collector.randomness)
    say(text)
    complain("Shown once; send it as: Authorization: Bearer TOKEN")
    return Exit.OK


def _list(args: argparse.Namespace) -> int:
    zone: ZoneInfo = args.zone
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        lines = [
            (
                "enrol",
                token.id,
                f"{token.scope.kind.value} "
                + (token.scope.employee_id or token.scope.site_id or "of nobody yet")
                + (f", replaces {token.scope.replaces}" if token.scope.replaces else ""),
                f"{token.used} of {token.scope.uses} used, last "
                + (local(token.last_used_ms, zone) or "never"),
                local(token.expires_ms, zone),
            )
            for token in enrolment.list_tokens(conn)
        ]
        lines += [
            (
                "api",
                token.id,
                f"{token.name}: {' '.join(sorted(token.scopes))}",
                "revoked" if token.revoked_ms else f"used {local(token.last_used_ms, zone) or '-'}",
                local(token.expires_ms, zone),
            )
            for token in access.list_all(conn)
        ]
    rows(("kind", "id", "for", "state", "expires"), lines)
    return Exit.OK


def _revoke(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        end = access.revoke if args.kind == "api" else enrolment.cancel_token
        end(conn, args.id, collector.clock.utc_ms())
    say(f"{args.kind} token {args.id} is not accepted any more")
    return Exit.OK
