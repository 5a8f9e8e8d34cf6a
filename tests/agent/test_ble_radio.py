"""Real radios, as far as a machine without one goes: unmodified bleak and dbus-fast on a message bus of
our own, on which a mock plays bluetoothd."""

from __future__ import annotations

import itertools
import logging
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.dbus import PrivateBus, private_bus, until
from tests.fakes.mockair import Running, running
from tests.fakes.platform import FakePlatform
from zaigang_agent.ble import bluez_radio, faults
from zaigang_agent.ble.adverts import rid_frame
from zaigang_agent.ble.air import Broadcast, FrameAt, Heard
from zaigang_agent.ble.bleak_radio import BleakRadio
from zaigang_agent.ble.bluez_radio import BluezRadio, Windows
from zaigang_agent.ble.ear import Ear
from zaigang_agent.ble.supervision import Patience
from zaigang_agent.samplers.adverts import AdvertSampler
from zaigang_agent.samplers.base import Now, troubles
from zaigang_shared import rid
from zaigang_shared.clock import SystemClock
from zaigang_shared.device_config import Carried, DeviceConfig, Kept
from zaigang_shared.readings import Beacon, Environment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="BlueZ is on Linux only")

KEY = bytes(range(32))
CLOCK = SystemClock()
PACKETS = itertools.count()
# As long as it has to be for a loaded machine, as short as it can be for a test.
QUICK = Patience(start_s=5, stop_s=2, quiet_s=1.0, check_s=0.1, pauses_s=(0.05,) * 5)
UUID = bytes.fromhex("00112233445566778899aabbccddeeff")
MAC = "A4:C1:38:0D:34:A2"
CONFIG = DeviceConfig(
    hours=None,
    net_key=bytes(32),
    kept=(Kept("ibeacon", UUID),),
    carried=(Carried("desk", "atc", bytes.fromhex("a4c1380d34a2")),),
)


AnyRadio = BleakRadio | BluezRadio
Make = Callable[..., AnyRadio]


class Listening:
    """A radio with an ear, and what it has heard so far."""

    def __init__(self, radio: AnyRadio) -> None:
        self.radio = radio
        self.ear = Ear(CONFIG, CLOCK.utc_ms)
        self.began_ms = CLOCK.boot_ms()
        self.last = Heard(0, 0, healthy=False, restarts=0)
        self.adverts = self.restarts = 0
        self.heard_ids: set[bytes] = set()

    def start(self) -> Listening:
        self.radio.start(self.ear)
        return self

    def look(self) -> Heard:
        self.last = self.radio.heard()
        self.adverts += self.last.adverts
        self.restarts += self.last.restarts
        return self.last

    def beacons(self) -> list[Beacon]:
        now_ms = CLOCK.boot_ms()
        return [r for r in self.ear.take(self.began_ms, now_ms, 0) if isinstance(r, Beacon)]

    def hears(self, code: bytes) -> bool:
        self.look()
        return any(beacon.id == code for beacon in self.beacons())

    def hears_at(self, clock: SystemClock, code: int) -> bool:
        self.look()
        found = self.ear.take(self.began_ms, clock.boot_ms(), 0)
        self.heard_ids |= {reading.id for reading in found if isinstance(reading, Beacon)}
        return code.to_bytes(8, "big") in self.heard_ids

    def says(self, problem: str) -> bool:
        heard = self.look()
        return not heard.healthy and problem in (heard.problem or "")

    def is_well(self) -> bool:
        return self.look().healthy


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PrivateBus]:
    with private_bus(tmp_path) as bus:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)
        yield bus


@pytest.fixture(params=[BleakRadio, BluezRadio])
def radio(request: pytest.FixtureRequest, bus: PrivateBus) -> Iterator[Make]:
    made: list[AnyRadio] = []

    def make(adapter: str = "", patience: Patience = QUICK, clock: SystemClock = CLOCK) -> AnyRadio:
        made.append(request.param(clock, adapter, patience))
        return made[-1]

    yield make
    for each in made:
        each.close()


def frame_at(utc_ms: int) -> bytes:
    return rid_frame(KEY, utc_ms, clock_synced=True, restarted=False)


