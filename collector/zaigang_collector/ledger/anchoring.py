"""Has the newest checkpoint looked at by those outside, each at its time.

Nothing waits for it: an authority that fails is asked again later, and told about. The network is
never used inside a database transaction.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from sqlalchemy import Connection, Engine

from zaigang_collector import db
from zaigang_collector.errors import AnchorError, CollectorError
from zaigang_collector.ledger import anchors
from zaigang_collector.ledger.outside import (
    Anchored,
    AnchorKind,
    Behind,
    Ledger,
    Outside,
    SignedCheckpoint,
)
from zaigang_shared.errors import EvidenceError

_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Failed:
    """Asking did not work; it will be tried again."""

    authority: str
    why: str


@dataclass(frozen=True, slots=True)
class Done:
    """Somebody outside saw the checkpoint of this size."""

    authority: str
    size: int


Outcome: TypeAlias = Done | Failed | Behind


class Anchoring:
    """Asks everybody outside who is due."""

    def __init__(
        self, engine: Engine, ledger: Ledger, outside: Sequence[Outside], every_ms: int
    ) -> None:
        self._engine = engine
        self._ledger = ledger
        self._outside = tuple(outside)
        self._every_ms = every_ms
        self._behind: dict[str, Behind] = {}
        self._stop = threading.Event()
        self.problem: str | None = None
        """What somebody has to look at, in sentences; None: nothing."""

    def stop(self) -> None:
        """Ask nobody else; who is being asked may still answer. From any thread, for good."""
        self._stop.set()

    def run_once(self, now_ms: int) -> tuple[Outcome, ...]:
        """Ask those who are due; `now_ms` is collector UTC. Raises SQLAlchemyError."""
        return self._run(self._due(now_ms), now_ms)

    def ask_witnesses(self, now_ms: int) -> tuple[Behind, ...]:
        """Ask each witness now, due or not, whether it has seen more of this ledger than there is:
        before anything is added to a database that may be an older copy. Who cannot be reached says
        nothing. Raises SQLAlchemyError."""
        everybody = [(one, last) for one, last in self._lasts() if one.kind is AnchorKind.WITNESS]
        outcomes = self._run(everybody, now_ms)
        return tuple(one for one in outcomes if isinstance(one, Behind))

    def _run(self, due: Sequence[tuple[Outside, int]], now_ms: int) -> tuple[Outcome, ...]:
        checkpoint = self._taken() if due else None
        outcomes: list[Outcome] = []
        for one, last in due:
            if checkpoint is None or self._stop.is_set():
                break
            outcomes.append(self._anchor(one, checkpoint, last, now_ms))
        self._tell(now_ms)
        return tuple(outcomes)

    def _lasts(self) -> list[tuple[Outside, int]]:
        with db.reading(self._engine) as conn:
            return [(one, anchors.newest_size(conn, one.kind, one.name)) for one in self._outside]

    def _due(self, now_ms: int) -> list[tuple[Outside, int]]:
        due = []
        with db.reading(self._engine) as conn:
            newest = self._ledger.newest_checkpoint(conn)
            for one in self._outside:
                state = anchors.state_of(conn, one.kind, one.name)
                last = anchors.newest_size(conn, one.kind, one.name)
                is_new = newest is not None and newest.size != last
                if is_new and (state is None or state.next_ms <= now_ms):
                    due.append((one, last))
        return due

    def _taken(self) -> SignedCheckpoint | None:
        """The newest checkpoint, kept from now on; None: there is nothing yet to look at."""
        with db.writing(self._engine) as conn:
            newest = self._ledger.newest_checkpoint(conn)
            if newest is None or newest.size == 0:
                return None
            self._ledger.pin(conn, newest.size)
            return newest
        # A crash after this commit leaves a checkpoint that is kept and that nobody was shown.

    def _anchor(
        self, one: Outside, checkpoint: SignedCheckpoint, last: int, now_ms: int
    ) -> Outcome:
        outcome: Anchored | Behind | Failed
        try:
            outcome = self._asked(one, checkpoint, last, now_ms)
        except AnchorError as error:
            outcome = Failed(one.name, str(error))
        except (CollectorError, EvidenceError) as error:
            outcome = Failed(one.name, f"this ledger cannot be proved to it: {error}")
        except Exception as error:  # noqa: BLE001  # our mistake about one must not keep the others back
            _LOG.exception("asking %s failed", one.name)
            outcome = Failed(one.name, f"our own mistake, see the log: {type(error).__name__}")
        with db.writing(self._engine) as conn:
            # A crash before this commit loses the answer: it is asked for again.
            return self._recorded(conn, one, checkpoint, outcome, now_ms)

    def _asked(
        self, one: Outside, checkpoint: SignedCheckpoint, last: int, now_ms: int
    ) -> Anchored | Behind:
        if last > checkpoint.size:  # our own list says so: nobody needs to be asked
            return Behind(one.name, last, checkpoint.size)
        answer = one.anchor(checkpoint, last, self._prove, now_ms)
        if isinstance(answer, Behind) and answer.size_at_witness > checkpoint.size:
            # Another collector on this database may have shown it a newer one in between.
            with db.reading(self._engine) as conn:
                newest = self._ledger.newest_checkpoint(conn)
            if newest is not None and newest.size >= answer.size_at_witness:
                raise AnchorError("it was told a newer checkpoint meanwhile")
        return answer

    def _prove(self, old: int, new: int) -> list[bytes]:
        with db.reading(self._engine) as conn:
            return self._ledger.consistency_proof(conn, old, new)

    def _recorded(
        self,
        conn: Connection,
        one: Outside,
        checkpoint: SignedCheckpoint,
        outcome: Anchored | Behind | Failed,
        now_ms: int,
    ) -> Outcome:
        if isinstance(outcome, Anchored):
            due_ms = now_ms + self._every_ms
            anchors.record(conn, checkpoint.size, one.kind, one.name, outcome, now_ms, due_ms)
            self._behind.pop(one.name, None)
            return Done(one.name, checkpoint.size)
        if isinstance(outcome, Behind):
            anchors.record_failure(conn, one.kind, one.name, outcome.sentence, now_ms)
            self._behind[one.name] = outcome
            _LOG.critical("%s", outcome.sentence)
        else:
            anchors.record_failure(conn, one.kind, one.name, outcome.why, now_ms)
            _LOG.warning("no anchor from %s: %s", one.name, outcome.why)
        return outcome

    def _tell(self, now_ms: int) -> None:
        with db.reading(self._engine) as conn:
            late = anchors.overdue(conn, now_ms)
        names = {one.name for one in self._outside} - self._behind.keys()
        sentences = [one.sentence for one in self._behind.values()]
        sentences += [
            f"No anchor from {one.authority} for {(now_ms - (one.failing_since_ms or 0)) // 3_600_000} "
            f"hours: {one.last_error}."
            for one in late
            if one.authority in names
        ]
        self.problem = " ".join(sentences) or None
