"""`audit`, `ledger checkpoint|proof|root`."""

from __future__ import annotations

import argparse
import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from zaigang_collector import bootstrap
from zaigang_collector.audit import service as auditing
from zaigang_collector.audit.service import Report, Shown, Trusted
from zaigang_collector.bootstrap.data import Opened
from zaigang_collector.cli.arguments import Commands, count
from zaigang_collector.cli.console import Exit, complain, read_file, say
from zaigang_collector.errors import ConfigError
from zaigang_collector.ledger import service as log
from zaigang_shared import checkpoint as checkpoints
from zaigang_shared import note as notes
from zaigang_shared import receipt as receipts
from zaigang_shared.errors import EvidenceError, WireError
from zaigang_shared.note import VerifierKey

_FINDINGS_MAX: Final = 200


def add(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the commands of this room."""
    one = commands.add_parser(
        "audit",
        parents=[common],
        help="derive everything that is stored anew from signed bytes; names what does not fit",
    )
    one.add_argument(
        "--against",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a checkpoint, or a receipt from a device, that was kept elsewhere; may be repeated",
    )
    one.add_argument("--json", action="store_true", help="for programs")
    one.set_defaults(run=_audit)


def add_to(ledger: Commands, common: argparse.ArgumentParser) -> None:
    """Add those of `ledger` that are in this room."""
    one = ledger.add_parser(
        "checkpoint", parents=[common], help="the newest one, signed: to keep elsewhere"
    )
    one.set_defaults(run=_checkpoint)
    one = ledger.add_parser(
        "root", parents=[common], help="the fingerprint that readers of bundles compare on paper"
    )
    one.set_defaults(run=_root)
    one = ledger.add_parser(
        "proof", parents=[common], help="that the ledger of OLD entries is the beginning of NEW's"
    )
    one.add_argument("old", type=count(2**31 - 1))
    one.add_argument("new", type=count(2**31 - 1))
    one.set_defaults(run=_proof)


def _audit(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector:
        trusted = Trusted(
            log=collector.signer().verifier,
            collector_key=collector.keys.receipt_key.public_key(),
            authority=collector.keys.authority.certificate,
        )
        with collector.reading() as conn:
            logs = auditing.names_of(conn, trusted.log)
            shown = [_shown(path, logs, trusted) for path in args.against]
            report = auditing.audit(conn, collector.vault, trusted, shown)
    if args.json:
        say(json.dumps(_plain(report), ensure_ascii=False))
    else:
        _tell(report, shown)
    return Exit.FAILED if report.findings else Exit.OK


def _shown(path: Path, logs: Mapping[str, VerifierKey], trusted: Trusted) -> Shown:
    """What a file that was kept outside says of the ledger. Raises ConfigError."""
    data = read_file(path)
    try:
        origin = checkpoints.read(notes.parse(data)).origin
        said, _ = checkpoints.open_note(data, logs.get(origin, trusted.log))
    except EvidenceError as error:
        why = str(error)
    else:
        return Shown(str(path), said.size, said.root)
    try:
        receipt = receipts.open_receipt(data, trusted.collector_key)
    except WireError as error:
        raise ConfigError(
            f"{path} is neither a checkpoint of this ledger ({why}) nor a receipt of this collector "
            f"({error.detail})"
        ) from error
    if receipt.log is None:
        raise ConfigError(f"{path} is a receipt from before there was a ledger: it binds nothing")
    return Shown(str(path), receipt.log.size, receipt.log.root)


def _tell(report: Report, shown: Sequence[Shown]) -> None:
    say(
        f"ledger: {report.ledger.size} entries, root {report.ledger.root.hex()}, "
        f"{report.ledger.waiting} without a place yet"
    )
    say(
        f"{report.arrivals.envelopes} envelopes ({report.arrivals.without_content} without content: "
        f"forgotten, or past their time), {report.arrivals.receipts} receipts"
    )
    for one in shown:
        say(f"held against {one.where}: {one.size} entries")
    if not report.findings:
        say("Everything fits.")
        return
    for finding in report.findings[:_FINDINGS_MAX]:
        say(f"DOES NOT FIT  {finding}")
    more = len(report.findings) - _FINDINGS_MAX
    if more > 0:
        say(f"... and {more} more; --json lists all")
    complain(
        f"{len(report.findings)} things do not fit. Keep this database as it is and compare it with a "
        "backup; the first one named is the place to begin."
    )


def _plain(report: Report) -> dict[str, object]:
    return {
        "size": report.ledger.size,
        "root": report.ledger.root.hex(),
        "waiting": report.ledger.waiting,
        "envelopes": report.arrivals.envelopes,
        "without_content": report.arrivals.without_content,
        "receipts": report.arrivals.receipts,
        "findings": [asdict(one) for one in report.findings],
    }


def _newest(collector: Opened) -> log.StoredCheckpoint:
    with collector.reading() as conn:
        newest = log.newest_checkpoint(conn)
    if newest is None:
        raise ConfigError("there is no ledger yet: run `zaigang-collector upgrade`")
    return newest


def _checkpoint(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector:
        newest = _newest(collector)
        with collector.writing() as conn:
            log.pin(conn, newest.size)  # whoever asks keeps it elsewhere
        key = collector.signer().verifier
    say(newest.note.rstrip("\n"))
    complain(f"checks with the verifier key {key}")
    return Exit.OK


def _root(args: argparse.Namespace) -> int:
    from zaigang_collector.bootstrap import bundling  # heavy; see bootstrap

    with bootstrap.opened(args.data) as collector:
        say(bundling.root_fingerprint(collector))
    return Exit.OK


def _proof(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        for one in log.consistency_proof(conn, args.old, args.new):
            say(base64.b64encode(one).decode("ascii"))  # as `zaigang-verify --consistency` reads it
    return Exit.OK
