"""What checking an evidence bundle found: each link with its answer, in Chinese and English."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from zaigang_shared.errors import BundleError


@dataclass(frozen=True, slots=True)
class Said:
    """One sentence in both languages."""

    zh: str
    en: str

    def __getitem__(self, language: str) -> str:
        return self.zh if language == "zh" else self.en


class BrokenError(BundleError):
    """A link that does not hold; `record` names the exact thing in the bundle."""

    def __init__(self, record: str, zh: str, en: str) -> None:
        super().__init__(f"{record}: {en}")
        self.record = record
        self.said = Said(zh, en)


class State(enum.StrEnum):
    """What came of one link."""

    HOLDS = "holds"
    BROKEN = "broken"
    NOT_NAMED = "not_named"
    """Holds in itself; the reader named nothing that it could be held against."""
    NOT_CHECKED = "not_checked"
    """An earlier link is broken, or there is nothing of this kind in the bundle."""


@dataclass(frozen=True, slots=True)
class Link:
    """One numbered check."""

    number: int
    name: str
    """For programs; stays the same in later versions."""
    what: Said
    """What was asked."""
    state: State
    detail: Said
    """What was found."""
    record: str | None = None
    """The exact record that does not hold."""

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "number": self.number,
            "name": self.name,
            "state": self.state.value,
            "record": self.record,
            "what": {"zh": self.what.zh, "en": self.what.en},
            "detail": {"zh": self.detail.zh, "en": self.detail.en},
        }


class Answer(enum.IntEnum):
    """Of the whole bundle. The numbers are the exit codes of `zaigang-verify`."""

    HOLDS = 0
    BROKEN = 1
    UNREADABLE = 3
    """No bundle at all: damaged, cut off, or something else."""
    HOLDS_IN_ITSELF = 4
    """No root of trust was named: somebody may have made all of it, with keys of their own."""
    NOT_COMPARED = 5
    """Holds, but whether two bundles are of one ledger cannot be said without a proof."""


@dataclass(frozen=True, slots=True)
class Report:
    """All links in their order, and what else the reader should know."""

    links: tuple[Link, ...]
    notes: tuple[Said, ...]
    """No faults: holes in a chain, forgotten bodies, devices that changed hands."""
    fingerprint: str | None
    """Of the trust roots that are in the bundle; None: it could not be read so far."""
    facts: Mapping[str, Any]
    """Whose, when, how much: for the heading."""

    @property
    def broken(self) -> Link | None:
        """The first link that does not hold."""
        return next((link for link in self.links if link.state is State.BROKEN), None)

    @property
    def answer(self) -> Answer:
        """Of the whole."""
        broken = self.broken
        if broken is not None:
            return Answer.UNREADABLE if broken.name == "shape" else Answer.BROKEN
        states = {link.name: link.state for link in self.links}
        if states.get("root") is not State.HOLDS:
            return Answer.HOLDS_IN_ITSELF
        if states.get("same_ledger") is State.NOT_CHECKED:
            return Answer.NOT_COMPARED
        return Answer.HOLDS

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "v": 1,
            "answer": self.answer.name.lower(),
            "exit_code": int(self.answer),
            "root_fingerprint": self.fingerprint,
            "links": [link.as_json() for link in self.links],
            "notes": [{"zh": note.zh, "en": note.en} for note in self.notes],
            **self.facts,
        }


def some(names: Iterable[str], at_most: int = 5) -> str:
    """A few of many names, and how many more there are."""
    listed = list(names)
    more = f" … (+{len(listed) - at_most})" if len(listed) > at_most else ""
    return ", ".join(listed[:at_most]) + more
