"""Starting, stopping and what is said about it."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from zaigang_collector import bootstrap, config
from zaigang_collector.bootstrap import http as http_server
from zaigang_collector.bootstrap.notify import notify
from zaigang_collector.bootstrap.run import START_S, Background
from zaigang_collector.config import Settings
from zaigang_collector.errors import ConfigError

ROOT = Path(__file__).parents[2]
LOCAL = "127.0.0.1"


def settings(**changes: object) -> Settings:
    free = {"api_port": 0, "device_port": 0, "mqtt_port": 0}
    hosts = {"device_host": LOCAL, "mqtt_host": LOCAL}
    return Settings(**{**free, **hosts, **changes})  # type: ignore[arg-type]  # a test names fields


def get(port: int, path: str) -> tuple[int, str]:
    conn = http.client.HTTPConnection(LOCAL, port, timeout=10)
    try:
        conn.request("GET", path)
        answer = conn.getresponse()
        return answer.status, answer.read().decode()
    finally:
        conn.close()


def test_everything_starts_is_ready_and_stops(tmp_path: Path) -> None:
    bootstrap.init(tmp_path / "data", settings())
    with bootstrap.opened(tmp_path / "data") as collector:
        with Background(collector) as ports:
            assert get(ports.api, "/readyz") == (200, "ready\n")
            told = json.loads(collector.directory.ports.read_text())
            assert told == {"api": ports.api, "device": ports.device, "mqtt": ports.mqtt}
        assert not collector.directory.ports.exists()
        with pytest.raises(OSError):  # noqa: PT011  # refused: nobody listens any more
            get(ports.api, "/readyz")
        # And once more over the same files, as after a restart.
        with Background(collector) as ports:
            assert get(ports.api, "/healthz")[0] == 200


def test_a_taken_port_is_a_sentence_and_leaves_nothing_running(tmp_path: Path) -> None:
    with socket.create_server((LOCAL, 0)) as taken:
        port = taken.getsockname()[1]
        bootstrap.init(tmp_path / "data", settings(api_port=port))
        with (
            bootstrap.opened(tmp_path / "data") as collector,
            pytest.raises(ConfigError, match=f"{port} cannot be listened on"),
            Background(collector),
        ):
            pass


def test_an_answer_does_not_wait_for_more_to_be_sent() -> None:
    """With Nagle's algorithm each answer of the interface took 40 ms longer."""
    assert asyncio.run(no_delay(http_server.listen("127.0.0.1", 0, "test")))


async def no_delay(listener: socket.socket) -> bool:
    """What asyncio has set on a connection that `listener` accepted."""
    made: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    class Accepted(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            sock = transport.get_extra_info("socket")
            made.set_result(bool(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))
            transport.close()

    server = await asyncio.get_running_loop().create_server(Accepted, sock=listener)
    _, writer = await asyncio.open_connection("127.0.0.1", http_server.port_of(listener))
    try:
        return await asyncio.wait_for(made, 10)
    finally:
        writer.close()
        server.close()


def test_a_started_collector_process_ends_well_on_sigterm(tmp_path: Path) -> None:
    bootstrap.init(tmp_path / "data", settings())
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(address))
        systemd.settimeout(START_S)
        path = os.pathsep.join(str(ROOT / name) for name in ("shared", "collector"))
        command = [sys.executable, "-m", "zaigang_collector", "serve", "--data"]
        process = subprocess.Popen(
            [*command, str(tmp_path / "data")],
            env={
                **os.environ,
                "PYTHONPATH": path,
                "NOTIFY_SOCKET": str(address),
                "WATCHDOG_USEC": "300000",
            },
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            told = [systemd.recv(100) for _ in range(3)]
            assert sorted(told) == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
            process.send_signal(signal.SIGTERM)
            while (last := systemd.recv(100)) == b"WATCHDOG=1":
                pass
            assert last == b"STOPPING=1"
            _, errors = process.communicate(timeout=START_S)
        finally:
            process.kill()
            process.wait()
    assert process.returncode == 0
    assert "Traceback" not in errors


def test_nobody_who_asked_is_told_nothing_and_a_dead_supervisor_stops_nothing(
    tmp_path: Path,
) -> None:
    notify(None, "READY=1")
    notify(str(tmp_path / "nobody"), "READY=1")


def test_the_rendered_settings_of_init_load_again(tmp_path: Path) -> None:
    wanted = settings(public_host="collector.example", margin_min=45)
    bootstrap.init(tmp_path / "data", wanted)
    with bootstrap.opened(tmp_path / "data") as collector:
        assert collector.settings == wanted == config.load(collector.directory)
