"""Signing in by a provider: what holds, and all that must not."""

from __future__ import annotations

import base64
import hmac
import json
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from httpx2 import Response
from starlette.testclient import TestClient

from tests.factories.api_world import ApiWorld, api_world
from tests.factories.audited import assert_clean
from tests.factories.people import by, someone
from tests.fakes.oidc import CLIENT, ISSUER, FakeProvider
from zaigang_collector import bootstrap, db
from zaigang_collector.access import accounts
from zaigang_collector.access.oidc import FLOW_MS, Provider
from zaigang_collector.access.roles import Grant, Role
from zaigang_collector.access.tables import FLOW
from zaigang_collector.bootstrap import vouching
from zaigang_collector.cli import main
from zaigang_collector.errors import ConfigError

BEGIN, BACK, ME = "/api/v1/provider/login", "/api/v1/provider/back", "/api/v1/me"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ApiWorld]:
    with api_world(tmp_path) as made:
        yield made


@pytest.fixture
def fake(world: ApiWorld) -> FakeProvider:
    made = FakeProvider(world.clock.utc // 1000)
    services = world.app.state.services
    world.app.state.services = replace(services, provider=Provider(CLIENT, made.ask))
    return made


@pytest.fixture
def browser(world: ApiWorld) -> Iterator[TestClient]:
    with TestClient(world.app, base_url="https://console.test", follow_redirects=False) as client:
        yield client


@pytest.fixture
def wang(world: ApiWorld) -> str:
    """The account of E001, for whom the provider is to vouch."""
    with db.writing(world.engine) as conn:
        made = accounts.create(conn, "wang", "E001", [Grant(Role.EMPLOYEE)], by(world))
        accounts.link(conn, made.id, ISSUER, None, by(world))
    return made.id


def signs_in(
    fake: FakeProvider, browser: TestClient, subject: str = "s-1", **claims: object
) -> Response:
    code, state = fake.visit(browser.get(BEGIN).headers["location"], subject, **claims)
    return browser.get(BACK, params={"code": code, "state": state})


def test_whoever_the_provider_names_by_employee_id_is_signed_in_and_bound(
    world: ApiWorld, fake: FakeProvider, browser: TestClient, wang: str
) -> None:
    answer = signs_in(fake, browser, staff_no="E001")
    assert (answer.status_code, answer.headers["location"]) == (303, ME)
    me = browser.get(ME).json()
    assert (me["name"], me["employee"], me["how"]) == ("wang", "E001", "provider")
    assert signs_in(fake, browser).status_code == 303  # by the subject alone from now on
    other = signs_in(fake, browser, "s-2", staff_no="E001")  # somebody else says they are E001
    assert other.status_code == 403
    assert_clean(world.engine)


def test_an_e_mail_address_binds_nobody(
    world: ApiWorld, fake: FakeProvider, browser: TestClient, wang: str
) -> None:
    refused = signs_in(fake, browser, email="E001", preferred_username="wang", name="wang")
    assert refused.status_code == 403
    assert signs_in(fake, browser, staff_no=["E001"]).status_code == 403
    assert signs_in(fake, browser, staff_no="E002").status_code == 403


def test_an_account_with_a_password_alone_is_not_taken_over(
    world: ApiWorld, fake: FakeProvider, browser: TestClient
) -> None:
    someone(world, "li", Grant(Role.EMPLOYEE), employee="E002")
    assert signs_in(fake, browser, staff_no="E002").status_code == 403


def test_a_locked_account_is_locked_for_the_provider_as_well(
    world: ApiWorld, fake: FakeProvider, browser: TestClient, wang: str
) -> None:
    assert signs_in(fake, browser, staff_no="E001").status_code == 303
    with db.writing(world.engine) as conn:
        accounts.lock(conn, wang, by(world))
    assert browser.get(ME).status_code == 401
    assert signs_in(fake, browser).status_code == 403


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.test"},
        {"iss": None},
        {"aud": "another"},
        {"aud": ["zaigang", "another"]},
        {"aud": None},
        {"exp": 1},
        {"exp": None},
        {"iat": 1},
        {"iat": 99_999_999_999},
        {"iat": None},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": None},
        {"sub": 7},
        {"sub": ""},
        {"nbf": 99_999_999_999},
    ],
)
def test_an_id_token_that_is_not_for_this_sign_in_signs_nobody_in(
    fake: FakeProvider, browser: TestClient, wang: str, changes: dict[str, object]
) -> None:
    fake.changes = changes
    assert signs_in(fake, browser, staff_no="E001").status_code == 403
    assert browser.get(ME).status_code == 401


def _none(token: bytes) -> bytes:
    """The same claims, with `alg: none` and no signature."""
    payload = json.loads(token)["id_token"].split(".")[1]
    header = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    return json.dumps({"id_token": f"{header}.{payload}."}).encode()


def _cut(token: bytes) -> bytes:
    return json.dumps({"id_token": json.loads(token)["id_token"][:-8]}).encode()


def _hmac(key: bytes) -> Callable[[bytes], bytes]:
    """Signed with something that is shared or public, as if it were a shared key."""

    def forge(token: bytes) -> bytes:
        payload = json.loads(token)["id_token"].split(".")[1]
        header = base64.urlsafe_b64encode(b'{"alg":"HS256"}').decode().rstrip("=")
        mac = hmac.digest(key, f"{header}.{payload}".encode(), "sha256")
        signature = base64.urlsafe_b64encode(mac).decode().rstrip("=")
        return json.dumps({"id_token": f"{header}.{payload}.{signature}"}).encode()

    return forge


