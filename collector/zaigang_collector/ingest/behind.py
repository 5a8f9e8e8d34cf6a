"""Devices that quote receipts which this database never gave: whose fault is that? Pure.

A device that quotes what nobody gave it is odd. Several that do, or one whose envelopes before are
missing as well, are what an older backup looks like from here: what they were told, and what they
had sent, is gone. Then it says something of the collector, and nothing of any device or person.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

# A laptop that comes back from leave is part of the same story. Larger excuses two oddities that
# have nothing to do with each other; smaller blames the one who was away.
_TOGETHER_MS: Final = 14 * 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Quoted:
    """An envelope that quoted an unknown receipt."""

    device_id: str
    at_ms: int
    """When it was noticed, collector UTC."""
    after_hole: bool
    """The envelope before it is not here either."""


def explained(quotes: Iterable[Quoted]) -> frozenset[str]:
    """Devices whose unknown receipts an older backup explains better than anything about them."""
    by_time = sorted(quotes, key=lambda one: (one.at_ms, one.device_id))
    found = {one.device_id for one in by_time if one.after_hole}
    # Of two devices that are near in time, some two neighbours in time are of two devices too.
    for before, after in itertools.pairwise(by_time):
        if before.device_id != after.device_id and after.at_ms - before.at_ms <= _TOGETHER_MS:
            found |= {before.device_id, after.device_id}
    return frozenset(found)


def warning(device_ids: frozenset[str]) -> str | None:
    """For people; None: nothing to warn of."""
    if not device_ids:
        return None
    who = "1 device quotes" if len(device_ids) == 1 else f"{len(device_ids)} devices quote"
    return (
        f"{who} receipts that this database never gave: it may have been restored from an older "
        "backup"
    )
