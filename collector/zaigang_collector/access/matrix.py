"""Who may do what, as data: one row for each route of the REST interface.

A route without a row fails the build, and so does a row without a route; docs/access.md shows this
table. A token needs the scope; somebody signed in needs a role that reaches. What is not written is
nobody.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from zaigang_collector.access import roles
from zaigang_collector.access.model import Scope
from zaigang_collector.access.people import SignedIn
from zaigang_collector.access.roles import Audience, Reach, Role

_PREFIX: Final = "/api/v1"


class Whose(enum.StrEnum):
    """Whose data an answer holds, and so how reach is held against it."""

    NOBODYS = "nobody's"
    """No person is in it: a role with any reach may."""
    EVERYBODYS = "everybody's"
    """It cannot be had in parts: only for who reaches everybody."""
    PERSONS = "one person's"
    """Named in the address as `person_id`."""
    RECORDS = "one record's"
    """The route finds whose it is, and says so before it answers (`Looking.at`)."""
    LISTED = "many people's"
    """A list, which the route cuts to `Seen`."""
    CASES = "one case's"
    """Like a record's; a personal link opens its own, named in the address as `case_id`."""
    OWN = "one's own"
    """Of whoever is signed in: their session, their account."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row."""

    method: str
    path: str
    """The template of the address, without `/api/v1`."""
    scope: Scope | None
    """What a token needs; None: no token may."""
    whose: Whose
    reach: Mapping[Role, Reach]


def _rule(
    call: str, scope: Scope | None, whose: Whose, reach: Mapping[Role, Reach] | None = None
) -> Rule:
    method, path = call.split(" ")
    return Rule(method, path, scope, whose, reach or {})


_HR: Final = {Role.HR: Reach.DEPARTMENTS}
_OWN: Final = {Role.EMPLOYEE: Reach.ONESELF}
_TEAM: Final = {Role.MANAGER: Reach.TEAM}
_IT: Final = {Role.IT: Reach.EVERYBODY}
_AUDITOR: Final = {Role.AUDITOR: Reach.EVERYBODY}
_ACCOUNTS: Final = {Role.ACCOUNTS: Reach.EVERYBODY}
_PLAIN: Final = dict.fromkeys((Role.HR, Role.MANAGER, Role.EMPLOYEE), Reach.EVERYBODY)
_SELF: Final = dict.fromkeys(Role, Reach.ONESELF)

