"""Air, radio, sensors and calendars of the simulation behave as the real ones do."""

from __future__ import annotations

import dataclasses
import statistics
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories.simulated import a_simulation
from zaigang_collector.simulation import air, company, moist, radio, sensors
from zaigang_collector.simulation.places import ROOM_W_M, SiteSpec, Spot
from zaigang_collector.simulation.plan import Plan, State
from zaigang_collector.simulation.siteday import SiteAir
from zaigang_collector.simulation.streams import stream

TEMPS = st.floats(-20, 50)


@given(TEMPS, st.floats(1, 100))
def test_humidity_goes_to_water_and_back(temp_c: float, rh_pct: float) -> None:
    ratio = moist.ratio_of(temp_c, rh_pct)
    assert moist.rh_of(temp_c, ratio) == pytest.approx(rh_pct, abs=1e-6)
    assert moist.dew_point_of(ratio) <= temp_c + 1e-6


@given(TEMPS)
def test_saturated_air_is_at_its_dew_point(temp_c: float) -> None:
    assert moist.dew_point_of(moist.ratio_of(temp_c, 100)) == pytest.approx(temp_c, abs=1e-6)


def test_known_moist_air() -> None:
    """ASHRAE Fundamentals 2017, ch. 1, table 2: 25 °C saturated holds 20.17 g/kg; 25 °C and 50 % has
    its dew point at 13.9 °C."""
    assert 1000 * moist.ratio_of(25, 100) == pytest.approx(20.17, abs=0.15)
    assert moist.dew_point_of(moist.ratio_of(25, 50)) == pytest.approx(13.9, abs=0.1)


@pytest.mark.parametrize("seed", range(5))
def test_rooms_are_never_wetter_than_air_can_be_nor_hotter_than_people_bear(seed: int) -> None:
    simulation = a_simulation(seed=seed)
    site = simulation.company.sites[0]
    of_day = SiteAir(simulation.company, site, 0)
    for room in site.rooms:
        run = of_day.room(room.index)
        for temp, ratio in zip(run.temps, run.ratios, strict=True):
            assert moist.dew_point_of(ratio) <= temp + 1e-6
            assert 0 < moist.rh_of(temp, ratio) <= 100
            assert -5 < temp < 45
        working = run.temps[600:1080]
        if room.kind == "server":
            assert abs(statistics.fmean(working) - room.air.set_c) < 3


def test_an_air_conditioner_makes_waves_and_dries() -> None:
    simulation = a_simulation()
    weather = SiteAir(simulation.company, simulation.company.sites[0], 0).weather
    spec = dataclasses.replace(
        simulation.company.sites[0].rooms[0].air,
        cooling="cycling",
        set_c=20.0,
        band_k=1.0,
        power_w_m2=120.0,
        equipment_w_m2=15.0,
        from_min=0,
        to_min=1440,
    )
    people = [spec.area_m2 / 8] * 900
    cooled = air.run_room(spec, weather, 1440, people, stream(1, "a"))
    warm = air.run_room(
        dataclasses.replace(spec, cooling="none"), weather, 1440, people, stream(1, "a")
    )
    day = cooled.temps[400:]
    turns = sum(
        (later - here) * (here - before) < 0
        for before, here, later in zip(day, day[1:], day[2:], strict=False)
    )
    assert turns >= 20, "it switches on and off"
    assert statistics.fmean(day) < statistics.fmean(warm.temps[400:])
    assert statistics.fmean(cooled.ratios[400:]) < statistics.fmean(warm.ratios[400:])


def test_what_is_heard_falls_with_distance_walls_and_floors() -> None:
    site = next(
        site
        for seed in range(20)
        for site in a_simulation(seed=seed).company.sites
        if site.nodes and not any(room.dead for room in site.rooms[:2])
    )
    node = dataclasses.replace(
        site.nodes[0], spot=Spot(site.site_id, 0, 1.0, 1.0, 0), power_1m_dbm=-60.0
    )
    ear = radio.Ear(floor_dbm=-90.0, duty=0.5)
    near, same_room, next_room, above = (
        Spot(site.site_id, 0, 2.0, 1.0, 0),
        Spot(site.site_id, 0, ROOM_W_M - 0.5, 1.0, 0),
        Spot(site.site_id, 0, 3 * ROOM_W_M, 1.0, 0),
        Spot(site.site_id, 0, 3 * ROOM_W_M, 1.0, 2),
    )
    shares = [
        _heard_share(site, node.power_1m_dbm, node.spot, spot, ear)
        for spot in (near, same_room, next_room, above)
    ]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.99
    assert shares[-1] < shares[0] - 0.3
    assert radio.mean_dbm(site, -60.0, node.spot, Spot("home")) is None


