"""The errors of the collector.

ZaigangError
└── CollectorError
    ├── ConfigError          a setting, a file of the data directory: what, expected, what to do
    ├── SchemaError          the database is not at this version's schema
    ├── CsvError             an import with everything that is wrong in it, line by line
    ├── UnknownIdError       nothing has this id
    ├── ConflictError        it would contradict what is already there
    ├── VaultError           a body that cannot be opened
    │   └── ForgottenError   because its key was destroyed on purpose
    ├── CertificateError     a signing request or a certificate that does not hold
    ├── EnrolmentError       a device that may not enrol or renew; carries a Rejection
    ├── LedgerError          the ledger does not fit itself: nothing may be added to it
    ├── AnchorError          somebody outside who does not vouch for the ledger
    ├── SettingError         what a device cannot be told; says what it could be
    ├── NodeImageError       what no card of a node can be made from
    ├── ConnectorError       another system that does not give what is asked for: see
    │                        `connectors.errors`
    ├── AttachmentError      a file of a case that is not taken: see `cases.errors`
    ├── SheetError           a file of clock-ins that is none: see `connectors.sheets`
    ├── TypesettingError     a letter or a report that could not be set
    └── MatchingError        what cannot be assessed: `matching.errors` has its kinds
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from zaigang_shared.errors import ZaigangError


class CollectorError(ZaigangError):
    """Base of every error that the collector raises on purpose."""


class ConfigError(CollectorError):
    """A setting or a file of the data directory; the message says which and what to do."""


class LedgerError(CollectorError):
    """The ledger does not fit itself, its key, or what was published of it; the message says how."""


class SchemaError(CollectorError):
    """The database is older, newer or something else than this version needs."""


@dataclass(frozen=True, slots=True)
class LineProblem:
    """One thing wrong in a CSV file."""

    line: int
    """As an editor counts, from 1; 1 is the header."""
    column: str
    """The column's name as the file writes it; "" for the whole line."""
    expected: str
    value: str = ""
    """What stands there, shortened."""

    def __str__(self) -> str:
        where = f"line {self.line}" + (f", column {self.column}" if self.column else "")
        found = f", found {self.value!r}" if self.value else ""
        return f"{where}: expected {self.expected}{found}"


class CsvError(CollectorError):
    """An import that was refused as a whole, with all its problems at once."""

    def __init__(self, problems: Sequence[LineProblem]) -> None:
        super().__init__(
            f"{len(problems)} {'problem' if len(problems) == 1 else 'problems'}, nothing was imported:"
            "\n" + "\n".join(str(problem) for problem in problems)
        )
        self.problems = tuple(problems)


class UnknownIdError(CollectorError):
    """Nothing has this id."""

    def __init__(self, what: str, unknown_id: str) -> None:
        super().__init__(f"there is no {what} {unknown_id!r}")
        self.what = what
        self.unknown_id = unknown_id


class ConflictError(CollectorError):
    """It would contradict what is already there; the message says what."""


class VaultError(CollectorError):
    """A sealed body or a wrapped key that cannot be opened; the message says why."""


class ForgottenError(VaultError):
    """It was sealed under a key that was destroyed: nobody can open it any more."""


class CertificateError(CollectorError):
    """A signing request or a certificate that does not hold; the message says why."""


class AnchorError(CollectorError):
    """A time stamp authority or a witness that gave no anchor; the message says why."""


class SettingError(CollectorError):
    """A setting for one device that does not exist, does not fit it, or is out of bounds."""


class NodeImageError(CollectorError):
    """Something that a node's card cannot be made from; the message says what was expected."""


class Rejection(enum.StrEnum):
    """Why a device may not enrol or renew."""

    WRONG_TOKEN = "wrong_token"  # noqa: S105  # a reason, not a password
    SPENT_TOKEN = "spent_token"  # noqa: S105
    EXPIRED_TOKEN = "expired_token"  # noqa: S105
    BAD_REQUEST = "bad_request"
    NO_CERTIFICATE = "no_certificate"
    INACTIVE_DEVICE = "inactive_device"


class EnrolmentError(CollectorError):
    """A device that may not. `reason` is for machines, `field` names what to correct."""

    def __init__(self, reason: Rejection, detail: str, field: str = "") -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.field = field
