"""The node demo: from a sensor profile and a radio to a verdict, with real programs.

    python -m tests.e2e.node_demo

A collector; a site node with the six sensors of firmware_config/profiles/six-sensors.toml on a
simulated I2C bus; a laptop whose owner is at work. Both are `zaigang-agent run`, and both talk to a
mock of bluetoothd on a private D-Bus, through which the laptop hears the node's rotating identifier.
What is not real is named so: the bus, the air, and the laptop's owner. Takes about three minutes,
because an identifier lives for 15 real seconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.request import Request, urlopen

from tests.e2e.stack import Stack

ROOT: Final = Path(__file__).parents[2]
PROFILE: Final = ROOT / "firmware_config" / "profiles" / "six-sensors.toml"
BUS: Final = ROOT / "docs" / "examples" / "simulated-bus.json"
AT_WORK_S: Final = 100
"""How long the laptop's owner claims to be at the site; an identifier changes six times in it."""
# Nobody watches a demo for the minutes at which real devices look.
QUICK: Final[Mapping[str, Any]] = {
    "usage_s": 10, "network_s": 30, "environment_s": 10, "beacon_s": 10, "health_s": 20, "seal_s": 5,
}  # fmt: skip
_SITE: Final = "site-a"
_OWNER: Final = "E001"


@dataclass(frozen=True)
class Told:
    """What came of it."""

    presence: str
    findings: Mapping[str, Mapping[str, Any]]
    """By signal."""
    sensors: Mapping[str, Mapping[str, Any]]
    """The node's newest reading by model."""
    node_slots: int
    """Slots of 15 s that the node says it broadcast."""


@contextlib.contextmanager
def stage(folder: Path) -> Iterator[Stack]:
    """Air, a collector, and both devices enrolled, with their agents ready to be started."""
    with mock_air(folder, 2) as bus, Stack(folder / "stack", settings=QUICK) as stack:
        stack.environment["DBUS_SYSTEM_BUS_ADDRESS"] = bus
        stack.prepare()
        stack.directory([_OWNER])
        tokens = {"node": stack.token("--site", _SITE), "laptop": stack.token("--employee", _OWNER)}
        stack.start("collector")
        stack.wait_ready()
        for number, (kind, token) in enumerate(tokens.items()):
            config = stack.folder / f"{kind}.toml"
            config.write_text(_settings(stack.folder, kind, number), encoding="utf-8")
            where = ["--state-dir", str(stack.folder / kind), "--config", str(config)]
            stack.agent("enrol", stack.url, token, "--kind", kind, *where)
            stack.add(kind, "run", *where)
        yield stack


@contextlib.contextmanager
def mock_air(folder: Path, adapters: int, foreign_per_s: float = 5) -> Iterator[str]:
    """A mock of bluetoothd in a process of its own; gives DBUS_SYSTEM_BUS_ADDRESS."""
    (folder / "bus").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.mockbluez", "--bus", str(folder / "bus"),
         "--adapters", str(adapters), "--foreign", str(foreign_per_s)],
        cwd=ROOT, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield process.stdout.readline().decode().strip().partition("=")[2]
    finally:
        process.terminate()
        process.wait(20)
        if process.stdout is not None:
            process.stdout.close()


