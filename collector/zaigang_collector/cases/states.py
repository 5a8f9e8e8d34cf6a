"""Whether something may be done in a case now, by this person, with what they bring. Pure.

`table.TABLE` says which action leads from which state to which, who may do it, and what they need.
`GUARDS` names what no table of states can say: different people, times, how often. What is not
allowed is refused, and the refusal is a step of the case like any other.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from zaigang_collector.cases.model import (
    Action,
    Actor,
    Finding,
    Given,
    RefKind,
    Role,
    Standing,
    State,
)
from zaigang_collector.cases.policy import Policy
from zaigang_collector.cases.table import TABLE, Move, Need, roles_of

_HOUR_MS: Final = 3_600_000


class Why(enum.StrEnum):
    """Why something was refused. `words` has the sentences."""

    NOT_NOW = "not_now"
    NOT_YOURS = "not_yours"
    """The role may not."""
    OTHERS_CASE = "others_case"
    OWN_CASE = "own_case"
    MISSING = "missing"
    FOUR_EYES = "four_eyes"
    SAME_REVIEWER = "same_reviewer"
    NOT_THE_REVIEWER = "not_the_reviewer"
    NO_GROUND = "no_ground"
    NOT_WORSE = "not_worse"
    """An appeal does not end worse for whoever appealed."""
    NO_CLOCK = "no_clock"
    NOT_DUE = "not_due"
    WAS_DELIVERED = "was_delivered"
    WAS_REMINDED = "was_reminded"
    ASKED_BACK_BEFORE = "asked_back_before"
    NOTHING_ASKED = "nothing_asked"
    TOO_OFTEN = "too_often"
    TOO_LATE = "too_late"
    TOO_FAR = "too_far"
    NOT_LATER = "not_later"
    NO_SUCH_PROOF = "no_such_proof"


@dataclass(frozen=True, slots=True)
class Refusal:
    """That it may not be done."""

    why: Why
    needs: frozenset[Need] = frozenset()
    """What is missing, for `MISSING`."""
    limit_ms: int | None = None
    """The time that it is about, UTC."""
    limit: int | None = None
    """The number that it is about."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a guard looks at."""

    standing: Standing
    actor: Actor
    given: Given
    now_ms: int
    policy: Policy


def decide(asked: Asked, action: Action) -> Move | Refusal:
    """Whether it may be done now, by this person, with what they bring."""
    standing, actor = asked.standing, asked.actor
    # First who: whoever it does not concern learns nothing of where the case stands.
    if actor.role is Role.EMPLOYEE and actor.id != standing.employee_id:
        return Refusal(Why.OTHERS_CASE)
    if actor.role is Role.HR and actor.id == standing.employee_id:
        return Refusal(Why.OWN_CASE)
    if actor.role not in roles_of(action):
        return Refusal(Why.NOT_YOURS)
    move = TABLE.get((standing.state, action))
    if move is None or actor.role not in move.by:
        return Refusal(Why.NOT_NOW)
    missing = frozenset(need for need in move.by[actor.role] if not _BROUGHT[need](asked.given))
    if missing:
        return Refusal(Why.MISSING, needs=missing)
    for guard in GUARDS.get(action, ()):
        refusal = guard(asked)
        if refusal is not None:
            return refusal
    return move


_BROUGHT: Final[Mapping[Need, Callable[[Given], bool]]] = {
    Need.REASON: lambda given: bool(given.reason.strip()),
    Need.ATTACHMENT: lambda given: bool(given.attachments),
    Need.PROOF: lambda given: given.proof is not None,
    Need.FINDING: lambda given: given.finding is not None,
    Need.UNTIL: lambda given: given.until_ms is not None,
    Need.REFS: lambda given: bool(given.refs),
    Need.DUE: lambda given: given.until_ms is not None,
}


def _proof_fits(asked: Asked) -> Refusal | None:
    """A channel's word counts for what was sent last, and for no time before that or to come."""
    proof, standing = asked.given.proof, asked.standing
    if asked.actor.role is Role.SYSTEM and proof is not None:
        is_of_it = proof.ref == standing.letter and proof.at_ms <= asked.now_ms
        if not is_of_it:
            return Refusal(Why.NO_SUCH_PROOF)
    if standing.clock_ms is not None:  # delivered already: a second time starts no second clock
        return Refusal(Why.WAS_DELIVERED)
    return None


def _clock_runs(asked: Asked) -> Refusal | None:
    return Refusal(Why.NO_CLOCK) if asked.standing.due_ms is None else None


def _is_over(asked: Asked) -> Refusal | None:
    """Up to the last millisecond of the deadline a reply is in time."""
    due_ms = asked.standing.due_ms
    if due_ms is None:
        return Refusal(Why.NO_CLOCK)
    return None if asked.now_ms > due_ms else Refusal(Why.NOT_DUE, limit_ms=due_ms)


def _reminded_once(asked: Asked) -> Refusal | None:
    return Refusal(Why.WAS_REMINDED) if asked.standing.reminded else None


