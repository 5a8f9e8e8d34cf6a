"""The interval cut into slots. The last one may be shorter; together they are the interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zaigang_collector.matching.errors import ClaimError
from zaigang_collector.matching.model import Claim
from zaigang_collector.matching.policy import Policy

# Year 2286 and beyond: seconds for milliseconds, or a mistyped year, not an interval.
_LATEST_MS = 10**13


@dataclass(frozen=True, slots=True)
class Grid:
    """Slots of `slot_ms` from `start_ms` to `end_ms`, counted from 0."""

    start_ms: int
    end_ms: int
    slot_ms: int
    count: int

    def slot_at(self, at_ms: int) -> int | None:
        """The slot that a moment falls into; None outside the interval."""
        if self.start_ms <= at_ms < self.end_ms:
            return (at_ms - self.start_ms) // self.slot_ms
        return None

    def slots_over(self, from_ms: int, to_ms: int) -> Sequence[int]:
        """The slots that an observation from `from_ms` to `to_ms` stands for.

        Up to a slot's length: the one that holds its middle. Longer: all whose middle it covers.
        """
        if to_ms - from_ms <= self.slot_ms:
            middle_ms = (from_ms + to_ms) // 2
            if self.start_ms <= middle_ms < self.end_ms:
                return ((middle_ms - self.start_ms) // self.slot_ms,)
            return ()
        half_ms = self.slot_ms // 2
        first = -((self.start_ms + half_ms - from_ms) // self.slot_ms)
        last = (to_ms - self.start_ms - half_ms) // self.slot_ms
        return range(max(0, first), min(self.count, last + 1))

    def from_ms(self, slot: int) -> int:
        return self.start_ms + slot * self.slot_ms

    def to_ms(self, slot: int) -> int:
        return min(self.end_ms, self.start_ms + (slot + 1) * self.slot_ms)

    def lengths_ms(self) -> list[int]:
        """The length of each slot; they sum to the interval."""
        lengths = [self.slot_ms] * self.count
        lengths[-1] = self.end_ms - self.from_ms(self.count - 1)
        return lengths


def grid_of(claim: Claim, policy: Policy) -> Grid:
    """Cut the claim's interval. Raises ClaimError when there is nothing to cut."""
    start_ms, end_ms, slot_ms = claim.start_ms, claim.end_ms, policy.slot_ms
    if type(start_ms) is not int or type(end_ms) is not int:
        raise ClaimError("the interval's times are not whole milliseconds; expected UTC ms")
    if end_ms <= start_ms:
        raise ClaimError(
            f"the interval ends {start_ms - end_ms} ms before or as it begins; "
            "expected clock-out after clock-in"
        )
    if not 0 <= start_ms <= end_ms <= _LATEST_MS:
        raise ClaimError("the interval is not in this age; expected UTC milliseconds")
    longest_ms = int(policy.longest_interval_h * 3_600_000)
    if end_ms - start_ms > longest_ms:
        raise ClaimError(
            f"the interval lasts {(end_ms - start_ms) / 3_600_000:.1f} h, at most "
            f"{policy.longest_interval_h:g} h can be assessed; look for a missing clock-out"
        )
    return Grid(start_ms, end_ms, slot_ms, -(-(end_ms - start_ms) // slot_ms))
