"""The site's node hears the laptop's own beacon: a second witness of the same thing."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.factories import evidence as make
from tests.factories.bundling import exported
from tests.factories.evidence import MINUTE_MS, START_MS, Story, at_site
from tests.factories.judging import HOUR_MS, START, Office, Talker, office
from tests.factories.vault import VAULT
from zaigang_collector import db
from zaigang_collector.assessment.gather import claimed_intervals, gather
from zaigang_collector.assessment.model import Outcome
from zaigang_collector.directory import carried
from zaigang_collector.directory.carried import Carried
from zaigang_collector.evidence import recheck
from zaigang_collector.matching.assess import assess
from zaigang_collector.matching.model import (
    Assessment,
    BeaconSlot,
    DeviceEvidence,
    Direction,
    Evidence,
    Finding,
)
from zaigang_collector.matching.policy import default_policy
from zaigang_shared import readings, rid

POLICY = default_policy()
BADGE = bytes(range(20))
LAPTOP_KEY = bytes(range(100, 132))
HOUR = 60


def witnessed(
    evidence: Evidence, *, behind_ms: int = 0, late_ms: int = 0, says: bool = True
) -> Evidence:
    """The node also heard the laptop in each minute; its clock is behind by so much, and what was
    heard is older by so much. `says`: the laptop tells of its broadcast."""
    hears, sends = make.Recorder("node-ear"), make.Recorder("lap-mouth")
    beacons = dict(evidence.beacons)
    for at_ms in range(START_MS + MINUTE_MS, START_MS + HOUR * MINUTE_MS + 1, MINUTE_MS):
        heard_ms = at_ms - 40_000
        slot = rid.slot_at(heard_ms - behind_ms - late_ms)
        name = rid.rid(LAPTOP_KEY, slot)
        beacons[name] = BeaconSlot("lap-1", "", slot)
        hears.add(at_ms, lambda t, name=name: _heard(t, name))  # type: ignore[misc]  # bound now
        last = rid.slot_at(at_ms - behind_ms)
        sends.add(at_ms, lambda t, last=last: _sent(t, last))  # type: ignore[misc]  # the same
    laptop, node = evidence.laptops[0], evidence.nodes[0]
    return dataclasses.replace(
        evidence,
        laptops=(_with(laptop, sends) if says else laptop,),
        nodes=(_with(node, hears),),
        beacons=beacons,
    )


def _heard(t_ms: int, name: bytes) -> readings.Beacon:
    return readings.Beacon(
        t_ms=t_ms, span_ms=MINUTE_MS, scheme="rid", id=name, n=5, rssi_max=-60, rssi_med=-66,
        first_t=t_ms - 40_000, last_t=t_ms - 39_000,
    )  # fmt: skip


def _sent(t_ms: int, last: int) -> readings.Advert:
    return readings.Advert(
        t_ms=t_ms, span_ms=MINUTE_MS, slot_first=last - 4, slot_last=last, ok=True
    )


def _with(device: DeviceEvidence, recorder: make.Recorder) -> DeviceEvidence:
    ordered = sorted(
        (*device.readings, *recorder.timed), key=lambda t: (t.at_ms, t.envelope, t.index)
    )
    return dataclasses.replace(device, readings=tuple(ordered))


def judge(evidence: Evidence) -> Assessment:
    return assess(make.claim(end_ms=START_MS + HOUR * MINUTE_MS), make.site(), evidence, POLICY)


def finding(signal: str, assessment: Assessment) -> Finding:
    return next(found for found in assessment.findings if found.signal == signal)


def a_day(**changes: Any) -> Evidence:
    part = at_site(-10, HOUR, **{"net": None, "hears": False, **changes})
    return Story((part,)).evidence()


def test_a_deaf_laptop_that_the_node_hears_is_at_the_site() -> None:
    silent, heard = judge(a_day()), judge(witnessed(a_day()))
    assert finding("beacon", silent).direction is not Direction.SUPPORTS
    found = finding("beacon", heard)
    assert all(llr > 0 for llr in found.slots)
    assert "heard the laptop's own beacon" in found.text.en
    assert heard.presence.value == "confirmed"


def test_two_witnesses_of_one_thing_count_once() -> None:
    one = judge(a_day(hears=True))
    both = judge(witnessed(a_day(hears=True)))
    assert finding("beacon", both).slots == finding("beacon", one).slots
    assert both.posteriors == one.posteriors


@pytest.mark.parametrize("behind_ms", [20 * MINUTE_MS, -72 * 60 * MINUTE_MS, 12_345])
def test_a_laptop_with_a_wrong_clock_is_recognised_by_what_it_says_of_its_broadcast(
    behind_ms: int,
) -> None:
    found = finding("beacon", judge(witnessed(a_day(), behind_ms=behind_ms)))
    assert all(llr > 0 for llr in found.slots)


def test_a_recording_of_a_laptop_supports_nothing_and_is_held_against_nobody() -> None:
    """Whoever stands beside somebody can record their laptop and play it back to harm them."""
    for late_ms in (5 * MINUTE_MS, 60_000):
        replayed = judge(witnessed(a_day(), late_ms=late_ms))
        assert finding("beacon", replayed).slots == finding("beacon", judge(a_day())).slots
        assert finding("integrity", replayed).direction is Direction.SILENT


def test_what_the_laptop_does_not_say_to_have_sent_is_no_witness() -> None:
    """A copy of its key sends at the site while it is shut in a bag at home."""
    copied = judge(witnessed(a_day(), says=False))
    assert finding("beacon", copied).slots == finding("beacon", judge(a_day())).slots


def test_a_copy_of_its_key_at_the_site_is_told_while_the_laptop_is_at_home() -> None:
    at_home = make.HOME_NET
    copied = judge(witnessed(a_day(net=at_home)))
    assert copied.presence.value == "unverified"
    assert "its key may have been copied" in finding("integrity", copied).text.en
    assert not any(finding("beacon", copied).slots)
    assert not any(finding("network", copied).slots)


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        # Or a beacon that is relayed home: not told against anybody, and confirmed neither.
        (a_day(net=make.HOME_NET, hears=True), "unverified"),
        (a_day(net=make.HOME_NET, scan_healthy=False), "unverified"),
        (a_day(net=make.SITE_NET), "confirmed"),
        (a_day(), "confirmed"),
    ],
    ids=["home within reach, or a hotspot", "deaf radio", "site's network", "no network"],
)
def test_what_has_an_innocent_cause_is_not_told(evidence: Evidence, verdict: str) -> None:
    found = judge(witnessed(evidence))
    assert finding("integrity", found).direction is Direction.SILENT
    assert found.presence.value == verdict


def test_a_witnessed_day_is_judged_again_from_what_it_names() -> None:
    evidence = witnessed(a_day(), behind_ms=20 * MINUTE_MS)
    first = judge(evidence)
    less = make.named_by(first, evidence)
    assert finding("beacon", judge(less)) == finding("beacon", first)


def test_a_laptop_hears_no_other_laptop() -> None:
    evidence = witnessed(a_day())
    laptop = evidence.laptops[0]
    ear = make.Recorder("lap-ear")
    for name in evidence.beacons:
        ear.add(START_MS + 5 * MINUTE_MS, lambda t, name=name: _heard(t, name))  # type: ignore[misc]  # bound now
    listening = dataclasses.replace(evidence, laptops=(_with(laptop, ear),))
    assert judge(listening).findings == judge(evidence).findings


# ---- a node whose clock is wrong


def without_adverts(evidence: Evidence, from_min: int, to_min: int) -> Evidence:
    node = evidence.nodes[0]
    gone = range(START_MS + from_min * MINUTE_MS, START_MS + to_min * MINUTE_MS)
    kept = tuple(timed for timed in node.readings if timed.at_ms not in gone)
    return dataclasses.replace(evidence, nodes=(dataclasses.replace(node, readings=kept),))


def test_a_wrong_clock_is_followed_where_the_node_says_nothing_for_a_while() -> None:
    part = at_site(-10, HOUR, net=None)
    evidence = Story((part,), node_behind_ms=20 * MINUTE_MS).evidence()
    found = judge(without_adverts(evidence, 10, 50))
    assert all(llr > 0 for llr in finding("beacon", found).slots)
    assert finding("integrity", found).direction is Direction.SILENT


def test_a_wrong_clock_of_which_nothing_was_ever_said_is_silence_and_no_question() -> None:
    part = at_site(-10, HOUR, net=None)
    evidence = Story((part,), node_behind_ms=20 * MINUTE_MS).evidence()
    found = judge(without_adverts(evidence, -60, 24 * 60))
    assert not any(finding("beacon", found).slots)
    integrity = finding("integrity", found)
    assert integrity.direction is Direction.SILENT
    assert "has not said what its clock was" in integrity.text.en


def test_one_identifier_that_goes_on_and_on_is_told_whatever_the_clock_was() -> None:
    part = at_site(-10, HOUR, net=None)
    evidence = without_adverts(Story((part,)).evidence(), -60, 24 * 60)
    laptop = evidence.laptops[0]
    slot = rid.slot_at(START_MS - 10 * MINUTE_MS)
    name = rid.rid(make.NODE_KEY, slot)
    static = tuple(
        msgspec.structs.replace(timed, reading=_renamed(timed.reading, name))
        for timed in laptop.readings
    )
    evidence = dataclasses.replace(
        evidence,
        laptops=(dataclasses.replace(laptop, readings=static),),
        beacons={name: BeaconSlot("node-1", "lujiazui", slot)},
    )
    found = judge(evidence)
    assert not any(llr > 0 for llr in finding("beacon", found).slots)
    assert "past its time" in finding("integrity", found).text.en


def _renamed(reading: readings.Reading, name: bytes) -> readings.Reading:
    if not isinstance(reading, readings.Beacon):
        return reading
    fields = {one: getattr(reading, one) for one in reading.__struct_fields__}
    return readings.Beacon(**{**fields, "id": name})


# ---- out of signed envelopes


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as made:
        yield made


def test_out_of_the_store_only_the_persons_own_laptop_is_taken_from_what_nodes_heard(
    here: Office,
) -> None:
    laptop, theirs, node = here.laptop(), here.laptop("desk-8", "E002"), here.node()
    for at_ms in range(START, START + 4 * HOUR_MS, MINUTE_MS):
        laptop.works(at_ms, at_ms + MINUTE_MS, None)
        _minute(at_ms, node, [laptop, theirs])
    here.a_day()
    now_ms = here.world.clock.utc
    with db.reading(here.world.engine) as conn:
        (claimed,) = claimed_intervals(conn, VAULT, "E001", START - HOUR_MS, START + HOUR_MS)
        found = gather(
            conn, VAULT, claimed, now_ms, here.world.judge.collector_key, here.world.judge.policy
        )
    sources = {one.node_id for one in found.evidence.beacons.values()}
    assert sources == {laptop.device.id}
    (ear,) = found.evidence.nodes
    heard = {t.reading.id for t in ear.readings if isinstance(t.reading, readings.Beacon)}
    assert heard == set(found.evidence.beacons)
    assert here.verdict() == "confirmed"
    (stored,) = here.newest()
    again = recheck.recheck(exported(here.world.engine, stored.id, now_ms=here.world.clock.utc))
    assert (again.problems, again.presence) == ((), "confirmed")


def _minute(at_ms: int, node: Talker, laptops: list[Talker]) -> None:
    end_ms = at_ms + MINUTE_MS
    said: list[readings.Reading] = []
    for talker in laptops:
        assert talker.device.device.rid_key is not None
        name = rid.rid(talker.device.device.rid_key, rid.slot_at(end_ms - 40_000))
        said.append(_heard(end_ms, name))
        sent = talker.seal(end_ms, [_sent(end_ms, rid.slot_at(end_ms))])
        talker.arrive(sent, end_ms + 300)
    node.arrive(node.seal(end_ms, said), end_ms + 300)


# ---- badges


def wearing(laptop: Talker, node: Talker, badge: bytes, from_ms: int, to_ms: int) -> None:
    """The laptop lies idle at no known network; the node hears the badge."""
    for at_ms in range(from_ms, to_ms, MINUTE_MS):
        end_ms = at_ms + MINUTE_MS
        idle: readings.Reading = readings.Usage(
            t_ms=end_ms, span_ms=MINUTE_MS, active=0, regular=False, session="local", locked=True
        )
        laptop.arrive(laptop.seal(end_ms, [idle]), end_ms + 300)
        heard: readings.Reading = readings.Beacon(
            t_ms=end_ms, span_ms=MINUTE_MS, scheme="badge", id=badge, n=5, rssi_max=-60,
            rssi_med=-66, first_t=end_ms - 50_000, last_t=end_ms - 5_000,
        )  # fmt: skip
        node.arrive(node.seal(end_ms, [heard]), end_ms + 300)


def test_a_badge_counts_while_it_is_registered_to_the_person_and_then_is_judged_anew(
    here: Office,
) -> None:
    here.altered = True  # a registration cannot be dated back
    laptop, node = here.laptop(), here.node()
    wearing(laptop, node, BADGE, START, START + 4 * HOUR_MS)
    here.a_day()
    assert here.verdict() == "unverified"
    with db.writing(here.world.engine) as conn:
        carried.register(
            conn,
            VAULT,
            Carried("badge-17", "E001", "ibeacon", BADGE),
            START + 2 * HOUR_MS,
            here.world.randomness,
        )
    assert here.judge() == [Outcome.NEW_VERSION]
    now_ms = here.world.clock.utc
    with db.reading(here.world.engine) as conn:
        (claimed,) = claimed_intervals(conn, VAULT, "E001", START - HOUR_MS, START + HOUR_MS)
        found = gather(
            conn, VAULT, claimed, now_ms, here.world.judge.collector_key, here.world.judge.policy
        )
    (ear,) = found.evidence.nodes
    assert found.claim.badges == {BADGE}
    assert len(ear.readings) == 2 * 60
    assert min(one.at_ms for one in ear.readings) >= START + 2 * HOUR_MS
