"""Audits of what tests have written."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine

from tests.factories.devices import an_authority, ed25519_key
from tests.factories.ledger import NOW_MS, SIGNER
from tests.factories.vault import VAULT
from zaigang_collector import db
from zaigang_collector.audit.service import Report, Shown, Trusted, audit
from zaigang_collector.ledger import sequencer

TRUSTED = Trusted(
    log=SIGNER.verifier,
    collector_key=ed25519_key("receipt").public_key(),
    authority=an_authority().certificate,
)


def sequenced(engine: Engine) -> None:
    """All that waits gets its place."""
    with db.writing(engine) as conn:
        sequencer.prepare(conn, SIGNER, NOW_MS)
    while sequencer.sequence(engine, SIGNER, NOW_MS):
        pass


def audited(engine: Engine, shown: Sequence[Shown] = ()) -> Report:
    """What an audit finds in the database as it is."""
    with db.reading(engine) as conn:
        return audit(conn, VAULT, TRUSTED, shown)


def assert_clean(engine: Engine) -> Report:
    """Sequence, and fail the test for whatever does not fit."""
    sequenced(engine)
    report = audited(engine)
    told = "\n".join(str(one) for one in report.findings[:5])
    assert not report.findings, told
    return report
