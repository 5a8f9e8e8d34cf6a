"""The simulated workforce: the same seed, the same bytes; each nuisance and cheat leaves its trace."""

from __future__ import annotations

import statistics
from itertools import pairwise
from pathlib import Path

import pytest

from tests.factories.simulated import a_simulation, of, share, told_days, truths
from zaigang_collector.matching import codec
from zaigang_collector.simulation import cheats, knowledge, nuisances, siteday
from zaigang_collector.simulation.emit import Case, Options, Simulation
from zaigang_collector.simulation.moist import dew_point_of, ratio_of
from zaigang_shared import readings, rid
from zaigang_shared.network_hash import network_hash
from zaigang_shared.readings import (
    Beacon,
    Environment,
    Gap,
    Health,
    Network,
    Scan,
    Session,
    Usage,
)


def hashes(simulation: Simulation) -> list[bytes]:
    return [codec.evidence_hash(c.claim, c.site, c.evidence) for c in simulation.cases()]


def test_the_same_seed_gives_the_same_bytes() -> None:
    first = hashes(Simulation(11, 6, 2))
    assert first == hashes(Simulation(11, 6, 2))
    assert set(first).isdisjoint(hashes(Simulation(12, 6, 2)))


def test_one_day_can_be_told_without_the_others() -> None:
    whole = list(Simulation(11, 4, 3).cases())
    alone = Simulation(11, 4, 3)
    assert alone.case(alone.company.people[2], 2) == whole[2 * 4 + 2]


def test_a_nuisance_that_is_switched_off_changes_nothing_else_of_the_company() -> None:
    with_all = Simulation(11, 6, 1, Options(cheat_share=0.0))
    without = Simulation(11, 6, 1, Options(cheat_share=0.0, rates={}, site_faults=False))
    assert with_all.company == without.company


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_emitted_is_well_formed(seed: int) -> None:
    for case in Simulation(seed, 10, 1).cases():
        claim, evidence = case.claim, case.evidence
        assert claim.start_ms < claim.end_ms
        assert evidence.known_to_ms > claim.end_ms - 3_600_000
        for device in (*evidence.laptops, *evidence.nodes):
            order = [(t.at_ms, t.envelope, t.index) for t in device.readings]
            assert order == sorted(order)
            assert len(set(order)) == len(order)
            for timed in device.readings:
                assert timed.error_ms >= 0
                readings.encode(timed.reading)  # a device could have signed it


def test_the_agents_intervals_are_kept() -> None:
    case = _well_covered()
    minutes = (case.claim.end_ms - case.claim.start_ms) / 60_000
    assert 0.8 * minutes < len(of(case, Usage)) <= minutes + 1
    assert minutes / 15 * 0.7 < len(of(case, Health)) < minutes / 15 + 2
    networks = of(case, Network)
    assert minutes / 5 * 0.7 < len(networks) < minutes / 2
    assert len({n.vantage for n in networks if n.vantage}) < len(networks) / 2
    adverts = [t for t in case.evidence.nodes[0].readings if isinstance(t.reading, readings.Advert)]
    assert all(40_000 < b.at_ms - a.at_ms < 80_000 for a, b in pairwise(adverts))


def test_identifiers_heard_are_of_the_minute_in_which_they_were_heard() -> None:
    case = _well_covered()
    timed = [t for t in case.evidence.laptops[0].readings if isinstance(t.reading, Beacon)]
    assert len(timed) > 200
    for one in timed:
        assert isinstance(one.reading, Beacon)
        slot = case.evidence.beacons[one.reading.id].slot
        heard_ms = one.boot_offset_ms + one.reading.first_t
        assert abs(heard_ms - rid.slot_start_ms(slot)) < 15_000 + one.error_ms


def test_what_is_learnt_of_homes_is_that_routers_stay_and_some_phones_travel() -> None:
    company = Simulation(9, 80, 5).company
    travelling, settled = 0, 0
    for person in company.people:
        known = knowledge.networks(company, person)
        homes = {person.home_gateway, person.hotspot_gateway}
        assert known.travelling | known.settled <= homes
        assert known.travelling.isdisjoint(known.settled)
        assert person.home_gateway not in known.travelling
        if person.history_days < 5 or not person.home_registered:
            assert not known.settled
        travelling += len(known.travelling)
        settled += person.home_gateway in known.settled
    assert travelling
    assert settled > len(company.people) / 3


