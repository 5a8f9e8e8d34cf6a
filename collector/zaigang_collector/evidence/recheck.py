"""Judging again from a bundle alone: the same evidence and the same policy give the same bytes.

Needs no database and no key. What the readings say is taken from the signed envelopes, never from
the inputs, which only say when each was and which of them belong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from zaigang_collector.assessment import body as bodies
from zaigang_collector.evidence.policy import policy_of
from zaigang_collector.ingest.clock_model import TOLERANCE_MS
from zaigang_collector.matching import inputs
from zaigang_collector.matching.assess import assess
from zaigang_collector.matching.errors import CodecError, MatchingError
from zaigang_collector.matching.inputs import Inputs, Placed
from zaigang_shared import bundle_check, receipt
from zaigang_shared import readings as wire
from zaigang_shared.bundle_case import Case
from zaigang_shared.envelope import Envelope
from zaigang_shared.errors import BundleError, WireError
from zaigang_shared.ledger_entry import EntryType
from zaigang_shared.readings import Reading

# Drift of a cheap clock over the longest boot that a bundle spans, and the step that the collector
# forgives its own: larger lets a reading be moved by so much unseen; smaller takes drift for that.
_SLACK_MS: Final = TOLERANCE_MS + 60_000


@dataclass(frozen=True, slots=True)
class Rechecked:
    """What judging again came to."""

    presence: str
    work: str
    readings: int
    envelopes: int
    problems: tuple[str, ...]
    """What does not hold, in sentences; empty: identical, bit for bit."""

    @property
    def holds(self) -> bool:
        return not self.problems


@dataclass(slots=True)
class _Sealed:
    """Envelopes of a bundle by digest, with their readings decoded."""

    envelopes: dict[bytes, Envelope] = field(default_factory=dict)
    values: dict[bytes, tuple[Reading | None, ...]] = field(default_factory=dict)

    def content(self, digest: bytes, index: int) -> Reading:
        values = self.values.get(digest, ())
        value = values[index] if 0 <= index < len(values) else None
        if value is None:
            raise CodecError(
                f"the inputs name reading {index} of envelope {digest.hex()[:16]}…, which is not in "
                "the bundle"
            )
        return value


def recheck(data: bytes) -> Rechecked:
    """Check a bundle's links, then judge again. Raises BundleError for what is no bundle, or one whose
    links do not hold: `zaigang-verify` says which."""
    case = bundle_check.opened(data)
    files = case.files
    try:
        given = inputs.decode(files["inputs.json"])
        policy = policy_of(files["policy.json"])
        sealed = _sealed(case)
        evidence = given.evidence(sealed.content)
        made = assess(given.claim, given.site, evidence, policy)
    except (MatchingError, WireError) as error:
        raise BundleError(f"inputs.json cannot be judged: {error}") from error
    problems = list(_times(case, given, sealed))
    problems += _vantages(case, given)
    again = bodies.encode(made)
    if again != files["assessment.json"]:
        problems.append(
            f"judged again it is {made.presence.value}/{made.work.value} and other bytes than "
            "assessment.json"
        )
    used = [placed for one in (*given.laptops, *given.nodes) for placed in one.readings]
    return Rechecked(
        made.presence.value, made.work.value, len(used), len(sealed.envelopes), tuple(problems)
    )


def _sealed(case: Case) -> _Sealed:
    found = _Sealed()
    for chain in case.chains.values():
        for one in chain.values():
            found.envelopes[one.digest] = one
            found.values[one.digest] = tuple(wire.decode_all(one.readings, one.seal.up_ms))
    return found


def _times(case: Case, given: Inputs, sealed: _Sealed) -> Iterator[str]:
    """That each reading is said to be when receipts and arrivals in the bundle let it be."""
    arrived = {
        digest: item.leaf.at_ms
        for digest, item in case.known(EntryType.ENVELOPE).items()
        if item.leaf is not None
    }
    bounds = _bounds(case, sealed, arrived)
    for device in (*given.laptops, *given.nodes):
        for placed in device.readings:
            one = sealed.envelopes[placed.envelope]
            if one.seal.device_id != device.device_id:
                yield (f"a reading of {one.seal.device_id} is counted as one of {device.device_id}")
                return
            low, high = bounds[one.seal.device_id, one.seal.boot]
            by_end = placed.at_ms - int(one.readings[placed.index]["t"])
            # The other offset dates what a reading says of times before its end: when it was heard.
            if not all(
                _fits(offset, placed, low, high) for offset in (by_end, placed.boot_offset_ms)
            ):
                yield (
                    f"reading {placed.index} of envelope {one.seal.device_id}/{one.seal.seq} is "
                    f"said to be of {placed.at_ms} ± {placed.error_ms} (UTC ms), which its boot's "
                    "receipts and arrivals do not allow"
                )
                return


def _fits(offset: int, placed: Placed, low: int | None, high: int) -> bool:
    if offset - placed.error_ms > high + _SLACK_MS:
        return False
    return low is None or offset + placed.error_ms >= low - _SLACK_MS


def _bounds(
    case: Case, sealed: _Sealed, arrived: Mapping[bytes, int]
) -> dict[tuple[str, bytes], tuple[int | None, int]]:
    """By device and boot: between what and what the clock's offset lies."""
    found: dict[tuple[str, bytes], tuple[int | None, int]] = {}
    for digest, one in sealed.envelopes.items():
        key = one.seal.device_id, one.seal.boot
        high = arrived[digest] - one.seal.up_ms
        quoted = None if one.seal.rcpt is None else case.receipts.get(one.seal.rcpt)
        low = None if quoted is None else quoted.at_ms - one.seal.up_ms
        if key in found:
            known_low, known_high = found[key]
            high = min(high, known_high)
            lows = [bound for bound in (low, known_low) if bound is not None]
            low = max(lows, default=None)
        found[key] = low, high
    return found


def _vantages(case: Case, given: Inputs) -> Iterator[str]:
    """That each address was really vouched for by the collector."""
    for one in given.vantages:
        try:
            said = receipt.open_vantage(one.token, case.trust.collector_key)
        except WireError as error:
            yield f"a vantage token does not hold: {error.detail}"
            return
        if (said.address, said.at_ms) != (one.vantage.address, one.vantage.at_ms):
            yield "a vantage token says another address or time than the inputs"
            return
