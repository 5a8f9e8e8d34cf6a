"""The collector's watchdog: fed while every part gets on, and not otherwise."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from zaigang_collector.bootstrap import pulse
from zaigang_collector.bootstrap.pulse import Pulse
from zaigang_collector.ingest.subscriber import CONSUMERS

LOCAL = "127.0.0.1"


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(10)
        yield listener


def test_a_part_is_silent_when_it_takes_longer_than_its_work_can() -> None:
    clock = FakeClock()
    alive = Pulse(clock, {"a": 100, "b": 1000})
    clock.advance(100)
    assert alive.silent() == ()
    clock.advance(1)
    assert alive.silent() == ("a",)
    alive.beat("a")
    assert alive.silent() == ()
    clock.advance(1000)
    assert alive.silent() == ("a", "b")


def test_a_part_that_ended_on_purpose_is_not_waited_for_and_cannot_come_back() -> None:
    clock = FakeClock()
    alive = Pulse(clock, {"a": 100})
    alive.excuse("a")
    alive.beat("a")
    clock.advance(101)
    assert alive.silent() == ()


def test_every_thread_of_ingest_is_watched_by_itself() -> None:
    clock = FakeClock()
    alive = Pulse(clock)
    clock.advance(max(pulse.LONGEST_MS.values()) + 1)
    for part in (pulse.LEDGER, pulse.JUDGING, pulse.DOOR, *CONSUMERS[:-1]):
        alive.beat(part)
    assert alive.silent() == CONSUMERS[-1:]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "3000000"}, 3.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "7"}, 3.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_systemd_says_whether_and_how_often(
    environment: dict[str, str], expected: float | None
) -> None:
    assert pulse.period_s(environment, 7) == expected


async def _door(status: bytes) -> asyncio.Server:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 " + status + b"\r\n\r\n")
        await writer.drain()
        writer.close()

    return await asyncio.start_server(answer, LOCAL, 0)


@pytest.mark.parametrize(("status", "fine"), [(b"200 OK", True), (b"500 Broken", False)])
def test_the_door_is_asked_through_its_socket(status: bytes, fine: bool) -> None:
    async def ask() -> bool:
        async with await _door(status) as server:
            return await pulse.answers(LOCAL, server.sockets[0].getsockname()[1])

    assert asyncio.run(ask()) is fine


def test_nobody_behind_the_door_is_no_answer() -> None:
    with socket.create_server((LOCAL, 0)) as taken:
        port = taken.getsockname()[1]
    assert asyncio.run(pulse.answers(LOCAL, port)) is False


def test_the_watchdog_goes_hungry_while_a_part_is_silent(
    systemd: socket.socket, tmp_path: Path
) -> None:
    clock = FakeClock()
    alive = Pulse(clock, {"a": 100, pulse.DOOR: 10**6})

    async def run() -> list[bytes]:
        told = []
        async with await _door(b"200 OK") as server:
            port = server.sockets[0].getsockname()[1]
            async with pulse.feeding(alive, str(tmp_path / "notify"), 0.03, (LOCAL, port)):
                told.append(await asyncio.to_thread(systemd.recv, 100))
                clock.advance(101)
                while (last := await asyncio.to_thread(systemd.recv, 100)) == b"WATCHDOG=1":
                    pass  # on its way before the silence
                told.append(last)
                alive.beat("a")
                told.append(await asyncio.to_thread(systemd.recv, 100))
        return told

    assert asyncio.run(run()) == [b"WATCHDOG=1", b"STATUS=does not get on: a", b"WATCHDOG=1"]