def frames_of(key: bytes) -> FrameAt:
    return lambda utc_ms: rid_frame(key, utc_ms, clock_synced=True, restarted=False)


def frame(code: int) -> dict[str, bytes]:
    return {rid.SERVICE_UUID: rid.Frame(True, False, -59, code.to_bytes(8, "big")).encode()}


def hear(air: Running, code: int, address: str = "C0:00:00:00:00:01") -> None:
    strength = -50 - next(PACKETS) % 40  # BlueZ says nothing of a packet like the last one
    air.call(air.mock.packet, address, rssi=strength, service_data=frame(code))


def ids_about_now() -> set[bytes]:
    slot = rid.slot_at(CLOCK.utc_ms())
    return {rid.rid(KEY, slot + n) for n in (-1, 0, 1)}


def on_air(air: Running) -> set[bytes]:
    """Identifiers that the mock is sending."""
    sent = air.call(lambda: [on.service_data[rid.SERVICE_UUID] for on in air.mock.on_air.values()])
    return {rid.decode_frame(data).rid for data in sent}


def begun(radio: AnyRadio, air: Running) -> Listening:
    """Listening, and known to."""
    laptop = Listening(radio).start()
    until("it listens", laptop.is_well)
    until("the mock knows", lambda: any(a.discovering for a in air.mock.adapters.values()))
    laptop.look()
    return laptop


# ---- listening


def test_what_is_on_the_air_is_heard_counted_and_only_ours_kept(radio: Make) -> None:
    with running() as air:
        laptop = begun(radio(), air)
        packets: list[tuple[str, dict[str, object]]] = [
            ("C0:00:00:00:00:01", {"service_data": frame(1)}),
            (
                "C0:00:00:00:00:02",
                {"manufacturer_data": {0x4C: b"\2\x15" + UUID + b"\0\1\0\2\xc5"}},
            ),
            ("C0:00:00:00:00:03", {"manufacturer_data": {0x4C: b"\x10\5abcde"}, "name": "Phone"}),
            (
                MAC,
                {
                    "service_data": {
                        "0000181a-0000-1000-8000-00805f9b34fb": bytes.fromhex(
                            "a4c1380d34a200ef38270b6445"
                        )
                    }
                },
            ),
        ]
        for address, options in packets:
            air.call(air.mock.packet, address, **options)

        def all_heard() -> bool:
            laptop.look()
            return laptop.adverts >= 4

        until("four packets", all_heard)
        readings = laptop.ear.take(laptop.began_ms, CLOCK.boot_ms(), 0)
        beacons = {(r.scheme, r.id[:8]) for r in readings if isinstance(r, Beacon)}
        assert beacons == {("rid", (1).to_bytes(8, "big")), ("ibeacon", UUID[:8])}
        [climate] = [r for r in readings if isinstance(r, Environment)]
        assert (climate.sensor, climate.temp_c, climate.rh_pct) == ("desk", 23.9, 56.0)


