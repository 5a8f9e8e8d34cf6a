"""Has the ledger looked at by those outside, in a thread of its own."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Final

from cryptography import x509
from sqlalchemy.exc import SQLAlchemyError

from zaigang_collector import anchor_settings
from zaigang_collector.bootstrap.data import Opened
from zaigang_collector.errors import ConfigError
from zaigang_collector.ledger import posting, stamping
from zaigang_collector.ledger.anchoring import Anchoring
from zaigang_collector.ledger.outside import Behind, Ledger, Outside
from zaigang_collector.ledger.stamping import StampAuthority
from zaigang_collector.ledger.witness import Cosigner
from zaigang_collector.ledger.witnessing import Witness

_LOG: Final = logging.getLogger(__name__)

# How often it is looked who is due. Larger begins late after a failure; smaller asks the database
# about nothing new.
EVERY_S: Final = 30.0


def cosigner(collector: Opened) -> Cosigner:
    """This collector as a witness of others."""
    keys, settings = collector.keys, collector.settings
    logs = anchor_settings.log_keys(settings.witness_for)
    return Cosigner(keys.witness_name, keys.witness_key, logs)


def outside(collector: Opened) -> tuple[Outside, ...]:
    """Those outside whom the settings name. Raises ConfigError."""
    settings = collector.settings
    post = posting.poster(settings.stamp_timeout_s)
    found: list[Outside] = [
        Witness(one.url, one.key, post) for one in anchor_settings.witnesses(settings.witnesses)
    ]
    if settings.stamp_url:
        trust = stamping.trusted(*_authority_file(collector))
        policy = settings.stamp_policy or None
        found.insert(0, StampAuthority(settings.stamp_url, trust, policy, post))
    return tuple(found)


def stamp_roots(collector: Opened) -> tuple[x509.Certificate, ...]:
    """Roots of the time stamp authority that is set; empty: none is. Raises ConfigError."""
    if not collector.settings.stamp_url:
        return ()
    return stamping.trusted(*_authority_file(collector)).roots


def anchoring(collector: Opened, ledger: Ledger) -> Anchoring:
    """What asks them. Raises ConfigError."""
    every_ms = collector.settings.anchor_every_min * 60_000
    return Anchoring(collector.engine, ledger, outside(collector), every_ms)


class Anchorer:
    """One pass every `EVERY_S`, until stopped."""

    def __init__(self, collector: Opened, ledger: Ledger) -> None:
        """Raises ConfigError."""
        self._collector = collector
        self._anchoring = anchoring(collector, ledger)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="anchors", daemon=True)
        self._database: str | None = None

    @property
    def problem(self) -> str | None:
        """What somebody has to look at; None: nothing."""
        return self._database or self._anchoring.problem

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when whoever is being asked has answered or run out of time."""
        self._stop.set()
        self._anchoring.stop()
        self._thread.join()

    def before_sequencing(self) -> tuple[Behind, ...]:
        """Which witnesses have seen more of this ledger than there is, or something else."""
        return self._anchoring.ask_witnesses(self._collector.clock.utc_ms())

    def run_once(self) -> None:
        """One pass. Raises SQLAlchemyError."""
        self._anchoring.run_once(self._collector.clock.utc_ms())

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            try:
                self.run_once()
                self._database = None
            except SQLAlchemyError as error:
                # The next pass finds the same to do: nothing is lost but time.
                self._database = "The ledger is not being anchored: the database refuses."
                _LOG.error("anchoring failed: %s", type(error).__name__)


def _authority_file(collector: Opened) -> tuple[bytes, str]:
    name = collector.settings.stamp_ca_file
    if not name:
        raise ConfigError(
            "stamp_url is set and stamp_ca_file is not: give the PEM file with the root certificate "
            "of that time stamp authority"
        )
    path = collector.directory.root / Path(name)
    try:
        return path.read_bytes(), str(path)
    except OSError as error:
        raise ConfigError(
            f"stamp_ca_file: {path} cannot be read ({error.strerror}); expected the root "
            "certificate of the time stamp authority in PEM"
        ) from error