RULES: Final = (
    # Sites and people.
    _rule("GET /sites", Scope.READ_DIRECTORY, Whose.NOBODYS, _IT | {Role.HR: Reach.EVERYBODY}),
    _rule("GET /sites/{site_id}", Scope.READ_DIRECTORY, Whose.NOBODYS,
          _IT | {Role.HR: Reach.EVERYBODY}),
    _rule("GET /people", Scope.READ_DIRECTORY, Whose.LISTED, _HR | _TEAM | _OWN),
    _rule("GET /people/{person_id}", Scope.READ_DIRECTORY, Whose.PERSONS, _HR | _TEAM | _OWN),
    _rule("GET /people/{person_id}/days", Scope.READ_ATTENDANCE, Whose.PERSONS, _HR | _OWN),
    _rule("GET /people/{person_id}/looks", Scope.READ_LOOKS, Whose.PERSONS, _AUDITOR | _OWN),
    # Attendance.
    _rule("GET /calendar", Scope.READ_ATTENDANCE, Whose.NOBODYS, _PLAIN),
    _rule("GET /shifts", Scope.READ_ATTENDANCE, Whose.NOBODYS, _PLAIN),
    _rule("GET /exemptions", Scope.READ_ATTENDANCE, Whose.RECORDS, _HR | _OWN),
    _rule("POST /exemptions", Scope.WRITE_EXEMPTIONS, Whose.RECORDS),
    _rule("DELETE /exemptions", Scope.WRITE_EXEMPTIONS, Whose.RECORDS),
    _rule("GET /clock-ins", Scope.READ_CLOCK_INS, Whose.LISTED, _HR | _OWN),
    _rule("GET /clock-ins/{clock_in_id}", Scope.READ_CLOCK_INS, Whose.RECORDS, _HR | _OWN),
    _rule("POST /clock-ins", Scope.WRITE_CLOCK_INS, Whose.RECORDS),
    _rule("POST /clock-ins/batch", Scope.WRITE_CLOCK_INS, Whose.RECORDS),
    _rule("POST /clock-in-files", Scope.WRITE_CLOCK_INS, Whose.EVERYBODYS, _HR),
    # What other systems say of work.
    _rule("GET /business-events", Scope.READ_BUSINESS_EVENTS, Whose.RECORDS, _HR | _OWN),
    _rule("POST /business-events", Scope.WRITE_BUSINESS_EVENTS, Whose.RECORDS),
    _rule("GET /work-logs", Scope.READ_WORK_LOGS, Whose.RECORDS, _HR | _OWN),
    _rule("POST /work-logs", Scope.WRITE_WORK_LOGS, Whose.RECORDS),
    # What was found, and what it rests on.
    _rule("GET /assessments", Scope.READ_ASSESSMENTS, Whose.LISTED, _HR | _TEAM | _OWN),
    _rule("GET /worklist", Scope.READ_ASSESSMENTS, Whose.LISTED, _HR | _TEAM | _OWN),
    _rule("POST /assessments/run", Scope.WRITE_ASSESSMENTS, Whose.EVERYBODYS, _HR),
    _rule("GET /assessments/{assessment_id}", Scope.READ_ASSESSMENTS, Whose.RECORDS,
          _HR | _TEAM | _OWN),
    _rule("GET /assessments/{assessment_id}/versions", Scope.READ_ASSESSMENTS, Whose.RECORDS,
          _HR | _TEAM | _OWN),
    _rule("GET /assessments/{assessment_id}/timeline.svg", Scope.READ_ASSESSMENTS, Whose.RECORDS,
          _HR | _TEAM | _OWN),
    _rule("GET /assessments/{assessment_id}/readings", Scope.READ_READINGS, Whose.RECORDS,
          _HR | _OWN),
    _rule("GET /assessments/{assessment_id}/bundle", Scope.READ_READINGS, Whose.RECORDS,
          _HR | _OWN | _AUDITOR),
    _rule("GET /devices/{device_id}/readings", Scope.READ_READINGS, Whose.RECORDS, _HR | _OWN),
    _rule("GET /envelopes/{sha256}", Scope.READ_READINGS, Whose.RECORDS, _HR | _OWN),
    # Alerts and rules. What is about people, trials and words about rules are for tokens until they are cut to reach.
    _rule("GET /alerts", Scope.READ_ALERTS, Whose.EVERYBODYS),
    _rule("GET /alerts/infrastructure", Scope.READ_HEALTH, Whose.NOBODYS, _IT),
    _rule("GET /alerts/{alert_id}", Scope.READ_ALERTS, Whose.EVERYBODYS),
    _rule("POST /alerts/{alert_id}/dismissal", Scope.WRITE_ALERTS, Whose.EVERYBODYS),
    _rule("GET /rules", Scope.READ_RULES, Whose.NOBODYS, {Role.HR: Reach.EVERYBODY}),
    _rule("GET /rules/facts", Scope.READ_RULES, Whose.NOBODYS, {Role.HR: Reach.EVERYBODY}),
    _rule("GET /rules/{rule_id}", Scope.READ_RULES, Whose.NOBODYS, {Role.HR: Reach.EVERYBODY}),
    _rule("POST /rules", Scope.WRITE_RULES, Whose.EVERYBODYS),
    _rule("POST /rules/try", Scope.READ_ALERTS, Whose.EVERYBODYS),
    _rule("POST /rules/{rule_id}/state", Scope.WRITE_RULES, Whose.EVERYBODYS),
    # Cases. Whoever acts acts as themselves: `acting`.
    _rule("GET /cases", Scope.READ_CASES, Whose.LISTED, _HR),
    _rule("POST /cases", Scope.WRITE_CASES, Whose.RECORDS, _HR),
    _rule("GET /cases/{case_id}", Scope.READ_CASES, Whose.RECORDS, _HR),
    _rule("POST /cases/{case_id}/steps", Scope.WRITE_CASES, Whose.RECORDS, _HR),
    _rule("POST /cases/{case_id}/files", Scope.WRITE_CASES, Whose.RECORDS, _HR),
    _rule("GET /cases/{case_id}/files/{file_id}", Scope.READ_CASES, Whose.RECORDS, _HR),
    _rule("GET /cases/{case_id}/own", Scope.REPLY_CASES, Whose.CASES, _OWN),
    _rule("POST /cases/{case_id}/own-steps", Scope.REPLY_CASES, Whose.CASES, _OWN),
    _rule("POST /cases/{case_id}/own-files", Scope.REPLY_CASES, Whose.CASES, _OWN),
    _rule("GET /cases/{case_id}/own-files/{file_id}", Scope.REPLY_CASES, Whose.CASES, _OWN),
    _rule("GET /cases/{case_id}/letter", Scope.READ_CASES, Whose.RECORDS, _HR),
    _rule("GET /cases/{case_id}/report", Scope.READ_CASES, Whose.RECORDS, _HR),
    _rule("GET /cases/{case_id}/own-letter", Scope.REPLY_CASES, Whose.CASES, _OWN),
    _rule("GET /cases/{case_id}/own-report", Scope.REPLY_CASES, Whose.CASES, _OWN),
    _rule("POST /clues", Scope.WRITE_CLUES, Whose.RECORDS, _HR | _TEAM),
    _rule("GET /clues/{clue_id}", Scope.READ_CASES, Whose.RECORDS, _HR),
    # Devices, and whether they work.
    _rule("GET /devices", Scope.READ_DEVICES, Whose.NOBODYS, _IT),
    _rule("GET /devices/{device_id}", Scope.READ_DEVICES, Whose.NOBODYS, _IT),
    _rule("PUT /devices/{device_id}/status", Scope.WRITE_DEVICES, Whose.NOBODYS, _IT),
    _rule("GET /devices/{device_id}/settings", Scope.READ_DEVICES, Whose.NOBODYS, _IT),
    _rule("PUT /devices/{device_id}/settings/{name}", Scope.WRITE_DEVICES, Whose.NOBODYS, _IT),
    _rule("DELETE /devices/{device_id}/settings/{name}", Scope.WRITE_DEVICES, Whose.NOBODYS, _IT),
    _rule("GET /fleet/health", Scope.READ_HEALTH, Whose.NOBODYS, _IT),
    _rule("GET /fleet/refusals", Scope.READ_HEALTH, Whose.NOBODYS, _IT),
    _rule("GET /fleet/devices/{device_id}/events", Scope.READ_HEALTH, Whose.NOBODYS, _IT),
    _rule("GET /fleet/sources", Scope.READ_HEALTH, Whose.NOBODYS, _IT),
    _rule("GET /metrics", Scope.READ_HEALTH, Whose.NOBODYS, _IT),
    # The ledger.
    _rule("GET /ledger", Scope.READ_LEDGER, Whose.NOBODYS, _AUDITOR),
    _rule("GET /log/tile/entries/{n:path}", Scope.READ_LEDGER, Whose.NOBODYS, _AUDITOR),
    # People who sign in.
    _rule("POST /logout", None, Whose.OWN, _SELF),
    _rule("GET /me", None, Whose.OWN, _SELF),
    _rule("POST /password", None, Whose.OWN, _SELF),
    _rule("GET /sessions", None, Whose.OWN, _SELF),
    _rule("DELETE /sessions", None, Whose.OWN, _SELF),
    _rule("GET /accounts", None, Whose.NOBODYS, _ACCOUNTS),
    _rule("PUT /accounts/{account_id}/roles", None, Whose.NOBODYS, _ACCOUNTS),
    _rule("POST /accounts/{account_id}/lock", None, Whose.NOBODYS, _ACCOUNTS),
    _rule("POST /accounts/{account_id}/unlock", None, Whose.NOBODYS, _ACCOUNTS),
    _rule("DELETE /accounts/{account_id}/sessions", None, Whose.NOBODYS, _ACCOUNTS),
)  # fmt: skip

