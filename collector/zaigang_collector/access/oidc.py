"""Signing in by OpenID Connect: code flow with PKCE; nothing of it is believed before it is checked.

What is checked, in this order, and against whom:

1. The answer comes to the browser that asked: the flow's cookie, once (session fixation, replay).
2. `state` is that flow's (a page that sends its visitor to our address with a code of its own).
3. `iss`, where the provider sends it, is the provider's (RFC 9207: a mix-up of two).
4. The code is changed for tokens with our secret and the flow's PKCE verifier (a code that was
   overheard, or is of another flow).
5. The ID token is signed by a key that the issuer publishes, with an algorithm of public keys
   (`none`, and HMAC under a public key).
6. It is of this issuer, for this client alone, not over, not of the future, with the flow's `nonce`.
7. Its subject signs in as the one account that it is bound to. A new subject is bound to an account
   that was made for this, and only by the employee id that the provider states; never by an e-mail
   address, which people can often choose for themselves.

DingTalk, WeCom and Feishu are OAuth 2 without ID tokens: they are no providers in this sense.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import sqlalchemy as sa
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy import Connection, Engine

from zaigang_collector import db
from zaigang_collector.access import accounts, secrets, sessions
from zaigang_collector.access.journal import By
from zaigang_collector.access.people import How
from zaigang_collector.access.secrets import Secret
from zaigang_collector.access.tables import ACCOUNT, FLOW
from zaigang_collector.db import Randomness
from zaigang_collector.errors import CollectorError

FLOW_PREFIX: Final = "zgflo"
# From leaving to coming back. Larger keeps half-done sign-ins about; smaller fails whoever looks for
# their phone.
FLOW_MS: Final = 10 * 60_000
# What two clocks may differ by. Larger takes tokens that are over; smaller fails honest servers.
_LEEWAY_S: Final = 60
# A token older than this was not made for this flow.
_OLDEST_S: Final = FLOW_MS // 1000
# Larger learns of a moved endpoint later; smaller asks the provider at every sign-in.
_KEEP_MS: Final = 3_600_000
# Between two looks for a key that is not known. Larger fails sign-ins after a rotation for longer;
# smaller lets a stranger with made-up tokens have the provider asked for ever.
_ROTATE_MS: Final = 60_000
# Public keys only: with HMAC whoever knows the client's secret could vouch for anybody.
_ALGORITHMS: Final = ("RS256", "PS256", "ES256", "ES384", "EdDSA")

Ask = Callable[[str, Mapping[str, str] | None], bytes]
"""(address, form or None) -> what was answered with 200. Raises ProviderError."""


class ProviderError(CollectorError):
    """The provider did not answer, or not as one does. The sentence is for the administrator."""


class NotVouchedError(CollectorError):
    """The provider answered, and nobody is signed in by that; the sentence says why, for the log."""


@dataclass(frozen=True, slots=True)
class Client:
    """What we are to the provider."""

    issuer: str
    client_id: str
    secret: str
    back_url: str
    """Where it sends the browser back to, exactly as it is registered there."""
    employee_claim: str = ""
    """Which claim is the employee id; empty: none, every subject is bound by the command line."""

    def __repr__(self) -> str:
        return f"Client({self.issuer}, {self.client_id})"


@dataclass(frozen=True, slots=True)
class Vouched:
    """Who it is, by the provider's word."""

    issuer: str
    subject: str
    employee_id: str | None


@dataclass(frozen=True, slots=True)
class Back:
    """What the browser brought back."""

    code: str
    state: str
    issuer: str | None = None


