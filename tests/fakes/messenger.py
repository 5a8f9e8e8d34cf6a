"""Whoever brings messages of cases, in memory: what was sent, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection

from zaigang_collector.cases.telling import Fate, Message


@dataclass
class FakeMessenger:
    """As `cases.telling.Messenger`. Nothing is delivered until a test says so."""

    sent: list[Message] = field(default_factory=list)
    fates: dict[str, Fate] = field(default_factory=dict)

    def send(self, _conn: Connection, message: Message, _now_ms: int) -> None:
        assert message.key not in {one.key for one in self.sent}, "the same key for two messages"
        self.sent.append(message)

    def fate(self, _conn: Connection, key: str) -> Fate | None:
        return self.fates.get(key)

    def to(self, person: str) -> list[str]:
        """What kinds of messages somebody got, in order."""
        return [one.kind.value for one in self.sent if one.to == person]
