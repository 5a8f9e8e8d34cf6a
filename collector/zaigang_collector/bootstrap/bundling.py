"""A bundle of what is known now: judged again, all of it in the ledger, then written."""

from __future__ import annotations

from zaigang_collector import anchor_settings
from zaigang_collector.assessment import service as assessing
from zaigang_collector.assessment import store
from zaigang_collector.bootstrap import anchoring, standing
from zaigang_collector.bootstrap.anchoring import Anchorer
from zaigang_collector.bootstrap.data import Opened
from zaigang_collector.bootstrap.worker import judge
from zaigang_collector.errors import ConflictError, UnknownIdError
from zaigang_collector.evidence import export
from zaigang_collector.evidence.export import Collector
from zaigang_collector.ledger import sequencer
from zaigang_collector.ledger import service as ledger
from zaigang_shared import bundle_root


def exporter(collector: Opened) -> Collector:
    """Whose bundles they are. Raises ConfigError, LedgerError."""
    settings = collector.settings
    return Collector(
        vault=collector.vault,
        ca=collector.keys.authority.certificate,
        log=collector.signer().verifier,
        collector_key=collector.keys.receipt_key.public_key(),
        witnesses=tuple(one.key for one in anchor_settings.witnesses(settings.witnesses)),
        stamp_roots=anchoring.stamp_roots(collector),
    )


def root_fingerprint(collector: Opened) -> str:
    """What people compare on paper before they believe a bundle."""
    made = exporter(collector)
    return bundle_root.fingerprint(made.ca, made.log, made.collector_key)


def make(collector: Opened, name: str, purpose: str) -> bytes:
    """The bundle of the newest version of assessment `name`. Raises UnknownIdError, ConflictError."""
    now_ms = collector.clock.utc_ms()
    with collector.reading() as conn:
        stored = store.get(conn, collector.vault, name)
    if stored is None:
        raise UnknownIdError("assessment", name)
    span = stored.start_ms, stored.start_ms + 1
    assessing.judge_person(collector.engine, judge(collector), stored.employee_id, *span, now_ms)
    _place_all(collector)
    with collector.writing() as conn:
        newest = ledger.newest_checkpoint(conn)
        if newest is not None:
            ledger.pin(conn, newest.size)  # somebody outside is about to hold it
    with collector.reading() as conn:
        return export.export(conn, exporter(collector), name, purpose, now_ms)


def _place_all(collector: Opened) -> None:
    """Give every entry its place: beside a running collector as well, the lock on the head keeps the
    two apart."""
    with collector.reading() as conn:
        held = standing.held(conn, collector.directory)
    if held is not None:
        raise ConflictError(held)
    for behind in Anchorer(collector, ledger).before_sequencing():
        raise ConflictError(behind.sentence)
    signer = collector.signer()
    while sequencer.sequence(collector.engine, signer, collector.clock.utc_ms()):
        pass
