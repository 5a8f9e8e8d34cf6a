"""Whoever keeps alerts, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection

from zaigang_collector.cases.model import Finding
from zaigang_collector.errors import UnknownIdError


@dataclass
class FakeAlerts:
    """As `cases.grounds.Alerts`."""

    people: dict[str, str | None] = field(default_factory=dict)
    withdrawn: set[str] = field(default_factory=set)
    came_to: list[tuple[str, Finding, str]] = field(default_factory=list)

    def about(self, _conn: Connection, alert_id: str) -> str | None:
        if alert_id not in self.people:
            raise UnknownIdError("alert", alert_id)
        return self.people[alert_id]

    def is_withdrawn(self, _conn: Connection, alert_id: str) -> bool:
        return alert_id in self.withdrawn

    def concluded(
        self,
        _conn: Connection,
        alert_id: str,
        finding: Finding,
        by: str,
        _case_id: str,
        _now_ms: int,
    ) -> None:
        self.came_to.append((alert_id, finding, by))