class Provider:
    """One issuer, with what it publishes, kept for an hour."""

    def __init__(self, client: Client, ask: Ask) -> None:
        self.client = client
        self._ask = ask
        self._lock = threading.Lock()
        self._found: tuple[int, dict[str, str]] | None = None
        self._keys: tuple[int, KeySet] | None = None

    def address(self, flow: Secret, now_ms: int) -> str:
        """Where to send the browser. Raises ProviderError."""
        challenge = hashlib.sha256(_verifier(flow).encode("ascii")).digest()
        query = {
            "response_type": "code",
            "scope": "openid",
            "client_id": self.client.client_id,
            "redirect_uri": self.client.back_url,
            "state": _state(flow),
            "nonce": _nonce(flow),
            "code_challenge": base64.urlsafe_b64encode(challenge).decode("ascii").rstrip("="),
            "code_challenge_method": "S256",
        }
        endpoint = self._endpoints(now_ms)["authorization_endpoint"]
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    def vouched(self, flow: Secret, back: Back, now_ms: int) -> Vouched:
        """Steps 2 to 6. Raises ProviderError, NotVouchedError."""
        if not hmac.compare_digest(back.state.encode(), _state(flow).encode()):
            raise NotVouchedError("the state is of another flow")
        if back.issuer is not None and back.issuer != self.client.issuer:
            raise NotVouchedError("the answer is of another issuer")
        form = {
            "grant_type": "authorization_code",
            "code": back.code,
            "redirect_uri": self.client.back_url,
            "client_id": self.client.client_id,
            "client_secret": self.client.secret,
            "code_verifier": _verifier(flow),
        }
        answer = _object(self._ask(self._endpoints(now_ms)["token_endpoint"], form))
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise ProviderError("the provider gave no ID token; is it OpenID Connect?")
        claims = self._claims(token, flow, now_ms)
        said = claims.get(self.client.employee_claim) if self.client.employee_claim else None
        employee_id = said if isinstance(said, str) and said else None
        return Vouched(self.client.issuer, str(claims["sub"]), employee_id)

    def _claims(self, token: str, flow: Secret, now_ms: int) -> dict[str, Any]:
        now_s = now_ms // 1000
        try:
            claims = self._verified(token, now_ms)
            jwt.JWTClaimsRegistry(
                now_s,
                _LEEWAY_S,
                iss={"essential": True, "value": self.client.issuer},
                aud={"essential": True, "value": self.client.client_id},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
                nonce={"essential": True, "value": _nonce(flow)},
            ).validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            raise NotVouchedError(f"the ID token does not hold ({type(error).__name__})") from None
        if claims["aud"] not in (self.client.client_id, [self.client.client_id]):
            raise NotVouchedError("the ID token is for others as well")
        if claims["iat"] < now_s - _OLDEST_S:
            raise NotVouchedError("the ID token is an old one")
        return claims

    def _verified(self, token: str, now_ms: int) -> dict[str, Any]:
        """Signed by a key of the issuer's. Keys are turned: one that is not known is looked for."""
        try:
            return dict(jwt.decode(token, self._key_set(now_ms, _KEEP_MS), _ALGORITHMS).claims)
        except (JoseError, ValueError):
            return dict(jwt.decode(token, self._key_set(now_ms, _ROTATE_MS), _ALGORITHMS).claims)

    def _key_set(self, now_ms: int, keep_ms: int) -> KeySet:
        address = self._endpoints(now_ms)["jwks_uri"]
        with self._lock:
            if self._keys is None or self._keys[0] + keep_ms <= now_ms:
                try:
                    keys = KeySet.import_key_set(_object(self._ask(address, None)))  # type: ignore[arg-type]  # checked there
                except (JoseError, ValueError, TypeError, KeyError) as error:
                    raise ProviderError("the provider's keys cannot be read") from error
                self._keys = now_ms, keys
            return self._keys[1]

    def _endpoints(self, now_ms: int) -> dict[str, str]:
        """What the issuer says of itself (OpenID Connect Discovery 1.0)."""
        with self._lock:
            if self._found is None or self._found[0] + _KEEP_MS <= now_ms:
                base = self.client.issuer.rstrip("/")
                said = _object(self._ask(f"{base}/.well-known/openid-configuration", None))
                if said.get("issuer") != self.client.issuer:
                    raise ProviderError("what is at login_issuer calls itself something else")
                names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
                found = {name: str(said.get(name, "")) for name in names}
                if not all(one.startswith("https://") for one in found.values()):
                    raise ProviderError("the provider does not name its endpoints with https")
                self._found = now_ms, found
            return self._found[1]


def begin(
    engine: Engine, provider: Provider, now_ms: int, randomness: Randomness
) -> tuple[str, str]:
    """(cookie of the flow, where to send the browser). Raises ProviderError."""
    flow = secrets.new(FLOW_PREFIX, randomness)
    address = provider.address(flow, now_ms)
    with db.writing(engine) as conn:
        conn.execute(sa.delete(FLOW).where(FLOW.c.expires_ms <= now_ms))
        row = {"secret_hash": flow.hash, "expires_ms": now_ms + FLOW_MS}
        conn.execute(sa.insert(FLOW).values(**row))
    return flow.text, address


def finish(
    engine: Engine, provider: Provider, cookie: str, back: Back, now_ms: int, randomness: Randomness
) -> str:
    """The text of a new session. Raises ProviderError, NotVouchedError."""
    flow = secrets.read(FLOW_PREFIX, cookie)
    if flow is None or not _spend(engine, flow, now_ms):
        raise NotVouchedError("no sign-in was begun in this browser, or it is over")
    vouched = provider.vouched(flow, back, now_ms)
    with db.writing(engine) as conn:
        account_id = _account_of(conn, vouched, now_ms, randomness)
        seen = sa.update(ACCOUNT).where(ACCOUNT.c.id == account_id)
        conn.execute(seen.values(last_login_ms=now_ms))
        return sessions.start(conn, account_id, How.PROVIDER, now_ms, randomness)


def _spend(engine: Engine, flow: Secret, now_ms: int) -> bool:
    """Step 1: each flow comes back once."""
    this = sa.and_(FLOW.c.secret_hash == flow.hash, FLOW.c.expires_ms > now_ms)
    with db.writing(engine) as conn:
        return conn.execute(sa.delete(FLOW).where(this)).rowcount == 1


def _account_of(conn: Connection, vouched: Vouched, now_ms: int, randomness: Randomness) -> str:
    """Step 7."""
    mine = sa.select(ACCOUNT).where(ACCOUNT.c.issuer == vouched.issuer)
    row = conn.execute(mine.where(ACCOUNT.c.subject == vouched.subject)).one_or_none()
    if row is None and vouched.employee_id is not None:
        made_for = mine.where(
            ACCOUNT.c.employee_id == vouched.employee_id, ACCOUNT.c.subject.is_(None)
        )
        row = conn.execute(made_for.with_for_update()).one_or_none()
        if row is not None and row.locked_ms is None:
            by = By("the provider", now_ms, randomness)
            accounts.bind(conn, row.id, vouched.subject, by)
    if row is None or row.locked_ms is not None:
        raise NotVouchedError("no account is bound to this subject, or it is locked")
    return str(row.id)


def _state(flow: Secret) -> str:
    return flow.derived("zaigang/oidc/state/1")


def _nonce(flow: Secret) -> str:
    return flow.derived("zaigang/oidc/nonce/1")


def _verifier(flow: Secret) -> str:
    # Two of them: RFC 7636 wants 43 characters at least.
    return flow.derived("zaigang/oidc/verifier/1") + flow.derived("zaigang/oidc/verifier/2")


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ProviderError("the provider's answer is no JSON object")
    return found
