"""The values of rules and alerts. Times UTC ms."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from zaigang_collector.matching.model import Text
from zaigang_collector.rules.expression import Condition
from zaigang_collector.rules.vocabulary import Facts, Grain


class Severity(enum.StrEnum):
    """How soon somebody should look."""

    NOTICE = "notice"
    WARNING = "warning"
    SERIOUS = "serious"


@dataclass(frozen=True, slots=True)
class LookAlike:
    """An innocent cause that looks the same: while it may be so, nothing is raised."""

    name: str
    when: Condition
    text: Text
    shared: bool = False
    """It can be one cause for many: a node, a network, an update."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom a rule is about; empty: everybody."""

    sites: frozenset[str] = frozenset()
    departments: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()

    def holds(self, site_id: str, department: str, employee_id: str) -> bool:
        """A person has to be within each of those that are given."""
        return (
            (not self.sites or site_id in self.sites)
            and (not self.departments or department in self.departments)
            and (not self.people or employee_id in self.people)
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, compiled."""

    id: str
    version: int
    grain: Grain
    severity: Severity
    title: Text
    reason: Text
    """What somebody should ask themselves, and what it is not."""
    when: Condition
    look_alikes: tuple[LookAlike, ...]
    clear: Condition | None
    """Lets a raised alert go though `when` still holds."""
    told: Text
    """The alert's sentence; {fact} is replaced by its number with its unit."""
    grace_h: float
    cool_down_days: int
    overturn_share: float
    scope: Scope
    on_by_default: bool
    built_in: bool
    digest: str
    """SHA-256 (hex) of the document it was read from."""

    @property
    def reference(self) -> str:
        return f"{self.id}@{self.version}"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a rule is asked of: an interval, or a day of a person."""

    key: str
    """The assessment's id, or `employee/day`."""
    grain: Grain
    employee_id: str
    department: str
    site_id: str
    day: str
    """ISO 8601, of the place."""
    start_ms: int
    end_ms: int
    facts: Facts
    references: tuple[str, ...]
    """What the facts rest on: assessments and clock-ins with their versions."""
    settled: bool
    """Whether nobody whose verdict it depends on is still to be judged."""


class Answer(enum.StrEnum):
    """What a rule says of a subject."""

    HOLDS = "holds"
    NO = "no"
    EXCUSED = "excused"
    CLEARED = "cleared"
    UNKNOWN = "unknown"
    OUT_OF_SCOPE = "out_of_scope"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One rule asked of one subject."""

    rule: Rule
    subject: Subject
    answer: Answer
    because: Text | None = None
    """Why it does not hold although its condition does, or may."""
    missing: tuple[str, ...] = ()
    """Facts that are unknown and decide."""
    may_be_shared: bool = False
    """Excused by what can be the cause for many."""


class State(enum.StrEnum):
    """Where an alert stands."""

    RAISED = "raised"
    WITHDRAWN = "withdrawn"
    """By itself: its ground is gone. It is raised again should that come back."""
    DISMISSED = "dismissed"
    """By a person, with a reason: it is not raised again."""


class Happened(enum.StrEnum):
    """What an event of an alert tells."""

    RAISED = "raised"
    UPDATED = "updated"
    WITHDRAWN = "withdrawn"
    DISMISSED = "dismissed"
    CONCLUDED = "concluded"
    """A case that it led to was concluded."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the list of anomalous data (异常数据清单)."""

    name: str
    value: bool | float | str
    unit: str
    text: Text


@dataclass(frozen=True, slots=True)
class Content:
    """What an alert says: sealed under the person's key, hashed in the ledger."""

    rule: str
    """Rule and version."""
    title: Text
    text: Text
    items: tuple[Item, ...]
    references: tuple[str, ...]
    look_alikes: tuple[Text, ...]
    """Which innocent causes were looked at first, and are not the case."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A rule that held. `employee_id` None: about the infrastructure, for IT."""

    id: str
    rule_id: str
    severity: Severity
    state: State
    employee_id: str | None
    site_id: str
    day: str
    subject: str
    start_ms: int
    end_ms: int
    raised_ms: int
    changed_ms: int
    content: Content
