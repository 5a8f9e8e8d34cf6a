"""What a laptop and a node cost in air with 20 advertisements a second, beside others' programs.

    python -m tests.bench.bench_edge [--seconds 600] [--warm-up 60] [--python PATH]
                                     [--theengs PATH] [--per-s 20]

Who listens has a private D-Bus with a mock of bluetoothd and one adapter, as on a machine of its own,
and all have the same air: the same strangers from the same seed. On one bus each would also be told
what the adapters of the others hear, three times as much. There run, enrolled with a real collector:
a laptop and a node (one simulated sensor, its own beacon), each with the environment of its shipped
unit. Beside them, when they are installed: TheengsGateway (PATH: its program, in an environment of
its own), and collectd and node_exporter (Debian's packages) as they come, the latter asked every
15 s. Growth is that of the resident set from the end of the warm-up.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.request import urlopen

from tests.bench.bench_agent import Cost, chain, cost, cpu_s, ended, unit_environment
from tests.e2e.node_demo import mock_air
from tests.e2e.stack import Stack, free_ports

SECONDS: Final = 600
WARM_UP_S: Final = 60
PER_S: Final = 20
# MiB resident and CPU seconds an hour: the bars of the edge issue.
BARS: Final[Mapping[str, tuple[float, float]]] = {"laptop": (36, 1.5), "node": (40, 10)}
# What measuring twice differs by: below, a larger set is no growth.
_STILL_MIB: Final = 0.5
_SCRAPE_S: Final = 15
_ROOT: Final = Path(__file__).parents[2]
_SOURCES: Final = (str(_ROOT / "agent"), str(_ROOT / "shared"))
_LISTENERS: Final = ("node", "laptop", "theengs")
_BUS: Final = {
    "seed": 7,
    "sensors": [
        {
            "model": "sht4x",
            "address": 68,
            "serial": "0f012345",
            "temp_c": {"mean": 23, "noise": 0.04},
            "rh_pct": {"mean": 45, "noise": 0.3},
        }
    ],
}


@dataclass(frozen=True)
class Measured:
    """One program."""

    name: str
    cost: Cost
    grown_mib: float
    note: str = ""


@dataclass(frozen=True)
class Place:
    """Where all of it runs."""

    stack: Stack
    buses: Mapping[str, str]
    """DBUS_SYSTEM_BUS_ADDRESS of each that listens."""
    python: str


def measure(
    seconds: float, warm_up_s: float, python: str, theengs: str, per_s: float
) -> list[Measured]:
    """Start everything, let it come to rest, watch it for `seconds`."""
    with contextlib.ExitStack() as life:
        folder = Path(life.enter_context(tempfile.TemporaryDirectory()))
        buses = {}
        for name in _LISTENERS:
            (folder / name).mkdir()
            buses[name] = life.enter_context(mock_air(folder / name, 1, per_s))
        stack = life.enter_context(Stack(folder / "stack"))
        place = Place(stack, buses, python)
        running = dict(_agents(place, life))
        running |= dict(_peers(place, theengs, life))
        time.sleep(warm_up_s)
        before = {name: _look(process) for name, process in running.items()}
        sealed = {name: _sealed(place, name) for name in BARS}
        began = time.monotonic()
        _wait(seconds, began, "node_exporter" in running)
        took_s = time.monotonic() - began
        found = []
        for name, process in running.items():
            assert process.poll() is None, f"{name} ended: {stack.log(name)[-2000:]}"
            was = before[name]
            now = cost(process, cpu_s(process) - was.cpu_s_per_h, took_s)
            note = ""
            if name in BARS:
                last_seq, through = _sealed(place, name)
                note = f"{last_seq - sealed[name][0]} envelopes, {last_seq - through} waiting"
            found.append(Measured(name, now, now.rss_mib - was.rss_mib, note))
        return found


def report(found: Sequence[Measured], seconds: float, per_s: float) -> str:
    """A table, with the machine that it is true of."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    lines = [
        f"{python}, {platform.system()} {platform.machine()}, {os.cpu_count()} CPUs; "
        f"{seconds:.0f} s, {per_s:g} strangers' advertisements a second",
        f"{'':<16}{'RSS MiB':>9}{'private':>9}{'CPU s/h':>9}{'grown':>7}  ",
    ]
    lines += [
        f"{one.name:<16}{one.cost.rss_mib:>9.1f}{one.cost.private_mib:>9.1f}"
        f"{one.cost.cpu_s_per_h:>9.2f}{one.grown_mib:>+7.2f}  {one.note}"
        for one in found
    ]
    return "\n".join([*lines, *verdicts(found)])


def verdicts(found: Sequence[Measured]) -> Iterator[str]:
    """Each bar, and whether it holds."""
    for one in found:
        if one.name not in BARS:
            continue
        mib, cpu = BARS[one.name]
        for what, value, bar in (
            ("MiB", one.cost.rss_mib, mib),
            ("CPU s/h", one.cost.cpu_s_per_h, cpu),
            ("MiB grown", one.grown_mib, _STILL_MIB),
        ):
            holds = "holds" if value <= bar else f"MISSED by {value / bar - 1:.0%}"
            yield f"{one.name}: {value:.2f} {what}, at most {bar:g}: {holds}"


