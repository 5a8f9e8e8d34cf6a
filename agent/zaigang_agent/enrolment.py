"""How a machine becomes a device of a collector, and stays one: enrol, renew.

Nothing secret is sent to anybody who has not proved to be the collector: the first connection
fetches the CA and sends nothing, the CA must have the fingerprint that the token carries, and only
a second connection that this CA vouches for gets the token.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import os
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zaigang_agent import endpoint, keys, ledgerwatch
from zaigang_agent.endpoint import Address
from zaigang_agent.errors import EnrolmentError, IdentityError
from zaigang_agent.keys import Card, Identity, Kind
from zaigang_agent.spool import Spool
from zaigang_agent.spoolfile import FILE as SPOOL
from zaigang_agent.spoolfile import RESERVE
from zaigang_shared import __version__, device_config
from zaigang_shared.device_config import SignedConfig
from zaigang_shared.errors import TokenError, WireError
from zaigang_shared.identifiers import EnrolmentToken, ca_fingerprint, is_device_id, parse_token

if TYPE_CHECKING:  # five megabytes that a running agent does not need
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

# A fleet that IT enrols at a stroke stands in a queue. Larger keeps somebody at a prompt before a
# wrong address; smaller sends away who would have been served.
_PATIENCE_S: Final = 60.0
_RETIRED: Final = "retired"
_SPOOL_FILES: Final = (SPOOL, f"{SPOOL}-wal", f"{SPOOL}-shm", RESERVE)
# identity.json first: what is left half done is not an enrolled device.
_WITNESSED: Final = (ledgerwatch.EARLIER, ledgerwatch.LATER)
_ALL_FILES: Final = (
    *reversed(keys.ALL_FILES),
    *keys.LATER_FILES,
    keys.ATTEMPT,
    *_SPOOL_FILES,
    *_WITNESSED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Applicant:
    """What a device says of itself when it enrols."""

    kind: Kind
    name: str
    platform: str


def enrol(state_dir: Path, url: str, token_text: str, applicant: Applicant) -> Identity:
    """Make this machine a device of the collector at `url`. Raises EnrolmentError, IdentityError.

    The key is durable before anything is sent. Killed at any moment, or when the answer is lost, the
    same token once more takes up the same key, and the collector knows it again.
    """
    address = endpoint.parse_url(url)
    try:
        token = parse_token(token_text)
    except TokenError as error:
        raise EnrolmentError(f"the token cannot be right: {error}") from error
    if keys.is_enrolled(state_dir):
        raise IdentityError(
            f"this machine is enrolled already (as {keys.load(state_dir).device_id}); to start "
            "over under a new id: zaigang-agent enrol --again URL TOKEN"
        )
    ca_pem = _pinned_ca(address, token)
    _prepare(state_dir)
    _begin(state_dir, token)
    keys.write(state_dir / keys.CA, ca_pem)
    key = keys.make_key(state_dir / keys.KEY)
    answer = _json(
        endpoint.request(
            address,
            keys.trusting(state_dir / keys.CA),
            "POST",
            "/device/v1/enrol",
            {
                "token": str(token),
                "csr": _signing_request(key),
                "kind": applicant.kind,
                "name": applicant.name,
                "platform": applicant.platform,
                "agent": __version__,
            },
            timeout_s=_PATIENCE_S,
        )
    )
    _keep(state_dir, address, applicant, key, ca_pem, answer)
    (state_dir / keys.ATTEMPT).unlink(missing_ok=True)
    return keys.load(state_dir)


def _begin(state_dir: Path, token: EnrolmentToken) -> None:
    """Take up the attempt that was made with this token, or begin one.

    A key that was sent with another token may be enrolled under it, and would be refused with this.
    """
    mark = state_dir / keys.ATTEMPT
    if mark.is_file() and mark.read_bytes() == token.id.encode():
        retire(state_dir, _SPOOL_FILES)  # made just before the attempt ended
        return
    retire(state_dir)  # of an identity that was lost: what it holds is kept
    keys.write(mark, token.id.encode())


def retire(state_dir: Path, names: Sequence[str] = _ALL_FILES) -> Path | None:
    """Put an earlier identity aside, with what it had not sent; returns where, None if none."""
    if not any((state_dir / name).exists() for name in names):
        return None
    shelf = state_dir / _RETIRED
    number = 1
    while (shelf / str(number)).exists():
        number += 1
    target = shelf / str(number)
    try:
        target.mkdir(mode=0o700, parents=True)
        for name in names:
            if (state_dir / name).exists():
                (state_dir / name).rename(target / name)
    except OSError as error:
        raise IdentityError(f"{target} cannot be written: {error.strerror}") from error
    return target


def renew(identity: Identity) -> Identity:
    """A new certificate for the same key, the newest configuration, and where the broker is now.

    Raises EnrolmentError, IdentityError; then the old certificate stays.
    """
    state_dir, card = identity.state_dir, identity.card
    answer = _json(
        endpoint.request(
            endpoint.parse_url(card.collector_url),
            identity.tls(),
            "POST",
            "/device/v1/renew",
            {"csr": _signing_request(identity.key)},
        )
    )
    pem = _text(answer, "certificate").encode()
    certificate = _checked(pem, (state_dir / keys.CA).read_bytes(), identity.key, card.device_id)
    not_before_ms, not_after_ms = _validity_ms(certificate)
    # A collector of an earlier version does not say.
    mqtt = _broker(answer) if "mqtt" in answer else (card.mqtt_host, card.mqtt_port)
    keys.write(state_dir / keys.CERTIFICATE, pem)
    keys.write_card(
        state_dir,
        Card(
            device_id=card.device_id,
            kind=card.kind,
            name=card.name,
            collector_url=card.collector_url,
            mqtt_host=mqtt[0],
            mqtt_port=mqtt[1],
            not_before_ms=not_before_ms,
            not_after_ms=not_after_ms,
        ),
    )
    if isinstance(answer.get("config"), str):
        data, config = _config(answer, identity, card.device_id)
        if config.version > keys.load(state_dir).config.version:  # which may have come meanwhile
            keys.keep_config(state_dir, data)
    return keys.load(state_dir)


def _pinned_ca(address: Address, token: EnrolmentToken) -> bytes:
    """The collector's CA, fetched from whoever answers, kept only if the token vouches for it."""
    unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE  # nothing is sent; the fingerprint decides below
    pem = endpoint.request(address, unverified, "GET", "/device/v1/ca", timeout_s=_PATIENCE_S)
    try:
        der = ssl.PEM_cert_to_DER_cert(pem.decode("ascii").strip())
    except (ValueError, UnicodeDecodeError) as error:
        raise EnrolmentError(
            f"{address} answers, but not as a zaigang collector: is this its device address?"
        ) from error
    found = ca_fingerprint(der)
    if found != token.ca_fingerprint:
        raise EnrolmentError(
            f"the server at {address} is not the collector that this token is from: its CA has the "
            f"fingerprint {found.hex()}, the token says {token.ca_fingerprint.hex()}. Check "
            "address and token with IT; the token was not sent"
        )
    return ssl.DER_cert_to_PEM_cert(der).encode()


