"""What is said of cases to people, in Chinese and in English.

The sentence of a refusal says what was expected and what to do. Nothing here says "absent", and no
reply is called what it is: no reply.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo
from typing import Final

from zaigang_collector.cases import table
from zaigang_collector.cases.model import Action, Proposal, Role, Standing, State
from zaigang_collector.cases.policy import Policy
from zaigang_collector.cases.states import Refusal, Why
from zaigang_collector.cases.table import Need
from zaigang_collector.matching.model import Text

STATES: Final[Mapping[State, Text]] = {
    State.OPENED: Text("已立案，确认函未发", "opened; no letter has gone out"),
    State.LETTER_SENT: Text(
        "确认函已发出，尚未证实送达", "letter sent; delivery is not proved yet"
    ),
    State.DELIVERED: Text("确认函已送达，等待回复", "letter delivered; waiting for the reply"),
    State.REPLIED: Text("员工已回复，等待审查", "replied; waiting for review"),
    State.NO_REPLY: Text("逾期未回复", "no reply within the time given"),
    State.UNDER_REVIEW: Text("审查中", "under review"),
    State.ASKED_BACK: Text("已补充询问，等待回复", "asked back; waiting for the answer"),
    State.UNFOUNDED: Text("结论：异常不成立", "concluded: unfounded"),
    State.SUBSTANTIATED: Text(
        "结论：异常属实，可以申诉", "concluded: substantiated; open to appeal"
    ),
    State.INCONCLUSIVE: Text("结论：无法认定，可以申诉", "concluded: inconclusive; open to appeal"),
    State.APPEALED: Text("员工已申诉，等待另一人复核", "appealed; waiting for another reviewer"),
    State.SECOND_REVIEW: Text("申诉复核中", "under second review"),
    State.FINAL: Text("已终结", "final"),
    State.DISMISSED: Text("不予查证", "dismissed"),
    State.WITHDRAWN: Text("已撤销", "withdrawn"),
}
"""What each state is called."""
ACTIONS: Final[Mapping[Action, Text]] = {
    Action.OPEN: Text("立案", "open the case"),
    Action.LINK: Text("关联预警、线索或核验结论", "link an alert, a clue or an assessment"),
    Action.ATTACH: Text("提交附件", "attach a file"),
    Action.SEND_LETTER: Text("发出考勤异常确认函", "send the letter"),
    Action.BOUNCE: Text("登记未能送达", "note that it could not be delivered"),
    Action.DELIVER: Text("登记送达", "note the delivery"),
    Action.REMIND: Text("提醒", "remind"),
    Action.ASK_TIME: Text("申请延期", "ask for more time"),
    Action.GIVE_TIME: Text("准予延期", "give more time"),
    Action.REFUSE_TIME: Text("不予延期", "refuse more time"),
    Action.MOVE_DEADLINE: Text("顺延期限", "move the deadline"),
    Action.REPLY: Text("回复", "reply"),
    Action.MISS: Text("登记逾期未回复", "note that there was no reply"),
    Action.REVIEW: Text("开始审查", "begin the review"),
    Action.ASK_BACK: Text("补充询问", "ask back"),
    Action.CONCLUDE_UNFOUNDED: Text("作出“异常不成立”的结论", "conclude: unfounded"),
    Action.CONCLUDE_SUBSTANTIATED: Text("作出“异常属实”的结论", "conclude: substantiated"),
    Action.CONCLUDE_INCONCLUSIVE: Text("作出“无法认定”的结论", "conclude: inconclusive"),
    Action.APPEAL: Text("申诉", "appeal"),
    Action.REVIEW_APPEAL: Text("开始申诉复核", "begin the second review"),
    Action.DECIDE_APPEAL: Text("作出申诉决定", "decide the appeal"),
    Action.LAPSE: Text("申诉期满终结", "become final as nobody appealed"),
    Action.DISMISS: Text("不予查证", "dismiss"),
    Action.WITHDRAW: Text("撤销案件", "withdraw the case"),
}
"""What each action is called, to go on a button or into a sentence."""
ROLES: Final[Mapping[Role, Text]] = {
    Role.HR: Text("人事", "HR"),
    Role.EMPLOYEE: Text("员工本人", "the employee concerned"),
    Role.SYSTEM: Text("系统", "the system"),
}
NEEDS: Final[Mapping[Need, Text]] = {
    Need.REASON: Text("文字说明", "words that say why"),
    Need.ATTACHMENT: Text("附件", "a file"),
    Need.PROOF: Text("送达凭据", "a channel's proof of delivery"),
    Need.FINDING: Text("结论", "a finding"),
    Need.UNTIL: Text("新的截止时间", "the new deadline"),
    Need.REFS: Text("预警、线索或核验结论的编号", "the id of an alert, a clue or an assessment"),
    Need.DUE: Text("重新计算的期限", "the deadline as it was computed anew"),
}
PROPOSALS: Final[Mapping[Proposal, Text]] = {
    Proposal.NONE: Text("无处理建议", "nothing is proposed"),
    Proposal.WARNING: Text("建议：警告", "proposed: a warning"),
    Proposal.PERFORMANCE_PAY: Text(
        "建议：扣减当月绩效工资的 {pct}%", "proposed: {pct} % of that month's performance pay"
    ),
}
_NOTHING: Final = Text("现在没有可做的操作。", "Nothing is possible now.")

_WHY: Final[Mapping[Why, Text]] = {
    Why.OTHERS_CASE: Text(
        "这不是您的案件，只有员工本人可以{action}。",
        "This is somebody else's case: only the employee concerned can {action}.",
    ),
    Why.OWN_CASE: Text(
        "案件涉及您本人，您不能以人事身份{action}。请由另一位人事办理。",
        "The case is about you: you cannot {action} as HR. Somebody else of HR has to.",
    ),
    Why.NOT_YOURS: Text(
        "{action}由{roles}办理，不能由{role}办理。",
        "Only {roles} can {action}, not {role}.",
    ),
    Why.FOUR_EYES: Text(
        "立案人不能独自认定“异常属实”。请由另一位人事审查并作出结论。",
        "Whoever opened the case cannot alone find it substantiated. Have somebody else of HR review "
        "and conclude.",
    ),
    Why.SAME_REVIEWER: Text(
        "申诉须由没有办理过原结论的人复核。请换一位人事。",
        "An appeal is reviewed by somebody who had no part in the first conclusion. Choose somebody "
        "else of HR.",
    ),
    Why.NOT_THE_REVIEWER: Text(
        "只有开始审查的人可以{action}。请先由您开始审查，或请审查人办理。",
        "Only whoever began the review can {action}. Ask the reviewer to.",
    ),
    Why.NO_GROUND: Text(
        "线索只是听说，不能单独作为依据。请先关联预警或核验结论，或提交附件；没有依据时，可以作出"
        "“异常不成立”或“无法认定”的结论。",
        "A clue is hearsay and no evidence by itself. Link an alert or an assessment or attach a file "
        "first; without any, conclude unfounded or inconclusive.",
    ),
    Why.NOT_WORSE: Text(
        "申诉不加重：原结论不是“异常属实”的，申诉决定也不能改为“异常属实”。",
        "An appeal does not end worse than it began: what was not found substantiated cannot become so.",
    ),
    Why.NO_CLOCK: Text(
        "期限尚未起算：没有送达凭据，或缺少节假日数据。请先登记送达，或导入日历。",
        "No deadline runs: there is no proof of delivery, or holidays are not known. Note the "
        "delivery, or import a calendar.",
    ),
    Why.NOT_DUE: Text(
        "期限到 {limit} 为止，尚未届满。", "The deadline is {limit} and has not passed yet."
    ),
    Why.WAS_DELIVERED: Text(
        "已经登记过送达，期限已经起算，不会重新起算。",
        "Its delivery is on record and the time runs; it does not begin again.",
    ),
    Why.WAS_REMINDED: Text("已经提醒过。", "The person was reminded already."),
    Why.ASKED_BACK_BEFORE: Text(
        "最多补充询问 {number} 次，已经用完。请根据现有材料作出结论。",
        "HR may ask back {number} time(s) and has. Conclude from what there is.",
    ),
    Why.NOTHING_ASKED: Text(
        "员工没有待答复的延期申请。", "There is no request for more time to answer."
    ),
    Why.TOO_OFTEN: Text(
        "最多延期 {number} 次，已经用完。", "Time can be given {number} time(s), and was."
    ),
    Why.TOO_LATE: Text(
        "期限已于 {limit} 届满，不能再{action}。如有正当理由，请联系人事延期。",
        "The time for it ended at {limit}: it is too late to {action}. With good reason, ask HR for "
        "more time.",
    ),
    Why.TOO_FAR: Text(
        "一次最多延到 {limit}。", "At once the deadline can be moved to {limit} at most."
    ),
    Why.NOT_LATER: Text(
        "新的截止时间必须晚于 {limit}。期限只能延后，不能提前。",
        "The new deadline must be later than {limit}: a deadline moves back, never forward.",
    ),
    Why.NO_SUCH_PROOF: Text(
        "送达凭据与最近发出的文书不符，或时间在未来。请核对凭据编号。",
        "The proof of delivery is not of what was sent last, or of a time to come. Check its id.",
    ),
}


def refusal(found: Refusal, action: Action, role: Role, standing: Standing, zone: tzinfo) -> Text:
    """Why something was refused, what was expected and what to do."""
    if found.why is Why.NOT_NOW:
        return _not_now(action, role, standing)
    if found.why is Why.MISSING:
        return _missing(found, action)
    said, roles = _WHY[found.why], table.roles_of(action)
    values = {
        "limit": "" if found.limit_ms is None else moment(found.limit_ms, zone),
        "number": "" if found.limit is None else str(found.limit),
    }
    return Text(
        said.zh.format(
            action=ACTIONS[action].zh,
            role=ROLES[role].zh,
            roles="、".join(ROLES[one].zh for one in sorted(roles)),
            **values,
        ),
        said.en.format(
            action=ACTIONS[action].en,
            role=ROLES[role].en,
            roles=" and ".join(ROLES[one].en for one in sorted(roles)),
            **values,
        ),
    )


def state(standing: Standing, policy: Policy) -> Text:
    """Where a case stands, as people call it."""
    called = STATES[standing.state]
    if standing.state is State.NO_REPLY and policy.no_reply_is_default:
        rule = policy.published_rule
        return Text(
            f"{called.zh}（按《{rule}》视为默认异常，不等于结论）",
            f"{called.en} (a default under {rule}; it concludes nothing)",
        )
    return called


def proposal(one: Proposal, policy: Policy) -> Text:
    """What is proposed. Never an act."""
    said = PROPOSALS[one]
    pct = policy.pay_share_pct
    return Text(said.zh.format(pct=pct), said.en.format(pct=pct))


def moment(at_ms: int, zone: tzinfo) -> str:
    """A time as people of a zone write it, to the second."""
    return datetime.fromtimestamp(at_ms / 1000, zone).strftime("%Y-%m-%d %H:%M:%S %z")


def _not_now(action: Action, role: Role, standing: Standing) -> Text:
    now, needed = STATES[standing.state], table.states_for(action, role)
    instead = table.possible(standing.state, role)
    zh, en = _both(ACTIONS[one] for one in instead)
    may = Text(f"现在可以：{zh}。", f"Possible now: {en}.") if instead else _NOTHING
    needed_zh, needed_en = _both(_quoted(STATES[one]) for one in needed)
    return Text(
        f"案件现在是“{now.zh}”，不能{ACTIONS[action].zh}。只有在以下状态才可以：{needed_zh}。"
        f"{may.zh}",
        f'The case is "{now.en}": it is not possible to {ACTIONS[action].en} now. That needs a case '
        f"that is {needed_en}. {may.en}",
    )


def _quoted(text: Text) -> Text:
    return Text(f"“{text.zh}”", f'"{text.en}"')


def _missing(found: Refusal, action: Action) -> Text:
    zh, en = _both(NEEDS[one] for one in sorted(found.needs))
    return Text(
        f"{ACTIONS[action].zh}还需要：{zh}。请补齐后再试。",
        f"To {ACTIONS[action].en} this is needed too: {en}. Add it and try again.",
    )


def _both(texts: Iterable[Text]) -> tuple[str, str]:
    found = list(texts)
    return "、".join(one.zh for one in found), ", ".join(one.en for one in found)