def _agents(
    place: Place, life: contextlib.ExitStack
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    stack = place.stack
    stack.prepare()
    stack.directory(["E001"])
    tokens = {"laptop": stack.token("--employee", "E001"), "node": stack.token("--site", "site-a")}
    stack.start("collector")
    stack.wait_ready()
    # As an installation has it; an agent that compiles itself at each start stays a MiB larger.
    subprocess.run([place.python, "-m", "compileall", "-q", *_SOURCES], check=True)
    (stack.folder / "bus.json").write_text(json.dumps(_BUS), encoding="utf-8")
    for kind, token in tokens.items():
        yield kind, life.enter_context(_agent(place, kind, token))
    for kind in tokens:
        # It is kept with the next envelope, a minute later.
        received = functools.partial(_is_receipted, place, kind)
        stack.until(f"the first receipt of the {kind}", received, within_s=200)


def _is_receipted(place: Place, kind: str) -> bool:
    return _sealed(place, kind)[1] > 0


@contextlib.contextmanager
def _agent(place: Place, kind: str, token: str) -> Iterator[subprocess.Popen[bytes]]:
    stack = place.stack
    settings = '[radio]\nadapter = "hci0"\n'
    if kind == "node":
        bus = json.dumps(f"simulated:{stack.folder / 'bus.json'}")
        settings += f'[node]\ni2c_bus = {bus}\nsensors = ["sht4x"]\n'
    config = stack.folder / f"{kind}.toml"
    config.write_text(settings, encoding="utf-8")
    where = ["--state-dir", str(stack.folder / kind), "--config", str(config)]
    unit = "zaigang-agent.service" if kind == "laptop" else "zaigang-node.service"
    environment = {
        **os.environ,
        **unit_environment(unit),
        "PYTHONPATH": os.pathsep.join(_SOURCES),
        "DBUS_SYSTEM_BUS_ADDRESS": place.buses[kind],
    }
    ours = [place.python, "-m", "zaigang_agent"]
    with (stack.folder / f"{kind}.log").open("ab") as log:
        subprocess.run(
            [*ours, "enrol", stack.url, token, "--kind", kind, *where],
            check=True, stdout=log, stderr=log, env=environment, cwd=stack.folder,
        )  # fmt: skip
        process = subprocess.Popen(
            [*ours, "run", *where], stdout=log, stderr=log, env=environment, cwd=stack.folder
        )
    with ended(process):
        yield process


def _peers(
    place: Place, theengs: str, life: contextlib.ExitStack
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Those that are installed; who is not is said."""
    folder = place.stack.folder
    mqtt_port, node_port = free_ports(2)
    commands: dict[str, list[str]] = {}
    if theengs:
        life.enter_context(_broker(folder, mqtt_port))
        commands["theengs"] = [theengs, "-H", "127.0.0.1", "-P", str(mqtt_port),
                               "-a", "hci0", "-sd", "60", "-tb", "5"]  # fmt: skip
    if shutil.which("collectd"):
        commands["collectd"] = ["collectd", "-f", "-C", str(_collectd(folder))]
    if shutil.which("prometheus-node-exporter"):
        where = f"127.0.0.1:{node_port}"
        commands["node_exporter"] = ["prometheus-node-exporter", f"--web.listen-address={where}"]
        _scraped.append(f"http://{where}/metrics")
    for name in ("theengs", "collectd", "node_exporter"):
        if name not in commands:
            print(f"{name} is not installed here: not measured")
    environment = {
        **os.environ,
        "DBUS_SYSTEM_BUS_ADDRESS": place.buses["theengs"],
        "HOME": str(folder),
    }
    for name, command in commands.items():
        with (folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=folder)
        yield name, life.enter_context(ended_process(process))


@contextlib.contextmanager
def ended_process(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    with ended(process):
        yield process


@contextlib.contextmanager
def _broker(folder: Path, port: int) -> Iterator[None]:
    """A plain one, for TheengsGateway alone."""
    config = folder / "plain.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n", encoding="utf-8")
    with (folder / "plain.log").open("ab") as log:
        process = subprocess.Popen(["mosquitto", "-c", str(config)], stdout=log, stderr=log)
    with ended(process):
        yield


def _collectd(folder: Path) -> Path:
    """What Debian's own configuration loads, without writing to this machine's folders."""
    path = folder / "collectd.conf"
    plugins = ("battery", "cpu", "df", "disk", "entropy", "interface", "irq", "load", "memory",
               "processes", "swap", "users")  # fmt: skip
    lines = [f'BaseDir "{folder}"', f'PIDFile "{folder}/collectd.pid"', "FQDNLookup false",
             *(f"LoadPlugin {name}" for name in plugins), "LoadPlugin csv",
             "<Plugin csv>", f'DataDir "{folder}/csv"', "</Plugin>"]  # fmt: skip
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


_scraped: list[str] = []


def _wait(seconds: float, began: float, scrape: bool) -> None:
    while (left_s := began + seconds - time.monotonic()) > 0:
        time.sleep(min(_SCRAPE_S, left_s))
        for url in _scraped if scrape else ():
            with urlopen(url, timeout=10) as answer:  # noqa: S310  # our own process
                answer.read()


def _look(process: subprocess.Popen[bytes]) -> Cost:
    """Memory now, and in `cpu_s_per_h` the seconds so far."""
    return cost(process, cpu_s(process) / 3600, 1.0)


def _sealed(place: Place, kind: str) -> tuple[int, int]:
    return chain(place.stack.folder / kind / "spool.db")


def main() -> int:
    """Print the table; 1 when a bar is broken."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long to watch")
    parser.add_argument("--warm-up", type=float, default=WARM_UP_S, help="seconds before that")
    parser.add_argument("--python", default=sys.executable, help="interpreter of the agents")
    parser.add_argument("--theengs", default=shutil.which("TheengsGateway") or "", metavar="PATH")
    parser.add_argument("--per-s", type=float, default=PER_S, help="strangers' packets a second")
    options = parser.parse_args()
    python = str(Path(options.python).absolute())
    found = measure(options.seconds, options.warm_up, python, options.theengs, options.per_s)
    print(report(found, options.seconds, options.per_s))
    return int(any("MISSED" in line for line in verdicts(found)))


if __name__ == "__main__":
    sys.exit(main())
