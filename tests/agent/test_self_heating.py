"""What a node claims of its own warmth, and above all what it does not."""

from __future__ import annotations

import math
import os
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.agent import BOOT, DEVICE_ID, a_usage, enrolled, key_named
from tests.fakes.clock import FakeClock
from tests.fakes.platform import FakePlatform
from zaigang_agent import bootstrap
from zaigang_agent.config import LocalConfig, Node
from zaigang_agent.samplers.base import Now
from zaigang_agent.samplers.registry import Surroundings, build
from zaigang_agent.samplers.self_heating import Point, WarmUp, found_rise_c, vapour_hpa
from zaigang_agent.sealing import Buffer, Sealer, Stamp
from zaigang_agent.spool import Spool
from zaigang_shared.device_config import DeviceConfig
from zaigang_shared.readings import Environment

MINUTE = 60_000
Curve = Callable[[float], float]


def looks(
    *,
    board: Curve = lambda _: 0.0,
    room: Curve = lambda _: 22.0,
    vapour: Curve = lambda _: 11.9,
    minutes: range = range(1, 60),
    noise_c: float = 0.04,
    seed: int = 1,
) -> list[Point]:
    """A look each minute. Curves by minutes since the boot; vapour pressure in hPa."""
    chance = random.Random(seed)
    found = []
    for minute in minutes:
        temp_c = room(minute) + board(minute) + chance.gauss(0, noise_c)
        rh_pct = 100 * vapour(minute) / vapour_hpa(temp_c, 100) + chance.gauss(0, 0.2)
        found.append(Point(minute * MINUTE, temp_c, rh_pct))
    return found


def warming(rise_c: float, tau_min: float) -> Curve:
    return lambda minute: rise_c * (1 - math.exp(-minute / tau_min))


def test_the_vapour_pressure_is_that_of_the_tables() -> None:
    assert vapour_hpa(20, 100) == pytest.approx(23.4, abs=0.1)
    assert vapour_hpa(0, 50) == pytest.approx(3.05, abs=0.02)


@given(
    rise_c=st.floats(1.0, 8.0),
    tau_min=st.floats(3, 10),
    temp_c=st.floats(12, 30),
    drift_c_h=st.floats(-0.5, 0.5),
    seed=st.integers(0, 1000),
)
def test_a_board_that_warms_up_is_found_with_its_rise(
    rise_c: float, tau_min: float, temp_c: float, drift_c_h: float, seed: int
) -> None:
    points = looks(
        board=warming(rise_c, tau_min),
        room=lambda minute: temp_c + drift_c_h * minute / 60,
        seed=seed,
    )
    found = found_rise_c(points)
    assert found == pytest.approx(rise_c, abs=0.3)


NOT_A_BOARD = {
    "nothing happens": looks(),
    "a room that is heated slowly": looks(room=lambda minute: 18 + 2 * minute / 60),
    "a room with a heater": looks(room=lambda minute: 16 + warming(6, 45)(minute)),
    "a cold room with a big heater": looks(room=lambda minute: 10 + warming(14, 25)(minute)),
    "the sun comes out half an hour later": looks(
        room=lambda minute: 22 + (warming(3, 6)(minute - 30) if minute > 30 else 0)
    ),
    "air conditioning cools and dries": looks(
        room=lambda minute: 29 - warming(5, 12)(minute),
        vapour=lambda minute: 22 - warming(8, 15)(minute),
    ),
    "air conditioning beside a warming board": looks(
        board=warming(3, 6),
        room=lambda minute: 29 - warming(5, 12)(minute),
        vapour=lambda minute: 22 - warming(8, 15)(minute),
    ),
    "people come in beside a warming board": looks(
        board=warming(3, 6), vapour=lambda minute: 10 + 2.5 * minute / 60
    ),
    "a window is opened beside a warming board": looks(
        board=warming(3, 6), room=lambda minute: 22 if minute < 20 else 17
    ),
    "restarted while warm": looks(board=lambda _: 3.0),
    "watched too late": looks(board=warming(3, 6), minutes=range(10, 60)),
    "watched for too short a time": looks(board=warming(3, 6), minutes=range(1, 25)),
    "nobody looked in the beginning": looks(board=warming(3, 6))[:1]
    + looks(board=warming(3, 6), minutes=range(14, 60)),
    "a board on fire": looks(board=warming(30, 6)),
    "a noisy sensor": looks(board=warming(1, 6), noise_c=0.5),
    "much warmth and a noisy sensor": looks(board=warming(8, 6), noise_c=0.3),
    "a room that is heated beside a warming board": looks(
        board=warming(3, 6), room=lambda minute: 18 + 2 * minute / 60
    ),
}


@pytest.mark.parametrize("points", NOT_A_BOARD.values(), ids=NOT_A_BOARD)
def test_nothing_is_claimed_when(points: list[Point]) -> None:
    assert found_rise_c(points) is None


@given(
    st.lists(
        st.tuples(st.integers(0, 60 * MINUTE), st.floats(-40, 125), st.floats(0, 100)),
        max_size=130,
    )
)
def test_whatever_was_read_gives_a_believable_rise_or_none(
    raw: list[tuple[int, float, float]],
) -> None:
    points = [Point(*each) for each in sorted(raw)]
    spaced = [p for n, p in enumerate(points) if n == 0 or p.boot_ms > points[n - 1].boot_ms]
    found = found_rise_c(spaced)
    assert found is None or 0.4 <= found <= 15


