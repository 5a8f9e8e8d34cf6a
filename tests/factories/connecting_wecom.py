"""A collector's ground with WeCom to ask; see `connecting` for the same with DingTalk."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.factories.connecting import NET_KEY, Asking, ground
from tests.fakes.dingtalk_month import person
from tests.fakes.wecom import CONTACTS_SECRET, CORP_ID, SECRET, FakeWeCom
from zaigang_collector.connectors.backoff import Rhythm
from zaigang_collector.connectors.http import Caller
from zaigang_collector.connectors.polling import Source
from zaigang_collector.connectors.tokens import Token, TokenCache
from zaigang_collector.connectors.wecom import wire
from zaigang_collector.connectors.wecom.api import Api, Callers
from zaigang_collector.connectors.wecom.connector import WeCom
from zaigang_collector.connectors.wecom.settings import WeComPeople, WeComSettings


@dataclass
class Connected(Asking[FakeWeCom, WeComSettings]):
    """With WeCom; a wait lets time pass, which opens what was asked too often."""

    corp_id: str = CORP_ID
    secret: str = SECRET
    contacts_secret: str = CONTACTS_SECRET

    def __post_init__(self) -> None:
        super().__post_init__()
        self.tokens = {
            name: TokenCache(partial(self._token, name), self.clock)
            for name in ("secret", "contacts_secret")
        }

    def made(self) -> Source:
        check_ins, contacts = (self._caller(name) for name in self.tokens)
        asked = Api(Callers(check_ins, contacts, check_ins), self.vendor.url)
        return Source(WeCom(self.settings, asked, NET_KEY), self.settings)

    def pause(self, wait_s: float) -> bool:
        self.clock.advance(round(wait_s * 1000))
        return super().pause(wait_s)

    def _token(self, name: str) -> Token:
        return wire.fetch_token(self.http, self.vendor.url, self.corp_id, getattr(self, name))

    def _caller(self, name: str) -> Caller:
        rhythm = Rhythm(lambda: 0.5)
        return Caller(self.http, self.tokens[name], wire.Wire(), rhythm, self.pause)


def connected(folder: Path, vendor: FakeWeCom, people: int = 20) -> Connected:
    """`people` employees E1001 …, whom the settings match to WeCom's people one by one."""
    engine = ground(folder, vendor.clock.utc, people)
    ids = {person(number): f"E{1001 + number}" for number in range(people)}
    settings = WeComSettings(corp_id=CORP_ID, people=WeComPeople(ids=ids))
    return Connected(engine, vendor.clock, vendor, settings)
