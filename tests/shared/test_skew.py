"""One minor release apart: what the release before wrote is read, and what the next will write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.vectors import keys, make
from zaigang_shared import (
    __version__,
    cbor,
    cose,
    device_config,
    envelope,
    identifiers,
    readings,
    receipt,
    rid,
)
from zaigang_shared.device_config import DeviceConfig
from zaigang_shared.errors import WireError

COLLECTOR_KEY: Final = keys.COLLECTOR.public_key()
RELEASES: Final = sorted(path for path in make.FOLDER.iterdir() if (path / "keys.json").is_file())
SETTINGS: Final[dict[str, Any]] = {"hours": None, "net_key": bytes(32)}


def _load(release: Path, name: str) -> Any:
    return json.loads((release / name).read_text(encoding="utf-8"))


def test_this_release_is_frozen() -> None:
    assert __version__.rpartition(".")[0] in {release.name for release in RELEASES}


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.name)
def test_what_devices_of_a_release_sealed_is_read_as_it_was_meant(release: Path) -> None:
    prev = envelope.FIRST_PREV
    for seq, vector in enumerate(_load(release, "envelopes.json"), start=1):
        opened = envelope.open_sealed(bytes.fromhex(vector["hex"]), keys.DEVICE.public_key())
        assert (opened.seal.seq, opened.seal.prev) == (seq, prev)
        assert make.meaning(list(opened.readings)) == vector["payload"]["readings"]
        assert len(readings.decode_all(opened.readings, opened.seal.up_ms)) > 0
        prev = opened.digest


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.name)
def test_every_kind_of_reading_of_a_release_is_known(release: Path) -> None:
    for vector in _load(release, "readings.json"):
        raw = cbor.loads(bytes.fromhex(vector["hex"]), vector["name"])
        reading = readings.decode(raw, up_ms=10**9)
        assert reading is not None, vector["name"]
        assert readings.encode(reading) == raw


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.name)
def test_what_a_collector_of_a_release_signed_is_believed(release: Path) -> None:
    signed = {name: bytes.fromhex(v["hex"]) for name, v in _load(release, "collector.json").items()}
    first = _load(release, "envelopes.json")[0]
    assert receipt.open_receipt(signed["receipt"], COLLECTOR_KEY).head.hex() == first["sha256"]
    assert receipt.open_vantage(signed["vantage"], COLLECTOR_KEY).device_id == keys.DEVICE_ID
    told = device_config.open_config(signed["config"], COLLECTOR_KEY)
    assert told.config.hours is not None
    assert told.config.hours.shifts[0].from_min == 540
    assert told.config.apps == {"editor": ["code", "vim"]}


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.name)
def test_tokens_and_beacons_of_a_release_are_read(release: Path) -> None:
    for vector in _load(release, "tokens.json")["good"]:
        assert identifiers.parse_token(vector["text"]).id == vector["id"]
    for vector in _load(release, "rid.json")["frames"]:
        assert rid.decode_frame(bytes.fromhex(vector["hex"])).rid.hex() == vector["rid"]


def _told(settings: dict[str, Any]) -> DeviceConfig:
    """A configuration as a later collector may sign it, read by this release."""
    fields = {
        "v": 1,
        "dev": keys.DEVICE_ID,
        "version": 4,
        "at": make.UTC_MS,
        "config": SETTINGS | settings,
    }
    data = cose.sign1(keys.COLLECTOR, cbor.dumps(fields), receipt.collector_kid(COLLECTOR_KEY))
    return device_config.open_config(data, COLLECTOR_KEY).config


def test_settings_of_a_later_release_are_left_out_and_the_known_ones_obeyed() -> None:
    told = _told({"usage_s": 30, "later_s": 5, "later": {"deep": [1, "two", None]}})
    assert told == DeviceConfig(hours=None, net_key=bytes(32), usage_s=30)


@pytest.mark.parametrize(
    "later",
    [
        {"format": "uwb", "prefix": bytes(8)},
        {"format": "ibeacon", "prefix": bytes(20), "only_weekdays": True},
    ],
)
def test_a_beacon_of_a_later_kind_is_left_out_and_the_others_are_kept(
    later: dict[str, Any],
) -> None:
    known = {"format": "ibeacon", "prefix": bytes(range(16))}
    (kept,) = _told({"kept": [later, known]}).kept
    assert (kept.format, kept.prefix) == ("ibeacon", bytes(range(16)))


def test_a_carried_sensor_of_a_later_kind_is_left_out() -> None:
    known = {"sensor": "desk", "format": "ruuvi", "address": bytes(6)}
    (carried,) = _told({"carried": [{**known, "format": "matter"}, known]}).carried
    assert carried.format == "ruuvi"


@pytest.mark.parametrize(
    "wrong",
    [
        {"later": 1, "usage_s": 0},
        {"later": 1, "hours": {"tz": "UTC", "shifts": [], "margin_min": 0, "holidays": []}},
        {"later": 1, "kept": [{"format": "ibeacon", "prefix": b"abc"}]},
        {"later": 1, "kept": [{"format": 7, "prefix": bytes(8)}]},
        {"later": 1, "kept": ["ibeacon"]},
        {"later": 1, "carried": 5},
    ],
)
def test_what_is_known_stays_strict_beside_what_is_not(wrong: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        _told(wrong)


def test_a_restriction_that_older_devices_must_not_overlook_has_a_version_that_they_refuse() -> (
    None
):
    fields = {"v": 2, "dev": keys.DEVICE_ID, "version": 4, "at": 1, "config": SETTINGS}
    data = cose.sign1(keys.COLLECTOR, cbor.dumps(fields), receipt.collector_kid(COLLECTOR_KEY))
    with pytest.raises(WireError, match="version 2"):
        device_config.open_config(data, COLLECTOR_KEY)