def test_coverage_that_was_learnt_is_what_is_heard() -> None:
    """Of each person with history, over days without nuisance: within 0.15 on average."""
    errors = []
    for _, case in told_days(seed=9, days=2):
        learnt = case.site.coverage_by_employee.get(case.claim.employee_id)
        if learnt is not None:
            errors.append(learnt - _heard_share(case))
    assert errors
    assert abs(statistics.fmean(errors)) < 0.15


def test_honest_people_are_where_they_say_but_for_lunch() -> None:
    for _, case in told_days():
        truth = case.truth
        assert truth.honest
        assert truth.kind == "honest"
        assert truth.place == "site"
        assert truth.away_ms < 75 * 60_000


def _well_covered() -> Case:
    return max((case for _, case in told_days()), key=lambda case: len(of(case, Beacon)))


def _heard_share(case: Case) -> float:
    start, end = case.claim.start_ms, case.claim.end_ms
    on, heard = set(), set()
    for timed in case.evidence.laptops[0].readings:
        if start <= timed.at_ms < end:
            slot = (timed.at_ms - start) // 300_000
            if isinstance(timed.reading, Beacon):
                heard.add(slot)
            if isinstance(timed.reading, Scan):
                on.add(slot)
    return len(heard & on) / max(1, len(on))


# What each nuisance must show, in a company where everybody suffers it and nothing else.
def suffering(name: str) -> list[Case]:
    cases = [case for _, case in told_days(nuisance=name)]
    found = [case for case in cases if name in case.truth.nuisances]
    assert found, name
    return found


@pytest.mark.parametrize("name", nuisances.ALL)
def test_each_nuisance_is_noted_and_stays_honest(name: str) -> None:
    found = truths(nuisance=name)
    assert any(name in truth.nuisances for truth in found)
    assert all(truth.honest for truth in found)


def test_a_dead_scan_hears_nothing_or_hardly_anything() -> None:
    cases = suffering("dead_scan")
    assert any(share(case, Scan, healthy=False) > 0.9 for case in cases)
    heard = statistics.fmean(_heard_share(case) for case in cases)
    assert heard < statistics.fmean(_heard_share(case) for _, case in told_days()) * 0.7


def test_a_lid_that_is_shut_leaves_a_suspend_and_a_gap() -> None:
    for case in suffering("lid_shut"):
        assert "suspend" in {one.event for one in of(case, Session)}
        assert "suspended" in {one.reason for one in of(case, Gap)}


def test_a_tunnel_is_seen() -> None:
    for case in suffering("vpn"):
        assert share(case, Network, vpn=True) > 0.8


def test_a_forgotten_sensor_says_nothing_and_a_bag_is_warmer() -> None:
    assert not any(of(case, Environment) for case in suffering("sensor_forgotten"))
    bags = {c.claim.employee_id: c for c in suffering("sensor_in_bag")}
    assert any(of(case, Environment) for case in bags.values())


def test_who_starts_early_is_not_looked_at_before_the_shift() -> None:
    for _, case in told_days(nuisance="early_start"):
        before = [t for t in case.evidence.laptops[0].readings if t.at_ms < case.claim.start_ms]
        assert not before


def test_a_long_lunch_is_away_and_locked() -> None:
    for case in suffering("long_lunch"):
        assert case.truth.away_ms >= 80 * 60_000
        assert share(case, Usage, locked=True) > 0.1


def test_wifi_that_comes_and_goes_shows() -> None:
    for case in suffering("flaky_wifi"):
        links = {(one.link, one.net) for one in of(case, Network)}
        assert len(links) >= 2


def test_a_lost_permission_silences_one_sense() -> None:
    cases = suffering("permission_lost")
    assert any("permission" in {g.reason for g in of(c, Gap)} for c in cases)
    assert any(share(c, Scan, healthy=False) > 0.2 for c in cases)
    assert any(share(c, Network, net=None) > 0.2 for c in cases)


def test_an_agent_that_was_removed_is_silent_and_never_complete() -> None:
    for case in suffering("agent_removed"):
        laptop = case.evidence.laptops[0]
        complete = laptop.complete_to_ms
        assert complete is None or complete < case.claim.end_ms + 5 * 60_000