def test_a_strangers_name_and_address_are_in_no_log_even_of_the_libraries(
    radio: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with running() as air:
        laptop = begun(radio(), air)
        data = {0x4C: b"\x10\x05SENTINEL"}
        address = "5E:47:11:1E:1C:0D"
        air.call(air.mock.packet, address, manufacturer_data=data, name="SENTINEL")

        def counted() -> bool:
            laptop.look()
            return laptop.adverts > 0

        until("counted", counted)
        laptop.radio.close()
    text = "".join(r.getMessage() for r in caplog.records if r.threadName == "radio")
    assert "SENTINEL" not in text
    assert "5E" not in text


def test_devices_are_counted_not_packets(radio: Make) -> None:
    with running() as air:
        laptop = begun(radio(patience=Patience()), air)
        for n in range(30):
            hear(air, 1, f"C0:00:00:00:00:{n % 3:02X}")
            air.call(air.mock.packet, f"C0:00:00:00:00:{n % 3:02X}", rssi=-50 - n)
        until("all", lambda: laptop.ear.take(0, 0, 0) == [] and counted(laptop) >= 30)
        assert devices[-1] == 3


devices: list[int] = []


def counted(laptop: Listening) -> int:
    """Leaves the period open until enough was heard: `heard` closes it."""
    adverts = laptop.radio._reception._adverts
    if adverts >= 30:
        devices.append(laptop.look().devices)
    return adverts


def test_a_device_that_was_known_before_is_not_heard_until_it_sends(radio: Make) -> None:
    with running() as air:
        first = begun(radio(), air)
        hear(air, 1)
        until("heard", lambda: first.hears((1).to_bytes(8, "big")))
        second = begun(radio(), air)
        assert second.beacons() == []
        hear(air, 2)
        until("heard", lambda: second.hears((2).to_bytes(8, "big")))


def test_a_beacon_that_never_changes_is_heard_by_the_next_listener_too(radio: Make) -> None:
    # BlueZ tells what has changed since the last packet. Every hour listening begins anew, and
    # whoever begins knows nothing of the packets before.
    static = rid.Frame(True, False, -59, bytes(range(8))).encode()
    with running() as air:
        laptop = begun(radio(), air)

        def is_heard() -> bool:
            strength = -50 - next(PACKETS) % 40
            data = {rid.SERVICE_UUID: static}
            air.call(air.mock.packet, "C0:00:00:00:00:07", rssi=strength, service_data=data)
            return laptop.hears(bytes(range(8)))

        until("the first hears it", is_heard)
        laptop.radio.stop()
        adapter = air.mock.adapters["/org/bluez/hci0"]
        until("it rests", lambda: not adapter.discovering)
        laptop.ear = Ear(CONFIG, CLOCK.utc_ms)
        laptop.start()
        until("it listens anew", lambda: adapter.discovering)
        until("the next hears it", is_heard, 5)


class Sleeper(SystemClock):
    """The clock of a machine that can fall asleep."""

    slept_ms = 0

    def boot_ms(self) -> int:
        return super().boot_ms() + self.slept_ms


def test_what_came_before_the_machine_slept_is_not_dated_after_it(radio: Make) -> None:
    clock = Sleeper()

    def is_heard(code: int) -> bool:
        hear(air, code)
        return laptop.hears_at(clock, code)

    with running() as air:
        laptop = Listening(radio(patience=Patience(), clock=clock)).start()
        until("it listens", laptop.is_well)
        until("it hears", lambda: is_heard(1))
        clock.slept_ms = 8 * 3_600_000  # with a packet on its way that nobody has read
        hear(air, 2)
        until("it was read", lambda: is_heard(3))
        assert not laptop.hears_at(clock, 2)


def test_a_stopped_radio_does_not_listen_and_a_started_one_does_again(radio: Make) -> None:
    with running() as air:
        laptop = begun(radio(), air)
        laptop.radio.stop()
        until("silence", lambda: not any(a.discovering for a in air.mock.adapters.values()))
        assert laptop.look().problem == faults.NOT_STARTED
        laptop.start()
        until("it listens again", laptop.is_well)
        hear(air, 3)
        until("heard", lambda: laptop.hears((3).to_bytes(8, "big")))


def test_a_laptop_listens_in_windows_and_hears_every_stretch_of_them(bus: PrivateBus) -> None:
    with running(every_s=0.05) as air:
        laptop = Listening(BluezRadio(CLOCK, "", QUICK, windows=Windows(0.2, 0.6)))
        try:
            laptop.start()
            states: list[bool] = []

            def turned() -> bool:
                listening = bool(air.mock.adapters["/org/bluez/hci0"].discovering)
                if not states or states[-1] != listening:
                    states.append(listening)
                hear(air, 1)
                laptop.look()
                return len(states) >= 7

            until("three windows", turned)
            assert air.mock.starts >= 3
            assert air.mock.filters == 1  # BlueZ keeps it for as long as the connection lasts
            assert len(laptop.beacons()) == 1
            assert laptop.restarts == 0
            assert laptop.last.healthy
        finally:
            laptop.radio.close()


def test_sending_alone_is_no_silence(radio: Make) -> None:
    with running() as air:
        node = radio()
        sends(node, air)
        threading.Event().wait(2 * QUICK.quiet_s)
        assert all(stretch.ok for stretch in stretches(node))
        assert air.mock.starts == 0


def test_doctors_question_begins_nothing_and_says_what_is_wrong(bus: PrivateBus) -> None:
    def asked(adapter: str = "", *, sends: bool = True) -> str | None:
        return bluez_radio.probe(CLOCK, adapter, sends=sends)

    assert asked() == faults.NO_SERVICE
    with running() as air:
        assert asked() is None
        assert asked("hci7") == faults.no_such_adapter("hci7")
        air.mock.adapters["/org/bluez/hci0"].advertises = False
        assert asked() == faults.NO_ADVERTISING
        assert asked(sends=False) is None
        air.call(air.mock.power, "hci0", on=False)
        assert asked() == faults.POWERED_OFF
        air.call(air.mock.remove_adapter, "hci0")
        assert asked() == faults.NO_ADAPTER
        assert air.mock.starts == 0
    bus.stop()
    assert asked() == faults.NO_BUS


# ---- when it fails


def test_bluetoothd_restarts_and_the_radio_hears_again(radio: Make) -> None:
    with running() as air:
        laptop = begun(radio(), air)
        air.restart()

        def heard() -> bool:
            hear(air, 4)
            return laptop.hears((4).to_bytes(8, "big"))

        until("heard after the restart", heard)
        assert laptop.restarts >= 1


def test_a_radio_that_falls_silent_is_begun_anew_and_said_to_be_deaf(radio: Make) -> None:
    with running() as air:
        laptop = begun(radio(), air)
        air.mock.adapters["/org/bluez/hci0"].deaf = True
        until("it is called stuck", lambda: laptop.says(faults.STUCK + faults.SILENT))
        assert laptop.restarts >= 5
        air.mock.adapters["/org/bluez/hci0"].deaf = False

        def heard() -> bool:
            hear(air, 5)
            return laptop.hears((5).to_bytes(8, "big"))

        until("heard again", heard)
        until("healthy again", laptop.is_well)


def test_an_adapter_is_pulled_out_and_comes_back(radio: Make) -> None:
    with running() as air:
        laptop = begun(radio(), air)
        air.call(air.mock.remove_adapter, "hci0")
        until("it says so", lambda: laptop.says(faults.NO_ADAPTER))
        air.call(air.mock.add_adapter, "hci0")

        def heard() -> bool:
            hear(air, 6)
            return laptop.hears((6).to_bytes(8, "big"))

        until("heard again", heard)


def test_bluetooth_is_switched_off_and_on(radio: Make) -> None:
    with running() as air:
        laptop = begun(radio(), air)
        air.call(air.mock.power, "hci0", on=False)
        until("it says so", lambda: laptop.says(faults.POWERED_OFF))
        air.call(air.mock.power, "hci0", on=True)
        until("healthy again", laptop.is_well)


def test_the_message_bus_restarts(radio: Make, bus: PrivateBus) -> None:
    with running() as air:
        laptop = begun(radio(), air)
    bus.stop()
    until("it says so", lambda: laptop.says(faults.NO_BUS))
    bus.start()
    with running() as air:

        def heard() -> bool:
            hear(air, 7)
            return laptop.hears((7).to_bytes(8, "big"))

        until("heard again", heard)


def test_without_bluetoothd_a_radio_is_unhealthy_and_says_what_to_do(radio: Make) -> None:
    laptop = Listening(radio()).start()
    until("it says so", lambda: laptop.says("systemctl"))


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        ("org.bluez.Error.NotReady", faults.POWERED_OFF),
        ("org.freedesktop.DBus.Error.AccessDenied", faults.DENIED),
        ("org.bluez.Error.InProgress", "org.bluez.Error.InProgress"),
    ],
)
def test_a_refusal_is_a_sentence(radio: Make, error: str, problem: str) -> None:
    with running() as air:
        air.mock.adapters["/org/bluez/hci0"].refuses = error
        laptop = Listening(radio()).start()
        until("it says so", lambda: laptop.says(problem))


