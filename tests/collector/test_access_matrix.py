"""The permission matrix: every route has its row, and every cell holds over HTTP."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from httpx2 import Response
from sqlalchemy import Connection

from tests.collector.test_api_cases import a_pdf
from tests.factories.judging import HOUR_MS, MINUTE_MS, SITE_NET, START, Office, office
from tests.factories.people import session_headers, someone
from tests.factories.routes import PREFIX, calls
from tests.factories.vault import VAULT
from zaigang_collector import db
from zaigang_collector.access import accounts, links, roles, sessions
from zaigang_collector.access.links import Leads
from zaigang_collector.access.matrix import PUBLIC, RULES, Rule, Whose
from zaigang_collector.access.model import Scope
from zaigang_collector.access.people import How
from zaigang_collector.access.roles import Grant, Reach, Role
from zaigang_collector.attendance import exemptions
from zaigang_collector.attendance.model import ExemptionKind
from zaigang_collector.attendance.service import StoredExemption
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Employee, Language
from zaigang_collector.errors import ConflictError
from zaigang_shared.device_config import Shift

MINE, THEIRS = "E001", "E002"
# E001 is of 交付部, E002 of 财务部: each role below reaches the first and not the second.
GRANTS = {
    Role.IT: Grant(Role.IT),
    Role.HR: Grant(Role.HR, departments=frozenset({"交付部"})),
    Role.MANAGER: Grant(Role.MANAGER, people=frozenset({MINE})),
    Role.EMPLOYEE: Grant(Role.EMPLOYEE),
    Role.AUDITOR: Grant(Role.AUDITOR),
    Role.ACCOUNTS: Grant(Role.ACCOUNTS),
}
# Who acts on cases is somebody in the directory.
WHO = {Role.EMPLOYEE: MINE, Role.HR: "H002", Role.MANAGER: "M001"}
SPAN = "from=2026-09-22T09:00:00%2B08:00&to=2026-09-22T10:00:00%2B08:00"
DAYS = "from_day=2026-09-22&to_day=2026-09-22"
PDF = a_pdf()
ALERTS = itertools.count(1)
# What a route needs in its query to be answered at all.
QUERIES = {
    "GET /calendar": DAYS,
    "GET /people/{person_id}/days": DAYS,
    "GET /worklist": DAYS,
    "GET /devices/{device_id}/readings": SPAN,
}


def _opening(person: str, by: str) -> dict[str, object]:
    """Of a case, each from an alert of its own."""
    refs = [{"kind": "alert", "id": f"al-{next(ALERTS)}"}]
    return {"employee": person, "by": by, "refs": refs, "reason": "周一"}


class Company:
    """Both people with a judged day, and what each of their records is called."""

    def __init__(self, here: Office) -> None:
        self.here, self.world = here, here.world
        self.node = here.node()
        laptops = {person: here.laptop(f"pc-{person}", person) for person in (MINE, THEIRS)}
        for number, (person, laptop) in enumerate(laptops.items()):
            from_ms = START + number * 20 * MINUTE_MS
            laptop.works(from_ms, from_ms + 20 * MINUTE_MS, SITE_NET)
            here.punch_day(person)
        here.at(START + 6 * HOUR_MS)
        here.judge()
        self.records = {one: self._of(one, laptops[one].device.id) for one in laptops}

    def _of(self, person: str, device: str) -> dict[str, str]:
        reader = self.world.token(Scope.READ_CLOCK_INS, Scope.READ_READINGS, Scope.READ_ASSESSMENTS)
        get = self.world.client.get
        (assessment,) = get(f"{PREFIX}/assessments?employee={person}", headers=reader).json()[
            "items"
        ]
        clock_ins = get(f"{PREFIX}/clock-ins?employee={person}", headers=reader).json()["items"]
        readings = get(f"{PREFIX}/devices/{device}/readings?{SPAN}", headers=reader).json()
        leave = StoredExemption(
            person, START + 48 * HOUR_MS, START + 49 * HOUR_MS, ExemptionKind.LEAVE, "test", person
        )
        with db.writing(self.world.engine) as conn:
            exemptions.record(conn, VAULT, leave, self.world.clock.utc, self.world.randomness)
        writer = self.world.token(Scope.WRITE_CASES, Scope.WRITE_CLUES)
        post = self.world.client.post
        opening = _opening(person, "H001")
        opening["refs"] = [{"kind": "assessment", "id": assessment["id"]}]
        opened = post(f"{PREFIX}/cases", json=opening, headers=writer)
        assert opened.status_code == 201, opened.text
        case = opened.json()["id"]
        files = f"{PREFIX}/cases/{case}/files?by=H001&name=x.pdf"
        told = {"employee": person, "site": "hq", "words": "x", "by": "H001"}
        days = {"first_day": "2026-09-22", "last_day": "2026-09-22"}
        clue = post(f"{PREFIX}/clues", json=told | days, headers=writer).json()["id"]
        return {
            "case_id": case,
            "file_id": post(files, content=PDF, headers=writer).json()["id"],
            "clue_id": clue,
            "person_id": person,
            "assessment_id": assessment["id"],
            "clock_in_id": clock_ins[0]["id"],
            "device_id": device,
            "sha256": readings["envelopes"][0]["sha256"],
            "query": f"source=test&source_id={person}",
        }

    def ask(
        self, rule: Rule, of: dict[str, str], headers: dict[str, str], by: str = "H001"
    ) -> Response:
        """One route about somebody's records."""
        path, call = rule.path, f"{rule.method} {rule.path}"
        known = of | {"site_id": "hq", "name": "usage_s", "account_id": "aaaaaaaa", "n:path": "000"}
        for name, value in known.items():
            path = path.replace("{" + name + "}", quote(value))
        person = of["person_id"]
        queries = QUERIES | {
            "GET /exemptions": of["query"],
            "DELETE /exemptions": of["query"],
            "GET /business-events": f"employee={person}&{SPAN}",
            "GET /work-logs": f"employee={person}&{DAYS}",
            "GET /cases/{case_id}/own": f"employee={MINE}",
            "GET /cases/{case_id}/own-letter": f"employee={MINE}",
            "GET /cases/{case_id}/own-report": f"employee={MINE}",
            "GET /cases/{case_id}/own-files/{file_id}": f"employee={MINE}",
            "POST /cases/{case_id}/own-files": f"employee={MINE}&name=x.pdf",
            "POST /cases/{case_id}/files": f"by={by}&name=x.pdf",
        }
        prefix = "" if path.startswith(("/log/", "/metrics")) else PREFIX
        url = f"{prefix}{path}?{queries.get(call, '')}"
        if path.endswith("files") and rule.method == "POST" and "/cases/" in path:
            return self.world.client.post(url, headers=headers, content=PDF)
        json: dict[str, object] | None = {"roles": []} if rule.method in ("PUT", "POST") else None
        days = {"first_day": "2026-09-22", "last_day": "2026-09-22"}
        bodies: dict[str, dict[str, object]] = {
            "POST /cases": _opening(person, by),
            "POST /cases/{case_id}/steps": {"action": "review", "by": by},
            "POST /cases/{case_id}/own-steps": {"action": "reply", "employee": MINE},
            "POST /clues": {"employee": person, "site": "hq", "words": "x", "by": by, **days},
        }
        return self.world.client.request(
            rule.method, url, headers=headers, json=bodies.get(call, json)
        )


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with office(tmp_path_factory.mktemp("matrix")) as here:
        week = week_of(here)
        people = {THEIRS: "财务部", **dict.fromkeys(("H001", "H002", "M001"), "人事")}
        with db.writing(here.world.engine) as conn:
            for name, department in people.items():
                one = Employee(name, name, department, Language.CHINESE, "Asia/Shanghai", week)
                now_ms, randomness = here.world.clock.utc, here.world.randomness
                directory.put_employee(conn, VAULT, one, now_ms, randomness)
        yield Company(here)


