"""Whole small evidence bundles in which everything is real: authority, keys, chains, receipts,
ledger, checkpoint, witness. An attacker's view too: files that can be changed and hashed anew.

Needs nothing of the collector, as whoever checks a bundle has nothing of it either.
"""

from __future__ import annotations

import base64
import datetime as dt
import functools
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from zaigang_shared import bundle, cbor, envelope, merkle, note, receipt
from zaigang_shared.bundle import Blinded, Parts, Proven, Subject, Trust
from zaigang_shared.bundle_case import Named
from zaigang_shared.bundle_root import fingerprint
from zaigang_shared.checkpoint import Checkpoint
from zaigang_shared.envelope import Seal
from zaigang_shared.ledger_entry import EntryType, LeafData

START_MS: Final = 1_790_000_040_000
MINUTE_MS: Final = 60_000
ORIGIN: Final = "zaigang.example/log1"
WITNESS: Final = "zaigang.example/w1"
LAPTOPS: Final = ("laptop-li", "laptop-wang")
EMPLOYEE: Final = "e001"
_DAY: Final = dt.timedelta(days=1)
_FILLER: Final = merkle.leaf_hash(b"of no concern here")


def ed25519(name: str) -> Ed25519PrivateKey:
    """The key that always belongs to `name`."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())


def p256(name: str) -> ec.EllipticCurvePrivateKey:
    """The key that always belongs to `name`."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:31], "big")
    return ec.derive_private_key(number, ec.SECP256R1())


