"""What may be done in a case, by whom, and what it needs: one table. Pure.

`TABLE` says which action leads from which state to which, who may do it, and what each of them has
to bring. `GUARDS` names what no table of states can say: different people, times, how often. What
is not in the table is refused, and the refusal is a step of the case like any other.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from zaigang_collector.cases.model import (
    CLOSED,
    CONCLUDED,
    Action,
    Actor,
    Finding,
    Given,
    RefKind,
    Role,
    Standing,
    State,
    Step,
)
from zaigang_collector.cases.policy import Policy

_HOUR_MS: Final = 3_600_000


class Need(enum.StrEnum):
    """What somebody has to bring."""

    REASON = "reason"
    ATTACHMENT = "attachment"
    PROOF = "proof"
    FINDING = "finding"
    UNTIL = "until"
    REFS = "refs"
    DUE = "due"
    """A new deadline, computed from the calendar."""


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
class Move:
    """One cell of the table."""

    to: State
    by: Mapping[Role, frozenset[Need]]
    """Who may, and what each of them needs."""


def _by(**roles: Iterable[Need]) -> dict[Role, frozenset[Need]]:
    return {Role(name): frozenset(needs) for name, needs in roles.items()}


_TIMED: Final = (State.DELIVERED, State.ASKED_BACK)
_OPEN: Final = tuple(one for one in State if one not in CLOSED)
_BEFORE_END: Final = (
    State.LETTER_SENT,
    State.DELIVERED,
    State.REPLIED,
    State.NO_REPLY,
    State.UNDER_REVIEW,
    State.ASKED_BACK,
)
_N = Need
_Row: TypeAlias = tuple[Action, Iterable[State], State | None, Mapping[Role, frozenset[Need]]]
# What each action leads to from each state in which it can be done; None: the case stays there.
_ROWS: Final[tuple[_Row, ...]] = (
    (Action.LINK, (State.OPENED, *_BEFORE_END), None, _by(hr=(_N.REFS,), system=(_N.REFS,))),
    (Action.ATTACH, _OPEN, None, _by(hr=(_N.ATTACHMENT,), employee=(_N.ATTACHMENT,))),
    (
        Action.SEND_LETTER,
        (State.OPENED, State.LETTER_SENT),
        State.LETTER_SENT,
        _by(hr=()),
    ),
    (Action.BOUNCE, (State.LETTER_SENT,), State.OPENED, _by(system=(_N.REASON,))),
    # A letter that was handed over is proved by a paper that the person signed; a channel proves
    # with its own word. Nobody can say "delivered" and bring nothing.
    (
        Action.DELIVER,
        (State.LETTER_SENT,),
        State.DELIVERED,
        _by(hr=(_N.REASON, _N.ATTACHMENT), system=(_N.PROOF,)),
    ),
    (
        Action.DELIVER,
        (State.ASKED_BACK, *CONCLUDED),
        None,
        _by(hr=(_N.REASON, _N.ATTACHMENT), system=(_N.PROOF,)),
    ),
    (Action.REMIND, _TIMED, None, _by(system=())),
    (Action.ASK_TIME, _TIMED, None, _by(employee=(_N.REASON,))),
    (Action.GIVE_TIME, (*_TIMED, *CONCLUDED), None, _by(hr=(_N.REASON, _N.UNTIL))),
    (Action.GIVE_TIME, (State.NO_REPLY,), State.DELIVERED, _by(hr=(_N.REASON, _N.UNTIL))),
    (Action.REFUSE_TIME, _TIMED, None, _by(hr=(_N.REASON,))),
    (Action.MOVE_DEADLINE, (*_TIMED, *CONCLUDED), None, _by(system=(_N.REASON, _N.DUE))),
    # Whoever is late is heard all the same.
    (
        Action.REPLY,
        (State.DELIVERED, State.NO_REPLY, State.REPLIED),
        State.REPLIED,
        _by(employee=(_N.REASON,)),
    ),
    (Action.REPLY, (State.ASKED_BACK,), State.UNDER_REVIEW, _by(employee=(_N.REASON,))),
    (Action.REPLY, (State.UNDER_REVIEW,), None, _by(employee=(_N.REASON,))),
    (Action.MISS, _TIMED, State.NO_REPLY, _by(system=())),
    (Action.REVIEW, (State.REPLIED, State.NO_REPLY), State.UNDER_REVIEW, _by(hr=())),
    # Somebody else takes a review over, since people leave.
    (Action.REVIEW, (State.UNDER_REVIEW,), None, _by(hr=(_N.REASON,))),
    (Action.ASK_BACK, (State.UNDER_REVIEW,), State.ASKED_BACK, _by(hr=(_N.REASON,))),
    (
        Action.CONCLUDE_UNFOUNDED,
        (State.UNDER_REVIEW,),
        State.UNFOUNDED,
        _by(hr=(_N.REASON,)),
    ),
    (
        Action.CONCLUDE_SUBSTANTIATED,
        (State.UNDER_REVIEW,),
        State.SUBSTANTIATED,
        _by(hr=(_N.REASON,)),
    ),
    (
        Action.CONCLUDE_INCONCLUSIVE,
        (State.UNDER_REVIEW,),
        State.INCONCLUSIVE,
        _by(hr=(_N.REASON,)),
    ),
    (
        Action.APPEAL,
        (State.SUBSTANTIATED, State.INCONCLUSIVE),
        State.APPEALED,
        _by(employee=(_N.REASON,)),
    ),
    (Action.REVIEW_APPEAL, (State.APPEALED,), State.SECOND_REVIEW, _by(hr=())),
    (Action.REVIEW_APPEAL, (State.SECOND_REVIEW,), None, _by(hr=(_N.REASON,))),
    (
        Action.DECIDE_APPEAL,
        (State.SECOND_REVIEW,),
        State.FINAL,
        _by(hr=(_N.REASON, _N.FINDING)),
    ),
    (Action.LAPSE, CONCLUDED, State.FINAL, _by(system=())),
    (Action.DISMISS, (State.OPENED,), State.DISMISSED, _by(hr=(_N.REASON,))),
    (
        Action.WITHDRAW,
        (State.OPENED, *_BEFORE_END),
        State.WITHDRAWN,
        _by(hr=(_N.REASON,), system=(_N.REASON,)),
    ),
)
TABLE: Final[Mapping[tuple[State, Action], Move]] = {
    (state, action): Move(to or state, by) for action, states, to, by in _ROWS for state in states
}
"""Every move that there is."""

SENDS: Final = frozenset(
    {
        Action.SEND_LETTER,
        Action.ASK_BACK,
        Action.CONCLUDE_UNFOUNDED,
        Action.CONCLUDE_SUBSTANTIATED,
        Action.CONCLUDE_INCONCLUSIVE,
        Action.DECIDE_APPEAL,
    }
)
"""With these something goes to the person, and its delivery can be proved."""
FINDINGS: Final[Mapping[Action, Finding]] = {
    Action.CONCLUDE_UNFOUNDED: Finding.UNFOUNDED,
    Action.CONCLUDE_SUBSTANTIATED: Finding.SUBSTANTIATED,
    Action.CONCLUDE_INCONCLUSIVE: Finding.INCONCLUSIVE,
}


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


def roles_of(action: Action) -> frozenset[Role]:
    """Who can ever do it."""
    return frozenset(role for (_, one), move in TABLE.items() if one is action for role in move.by)


def possible(state: State, role: Role) -> tuple[Action, ...]:
    """What somebody with this role can do in this state, in the order of the table."""
    return tuple(
        action
        for action in Action
        if (move := TABLE.get((state, action))) is not None and role in move.by
    )


def states_for(action: Action, role: Role) -> tuple[State, ...]:
    """In which states somebody with this role can do it."""
    return tuple(
        state
        for state in State
        if (move := TABLE.get((state, action))) is not None and role in move.by
    )


def needs_of(action: Action, role: Role) -> frozenset[Need]:
    """All that somebody with this role may have to bring for it."""
    return frozenset(
        need for (_, one), move in TABLE.items() if one is action for need in move.by.get(role, ())
    )


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
        return Refusal(Why.NOT_NOW)
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
    rests = any(one.kind is not RefKind.CLUE for one in standing.refs) or standing.attachments
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


def after(standing: Standing, step: Step) -> Standing:
    """The case after one more step, which `decide` allowed or refused."""
    standing = replace(standing, steps=step.number, last_ms=step.at_ms)
    if step.refused:
        return standing
    given, actor = step.given, step.actor
    if step.action is Action.OPEN:
        standing = replace(standing, opened_by=actor.id, opened_ms=step.at_ms)
    else:
        standing = replace(standing, state=TABLE[standing.state, step.action].to)
    standing = replace(
        standing,
        refs=_joined(standing.refs, given.refs),
        attachments=_joined(standing.attachments, given.attachments),
        letter=given.letter or standing.letter,
    )
    change = _CHANGES.get(step.action)
    standing = standing if change is None else change(standing, step)
    if step.due_ms is not None:
        standing = replace(standing, due_ms=step.due_ms)
    if standing.is_closed and standing.closed_ms is None:
        standing = replace(standing, closed_ms=step.at_ms, clock_ms=None, due_ms=None)
    return standing


def replayed(employee_id: str, steps: Iterable[Step]) -> Standing:
    """What steps add up to."""
    standing = Standing(employee_id=employee_id)
    for step in steps:
        standing = after(standing, step)
    return standing


def _joined(before: tuple, new: tuple) -> tuple:  # type: ignore[type-arg]  # of whichever kind
    return (*before, *(one for one in new if one not in before))


def _stopped(standing: Standing, _step: Step) -> Standing:
    return replace(standing, clock_ms=None, due_ms=None, asked_time=False, reminded=False)


def _started(standing: Standing, step: Step) -> Standing:
    return replace(standing, clock_ms=step.at_ms, reminded=False, extensions=0)


def _given_time(standing: Standing, step: Step) -> Standing:
    return replace(standing, extensions=standing.extensions + 1, asked_time=False, reminded=False)


def _reviewing(standing: Standing, step: Step) -> Standing:
    return _stopped(
        replace(standing, reviewers=_joined(standing.reviewers, (step.actor.id,))), step
    )


def _asked_back(standing: Standing, step: Step) -> Standing:
    return _stopped(replace(standing, asked_back=standing.asked_back + 1), step)


def _concluded(standing: Standing, step: Step) -> Standing:
    finding = FINDINGS.get(step.action, step.given.finding)
    return _stopped(replace(standing, finding=finding, proposal=step.given.proposal), step)


_CHANGES: Final[Mapping[Action, Callable[[Standing, Step], Standing]]] = {
    Action.SEND_LETTER: _stopped,
    Action.BOUNCE: _stopped,
    Action.DELIVER: _started,
    Action.REMIND: lambda standing, _: replace(standing, reminded=True),
    Action.ASK_TIME: lambda standing, _: replace(standing, asked_time=True),
    Action.GIVE_TIME: _given_time,
    Action.REFUSE_TIME: lambda standing, _: replace(standing, asked_time=False),
    Action.REPLY: _stopped,
    Action.REVIEW: _reviewing,
    Action.ASK_BACK: _asked_back,
    Action.CONCLUDE_UNFOUNDED: _concluded,
    Action.CONCLUDE_SUBSTANTIATED: _concluded,
    Action.CONCLUDE_INCONCLUSIVE: _concluded,
    Action.APPEAL: _stopped,
    Action.REVIEW_APPEAL: lambda standing, step: replace(standing, second_reviewer=step.actor.id),
    Action.DECIDE_APPEAL: _concluded,
}
