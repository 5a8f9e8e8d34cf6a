"""A device's chain as far as it is here. Pure.

Every envelope is stored under its seq, in whatever order it arrives; `through` is the end of the
unbroken beginning. It depends on the set of stored envelopes alone, so no order of arrival can
change it, and it never goes back, because receipts have been given for it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from zaigang_shared.envelope import FIRST_PREV


@dataclass(frozen=True, slots=True)
class Link:
    """How one envelope hangs in the chain."""

    digest: bytes
    prev: bytes


@dataclass(frozen=True, slots=True)
class Chain:
    """What is known of one device's chain."""

    through: int = 0
    """The last seq before the first hole; 0: the first envelope is not here."""
    head: bytes = FIRST_PREV
    """SHA-256 of envelope `through`; zeros before the first, as in its `prev`."""
    max_seq: int = 0
    stored: int = 0
    broken_seq: int | None = None
    """The envelope after `through` is here, and its `prev` names another than `head`. For good:
    under one seq nothing is ever replaced."""

    @property
    def missing(self) -> int:
        """How many envelopes below `max_seq` are not here."""
        return self.max_seq - self.stored


def added(chain: Chain, links: Mapping[int, Link]) -> Chain:
    """The chain with new envelopes, by seq; `advance` says what they are good for."""
    if not links:
        return chain
    return dataclasses.replace(
        chain,
        max_seq=max(chain.max_seq, max(links)),
        stored=chain.stored + len(links),
    )


def advance(chain: Chain, links: Mapping[int, Link]) -> Chain:
    """Follow `links` (stored envelopes by seq) from `through` to the first hole or break."""
    through, head, broken = chain.through, chain.head, chain.broken_seq
    while broken is None and (link := links.get(through + 1)) is not None:
        if link.prev != head:
            broken = through + 1
        else:
            through, head = through + 1, link.digest
    return dataclasses.replace(chain, through=through, head=head, broken_seq=broken)
