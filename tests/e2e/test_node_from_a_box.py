"""From `nodes image` to a node that delivers: the card's own scripts, the real agent, a real collector."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.stack import Stack, rows
from tests.fakes.pi import Pi
from zaigang_agent import keys, orders
from zaigang_agent.orders import Orders

_SITE = "site-a"


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    settings = {"environment_s": 1, "seal_s": 1}
    with Stack(tmp_path / "stack", settings=settings) as made:
        made.prepare()
        made.directory([])
        made.start("collector")
        made.wait_ready()
        yield made


def _profile(stack: Stack) -> Path:
    """agent.toml of a node whose bus is simulated."""
    bus, script = stack.folder / "bus.json", stack.folder / "script.json"
    air = {"temp_c": {"mean": 22.5, "noise": 0.04}, "rh_pct": {"mean": 45, "noise": 0.3}}
    bus.write_text(json.dumps({"seed": 7, "sensors": [{"model": "sht4x", "address": 68, **air}]}))
    script.write_text(json.dumps({"seed": 1, "always": {"link": "ethernet"}}))
    profile = stack.folder / "profile.toml"
    profile.write_text(
        f'[platform]\nkind = "scripted"\nscript = "{script}"\n'
        f'[node]\ni2c_bus = "simulated:{bus}"\nsensors = ["sht4x@0x44"]\n'
    )
    return profile


def test_a_card_makes_a_node_that_appears_at_its_site_and_delivers(
    stack: Stack, tmp_path: Path
) -> None:
    package = tmp_path / "zaigang-agent_0.1.0_arm64.deb"
    package.write_bytes(b"!<arch>\nthe programs are installed here already")

    def write(boot: Path) -> None:
        stack.collector(
            "nodes", "image", "--site", _SITE, "--out", str(boot), "--package", str(package),
            "--os", "bookworm", "--profile", str(_profile(stack)), "--url", stack.url,
            "--hostname", "door-7",
        )  # fmt: skip

    pi = Pi(tmp_path / "pi", write)
    # As on a Pi, but for the user that it changes to and where the agent is.
    pi.stub("runuser", f'shift 4\nexec "{sys.executable}" -m zaigang_agent "$@"')
    assert pi.run(pi.boot / "firstrun.sh").returncode == 0
    done = pi.provision()
    assert done.returncode == 0, done.stdout + done.stderr
    assert pi.status() == "enrolled as node door-7\n"

    listed = stack.collector("devices", "list").splitlines()[1].split("\t")
    assert listed[1:5] == ["node", "active", _SITE, "door-7"]
    state, config = pi.root / "var/lib/zaigang", pi.root / "etc/zaigang/agent.toml"
    state.chmod(0o700)
    stack.add("node", "run", "--state-dir", str(state), "--config", str(config))
    stack.start("node")
    stack.until("its first receipt", lambda: _through(state) >= 1)
    _told_something_else(stack, state, listed[0])
    assert stack.stop("node") == 0
    assert "1 of 1 used" in stack.collector("token", "list")


def _told_something_else(stack: Stack, state: Path, node: str) -> None:
    """Settings reach the running node; those that it cannot live with are given up and told."""
    stack.collector("devices", "set", node, "sensors=flux9000", "environment_s=2")
    stack.until("it has refused them", lambda: "flux9000" in (_orders(state).refused or ""))
    assert _orders(state).config.config.sensors is None
    stack.collector("devices", "set", node, "sensors=sht4x@0x44")
    stack.until("it takes better ones", lambda: _orders(state).newest.version == 3)
    told = _orders(state)
    assert (told.refused, told.config.version) == (None, 3)
    assert (told.config.config.sensors, told.config.config.environment_s) == (("sht4x@0x44",), 2)
    stack.until("the audit agrees", lambda: "Everything fits." in stack.collector("audit"))


def _orders(state: Path) -> Orders:
    return orders.look(keys.load(state))


def _through(state: Path) -> int:
    return int(rows(state / "spool.db", "SELECT through FROM chain")[0]["through"])
