"""Puts what is new into the ledger's tree, in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from zaigang_collector.bootstrap import standing
from zaigang_collector.bootstrap.data import Opened
from zaigang_collector.errors import LedgerError
from zaigang_collector.ledger import sequencer
from zaigang_shared.errors import EvidenceError

_LOG = logging.getLogger(__name__)

# Larger binds us to what we have received later; smaller signs checkpoints that nobody asks for.
EVERY_S: Final = 1.0


class Sequencing:
    """One pass every `EVERY_S`, until stopped. Of several collectors on one database one works.

    On a database that is older than what was shown outside it does nothing, and says so: devices
    need answers all the same, and two histories under one name could never be put right again.
    """

    def __init__(
        self,
        collector: Opened,
        got_on: Callable[[], None] = lambda: None,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        """Compares the ledger with itself before anything is added. `got_on` is called after each
        batch, and `ended` when there will be no other. Raises LedgerError, ConfigError."""
        self._collector = collector
        self._got_on = got_on
        self._ended = ended
        self._signer = collector.signer()
        with collector.reading() as conn:
            sequencer.check(conn, self._signer)
            self.held = standing.held(conn, collector.directory)
            """Why nothing is added until a person decides; None: it is."""
        self._holder = collector.randomness(16).hex()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self.problem: str | None = self.held
        """Why the ledger does not grow; None: it does."""

    def withhold(self, why: str) -> None:
        """Add nothing to the tree until somebody has decided: it would make a second history under
        one name. What comes in waits in the queue."""
        self.held = self.problem = f"The ledger does not grow: {why}"

    def start(self) -> None:
        if self.held is None:
            self._thread.start()
        else:
            _LOG.critical("%s", self.held)
            self._ended()

    def stop(self) -> None:
        """Returns when the queue is empty or the database refuses."""
        self._stop.set()
        if self.held is None:
            self._thread.join()

    def run_once(self) -> int:
        """Append all that waits; returns how many entries. Raises LedgerError, SQLAlchemyError."""
        if self.held is not None:
            return 0
        engine, clock = self._collector.engine, self._collector.clock
        done = 0
        while sequencer.take_lease(engine, self._holder, clock.utc_ms()):
            count = sequencer.sequence(engine, self._signer, clock.utc_ms())
            done += count
            self._got_on()
            if count:
                # A crash before this leaves a lower mark than there could be: still a true one.
                self._remember()
            if count < sequencer.BATCH:
                break
        return done

    def _remember(self) -> None:
        with self._collector.reading() as conn:
            mark = standing.newest_mark(conn, self._signer.origin)
        try:
            standing.write_high(self._collector.directory, mark)
        except OSError as error:  # a full disk: the ledger is in the database, and goes on
            _LOG.warning("ledger.high cannot be written: %s", error.strerror)

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            if not self._pass():
                self._ended()
                return
        if self._pass():
            self._give_back()

    def _pass(self) -> bool:
        """False: what is in the database is not what should be, and only a person can say why."""
        try:
            self.run_once()
        except SQLAlchemyError as error:
            # The next pass finds the same queue: nothing is lost but time.
            self.problem = "The ledger does not grow: the database refuses."
            self._got_on()
            _LOG.error("the ledger does not grow: %s", type(error).__name__)
        except (LedgerError, EvidenceError, ValueError) as error:
            self.problem = f"The ledger does not grow any more: {error}."
            _LOG.critical("the ledger does not grow any more: %s", error)
            return False
        else:
            self.problem = None
        self._got_on()  # also when there was nothing to do, or another collector holds the lease
        return True

    def _give_back(self) -> None:
        try:
            sequencer.give_back_lease(self._collector.engine, self._holder)
        except SQLAlchemyError:  # it ends by itself
            _LOG.debug("the lease was not given back")
