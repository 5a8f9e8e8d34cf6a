"""Trying what was set up: each thing on its own, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Protocol

from zaigang_collector.connectors import words
from zaigang_collector.connectors.contract import Batch, Checked, Kind, Person, Plan, Window
from zaigang_collector.connectors.dingtalk import api
from zaigang_collector.connectors.dingtalk.settings import DingTalkSettings
from zaigang_collector.connectors.errors import WHOLE, ConnectorError
from zaigang_collector.matching.model import Text

_DAY_MS: Final = 24 * 3_600_000
_MONTH_MS: Final = 30 * _DAY_MS
# Calls a month of DingTalk's free edition, as its help page says; others have more.
FREE_CALLS: Final = 10_000
# Larger fills the screen; smaller leaves people asking who is meant.
_NAMED_MOST: Final = 10

_HINTS: Final = {
    Kind.PEOPLE: Text("通讯录（部门、成员）", "contacts: departments and members"),
    Kind.PUNCHES: Text("考勤打卡记录", "attendance: punch records"),
    Kind.CHECK_INS: Text("签到记录", "check-ins"),
    Kind.LEAVE: Text("考勤请假状态", "attendance: leave status"),
    Kind.APPROVALS: Text("审批（工作流）实例", "approvals: workflow instances"),
}


class Fetches(Protocol):
    """What of a connector is tried."""

    @property
    def plans(self) -> Mapping[Kind, Plan]: ...

    def fetch(self, kind: Kind, window: Window, people: Sequence[str]) -> Iterator[Batch]: ...


def check(
    connector: Fetches,
    settings: DingTalkSettings,
    now_ms: int,
    is_ours: Callable[[Person], bool],
) -> Iterator[Checked]:
    """What works and what is missing. Ends where nothing more can be tried."""
    try:
        persons, pages = _listed(connector)
    except ConnectorError as error:
        if error.reason in WHOLE:
            yield Checked(False, _failed(Text("连接钉钉", "connecting to DingTalk"), error))
            return
        yield Checked(True, _CONNECTED)
        yield Checked(False, _failed(_HINTS[Kind.PEOPLE], error))
        return
    yield Checked(True, _CONNECTED)
    ours = [one.vendor_id for one in persons if is_ours(one)]
    strangers = sorted(one.vendor_id for one in persons if not is_ours(one))
    yield _people(len(persons), ours, strangers, settings)
    if not ours:
        return
    window = Window(now_ms - _DAY_MS, now_ms)
    for kind in connector.plans:
        if kind is not Kind.PEOPLE:
            yield _one_day(connector, kind, window, ours)
    if not settings.operator:
        yield Checked(True, _NO_OPERATOR)
    yield _budget(connector, settings, len(ours), pages)


_CONNECTED: Final = Text("凭证有效，已连上钉钉。", "Credentials are good; DingTalk answers.")
_NO_OPERATOR: Final = Text(
    "没有设置 operator：不取签到记录。",
    "operator is not set: check-ins are not asked for.",
)


def _listed(connector: Fetches) -> tuple[list[Person], int]:
    """Everybody once, and how many pages that took."""
    batches = list(connector.fetch(Kind.PEOPLE, Window(0, 0), ()))
    by_id = {one.vendor_id: one for batch in batches for one in batch.persons}
    return list(by_id.values()), len(batches)


def _people(
    number: int, ours: Sequence[str], strangers: Sequence[str], settings: DingTalkSettings
) -> Checked:
    by = (
        Text("工号", "job number")
        if settings.people.by == "job_number"
        else Text("UserId", "UserId")
    )
    zh = f"通讯录里有 {number} 人，按{by.zh}对上了 {len(ours)} 人。"
    en = f"{number} people are listed; {len(ours)} of them are ours by {by.en}."
    if strangers:
        some, more = strangers[:_NAMED_MOST], len(strangers) - _NAMED_MOST
        named = ", ".join(some) + (" …" if more > 0 else "")
        zh += f"没对上的不取打卡（UserId）：{named}。"
        en += f" Nothing is asked about the others (UserId): {named}."
    if not ours:
        zh += "请先用 people import 导入员工，或在 [people] 里改对应办法。"
        en += " Import people first, or change how they are matched in [people]."
    return Checked(bool(ours), Text(zh, en))


def _one_day(connector: Fetches, kind: Kind, window: Window, ours: Sequence[str]) -> Checked:
    """A day of as many of ours as go into one question."""
    some = ours[: api.APPROVAL_PEOPLE if kind is Kind.APPROVALS else api.PUNCH_PEOPLE]
    try:
        batches = list(connector.fetch(kind, window, some))
    except ConnectorError as error:
        return Checked(False, _failed(_HINTS[kind], error))
    found = sum(len(batch.punches) + len(batch.absences) for batch in batches)
    unreadable = sum(len(batch.unreadable) for batch in batches)
    unknown = sorted({one for batch in batches for one in batch.unknown_people})
    hint = _HINTS[kind]
    zh = f"{hint.zh}：能取到，{len(some)} 人近一天有 {found} 条。"
    en = f"{hint.en}: works; {found} of the last day for {len(some)} people."
    if unreadable:
        zh += f"另有 {unreadable} 条读不懂。"
        en += f" {unreadable} more cannot be read."
    if unknown:
        named = ", ".join(unknown[:_NAMED_MOST])
        zh += f"这些人不在应用的可见范围里，请在后台扩大授权范围：{named}。"
        en += f" Not among those whom the application may see; widen its scope: {named}."
    return Checked(not unreadable and not unknown, Text(zh, en))


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


def _failed(what: Text, error: ConnectorError) -> Text:
    why = words.why_not(error)
    return Text(f"{what.zh}：{why.zh}。", f"{what.en}: {why.en}.")