def _prepare(state_dir: Path) -> None:
    _refuse_other_owner(state_dir)
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        state_dir.chmod(0o700)
    except OSError as error:
        raise IdentityError(
            f"the state folder {state_dir} cannot be used: {error.strerror}; run this as the user "
            "that the agent runs as, or give another --state-dir"
        ) from error


def _refuse_other_owner(state_dir: Path) -> None:
    """Root can write everywhere, and then the agent, which is not root, cannot read its key."""
    owner = state_dir.stat().st_uid if state_dir.exists() else os.geteuid()
    if owner != os.geteuid():
        raise IdentityError(
            f"{state_dir} belongs to {_user(owner)}: run this as that user, "
            f"sudo -u {_user(owner)} zaigang-agent enrol URL TOKEN"
        )


def _user(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"#{uid}"


def _signing_request(key: Ed25519PrivateKey) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, None)
    return request.public_bytes(Encoding.PEM).decode("ascii")


def _keep(
    state_dir: Path,
    address: Address,
    applicant: Applicant,
    key: Ed25519PrivateKey,
    ca_pem: bytes,
    answer: Mapping[str, Any],
) -> None:
    """Check the answer as if it were hostile, then write it down, identity.json last."""
    device_id = _text(answer, "device_id")
    if not is_device_id(device_id):
        raise EnrolmentError("the collector's answer names no usable device id")
    certificate_pem = _text(answer, "certificate").encode()
    certificate = _checked(certificate_pem, ca_pem, key, device_id)
    collector_pem = _text(answer, "collector_key").encode()
    data = _decoded(_text(answer, "config"))
    try:
        config = device_config.open_config(data, keys.load_collector_key(collector_pem))
    except WireError as error:
        raise EnrolmentError(f"the collector's configuration does not hold: {error}") from error
    if config.device_id != device_id:
        raise EnrolmentError("the collector's configuration is for another device")
    mqtt_host, mqtt_port = _broker(answer)
    not_before_ms, not_after_ms = _validity_ms(certificate)
    keys.write(state_dir / keys.CERTIFICATE, certificate_pem)
    keys.write(state_dir / keys.COLLECTOR_KEY, collector_pem)
    keys.write(state_dir / keys.CONFIG, data)
    Spool.create(state_dir, device_id)
    keys.write_card(
        state_dir,
        Card(
            device_id=device_id,
            kind=applicant.kind,
            name=applicant.name,
            collector_url=str(address),
            mqtt_host=mqtt_host,
            mqtt_port=mqtt_port,
            not_before_ms=not_before_ms,
            not_after_ms=not_after_ms,
        ),
    )


