"""Who this device is: its key, its certificate, whom it trusts, and what it was told to look at.

Files in the state folder (0700), written once by enrolment, each 0600:

    device.key      Ed25519, PKCS#8 PEM: made here, never leaves
    device.crt      the collector's word that the key belongs to the device id
    ca.crt          the only authority that is trusted
    collector.pub   the key that signs receipts and configuration
    config.cose     the newest signed configuration
    config.good     the newest one that this device has lived with (`trial`)
    config.trial    how the trial of config.cose is going, while it is not the same
    identity.json   the rest; written last: without it the device is not enrolled
    enrolling       while enrolment is not finished: the id of the token that the key was sent with
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import ssl
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

from zaigang_agent.errors import IdentityError
from zaigang_agent.trial import Mark
from zaigang_shared import cose, device_config
from zaigang_shared.device_config import SignedConfig
from zaigang_shared.errors import WireError

KEY: Final = "device.key"
CERTIFICATE: Final = "device.crt"
CA: Final = "ca.crt"
COLLECTOR_KEY: Final = "collector.pub"
CONFIG: Final = "config.cose"
IDENTITY: Final = "identity.json"
ATTEMPT: Final = "enrolling"
GOOD: Final = "config.good"
TRIAL: Final = "config.trial"
LATER_FILES: Final = (GOOD, TRIAL)
"""Written after enrolment."""
ALL_FILES: Final = (KEY, CERTIFICATE, CA, COLLECTOR_KEY, CONFIG, IDENTITY)

_ENROL: Final = "enrol: zaigang-agent enrol --again URL TOKEN"

# The one DER encoding that each kind of key has (RFC 8410 sections 4 and 7): read and written by
# hand, because the general parsers take a megabyte of memory for as long as the agent runs.
_PKCS8: Final = bytes.fromhex("302e020100300506032b657004220420")
_SPKI: Final = bytes.fromhex("302a300506032b6570032100")

Kind = Literal["laptop", "node"]


class Card(Struct, frozen=True, kw_only=True):
    """identity.json: what is neither a key nor signed by itself."""

    device_id: str
    kind: Kind
    name: str
    collector_url: str
    mqtt_host: str
    mqtt_port: int
    not_before_ms: int
    """UTC ms from which, and until which, the certificate holds."""
    not_after_ms: int


@dataclass(frozen=True, slots=True)
class Identity:
    """An enrolled device."""

    state_dir: Path
    card: Card
    key: Ed25519PrivateKey = field(repr=False)
    collector_key: Ed25519PublicKey = field(repr=False)
    config: SignedConfig = field(repr=False)  # holds keys: not for tracebacks

    @property
    def device_id(self) -> str:
        return self.card.device_id

    def tls(self) -> ssl.SSLContext:
        """TLS 1.3 as this device, trusting the collector's CA and nobody else.

        Raises IdentityError when key and certificate do not belong together.
        """
        context = trusting(self.state_dir / CA)
        try:
            context.load_cert_chain(self.state_dir / CERTIFICATE, self.state_dir / KEY)
        except (OSError, ssl.SSLError) as error:
            raise IdentityError(
                f"{self.state_dir / CERTIFICATE} does not fit {KEY} or cannot be read "
                f"({error}); {_ENROL}"
            ) from error
        return context


def trusting(ca: Path) -> ssl.SSLContext:
    """A client context with one authority, names checked, TLS 1.3. Raises IdentityError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_verify_locations(ca)
    except (OSError, ssl.SSLError) as error:
        raise IdentityError(f"{ca} cannot be read ({error}); {_ENROL}") from error
    return context


def is_enrolled(state_dir: Path) -> bool:
    """Whether enrolment was finished here."""
    return (state_dir / IDENTITY).is_file()


def load(state_dir: Path) -> Identity:
    """Who this device is. Raises IdentityError, which says what is wrong and what to do."""
    if not is_enrolled(state_dir):
        raise IdentityError(
            f"this device is not enrolled ({state_dir / IDENTITY} is not there): get a token from "
            "IT and run: zaigang-agent enrol URL TOKEN"
        )
    try:
        card = msgspec.json.decode(_read(state_dir / IDENTITY), type=Card)
    except msgspec.MsgspecError as error:
        raise IdentityError(f"{state_dir / IDENTITY} is damaged ({error}); {_ENROL}") from error
    collector_key = load_collector_key(_read(state_dir / COLLECTOR_KEY))
    config = _config(_read(state_dir / CONFIG), collector_key, card.device_id)
    return Identity(state_dir, card, load_key(state_dir / KEY), collector_key, config)


