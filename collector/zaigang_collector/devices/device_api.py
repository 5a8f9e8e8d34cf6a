"""The HTTPS endpoint of devices: `/device/v1/{ca,enrol,renew,vantage}` (protocol.md).

Errors are RFC 9457 problem documents. Nothing here tells whether a token id exists.
"""

from __future__ import annotations

import base64
import http
import ipaddress
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import Engine
from starlette.exceptions import HTTPException

from zaigang_collector import db
from zaigang_collector.devices import ca, enrolment
from zaigang_collector.devices.body_limit import BodyLimit
from zaigang_collector.devices.model import DeviceKind, EnrolRequest
from zaigang_collector.devices.tls_server import peer_certificate
from zaigang_collector.errors import CertificateError, EnrolmentError, Rejection
from zaigang_shared.clock import Clock
from zaigang_shared.errors import TokenError
from zaigang_shared.identifiers import parse_token
from zaigang_shared.receipt import Vantage, sign_vantage

_LOG = logging.getLogger(__name__)
_PROBLEM: Final = "application/problem+json"
_STATUS: Final = {
    Rejection.WRONG_TOKEN: 401,
    Rejection.NO_CERTIFICATE: 401,
    Rejection.INACTIVE_DEVICE: 403,
    Rejection.SPENT_TOKEN: 410,
    Rejection.EXPIRED_TOKEN: 410,
    Rejection.BAD_REQUEST: 422,
}
# A request has a signing request of some 400 bytes and a few words. Larger lets anyone on the
# network fill our memory; smaller refuses a long device name.
MAX_BODY_BYTES: Final = 16 * 1024


@dataclass(frozen=True)
class DeviceServices:
    """What `bootstrap` hands to the endpoint."""

    engine: Engine
    issuer: enrolment.Issuer
    clock: Clock
    mqtt: Callable[[], tuple[str, int]]
    """Host and port of the broker as devices are told: known once it listens."""
    turn: threading.Lock = field(default_factory=threading.Lock)
    """Held while a certificate is written. SQLite has one writer, and whoever finds it taken sleeps
    and asks again: of a hundred laptops at once some would never be lucky within their patience."""


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("characters that can be printed")
    return text


# Shown in terminals and pages as it is: nothing that steers them, or turns the writing around.
_Shown: Final = AfterValidator(_printable)


class EnrolIn(BaseModel):
    """`POST /device/v1/enrol`."""

    model_config = ConfigDict(extra="forbid", strict=True)
    token: Annotated[str, Field(max_length=200)]
    csr: Annotated[str, Field(max_length=ca.CSR_MAX_BYTES)]
    kind: Annotated[DeviceKind, Field(strict=False)]
    name: Annotated[str, Field(min_length=1, max_length=100), _Shown]
    platform: Annotated[str, Field(min_length=1, max_length=100), _Shown]
    agent: Annotated[str, Field(min_length=1, max_length=64), _Shown]


class RenewIn(BaseModel):
    """`POST /device/v1/renew`."""

    model_config = ConfigDict(extra="forbid", strict=True)
    csr: Annotated[str, Field(max_length=ca.CSR_MAX_BYTES)]


class MqttOut(BaseModel):
    """Where to publish."""

    host: str
    port: int


class EnrolOut(BaseModel):
    """The answer to enrolment; PEM where not said otherwise."""

    device_id: str
    certificate: str
    ca: str
    mqtt: MqttOut
    collector_key: str
    config: str = Field(description="COSE_Sign1 in base64")


class RenewOut(BaseModel):
    """The answer to renewal."""

    certificate: str
    mqtt: MqttOut
    config: str = Field(description="COSE_Sign1 in base64")


