"""Mappings that somebody confirmed, by source and form. No commits here."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector import db
from zaigang_collector.connectors.sheets.mapping import ColumnMap
from zaigang_collector.connectors.tables import SHEET


def find(conn: Connection, source: str, form: str) -> ColumnMap | None:
    """How files of this form are read; None: nobody has said so, or by an older version of us."""
    query = sa.select(SHEET.c.columns).where(SHEET.c.source == source, SHEET.c.form == form)
    stored = conn.execute(query).scalar_one_or_none()
    if stored is None:
        return None
    try:
        return msgspec.json.decode(stored, type=ColumnMap)
    except msgspec.ValidationError:
        return None  # then it is asked for again


def keep(conn: Connection, source: str, form: str, given: ColumnMap, now_ms: int) -> None:
    """From now on files of this form are read so, without a question."""
    row = {
        "source": source,
        "form": form,
        "columns": msgspec.json.encode(given),
        "confirmed_ms": now_ms,
    }
    db.upsert(conn, SHEET, [row])
