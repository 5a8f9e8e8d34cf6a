"""`clock-ins import|list|show`, `assess`, `assessments list|show|draw|bundle`, `recheck`."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from zaigang_collector import bootstrap
from zaigang_collector.assessment import drawn, notes, store
from zaigang_collector.assessment import service as assessing
from zaigang_collector.attendance import csv_import, service
from zaigang_collector.cli.arguments import (
    Commands,
    columns_told,
    group,
    span_arguments,
    zone_argument,
)
from zaigang_collector.cli.console import (
    Exit,
    complain,
    csv_text,
    local,
    read_file,
    rows,
    say,
    write_private,
)
from zaigang_collector.cli.looking import looked, why_argument
from zaigang_collector.directory.model import Language
from zaigang_collector.errors import UnknownIdError

_LIST_MAX: Final = 1000
T = TypeVar("T")
_WEEK_MS: Final = 7 * 24 * 3_600_000


def add(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the commands of this room."""
    clock_ins = group(commands, "clock-ins", "what people claim")
    one = clock_ins.add_parser("import", parents=[common], help="from CSV, all or nothing")
    one.add_argument("file", type=Path, help=columns_told(csv_import.COLUMNS))
    one.set_defaults(run=_import)
    one = clock_ins.add_parser("list", parents=[common], help="newest versions, by time")
    one.add_argument("--employee", metavar="ID")
    one.add_argument("--site", metavar="ID")
    span_arguments(one)
    zone_argument(one)
    why_argument(one)
    one.set_defaults(run=_list)
    one = clock_ins.add_parser("show", parents=[common], help="one, with all its versions")
    one.add_argument("id")
    zone_argument(one)
    why_argument(one)
    one.set_defaults(run=_show)
    one = commands.add_parser(
        "assess",
        parents=[common],
        help="judge intervals now (default: of the last 7 days); same evidence, no new version",
    )
    one.add_argument("--employee", metavar="ID", help="one person only")
    span_arguments(one)
    one.set_defaults(run=_assess)
    assessments = group(commands, "assessments", "what was found")
    one = assessments.add_parser("list", parents=[common], help="newest versions, by time")
    one.add_argument("--employee", metavar="ID")
    span_arguments(one)
    zone_argument(one)
    why_argument(one)
    one.set_defaults(run=_list_assessments)
    one = assessments.add_parser("show", parents=[common], help="one, with its evidence, as JSON")
    one.add_argument("id")
    why_argument(one)
    one.set_defaults(run=_show_assessment)
    one = assessments.add_parser(
        "draw", parents=[common], help="one as a picture of its time line, or as a table of it"
    )
    one.add_argument("id")
    one.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="must not exist; .svg, or .csv for the same as a table, a line for each slot",
    )
    one.add_argument("--lang", choices=[one.value for one in Language], default="zh")
    why_argument(one)
    one.set_defaults(run=_draw)
    one = assessments.add_parser(
        "bundle", parents=[common], help="one with all its evidence, for `zaigang-verify`"
    )
    one.add_argument("id")
    one.add_argument("file", type=Path, help="must not exist; a zip")
    why_argument(one)
    one.set_defaults(run=_bundle)
    one = commands.add_parser(
        "recheck", help="judge again from a bundle alone: the same bytes, or what is different"
    )
    one.add_argument("file", type=Path, help="what `assessments bundle` made")
    one.set_defaults(run=_recheck)


def _import(args: argparse.Namespace) -> int:
    data = read_file(args.file)
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        result = csv_import.import_clock_ins(
            conn, collector.vault, data, collector.clock.utc_ms(), collector.randomness
        )
    say(
        f"{result.added} new, {result.new_versions} edited, {result.unchanged} known already, "
        f"of {len(result.employees)} people"
    )
    return Exit.OK


def _list(args: argparse.Namespace) -> int:
    zone: ZoneInfo = args.zone
    wanted = service.Filter(args.employee, args.site, args.from_ms, args.to_ms)
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        found = _shortened(service.list_page(conn, collector.vault, wanted, None, _LIST_MAX + 1))
        looked(collector, args, "a list of clock-ins", (x.content.employee_id for x in found))
    lines = [
        (
            one.reference,
            local(one.content.punched_ms, zone),
            one.content.direction.value,
            one.content.employee_id,
            one.content.site_id,
            one.content.kind.value,
            f"{one.content.source} {one.content.source_id}",
        )
        for one in found
    ]
    rows(("id", "punched", "direction", "employee", "site", "kind", "source"), lines)
    return Exit.OK


def _shortened(found: Sequence[T]) -> Sequence[T]:
    if len(found) > _LIST_MAX:
        complain(f"Only the first {_LIST_MAX} are shown; narrow it with --from, --to, --employee.")
    return found[:_LIST_MAX]


