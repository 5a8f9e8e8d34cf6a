"""Everything that is known of one interval, as the plain values that matching takes.

Reads other areas through their services and decides nothing but which readings belong: a device's
readings count for a person only while the device was that person's.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection

from zaigang_collector.assessment import learnt, radio, store
from zaigang_collector.attendance import service as attendance
from zaigang_collector.attendance.claiming import claims_of
from zaigang_collector.attendance.intervals import Interval
from zaigang_collector.attendance.model import ClockIn, Flag
from zaigang_collector.devices import service as devices
from zaigang_collector.devices.model import DeviceKind, Holding
from zaigang_collector.directory import carried
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.carried import Worn
from zaigang_collector.directory.model import SiteKind
from zaigang_collector.ingest import revocation
from zaigang_collector.ingest import service as ingest
from zaigang_collector.ingest.model import EventKind, IngestEvent, StoredEnvelope
from zaigang_collector.matching import codec
from zaigang_collector.matching.model import (
    Claim,
    ClaimedPoint,
    DeviceEvidence,
    Evidence,
    Exemption,
    IntegrityEvent,
    SiteFacts,
    TimedReading,
    VantageSeen,
)
from zaigang_collector.matching.policy import Policy
from zaigang_collector.matching.timeline import order
from zaigang_collector.matching.verdict import seem_together
from zaigang_collector.vault.service import Vault
from zaigang_shared import cbor, receipt
from zaigang_shared.errors import WireError
from zaigang_shared.readings import Network

# Readings around the interval: a network that is held since before the clock-in, a beacon heard on
# the way in. Larger reads more and says nothing new; smaller leaves the first slot without network.
MARGIN_MS: Final = 30 * 60_000
# Punches of other intervals whose place is compared with this one's. Larger compares with yesterday,
# from where one can travel anywhere; smaller misses a punch in another town at noon.
TRAVEL_MARGIN_MS: Final = 6 * 3_600_000
_BEHIND: Final = (
    "it quotes a receipt that the database never gave, like others: an older backup was restored"
)
_REVOKED: Final = (
    "what can have been sealed since its key was out of its owner's hands is kept, and no evidence"
)


@dataclass(frozen=True, slots=True)
class Gathered:
    """One interval with all that is known of it."""

    claim: Claim
    site: SiteFacts
    evidence: Evidence
    evidence_hash: bytes
    """SHA-256 over all that the assessment rests on."""
    elsewhere: tuple[ClockIn, ...] = ()
    """Punches of other intervals that the claim is compared with."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """An interval before its evidence is looked at."""

    employee_id: str
    interval: Interval
    clock_ins: tuple[ClockIn, ...]

    @property
    def opening_id(self) -> str:
        return self.clock_ins[0].id


def claimed_intervals(
    conn: Connection, vault: Vault, employee_id: str, from_ms: int, to_ms: int
) -> tuple[Claimed, ...]:
    """A person's intervals that begin in [from_ms, to_ms), by time."""
    claims = claims_of(conn, vault, employee_id, from_ms, to_ms)
    return tuple(
        Claimed(employee_id, one, tuple(claims.clock_ins[name] for name in one.punch_ids))
        for one in claims.paired.intervals
        if from_ms <= one.start_ms < to_ms
    )


