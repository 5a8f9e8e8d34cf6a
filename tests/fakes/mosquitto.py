"""A real Mosquitto on loopback, with the configuration that we ship; only ports and paths differ."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tests.fakes.pki import Pki

SHIPPED: Final = Path(__file__).resolve().parents[2] / "firmware_config" / "mosquitto"
_START_S: Final = 20.0


def program() -> str | None:
    """Where Mosquitto is; None: it is not installed."""
    return shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def adapted(text: str, changes: Mapping[str, str]) -> str:
    """The shipped configuration with other values for some settings, each of which it must have."""
    left, lines = dict(changes), []
    for line in text.splitlines():
        name = line.split(" ", 1)[0]
        lines.append(f"{name} {left.pop(name)}" if name in left else line)
    if left:
        raise ValueError(f"the shipped zaigang.conf does not set {sorted(left)}")
    return "\n".join(lines) + "\n"


class Mosquitto:
    """A broker that can be stopped, killed and started again on the same port."""

    def __init__(self, folder: Path, pki: Pki, extra: str = "") -> None:
        """`extra` lines come at the end of the configuration."""
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.log = folder / "mosquitto.log"
        self._config = folder / "mosquitto.conf"
        rules = folder / "zaigang.acl"
        shutil.copy(SHIPPED / "zaigang.acl", rules)
        rules.chmod(0o600)
        changes = {
            "listener": f"{self.port} 127.0.0.1",
            "cafile": str(pki.ca_file),
            "certfile": str(pki.server_certificate),
            "keyfile": str(pki.server_key),
            "acl_file": str(rules),
        }
        text = adapted((SHIPPED / "zaigang.conf").read_text(), changes)
        # Started as root it would change to a user who cannot read the test's folder.
        user = "user root\n" if os.geteuid() == 0 else ""
        kept = f"persistence true\npersistence_location {folder}/\n"  # as in Debian's own file
        self._config.write_text(f"{text}{user}{kept}log_dest file {self.log}\n{extra}")

    def start(self) -> None:
        """Returns when it accepts connections."""
        found = program()
        if found is None:
            raise RuntimeError("mosquitto is not installed")
        self._process = subprocess.Popen([found, "-c", str(self._config)])
        deadline = time.monotonic() + _START_S
        while not self._accepts():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"mosquitto does not start: {self.log.read_text()[-2000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """As a service manager does."""
        self._end(kill=False)

    def kill(self) -> None:
        """As a power cut does."""
        self._end(kill=True)

    def _accepts(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def _end(self, *, kill: bool) -> None:
        if self._process is not None:
            (self._process.kill if kill else self._process.terminate)()
            self._process.wait(10)
            self._process = None


@contextlib.contextmanager
def running(folder: Path, pki: Pki, extra: str = "") -> Iterator[Mosquitto]:
    """A Mosquitto for the length of a test."""
    broker = Mosquitto(folder, pki, extra)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
