"""`devices import|assign|list|show|status`; `device_settings` has the rest."""

from __future__ import annotations

import argparse
from pathlib import Path
from zoneinfo import ZoneInfo

from zaigang_collector import bootstrap
from zaigang_collector.cli import bulk, device_settings
from zaigang_collector.cli.arguments import (
    HOURS_MAX,
    Commands,
    columns_told,
    count,
    group,
    moment,
    zone_argument,
)
from zaigang_collector.cli.console import Exit, complain, every, local, read_file, rows, say
from zaigang_collector.devices import enrolment, service
from zaigang_collector.devices.model import Device, DeviceStatus
from zaigang_collector.errors import UnknownIdError


def add(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the commands of this room."""
    devices = group(commands, "devices", "laptops and site nodes")
    one = devices.add_parser(
        "import", parents=[common], help="an enrolment token for each line of a CSV file"
    )
    one.add_argument("file", type=Path, help="columns: employee_id or site_id, [uses]")
    one.add_argument(
        "--hours", type=count(HOURS_MAX), help="good for so long (default: setting token_h)"
    )
    one.set_defaults(run=_import)
    one = devices.add_parser(
        "assign", parents=[common], help="whose each device of a CSV file is from now on"
    )
    one.add_argument(
        "file",
        type=Path,
        help=f"{columns_told(bulk.OWNERS)}; device: id or name; no owner: in store",
    )
    one.set_defaults(run=_assign)
    one = devices.add_parser("list", parents=[common], help="all devices")
    zone_argument(one)
    one.set_defaults(run=_list)
    one = devices.add_parser("show", parents=[common], help="one device")
    one.add_argument("id")
    zone_argument(one)
    one.set_defaults(run=_show)
    one = devices.add_parser(
        "status", parents=[common], help="active, lost, quarantined, or revoked for good"
    )
    one.add_argument("id")
    one.add_argument("status", choices=[status.value for status in DeviceStatus])
    one.add_argument("--why", required=True, help="kept with the change")
    one.add_argument(
        "--from",
        dest="from_ms",
        type=moment,
        metavar="TIME",
        help="revoked only: since when the key was out of its owner's hands (default: now), as "
        "2026-09-21T14:00:00+08:00",
    )
    zone_argument(one)
    one.set_defaults(run=_status)
    device_settings.add(devices, common)


def _import(args: argparse.Namespace) -> int:
    data = read_file(args.file)
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        now_ms = collector.clock.utc_ms()
        hours = collector.settings.token_h if args.hours is None else args.hours
        expires_ms = now_ms + hours * 3_600_000
        lines = []
        for wanted in bulk.read(conn, data):
            token = enrolment.issue_token(
                conn,
                wanted.scope,
                now_ms,
                expires_ms,
                collector.keys.authority,
                collector.randomness,
            )
            lines.append((wanted.owner, wanted.scope.kind.value, wanted.scope.uses, str(token)))
    rows(("belongs_to", "kind", "uses", "token"), lines)
    complain(f"Shown once; each token is good for {hours} h.")
    return Exit.OK


def _assign(args: argparse.Namespace) -> int:
    data = read_file(args.file)
    changed = 0
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        now_ms = collector.clock.utc_ms()
        for owner in bulk.read_owners(conn, data):
            before = owner.device.employee_id, owner.device.site_id
            device = service.hand_over(
                conn,
                owner.device.id,
                now_ms,
                collector.randomness,
                owner.employee_id,
                owner.site_id,
            )
            changed += (device.employee_id, device.site_id) != before
    say(f"{changed} changed hands")
    complain("What they read before stays with whoever had them then.")
    return Exit.OK


def _list(args: argparse.Namespace) -> int:
    zone: ZoneInfo = args.zone
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        lines = [
            (
                device.id,
                device.kind.value,
                device.status.value,
                device.employee_id or device.site_id,
                device.name,
                local(device.created_ms, zone),
            )
            for device in every(service.list_all, conn)
        ]
    rows(("id", "kind", "status", "belongs_to", "name", "enrolled"), lines)
    return Exit.OK


def _show(args: argparse.Namespace) -> int:
    zone: ZoneInfo = args.zone
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        device = service.get(conn, args.id)
        replacement = service.replacement(conn, args.id)
    if device is None:
        raise UnknownIdError("device", args.id)
    for name, value in (
        ("id", device.id),
        ("kind", device.kind.value),
        ("name", device.name),
        ("platform", device.platform),
        ("employee", device.employee_id),
        ("site", device.site_id),
        ("status", device.status.value),
        ("enrolled", local(device.created_ms, zone)),
        ("revoked", local(device.revoked_ms, zone)),
        ("replaces", replacement.replaces),
        ("replaced by", replacement.replaced_by),
        ("public key", device.public_key.hex()),
    ):
        say(f"{name}: {value or '-'}")
    if device.status is DeviceStatus.QUARANTINED:
        complain(_what_now(device))
    return Exit.OK


def _what_now(device: Device) -> str:
    """What a quarantine is, and what to do about it; nobody is accused."""
    whose = "--unassigned"
    if device.employee_id or device.site_id:
        flag = "employee" if device.employee_id else "site"
        whose = f"--{flag} {device.employee_id or device.site_id}"
    return (
        "Two hosts were seen with its key: a copied disk, a restored backup or snapshot, or a theft. "
        "Nobody is accused, and what both of them hold is kept there. Find out which host is whose. "
        f"The right one gets a key of its own: `token enrol {whose} --replaces {device.id}` here, "
        "`zaigang-agent enrol --again` there; each other one enrols anew as itself. Only if it was "
        f"one host all along: `devices status {device.id} active`; a second one brings it back here."
    )


def _status(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        device = service.set_status(
            conn,
            args.id,
            DeviceStatus(args.status),
            args.why,
            collector.clock.utc_ms(),
            collector.randomness,
            args.from_ms,
        )
    say(f"{device.id} is {device.status.value} now")
    if device.status is DeviceStatus.REVOKED and args.from_ms is not None:
        complain(
            f"What it can have signed since {local(device.revoked_ms, args.zone)} is no evidence. "
            "Intervals of the last eight days are judged again by themselves; for earlier ones: "
            "zaigang-collector assess --from TIME"
        )
    return Exit.OK