def test_no_laptop_says_nothing_and_half_are_excused() -> None:
    cases = suffering("in_repair")
    assert not any(case.evidence.laptops[0].readings for case in cases)
    excused = sum(bool(case.claim.exemptions) for case in cases) / len(cases)
    assert 0.2 < excused < 0.8


def test_what_is_late_comes_later_or_is_not_there_yet() -> None:
    cases = suffering("late_delivery")
    marks = [case.evidence.laptops[0].complete_to_ms for case in cases]
    ends = [case.claim.end_ms for case in cases]
    pairs = list(zip(marks, ends, strict=True))
    assert any(mark is not None and mark < end for mark, end in pairs)
    assert any(mark is not None and mark >= end for mark, end in pairs)


def test_what_is_lost_leaves_a_hole() -> None:
    cases = suffering("lost_delivery")
    assert any(_longest_silence_min(case) >= 30 for case in cases)
    assert any(case.evidence.integrity for case in cases)


def test_a_hotspot_is_nobody_elses_network() -> None:
    for case in suffering("hotspot"):
        nets = {one.net for one in of(case, Network)}
        assert not nets & case.site.networks


def test_far_meeting_rooms_are_hardly_heard() -> None:
    far = statistics.fmean(_heard_share(case) for case in suffering("meeting_rooms"))
    assert far < statistics.fmean(_heard_share(case) for _, case in told_days())


def test_a_poor_position_is_vague_or_missing() -> None:
    for case in suffering("poor_position"):
        assert all((point.accuracy_m or 0) >= 200 for point in case.claim.points)


def _longest_silence_min(case: Case) -> float:
    times = [t.at_ms for t in case.evidence.laptops[0].readings]
    return max((b - a for a, b in pairwise(times)), default=0) / 60_000


# And each cheat, in a company where everybody does it.
def cheating(name: str) -> list[Case]:
    cases = [case for _, case in told_days(kind=name)]
    assert {case.truth.kind for case in cases} == {name}
    return cases


@pytest.mark.parametrize("name", cheats.ALL)
def test_each_cheat_is_away_for_two_hours_at_least_in_most_cases(name: str) -> None:
    found = truths(kind=name)
    limit = 100 if name == "batch_visits" else 120
    assert statistics.median(truth.away_ms for truth in found) >= limit * 60_000
    assert not any(truth.honest for truth in found)


@pytest.mark.parametrize("name", ["never_there_home", "left_for_home", "left_early", "relayed"])
def test_at_home_the_home_network_shows(name: str) -> None:
    for case in cheating(name):
        if case.truth.home_registered:
            assert {one.net for one in of(case, Network)} & case.claim.home_networks


@pytest.mark.parametrize("name", ["never_there_cafe", "never_there_unknown"])
def test_elsewhere_the_network_is_unknown_and_no_beacon_is_heard(name: str) -> None:
    for case in cheating(name):
        nets = {one.net for one in of(case, Network)} - {None}
        assert not nets & (case.claim.home_networks | case.site.networks)
        assert not of(case, Beacon)


def test_who_leaves_was_there_before() -> None:
    for case in cheating("left_for_cafe"):
        assert case.truth.left_ms is not None
        assert case.truth.at_site(case.claim.start_ms + 5 * 60_000)
        assert not case.truth.at_site(case.truth.left_ms + 5 * 60_000)


def test_a_laptop_that_was_left_has_no_hands() -> None:
    for case in cheating("laptop_left"):
        left_ms = case.truth.left_ms
        assert left_ms is not None
        late = [t for t in case.evidence.laptops[0].readings if t.at_ms > left_ms]
        used = [t.reading.active for t in late if isinstance(t.reading, Usage)]
        assert sum(map(bool, used)) < 20


def test_a_colleagues_hands_look_like_the_owners() -> None:
    assert any(share(case, Usage, active=3) > 0.1 for case in cheating("given_to_colleague"))


def test_a_recording_is_of_an_earlier_slot_or_of_none() -> None:
    ages = []
    for case in cheating("replayed"):
        for timed in case.evidence.laptops[0].readings:
            if isinstance(timed.reading, Beacon) and timed.reading.id in case.evidence.beacons:
                slot = case.evidence.beacons[timed.reading.id].slot
                heard_ms = timed.boot_offset_ms + timed.reading.first_t
                ages.append(heard_ms - rid.slot_start_ms(slot))
    assert min(ages) > 60_000
    resolved = [bool(case.evidence.beacons) for case in cheating("replayed")]
    assert True in resolved
    assert False in resolved


