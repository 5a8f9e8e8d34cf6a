"""Roles, and whom each reaches. Pure."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from zaigang_collector.errors import ConflictError

_WORDS_MAX: Final = 200  # as a department in the directory
_NAMED_MAX: Final = 1000  # larger makes every question of a manager slow; smaller splits a team


class Role(enum.StrEnum):
    """What somebody is to the company. Programs have no role: they hold API tokens with scopes."""

    IT = "it"
    HR = "hr"
    MANAGER = "manager"
    EMPLOYEE = "employee"
    AUDITOR = "auditor"
    ACCOUNTS = "accounts"
    """Gives roles to others and locks accounts; sees nobody's attendance by that."""


class Reach(enum.StrEnum):
    """On whom a role may do a thing."""

    EVERYBODY = "everybody"
    DEPARTMENTS = "own departments"
    TEAM = "own team"
    ONESELF = "oneself"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Grant:
    """One role of one account, and for whom it holds."""

    role: Role
    everyone: bool = False
    """Of `hr`: all departments, also those to come."""
    departments: frozenset[str] = frozenset()
    """As the directory writes them, whole: a department is not part of another."""
    people: frozenset[str] = frozenset()
    """Employee ids."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Whose data somebody may be shown by one route."""

    everyone: bool = False
    departments: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()

    def covers(self, employee_id: str, department: str | None) -> bool:
        """`department` None: nobody has this id, or they are in none."""
        named = employee_id in self.people
        return self.everyone or named or (bool(department) and department in self.departments)

    def __or__(self, other: Audience) -> Audience:
        return Audience(
            self.everyone or other.everyone,
            self.departments | other.departments,
            self.people | other.people,
        )


EVERYONE: Final = Audience(everyone=True)

# Who gives roles must not be able to read what roles open; who reads everything for a check must not
# be among those who act. Asked when roles are given, so that no route has to think of it.
_APART: Final = (
    frozenset({Role.ACCOUNTS, Role.HR}),
    frozenset({Role.ACCOUNTS, Role.MANAGER}),
    frozenset({Role.ACCOUNTS, Role.AUDITOR}),
    frozenset({Role.HR, Role.AUDITOR}),
    frozenset({Role.IT, Role.HR}),
)


def audience(grant: Grant, reach: Reach, employee_id: str | None) -> Audience | None:
    """Whom a grant covers where its role has this reach; None: not even oneself."""
    if reach is Reach.EVERYBODY:
        return EVERYONE
    if reach in (Reach.DEPARTMENTS, Reach.TEAM):
        return Audience(grant.everyone, grant.departments, grant.people)
    if reach is Reach.ONESELF and employee_id is not None:
        return Audience(people=frozenset({employee_id}))
    return None


def check(grants: Iterable[Grant], employee_id: str | None) -> tuple[Grant, ...]:
    """The grants of one account, in order, when they go together. Raises ConflictError."""
    found = tuple(sorted(grants, key=lambda one: one.role))
    held = {one.role for one in found}
    if len(held) != len(found):
        raise ConflictError("a role was named twice; give each once, with all that it holds for")
    for pair in _APART:
        if pair <= held:
            first, second = sorted(pair)
            raise ConflictError(
                f"nobody is both {first} and {second}: the one is to keep the other honest; make a "
                "second account for another person"
            )
    for one in found:
        _check_one(one, employee_id)
    return found


def _check_one(grant: Grant, employee_id: str | None) -> None:
    bounded = grant.departments | grant.people
    if grant.role in (Role.HR, Role.MANAGER):
        if not bounded and not grant.everyone:
            raise ConflictError(
                f"{grant.role} of whom? Name departments"
                + (" or people" if grant.role is Role.MANAGER else ", or all of them")
            )
        if grant.role is Role.MANAGER and grant.everyone:
            raise ConflictError("a manager has a team: name departments or people, not everybody")
        if grant.role is Role.HR and grant.people:
            raise ConflictError("hr is given departments, not single people")
    elif bounded or grant.everyone:
        raise ConflictError(f"{grant.role} is not given for departments or people")
    if grant.role is Role.EMPLOYEE and employee_id is None:
        raise ConflictError("employee is a role of somebody with an employee id; name it")
    if len(bounded) > _NAMED_MAX:
        raise ConflictError(f"{len(bounded)} departments and people are named, {_NAMED_MAX} fit")
    for word in bounded:
        if not word.strip() or len(word) > _WORDS_MAX or not word.isprintable():
            raise ConflictError(f"{word!r} is neither a department nor an employee id")
