"""What a laptop's radio costs a battery: how often it wakes the processor in a slot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.fakes.clock import FakeClock
from zaigang_agent.ble import bluez_session
from zaigang_agent.ble.air import Listener, Sighting
from zaigang_agent.ble.bluez_radio import Windows
from zaigang_agent.ble.bluez_session import Session, Turn
from zaigang_agent.ble.bus import Answer, Called
from zaigang_agent.ble.reception import Reception
from zaigang_agent.ble.sent import Sent
from zaigang_agent.ble.supervision import Patience
from zaigang_shared import rid

ADAPTER = "/org/bluez/hci0"
OBJECTS = {
    ADAPTER: {
        "org.bluez.Adapter1": {"Powered": True},
        "org.bluez.LEAdvertisingManager1": {},
    }
}
SLOTS = 20


class Bluetoothd:
    """In place of `bus.Bus`: answers at once, and writes down what it is asked."""

    asked: list[str]
    behind = 0
    """How often there is more than was read."""

    def __init__(
        self,
        address: str,
        clock: FakeClock,
        on_signals: Callable[[Sequence[bytes]], None],
        on_call: Callable[[Called], Answer | None],
    ) -> None:
        self.asked = []

    def open(self) -> None: ...

    def close(self) -> None: ...

    def drain(self) -> bool:
        self.behind -= self.behind > 0
        return self.behind > 0

    def ask(self, timeout_s: float, to: str, path: str, face: str, member: str, *_: Any) -> Any:
        self.asked.append(member)
        return OBJECTS if member == "GetManagedObjects" else None

    def tell(self, to: str, path: str, face: str, member: str, *_: Any) -> None:
        self.asked.append(member)


class Nobody:
    needles = None

    def hear(self, sighting: Sighting) -> None: ...


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.setattr(bluez_session, "Bus", Bluetoothd)
    clock, patience = FakeClock(), Patience()
    clock.advance(4_321)  # somewhere within a slot
    session = Session(clock, Reception(clock, patience), Sent(), "", patience)
    session.open("")
    return session


def awake(session: Session, listener: Listener | None, *, sends: bool) -> list[int]:
    """Into its slot, each moment of some slots at which there was something to do (ms)."""
    clock = session._clock
    assert isinstance(clock, FakeClock)
    frame_at = (lambda utc_ms: bytes(rid.FRAME_BYTES)) if sends else None
    wanted = Turn(listener, frame_at, Windows())
    moments = []
    until_ms = clock.utc + SLOTS * rid.SLOT_MS
    while clock.utc < until_ms:
        moments.append(clock.utc % rid.SLOT_MS)
        clock.advance(max(1, round(session.turn(wanted) * 1000)))
    return moments


def test_hearing_and_sending_wake_the_processor_twice_a_slot(session: Session) -> None:
    moments = awake(session, Nobody(), sends=True)
    assert len(moments) <= 2 * SLOTS + 2
    assert set(moments[2:]) == {0, 3_000}


def test_sending_alone_wakes_it_once_a_slot(session: Session) -> None:
    moments = awake(session, None, sends=True)
    assert set(moments[3:]) <= {0, 5_000, 10_000}


def test_each_slot_is_listened_to_once_and_has_a_frame_of_its_own(session: Session) -> None:
    awake(session, Nobody(), sends=True)
    bus: Any = session._bus
    asked = bus.asked
    assert asked.count("StartDiscovery") == SLOTS
    assert abs(asked.count("StopDiscovery") - SLOTS) <= 1
    assert abs(asked.count("RegisterAdvertisement") - SLOTS) <= 1
    assert asked.count("SetDiscoveryFilter") == 1


@pytest.mark.parametrize(("behind", "stops_ms"), [(2, 3_020), (50, 3_980), (10_000, 5_000)])
def test_in_a_crowd_a_window_ends_when_all_was_read_and_after_two_seconds_in_any_case(
    session: Session, behind: int, stops_ms: int
) -> None:
    bus: Any = session._bus
    clock: Any = session._clock
    clock.advance(rid.SLOT_MS - clock.utc % rid.SLOT_MS)
    began_ms = looked_ms = clock.utc
    while "StopDiscovery" not in bus.asked:
        looked_ms = clock.utc
        if looked_ms - began_ms == 3_000:
            bus.behind = behind
        clock.advance(round(session.turn(Turn(Nobody(), None, Windows())) * 1000))
    assert looked_ms - began_ms == stops_ms
