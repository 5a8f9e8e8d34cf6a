"""What a trace of work is: a business event (业务行为) or a work log (工作日志), metadata only.

Times are UTC milliseconds. Contents are never part of it, but for the text of a work log where the
company turned keeping on (setting `work_log_text`).
"""

from __future__ import annotations

import base64
import datetime as dt
import enum
import hashlib
from dataclasses import dataclass, field
from typing import Final

from zaigang_shared import cbor

_ID_BYTES: Final = 10  # 80 bits: two of 2**32 traces share an id with a chance of 1 in 130,000
# What a log may hold. Larger lets one request fill the memory; smaller cuts off a thorough report.
TEXT_MAX: Final = 20_000
# As the tables hold them.
SOURCE_MAX: Final = 40
SOURCE_ID_MAX: Final = 200
_DAY_MS: Final = 24 * 3_600_000
# Until when, after midnight, a log whose day is not told is about the day before. Larger takes the
# log of somebody who writes before an early shift for yesterday's; smaller takes that of somebody
# who writes late at night for tomorrow's.
_NIGHT: Final = dt.timedelta(hours=4)


def day_of_log(handed_in_ms: int, zone: dt.tzinfo) -> dt.date:
    """The day that a log is about, when nobody says, by the person's own clock."""
    return (dt.datetime.fromtimestamp(handed_in_ms / 1000, zone) - _NIGHT).date()


def day_is_believable(day: dt.date, now_ms: int) -> bool:
    """Whether a log can be about that day: from the year 2000 to tomorrow, as somewhere on earth it
    is tomorrow already."""
    tomorrow = dt.datetime.fromtimestamp((now_ms + _DAY_MS) / 1000, dt.UTC).date()
    return dt.date(2000, 1, 1) <= day <= tomorrow


class EventKind(enum.StrEnum):
    """What was done, coarsely."""

    APPROVAL = "approval"
    WORK_LOG = "work_log"
    """That one was handed in, by a system that does not tell more of it."""
    TASK = "task"
    MESSAGE = "message"
    COMMIT = "commit"
    LOGIN = "login"
    OTHER = "other"


class Progress(enum.StrEnum):
    """How far the day's task is, in the words of who did it."""

    NOT_STARTED = "not_started"
    IN_PROGRESS = "in_progress"
    BLOCKED = "blocked"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """Something that a person did in a business system."""

    source: str
    """Which system says so: dingtalk, erp, …"""
    source_id: str
    """The source's own id: the same one again is the same event."""
    employee_id: str
    kind: EventKind
    happened_ms: int
    received_ms: int | None = None
    """When the source's platform received it; None: the source does not tell."""
    client: bool | None = None
    """Whether it names a client of ours; None: the source cannot tell. Which client is not held."""
    site_id: str | None = None
    """At which site, where the source knows; None: it does not, which says nothing of the person."""
    vendor_record: bytes = b""
    """The source's record as it is kept: ids, times and kinds, without contents."""

    def trace_id(self) -> str:
        """The same event always gets the same id, on any collector."""
        return "be-" + _digest(b"zaigang/business_event/1\0", self.source, self.source_id)

    def body(self) -> bytes:
        """What the ledger commits to: every field, deterministically encoded."""
        return cbor.dumps(
            {
                "v": 1,
                "source": self.source,
                "source_id": self.source_id,
                "employee": self.employee_id,
                "kind": self.kind.value,
                "happened": self.happened_ms,
                "received": self.received_ms,
                "client": self.client,
                "site": self.site_id,
                "vendor": self.vendor_record,
            }
        )

    @classmethod
    def from_body(cls, data: bytes) -> NewEvent:
        """The event behind a body that `body` made."""
        fields = cbor.loads(data, "business event")
        return cls(
            source=fields["source"],
            source_id=fields["source_id"],
            employee_id=fields["employee"],
            kind=EventKind(fields["kind"]),
            happened_ms=fields["happened"],
            received_ms=fields["received"],
            client=fields["client"],
            site_id=fields["site"],
            vendor_record=fields["vendor"],
        )

    def columns(self) -> dict[str, object]:
        """What is in the clear, because it is asked for by query."""
        return {
            "source": self.source,
            "source_id": self.source_id,
            "employee_id": self.employee_id,
            "happened_ms": self.happened_ms,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWorkLog:
    """What a person handed in for a day."""

    source: str
    source_id: str
    """The source's own id: the same one again is the same log."""
    employee_id: str
    day: dt.date
    """The day that it is about, by the person's own clock."""
    site_id: str | None = None
    """The place that it names; None: it names none, or none of ours."""
    handed_in_ms: int
    names_client: bool | None = None
    """Whether a client's name stands in it; None: there was no text, or no name to look for."""
    client_contact_ms: int | None = None
    """When the person last had to do with the client, as they say."""
    task_progress: Progress | None = None
    text: str | None = field(default=None, repr=False)
    """Only where the company keeps the text of logs; otherwise it was searched and dropped."""
    vendor_record: bytes = b""
    """The source's record as it is kept, without contents."""

    @property
    def text_kept(self) -> bool:
        return self.text is not None

    def trace_id(self) -> str:
        """The same log always gets the same id, on any collector."""
        return "wl-" + _digest(b"zaigang/work_log/1\0", self.source, self.source_id)

    def body(self) -> bytes:
        """What the ledger commits to: every field, deterministically encoded."""
        progress = self.task_progress
        return cbor.dumps(
            {
                "v": 1,
                "source": self.source,
                "source_id": self.source_id,
                "employee": self.employee_id,
                "day": self.day.isoformat(),
                "site": self.site_id,
                "handed_in": self.handed_in_ms,
                "names_client": self.names_client,
                "client_contact": self.client_contact_ms,
                "progress": None if progress is None else progress.value,
                "text": self.text,
                "vendor": self.vendor_record,
            }
        )

    @classmethod
    def from_body(cls, data: bytes) -> NewWorkLog:
        """The log behind a body that `body` made."""
        fields = cbor.loads(data, "work log")
        progress = fields["progress"]
        return cls(
            source=fields["source"],
            source_id=fields["source_id"],
            employee_id=fields["employee"],
            day=dt.date.fromisoformat(fields["day"]),
            site_id=fields["site"],
            handed_in_ms=fields["handed_in"],
            names_client=fields["names_client"],
            client_contact_ms=fields["client_contact"],
            task_progress=None if progress is None else Progress(progress),
            text=fields["text"],
            vendor_record=fields["vendor"],
        )

    def columns(self) -> dict[str, object]:
        """What is in the clear, because it is asked for by query."""
        return {
            "source": self.source,
            "source_id": self.source_id,
            "employee_id": self.employee_id,
            "day": self.day.isoformat(),
            "handed_in_ms": self.handed_in_ms,
        }


def _digest(domain: bytes, source: str, source_id: str) -> str:
    digest = hashlib.sha256(domain + f"{source}\0{source_id}".encode()).digest()
    return base64.b32encode(digest[:_ID_BYTES]).decode("ascii").lower()
