"""`calendar show|set|import|whole`: which days are worked."""

from __future__ import annotations

import argparse
import datetime as dt
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from zaigang_collector import bootstrap
from zaigang_collector.attendance import calendar_store, csv_schedule, icalendar_import
from zaigang_collector.attendance.calendar_store import COMPANY
from zaigang_collector.attendance.calendars import (
    MAINLAND,
    YEARS,
    CalendarDay,
    Meaning,
    OwnCalendar,
    Rule,
    SetDay,
    look_up,
)
from zaigang_collector.attendance.planning import days_between
from zaigang_collector.bootstrap.data import Opened
from zaigang_collector.cli.arguments import Commands, columns_told, day, group
from zaigang_collector.cli.console import Exit, complain, read_file, rows, say
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Change
from zaigang_collector.errors import UnknownIdError

_DAYS_MAX: Final = 3 * 366
_ZONE: Final = "Asia/Shanghai"


def add(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the commands of this room."""
    calendar = group(commands, "calendar", "which days are worked")
    one = calendar.add_parser(
        "show", parents=[common], help="days that are not as the week has them, and by whose word"
    )
    one.add_argument("--from", dest="first", type=day, required=True, metavar="DAY")
    one.add_argument("--to", dest="last", type=day, required=True, metavar="DAY", help="included")
    _site_argument(one)
    one.set_defaults(run=_show)
    one = calendar.add_parser("set", parents=[common], help="say what one day is")
    one.add_argument("day", type=day, metavar="DAY", help="as 2026-10-12")
    one.add_argument(
        "rule",
        choices=[rule.value for rule in Rule],
        help="usual: as the week of the shift has it, whatever the State Council says",
    )
    one.add_argument("--reason", default="", metavar="TEXT", help="people see it")
    _site_argument(one)
    one.set_defaults(run=_set)
    _importing(calendar, common)
    one = calendar.add_parser(
        "whole",
        parents=[common],
        help="say that a year's days off and make-up workdays are all there: nothing else is asked",
    )
    one.add_argument("year", type=_year, metavar="YEAR")
    _site_argument(one)
    one.set_defaults(run=_whole)


def _importing(calendar: Commands, common: argparse.ArgumentParser) -> None:
    one = calendar.add_parser(
        "import", parents=[common], help="from iCalendar or CSV, all or nothing"
    )
    one.add_argument(
        "file",
        type=Path,
        help="whole days in .ics, or CSV with the " + columns_told(csv_schedule.CALENDAR_COLUMNS),
    )
    one.add_argument(
        "--others",
        choices=[Rule.DAY_OFF.value, Rule.WORKDAY.value],
        help="what days of an .ics are whose summary does not say it (default: refuse the file)",
    )
    _site_argument(one)
    one.set_defaults(run=_import)


def _site_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--site", default=COMPANY, metavar="ID", help="of one site (default: the whole company)"
    )


def _year(text: str) -> int:
    if not re.fullmatch(r"[0-9]{4}", text) or int(text) not in YEARS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a year from {YEARS[0]} to {YEARS[-1]}")
    return int(text)


def _show(args: argparse.Namespace) -> int:
    days = days_between(args.first, args.last)
    if not 0 < len(days) <= _DAYS_MAX:
        complain(f"expected --to not before --from, and at most {_DAYS_MAX} days")
        return Exit.USAGE
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        zone = _zone_of(conn, args.site)
        own = calendar_store.calendar_of(conn, [COMPANY, args.site], args.first, args.last)
    site = own[args.site] if args.site != COMPANY else OwnCalendar()
    found = {one: look_up(one, zone, site, own[COMPANY]) for one in days}
    said = site.days.keys() | own[COMPANY].days.keys()
    told = [
        (one, f"{one:%a}", what.meaning.value, what.origin.value, what.reason_zh, what.reason_en)
        for one, what in found.items()
        if one in said or what.meaning in (Meaning.WORKDAY, Meaning.DAY_OFF)
    ]
    rows(("day", "weekday", "meaning", "origin", "reason", "in English"), told)
    return _complain_of_unknown(found, zone)


def _complain_of_unknown(found: Mapping[dt.date, CalendarDay], zone: str) -> int:
    years = sorted({one.year for one, what in found.items() if what.meaning is Meaning.UNKNOWN})
    for year in years:
        place = "" if zone in MAINLAND else f" in {zone}"
        complain(
            f"no holiday data for {year}{place}: import the company's calendar (`calendar import`, "
            f"then `calendar whole {year}`) or update; until then no day of it is held to be a "
            "workday or a day off"
        )
    return Exit.FAILED if years else Exit.OK


def _zone_of(conn: Connection, site_id: str) -> str:
    if site_id == COMPANY:
        return _ZONE
    site = directory.get_site(conn, site_id)
    if site is None:
        raise UnknownIdError("site", site_id)
    return site.time_zone


def _set(args: argparse.Namespace) -> int:
    said = SetDay(Rule(args.rule), args.reason.strip())
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        change = calendar_store.set_day(
            conn,
            args.site,
            args.day,
            said,
            collector.clock.utc_ms(),
            collector.randomness,
        )
    say(f"{args.day}: {said.rule.value}, {change.value}")
    return Exit.OK


def _import(args: argparse.Namespace) -> int:
    data = read_file(args.file)
    with bootstrap.opened(args.data) as collector:
        if args.file.suffix.lower() == ".ics":
            result = _import_ics(collector, args, data)
        else:
            with collector.writing() as conn:
                result = csv_schedule.import_calendar(
                    conn, args.site, data, collector.clock.utc_ms(), collector.randomness
                )
    say(f"{result.added} new, {result.changed} changed, {result.unchanged} known already")
    return Exit.OK


def _import_ics(
    collector: Opened, args: argparse.Namespace, data: bytes
) -> csv_schedule.ScheduleResult:
    others = None if args.others is None else Rule(args.others)
    days = icalendar_import.read(data, others)
    result = csv_schedule.ScheduleResult()
    now_ms = collector.clock.utc_ms()
    with collector.writing() as conn:
        for one, said in days.items():
            change = calendar_store.set_day(
                conn, args.site, one, said, now_ms, collector.randomness
            )
            result.added += change is Change.ADDED
            result.changed += change is Change.CHANGED
            result.unchanged += change is Change.UNCHANGED
    return result


def _whole(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        change = calendar_store.declare_whole(
            conn, args.site, args.year, collector.clock.utc_ms(), collector.randomness
        )
        own = calendar_store.calendar_of(
            conn, [args.site], dt.date(args.year, 1, 1), dt.date(args.year, 12, 31)
        )
    number = len(own[args.site].days)
    say(
        f"{args.year}: {change.value}; {number} days of it are set, all others are as the week has them"
    )
    if not number:
        complain(f"No day of {args.year} is set yet: import its holidays, or every week is worked.")
    return Exit.OK