def test_an_adapter_that_is_not_there_is_named(radio: Make) -> None:
    with running():
        laptop = Listening(radio("hci7")).start()
        until("it says so", lambda: laptop.says(faults.no_such_adapter("hci7")))


# ---- sending


def sends(radio: AnyRadio, air: Running) -> None:
    radio.advertise(frame_at)
    until("on the air", lambda: on_air(air) & ids_about_now())


def stretches(radio: AnyRadio) -> list[Broadcast]:
    return list(radio.broadcast() or [])


def test_a_node_is_heard_by_a_laptop_under_the_identifier_of_the_slot(radio: Make) -> None:
    with running(adapters=2, every_s=0.1) as air:
        node = radio("hci0")
        sends(node, air)
        laptop = begun(radio("hci1"), air)

        def heard() -> bool:
            laptop.look()
            return bool({beacon.id for beacon in laptop.beacons()} & ids_about_now())

        until("heard", heard)
        [stretch] = stretches(node)
        assert stretch.ok
        assert stretch.slot_last in {rid.slot_at(CLOCK.utc_ms()) - n for n in (0, 1)}
        [on] = air.mock.on_air.values()
        assert on.interval_ms in {(200, 250), (500, 600)}  # a node, a laptop


def test_two_radios_witness_each_other(radio: Make) -> None:
    with running(adapters=2, every_s=0.1) as air:
        sides = [begun(radio(adapter), air) for adapter in ("hci0", "hci1")]
        for n, side in enumerate(sides):
            side.radio.advertise(frames_of(bytes([n]) * 32))

        def heard_by(side: Listening, key: bytes) -> bool:
            slot = rid.slot_at(CLOCK.utc_ms())
            return any(side.hears(rid.rid(key, slot - n)) for n in (0, 1))

        until("0 hears 1", lambda: heard_by(sides[0], b"\1" * 32))
        until("1 hears 0", lambda: heard_by(sides[1], b"\0" * 32))


