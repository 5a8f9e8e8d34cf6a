"""Pushing and listing clock-ins over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.factories.api_world import ApiWorld, api_world
from zaigang_collector.access.model import Scope

BOTH = (Scope.READ_CLOCK_INS, Scope.WRITE_CLOCK_INS)
URL = "/api/v1/clock-ins"


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


def test_a_new_punch_is_201_and_the_same_again_is_200(world: ApiWorld) -> None:
    headers = world.token(*BOTH)
    first = world.client.post(URL, json=punch(), headers=headers)
    assert (first.status_code, first.json()["outcome"]) == (201, "added")
    again = world.client.post(URL, json=punch(), headers=headers)
    assert (again.status_code, again.json()["outcome"]) == (200, "unchanged")
    listed = world.client.get(URL, headers=headers).json()
    assert [item["id"] for item in listed["items"]] == [first.json()["clock_in"]["id"]]
    assert listed["next"] is None


def test_an_edit_shows_with_all_its_versions(world: ApiWorld) -> None:
    headers = world.token(*BOTH)
    first = world.client.post(URL, json=punch(vendor_record="a"), headers=headers)
    edited = punch(kind="corrected_manager", vendor_record="b")
    assert world.client.post(URL, json=edited, headers=headers).json()["outcome"] == "new_version"
    shown = world.client.get(first.headers["location"], headers=headers).json()
    assert [version["kind"] for version in shown["versions"]] == ["own", "corrected_manager"]
    assert shown["newest"]["version"] == 2
    assert shown["vendor_record_base64"] == "Yg=="


def test_coordinates_are_kept_in_wgs84_and_say_where_they_came_from(world: ApiWorld) -> None:
    point = {"latitude": 31.2284737, "longitude": 121.4782241, "datum": "GCJ-02", "accuracy_m": 9}
    body = punch(point=point)
    shown = world.client.post(URL, json=body, headers=world.token(*BOTH)).json()["clock_in"]
    assert shown["point"]["latitude"] == pytest.approx(31.230416, abs=1e-6)
    assert shown["point"]["source_datum"] == "GCJ-02"


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"punched_at": "2026-09-21T08:55:10"}, "body.punched_at"),
        ({"punched_at": "1970-01-01T08:00:00+08:00"}, "body.punched_at"),
        ({"punched_at": "2026-09-22T08:55:10+08:00"}, "body.punched_at"),
        ({"punched_at": "yesterday"}, "body.punched_at"),
        ({"direction": "sideways"}, "body.direction"),
        ({"employee": "nobody"}, "body.employee"),
        ({"site": "nowhere"}, "body.site"),
        ({"point": {"latitude": 31.2, "longitude": 121.5}}, "body.point.datum"),
        ({"point": {"latitude": 99, "longitude": 121.5, "datum": "WGS-84"}}, "body.point.latitude"),
        ({"colour": "red"}, "body.colour"),
        ({"source": "a\0b"}, "body.source"),
        ({"employee": "E001\n"}, "body.employee"),
        ({"source_id": ""}, "body.source_id"),
        ({"vendor_record": "x" * 20_001}, "body.vendor_record"),
    ],
)
def test_a_wrong_field_is_named(world: ApiWorld, change: dict[str, Any], where: str) -> None:
    answer = world.client.post(URL, json=punch(**change), headers=world.token(*BOTH))
    assert answer.status_code == 422
    assert [error["where"] for error in answer.json()["errors"]] == [where]


def test_a_batch_is_all_or_nothing(world: ApiWorld) -> None:
    headers = world.token(*BOTH)
    items = [punch(), punch(source_id="89", employee="nobody")]
    refused = world.client.post(f"{URL}/batch", json={"items": items}, headers=headers)
    assert [error["where"] for error in refused.json()["errors"]] == ["body.items[1].employee"]
    assert world.client.get(URL, headers=headers).json()["items"] == []
    items[1]["employee"] = "E002"
    stored = world.client.post(f"{URL}/batch", json={"items": items}, headers=headers).json()
    assert [item["outcome"] for item in stored["items"]] == ["added", "added"]


def test_pages_follow_each_other_to_the_last(world: ApiWorld) -> None:
    headers = world.token(*BOTH)
    items = [punch(source_id=str(number)) for number in range(5)]
    world.client.post(f"{URL}/batch", json={"items": items}, headers=headers)
    seen: list[str] = []
    cursor: str | None = None
    while True:
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = world.client.get(URL, params=query, headers=headers).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 5


@pytest.mark.parametrize("cursor", ["x", "!!!", "WzFd", "e30", "bnVsbA", "WyJhIiwxXQ"])
def test_a_cursor_from_elsewhere_is_refused(world: ApiWorld, cursor: str) -> None:
    answer = world.client.get(URL, params={"cursor": cursor}, headers=world.token(*BOTH))
    assert answer.status_code == 422


def test_a_listing_can_be_narrowed_by_time_and_person(world: ApiWorld) -> None:
    headers = world.token(*BOTH)
    items = [
        punch(source_id="1", punched_at="2026-09-20T09:00:00+08:00"),
        punch(source_id="2", punched_at="2026-09-21T09:00:00+08:00", employee="E002"),
    ]
    world.client.post(f"{URL}/batch", json={"items": items}, headers=headers)
    query = {"from": "2026-09-21T00:00:00+08:00", "to": "2026-09-22T00:00:00+08:00"}
    found = world.client.get(URL, params=query, headers=headers).json()["items"]
    assert [item["employee"] for item in found] == ["E002"]
    found = world.client.get(URL, params={"employee": "E001"}, headers=headers).json()["items"]
    assert [item["source_id"] for item in found] == ["1"]