# Without a token and a session: doors, webhooks with a signature of their own, signs of life, and
# what outsiders check the ledger with.
PUBLIC: Final = frozenset(
    {
        "POST /login",
        "POST /links/code",
        "POST /links/session",
        "GET /provider/login",
        "GET /provider/back",
        "POST /hooks/{name}",  # signed, or a vendor's own callback
        "GET /hooks/{name}",
        "GET /openapi.json",
        "GET /docs",
        "GET /healthz",
        "GET /readyz",
        "GET /witness-key",
        "POST /add-checkpoint",
        "GET /log/checkpoint",
        "GET /log/tile/{level}/{n:path}",
    }
)
# What somebody may do whose password has to be changed.
_AT_FIRST: Final = frozenset({"/me", "/logout", "/password"})

_BY_ROUTE: Final = {(one.method, one.path): one for one in RULES}


def rule_of(method: str, path: str) -> Rule | None:
    """The row of a route, by the template of its address."""
    return _BY_ROUTE.get((method, path.removeprefix(_PREFIX)))


def audience(rule: Rule, asking: SignedIn) -> Audience | None:
    """Whose data this person may be shown by this route; None: this is not theirs to do."""
    if asking.must_change and rule.path not in _AT_FIRST:
        return None
    if rule.whose is Whose.OWN:
        # Somebody without any role may still sign out.
        return Audience(people=frozenset({asking.employee_id} if asking.employee_id else ()))
    if asking.case_id is not None and rule.whose is not Whose.CASES:
        return None
    found = _joined(
        roles.audience(grant, rule.reach.get(grant.role, Reach.NOBODY), asking.employee_id)
        for grant in asking.grants
    )
    if found is None or (rule.whose is Whose.EVERYBODYS and not found.everyone):
        return None
    return found


def _joined(found: Iterable[Audience | None]) -> Audience | None:
    total = None
    for one in found:
        if one is not None:
            total = one if total is None else total | one
    return total
