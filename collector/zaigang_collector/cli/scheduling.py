"""`shifts list|show|set|assign|import-roster|clear-roster`: who is to work when."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from zaigang_collector import bootstrap
from zaigang_collector.attendance import csv_schedule, patterns, schedules
from zaigang_collector.attendance.planning import days_between
from zaigang_collector.attendance.schedules import Scope, ShiftAssignment
from zaigang_collector.cli.arguments import Commands, columns_told, day, group
from zaigang_collector.cli.console import Exit, complain, every, read_file, rows, say
from zaigang_collector.cli.looking import looked, why_argument
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.csv_import import ID_EXPECTED, parse_id
from zaigang_collector.directory.model import Change
from zaigang_collector.errors import UnknownIdError

# Larger clears years by a slip of the pen; smaller takes several commands for one.
_CLEARED_MOST: Final = 366


def add(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the commands of this room."""
    shifts = group(commands, "shifts", "hours with a name, and whom they hold for")
    one = shifts.add_parser("list", parents=[common], help="all of them")
    one.set_defaults(run=_list)
    one = shifts.add_parser("show", parents=[common], help="its hours, and whom it holds for")
    one.add_argument("id")
    why_argument(one)
    one.set_defaults(run=_show)
    one = shifts.add_parser(
        "set", parents=[common], help="add one, or change its hours for all its days"
    )
    one.add_argument("id", type=_id)
    one.add_argument("hours", help=patterns.EXPECTED.replace("%", "%%"))
    one.set_defaults(run=_set)
    one = shifts.add_parser("assign", parents=[common], help="let one hold for somebody")
    one.add_argument("id")
    whom = one.add_mutually_exclusive_group(required=True)
    whom.add_argument("--employee", metavar="ID", help="goes before department and site")
    whom.add_argument("--department", metavar="NAME", help="goes before the site")
    whom.add_argument("--site", metavar="ID", help="whoever is assigned there")
    one.add_argument("--from", dest="first", type=day, required=True, metavar="DAY")
    one.add_argument(
        "--to", dest="last", type=day, metavar="DAY", help="included (default: no end)"
    )
    one.set_defaults(run=_assign)
    one = shifts.add_parser(
        "import-roster", parents=[common], help="who has which shift on which day, from CSV"
    )
    one.add_argument("file", type=Path, help=columns_told(csv_schedule.ROSTER_COLUMNS))
    one.set_defaults(run=_import_roster)
    one = shifts.add_parser(
        "clear-roster", parents=[common], help="let the roster say nothing of somebody's days"
    )
    one.add_argument("--employee", required=True, metavar="ID")
    one.add_argument("--from", dest="first", type=day, required=True, metavar="DAY")
    one.add_argument(
        "--to", dest="last", type=day, metavar="DAY", help="included (default: that one day)"
    )
    one.set_defaults(run=_clear_roster)


def _id(text: str) -> str:
    try:
        return parse_id(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} was refused; expected {ID_EXPECTED}") from None


def _list(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        lines = [(name, patterns.render(one)) for name, one in schedules.list_shifts(conn)]
    rows(("id", "hours"), lines)
    return Exit.OK


def _show(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        pattern = schedules.get_shift(conn, args.id)
        if pattern is None:
            raise UnknownIdError("shift", args.id)
        found = schedules.assigned(conn, args.id)
        people = [one.subject for one in found if one.scope is Scope.PERSON]
        looked(collector, args, f"whom shift {args.id} holds for", people)
    say(f"{args.id}: {patterns.render(pattern)}")
    lines = [(one.scope.value, one.subject, one.from_day, one.to_day) for one in found]
    rows(("scope", "for", "from", "to"), lines)
    return Exit.OK


def _set(args: argparse.Namespace) -> int:
    try:
        pattern = patterns.parse(args.hours)
    except ValueError as error:
        expected = str(error) or patterns.EXPECTED
        complain(f"{args.hours!r} was refused; expected {expected}")
        return Exit.BAD_INPUT
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        change = schedules.put_shift(
            conn, args.id, pattern, collector.clock.utc_ms(), collector.randomness
        )
    say(f"{args.id}: {patterns.render(pattern)}, {change.value}")
    return Exit.OK


def _assign(args: argparse.Namespace) -> int:
    scope, subject = _whom(args)
    new = ShiftAssignment(scope, subject, args.first, args.last, args.id)
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        change = schedules.assign(
            conn, collector.vault, new, collector.clock.utc_ms(), collector.randomness
        )
        number = _held(conn, new)
    say(f"{args.id} for {scope.value} {subject} from {args.first}: {change.value}")
    if not number:
        complain(f"Nobody is in that {scope.value} on {args.first}: is the name right?")
    return Exit.OK


def _whom(args: argparse.Namespace) -> tuple[Scope, str]:
    if args.employee is not None:
        return Scope.PERSON, args.employee
    if args.department is not None:
        return Scope.DEPARTMENT, args.department
    return Scope.SITE, args.site


def _held(conn: Connection, new: ShiftAssignment) -> int:
    """For how many people it can hold on its first day."""
    match new.scope:
        case Scope.PERSON:
            return 1
        case Scope.SITE:
            return len(directory.employees_at(conn, new.subject, new.from_day))
        case Scope.DEPARTMENT:
            people = every(directory.list_employees, conn)
            return sum(one.department == new.subject for one in people)


def _import_roster(args: argparse.Namespace) -> int:
    data = read_file(args.file)
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        result = csv_schedule.import_roster(
            conn, collector.vault, data, collector.clock.utc_ms(), collector.randomness
        )
    say(
        f"{result.added} new, {result.changed} changed, {result.unchanged} known already, of "
        f"{len(result.employees)} people"
    )
    return Exit.OK


def _clear_roster(args: argparse.Namespace) -> int:
    days = days_between(args.first, args.last or args.first)
    if not 0 < len(days) <= _CLEARED_MOST:
        complain(f"expected a last day that is not before the first, {_CLEARED_MOST} days at most")
        return Exit.BAD_INPUT
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        how = collector.clock.utc_ms(), collector.randomness
        changes = [
            schedules.clear_roster_day(conn, collector.vault, args.employee, one, *how)
            for one in days
        ]
    number = sum(one is not Change.UNCHANGED for one in changes)
    say(f"{args.employee}: {number} of {len(days)} days cleared; hours and calendar decide there")
    return Exit.OK
