"""A bundle while it is checked: what each step has read, for the steps behind it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final, Protocol

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from zaigang_shared import bundle, merkle
from zaigang_shared.bundle import Trust
from zaigang_shared.bundle_report import BrokenError, Said
from zaigang_shared.checkpoint import Checkpoint
from zaigang_shared.envelope import Envelope
from zaigang_shared.errors import BundleError
from zaigang_shared.ledger_entry import SALT_BYTES, EntryType, LeafData
from zaigang_shared.note import Note, VerifierKey
from zaigang_shared.receipt import Receipt

# By how much an entry's time may lie before that of one with a lower index, and an anchor's or an
# entry's before something that must have been there first. Larger: entries could be back-dated by
# that much among their neighbours and nobody would see it. Smaller: an honest collector whose clock
# was put right, or that noted its time before a long pass of judging, would be called a forger.
ALLOWANCE_MS: Final = 10 * 60_000
_MAX_MS: Final = 2**53
_BEIJING: Final = timezone(timedelta(hours=8))
_PROVEN: Final = frozenset({"index", "type", "at_ms", "body", "salt", "file", "proof"})
_BLINDED: Final = frozenset({"index", "leaf", "proof"})
# A tree of 2**63 leaves has proofs of 63 hashes.
_MAX_PROOF: Final = 64


class Stamped(Protocol):
    """What a time stamp says."""

    @property
    def at_ms(self) -> int:
        """UTC."""
        ...


StampVerifier = Callable[[bytes, bytes, Sequence[x509.Certificate]], Stamped]
"""(token, data, roots) -> what it says; raises TimestampError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Whom the reader trusts, from elsewhere than the bundle. Nothing given: it is checked in itself."""

    root: str | None = None
    """The fingerprint, as `bundle_root.parse` gives it."""
    ca: x509.Certificate | None = None
    log: VerifierKey | None = None
    collector_key: Ed25519PublicKey | None = None
    witnesses: Sequence[VerifierKey] = ()
    witnesses_needed: int | None = None
    """How many of them must have cosigned; None: each."""
    stamp_roots: Sequence[x509.Certificate] = ()

    @property
    def has_root(self) -> bool:
        """Whether the collector's three keys are pinned."""
        keys = (self.ca, self.log, self.collector_key)
        return self.root is not None or None not in keys


@dataclass(frozen=True, slots=True)
class Item:
    """One line of entries.json."""

    index: int
    leaf: LeafData | None
    """None: body and salt were destroyed."""
    leaf_hash: bytes
    file: str | None
    """None: the body was forgotten."""
    proof: tuple[bytes, ...]

    @property
    def record(self) -> str:
        """Its name in answers."""
        return f"entries.json #{self.index}"


@dataclass(slots=True)
class Case:
    """Filled from step to step; reading what a step has not set yet is a mistake of ours."""

    files: Mapping[str, bytes]
    named: Named
    stamp_verifier: StampVerifier | None
    manifest: Mapping[str, Any] = field(init=False)
    items: Sequence[Item] = field(init=False)
    trust: Trust = field(init=False)
    fingerprint: str | None = None
    certificates: dict[str, list[x509.Certificate]] = field(default_factory=dict)
    keys: dict[str, Ed25519PublicKey] = field(default_factory=dict)
    chains: dict[str, dict[int, Envelope]] = field(default_factory=dict)
    """By device and seq."""
    receipts: dict[bytes, Receipt] = field(default_factory=dict)
    """By SHA-256."""
    checkpoint: Checkpoint = field(init=False)
    note: Note = field(init=False)
    notes: list[Said] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def under(self, folder: str) -> dict[str, bytes]:
        """The files in a folder, in the order of their names."""
        return {name: self.files[name] for name in sorted(self.files) if name.startswith(folder)}

    def known(self, *types: EntryType) -> dict[bytes, Item]:
        """The entries of these types by their body's hash."""
        return {
            item.leaf.body_hash: item
            for item in self.items
            if item.leaf is not None and item.leaf.type in types
        }

    def bodies(self, entry_type: EntryType) -> list[tuple[Item, bytes]]:
        """The bodies of a type that are here."""
        return [
            (item, self.files[item.file])
            for item in self.items
            if item.leaf is not None and item.leaf.type is entry_type and item.file is not None
        ]

    @property
    def newest_ms(self) -> int:
        """The time of the newest entry that says one."""
        return max((item.leaf.at_ms for item in self.items if item.leaf is not None), default=0)


def moment(at_ms: int) -> Said:
    """A time as people read it: in Beijing's time in Chinese, in UTC in English."""
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
        milliseconds=max(0, min(at_ms, _MAX_MS // 64))
    )
    return Said(
        f"北京时间 {at.astimezone(_BEIJING):%Y-%m-%d %H:%M:%S}", f"{at:%Y-%m-%d %H:%M:%S} UTC"
    )


def read_items(data: bytes) -> list[Item]:
    """entries.json, in its order. Raises BrokenError."""
    what = "entries.json"
    try:
        raws = bundle.canonical_loads(data, what)
        if type(raws) is not list or not raws:
            raise BundleError(f"{what} is a list of at least one ledger entry")
    except BundleError as error:
        raise BrokenError(what, f"entries.json 无法读取（{error}）", str(error)) from error
    return [_item(number, raw) for number, raw in enumerate(raws)]


def _item(number: int, raw: object) -> Item:
    try:
        if type(raw) is not dict or raw.keys() not in (_PROVEN, _BLINDED):
            raise ValueError(f"expected the fields {sorted(_PROVEN)}, or {sorted(_BLINDED)}")
        index = _number(raw, "index")
        if type(raw["proof"]) is not list or len(raw["proof"]) > _MAX_PROOF:
            raise ValueError(f"proof is a list of at most {_MAX_PROOF} hashes")
        proof = tuple(_hex(one, merkle.HASH_BYTES) for one in raw["proof"])
        if "leaf" in raw:
            return Item(index, None, _hex(raw["leaf"], merkle.HASH_BYTES), None, proof)
        leaf = LeafData(
            EntryType(raw["type"]),
            _number(raw, "at_ms"),
            _hex(raw["body"], merkle.HASH_BYTES),
            _hex(raw["salt"], SALT_BYTES),
        )
        if raw["file"] is not None and type(raw["file"]) is not str:
            raise ValueError("file is a name or null")
        return Item(index, leaf, leaf.hash(), raw["file"], proof)
    except (ValueError, TypeError) as error:
        raise BrokenError(
            f"entries.json, item {number}",
            f"entries.json 第 {number + 1} 项的格式不对（{error}）",
            f"item {number} of entries.json has another form than entries have: {error}",
        ) from error


def _number(raw: Mapping[str, Any], name: str) -> int:
    value = raw[name]
    if type(value) is not int or not 0 <= value <= _MAX_MS:
        raise ValueError(f"{name} is a number from 0 to 2^53")
    return value


def _hex(value: object, size: int) -> bytes:
    if type(value) is not str or len(value) != 2 * size:
        raise ValueError(f"a hash or salt has {2 * size} hex digits")
    raw = bytes.fromhex(value)
    if len(raw) != size or raw.hex() != value:  # fromhex passes over spaces and capitals
        raise ValueError("hex digits are 0-9 and a-f")
    return raw
