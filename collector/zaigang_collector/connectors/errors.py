"""Why another system does not give what is asked for.

An error carries a reason, the vendor's own code and the name of the call. It never carries an
address with its query, a body, or the vendor's sentence: tokens and personal data stand in those.
"""

from __future__ import annotations

import enum
import re
from typing import Final

from zaigang_collector.errors import CollectorError

_CODE: Final = re.compile(r"[A-Za-z0-9_.:-]{1,80}")


class Reason(enum.StrEnum):
    """What kind of refusal or failure it was."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    BROKEN = "broken"
    """It says that it is not well (HTTP 5xx, "busy")."""
    GARBLED = "garbled"
    """An answer that is cut off, or is none of this system's."""
    THROTTLED = "throttled"
    BANNED = "banned"
    """Our address is shut out for a while."""
    QUOTA = "quota"
    """The month's calls are used up."""
    TOKEN = "token"  # noqa: S105  # a reason, not a password
    """The access token is not good, or not any more."""
    CREDENTIALS = "credentials"
    SECRET = "secret"  # noqa: S105  # a reason, not a password
    """Of several secrets the one for this kind is wrong; the others may be good."""
    ADDRESS = "address"
    """Our address is not among those from which it lets itself be asked."""
    PERMISSION = "permission"
    SCOPE = "scope"
    """The person is not among those whom the application may see."""
    MISSING = "missing"
    """What the settings name on this machine, or in somebody's mailbox, is not there or is closed."""
    REFUSED = "refused"
    """Any other refusal: the code tells."""
    STOPPED = "stopped"
    """We were told to stop while waiting."""


# Another attempt in a moment may do: nothing has to be changed for it.
PASSING: Final = frozenset(
    {Reason.UNREACHABLE, Reason.TIMEOUT, Reason.BROKEN, Reason.GARBLED, Reason.THROTTLED}
)
# The whole system does not answer us: asking it for something else would end in the same.
WHOLE: Final = frozenset(
    {
        Reason.UNREACHABLE,
        Reason.TIMEOUT,
        Reason.BANNED,
        Reason.QUOTA,
        Reason.TOKEN,
        Reason.CREDENTIALS,
    }
)


class ConnectorError(CollectorError):
    """Another system that does not give what is asked for; `reason` is for machines."""

    def __init__(
        self,
        reason: Reason,
        call: str,
        code: str = "",
        *,
        permission: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        """`call` is a method and a path; `code` the vendor's, dropped when it is a sentence."""
        self.reason = reason
        self.call = call
        self.code = code if _CODE.fullmatch(code) else ""
        self.permission = permission if _CODE.fullmatch(permission) else ""
        self.retry_after_s = retry_after_s
        told = f" ({self.code})" if self.code else ""
        super().__init__(f"{call}: {reason.value.replace('_', ' ')}{told}")
