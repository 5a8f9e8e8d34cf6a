"""`cases list|show|open|do|attach|file|clue|clues|policy`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from zaigang_collector import bootstrap
from zaigang_collector.bootstrap import casework
from zaigang_collector.cases import attachments, inspecting, policy, service, store, words
from zaigang_collector.cases.model import (
    Action,
    Actor,
    Finding,
    Given,
    Proposal,
    Ref,
    RefKind,
    Role,
    State,
    Step,
)
from zaigang_collector.cases.service import Acted
from zaigang_collector.cases.store import Loaded
from zaigang_collector.cli import clueing
from zaigang_collector.cli.arguments import Commands, count, group, moment, zone_argument
from zaigang_collector.cli.clueing import by_argument, in_language, language_argument
from zaigang_collector.cli.console import (
    Exit,
    complain,
    local,
    read_file,
    rows,
    say,
    write_private,
)
from zaigang_collector.cli.looking import looked, via, why_argument

_SHOWN: Final = 50
_BY_ITSELF: Final = {Action.OPEN, Action.BOUNCE, Action.REMIND, Action.MOVE_DEADLINE, Action.MISS}
_DONE_BY_PEOPLE: Final = [
    one.value for one in Action if one not in {*_BY_ITSELF, Action.ATTACH, Action.LAPSE}
]


def add(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the commands of this room."""
    inner = group(commands, "cases", "cases: from a doubt to a conclusion (查证案件)")
    one = inner.add_parser("list", parents=[common], help="the newest first")
    one.add_argument("--employee", metavar="ID")
    one.add_argument("--state", choices=[state.value for state in State])
    one.add_argument("--open", action="store_true", help="only those that are not closed")
    one.add_argument("--limit", type=count(1_000), default=_SHOWN, metavar="N")
    zone_argument(one)
    language_argument(one)
    why_argument(one)
    one.set_defaults(run=_list)
    one = inner.add_parser("show", parents=[common], help="one case with every step")
    one.add_argument("id")
    zone_argument(one)
    language_argument(one)
    why_argument(one)
    one.set_defaults(run=_show)
    one = inner.add_parser("open", parents=[common], help="open a case about somebody")
    one.add_argument("employee")
    by_argument(one)
    _refs(one)
    one.add_argument("--reason", default="", metavar="TEXT")
    one.set_defaults(run=_open)
    _add_doing(inner, common)
    clueing.add_to(inner, common)
    one = inner.add_parser(
        "policy", parents=[common], help="how cases are conducted, with reasons (TOML)"
    )
    one.add_argument("--check", type=Path, metavar="FILE", help="whether this one would hold")
    one.set_defaults(run=_policy)


def _add_doing(inner: Commands, common: argparse.ArgumentParser) -> None:
    one = inner.add_parser("do", parents=[common], help="one step: send_letter, review, …")
    one.add_argument("id")
    one.add_argument("action", choices=_DONE_BY_PEOPLE, metavar="ACTION", help=_told_actions())
    by_argument(one)
    _role(one)
    _refs(one)
    one.add_argument("--reason", default="", metavar="TEXT", help="why, in your words; kept")
    one.add_argument("--file", action="append", default=[], metavar="ID", help="of `attach`")
    one.add_argument("--finding", choices=[finding.value for finding in Finding])
    one.add_argument(
        "--proposal",
        choices=[proposal.value for proposal in Proposal],
        default=Proposal.NONE.value,
        help="what is proposed; never an act",
    )
    one.add_argument("--until", type=moment, metavar="TIME", help="for give_time")
    language_argument(one)
    one.set_defaults(run=_do)
    one = inner.add_parser("attach", parents=[common], help="add a file to a case")
    one.add_argument("id")
    one.add_argument("file", type=Path, help="PDF, PNG, JPEG, HEIC or XLSX; 10 MiB at most")
    by_argument(one)
    _role(one)
    one.set_defaults(run=_attach)
    one = inner.add_parser("file", parents=[common], help="save a file of a case")
    one.add_argument("id")
    one.add_argument("file", help="its id")
    one.add_argument("-o", "--output", type=Path, required=True, metavar="FILE")
    why_argument(one)
    one.set_defaults(run=_file)


def _list(args: argparse.Namespace) -> int:
    wanted = store.Filter(
        args.employee,
        None if args.state is None else State(args.state),
        True if args.open else None,
    )
    with bootstrap.opened(args.data) as collector:
        with collector.reading() as conn:
            found = store.list_page(conn, wanted, None, args.limit)
        looked(collector, args, "cases, listed", (one.employee_id for one in found))
    lines = [
        (
            one.id,
            one.employee_id,
            one.state.value,
            in_language(words.STATES[one.state], args),
            local(one.opened_ms, args.zone),
            local(one.due_ms, args.zone),
            local(one.closed_ms, args.zone),
        )
        for one in found
    ]
    rows(("id", "employee", "state", "which is", "opened", "due", "closed"), lines)
    return Exit.OK


