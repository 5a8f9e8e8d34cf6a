"""Bundles out of a test's database."""

from __future__ import annotations

from sqlalchemy import Engine

from tests.factories.devices import an_authority, ed25519_key
from tests.factories.ledger import NOW_MS, SIGNER
from tests.factories.vault import VAULT
from zaigang_collector import db
from zaigang_collector.evidence import export
from zaigang_collector.evidence.export import Collector
from zaigang_collector.ledger import sequencer
from zaigang_shared import bundle_root

COLLECTOR = Collector(
    vault=VAULT,
    ca=an_authority().certificate,
    log=SIGNER.verifier,
    collector_key=ed25519_key("receipt").public_key(),
)
ROOT = bundle_root.fingerprint(COLLECTOR.ca, COLLECTOR.log, COLLECTOR.collector_key)


def exported(
    engine: Engine,
    name: str,
    purpose: str = "a test",
    now_ms: int = NOW_MS,
    collector: Collector = COLLECTOR,
) -> bytes:
    """The bundle of an assessment, with all entries placed first."""
    with db.writing(engine) as conn:
        sequencer.prepare(conn, SIGNER, NOW_MS)
    while sequencer.sequence(engine, SIGNER, NOW_MS):
        pass
    with db.reading(engine) as conn:
        return export.export(conn, collector, name, purpose, now_ms)
