"""A collector's ground with WeCom to ask; see `connecting` for the same with DingTalk."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Engine

from tests.factories.connecting import NET_KEY, ground
from tests.factories.vault import VAULT
from tests.fakes.clock import FakeClock
from tests.fakes.dingtalk_month import person
from tests.fakes.randomness import Repeatable
from tests.fakes.wecom import CONTACTS_SECRET, CORP_ID, SECRET, FakeWeCom
from zaigang_collector import db
from zaigang_collector.connectors import state
from zaigang_collector.connectors.backoff import Rhythm
from zaigang_collector.connectors.contract import Kind
from zaigang_collector.connectors.http import Caller, Http
from zaigang_collector.connectors.polling import Passed, Poller, Source
from zaigang_collector.connectors.tokens import TokenCache
from zaigang_collector.connectors.wecom import wire
from zaigang_collector.connectors.wecom.api import Api, Callers
from zaigang_collector.connectors.wecom.connector import WeCom
from zaigang_collector.connectors.wecom.settings import WeComPeople, WeComSettings


@dataclass
class Connected:
    """One collector and the vendor that it asks; a wait lets time pass, and none of ours."""

    engine: Engine
    clock: FakeClock
    vendor: FakeWeCom
    settings: WeComSettings
    waits: list[float] = field(default_factory=list)
    randomness: Repeatable = field(default_factory=lambda: Repeatable("connected"))
    corp_id: str = CORP_ID
    secret: str = SECRET
    contacts_secret: str = CONTACTS_SECRET

    def __post_init__(self) -> None:
        self.http = Http(self.clock, silence_s=0.5)
        self.tokens = {
            name: TokenCache(partial(self._token, name), self.clock)
            for name in ("secret", "contacts_secret")
        }

    def connector(self) -> WeCom:
        check_ins, contacts = (self._caller(name) for name in self.tokens)
        asked = Api(Callers(check_ins, contacts, check_ins), self.vendor.url)
        return WeCom(self.settings, asked, NET_KEY)

    def poll(self, **how: Any) -> Passed:
        """One pass, now."""
        source = Source(self.connector(), self.settings)
        poller = Poller(self.engine, VAULT, self.randomness, source)
        return poller.run(self.clock.utc_ms(), **how)

    def set(self, **changes: Any) -> None:
        """Change settings."""
        self.settings = msgspec.structs.replace(self.settings, **changes)

    def state(self, kind: Kind = Kind.PUNCHES) -> state.State | None:
        with db.reading(self.engine) as conn:
            return state.get(conn, "wecom", kind)

    def close(self) -> None:
        self.http.close()
        self.engine.dispose()

    def _token(self, name: str) -> Any:
        return wire.fetch_token(self.http, self.vendor.url, self.corp_id, getattr(self, name))

    def _caller(self, name: str) -> Caller:
        rhythm = Rhythm(lambda: 0.5)
        return Caller(self.http, self.tokens[name], wire.Wire(), rhythm, self._pause)

    def _pause(self, wait_s: float) -> bool:
        self.waits.append(wait_s)
        self.clock.advance(round(wait_s * 1000))
        return False


def connected(folder: Path, vendor: FakeWeCom, people: int = 20) -> Connected:
    """`people` employees E1001 …, whom the settings match to WeCom's people one by one."""
    engine = ground(folder, vendor.clock.utc, people)
    ids = {person(number): f"E{1001 + number}" for number in range(people)}
    settings = WeComSettings(corp_id=CORP_ID, people=WeComPeople(ids=ids))
    return Connected(engine, vendor.clock, vendor, settings)
