"""`cases clue|clues`, and what the commands about cases have in common."""

from __future__ import annotations

import argparse
from typing import Final
from zoneinfo import ZoneInfo

from zaigang_collector import bootstrap
from zaigang_collector.attendance import words
from zaigang_collector.bootstrap import casework
from zaigang_collector.bootstrap.data import Opened
from zaigang_collector.cases import clues, store
from zaigang_collector.cases.bodies import Clue
from zaigang_collector.cli.arguments import Commands, day, zone_argument
from zaigang_collector.cli.console import Exit, local, rows, say
from zaigang_collector.cli.looking import looked, via, why_argument
from zaigang_collector.directory.model import Language
from zaigang_collector.matching.model import Text

_SHOWN: Final = 50


def add_to(inner: Commands, common: argparse.ArgumentParser) -> None:
    """Add the commands about clues."""
    one = inner.add_parser(
        "clue", parents=[common], help="write down what somebody was told, with its dates (线索)"
    )
    one.add_argument("employee")
    one.add_argument("--site", required=True, metavar="ID")
    one.add_argument("--from", dest="first", type=day, required=True, metavar="DAY")
    one.add_argument("--to", dest="last", type=day, required=True, metavar="DAY", help="included")
    one.add_argument("--words", required=True, metavar="TEXT")
    by_argument(one)
    one.set_defaults(run=_clue)
    one = inner.add_parser(
        "clues", parents=[common], help="all clues, or one with what is on record of its days"
    )
    one.add_argument("id", nargs="?")
    one.add_argument("--employee", metavar="ID")
    zone_argument(one)
    language_argument(one)
    why_argument(one)
    one.set_defaults(run=_clues)


def _clue(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        clue = clues.write(
            conn,
            casework.desk(collector),
            args.employee,
            args.site,
            (args.first, args.last),
            args.words,
            args.by,
            via(),
            collector.clock.utc_ms(),
        )
    say(f"wrote down clue {clue.id}")
    return Exit.OK


def _clues(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector:
        if args.id is not None:
            return _clue_beside(collector, args)
        with collector.reading() as conn:
            found = store.clues(conn, args.employee, _SHOWN)
        looked(collector, args, "clues, listed", (one[1] for one in found))
    rows(
        ("id", "employee", "at"),
        [(name, who, local(at_ms, args.zone)) for name, who, at_ms in found],
    )
    return Exit.OK


def _clue_beside(collector: Opened, args: argparse.Namespace) -> int:
    with collector.reading() as conn:
        found = clues.beside(conn, collector.vault, args.id, collector.clock.utc_ms())
    looked(collector, args, f"clue {args.id} and its days", [found.clue.employee_id])
    _say_clue(found.clue)
    lines: list[tuple[object, ...]] = [
        (one.planned.day, one.standing.value, in_language(words.STANDINGS[one.standing], args))
        for one in found.days
    ]
    rows(("day", "standing", "which is"), lines)
    zone: ZoneInfo = args.zone
    rows(
        ("assessment", "from", "to", "presence", "work"),
        [
            (
                one.id,
                local(one.start_ms, zone),
                local(one.end_ms, zone),
                one.presence.value,
                one.work.value,
            )
            for one in found.assessments
        ],
    )
    traces = [(one.content.happened_ms, one.content.kind.value) for one in found.events]
    traces += [(one.content.handed_in_ms, "work_log") for one in found.work_logs]
    rows(("at", "trace of work"), [(local(at_ms, zone), kind) for at_ms, kind in sorted(traces)])
    return Exit.OK


def _say_clue(clue: Clue) -> None:
    say(f"clue {clue.id} about {clue.employee_id} at {clue.site_id}, written by {clue.by}")
    say("  " + " ".join(clue.words.split()))
    say(
        "一条线索不是证据；下面是这些日期的记录。A clue is no evidence; this is on record of its days:"
    )


def by_argument(parser: argparse.ArgumentParser) -> None:
    """`--by`: the person who acts."""
    parser.add_argument(
        "--by", required=True, metavar="ID", help="who does it, by employee id; kept"
    )


def language_argument(parser: argparse.ArgumentParser) -> None:
    """`--lang`."""
    parser.add_argument("--lang", choices=[one.value for one in Language], default="zh")


def in_language(text: Text | words.Words, args: argparse.Namespace) -> str:
    """One of both."""
    return text.zh if args.lang == Language.CHINESE.value else text.en