def week_of(here: Office) -> tuple[Shift, ...]:
    with db.reading(here.world.engine) as conn:
        found = directory.get_employee(conn, MINE)
    assert found is not None
    return found.shift


@pytest.fixture(scope="module")
def as_role(company: Company) -> dict[Role, dict[str, str]]:
    return {
        role: someone(company.world, f"{role}-person", grant, employee=WHO.get(role)).headers()
        for role, grant in GRANTS.items()
    }


def test_every_route_has_a_row_and_every_row_a_route(company: Company) -> None:
    """The build fails for a new route that nobody has thought about: give it a row in
    access/matrix.py (and run the test of docs/access.md), or add it to PUBLIC with a reason."""
    found = calls(company.world.app)
    rows = {f"{one.method} {one.path}" for one in RULES}
    assert len(rows) == len(RULES)
    assert found.keys() == rows | PUBLIC
    assert not rows & PUBLIC
    assert {call for call, scopes in found.items() if scopes is None} == PUBLIC


def test_the_description_of_the_interface_leaves_out_two_pages_and_no_more(
    company: Company,
) -> None:
    described = {
        f"{method.upper()} {path.removeprefix(PREFIX)}"
        for path, methods in company.world.app.openapi()["paths"].items()
        for method in methods
    }
    normal = {call.replace(":path}", "}") for call in calls(company.world.app)}
    assert normal - described == {"GET /openapi.json", "GET /docs"}


