"""How devices come in: tokens, enrolment, renewal. No commits here.

A refused request changes nothing, so a wrong signing request does not use up a token; only the
caller that gets a certificate does.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Connection, Row

from zaigang_collector.db import Randomness
from zaigang_collector.devices import ca, service
from zaigang_collector.devices.configuration import ConfigGrounds, signed_config
from zaigang_collector.devices.model import (
    Device,
    DeviceKind,
    DeviceStatus,
    Enrolled,
    EnrolRequest,
    Renewed,
    TokenInfo,
    TokenScope,
)
from zaigang_collector.devices.tables import CERTIFICATE, DEVICE, TOKEN
from zaigang_collector.directory import service as directory
from zaigang_collector.errors import (
    CertificateError,
    ConflictError,
    EnrolmentError,
    Rejection,
    UnknownIdError,
)
from zaigang_shared import rid
from zaigang_shared.identifiers import EnrolmentToken

_ID_BYTES: Final = 5  # 8 characters
_SECRET_BYTES: Final = 16  # 26 characters
_DEVICE_ID_CHARS: Final = 10
_DEVICE_ID_BYTES: Final = 7
_PREFIX: Final = {DeviceKind.LAPTOP: "lap-", DeviceKind.NODE: "node-"}
MAX_USES: Final = 1000  # more is a mistyped number, and a leaked token that large is a disaster
_NO_HASH: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class Issuer:
    """All that certificates and configurations are made with."""

    authority: ca.Authority
    grounds: ConfigGrounds
    certificate_days: int
    randomness: Randomness


def issue_token(
    conn: Connection,
    scope: TokenScope,
    now_ms: int,
    expires_ms: int,
    authority: ca.Authority,
    randomness: Randomness,
) -> EnrolmentToken:
    """A new enrolment token; the secret is returned once and kept nowhere.

    A laptop's token names a person, or nobody: such a laptop looks at nothing until it is
    assigned. A node's names a site. Raises UnknownIdError, ConflictError and ValueError.
    """
    _check_scope(conn, scope)
    if expires_ms <= now_ms:
        raise ValueError("an enrolment token must expire in the future")
    token_id = _base32(randomness(_ID_BYTES))
    secret = _base32(randomness(_SECRET_BYTES))
    conn.execute(
        sa.insert(TOKEN).values(
            id=token_id,
            secret_hash=_hash(secret),
            kind=scope.kind.value,
            employee_id=scope.employee_id,
            site_id=scope.site_id,
            uses=scope.uses,
            used=0,
            replaces=scope.replaces,
            created_ms=now_ms,
            expires_ms=expires_ms,
        )
    )
    return EnrolmentToken(token_id, secret, authority.fingerprint)


def list_tokens(conn: Connection) -> tuple[TokenInfo, ...]:
    """All enrolment tokens, the oldest first."""
    query = sa.select(TOKEN).order_by(TOKEN.c.created_ms, TOKEN.c.id)
    return tuple(
        TokenInfo(row.id, _scope(row), row.used, row.created_ms, row.expires_ms, row.last_used_ms)
        for row in conn.execute(query)
    )


def cancel_token(conn: Connection, token_id: str, now_ms: int) -> None:
    """Let a token expire now. Raises UnknownIdError."""
    known = sa.select(TOKEN.c.expires_ms).where(TOKEN.c.id == token_id)
    expires_ms = conn.execute(known).scalar_one_or_none()
    if expires_ms is None:
        raise UnknownIdError("enrolment token", token_id)
    conn.execute(
        sa.update(TOKEN).where(TOKEN.c.id == token_id).values(expires_ms=min(expires_ms, now_ms))
    )


def enrol(
    conn: Connection, token: EnrolmentToken, request: EnrolRequest, now_ms: int, issuer: Issuer
) -> Enrolled:
    """Take a device in. Raises EnrolmentError.

    1 the token is right and, only then, still good; 2 it is for this kind of device; 3 the request
    holds an Ed25519 key that can be trusted; 4 the key is new. The same key under the same token
    again is the same device: its first answer was lost on the way.
    """
    row = _right_token(conn, token)  # 1
    if row.expires_ms <= now_ms:
        raise EnrolmentError(
            Rejection.EXPIRED_TOKEN, "this enrolment token has expired; ask IT for a new one"
        )
    public_key = _key_of(request.csr)  # 3, early: who repeats is told by the key
    repeated = _same_key(conn, public_key)
    if repeated is not None:
        again = _again(conn, repeated, row.id, now_ms, issuer)  # 4
        _note_use(conn, row.id, now_ms)
        return again
    if row.used >= row.uses:
        raise _spent()
    if row.kind != request.kind:  # 2
        detail = f"this token is for a {row.kind}, not for a {request.kind.value}"
        raise EnrolmentError(Rejection.BAD_REQUEST, detail, "kind")
    if row.replaces is not None:
        _refuse_other_owner(conn, row)
    _use(conn, row.id, now_ms)
    device = _new_device(conn, row, request, public_key, now_ms, issuer)
    enrolled = Enrolled(
        device=device,
        certificate=_certify(conn, device, now_ms, issuer, "enrolled"),
        config=signed_config(conn, device, issuer.grounds, now_ms),
    )
    if row.replaces is not None:
        # In the same transaction: at no moment are both listened to, and at no moment neither.
        service.replace(conn, row.replaces, device.id, now_ms, issuer.randomness)
    return enrolled


def renew(conn: Connection, peer: ca.Peer, csr: str, now_ms: int, issuer: Issuer) -> Renewed:
    """A new certificate for a device that has one. Raises EnrolmentError."""
    device = admit(conn, peer)
    if _key_of(csr) != device.public_key:
        raise EnrolmentError(
            Rejection.BAD_REQUEST,
            "the signing request must be for the key of the present certificate; a device with a "
            "new key enrols anew",
            "csr",
        )
    return Renewed(
        certificate=_certify(conn, device, now_ms, issuer, "renewed"),
        config=signed_config(conn, device, issuer.grounds, now_ms),
    )


def admit(conn: Connection, peer: ca.Peer) -> Device:
    """The active device that a certificate is for. Raises EnrolmentError.

    The registered key decides: a certificate for the same id over another key is not this device's.
    """
    device = service.get(conn, peer.id) if peer.is_device else None
    if device is None or peer.public_key != device.public_key:
        raise EnrolmentError(
            Rejection.NO_CERTIFICATE, "the certificate is not one of a device registered here"
        )
    if device.status is not DeviceStatus.ACTIVE:
        raise EnrolmentError(
            Rejection.INACTIVE_DEVICE,
            f"device {device.id} is {device.status.value}; ask IT, who can see why",
        )
    return device


def _check_scope(conn: Connection, scope: TokenScope) -> None:
    if not 1 <= scope.uses <= MAX_USES:
        raise ValueError(f"a token is for 1 to {MAX_USES} devices, not {scope.uses}")
    if scope.replaces is not None:
        _check_replaced(conn, scope, scope.replaces)
    if scope.kind is DeviceKind.LAPTOP:
        if scope.site_id is not None:
            raise ValueError("a laptop's token names an employee or nobody, and no site")
        if (
            scope.employee_id is not None
            and directory.get_employee(conn, scope.employee_id) is None
        ):
            raise UnknownIdError("employee", scope.employee_id)
        return
    if scope.site_id is None or scope.employee_id is not None:
        raise ValueError("a node's token names a site, and no employee")
    if directory.get_site(conn, scope.site_id) is None:
        raise UnknownIdError("site", scope.site_id)


def _check_replaced(conn: Connection, scope: TokenScope, device_id: str) -> None:
    if scope.uses != 1:
        raise ValueError("a device is replaced by one device: leave --uses out")
    old = service.get(conn, device_id)
    if old is None:
        raise UnknownIdError("device", device_id)
    whose = (old.kind, old.employee_id, old.site_id)
    if whose != (scope.kind, scope.employee_id, scope.site_id):
        raise ConflictError(
            f"device {device_id} is a {old.kind.value} of {old.employee_id or old.site_id or 'nobody'}; "
            "the one that replaces it is for the same owner: hand it over first, or enrol without "
            "--replaces"
        )
    if old.status is DeviceStatus.REVOKED:
        raise ConflictError(
            f"device {device_id} is revoked already: enrol the new one without --replaces"
        )


def _right_token(conn: Connection, token: EnrolmentToken) -> Row[Any]:
    # Locked where the database locks rows: two requests under one token come one after the other.
    query = sa.select(TOKEN).where(TOKEN.c.id == token.id).with_for_update()
    row = conn.execute(query).one_or_none()
    known = _NO_HASH if row is None else row.secret_hash
    # One comparison and one sentence for both: nothing tells whether the id exists.
    if not hmac.compare_digest(known, _hash(token.secret)) or row is None:
        raise EnrolmentError(
            Rejection.WRONG_TOKEN, "this enrolment token is not known here; was it mistyped?"
        )
    return row


def _key_of(csr: str) -> bytes:
    try:
        return ca.read_csr(csr)
    except CertificateError as error:
        raise EnrolmentError(Rejection.BAD_REQUEST, str(error), "csr") from error


def _same_key(conn: Connection, public_key: bytes) -> Row[Any, Any] | None:
    query = sa.select(DEVICE.c.id, DEVICE.c.token_id).where(DEVICE.c.public_key == public_key)
    return conn.execute(query).one_or_none()


def _refuse_other_owner(conn: Connection, token: Row[Any]) -> None:
    """A device that was handed over since is not this person's to replace."""
    old = service.get(conn, token.replaces)
    if old is None or (old.employee_id, old.site_id) != (token.employee_id, token.site_id):
        raise EnrolmentError(
            Rejection.BAD_REQUEST,
            "the device that this token replaces has changed hands since; ask IT for a new token",
            "token",
        )


