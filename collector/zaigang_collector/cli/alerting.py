"""`alerts list|show|dismiss`: what rules have raised."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection

from zaigang_collector import bootstrap
from zaigang_collector.bootstrap.data import Opened
from zaigang_collector.cli.arguments import Commands, group, zone_argument
from zaigang_collector.cli.console import Exit, local, rows, say
from zaigang_collector.cli.looking import looked, via, why_argument
from zaigang_collector.directory.model import Language
from zaigang_collector.matching.model import Text
from zaigang_collector.rules import rulebook, service, store
from zaigang_collector.rules.deciding import leaders
from zaigang_collector.rules.model import Alert, State
from zaigang_collector.rules.store import Filter

_PAGE: Final = 200


def add(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the commands of this room."""
    inner = group(commands, "alerts", "what rules have raised, each a question with its evidence")
    one = inner.add_parser("list", parents=[common], help="alerts by the time they were raised")
    one.add_argument("--employee", metavar="ID", help="of one person")
    one.add_argument("--site", metavar="ID")
    one.add_argument("--rule", metavar="RULE")
    one.add_argument("--state", choices=[one.value for one in State])
    one.add_argument("--it", action="store_true", help="those about the infrastructure only")
    _common(one)
    one.set_defaults(run=_list)
    one = inner.add_parser("show", parents=[common], help="one, with its list and its history")
    one.add_argument("alert", help="as `alerts list` shows it")
    _common(one)
    one.set_defaults(run=_show)
    one = inner.add_parser(
        "dismiss", parents=[common], help="nothing in it: it is not raised again"
    )
    one.add_argument("alert")
    one.add_argument(
        "--reason", required=True, metavar="TEXT", help="the person concerned can read it"
    )
    one.set_defaults(run=_dismiss)


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lang", choices=[one.value for one in Language], default="zh")
    zone_argument(parser)
    why_argument(parser)


def _said(args: argparse.Namespace, text: Text) -> str:
    return text.en if args.lang == Language.ENGLISH else text.zh


def _list(args: argparse.Namespace) -> int:
    wanted = Filter(
        employee_id=args.employee,
        site_id=args.site,
        rule_id=args.rule,
        state=None if args.state is None else State(args.state),
        infrastructure=True if args.it else None,
    )
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        found = list(_all(conn, collector, wanted))
        days = {one.id: one.cool_down_days for one in rulebook.read(conn).rules}
        looked(
            collector,
            args,
            "a list of alerts",
            (one.employee_id for one in found if one.employee_id),
        )
    told_with = leaders(found, days)
    lines = [
        (
            one.id,
            one.day,
            one.employee_id or "IT",
            one.site_id,
            one.rule_id,
            one.severity.value,
            one.state.value,
            "" if told_with[one.id] == one.id else told_with[one.id],
            local(one.raised_ms, args.zone),
            _said(args, one.content.text),
        )
        for one in found
    ]
    rows(
        (
            "alert",
            "day",
            "about",
            "site",
            "rule",
            "severity",
            "state",
            "told with",
            "raised",
            "text",
        ),
        lines,
    )
    return Exit.OK


def _all(conn: Connection, collector: Opened, wanted: Filter) -> Iterator[Alert]:
    after: tuple[int, str] | None = None
    while page := store.list_page(conn, collector.vault, wanted, after, _PAGE):
        yield from page
        after = page[-1].raised_ms, page[-1].id


def _show(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        one = store.get(conn, collector.vault, args.alert)
        happened = store.history(conn, collector.vault, args.alert)
        looked(collector, args, f"alert {one.id}", [one.employee_id] if one.employee_id else [])
    say(f"{one.id}  {_said(args, one.content.title)}  [{one.state.value}, {one.severity.value}]")
    span = (
        f"  {local(one.start_ms, args.zone)} - {local(one.end_ms, args.zone)}" if one.end_ms else ""
    )
    say(f"{one.employee_id or 'IT'}  {one.site_id}  {one.day}{span}  {one.content.rule}")
    say(_said(args, one.content.text))
    for item in one.content.items:
        say(f"  - {_said(args, item.text)}")
    for text in one.content.look_alikes:
        say(f"  x {_said(args, text)}")
    say("  = " + ", ".join(one.content.references))
    for event in happened:
        say(
            f"{local(event.at_ms, args.zone)}  {event.happened.value}  {event.by}: {_said(args, event.why)}"
        )
    return Exit.OK


def _dismiss(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        now_ms = collector.clock.utc_ms()
        by = via()
        one = store.dismiss(
            conn, collector.vault, args.alert, by, args.reason, now_ms, collector.randomness
        )
        suspended = service.suspend_overturned(
            conn, one.rule_id, bootstrap.judge(collector), now_ms
        )
    say(f"{one.id}: {one.state.value}")
    if suspended:
        say(f"{one.rule_id} is suspended: too many of its alerts were overturned (`rules list`)")
    return Exit.OK