# ---- following a sensor


def follow(points: list[Point], answer: bool | None) -> WarmUp:
    warm_up = WarmUp()
    for point in [*points, Point(60 * MINUTE, 25.0, 38.0), Point(61 * MINUTE, 25.0, 38.0)]:
        warm_up.note(point, lambda: answer)
    return warm_up


def test_a_rise_is_told_after_a_cold_boot_only() -> None:
    points = looks(board=warming(3, 6))
    assert follow(points, True).rise_c == pytest.approx(3, abs=0.3)
    assert follow(points, False).rise_c is None


def test_a_clock_that_is_not_right_yet_is_waited_for() -> None:
    warm_up = follow(looks(board=warming(3, 6)), None)
    assert warm_up.rise_c is None
    warm_up.note(Point(70 * MINUTE, 25.0, 38.0), lambda: True)
    assert warm_up.rise_c == pytest.approx(3, abs=0.3)


def test_looking_each_second_keeps_no_more_than_one_look_in_half_a_minute() -> None:
    warm_up = WarmUp()
    for second in range(60, 3600):
        minute = second / 60
        warm_up.note(Point(second * 1000, 22 + warming(3, 6)(minute), 40.0), lambda: True)
    assert len(warm_up._points) == 118


# ---- in a node, from the bus to the reading

SPEC = (
    '{"seed": 5, "sensors": [{"model": "sht4x", "temp_c": {"mean": 22, "noise": 0.04},'
    ' "rh_pct": {"mean": 45, "noise": 0.2}, "self_heating": {"rise_c": 3.2, "tau_s": 400}}]}'
)


def hour(tmp_path: Path, off_min: int | None, *, synced: bool = True) -> list[Environment]:
    """70 minutes of a node that was off for so long; None: it never lived before."""
    clock = FakeClock(boot=20_000)
    alive_ms = None if off_min is None else clock.utc - clock.boot - off_min * MINUTE
    (tmp_path / "bus.json").write_text(SPEC)
    around = Surroundings(
        kind="node",
        state_dir=tmp_path,
        platform=FakePlatform(synced=synced),
        clock=clock,
        i2c_bus=f"simulated:{tmp_path / 'bus.json'}",
        sensors=("sht4x",),
        last_alive_ms=lambda: alive_ms,
    )
    return looked(around, clock)


def looked(around: Surroundings, clock: FakeClock) -> list[Environment]:
    config = DeviceConfig(hours=None, net_key=bytes(32))
    found: list[Environment] = []
    sampler = build(config, around)[0]
    for minute in range(70):
        if minute == 30:  # a change of configuration makes samplers anew
            sampler = build(config, around)[0]
        [reading] = sampler.sample(Now(clock.utc, clock.boot, 0))
        assert isinstance(reading, Environment)
        found.append(reading)
        clock.advance(MINUTE)
    return found


@pytest.mark.parametrize(("off_min", "sealed"), [(600, True), (40, True), (600, False)])
def test_how_long_it_was_off_outlives_the_boot_whatever_lies_in_memory_only(
    tmp_path: Path, off_min: int, sealed: bool
) -> None:
    clock, state = FakeClock(boot=20_000), tmp_path / "state"
    identity = enrolled(state, kind="node")
    if sealed:
        with Spool.open(state, DEVICE_ID) as spool:
            buffer = Buffer()
            buffer.add(a_usage(1_000))
            Sealer(spool, key_named("device"), DEVICE_ID).seal(
                buffer, Stamp(BOOT, 1_000, clock.utc, True)
            )
            spool.mark_stopped()
    off_s = (clock.utc - clock.boot - off_min * MINUTE) / 1000
    for file in state.glob("spool.db*"):
        os.utime(file, (off_s, off_s))
    (tmp_path / "bus.json").write_text(SPEC)
    settings = Node(i2c_bus=f"simulated:{tmp_path / 'bus.json'}", sensors=("sht4x",))
    world = bootstrap.World(clock=clock, platform=FakePlatform(synced=True))
    with Spool.open(state, DEVICE_ID) as spool:
        around = bootstrap.surroundings(
            identity, LocalConfig(node=settings), world, spool, Counter()
        )
        told = looked(around, clock)[-1].self_heat_c
    assert (told is not None) is (sealed and off_min >= 45)


def test_a_node_says_its_own_warmth_beside_the_temperature_and_never_takes_it_off(
    tmp_path: Path,
) -> None:
    readings = hour(tmp_path, off_min=600)
    assert all(reading.self_heat_c is None for reading in readings[:60])
    assert readings[-1].self_heat_c == pytest.approx(3.2, abs=0.3)
    assert readings[-1].temp_c == pytest.approx(25.2, abs=0.2)


@pytest.mark.parametrize("off_min", [None, 0, 1, 40])
def test_a_warm_restart_and_a_first_boot_claim_nothing(tmp_path: Path, off_min: int | None) -> None:
    assert all(reading.self_heat_c is None for reading in hour(tmp_path, off_min))


def test_without_the_right_time_nobody_knows_how_long_it_was_off(tmp_path: Path) -> None:
    readings = hour(tmp_path, off_min=600, synced=False)
    assert all(reading.self_heat_c is None for reading in readings)
