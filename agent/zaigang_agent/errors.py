"""The errors of the agent.

ZaigangError
└── AgentError          something on this device that a person may have to put right
    ├── ConfigError     a setting that is wrong; says which and what was expected
    ├── SampleError     a look that gave nothing; carries the reason that a gap reading will say
    ├── EnrolmentError  the collector did not take us, or is not who it should be
    ├── IdentityError   keys, certificate or chain of this device cannot be used any more
    │   └── SpoolRolledBackError   the spool is an older copy of itself
    └── SpoolError      the spool cannot be read or written now
        └── SpoolFullError   no room: on the disk, or within the budget
"""

from __future__ import annotations

from zaigang_shared.errors import ZaigangError
from zaigang_shared.readings import GapReason


class AgentError(ZaigangError):
    """Base of every error of the agent; the message is a sentence for a person."""


class ConfigError(AgentError):
    """A setting that is wrong; the message names it and says what was expected."""


class SampleError(AgentError):
    """Nothing could be observed. `reason` is for the gap reading, `detail` for doctor."""

    def __init__(self, reason: GapReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: GapReason = reason
        self.detail = detail


class EnrolmentError(AgentError):
    """The collector could not be reached, is not the one meant, or said no."""

    def __init__(self, sentence: str, status: int | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        """HTTP status of a refusal; None when no answer was read."""


class IdentityError(AgentError):
    """What makes this device this device is missing, damaged or not its own: enrol it (again)."""


class SpoolRolledBackError(IdentityError):
    """The collector holds envelopes that this spool does not know of: it is an older copy."""


class SpoolError(AgentError):
    """The spool cannot be read or written; nothing was changed."""


class SpoolFullError(SpoolError):
    """There is no room for another envelope; nothing was changed."""
