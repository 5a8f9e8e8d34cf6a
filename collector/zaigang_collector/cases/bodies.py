"""What the ledger commits to of a case: a step, or a clue, deterministically encoded. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from zaigang_collector.cases.model import (
    Action,
    Actor,
    Finding,
    Given,
    Proof,
    Proposal,
    Ref,
    RefKind,
    Role,
    Step,
)
from zaigang_shared import cbor


@dataclass(frozen=True, slots=True)
class Written:
    """A step as it is kept."""

    case_id: str
    employee_id: str
    step: Step
    checkpoint: tuple[int, bytes] | None
    """Size and root of the newest checkpoint then: whoever holds the step holds the ledger to it."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """SHA-256 of each attachment that comes with it, by id."""
    policy: Mapping[str, Any] | None = None
    """How the case is conducted; of the first step."""


def encode(written: Written) -> bytes:
    """Deterministic CBOR."""
    step, given = written.step, written.step.given
    return cbor.dumps(
        {
            "v": 1,
            "case": written.case_id,
            "person": written.employee_id,
            "number": step.number,
            "at": step.at_ms,
            "action": step.action.value,
            "role": step.actor.role.value,
            "by": step.actor.id,
            "via": step.actor.via,
            "reason": given.reason,
            "files": {name: written.files.get(name) for name in given.attachments},
            "refs": [[one.kind.value, one.id] for one in given.refs],
            "proof": given.proof and [given.proof.channel, given.proof.ref, given.proof.at_ms],
            "letter": given.letter,
            "finding": given.finding and given.finding.value,
            "proposal": given.proposal.value,
            "until": given.until_ms,
            "due": step.due_ms,
            "refused": step.refused,
            "late": step.late,
            "checkpoint": written.checkpoint and list(written.checkpoint),
            "policy": written.policy and dict(written.policy),
        }
    )


def decode(body: bytes) -> Written:
    """What `encode` made. Raises WireError, KeyError, TypeError, ValueError."""
    raw: Any = cbor.loads(body, "case step")
    files: dict[str, bytes] = raw["files"]
    proof, checkpoint = raw["proof"], raw["checkpoint"]
    given = Given(
        reason=raw["reason"],
        attachments=tuple(files),
        refs=tuple(Ref(RefKind(kind), ref) for kind, ref in raw["refs"]),
        proof=None if proof is None else Proof(*proof),
        letter=raw["letter"],
        finding=None if raw["finding"] is None else Finding(raw["finding"]),
        proposal=Proposal(raw["proposal"]),
        until_ms=raw["until"],
    )
    step = Step(
        raw["number"],
        raw["at"],
        Action(raw["action"]),
        Actor(Role(raw["role"]), raw["by"], raw["via"]),
        given,
        raw["due"],
        raw["refused"],
        raw["late"],
    )
    held = None if checkpoint is None else (checkpoint[0], checkpoint[1])
    return Written(raw["case"], raw["person"], step, held, files, raw["policy"])


@dataclass(frozen=True, slots=True)
class Clue:
    """What somebody was told, written down with its dates. Never evidence by itself."""

    id: str
    employee_id: str
    site_id: str
    first_day: str
    """ISO 8601, local to the site."""
    last_day: str
    words: str
    by: str
    """Who wrote it down: an id in the directory."""
    via: str
    at_ms: int

    def encode(self) -> bytes:
        """Deterministic CBOR."""
        return cbor.dumps(
            {
                "v": 1,
                "clue": self.id,
                "person": self.employee_id,
                "site": self.site_id,
                "first": self.first_day,
                "last": self.last_day,
                "words": self.words,
                "by": self.by,
                "via": self.via,
                "at": self.at_ms,
            }
        )


def decode_clue(body: bytes) -> Clue:
    """What `encode` made. Raises WireError, KeyError, TypeError."""
    raw: Any = cbor.loads(body, "clue")
    return Clue(
        raw["clue"],
        raw["person"],
        raw["site"],
        raw["first"],
        raw["last"],
        raw["words"],
        raw["by"],
        raw["via"],
        raw["at"],
    )
