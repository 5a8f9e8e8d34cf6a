"""What is known of the ledger here, and the decision that it goes on."""

from __future__ import annotations

from dataclasses import dataclass

from zaigang_collector.bootstrap import standing
from zaigang_collector.bootstrap.alone import alone
from zaigang_collector.bootstrap.data import Opened
from zaigang_collector.bootstrap.standing import Mark, Restored
from zaigang_collector.errors import ConflictError, LedgerError
from zaigang_collector.ingest import service as ingest
from zaigang_collector.ledger import reopening
from zaigang_collector.ledger import service as ledger
from zaigang_collector.ledger.model import Continued, StoredCheckpoint


@dataclass(frozen=True, slots=True)
class Status:
    """What `ledger status` prints."""

    origin: str
    newest: StoredCheckpoint
    waiting: int
    continuations: tuple[Continued, ...]
    high: Mark | None
    restored: Restored | None
    held: str | None
    """Why the ledger does not grow; None: it does, while `serve` runs."""
    warnings: tuple[str, ...]


def status(collector: Opened) -> Status:
    """Raises LedgerError, ConfigError."""
    with collector.reading() as conn:
        newest = ledger.newest_checkpoint(conn)
        if newest is None:
            raise LedgerError("the database has no ledger: run `zaigang-collector upgrade`")
        return Status(
            origin=ledger.origin(conn),
            newest=newest,
            waiting=ledger.waiting(conn),
            continuations=ledger.continuations(conn),
            high=standing.read_high(collector.directory),
            restored=standing.read_restored(collector.directory),
            held=standing.held(conn, collector.directory),
            warnings=ingest.warnings(conn),
        )


def reopen(collector: Opened, by: str, why: str, *, unmarked: bool = False) -> Continued:
    """Continue the ledger under its next name. `unmarked`: although nothing in this directory says
    that it is older than what was shown outside.

    Raises ConfigError while a collector serves from here: what it is about to sign would carry the
    old name. Raises ConflictError when there is nothing to decide, and LedgerError.
    """
    with alone(collector.directory):
        signer = collector.signer()
        with collector.writing() as conn:
            if not unmarked and standing.held(conn, collector.directory) is None:
                raise ConflictError(
                    "nothing here says that this ledger is older than what was shown of it, so there "
                    "is nothing to decide. If devices or a witness say so, add --unmarked"
                )
            now_ms = collector.clock.utc_ms()
            renamed, told = reopening.reopen(conn, signer, by, why, now_ms, collector.randomness)
        standing.decided(collector.directory, Mark(renamed.origin, told.size, told.root))
    return told
