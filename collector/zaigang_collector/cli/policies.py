"""`policy show|backtest`: the numbers of matching, and what others would change."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from zaigang_collector import bootstrap
from zaigang_collector.assessment import backtest
from zaigang_collector.assessment import service as assessing
from zaigang_collector.assessment.backtest import Answer, Compared, NumberChanged
from zaigang_collector.assessment.service import Judge
from zaigang_collector.bootstrap.data import Opened
from zaigang_collector.cli.arguments import Commands, group, moment, zone_argument
from zaigang_collector.cli.console import (
    Exit,
    asks_right,
    complain,
    csv_text,
    local,
    read_file,
    rows,
    say,
    write_private,
)
from zaigang_collector.cli.looking import looked, why_argument
from zaigang_collector.directory import service as directory
from zaigang_collector.drawing.table import Table
from zaigang_collector.errors import UnknownIdError
from zaigang_collector.matching.errors import PolicyError
from zaigang_collector.matching.policy import Policy, document, load_policy
from zaigang_shared.clock import Clock

# Larger leaves people wondering whether anything happens; smaller fills the screen.
_PROGRESS_MS: Final = 5_000
_HEADER: Final = (
    "day", "employee", "site", "assessment", "from", "to", "old", "new", "old_present_share",
    "new_present_share", "old_probability", "new_probability", "old_work", "new_work", "evidence",
)  # fmt: skip


def add(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the commands of this room."""
    inner = group(commands, "policy", "the numbers of matching, and what others would change")
    one = inner.add_parser(
        "show", help="the policy that comes with the program, as TOML: to be changed and tried"
    )
    one.set_defaults(run=_show)
    one = inner.add_parser(
        "backtest",
        parents=[common],
        help="judge past days again with another policy; stores nothing, lists what would change",
    )
    one.add_argument("file", type=Path, help="a whole policy document, as `policy show` prints it")
    example = "ISO 8601 with offset, as 2026-09-21T00:00:00+08:00"
    one.add_argument(
        "--from", dest="from_ms", type=moment, required=True, metavar="TIME", help=example
    )
    one.add_argument(
        "--to", dest="to_ms", type=moment, required=True, metavar="TIME", help="before this"
    )
    one.add_argument("--employee", metavar="ID", help="one person only")
    one.add_argument("--all", action="store_true", help="list what stays the same as well")
    one.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="the list goes there instead: .csv or .json; must not exist",
    )
    zone_argument(one)
    why_argument(one)
    one.set_defaults(run=_backtest)


def _show(_args: argparse.Namespace) -> int:
    say(document().rstrip("\n"))
    return Exit.OK


def _backtest(args: argparse.Namespace) -> int:
    if not asks_right(args, "nothing was judged"):
        return Exit.USAGE
    candidate = _read(args.file)
    if candidate is None:
        return Exit.BAD_INPUT
    with bootstrap.opened(args.data) as collector:
        judge = bootstrap.judge(collector)
        changed = backtest.numbers_changed(judge.policy, candidate)
        if not changed:
            say("The file says the same numbers as the policy in use: nothing can change.")
            return Exit.OK
        people = _people(collector, args)
        looked(collector, args, _what(args), people)
        found = list(_compared(collector, judge, candidate, people, args))
    shown = [one for one in found if args.all or one.differs]
    _tell(args, judge.policy, candidate, changed, shown)
    _sum_up(found, len(people))
    return Exit.OK


def _read(path: Path) -> Policy | None:
    """The policy of a file; None, and said, when it is none."""
    try:
        return load_policy(read_file(path).decode("utf-8-sig"))
    except UnicodeDecodeError:
        complain(f"{path}: not UTF-8 text; expected a policy document (`policy show` prints one)")
    except PolicyError as error:
        complain(f"{path}: {error}. Nothing was judged; `policy show` prints one that holds.")
    return None


def _people(collector: Opened, args: argparse.Namespace) -> Sequence[str]:
    with collector.reading() as conn:
        if args.employee is not None:
            if directory.get_employee(conn, args.employee) is None:
                raise UnknownIdError("person", args.employee)
            return [args.employee]
        return assessing.people_concerned(conn, args.from_ms, args.to_ms)


def _what(args: argparse.Namespace) -> str:
    return (
        f"back-test of another policy, {local(args.from_ms, args.zone)} to "
        f"{local(args.to_ms, args.zone)}"
    )


