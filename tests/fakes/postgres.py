"""A private PostgreSQL server: own directory, free port, gone afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parts[-2]))


def missing() -> str:
    """Why no server can be run here; "" when one can."""
    if not _BINARIES:
        return "PostgreSQL's server programs are not installed"
    if os.geteuid() == 0 and shutil.which("runuser") is None:
        return "PostgreSQL does not run as root, and there is no runuser"
    return ""


@contextlib.contextmanager
def server() -> Iterator[str]:
    """Run one; gives the URL of an empty database."""
    folder = Path(tempfile.mkdtemp(prefix="zg-pg-"))  # short: a socket's path has 107 bytes
    data = folder / "data"
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        _run("initdb", "-D", str(data), "-U", "zaigang", "-A", "trust", "-E", "UTF8", "-N")
        port = _free_port()
        # fsync off: what is tested is SQL, and the machine does not lose power.
        options = f"-c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
        started = ("-o", f"{options} -p {port}", "-l", str(folder / "log"))
        _run("pg_ctl", "-D", str(data), "-w", *started, "start")
        try:
            yield f"postgresql+psycopg://zaigang@127.0.0.1:{port}/postgres"
        finally:
            _run("pg_ctl", "-D", str(data), "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(program: str, *arguments: str) -> None:
    command = [str(_BINARIES[-1] / program), *arguments]
    if os.geteuid() == 0:
        command = ["runuser", "-u", "postgres", "--", *command]
    # The server keeps what it inherits: a pipe would never end.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            command, check=False, cwd="/", stdout=output, stderr=output, stdin=subprocess.DEVNULL
        )
        output.seek(0)
        assert done.returncode == 0, output.read().decode(errors="replace")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
