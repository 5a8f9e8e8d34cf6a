from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.platform import FakePlatform
from zaigang_agent.platforms.base import SessionState
from zaigang_agent.samplers.base import Now
from zaigang_agent.samplers.sessions import SessionsSampler, events, farewell

OPEN = SessionState("local", False, 0)
LOCKED = replace(OPEN, locked=True)
REMOTE = SessionState("remote", False, 0)
NONE = SessionState("none", False, None)
UNKNOWN = SessionState(None, None, None)


class Looking:
    def __init__(self, last_boot: bytes | None = bytes(16)) -> None:
        self.clock, self.platform = FakeClock(), FakePlatform()
        self.sampler = SessionsSampler(self.platform, lambda: last_boot)
        self.first = self.look(OPEN, 0)

    def look(self, state: SessionState, after_ms: int = 10_000) -> list[tuple[str, int]]:
        self.clock.advance(after_ms)
        self.platform.session = state
        now = Now(self.clock.utc, self.clock.boot, after_ms)
        return [(session.event, session.t_ms) for session in self.sampler.sample(now)]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (OPEN, OPEN, []),
        (OPEN, LOCKED, ["lock"]),
        (LOCKED, OPEN, ["unlock"]),
        (OPEN, NONE, ["logout"]),
        (NONE, OPEN, ["login"]),
        (NONE, REMOTE, ["login"]),
        (OPEN, REMOTE, ["logout", "login"]),
        (OPEN, UNKNOWN, []),
        (UNKNOWN, OPEN, []),
        (OPEN, replace(OPEN, locked=None), []),
        (replace(OPEN, locked=None), LOCKED, []),
    ],
)
def test_events_are_the_difference_of_two_looks(
    before: SessionState, after: SessionState, expected: list[str]
) -> None:
    assert events(before, after) == expected


def test_every_pair_of_states_gives_at_most_two_events_and_none_for_no_change() -> None:
    states = [OPEN, LOCKED, REMOTE, NONE, UNKNOWN]
    for before, after in itertools.product(states, states):
        found = events(before, after)
        assert len(found) <= 2
        assert before != after or not found


def test_the_first_look_tells_the_boot_only_when_it_is_a_new_one() -> None:
    assert Looking(last_boot=bytes(16)).first == []
    assert Looking(last_boot=None).first == [("boot", 0)]
    assert Looking(last_boot=b"\1" * 16).first == [("boot", 0)]


def test_an_event_carries_the_time_of_the_look() -> None:
    looking = Looking()
    assert looking.look(LOCKED) == [("lock", looking.clock.boot)]
    assert looking.look(LOCKED) == []


def test_what_happened_while_it_was_not_asked_is_not_dated_wrongly() -> None:
    looking = Looking()
    assert looking.look(LOCKED, 7_200_000) == []
    assert looking.look(OPEN) == [("unlock", looking.clock.boot)]


def test_a_sleep_is_told_with_its_begin_and_end() -> None:
    looking = Looking()
    looking.look(OPEN)
    before = looking.clock.boot
    looking.platform.asleep_ms = 3_600_000
    assert looking.look(LOCKED, 3_605_000) == [
        ("suspend", before),
        ("resume", looking.clock.boot),
        ("lock", looking.clock.boot),
    ]


def test_clocks_that_differ_by_less_than_a_sleep_are_no_sleep() -> None:
    looking = Looking()
    looking.platform.asleep_ms = 1_900
    assert looking.look(OPEN) == []


def test_a_stop_is_a_shutdown_only_when_the_machine_goes_down() -> None:
    platform = FakePlatform()
    assert farewell(platform, 5) == []
    platform.down = True
    assert [(session.event, session.t_ms) for session in farewell(platform, 5)] == [("shutdown", 5)]
