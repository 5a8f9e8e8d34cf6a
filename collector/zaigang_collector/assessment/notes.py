"""What is true of the collector now and is to be read beside an assessment. Not judged, not stored."""

from __future__ import annotations

import json

from sqlalchemy import Connection

from zaigang_collector.assessment.model import StoredAssessment
from zaigang_collector.attendance import known
from zaigang_collector.connectors import status
from zaigang_collector.matching.model import Text


def notes(conn: Connection, stored: StoredAssessment, now_ms: int) -> tuple[Text, ...]:
    """What a source of the interval's clock-ins can never tell; and that it is silent at `now_ms` and
    was not read to the interval's end, or does not answer for the person: some may be missing, which
    is held against nobody."""
    claim = json.loads(stored.body)["claim"]
    sources = known.sources_of(conn, claim["clock_in_ids"])
    return status.notes(conn, sources, stored.employee_id, stored.end_ms, now_ms)