def load_key(path: Path) -> Ed25519PrivateKey:
    """The device's key. Raises IdentityError, also when others could read it."""
    data = _read(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise IdentityError(
            f"{path} can be read by others (mode {mode:04o}), so it proves nothing any more; {_ENROL}"
        )
    raw = _unwrapped(data, "PRIVATE KEY", _PKCS8)
    if raw is None:
        raise IdentityError(f"{path} is not an Ed25519 key; {_ENROL}")
    return Ed25519PrivateKey.from_private_bytes(raw)


def load_collector_key(pem: bytes) -> Ed25519PublicKey:
    """The collector's receipt key. Raises IdentityError."""
    raw = _unwrapped(pem, "PUBLIC KEY", _SPKI)
    try:
        return cose.load_public_key(raw or b"")
    except WireError as error:
        raise IdentityError(
            f"{COLLECTOR_KEY} is not a collector's key ({error.detail}); {_ENROL}"
        ) from error


def make_key(path: Path) -> Ed25519PrivateKey:
    """A key of our own, durable before it is used; the one of an unfinished attempt is taken up.

    Raises IdentityError.
    """
    if path.exists():
        with contextlib.suppress(IdentityError):  # what others can read or is damaged is replaced
            return load_key(path)
    key = Ed25519PrivateKey.generate()
    body = base64.b64encode(_PKCS8 + key.private_bytes_raw()).decode()
    write(path, f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n".encode())
    return key


def _unwrapped(pem: bytes, label: str, prefix: bytes) -> bytes | None:
    """The 32 bytes of an Ed25519 key in PEM; None for anything else."""
    text = pem.decode("ascii", errors="replace").strip()
    head, tail = f"-----BEGIN {label}-----", f"-----END {label}-----"
    if not text.startswith(head) or not text.endswith(tail):
        return None
    try:
        der = base64.b64decode("".join(text[len(head) : -len(tail)].split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    return der[len(prefix) :] if len(der) == len(prefix) + 32 and der.startswith(prefix) else None


def write(path: Path, data: bytes) -> None:
    """Put `data` in place of the file, whole or not at all, readable by nobody else.

    Raises IdentityError.
    """
    new = path.with_name(path.name + ".new")
    try:
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        new.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise IdentityError(f"{path} cannot be written: {error.strerror}") from error


def write_card(state_dir: Path, card: Card) -> None:
    """Replace identity.json. Raises IdentityError."""
    write(state_dir / IDENTITY, msgspec.json.encode(card))


def keep_config(state_dir: Path, data: bytes) -> None:
    """Make a newer configuration durable; it is on trial from then on. Raises IdentityError."""
    if not (state_dir / GOOD).exists():
        write(state_dir / GOOD, _read(state_dir / CONFIG))
    write(state_dir / CONFIG, data)


def keep_good(state_dir: Path, passed: SignedConfig) -> bool:
    """Note that the configuration on the disk is `passed` and good; False when it is another, as
    the disk did not take it. Raises IdentityError."""
    data = _read(state_dir / CONFIG)
    identity = load(state_dir)
    if identity.config.version != passed.version:
        return False
    write(state_dir / GOOD, data)
    with contextlib.suppress(OSError):  # of another version than the newest, it says nothing
        (state_dir / TRIAL).unlink()
    return True


def load_good(identity: Identity) -> SignedConfig | None:
    """The last good configuration; None when there is none that holds and is no newer."""
    try:
        data = (identity.state_dir / GOOD).read_bytes()
        good = _config(data, identity.collector_key, identity.device_id)
    except (OSError, IdentityError):
        return None
    return good if good.version <= identity.config.version else None


def load_mark(state_dir: Path) -> Mark | None:
    """How the trial was going; None when nothing is known."""
    try:
        return msgspec.json.decode((state_dir / TRIAL).read_bytes(), type=Mark)
    except (OSError, msgspec.MsgspecError):
        return None


def save_mark(state_dir: Path, mark: Mark) -> None:
    """Make it durable. Raises IdentityError."""
    write(state_dir / TRIAL, msgspec.json.encode(mark))


def _config(data: bytes, collector_key: Ed25519PublicKey, device_id: str) -> SignedConfig:
    try:
        config = device_config.open_config(data, collector_key)
    except WireError as error:
        raise IdentityError(f"{CONFIG} does not hold ({error.detail}); {_ENROL}") from error
    if config.device_id != device_id:
        raise IdentityError(f"{CONFIG} is for device {config.device_id}; {_ENROL}")
    return config


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise IdentityError(f"{path} cannot be read: {error.strerror}; {_ENROL}") from error
