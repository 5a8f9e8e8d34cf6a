"""Vendors' calls: whether they are from the vendor, and which kind of thing happened. Pure.

Of what they say only the name of the event is read: it wakes the poll, which asks for the rest. So
nobody can put anything into the store by a call, and what it says is never kept.

Sources: DingTalk's and WeCom's callback encryption (the same but for JSON and XML), Feishu's event
encryption, as their open platforms document them; tested with published vectors.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from zaigang_collector.connectors.contract import Kind
from zaigang_collector.connectors.hooks.signing import RefusedError, refuse_late, same
from zaigang_collector.db import Randomness

_RANDOM_BYTES: Final = 16
_BLOCK: Final = 16
_PADDED_TO: Final = 32  # DingTalk and WeCom pad to twice the block
_ENCRYPT: Final = re.compile(rb"<Encrypt>\s*<!\[CDATA\[([A-Za-z0-9+/=]+)\]\]>\s*</Encrypt>")
_EVENT: Final = re.compile(rb"<Event>\s*<!\[CDATA\[([A-Za-z0-9_.-]{1,100})\]\]>\s*</Event>")
_REFUSED: Final = "the signature is not that of this subscription; look at its token and its key"
_GARBLED: Final = "it cannot be read with the key of this subscription"
# What an event's name speaks of, and what is asked for then.
_WAKES: Final = (
    (re.compile("attendance|check_?(in|record)", re.IGNORECASE), (Kind.PUNCHES, Kind.CHECK_INS)),
    (re.compile("approv|bpms", re.IGNORECASE), (Kind.LEAVE, Kind.APPROVALS, Kind.EVENTS)),
    (re.compile("task|project", re.IGNORECASE), (Kind.EVENTS,)),
    (re.compile("report|journal", re.IGNORECASE), (Kind.WORK_LOGS,)),
)


@dataclass(frozen=True, slots=True)
class Called:
    """A call that is the vendor's."""

    event: str
    """The name of what happened; "": the subscription is being tried."""
    answer: str
    media_type: str

    @property
    def wakes(self) -> tuple[Kind, ...]:
        """What to ask for; empty: nothing that we know of."""
        return next((kinds for name, kinds in _WAKES if name.search(self.event)), ())


class Callback(Protocol):
    """One vendor's subscription. Both raise RefusedError."""

    def tried(self, query: Mapping[str, str], now_ms: int) -> Called:
        """A GET, by which WeCom tries the address."""
        ...

    def called(
        self, query: Mapping[str, str], headers: Mapping[str, str], body: bytes, now_ms: int
    ) -> Called:
        """A POST."""
        ...


@dataclass(frozen=True, slots=True)
class Envelope:
    """The encryption that DingTalk and WeCom share."""

    token: str = field(repr=False)
    aes_key: bytes = field(repr=False)
    owner: str

    def signature(self, timestamp: str, nonce: str, encrypted: str) -> str:
        """SHA-1, as the vendors have it: over the four texts, sorted and joined."""
        joined = "".join(sorted((self.token, timestamp, nonce, encrypted)))
        return hashlib.sha1(joined.encode()).hexdigest()  # noqa: S324  # theirs to choose

    def opened(self, query: Mapping[str, str], encrypted: str, unit_ms: int, now_ms: int) -> bytes:
        """What was encrypted. Raises RefusedError."""
        timestamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
        given = query.get("msg_signature") or query.get("signature", "")
        if not same(given, self.signature(timestamp, nonce, encrypted)):
            raise RefusedError(_REFUSED)
        refuse_late(timestamp, unit_ms, now_ms)
        plain = _decrypted(self.aes_key, self.aes_key[:_BLOCK], encrypted, _PADDED_TO)
        head = _RANDOM_BYTES + 4
        if len(plain) < head:
            raise RefusedError(_GARBLED)
        (length,) = struct.unpack(">I", plain[_RANDOM_BYTES:head])
        content, owner = plain[head : head + length], plain[head + length :]
        if len(content) != length or not same(owner.decode("utf-8", "replace"), self.owner):
            raise RefusedError("it was sent for another company or application; look at the owner")
        return content

    def sealed(self, content: bytes, random: bytes) -> str:
        """As an answer is encrypted."""
        plain = random + struct.pack(">I", len(content)) + content + self.owner.encode()
        padder = padding.PKCS7(_PADDED_TO * 8).padder()
        padded = padder.update(plain) + padder.finalize()
        encryptor = Cipher(algorithms.AES(self.aes_key), modes.CBC(self.aes_key[:_BLOCK]))
        sealer = encryptor.encryptor()
        return base64.b64encode(sealer.update(padded) + sealer.finalize()).decode("ascii")