def _broker(answer: Mapping[str, Any]) -> tuple[str, int]:
    mqtt = answer.get("mqtt")
    host, port = (mqtt.get("host"), mqtt.get("port")) if isinstance(mqtt, dict) else (None, None)
    if not isinstance(host, str) or not host or type(port) is not int or not 0 < port < 65536:
        raise EnrolmentError("the collector's answer does not say where its MQTT broker is")
    return host, port


def _checked(pem: bytes, ca_pem: bytes, key: Ed25519PrivateKey, device_id: str) -> x509.Certificate:
    """The certificate in `pem`, which must be by this CA, for our key, and for this device id."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    try:
        certificate = x509.load_pem_x509_certificate(pem)
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(ca_pem))
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
        ours = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        theirs = certificate.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound) as error:
        raise EnrolmentError(
            f"the collector's certificate for us does not hold: {error}"
        ) from error
    if uris != [f"zaigang:device:{device_id}"] or ours != theirs:
        raise EnrolmentError("the collector's certificate is for another device or another key")
    return certificate


def _validity_ms(certificate: x509.Certificate) -> tuple[int, int]:
    return (
        int(certificate.not_valid_before_utc.timestamp()) * 1000,
        int(certificate.not_valid_after_utc.timestamp()) * 1000,
    )


def _config(
    answer: Mapping[str, Any], identity: Identity, device_id: str
) -> tuple[bytes, SignedConfig]:
    data = _decoded(_text(answer, "config"))
    try:
        config = device_config.open_config(data, identity.collector_key)
    except WireError as error:
        raise EnrolmentError(f"the collector's configuration does not hold: {error}") from error
    if config.device_id != device_id:
        raise EnrolmentError("the collector's configuration is for another device")
    return data, config


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise EnrolmentError("the collector's configuration is not base64") from error


def _text(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str):
        raise EnrolmentError(f"the collector's answer has no {name}: is it an older version?")
    return value


def _json(data: bytes) -> Mapping[str, Any]:
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise EnrolmentError("the collector's answer is not JSON") from error
    if not isinstance(answer, dict):
        raise EnrolmentError("the collector's answer is not a JSON object")
    return answer


def local_host_name() -> str:
    """What this machine calls itself: the name that IT sees in the device list."""
    name = socket.gethostname().split(".")[0]
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name[:64] or "unnamed"
    return "unnamed"
