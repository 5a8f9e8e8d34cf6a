from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from zaigang_agent.ble.loopback import LoopbackAir
from zaigang_agent.errors import AgentError
from zaigang_agent.platforms.base import NetworkState
from zaigang_agent.platforms.scripted import ScriptedPlatform, load_script, read_script
from zaigang_agent.samplers.base import Now, Sampler
from zaigang_agent.samplers.registry import Surroundings, build
from zaigang_shared.device_config import DeviceConfig
from zaigang_shared.readings import Beacon, Reading, Session, Usage

BEGIN = 1_790_000_040_000  # on a full minute
MINUTE = 60_000
KEY = bytes(range(32))


def scripted(clock: FakeClock, *segments: dict[str, Any], **script: Any) -> ScriptedPlatform:
    return ScriptedPlatform(read_script({"segments": segments, **script}), clock)


def segment(from_min: int, to_min: int, **state: Any) -> dict[str, Any]:
    return {"from_utc_ms": BEGIN + from_min * MINUTE, "to_utc_ms": BEGIN + to_min * MINUTE, **state}


def run(samplers: Sequence[Sampler], clock: FakeClock, config: DeviceConfig, ms: int, step_ms: int) -> list[Reading]:  # fmt: skip
    """Ask every sampler when it is due, in steps of `step_ms`."""
    last: dict[str, int] = {}
    found: list[Reading] = []
    for _ in range(ms // step_ms + 1):
        for sampler in samplers:
            since = clock.boot - last.get(sampler.name, clock.boot)
            if sampler.name not in last or since >= sampler.interval_s(config) * 1000:
                last[sampler.name] = clock.boot
                found += sampler.sample(Now(clock.utc, clock.boot, since))
        clock.advance(step_ms)
    return found


CONFIG = DeviceConfig(hours=None, net_key=KEY)


def laptop(platform: ScriptedPlatform, clock: FakeClock, **more: Any) -> list[Sampler]:
    around = Surroundings(
        kind="laptop", state_dir=Path("/s"), platform=platform, clock=clock, **more
    )
    return build(CONFIG, around)


@pytest.mark.parametrize("active", [0, 1, 2, 3])
@pytest.mark.parametrize("phase_ms", [0, 1_700, 4_999, 8_300])
def test_the_level_of_the_script_is_the_level_of_the_readings(active: int, phase_ms: int) -> None:
    clock = FakeClock(utc=BEGIN + phase_ms)
    platform = scripted(clock, segment(-60, 600, session="local", active=active), seed=5)
    readings = run(laptop(platform, clock), clock, CONFIG, 60 * MINUTE, 10_000)
    levels = Counter(reading.active for reading in readings if isinstance(reading, Usage))
    assert levels.most_common(1)[0][0] == active
    assert levels[active] >= 0.9 * levels.total()
    assert not any(reading.regular for reading in readings if isinstance(reading, Usage))


@pytest.mark.parametrize("active", [0, 3])
@pytest.mark.parametrize("step_ms", [45_000, 60_000, 170_000])
def test_work_and_rest_survive_a_simulation_in_coarse_steps(active: int, step_ms: int) -> None:
    clock = FakeClock(utc=BEGIN + 3_000)
    platform = scripted(clock, segment(-60, 600, session="local", active=active), seed=6)
    readings = run(laptop(platform, clock), clock, CONFIG, 120 * MINUTE, step_ms)
    usages = [reading for reading in readings if isinstance(reading, Usage)]
    assert {usage.active for usage in usages} == {active}
    assert sum(usage.span_ms for usage in usages) > 110 * MINUTE


@pytest.mark.parametrize("step_ms", [5_000, 10_000, 13_000])
def test_a_scripted_mouse_mover_is_found_regular(step_ms: int) -> None:
    clock = FakeClock(utc=BEGIN)
    platform = scripted(clock, segment(0, 60, session="local", regular=True))
    usages = [r for r in run(laptop(platform, clock), clock, CONFIG, 30 * MINUTE, step_ms) if isinstance(r, Usage)]  # fmt: skip
    assert usages[-1].regular
    assert usages[-1].active == 3


def test_a_day_has_its_events_in_order() -> None:
    clock = FakeClock(utc=BEGIN)
    platform = scripted(
        clock,
        segment(0, 10, session="local", active=3),
        segment(10, 20, session="local", locked=True),
        segment(20, 30, session="local", active=1),
    )
    samplers = laptop(platform, clock)
    found = [r for r in run(samplers, clock, CONFIG, 40 * MINUTE, 10_000) if isinstance(r, Session)]
    assert [session.event for session in found] == ["boot", "lock", "unlock", "logout"]


def test_being_off_is_a_new_boot_and_being_suspended_is_not() -> None:
    clock = FakeClock(utc=BEGIN)
    platform = scripted(clock, segment(5, 10, off=True), segment(20, 30, suspended=True))
    first = platform.boot_id()
    assert [platform.stepped(BEGIN + m * MINUTE) for m in (0, 5, 9, 10, 25, 30)] == [
        True, False, False, True, False, True,
    ]  # fmt: skip
    clock.advance(15 * MINUTE)
    second = platform.boot_id()
    assert second != first
    assert platform.boot_began_ms(clock.utc) == BEGIN + 10 * MINUTE
    assert platform.suspended_ms() == 0
    clock.advance(20 * MINUTE)
    assert platform.boot_id() == second
    assert platform.suspended_ms() == 10 * MINUTE


def test_two_machines_never_share_a_boot() -> None:
    clock = FakeClock()
    assert scripted(clock, seed=1).boot_id() != scripted(clock, seed=2).boot_id()


def test_a_script_tells_network_applications_and_battery(tmp_path: Path) -> None:
    clock = FakeClock(utc=BEGIN)
    state = {"link": "wifi", "vpn": True, "gateway_mac": "02:00:5E:00:00:01", "battery_pct": 50}
    platform = scripted(clock, segment(0, 10, apps=["Code"], **state), always={"link": "ethernet"})
    assert platform.network() == NetworkState("wifi", True, bytes.fromhex("02005e000001"))
    assert platform.running({"code", "other"}) == {"code"}
    assert platform.health(tmp_path).battery_pct == 50
    clock.advance(10 * MINUTE)
    assert platform.network() == NetworkState("ethernet", False, None)


@given(st.lists(st.integers(1, 900_000), min_size=1, max_size=20), st.floats(0, 500))
def test_counts_of_changed_files_add_up_however_they_are_asked(
    steps: list[int], per_hour: float
) -> None:
    clock = FakeClock(utc=BEGIN)
    platform = scripted(clock, segment(0, 10_000, touched={"/w": per_hour}))
    total, last = 0, clock.utc
    for step in steps:
        clock.advance(step)
        total += platform.folder_changes(Path("/w"), last)
        last = clock.utc
    assert total == int(per_hour * (clock.utc - BEGIN) / 3_600_000)


def test_a_laptop_hears_a_node_while_its_script_says_so() -> None:
    clock, air = FakeClock(utc=BEGIN), LoopbackAir()
    platform = scripted(clock, segment(0, 10, hears=["hq"]), segment(10, 20, hears=["other"]))
    radio = air.radio("laptop", clock, platform.places)
    node_config = DeviceConfig(hours=None, net_key=KEY, rid_key=KEY)
    node_radio = air.radio("node", clock, lambda _: {"hq"})
    node = build(
        node_config,
        Surroundings(
            kind="node", state_dir=Path("/s"), platform=platform, clock=clock, radio=node_radio
        ),
    )
    samplers = laptop(platform, clock, radio=radio) + [s for s in node if s.name == "adverts"]
    beacons = [
        r for r in run(samplers, clock, CONFIG, 20 * MINUTE, 10_000) if isinstance(r, Beacon)
    ]
    began = 3_600_000
    assert {b.first_t // MINUTE - began // MINUTE for b in beacons} == set(range(10))


@pytest.mark.parametrize(
    ("raw", "where"),
    [
        ({"segments": [{"from_utc_ms": 0}]}, r"\$\.segments\[0\]"),
        ({"segments": [{"from_utc_ms": 5, "to_utc_ms": 5}]}, r"\$\.segments\[0\]"),
        ({"always": {"link": "smoke"}}, r"\$\.always\.link"),
        ({"always": {"gateway_mac": "1:2"}}, r"\$\.always\.gateway_mac"),
        ({"always": {"colour": "red"}}, "colour"),
        ({"always": {"active": 4}}, r"\$\.always\.active"),
    ],
)
def test_a_mistake_in_a_script_is_named_with_its_place(raw: dict[str, Any], where: str) -> None:
    with pytest.raises(AgentError, match=where):
        read_script(raw)


def test_a_script_file_is_read_or_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    with pytest.raises(AgentError, match="cannot be read"):
        load_script(path)
    path.write_text("{")
    with pytest.raises(AgentError, match="not JSON"):
        load_script(path)
    path.write_text('{"seed": 4}')
    assert load_script(path).seed == 4
