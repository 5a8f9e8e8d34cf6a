"""Signing in over HTTP, and what an attacker tries there."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from httpx2 import Response
from starlette.testclient import TestClient

from tests.factories.api_world import ApiWorld, api_world
from tests.factories.audited import assert_clean, audited
from tests.factories.people import (
    CHEAP,
    PASSWORD,
    Someone,
    by,
    doors,
    give,
    someone,
)
from tests.factories.vault import VAULT
from zaigang_collector import db
from zaigang_collector.access import accounts, links, login
from zaigang_collector.access.links import Leads
from zaigang_collector.access.login import Came, Refused
from zaigang_collector.access.roles import Grant, Role
from zaigang_collector.access.tables import ACCOUNT, EVENT, SESSION
from zaigang_collector.api.deps import COOKIE
from zaigang_collector.cli import main
from zaigang_collector.cli.console import Exit
from zaigang_collector.forgetting import service as forgetting
from zaigang_collector.matching.model import Text
from zaigang_shared import cbor

LOGIN, ME = "/api/v1/login", "/api/v1/me"
HR = Grant(Role.HR, departments=frozenset({"交付部"}))
MINUTE = 60_000


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ApiWorld]:
    with api_world(tmp_path) as made:
        yield made


@pytest.fixture
def browser(world: ApiWorld) -> Iterator[TestClient]:
    """Keeps cookies as a browser does behind a proxy with TLS."""
    with TestClient(world.app, base_url="https://console.test") as client:
        yield client


@pytest.fixture
def zhang(world: ApiWorld) -> Someone:
    return someone(world, "zhang.hr", HR)


def events(world: ApiWorld) -> list[str]:
    with db.reading(world.engine) as conn:
        bodies = conn.scalars(sa.select(EVENT.c.body).order_by(EVENT.c.id)).all()
    return [cbor.loads(body, "event")["event"] for body in bodies]


def csrf(answer: Response) -> dict[str, str]:
    return {"zaigang-csrf": answer.json()["csrf"]}


def test_whoever_signs_in_is_who_they_are_until_they_sign_out(
    browser: TestClient, zhang: Someone
) -> None:
    answer = browser.post(LOGIN, json=zhang.body(name=" Zhang.HR"))
    assert answer.status_code == 200
    me = browser.get(ME).json()
    assert (me["name"], me["employee"], me["how"]) == ("zhang.hr", None, "password")
    assert me["roles"] == [
        {"role": "hr", "everyone": False, "departments": ["交付部"], "people": []}
    ]
    assert browser.get("/api/v1/people").status_code == 200
    assert browser.post("/api/v1/logout", headers=csrf(answer)).status_code == 204
    assert browser.get(ME).status_code == 401


def test_the_cookie_is_one_that_no_script_reads_and_no_neighbour_sets(
    browser: TestClient, zhang: Someone
) -> None:
    answer = browser.post(LOGIN, json=zhang.body())
    name, _, rest = answer.headers["set-cookie"].partition("=")
    assert name.startswith("__Host-")
    flags = {one.strip().lower() for one in rest.split(";")[1:]}
    assert {"httponly", "secure", "samesite=lax", "path=/"} <= flags
    assert not any(one.startswith("domain") for one in flags)
    assert answer.headers["cache-control"] == "no-store"


def test_wrong_name_wrong_password_wrong_code_and_a_locked_account_are_one_answer(
    world: ApiWorld, browser: TestClient, zhang: Someone
) -> None:
    li = someone(world, "li", Grant(Role.IT))
    with db.writing(world.engine) as conn:
        accounts.lock(conn, li.id, by(world))
    tries = [
        zhang.body(name="nobody"),
        zhang.body(password="wrong"),
        zhang.body(code="000000" if zhang.code() != "000000" else "111111"),
        zhang.body(code=""),
        li.body(),
    ]
    answers = [browser.post(LOGIN, json=one) for one in tries]
    assert {one.status_code for one in answers} == {401}
    assert len({one.content for one in answers}) == 1
    assert len({tuple(sorted(one.headers.items())) for one in answers}) == 1


def test_every_way_of_failing_hashes_once(
    world: ApiWorld, browser: TestClient, zhang: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes the time is the same for a name that nobody has: no list of names by the clock."""
    hasher = world.app.state.services.hasher
    hashed: list[str] = []
    real = hasher.fits

    def counting(kept: str | None, typed: str) -> bool:
        hashed.append(typed)
        return bool(real(kept, typed))

    monkeypatch.setattr(hasher, "fits", counting)
    for body in (zhang.body(name="nobody"), zhang.body(password="x"), zhang.body(code="")):
        hashed.clear()
        browser.post(LOGIN, json=body)
        assert len(hashed) == 1


