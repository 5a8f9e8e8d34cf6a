"""The errors of the wire and of evidence.

ZaigangError
├── WireError           bytes from outside that do not hold; carries a Refusal
├── TokenError          an enrolment token that is not one (typing mistake, cut off, wrong product)
└── EvidenceError       something shown as proof that proves nothing
    ├── ProofError      a Merkle proof that does not lead where it should
    ├── NoteError       a signed note, a checkpoint or a key of one
    ├── TimestampError  a time stamp of RFC 3161
    └── BundleError     a file that is no evidence bundle

Parsers in this package let nothing else out: any input gives a value or one of these.
"""

from __future__ import annotations

import enum


class ZaigangError(Exception):
    """Base of every error that this project raises on purpose."""


class Refusal(enum.StrEnum):
    """Why something that arrived was not accepted. Names are counted, shown and documented."""

    OVERSIZE = "oversize"
    NOT_COSE = "not_cose"
    NOT_CANONICAL = "not_canonical"
    HEADER = "header"
    ALGORITHM = "algorithm"
    UNKNOWN_DEVICE = "unknown_device"
    REVOKED_DEVICE = "revoked_device"
    QUARANTINED_DEVICE = "quarantined_device"
    WRONG_TOPIC = "wrong_topic"
    SIGNATURE = "signature"
    PAYLOAD = "payload"
    READING = "reading"
    CHAIN = "chain"
    FORK = "fork"
    UNKNOWN_RECEIPT = "unknown_receipt"


# A detail can quote what the sender wrote. Longer would let one device fill a log with one
# message; shorter would cut our own longest sentences.
_MAX_DETAIL_CHARACTERS = 300


class WireError(ZaigangError):
    """Bytes that do not hold. `reason` is for machines and counters, `detail` for people: one
    printable line, whatever the bytes were."""

    def __init__(self, reason: Refusal, detail: str) -> None:
        detail = _printable_line(detail)
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail


class TokenError(ZaigangError):
    """A string that is not an enrolment token; the message says what is wrong with it."""


class EvidenceError(ZaigangError):
    """Something shown as proof that proves nothing; the message is one printable line."""

    def __init__(self, detail: str) -> None:
        super().__init__(_printable_line(detail))


class ProofError(EvidenceError):
    """A Merkle proof that does not lead where it should."""


class NoteError(EvidenceError):
    """A signed note, a checkpoint or a verifier key that is none, or is signed by somebody else."""


class TimestampError(EvidenceError):
    """A time stamp that does not stamp this, or is not by whom it should be."""


class BundleError(EvidenceError):
    """A file that is no evidence bundle."""


def _printable_line(text: str) -> str:
    if len(text) > _MAX_DETAIL_CHARACTERS:
        text = text[: _MAX_DETAIL_CHARACTERS - 1] + "…"
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
