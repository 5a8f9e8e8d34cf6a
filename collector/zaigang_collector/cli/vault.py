"""`people looks|forget|hold|release`, `master-key rotate`, `retention run|show`."""

from __future__ import annotations

import argparse
from typing import Final
from zoneinfo import ZoneInfo

from zaigang_collector import bootstrap, db
from zaigang_collector.bootstrap import masters
from zaigang_collector.bootstrap.alone import alone
from zaigang_collector.bootstrap.retaining import terms, told
from zaigang_collector.cli.arguments import Commands, group, zone_argument
from zaigang_collector.cli.console import Exit, complain, local, rows, say
from zaigang_collector.directory import service as directory
from zaigang_collector.errors import UnknownIdError
from zaigang_collector.forgetting import retention, service
from zaigang_collector.vault import access_log, record
from zaigang_collector.vault.model import TombstoneKind

_SHOWN: Final = 30
_LOOKS_MAX: Final = 500


def add_people(people: Commands, common: argparse.ArgumentParser) -> None:
    """The commands about one person."""
    one = people.add_parser(
        "forget",
        parents=[common],
        help="destroy the key to what is held about somebody, and delete it; for good",
    )
    one.add_argument("id")
    one.add_argument("--ground", required=True, metavar="TEXT", help="why; kept, names nobody")
    one.add_argument("--by", required=True, metavar="NAME", help="who decided it; kept")
    one.set_defaults(run=_forget)
    one = people.add_parser(
        "looks", parents=[common], help="who looked at what is held about somebody, and what for"
    )
    one.add_argument("id")
    zone_argument(one)
    one.set_defaults(run=_looks)
    for name, about, run in (
        ("hold", "legal hold: nothing of this person may be forgotten", _hold),
        ("release", "end a legal hold", _release),
    ):
        one = people.add_parser(name, parents=[common], help=about)
        one.add_argument("id")
        one.add_argument("--why", required=True, metavar="TEXT", help="kept")
        one.add_argument("--by", required=True, metavar="NAME", help="who decided it; kept")
        one.set_defaults(run=run)


def add(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the commands of this room."""
    master = group(commands, "master-key", "the key that wraps everybody's keys")
    one = master.add_parser(
        "rotate", parents=[common], help="wrap all keys with a new one; the collector is stopped"
    )
    one.set_defaults(run=_rotate)
    kept = group(commands, "retention", "deleting what is older than it is kept")
    one = kept.add_parser("run", parents=[common], help="now; `serve` does it daily")
    one.add_argument("--dry-run", action="store_true", help="only count what would be deleted")
    one.set_defaults(run=_run)
    one = kept.add_parser("show", parents=[common], help="what was deleted when, the newest first")
    zone_argument(one)
    one.set_defaults(run=_show)


def _looks(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        if directory.get_employee(conn, args.id) is None:
            raise UnknownIdError("employee", args.id)
        found = access_log.of_person(conn, collector.vault, args.id, limit=_LOOKS_MAX)
    lines = [(local(one.at_ms, args.zone), one.who, one.what, one.why) for one in found]
    rows(("when", "who", "what", "what for"), lines)
    if len(found) == _LOOKS_MAX:
        complain(f"Only the newest {_LOOKS_MAX} are shown; the REST interface has all.")
    return Exit.OK


def _forget(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector:
        with collector.writing() as conn:
            done = service.forget(
                conn,
                collector.vault,
                args.id,
                args.ground,
                args.by,
                collector.clock.utc_ms(),
                collector.randomness,
            )
        clean = db.scrub(collector.engine)
    say(f"{args.id} is forgotten: {told(done.counts)}. Tombstone {done.id}.")
    if not clean:
        complain(
            "The database's write-ahead log still holds old pages, as somebody was reading; "
            "it is overwritten in time, or at once when the collector stops."
        )
    complain(
        "Backups made before this still hold the key, wrapped: delete them when their time comes."
    )
    return Exit.OK


def _hold(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        now_ms = collector.clock.utc_ms()
        service.hold(conn, args.id, args.why, args.by, now_ms, collector.randomness)
    say(f"{args.id} is under legal hold: nothing of this person is forgotten or deleted")
    return Exit.OK


def _release(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        now_ms = collector.clock.utc_ms()
        record.lift(conn, args.id, args.why, args.by, now_ms, collector.randomness)
    say(f"{args.id} is not under legal hold any more")
    return Exit.OK


def _rotate(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, alone(collector.directory):
        count, now_used = masters.rotate(
            collector.engine, collector.settings, collector.directory, collector.randomness
        )
    say(f"{count} keys are wrapped by the master key {now_used} now; bodies are as they were")
    complain("Back it up: backups made before this need the master key that stands in them.")
    return Exit.OK


def _run(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector:
        kept, now_ms = terms(collector.settings), collector.clock.utc_ms()
        if args.dry_run:
            with collector.reading() as conn:
                counts = retention.preview(conn, kept, now_ms)
            say(f"would delete: {told(counts)} ({kept.ground()})")
            return Exit.OK
        done = retention.run(collector.engine, kept, now_ms, collector.randomness)
    say(f"deleted: {told(done.counts)} ({done.ground})")
    return Exit.OK


def _show(args: argparse.Namespace) -> int:
    zone: ZoneInfo = args.zone
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        found = record.tombstones(conn, TombstoneKind.RETENTION, _SHOWN)
    lines = [(local(one.at_ms, zone), told(one.counts), one.ground) for one in found]
    rows(("at", "deleted", "terms"), lines)
    return Exit.OK
