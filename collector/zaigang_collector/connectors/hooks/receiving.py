"""What comes of a hook's request. Commits what it takes, or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Engine

from zaigang_collector import db
from zaigang_collector.attendance.model import Outcome
from zaigang_collector.connectors import state, tracing
from zaigang_collector.connectors.contract import Batch, Event, Kind, Window
from zaigang_collector.connectors.hooks import mapping, signing
from zaigang_collector.connectors.hooks.callbacks import Callback, Called
from zaigang_collector.connectors.hooks.mapping import Problem
from zaigang_collector.connectors.hooks.settings import SignedSettings
from zaigang_collector.connectors.hooks.signing import Seen
from zaigang_collector.db import Randomness
from zaigang_collector.directory import service as directory
from zaigang_collector.vault.service import Vault
from zaigang_collector.worktraces import service
from zaigang_collector.worktraces.clients import Texts


@dataclass(frozen=True, slots=True)
class Signed:
    """A hook of a company's own system."""

    source: str
    secret: bytes = field(repr=False)
    settings: SignedSettings
    seen: Seen = field(default_factory=Seen, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Wakes:
    """A hook that a vendor calls."""

    source: str
    callback: Callback


@dataclass(frozen=True, slots=True)
class Hooks:
    """All that are set up, by name."""

    signed: Mapping[str, Signed] = field(default_factory=dict)
    wakes: Mapping[str, Wakes] = field(default_factory=dict)


@dataclass(slots=True)
class Taken:
    """What became of a signed request."""

    added: int = 0
    new_versions: int = 0
    unchanged: int = 0
    not_ours: int = 0
    """Of people whom the directory does not know: nothing of them is kept."""
    problems: Sequence[Problem] = ()
    repeated: bool = False
    """This very request was taken before: by a sender that missed our answer, or played back."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What storing needs."""

    engine: Engine
    vault: Vault
    texts: Texts
    randomness: Randomness


def take(
    hook: Signed, ground: Ground, headers: Mapping[str, str], body: bytes, now_ms: int
) -> Taken:
    """Store the events of a signed request; the same request again changes nothing. Raises
    RefusedError."""
    signature = signing.check(hook.secret, headers, body, now_ms)
    if hook.seen.holds(signature, now_ms):
        return Taken(repeated=True)
    found = mapping.read(body, hook.settings)
    taken = Taken(problems=found.problems)
    if found.events:
        _store(hook, ground, found.events, now_ms, taken)
    hook.seen.add(signature, now_ms)
    return taken


def _store(
    hook: Signed,
    ground: Ground,
    events: Sequence[Event],
    now_ms: int,
    taken: Taken,
) -> None:
    with db.writing(ground.engine) as conn:
        people = {one.person for one in events}
        ours = {one: one for one in people if directory.get_employee(conn, one) is not None}
        batch = Batch(kind=Kind.EVENTS, window=Window(0, now_ms), people=(), events=events)
        read = tracing.read(conn, batch, hook.source, ours, ground.texts, now_ms)
        how = now_ms, ground.randomness
        recorded = service.record_events(conn, ground.vault, read.events, *how)
    outcomes = [one.outcome for one in recorded]
    taken.added = outcomes.count(Outcome.ADDED)
    taken.new_versions = outcomes.count(Outcome.NEW_VERSION)
    taken.unchanged = outcomes.count(Outcome.UNCHANGED)
    taken.not_ours = read.not_ours
    if read.refused:
        where = hook.settings.fields.happened
        wrong = Problem(-1, where, f"believable times; {read.refused} were not: {tracing.NO_TIME}")
        taken.problems = [*taken.problems, wrong]


def wake(hook: Wakes, engine: Engine, called: Called, now_ms: int) -> None:
    """Let the poll ask soon. Nothing that the call said is kept."""
    if not called.wakes:
        return
    with db.writing(engine) as conn:
        for kind in called.wakes:
            state.wake(conn, hook.source, kind, now_ms)
