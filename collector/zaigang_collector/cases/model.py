"""The values of a case. Times are collector UTC in milliseconds."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

SYSTEM: Final = "zaigang"
"""Who acts when nobody does: a deadline that passed, a delivery that a channel proves."""


class State(enum.StrEnum):
    """Where a case stands."""

    OPENED = "opened"
    LETTER_SENT = "letter_sent"
    DELIVERED = "delivered"
    REPLIED = "replied"
    NO_REPLY = "no_reply"
    UNDER_REVIEW = "under_review"
    ASKED_BACK = "asked_back"
    UNFOUNDED = "unfounded"
    SUBSTANTIATED = "substantiated"
    INCONCLUSIVE = "inconclusive"
    APPEALED = "appealed"
    SECOND_REVIEW = "second_review"
    FINAL = "final"
    DISMISSED = "dismissed"
    WITHDRAWN = "withdrawn"


CLOSED: Final = (State.FINAL, State.DISMISSED, State.WITHDRAWN)
CONCLUDED: Final = (State.UNFOUNDED, State.SUBSTANTIATED, State.INCONCLUSIVE)


class Action(enum.StrEnum):
    """What can be done."""

    OPEN = "open"
    LINK = "link"
    ATTACH = "attach"
    SEND_LETTER = "send_letter"
    BOUNCE = "bounce"
    DELIVER = "deliver"
    REMIND = "remind"
    ASK_TIME = "ask_time"
    GIVE_TIME = "give_time"
    REFUSE_TIME = "refuse_time"
    MOVE_DEADLINE = "move_deadline"
    """By itself, and never to an earlier time: leave, or the collector stood still."""
    REPLY = "reply"
    MISS = "miss"
    REVIEW = "review"
    ASK_BACK = "ask_back"
    CONCLUDE_UNFOUNDED = "conclude_unfounded"
    CONCLUDE_SUBSTANTIATED = "conclude_substantiated"
    CONCLUDE_INCONCLUSIVE = "conclude_inconclusive"
    APPEAL = "appeal"
    REVIEW_APPEAL = "review_appeal"
    DECIDE_APPEAL = "decide_appeal"
    LAPSE = "lapse"
    DISMISS = "dismiss"
    WITHDRAW = "withdraw"


class Role(enum.StrEnum):
    """As what somebody acts."""

    HR = "hr"
    EMPLOYEE = "employee"
    SYSTEM = "system"


class Finding(enum.StrEnum):
    """What a named person concludes."""

    UNFOUNDED = "unfounded"
    SUBSTANTIATED = "substantiated"
    INCONCLUSIVE = "inconclusive"


class Proposal(enum.StrEnum):
    """What is proposed where a false statement is substantiated. Never an act."""

    NONE = "none"
    WARNING = "warning"
    PERFORMANCE_PAY = "performance_pay"


class RefKind(enum.StrEnum):
    """What a case can rest on or be told beside; by id only."""

    ALERT = "alert"
    CLUE = "clue"
    ASSESSMENT = "assessment"


@dataclass(frozen=True, slots=True)
class Ref:
    """Something that lives elsewhere."""

    kind: RefKind
    id: str


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does it."""

    role: Role
    id: str
    """Of a person their id in the directory, so that one person has one name; SYSTEM otherwise."""
    via: str = ""
    """By which way they came: a token's name, the command line."""


BY_ITSELF: Final = Actor(Role.SYSTEM, SYSTEM)


@dataclass(frozen=True, slots=True)
class Proof:
    """That something reached the person: which channel says so, by which reference, for when."""

    channel: str
    ref: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What comes with an action."""

    reason: str = ""
    """In the words of whoever acts: why, the explanation, the question."""
    attachments: tuple[str, ...] = ()
    refs: tuple[Ref, ...] = ()
    proof: Proof | None = None
    letter: str = ""
    """What was sent: the id of a message or of a printed letter."""
    finding: Finding | None = None
    proposal: Proposal = Proposal.NONE
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done in a case, or was refused."""

    number: int
    """From 1, without gaps, within the case."""
    at_ms: int
    action: Action
    actor: Actor
    given: Given
    due_ms: int | None = None
    """The deadline that holds from this step on; None: it changes none."""
    refused: str = ""
    """Why it was refused, as `states.Why`; empty: it was done."""
    late: bool = False
    """A reply that came after the deadline. It is read like any other."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a case's steps add up to."""

    employee_id: str = ""
    state: State = State.OPENED
    steps: int = 0
    last_ms: int = 0
    opened_by: str = ""
    opened_ms: int = 0
    refs: tuple[Ref, ...] = ()
    attachments: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    """Those of `attachments` that HR brought and that prove no delivery: what a person hands in for
    themselves, and a receipt with their signature, are no ground to find anything."""
    letter: str = ""
    """What is on its way to the person, or reached them last."""
    clock_ms: int | None = None
    """Since when time runs for the person; None: it does not."""
    due_ms: int | None = None
    reminded: bool = False
    asked_time: bool = False
    """More time was asked for and nobody has answered yet."""
    extensions: int = 0
    asked_back: int = 0
    reviewers: tuple[str, ...] = ()
    """Whoever reviewed or concluded before an appeal."""
    second_reviewer: str = ""
    finding: Finding | None = None
    proposal: Proposal = Proposal.NONE
    closed_ms: int | None = None

    @property
    def is_closed(self) -> bool:
        return self.state in CLOSED
