"""Trying what was set up: each thing on its own, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from zaigang_collector.connectors import trying
from zaigang_collector.connectors.contract import Batch, Checked, Kind, Person, Window
from zaigang_collector.connectors.dingtalk import api
from zaigang_collector.connectors.dingtalk.settings import DingTalkSettings
from zaigang_collector.connectors.trying import Fetches, Manner
from zaigang_collector.matching.model import Text

_MONTH_MS: Final = 30 * 24 * 3_600_000
# Calls a month of DingTalk's free edition, as its help page says; others have more.
FREE_CALLS: Final = 10_000

_MANNER: Final = Manner(
    id_name="UserId",
    hints={
        Kind.PEOPLE: Text("通讯录（部门、成员）", "contacts: departments and members"),
        Kind.PUNCHES: Text("考勤打卡记录", "attendance: punch records"),
        Kind.CHECK_INS: Text("签到记录", "check-ins"),
        Kind.LEAVE: Text("考勤请假状态", "attendance: leave status"),
        Kind.APPROVALS: Text("审批（工作流）实例", "approvals: workflow instances"),
        Kind.EVENTS: Text("审批里做过什么", "what was done in approvals"),
        Kind.WORK_LOGS: Text("日志", "work logs"),
    },
    at_once={
        Kind.PUNCHES: api.PUNCH_PEOPLE,
        Kind.CHECK_INS: api.PUNCH_PEOPLE,
        Kind.LEAVE: api.PUNCH_PEOPLE,
        Kind.APPROVALS: api.APPROVAL_PEOPLE,
        Kind.EVENTS: api.APPROVAL_PEOPLE,
        Kind.WORK_LOGS: api.PUNCH_PEOPLE,
    },
)
_NO_OPERATOR: Final = Text(
    "没有设置 operator：不取签到记录。",
    "operator is not set: check-ins are not asked for.",
)


def check(
    connector: Fetches,
    settings: DingTalkSettings,
    now_ms: int,
    is_ours: Callable[[Person], bool],
) -> Iterator[Checked]:
    """What works and what is missing. Ends where nothing more can be tried."""
    pages = _Pages(connector)
    ours = yield from trying.basics(pages, _MANNER, settings.people, now_ms, is_ours)
    if not ours:
        return
    if not settings.operator:
        yield Checked(True, _NO_OPERATOR)
    yield _budget(connector, settings, len(ours), pages.number)


class _Pages:
    """Counts the pages that listing people takes."""

    def __init__(self, connector: Fetches) -> None:
        self._connector = connector
        self.source, self.plans = connector.source, connector.plans
        self.number = 0

    def fetch(self, kind: Kind, window: Window, people: Sequence[str]) -> Iterator[Batch]:
        for batch in self._connector.fetch(kind, window, people):
            self.number += kind is Kind.PEOPLE
            yield batch


def _budget(connector: Fetches, settings: DingTalkSettings, people: int, pages: int) -> Checked:
    """Whether a month of polling goes into the calls of the free edition."""
    rounds = _MONTH_MS // (settings.every_min * 60_000)
    a_round = -(-people // api.PUNCH_PEOPLE)
    if settings.operator:
        a_round += -(-people // api.CHECK_IN_PEOPLE)
    calls = rounds * a_round
    if leave := connector.plans.get(Kind.LEAVE):
        calls += _MONTH_MS // leave.every_ms * -(-people // api.LEAVE_PEOPLE)
    # A page of people for each department at least, and the question for those under it.
    calls += _MONTH_MS // connector.plans[Kind.PEOPLE].every_ms * 2 * pages
    zh = f"按现在的间隔，每月约调用 {calls} 次"
    en = f"About {calls} calls a month at this interval"
    if calls <= FREE_CALLS:
        return Checked(
            True,
            Text(
                f"{zh}，免费版够用（每月 {FREE_CALLS} 次）。",
                f"{en}: the free edition has {FREE_CALLS}.",
            ),
        )
    return Checked(
        False,
        Text(
            f"{zh}，超过免费版的 {FREE_CALLS} 次：请把 every_min 调大，或确认贵司的套餐。",
            f"{en}, more than the {FREE_CALLS} of the free edition: make every_min larger, or see "
            "which edition you have.",
        ),
    )
