"""An agent between releases: it obeys what the release before told it, and what the next will tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.vectors import keys as vectors
from tests.vectors import make
from zaigang_agent import keys, schedule
from zaigang_agent.keys import Card
from zaigang_agent.spool import Spool
from zaigang_shared import cbor, cose, receipt

RELEASES: Final = sorted(path for path in make.FOLDER.iterdir() if (path / "keys.json").is_file())
MONDAY_NOON_MS: Final = 1_789_963_200_000  # 2026-09-21 12:00 in Shanghai
HOUR_MS: Final = 3_600_000


def _enrolled(folder: Path, config: bytes) -> Path:
    """A state folder of the vectors' device, as enrolment leaves it, except for certificates."""
    keys.make_key(folder / keys.KEY)
    public = vectors.COLLECTOR.public_key()
    keys.write(
        folder / keys.COLLECTOR_KEY,
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    )
    keys.write(folder / keys.CONFIG, config)
    Spool.create(folder, vectors.DEVICE_ID)
    card = Card(
        device_id=vectors.DEVICE_ID,
        kind="laptop",
        name="desk-7",
        collector_url="https://localhost:1",
        mqtt_host="localhost",
        mqtt_port=1,
        not_before_ms=0,
        not_after_ms=2**45,
    )
    keys.write_card(folder, card)
    return folder


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.name)
def test_a_configuration_of_the_release_before_is_obeyed(release: Path, tmp_path: Path) -> None:
    told = json.loads((release / "collector.json").read_text(encoding="utf-8"))["config"]
    identity = keys.load(_enrolled(tmp_path, bytes.fromhex(told["hex"])))
    hours = identity.config.config.hours
    assert schedule.allowed(hours, MONDAY_NOON_MS)
    assert not schedule.allowed(hours, MONDAY_NOON_MS + 10 * HOUR_MS)


def test_an_agent_that_was_rolled_back_starts_with_what_its_successor_was_told(
    tmp_path: Path,
) -> None:
    later: dict[str, Any] = {"hours": None, "net_key": bytes(32), "later": {"a": 1}, "usage_s": 30}
    fields = {
        "v": 1,
        "dev": vectors.DEVICE_ID,
        "version": 9,
        "at": make.UTC_MS,
        "config": later,
    }
    kid = receipt.collector_kid(vectors.COLLECTOR.public_key())
    signed = cose.sign1(vectors.COLLECTOR, cbor.dumps(fields), kid)
    identity = keys.load(_enrolled(tmp_path, signed))
    assert (identity.config.version, identity.config.config.usage_s) == (9, 30)
    assert (tmp_path / keys.CONFIG).read_bytes() == signed  # the successor finds all of it again


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.name)
def test_a_receipt_of_the_release_before_settles(release: Path) -> None:
    told = json.loads((release / "collector.json").read_text(encoding="utf-8"))["receipt"]
    word = receipt.open_receipt(bytes.fromhex(told["hex"]), vectors.COLLECTOR.public_key())
    assert (word.device_id, word.through) == (vectors.DEVICE_ID, 1)
