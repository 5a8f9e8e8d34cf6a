"""A collector, perhaps a broker, and devices: real processes, in one folder, on loopback."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal
from urllib.request import urlopen

Broker = Literal["embedded", "mosquitto"]

# Outside the range from which the kernel takes ports for outgoing connections (32768 and up):
# a port must still be free when its owner comes back after a kill.
_FIRST_PORT: Final = 20_000
_PORTS_PER_WORKER: Final = 500
_START_S: Final = 60.0
MOSQUITTO_FILES: Final = Path(__file__).parents[2] / "firmware_config" / "mosquitto"


def free_ports(count: int) -> list[int]:
    """Ports that nobody else in this test run will choose."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = _FIRST_PORT + worker * _PORTS_PER_WORKER
    found: list[int] = []
    for port in range(first, first + _PORTS_PER_WORKER):
        if port in _taken:
            continue
        with contextlib.closing(socket.socket()) as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
            _taken.add(port)
        if len(found) == count:
            return found
    raise RuntimeError("no free ports")


_taken: set[int] = set()


@dataclass
class Stack:
    """Processes by name; each can be killed at any moment and started again."""

    folder: Path
    broker: Broker = "embedded"
    settings: Mapping[str, object] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    """For the processes, beside the present one."""
    _commands: dict[str, list[str]] = field(default_factory=dict)
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.api_port, self.device_port, self.mqtt_port = free_ports(3)

    @property
    def data(self) -> Path:
        """The collector's data directory."""
        return self.folder / "collector"

    @property
    def url(self) -> str:
        """Where devices enrol."""
        return f"https://127.0.0.1:{self.device_port}"

    # ---- commands

    def collector(self, *args: str) -> str:
        """Run one command of zaigang-collector; returns what it printed."""
        return _run("zaigang_collector", *args, "--data", str(self.data), more=self.environment)

    def agent(self, *args: str) -> str:
        """Run one command of zaigang-agent; returns what it printed."""
        return _run("zaigang_agent", *args, more=self.environment)

    def prepare(self) -> None:
        """Data directory with our ports, and the broker's configuration."""
        self.collector("init", "--public-host", "127.0.0.1")
        values: dict[str, object] = {
            "public_host": "127.0.0.1",
            "api_port": self.api_port,
            "device_host": "127.0.0.1",
            "device_port": self.device_port,
            "mqtt_host": "127.0.0.1",
            "mqtt_port": self.mqtt_port,
            "broker": "embedded" if self.broker == "embedded" else "external",
            "margin_min": 240,
            **self.settings,
        }
        text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())
        (self.data / "collector.toml").write_text(text, encoding="utf-8")
        self._commands["collector"] = _module(
            "zaigang_collector", "serve", "--data", str(self.data)
        )
        if self.broker == "mosquitto":
            self._commands["broker"] = ["mosquitto", "-c", str(self._mosquitto())]

    def _mosquitto(self) -> Path:
        """The configuration that we ship, with this stack's paths and port."""
        home = self.folder / "mosquitto"
        home.mkdir()
        home.chmod(0o777)  # the broker leaves root for its own user
        shipped = (MOSQUITTO_FILES / "zaigang.conf").read_text(encoding="utf-8")
        lines = []
        for line in shipped.splitlines():
            name = line.split(" ")[0]
            lines.append(
                {
                    "listener": f"listener {self.mqtt_port} 127.0.0.1",
                    "cafile": f"cafile {_public(home, self.data / 'ca.crt')}",
                    "certfile": f"certfile {_public(home, self.data / 'server.crt')}",
                    "keyfile": f"keyfile {_public(home, self.data / 'server.key')}",
                    "acl_file": f"acl_file {_public(home, MOSQUITTO_FILES / 'zaigang.acl')}",
                }.get(name, line)
            )
        # What Debian's own mosquitto.conf says around it.
        lines += ["user root", f"log_dest file {home}/log"]
        lines += ["persistence true", f"persistence_location {home}/"]
        path = home / "mosquitto.conf"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def directory(self, people: Sequence[str], site: str = "site-a") -> None:
        """One site and these people, who work around the clock."""
        (self.folder / "sites.csv").write_text(
            "id,name,time_zone,latitude,longitude,datum,radius_m\n"
            f"{site},Client A,Asia/Shanghai,31.2397,121.4998,wgs84,150\n",
            encoding="utf-8",
        )
        (self.folder / "people.csv").write_text(
            "id,name,time_zone,shift\n"
            + "".join(f"{one},{one},Asia/Shanghai,Mon-Sun 00:00-23:59\n" for one in people),
            encoding="utf-8",
        )
        self.collector("sites", "import", str(self.folder / "sites.csv"))
        self.collector("people", "import", str(self.folder / "people.csv"))

    def token(self, *scope: str) -> str:
        """An enrolment token, from what the command prints."""
        printed = self.collector("token", "enrol", *scope)
        return next(word for word in printed.split() if word.startswith("zg1-"))

    # ---- processes

    def add(self, name: str, *command: str) -> None:
        """Name a process of the agent's program."""
        self._commands[name] = _module("zaigang_agent", *command)

    def start(self, name: str) -> None:
        """Start a process that is not running; its output is appended to NAME.log."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                self._commands[name],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={**os.environ, **self.environment},
            )

    def kill(self, name: str) -> None:
        """kill -9, now."""
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def stop(self, name: str) -> int:
        """SIGTERM; returns the exit code."""
        process = self._running.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(_START_S)

    def exit_code(self, name: str) -> int | None:
        """None while it runs."""
        return self._running[name].poll()

    def log(self, name: str) -> str:
        """What a process has said so far."""
        path = self.folder / f"{name}.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def wait_ready(self) -> None:
        """Until the collector says that it is ready."""
        self.until("the collector is ready", self._is_ready)

    def _is_ready(self) -> bool:
        if self.exit_code("collector") is not None:
            raise AssertionError(f"the collector ended:\n{self.log('collector')[-4000:]}")
        try:
            with urlopen(f"http://127.0.0.1:{self.api_port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def until(self, what: str, holds: Callable[[], bool], within_s: float = _START_S) -> None:
        """Wait for something that other processes bring about."""
        deadline = time.monotonic() + within_s
        while not holds():
            if time.monotonic() > deadline:
                logs = "\n".join(f"--- {name}\n{self.log(name)[-3000:]}" for name in self._commands)
                raise AssertionError(f"not within {within_s:.0f} s: {what}\n{logs}")
            time.sleep(0.05)

    def close(self) -> None:
        """End everything that was started here."""
        for name in list(self._running):
            self.kill(name)

    def __enter__(self) -> Stack:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextlib.contextmanager
def database(path: Path) -> Iterator[sqlite3.Connection]:
    """A SQLite file, for looking."""
    with contextlib.closing(sqlite3.connect(path, timeout=30)) as db:
        db.row_factory = sqlite3.Row
        yield db


def rows(path: Path, query: str, *args: Any) -> list[sqlite3.Row]:
    """All rows of one query."""
    with database(path) as db:
        return db.execute(query, args).fetchall()


def _module(name: str, *args: str) -> list[str]:
    return [sys.executable, "-X", "faulthandler", "-m", name, *args]


def _run(module: str, *args: str, more: Mapping[str, str]) -> str:
    done = subprocess.run(
        _module(module, *args),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **more},
    )
    assert done.returncode == 0, f"{module} {args}: {done.stdout}\n{done.stderr}"
    return done.stdout


def _public(home: Path, source: Path) -> Path:
    copy = home / source.name
    copy.write_bytes(source.read_bytes())
    copy.chmod(0o644)
    return copy
