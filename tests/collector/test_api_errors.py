"""One error shape everywhere, and who may do what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factories.api_world import ApiWorld, api_world
from zaigang_collector.access.matrix import PUBLIC
from zaigang_collector.access.model import Scope
from zaigang_collector.directory import service as directory

KEYS = {"type", "title", "status", "detail", "errors"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ApiWorld]:
    with api_world(tmp_path) as made:
        yield made


def is_problem(answer: object, status: int) -> bool:
    from httpx2 import Response

    assert isinstance(answer, Response)
    body = answer.json()
    return (
        answer.status_code == status == body["status"]
        and answer.headers["content-type"] == "application/problem+json"
        and body.keys() == KEYS
        and bool(body["detail"])
    )


def test_every_error_has_the_same_shape(world: ApiWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    client = world.client
    reader = world.token(Scope.READ_DIRECTORY)
    writer = world.token(Scope.WRITE_CLOCK_INS)
    json_headers = writer | {"content-type": "application/json"}
    assert is_problem(client.get("/nowhere"), 404)
    assert is_problem(client.get("/api/v1/sites/unknown", headers=reader), 404)
    assert is_problem(client.delete("/api/v1/sites", headers=reader), 405)
    assert is_problem(client.get("/api/v1/sites"), 401)
    assert is_problem(client.get("/api/v1/sites", headers=writer), 403)
    assert is_problem(client.get("/api/v1/sites?limit=0", headers=reader), 422)
    assert is_problem(client.get("/api/v1/sites/a%00b", headers=reader), 422)
    assert is_problem(client.get("/api/v1/clock-ins?site=%00", headers=writer), 422)
    bad = client.post("/api/v1/clock-ins", content=b"{not json", headers=json_headers)
    assert is_problem(bad, 422)
    huge = b'{"items": "' + b"x" * (13 * 1024 * 1024) + b'"}'
    large = client.post("/api/v1/clock-ins/batch", content=huge, headers=json_headers)
    assert is_problem(large, 413)

    def broken(*_arguments: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(directory, "list_sites", broken)
    failed = client.get("/api/v1/sites", headers=reader)
    assert is_problem(failed, 500)
    assert "secret" not in failed.text


def test_what_is_wrong_with_a_body_is_said_in_words(world: ApiWorld) -> None:
    headers = world.token(Scope.WRITE_ASSESSMENTS) | {"content-type": "application/json"}

    def wrong(body: str) -> dict[str, str]:
        answer = world.client.post("/api/v1/assessments/run", content=body, headers=headers)
        return {one["where"]: one["expected"] for one in answer.json()["errors"]}

    assert wrong('{"start":') == {"body, character 9": "JSON (Expecting value)"}
    assert wrong('{"start": "2026-01-01", "x": 1}') == {
        "body.start": "a time with its offset, as 2026-09-21T09:00:00+08:00",
        "body.end": "a value: this one is required",
        "body.x": "nothing of this name",
    }


def test_a_401_says_how_to_authenticate(world: ApiWorld) -> None:
    answer = world.client.get("/api/v1/sites")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer x", "Basic eDp5", "zgapi-abcdefgh-x", "Bearer zgapi-abcdefgh-"]
)
def test_what_is_no_token_is_refused(world: ApiWorld, header: str) -> None:
    answer = world.client.get("/api/v1/sites", headers={"authorization": header})
    assert is_problem(answer, 401)


def test_an_expired_token_is_refused_and_says_so(world: ApiWorld) -> None:
    headers = world.token(Scope.READ_DIRECTORY, expires_ms=world.clock.utc + 1000)
    assert world.client.get("/api/v1/sites", headers=headers).status_code == 200
    world.clock.advance(1000)
    answer = world.client.get("/api/v1/sites", headers=headers)
    assert is_problem(answer, 401)
    assert "expired" in answer.json()["detail"]


def test_a_403_names_the_scope_that_is_missing(world: ApiWorld) -> None:
    answer = world.client.get("/api/v1/sites", headers=world.token(Scope.READ_HEALTH))
    assert "read:directory" in answer.json()["detail"]


def test_every_route_under_the_prefix_asks_for_a_scope(world: ApiWorld) -> None:
    paths = world.client.get("/api/v1/openapi.json").json()["paths"]
    asked = 0
    for path, methods in paths.items():
        if not path.startswith("/api/v1/") and path != "/metrics":
            continue
        for method in methods:
            if f"{method.upper()} {path.removeprefix('/api/v1')}" in PUBLIC:
                continue
            url = path
            for name in ("site_id", "person_id", "device_id", "clock_in_id", "assessment_id"):
                url = url.replace("{" + name + "}", "x")
            url = url.replace("{sha256}", "0" * 64)
            answer = world.client.request(method, url)
            assert answer.status_code == 401, (method, path)
            asked += 1
    assert asked > 15


def test_health_and_readiness_are_open_and_readiness_says_what_is_wrong(world: ApiWorld) -> None:
    assert world.client.get("/healthz").text == "ok\n"
    assert world.client.get("/readyz").status_code == 200
    world.problems.append("The MQTT broker is gone.")
    answer = world.client.get("/readyz")
    assert is_problem(answer, 503)
    assert answer.json()["detail"] == "The MQTT broker is gone."


def test_the_document_describes_itself_with_examples(world: ApiWorld) -> None:
    document = world.client.get("/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert "examples" in json.dumps(document["components"]["schemas"]["ClockInIn"])
    statuses = [
        (status, answer)
        for methods in document["paths"].values()
        for operation in methods.values()
        for status, answer in operation["responses"].items()
    ]
    for status, answer in statuses:
        if status >= "400":
            assert list(answer["content"]) == ["application/problem+json"]
    assert document["paths"]["/api/v1/sites"]["get"]["security"] == [
        {"HTTPBearer": ["read:directory"]}
    ]
    assert "security" not in document["paths"]["/healthz"]["get"]
    page = world.client.get("/api/v1/docs")
    assert "Needs the scope <code>read:directory</code>" in page.text
    assert "/api/v1/clock-ins" in page.text
    assert "://" not in page.text.replace("https://www.rfc", "")
