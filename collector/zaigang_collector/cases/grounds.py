"""Alerts, as far as cases need to know of them.

Rules are another room: `bootstrap` hands in what answers.
"""

from __future__ import annotations

from typing import Protocol

from sqlalchemy import Connection

from zaigang_collector.cases.model import Finding


class Alerts(Protocol):
    """Whoever keeps alerts. Called within the transaction of the step."""

    def about(self, conn: Connection, alert_id: str) -> str | None:
        """Whose it is, by employee id; None: nobody's in particular. Raises UnknownIdError."""
        ...

    def is_withdrawn(self, conn: Connection, alert_id: str) -> bool:
        """Whether its ground is gone."""
        ...

    def concluded(
        self, conn: Connection, alert_id: str, finding: Finding, by: str, case_id: str, now_ms: int
    ) -> None:
        """A case that rests on it became final: so rules that are often overturned are found."""
        ...
