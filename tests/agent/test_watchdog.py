"""systemd hears of life only while every part gets on."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from zaigang_agent import watchdog
from zaigang_agent.watchdog import Watchdog


def test_it_is_fed_only_when_every_part_got_on_since_the_last_time() -> None:
    heard: list[bytes] = []
    dog = Watchdog(heard.append, 9_000, ("sampling", "uplink"))
    dog.progress("sampling", 0)
    dog.progress("sampling", 5_000)
    assert heard == []
    dog.progress("uplink", 5_000)
    assert heard == [b"WATCHDOG=1"]
    dog.progress("uplink", 9_000)
    dog.progress("uplink", 60_000)
    assert len(heard) == 1  # the samplers hang


def test_it_is_not_fed_more_often_than_a_third_of_the_period() -> None:
    heard: list[bytes] = []
    dog = Watchdog(heard.append, 9_000, ("one",))
    for now_ms in range(0, 9_000, 100):
        dog.progress("one", now_ms)
    assert len(heard) == 3


def test_without_systemd_nothing_is_sent() -> None:
    heard: list[bytes] = []
    dog = Watchdog(heard.append, None, ("one",))
    dog.progress("one", 0)
    assert heard == []
    assert dog.every_ms is None
    watchdog.notifier({})(b"READY=1")


@pytest.mark.parametrize("abstract", [True, False])
def test_notifications_reach_the_socket_that_the_environment_names(
    abstract: bool, tmp_path: Path
) -> None:
    name = f"@zaigang-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + name[1:] if abstract else name)
        systemd.settimeout(5)
        watchdog.notifier({"NOTIFY_SOCKET": name})(b"READY=1")
        assert systemd.recv(100) == b"READY=1"
    watchdog.notifier({"NOTIFY_SOCKET": name})(b"READY=1")  # nobody there: no matter


@pytest.mark.parametrize(
    ("environment", "period"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "90000000"}, 90_000),
        ({"WATCHDOG_USEC": "90000000", "WATCHDOG_PID": str(os.getpid())}, 90_000),
        ({"WATCHDOG_USEC": "90000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
    ],
)
def test_the_period_is_systemds(environment: dict[str, str], period: int | None) -> None:
    assert watchdog.period_ms(environment) == period


def test_a_status_is_one_line() -> None:
    heard: list[bytes] = []
    Watchdog(heard.append, None, ()).status("a\nb")
    assert heard == [b"STATUS=a b"]