def test_a_tunnel_from_home_says_so() -> None:
    for case in cheating("home_vpn"):
        assert share(case, Network, vpn=True) > 0.9


def test_a_warmed_sensor_agrees_in_temperature_and_not_in_water() -> None:
    found = []
    for told, case in told_days(kind="sensor_warmed", people=28, seed=6):
        said = [one for one in of(case, Environment) if one.via == "ble"]
        node = [
            t.reading
            for device in case.evidence.nodes
            for t in device.readings
            if isinstance(t.reading, Environment)
        ]
        if said and node and told.script.kind == "sensor_warmed":
            temp = statistics.fmean(one.temp_c for one in said)
            true = statistics.fmean(one.temp_c - (one.self_heat_c or 0) for one in node)
            dew = [statistics.fmean(map(_dew, each)) for each in (said, node)]
            found.append((abs(temp - true), abs(dew[0] - dew[1])))
    assert found
    assert statistics.median(temp for temp, _ in found) < 1.5
    assert max(dew for _, dew in found) > 2


def _dew(one: Environment) -> float:
    return dew_point_of(ratio_of(one.temp_c, one.rh_pct))


def test_what_is_withheld_or_edited_is_a_hole_in_the_chain() -> None:
    for name in ("withheld", "edited"):
        for case in cheating(name):
            complete = case.evidence.laptops[0].complete_to_ms
            assert complete is not None
            assert complete < case.claim.end_ms - 60 * 60_000
    assert any(case.evidence.integrity for case in cheating("edited"))


def test_what_is_back_dated_has_no_bracket() -> None:
    for case in cheating("back_dated"):
        laptop = case.evidence.laptops[0]
        assert all(timed.error_ms >= 3_600_000 for timed in laptop.readings)


def test_a_clone_is_noticed() -> None:
    for case in cheating("cloned"):
        assert "fork" in {event.kind for event in case.evidence.integrity}


def test_remote_control_and_a_regular_mover_say_what_they_are() -> None:
    for case in cheating("remote_control"):
        assert share(case, Usage, session="remote") > 0.5
    regular = [share(case, Usage, regular=True) > 0.5 for case in cheating("jiggler")]
    assert 0.3 < sum(regular) / len(regular) < 0.9


def test_batch_visits_are_short_and_mostly_far_from_the_fence() -> None:
    far = 0
    for case in cheating("batch_visits"):
        assert case.claim.end_ms - case.claim.start_ms < 4 * 3_600_000
        assert case.site.latitude is not None
        far += any(
            abs(point.latitude - case.site.latitude) * 111_320 > 700 for point in case.claim.points
        )
    assert far >= len(cheating("batch_visits")) * 0.3


def test_a_live_relay_hears_what_is_true_now() -> None:
    heard = [case for case in cheating("relayed") if of(case, Beacon)]
    assert heard
    for case in heard:
        assert set(case.evidence.beacons) >= {one.id for one in of(case, Beacon)}


def test_a_laptop_that_is_off_all_day_says_nothing() -> None:
    for case in cheating("laptop_off"):
        assert not case.evidence.laptops[0].readings


def test_badges_of_who_is_away_are_not_heard() -> None:
    def heard(case: Case) -> int:
        return sum(
            isinstance(t.reading, Beacon) and t.reading.id in case.claim.badges
            for node in case.evidence.nodes
            for t in node.readings
        )

    assert any(heard(case) for _, case in told_days())
    assert not any(heard(case) for case in cheating("never_there_home"))


def test_networks_are_hashed_as_agents_hash_them() -> None:
    simulation = a_simulation()
    site = simulation.company.sites[0]
    case = next(iter(simulation.cases()))
    assert case.site.networks == {
        network_hash(simulation.company.net_key, mac) for mac in site.gateways
    }


def test_truth_is_never_told_to_whoever_judges() -> None:
    """The evidence of an accomplice's relay or a colleague's hands holds no word of it."""
    for name in ("relayed", "given_to_colleague"):
        for case in cheating(name):
            assert name not in repr((case.claim, case.evidence))


def test_the_page_names_every_nuisance_and_cheat() -> None:
    page = (Path(__file__).parents[2] / "docs" / "simulation.md").read_text(encoding="utf-8")
    for name in (*nuisances.ALL, *siteday.RATES, *cheats.ALL):
        assert f"`{name}`" in page