def test_the_scope_in_the_row_is_the_one_that_the_route_asks_for(company: Company) -> None:
    found = calls(company.world.app)
    for one in RULES:
        expected = frozenset() if one.scope is None else frozenset({one.scope.value})
        assert found[f"{one.method} {one.path}"] == expected, one


@pytest.mark.parametrize("scope", Scope)
def test_a_token_opens_what_its_scope_says_and_nothing_else(company: Company, scope: Scope) -> None:
    headers = company.world.token(scope)
    for rule in RULES:
        answer = company.ask(rule, company.records[MINE], headers)
        opened = answer.status_code not in (401, 403)
        assert opened == (rule.scope is scope), (rule, answer.status_code)


@pytest.mark.parametrize("role", Role)
def test_each_cell_of_the_matrix_holds(
    company: Company, as_role: dict[Role, dict[str, str]], role: Role
) -> None:
    for rule in RULES:
        if rule.whose is Whose.OWN:
            continue  # below: these change the session that the others need
        reach = rule.reach.get(role, Reach.NOBODY)
        mine = company.ask(rule, company.records[MINE], as_role[role], WHO.get(role, "H001"))
        if reach is Reach.NOBODY or (
            rule.whose is Whose.EVERYBODYS and reach is not Reach.EVERYBODY
        ):
            assert mine.status_code == 403, rule
            continue
        assert mine.status_code not in (401, 403), (rule, mine.text)
        if rule.whose in (Whose.PERSONS, Whose.RECORDS, Whose.CASES):
            _holds_for_one(company, rule, role, as_role[role], mine)
        elif rule.whose is Whose.LISTED:
            told = mine.text
            assert MINE in told, rule
            assert THEIRS not in told, rule


def _holds_for_one(
    company: Company, rule: Rule, role: Role, headers: dict[str, str], mine: Response
) -> None:
    by, reach = WHO.get(role, "H001"), rule.reach[role]
    if rule.path.endswith("report"):
        assert mine.status_code == 409, (rule, mine.text)  # nobody has concluded yet
    elif rule.method == "GET":
        assert mine.status_code == 200, (rule, mine.text)
    else:  # 409: not in this state of the case
        assert mine.status_code in (200, 201, 409), (rule, mine.text)
    theirs = company.ask(rule, company.records[THEIRS], headers, by)
    if reach is Reach.EVERYBODY:
        assert theirs.status_code == 200, rule
        return
    nobodys = dict.fromkeys(company.records[THEIRS], "unknown") | {"sha256": "0" * 64}
    nobodys |= {"query": "source=test&source_id=none"}
    unknown = company.ask(rule, nobodys, headers, by)
    assert theirs.status_code == unknown.status_code == 404, (rule, theirs.text, unknown.text)
    assert theirs.content == unknown.content, rule
    assert theirs.headers.items() == unknown.headers.items(), rule


