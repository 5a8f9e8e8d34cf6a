"""Asks a witness to cosign a checkpoint (C2SP tlog-witness, the client's side)."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from zaigang_collector.errors import AnchorError
from zaigang_collector.ledger.outside import (
    Anchored,
    AnchorKind,
    Behind,
    Prove,
    SignedCheckpoint,
)
from zaigang_collector.ledger.posting import Answer, Post
from zaigang_shared import note as notes
from zaigang_shared.errors import NoteError
from zaigang_shared.note import Note, VerifierKey

SIZE: Final = "text/x.tlog.size"
PATH: Final = "/add-checkpoint"
_SIZE: Final = re.compile(rb"(0|[1-9][0-9]{0,18})\n?")


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness, asked over HTTP."""

    url: str
    """Without `/add-checkpoint`."""
    key: VerifierKey
    post: Post

    @property
    def kind(self) -> AnchorKind:
        return AnchorKind.WITNESS

    @property
    def name(self) -> str:
        return self.key.name

    def anchor(
        self, checkpoint: SignedCheckpoint, last: int, prove: Prove, now_ms: int
    ) -> Anchored | Behind:
        """Its cosignature. Raises AnchorError.

        `last` is what we believe that it saw; it may have seen more, and then says so, and is asked
        again from there.
        """
        answer = self._ask(checkpoint, last, prove)
        there = _size_in(answer)
        if there is not None and there != last and there <= checkpoint.size:
            last = there
            answer = self._ask(checkpoint, last, prove)
            there = _size_in(answer)
        if there is not None:
            if there > checkpoint.size or there == last == checkpoint.size:
                return Behind(self.name, there, checkpoint.size)
            raise AnchorError(f"it answered 409 and the size {there} when it was asked from {last}")
        if answer.status == HTTPStatus.UNPROCESSABLE_ENTITY and last > 0:
            # It holds exactly `last`, and that is not the beginning of what we have.
            return Behind(self.name, last, checkpoint.size)
        return self._cosigned(answer, checkpoint, now_ms)

    def _ask(self, checkpoint: SignedCheckpoint, old: int, prove: Prove) -> Answer:
        proof = prove(old, checkpoint.size) if 0 < old < checkpoint.size else []
        return self.post(self.url + PATH, request(old, proof, checkpoint.note), "text/plain")

    def _cosigned(self, answer: Answer, checkpoint: SignedCheckpoint, now_ms: int) -> Anchored:
        if answer.status == HTTPStatus.NOT_FOUND:
            raise AnchorError("it does not know this ledger; give it the verifier key")
        if answer.status == HTTPStatus.FORBIDDEN:
            raise AnchorError("it knows another key of this ledger; give it the verifier key again")
        if answer.status != HTTPStatus.OK:
            raise AnchorError(f"it answered {answer.status}, expected 200 with a cosignature")
        try:
            lines = answer.body.decode().splitlines()
            signatures = tuple(notes.parse_signature(line) for line in lines)
            signed = Note(notes.parse(checkpoint.note).text, signatures)
            at_s = notes.verify_cosignature(signed, self.key)
            line = str(signed.by(self.key))
        except (NoteError, UnicodeDecodeError) as error:
            raise AnchorError(f"its cosignature does not hold: {error}") from error
        return Anchored(at_s * 1000, line.encode())


def request(old: int, proof: Sequence[bytes], note: str) -> bytes:
    """The body: the size that the witness saw last, the proof from there, the checkpoint."""
    lines = [f"old {old}", *(base64.b64encode(one).decode("ascii") for one in proof)]
    return ("\n".join(lines) + "\n\n" + note).encode()


def _size_in(answer: Answer) -> int | None:
    """What the witness has seen, from a 409; None for any other answer."""
    if answer.status != HTTPStatus.CONFLICT:
        return None
    match = _SIZE.fullmatch(answer.body)
    if match is None or answer.media_type != SIZE:
        raise AnchorError(f"it answered 409 without its size as {SIZE}")
    return int(match[1])
