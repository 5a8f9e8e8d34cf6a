"""What a connector is. A room of its own for each system; nothing outside of it knows the system.

A connector asks and reads; it stores nothing. What it found it hands over in batches, each whole
for the people and the window that it names, and each stored in one transaction.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from zaigang_collector.attendance.model import Direction, ExemptionKind, Flag, Point
from zaigang_collector.attendance.model import Kind as Word
from zaigang_collector.matching.model import Text
from zaigang_collector.worktraces.model import EventKind, Progress


class Kind(enum.StrEnum):
    """What can be asked of a system. People come first: the others are asked for by person."""

    PEOPLE = "people"
    PUNCHES = "punches"
    CHECK_INS = "check_ins"
    """Arrivals that somebody notes on the way, of no shift: 签到."""
    LEAVE = "leave"
    APPROVALS = "approvals"
    EVENTS = "events"
    """Traces of work: that something was done, and when."""
    WORK_LOGS = "work_logs"


class Standing(enum.StrEnum):
    """What a record is worth, by the word of the system that it comes from."""

    COUNTS = "counts"
    DISCOUNTED = "discounted"
    """Made by a person, and not accepted by the system: kept, and never a clock-in."""
    NO_PUNCH = "no_punch"
    """Looks like one and is the system's own note, such as that somebody did not punch."""


@dataclass(frozen=True, slots=True)
class Window:
    """From when to when, UTC ms; the end is not included."""

    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in the system's own list of people. Their name is not asked for."""

    vendor_id: str
    job_number: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """All that a record says of where it was made."""

    point: Point | None = None
    network: bytes | None = None
    """Keyed hash of the access point."""
    names: tuple[tuple[str, str], ...] = ()
    """By which the configuration may know the site, the surest first: ("terminal", serial), …"""
    in_words: bool = False
    """Whether the system says where it was in words alone: not known does not mean not told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Punch:
    """One record of somebody clocking in or out."""

    vendor_id: str
    """The system's id of the record: the same one again is the same punch."""
    person: str
    """The system's id of who it was."""
    direction: Direction | None
    punched_ms: int
    received_ms: int | None = None
    word: Word
    """Whose word it is."""
    standing: Standing = Standing.COUNTS
    place: Place = field(default_factory=Place)
    device: str | None = None
    flags: tuple[Flag, ...] = ()
    record: bytes = b""
    """The system's record as it is kept: verbatim, without what is never kept."""
    odd: tuple[str, ...] = ()
    """What is not known of it yet, as `sourceType CARD`: told, never a reason to drop it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """A stretch in which the system itself knows that somebody has leave or is elsewhere."""

    vendor_id: str
    person: str
    from_ms: int
    to_ms: int
    why: ExemptionKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One trace of somebody's work."""

    vendor_id: str
    """The system's id: the same one again is the same event."""
    person: str
    kind: EventKind
    happened_ms: int
    received_ms: int | None = None
    client: bool | None = None
    """Whether it has to do with a client, where the system itself can tell."""
    text: str | None = field(default=None, repr=False)
    """Where a client may be named, such as the title of a task: searched in memory, never kept."""
    record: bytes = b""
    """The system's record as it is kept: ids, times and kinds, without contents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """One work log that somebody handed in."""

    vendor_id: str
    person: str
    handed_in_ms: int
    day: dt.date | None = None
    """The day it is about; None: the system does not tell, and the hour has to."""
    text: str | None = field(default=None, repr=False)
    """Searched in memory for names of clients; kept only if the company turned that on."""
    client_contact_ms: int | None = None
    task_progress: Progress | None = None
    record: bytes = b""
    """The system's record as it is kept, without contents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What was found: everything of this kind about these people in this window."""

    kind: Kind
    window: Window
    people: Sequence[str]
    """Vendor ids that were asked about and answered for."""
    persons: Sequence[Person] = ()
    punches: Sequence[Punch] = ()
    events: Sequence[Event] = ()
    work_logs: Sequence[Log] = ()
    absences: Sequence[Absence] = ()
    absences_are_all: bool = False
    """Whether these are all that lie within the window: what was told before and is not here has
    ended."""
    ended: Sequence[str] = ()
    """Vendor ids of absences that the system says are taken back, whoever's they were."""
    unreadable: Sequence[str] = ()
    """What was wrong with records that could not be read, without anything that stood in them."""
    unknown_people: Sequence[str] = ()
    """Vendor ids that the system did not answer for: gone, or not in what we may see."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How often a kind is asked for, and how far around now (ms)."""

    every_ms: int
    back_ms: int
    """Asked for again each time, for the sake of late edits."""
    ahead_ms: int = 0


@dataclass(frozen=True, slots=True)
class Checked:
    """One thing that was tried, for whoever sets the connector up."""

    works: bool
    said: Text
    """What works, or what is missing and what to do."""


class Connector(Protocol):
    """One system. Methods raise ConnectorError, and nothing else for anything that it answers."""

    @property
    def source(self) -> str:
        """Its name in clock-ins, settings and sentences: dingtalk, wecom, …"""
        ...

    @property
    def plans(self) -> Mapping[Kind, Plan]:
        """The kinds that this one is set up to ask for."""
        ...

    def fetch(self, kind: Kind, window: Window, people: Sequence[str]) -> Iterator[Batch]:
        """Ask for one kind. `people` are vendor ids; of no account where people are asked for. Of
        the same people the batches come in order of time, the last one to the window's end."""
        ...

    def check(self, now_ms: int, is_ours: Callable[[Person], bool]) -> Iterator[Checked]:
        """Try credentials, permissions and one day's data, each on its own; stores nothing."""
        ...
