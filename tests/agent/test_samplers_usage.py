from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from tests.fakes.platform import FakePlatform
from zaigang_agent.errors import SampleError
from zaigang_agent.platforms.base import SessionState
from zaigang_agent.regularity import is_regular
from zaigang_agent.samplers.base import Now
from zaigang_agent.samplers.folders import FolderCounter
from zaigang_agent.samplers.usage import UsageSampler, level
from zaigang_shared.readings import Usage, encode

LOOK_MS = 10_000


class Looking:
    """A sampler that is asked every ten seconds."""

    def __init__(self, apps: dict[str, list[str]] | None = None) -> None:
        self.clock, self.platform = FakeClock(), FakePlatform()
        folders = FolderCounter(self.platform, {"designs": Path("/w")})
        self.sampler = UsageSampler(self.platform, folders, usage_s=60, apps=apps or {})
        self.look(0)

    def look(self, after_ms: int = LOOK_MS) -> list[Usage]:
        self.clock.advance(after_ms)
        readings = self.sampler.sample(Now(self.clock.utc, self.clock.boot, after_ms))
        for reading in readings:
            encode(reading)
        return list(readings)

    def looks(self, sessions: Iterable[SessionState]) -> list[Usage]:
        found = []
        for session in sessions:
            self.platform.session = session
            found += self.look()
        return found


def local(idle_ms: int | None, locked: bool | None = False, step_ms: int = 1) -> SessionState:
    return SessionState("local", locked, idle_ms, step_ms)