def _heard_share(site: SiteSpec, power: float, a: Spot, b: Spot, ear: radio.Ear) -> float:
    dbm = radio.mean_dbm(site, power, a, b)
    assert dbm is not None
    draw = stream(3, "heard")
    return sum(radio.heard_count(dbm - 12, ear, draw) > 0 for _ in range(2000)) / 2000


def test_warmth_of_a_laptop_moves_temperature_and_not_the_dew_point() -> None:
    spec = dataclasses.replace(
        sensors.draw_carried(stream(1, "s"), "one"),
        temp_off_c=0.0,
        rh_off_pct=0.0,
        beside_laptop_k=4.0,
    )
    room = 24.0, moist.ratio_of(24.0, 50)
    said = {}
    for carrying in ("desk", "beside"):
        probe = sensors.Probe(spec, stream(2, "noise"))
        for _ in range(120):
            said[carrying] = probe.look(room, carrying, 1.0)
    dew = {k: moist.dew_point_of(moist.ratio_of(*v)) for k, v in said.items()}
    assert said["beside"][0] - said["desk"][0] == pytest.approx(4.0, abs=0.3)
    assert dew["beside"] == pytest.approx(dew["desk"], abs=0.4)


def test_a_bag_follows_slowly() -> None:
    spec = dataclasses.replace(sensors.draw_carried(stream(1, "s"), "one"), bag_k=0.0)
    cold, warm = (5.0, moist.ratio_of(5, 60)), (25.0, moist.ratio_of(25, 40))
    after = {}
    for carrying in ("desk", "bag"):
        probe = sensors.Probe(spec, stream(2, "noise"))
        probe.look(cold, carrying, 1.0)
        for _ in range(10):
            after[carrying] = probe.look(warm, carrying, 1.0)[0]
    assert after["desk"] - after["bag"] > 5


@given(
    st.dates(date(2026, 1, 1), date(2027, 12, 30)),
    st.integers(0, 2000),
    st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]),
)
def test_wall_clocks_are_obeyed(day: date, minute: int, zone: str) -> None:
    shown = datetime.fromtimestamp(company.at_ms(day, minute, zone) / 1000, ZoneInfo(zone))
    told = shown.hour * 60 + shown.minute
    skipped = company.at_ms(day, minute + 60, zone) - company.at_ms(day, minute - 60, zone)
    assert told == minute % 1440 or skipped != 120 * 60_000, "only where clocks change"


def test_a_night_when_clocks_are_put_back_is_an_hour_longer() -> None:
    day = date(2026, 10, 24)  # clocks change at 03:00 on the 25th
    length = company.at_ms(day, 1860, "Europe/Berlin") - company.at_ms(day, 1320, "Europe/Berlin")
    assert length == 10 * 3_600_000
    assert datetime.fromtimestamp(company.midnight_ms(day, "Europe/Berlin") / 1000, UTC).hour == 22


SPANS = st.tuples(st.integers(-50, 150), st.integers(-50, 150), st.sampled_from(["on", "off"]))


@given(st.lists(SPANS, max_size=8))
def test_a_plan_changed_piece_by_piece_is_the_last_word_at_each_minute(
    changes: list[tuple[int, int, str]],
) -> None:
    plan = Plan.steady(0, 100, State())
    expected = ["off"] * 100
    for low, high, power in changes:
        plan = plan.change(low, high, power=power)
        for minute in range(max(0, low), min(100, high)):
            expected[minute] = power
    assert [state.power for _, state in plan.minutes(0, 100)] == expected
    assert [part.from_min for part in plan.parts[1:]] == [part.to_min for part in plan.parts[:-1]]