def gather(
    conn: Connection,
    vault: Vault,
    claimed: Claimed,
    now_ms: int,
    collector_key: Ed25519PublicKey,
    policy: Policy,
) -> Gathered:
    """Everything known at `now_ms` (collector UTC)."""
    interval = claimed.interval
    span = interval.start_ms - MARGIN_MS, interval.end_ms + MARGIN_MS
    worn = carried.badges_worn(conn, claimed.employee_id, *span)
    elsewhere = _elsewhere(conn, vault, claimed)
    claim = _claim(conn, claimed, worn, elsewhere)
    laptops = _devices(
        conn, vault, devices.holdings_of_employee(conn, claim.employee_id, *span), span
    )
    nodes = _devices(conn, vault, devices.holdings_of_site(conn, claim.site_id, *span), span)
    beacons = radio.resolved(conn, claim, span, laptops, nodes)
    nodes = radio.of_person(nodes, beacons, worn)
    evidence = Evidence(
        laptops=laptops,
        nodes=nodes,
        beacons=beacons,
        vantages=_vantages(laptops, collector_key),
        integrity=_integrity(conn, [one.device_id for one in (*laptops, *nodes)], span),
        known_to_ms=now_ms,
    )
    site = _site(conn, claim, [node.device_id for node in nodes])
    known = learnt.holding(conn, claim.employee_id, interval)
    coverage = learnt.coverage_of(known)
    site = dataclasses.replace(
        site,
        together=together(conn, claimed, policy),
        coverage_by_employee={} if coverage is None else {claim.employee_id: coverage},
    )
    claim = dataclasses.replace(
        claim,
        sensor_offsets=learnt.offsets_of(known),
        travelling_networks=learnt.travelling(conn, claim.employee_id),
        settled_networks=learnt.settled(conn, claim.employee_id),
    )
    digest = codec.evidence_hash(claim, site, evidence)
    return Gathered(claim, site, evidence, digest, elsewhere)


def together(conn: Connection, claimed: Claimed, policy: Policy) -> bool:
    """Whether so many of the others who claim these hours at this site seem absent that one more
    would make the site's infrastructure the suspect."""
    interval = claimed.interval
    here, absent = store.others_at(
        conn, interval.site_id, claimed.employee_id, interval.start_ms, interval.end_ms
    )
    return seem_together(policy, here + 1, absent + 1)


def inputs_hash(conn: Connection, claimed: Claimed, policy: Policy, waited: bool) -> bytes:
    """A cheap summary of what an assessment would be made of: as long as it stays the same, judging
    again gives the same. `waited`: whether the waiting time for late readings is over."""
    interval = claimed.interval
    span = interval.start_ms - MARGIN_MS, interval.end_ms + MARGIN_MS
    holdings = (
        *devices.holdings_of_employee(conn, claimed.employee_id, *span),
        *devices.holdings_of_site(conn, interval.site_id, *span),
    )
    site = directory.get_site(conn, interval.site_id)
    networks = directory.networks_of_site(conn, interval.site_id)
    homes = directory.home_places(conn, claimed.employee_id)
    exemptions = attendance.exemptions_of(conn, claimed.employee_id, *span)
    worn = carried.badges_worn(conn, claimed.employee_id, *span)
    travelled = interval.start_ms - TRAVEL_MARGIN_MS, interval.end_ms + TRAVEL_MARGIN_MS
    summary = [
        [one.reference for one in claimed.clock_ins],
        list(attendance.references_of(conn, claimed.employee_id, *travelled)),
        [interval.start_ms, interval.end_ms, interval.end_is_claimed],
        repr((site, sorted(networks.networks), networks.egress)),
        repr((sorted(homes.networks), homes.egress, list(exemptions))),
        repr(learnt.holding(conn, claimed.employee_id, interval)),
        sorted(learnt.travelling(conn, claimed.employee_id)),
        sorted(learnt.settled(conn, claimed.employee_id)),
        [[one.identifier, one.from_ms, -1 if one.to_ms is None else one.to_ms] for one in worn],
        [[one.device_id, one.from_ms, one.to_ms or -1] for one in holdings],
        [_progress(conn, one.device_id, span, interval.end_ms) for one in holdings],
        [
            [one.device_id, one.kind.value, one.at_ms]
            for one in _events(conn, [held.device_id for held in holdings], *span)
        ],
        sorted(devices.revoked_ms(conn, [held.device_id for held in holdings]).items()),
        policy.hash(),
        together(conn, claimed, policy),
        waited,
    ]
    return hashlib.sha256(cbor.dumps(summary)).digest()