@pytest.fixture
def short_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many slots as a test has time for."""
    monkeypatch.setattr(rid, "SLOT_MS", 1_000)


@pytest.mark.usefixtures("short_slots")
def test_each_slot_has_its_frame_and_the_old_one_goes(radio: Make) -> None:
    with running() as air:
        node = radio()
        node.advertise(lambda utc_ms: frame(rid.slot_at(utc_ms))[rid.SERVICE_UUID])
        until("five slots", lambda: len(air.mock.broadcast) >= 5)
        slots = [
            int.from_bytes(rid.decode_frame(data[rid.SERVICE_UUID]).rid)
            for data in list(air.mock.broadcast)
        ]
        assert slots == sorted(set(slots))
        until("one on the air", lambda: len(air.mock.on_air) == 1)
        told: list[Broadcast] = []

        def all_told() -> bool:
            told.extend(stretches(node))
            return bool(told) and told[-1].slot_last >= slots[4]

        until("the fifth is told", all_told)
        assert all(stretch.ok for stretch in told)
        assert told[0].slot_first == slots[0]


@pytest.mark.usefixtures("short_slots")
def test_an_adapter_that_can_send_one_thing_only_still_rotates(radio: Make) -> None:
    with running() as air:
        air.mock.adapters["/org/bluez/hci0"].instances = 1
        node = radio()
        node.advertise(frame_at)
        until("three slots", lambda: len(air.mock.broadcast) >= 3)
        assert all(stretch.ok for stretch in stretches(node))


def test_a_slot_that_was_not_on_the_air_is_told_as_such(radio: Make) -> None:
    with running() as air:
        air.mock.adapters["/org/bluez/hci0"].advertises = False
        node = radio()
        node.advertise(frame_at)
        until("told", lambda: any(not s.ok for s in stretches(node)))
        assert air.mock.broadcast == []


def test_where_no_program_may_broadcast_nothing_is_claimed_and_nobody_is_blamed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    radio = BleakRadio(CLOCK)
    sampler = AdvertSampler(radio, FakePlatform(), CLOCK, KEY, personal=True)
    monkeypatch.setattr(sys, "platform", "win32")
    assert sampler.sample(Now(CLOCK.utc_ms(), CLOCK.boot_ms(), 0)) == []
    assert radio.broadcast() is None  # not even that slot 0, in 1970, was not sent
    assert sampler.sample(Now(CLOCK.utc_ms(), CLOCK.boot_ms(), 60_000)) == []
    assert troubles([sampler]) == {}
    radio.close()


def test_no_room_on_the_adapter_is_said(radio: Make) -> None:
    with running() as air:
        air.mock.adapters["/org/bluez/hci0"].instances = 0
        node = radio()
        node.advertise(frame_at)
        until("told", lambda: any(s.problem == faults.NO_ROOM for s in stretches(node)))


def test_a_frame_that_does_not_fit_is_not_sent(radio: Make) -> None:
    with running() as air:
        node = radio()
        node.advertise(lambda utc_ms: bytes(14))
        until("told", lambda: any(not s.ok for s in stretches(node)))
        assert air.mock.broadcast == []


def test_bluetoothd_restarts_and_the_node_sends_again(radio: Make) -> None:
    with running() as air:
        node = radio()
        sends(node, air)
        air.restart()
        until("sent again", lambda: on_air(air) & ids_about_now())


def test_what_bluetoothd_lets_go_of_is_registered_again(radio: Make) -> None:
    with running() as air:
        node = radio()
        sends(node, air)
        air.do(air.mock.release())
        until("sent again", lambda: len(air.mock.broadcast) >= 2 and on_air(air) & ids_about_now())


def test_a_stopped_node_is_silent_and_says_nothing(radio: Make) -> None:
    with running() as air:
        node = radio()
        sends(node, air)
        node.stop()
        until("silence", lambda: not on_air(air))
        assert node.broadcast() is None
        sends(node, air)


# ---- many, and for long


@pytest.mark.parametrize("kind", ["bleak", "bluez"])
def test_ten_thousand_random_addresses_leave_nothing_behind(kind: str, bus: PrivateBus) -> None:
    program = Path(__file__).with_name("ble_growth.py")
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    listener = subprocess.Popen(
        [sys.executable, str(program), kind],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert listener.stdin is not None
    assert listener.stdout is not None
    dice = random.Random(7)
    try:
        with running(keep_s=0.5, every_s=0.1) as air:
            until("it listens", lambda: air.mock.adapters["/org/bluez/hci0"].discovering)
            sizes, heard = [], 0
            for batch in range(1, 6):
                for _ in range(100):
                    addresses = [dice.randbytes(6).hex(":").upper() for _ in range(20)]
                    air.call(crowd, air, addresses)
                    air.do(air.mock.flush())
                threading.Event().wait(0.7)  # for the mock to forget them, as BlueZ does
                until("forgotten", lambda: not air.mock.devices)
                listener.stdin.write(f"{batch * 2_000}\n")
                listener.stdin.flush()
                heard, kib = map(int, listener.stdout.readline().split())
                sizes.append(kib)
            assert heard >= 9_500
            # From the second two thousand on: what the first brought is caches of fixed size.
            assert sizes[-1] - sizes[1] < 1024, sizes
    finally:
        listener.stdin.close()
        listener.stdout.close()
        listener.wait(20)


def crowd(air: Running, addresses: list[str]) -> None:
    for address in addresses:
        air.mock.packet(address, manufacturer_data={0x4C: b"\x10" + bytes.fromhex(address[:2]) * 9})


def test_several_processes_share_one_air(radio: Make, bus: PrivateBus) -> None:
    command = [sys.executable, "-m", "tests.fakes.mockbluez", "--adapters", "2", "--foreign", "200"]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    mock = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2], env=env
    )
    assert mock.stdout is not None
    try:
        assert mock.stdout.readline().strip() == f"DBUS_SYSTEM_BUS_ADDRESS={bus.address}"
        node = radio("hci0")
        node.advertise(frame_at)
        laptop = Listening(radio("hci1")).start()

        def heard() -> bool:
            laptop.look()
            return bool({beacon.id for beacon in laptop.beacons()} & ids_about_now())

        until("the node is heard", heard)
        until("strangers are counted", lambda: laptop.look().devices > 5)
    finally:
        mock.terminate()
        mock.wait(20)
        mock.stdout.close()
