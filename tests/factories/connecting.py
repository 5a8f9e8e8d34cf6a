"""A collector's ground with a source to ask: directory, vault, database, and a connector."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

import httpx2
import msgspec
import sqlalchemy as sa
from sqlalchemy import Engine

from tests.factories.directory import stored_employee, stored_site
from tests.factories.vault import VAULT
from tests.fakes import database
from tests.fakes.clock import FakeClock
from tests.fakes.dingtalk import APP_KEY, APP_SECRET, FakeDingTalk
from tests.fakes.dingtalk_month import BSSID
from tests.fakes.randomness import Repeatable
from tests.fakes.vendor import Vendor
from zaigang_collector import db
from zaigang_collector.attendance import service as attendance
from zaigang_collector.attendance.model import ClockIn
from zaigang_collector.connectors import aside, state
from zaigang_collector.connectors.backoff import Rhythm
from zaigang_collector.connectors.contract import Kind
from zaigang_collector.connectors.dingtalk import wire
from zaigang_collector.connectors.dingtalk.api import Api
from zaigang_collector.connectors.dingtalk.connector import DingTalk
from zaigang_collector.connectors.dingtalk.settings import DingTalkSettings
from zaigang_collector.connectors.http import Caller, Dialect, Http
from zaigang_collector.connectors.polling import Passed, Poller, Source
from zaigang_collector.connectors.tokens import Token, TokenCache
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Network, NetworkKind
from zaigang_shared.network_hash import network_hash

NET_KEY = bytes(range(32))
SITE_WGS = 30.274085, 120.155070


S = TypeVar("S", bound=msgspec.Struct)
V = TypeVar("V", bound=Vendor)


@dataclass
class Asking(abc.ABC, Generic[V, S]):
    """One collector and the vendor that it asks; nothing waits for real."""

    engine: Engine
    clock: FakeClock
    vendor: V
    settings: S
    waits: list[float] = field(default_factory=list)
    randomness: Repeatable = field(default_factory=lambda: Repeatable("connected"))

    def __post_init__(self) -> None:
        self.http = Http(self.clock)
        self._source: Source | None = None

    @abc.abstractmethod
    def made(self) -> Source:
        """A new connector, with its settings as they are now."""

    def source(self) -> Source:
        """The one that goes on as long as the settings stay."""
        if self._source is None:
            self._source = self.made()
        return self._source

    def poll(self, **how: Any) -> Passed:
        """One pass, now."""
        poller = Poller(self.engine, VAULT, self.randomness, self.source())
        return poller.run(self.clock.utc_ms(), **how)

    def is_impatient(self) -> None:
        """Whoever says nothing for a moment is given up; on a loaded machine also who would answer."""
        self.http.close()
        self.http = Http(self.clock, silence_s=0.5)
        self._source = None

    def set(self, **changes: Any) -> None:
        """Change settings."""
        self.settings = msgspec.structs.replace(self.settings, **changes)
        self._source = None

    def state(self, kind: Kind = Kind.PUNCHES) -> state.State | None:
        with db.reading(self.engine) as conn:
            return state.get(conn, self.source().name, kind)

    def stored(self) -> list[ClockIn]:
        """All clock-ins as they are now."""
        with db.reading(self.engine) as conn:
            return list(attendance.list_page(conn, VAULT, attendance.Filter(), None, 10_000))

    def everything_in(self) -> bytes:
        """All files of the database, its log included, and all that is sealed, opened."""
        path = Path(str(self.engine.url.database))
        raw = b"".join(one.read_bytes() for one in path.parent.glob(path.name + "*"))
        opened = [one.content.body() for one in self.stored()]
        with db.reading(self.engine) as conn:
            ids = conn.scalars(sa.text("SELECT vendor_id FROM connectors_aside")).all()
            name = self.source().name
            opened += [repr(aside.opened(conn, VAULT, name, one)).encode() for one in ids]
        assert opened
        return raw + b"".join(opened)

    def table(self) -> list[tuple[object, ...]]:
        """All clock-ins to the last field, to see that nothing changed."""
        return [
            (one.reference, one.stored_ms, dataclasses.astuple(one.content))
            for one in self.stored()
        ]

    def close(self) -> None:
        self.http.close()
        self.engine.dispose()

    def pause(self, wait_s: float) -> bool:
        """Waits let time pass, and none of ours."""
        self.waits.append(wait_s)
        return False


@dataclass
class Connected(Asking[FakeDingTalk, DingTalkSettings]):
    """With DingTalk."""

    app_secret: str = APP_SECRET

    def __post_init__(self) -> None:
        super().__post_init__()
        self.tokens = TokenCache(
            lambda: wire.fetch_token(self.http, self.vendor.url, APP_KEY, self.app_secret),
            self.clock,
        )

    def made(self) -> Source:
        caller = Caller(self.http, self.tokens, wire.Wire(), Rhythm(lambda: 0.5), self.pause)
        zone = ZoneInfo(self.settings.time_zone)
        api = Api(caller, self.vendor.url, self.vendor.url, zone)
        return Source(DingTalk(self.settings, api, NET_KEY), self.settings)


class Canned:
    """A vendor whose answers are put into a list, and what it was asked."""

    def __init__(self, first: object) -> None:
        self.answers: list[Any] = [first]
        self.asked: list[httpx2.Request] = []
        self.clock = FakeClock()
        self.http = Http(self.clock, transport=httpx2.MockTransport(self._answered))

    def caller(self, dialect: Dialect, fetch_token: Callable[[], Token]) -> Caller:
        """Calls that wait for nothing."""
        tokens = TokenCache(fetch_token, self.clock)
        return Caller(self.http, tokens, dialect, Rhythm(lambda: 0.0), lambda _: False)

    def _answered(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        return httpx2.Response(200, json=self.answers.pop(0))


def ground(folder: Path, now_ms: int, people: int) -> Engine:
    """A database with `people` employees E1001 … and one site, whose access point is known."""
    database.all_tables()
    engine = database.in_file(folder)
    with db.writing(engine) as conn:
        latitude, longitude = SITE_WGS
        stored_site(conn, id="hq", latitude=latitude, longitude=longitude, radius_m=200.0)
        mac = bytes.fromhex(BSSID.replace(":", ""))
        network = Network(NetworkKind.GATEWAY, hash=network_hash(NET_KEY, mac))
        directory.add_site_network(conn, "hq", network, now_ms, Repeatable("ground"))
        for number in range(people):
            stored_employee(conn, id=f"E{1001 + number}", name=f"甲{number}")
    return engine


def connected(folder: Path, vendor: FakeDingTalk, people: int = 20) -> Connected:
    """`people` employees E1001 … with one site, whose access point is known."""
    engine = ground(folder, vendor.clock.utc, people)
    settings = DingTalkSettings(app_key=APP_KEY, leave=False)
    return Connected(engine, vendor.clock, vendor, settings)
