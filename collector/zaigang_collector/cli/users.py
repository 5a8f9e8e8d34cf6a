"""`users add|list|roles|reset|link|lock|unlock|sessions`: people who sign in."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from zaigang_collector import bootstrap
from zaigang_collector.access import accounts, sessions
from zaigang_collector.access.accounts import SecondFactor
from zaigang_collector.access.journal import By
from zaigang_collector.access.passwords import Hasher
from zaigang_collector.access.people import Account
from zaigang_collector.access.roles import Grant, Role
from zaigang_collector.bootstrap import Opened
from zaigang_collector.cli.arguments import Commands, group, zone_argument
from zaigang_collector.cli.console import Exit, complain, local, rows, say
from zaigang_collector.cli.looking import via
from zaigang_collector.directory import service as directory
from zaigang_collector.errors import ConflictError, UnknownIdError

_ALL: Final = "*"


def add(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the commands of this room."""
    users = group(commands, "users", "people who sign in: accounts, roles, locks, sessions")
    one = users.add_parser(
        "add", parents=[common], help="a new account; what opens it is shown once"
    )
    one.add_argument("name", help="what they sign in with")
    one.add_argument("--employee", metavar="ID", help="who it is in the directory")
    _role_arguments(one)
    one.add_argument(
        "--provider-only",
        action="store_true",
        help="no password: the provider of the setting login_issuer vouches for them",
    )
    one.set_defaults(run=_add)
    one = users.add_parser("list", parents=[common], help="all accounts; nothing that opens them")
    zone_argument(one)
    one.set_defaults(run=_list)
    one = users.add_parser(
        "roles", parents=[common], help="these roles, and no others, from now on"
    )
    one.add_argument("name")
    _role_arguments(one)
    one.set_defaults(run=_roles)
    one = users.add_parser("reset", parents=[common], help="a new password to be changed at once")
    one.add_argument("name")
    one.add_argument(
        "--second-factor",
        action="store_true",
        help="a new authenticator and recovery codes as well: the old phone is lost",
    )
    one.set_defaults(run=_reset)
    one = users.add_parser("link", parents=[common], help="let the provider vouch for an account")
    one.add_argument("name")
    one.add_argument(
        "--subject",
        help="as the provider calls this person (`sub`); without it whoever it first names with the "
        "account's employee id",
    )
    one.set_defaults(run=_link)
    for word, about, run in (
        ("lock", "nobody signs in, and who is signed in is not any more", _lock),
        ("unlock", "take a lock away, and the wait after wrong tries", _unlock),
    ):
        one = users.add_parser(word, parents=[common], help=about)
        one.add_argument("name")
        one.set_defaults(run=run)
    one = users.add_parser("sessions", parents=[common], help="where somebody is signed in")
    one.add_argument("name")
    one.add_argument("--end", action="store_true", help="sign them out everywhere")
    zone_argument(one)
    one.set_defaults(run=_sessions)


def _role_arguments(parser: argparse.ArgumentParser) -> None:
    for word, role, about in (
        ("it", Role.IT, "sites' technical side, devices, health of the fleet; no attendance"),
        ("self", Role.EMPLOYEE, "the role employee: their own data; the account names one"),
        ("auditor", Role.AUDITOR, "ledger, bundles, who looked at whose data; reads only"),
        ("accounts", Role.ACCOUNTS, "gives roles to others; sees nobody's attendance by that"),
    ):
        parser.add_argument(
            f"--{word}", dest="plain", action="append_const", const=role, default=[], help=about
        )
    parser.add_argument(
        "--hr",
        action="append",
        metavar="DEPARTMENT",
        help=f"attendance and cases of this department, as the directory writes it; repeatable; "
        f"'{_ALL}': of all",
    )
    parser.add_argument(
        "--manager", action="append", metavar="ID", help="assessments of this person; repeatable"
    )
    parser.add_argument(
        "--manager-of",
        action="append",
        metavar="DEPARTMENT",
        help="the same of everybody in a department; repeatable",
    )


def _grants(conn: Connection, args: argparse.Namespace) -> list[Grant]:
    """As the arguments say. Raises UnknownIdError, ConflictError."""
    found = [Grant(role) for role in dict.fromkeys(args.plain)]
    departments, people = args.manager_of or [], args.manager or []
    for person in people:
        _known(conn, person)
    if args.hr:
        named = frozenset(args.hr) - {_ALL}
        found.append(Grant(Role.HR, everyone=_ALL in args.hr, departments=named))
    if departments or people:
        found.append(
            Grant(Role.MANAGER, departments=frozenset(departments), people=frozenset(people))
        )
    _warn_of_empty(conn, found)
    return found


def _warn_of_empty(conn: Connection, grants: Iterable[Grant]) -> None:
    """A department with a typing error reaches nobody, and nobody would notice."""
    named = sorted({word for one in grants for word in one.departments})
    for word in named:
        if not directory.ids_in_departments(conn, [word]):
            complain(
                f"nobody is in the department {word!r} now; is it written as in the directory?"
            )