def _compared(
    collector: Opened,
    judge: Judge,
    candidate: Policy,
    people: Sequence[str],
    args: argparse.Namespace,
) -> Iterator[Compared]:
    """A view of the database for each person: a long run keeps nobody from writing."""
    progress = _Progress(collector.clock, len(people))
    span, now_ms = (args.from_ms, args.to_ms), collector.clock.utc_ms()
    for done, person in enumerate(people):
        progress.at(done)
        with collector.reading() as conn:
            yield from backtest.compare_person(conn, judge, candidate, person, span, now_ms)


class _Progress:
    """A line on standard error now and then, as long as it takes long."""

    def __init__(self, clock: Clock, total: int) -> None:
        self._clock = clock
        self._total = total
        self._told_ms = self._began_ms = clock.boot_ms()

    def at(self, done: int) -> None:
        now_ms = self._clock.boot_ms()
        if now_ms - self._told_ms < _PROGRESS_MS or not done:
            return
        self._told_ms = now_ms
        left_s = (now_ms - self._began_ms) / done * (self._total - done) / 1000
        complain(f"{done} of {self._total} people; about {left_s:.0f} s to go")


def _tell(
    args: argparse.Namespace,
    old: Policy,
    new: Policy,
    changed: Sequence[NumberChanged],
    shown: Sequence[Compared],
) -> None:
    say(f"policy in use {old.hash()[:12]}, back-tested {new.hash()[:12]}")
    for one in changed:
        say(f"  {one.name}: {one.old:g} -> {one.new:g}")
    table = Table(_HEADER, tuple(_line(one, args.zone) for one in shown))
    if args.out is None:
        rows(table.header, table.rows)
        return
    if args.out.suffix == ".csv":
        text = csv_text(table)
    else:
        text = json.dumps(_document(old, new, changed, shown), indent=2, ensure_ascii=False) + "\n"
    write_private(args.out, text.encode())
    say(f"{args.out}: {len(shown)} intervals")


def _line(one: Compared, zone: ZoneInfo) -> tuple[str | float, ...]:
    day = datetime.fromtimestamp(one.start_ms / 1000, zone).date().isoformat()
    old, new = one.old, one.new
    return (
        day,
        one.employee_id,
        one.site_id,
        one.assessment_id,
        local(one.start_ms, zone),
        local(one.end_ms, zone),
        _verdict(old),
        _verdict(new),
        _share(None if old is None else old.present_share),
        _share(None if new is None else new.present_share),
        _share(None if old is None else old.mean_posterior),
        _share(None if new is None else new.mean_posterior),
        "" if old is None else old.work.value,
        "" if new is None else new.work.value,
        one.since.value,
    )


def _verdict(answer: Answer | None) -> str:
    if answer is None:
        return "not_assessable"
    return answer.presence.value + (" (provisional)" if answer.provisional else "")


def _share(value: float | None) -> str | float:
    return "" if value is None else round(value, 3)


def _document(
    old: Policy, new: Policy, changed: Sequence[NumberChanged], shown: Sequence[Compared]
) -> dict[str, Any]:
    """For programs: times are UTC ms, shares from 0 to 1, null: not assessable."""
    return {
        "old_policy_sha256": old.hash(),
        "new_policy_sha256": new.hash(),
        "numbers": [asdict(one) for one in changed],
        "intervals": [asdict(one) | {"differs": one.differs} for one in shown],
    }


def _sum_up(found: Sequence[Compared], people: int) -> None:
    differing = [one for one in found if one.differs]
    concerned = {one.employee_id for one in differing}
    say()
    say(
        f"{len(found)} intervals of {people} people; {len(differing)} would change, of "
        f"{len(concerned)} people; newly contradicted: {sum(one.accuses for one in found)}"
    )
    steps = Counter((_verdict(one.old), _verdict(one.new)) for one in differing)
    for (before, after), number in sorted(steps.items()):
        say(f"  {before} -> {after}: {number}")
    moved = sum(one.since is backtest.Since.CHANGED for one in found)
    if moved:
        complain(
            f"The evidence of {moved} intervals is not what their stored verdict was made of: more "
            "came in, or it is deleted since (keep_readings_days). There the old verdict here may "
            "be another than the stored one."
        )
