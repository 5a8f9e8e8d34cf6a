"""Checkpoints of the ledger (C2SP tlog-checkpoint): its signed size and root at a moment."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from zaigang_shared import note as notes
from zaigang_shared.errors import NoteError
from zaigang_shared.merkle import EMPTY_ROOT, HASH_BYTES
from zaigang_shared.note import Note, VerifierKey

_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log was at a moment."""

    origin: str
    """The log's name, which is its key's name too."""
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """Origin, size and root, a line each: what is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode('ascii')}\n"

    def sign(self, key: Ed25519PrivateKey) -> Note:
        """A note by the log itself. Raises NoteError for an origin that no note can carry."""
        return notes.sign(self.text, self.origin, key)


def read(note: Note) -> Checkpoint:
    """What a note says that is a checkpoint; no signature is checked. Raises NoteError.

    Extension lines, which others' logs may have, are passed over.
    """
    lines = note.text.split("\n")
    if len(lines) < 4:
        raise NoteError("a checkpoint has three lines: origin, size, root")
    origin, size, encoded = lines[:3]
    if not origin:
        raise NoteError("a checkpoint begins with the log's name")
    if not _DECIMAL.fullmatch(size):
        raise NoteError(f"the size of a checkpoint is a number, not {size!r}")
    try:
        root = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        root = b""
    if len(root) != HASH_BYTES or base64.b64encode(root).decode("ascii") != encoded:
        raise NoteError("the root of a checkpoint is base64 of 32 bytes")
    if size == "0" and root != EMPTY_ROOT:
        raise NoteError("a log without entries has one root only")
    return Checkpoint(origin, int(size), root)


def open_note(data: bytes | str, log: VerifierKey) -> tuple[Checkpoint, Note]:
    """A checkpoint that `log` signed, and its note. Raises NoteError."""
    note = notes.parse(data)
    notes.verify(note, log)
    checkpoint = read(note)
    if checkpoint.origin != log.name:
        raise NoteError(f"a checkpoint of {checkpoint.origin}, expected one of {log.name}")
    return checkpoint, note
