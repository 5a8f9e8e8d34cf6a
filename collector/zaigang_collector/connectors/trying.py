"""Trying what was set up, in sentences: what is the same for every system."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from zaigang_collector.connectors import words
from zaigang_collector.connectors.contract import Batch, Checked, Kind, Person, Plan, Window
from zaigang_collector.connectors.errors import WHOLE, ConnectorError, Reason
from zaigang_collector.connectors.files import PeopleSettings
from zaigang_collector.matching.model import Text

_DAY_MS: Final = 24 * 3_600_000
# Larger fills the screen; smaller leaves people asking who is meant.
_NAMED_MOST: Final = 10


class Fetches(Protocol):
    """What of a connector is tried."""

    @property
    def source(self) -> str: ...

    @property
    def plans(self) -> Mapping[Kind, Plan]: ...

    def fetch(self, kind: Kind, window: Window, people: Sequence[str]) -> Iterator[Batch]: ...


@dataclass(frozen=True, slots=True)
class Manner:
    """How a system speaks of itself in its console."""

    id_name: str
    """What it calls the id of a person."""
    hints: Mapping[Kind, Text]
    """Under which names each kind is found there."""
    at_once: Mapping[Kind, int]
    """How many people go into one question."""
    unreadable: Text | None = None
    """What to do when `{n}` people are listed who cannot be read."""
    numberless: Text | None = None
    """What to do when people are matched by job number and nobody has one."""


def basics(
    connector: Fetches,
    manner: Manner,
    settings: PeopleSettings,
    now_ms: int,
    is_ours: Callable[[Person], bool],
) -> Generator[Checked, None, Sequence[str]]:
    """Credentials, people, and a day of each kind. Returns the vendor ids of ours; none: there is
    nothing more to be tried."""
    title = words.title(connector.source)
    try:
        batches = list(connector.fetch(Kind.PEOPLE, Window(0, 0), ()))
    except ConnectorError as error:
        if error.reason in WHOLE:
            connecting = Text(f"连接{title.zh}", f"connecting to {title.en}")
            yield Checked(False, _failed(connecting, error))
            return ()
        if error.reason is not Reason.SECRET:
            yield _connected(title)
        yield Checked(False, _failed(manner.hints[Kind.PEOPLE], error))
        return ()
    yield _connected(title)
    by_id = {one.vendor_id: one for batch in batches for one in batch.persons}
    ours = [one.vendor_id for one in by_id.values() if is_ours(one)]
    strangers = sorted(by_id.keys() - set(ours))
    yield _people(len(by_id), ours, strangers, manner, settings)
    unreadable = sum(len(batch.unreadable) for batch in batches)
    if unreadable and manner.unreadable is not None:
        yield Checked(False, _counted(manner.unreadable, unreadable))
    numbers = {one.job_number for one in by_id.values()}
    if numbers == {None} and settings.by == "job_number" and manner.numberless is not None:
        yield Checked(False, manner.numberless)
    window = Window(now_ms - _DAY_MS, now_ms)
    for kind in connector.plans if ours else ():
        if kind is not Kind.PEOPLE:
            yield _one_day(connector, manner, kind, window, ours)
    return ours


def _connected(title: Text) -> Checked:
    return Checked(
        True,
        Text(f"凭证有效，已连上{title.zh}。", f"Credentials are good; {title.en} answers."),
    )


def _counted(said: Text, number: int) -> Text:
    return Text(said.zh.format(n=number), said.en.format(n=number))


def _people(
    number: int,
    ours: Sequence[str],
    strangers: Sequence[str],
    manner: Manner,
    settings: PeopleSettings,
) -> Checked:
    by = (
        Text("工号", "job number")
        if settings.by == "job_number"
        else Text(f" {manner.id_name} ", manner.id_name)
    )
    zh = f"通讯录里有 {number} 人，按{by.zh}对上了 {len(ours)} 人。"
    en = f"{number} people are listed; {len(ours)} of them are ours by {by.en}."
    if strangers:
        some, more = strangers[:_NAMED_MOST], len(strangers) - _NAMED_MOST
        named = ", ".join(some) + (" …" if more > 0 else "")
        zh += f"没对上的不取打卡（{manner.id_name}）：{named}。"
        en += f" Nothing is asked about the others ({manner.id_name}): {named}."
    if not ours:
        zh += "请先用 people import 导入员工，或在 [people] 里改对应办法。"
        en += " Import people first, or change how they are matched in [people]."
    return Checked(bool(ours), Text(zh, en))


def _one_day(
    connector: Fetches, manner: Manner, kind: Kind, window: Window, ours: Sequence[str]
) -> Checked:
    """A day of as many of ours as go into one question."""
    some = ours[: manner.at_once[kind]]
    hint = manner.hints[kind]
    try:
        batches = list(connector.fetch(kind, window, some))
    except ConnectorError as error:
        return Checked(False, _failed(hint, error))
    found = sum(
        len(one)
        for batch in batches
        for one in (batch.punches, batch.absences, batch.events, batch.work_logs)
    )
    unreadable = sum(len(batch.unreadable) for batch in batches)
    unknown = sorted({one for batch in batches for one in batch.unknown_people})
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


def _failed(what: Text, error: ConnectorError) -> Text:
    why = words.why_not(error)
    return Text(f"{what.zh}：{why.zh}。", f"{what.en}: {why.en}.")
