"""Judges intervals as their evidence comes in, in a thread of its own."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from zaigang_collector.assessment import service
from zaigang_collector.assessment.due import Watch
from zaigang_collector.assessment.model import Judged
from zaigang_collector.assessment.service import Judge
from zaigang_collector.bootstrap.data import Opened
from zaigang_collector.ingest import service as ingest
from zaigang_collector.matching.policy import default_policy
from zaigang_collector.rules import service as rules

_LOG = logging.getLogger(__name__)

# Larger makes HR wait for a verdict; smaller asks the database about nothing new.
EVERY_S: Final = 30.0
# How far back late evidence is looked for. Larger asks more each time; smaller forgets a laptop
# that comes back from a week's leave. `assess --from` reaches any time.
LOOK_BACK_MS: Final = 8 * 24 * 3_600_000
# How often rules are asked, at most. Larger makes HR and IT wait; smaller asks the database about
# everybody's week for nothing: no rule is in a hurry (`grace_h`).
RULES_EVERY_MS: Final = 5 * 60_000


def judge(collector: Opened) -> Judge:
    """The policy that comes with the program, with this collector's waiting time."""
    policy = dataclasses.replace(default_policy(), waiting_h=float(collector.settings.waiting_h))
    return Judge(
        policy, collector.keys.receipt_key.public_key(), collector.randomness, collector.vault
    )


class Worker:
    """One pass every `EVERY_S`, until stopped."""

    def __init__(self, collector: Opened, got_on: Callable[[], None] = lambda: None) -> None:
        """`got_on` is called after each person and each pass."""
        self._collector = collector
        self._got_on = got_on
        self._watch = Watch(judge(collector))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="assessment", daemon=True)
        self._warned: tuple[str, ...] = ()
        self._rules_at_ms: int | None = None
        self.problem: str | None = None
        """Why the last pass failed; None: it did not."""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when the person at hand is done."""
        self._stop.set()
        self._thread.join()

    def run_once(self) -> int:
        """Judge whoever may have something new; returns how many people."""
        now_ms = self._collector.clock.utc_ms()
        span = now_ms - LOOK_BACK_MS, now_ms
        with self._collector.reading() as conn:
            people = self._watch.due(conn, *span, now_ms)
            warnings = ingest.warnings(conn)
        for warning in set(warnings) - set(self._warned):
            _LOG.warning("%s; `zaigang-collector ledger status` tells more", warning)
        self._warned = warnings
        done = 0
        for person in people:
            if self._stop.is_set():
                break
            try:
                self._watch.judged(person, self._judged(person, span, now_ms), now_ms)
            except Exception:  # noqa: BLE001  # see below
                # One person's odd evidence must not keep everybody else's verdicts back.
                self.problem = "Some assessments fail; the log says whose and why."
                _LOG.exception("assessing %s failed", person)
            else:
                done += 1
            self._got_on()
        if not self._stop.is_set():
            self._ask_rules(now_ms)
        return done

    def _judged(self, person: str, span: tuple[int, int], now_ms: int) -> list[Judged]:
        return service.judge_person(
            self._collector.engine, self._watch.judge, person, *span, now_ms
        )

    def _ask_rules(self, now_ms: int) -> None:
        """After judging, so that little is left open; what is still due raises nothing."""
        asked_ms = self._rules_at_ms
        if asked_ms is not None and 0 <= now_ms - asked_ms < RULES_EVERY_MS:
            return
        span = now_ms - LOOK_BACK_MS, now_ms
        try:
            rules.run(self._collector.engine, self._watch.judge, *span, now_ms, self._got_on)
        except SQLAlchemyError:
            raise
        except Exception:  # noqa: BLE001  # verdicts go on being made without alerts
            self.problem = "Rules are not being asked; the log says why."
            _LOG.exception("asking rules failed")
        self._rules_at_ms = now_ms

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            try:
                self.problem = None
                self.run_once()
            except SQLAlchemyError as error:
                # The next pass finds the same work: nothing is lost but time.
                self.problem = "Assessments are not being made: the database refuses."
                _LOG.error("assessment pass failed: %s", type(error).__name__)
            self._got_on()
