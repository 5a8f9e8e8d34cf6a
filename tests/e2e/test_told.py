"""What the directory says reaches a running device, and who is revoked is out: real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.oracle import opened_envelopes
from tests.e2e.stack import Broker, Stack, rows
from zaigang_agent import keys
from zaigang_shared import envelope
from zaigang_shared.clock import SystemClock
from zaigang_shared.readings import decode_all

_PERSON = "E001"
_ALWAYS = "Mon-Sun 00:00-23:59"
# In three days, whatever the zone: the first of January 1970 was a Thursday.
_DAYS = ("Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed")
_NEVER = f"{_DAYS[(SystemClock().utc_ms() // 86_400_000 + 3) % 7]} 09:00-10:00"
_WITHIN_S = 60.0  # what the operations page promises


@pytest.fixture(params=["embedded", "mosquitto"])
def stack(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stack]:
    broker: Broker = request.param
    settings = {"usage_s": 1, "seal_s": 1, "margin_min": 1, "token_h": 1}
    with Stack(tmp_path / "stack", broker, settings=settings) as made:
        made.prepare()
        made.directory([_PERSON])
        if broker == "mosquitto":
            made.start("broker")
        made.start("collector")
        made.wait_ready()
        yield made


def test_a_changed_shift_reaches_a_laptop_and_revoking_it_ends_its_connection(
    stack: Stack,
) -> None:
    state = stack.folder / "laptop"
    _laptop(stack, state, stack.token("--employee", _PERSON))
    stack.start("laptop")
    stack.until("the first receipts", lambda: _through(state) >= 2)

    _shift(stack, _NEVER)
    stack.until("the new hours are there", lambda: _version(state) == 2, _WITHIN_S)
    stack.until("it says that it stopped", lambda: len(_closed(stack, state)) == 1)
    _shift(stack, _ALWAYS)
    stack.until("it says from when to when", lambda: len(_closed(stack, state)) == 2, _WITHIN_S)
    gap = _closed(stack, state)[-1]
    looks = [(r.t_ms - r.span_ms, r.t_ms) for r in _readings(stack, state) if r.kind == "usage"]
    assert [look for look in looks if look[1] > gap.from_ms and look[0] < gap.t_ms] == []
    assert [look for look in looks if look[1] <= gap.from_ms]  # what was read before is there

    stack.kill("laptop")
    _shift(stack, _NEVER)
    stack.start("laptop")  # it comes online with an older one
    stack.until("the hours that it missed are there", lambda: _version(state) == 4, _WITHIN_S)

    device_id = keys.load(state).device_id
    stack.collector("devices", "status", device_id, "revoked", "--why", "stolen")
    if stack.broker == "embedded":  # another broker does not ask us
        stack.until("it was cut off", lambda: not _is_online(stack, device_id), 15)
        assert f"cutting the connection of {device_id}" in stack.log("collector")


def test_an_agent_that_dies_before_it_kept_the_answer_enrols_with_the_same_token(
    stack: Stack,
) -> None:
    state, token = stack.folder / "laptop", stack.token("--employee", _PERSON)
    dies = "import os, signal; from zaigang_agent import cli, enrolment; "
    dies += "enrolment._keep = lambda *_: os.kill(os.getpid(), signal.SIGKILL); "
    words = ["enrol", stack.url, token, "--state-dir", str(state)]
    killed = subprocess.run(
        [sys.executable, "-c", f"{dies}raise SystemExit(cli.main({words!r}))"],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    key = (state / keys.KEY).read_bytes()
    again = subprocess.run(
        [sys.executable, "-m", "zaigang_agent", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ,
    )
    assert again.returncode == 0, again.stderr
    assert (state / keys.KEY).read_bytes() == key
    listed = rows(stack.data / "zaigang.db", "SELECT id FROM devices_device")
    assert [row["id"] for row in listed] == [keys.load(state).device_id]


def _laptop(stack: Stack, state: Path, token: str) -> None:
    device = {
        "state_dir": str(state),
        "url": stack.url,
        "token": token,
        "kind": "laptop",
        "name": "laptop",
        "settings": {"uplink": {"resend_s": 2}},
        "script": {"seed": 1, "always": {"session": "local", "active": 3, "link": "wifi"}},
    }
    path = stack.folder / "laptop.json"
    path.write_text(json.dumps({"clock": None, "until_utc_ms": None, "devices": [device]}))
    stack.add("laptop", "simulate", str(path))


def _shift(stack: Stack, shift: str) -> None:
    path = stack.folder / "people.csv"
    path.write_text(f"id,name,time_zone,shift\n{_PERSON},{_PERSON},Asia/Shanghai,{shift}\n")
    stack.collector("people", "import", str(path))


@dataclass(frozen=True)
class _Reading:
    kind: str
    t_ms: int
    span_ms: int
    reason: str

    @property
    def from_ms(self) -> int:
        return self.t_ms - self.span_ms


def _readings(stack: Stack, state: Path) -> list[_Reading]:
    """What the collector has stored of this laptop, in order."""
    identity = keys.load(state)
    found = []
    for _, _, data in opened_envelopes(stack.data, identity.device_id):
        opened = envelope.open_sealed(data, identity.key.public_key())
        for one in decode_all(opened.readings, opened.seal.up_ms):
            if one is not None:
                kind = type(one).__name__.lower()
                found.append(_Reading(kind, one.t_ms, one.span_ms, getattr(one, "reason", "")))
    return found


def _closed(stack: Stack, state: Path) -> list[_Reading]:
    return [one for one in _readings(stack, state) if one.reason == "off_hours"]


def _version(state: Path) -> int:
    return keys.load(state).config.version


def _through(state: Path) -> int:
    return _chain(state, "through")


def _chain(state: Path, column: str) -> int:
    if not (state / "identity.json").exists():
        return 0
    return int(rows(state / "spool.db", "SELECT * FROM chain")[0][column])


def _is_online(stack: Stack, device_id: str) -> bool:
    query = "SELECT online FROM ingest_state WHERE device_id = ?"
    return bool(rows(stack.data / "zaigang.db", query, device_id)[0]["online"])
