"""A message bus of our own, which programs take for the system's: a real dbus-daemon on a socket."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_CONFIG: Final = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


class PrivateBus:
    """One dbus-daemon; may be stopped and started again at the same address."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "bus"
        self._config = folder / "bus.conf"
        self._config.write_text(_CONFIG.format(socket=self._socket))
        self._process: subprocess.Popen[bytes] | None = None
        self.address = f"unix:path={self._socket}"

    def start(self) -> None:
        """Return when it takes connections."""
        self._socket.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            ["dbus-daemon", f"--config-file={self._config}", "--nofork", "--print-address"],
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline(), "dbus-daemon did not start"

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None


@contextlib.contextmanager
def private_bus(folder: Path) -> Iterator[PrivateBus]:
    """A started bus, ended behind the block."""
    bus = PrivateBus(folder)
    bus.start()
    try:
        yield bus
    finally:
        bus.stop()


def until(what: str, holds: object, within_s: float = 20) -> None:
    """Wait until the callable `holds` gives something true. Raises AssertionError naming `what`."""
    assert callable(holds)
    pause = threading.Event()
    for _ in range(int(within_s / 0.02)):
        if holds():
            return
        pause.wait(0.02)
    raise AssertionError(f"not within {within_s} s: {what}")
