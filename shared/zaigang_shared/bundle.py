"""The evidence bundle: one zip file with all that is needed to check an assessment offline.

This is the format only: parts to bytes (`write`) and bytes to files (`read`), within limits. What
the files prove is asked by `zaigang_shared.bundle_check`. A zip from a stranger is hostile until
shown otherwise: names are taken from a fixed list of patterns, and nothing is ever unpacked to disk.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from zaigang_shared import bundle_readme, cbor, cose, envelope
from zaigang_shared.bundle_root import fingerprint
from zaigang_shared.errors import BundleError
from zaigang_shared.ledger_entry import EntryType, LeafData
from zaigang_shared.note import VerifierKey

FORMAT: Final = "zaigang-evidence-bundle"
VERSION: Final = 1

# A working day has 2,000 files. Larger lets a stranger's zip keep a reader busy; smaller refuses a
# case over some weeks.
MAX_FILES: Final = 50_000
# Unpacked, all together. Larger takes the memory of a small machine; smaller refuses a month.
MAX_TOTAL_BYTES: Final = 512 * 1024 * 1024
# The whole zip: nothing that unpacks to the above needs more, so what is longer is not read at all.
MAX_ZIP_BYTES: Final = MAX_TOTAL_BYTES
_KIB: Final = 1024
_MIB: Final = 1024 * _KIB
_ID: Final = "[a-z0-9-]{3,40}"
# What may be in a bundle, and how large it may be. Of what is not listed, a verifier could say
# nothing, and a reader might take it for checked.
_ALLOWED: Final = tuple(
    (re.compile(pattern), limit)
    for pattern, limit in (
        (rf"envelopes/{_ID}/[0-9]{{12}}\.cose", envelope.MAX_BYTES),
        (r"bodies/[0-9a-f]{64}", 8 * _MIB),
        (rf"receipts/{_ID}/[0-9]{{12}}-[0-9a-f]{{8}}\.cose", 512),
        (rf"devices/{_ID}\.pem", 256 * _KIB),
        (r"manifest\.json", 16 * _MIB),
        (r"entries\.json", 128 * _MIB),
        (r"checkpoint\.txt", 64 * _KIB),
        (r"checkpoint\.tsr", 64 * _KIB),
        (r"assessment\.json", 8 * _MIB),
        (r"policy\.json", 1 * _MIB),
        (r"inputs\.json", 128 * _MIB),
        (r"README\.(?:zh|en)\.txt", 64 * _KIB),
        (r"trust/(?:ca|collector)\.pem", 64 * _KIB),
        (r"trust/tsa\.pem", 256 * _KIB),
        (r"trust/(?:log|witnesses)\.vkey", 64 * _KIB),
    )
)
REQUIRED: Final = frozenset(
    {
        *("manifest.json", "README.zh.txt", "README.en.txt", "entries.json", "checkpoint.txt"),
        *("assessment.json", "policy.json", "inputs.json"),
        *("trust/ca.pem", "trust/log.vkey", "trust/collector.pem"),
    }
)
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED: Final = 0x1
_WHEN: Final = (1980, 1, 1, 0, 0, 0)  # one content is one file, whenever it is written
# All that zipfile lets out for bytes that are no zip; it has no error of its own for half of them.
_ZIP_ERRORS: Final = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, NotImplementedError, RuntimeError),
    *(
        struct.error,
        EOFError,
        OSError,
        ValueError,
        KeyError,
        IndexError,
        OverflowError,
        MemoryError,
    ),
)


@dataclass(frozen=True, slots=True)
class Subject:
    """Which assessment a bundle is about. Times UTC ms."""

    assessment: str
    version: int
    employee: str
    site: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Trust:
    """The collector's public keys, and those of whoever watches it."""

    ca: x509.Certificate
    log: VerifierKey
    collector_key: Ed25519PublicKey
    """Signs receipts."""
    witnesses: Sequence[VerifierKey] = ()
    stamp_roots: Sequence[x509.Certificate] = ()


