"""Two hosts under one key, told by what each of them goes on doing. No commits here.

One fork may be a disk that was put back to an older copy: the history that is here has ended then,
and the one that comes now stops by itself, as its first receipt shows it. Two things have no such
excuse. More than one other history: a disk is put back once before somebody looks at it, while an
image that was laid on a hundred laptops comes as ninety-nine forks of the same number. And a history
that goes on although another one has been heard: whoever seals an envelope that quotes a receipt
given after the fork arrived, and continues the chain that is here, is not the host of the fork.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector.ingest.model import EventKind
from zaigang_collector.ingest.tables import ASIDE, EVENT

FORK: Final = "fork"
"""What ASIDE calls an envelope of another history."""
# Larger lets two histories go on; smaller silences a laptop because of one restored backup.
FORKS_OF_TWO_HOSTS: Final = 2


def forked_often(conn: Connection, device_ids: Collection[str]) -> frozenset[str]:
    """Which of these devices have sent more other histories than one restored copy explains."""
    query = (
        sa.select(ASIDE.c.device_id)
        .where(ASIDE.c.device_id.in_(sorted(device_ids)), ASIDE.c.kind == FORK)
        .group_by(ASIDE.c.device_id)
        .having(sa.func.count() >= FORKS_OF_TWO_HOSTS)
    )
    return frozenset(conn.scalars(query))


def both_go_on(conn: Connection, sealed_after_ms: Mapping[str, int]) -> frozenset[str]:
    """Which of these devices go on in the chain that is here after another history was heard.

    `sealed_after_ms`: by device, the time of the newest receipt that an envelope quotes which
    continues that chain: it was sealed later than that. A fork from before the last quarantine was
    dealt with by whoever lifted it.
    """
    if not sealed_after_ms:
        return frozenset()
    heard = _newest(
        conn,
        sa.select(ASIDE.c.device_id, sa.func.max(ASIDE.c.arrived_ms))
        .where(ASIDE.c.device_id.in_(sorted(sealed_after_ms)), ASIDE.c.kind == FORK)
        .group_by(ASIDE.c.device_id),
    )
    suspects = {name for name, at_ms in heard.items() if sealed_after_ms[name] > at_ms}
    if not suspects:
        return frozenset()
    dealt_with = _newest(
        conn,
        sa.select(EVENT.c.device_id, sa.func.max(EVENT.c.at_ms))
        .where(EVENT.c.device_id.in_(sorted(suspects)), EVENT.c.kind == EventKind.TWO_HOSTS.value)
        .group_by(EVENT.c.device_id),
    )
    return frozenset(name for name in suspects if heard[name] > dealt_with.get(name, -1))


def _newest(conn: Connection, query: sa.Select[Any]) -> dict[str, int]:
    return {str(row[0]): int(row[1]) for row in conn.execute(query)}
