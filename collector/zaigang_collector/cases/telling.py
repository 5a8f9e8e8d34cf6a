"""What goes out to people about a case, and through whom.

Nothing in here knows a channel: `bootstrap` hands in what sends. A message says that there is
something to read and until when; the facts stand where only the person concerned reads them.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from sqlalchemy import Connection

from zaigang_collector.cases.model import Action, Role
from zaigang_collector.matching.model import Text


class Kind(enum.StrEnum):
    """What a message is."""

    LETTER = "letter"
    REMINDER = "reminder"
    DEADLINE = "deadline"
    QUESTION = "question"
    CONCLUSION = "conclusion"
    NOTICE = "notice"
    """To HR, or about the end of a case."""


@dataclass(frozen=True, slots=True)
class Message:
    """Something to tell one person."""

    key: str
    """Names it for ever: the same again is not sent again."""
    to: str
    """An employee id."""
    kind: Kind
    case_id: str
    text: Text
    checkpoint: str
    """The newest signed checkpoint of the ledger, which goes with what the employee gets; "": none."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a message."""

    channel: str
    delivered_ms: int | None
    """When it reached the person, as the channel proves; None: nothing proves it."""
    failed: bool = False
    """No channel is left: it has to be printed."""


class Messenger(Protocol):
    """Whoever brings messages. Called within the transaction of the step."""

    def send(self, conn: Connection, message: Message, now_ms: int) -> None:
        """Queue it; it goes out once the step is committed."""
        ...

    def fate(self, conn: Connection, key: str) -> Fate | None:
        """What is known of it by now; None: nothing."""
        ...


_LETTER: Final = Text(
    "您有一份考勤异常确认函（案件 {case}），请查看并说明情况。回复期限自送达之日起算，为 {hours} 小时；"
    "可以申请延期。确认函是询问，不是结论。",
    "There is a letter for you about your attendance (case {case}). Please read it and explain. You have "
    "{hours} hours from its delivery, and can ask for more. It is a question and no conclusion.",
)
_TO_EMPLOYEE: Final[Mapping[Action, tuple[Kind, Text]]] = {
    Action.SEND_LETTER: (Kind.LETTER, _LETTER),
    Action.REMIND: (
        Kind.REMINDER,
        Text(
            "案件 {case} 的回复期限是 {due}。如需更多时间，可以申请延期。",
            "Your reply in case {case} is due at {due}. If you need more time, ask for it.",
        ),
    ),
    Action.ASK_BACK: (
        Kind.QUESTION,
        Text(
            "案件 {case} 有一个补充问题，请查看并答复。期限自送达之日起算，为 {hours} 小时。",
            "There is one more question in case {case}. You have {hours} hours from its delivery.",
        ),
    ),
    Action.GIVE_TIME: (
        Kind.DEADLINE,
        Text("案件 {case} 的期限延至 {due}。", "You have until {due} in case {case} now."),
    ),
    Action.REFUSE_TIME: (
        Kind.DEADLINE,
        Text(
            "案件 {case} 的延期申请未获准，期限仍为 {due}。",
            "More time was not given in case {case}: it remains {due}.",
        ),
    ),
    Action.MOVE_DEADLINE: (
        Kind.DEADLINE,
        Text(
            "案件 {case} 的期限顺延至 {due}：请假、系统停运等时间不计入期限。",
            "Your deadline in case {case} is {due} now: leave, and time in which the system stood still, "
            "do not count.",
        ),
    ),
    Action.MISS: (
        Kind.DEADLINE,
        Text(
            "案件 {case} 的回复期限已过。您仍可以回复，说明会照常审查；没有回复不等于有了结论。",
            "The time to reply in case {case} is over. You can reply all the same and will be heard; no "
            "reply is no conclusion.",
        ),
    ),
    Action.WITHDRAW: (
        Kind.NOTICE,
        Text(
            "案件 {case} 已撤销，您无需再做什么。",
            "Case {case} was withdrawn; nothing is left to do.",
        ),
    ),
    Action.DECIDE_APPEAL: (
        Kind.CONCLUSION,
        Text("案件 {case} 的申诉已有决定，请查看。", "Your appeal in case {case} was decided."),
    ),
}
_CONCLUDED: Final = Text(
    "案件 {case} 已有结论，请查看。如不同意，可以在送达后 {appeal} 小时内申诉，由另一人复核。",
    "There is a conclusion in case {case}. If you do not agree, appeal within {appeal} hours from its "
    "delivery; somebody else will look at it.",
)
_UNFOUNDED: Final = Text(
    "案件 {case} 已有结论：异常不成立。", "Case {case} was concluded: there was nothing in it."
)
_TO_HR: Final[Mapping[Action, Text]] = {
    Action.BOUNCE: Text(
        "案件 {case} 的确认函没有送达。请打印后当面送达，并上传本人签收的回执。",
        "The letter of case {case} could not be delivered. Print it, hand it over, and attach the receipt "
        "that the person signed.",
    ),
    Action.ASK_TIME: Text(
        "案件 {case} 的员工申请延期，请答复。",
        "More time is asked for in case {case}; please answer.",
    ),
    Action.REPLY: Text("案件 {case} 的员工已回复。", "The person replied in case {case}."),
    Action.MISS: Text(
        "案件 {case} 逾期未回复。这不是结论：请审查现有材料，由具名的人作出结论。",
        "There was no reply in case {case} in time. That concludes nothing: review what there is; a named "
        "person concludes.",
    ),
    Action.APPEAL: Text(
        "案件 {case} 的员工已申诉，须由没有办理过原结论的人复核。",
        "The person appealed in case {case}: somebody who had no part in the conclusion has to review.",
    ),
}


def texts(action: Action, *, was_sent: bool) -> list[tuple[Role, Kind, Text]]:
    """Who is told what of a step. `was_sent`: the person has heard of the case before."""
    told: list[tuple[Role, Kind, Text]] = []
    if action in (Action.CONCLUDE_SUBSTANTIATED, Action.CONCLUDE_INCONCLUSIVE):
        told.append((Role.EMPLOYEE, Kind.CONCLUSION, _CONCLUDED))
    elif action is Action.CONCLUDE_UNFOUNDED:
        told.append((Role.EMPLOYEE, Kind.CONCLUSION, _UNFOUNDED))
    elif action in _TO_EMPLOYEE and (was_sent or action is not Action.WITHDRAW):
        told.append((Role.EMPLOYEE, *_TO_EMPLOYEE[action]))
    if action in _TO_HR:
        told.append((Role.HR, Kind.NOTICE, _TO_HR[action]))
    return told