def _again(
    conn: Connection, known: Row[Any, Any], token_id: str, now_ms: int, issuer: Issuer
) -> Enrolled:
    device = service.get(conn, known.id)
    if device is None or known.token_id != token_id or device.status is not DeviceStatus.ACTIVE:
        raise EnrolmentError(
            Rejection.BAD_REQUEST,
            "this key has been enrolled before; a device enrols with a key of its own, new each time",
            "csr",
        )
    return Enrolled(
        device=device,
        certificate=_certify(conn, device, now_ms, issuer, "enrolled_again"),
        config=signed_config(conn, device, issuer.grounds, now_ms),
    )


def _spent() -> EnrolmentError:
    return EnrolmentError(
        Rejection.SPENT_TOKEN, "this enrolment token has been used; ask IT for a new one"
    )


def _use(conn: Connection, token_id: str, now_ms: int) -> None:
    # Decided by the database: two devices that come at once with the last use cannot both have it.
    counted = conn.execute(
        sa.update(TOKEN)
        .where(TOKEN.c.id == token_id, TOKEN.c.used < TOKEN.c.uses)
        .values(used=TOKEN.c.used + 1, last_used_ms=now_ms)
    )
    if counted.rowcount != 1:
        raise _spent()


def _note_use(conn: Connection, token_id: str, now_ms: int) -> None:
    conn.execute(sa.update(TOKEN).where(TOKEN.c.id == token_id).values(last_used_ms=now_ms))