@pytest.mark.parametrize("name", ["zhang.hr", "nobody"])
def test_guessing_is_slowed_down_also_for_the_right_password_and_for_nobody(
    world: ApiWorld, browser: TestClient, zhang: Someone, name: str
) -> None:
    wrong = zhang.body(name=name, password="wrong")
    assert [browser.post(LOGIN, json=wrong).status_code for _ in range(7)] == [401] * 5 + [429] * 2
    early = browser.post(LOGIN, json=zhang.body(name=name))
    assert early.status_code == 429
    assert early.headers["retry-after"] == "30"
    world.clock.advance(30_000)
    right = browser.post(LOGIN, json=zhang.body(name=name))
    assert right.status_code == (200 if name == "zhang.hr" else 401)


def test_a_hundred_guesses_at_once_are_a_hundred_guesses(world: ApiWorld, zhang: Someone) -> None:
    came = Came("zhang.hr", "wrong")
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: login.sign_in(doors(world), came, world.clock.utc), range(40))
        )
    judged = [one for one in answers if isinstance(one, Refused) and not one.wait_ms]
    assert len(judged) == 5


def test_who_goes_on_trying_is_told_of_in_the_ledger_once(
    world: ApiWorld, browser: TestClient, zhang: Someone
) -> None:
    for _ in range(12):
        browser.post(LOGIN, json=zhang.body(password="wrong"))
        world.clock.advance(15 * MINUTE)
    assert events(world).count("many_tries") == 1
    assert_clean(world.engine)


def test_a_code_is_good_once_also_for_two_at_the_same_moment(
    world: ApiWorld, zhang: Someone
) -> None:
    came = Came(zhang.name, PASSWORD, zhang.code())
    with ThreadPoolExecutor(2) as pool:
        answers = list(
            pool.map(lambda _: login.sign_in(doors(world), came, world.clock.utc), range(2))
        )
    assert sorted(type(one).__name__ for one in answers) == ["Refused", "str"]
    world.clock.advance(1000)
    assert isinstance(login.sign_in(doors(world), came, world.clock.utc), Refused)


def test_a_recovery_code_stands_in_once_and_is_told_of(
    world: ApiWorld, browser: TestClient, zhang: Someone
) -> None:
    first = zhang.recovery[0]
    assert browser.post(LOGIN, json=zhang.body(code=first.upper())).status_code == 200
    assert browser.post(LOGIN, json=zhang.body(code=first)).status_code == 401
    assert events(world)[-1] == "recovery_used"


def test_a_session_that_somebody_planted_is_not_gone_on_in(
    world: ApiWorld, browser: TestClient, zhang: Someone
) -> None:
    """Session fixation: the attacker's own valid session is in the victim's browser."""
    attacker = someone(world, "attacker", Grant(Role.IT))
    planted = attacker.headers()["cookie"].partition("=")[2]
    browser.cookies.set(COOKIE, planted, domain="console.test", path="/")
    browser.post(LOGIN, json=zhang.body())
    assert browser.cookies[COOKIE] != planted
    old = world.client.get(ME, headers={"cookie": f"{COOKIE}={planted}"})
    assert old.status_code == 401
    made_up = world.client.get(ME, headers={"cookie": f"{COOKIE}=zgses-aaaaaaaa-{'a' * 32}"})
    assert made_up.status_code == 401