@pytest.mark.parametrize("role", Role)
def test_everybody_may_see_their_own_session_and_end_it(
    company: Company, as_role: dict[Role, dict[str, str]], role: Role
) -> None:
    me = company.world.client.get(f"{PREFIX}/me", headers=as_role[role]).json()
    assert [one["role"] for one in me["roles"]] == [role]
    # Another session of the same person, so that the other tests keep theirs.
    with db.writing(company.world.engine) as conn:
        account = accounts.by_name(conn, f"{role}-person")
        text = sessions.start(
            conn, account.id, How.PASSWORD, company.world.clock.utc, company.world.randomness
        )
    headers = session_headers(text)
    assert company.world.client.get(f"{PREFIX}/sessions", headers=headers).status_code == 200
    assert company.world.client.post(f"{PREFIX}/logout", headers=headers).status_code == 204
    assert company.world.client.get(f"{PREFIX}/me", headers=headers).status_code == 401


def test_whoever_is_signed_in_acts_as_themselves(company: Company) -> None:
    """Four eyes are two people's: HR who names a colleague would be both."""
    person = someone(company.world, "two-faced", GRANTS[Role.HR])
    case = company.records[MINE]["case_id"]
    post = company.world.client.post
    for by in ("H001", "H002", "two-faced "):
        step = {"action": "review", "by": by}
        answer = post(f"{PREFIX}/cases/{case}/steps", json=step, headers=person.headers())
        assert answer.status_code == 403, by
    wang = someone(company.world, "wang-2", GRANTS[Role.EMPLOYEE], employee=THEIRS)
    reply = {"action": "reply", "employee": MINE, "reason": "x"}
    own = post(f"{PREFIX}/cases/{case}/own-steps", json=reply, headers=wang.headers())
    assert own.status_code == 403


def test_a_personal_link_shows_its_own_case_and_no_other(company: Company) -> None:
    world = company.world
    case, other = (company.records[one]["case_id"] for one in (MINE, THEIRS))
    with db.writing(world.engine) as conn:
        now_ms, random = world.clock.utc, world.randomness
        session = sessions.start_by_link(conn, MINE, case, now_ms, random)
        wrong_person = sessions.start_by_link(conn, MINE, other, now_ms, random)
    get = world.client.get
    headers = session_headers(session)
    assert get(f"{PREFIX}/cases/{case}/own?employee={MINE}", headers=headers).status_code == 200
    for path in (f"{other}/own?employee={THEIRS}", f"{other}/own?employee={MINE}",
                 f"{case}/own?employee={THEIRS}"):  # fmt: skip
        assert get(f"{PREFIX}/cases/{path}", headers=headers).status_code == 404
    theirs = get(
        f"{PREFIX}/cases/{other}/own?employee={THEIRS}", headers=session_headers(wrong_person)
    )
    assert theirs.status_code == 404


def test_a_personal_link_opens_nothing_but_its_case(company: Company) -> None:
    world = company.world
    with db.writing(world.engine) as conn:
        now_ms = world.clock.utc
        text = links.create(conn, Leads(MINE, "case-1"), now_ms, now_ms + 1000, world.randomness)
        code = links.send_code(conn, text, now_ms, world.randomness)
        assert code is not None
        session = links.open_session(conn, text, code.code, now_ms, world.randomness)
    assert session is not None
    headers = session_headers(session)
    for rule in RULES:
        if rule.whose not in (Whose.OWN, Whose.CASES):
            answer = company.ask(rule, company.records[MINE], headers)
            assert answer.status_code == 403, rule
    assert world.client.get(f"{PREFIX}/me", headers=headers).json()["case"] == "case-1"


def test_what_is_nobodys_is_not_shown_to_who_sees_some(
    company: Company, as_role: dict[Role, dict[str, str]]
) -> None:
    """A node's readings tell who is at a site; HR sees those behind an assessment."""
    url = f"{PREFIX}/devices/{company.node.device.id}/readings?{SPAN}"
    for role in (Role.HR, Role.EMPLOYEE):
        assert company.world.client.get(url, headers=as_role[role]).status_code == 404
    token = company.world.token(Scope.READ_READINGS)
    assert company.world.client.get(url, headers=token).status_code == 200


