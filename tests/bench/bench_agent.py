"""What an agent costs at rest: memory, and processor time an hour.

    python -m tests.bench.bench_agent [--seconds 300] [--warm-up 20] [--python PATH]
        [--kind laptop|node] [--adverts 20]

With `--adverts` a mock of bluetoothd (tests/fakes/mockbluez.py) is beside it, on a message bus of its
own, with so many packets of strangers a second and two site nodes in the same air; without, Bluetooth
is off.

A real collector with its embedded broker, and a real enrolled `zaigang-agent run` on this machine,
with the sampling intervals and the environment of the shipped unit. Beside it sleeps a bare Python,
measured in the same run: the ratios travel to other machines, the numbers do not. `--python` is the
interpreter of the agent, best one of an environment that has agent/requirements.txt and no more.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.e2e.stack import Stack, rows

SECONDS: Final = 300
# Enrolled, connected, first look at everything, first receipt, and then `lean.stay_small`: what comes
# once.
WARM_UP_S: Final = 100
# Above these something has gone wrong, whatever the machine.
BAR_MIB: Final = {"laptop": 45, "node": 45}
BAR_CPU_S_PER_H: Final = {"laptop": 3, "node": 12}
_ROOT: Final = Path(__file__).parents[2]
_SOURCES: Final = (str(_ROOT / "agent"), str(_ROOT / "shared"))
_BARE: Final = "import time; time.sleep(1e9)"
_KIB: Final = 1024
_HOUR_S: Final = 3600


@dataclass(frozen=True)
class Cost:
    """Of one process. Private: what would be free again if it ended."""

    rss_mib: float
    pss_mib: float
    private_mib: float
    cpu_s_per_h: float
    threads: int


@dataclass(frozen=True)
class Measured:
    """The two processes, and what the agent did meanwhile."""

    python: str
    agent: Cost
    bare: Cost
    seconds: float
    sealed: int
    waiting: int


def measure(
    seconds: float = SECONDS,
    warm_up_s: float = WARM_UP_S,
    python: str = sys.executable,
    kind: str = "laptop",
    adverts_per_s: float | None = None,
) -> Measured:
    """Start everything, let it come to rest, watch it for `seconds`. `adverts_per_s`: None for an
    agent without Bluetooth."""
    with (
        tempfile.TemporaryDirectory() as name,
        Stack(Path(name)) as stack,
        _bare(python) as bare,
        _air(stack.folder, adverts_per_s),
        _agent(stack, python, kind, radio=adverts_per_s is not None) as agent,
    ):
        database = stack.folder / "device" / "spool.db"
        stack.until("the first receipt", lambda: chain(database)[1] > 0, within_s=180)
        time.sleep(warm_up_s)
        before, sealed = (cpu_s(agent), cpu_s(bare)), chain(database)[0]
        began = time.monotonic()
        time.sleep(seconds)
        took_s = time.monotonic() - began
        assert agent.poll() is None, stack.log("agent")
        last_seq, through = chain(database)
        return Measured(
            python=_version(python),
            agent=cost(agent, cpu_s(agent) - before[0], took_s),
            bare=cost(bare, cpu_s(bare) - before[1], took_s),
            seconds=took_s,
            sealed=last_seq - sealed,
            waiting=last_seq - through,
        )


def unit_environment(unit: str = "zaigang-agent.service") -> Mapping[str, str]:
    """What the shipped unit sets for the agent; memory depends on it."""
    lines = (_ROOT / "systemd" / unit).read_text(encoding="utf-8").splitlines()
    pairs = [one for line in lines if line.startswith("Environment=") for one in line[12:].split()]
    return dict(pair.split("=", 1) for pair in pairs)


def report(measured: Measured) -> str:
    """A table, with the machine that it is true of."""
    agent, bare = measured.agent, measured.bare
    lines = [
        f"{measured.python}, {platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
        f"{measured.seconds:.0f} s at rest; {measured.sealed} envelopes sealed meanwhile, "
        f"{measured.waiting} without a receipt",
        f"{'':<22}{'agent':>8}{'bare':>8}{'ratio':>8}",
    ]
    for name, ours, theirs in (
        ("resident (RSS), MiB", agent.rss_mib, bare.rss_mib),
        ("its share (PSS), MiB", agent.pss_mib, bare.pss_mib),
        ("private, MiB", agent.private_mib, bare.private_mib),
        ("CPU seconds per hour", agent.cpu_s_per_h, bare.cpu_s_per_h),
    ):
        ratio = f"{ours / theirs:.2f}" if theirs else "-"
        lines.append(f"{name:<22}{ours:>8.2f}{theirs:>8.2f}{ratio:>8}")
    return "\n".join([*lines, f"{'threads':<22}{agent.threads:>8}{bare.threads:>8}"])


@contextlib.contextmanager
def _air(folder: Path, adverts_per_s: float | None) -> Iterator[None]:
    """bluetoothd, and somebody to hear; its bus is named in our environment meanwhile."""
    if adverts_per_s is None:
        yield
        return
    bus = folder / "bus"
    bus.mkdir()
    mock = subprocess.Popen(
        [
            sys.executable, "-m", "tests.fakes.mockbluez", "--bus", str(bus), "--adapters", "1",
            "--foreign", str(adverts_per_s), "--nodes", "2",
        ],
        stdout=subprocess.PIPE, text=True, cwd=_ROOT,
    )  # fmt: skip
    assert mock.stdout is not None
    name, _, address = mock.stdout.readline().strip().partition("=")
    os.environ[name] = address
    try:
        yield
    finally:
        del os.environ[name]
        mock.stdout.close()
        mock.terminate()
        mock.wait(20)


@contextlib.contextmanager
def _agent(
    stack: Stack, python: str, kind: str, *, radio: bool
) -> Iterator[subprocess.Popen[bytes]]:
    """A device that is enrolled and runs."""
    stack.prepare()
    stack.directory(["E001"])
    scope = ("--site", "site-a") if kind == "node" else ("--employee", "E001")
    token = stack.token(*scope)
    settings = stack.folder / "agent.toml"
    settings.write_text("" if radio else "radio.off = true\n", encoding="utf-8")
    stack.start("collector")
    stack.wait_ready()
    # As an installation has it; an agent that compiles itself at each start stays a MiB larger.
    subprocess.run([python, "-m", "compileall", "-q", *_SOURCES], check=True)
    state = ["--state-dir", str(stack.folder / "device"), "--config", str(settings)]
    ours = [python, "-m", "zaigang_agent"]
    with (stack.folder / "agent.log").open("ab") as log:
        subprocess.run(
            [*ours, "enrol", stack.url, token, *state, "--kind", kind],
            check=True, stdout=log, stderr=log, env=_environment(), cwd=stack.folder,
        )  # fmt: skip
        process = subprocess.Popen(
            [*ours, "run", *state], stdout=log, stderr=log, env=_environment(), cwd=stack.folder
        )
    with ended(process):
        yield process


@contextlib.contextmanager
def _bare(python: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([python, "-c", _BARE], env=_environment())
    with ended(process):
        yield process


@contextlib.contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def _environment() -> dict[str, str]:
    return {**os.environ, **unit_environment(), "PYTHONPATH": os.pathsep.join(_SOURCES)}


def _version(python: str) -> str:
    asked = "import platform as p; print(p.python_implementation(), p.python_version())"
    done = subprocess.run([python, "-c", asked], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def chain(database: Path) -> tuple[int, int]:
    """The newest envelope, and the newest that has a receipt."""
    chain = rows(database, "SELECT last_seq, through FROM chain")[0]
    return chain["last_seq"], chain["through"]


def cpu_s(process: subprocess.Popen[bytes]) -> float:
    """Processor time so far, user and system, of all threads that it has and had."""
    # Linux's clock of another process (clock_getcpuclockid(3)): nanoseconds, where /proc/PID/stat
    # has hundredths of a second, which are a tenth of what an agent uses in a minute.
    return time.clock_gettime(~process.pid << 3 | 2)


def cost(process: subprocess.Popen[bytes], cpu_s: float, seconds: float) -> Cost:
    kib: dict[str, int] = {}
    for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, value = line.partition(":")
        kib[name] = int(value.split()[0])
    return Cost(
        rss_mib=kib["Rss"] / _KIB,
        pss_mib=kib["Pss"] / _KIB,
        private_mib=(kib["Private_Clean"] + kib["Private_Dirty"]) / _KIB,
        cpu_s_per_h=cpu_s / seconds * _HOUR_S,
        threads=len(list(Path(f"/proc/{process.pid}/task").iterdir())),
    )


def main() -> int:
    """Print the table; 1 when a bar is broken."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long to watch")
    parser.add_argument("--warm-up", type=float, default=WARM_UP_S, help="seconds before that")
    parser.add_argument("--python", default=sys.executable, help="interpreter of the agent")
    parser.add_argument("--kind", choices=("laptop", "node"), default="laptop")
    parser.add_argument("--adverts", type=float, help="strangers' packets per second")
    options = parser.parse_args()
    # The agent starts in a folder of its own. No `resolve`: that would leave a virtual environment.
    python = str(Path(options.python).absolute())
    measured = measure(options.seconds, options.warm_up, python, options.kind, options.adverts)
    print(report(measured))
    agent = measured.agent
    too_much = agent.cpu_s_per_h > BAR_CPU_S_PER_H[options.kind]
    return int(agent.rss_mib > BAR_MIB[options.kind] or too_much)


if __name__ == "__main__":
    sys.exit(main())