def _asks_in_time(asked: Asked) -> Refusal | None:
    due_ms = asked.standing.due_ms
    if due_ms is not None and asked.now_ms > due_ms:
        return Refusal(Why.TOO_LATE, limit_ms=due_ms)
    return None


def _was_asked(asked: Asked) -> Refusal | None:
    return None if asked.standing.asked_time else Refusal(Why.NOTHING_ASKED)


def _time_given(asked: Asked) -> Refusal | None:
    """More time is later than it was, and not for ever."""
    until_ms, due_ms = asked.given.until_ms, asked.standing.due_ms
    if due_ms is None or until_ms is None:
        return Refusal(Why.NO_CLOCK)
    if asked.standing.extensions >= asked.policy.extensions_most:
        return Refusal(Why.TOO_OFTEN, limit=asked.policy.extensions_most)
    if until_ms <= max(due_ms, asked.now_ms):
        return Refusal(Why.NOT_LATER, limit_ms=max(due_ms, asked.now_ms))
    latest_ms = asked.now_ms + asked.policy.extension_most_h * _HOUR_MS
    return Refusal(Why.TOO_FAR, limit_ms=latest_ms) if until_ms > latest_ms else None


def _moved_later(asked: Asked) -> Refusal | None:
    until_ms, due_ms = asked.given.until_ms, asked.standing.due_ms
    if asked.standing.clock_ms is None or until_ms is None:
        return Refusal(Why.NO_CLOCK)
    if due_ms is not None and until_ms <= due_ms:
        return Refusal(Why.NOT_LATER, limit_ms=due_ms)
    return None


def _once_more(asked: Asked) -> Refusal | None:
    most = asked.policy.ask_back_most
    return Refusal(Why.ASKED_BACK_BEFORE, limit=most) if asked.standing.asked_back >= most else None


def _is_the_reviewer(asked: Asked) -> Refusal | None:
    """Whoever concludes has reviewed it."""
    is_one = asked.actor.id in asked.standing.reviewers
    return None if is_one else Refusal(Why.NOT_THE_REVIEWER)


def _four_eyes(asked: Asked) -> Refusal | None:
    alone = asked.actor.id == asked.standing.opened_by
    return Refusal(Why.FOUR_EYES) if alone and asked.policy.four_eyes else None


def _has_ground(asked: Asked) -> Refusal | None:
    """A clue is words: by itself it is no evidence of anything."""
    standing = asked.standing
    rests = any(one.kind is not RefKind.CLUE for one in standing.refs) or standing.evidence
    return None if rests else Refusal(Why.NO_GROUND)


def _appeals_in_time(asked: Asked) -> Refusal | None:
    """As long as nobody has proved that the conclusion arrived, the time has not begun."""
    due_ms = asked.standing.due_ms
    if due_ms is not None and asked.now_ms > due_ms:
        return Refusal(Why.TOO_LATE, limit_ms=due_ms)
    return None


def _another_reviewer(asked: Asked) -> Refusal | None:
    is_same = asked.actor.id in asked.standing.reviewers
    return Refusal(Why.SAME_REVIEWER) if is_same else None


def _is_the_second(asked: Asked) -> Refusal | None:
    is_one = asked.actor.id == asked.standing.second_reviewer
    return None if is_one else Refusal(Why.NOT_THE_REVIEWER)


def _no_worse(asked: Asked) -> Refusal | None:
    """Or nobody would dare to appeal. What the second reviewer finds substantiated was found so by
    the first, with a ground and four eyes."""
    is_worse = (
        asked.given.finding is Finding.SUBSTANTIATED
        and asked.standing.finding is not Finding.SUBSTANTIATED
    )
    return Refusal(Why.NOT_WORSE) if is_worse else None


def _window_over(asked: Asked) -> Refusal | None:
    """Nothing can be appealed against where nothing was found."""
    return None if asked.standing.state is State.UNFOUNDED else _is_over(asked)


GUARDS: Final[Mapping[Action, tuple[Callable[[Asked], Refusal | None], ...]]] = {
    Action.DELIVER: (_proof_fits,),
    Action.REMIND: (_clock_runs, _reminded_once),
    Action.ASK_TIME: (_clock_runs, _asks_in_time),
    Action.GIVE_TIME: (_time_given,),
    Action.REFUSE_TIME: (_was_asked,),
    Action.MOVE_DEADLINE: (_moved_later,),
    Action.MISS: (_is_over,),
    Action.ASK_BACK: (_is_the_reviewer, _once_more),
    Action.CONCLUDE_UNFOUNDED: (_is_the_reviewer,),
    Action.CONCLUDE_SUBSTANTIATED: (_is_the_reviewer, _four_eyes, _has_ground),
    Action.CONCLUDE_INCONCLUSIVE: (_is_the_reviewer,),
    Action.APPEAL: (_appeals_in_time,),
    Action.REVIEW_APPEAL: (_another_reviewer,),
    Action.DECIDE_APPEAL: (_is_the_second, _another_reviewer, _no_worse),
    Action.LAPSE: (_window_over,),
}
"""What has to hold beside the table, in this order."""