@dataclass(frozen=True, slots=True)
class DingTalkCalls:
    """JSON in, JSON out, times in milliseconds."""

    envelope: Envelope
    randomness: Randomness = field(repr=False)

    def tried(self, query: Mapping[str, str], now_ms: int) -> Called:
        raise RefusedError("DingTalk tries an address by POST")

    def called(
        self, query: Mapping[str, str], headers: Mapping[str, str], body: bytes, now_ms: int
    ) -> Called:
        encrypted = _text(_json(body), "encrypt")
        event = _text(_json(self.envelope.opened(query, encrypted, 1, now_ms)), "EventType")
        timestamp, nonce = str(now_ms), self.randomness(8).hex()
        answer = self.envelope.sealed(b"success", self.randomness(_RANDOM_BYTES))
        said = {
            "msg_signature": self.envelope.signature(timestamp, nonce, answer),
            "timeStamp": timestamp,
            "nonce": nonce,
            "encrypt": answer,
        }
        tried = "" if event == "check_url" else event
        return Called(tried, json.dumps(said), "application/json")


@dataclass(frozen=True, slots=True)
class WeComCalls:
    """XML in, a word out, times in seconds. No XML is parsed: two fields are picked out of it."""

    envelope: Envelope

    def tried(self, query: Mapping[str, str], now_ms: int) -> Called:
        plain = self.envelope.opened(query, query.get("echostr", ""), 1000, now_ms)
        return Called("", plain.decode("utf-8", "replace"), "text/plain")

    def called(
        self, query: Mapping[str, str], headers: Mapping[str, str], body: bytes, now_ms: int
    ) -> Called:
        found = _ENCRYPT.search(body)
        if found is None:
            raise RefusedError("expected WeCom's XML with an Encrypt")
        plain = self.envelope.opened(query, found[1].decode("ascii"), 1000, now_ms)
        event = _EVENT.search(plain)
        return Called("other" if event is None else event[1].decode(), "success", "text/plain")


@dataclass(frozen=True, slots=True)
class FeishuCalls:
    """The whole body is signed with the encryption's key, times in seconds."""

    token: str = field(repr=False)
    key: str = field(repr=False)

    def tried(self, query: Mapping[str, str], now_ms: int) -> Called:
        raise RefusedError("Feishu tries an address by POST")

    def called(
        self, query: Mapping[str, str], headers: Mapping[str, str], body: bytes, now_ms: int
    ) -> Called:
        given = headers.get("x-lark-signature")
        timestamp = headers.get("x-lark-request-timestamp", "")
        if given is not None:
            nonce = headers.get("x-lark-request-nonce", "")
            signed = (timestamp + nonce + self.key).encode() + body
            if not same(given, hashlib.sha256(signed).hexdigest()):
                raise RefusedError(_REFUSED)
            refuse_late(timestamp, 1000, now_ms)
        key = hashlib.sha256(self.key.encode()).digest()
        said = _json(_decrypted(key, None, _text(_json(body), "encrypt"), _BLOCK))
        head = said.get("header")
        head = head if isinstance(head, dict) else said
        if not same(_text(head, "token"), self.token):
            raise RefusedError(_REFUSED)
        if said.get("type") == "url_verification":
            # Perhaps unsigned; it says nothing, and whoever has the token and the key may know that.
            answer = json.dumps({"challenge": _text(said, "challenge")[:200]})
            return Called("", answer, "application/json")
        if given is None:
            raise RefusedError("expected the header X-Lark-Signature")
        return Called(_text(head, "event_type"), "{}", "application/json")


def aes_key(text: str) -> bytes:
    """A vendor's key of 43 characters. Raises ValueError."""
    key = base64.b64decode(text + "=", validate=True)
    if len(key) != 32:
        raise ValueError("expected the 43 characters of the key")
    return key


def _decrypted(key: bytes, iv: bytes | None, encrypted: str, padded_to: int) -> bytes:
    """`iv` None: it stands before the text."""
    try:
        data = base64.b64decode(encrypted, validate=True)
        if iv is None:
            iv, data = data[:_BLOCK], data[_BLOCK:]
        opener = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
        padded = opener.update(data) + opener.finalize()
        unpadder = padding.PKCS7(padded_to * 8).unpadder()
        return unpadder.update(padded) + unpadder.finalize()
    except (ValueError, binascii.Error):
        raise RefusedError(_GARBLED) from None


def _json(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise RefusedError(_GARBLED)
    return found


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise RefusedError(f"expected the vendor's JSON with {name}")
    return value
