"""`calibrate`: learn from confirmed days, show what it would change, and use it on a person's word."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Final
from zoneinfo import ZoneInfo

from zaigang_collector import bootstrap
from zaigang_collector.assessment import calibrating
from zaigang_collector.assessment.calibrating import Proposal
from zaigang_collector.attendance import service as attendance
from zaigang_collector.cli.arguments import Commands, group, span_arguments, zone_argument
from zaigang_collector.cli.console import Exit, complain, local, rows, say
from zaigang_collector.cli.looking import looked, why_argument
from zaigang_collector.directory import service as directory
from zaigang_collector.matching.model import Presence

_DAYS_MS: Final = 30 * 24 * 3_600_000


def add(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the commands of this room."""
    calibrate = group(
        commands, "calibrate", "learn from confirmed days how far beacons and sensors reach"
    )
    one = calibrate.add_parser(
        "show", parents=[common], help="what the days teach, tried on days that were left out"
    )
    _whose(one)
    one.set_defaults(run=_show)
    one = calibrate.add_parser("accept", parents=[common], help="show it, and use it from now on")
    _whose(one)
    one.add_argument(
        "--by", required=True, metavar="NAME", help="who says yes; it goes into the ledger"
    )
    one.set_defaults(run=_accept)
    one = calibrate.add_parser("drop", parents=[common], help="use it no longer")
    one.add_argument("employee", metavar="EMPLOYEE")
    one.add_argument("site", metavar="SITE")
    one.set_defaults(run=_drop)


def _whose(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--employee", metavar="ID", help="one person only")
    span_arguments(parser)
    zone_argument(parser)
    why_argument(parser)


def _show(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector:
        found = _proposals(collector, args)
    _tell(found, args.zone)
    if any(one.values() for one in found):
        complain(
            "Nothing is used yet: `calibrate accept --by NAME` with the same choice does that."
        )
    return Exit.OK


def _accept(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector:
        found = _proposals(collector, args)
        _tell(found, args.zone)
        now_ms = collector.clock.utc_ms()
        with collector.writing() as conn:
            changed = sum(
                calibrating.accept(conn, bootstrap.judge(collector), one, args.by, now_ms)
                for one in found
            )
    say(f"{changed} values are used from now on, accepted by {args.by}; intervals are judged anew.")
    return Exit.OK


def _drop(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        dropped = directory.drop_learnt(
            conn,
            collector.vault,
            args.employee,
            args.site,
            collector.clock.utc_ms(),
            collector.randomness,
        )
    say(f"{dropped} values of {args.employee} at {args.site} are used no longer")
    return Exit.OK


def _proposals(collector: bootstrap.Opened, args: argparse.Namespace) -> list[Proposal]:
    now_ms = collector.clock.utc_ms()
    from_ms = now_ms - _DAYS_MS if args.from_ms is None else args.from_ms
    to_ms = now_ms if args.to_ms is None else args.to_ms
    judge = bootstrap.judge(collector)
    with collector.reading() as conn:
        people = [args.employee]
        if args.employee is None:
            people = sorted(attendance.employees_with_punches(conn, from_ms, to_ms))
        looked(collector, args, "calibration on confirmed days", people)
        return [
            proposal
            for person in people
            for proposal in calibrating.propose(conn, judge, person, from_ms, to_ms, now_ms)
        ]


def _tell(found: list[Proposal], zone: ZoneInfo) -> None:
    lines = []
    for one in found:
        held = one.held_out
        seen = "-" if not held.listened else f"{held.heard / held.listened:.0%}"
        learnt, tried = one.learnt.coverage, one.tried.coverage
        lines.append(
            (
                one.employee_id,
                one.site_id,
                one.learnt.days,
                "too little" if learnt is None else f"{learnt:.0%}",
                "too little" if tried is None else f"{tried:.0%} / {seen}",
                _verdicts(held.before, held.after),
                ", ".join(
                    f"{o.sensor} {o.dew_k:+.1f} ± {o.sd_k:.1f} K" for o in one.learnt.offsets
                ),
                len(one.travels) or "",
                len(one.stays) or "",
            )
        )
    header = ("employee", "site", "days", "coverage", "tried / heard", "verdicts on days left out",
              "sensors", "home networks that travel", "that stay")  # fmt: skip
    rows(header, lines)
    for one in found:
        for start_ms, was, becomes in one.held_out.changed:
            say(
                f"{one.employee_id} {one.site_id} {local(start_ms, zone)}: "
                f"{was.value} would become {becomes.value}"
            )


def _verdicts(before: Mapping[Presence, int], after: Mapping[Presence, int]) -> str:
    kinds = [kind for kind in Presence if before.get(kind, 0) or after.get(kind, 0)]
    told = [f"{after.get(kind, 0)} {kind.value} (was {before.get(kind, 0)})" for kind in kinds]
    return ", ".join(told) or "no day left out"