def device_app(services: DeviceServices) -> FastAPI:
    """The endpoint as an ASGI application, to be served by `tls_server`."""
    app = FastAPI(title="zaigang devices", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.services = services
    app.include_router(_ROUTER)
    app.add_middleware(BodyLimit, max_bytes=MAX_BODY_BYTES)
    app.add_exception_handler(EnrolmentError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _elsewhere)
    app.add_exception_handler(Exception, _bug)
    return app


_ROUTER: Final = APIRouter(prefix="/device/v1")


def _services(request: Request) -> DeviceServices:
    found = request.app.state.services
    assert isinstance(found, DeviceServices)  # noqa: S101  # set by device_app
    return found


def _peer(request: Request) -> ca.Peer:
    der = peer_certificate(request)
    if der is None:
        raise EnrolmentError(
            Rejection.NO_CERTIFICATE, "this needs the device's certificate in the TLS connection"
        )
    try:
        return ca.read_peer(der)
    except CertificateError as error:
        raise EnrolmentError(Rejection.NO_CERTIFICATE, str(error)) from error


Given = Annotated[DeviceServices, Depends(_services)]
WithCertificate = Annotated[ca.Peer, Depends(_peer)]


@_ROUTER.get("/ca")
def authority(given: Given) -> PlainTextResponse:
    """The authority's certificate. Anyone may have it; the token says whether it is the right one."""
    return PlainTextResponse(given.issuer.authority.pem, media_type="application/x-pem-file")


@_ROUTER.post("/enrol", status_code=http.HTTPStatus.CREATED)
def enrol(body: EnrolIn, given: Given) -> EnrolOut:
    """Take a device in."""
    try:
        token = parse_token(body.token)
    except TokenError as error:
        raise EnrolmentError(Rejection.BAD_REQUEST, str(error), "token") from error
    request = EnrolRequest(body.csr, body.kind, body.name, body.platform, body.agent)
    with given.turn, db.writing(given.engine) as conn:
        enrolled = enrolment.enrol(conn, token, request, given.clock.utc_ms(), given.issuer)
    _LOG.info("enrolled %s with token %s", enrolled.device.id, token.id)
    collector_key = given.issuer.grounds.receipt_key.public_key()
    return EnrolOut(
        device_id=enrolled.device.id,
        certificate=enrolled.certificate,
        ca=given.issuer.authority.pem,
        mqtt=_mqtt(given),
        collector_key=collector_key.public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        ).decode("ascii"),
        config=_base64(enrolled.config),
    )


@_ROUTER.post("/renew")
def renew(body: RenewIn, peer: WithCertificate, given: Given) -> RenewOut:
    """A new certificate over the same key."""
    with given.turn, db.writing(given.engine) as conn:
        renewed = enrolment.renew(conn, peer, body.csr, given.clock.utc_ms(), given.issuer)
    return RenewOut(
        certificate=renewed.certificate, mqtt=_mqtt(given), config=_base64(renewed.config)
    )


@_ROUTER.get("/vantage")
def vantage(request: Request, peer: WithCertificate, given: Given) -> Response:
    """The collector's signed word on the address that this request came from."""
    with db.reading(given.engine) as conn:
        device = enrolment.admit(conn, peer)
    seen = Vantage(device.id, _address(request), given.clock.utc_ms())
    token = sign_vantage(given.issuer.grounds.receipt_key, seen)
    return Response(token, media_type="application/cose", headers={"cache-control": "no-store"})


def _address(request: Request) -> str:
    """The peer's address; the IPv4 one where a dual-stack socket wraps it."""
    assert request.client is not None  # noqa: S101  # a TCP connection has a peer
    address = ipaddress.ip_address(request.client.host.split("%", 1)[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _mqtt(given: DeviceServices) -> MqttOut:
    host, port = given.mqtt()
    return MqttOut(host=host, port=port)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, EnrolmentError)  # noqa: S101  # as registered
    _LOG.warning("%s refused: %s", request.url.path, error.reason.value)
    errors = [{"where": f"body.{error.field}", "expected": error.detail}] if error.field else []
    return _problem(_STATUS[error.reason], error.detail, error.reason.value, errors)


def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # as registered
    # Where and what only: the value may be a token.
    errors = [
        {"where": ".".join(str(part) for part in item["loc"]), "expected": item["msg"]}
        for item in error.errors()
    ]
    fields = ", ".join(item["where"] for item in errors)
    return _problem(422, f"wrong or missing: {fields}", Rejection.BAD_REQUEST.value, errors)


def _elsewhere(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  # as registered
    if error.status_code == http.HTTPStatus.BAD_REQUEST:  # nested so deep that no parser follows
        wrong = {"where": "body", "expected": "JSON"}
        return _problem(422, "wrong or missing: body", Rejection.BAD_REQUEST.value, [wrong])
    detail = str(error.detail)
    if error.status_code == http.HTTPStatus.NOT_FOUND:
        detail = "devices have /device/v1/ca, /enrol, /renew and /vantage here, and nothing else"
    return _problem(error.status_code, detail, "", [], error.headers)


def _bug(request: Request, error: Exception) -> JSONResponse:
    _LOG.error("%s failed", request.url.path, exc_info=error)
    return _problem(500, "the collector made a mistake; its log says which", "", [])


def _problem(
    status: int,
    detail: str,
    reason: str,
    errors: Sequence[dict[str, str]],
    headers: Any = None,
) -> JSONResponse:
    content = {
        "type": f"urn:zaigang:problem:{reason}" if reason else "about:blank",
        "title": http.HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "errors": list(errors),
    }
    return JSONResponse(content, status, headers=headers, media_type=_PROBLEM)