def live(stack: Stack, say: Any = print) -> Told:
    """The node watches its room, the owner works beside it and claims so."""
    say("node: six sensors on one simulated bus, rotating beacon on the mock air")
    stack.start("node")
    stack.until("the node's first receipt", lambda: _receipted(stack, "node"))
    stack.start("laptop")
    stack.until("the laptop's first receipt", lambda: _receipted(stack, "laptop"))
    began_ms = round(time.time() * 1000)  # noqa: TID251  # the day is real
    say(f"laptop: its owner clocks in and works beside the node for {AT_WORK_S} s")
    time.sleep(AT_WORK_S)
    ended_ms = round(time.time() * 1000)  # noqa: TID251  # the same
    # What covers the end of the interval is sealed, sent and stored a few seconds later.
    time.sleep(3 * QUICK["seal_s"] + QUICK["beacon_s"])
    stack.stop("laptop")
    stack.stop("node")
    _claim(stack, began_ms, ended_ms)
    stack.collector("assess")
    told = _told(stack)
    say(f"verdict: {told.presence}")
    for name, finding in told.findings.items():
        say(f"  {name:<16}{finding['direction']:<12}{finding['text']['en']}")
    for model, reading in told.sensors.items():
        say(f"  {model:<16}{reading['temp_c']:.2f} ± {reading['temp_acc_c']} °C, "
            f"{reading['rh_pct']:.1f} ± {reading['rh_acc_pct']} %"
            + (f", {reading['pressure_hpa']:.1f} hPa" if reading.get("pressure_hpa") else "")
            + (f", {reading['co2_ppm']} ppm" if reading.get("co2_ppm") else ""))  # fmt: skip
    return told


def _settings(folder: Path, kind: str, adapter: int) -> str:
    radio = f'[radio]\nadapter = "hci{adapter}"\n'
    if kind == "node":
        sensors = tomllib.loads(PROFILE.read_text(encoding="utf-8"))["node"]["sensors"]
        bus = json.dumps(f"simulated:{BUS}")
        return f"{radio}[node]\ni2c_bus = {bus}\nsensors = {json.dumps(sensors)}\n"
    script = folder / "owner.json"
    # No network at all: what puts the laptop at the site is the beacon alone.
    script.write_text(json.dumps({"seed": 1, "always": {"session": "local", "active": 3}}))
    return f'{radio}[platform]\nkind = "scripted"\nscript = {json.dumps(str(script))}\n'


def _receipted(stack: Stack, name: str) -> bool:
    assert stack.exit_code(name) is None, stack.log(name)
    status = json.loads(stack.agent("status", "--json", "--state-dir", str(stack.folder / name)))
    return bool(status["receipted"])


def _claim(stack: Stack, from_ms: int, to_ms: int) -> None:
    rows = ["source_id,employee,site,direction,punched_at"]
    for direction, at_ms in (("in", from_ms), ("out", to_ms)):
        moment = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()
        rows.append(f"demo-{direction},{_OWNER},{_SITE},{direction},{moment}")
    path = stack.folder / "clock-ins.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    stack.collector("clock-ins", "import", str(path))


def _told(stack: Stack) -> Told:
    token = stack.collector("token", "api", "demo", "read:assessments", "read:readings",
                            ).strip()  # fmt: skip
    (assessment,) = _ask(stack, token, "assessments")["items"]
    whole = _ask(stack, token, f"assessments/{assessment['id']}")
    seen = _ask(stack, token, f"assessments/{assessment['id']}/readings")["devices"]
    of_node = [
        (one["kind"], one["content"])
        for device in seen
        for one in device["readings"]
        if device["device"].startswith("node")
    ]
    slots = {
        slot
        for kind, content in of_node
        if kind == "advert" and content["ok"]
        for slot in range(content["slot_first"], content["slot_last"] + 1)
    }
    return Told(
        presence=whole["presence"],
        findings={one["signal"]: one for one in whole["findings"]},
        sensors={c["model"]: c for kind, c in of_node if kind == "environment"},
        node_slots=len(slots),
    )


def _ask(stack: Stack, token: str, what: str) -> Any:
    request = Request(  # our own process
        f"http://127.0.0.1:{stack.api_port}/api/v1/{what}",
        headers={"Authorization": f"Bearer {token}"},
    )
    with urlopen(request, timeout=30) as answer:  # noqa: S310  # the same
        return json.loads(answer.read())


def main() -> int:
    """Run it and print what comes of it; 1 when the verdict is another than the truth."""
    with tempfile.TemporaryDirectory() as name, stage(Path(name)) as stack:
        return int(live(stack).presence != "confirmed")


if __name__ == "__main__":
    os.environ.setdefault(
        "PYTHONPATH", os.pathsep.join(str(ROOT / one) for one in ("agent", "collector", "shared"))
    )
    sys.exit(main())
