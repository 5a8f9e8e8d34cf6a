"""One pass over all cases for which time runs: deliveries, reminders, deadlines, appeals.

Whatever it does it could have done a minute earlier or later: each pass begins with what is stored,
so that a restart loses nothing and repeats nothing. It never concludes. When it has not run for a
while, the collector stood still or the clock jumped: that time counts against nobody.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from zaigang_collector import db
from zaigang_collector.cases import clock, deadlines, service, store
from zaigang_collector.cases.model import (
    BY_ITSELF,
    CONCLUDED,
    Action,
    Given,
    Proof,
    State,
)
from zaigang_collector.cases.service import Desk
from zaigang_collector.cases.store import Loaded
from zaigang_collector.cases.tables import LEASE

_LOG: Final = logging.getLogger(__name__)

_LEASE: Final = "deadlines"
# Longer leaves deadlines alone when a collector dies; shorter loses the lease in a slow pass.
LEASE_MS: Final = 3 * 60_000
# Passes are a minute apart. Larger lets somebody miss a deadline in an outage that nobody noted;
# smaller takes a slow pass for one, and moves deadlines for nothing.
STANDSTILL_MS: Final = 5 * 60_000
_WATCHED: Final = frozenset({State.LETTER_SENT, State.DELIVERED, State.ASKED_BACK, *CONCLUDED})
_Try: TypeAlias = Callable[[Action, Given], None]
GROUND_GONE: Final = "预警已自动撤销 · the alert was withdrawn by itself"
UNCOUNTED: Final = "请假、系统停运等时间不计入期限 · leave and standstills do not count"


def take_lease(engine: Engine, holder: str, now_ms: int) -> bool:
    """Become or stay the one that looks after deadlines; False: another collector does. Notes a
    standstill when nobody has for a while."""
    with db.writing(engine) as conn:
        fresh = {"name": _LEASE, "holder": holder, "until_ms": 0, "passed_ms": None}
        db.insert_ignore(conn, LEASE, [fresh])
        row = conn.execute(sa.select(LEASE).where(LEASE.c.name == _LEASE).with_for_update()).one()
        # One that ends later than any can was taken by a clock that was ahead.
        runs = now_ms <= row.until_ms <= now_ms + LEASE_MS
        if row.holder != holder and runs:
            return False
        before_ms = row.passed_ms
        if before_ms is None or now_ms - before_ms > STANDSTILL_MS:
            clock.note_standstill(conn, before_ms or 0, now_ms)
        conn.execute(
            sa.update(LEASE)
            .where(LEASE.c.name == _LEASE)
            .values(holder=holder, until_ms=now_ms + LEASE_MS, passed_ms=now_ms)
        )
        return True


def give_back_lease(engine: Engine, holder: str) -> None:
    """Let the next one begin at once."""
    with db.writing(engine) as conn:
        conn.execute(
            sa.update(LEASE)
            .where(LEASE.c.name == _LEASE, LEASE.c.holder == holder)
            .values(until_ms=0)
        )


@dataclass(frozen=True, slots=True)
class Passed:
    """What a pass did."""

    done: Counter[Action]
    failed: tuple[str, ...]
    """Cases that could not be looked after; the log says why."""


def run(engine: Engine, desk: Desk, now_ms: int) -> Passed:
    """Do what is due, each case in a transaction of its own."""
    done: Counter[Action] = Counter()
    done[Action.WITHDRAW] += _grounds_gone(engine, desk, now_ms)
    with db.reading(engine) as conn:
        names = store.open_ids(conn, _WATCHED)
    failed = []
    for name in names:
        try:
            with db.writing(engine) as conn:
                done.update(one_case(conn, desk, name, now_ms))
        except SQLAlchemyError:
            raise
        except Exception:  # noqa: BLE001  # one odd case must not keep all others' deadlines back
            _LOG.exception("the deadline of case %s cannot be looked after", name)
            failed.append(name)
    return Passed(+done, tuple(failed))


def _grounds_gone(engine: Engine, desk: Desk, now_ms: int) -> int:
    """Withdraw cases whose alerts were withdrawn; returns how many."""
    if desk.alerts is None:
        return 0
    with db.reading(engine) as conn:
        gone = [one for one in store.open_alerts(conn) if desk.alerts.is_withdrawn(conn, one.id)]
    number = 0
    for ref in gone:
        with db.writing(engine) as conn:
            number += len(service.ground_gone(conn, desk, ref, GROUND_GONE, now_ms))
    return number


def one_case(conn: Connection, desk: Desk, case_id: str, now_ms: int) -> list[Action]:
    """What is due in one case is done; returns what was."""
    done: list[Action] = []

    def tried(action: Action, given: Given) -> None:
        acted = service.act(conn, desk, case_id, action, BY_ITSELF, given, now_ms)
        if acted.refused is None:
            done.append(action)

    case = store.load(conn, desk.vault, case_id, lock=True)
    _arrived(conn, desk, case, tried)
    case = store.load(conn, desk.vault, case_id)
    due_ms = clock.due_now(conn, case.standing, store.steps_of(case), case.policy)
    if case.standing.clock_ms is not None and due_ms is None:
        return done  # a calendar is missing: nobody can have missed what nobody can tell
    if due_ms is not None and case.standing.clock_ms is not None and case.standing.due_ms is None:
        # Nobody could be told until now: the time begins when they are.
        told_ms = clock.due_from(conn, case.standing, case.policy, now_ms)
        due_ms = max(due_ms, told_ms or due_ms)
    if case.standing.clock_ms is not None and due_ms != case.standing.due_ms:
        tried(Action.MOVE_DEADLINE, Given(reason=UNCOUNTED, until_ms=due_ms))
        case = store.load(conn, desk.vault, case_id)
    _passed(case, now_ms, tried)
    return done


def _arrived(conn: Connection, desk: Desk, case: Loaded, tried: _Try) -> None:
    """What the channels know of what was sent last."""
    standing = case.standing
    if desk.messenger is None or standing.clock_ms is not None or not standing.letter:
        return
    fate = desk.messenger.fate(conn, standing.letter)
    if fate is None:
        return
    if fate.delivered_ms is not None:
        proof = Proof(fate.channel, standing.letter, fate.delivered_ms)
        tried(Action.DELIVER, Given(proof=proof))
    elif fate.failed and standing.state is State.LETTER_SENT:
        tried(Action.BOUNCE, Given(reason=f"{fate.channel}: undeliverable 未能送达"))


def _passed(case: Loaded, now_ms: int, tried: _Try) -> None:
    standing = case.standing
    if standing.state is State.UNFOUNDED:
        tried(Action.LAPSE, Given())
        return
    if standing.due_ms is None or standing.clock_ms is None:
        return
    if now_ms > standing.due_ms:
        tried(Action.LAPSE if standing.state in CONCLUDED else Action.MISS, Given())
    elif standing.state not in CONCLUDED and not standing.reminded:
        remind_ms = deadlines.reminder_ms(standing.clock_ms, standing.due_ms, case.policy)
        if now_ms >= remind_ms:
            tried(Action.REMIND, Given())
