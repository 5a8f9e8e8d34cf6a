"""`connect NAME`: other systems where people clock in: trying them, asking them now, how they are."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from zaigang_collector import bootstrap
from zaigang_collector.cli.arguments import Commands, moment, zone_argument
from zaigang_collector.cli.console import Exit, complain, local, say
from zaigang_collector.connectors import importing, people, status, words
from zaigang_collector.connectors.aside import Why
from zaigang_collector.connectors.contract import Kind, Person
from zaigang_collector.connectors.polling import Passed, Source, told
from zaigang_collector.connectors.status import SourceStatus
from zaigang_collector.directory.model import Language
from zaigang_collector.matching.model import Text

_NAMES: Final = ("dingtalk", "wecom", "feishu", "git")
# Larger fills the screen; smaller leaves people asking who is meant.
_LISTED_MOST: Final = 50
_ASIDE: Final = {
    Why.DISCOUNTED: Text(
        "{n} 条打卡来源没有采用，不算打卡",
        "{n} records that the source does not accept: no clock-ins",
    ),
    Why.NO_DIRECTION: Text(
        "{n} 条打卡没有说明是上班还是下班", "{n} records that do not say whether in or out"
    ),
    Why.NO_SITE: Text(
        "{n} 条打卡对不上任何驻场地点：请补地点的围栏，或在 [sites] 里写明对应关系，再用 --from 重取",
        "{n} records at no known site: give the site its fence, or name it under [sites], and read "
        "again with --from",
    ),
    Why.NO_TIME: Text(
        "{n} 条打卡的时间不可能：请查考勤机的时钟",
        "{n} records of a time that cannot be: look at the clocks of the machines",
    ),
}


def add(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the command of this room."""
    one = commands.add_parser(
        "connect",
        parents=[common],
        help="ask a system where people clock in, now; set up in NAME.toml of the data directory",
    )
    one.add_argument("name", choices=_NAMES)
    how = one.add_mutually_exclusive_group()
    how.add_argument(
        "--check",
        action="store_true",
        help="try credentials, permissions and one day's data; stores nothing",
    )
    how.add_argument(
        "--status", action="store_true", help="how it is, and what is no clock-in; asks nothing"
    )
    how.add_argument(
        "--from",
        dest="from_ms",
        type=moment,
        metavar="TIME",
        help="read everybody again from then on, as 2026-09-21T00:00:00+08:00",
    )
    one.add_argument("--lang", choices=[one.value for one in Language], default="zh")
    zone_argument(one)
    one.set_defaults(run=_connect)


def _connect(args: argparse.Namespace) -> int:
    if args.status:
        return _status(args)
    return _check(args) if args.check else _ask(args)


def _check(args: argparse.Namespace) -> int:
    from zaigang_collector.bootstrap import connecting  # heavy; see bootstrap

    language = Language(args.lang)
    with bootstrap.opened(args.data) as collector, connecting.opened(collector, args.name) as one:
        with collector.reading() as conn:
            is_ours = _is_ours(conn, one)
            unknown = importing.unknown_sites(importing.sites(conn, one.settings.sites))
        good = True
        for checked in one.connector.check(collector.clock.utc_ms(), is_ours):
            good = good and checked.works
            say(f"{_mark(checked.works, language)}  {_in(checked.said, language)}")
        if unknown:
            good = False
            named = ", ".join(unknown)
            wrong = Text(
                f"[sites] 里写的地点不存在：{named}。请先导入，sites list 可查看。",
                f"[sites] names sites that there are not: {named}. Import them first; `sites list` "
                "shows what there is.",
            )
            say(f"{_mark(False, language)}  {_in(wrong, language)}")
    return Exit.OK if good else Exit.FAILED


def _ask(args: argparse.Namespace) -> int:
    from zaigang_collector.bootstrap import connecting  # heavy; see bootstrap

    with bootstrap.opened(args.data) as collector, connecting.opened(collector, args.name) as one:
        passed = connecting.run_once(collector, one, args.from_ms)
    return _say_passed(passed, Language(args.lang))


def _say_passed(passed: Passed, language: Language) -> int:
    for kind, tally in passed.tallies.items():
        say(_in(_line(kind, told(tally)), language))
    for kind, error in passed.failures.items():
        complain(_in(_line(kind, words.why_not(error)), language))
    return Exit.FAILED if passed.failures else Exit.OK


def _line(kind: Kind, said: Text) -> Text:
    name = words.KINDS[kind]
    return Text(f"{name.zh}：{said.zh}", f"{name.en}: {said.en}")


def _status(args: argparse.Namespace) -> int:
    language, zone = Language(args.lang), args.zone
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        all_sources = status.sources(conn, collector.clock.utc_ms(), zone)
    found = next((one for one in all_sources if one.source == args.name), None)
    if found is None:
        never = Text(
            f"{args.name} 还没有取过数据。先用 connect {args.name} --check 试一试。",
            f"{args.name} was never asked. Try `connect {args.name} --check` first.",
        )
        say(_in(never, language))
        return Exit.OK
    for line in _lines(found, zone):
        say(_in(line, language))
    return Exit.FAILED if any(one.silence for one in found.kinds) else Exit.OK


def _lines(found: SourceStatus, zone: ZoneInfo) -> list[Text]:
    lines = []
    for one in found.kinds:
        kind = words.KINDS[one.state.kind]
        when = local(one.state.last_success_ms, zone)
        good = Text(f"{kind.zh}：正常，最近一次 {when}", f"{kind.en}: heard, last at {when}")
        lines.append(one.silence or good)
    for count in found.aside:
        said = _ASIDE[count.why]
        lines.append(Text(said.zh.format(n=count.records), said.en.format(n=count.records)))
    if found.unanswered:
        named = _some(found.unanswered)
        lines.append(
            Text(
                f"这些员工不在应用的可见范围里，取不到打卡：{named}",
                f"not among those whom the application may see: {named}",
            )
        )
    if found.unmapped:
        named = _some([one.vendor_id for one in found.unmapped])
        lines.append(
            Text(
                f"{len(found.unmapped)} 人对不上员工，不取打卡：{named}",
                f"{len(found.unmapped)} people are nobody of ours, nothing is asked about them: {named}",
            )
        )
    lines += [Text(f"没见过的内容：{what}", f"odd: {what}") for what, _ in found.oddities]
    return lines


def _is_ours(conn: Connection, one: Source) -> Callable[[Person], bool]:
    ours, settings = people.ids_of_ours(conn), one.settings.people
    return lambda person: people.employee_of(person, settings, ours) is not None


def _some(names: tuple[str, ...] | list[str]) -> str:
    more = len(names) > _LISTED_MOST
    return ", ".join(names[:_LISTED_MOST]) + (" …" if more else "")


def _mark(works: bool, language: Language) -> str:
    if language is Language.CHINESE:
        return "正常" if works else "异常"
    return "works  " if works else "problem"


def _in(text: Text, language: Language) -> str:
    return text.zh if language is Language.CHINESE else text.en
