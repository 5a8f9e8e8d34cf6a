"""Decides what a witness cosigns (C2SP tlog-witness, the witness's side): no two histories of one
ledger. Pure: what was cosigned before is handed in."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from zaigang_shared import checkpoint as checkpoints
from zaigang_shared import merkle
from zaigang_shared import note as notes
from zaigang_shared.checkpoint import Checkpoint
from zaigang_shared.errors import NoteError, ProofError
from zaigang_shared.merkle import EMPTY_ROOT
from zaigang_shared.note import Note, VerifierKey

PLAIN: Final = "text/plain; charset=utf-8"
SIZE: Final = "text/x.tlog.size"
# C2SP tlog-witness: more than a tree of 2**63 entries needs.
_MAX_PROOF: Final = 63
# A note, and its proof before it.
MAX_BYTES: Final = notes.MAX_BYTES + 64 * _MAX_PROOF
_OLD: Final = re.compile(r"old (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class Cosigner:
    """A witness: its name and key, and the ledgers that it watches."""

    name: str
    key: Ed25519PrivateKey
    logs: tuple[VerifierKey, ...]

    @property
    def verifier(self) -> VerifierKey:
        """What others check its cosignatures with."""
        return notes.verifier_key(self.name, self.key.public_key(), notes.COSIGNATURE)

    def __repr__(self) -> str:  # a key in a traceback must not be usable
        return f"Cosigner({self.name})"


@dataclass(frozen=True, slots=True)
class Seen:
    """The newest checkpoint of a ledger that was cosigned."""

    size: int
    root: bytes


NOTHING: Final = Seen(0, EMPTY_ROOT)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request whose checkpoint is signed by a ledger that is watched."""

    old: int
    proof: tuple[bytes, ...]
    checkpoint: Checkpoint
    note: Note
    """With the ledger's own signature only: others' lines were not checked."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the protocol."""

    status: HTTPStatus
    body: str
    media_type: str = PLAIN


def asked(body: bytes, logs: Sequence[VerifierKey]) -> Asked | Reply:
    """Read a request; a Reply refuses it."""
    try:
        old, proof, note = _parsed(body)
        origin = note.text.partition("\n")[0]
    except NoteError as error:
        return Reply(HTTPStatus.BAD_REQUEST, f"{error}\n")
    key = next((one for one in logs if one.name == origin), None)
    if key is None:
        return Reply(HTTPStatus.NOT_FOUND, "This ledger is not watched here.\n")
    try:
        notes.verify(note, key)
    except NoteError as error:
        return Reply(HTTPStatus.FORBIDDEN, f"{error}\n")
    try:
        checkpoint = checkpoints.read(note)
    except NoteError as error:
        return Reply(HTTPStatus.BAD_REQUEST, f"{error}\n")
    if old > checkpoint.size:
        return Reply(HTTPStatus.BAD_REQUEST, "The old size is larger than the new one.\n")
    return Asked(old, proof, checkpoint, Note(note.text, (note.by(key),)))


def refusal(request: Asked, seen: Seen) -> Reply | None:
    """Why this is not cosigned; None: it continues what was seen."""
    checkpoint = request.checkpoint
    if request.old != seen.size:
        return _conflict(seen)
    if checkpoint.size == seen.size:
        if checkpoint.root != seen.root:
            return _conflict(seen)
        if request.proof:
            return _unproven("no proof is needed from a size to itself")
        return None
    if seen.size == 0:  # everything continues an empty ledger
        return _unproven("no proof is needed from nothing") if request.proof else None
    try:
        merkle.verify_consistency(
            seen.size, seen.root, checkpoint.size, checkpoint.root, request.proof
        )
    except ProofError as error:
        return _unproven(str(error))
    return None


def cosignature(witness: Cosigner, request: Asked, at_s: int) -> Reply:
    """The line for a checkpoint that is kept already."""
    line = notes.cosigned(request.note.text, witness.name, witness.key, at_s)
    return Reply(HTTPStatus.OK, f"{line}\n")


def _parsed(body: bytes) -> tuple[int, tuple[bytes, ...], Note]:
    head, gap, rest = body.partition(b"\n\n")
    if not gap:
        raise NoteError("expected `old SIZE`, the proof, an empty line and a checkpoint")
    try:
        first, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise NoteError("the proof is not base64") from None
    match = _OLD.fullmatch(first)
    if match is None:
        raise NoteError("expected `old SIZE` in the first line")
    if len(lines) > _MAX_PROOF:
        raise NoteError(f"a proof has {_MAX_PROOF} hashes at most")
    return int(match[1]), tuple(map(_hash, lines)), notes.parse(rest)


def _hash(line: str) -> bytes:
    try:
        found = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if len(found) != merkle.HASH_BYTES or base64.b64encode(found).decode("ascii") != line:
        raise NoteError("a line of the proof is base64 of 32 bytes")
    return found


def _conflict(seen: Seen) -> Reply:
    return Reply(HTTPStatus.CONFLICT, f"{seen.size}\n", SIZE)


def _unproven(why: str) -> Reply:
    return Reply(HTTPStatus.UNPROCESSABLE_ENTITY, f"{why}\n")
