"""When a radio is begun anew, what is said of it, and what was on the air."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from zaigang_agent.ble import faults
from zaigang_agent.ble.air import Sighting
from zaigang_agent.ble.reception import DeviceCount, Reception
from zaigang_agent.ble.sent import Sent
from zaigang_agent.ble.supervision import Patience, Supervision
from zaigang_shared import rid

MINUTE = 60_000


def listening() -> Supervision:
    supervision = Supervision(Patience(), 0)
    supervision.started(0)
    assert supervision.report(0) == (True, 0, None)
    return supervision


def test_a_radio_that_listens_is_healthy() -> None:
    assert listening().report(MINUTE) == (True, 0, None)


def test_a_radio_that_never_began_is_not_and_says_that_it_is_starting() -> None:
    assert Supervision(Patience(), 0).report(MINUTE) == (False, 0, faults.STARTING)


def test_a_round_ends_after_silence_and_after_an_hour() -> None:
    supervision = listening()
    assert not supervision.is_quiet(90_000)
    assert supervision.is_quiet(90_001)
    supervision.heard(90_001)
    assert not supervision.is_quiet(180_001)
    assert not supervision.is_old(3_600_000)
    assert supervision.is_old(3_600_001)


def test_a_planned_restart_does_not_spoil_the_period() -> None:
    supervision = listening()
    supervision.renewed(10_000)
    supervision.started(11_000)
    assert supervision.report(MINUTE) == (True, 1, None)


@pytest.mark.parametrize(("deaf_ms", "healthy"), [(15_000, True), (15_001, False)])
def test_deafness_of_more_than_a_slot_spoils_the_period_and_only_that(
    deaf_ms: int, healthy: bool
) -> None:
    supervision = listening()
    supervision.failed(faults.POWERED_OFF, 10_000)
    supervision.started(10_000 + deaf_ms)
    assert supervision.report(MINUTE) == (healthy, 1, None)
    assert supervision.report(2 * MINUTE) == (True, 0, None)


def test_deafness_across_periods_counts_in_each() -> None:
    supervision = listening()
    supervision.failed(faults.POWERED_OFF, 30_000)
    assert supervision.report(MINUTE) == (False, 1, faults.POWERED_OFF)
    assert supervision.report(2 * MINUTE) == (False, 0, faults.POWERED_OFF)
    supervision.started(2 * MINUTE + 5_000)
    assert supervision.report(3 * MINUTE) == (True, 0, None)


def test_pauses_grow_and_five_failed_rounds_are_called_stuck() -> None:
    supervision = listening()
    pauses, problems = [], []
    for n in range(7):
        pauses.append(supervision.failed(faults.NO_ADAPTER, n * MINUTE))
        problems.append(supervision.report(n * MINUTE + 1)[2])
    assert pauses == [1, 2, 5, 15, 60, 60, 60]
    assert problems == [faults.NO_ADAPTER] * 4 + [faults.STUCK + faults.NO_ADAPTER] * 3
    supervision.started(8 * MINUTE)
    assert supervision.failed(faults.NO_ADAPTER, 9 * MINUTE) == 1


def test_after_silence_a_radio_is_deaf_until_it_hears_something() -> None:
    supervision = listening()
    for n in range(1, 6):
        supervision.failed(faults.SILENT, n * 100_000)
        supervision.started(n * 100_000 + 1_000)
    assert supervision.report(600_000) == (False, 5, faults.STUCK + faults.SILENT)
    supervision.heard(600_001)
    assert supervision.report(660_000) == (True, 0, None)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 100_000)), max_size=40))
def test_whatever_happens_a_report_is_consistent(steps: list[tuple[int, int]]) -> None:
    supervision, now_ms, failures = Supervision(Patience(), 0), 0, 0
    for what, after_ms in steps:
        now_ms += after_ms
        if what == 0:
            supervision.started(now_ms)
        elif what == 1:
            supervision.heard(now_ms)
        elif what == 2:
            failures += 1
            assert supervision.failed(faults.SILENT, now_ms) in Patience().pauses_s
        elif what == 3:
            failures += 1
            supervision.renewed(now_ms)
        else:
            healthy, restarts, problem = supervision.report(now_ms)
            assert restarts == failures
            assert healthy or problem is None or problem
            failures = 0
    supervision.report(now_ms)
    healthy, _, problem = supervision.report(now_ms + MINUTE)
    assert healthy is (problem is None)


# ---- counting


@pytest.mark.parametrize("devices", [0, 1, 2, 40, 1_000, 10_000])
def test_devices_are_counted_within_a_few_per_cent(devices: int) -> None:
    count, dice = DeviceCount(), random.Random(devices)
    addresses = [dice.randbytes(6) for _ in range(devices)]
    for address in addresses * 3:
        count.add(address)
    assert abs(count.take() - devices) <= max(2, devices * 0.05)
    assert count.take() == 0


def test_the_marks_of_one_period_say_nothing_of_the_next() -> None:
    count = DeviceCount()
    marks = set()
    for _ in range(20):
        count.add("12:34:56:78:9A:BC")
        marks.add(bytes(count._bits))
        count.take()
    assert len(marks) > 10


def test_a_new_listener_takes_over_without_what_was_counted_before() -> None:
    clock = FakeClock()
    reception = Reception(clock, Patience())
    assert reception.take().problem == faults.NOT_STARTED

    class Nobody:
        needles = None

        def hear(self, sighting: Any) -> None: ...

    reception.listen(Nobody())
    reception.count("a")
    reception.listen(Nobody())
    assert reception.take().adverts == 0
    reception.close()
    assert reception.take().healthy is False


def test_what_was_on_its_way_while_the_machine_slept_is_neither_counted_nor_passed_on() -> None:
    clock, passed = FakeClock(), []

    class Keeper:
        needles = None

        def hear(self, sighting: Sighting) -> None:
            passed.append(sighting.t_ms)

    reception = Reception(clock, Patience())
    reception.listen(Keeper())
    reception.started()
    for after_ms in (1_000, 9_000, 8 * 3_600_000, 1_000, 1_000, 4_000):
        clock.advance(after_ms)
        reception.hear("a", Sighting(clock.boot, -50))
    reception.opens()  # a window: before it nothing was read, and nothing was on its way
    clock.advance(12_000)
    reception.opens()
    reception.hear("a", Sighting(clock.boot, -50))
    began_ms = FakeClock().boot
    woke_ms = began_ms + 10_000 + 8 * 3_600_000
    assert passed == [
        began_ms + 1_000, began_ms + 10_000, woke_ms + 2_000, woke_ms + 6_000, woke_ms + 18_000,
    ]  # fmt: skip
    assert reception.take().adverts == len(passed)


# ---- what was sent

SLOT = rid.SLOT_MS
FIRST = 1000


def at(slot: int, into_ms: int = 0) -> tuple[int, int]:
    """UTC and boot time of a moment; this machine was started in slot FIRST - 10."""
    utc_ms = rid.slot_start_ms(slot) + into_ms
    return utc_ms, utc_ms - rid.slot_start_ms(FIRST - 10)


def noted(*slots: tuple[int, str | None]) -> Sent:
    sent = Sent()
    for slot, problem in slots:
        sent.note(slot, at(slot, 5)[1], problem)
    return sent


def told(sent: Sent, slot: int, into_ms: int) -> list[tuple[int, int, bool, int, int]]:
    return [
        (b.slot_first, b.slot_last, b.ok, b.from_ms, b.until_ms)
        for b in sent.take(*at(slot, into_ms))
    ]


def test_slots_that_were_on_the_air_are_one_stretch_up_to_now() -> None:
    sent = noted((FIRST, None), (FIRST + 1, None))
    now_ms = at(FIRST + 1, 400)[1]
    assert told(sent, FIRST + 1, 400) == [(FIRST, FIRST + 1, True, at(FIRST, 5)[1], now_ms)]
    sent.note(FIRST + 2, at(FIRST + 2, 5)[1], None)
    [(first, last, ok, from_ms, _)] = told(sent, FIRST + 2, 100)
    assert (first, last, ok, from_ms) == (FIRST + 1, FIRST + 2, True, now_ms)


def test_slots_that_were_not_on_the_air_are_told_apart_each_with_its_time() -> None:
    sent = noted((FIRST, None), (FIRST + 1, "no"), (FIRST + 2, "no"), (FIRST + 3, None))
    stretches = told(sent, FIRST + 3, 500)
    assert [s[:3] for s in stretches] == [
        (FIRST, FIRST, True), (FIRST + 1, FIRST + 2, False), (FIRST + 3, FIRST + 3, True),
    ]  # fmt: skip
    for (_, _, _, _, until_ms), (_, _, _, from_ms, _) in itertools.pairwise(stretches):
        assert from_ms == until_ms + 1


def test_a_slot_that_was_saved_or_lost_midway_was_on_the_air() -> None:
    sent = noted((FIRST, "no"), (FIRST, None), (FIRST + 1, None), (FIRST + 1, "no"))
    assert [s[:3] for s in told(sent, FIRST + 1, 100)] == [(FIRST, FIRST + 1, True)]


def test_a_slot_that_is_over_ends_where_it_ended_and_the_next_is_not_claimed() -> None:
    sent = noted((FIRST, None))
    [(first, last, ok, _, until_ms)] = told(sent, FIRST + 3, 200)  # it slept, or its thread hangs
    assert (first, last, ok, until_ms) == (FIRST, FIRST, True, at(FIRST + 1)[1] - 1)
    assert told(sent, FIRST + 4, 0) == []


def test_a_stretch_before_a_sleep_does_not_last_until_the_next_slot_that_was_sent() -> None:
    # The collector takes the end of a stretch for a moment of its last slot: eight hours of sleep in
    # it would be a clock that is eight hours behind.
    sent = noted((FIRST, None), (FIRST + 1, None), (FIRST + 1920, None))
    before, after = told(sent, FIRST + 1920, 400)
    assert before == (FIRST, FIRST + 1, True, at(FIRST, 5)[1], at(FIRST + 1, 5)[1])
    assert after[:4] == (FIRST + 1920, FIRST + 1920, True, at(FIRST + 1920, 5)[1])


@given(
    st.lists(st.tuples(st.integers(-3, 5), st.booleans(), st.integers(0, 20_000)), max_size=30),
    st.integers(-100_000, 100_000),
)
def test_stretches_are_ordered_whatever_the_clock_does(
    steps: list[tuple[int, bool, int]], jump_ms: int
) -> None:
    sent, boot_ms, slot = Sent(), 1_000_000, FIRST
    ends = 0
    for step, ok, after_ms in steps:
        slot += step
        boot_ms += after_ms
        sent.note(slot, boot_ms, None if ok else "no")
    for stretch in sent.take(rid.slot_start_ms(slot) + jump_ms, boot_ms + 1):
        assert stretch.slot_first <= stretch.slot_last
        assert ends <= stretch.from_ms <= stretch.until_ms <= boot_ms + 1
        ends = stretch.until_ms
        assert stretch.ok is (stretch.problem is None)


# ---- sentences


def test_every_trouble_has_a_sentence_that_says_what_to_do() -> None:
    class ReasonedError(Exception):
        class reason:  # noqa: N801  # an attribute of bleak's exception
            name = "POWERED_OFF"

    class RefusedError(Exception):
        dbus_error = "org.bluez.Error.NotReady"

    assert faults.explain(ReasonedError()) == faults.POWERED_OFF
    assert faults.explain(RefusedError()) == faults.POWERED_OFF
    assert faults.explain(TimeoutError()) == faults.NO_ANSWER
    assert faults.explain(FileNotFoundError()) == faults.NO_BUS
    assert faults.explain(EOFError()) == faults.NO_BUS
    assert faults.explain(ImportError()) == faults.NOT_INSTALLED
    assert "hci7" in faults.no_such_adapter("hci7")
    assert "org.bluez.Error.New" in faults.by_dbus_error("org.bluez.Error.New")


def test_the_text_of_an_unknown_error_can_name_somebody_and_is_left_out() -> None:
    sentence = faults.explain(RuntimeError("device 12:34:56:78:9A:BC of Anna"))
    assert "RuntimeError" in sentence
    assert "Anna" not in sentence
