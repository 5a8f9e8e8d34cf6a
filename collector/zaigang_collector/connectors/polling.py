"""One pass over one source: what is due is asked for, and what comes is stored batch by batch.

A pass that ends anywhere leaves whole batches. The next one asks again for what was not read to its
end, and for the time before now in which late edits come.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Final, Protocol

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from zaigang_collector import db
from zaigang_collector.connectors import importing, people, state, words
from zaigang_collector.connectors.contract import Batch, Connector, Kind, Person, Plan, Window
from zaigang_collector.connectors.errors import WHOLE, ConnectorError, Reason
from zaigang_collector.connectors.files import PeopleSettings, SiteSettings
from zaigang_collector.connectors.importing import Importer, Tally
from zaigang_collector.connectors.placing import Sites
from zaigang_collector.db import Randomness
from zaigang_collector.matching.model import Text
from zaigang_collector.vault.service import Vault
from zaigang_collector.worktraces.clients import Texts

_LOG: Final = logging.getLogger(__name__)

DAY_MS: Final = 24 * 3_600_000
_EVERYBODY: Final = Window(0, 0)
"""People are asked for as they are now."""


class Settings(Protocol):
    """What every connector's settings have."""

    @property
    def people(self) -> PeopleSettings: ...
    @property
    def sites(self) -> SiteSettings: ...
    @property
    def first_days(self) -> int:
        """How far back somebody is read who never was."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """A connector with how its people and places are told to be ours."""

    connector: Connector
    settings: Settings

    @property
    def name(self) -> str:
        return self.connector.source


@dataclass(slots=True)
class Passed:
    """What a pass did: of each kind that was asked for what became of it, or why not."""

    tallies: dict[Kind, Tally] = field(default_factory=dict)
    failures: dict[Kind, ConnectorError] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Poller:
    """Asks one source and stores what it says."""

    engine: Engine
    vault: Vault
    randomness: Randomness
    source: Source
    texts: Texts = field(default_factory=Texts)

    def run(self, now_ms: int, *, everything: bool = False, from_ms: int | None = None) -> Passed:
        """Ask for what is due at `now_ms`; `everything`: also for what is not. `from_ms`: read
        everybody again from then on. Raises what the database raises."""
        passed = Passed()
        plans = self.source.connector.plans
        for kind in sorted(plans, key=list(Kind).index):
            with db.reading(self.engine) as conn:
                due = state.is_due(state.get(conn, self.source.name, kind), now_ms)
            if not (due or everything):
                continue
            try:
                passed.tallies[kind] = self._ask(kind, plans[kind], now_ms, from_ms)
            except ConnectorError as error:
                if (
                    error.reason is Reason.STOPPED
                ):  # nothing of the source's: the next start goes on
                    break
                self._failed(kind, plans[kind], error, now_ms)
                passed.failures[kind] = error
                if error.reason in WHOLE or self._knows_nobody(kind):
                    self._give_up(passed, error, now_ms)
                    break
        return passed

    def _ask(self, kind: Kind, plan: Plan, now_ms: int, from_ms: int | None) -> Tally:
        if kind is Kind.PEOPLE:
            tally = self._ask_for_people(now_ms)
        else:
            tally = self._ask_about_people(kind, plan, now_ms, from_ms)
        with db.writing(self.engine) as conn:
            state.succeeded(conn, self.source.name, kind, now_ms, plan, now_ms)
        _LOG.info("%s: %s: %s", self.source.name, kind.value, told(tally).en)
        return tally

    def _ask_for_people(self, now_ms: int) -> Tally:
        listed: list[Person] = []
        tally = Tally()
        for batch in self.source.connector.fetch(Kind.PEOPLE, _EVERYBODY, ()):
            listed += batch.persons
            tally.unreadable += len(batch.unreadable)
            tally.odd.update(batch.unreadable)
        with db.writing(self.engine) as conn:
            name, settings = self.source.name, self.source.settings.people
            if people.update(conn, name, listed, settings, now_ms):
                tally.odd.add("people: several user ids are one employee id")
            for what in sorted(tally.odd):
                state.note_oddity(conn, name, what, now_ms)
            tally.not_ours = len(people.unmapped(conn, name))
        return tally

    def _ask_about_people(self, kind: Kind, plan: Plan, now_ms: int, from_ms: int | None) -> Tally:
        name = self.source.name
        with db.reading(self.engine) as conn:
            asked = people.to_ask(conn, name)
            through = people.read_through(conn, name, kind)
            sites = importing.sites(conn, self.source.settings.sites)
        groups: dict[int, list[str]] = {}
        for vendor_id in asked:
            start_ms = self._start_ms(plan, through.get(vendor_id), now_ms, from_ms)
            groups.setdefault(start_ms, []).append(vendor_id)
        whole = Tally()
        for start_ms, group in sorted(groups.items()):
            window = Window(start_ms, now_ms + plan.ahead_ms)
            for batch in self.source.connector.fetch(kind, window, group):
                try:
                    whole.add(self._store(batch, window, sites, now_ms))
                except IntegrityError:
                    # A command stored the same meanwhile: now it is seen, and is a later version.
                    whole.add(self._store(batch, window, sites, now_ms))
        return whole

    def _start_ms(
        self, plan: Plan, through_ms: int | None, now_ms: int, from_ms: int | None
    ) -> int:
        if from_ms is not None:
            return from_ms
        if through_ms is None:
            return now_ms - max(self.source.settings.first_days * DAY_MS, plan.back_ms)
        return min(through_ms, now_ms) - plan.back_ms

    def _store(self, batch: Batch, window: Window, sites: Sites, now_ms: int) -> Tally:
        name = self.source.name
        with db.writing(self.engine) as conn:
            importer = Importer(
                name,
                self.vault,
                sites,
                # Asked within the transaction: somebody may have been forgotten since.
                people.mapped(conn, name),
                now_ms,
                self.randomness,
                self.texts,
            )
            tally = importer.take(conn, batch)
            if batch.window.to_ms >= window.to_ms:
                unknown = set(batch.unknown_people)
                read = [one for one in batch.people if one not in unknown]
                people.note_read(conn, name, batch.kind, read, now_ms)
        return tally

    def _failed(self, kind: Kind, plan: Plan, error: ConnectorError, now_ms: int) -> None:
        with db.writing(self.engine) as conn:
            state.failed(conn, self.source.name, kind, error, plan, now_ms)
        _LOG.warning("%s: %s: %s", self.source.name, kind.value, words.why_not(error).en)

    def _knows_nobody(self, failed: Kind) -> bool:
        """Whether people could not be listed, and never were: there is nobody to ask about, which is
        another thing than that nobody punched."""
        if failed is not Kind.PEOPLE:
            return False
        with db.reading(self.engine) as conn:
            found = state.get(conn, self.source.name, Kind.PEOPLE)
        return found is None or found.last_success_ms is None

    def _give_up(self, passed: Passed, error: ConnectorError, now_ms: int) -> None:
        """The others that are due would fail in the same way: they are not asked for."""
        for kind, plan in self.source.connector.plans.items():
            if kind in passed.tallies or kind in passed.failures:
                continue
            with db.writing(self.engine) as conn:
                if state.is_due(state.get(conn, self.source.name, kind), now_ms):
                    state.failed(conn, self.source.name, kind, error, plan, now_ms)
                    passed.failures[kind] = error


def told(tally: Tally) -> Text:
    """A tally in a line; it names nobody."""
    parts = [
        (tally.added, "新增", "new"),
        (tally.new_versions, "有修改", "edited"),
        (tally.unchanged, "没有变化", "known already"),
        (tally.exemptions, "免核验时段有变动", "exemptions"),
        (sum(tally.aside.values()), "不算打卡、另存", "put aside"),
        (tally.not_ours, "对不上员工", "of nobody of ours"),
        (tally.no_punch, "系统记录、不是打卡", "no punches"),
        (tally.unreadable, "读不懂", "unreadable"),
    ]
    zh = "，".join(f"{name} {number}" for number, name, _ in parts if number)
    en = ", ".join(f"{number} {name}" for number, _, name in parts if number)
    return Text(zh or "没有新内容", en or "nothing new")
