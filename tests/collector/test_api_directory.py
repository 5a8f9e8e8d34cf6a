"""Sites, people, devices and the fleet over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factories.api_world import ApiWorld, api_world
from zaigang_collector import db
from zaigang_collector.access.model import Scope
from zaigang_collector.devices import service as devices
from zaigang_collector.devices.model import Device, DeviceKind, DeviceStatus
from zaigang_collector.devices.tables import DEVICE


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ApiWorld]:
    with api_world(tmp_path) as made:
        yield made


def add_laptop(world: ApiWorld, device_id: str = "lap-aaaaaaaaaa") -> None:
    device = Device(
        id=device_id,
        kind=DeviceKind.LAPTOP,
        name="laptop",
        platform="linux",
        employee_id="E001",
        site_id=None,
        status=DeviceStatus.ACTIVE,
        public_key=device_id.encode().ljust(32, b"\1"),
        rid_key=None,
        created_ms=world.clock.utc,
        revoked_ms=None,
        config_version=1,
    )
    with db.writing(world.engine) as conn:
        conn.execute(DEVICE.insert().values(**devices.columns(device), token_id="token"))
        devices.start_holding(conn, device_id, "E001", None, world.clock.utc)


def test_a_site_shows_its_fence_and_networks(world: ApiWorld) -> None:
    shown = world.client.get("/api/v1/sites/hq", headers=world.token(Scope.READ_DIRECTORY)).json()
    assert (shown["name"], shown["radius_m"]) == ("陆家嘴客户", 150.0)
    assert shown["networks"] == ["0000000000000001"]


def test_a_person_shows_the_shift_and_never_the_home(world: ApiWorld) -> None:
    answer = world.client.get("/api/v1/people/E001", headers=world.token(Scope.READ_DIRECTORY))
    shown = answer.json()
    assert shown["shift"][0] == {"weekday": 0, "from_min": 540, "to_min": 1080}
    assert shown["home_networks_registered"] == 0


def test_people_come_in_pages(world: ApiWorld) -> None:
    headers = world.token(Scope.READ_DIRECTORY)
    first = world.client.get("/api/v1/people?limit=1", headers=headers).json()
    second = world.client.get(
        "/api/v1/people", params={"limit": 1, "cursor": first["next"]}, headers=headers
    ).json()
    assert [first["items"][0]["id"], second["items"][0]["id"]] == ["E001", "E002"]
    assert second["next"] is None


def test_an_unchanged_resource_is_304_and_a_changed_one_is_sent(world: ApiWorld) -> None:
    add_laptop(world)
    headers = world.token(Scope.READ_DEVICES, Scope.WRITE_DEVICES)
    url = "/api/v1/devices/lap-aaaaaaaaaa"
    tag = world.client.get(url, headers=headers).headers["etag"]
    same = world.client.get(url, headers=headers | {"if-none-match": tag})
    assert (same.status_code, same.content) == (304, b"")
    world.client.put(
        f"{url}/status", json={"status": "lost", "why": "left in a taxi"}, headers=headers
    )
    changed = world.client.get(url, headers=headers | {"if-none-match": tag})
    assert (changed.status_code, changed.json()["status"]) == (200, "lost")


def test_a_revoked_device_stays_revoked(world: ApiWorld) -> None:
    add_laptop(world)
    headers = world.token(Scope.WRITE_DEVICES)
    url = "/api/v1/devices/lap-aaaaaaaaaa/status"
    revoked = world.client.put(url, json={"status": "revoked", "why": "stolen"}, headers=headers)
    assert revoked.json()["revoked_at"] is not None
    back = world.client.put(url, json={"status": "active", "why": "found again"}, headers=headers)
    assert back.status_code == 409


def test_a_device_that_never_delivered_is_in_the_fleet(world: ApiWorld) -> None:
    add_laptop(world)
    headers = world.token(Scope.READ_HEALTH)
    (one,) = world.client.get("/api/v1/fleet/health", headers=headers).json()["items"]
    assert (one["device"], one["seen_at"], one["missing"]) == ("lap-aaaaaaaaaa", None, 0)
    assert world.client.get("/api/v1/fleet/refusals", headers=headers).json() == {"items": []}


def test_metrics_are_prometheus_text_without_names(world: ApiWorld) -> None:
    add_laptop(world)
    text = world.client.get("/metrics", headers=world.token(Scope.READ_HEALTH)).text
    assert "zaigang_devices 1.0" in text
    assert "王晓梅" not in text


def test_readings_of_nothing_are_an_empty_list_and_too_long_a_stretch_is_refused(
    world: ApiWorld,
) -> None:
    add_laptop(world)
    headers = world.token(Scope.READ_READINGS)
    url = "/api/v1/devices/lap-aaaaaaaaaa/readings"
    span = {"from": "2026-09-21T00:00:00Z", "to": "2026-09-22T00:00:00Z"}
    assert world.client.get(url, params=span, headers=headers).json()["readings"] == []
    span["to"] = "2026-12-22T00:00:00Z"
    assert world.client.get(url, params=span, headers=headers).status_code == 422
    unknown = world.client.get(f"/api/v1/envelopes/{'0' * 64}", headers=headers)
    assert unknown.status_code == 404
