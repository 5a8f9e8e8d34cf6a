"""A REST interface over a fresh database, with a directory and tokens."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from sqlalchemy import Engine
from starlette.testclient import TestClient

from tests.factories.bundling import exported
from tests.factories.ledger import SIGNER
from tests.factories.vault import VAULT
from tests.fakes.clock import FakeClock
from zaigang_collector import db
from zaigang_collector.access import service as access
from zaigang_collector.access.model import Scope
from zaigang_collector.access.passwords import Hasher
from zaigang_collector.api.deps import Services
from zaigang_collector.app import api_app
from zaigang_collector.assessment.service import Judge
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import (
    Employee,
    Language,
    Network,
    NetworkKind,
    Site,
    SiteKind,
)
from zaigang_collector.ledger import sequencer
from zaigang_collector.ledger.witness import Cosigner
from zaigang_collector.matching.policy import default_policy
from zaigang_shared.device_config import Shift
from zaigang_shared.note import VerifierKey

ZONE = "Asia/Shanghai"
NET_KEY = bytes(32)
WEEK = tuple(Shift(day, 540, 1080) for day in range(7))


class Counting:
    """Bytes that never repeat and are the same in every run."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def __call__(self, size: int) -> bytes:
        return next(self._numbers).to_bytes(8, "big").rjust(size, b"\0")[-size:]


@dataclass
class ApiWorld:
    """The interface and what is behind it."""

    engine: Engine
    app: FastAPI
    witness_key: VerifierKey
    client: TestClient
    clock: FakeClock
    randomness: Counting
    judge: Judge
    problems: list[str] = field(default_factory=list)
    """What /readyz complains about."""

    def token(self, *scopes: Scope, expires_ms: int | None = None) -> dict[str, str]:
        """Headers of a new token."""
        with db.writing(self.engine) as conn:
            text = access.create(conn, "test", scopes, self.clock.utc, expires_ms, self.randomness)
        return {"authorization": f"Bearer {text}"}


@contextmanager
def api_world(
    folder: Path, url: str = "", logs: tuple[VerifierKey, ...] = (), witness: str = "first/w"
) -> Iterator[ApiWorld]:
    """A site `hq`, people E001 and E002, nobody with a device; in a SQLite file, or at `url`. `logs`:
    ledgers that it witnesses under the name `witness`."""
    engine = db.open_engine(url or f"sqlite:///{folder / 'test.db'}")
    clock, randomness = FakeClock(), Counting()
    with db.writing(engine) as conn:
        db.metadata.create_all(conn)
        sequencer.prepare(conn, SIGNER, clock.utc)
        site = Site("hq", "陆家嘴客户", SiteKind.CLIENT, ZONE, 31.2397, 121.4998, 150.0)
        directory.put_site(conn, site, clock.utc, randomness)
        network = Network(NetworkKind.GATEWAY, hash=bytes(7) + b"\1")
        directory.add_site_network(conn, "hq", network, clock.utc, randomness)
        for number, name in enumerate(("王晓梅", "李建国"), 1):
            employee = Employee(f"E00{number}", name, "交付部", Language.CHINESE, ZONE, WEEK)
            directory.put_employee(conn, VAULT, employee, clock.utc, randomness)
    problems: list[str] = []
    collector_key = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
    services = Services(
        engine=engine,
        clock=clock,
        randomness=randomness,
        collector_key=collector_key,
        ledger_key=SIGNER.verifier,
        policy=default_policy(),
        vault=VAULT,
        witness=Cosigner(witness, Ed25519PrivateKey.generate(), logs),
        net_key=NET_KEY,
        bundle=lambda name, purpose: exported(engine, name, purpose, clock.utc),
        ready=lambda: problems,
        hasher=Hasher(1, 8, 1),
    )
    judge = Judge(default_policy(), collector_key, randomness, VAULT)
    app, key = api_app(services), services.witness.verifier
    with TestClient(app, raise_server_exceptions=False) as client:
        yield ApiWorld(engine, app, key, client, clock, randomness, judge, problems)
    engine.dispose()
