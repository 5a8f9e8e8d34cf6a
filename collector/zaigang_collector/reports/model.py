"""What stands on a letter and on a report, before it is set. Values only; times are UTC ms.

Sentences that the program makes are `Text`, in both languages; what a person wrote is a `str` and is
printed as it is.
"""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass

from zaigang_collector.directory.model import Language
from zaigang_collector.matching.model import Text


@dataclass(frozen=True, slots=True)
class Person:
    """Whom the paper is about."""

    name: str
    employee_id: str
    department: str = ""


@dataclass(frozen=True, slots=True)
class Number:
    """One figure of a finding, with its unit; the value is printed as given."""

    name: Text
    value: str = ""
    """Empty: `name` says it already."""
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """One row of the list of anomalous data (异常数据清单)."""

    day: dt.date
    claim: Text
    """What was clocked in, as `上班打卡 08:00`."""
    place: str
    device_record: Text
    """What the devices say. Without any: that there is none, which is no finding against anybody."""
    business_record: Text
    """What traces of work say, or that there is none."""
    finding: Text
    numbers: tuple[Number, ...] = ()
    reference: str = ""
    """The version of the assessment that says so, as `as-…@2`."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A time line as SVG, with what it shows for those who cannot see it."""

    title: str
    svg: str
    told: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The ledger at the moment of the paper: what the company is bound by."""

    origin: str
    size: int
    root: bytes
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """What letter and report share."""

    language: Language
    company: str
    case_id: str
    person: Person
    time_zone: str
    """IANA: all times of the paper are in it, and it is printed with them."""
    made_ms: int
    first_day: dt.date
    last_day: dt.date
    anomalies: tuple[Anomaly, ...]
    drawings: tuple[Drawing, ...] = ()
    checkpoint: Checkpoint | None = None
    """None: the ledger has none yet, which is said."""
    verify_url: str = ""
    """The page on which anybody can verify: printed as QR code. Empty: none is printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter(Paper):
    """考勤异常确认函: asks, and finds nothing."""

    reply_url: str = ""
    """The personal link. Empty: the reply is given on paper, to `contact`."""
    contact: str
    """To whom questions go."""
    reply_hours: int
    """How long from delivery."""
    due_ms: int | None = None
    """None: delivery is not proved yet, and the clock does not run."""
    appeal_days: int
    published_rule: str = ""
    """Title of the company's rule under which silence has a name (视为默认异常); empty: none."""


class Conclusion(enum.StrEnum):
    """What the review came to."""

    UNFOUNDED = "unfounded"
    SUBSTANTIATED = "substantiated"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Attachment:
    """What was handed in; the hash names exactly these bytes."""

    name: str
    sha256: bytes
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the case."""

    at_ms: int
    what: Text
    who: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Paper):
    """考勤异常报告: what was found, by whom, and what follows, which is a proposal."""

    steps: tuple[Step, ...]
    explanation: str | None
    """The employee's words. None: there was no reply, of which nothing follows by itself."""
    attachments: tuple[Attachment, ...] = ()
    conclusion: Conclusion
    reasons: str
    concluded_by: str
    concluded_ms: int
    proposal: Text | None
    """By the company's policy; None: nothing is proposed."""
    appeal_until_ms: int | None
    """None: the report is final, or its delivery is not proved yet, from which the time runs."""
    appeal_days: int
    final: bool = False
