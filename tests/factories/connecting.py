"""A collector's ground with a source to ask: directory, vault, database, and DingTalk's connector."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Engine

from tests.factories.directory import stored_employee, stored_site
from tests.factories.vault import VAULT
from tests.fakes import database
from tests.fakes.clock import FakeClock
from tests.fakes.dingtalk import APP_KEY, APP_SECRET, FakeDingTalk
from tests.fakes.dingtalk_month import BSSID
from tests.fakes.randomness import Repeatable
from zaigang_collector import db
from zaigang_collector.connectors import state
from zaigang_collector.connectors.backoff import Rhythm
from zaigang_collector.connectors.contract import Kind
from zaigang_collector.connectors.dingtalk import wire
from zaigang_collector.connectors.dingtalk.api import Api
from zaigang_collector.connectors.dingtalk.connector import DingTalk
from zaigang_collector.connectors.dingtalk.settings import DingTalkSettings
from zaigang_collector.connectors.http import Caller, Http
from zaigang_collector.connectors.polling import Passed, Poller, Source
from zaigang_collector.connectors.tokens import TokenCache
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Network, NetworkKind
from zaigang_shared.network_hash import network_hash

NET_KEY = bytes(range(32))
SITE_WGS = 30.274085, 120.155070


@dataclass
class Connected:
    """One collector and the vendor that it asks; nothing waits for real."""

    engine: Engine
    clock: FakeClock
    vendor: FakeDingTalk
    settings: DingTalkSettings
    waits: list[float] = field(default_factory=list)
    randomness: Repeatable = field(default_factory=lambda: Repeatable("connected"))
    app_secret: str = APP_SECRET

    def __post_init__(self) -> None:
        self.http = Http(self.clock)
        self.tokens = TokenCache(
            lambda: wire.fetch_token(self.http, self.vendor.url, APP_KEY, self.app_secret),
            self.clock,
        )

        self._connector: DingTalk | None = None

    def connector(self) -> DingTalk:
        """The one that goes on as long as the settings stay."""
        if self._connector is None:
            self._connector = self._made()
        return self._connector

    def _made(self) -> DingTalk:
        caller = Caller(self.http, self.tokens, wire.Wire(), Rhythm(lambda: 0.5), self._pause)
        zone = ZoneInfo(self.settings.time_zone)
        api = Api(caller, self.vendor.url, self.vendor.url, zone)
        return DingTalk(self.settings, api, NET_KEY)

    def poll(self, **how: Any) -> Passed:
        """One pass, now."""
        source = Source(self.connector(), self.settings)
        poller = Poller(self.engine, VAULT, self.randomness, source)
        return poller.run(self.clock.utc_ms(), **how)

    def is_impatient(self) -> None:
        """Whoever says nothing for a moment is given up; on a loaded machine also who would answer."""
        self.http.close()
        self.http = Http(self.clock, silence_s=0.5)
        self._connector = None

    def set(self, **changes: Any) -> None:
        """Change settings."""
        self.settings = msgspec.structs.replace(self.settings, **changes)
        self._connector = None

    def state(self, kind: Kind = Kind.PUNCHES) -> state.State | None:
        with db.reading(self.engine) as conn:
            return state.get(conn, "dingtalk", kind)

    def _pause(self, wait_s: float) -> bool:
        self.waits.append(wait_s)
        return False


def connected(folder: Path, vendor: FakeDingTalk, people: int = 20) -> Connected:
    """`people` employees E1001 … with one site, whose access point is known."""
    database.all_tables()
    engine = database.in_file(folder)
    randomness = Repeatable("ground")
    with db.writing(engine) as conn:
        latitude, longitude = SITE_WGS
        stored_site(conn, id="hq", latitude=latitude, longitude=longitude, radius_m=200.0)
        mac = bytes.fromhex(BSSID.replace(":", ""))
        network = Network(NetworkKind.GATEWAY, hash=network_hash(NET_KEY, mac))
        directory.add_site_network(conn, "hq", network, vendor.clock.utc, randomness)
        for number in range(people):
            stored_employee(conn, id=f"E{1001 + number}", name=f"甲{number}")
    settings = DingTalkSettings(app_key=APP_KEY, leave=False)
    return Connected(engine, vendor.clock, vendor, settings)
