"""`business-events import|list`, `work-logs import|list`."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from zoneinfo import ZoneInfo

from zaigang_collector import bootstrap
from zaigang_collector.attendance.model import Outcome
from zaigang_collector.bootstrap.texts import texts_of
from zaigang_collector.cli.arguments import (
    Commands,
    columns_told,
    day,
    group,
    moment,
    zone_argument,
)
from zaigang_collector.cli.console import Exit, local, read_file, rows, say
from zaigang_collector.cli.looking import looked, why_argument
from zaigang_collector.directory import service as directory
from zaigang_collector.errors import UnknownIdError
from zaigang_collector.worktraces import csv_import, service
from zaigang_collector.worktraces.model import EventKind

_YES_NO = {True: "yes", False: "no", None: "not known"}


def add(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the commands of this room."""
    events = group(commands, "business-events", "traces of work: time and kind, never contents")
    one = events.add_parser("import", parents=[common], help="from CSV, all or nothing")
    one.add_argument("file", type=Path, help=columns_told(csv_import.EVENT_COLUMNS))
    one.add_argument(
        "--kind",
        type=EventKind,
        choices=list(EventKind),
        help="of lines that name none, as login for a list of logins",
    )
    one.set_defaults(run=_import_events)
    one = events.add_parser("list", parents=[common], help="one person's, by time")
    one.add_argument("employee", metavar="ID")
    example = "ISO 8601 with offset, as 2026-09-21T00:00:00+08:00"
    one.add_argument(
        "--from", dest="from_ms", type=moment, required=True, metavar="TIME", help=example
    )
    one.add_argument(
        "--to", dest="to_ms", type=moment, required=True, metavar="TIME", help="before this"
    )
    zone_argument(one)
    why_argument(one)
    one.set_defaults(run=_list_events)
    logs = group(commands, "work-logs", "what people handed in; texts are searched and dropped")
    one = logs.add_parser("import", parents=[common], help="from CSV, all or nothing")
    one.add_argument("file", type=Path, help=columns_told(csv_import.LOG_COLUMNS))
    one.set_defaults(run=_import_logs)
    one = logs.add_parser("list", parents=[common], help="one person's, by day")
    one.add_argument("employee", metavar="ID")
    one.add_argument("--from", dest="first", type=day, required=True, metavar="DAY")
    one.add_argument("--to", dest="last", type=day, required=True, metavar="DAY", help="included")
    zone_argument(one)
    why_argument(one)
    one.set_defaults(run=_list_logs)


def _import_events(args: argparse.Namespace) -> int:
    data = read_file(args.file)
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        now_ms, randomness = collector.clock.utc_ms(), collector.randomness
        told = csv_import.import_events(conn, collector.vault, data, args.kind, now_ms, randomness)
    _tell(told)
    return Exit.OK


def _import_logs(args: argparse.Namespace) -> int:
    data = read_file(args.file)
    with bootstrap.opened(args.data) as collector:
        texts = texts_of(collector)
        with collector.writing() as conn:
            now_ms, randomness = collector.clock.utc_ms(), collector.randomness
            told = csv_import.import_work_logs(
                conn, collector.vault, data, texts, now_ms, randomness
            )
    _tell(told)
    say("Texts were kept, sealed." if texts.keep else "Texts were searched and dropped.")
    return Exit.OK


def _tell(told: Counter[Outcome]) -> None:
    say(
        f"{told[Outcome.ADDED]} new, {told[Outcome.NEW_VERSION]} edited, "
        f"{told[Outcome.UNCHANGED]} known already"
    )


def _list_events(args: argparse.Namespace) -> int:
    zone: ZoneInfo = args.zone
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        if directory.get_employee(conn, args.employee) is None:
            raise UnknownIdError("employee", args.employee)
        span = args.from_ms, args.to_ms
        found = service.events_of(conn, collector.vault, args.employee, *span)
        looked(collector, args, "a list of business events", [args.employee])
    lines = [
        (
            one.reference,
            local(one.content.happened_ms, zone),
            one.content.kind.value,
            _YES_NO[one.content.client],
            one.content.site_id,
            f"{one.content.source} {one.content.source_id}",
        )
        for one in found
    ]
    rows(("id", "happened", "kind", "client", "site", "source"), lines)
    return Exit.OK


def _list_logs(args: argparse.Namespace) -> int:
    zone: ZoneInfo = args.zone
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        if directory.get_employee(conn, args.employee) is None:
            raise UnknownIdError("employee", args.employee)
        days = args.first, args.last
        found = service.work_logs_of(conn, collector.vault, args.employee, *days)
        looked(collector, args, "a list of work logs", [args.employee])
    lines = [
        (
            one.reference,
            one.content.day,
            local(one.content.handed_in_ms, zone),
            one.content.site_id,
            _YES_NO[one.content.names_client],
            local(one.content.client_contact_ms, zone),
            one.content.task_progress,
            "kept" if one.content.text_kept else "not kept",
            f"{one.content.source} {one.content.source_id}",
        )
        for one in found
    ]
    header = ("id", "day", "handed in", "place", "names a client", "client met", "progress")
    rows((*header, "text", "source"), lines)
    return Exit.OK