def _progress(conn: Connection, device_id: str, span: tuple[int, int], end_ms: int) -> list[object]:
    """What is here of a device, as far as it matters for an interval that ends at `end_ms`: what
    the device goes on to say of later days changes nothing, unless it dates those readings."""
    complete_to_ms = ingest.complete_to_ms(conn, device_id)
    return [
        complete_to_ms is not None and complete_to_ms >= end_ms,
        [list(one) for one in ingest.state_between(conn, device_id, *span)],
    ]


def _claim(
    conn: Connection, claimed: Claimed, worn: Sequence[Worn], elsewhere: Sequence[ClockIn]
) -> Claim:
    interval = claimed.interval
    homes = directory.home_places(conn, claimed.employee_id)
    exemptions = attendance.exemptions_of(
        conn, claimed.employee_id, interval.start_ms, interval.end_ms
    )
    return Claim(
        employee_id=claimed.employee_id,
        site_id=interval.site_id,
        start_ms=interval.start_ms,
        end_ms=interval.end_ms,
        end_is_claimed=interval.end_is_claimed,
        clock_in_ids=tuple(one.reference for one in claimed.clock_ins),
        points=_points(claimed.clock_ins),
        flags=tuple(
            sorted({flag.value for one in claimed.clock_ins for flag in one.content.flags})
        ),
        home_networks=homes.networks,
        home_egress=homes.egress,
        exemptions=tuple(Exemption(one.from_ms, one.to_ms, one.kind.value) for one in exemptions),
        badges=frozenset(one.identifier for one in worn),
        elsewhere=_points(elsewhere),
        elsewhere_ids=tuple(one.reference for one in elsewhere),
    )


def _elsewhere(conn: Connection, vault: Vault, claimed: Claimed) -> tuple[ClockIn, ...]:
    """The person's located punches of other intervals next to this one, in order: no more of their
    day than a comparison needs."""
    interval, own = claimed.interval, {one.id for one in claimed.clock_ins}
    span = interval.start_ms - TRAVEL_MARGIN_MS, interval.end_ms + TRAVEL_MARGIN_MS
    found = [
        one
        for one in attendance.of_employee(conn, vault, claimed.employee_id, *span)
        if one.id not in own and one.content.point is not None and one.content.counts
    ]
    before = [one for one in found if one.content.punched_ms < interval.start_ms]
    after = [one for one in found if one.content.punched_ms > interval.end_ms]
    between = [one for one in found if one not in before and one not in after]
    return (*before[-1:], *between, *after[:1])


def _points(clock_ins: Iterable[ClockIn]) -> tuple[ClaimedPoint, ...]:
    return tuple(
        ClaimedPoint(
            one.content.punched_ms,
            point.latitude,
            point.longitude,
            point.accuracy_m,
            Flag.MOCK_LOCATION in one.content.flags,
        )
        for one in clock_ins
        if (point := one.content.point) is not None
    )


def _site(conn: Connection, claim: Claim, node_ids: Sequence[str]) -> SiteFacts:
    site_id = claim.site_id
    site = directory.get_site(conn, site_id)
    known = directory.networks_of_site(conn, site_id)
    networks, egress = known.networks, known.egress
    if site is None:  # deleted since: nothing is known of the place, so nothing speaks against it
        return SiteFacts(site_id, "UTC", None, None, None)
    if site.kind is SiteKind.HOME:  # who claims to be at home is at the site when at home
        networks |= claim.home_networks
        egress = tuple(sorted({*egress, *claim.home_egress}))
    return SiteFacts(
        site_id=site_id,
        time_zone=site.time_zone,
        latitude=site.latitude,
        longitude=site.longitude,
        radius_m=site.radius_m,
        networks=networks,
        egress=egress,
        node_ids=tuple(node_ids),
    )