def test_another_sites_page_changes_nothing_with_our_cookie(
    world: ApiWorld, browser: TestClient, zhang: Someone
) -> None:
    answer = browser.post(LOGIN, json=zhang.body())
    other = someone(world, "other", Grant(Role.IT)).headers()
    for headers in ({}, {"zaigang-csrf": ""}, {"zaigang-csrf": other["zaigang-csrf"]}):
        forged = browser.post("/api/v1/logout", headers=headers)
        assert forged.status_code == 403
        assert "Zaigang-Csrf" in forged.json()["detail"]
    assert browser.post("/api/v1/password", json={}).status_code == 403  # before its body is read
    assert browser.get(ME).status_code == 200
    assert browser.post("/api/v1/logout", headers=csrf(answer)).status_code == 204


def test_sessions_end_by_themselves(world: ApiWorld, browser: TestClient, zhang: Someone) -> None:
    browser.post(LOGIN, json=zhang.body())
    for _ in range(3):
        world.clock.advance(29 * MINUTE)
        assert browser.get(ME).status_code == 200  # in use
    world.clock.advance(31 * MINUTE)
    assert browser.get(ME).status_code == 401  # idle
    browser.post(LOGIN, json=zhang.body())
    statuses = []
    for _ in range(30):
        world.clock.advance(25 * MINUTE)
        statuses.append(browser.get(ME).status_code)
    assert statuses == [200] * 28 + [401] * 2  # in use for longer than a day's work


def test_the_database_opens_no_session(world: ApiWorld, zhang: Someone) -> None:
    zhang.headers()
    with db.reading(world.engine) as conn:
        row = conn.execute(sa.select(SESSION)).one()
    for value in tuple(row):
        if isinstance(value, bytes):
            text = f"zgses-{row.id}-{value.hex()[:32]}"
            answer = world.client.get(ME, headers={"cookie": f"{COOKIE}={text}"})
            assert answer.status_code == 401


@pytest.mark.parametrize("what", ["roles", "lock", "password", "second factor", "everywhere"])
def test_what_takes_something_away_ends_all_sessions_at_once(
    world: ApiWorld, zhang: Someone, what: str
) -> None:
    first, second = zhang.headers(), zhang.headers()
    if what == "roles":
        give(world, zhang.id, [Grant(Role.IT)])
    elif what == "everywhere":
        ended = world.client.request("DELETE", "/api/v1/sessions", headers=first)
        assert ended.json() == {"ended": 2}
    else:
        with db.writing(world.engine) as conn:
            if what == "lock":
                accounts.lock(conn, zhang.id, by(world))
            elif what == "password":
                accounts.set_password(conn, zhang.id, CHEAP.hash("x"), by(world), first=True)
            else:
                accounts.set_second_factor(conn, VAULT, zhang.id, by(world))
    for headers in (first, second):
        assert world.client.get(ME, headers=headers).status_code == 401


def test_a_first_password_opens_nothing_but_its_change(
    world: ApiWorld, browser: TestClient, zhang: Someone
) -> None:
    with db.writing(world.engine) as conn:
        accounts.set_password(conn, zhang.id, CHEAP.hash("handed-over"), by(world), first=True)
    answer = browser.post(LOGIN, json=zhang.body(password="handed-over"))
    assert answer.json()["must_change_password"]
    refused = browser.get("/api/v1/people")
    assert refused.status_code == 403
    assert "/api/v1/password" in refused.json()["detail"]
    world.clock.advance(30_000)
    change = {"password": "handed-over", "code": zhang.code(), "new": "Password2026!"}
    weak = browser.post("/api/v1/password", json=change, headers=csrf(answer))
    assert weak.status_code == 422
    assert "Password2026" not in weak.text
    change["new"] = "three plums under a blue tram"
    done = browser.post("/api/v1/password", json=change, headers=csrf(answer))
    assert done.status_code == 200
    assert not done.json()["must_change_password"]
    assert browser.get("/api/v1/people").status_code == 200


def test_a_password_is_changed_by_who_knows_it_not_by_who_sits_there(
    browser: TestClient, zhang: Someone
) -> None:
    answer = browser.post(LOGIN, json=zhang.body())
    new = "three plums under a blue tram"
    for change in ({"password": "wrong", "new": new}, {"password": PASSWORD, "new": new}):
        refused = browser.post("/api/v1/password", json=change, headers=csrf(answer))
        assert refused.status_code == 401


