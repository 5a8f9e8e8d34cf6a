"""Signed notes (C2SP signed-note): text that people can read, with signatures below.

A note is its text, an empty line, and one line per signature: an em dash, the key's name, and
base64 of the key's id and the signature. Whoever does not know a key passes over its line.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from zaigang_shared import cose
from zaigang_shared.errors import NoteError, WireError

ED25519: Final = 0x01
"""Signature type of a log: over the text itself."""
COSIGNATURE: Final = 0x04
"""Signature type of a witness: over a time and the text (C2SP tlog-cosignature)."""
_DASH: Final = "\u2014 "
_ID_BYTES: Final = 4
_SIGNATURE_BYTES: Final = {ED25519: 64, COSIGNATURE: 8 + 64}
# A checkpoint has a few hundred bytes; larger makes strangers' notes costly, smaller refuses one
# with many witnesses.
MAX_BYTES: Final = 64 * 1024
_MAX_SIGNATURES: Final = 100
_NAME: Final = re.compile(r"[^\s+]+")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with a name: `name+hex id+base64 type and key`, as it is printed and configured."""

    name: str
    type: int
    public_key: bytes
    """32 raw bytes, Ed25519."""

    @property
    def id(self) -> bytes:
        """Four bytes that say which of several keys of one name signed."""
        named = self.name.encode() + b"\n" + bytes([self.type]) + self.public_key
        return hashlib.sha256(named).digest()[:_ID_BYTES]

    def __str__(self) -> str:
        key = base64.b64encode(bytes([self.type]) + self.public_key).decode("ascii")
        return f"{self.name}+{self.id.hex()}+{key}"

    @property
    def loaded(self) -> Ed25519PublicKey:
        """For verifying. Raises NoteError for a key under which anything might verify."""
        try:
            return cose.load_public_key(self.public_key)
        except WireError as error:
            raise NoteError(f"key {self.name}: {error.detail}") from error


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line."""

    name: str
    key_id: bytes
    value: bytes

    def __str__(self) -> str:
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + self.value).decode('ascii')}"


@dataclass(frozen=True, slots=True)
class Note:
    """A note whose signatures have not been checked."""

    text: str
    """Ends with a newline."""
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return self.text + "\n" + "".join(f"{one}\n" for one in self.signatures)

    def by(self, key: VerifierKey) -> Signature:
        """The line that claims to be of `key`. Raises NoteError when there is none."""
        for one in self.signatures:
            if one.name == key.name and one.key_id == key.id:
                return one
        raise NoteError(f"not signed by {key.name} with key {key.id.hex()}")


def verifier_key(name: str, key: Ed25519PublicKey, signature_type: int = ED25519) -> VerifierKey:
    """The public side of a signer. Raises NoteError for a name that no note can carry."""
    _check_name(name)
    return VerifierKey(name, signature_type, key.public_bytes_raw())


def parse_verifier_key(text: str) -> VerifierKey:
    """Read `name+id+key`. Raises NoteError."""
    wanted = "expected NAME+8 hex digits+base64 of type and key"
    parts = text.strip().split("+", 2)
    if len(parts) != 3:
        raise NoteError(f"not a verifier key: {wanted}")
    name, key_id, encoded = parts
    _check_name(name)
    raw = _base64(encoded)
    if len(raw) != 33 or raw[0] not in _SIGNATURE_BYTES:
        raise NoteError(f"verifier key {name}: type and length are not those of Ed25519; {wanted}")
    key = VerifierKey(name, raw[0], raw[1:])
    if key.id.hex() != key_id:
        raise NoteError(f"verifier key {name}: its id is {key.id.hex()}, not {key_id}: mistyped?")
    _ = key.loaded
    return key


def sign(text: str, name: str, key: Ed25519PrivateKey) -> Note:
    """A note with one signature. Raises NoteError for text that no note can carry."""
    _check_text(text)
    public = verifier_key(name, key.public_key())
    return Note(text, (Signature(name, public.id, key.sign(text.encode())),))


def cosigned(text: str, name: str, key: Ed25519PrivateKey, at_s: int) -> Signature:
    """A witness's line under a checkpoint: seen at `at_s` (UTC seconds), and nothing contrary
    before (C2SP tlog-cosignature)."""
    _check_text(text)
    public = verifier_key(name, key.public_key(), COSIGNATURE)
    value = at_s.to_bytes(8, "big") + key.sign(_seen_at(at_s, text))
    return Signature(name, public.id, value)


def parse(data: bytes | str) -> Note:
    """Read a note. Raises NoteError; only what `str` gives back is one."""
    text = _decoded(data)
    body, gap, rest = text.rpartition("\n\n")
    if not gap:
        raise NoteError("no note: the empty line before the signatures is missing")
    body += "\n"
    _check_text(body)
    if not rest.endswith("\n"):
        raise NoteError("the last signature line is cut off")
    lines = rest[:-1].split("\n")
    if len(lines) > _MAX_SIGNATURES:
        raise NoteError(f"{len(lines)} signatures, at most {_MAX_SIGNATURES} are read")
    note = Note(body, tuple(map(_signature, lines)))
    if str(note) != text:
        raise NoteError("written in another way than notes are")
    return note


def verify(note: Note, key: VerifierKey) -> None:
    """Raise NoteError unless `key` signed the text."""
    signature = note.by(key)
    _check_signature(key, signature, lambda: note.text.encode(), signature.value)


def verify_cosignature(note: Note, key: VerifierKey) -> int:
    """When the witness saw the checkpoint, UTC seconds. Raises NoteError."""
    signature = note.by(key)
    at_s = int.from_bytes(signature.value[:8], "big")
    _check_signature(key, signature, lambda: _seen_at(at_s, note.text), signature.value[8:])
    return at_s


def with_signatures(note: Note, more: Sequence[Signature]) -> Note:
    """The same note with further lines; one that is there already is not added again."""
    new = [one for one in more if one not in note.signatures]
    return Note(note.text, (*note.signatures, *new))


def parse_signature(line: str) -> Signature:
    """One signature line, without its newline, as a witness answers with. Raises NoteError."""
    return _signature(line)


def _check_signature(
    key: VerifierKey, signature: Signature, signed: Callable[[], bytes], value: bytes
) -> None:
    if len(signature.value) != _SIGNATURE_BYTES[key.type]:
        raise NoteError(f"the signature of {key.name} has {len(signature.value)} bytes")
    try:
        key.loaded.verify(value, signed())
    except InvalidSignature:
        raise NoteError(f"the signature of {key.name} does not fit the text") from None


def _seen_at(at_s: int, text: str) -> bytes:
    return f"cosignature/v1\ntime {at_s}\n{text}".encode()


def _signature(line: str) -> Signature:
    if not line.startswith(_DASH):
        raise NoteError("a signature line begins with an em dash and a space")
    name, gap, encoded = line[len(_DASH) :].partition(" ")
    if not gap:
        raise NoteError("a signature line has a name and base64")
    _check_name(name)
    raw = _base64(encoded)
    if len(raw) <= _ID_BYTES:
        raise NoteError(f"the signature of {name} is cut off")
    return Signature(name, raw[:_ID_BYTES], raw[_ID_BYTES:])


def _decoded(data: bytes | str) -> str:
    if len(data) > MAX_BYTES:
        raise NoteError(f"{len(data)} bytes, a note has {MAX_BYTES} at most")
    if isinstance(data, str):
        return data
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NoteError(f"a note is UTF-8 text: {error.reason}") from error


def _check_text(text: str) -> None:
    if not text.endswith("\n"):
        raise NoteError("the text of a note ends with a newline")
    if any(character < " " and character != "\n" for character in text):
        raise NoteError("the text of a note has no control characters but newlines")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise NoteError("the text of a note has a lone surrogate") from None


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or not name.isprintable():
        raise NoteError(f"{name!r} is no key name: not empty, without spaces and plus signs")


def _base64(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteError(f"not base64: {error}") from error
    if base64.b64encode(raw).decode("ascii") != text:
        raise NoteError("base64 in another way than it is written")
    return raw
