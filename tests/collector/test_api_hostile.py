"""What a hostile or careless client sends to the REST interface."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from tests.factories.api_world import ApiWorld, api_world
from zaigang_collector.access import service as access
from zaigang_collector.access.model import Scope
from zaigang_collector.api.problems import ERRORS_MAX
from zaigang_collector.directory import service as directory

URL = "/api/v1/clock-ins"
PROBLEM = "application/problem+json"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ApiWorld]:
    with api_world(tmp_path) as made:
        yield made


def punch(**changes: Any) -> dict[str, Any]:
    return {
        "source": "dingtalk",
        "source_id": "88",
        "employee": "E001",
        "site": "hq",
        "direction": "in",
        "punched_at": "2026-09-21T08:55:10+08:00",
        **changes,
    }


def point(**changes: Any) -> dict[str, Any]:
    return {"point": {"latitude": 31.2, "longitude": 121.5, "datum": "WGS-84", **changes}}


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"received_at": "0001-01-01T00:00:00+14:00"}, "body.received_at"),
        ({"received_at": "9999-12-31T23:59:59-14:00"}, "body.received_at"),
        ({"received_at": "1970-01-01T00:00:00Z"}, "body.received_at"),
        ({"punched_at": 1_789_952_110}, "body.punched_at"),
        ({"punched_at": "1789952110"}, "body.punched_at"),
        (point(latitude="31.2"), "body.point.latitude"),
        (point(latitude=True), "body.point.latitude"),
        (point(accuracy_m="15"), "body.point.accuracy_m"),
        ({"source": "a\x9b31m"}, "body.source"),
        ({"source_id": "a\u202eb"}, "body.source_id"),
        ({"source_device": "a\u2028b"}, "body.source_device"),
    ],
)
def test_what_the_interface_does_not_describe_is_not_taken(
    world: ApiWorld, change: dict[str, Any], where: str
) -> None:
    headers = world.token(Scope.WRITE_CLOCK_INS)
    answer = world.client.post(URL, json=punch(**change), headers=headers)
    assert answer.status_code == 422
    assert [error["where"] for error in answer.json()["errors"]] == [where]


@pytest.mark.parametrize("body", [b"[" * 100_000, b"9" * 5000, b'{"a": "\xff"}'])
def test_a_body_that_no_parser_follows_is_a_422_like_any_other_that_is_not_json(
    world: ApiWorld, body: bytes
) -> None:
    headers = world.token(Scope.WRITE_CLOCK_INS) | {"content-type": "application/json"}
    answer = world.client.post(URL, content=body, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
    assert answer.json()["errors"][0]["where"] == "body"


def test_whoever_may_not_ask_learns_nothing_of_the_body(world: ApiWorld) -> None:
    headers = {"content-type": "application/json"}
    assert world.client.post(URL, content=b"{", headers=headers).status_code == 401


def test_an_answer_is_not_longer_than_a_person_reads(world: ApiWorld) -> None:
    headers = world.token(Scope.WRITE_CLOCK_INS)
    many = {f"key-{number}": number for number in range(5000)} | {"x" * 100_000: 1}
    answer = world.client.post(URL, json=punch(**many), headers=headers)
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == ERRORS_MAX
    assert "5001" in answer.json()["detail"]
    one = world.client.post(URL, json=punch(**{"x" * 100_000: 1}), headers=headers)
    assert len(one.content) < 1000


def test_an_entity_tag_is_compared_as_the_standard_says(world: ApiWorld) -> None:
    headers = world.token(Scope.READ_DIRECTORY)
    tag = world.client.get("/api/v1/sites/hq", headers=headers).headers["etag"]

    def status(*given: str) -> int:
        sent = [*headers.items(), *(("if-none-match", one) for one in given)]
        return world.client.get("/api/v1/sites/hq", headers=sent).status_code

    assert status(f"W/{tag}") == 304  # weak comparison, RFC 9110 section 13.1.2
    assert status(f'"other", W/{tag}') == 304
    assert status('"other"', tag) == 304
    assert status('"other"') == status(tag.strip('"')) == 200


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("SELECT secret", {}, Exception("database is locked")),
        NoConnectionError("QueuePool limit"),
    ],
)
def test_a_busy_database_is_a_503_that_says_when_to_ask_again(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    headers = world.token(Scope.READ_DIRECTORY)

    def broken(*_arguments: object) -> None:
        raise error

    monkeypatch.setattr(directory, "list_sites", broken)
    answer = world.client.get("/api/v1/sites", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (503, PROBLEM)
    assert answer.headers["retry-after"]
    assert "secret" not in answer.text


def test_a_reader_is_not_kept_waiting_by_whoever_writes(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_arguments: object) -> None:
        raise OperationalError("UPDATE", {}, Exception("database is locked"))

    monkeypatch.setattr(access, "touch", locked)
    headers = world.token(Scope.READ_DIRECTORY)
    assert world.client.get("/api/v1/sites", headers=headers).status_code == 200


def test_the_description_says_that_no_cursor_is_empty(world: ApiWorld) -> None:
    described = world.client.get("/api/v1/openapi.json").json()
    cursors = [
        parameter["schema"]
        for operation in described["paths"].values()
        for parameter in operation.get("get", {}).get("parameters", [])
        if parameter["name"] == "cursor"
    ]
    assert cursors
    assert all(schema["anyOf"][0]["minLength"] == 1 for schema in cursors)
