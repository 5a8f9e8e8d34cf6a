"""The connector: commits of the repositories that are named, by the authors that are named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from zaigang_collector.connectors import words
from zaigang_collector.connectors.asking import readable
from zaigang_collector.connectors.contract import (
    Batch,
    Checked,
    Event,
    Kind,
    Person,
    Plan,
    Window,
)
from zaigang_collector.connectors.errors import ConnectorError
from zaigang_collector.connectors.git import program, records
from zaigang_collector.connectors.git.settings import GitSettings
from zaigang_collector.matching.model import Text

SOURCE: Final = "git"
_MINUTE_MS: Final = 60_000
_DAY_MS: Final = 24 * 60 * _MINUTE_MS
# A commit is seen when it is pushed and mirrored, not when it is made. Larger reads more each time;
# smaller never sees the work of a week without network.
_PUSHED_LATE_MS: Final = 14 * _DAY_MS
# Larger fills the screen; smaller leaves people asking who is meant.
_NAMED_MOST: Final = 10


class Git:
    """One company's repositories."""

    source = SOURCE

    def __init__(self, settings: GitSettings) -> None:
        self._settings = settings
        self._employees = settings.by_mail()

    @property
    def plans(self) -> Mapping[Kind, Plan]:
        """People are the settings', and commits are all there is."""
        every_ms = self._settings.every_min * _MINUTE_MS
        return {Kind.PEOPLE: Plan(every_ms, 0), Kind.EVENTS: Plan(every_ms, _PUSHED_LATE_MS)}

    def fetch(self, kind: Kind, window: Window, people: Sequence[str]) -> Iterator[Batch]:
        """Ask for one kind. A repository that cannot be read leaves all of them for later: half an
        answer would pass for a whole one."""
        if kind is Kind.PEOPLE:
            persons = [Person(one) for one in sorted(set(self._employees.values()))]
            yield Batch(kind=kind, window=window, people=(), persons=persons)
        elif kind is Kind.EVENTS:
            yield self._events(window, people)

    def check(self, now_ms: int, is_ours: Callable[[Person], bool]) -> Iterator[Checked]:
        """Try each repository on its own."""
        strangers = sorted(one for one in set(self._employees.values()) if not is_ours(Person(one)))
        yield _authors(len(self._employees), strangers)
        for name in self._settings.repositories:
            yield self._tried(name, Window(now_ms - _PUSHED_LATE_MS, now_ms))
        yield Checked(True, words.LIMITS[SOURCE])

    def _events(self, window: Window, people: Sequence[str]) -> Batch:
        wanted = frozenset(people)
        found: dict[str, Event] = {}
        unreadable: list[str] = []
        for name in self._settings.repositories:
            events, bad, _ = self._commits(name, window)
            # The same commit in two repositories, as in a fork, is one.
            found |= {one.vendor_id: one for one in events if one.person in wanted}
            unreadable += bad
        return Batch(
            kind=Kind.EVENTS,
            window=window,
            people=people,
            events=list(found.values()),
            unreadable=unreadable,
        )

    def _commits(self, name: str, window: Window) -> tuple[list[Event], list[str], int]:
        """Events, what was wrong with lines, and how many commits are of authors not named. Those
        from the future are there too: they are refused, and told, further on."""
        settings = self._settings
        folder = Path(settings.repositories[name])
        from_s = max(window.from_ms // 1000, 0)
        lines = program.commits(settings.program, name, folder, from_s, settings.timeout_s)
        rows, unreadable = readable(
            lines, lambda line: records.event(line, self._employees), f"{name}:"
        )
        events = [one for one in rows if one is not None]
        return events, unreadable, len(rows) - len(events)

    def _tried(self, name: str, window: Window) -> Checked:
        try:
            events, unreadable, others = self._commits(name, window)
        except ConnectorError as error:
            why = words.why_not(error)
            return Checked(False, Text(f"仓库 {name}：{why.zh}。", f"repository {name}: {why.en}."))
        zh = f"仓库 {name}：能读取，近 14 天有 {len(events)} 次提交对上了员工。"
        en = f"repository {name}: works; {len(events)} commits of the last 14 days are of ours."
        if others:
            zh += f"另有 {others} 次提交的作者没有写进 [authors]，不取。"
            en += f" {others} more are by authors who are not in [authors]: not taken."
        if unreadable:
            zh += f"另有 {len(unreadable)} 次读不懂。"
            en += f" {len(unreadable)} more cannot be read."
        return Checked(not unreadable, Text(zh, en))


def _authors(number: int, strangers: Sequence[str]) -> Checked:
    zh = f"[authors] 里写了 {number} 个作者邮箱。"
    en = f"[authors] names {number} addresses."
    if not number:
        zh += "一个都没有写，就不会取任何人的提交。"
        en += " Without any, nobody's commits are taken."
    if strangers:
        named = ", ".join(strangers[:_NAMED_MOST]) + (" …" if len(strangers) > _NAMED_MOST else "")
        zh += f"这些员工编号查无此人，请改正或先导入员工：{named}。"
        en += f" Nobody has these employee ids; correct them, or import people first: {named}."
    return Checked(number > 0 and not strangers, Text(zh, en))