def test_who_moves_to_another_department_is_out_of_sight_at_once(company: Company) -> None:
    world = company.world
    headers = someone(world, "mover-hr", GRANTS[Role.HR]).headers()
    get = world.client.get

    def move(department: str) -> None:
        one = Employee(
            "E003",
            "赵敏",
            department,
            Language.CHINESE,
            "Asia/Shanghai",
            week_of(company.here),
        )
        with db.writing(world.engine) as conn:
            directory.put_employee(conn, VAULT, one, world.clock.utc, world.randomness)

    move("交付部")
    assert get(f"{PREFIX}/people/E003", headers=headers).status_code == 200
    move("财务部")
    assert get(f"{PREFIX}/people/E003", headers=headers).status_code == 404
    assert "E003" not in get(f"{PREFIX}/people", headers=headers).text


def test_hr_of_all_departments_may_what_cannot_be_had_in_parts(company: Company) -> None:
    headers = someone(company.world, "hr-of-all", Grant(Role.HR, everyone=True)).headers()
    whole = {"start": "2026-09-22T00:00:00+08:00", "end": "2026-09-23T00:00:00+08:00"}
    run = company.world.client.post(f"{PREFIX}/assessments/run", json=whole, headers=headers)
    assert run.status_code == 200
    both = company.world.client.get(f"{PREFIX}/assessments", headers=headers).text
    assert MINE in both
    assert THEIRS in both


def test_a_look_of_somebody_signed_in_says_who_it_was(company: Company) -> None:
    person = someone(company.world, "looker", GRANTS[Role.HR])
    company.world.client.get(f"{PREFIX}/people/{MINE}", headers=person.headers())
    auditor = company.world.token(Scope.READ_LOOKS)
    told = company.world.client.get(f"{PREFIX}/people/{MINE}/looks", headers=auditor).json()[
        "items"
    ]
    assert told[0]["who"] == f"account looker ({person.id})"


def test_a_list_that_forgot_to_cut_itself_answers_nothing(
    company: Company, as_role: dict[Role, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`Looking.at` is a second lock: whoever leaves `Seen` out of a new list shows nobody by that."""
    everybody = directory.list_employees

    def uncut(conn: Connection, after: str, limit: int, _among: object) -> object:
        return everybody(conn, after, limit)

    monkeypatch.setattr(directory, "list_employees", uncut)
    answer = company.world.client.get(f"{PREFIX}/people", headers=as_role[Role.HR])
    assert answer.status_code == 404
    assert THEIRS not in answer.text


@pytest.mark.parametrize(
    "wrong",
    [
        [Grant(Role.ACCOUNTS), Grant(Role.HR, everyone=True)],
        [Grant(Role.ACCOUNTS), Grant(Role.AUDITOR)],
        [Grant(Role.IT), Grant(Role.HR, everyone=True)],
        [Grant(Role.HR)],
        [Grant(Role.MANAGER, everyone=True)],
        [Grant(Role.EMPLOYEE)],
        [Grant(Role.IT), Grant(Role.IT)],
        [Grant(Role.AUDITOR, everyone=True)],
        [Grant(Role.HR, departments=frozenset({" "}))],
    ],
)
def test_roles_that_do_not_go_together_are_not_given(wrong: list[Grant]) -> None:
    with pytest.raises(ConflictError):
        roles.check(wrong, None)


def test_whoever_gives_roles_sees_nobodys_attendance(company: Company) -> None:
    """By the table itself: no row of data has a cell for them."""
    theirs = {f"{one.method} {one.path}" for one in RULES if Role.ACCOUNTS in one.reach}
    own = {f"{one.method} {one.path}" for one in RULES if one.whose is Whose.OWN}
    assert {call.split(" ")[1].split("/")[1] for call in theirs - own} == {"accounts"}
