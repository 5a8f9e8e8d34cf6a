"""How fast a fleet enrols: the agent's own enrolment against one collector, over real HTTPS.

    python -m tests.bench.bench_enrol [devices] [at once]

Each device does what a laptop does: fetches the CA, compares its fingerprint with the token, makes
a key and a signing request, connects anew and enrols, and makes its state durable. The collector is
a process of its own with its database on disk; all devices share this machine's processors with it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from zaigang_agent import enrolment as agent
from zaigang_agent.enrolment import Applicant
from zaigang_collector import bootstrap
from zaigang_collector.config import Settings
from zaigang_collector.devices import enrolment
from zaigang_collector.devices.model import DeviceKind, TokenScope

ROOT = Path(__file__).resolve().parents[2]
LOCAL = "127.0.0.1"
_START_S = 60
_HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Measured:
    """Of `devices`, `at_once` at a time: seconds for all, and of each from its first byte."""

    devices: int
    at_once: int
    all_s: float
    each_s: tuple[float, ...]
    collector_cpu_s: float


@contextmanager
def serving(data: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A collector in a process of its own, until it serves and until the end."""
    path = os.pathsep.join(str(ROOT / side) for side in ("shared", "collector"))
    process = subprocess.Popen(
        [sys.executable, "-m", "zaigang_collector", "serve", "--data", str(data)],
        env={**os.environ, "PYTHONPATH": path},
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + _START_S
        while not (data / "run" / "ports.json").exists():
            assert process.poll() is None, "the collector ended"
            assert time.monotonic() < deadline, "the collector does not serve"
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        process.wait(30)


def url_of(data: Path) -> str:
    """Where devices enrol at a collector that serves."""
    ports = json.loads((data / "run" / "ports.json").read_text(encoding="utf-8"))
    return f"https://{LOCAL}:{ports['device']}"


def new_collector(data: Path) -> None:
    """A data directory whose collector takes free ports."""
    bootstrap.init(
        data,
        Settings(
            public_host=LOCAL,
            api_port=0,
            device_host=LOCAL,
            device_port=0,
            mqtt_host=LOCAL,
            mqtt_port=0,
        ),
    )


def bulk_token(data: Path, uses: int) -> str:
    """A token for so many laptops of nobody yet."""
    with bootstrap.opened(data) as collector, collector.writing() as conn:
        now_ms = collector.clock.utc_ms()
        return str(
            enrolment.issue_token(
                conn,
                TokenScope(DeviceKind.LAPTOP, uses=uses),
                now_ms,
                now_ms + _HOUR_MS,
                collector.keys.authority,
                collector.randomness,
            )
        )


def enrol(folder: Path, url: str, token: str, number: int) -> float:
    """One device, as `zaigang-agent enrol` does it; returns the seconds that it took."""
    started = time.perf_counter()
    agent.enrol(folder / f"{number:04}", url, token, Applicant(
        kind="laptop", name=f"pc-{number:04}", platform="linux"
    ))  # fmt: skip
    return time.perf_counter() - started


def measure(devices: int, at_once: int) -> Measured:
    """Enrol so many laptops with one token."""
    with tempfile.TemporaryDirectory() as name:
        data, laptops = Path(name) / "data", Path(name) / "laptops"
        laptops.mkdir()
        new_collector(data)
        token = bulk_token(data, devices)
        with serving(data) as process, ThreadPoolExecutor(at_once) as pool:
            url = url_of(data)
            cpu_s, started = _cpu_s(process.pid), time.perf_counter()
            each = pool.map(lambda number: enrol(laptops, url, token, number), range(devices))
            took = tuple(each)
            all_s = time.perf_counter() - started
            used_s = _cpu_s(process.pid) - cpu_s
        with bootstrap.opened(data) as collector, collector.reading() as conn:
            (info,) = enrolment.list_tokens(conn)
        assert info.used == devices
    return Measured(devices, at_once, all_s, took, used_s)


def report(measured: Measured) -> str:
    """For people."""
    each = sorted(measured.each_s)
    return (
        f"{measured.devices} devices enrolled in {measured.all_s:.1f} s, "
        f"{measured.at_once} at once: {measured.devices / measured.all_s:.1f} a second; each "
        f"{statistics.median(each) * 1000:.0f} ms (median), {each[-1] * 1000:.0f} ms (slowest); "
        f"collector {measured.collector_cpu_s / measured.devices * 1000:.1f} ms of processor a device"
    )


def _cpu_s(pid: int) -> float:
    """Seconds of processor time of a process so far (proc(5): fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[1:]]
    print(report(measure(*(numbers + [1000, 16][len(numbers) :]))))
