"""Honest people with the nuisances of real life, and cheats, from signed envelopes to a verdict."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.factories.judging import (
    HOME_NET,
    HOUR_MS,
    MINUTE_MS,
    SITE_NET,
    START,
    Office,
    office,
)
from zaigang_collector import db
from zaigang_collector.assessment import service
from zaigang_collector.assessment.gather import Gathered, gather
from zaigang_collector.assessment.model import Outcome
from zaigang_collector.attendance.model import Direction
from zaigang_collector.devices import service as devices
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Site, SiteKind
from zaigang_collector.matching.assess import assess
from zaigang_collector.matching.model import Assessment
from zaigang_shared import rid
from zaigang_shared.readings import Beacon, Network, Reading, Usage

END = START + 4 * HOUR_MS


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as made:
        made.home()
        yield made


def test_who_left_and_works_at_home_is_contradicted(here: Office) -> None:
    laptop = here.laptop()
    laptop.works(START, START + 20 * MINUTE_MS, SITE_NET)
    laptop.works(START + HOUR_MS, END + HOUR_MS // 2, HOME_NET)
    here.a_day()
    assert here.verdict() == "contradicted"


# -- innocent --


def test_who_claims_to_work_at_home_and_is_there_is_not_contradicted(here: Office) -> None:
    with db.writing(here.world.engine) as conn:
        site = Site("home", "居家", SiteKind.HOME, "Asia/Shanghai")
        directory.put_site(conn, site, here.world.clock.utc, here.world.randomness)
    laptop = here.laptop()
    laptop.works(START, END + HOUR_MS // 2, HOME_NET)
    here.a_day(site_id="home")
    assert here.verdict() == "confirmed"


def test_a_hotspot_that_follows_the_sites_wifi_within_minutes_is_not_the_home(
    here: Office,
) -> None:
    laptop = here.laptop()
    laptop.works(START, START + HOUR_MS, SITE_NET)
    laptop.works(START + HOUR_MS, START + 3 * HOUR_MS, HOME_NET)
    laptop.works(START + 3 * HOUR_MS, END + HOUR_MS // 2, SITE_NET)
    here.a_day()
    assert here.verdict() != "contradicted"


def test_a_punch_given_to_the_right_person_clears_the_wrong_one(here: Office) -> None:
    laptop = here.laptop()
    laptop.works(START, END + HOUR_MS // 2, HOME_NET)  # a day off
    here.a_day()
    assert here.verdict() == "contradicted"
    for direction, at_ms in ((Direction.IN, START), (Direction.OUT, END)):
        here.punch(direction, at_ms, employee_id="E002")
    here.judge()
    assert [one.employee_id for one in here.newest()] == ["E002"]


def test_the_worker_finds_who_has_no_punches_left(here: Office) -> None:
    here.laptop().works(START, END + HOUR_MS // 2, HOME_NET)
    here.a_day()
    assert here.verdict() == "contradicted"
    for direction, at_ms in ((Direction.IN, START), (Direction.OUT, END)):
        here.punch(direction, at_ms, employee_id="E002")
    span = START - HOUR_MS, START + HOUR_MS
    with db.reading(here.world.engine) as conn:
        due = service.people_due(conn, here.world.judge, *span, here.world.clock.utc)
    assert due == ["E001", "E002"]


def test_an_assessment_comes_back_with_the_interval_that_it_was_withdrawn_with(
    here: Office,
) -> None:
    here.laptop().works(START, END + HOUR_MS // 2, SITE_NET)
    here.a_day()
    assert here.verdict() == "confirmed"
    here.punch(Direction.IN, START - HOUR_MS, "early")  # opens the interval instead
    here.judge()
    here.punch(Direction.IN, START - 200 * HOUR_MS, "early")  # no, that was last week
    here.judge()
    assert [one.start_ms for one in here.newest()] == [START]


def test_a_spool_is_not_complete_because_its_first_envelope_came(here: Office) -> None:
    """Owner at the site with a laptop that is offline until the next day; somebody else uses the
    second one at home."""
    owners, familys = here.laptop("own"), here.laptop("old")
    owners.works(START - HOUR_MS, START - HOUR_MS + 5 * MINUTE_MS, SITE_NET)
    owners.restart(START - HOUR_MS // 2)
    owners.works(START - HOUR_MS // 4, END + HOUR_MS // 2, SITE_NET, spool=True)
    familys.works(START, END + HOUR_MS // 2, HOME_NET)
    here.a_day()
    tomorrow = START + 20 * HOUR_MS
    first, *rest = owners.kept
    owners.arrive(first, tomorrow)
    here.at(tomorrow)
    assert here.verdict() == "unverified"
    # The same boot goes on, live: now all of it is dated.
    owners.arrive(rest, tomorrow + 1000)
    owners.works(tomorrow + MINUTE_MS, tomorrow + 5 * MINUTE_MS, SITE_NET)
    assert here.judge() == [Outcome.NEW_VERSION]


def test_what_comes_after_a_wrong_watermark_is_judged_again(here: Office) -> None:
    laptop = here.laptop()
    laptop.works(START - HOUR_MS, START - HOUR_MS + 5 * MINUTE_MS, SITE_NET)
    laptop.restart(START - HOUR_MS // 2)
    laptop.works(START - HOUR_MS // 4, END + HOUR_MS // 2, SITE_NET, spool=True)
    here.a_day()
    tomorrow = START + 20 * HOUR_MS
    first, *rest = laptop.kept
    laptop.arrive(first, tomorrow)
    here.at(tomorrow)
    assert here.verdict() == "unverified"
    laptop.arrive(rest, tomorrow + 1000)
    laptop.works(tomorrow + MINUTE_MS, tomorrow + 5 * MINUTE_MS, SITE_NET)
    assert here.verdict() == "confirmed"


def test_who_used_the_second_laptop_is_not_known_so_nothing_is_concluded(here: Office) -> None:
    """An hour at the desk while somebody is at the laptop at home, then two hours of meetings."""
    desk, home = here.laptop("desk"), here.laptop("home")
    for at_ms in range(START, END + HOUR_MS // 2, MINUTE_MS):
        meets = START + HOUR_MS <= at_ms < START + 3 * HOUR_MS
        desk.works(at_ms, at_ms + MINUTE_MS, SITE_NET, active=0 if meets else 3)
        if at_ms >= START + HOUR_MS // 4:
            home.works(at_ms, at_ms + MINUTE_MS, HOME_NET)
    here.a_day()
    assert here.verdict() == "unverified"


def test_a_node_that_moved_since_was_where_it_was(here: Office) -> None:
    node, laptop = here.node(), here.laptop()
    laptop.works(START, END + HOUR_MS // 2, None, heard=[(node.device, 0)])
    here.a_day()
    assert here.verdict() == "confirmed"
    with db.writing(here.world.engine) as conn:
        later = here.world.clock.utc
        site = Site("other", "别处", SiteKind.CLIENT, "Asia/Shanghai")
        directory.put_site(conn, site, later, here.world.randomness)
        devices.hand_over(conn, node.device.id, later, here.world.randomness, site_id="other")
    here.at(later + 50 * HOUR_MS)
    assert here.verdict() == "confirmed"


def test_a_laptop_off_since_noon_with_its_spool_delivered_next_day(here: Office) -> None:
    laptop = here.laptop()
    laptop.works(START, START + 2 * HOUR_MS, SITE_NET, spool=True)
    laptop.restart(START + 2 * HOUR_MS + 10 * MINUTE_MS)
    laptop.works(START + 2 * HOUR_MS + 15 * MINUTE_MS, END + HOUR_MS, SITE_NET, spool=True)
    here.a_day()
    laptop.deliver_spool(START + 50 * HOUR_MS)
    here.at(START + 51 * HOUR_MS)
    assert here.verdict() == "unverified"


@pytest.mark.parametrize("wall_off_ms", [-START, 24 * HOUR_MS, -24 * HOUR_MS])
def test_the_wall_clock_of_a_laptop_decides_nothing(here: Office, wall_off_ms: int) -> None:
    laptop = here.laptop()
    laptop.works(START, END + HOUR_MS // 2, SITE_NET, wall_off_ms=wall_off_ms)
    here.a_day()
    assert here.verdict() == "confirmed"


def test_a_missing_out_punch_holds_nothing_against_who_went_home_early(here: Office) -> None:
    """In at nine, out forgotten; the shift would end at six."""
    laptop = here.laptop()
    laptop.works(START, START + 5 * HOUR_MS, SITE_NET)
    laptop.works(START + 6 * HOUR_MS, START + 9 * HOUR_MS, HOME_NET)
    here.punch(Direction.IN, START)
    here.at(START + 60 * HOUR_MS)
    assert here.verdict() == "unverified"
    assert any("no clock-out" in one["en"] for one in json.loads(here.newest()[0].body)["reasons"])


def test_who_was_never_there_needs_no_out_punch_to_be_contradicted(here: Office) -> None:
    here.laptop().works(START, START + 9 * HOUR_MS, HOME_NET)
    here.punch(Direction.IN, START)
    here.at(START + 60 * HOUR_MS)
    assert here.verdict() == "contradicted"


def test_nothing_is_contradicted_before_a_spool_or_the_waiting_time_is_over(here: Office) -> None:
    laptop = here.laptop()
    laptop.works(START - HOUR_MS, START - HOUR_MS // 2, SITE_NET)
    laptop.works(START, START + 3 * HOUR_MS, HOME_NET)
    laptop.works(START + 3 * HOUR_MS, END + HOUR_MS, HOME_NET, spool=True)
    here.a_day()
    assert here.verdict() == "unverified"
    assert here.newest()[0].provisional
    here.at(END + 47 * HOUR_MS)
    assert here.verdict() == "unverified"
    here.at(END + 49 * HOUR_MS)
    assert here.verdict() == "contradicted"
    laptop.deliver_spool(END + 50 * HOUR_MS)
    assert here.verdict() == "contradicted"
    assert [one.version for one in here.newest()] == [3]


def test_a_laptop_handed_over_at_noon_speaks_for_each_in_turn(here: Office) -> None:
    laptop = here.laptop()
    noon = START + 2 * HOUR_MS
    laptop.works(START, noon, SITE_NET)
    with db.writing(here.world.engine) as conn:
        devices.hand_over(conn, laptop.device.id, noon, here.world.randomness, employee_id="E002")
    laptop.works(noon, END + HOUR_MS // 2, HOME_NET)  # E002 lives with E001
    here.a_day()
    assert here.verdict() == "unverified"


def test_a_night_shift_is_one_interval(here: Office) -> None:
    evening = START + 13 * HOUR_MS
    laptop, rest = here.laptop(), evening + 4 * HOUR_MS
    laptop.works(evening, rest, SITE_NET)
    laptop.works(rest + 10 * MINUTE_MS, evening + 8 * HOUR_MS + HOUR_MS // 2, SITE_NET)
    here.punch(Direction.IN, evening)
    here.punch(Direction.OUT, evening + 8 * HOUR_MS)
    here.at(evening + 9 * HOUR_MS)
    assert here.verdict() == "confirmed"


def test_punches_that_come_twice_or_late_make_one_interval(here: Office) -> None:
    here.laptop().works(START, END + HOUR_MS // 2, SITE_NET)
    here.a_day()
    here.punch(Direction.IN, START + MINUTE_MS, "terminal-in")
    here.punch(Direction.OUT, END + MINUTE_MS, "terminal-out")
    assert here.verdict() == "confirmed"


def test_at_a_place_that_nobody_described_nothing_is_held_against_anybody(here: Office) -> None:
    with db.writing(here.world.engine) as conn:
        site = Site("bare", "无信息", SiteKind.CLIENT, "Asia/Shanghai")
        directory.put_site(conn, site, here.world.clock.utc, here.world.randomness)
    here.laptop().works(START, END + HOUR_MS // 2, b"anything")
    here.a_day(site_id="bare")
    assert here.verdict() == "unverified"


def test_what_comes_while_judging_is_judged_and_nobody_waits(
    here: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    laptop = here.laptop()
    laptop.works(START, END - HOUR_MS, SITE_NET)
    here.a_day()
    really, late = assess, [lambda: laptop.works(END - HOUR_MS, END + HOUR_MS, SITE_NET)]

    def meanwhile(*arguments: Any) -> Assessment:
        while late:
            late.pop()()  # would wait for the lock, and time out
        return really(*arguments)

    monkeypatch.setattr(service, "assess", meanwhile)
    assert here.judge() == [Outcome.ADDED]
    assert here.newest()[0].coverage == 1.0
    assert here.judge() == [Outcome.UNCHANGED]


def test_somebody_who_never_stops_sending_is_judged_all_the_same(
    here: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    laptop = here.laptop()
    laptop.works(START, END, SITE_NET)
    here.a_day()
    really, minutes = gather, iter(range(20))

    def meanwhile(conn: Connection, *arguments: Any) -> Gathered:
        if not conn.get_execution_options().get("zaigang_write"):
            at_ms = END + next(minutes) * MINUTE_MS
            laptop.works(at_ms, at_ms + MINUTE_MS, SITE_NET)
        return really(conn, *arguments)

    monkeypatch.setattr(service, "gather", meanwhile)
    assert here.judge() == [Outcome.ADDED]


# -- cheats --


def test_a_chain_that_breaks_is_not_confirmed_whenever_the_break_is_noticed(
    here: Office,
) -> None:
    laptop = here.laptop()
    laptop.works(START, START + 2 * HOUR_MS, SITE_NET)
    laptop.prev = bytes(31) + b"\7"  # its spool was edited
    laptop.works(START + 2 * HOUR_MS, END + HOUR_MS, SITE_NET, spool=True)
    here.a_day()
    laptop.deliver_spool(START + 20 * HOUR_MS)
    here.at(START + 21 * HOUR_MS)
    assert here.verdict() == "unverified"


def test_a_fork_that_comes_next_day_is_about_the_day_it_rewrites(here: Office) -> None:
    laptop = here.laptop()
    laptop.works(START, START + HOUR_MS, SITE_NET)
    seq, prev = laptop.seq, laptop.prev
    laptop.works(START + HOUR_MS, END + HOUR_MS, SITE_NET)
    after = laptop.seq, laptop.prev
    here.a_day()
    assert here.verdict() == "confirmed"
    laptop.seq, laptop.prev = seq, prev
    laptop.works(START + HOUR_MS, START + HOUR_MS + MINUTE_MS, HOME_NET, spool=True)
    laptop.seq, laptop.prev = after
    laptop.deliver_spool(START + 20 * HOUR_MS)
    here.at(START + 21 * HOUR_MS)
    assert here.verdict() == "unverified"


def test_three_hours_withheld_are_not_confirmed(here: Office) -> None:
    laptop = here.laptop()
    laptop.works(START, START + HOUR_MS // 2, SITE_NET)
    laptop.works(START + HOUR_MS // 2, START + 3 * HOUR_MS + HOUR_MS // 2, HOME_NET, spool=True)
    laptop.works(START + 3 * HOUR_MS + HOUR_MS // 2, END + HOUR_MS // 2, SITE_NET)
    here.a_day()
    here.at(START + 60 * HOUR_MS)
    assert here.verdict() == "unverified"


@pytest.mark.parametrize("late_ms", [24 * HOUR_MS, HOUR_MS, 5 * MINUTE_MS])
def test_a_recorded_identifier_confirms_nobody(here: Office, late_ms: int) -> None:
    node, laptop = here.node(), here.laptop()
    laptop.works(START, END + HOUR_MS // 2, None, heard=[(node.device, late_ms)])
    here.a_day()
    assert here.verdict() == "unverified"


def test_another_sites_identifier_confirms_nobody(here: Office) -> None:
    node, laptop = here.node(site_id="lujiazui"), here.laptop()
    laptop.works(START, END + HOUR_MS // 2, None, heard=[(node.device, 0)])
    here.a_day()
    assert here.verdict() == "unverified"


def test_a_remote_session_confirms_nobody(here: Office) -> None:
    laptop = here.laptop()
    laptop.works(START, END + HOUR_MS // 2, SITE_NET, session="remote")
    here.a_day()
    assert here.verdict() == "unverified"


def test_a_laptop_left_behind_confirms_nobody(here: Office) -> None:
    laptop = here.laptop()
    laptop.works(START, START + 15 * MINUTE_MS, SITE_NET)
    laptop.works(START + 15 * MINUTE_MS, END + HOUR_MS // 2, SITE_NET, active=0)
    here.a_day()
    assert here.verdict() == "unverified"


def test_envelopes_made_up_in_the_evening_confirm_nobody(here: Office) -> None:
    """The agent was stopped all day; at five the missing hours are written into the chain."""
    laptop = here.laptop()
    laptop.works(END, END + 10 * MINUTE_MS, SITE_NET)
    laptop.works(START, END, SITE_NET, spool=True)
    here.a_day()
    laptop.deliver_spool(END + 20 * MINUTE_MS)
    laptop.works(END + 25 * MINUTE_MS, END + 40 * MINUTE_MS, SITE_NET)
    assert here.verdict() == "unverified"


def test_made_up_envelopes_that_quote_no_receipt_confirm_nobody(here: Office) -> None:
    """As above, and by somebody who knows that a receipt bounds the time."""
    laptop = here.laptop()
    laptop.works(START - HOUR_MS, START - HOUR_MS // 2, None)
    known = laptop.rcpt
    laptop.works(END, END + 10 * MINUTE_MS, SITE_NET)
    laptop.rcpt = known
    laptop.works(START, END, SITE_NET, spool=True)
    here.a_day()
    laptop.deliver_spool(END + 20 * MINUTE_MS)
    laptop.works(END + 25 * MINUTE_MS, END + 40 * MINUTE_MS, SITE_NET)
    assert here.verdict() == "unverified"


def test_readings_of_the_morning_in_an_envelope_of_the_evening_confirm_nobody(
    here: Office,
) -> None:
    laptop = here.laptop()
    laptop.works(START - HOUR_MS, START - HOUR_MS // 2, None)
    said: list[Reading] = []
    for at_ms in range(START, END, MINUTE_MS):
        t_ms = at_ms + MINUTE_MS
        said.append(
            Usage(
                t_ms=t_ms,
                span_ms=MINUTE_MS,
                active=3,
                regular=False,
                session="local",
                locked=False,
            )
        )
        said.append(
            Network(t_ms=t_ms, span_ms=0, link="wifi", vpn=False, net=SITE_NET, vantage=None)
        )
    laptop.works(END, END + 10 * MINUTE_MS, None)
    laptop.arrive(laptop.seal(END + 11 * MINUTE_MS, said[:480]), END + 11 * MINUTE_MS)
    laptop.works(END + 12 * MINUTE_MS, END + 40 * MINUTE_MS, None)
    here.a_day()
    assert here.verdict() == "unverified"


def test_a_cloned_key_confirms_nobody(here: Office) -> None:
    laptop, clone = here.laptop(), None
    laptop.works(START, START + HOUR_MS, SITE_NET)
    clone = dataclasses.replace(laptop, kept=[])
    laptop.works(START + HOUR_MS, START + HOUR_MS + 2 * MINUTE_MS, SITE_NET)
    clone.works(START + HOUR_MS, START + HOUR_MS + 2 * MINUTE_MS, HOME_NET, spool=True)
    clone.deliver_spool(START + HOUR_MS + 3 * MINUTE_MS)
    laptop.works(START + HOUR_MS + 3 * MINUTE_MS, END + HOUR_MS, SITE_NET)
    here.a_day()
    assert here.verdict() == "unverified"


def test_identifiers_told_long_after_they_were_heard_confirm_nobody(here: Office) -> None:
    """A friend recorded them at the site; the laptop was used at home, in a tunnel."""
    node, laptop = here.node(), here.laptop()
    assert node.device.device.rid_key is not None
    over = START + HOUR_MS
    laptop.works(START - MINUTE_MS, over, HOME_NET, vpn=True)
    for heard_ms in range(START, over - 16 * MINUTE_MS, 2 * MINUTE_MS):
        end_ms = over + (heard_ms - START) // 20
        heard = Beacon(
            t_ms=end_ms,
            span_ms=MINUTE_MS,
            scheme="rid",
            id=rid.rid(node.device.device.rid_key, rid.slot_at(heard_ms)),
            n=5,
            rssi_max=-60,
            rssi_med=-66,
            first_t=heard_ms + 1000,
            last_t=heard_ms + 2000,
        )
        laptop.arrive(laptop.seal(end_ms, [heard]), end_ms + 300)
    laptop.works(over + HOUR_MS // 2, over + HOUR_MS, HOME_NET, vpn=True)
    here.a_day(hours=1)
    assert here.verdict() == "unverified"


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_any_order_of_arrival_and_any_passes_in_between_come_to_the_same(
    tmp_path: Path, seed: int | None
) -> None:
    bodies = []
    for dice in (None, random.Random(seed)):
        folder = tmp_path / ("plain" if dice is None else "mixed")
        folder.mkdir()
        with office(folder) as here:
            here.home()
            laptop, node = here.laptop(), here.node()
            laptop.works(START - HOUR_MS // 2, START, SITE_NET)
            laptop.works(START, START + HOUR_MS, None, spool=True, heard=[(node.device, 0)])
            if seed == 2:
                laptop.prev = bytes(31) + b"\7"  # edited
            laptop.works(START + HOUR_MS, START + 2 * HOUR_MS, SITE_NET, spool=True)
            if seed == 3:
                laptop.restart(START + 2 * HOUR_MS)
            laptop.works(START + 2 * HOUR_MS, END + HOUR_MS, HOME_NET, spool=True)
            here.a_day()
            at_ms, spool = END + 3 * HOUR_MS, laptop.kept
            if dice is not None:
                dice.shuffle(spool)
                spool += spool[:5]  # some twice
                while spool:
                    size = dice.randint(1, 60)
                    laptop.arrive(spool[:size], at_ms)
                    spool = spool[size:]
                    here.judge()
            else:
                laptop.arrive(spool, at_ms)
            here.at(at_ms)
            here.judge()
            (newest,) = here.newest()
            bodies.append((newest.body, newest.evidence_hash))
    assert bodies[0] == bodies[1]


def test_what_a_clone_says_from_elsewhere_accuses_nobody(here: Office) -> None:
    """The owner is at the site, offline; a copy of the key speaks from the owner's home."""
    laptop = here.laptop()
    laptop.works(START - HOUR_MS, START - HOUR_MS // 2, SITE_NET)
    clone = dataclasses.replace(laptop, kept=[])
    laptop.works(START, END + HOUR_MS // 2, SITE_NET, spool=True)
    clone.works(START, END + HOUR_MS // 2, HOME_NET)
    here.a_day()
    assert here.verdict() == "contradicted"  # so far nobody can know
    laptop.deliver_spool(START + 30 * HOUR_MS)
    here.at(START + 31 * HOUR_MS)
    assert here.verdict() == "unverified"


def test_two_punches_at_one_moment_are_looked_at_once(here: Office) -> None:
    with db.writing(here.world.engine) as conn:
        site = Site("bare", "无信息", SiteKind.CLIENT, "Asia/Shanghai")
        directory.put_site(conn, site, here.world.clock.utc, here.world.randomness)
    here.punch(Direction.IN, START)
    here.punch(Direction.IN, START, "other", site_id="bare")
    here.at(START + 60 * HOUR_MS)
    assert Outcome.NOT_ASSESSABLE in here.judge()
    span = START - HOUR_MS, START + HOUR_MS
    with db.reading(here.world.engine) as conn:
        assert service.people_due(conn, here.world.judge, *span, here.world.clock.utc) == []