def _add(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector:
        hasher = Hasher()
        issuer = collector.settings.login_issuer
        if args.provider_only and not issuer:
            raise ConflictError("there is no provider: set login_issuer in collector.toml first")
        by = _by(collector)
        password = accounts.first_password(by)
        hashed = hasher.hash(password)  # before the transaction: it takes its time
        factor: SecondFactor | None = None
        with collector.writing() as conn:
            if args.employee is not None:
                _known(conn, args.employee)
            made = accounts.create(conn, args.name, args.employee, _grants(conn, args), by)
            if args.provider_only:
                accounts.link(conn, made.id, issuer, None, by)
            else:
                accounts.set_password(conn, made.id, hashed, by, first=True)
                factor = accounts.set_second_factor(conn, collector.vault, made.id, by)
    say(f"account {made.name} ({made.id})")
    if factor is not None:
        _show(password, factor)
    return Exit.OK


def _show(password: str | None, factor: SecondFactor | None) -> None:
    if password is not None:
        say(f"password\t{password}")
    if factor is not None:
        say(f"authenticator\t{factor.uri}")
        for code in factor.recovery:
            say(f"recovery code\t{code}")
    complain(
        "Shown once; hand it over yourself, not by e-mail. The password has to be changed at the "
        "first sign-in; each recovery code stands in for the authenticator once."
        if password is not None
        else "Shown once."
    )


def _list(args: argparse.Namespace) -> int:
    zone: ZoneInfo = args.zone
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        found = accounts.list_all(conn)
    lines = [
        (
            one.name,
            one.id,
            one.employee_id or "",
            "; ".join(_told(one.grants)) or "none",
            ", ".join(_ways(one)) or "nothing opens it",
            "locked" if one.locked_ms is not None else "",
            local(one.last_login_ms, zone) or "never",
        )
        for one in found
    ]
    rows(("name", "id", "employee", "roles", "signs in with", "state", "last"), lines)
    return Exit.OK


def _told(grants: Iterable[Grant]) -> Iterator[str]:
    for one in grants:
        whom = sorted(one.departments) + sorted(one.people)
        yield one.role + (" of all" if one.everyone else f" of {', '.join(whom)}" if whom else "")


def _ways(one: Account) -> Iterator[str]:
    if one.has_password:
        yield "a first password" if one.must_change else "password"
    if one.has_second_factor:
        yield "second factor"
    if one.issuer is not None:
        yield one.issuer + ("" if one.subject else " (not seen yet)")


def _roles(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        account = accounts.by_name(conn, args.name)
        by = _by(collector)
        now = accounts.set_roles(conn, account.id, _grants(conn, args), by)
    say(f"{now.name} is {'; '.join(_told(now.grants)) or 'nothing any more'}")
    return Exit.OK


def _reset(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector:
        by = _by(collector)
        password = accounts.first_password(by)
        hashed = Hasher().hash(password)
        factor: SecondFactor | None = None
        with collector.writing() as conn:
            account = accounts.by_name(conn, args.name)
            accounts.set_password(conn, account.id, hashed, by, first=True)
            if args.second_factor or not account.has_second_factor:
                factor = accounts.set_second_factor(conn, collector.vault, account.id, by)
    _show(password, factor)
    return Exit.OK


def _link(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        issuer = collector.settings.login_issuer
        if not issuer:
            raise ConflictError("there is no provider: set login_issuer in collector.toml first")
        account = accounts.by_name(conn, args.name)
        if args.subject is None and account.employee_id is None:
            raise ConflictError("this account is of no employee: name the --subject")
        accounts.link(conn, account.id, issuer, args.subject, _by(collector))
    say(f"{issuer} vouches for {account.name} from now on")
    return Exit.OK


def _lock(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        accounts.lock(conn, accounts.by_name(conn, args.name).id, _by(collector))
    say(f"{args.name} is locked and signed out")
    return Exit.OK


def _unlock(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        accounts.unlock(conn, accounts.by_name(conn, args.name).id, _by(collector))
    say(f"{args.name} is unlocked")
    return Exit.OK


def _sessions(args: argparse.Namespace) -> int:
    zone: ZoneInfo = args.zone
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        account = accounts.by_name(conn, args.name)
        if args.end:
            ended = accounts.end_sessions(conn, account.id, _by(collector))
            say(f"{ended} sessions of {account.name} were ended")
            return Exit.OK
        found = sessions.of_account(conn, account.id, collector.clock.utc_ms())
    lines = [
        (one.id, one.how, local(one.created_ms, zone), local(one.seen_ms, zone),
         local(one.expires_ms, zone))
        for one in found
    ]  # fmt: skip
    rows(("id", "by", "since", "last used", "ends at the latest"), lines)
    return Exit.OK


def _known(conn: Connection, employee_id: str) -> None:
    if directory.get_employee(conn, employee_id) is None:
        raise UnknownIdError("employee", employee_id)


def _by(collector: Opened) -> By:
    return By(via(), collector.clock.utc_ms(), collector.randomness)