def _devices(
    conn: Connection, vault: Vault, holdings: Iterable[Holding], span: tuple[int, int]
) -> tuple[DeviceEvidence, ...]:
    """Readings of each device within the stretches in which it was held, ordered."""
    held: dict[str, list[tuple[int, int]]] = {}
    for one in holdings:
        stretch = max(one.from_ms, span[0]), span[1] if one.to_ms is None else one.to_ms
        held.setdefault(one.device_id, []).append(stretch)
    found = []
    for device_id, stretches in sorted(held.items()):
        device = devices.get(conn, device_id)
        doubtful = frozenset[int]()
        if device is not None and device.revoked_ms is not None:
            doubtful = revocation.doubtful(conn, device_id, device.revoked_ms)
        kind = DeviceKind.LAPTOP if device is None else device.kind
        shared = kind is DeviceKind.NODE
        readings: list[TimedReading] = []
        for envelope in ingest.envelopes_between(conn, vault, device_id, *span, shared=shared):
            if envelope.seq not in doubtful:  # kept, and no evidence: anybody can have sealed it
                readings += _timed(envelope, stretches)
        readings.sort(key=order)
        complete_to_ms = ingest.complete_to_ms(conn, device_id)
        if complete_to_ms is not None:  # what it goes on to say of later days is no evidence here
            complete_to_ms = min(complete_to_ms, span[1])
        found.append(DeviceEvidence(device_id, kind.value, complete_to_ms, tuple(readings)))
    return tuple(found)


def _timed(
    envelope: StoredEnvelope, stretches: Sequence[tuple[int, int]]
) -> Iterator[TimedReading]:
    """Its readings that ended within the stretches."""
    digest, offset_ms = envelope.digest, envelope.boot_offset_ms
    for one in envelope.readings:
        found, at_ms = one.reading, one.at_ms
        if found is None:  # a kind of a later version is kept and skipped
            continue
        for from_ms, to_ms in stretches:
            if from_ms <= at_ms < to_ms:
                yield TimedReading(digest, one.index, at_ms, one.error_ms, offset_ms, found)
                break


def _vantages(
    laptops: Sequence[DeviceEvidence], collector_key: Ed25519PublicKey
) -> dict[bytes, VantageSeen]:
    """What the quoted vantage tokens say; those that do not verify, or are another device's, are
    left out."""
    found: dict[bytes, VantageSeen] = {}
    for laptop in laptops:
        tokens = {
            timed.reading.vantage
            for timed in laptop.readings
            if isinstance(timed.reading, Network) and timed.reading.vantage is not None
        }
        for token in tokens:
            try:
                seen = receipt.open_vantage(token, collector_key)
            except WireError:
                continue
            if seen.device_id == laptop.device_id:
                found[token] = VantageSeen(seen.address, seen.at_ms)
    return found


def _integrity(
    conn: Connection, device_ids: Sequence[str], span: tuple[int, int]
) -> tuple[IntegrityEvent, ...]:
    events = [
        IntegrityEvent(one.device_id, one.kind.value, one.at_ms, one.detail, one.envelope)
        for one in _events(conn, device_ids, *span)
    ]
    return tuple(sorted(events, key=lambda one: (one.at_ms, one.device_id, one.kind, one.detail)))


def _events(
    conn: Connection, device_ids: Sequence[str], from_ms: int, to_ms: int
) -> list[IngestEvent]:
    """What ingest noticed, as far as it says something of a device, and what was revoked."""
    revoked = devices.revoked_ms(conn, device_ids)
    told = ingest.events_between(conn, device_ids, from_ms, to_ms)
    ahead = frozenset[str]()
    if any(one.kind is EventKind.UNKNOWN_RECEIPT for one in told):
        ahead = ingest.ahead_of_store(conn)
    found = []
    for one in told:
        if one.at_ms >= revoked.get(one.device_id, one.at_ms + 1):
            continue  # what somebody else did with the key; its readings are left out already
        if one.kind is EventKind.UNKNOWN_RECEIPT and one.device_id in ahead:
            # Ours is the store that forgot: nothing that it lost is held against a device.
            one = dataclasses.replace(one, kind=EventKind.COLLECTOR_BEHIND, detail=_BEHIND)
        found.append(one)
    found += [
        IngestEvent(device_id, EventKind.REVOKED_KEY, since_ms, _REVOKED, None)
        for device_id, since_ms in sorted(revoked.items())
        if since_ms <= to_ms and revocation.doubtful(conn, device_id, since_ms)
    ]
    return found
