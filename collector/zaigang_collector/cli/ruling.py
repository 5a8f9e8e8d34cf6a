"""`rules list|show|facts|try|add|on|off`: what raises alerts, and what it would raise."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Final

from zaigang_collector import bootstrap
from zaigang_collector.bootstrap.data import Opened
from zaigang_collector.cli.arguments import Commands, group, moment, zone_argument
from zaigang_collector.cli.console import (
    Exit,
    asks_right,
    complain,
    csv_text,
    local,
    read_file,
    rows,
    say,
    write_private,
)
from zaigang_collector.cli.looking import looked, via, why_argument
from zaigang_collector.directory.model import Language
from zaigang_collector.drawing.table import Table
from zaigang_collector.errors import UnknownIdError
from zaigang_collector.matching.model import Text
from zaigang_collector.rules import document, rulebook, store, trying
from zaigang_collector.rules.errors import RuleError
from zaigang_collector.rules.model import Rule
from zaigang_collector.rules.rulebook import Standing
from zaigang_collector.rules.trying import Tried
from zaigang_collector.rules.vocabulary import FACTS

_HEADER: Final = ("day", "employee", "site", "subject", "now", "tried", "withdrawn", "text")


def add(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the commands of this room."""
    inner = group(commands, "rules", "what raises alerts: built-in rules and the company's own")
    one = inner.add_parser("list", parents=[common], help="all rules, and how their alerts ended")
    _language(one)
    one.set_defaults(run=_list)
    one = inner.add_parser("show", parents=[common], help="one rule in words, with its look-alikes")
    one.add_argument("rule", help="as `rules list` shows it")
    _language(one)
    one.set_defaults(run=_show)
    one = inner.add_parser("facts", help="what a rule may speak of, with units")
    _language(one)
    one.set_defaults(run=_facts)
    one = inner.add_parser("document", help="the built-in rules as TOML, with their reasons")
    one.set_defaults(run=_document)
    one = inner.add_parser(
        "try", parents=[common], help="ask a rule of past days: lists what it would raise"
    )
    one.add_argument("rule", help="a rule's name, or a file with a rule of your own (TOML)")
    example = "ISO 8601 with offset, as 2026-09-21T00:00:00+08:00"
    one.add_argument(
        "--from", dest="from_ms", type=moment, required=True, metavar="TIME", help=example
    )
    one.add_argument(
        "--to", dest="to_ms", type=moment, required=True, metavar="TIME", help="before this"
    )
    one.add_argument("--out", type=Path, metavar="FILE", help=".csv or .json; must not exist")
    _language(one)
    why_argument(one)
    one.set_defaults(run=_try)
    one = inner.add_parser(
        "add", parents=[common], help="a rule of the company's own; it stays off"
    )
    one.add_argument("file", type=Path, help="one rule (TOML), as `rules document` shows them")
    one.add_argument("--why", default="", metavar="TEXT", help="what for; kept in the ledger")
    one.set_defaults(run=_add)
    for name, help_ in (("on", "it raises alerts from now on"), ("off", "it raises none any more")):
        one = inner.add_parser(name, parents=[common], help=help_)
        one.add_argument("rule")
        one.add_argument("--why", default="", metavar="TEXT", help="what for; kept in the ledger")
        zone_argument(one)
        one.set_defaults(run=_switch, on=name == "on")


