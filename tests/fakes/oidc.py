"""An OpenID Connect provider in memory: what it publishes, and what it vouches for.

Made malicious by its attributes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from zaigang_collector.access.oidc import Client, ProviderError

ISSUER = "https://id.test"
CLIENT = Client(
    ISSUER, "zaigang", "s3cret", "https://console.test/api/v1/provider/back", "staff_no"
)


@dataclass
class FakeProvider:
    """`ask` is what the collector talks to; `visit` is a person who signs in there."""

    now_s: int
    keys: list[ECKey] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)
    """Claims that it states otherwise than it should; None: leaves out."""
    alg: str = "ES256"
    sign_with: Any = None
    """Another key than it publishes."""
    down: bool = False
    endpoints: dict[str, str] = field(default_factory=dict)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.turn()

    def turn(self, *, publish: bool = True) -> None:
        """Sign with a new key from now on."""
        key = ECKey.generate_key("P-256", {"kid": f"k{len(self.keys)}", "use": "sig"})
        if publish:
            self.keys.append(key)
        else:
            self.sign_with = key

    def ask(self, address: str, form: Mapping[str, str] | None) -> bytes:
        """As `bootstrap.vouching` asks."""
        path = urlsplit(address).path
        self.asked.append(path)
        if self.down:
            raise ProviderError("the provider cannot be reached")
        if path == "/.well-known/openid-configuration":
            said = {
                "issuer": ISSUER,
                "authorization_endpoint": f"{ISSUER}/authorize",
                "token_endpoint": f"{ISSUER}/token",
                "jwks_uri": f"{ISSUER}/keys",
            }
            return json.dumps(said | self.endpoints).encode()
        if path == "/keys":
            return json.dumps(KeySet(list(self.keys)).as_dict(private=False)).encode()
        assert path == "/token"
        assert form is not None
        return self._token(form)

    def visit(self, address: str, subject: str, **claims: Any) -> tuple[str, str]:
        """(code, state) with which the browser is sent back."""
        query = {name: one[0] for name, one in parse_qs(urlsplit(address).query).items()}
        assert query["code_challenge_method"] == "S256"
        assert query["redirect_uri"] == CLIENT.back_url
        code = f"code-{len(self._codes)}"
        self._codes[code] = query | {"claims": json.dumps({"sub": subject, **claims})}
        return code, query["state"]

    def _token(self, form: Mapping[str, str]) -> bytes:
        begun = self._codes.pop(form["code"], None)
        if begun is None or form["client_secret"] != CLIENT.secret:
            raise ProviderError("the provider answered 400")
        proof = hashlib.sha256(form["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(proof).decode().rstrip("=") != begun["code_challenge"]:
            raise ProviderError("the provider answered 400")
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": CLIENT.client_id,
            "iat": self.now_s,
            "exp": self.now_s + 300,
            "nonce": begun["nonce"],
            **json.loads(begun["claims"]),
            **self.changes,
        }
        told = {name: value for name, value in claims.items() if value is not None}
        key = self.sign_with or self.keys[-1]
        header = {"alg": self.alg} | ({"kid": key.kid} if getattr(key, "kid", None) else {})
        return json.dumps({"id_token": jwt.encode(header, told, key, [self.alg])}).encode()
