"""Alerts, as cases ask about them and tell what they came to."""

from __future__ import annotations

from sqlalchemy import Connection

from zaigang_collector.assessment.service import Judge
from zaigang_collector.cases.model import Finding
from zaigang_collector.errors import UnknownIdError
from zaigang_collector.rules import service, store
from zaigang_collector.rules.model import State


class AlertsOfRules:
    """`cases.grounds.Alerts` over the alerts of `rules`."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    def about(self, conn: Connection, alert_id: str) -> str | None:
        """Whose it is; None: the infrastructure's. Raises UnknownIdError."""
        return store.get(conn, self._judge.vault, alert_id).employee_id

    def is_withdrawn(self, conn: Connection, alert_id: str) -> bool:
        """Whether its ground is gone; of one that is not known nothing is."""
        try:
            return store.get(conn, self._judge.vault, alert_id).state is State.WITHDRAWN
        except UnknownIdError:
            return False

    def concluded(
        self, conn: Connection, alert_id: str, finding: Finding, by: str, case_id: str, now_ms: int
    ) -> None:
        """What is inconclusive speaks neither for its rule nor against it."""
        if finding is Finding.INCONCLUSIVE or not store.is_known(conn, alert_id):
            return
        judge, upheld = self._judge, finding is Finding.SUBSTANTIATED
        why = f"case {case_id}"
        store.conclude(
            conn, judge.vault, alert_id, by, why, now_ms, judge.randomness, upheld=upheld
        )
        rule_id = store.get(conn, judge.vault, alert_id).rule_id
        service.suspend_overturned(conn, rule_id, judge, now_ms)