def _show(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector:
        with collector.reading() as conn:
            case = store.load(conn, collector.vault, args.id)
            files = attachments.list_of(conn, collector.vault, args.id)
            seen = {one.id: attachments.seen_before(conn, one.id) for one in files}
        looked(collector, args, f"case {args.id}", [case.standing.employee_id])
    _say_standing(case, args)
    rows(("step", "at", "what", "by", "as", "words", "due", "note"), _lines(case, args))
    for one in files:
        place = "" if one.place is None else f", {one.place[0]}, {one.place[1]}"
        says = f"says of itself: {one.taken or '-'}{place}" if one.taken or place else ""
        say(f"file {one.id} {one.kind.value} {one.size} bytes {one.name} {says}".rstrip())
        for other in seen[one.id]:
            same = "the same file is" if other.is_same else "a picture that looks like it is"
            say(f"  {same} {other.attachment_id} of case {other.case_id}")
    return Exit.OK


def _say_standing(case: Loaded, args: argparse.Namespace) -> None:
    standing, zone = case.standing, args.zone
    say(
        f"case {case.id} about {standing.employee_id}: {in_language(words.state(standing, case.policy), args)}"
    )
    say("rests on: " + ", ".join(f"{one.kind.value} {one.id}" for one in standing.refs))
    if standing.due_ms is not None:
        say(f"due: {local(standing.due_ms, zone)}")
    if standing.finding is Finding.SUBSTANTIATED:
        say(in_language(words.proposal(standing.proposal, case.policy), args))


def _lines(case: Loaded, args: argparse.Namespace) -> list[tuple[object, ...]]:
    return [
        (
            one.number,
            local(one.at_ms, args.zone),
            in_language(words.ACTIONS[one.action], args),
            one.actor.id,
            in_language(words.ROLES[one.actor.role], args),
            " ".join(one.given.reason.split()),
            local(one.due_ms, args.zone),
            _note(one),
        )
        for one in store.steps_of(case)
    ]


def _note(step: Step) -> str:
    if step.refused:
        return f"refused: {step.refused}"
    return "late; read like any other" if step.late else " ".join(step.given.attachments)


def _open(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        case = service.open_case(
            conn,
            casework.desk(collector),
            args.employee,
            _refs_of(args),
            args.reason,
            _actor(Role.HR, args.by),
            collector.clock.utc_ms(),
        )
    say(f"opened case {case.id}")
    return Exit.OK


def _do(args: argparse.Namespace) -> int:
    given = Given(
        reason=args.reason,
        attachments=tuple(args.file),
        refs=_refs_of(args),
        finding=None if args.finding is None else Finding(args.finding),
        proposal=Proposal(args.proposal),
        until_ms=args.until,
    )
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        acted = service.act(
            conn,
            casework.desk(collector),
            args.id,
            Action(args.action),
            _actor(Role(args.role), args.by),
            given,
            collector.clock.utc_ms(),
        )
    return _told(acted, args)


def _told(acted: Acted, args: argparse.Namespace) -> int:
    if acted.refused is not None:
        complain(in_language(acted.refused, args))
        return Exit.FAILED
    case = acted.case
    say(f"case {case.id}: {in_language(words.state(case.standing, case.policy), args)}")
    return Exit.OK


def _attach(args: argparse.Namespace) -> int:
    data = read_file(args.file)
    with bootstrap.opened(args.data) as collector:
        file = inspecting.inspect(data, casework.scan_command(collector))
        with collector.writing() as conn:
            done = attachments.attach(
                conn,
                casework.desk(collector),
                args.id,
                file,
                args.file.name,
                _actor(Role(args.role), args.by),
                collector.clock.utc_ms(),
            )
    if done.attachment_id is None:
        assert done.acted.refused is not None  # noqa: S101  # or there would be an id
        complain(f"{done.acted.refused.zh} {done.acted.refused.en}")
        return Exit.FAILED
    say(f"{done.attachment_id} {file.kind.value} {file.size_told}")
    if not file.scanned:
        complain("It was not scanned for viruses: no scan_command is set.")
    return Exit.OK


def _file(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector:
        with collector.reading() as conn:
            case = store.load(conn, collector.vault, args.id)
            about, data = attachments.content(conn, collector.vault, args.id, args.file)
        looked(collector, args, f"case {args.id}, file {about.id}", [case.standing.employee_id])
    write_private(args.output, data)
    say(f"{args.output}: {about.size} bytes, {about.kind.value}")
    return Exit.OK


def _policy(args: argparse.Namespace) -> int:
    if args.check is None:
        say(policy.document().rstrip("\n"))
        return Exit.OK
    found = policy.load_policy(read_file(args.check).decode("utf-8", "replace"), str(args.check))
    say(f"{args.check} holds: version {found.version}, {found.hash()}")
    return Exit.OK


def _role(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--as",
        dest="role",
        choices=[Role.HR.value, Role.EMPLOYEE.value],
        default=Role.HR.value,
        help="hr, or the employee concerned at this keyboard (default: hr)",
    )


def _refs(parser: argparse.ArgumentParser) -> None:
    for kind in RefKind:
        parser.add_argument(f"--{kind.value}", action="append", default=[], metavar="ID")


def _refs_of(args: argparse.Namespace) -> tuple[Ref, ...]:
    return tuple(Ref(kind, one) for kind in RefKind for one in getattr(args, kind.value))


def _told_actions() -> str:
    return ", ".join(_DONE_BY_PEOPLE)


def _actor(role: Role, person: str) -> Actor:
    return Actor(role, person, via())
