"""Runs retention once a day, in a thread of its own."""

from __future__ import annotations

import logging
import threading
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from zaigang_collector.bootstrap.data import Opened
from zaigang_collector.config import Settings
from zaigang_collector.forgetting import retention
from zaigang_collector.forgetting.retention import Terms
from zaigang_collector.vault.model import Tombstone

_LOG: Final = logging.getLogger(__name__)

# How often it is asked whether a day has passed. Larger keeps things for longer than was promised;
# smaller asks for nothing.
EVERY_S: Final = 3_600.0
# Larger keeps things for a day more; smaller writes tombstones that say nothing.
DAILY_MS: Final = 24 * 3_600_000
# A clock that jumped ahead would have everything deleted. Larger believes a larger jump; smaller
# asks a person after every long holiday.
BELIEVED_MS: Final = 35 * DAILY_MS
_JUMPED: Final = (
    "Nothing is deleted by age: it is over 35 days since that was last done, or the clock jumped. "
    "Is the clock right, run `zaigang-collector retention run` once."
)


def terms(settings: Settings) -> Terms:
    """For how long things are kept here."""
    return Terms(settings.keep_readings_days, settings.keep_claims_days, settings.keep_cases_days)


class Retaining:
    """One run a day, counted from the last tombstone: a restart neither repeats nor skips one."""

    def __init__(self, collector: Opened) -> None:
        self._collector = collector
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)
        self.problem: str | None = None
        """Why the last run failed; None: it did not."""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when the run at hand is done."""
        self._stop.set()
        self._thread.join()

    def run_once(self) -> Tombstone | None:
        """Run if a day has passed; returns what was said of it."""
        collector, now_ms = self._collector, self._collector.clock.utc_ms()
        with collector.reading() as conn:
            last = retention.last(conn)
        if last is not None and last.at_ms <= now_ms < last.at_ms + DAILY_MS:
            return None
        if last is not None and now_ms - last.at_ms > BELIEVED_MS:
            self.problem = _JUMPED
            _LOG.error("retention waits: over 35 days since the last run, or the clock jumped")
            return None
        done = retention.run(
            collector.engine, terms(collector.settings), now_ms, collector.randomness
        )
        _LOG.info("retention deleted: %s", told(done.counts))
        return done

    def _run(self) -> None:
        while True:
            try:
                self.problem = None
                self.run_once()
            except SQLAlchemyError as error:
                # The next run finds the same work.
                self.problem = "Old readings are not being deleted: the database refuses."
                _LOG.error("retention failed: %s", type(error).__name__)
            except Exception:  # noqa: BLE001  # it has to try again, whatever it was
                self.problem = "Old readings are not being deleted; the log says why."
                _LOG.exception("retention failed")
            if self._stop.wait(EVERY_S):
                return


def told(counts: dict[str, int]) -> str:
    """Counts as one line; they name nobody."""
    return ", ".join(
        f"{number} {name.replace('_', '-')}" for name, number in sorted(counts.items())
    )
