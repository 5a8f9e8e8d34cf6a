"""Trying what was set up: each thing on its own, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Protocol

from zaigang_collector.connectors import words
from zaigang_collector.connectors.contract import Batch, Checked, Kind, Person, Plan, Window
from zaigang_collector.connectors.errors import ConnectorError, Reason
from zaigang_collector.connectors.wecom import api
from zaigang_collector.connectors.wecom.settings import WeComSettings
from zaigang_collector.matching.model import Text

_DAY_MS: Final = 24 * 3_600_000
# Larger fills the screen; smaller leaves people asking who is meant.
_NAMED_MOST: Final = 10

_CONTACTS: Final = Text("通讯录（通讯录同步 secret）", "contacts (secret of 通讯录同步)")
_CHECK_INS: Final = Text("打卡记录", "check-ins")
_TERMINALS: Final = Text("考勤机记录", "attendance machines")
_APPROVALS: Final = Text(
    "审批（请假、出差、外出、补卡）", "approvals (leave, trips, outings, corrections)"
)
# What has to be done besides, where WeCom says that the application may not.
_ALLOWED_IN: Final[Mapping[Kind, Text]] = {
    Kind.PUNCHES: Text(
        "请在管理后台的“打卡 → 可调用接口的应用”里加上本应用",
        "add the application to those that may call it, in the console under 打卡",
    ),
    Kind.APPROVALS: Text(
        "请在管理后台的“审批 → 可调用接口的应用”里加上本应用；不取审批，就在 [approvals] 里关掉",
        "add the application to those that may call it, in the console under 审批; to do without, "
        "turn them off under [approvals]",
    ),
}


class Fetches(Protocol):
    """What of a connector is tried."""

    @property
    def plans(self) -> Mapping[Kind, Plan]: ...

    def fetch(self, kind: Kind, window: Window, people: Sequence[str]) -> Iterator[Batch]: ...


def check(
    connector: Fetches,
    settings: WeComSettings,
    now_ms: int,
    is_ours: Callable[[Person], bool],
) -> Iterator[Checked]:
    """What works and what is missing. Without people nothing can be asked about anybody."""
    window = Window(now_ms - _DAY_MS, now_ms)
    ours: list[str] = []
    try:
        batches = list(connector.fetch(Kind.PEOPLE, Window(0, 0), ()))
    except ConnectorError as error:
        yield Checked(False, _failed(_CONTACTS, error))
    else:
        persons = {one.vendor_id: one for batch in batches for one in batch.persons}
        ours = sorted(name for name, one in persons.items() if is_ours(one))
        yield _people(ours, sorted(persons.keys() - set(ours)))
    if ours:
        yield _one_day(connector, Kind.PUNCHES, window, ours[: api.PUNCH_PEOPLE])
    else:
        yield Checked(False, _NOBODY)
    if not settings.terminals:
        yield Checked(True, _NO_TERMINALS)
    if Kind.APPROVALS in connector.plans:  # asked about the whole company: it needs nobody
        yield _one_day(connector, Kind.APPROVALS, window, ours)


_NOBODY: Final = Text(
    "打卡记录：还没有对上的人，没有试。",
    "check-ins: not tried, since nobody listed is ours.",
)
_NO_TERMINALS: Final = Text(
    "没有设置 terminals：不取考勤机记录，考勤机上的打卡按本人打卡记。",
    "terminals is not set: machines are not asked for, and a punch at one counts as the person's own.",
)


def _people(ours: Sequence[str], strangers: Sequence[str]) -> Checked:
    number = len(ours) + len(strangers)
    zh = f"通讯录里有 {number} 人，按 userid 对上了 {len(ours)} 人。"
    en = f"{number} people are listed; {len(ours)} of them are ours by userid."
    if strangers:
        named = _some(strangers)
        zh += f"没对上的不取打卡（userid）：{named}。"
        en += f" Nothing is asked about the others (userid): {named}."
    if not ours:
        zh += "请先用 people import 导入员工，或在 [people.ids] 里写明对应关系。"
        en += " Import people first, or say in [people.ids] who is who."
    return Checked(bool(ours), Text(zh, en))


def _one_day(connector: Fetches, kind: Kind, window: Window, some: Sequence[str]) -> Checked:
    """A day of as many of ours as go into one question."""
    what = _CHECK_INS if kind is Kind.PUNCHES else _APPROVALS
    try:
        batches = list(connector.fetch(kind, window, some))
    except ConnectorError as error:
        what = _TERMINALS if "hardware" in error.call else what
        return Checked(False, _failed(what, error, kind))
    found = sum(len(batch.punches) + len(batch.absences) for batch in batches)
    unreadable = sum(len(batch.unreadable) for batch in batches)
    unknown = sorted({one for batch in batches for one in batch.unknown_people})
    zh = f"{what.zh}：能取到，{len(some)} 人近一天有 {found} 条。"
    en = f"{what.en}: works; {found} of the last day for {len(some)} people."
    if unreadable:
        zh += f"另有 {unreadable} 条读不懂。"
        en += f" {unreadable} more cannot be read."
    if unknown:
        named = _some(unknown)
        zh += f"这些人不在应用的可见范围里，请在管理后台扩大可见范围：{named}。"
        en += f" Not among those whom the application may see; widen its scope: {named}."
    return Checked(not unreadable and not unknown, Text(zh, en))


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED_MOST]) + (" …" if len(names) > _NAMED_MOST else "")


def _failed(what: Text, error: ConnectorError, kind: Kind = Kind.PEOPLE) -> Text:
    why = words.why_not(error)
    zh, en = f"{what.zh}：{why.zh}。", f"{what.en}: {why.en}."
    more = _ALLOWED_IN.get(kind)
    if error.reason is Reason.PERMISSION and more is not None:
        zh, en = f"{zh}{more.zh}。", f"{en} In particular: {more.en}."
    return Text(zh, en)
