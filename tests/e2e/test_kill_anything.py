"""kill -9 of agents, broker and collector at random moments under load: nothing is lost.

The moments are drawn from a seed; what they hit is up to the machine, which is the point. Whatever
it was, the files must agree afterwards.
"""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest

from tests.e2e.oracle import audit
from tests.e2e.stack import Broker, Stack, rows

_DEVICES = 8
_ROUNDS = 50
# A kill each 0.1 to 0.8 s hits processes while they start, while they connect and while they work.
# Longer gaps only prove the quiet case; shorter ones never let anything start.
_GAP_S = (0.1, 0.8)
_DRAIN_S = 120.0


@pytest.mark.parametrize("broker", ["embedded", "mosquitto"])
def test_what_was_sealed_is_stored_exactly_once_whoever_is_killed(
    tmp_path: Path, broker: Broker
) -> None:
    with Stack(tmp_path / "stack", broker, settings=_EVERY_SECOND) as stack:
        stack.prepare()
        people = [f"E{number:03}" for number in range(_DEVICES)]
        stack.directory(people)
        tokens = [stack.token("--employee", one) for one in people]
        states = [stack.folder / one for one in people]
        _fleet(stack, tokens[1:], states[1:])
        names = ["collector", "agent", "fleet", *(["broker"] if broker == "mosquitto" else [])]
        if broker == "mosquitto":
            stack.start("broker")
        stack.start("collector")
        stack.wait_ready()
        _this_machine(stack, tokens[0], states[0])
        stack.start("agent")
        stack.start("fleet")
        stack.until("all are enrolled", lambda: all((s / "identity.json").exists() for s in states))
        stack.until("the first receipts", lambda: _through(states) >= _DEVICES)
        _rounds(stack, names, states, random.Random(f"kill {broker}"))
        # A receipt is written down with the next envelope: the newest is always still there.
        stack.until("all but the newest is settled", lambda: _waiting(states) <= 1, _DRAIN_S)
        for name in ("agent", "fleet", "collector"):
            stack.kill(name)
        result = audit(stack.data, states)
        _audited(stack, states)
    assert result.stored >= 20 * _DEVICES, "too little load to prove anything"
    assert result.receipts > _DEVICES


_EVERY_SECOND: dict[str, object] = {
    "usage_s": 1,
    "network_s": 1,
    "health_s": 1,
    "seal_s": 1,
    "ingest_batch": 8,
}


def _this_machine(stack: Stack, token: str, state: Path) -> None:
    """The agent as it runs on a laptop, on what this machine really is."""
    stack.agent("enrol", stack.url, token, "--state-dir", str(state))
    settings = stack.folder / "agent.toml"
    settings.write_text("[uplink]\nresend_s = 2\n", encoding="utf-8")
    stack.add("agent", "run", "--state-dir", str(state), "--config", str(settings))


def _fleet(stack: Stack, tokens: list[str], states: list[Path]) -> None:
    devices = [
        {
            "state_dir": str(state),
            "url": stack.url,
            "token": token,
            "kind": "laptop",
            "settings": {"uplink": {"resend_s": 2}},
            "name": state.name,
            "seed": number,
            "script": {
                "seed": number,
                "always": {"session": "local", "active": 3, "link": "wifi",
                           "gateway_mac": "02:00:5e:10:00:01"},
            },
        }
        for number, (token, state) in enumerate(zip(tokens, states, strict=True))
    ]  # fmt: skip
    path = stack.folder / "fleet.json"
    path.write_text(json.dumps({"clock": None, "until_utc_ms": None, "devices": devices}))
    stack.add("fleet", "simulate", str(path))


def _rounds(stack: Stack, names: list[str], states: list[Path], chance: random.Random) -> None:
    for number in range(_ROUNDS):
        time.sleep(chance.uniform(*_GAP_S))
        victim = chance.choice(names)
        stack.kill(victim)
        time.sleep(chance.uniform(0, 0.3))
        stack.start(victim)
        if number % 5 == 4:  # and now and then everybody gets to work for a moment
            before = _through(states)
            stack.until("receipts go on", lambda before=before: _through(states) > before)  # type: ignore[misc]  # mypy cannot infer a lambda with a default


def _audited(stack: Stack, states: list[Path]) -> None:
    """The collector's own audit agrees, and holds against what each device has in its hands."""
    against: list[str] = []
    for state in states:
        path = stack.folder / f"{state.name}.receipt"
        path.write_bytes(rows(state / "spool.db", "SELECT receipt FROM chain")[0]["receipt"])
        against += ["--against", str(path)]
    assert "Everything fits." in stack.collector("audit", *against)


def _through(states: list[Path]) -> int:
    """Receipts held by all devices together."""
    found = [rows(state / "spool.db", "SELECT through FROM chain") for state in states]
    return sum(chain[0]["through"] for chain in found if chain)


def _waiting(states: list[Path]) -> int:
    """Envelopes without a receipt on the disk of the device that has most of them."""
    query = "SELECT count(*) AS n FROM envelope"
    return max(int(rows(state / "spool.db", query)[0]["n"]) for state in states)