def test_nothing_that_opens_a_door_is_logged_or_answered(
    world: ApiWorld, browser: TestClient, zhang: Someone, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    code = zhang.code()
    told = browser.post(LOGIN, json=zhang.body()).text
    told += browser.post(LOGIN, json=zhang.body(password="se cret")).text
    told += browser.post(LOGIN, json={"name": "zhang.hr", "password": ["se cret"]}).text
    told += browser.get(ME).text
    session = browser.cookies[COOKIE]
    logged = caplog.text
    for secret in (PASSWORD, "se cret", session.rsplit("-", 1)[1]):
        assert secret not in logged
        assert secret not in told
    assert code not in logged
    assert "zhang" not in logged


def test_the_database_holds_no_password_and_no_secret_in_the_clear(
    world: ApiWorld, zhang: Someone
) -> None:
    with db.reading(world.engine) as conn:
        row = conn.execute(sa.select(ACCOUNT)).one()
    assert PASSWORD not in repr(tuple(row))
    assert zhang.secret not in row.totp
    assert row.password.startswith("$argon2id$")


# Accounts over the interface.


def test_an_administrator_gives_roles_to_others_and_it_is_on_record(
    world: ApiWorld, zhang: Someone
) -> None:
    admin = someone(world, "admin", Grant(Role.ACCOUNTS))
    headers = admin.headers()
    path = f"/api/v1/accounts/{zhang.id}"
    roles = {"roles": [{"role": "manager", "people": ["E001"]}]}
    answer = world.client.put(f"{path}/roles", json=roles, headers=headers)
    assert answer.status_code == 200
    assert [one["role"] for one in answer.json()["roles"]] == ["manager"]
    for action in ("lock", "unlock"):
        assert world.client.post(f"{path}/{action}", headers=headers).status_code == 200
    with db.reading(world.engine) as conn:
        said = [cbor.loads(one, "e") for one in conn.scalars(sa.select(EVENT.c.body))]
    assert [one["event"] for one in said if one["by"] == f"account {admin.id}"] == [
        "roles", "locked", "unlocked",
    ]  # fmt: skip
    assert_clean(world.engine)


def test_nobody_gives_themselves_anything(world: ApiWorld, zhang: Someone) -> None:
    admin = someone(world, "admin", Grant(Role.ACCOUNTS))
    own, other = f"/api/v1/accounts/{admin.id}", f"/api/v1/accounts/{zhang.id}"
    roles = {"roles": [{"role": "hr", "everyone": True}]}
    put = world.client.put
    assert put(f"{own}/roles", json=roles, headers=admin.headers()).status_code == 403
    assert put(f"{other}/roles", json=roles, headers=zhang.headers()).status_code == 403
    accomplice = {"roles": [{"role": "accounts"}]}
    answer = put(f"{other}/roles", json=accomplice, headers=admin.headers())
    assert answer.status_code == 422
    both = {"roles": [{"role": "hr", "everyone": True}, {"role": "auditor"}]}
    assert put(f"{other}/roles", json=both, headers=admin.headers()).status_code == 409
    with db.reading(world.engine) as conn:
        assert accounts.by_id(conn, zhang.id).grants == (HR,)


def test_a_role_over_others_wants_a_second_factor(world: ApiWorld) -> None:
    with db.writing(world.engine) as conn:
        made = accounts.create(conn, "e1", "E001", [Grant(Role.EMPLOYEE)], by(world))
    admin = someone(world, "admin", Grant(Role.ACCOUNTS)).headers()
    roles = {"roles": [{"role": "it"}]}
    answer = world.client.put(f"/api/v1/accounts/{made.id}/roles", json=roles, headers=admin)
    assert answer.status_code == 409
    assert "second factor" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("UPDATE access_account SET grants = (SELECT grants FROM access_account WHERE name = 'a')",
         "roles that nobody gave"),
        ("UPDATE access_account SET employee_id = 'E002' WHERE name = 'zhang.hr'", "somebody else"),
        ("UPDATE access_account SET locked_ms = 1 WHERE name = 'a'", "off the record"),
        ("UPDATE access_event SET body = x'a0'", "account_event"),
        ("DELETE FROM access_event", "account_event"),
    ],
)  # fmt: skip
def test_the_audit_finds_who_was_made_mighty_in_the_database(
    world: ApiWorld, zhang: Someone, statement: str, finding: str
) -> None:
    someone(world, "a", Grant(Role.AUDITOR))
    assert_clean(world.engine)
    with world.engine.begin() as conn:
        conn.exec_driver_sql(statement)
    found = [str(one) for one in audited(world.engine).findings]
    assert any(finding in one for one in found), found


