"""What a node at rest writes to its card in an hour.

    python -m tests.bench.bench_card [--minutes 60] [--folder DIR]

The agent's own loop, keeper, spool and status file, in a folder on a real disk, with one climate value
a minute, a health reading each quarter of an hour, and a collector that receipts at once; only the clock
is pretended. Transactions are counted where SQLite is told to begin one, bytes where the kernel counts
them for this process (proc(5), /proc/PID/io), and synchronisations by running the same under strace.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.fakes.agent import DEVICE_ID, FakeUplink, Store, enrolled
from tests.fakes.clock import FakeClock
from tests.fakes.platform import FakePlatform
from zaigang_agent import keys
from zaigang_agent.runner import Parts, Runner
from zaigang_agent.samplers.base import Now
from zaigang_agent.samplers.health import HealthSampler
from zaigang_agent.spool import Spool
from zaigang_shared.device_config import DeviceConfig
from zaigang_shared.readings import Environment

MINUTES: Final = 60
_STEP_MS: Final = 10_000
_SYNCS: Final = "fsync,fdatasync,sync_file_range"


@dataclass(frozen=True)
class Written:
    """In `minutes` of a node at rest."""

    minutes: int
    sealed: int
    transactions: int
    written_bytes: int
    """Handed to the kernel."""
    disk_bytes: int
    """That the kernel meant to write to the disk: whole pages; 0 in a folder in memory."""


class _Air:
    """What an SHT4x says once a minute."""

    name, personal = "environment", False

    def interval_s(self, config: DeviceConfig) -> int:
        return config.environment_s

    def sample(self, now: Now) -> Sequence[Environment]:
        return [
            Environment(
                t_ms=now.boot_ms, span_ms=0, sensor="sht4x-0f012345", model="sht4x",
                temp_c=22.51, rh_pct=45.02, via="i2c",
            )
        ]  # fmt: skip


def measure(folder: Path, minutes: int = MINUTES) -> Written:
    """One node in `folder`, after a minute to settle in."""
    clock, platform = FakeClock(), FakePlatform()
    identity = enrolled(folder, kind="node")
    store = Store(identity.key.public_key())
    spool = Spool.open(folder, DEVICE_ID)
    begun: list[str] = []
    spool._db.set_trace_callback(lambda sql: begun.append(sql) if _changes(sql) else None)
    runner = Runner(
        Parts(
            identity=identity,
            clock=clock,
            platform=platform,
            spool=spool,
            uplink=FakeUplink(store),
            samplers=lambda _: [
                _Air(),
                HealthSampler(platform, folder, lambda: spool.waiting, dict),
            ],
            save_config=lambda data: keys.keep_config(folder, data),
            status_dir=folder,
        )
    )

    def run(count: int) -> None:
        for _ in range(count * 60_000 // _STEP_MS):
            runner.step()
            clock.advance(_STEP_MS)

    run(5)
    begun.clear()
    sealed, before = runner.sealed, _io()
    run(minutes)
    after = _io()
    spool.close()
    return Written(
        minutes=minutes,
        sealed=runner.sealed - sealed,
        transactions=len(begun),
        written_bytes=after["wchar"] - before["wchar"],
        disk_bytes=after["write_bytes"] - before["write_bytes"],
    )


def syncs(folder: Path, minutes: int = MINUTES) -> int | None:
    """How often the same waits for the disk, start included; None without strace."""
    if shutil.which("strace") is None:
        return None
    command = [sys.executable, "-m", "tests.bench.bench_card", "--folder", str(folder)]
    run = subprocess.run(
        ["strace", "-f", "-c", "-e", f"trace={_SYNCS}", *command, "--minutes", str(minutes)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = re.findall(
        r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)(?:\s+\d+)?\s+\w+$", run.stderr, re.MULTILINE
    )
    return sum(int(count) for count in rows[:-1]) if len(rows) > 1 else 0


def report(written: Written, synchronised: int | None) -> str:
    per_min = written.transactions / written.minutes
    lines = [
        f"{written.minutes} min at rest, {written.sealed} envelopes sealed",
        f"write transactions      {written.transactions} ({per_min:.2f} a minute)",
        f"bytes written           {written.written_bytes / 1024:.0f} KiB",
        f"of pages to the disk    {written.disk_bytes / 1024:.0f} KiB",
    ]
    if synchronised is not None:
        lines.append(f"waits for the disk      {synchronised}")
    return "\n".join(lines)


def _changes(sql: str) -> bool:
    return sql.startswith(("BEGIN", "PRAGMA incremental_vacuum"))


def _io() -> dict[str, int]:
    pairs = (line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return {name: int(value) for name, value in pairs}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=int, default=MINUTES)
    parser.add_argument("--folder", type=Path, default=None, help="on the disk that is meant")
    options = parser.parse_args()
    inside = options.folder is not None
    memory = Path("/dev/shm")  # noqa: S108  # as systemd's RUNTIME_DIRECTORY: the status is there
    with tempfile.TemporaryDirectory(dir=options.folder or Path.cwd()) as name:
        state = Path(name) / "state"
        with tempfile.TemporaryDirectory(dir=memory) as run:
            os.environ |= {"STATE_DIRECTORY": str(state), "RUNTIME_DIRECTORY": run}
            written = measure(state, options.minutes)
        counted = None if inside else syncs(Path(name), options.minutes)
    print(report(written, counted))
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main())