@dataclass(frozen=True, slots=True)
class Proven:
    """A ledger entry with its proof; its body is among the parts, or forgotten."""

    index: int
    leaf: LeafData
    proof: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Blinded:
    """A ledger entry of which only the leaf's hash is left: body and salt were destroyed."""

    index: int
    leaf_hash: bytes
    proof: Sequence[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """All that goes into a bundle; where in the zip it lies is not the exporter's affair."""

    made_ms: int
    """UTC."""
    subject: Subject
    purpose: str
    """Why it was exported, as a person would read it."""
    trust: Trust
    certificates: Mapping[str, Sequence[x509.Certificate]]
    """By device id: the first one and its renewals."""
    envelopes: Iterable[bytes]
    receipts: Iterable[bytes]
    entries: Sequence[Proven | Blinded]
    bodies: Iterable[bytes]
    """Of all other entries; what has a place of its own in the zip is passed over."""
    checkpoint: str
    """The signed note with all its lines."""
    assessment: bytes
    policy: bytes
    inputs: bytes
    stamp: bytes | None = None
    """RFC 3161 over the checkpoint's text."""


def canonical(value: object) -> bytes:
    """The one JSON encoding of `value`: keys sorted, no spaces, UTF-8."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def canonical_loads(data: bytes, what: str) -> Any:
    """Read what `canonical` wrote and nothing else. Raises BundleError.

    A second encoding of the same content, or a key that is there twice, would let two programs
    read two things.
    """
    try:
        value = json.loads(data)
        again = canonical(value)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{what} is not JSON: {error}") from error
    if again != data:
        raise BundleError(f"{what} is not canonical JSON: keys in order, no spaces, each key once")
    return value


def write(parts: Parts) -> bytes:
    """The zip. The same parts give the same bytes. Raises WireError or BundleError for parts that
    no reader would take."""
    files = _files(parts)
    manifest = {
        "v": VERSION,
        "format": FORMAT,
        "made_ms": parts.made_ms,
        "subject": asdict(parts.subject),
        "purpose": parts.purpose,
        "origin": parts.trust.log.name,
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    }
    return pack({**files, "manifest.json": canonical(manifest)})


def pack(files: Mapping[str, bytes]) -> bytes:
    """A zip of these files, in the order of their names. Raises BundleError when `read` would
    refuse it."""
    _check_names(list(files))
    _check_sizes({name: len(data) for name, data in files.items()})
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(_info(name), files[name])
    return out.getvalue()


def read(data: bytes) -> dict[str, bytes]:
    """The files of a bundle by name, none of them looked at yet. Raises BundleError."""
    if len(data) > MAX_ZIP_BYTES:
        raise BundleError(f"{len(data)} bytes; a bundle has at most {MAX_ZIP_BYTES}")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _unpacked(archive)
    except _ZIP_ERRORS as error:
        raise BundleError(f"not a zip file that can be read: {error}") from error


def envelope_path(device_id: str, seq: int) -> str:
    """Where an envelope lies."""
    return f"envelopes/{device_id}/{seq:012}.cose"


def receipt_path(device_id: str, through: int, digest: bytes) -> str:
    """Where a receipt lies; a device can have several for one place in its chain."""
    return f"receipts/{device_id}/{through:012}-{digest.hex()[:8]}.cose"


def _files(parts: Parts) -> dict[str, bytes]:
    trust = parts.trust
    files = {
        "assessment.json": parts.assessment,
        "policy.json": parts.policy,
        "inputs.json": parts.inputs,
        "checkpoint.txt": parts.checkpoint.encode(),
        "trust/ca.pem": trust.ca.public_bytes(Encoding.PEM),
        "trust/log.vkey": f"{trust.log}\n".encode(),
        "trust/collector.pem": trust.collector_key.public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        ),
    }
    if trust.witnesses:
        files["trust/witnesses.vkey"] = "".join(f"{key}\n" for key in trust.witnesses).encode()
    if trust.stamp_roots:
        files["trust/tsa.pem"] = _pem(trust.stamp_roots)
    if parts.stamp is not None:
        files["checkpoint.tsr"] = parts.stamp
    for device_id, certificates in parts.certificates.items():
        files[f"devices/{device_id}.pem"] = _pem(certificates)
    paths = {
        (EntryType.ASSESSMENT, hashlib.sha256(parts.assessment).digest()): "assessment.json",
        (EntryType.POLICY, hashlib.sha256(parts.policy).digest()): "policy.json",
    }
    for sealed in parts.envelopes:
        opened = envelope.from_signed(cose.decode(sealed), sealed)
        path = envelope_path(opened.seal.device_id, opened.seal.seq)
        if files.setdefault(path, sealed) != sealed:
            raise BundleError(f"two different envelopes for {path}: a fork goes in no bundle")
        paths[EntryType.ENVELOPE, opened.digest] = path
    for signed in parts.receipts:
        files[_path_of_receipt(signed)] = signed
    elsewhere = {digest for _, digest in paths}
    bodies = {hashlib.sha256(body).digest(): body for body in parts.bodies}
    kept = bodies.keys() - elsewhere
    files |= {f"bodies/{digest.hex()}": bodies[digest] for digest in kept}
    entries = sorted(parts.entries, key=lambda entry: entry.index)
    files["entries.json"] = canonical([_entry(entry, paths, kept) for entry in entries])
    files |= bundle_readme.texts(fingerprint(trust.ca, trust.log, trust.collector_key))
    return files


def _path_of_receipt(signed: bytes) -> str:
    fields = cbor.loads(cose.decode(signed).payload, "receipt")
    try:
        return receipt_path(fields["dev"], fields["through"], envelope.digest(signed))
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError("among the receipts is something that is no receipt") from error


def _entry(
    entry: Proven | Blinded,
    paths: Mapping[tuple[EntryType, bytes], str],
    kept: Iterable[bytes],
) -> dict[str, Any]:
    proof = [one.hex() for one in entry.proof]
    if isinstance(entry, Blinded):
        return {"index": entry.index, "leaf": entry.leaf_hash.hex(), "proof": proof}
    leaf = entry.leaf
    path = paths.get((leaf.type, leaf.body_hash))
    if path is None and leaf.body_hash in kept:
        path = f"bodies/{leaf.body_hash.hex()}"
    return {
        "index": entry.index,
        "type": leaf.type.value,
        "at_ms": leaf.at_ms,
        "body": leaf.body_hash.hex(),
        "salt": leaf.salt.hex(),
        "file": path,
        "proof": proof,
    }


def _pem(certificates: Iterable[x509.Certificate]) -> bytes:
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _WHEN)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 3  # Unix, whose file modes follow
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    return info


def _unpacked(archive: zipfile.ZipFile) -> dict[str, bytes]:
    """Every size is judged before anything is unpacked, and the claims of the zip's directory are
    held against what comes out."""
    infos = archive.infolist()
    if archive.comment:
        raise BundleError("the zip has a comment; a bundle has none")
    _check_names([info.orig_filename for info in infos])
    for info in infos:
        _check_kind(info)
    _check_sizes({info.filename: info.file_size for info in infos})
    _check_places(infos, archive.start_dir)
    files = {}
    for info in infos:
        with archive.open(info) as member:
            data = member.read(info.file_size + 1)
        if len(data) != info.file_size:
            raise BundleError(f"{info.filename} is not as long as the zip says")
        files[info.filename] = data
    return files


def _check_names(names: Sequence[str]) -> None:
    if len(names) > MAX_FILES:
        raise BundleError(f"{len(names)} files; a bundle has at most {MAX_FILES}")
    seen: set[str] = set()
    for name in names:
        if _limit(name) is None:
            raise BundleError(f"{name!r} is no name of a file in a bundle")
        if name in seen:
            raise BundleError(f"{name} is in the zip twice")
        seen.add(name)
    missing = REQUIRED - seen
    if missing:
        raise BundleError(f"no evidence bundle: {min(missing)} is missing")


def _check_sizes(sizes: Mapping[str, int]) -> None:
    total = 0
    for name, size in sizes.items():
        limit = _limit(name)
        if limit is not None and size > limit:
            raise BundleError(f"{name} has {size} bytes, at most {limit} are read")
        total += size
    if total > MAX_TOTAL_BYTES:
        raise BundleError(f"unpacked it has {total} bytes, at most {MAX_TOTAL_BYTES} are read")


def _limit(name: str) -> int | None:
    for pattern, limit in _ALLOWED:
        if pattern.fullmatch(name):
            return limit
    return None


def _check_kind(info: zipfile.ZipInfo) -> None:
    mode = info.external_attr >> 16
    if info.flag_bits & _ENCRYPTED:
        raise BundleError(f"{info.filename} is encrypted")
    if info.compress_type not in _METHODS:
        raise BundleError(f"{info.filename} is packed in another way than stored or deflated")
    if info.create_system == 3 and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise BundleError(f"{info.filename} is no plain file")


def _check_places(infos: Iterable[zipfile.ZipInfo], directory_at: int) -> None:
    """No two files share packed bytes (the way of the smallest bombs), and nothing stands before
    the first, or another program might find another zip in the same file."""
    end = 0
    for info in sorted(infos, key=lambda one: one.header_offset):
        if info.header_offset < end or (end == 0 and info.header_offset != 0):
            raise BundleError(f"{info.filename} overlaps another file, or the zip begins late")
        end = info.header_offset + info.compress_size + 1
    if end > directory_at:
        raise BundleError("the last file of the zip overlaps its directory")
