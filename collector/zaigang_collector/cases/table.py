"""Which actions lead from which state of a case to which, by whom, with what: one table. Pure."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from zaigang_collector.cases.model import CLOSED, CONCLUDED, Action, Finding, Role, State


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