def test_whoever_is_forgotten_has_no_account(world: ApiWorld) -> None:
    person = someone(world, "wang", Grant(Role.EMPLOYEE), employee="E001")
    headers = person.headers()
    with db.writing(world.engine) as conn:
        forgetting.forget(
            conn, VAULT, "E001", "they asked", "HR", world.clock.utc, world.randomness
        )
    assert world.client.get(ME, headers=headers).status_code == 401
    with db.reading(world.engine) as conn:
        assert accounts.list_all(conn) == ()
    assert_clean(world.engine)


# Personal links.


def test_a_personal_link_with_its_code_begins_a_session(
    world: ApiWorld, browser: TestClient
) -> None:
    sent: list[tuple[str, Text]] = []
    services = world.app.state.services

    def send(employee_id: str, told: Text) -> bool:
        sent.append((employee_id, told))
        return True

    world.app.state.services = replace(services, send_code=send)
    with db.writing(world.engine) as conn:
        now_ms = world.clock.utc
        leads = Leads("E001", "case-7")
        text = links.create(conn, leads, now_ms, now_ms + 1000, world.randomness)
    assert browser.post("/api/v1/links/code", json={"link": text}).status_code == 202
    ((person, told),) = sent
    code = next(
        word for word in told.en.replace(",", " ").split() if word.isdigit() and len(word) == 6
    )
    assert person == "E001"
    assert code in told.zh
    wrong = browser.post("/api/v1/links/session", json={"link": text, "code": "x"})
    assert wrong.status_code == 403
    me = browser.post("/api/v1/links/session", json={"link": text, "code": code})
    assert (me.json()["case"], me.json()["employee"], me.json()["how"]) == (
        "case-7",
        "E001",
        "link",
    )
    assert browser.get("/api/v1/people/E001").status_code == 403
    again = browser.post("/api/v1/links/session", json={"link": text, "code": code})
    assert again.status_code == 403
    with db.writing(world.engine) as conn:
        links.revoke_case(conn, "case-7", world.clock.utc)
    assert browser.get(ME).status_code == 401


def test_without_a_channel_no_code_is_made_and_the_answer_says_so(world: ApiWorld) -> None:
    answer = world.client.post("/api/v1/links/code", json={"link": "x"})
    assert answer.status_code == 503
    assert "channel" in answer.json()["detail"]


# The command line.


def test_the_first_administrator_is_made_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(tmp_path / "data")

    def run(*words: str) -> int:
        return main(["users", words[0], "--data", data, *words[1:]])

    assert main(["init", "--data", data]) == Exit.OK
    assert run("add", "Root", "--accounts") == Exit.OK
    out = capsys.readouterr().out
    assert "otpauth://totp/zaigang:root?" in out
    assert out.count("recovery code") == accounts.RECOVERY_CODES
    password = next(line.split("\t")[1] for line in out.splitlines() if line[:8] == "password")
    assert run("add", "root", "--it") == Exit.FAILED
    assert run("add", "x", "--hr", "*", "--accounts") == Exit.FAILED
    assert run("add", "x", "--self", "--employee", "nobody") == Exit.UNKNOWN_ID
    assert run("roles", "root", "--auditor") == Exit.OK
    assert run("lock", "root") == Exit.OK
    assert run("unlock", "root") == Exit.OK
    assert run("reset", "root", "--second-factor") == Exit.OK
    assert password not in capsys.readouterr().out
    assert run("sessions", "root", "--end") == Exit.OK
    assert run("link", "root") == Exit.FAILED  # no provider is set up
    assert run("list") == Exit.OK
    line = capsys.readouterr().out.splitlines()[-1].split("\t")
    assert line[0] == "root"
    assert line[3] == "auditor"
    assert main(["audit", "--data", data]) == Exit.OK
