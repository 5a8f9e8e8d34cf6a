"""A D-Bus daemon of our own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def daemon(folder: Path) -> Iterator[str]:
    """The address of a bus on which everybody may do anything."""
    program = shutil.which("dbus-daemon")
    assert program is not None, "dbus-daemon is not installed: tests/system-packages.sh"
    config = folder / "bus.conf"
    config.write_text(
        f"<busconfig><type>session</type><listen>unix:path={folder}/s</listen>"
        "<policy context='default'><allow send_destination='*'/><allow own='*'/>"
        "<allow receive_sender='*'/></policy></busconfig>"
    )
    command = [program, f"--config-file={config}", "--nofork", "--print-address"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
