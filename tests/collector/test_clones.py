"""One key on several hosts: attacks and accidents, and what the collector makes of each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.collector.test_ingest_service import RECEIPT_KEY, House, a_house
from tests.factories.chains import MINUTE_MS, Talker
from tests.fakes.randomness import Repeatable
from zaigang_collector import db
from zaigang_collector.devices import service as devices
from zaigang_collector.devices.model import DeviceStatus
from zaigang_collector.ingest.model import EventKind
from zaigang_collector.ingest.tables import ASIDE
from zaigang_shared import envelope
from zaigang_shared.receipt import open_receipt


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with a_house(tmp_path) as made:
        yield made


_BOOTS = itertools.count(1)


class Host:
    """An honest agent on one of the hosts: it stops when a receipt does not fit its history."""

    def __init__(self, house: House, talker: Talker) -> None:
        self.house = house
        self.talker = talker
        self.digests: dict[int, bytes] = {}
        self.waiting: list[bytes] = []
        self.stopped = False

    def copy(self) -> Host:
        """Its disk on another host, where it boots anew."""
        other = Host(self.house, self.talker.fork())
        other.digests = dict(self.digests)
        other.talker.boot = next(_BOOTS).to_bytes(16, "big")
        return other

    def work(self, minutes: int, *, online: bool = True) -> None:
        for _ in range(minutes):
            if self.stopped:
                return
            self.house.clock.advance(MINUTE_MS)
            data = self.talker.seal()
            self.digests[self.talker.seq] = envelope.digest(data)
            self.waiting.append(data)
            if online:
                self.send()

    def send(self) -> None:
        """What waits goes out, and comes back as a receipt or not at all."""
        taken = self.house.take(self.talker, *self.waiting)
        data = taken.receipts.get(self.talker.id)
        if data is None:
            return
        word = open_receipt(data, RECEIPT_KEY.public_key())
        if self.digests.get(word.through) != word.head:
            self.stopped = True  # as Spool.settle does
            return
        self.waiting = self.waiting[word.through - self.talker.seq + len(self.waiting) :]
        self.talker.rcpt = envelope.digest(data)


def _status(house: House, host: Host) -> DeviceStatus:
    return house.status(host.talker)


def test_a_restored_backup_of_one_host_stops_by_itself_and_nobody_is_quarantined(
    house: House,
) -> None:
    host = Host(house, house.laptop())
    host.work(3)
    backup = host.copy()
    host.work(5)
    backup.work(1)  # the first host is gone: this is its disk
    assert backup.stopped
    assert house.events(host.talker) == [EventKind.FORK]
    assert _status(house, host) is DeviceStatus.ACTIVE


def test_two_hosts_that_are_both_online_are_quarantined_within_minutes(house: House) -> None:
    one = Host(house, house.laptop())
    one.work(3)
    other = one.copy()
    one.work(1)
    other.work(1)
    assert other.stopped
    assert _status(house, one) is DeviceStatus.ACTIVE  # so far it may be a restored backup
    one.work(2)
    assert _status(house, one) is DeviceStatus.QUARANTINED
    assert set(house.events(one.talker)) == {EventKind.FORK, EventKind.TWO_HOSTS}
    before = len(one.waiting)
    one.work(3)
    assert len(one.waiting) == before + 3  # neither is listened to, and neither loses anything


def test_an_image_on_a_hundred_laptops_is_quarantined_in_its_first_minute(house: House) -> None:
    golden = Host(house, house.laptop())
    golden.work(2)
    laptops = [golden.copy() for _ in range(100)]
    for laptop in laptops:
        laptop.work(1)
    assert _status(house, golden) is DeviceStatus.QUARANTINED
    # The first was believed, two more were heard; from then on nobody was.
    assert house.count(ASIDE) == 2
    assert house.refused() == {"quarantined_device": 97}
    assert not any(laptop.waiting == [] for laptop in laptops[1:])


def test_two_hosts_that_are_online_in_turns_are_quarantined(house: House) -> None:
    one = Host(house, house.laptop())
    one.work(3)
    other = one.copy()
    for _ in range(3):
        one.work(5)
        other.work(5)
    assert _status(house, one) is DeviceStatus.QUARANTINED


def test_a_host_that_was_offline_for_days_brings_the_other_history(house: House) -> None:
    one = Host(house, house.laptop())
    one.work(3)
    other = one.copy()
    one.work(60)
    other.work(60, online=False)
    assert _status(house, one) is DeviceStatus.ACTIVE
    other.send()
    assert _status(house, one) is DeviceStatus.QUARANTINED
    assert house.count(ASIDE) == 60


def test_a_snapshot_that_is_restored_again_and_again_is_quarantined(house: House) -> None:
    machine = Host(house, house.laptop())
    machine.work(3)
    snapshot = machine.copy()
    machine.work(2)
    for _ in range(2):
        snapshot.copy().work(1)
    assert _status(house, machine) is DeviceStatus.QUARANTINED


def test_who_lifts_a_quarantine_is_believed_until_another_history_comes(house: House) -> None:
    one = Host(house, house.laptop())
    one.work(3)
    other = one.copy()
    one.work(1)
    other.work(1)
    one.work(2)
    _lift(house, one)
    one.work(5)
    assert _status(house, one) is DeviceStatus.ACTIVE
    other.stopped = False  # an agent that is not ours, and does not stop
    other.work(1)
    assert _status(house, one) is DeviceStatus.QUARANTINED


def _lift(house: House, host: Host) -> None:
    with db.writing(house.engine) as conn:
        devices.set_status(
            conn,
            host.talker.id,
            DeviceStatus.ACTIVE,
            "the image is not used any more",
            house.clock.utc,
            Repeatable("lift"),
        )


@given(
    turns=st.lists(
        st.tuples(st.booleans(), st.integers(min_value=1, max_value=4), st.booleans()), max_size=8
    )
)
@settings(max_examples=10)
def test_one_host_alone_is_never_quarantined_whatever_its_connection_does(
    tmp_path_factory: pytest.TempPathFactory, turns: list[tuple[bool, int, bool]]
) -> None:
    with a_house(tmp_path_factory.mktemp("alone")) as house:
        host = Host(house, house.laptop())
        for online, minutes, resend in turns:
            host.work(minutes, online=online)
            if resend:
                house.take(host.talker, *host.talker.sent)  # all of it again, as after an outage
        assert _status(house, host) is DeviceStatus.ACTIVE
        assert house.count(ASIDE) == 0
