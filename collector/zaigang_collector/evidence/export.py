"""One assessment with all that it rests on, as a file that anybody can check (`zaigang-verify`).

Reads only. Whoever calls has judged the interval again and had all entries placed, so that the file
says what is known now.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection

from zaigang_collector.assessment import body as bodies
from zaigang_collector.assessment import store
from zaigang_collector.assessment.gather import Claimed, Gathered, claimed_intervals, gather
from zaigang_collector.assessment.model import StoredAssessment, assessment_id
from zaigang_collector.attendance.model import ClockIn
from zaigang_collector.devices import service as devices
from zaigang_collector.devices.enrolment import certificates_of
from zaigang_collector.errors import ConflictError, UnknownIdError
from zaigang_collector.evidence.policy import policy_of
from zaigang_collector.ingest import service as ingest
from zaigang_collector.ingest.model import StoredEnvelope, StoredReceipt
from zaigang_collector.ledger import anchors
from zaigang_collector.ledger import service as ledger
from zaigang_collector.ledger.outside import AnchorKind
from zaigang_collector.ledger.service import Entry, EntryType, StoredCheckpoint
from zaigang_collector.matching import inputs
from zaigang_collector.matching.assess import assess
from zaigang_collector.matching.model import DeviceEvidence
from zaigang_collector.matching.policy import Policy
from zaigang_collector.vault.service import Vault
from zaigang_shared import bundle, cose, envelope
from zaigang_shared import note as notes
from zaigang_shared.bundle import Blinded, Parts, Proven, Subject, Trust
from zaigang_shared.ledger_entry import LeafData
from zaigang_shared.note import VerifierKey


@dataclass(frozen=True, slots=True)
class Collector:
    """Whose bundle it is, and who vouches for the ledger."""

    vault: Vault
    ca: x509.Certificate
    log: VerifierKey
    collector_key: Ed25519PublicKey
    """Signs receipts."""
    witnesses: tuple[VerifierKey, ...] = ()
    stamp_roots: tuple[x509.Certificate, ...] = ()

    @property
    def trust(self) -> Trust:
        return Trust(self.ca, self.log, self.collector_key, self.witnesses, self.stamp_roots)


@dataclass(slots=True)
class _Collected:
    """What goes into the file."""

    envelopes: dict[bytes, StoredEnvelope] = field(default_factory=dict)
    """By digest."""
    receipts: dict[bytes, StoredReceipt] = field(default_factory=dict)
    bodies: list[bytes] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)


def export(conn: Connection, collector: Collector, name: str, purpose: str, now_ms: int) -> bytes:
    """The newest version of assessment `name` as a bundle (zip). `purpose`: why, as a person would
    read it. Raises UnknownIdError, and ConflictError where it does not come out as it is stored, or
    not all of it is in the ledger yet.
    """
    stored = store.get(conn, collector.vault, name)
    if stored is None:
        raise UnknownIdError("assessment", name)
    policy_body = store.policy_body(conn, stored.policy_hash)
    policy = policy_of(policy_body)
    claimed, gathered = _gathered(conn, collector, stored, policy)
    made = assess(gathered.claim, gathered.site, gathered.evidence, policy)
    if bodies.encode(made) != stored.body:
        raise ConflictError(
            f"assessment {name} does not come out as it is stored: evidence has come or gone since; "
            "run `zaigang-collector assess`, then export again"
        )
    found = _Collected()
    clock_ins = (*claimed.clock_ins, *gathered.elsewhere)
    _collect_claim(conn, found, clock_ins, stored, policy_body)
    for device_id in sorted({one.device_id for one in _devices(gathered)}):
        _collect_device(conn, collector.vault, found, device_id, gathered)
    checkpoint = _checkpoint(conn, found.entries)
    note, stamp = _anchored(conn, checkpoint)
    return bundle.write(
        Parts(
            made_ms=now_ms,
            subject=Subject(
                name,
                stored.version,
                stored.employee_id,
                stored.site_id,
                stored.start_ms,
                stored.end_ms,
            ),
            purpose=purpose,
            trust=collector.trust,
            certificates={
                device_id: certificates_of(conn, device_id)
                for device_id in sorted({one.device_id for one in found.envelopes.values()})
            },
            envelopes=[one.data for one in found.envelopes.values()],
            receipts=[one.data for one in found.receipts.values()],
            entries=_proven(conn, found.entries, checkpoint.size),
            bodies=found.bodies,
            checkpoint=str(note),
            assessment=stored.body,
            policy=policy_body,
            inputs=inputs.encode(inputs.of(gathered.claim, gathered.site, gathered.evidence)),
            stamp=stamp,
        )
    )


def _gathered(
    conn: Connection, collector: Collector, stored: StoredAssessment, policy: Policy
) -> tuple[Claimed, Gathered]:
    span = stored.start_ms, stored.start_ms + 1
    for claimed in claimed_intervals(conn, collector.vault, stored.employee_id, *span):
        if assessment_id(claimed.opening_id) == stored.id:
            key = collector.collector_key
            created_ms = stored.created_ms
            return claimed, gather(conn, collector.vault, claimed, created_ms, key, policy)
    raise ConflictError(
        f"the clock-ins of assessment {stored.id} make another interval now, or none; run "
        "`zaigang-collector assess`, then export again"
    )


def _collect_claim(
    conn: Connection,
    found: _Collected,
    clock_ins: Sequence[ClockIn],
    stored: StoredAssessment,
    policy_body: bytes,
) -> None:
    for one in clock_ins:
        found.bodies.append(one.content.body())
        found.entries += ledger.entries_of(conn, EntryType.CLOCK_IN, one.reference)
    reference = f"{stored.id}@{stored.version}"
    found.entries += ledger.entries_of(conn, EntryType.ASSESSMENT, reference)
    found.entries += ledger.entries_of(conn, EntryType.POLICY, stored.policy_hash)
    found.bodies += [stored.body, policy_body]
    told = ledger.event_bodies(conn)
    found.bodies += [body for _, body in told]
    found.entries += ledger.entries_of(conn, EntryType.LEDGER_EVENT, *(name for name, _ in told))


def _devices(gathered: Gathered) -> Iterator[DeviceEvidence]:
    yield from gathered.evidence.laptops
    yield from gathered.evidence.nodes


def _collect_device(
    conn: Connection, vault: Vault, found: _Collected, device_id: str, gathered: Gathered
) -> None:
    """A device's envelopes that the assessment was made of, the receipts that they quote, the first
    one that covers them all, and what happened to the device."""
    wanted = {
        timed.envelope
        for one in _devices(gathered)
        if one.device_id == device_id
        for timed in one.readings
    }
    of_device = ingest.envelopes_by_digest(conn, vault, wanted)
    quoted = set()
    for one in sorted(of_device, key=lambda one: one.seq):
        found.envelopes[one.digest] = one
        seal = envelope.from_signed(cose.decode(one.data), one.data).seal
        if seal.rcpt is not None:
            quoted.add(seal.rcpt)
    references = [f"{device_id}/{one.seq}" for one in of_device]
    found.entries += ledger.entries_of(conn, EntryType.ENVELOPE, *references)
    found.receipts |= {one.digest: one for one in ingest.receipts_named(conn, device_id, quoted)}
    if of_device:
        last_seq = max(one.seq for one in of_device)
        covering = ingest.receipts_of(conn, device_id, last_seq)[:1]
        found.receipts |= {one.digest: one for one in covering}
    told = devices.event_bodies(conn, device_id)
    found.bodies += [body for _, body in told]
    found.entries += ledger.entries_of(conn, EntryType.DEVICE_EVENT, *(name for name, _ in told))


def _checkpoint(conn: Connection, entries: Sequence[Entry]) -> StoredCheckpoint:
    """The first one that somebody outside vouches for and that holds all of these; else the newest."""
    waiting = [one for one in entries if one.index is None]
    newest = ledger.newest_checkpoint(conn)
    if waiting or newest is None:
        raise ConflictError(
            f"{len(waiting)} of these entries have no place in the ledger yet; start the collector, "
            "or wait a second, and export again"
        )
    size = max(one.index for one in entries if one.index is not None) + 1
    anchor = anchors.first_from(conn, size)
    anchored = None if anchor is None else ledger.checkpoint_at(conn, anchor.size)
    return newest if anchored is None else anchored


def _anchored(conn: Connection, checkpoint: StoredCheckpoint) -> tuple[notes.Note, bytes | None]:
    """The checkpoint with the lines of all who cosigned it, and its time stamp."""
    note, stamp = notes.parse(checkpoint.note), None
    for anchor in anchors.anchors_of(conn, checkpoint.size):
        if anchor.kind is AnchorKind.STAMP:
            stamp = stamp or anchor.data
        else:
            line = notes.parse_signature(anchor.data.decode().rstrip("\n"))
            note = notes.with_signatures(note, [line])
    return note, stamp


def _proven(conn: Connection, entries: Sequence[Entry], size: int) -> list[Proven | Blinded]:
    by_index = {one.index: one for one in entries if one.index is not None}
    order = sorted(by_index)
    proofs = ledger.inclusion_proofs(conn, order, size)
    return [
        _entry(by_index[index], index, proof) for index, proof in zip(order, proofs, strict=True)
    ]


def _entry(one: Entry, index: int, proof: Sequence[bytes]) -> Proven | Blinded:
    if one.body_hash is None or one.salt is None:
        return Blinded(index, one.leaf, proof)
    return Proven(index, LeafData(one.type, one.at_ms, one.body_hash, one.salt), proof)