@given(st.integers(0, 10_000), st.integers(1, 10_000))
def test_the_level_is_a_third_of_the_span_and_none_is_none(part: int, whole: int) -> None:
    part = min(part, whole)
    found = level(part, whole)
    if part == 0:
        assert found == 0
    else:
        assert found == min(3, 1 + 3 * part // whole)


@pytest.mark.parametrize(
    ("idle_s", "expected"),
    [([10] * 6, 0), ([5, 15, 25, 35, 45, 55], 1), ([1, 1, 1, 10, 20, 30], 2), ([0] * 6, 3)],
)
def test_activity_is_the_share_of_time_up_to_the_last_input(
    idle_s: list[int], expected: int
) -> None:
    [usage] = Looking().looks(local(s * 1000) for s in idle_s)
    assert usage.active == expected
    assert (usage.span_ms, usage.session, usage.locked) == (60_000, "local", False)


def test_a_lock_ends_the_stretch_so_that_a_reading_has_one_answer() -> None:
    looking = Looking()
    before = looking.looks([local(0), local(0)])
    locked_at = looking.clock.boot
    [usage] = looking.looks([local(0, locked=True)])
    assert before == []
    assert (usage.t_ms, usage.span_ms, usage.locked, usage.active) == (locked_at, 20_000, False, 3)
    [usage] = looking.looks([local(0, locked=True)] * 5)
    assert (usage.span_ms, usage.locked, usage.active) == (60_000, True, 0)


def test_a_machine_without_a_session_is_idle_and_not_locked() -> None:
    [usage] = Looking().looks([SessionState("none", False, None)] * 6)
    assert (usage.session, usage.active, usage.locked) == ("none", 0, False)


@pytest.mark.parametrize(
    "state",
    [
        SessionState(None, None, None, problem="logind cannot be asked"),
        local(None),
        local(0, locked=None),
        local(None, locked=None),
    ],
)
def test_what_the_system_does_not_tell_is_a_permission_gap_and_never_a_guess(
    state: SessionState,
) -> None:
    looking = Looking()
    looking.platform.session = state
    with pytest.raises(SampleError) as caught:
        looking.look()
    assert caught.value.reason == "permission"
    if state.problem:
        assert state.problem in caught.value.detail


def test_a_locked_screen_needs_no_idle_time() -> None:
    [usage] = Looking().looks([local(None, locked=True)] * 6)
    assert (usage.active, usage.locked) == (0, True)


def test_time_when_it_was_not_asked_is_never_reported_afterwards() -> None:
    looking = Looking()
    looking.looks([local(0)] * 3)
    assert looking.look(3_600_000) == []
    [usage] = looking.looks([local(0)] * 6)
    assert usage.span_ms == 60_000


def test_a_pause_is_told_by_a_span_of_nothing_and_leaves_no_trace() -> None:
    looking = Looking()
    looking.looks([local(0)] * 3)
    looking.clock.advance(60_000)
    looking.look(0)
    [usage] = looking.looks([local(0)] * 6)
    assert usage.t_ms - usage.span_ms == looking.clock.boot - 60_000


def test_waking_up_a_machine_does_not_make_work_of_its_sleep() -> None:
    looking = Looking()
    looking.platform.asleep_ms = 90_000
    assert looking.look(95_000) == []
    [usage] = looking.looks([local(9_999)] * 6)
    assert (usage.span_ms, usage.active) == (60_000, 1)


# ---- regular input


def inputs(pauses: Iterable[int]) -> list[int]:
    times, now = [0], 0
    for pause in pauses:
        now += pause
        times.append(now)
    return times


@given(
    st.integers(2_100, 300_000),
    st.lists(st.integers(1, 5), min_size=12, max_size=39),
    st.data(),
)
def test_a_mouse_mover_is_noticed_whatever_its_period(
    period_ms: int, steps: list[int], data: st.DataObject
) -> None:
    # Not every input is seen; but when only every second is, the period is twice as long to us.
    jitters = data.draw(st.lists(st.integers(-4, 4), min_size=len(steps), max_size=len(steps)))
    exact = inputs(step * period_ms for step in steps)[1:]
    seen = [0] + [t + j for t, j in zip(exact, jitters, strict=True)]
    if min(steps) == 1 or len(set(steps)) == 1:
        assert is_regular(seen)


@given(st.lists(st.floats(0, 1), min_size=20, max_size=39))
def test_a_hand_is_never_taken_for_a_mouse_mover(shares: list[float]) -> None:
    # A hand at work: looks every ten seconds see an input somewhere in the last seconds; hypothesis
    # chooses where, the spread is what makes a hand.
    times = [10_000 * i + int(5_000 * share) for i, share in enumerate(shares)]
    spread = max(shares) - min(shares)
    pauses = [b - a for a, b in itertools.pairwise(times)]
    if spread > 0.3 and len({pause // 400 for pause in pauses}) > len(pauses) // 2:
        assert not is_regular(times)


def test_too_few_inputs_are_not_judged() -> None:
    assert not is_regular(inputs([30_000] * 11))
    assert is_regular(inputs([30_000] * 12))
    assert not is_regular([])


def test_a_hand_that_joins_in_now_and_then_is_believed() -> None:
    touches = [13_337, 4_411, 21_058, 7_903, 16_249]
    assert not is_regular(inputs([30_000] * 10 + touches + [30_000] * 10))


def test_periods_under_two_seconds_cannot_be_told_from_work() -> None:
    assert not is_regular(inputs([1_000] * 39))


def test_a_steady_mouse_mover_shows_in_the_reading_and_a_terminals_rounded_times_do_not() -> None:
    for step_ms, expected in ((1, True), (8_000, False)):
        looking = Looking()
        found: list[Usage] = []
        for _ in range(60):
            idle_ms = (looking.clock.boot + LOOK_MS) % 4_000
            found += looking.looks([local(idle_ms, step_ms=step_ms)])
        assert found[-1].regular is expected


# ---- applications and folders


def test_applications_are_told_by_label_and_others_not_at_all() -> None:
    looking = Looking({"drawing": ["AutoCAD", "freecad"], "mail": ["thunderbird"]})
    looking.platform.processes = frozenset({"freecad", "solitaire"})
    [usage] = looking.looks([local(0)] * 6)
    assert usage.apps == {"drawing": 3}
    assert looking.platform.process_passes == 1  # one pass a minute is enough


def test_where_the_system_tells_it_the_levels_are_time_in_the_foreground() -> None:
    looking = Looking({"drawing": ["freecad"], "mail": ["thunderbird"]})
    looking.platform.processes = frozenset({"freecad", "thunderbird"})
    looking.platform.front = frozenset({"freecad"})
    looking.looks([local(0)] * 2)
    looking.platform.front = frozenset()
    [usage] = looking.looks([local(0)] * 4)
    assert usage.apps == {"drawing": 2}
    assert looking.platform.process_passes == 0


def test_behind_a_lock_screen_nothing_is_in_front() -> None:
    looking = Looking({"drawing": ["freecad"]})
    looking.platform.front = frozenset({"freecad"})
    [usage] = looking.looks([local(0, locked=True)] * 6)
    assert usage.apps == {}


def test_what_was_judged_where_the_inputs_were_seen_is_believed() -> None:
    looking = Looking()
    [usage] = looking.looks([replace(local(0, step_ms=1_000), regular=True)] * 6)
    assert usage.regular is True


def test_a_folder_that_is_refused_has_no_count_and_hides_nothing_else() -> None:
    looking = Looking()

    def refused(path: Path, since_utc_ms: int) -> int:
        raise SampleError("permission", f"{path} {since_utc_ms}")

    looking.platform.folder_changes = refused  # type: ignore[method-assign]  # one folder says no
    found = looking.looks([local(0)] * 180)
    assert len(found) == 30
    assert all(usage.touched == {} for usage in found)


def test_a_folder_is_counted_every_quarter_of_an_hour_since_the_last_count() -> None:
    looking = Looking()
    looking.platform.changes = 7
    began = looking.clock.utc
    found = looking.looks([local(0)] * 180)
    touched = [usage.touched for usage in found if usage.touched]
    assert touched == [{"designs": 7}] * 2
    asked = looking.platform.changes_asked
    assert [since for _, since in asked] == [began, began + 900_000]


def test_what_changed_in_a_folder_while_not_asked_is_not_counted() -> None:
    looking = Looking()
    looking.looks([local(0)] * 6)
    looking.look(50_000_000)
    resumed = looking.clock.utc
    looking.looks([local(0)] * 90)
    assert [since for _, since in looking.platform.changes_asked] == [resumed]


def test_a_refusal_in_between_starts_afresh() -> None:
    looking = Looking()
    looking.looks([local(0)] * 3)
    looking.platform.refused = "no"
    with pytest.raises(SampleError):
        looking.look()
    looking.platform.refused = None
    [usage] = looking.looks([replace(local(0))] * 6)
    assert usage.span_ms == 60_000
