"""Trying what was set up: each thing on its own, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from zaigang_collector.connectors import trying
from zaigang_collector.connectors.contract import Checked, Kind, Person
from zaigang_collector.connectors.trying import Fetches, Manner
from zaigang_collector.connectors.wecom import api
from zaigang_collector.connectors.wecom.settings import WeComSettings
from zaigang_collector.matching.model import Text

_NO_TERMINALS: Final = Text(
    "没有设置 terminals：不取考勤机记录，在考勤机上打的卡看不出是考勤机的。",
    "terminals is not set: machines are not asked for, and a punch at one does not show as such.",
)


def check(
    connector: Fetches,
    settings: WeComSettings,
    now_ms: int,
    is_ours: Callable[[Person], bool],
) -> Iterator[Checked]:
    """What works and what is missing. Ends where nothing more can be tried."""
    ours = yield from trying.basics(connector, _manner(settings), settings.people, now_ms, is_ours)
    if ours and not settings.terminals:
        yield Checked(True, _NO_TERMINALS)


def _manner(settings: WeComSettings) -> Manner:
    """Each kind with where its permission is given: a refusal of WeCom's does not say."""
    both = Text("和考勤机记录", " and attendance machines") if settings.terminals else Text("", "")
    return Manner(
        id_name="userid",
        hints={
            Kind.PEOPLE: Text(
                "通讯录（用“通讯录同步”的 secret）", "contacts (with the secret of 通讯录同步)"
            ),
            Kind.PUNCHES: Text(
                f"打卡记录{both.zh}（管理后台：打卡 → 可调用接口的应用）",
                f"check-ins{both.en} (in the console: 打卡 → 可调用接口的应用)",
            ),
            Kind.APPROVALS: Text(
                "请假、出差、补卡等审批（管理后台：审批 → 可调用接口的应用）",
                "approvals of leave, trips and corrections (in the console: 审批 → 可调用接口的应用)",
            ),
            Kind.EVENTS: Text(
                "审批里做过什么（管理后台：审批 → 可调用接口的应用）",
                "what was done in approvals (in the console: 审批 → 可调用接口的应用)",
            ),
            Kind.WORK_LOGS: Text(
                "汇报（管理后台：汇报 → 可调用接口的应用）",
                "work logs (in the console: 汇报 → 可调用接口的应用)",
            ),
        },
        at_once=dict.fromkeys(
            (Kind.PUNCHES, Kind.APPROVALS, Kind.EVENTS, Kind.WORK_LOGS), api.PUNCH_PEOPLE
        ),
        unreadable=Text(
            "通讯录里有 {n} 行读不懂，这些人取不到打卡。",
            "{n} rows of the contacts cannot be read: nothing is asked about those people.",
        ),
    )