@pytest.mark.parametrize("forge", [_none, _cut, _hmac(CLIENT.secret.encode()), "public"])
def test_a_token_without_its_signature_signs_nobody_in(
    world: ApiWorld,
    fake: FakeProvider,
    browser: TestClient,
    wang: str,
    forge: Callable[[bytes], bytes] | str,
) -> None:
    made = _hmac(fake.keys[0].as_pem(private=False)) if isinstance(forge, str) else forge

    def ask(address: str, form: object) -> bytes:
        answer = fake.ask(address, form)  # type: ignore[arg-type]  # handed through
        return made(answer) if address.endswith("/token") else answer

    services = world.app.state.services
    world.app.state.services = replace(services, provider=Provider(CLIENT, ask))
    assert signs_in(fake, browser, staff_no="E001").status_code == 403


def test_a_key_that_was_turned_is_looked_for_and_strangers_cannot_make_us_ask(
    world: ApiWorld, fake: FakeProvider, browser: TestClient, wang: str
) -> None:
    assert signs_in(fake, browser, staff_no="E001").status_code == 303
    fake.turn()
    world.clock.advance(61_000)
    fake.now_s += 61
    assert signs_in(fake, browser).status_code == 303
    before = fake.asked.count("/keys")
    fake.turn(publish=False)
    for _ in range(5):
        assert signs_in(fake, browser).status_code == 403
    assert fake.asked.count("/keys") == before
    assert fake.asked.count("/.well-known/openid-configuration") == 1


def test_each_flow_comes_back_once_to_the_browser_that_began_it(
    world: ApiWorld, fake: FakeProvider, browser: TestClient, wang: str
) -> None:
    signs_in(fake, browser, staff_no="E001")
    code, state = fake.visit(browser.get(BEGIN).headers["location"], "s-1")
    with TestClient(world.app, base_url="https://console.test", follow_redirects=False) as victim:
        planted = victim.get(BACK, params={"code": code, "state": state})
        assert planted.status_code == 403  # login CSRF: it has no flow
        victim.get(BEGIN)
        other = victim.get(BACK, params={"code": code, "state": state})
        assert other.status_code == 403  # or another one
        assert victim.get(ME).status_code == 401
    assert browser.get(BACK, params={"code": code, "state": state}).status_code == 303
    assert browser.get(BACK, params={"code": code, "state": state}).status_code == 403
    code, state = fake.visit(browser.get(BEGIN).headers["location"], "s-1")
    mixed = browser.get(BACK, params={"code": code, "state": state, "iss": "https://evil.test"})
    assert mixed.status_code == 403
    code, state = fake.visit(browser.get(BEGIN).headers["location"], "s-1")
    world.clock.advance(FLOW_MS)
    assert browser.get(BACK, params={"code": code, "state": state}).status_code == 403


def test_what_waits_for_a_flow_cannot_be_read_off_the_database(
    world: ApiWorld, fake: FakeProvider, browser: TestClient
) -> None:
    address = browser.get(BEGIN).headers["location"]
    cookie = next(iter(browser.cookies.values()))
    with db.reading(world.engine) as conn:
        row = conn.execute(sa.select(FLOW)).one()
    assert cookie.rsplit("-", 1)[1] not in repr(tuple(row))
    assert cookie.rsplit("-", 1)[1] not in address


def test_a_provider_that_is_down_or_odd_is_a_502_in_words(
    fake: FakeProvider, browser: TestClient
) -> None:
    fake.down = True
    assert browser.get(BEGIN).status_code == 502
    fake.down, fake.endpoints = False, {"issuer": "https://evil.test"}
    assert browser.get(BEGIN).status_code == 502
    fake.endpoints = {"token_endpoint": "http://id.test/token"}
    answer = browser.get(BEGIN)
    assert answer.status_code == 502
    assert "provider" in answer.json()["detail"]


def test_without_a_provider_the_answer_says_where_to_sign_in(browser: TestClient) -> None:
    answer = browser.get(BEGIN)
    assert answer.status_code == 404
    assert "/api/v1/login" in answer.json()["detail"]


def test_a_provider_is_set_up_whole_or_not_at_all_and_its_secret_is_a_closed_file(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    assert main(["init", "--data", str(data)]) == 0

    def found(text: str) -> Provider | None:
        (data / "collector.toml").write_text(text)
        with bootstrap.opened(data) as collector:
            return vouching.provider(collector)

    assert found("") is None
    whole = (
        f'login_issuer = "{ISSUER}"\nlogin_client_id = "zaigang"\nlogin_secret_file = "oidc"\n'
        f'login_back_url = "{CLIENT.back_url}"\nlogin_employee_claim = "staff_no"\n'
    )
    with pytest.raises(ConfigError, match="login_client_id"):
        found(f'login_issuer = "{ISSUER}"\n')
    with pytest.raises(ConfigError, match="https"):
        found('login_issuer = "http://id.test"\n')
    with pytest.raises(ConfigError, match="cannot be read"):
        found(whole)
    (data / "oidc").write_text("s3cret\n")
    (data / "oidc").chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        found(whole)
    (data / "oidc").chmod(stat.S_IRUSR | stat.S_IWUSR)
    made = found(whole)
    assert made is not None
    assert made.client == CLIENT
    assert "s3cret" not in repr(made.client)
