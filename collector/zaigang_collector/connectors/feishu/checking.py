"""Trying what was set up: each thing on its own, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from zaigang_collector.connectors import trying, words
from zaigang_collector.connectors.contract import Checked, Kind, Person
from zaigang_collector.connectors.feishu import api
from zaigang_collector.connectors.feishu.settings import FeishuSettings
from zaigang_collector.connectors.trying import Fetches, Manner
from zaigang_collector.matching.model import Text

_MANNER: Final = Manner(
    id_name="user_id",
    hints={
        Kind.PEOPLE: Text(
            "通讯录（部门、成员；通讯录权限范围要包含全部员工，或在 departments 里写明部门）",
            "contacts: departments and members; their scope has to cover everybody, or departments "
            "names those that it covers",
        ),
        Kind.PUNCHES: Text(
            "考勤打卡流水和打卡结果（权限 attendance:task:readonly，数据范围在考勤管理后台）",
            "attendance: punches and daily results (attendance:task:readonly; whose, is set in "
            "attendance's back office)",
        ),
        Kind.APPROVALS: Text(
            "请假、出差和外出（权限同上）",
            "leave, trips and outings (with the same permission)",
        ),
        Kind.WORK_LOGS: Text(
            "汇报（权限 report:report:readonly）", "work logs (report:report:readonly)"
        ),
    },
    at_once=dict.fromkeys((Kind.PUNCHES, Kind.APPROVALS, Kind.WORK_LOGS), api.PEOPLE),
    unreadable=Text(
        "通讯录里另有 {n} 条读不懂：请看应用有没有 contact:user.employee_id:readonly 这项权限，"
        "没有它飞书不给 user_id。",
        "{n} more of the contacts cannot be read: see whether the application has the permission "
        "contact:user.employee_id:readonly, without which Feishu gives no user_id.",
    ),
    numberless=Text(
        "飞书没有给出任何人的工号：如果员工在飞书里填了工号，请看应用有没有 contact:user.employee:readonly "
        "这项权限；没有填的话，请在 [people] 里改对应办法。",
        "Feishu gives nobody's job number: if people have theirs there, see whether the application "
        "has the permission contact:user.employee:readonly; if not, change how they are matched in "
        "[people].",
    ),
)
_NO_PLACES: Final = Text(
    "[sites] 里没有写 address、group 或 terminal：只有 Wi-Fi 打卡能对上地点，其余另存、不算打卡。",
    "[sites] has no address, group or terminal: only punches over Wi-Fi find their site, the others "
    "are put aside.",
)


def check(
    connector: Fetches,
    settings: FeishuSettings,
    now_ms: int,
    is_ours: Callable[[Person], bool],
) -> Iterator[Checked]:
    """What works and what is missing. Ends where nothing more can be tried."""
    ours = yield from trying.basics(connector, _MANNER, settings.people, now_ms, is_ours)
    if not ours:
        return
    sites = settings.sites
    if not (sites.address or sites.group or sites.terminal):
        yield Checked(True, _NO_PLACES)
    yield Checked(True, words.LIMITS[connector.source])