def _show(args: argparse.Namespace) -> int:
    zone: ZoneInfo = args.zone
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        found = service.versions(conn, collector.vault, args.id.partition("@")[0])
        looked(collector, args, f"clock-in {args.id}", (x.content.employee_id for x in found))
    if not found:
        raise UnknownIdError("clock-in", args.id)
    for one in found:
        new = one.content
        say(f"{one.reference}, stored {local(one.stored_ms, zone)}")
        for name, value in (
            ("employee", new.employee_id),
            ("site", new.site_id),
            ("direction", new.direction.value),
            ("punched", local(new.punched_ms, zone)),
            ("received", local(new.received_ms, zone)),
            ("kind", new.kind.value),
            ("source", f"{new.source} {new.source_id}"),
            ("point", "with coordinates" if new.point else ""),
            ("flags", ", ".join(new.flags)),
            ("sha256", new.record_hash().hex()),
        ):
            say(f"  {name}: {value or '-'}")
    return Exit.OK


def _assess(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector:
        now_ms = collector.clock.utc_ms()
        judged = assessing.judge_span(
            collector.engine,
            bootstrap.judge(collector),
            now_ms - _WEEK_MS if args.from_ms is None else args.from_ms,
            now_ms if args.to_ms is None else args.to_ms,
            now_ms,
            employee_id=args.employee,
        )
    counts = Counter(one.outcome.value for one in judged)
    told = ", ".join(f"{number} {name}" for name, number in sorted(counts.items()))
    say(f"{len(judged)} intervals: {told or 'no clock-in in this stretch'}")
    return Exit.OK


def _list_assessments(args: argparse.Namespace) -> int:
    zone: ZoneInfo = args.zone
    wanted = store.Filter(args.employee, from_ms=args.from_ms, to_ms=args.to_ms)
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        found = _shortened(store.list_page(conn, collector.vault, wanted, None, _LIST_MAX + 1))
        looked(collector, args, "a list of assessments", (one.employee_id for one in found))
    lines = [
        (
            one.id,
            one.version,
            one.employee_id,
            one.site_id,
            local(one.start_ms, zone),
            local(one.end_ms, zone),
            one.presence.value + (" (provisional)" if one.provisional else ""),
            one.work.value,
            f"{one.coverage:.0%}",
        )
        for one in found
    ]
    header = ("id", "version", "employee", "site", "from", "to", "presence", "work", "coverage")
    rows(header, lines)
    return Exit.OK


def _show_assessment(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        found = store.get(conn, collector.vault, args.id)
        people = [] if found is None else [found.employee_id]
        looked(collector, args, f"assessment {args.id}", people)
        told = [] if found is None else notes.notes(conn, found, collector.clock.utc_ms())
    if found is None:
        raise UnknownIdError("assessment", args.id)
    for one in told:
        complain(one.en)
    say(json.dumps(json.loads(found.body), indent=2, ensure_ascii=False))
    return Exit.OK


def _draw(args: argparse.Namespace) -> int:
    language = Language(args.lang)
    if args.out.suffix not in (".svg", ".csv"):
        complain(f"{args.out}: expected a name that ends in .svg or .csv; nothing was written")
        return Exit.USAGE
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        found = store.get(conn, collector.vault, args.id)
        if found is None:
            raise UnknownIdError("assessment", args.id)
        looked(collector, args, f"time line of assessment {args.id}", [found.employee_id])
        if args.out.suffix == ".svg":
            text = drawn.timeline(conn, found, language)
        else:
            text = csv_text(drawn.table(conn, found, language))
    write_private(args.out, text.encode())
    say(f"{args.out}: {len(text.encode()) / 1024:.0f} KiB")
    return Exit.OK


def _bundle(args: argparse.Namespace) -> int:
    from zaigang_collector.bootstrap import bundling  # heavy; see bootstrap

    with bootstrap.opened(args.data) as collector:
        with collector.reading() as conn:
            found = store.get(conn, collector.vault, args.id)
        if found is None:
            raise UnknownIdError("assessment", args.id)
        looked(collector, args, f"evidence bundle of assessment {args.id}", [found.employee_id])
        data = bundling.make(collector, args.id, args.why.strip() or "not stated")
        root = bundling.root_fingerprint(collector)
    write_private(args.file, data)
    say(f"{args.file}: {len(data) / 1024:.0f} KiB")
    say(f"root fingerprint: {root}")
    complain(
        "Give the fingerprint on another way, on paper for all that matters: "
        f"zaigang-verify {args.file} --root FINGERPRINT"
    )
    return Exit.OK


def _recheck(args: argparse.Namespace) -> int:
    from zaigang_collector.evidence import recheck

    again = recheck.recheck(read_file(args.file))
    say(
        f"judged again from {again.readings} readings in {again.envelopes} envelopes: "
        f"{again.presence}, work {again.work}"
    )
    if again.holds:
        say("Identical to the assessment in the bundle, bit for bit.")
        say(
            "Taken as given, as the collector's word: what is known of the site and of registered "
            "homes, which node or laptop each beacon identifier is of, whose badges and which "
            "readings belong, what was learnt of the person, whether many others seemed absent, "
            "and integrity events."
        )
        return Exit.OK
    for problem in again.problems:
        say(f"DOES NOT FIT  {problem}")
    return Exit.FAILED