def _new_device(
    conn: Connection,
    token: Row[Any],
    request: EnrolRequest,
    public_key: bytes,
    now_ms: int,
    issuer: Issuer,
) -> Device:
    name = _base32(issuer.randomness(_DEVICE_ID_BYTES))[:_DEVICE_ID_CHARS]
    device = Device(
        id=_PREFIX[request.kind] + name,
        kind=request.kind,
        name=request.name,
        platform=request.platform,
        employee_id=token.employee_id,
        site_id=token.site_id,
        status=DeviceStatus.ACTIVE,
        public_key=public_key,
        rid_key=issuer.randomness(rid.KEY_BYTES),
        created_ms=now_ms,
        revoked_ms=None,
        config_version=0,
    )
    conn.execute(sa.insert(DEVICE).values(**service.columns(device), token_id=token.id))
    service.start_holding(conn, device.id, device.employee_id, device.site_id, now_ms)
    return device


def _certify(conn: Connection, device: Device, now_ms: int, issuer: Issuer, event: str) -> str:
    certificate = ca.issue_device(
        issuer.authority, device.id, device.public_key, now_ms, issuer.certificate_days
    )
    fingerprint = certificate.fingerprint(hashes.SHA256())
    conn.execute(
        sa.insert(CERTIFICATE).values(
            fingerprint=fingerprint,
            device_id=device.id,
            serial=f"{certificate.serial_number:x}",
            not_before_ms=_ms(certificate.not_valid_before_utc.timestamp()),
            not_after_ms=_ms(certificate.not_valid_after_utc.timestamp()),
            der=certificate.public_bytes(Encoding.DER),
        )
    )
    fields = {
        "kind": device.kind.value,
        "employee": device.employee_id,
        "site": device.site_id,
        "key": device.public_key,
        "certificate": fingerprint,
        "beacon": service.beacon_digest(device.rid_key),
    }
    service.record_event(conn, device.id, event, fields, now_ms, issuer.randomness)
    return ca.pem(certificate)


def certificates_of(conn: Connection, device_id: str) -> tuple[x509.Certificate, ...]:
    """All certificates that a device was given, the oldest first."""
    query = (
        sa.select(CERTIFICATE.c.der)
        .where(CERTIFICATE.c.device_id == device_id)
        .order_by(CERTIFICATE.c.not_before_ms, CERTIFICATE.c.fingerprint)
    )
    return tuple(x509.load_der_x509_certificate(der) for der in conn.scalars(query))


def _scope(row: Row[Any]) -> TokenScope:
    return TokenScope(DeviceKind(row.kind), row.employee_id, row.site_id, row.uses, row.replaces)


def _ms(seconds: float) -> int:
    return int(seconds * 1000)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("ascii")).digest()


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode("ascii").rstrip("=").lower()