def _language(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lang", choices=[one.value for one in Language], default="zh")


def _said(args: argparse.Namespace, text: Text) -> str:
    return text.en if args.lang == Language.ENGLISH else text.zh


def state_of(one: Standing) -> str:
    """In a word."""
    if one.suspended:
        return "suspended"
    return "on" if one.on else "off"


def _list(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        book = rulebook.read(conn)
        lines = []
        for one in book.standings.values():
            counted = store.counts(conn, one.rule.id, 0)
            share = counted.overturned_share
            lines.append(
                (
                    one.rule.id,
                    one.rule.version,
                    "built-in" if one.rule.built_in else "own",
                    state_of(one),
                    one.rule.severity.value,
                    counted.raised,
                    counted.withdrawn,
                    counted.concluded,
                    "" if share is None else f"{share:.0%}",
                    _said(args, one.rule.title),
                )
            )
    rows(
        (
            "rule",
            "version",
            "kind",
            "state",
            "severity",
            "raised",
            "withdrawn",
            "concluded",
            "overturned",
            "title",
        ),
        lines,
    )
    return Exit.OK


def _show(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        one = rulebook.read(conn).get(args.rule)
    rule = one.rule
    say(f"{rule.reference}  {_said(args, rule.title)}  [{state_of(one)}, {rule.severity.value}]")
    if one.by:
        say(f"{one.by}: {one.why}")
    say(_said(args, rule.reason))
    say(f"when: {rule.when.source}")
    say(f"once for each {rule.grain.value}; grace {rule.grace_h:g} h; cool-down {rule.cool_down_days} d; "
        f"suspended above {rule.overturn_share:.0%} overturned")  # fmt: skip
    for alike in rule.look_alikes:
        say(f"unless {alike.name}: {alike.when.source}  ({_said(args, alike.text)})")
    if rule.clear is not None:
        say(f"cleared when: {rule.clear.source}")
    for name in rule.when.names:
        fact = FACTS[name]
        say(f"  {name} [{fact.unit or fact.kind.value}]: {_said(args, fact.about)}")
    return Exit.OK


def _facts(args: argparse.Namespace) -> int:
    lines = [
        (
            one.name,
            one.grain.value,
            one.kind.value,
            one.unit,
            _said(args, one.about),
            _said(args, one.unknown),
        )
        for one in FACTS.values()
    ]
    rows(("fact", "of", "type", "unit", "meaning", "unknown when"), lines)
    return Exit.OK


def _document(_args: argparse.Namespace) -> int:
    say(document.document().rstrip("\n"))
    return Exit.OK


def _try(args: argparse.Namespace) -> int:
    if not asks_right(args, "nothing was tried"):
        return Exit.USAGE
    with bootstrap.opened(args.data) as collector:
        rule = _candidate(collector, args.rule)
        if rule is None:
            return Exit.BAD_INPUT
        span, now_ms = (args.from_ms, args.to_ms), collector.clock.utc_ms()
        judge = bootstrap.judge(collector)
        tried = trying.attempt(collector.engine, judge, rule, span, now_ms)
        looked(collector, args, f"trial of rule {rule.id}", tried.people)
    _tell(args, tried)
    return Exit.OK


def _candidate(collector: Opened, named: str) -> Rule | None:
    """A rule that there is, or that of a file; None, and said, when it is neither."""
    with collector.reading() as conn:
        standing = rulebook.read(conn).standings.get(named)
    if standing is not None:
        return standing.rule
    path = Path(named)
    if not path.exists():
        raise UnknownIdError("rule", named)
    return _read(path)


def _read(path: Path) -> Rule | None:
    try:
        found = document.read(read_file(path).decode("utf-8-sig"))
    except UnicodeDecodeError:
        complain(f"{path}: not UTF-8 text; expected a rule (`rules document` prints some)")
        return None
    except RuleError as error:
        complain(f"{path}: {error}. {error.text.zh}。Nothing was changed.")
        return None
    if len(found) != 1:
        complain(f"{path}: expected one rule, not {len(found)}; nothing was changed")
        return None
    return found[0]


def _tell(args: argparse.Namespace, tried: Tried) -> None:
    table = Table(
        _HEADER,
        tuple(
            (one.day, one.employee_id, one.site_id, one.subject, _mark(one.now), _mark(one.then),
             _mark(one.withdrawn), _said(args, one.text))
            for one in tried.lines
        ),
    )  # fmt: skip
    if args.out is None:
        rows(table.header, table.rows)
    else:
        plain = [asdict(one) for one in tried.lines]
        text = json.dumps(plain, indent=2, ensure_ascii=False) + "\n"
        is_csv = args.out.suffix == ".csv"
        write_private(args.out, (csv_text(table) if is_csv else text).encode())
    _sum_up(tried)


def _mark(yes: bool) -> str:
    return "yes" if yes else ""


def _sum_up(tried: Tried) -> None:
    say()
    say(
        f"{tried.rule.reference}: asked of {tried.subjects} {tried.rule.grain.value}s of {len(tried.people)} "
        f"people; {tried.alerts} alerts about {tried.people_concerned} people; {tried.withdrawn} would "
        f"have been raised and withdrawn; {tried.hushed} shared by many, told to IT instead"
    )
    _counted("not raised because", tried.excused)
    _counted("not asked, unknown", tried.unknown)


def _counted(what: str, counts: object) -> None:
    assert isinstance(counts, dict)  # noqa: S101  # counters both
    for name, number in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        say(f"  {what}: {name}: {number}")


def _add(args: argparse.Namespace) -> int:
    if _read(args.file) is None:
        return Exit.BAD_INPUT
    text = read_file(args.file).decode("utf-8-sig")
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        now_ms = collector.clock.utc_ms()
        one = rulebook.make(conn, text, via(), args.why, now_ms, collector.randomness)
    say(
        f"{one.rule.reference}: {state_of(one)}; try it (`rules try`), then `rules on {one.rule.id}`"
    )
    return Exit.OK


def _switch(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        now_ms = collector.clock.utc_ms()
        one = rulebook.switch(
            conn,
            args.rule,
            via(),
            args.why,
            now_ms,
            collector.randomness,
            on=args.on,
        )
    since = "" if one.since_ms is None else f" since {local(one.since_ms, args.zone)}"
    say(f"{one.rule.reference}: {state_of(one)}{since}")
    return Exit.OK
