"""`backup`, `restore`, `ledger status|reopen`."""

from __future__ import annotations

import argparse
from pathlib import Path
from zoneinfo import ZoneInfo

from zaigang_collector import bootstrap
from zaigang_collector.bootstrap import backup, reopening, restoring
from zaigang_collector.bootstrap.archive import Manifest
from zaigang_collector.cli import ledger
from zaigang_collector.cli.arguments import Commands, group, zone_argument
from zaigang_collector.cli.console import Exit, complain, local, say
from zaigang_shared.clock import SystemClock


def add(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the commands of this room."""
    one = commands.add_parser(
        "backup", parents=[common], help="everything in one verified file, while `serve` runs"
    )
    one.add_argument("file", type=Path, help="must not exist")
    one.add_argument(
        "--files-only", action="store_true", help="keys and settings; the database is elsewhere"
    )
    one.set_defaults(run=_backup)
    one = commands.add_parser(
        "restore", parents=[common], help="a new data directory from a backup"
    )
    one.add_argument("file", type=Path, help="what `backup` made")
    one.add_argument(
        "--verify-only", action="store_true", help="look whether the backup holds; make nothing"
    )
    one.set_defaults(run=_restore)
    inner = group(commands, "ledger", "the ledger: what it is, and how it goes on")
    ledger.add_to(inner, common)
    one = inner.add_parser("status", parents=[common], help="name, size, root, what was restored")
    zone_argument(one)
    one.set_defaults(run=_status)
    one = inner.add_parser(
        "reopen", parents=[common], help="go on from an older copy, under another name"
    )
    one.add_argument("--by", required=True, metavar="NAME", help="who decides; kept in the ledger")
    one.add_argument("--why", required=True, metavar="TEXT", help="kept in the ledger")
    one.add_argument(
        "--unmarked",
        action="store_true",
        help="although nothing here says that it is older; devices or a witness do",
    )
    one.set_defaults(run=_reopen)


def _backup(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector:
        manifest = backup.make(collector, args.file, files_only=args.files_only)
    size_mib = args.file.stat().st_size / 2**20
    say(f"{args.file}: {size_mib:.1f} MiB, {len(manifest.members)} files, verified")
    say(_ledger(manifest))
    complain(
        "Keep the line that begins with `ledger` apart from the backup: by it an older one is told. "
        "Whoever has this file has everything: readings, names and all keys, those of the vault too."
    )
    return Exit.OK


def _restore(args: argparse.Namespace) -> int:
    if args.verify_only:
        manifest = restoring.verify_only(args.file)
        say(f"{args.file} holds: {len(manifest.members)} files, made by {manifest.version}")
        say(_ledger(manifest))
        return Exit.OK
    manifest = restoring.restore(args.file, args.data, SystemClock().utc_ms())
    say(f"{args.data}: {len(manifest.members)} files, verified")
    say(_ledger(manifest))
    complain(
        "It is marked as restored: `serve` takes in what devices send, and adds nothing to the "
        "ledger before somebody decides. Next: `ledger status`, then `ledger reopen`; or, if the "
        "newer data directory still exists, serve that one and remove this."
    )
    if not manifest.has_database:
        complain("The backup holds no database: restore that with pg_restore before `serve`.")
    return Exit.OK


def _ledger(manifest: Manifest) -> str:
    return f"ledger {manifest.origin} size {manifest.size} root {manifest.root}"


def _status(args: argparse.Namespace) -> int:
    zone: ZoneInfo = args.zone
    with bootstrap.opened(args.data) as collector:
        found = reopening.status(collector)
    newest = found.newest
    say(f"ledger {found.origin} size {newest.size} root {newest.root.hex()}")
    say(f"signed: {local(newest.at_ms, zone)}")
    say(f"waiting: {found.waiting}")
    for one in found.continuations:
        say(
            f"continued: {local(one.at_ms, zone)} from {one.origin} at size {one.size} "
            f"by {one.by}: {one.why}"
        )
    if found.high is not None:
        say(
            f"last written: {found.high.origin} size {found.high.size} root {found.high.root.hex()}"
        )
    if found.restored is not None:
        made = local(found.restored.backup_ms, zone)
        say(f"restored: {local(found.restored.restored_ms, zone)} from a backup of {made}")
    for warning in found.warnings:
        say(f"warning: {warning}")
    say(f"state: {found.held or 'it grows while `serve` runs'}")
    say()
    say(newest.note.rstrip("\n"))
    return Exit.OK


def _reopen(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector:
        told = reopening.reopen(collector, args.by, args.why, unmarked=args.unmarked)
    say(f"{told.origin} goes on as {told.as_origin} from size {told.size}")
    complain(
        "Tell whoever follows the ledger, witnesses too: the name is new, the key is the same. "
        "Devices go on by themselves, and keep the receipts that show the difference."
    )
    return Exit.OK
