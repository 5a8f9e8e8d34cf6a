"""The ground of `connecting`, with Feishu's connector on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tests.factories.connecting import NET_KEY, Connected, connected
from tests.factories.vault import VAULT
from tests.fakes.dingtalk import FakeDingTalk
from tests.fakes.feishu import APP_ID, APP_SECRET, FakeFeishu
from zaigang_collector.connectors.backoff import Rhythm
from zaigang_collector.connectors.feishu import wire
from zaigang_collector.connectors.feishu.api import Api
from zaigang_collector.connectors.feishu.connector import Feishu
from zaigang_collector.connectors.feishu.settings import FeishuSettings
from zaigang_collector.connectors.http import Caller, Http
from zaigang_collector.connectors.polling import Passed, Poller, Source
from zaigang_collector.connectors.tokens import Token, TokenCache


@dataclass
class FeishuConnected:
    """One collector and the Feishu that it asks; nothing waits for real."""

    ground: Connected
    vendor: FakeFeishu
    settings: FeishuSettings
    app_secret: str = APP_SECRET

    def __post_init__(self) -> None:
        self.engine, self.clock, self.waits = self.ground.engine, self.vendor.clock, list[float]()
        # Longer than any answer takes on a loaded machine: who waits for a silence sets its own.
        self.http = Http(self.clock, silence_s=20)
        self.tokens = TokenCache(self._fetch_token, self.clock)

    def connector(self) -> Feishu:
        rhythm = Rhythm(lambda: 0.5)
        caller = Caller(self.http, self.tokens, wire.Wire(), rhythm, self._pause)
        return Feishu(self.settings, Api(caller, self.vendor.url), NET_KEY)

    def poll(self, **how: Any) -> Passed:
        """One pass, now."""
        source = Source(self.connector(), self.settings)
        poller = Poller(self.engine, VAULT, self.ground.randomness, source)
        return poller.run(self.clock.utc_ms(), **how)

    def set(self, **changes: Any) -> None:
        """Change settings."""
        self.settings = msgspec.structs.replace(self.settings, **changes)

    def close(self) -> None:
        self.http.close()
        self.ground.http.close()
        self.engine.dispose()

    def _fetch_token(self) -> Token:
        return wire.fetch_token(self.http, self.vendor.url, APP_ID, self.app_secret)

    def _pause(self, wait_s: float) -> bool:
        self.waits.append(wait_s)
        return False


def feishu_connected(folder: Path, vendor: FakeFeishu, people: int = 20) -> FeishuConnected:
    """`people` employees E1001 … with one site, whose access point is known."""
    ground = connected(folder, FakeDingTalk(vendor.clock), people)
    return FeishuConnected(ground, vendor, FeishuSettings(app_id=APP_ID, approvals=False))