def at(at_ms: int) -> dt.datetime:
    """The moment, as certificates want it."""
    return dt.datetime.fromtimestamp(at_ms // 1000, dt.UTC)


@functools.cache
def an_authority(name: str = "zaigang CA") -> x509.Certificate:
    """A CA whose key is `p256(name)`."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin = at(START_MS) - 10 * _DAY
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(p256(name).public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + 7300 * _DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(p256(name), hashes.SHA256())
    )


@functools.cache
def a_certificate(
    device_id: str,
    *,
    key: str | None = None,
    authority: str = "zaigang CA",
    begin_ms: int = START_MS - 86_400_000,
    days: int = 398,
) -> x509.Certificate:
    """The certificate of a device, over the key that belongs to `key` or else to its name."""
    uri = x509.UniformResourceIdentifier(f"zaigang:device:{device_id}")
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device_id)]))
        .issuer_name(an_authority(authority).subject)
        .public_key(ed25519(key or device_id).public_key())
        .serial_number(2)
        .not_valid_before(at(begin_ms))
        .not_valid_after(at(begin_ms) + days * _DAY)
        .add_extension(x509.SubjectAlternativeName([uri]), critical=False)
        .sign(p256(authority), hashes.SHA256())
    )


@dataclass
class SparseTree:
    """A ledger of which only some leaves matter; all others are alike, so that ten million of them
    cost nothing."""

    leaves: Mapping[int, bytes]
    size: int
    _seen: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._touched = {
            (level, index >> level)
            for index in self.leaves
            for level in range(self.size.bit_length() + 1)
        }
        self._filler = [_FILLER]
        for _ in range(self.size.bit_length() + 1):
            self._filler.append(merkle.node_hash(self._filler[-1], self._filler[-1]))

    def node(self, level: int, index: int) -> bytes:
        """The hash of a perfect subtree."""
        if (level, index) not in self._touched:
            return self._filler[level]
        if level == 0:
            return self.leaves[index]
        if (level, index) not in self._seen:
            left, right = (self.node(level - 1, 2 * index + side) for side in (0, 1))
            self._seen[level, index] = merkle.node_hash(left, right)
        return self._seen[level, index]

    def root(self) -> bytes:
        """Of the whole."""
        return merkle.root_at(self.size, self.node)

    def proof(self, index: int) -> list[bytes]:
        """Of one leaf."""
        return merkle.inclusion_proof(index, self.size, self.node)


@dataclass
class World:
    """What happened, in order; `bundle()` exports it."""

    ca_name: str = "zaigang CA"
    log_name: str = "log"
    collector_name: str = "collector"
    device_ids: tuple[str, ...] = LAPTOPS
    first_index: int = 100
    size: int = 1000
    """Of the ledger when the bundle is made."""
    readings_each: int = 1
    """In an envelope."""
    trailing: bytes = b""
    """What the ledger holds after our entries: two worlds that differ in it are a fork."""
    now_ms: int = START_MS
    envelopes: list[bytes] = field(default_factory=list)
    receipts: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    log: list[tuple[LeafData, str]] = field(default_factory=list)
    """Leaves in order, and how much is left of each: whole, forgotten, blinded."""
    clock_ins: list[str] = field(default_factory=list)
    _heads: dict[str, tuple[int, bytes, bytes | None]] = field(default_factory=dict)

    def enter(self, kind: EntryType, body: bytes, left: str = "whole", at_ms: int = 0) -> None:
        """One more leaf."""
        salt = hashlib.sha256(len(self.log).to_bytes(4, "big")).digest()[:16]
        leaf = LeafData(kind, at_ms or self.now_ms, hashlib.sha256(body).digest(), salt)
        self.log.append((leaf, left))

    def note_down(self, kind: EntryType, body: bytes, left: str = "whole", at_ms: int = 0) -> None:
        """A body with its leaf; forgotten ones leave only the leaf."""
        self.enter(kind, body, left, at_ms)
        if left == "whole":
            self.bodies.append(body)

    def says(self, device_id: str, **changes: Any) -> bytes:
        """The device's next envelope, entered and acknowledged."""
        seq, prev, rcpt = self._heads.get(device_id, (0, envelope.FIRST_PREV, None))
        up_ms = 60_000 * (seq + 1)
        fields: dict[str, Any] = {
            "device_id": device_id,
            "seq": seq + 1,
            "prev": prev,
            "boot": bytes(16),
            "up_ms": up_ms,
            "wall_ms": self.now_ms,
            "sync": True,
            "rcpt": rcpt,
        }
        reading: dict[str, Any] = {"k": "usage", "t": up_ms, "span": 60_000}
        reading |= {"active": 3, "regular": False, "session": "local", "locked": False}
        reading |= {"apps": {}, "touched": {}}
        sealed = envelope.seal(
            ed25519(device_id), Seal(**(fields | changes)), [reading] * self.readings_each
        )
        self.envelopes.append(sealed)
        self.enter(EntryType.ENVELOPE, sealed)
        digest = envelope.digest(sealed)
        given = receipt.sign_receipt(
            ed25519(self.collector_name),
            receipt.Receipt(device_id, seq + 1, digest, self.now_ms + 200),
        )
        self.receipts.append(given)
        self._heads[device_id] = (seq + 1, digest, envelope.digest(given))
        return sealed

    def clocks_in(self, punched_ms: int, employee: str = EMPLOYEE) -> bytes:
        """A punch, as the collector's ledger has it."""
        source_id = str(len(self.clock_ins) + 1)
        body = cbor.dumps(
            {"v": 1, "source": "csv", "source_id": source_id, "employee": employee,
             "site": "lujiazui", "direction": "in", "punched": punched_ms, "vendor": b"x"}
        )  # fmt: skip
        name = hashlib.sha256(b"zaigang/clock_in/1\0csv\0" + source_id.encode()).digest()[:10]
        self.clock_ins.append("ci-" + base64.b32encode(name).decode().lower() + "@1")
        self.note_down(EntryType.CLOCK_IN, body)
        return body

    def device_event(self, device_id: str, event: str, **fields: Any) -> None:
        """What happened to a device, as the collector enters it."""
        if "key" in fields:
            fields["key"] = fields["key"].public_bytes_raw()
        named = {"event": event, "device": device_id, "at": self.now_ms, "fields": fields}
        self.note_down(EntryType.DEVICE_EVENT, cbor.dumps(named))

    def works(self, minutes: int) -> None:
        """A day: punched in, an envelope a minute from each device, and one thing forgotten."""
        for device_id in self.device_ids:
            self.device_event(device_id, "enrolled", key=ed25519(device_id).public_key())
        self.clocks_in(START_MS)
        self.note_down(EntryType.DIRECTORY_EVENT, b"somebody else's", "forgotten")
        self.note_down(EntryType.DIRECTORY_EVENT, b"somebody else's, too", "blinded")
        for _ in range(minutes):
            self.now_ms += MINUTE_MS
            for device_id in self.device_ids:
                self.says(device_id)

    def assessment(self, policy: bytes, **changes: Any) -> dict[str, Any]:
        """What was found; it rests on every third envelope."""
        references = [
            {"envelope": envelope.digest(one).hex(), "index": 0} for one in self.envelopes[::3]
        ]
        found: dict[str, Any] = {
            "v": 1,
            "presence": "confirmed",
            "claim": {
                "employee_id": EMPLOYEE,
                "site_id": "lujiazui",
                "start_ms": START_MS,
                "end_ms": self.now_ms,
                "clock_in_ids": self.clock_ins,
            },
            "findings": [{"signal": "hands", "references": references}],
            "policy_hash": hashlib.sha256(b"zaigang/policy/1\0" + policy).hexdigest(),
        }
        return found | changes

    @property
    def trust(self) -> Trust:
        """The public keys."""
        witness = note.verifier_key(WITNESS, ed25519("witness").public_key(), note.COSIGNATURE)
        return Trust(
            an_authority(self.ca_name),
            note.verifier_key(ORIGIN, ed25519(self.log_name).public_key()),
            ed25519(self.collector_name).public_key(),
            [witness],
        )

    @property
    def fingerprint(self) -> str:
        """Of the trust root, as it would stand on paper."""
        return fingerprint(self.trust.ca, self.trust.log, self.trust.collector_key)

    def named(self) -> Named:
        """A reader who has root and witness from elsewhere."""
        return Named(root=self.fingerprint, witnesses=self.trust.witnesses)

    def tree(self) -> SparseTree:
        """The ledger."""
        leaves = {self.first_index + at: leaf.hash() for at, (leaf, _) in enumerate(self.log)}
        if self.trailing:
            leaves[self.size - 1] = merkle.leaf_hash(self.trailing)
        return SparseTree(leaves, self.size)

    def checkpoint(self) -> note.Note:
        """Signed by the log, and seen by the witness a second later."""
        signed = Checkpoint(ORIGIN, self.size, self.tree().root()).sign(ed25519(self.log_name))
        seen_s = self.now_ms // 1000 + 1
        seen = note.cosigned(signed.text, WITNESS, ed25519("witness"), seen_s)
        return note.with_signatures(signed, [seen])

    def parts(self, assessment: Mapping[str, Any] | None = None, **changes: Any) -> Parts:
        """The end of the day: judged, entered, proven."""
        policy = bundle.canonical({"slot_s": 300})
        body = bundle.canonical(assessment or self.assessment(policy))
        self.enter(EntryType.POLICY, policy)
        self.enter(EntryType.ASSESSMENT, body)
        tree = self.tree()
        entries: list[Proven | Blinded] = []
        for index, (leaf, left) in enumerate(self.log, self.first_index):
            proof = tree.proof(index)
            if left == "blinded":
                entries.append(Blinded(index, leaf.hash(), proof))
            else:
                entries.append(Proven(index, leaf, proof))
        fields: dict[str, Any] = {
            "made_ms": self.now_ms + 5000,
            "subject": Subject("as-1", 1, EMPLOYEE, "lujiazui", START_MS, self.now_ms),
            "purpose": "劳动仲裁举证",
            "trust": self.trust,
            "certificates": {
                one: [a_certificate(one, authority=self.ca_name)] for one in self.device_ids
            },
            "envelopes": self.envelopes,
            "receipts": self.receipts,
            "entries": entries,
            "bodies": self.bodies,
            "checkpoint": str(self.checkpoint()),
            "assessment": body,
            "policy": policy,
            "inputs": b"{}",
        }
        return Parts(**(fields | changes))


def a_world(minutes: int = 6, **changes: Any) -> World:
    """A day of two laptops."""
    world = World(**changes)
    world.works(minutes)
    return world


@functools.cache
def a_bundle(minutes: int = 6) -> bytes:
    """That holds."""
    return bundle.write(a_world(minutes).parts())


def files_of(data: bytes) -> dict[str, bytes]:
    """To be tampered with."""
    return bundle.read(data)


def rehashed(files: Mapping[str, bytes]) -> bytes:
    """The zip with a manifest that fits, as any forger would make it."""
    manifest = json.loads(files["manifest.json"])
    rest = {name: data for name, data in files.items() if name != "manifest.json"}
    manifest["files"] = {name: hashlib.sha256(data).hexdigest() for name, data in rest.items()}
    return bundle.pack({**rest, "manifest.json": bundle.canonical(manifest)})


def entries_of(files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """entries.json."""
    found: list[dict[str, Any]] = json.loads(files["entries.json"])
    return found


def with_entries(files: Mapping[str, bytes], entries: Iterable[Any]) -> bytes:
    """The same with other entries, hashed anew."""
    return rehashed({**files, "entries.json": bundle.canonical(list(entries))})
