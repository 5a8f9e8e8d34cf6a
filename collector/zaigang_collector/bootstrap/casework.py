"""Looks after the deadlines of cases, in a thread of its own."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from zaigang_collector import config
from zaigang_collector.bootstrap.data import Opened
from zaigang_collector.cases import due, policy
from zaigang_collector.cases.due import Passed
from zaigang_collector.cases.grounds import Alerts
from zaigang_collector.cases.policy import Policy
from zaigang_collector.cases.service import Desk
from zaigang_collector.cases.telling import Messenger
from zaigang_collector.errors import ConfigError

_LOG: Final = logging.getLogger(__name__)

# Larger sends a reminder late, and comes near `due.STANDSTILL_MS`; smaller asks about nothing new.
EVERY_S: Final = 60.0


def case_policy(collector: Opened) -> Policy:
    """Under which new cases are opened here. Raises ConfigError."""
    named = collector.settings.case_policy_file
    if not named:
        return policy.default_policy()
    path = collector.directory.root / Path(named)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"case_policy_file {path} cannot be read: {error}; `zaigang-collector cases policy` "
            "prints one to begin with"
        ) from error
    return policy.load_policy(text, str(path))


def desk(
    collector: Opened, messenger: Messenger | None = None, alerts: Alerts | None = None
) -> Desk:
    """What work on cases needs. Raises ConfigError."""
    return Desk(collector.vault, case_policy(collector), collector.randomness, messenger, alerts)


def scan_command(collector: Opened) -> tuple[str, ...]:
    """The virus scanner; empty: none is set."""
    return config.command(collector.settings.scan_command)


class Casework:
    """One pass every `EVERY_S`, until stopped. Of several collectors on one database one works."""

    def __init__(
        self,
        collector: Opened,
        messenger: Messenger | None = None,
        alerts: Alerts | None = None,
    ) -> None:
        """Raises ConfigError for a policy of cases that does not hold."""
        self._collector = collector
        self._desk = desk(collector, messenger, alerts)
        self._holder = collector.randomness(16).hex()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cases", daemon=True)
        self.problem: str | None = None
        """Why the last pass failed; None: it did not."""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when the pass at hand is over."""
        self._stop.set()
        self._thread.join()

    def run_once(self) -> Passed | None:
        """Look after what is due; None: another collector does."""
        engine, now_ms = self._collector.engine, self._collector.clock.utc_ms()
        if not due.take_lease(engine, self._holder, now_ms):
            return None
        passed = due.run(engine, self._desk, now_ms)
        if passed.failed:
            self.problem = (
                "Deadlines of some cases are not looked after; the log says whose and why."
            )
        return passed

    def _run(self) -> None:
        while True:
            try:
                self.problem = None
                self.run_once()
            except SQLAlchemyError as error:
                # The next pass finds the same work; what passes meanwhile counts against nobody.
                self.problem = "Deadlines of cases are not looked after: the database refuses."
                _LOG.error("deadlines were not looked after: %s", type(error).__name__)
            except Exception:  # noqa: BLE001  # it has to try again, whatever it was
                self.problem = "Deadlines of cases are not looked after; the log says why."
                _LOG.exception("deadlines were not looked after")
            if self._stop.wait(EVERY_S):
                break
        self._give_back()

    def _give_back(self) -> None:
        try:
            due.give_back_lease(self._collector.engine, self._holder)
        except SQLAlchemyError:  # it ends by itself
            _LOG.debug("the lease of deadlines was not given back")
