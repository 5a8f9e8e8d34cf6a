"""Scripted devices in one process: the real agent from the platform downwards."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.agent import NET_KEY, Store, enrolled
from tests.fakes.collector_https import FakeCollector
from tests.fakes.device_broker import BrokerSide, broker
from zaigang_agent import enrolment, fleet, keys
from zaigang_agent.cli import main
from zaigang_agent.enrolment import Applicant
from zaigang_agent.errors import AgentError
from zaigang_agent.fleet import ClockSpec, DeviceSpec, Fleet
from zaigang_shared.clock import SystemClock
from zaigang_shared.device_config import DeviceConfig
from zaigang_shared.readings import Advert, Beacon, Gap, Session, Usage

HOUR_MS = 3_600_000
GATEWAY = "02:00:5e:10:00:01"


class Company:
    """A collector, a broker, a node and two laptops that are enrolled."""

    def __init__(self, folder: Path, collector: FakeCollector, port: int) -> None:
        self.folder = folder
        collector.mqtt = {"host": "127.0.0.1", "port": port}
        self.stores: dict[str, Store] = {}
        for name in ("node-hall000001", "lap-anna0000001", "lap-ben00000001"):
            kind: Any = "node" if name.startswith("node") else "laptop"
            collector.device_id = name
            key = bytes(range(32)) if kind == "node" else None
            collector.config = DeviceConfig(hours=None, net_key=NET_KEY, rid_key=key)
            applicant = Applicant(kind=kind, name=name, platform="scripted")
            identity = enrolment.enrol(
                folder / name, collector.url, str(collector.token), applicant
            )
            self.stores[name] = Store(identity.key.public_key(), name)
        self.side = BrokerSide(folder, collector.authority, port, *self.stores.values())
        self.side.start()

    def fleet(self, hours: float = 1.0, **scripts: dict[str, Any]) -> Fleet:
        now_ms = SystemClock().utc_ms()
        begin_ms = now_ms - int(hours * HOUR_MS)
        devices = tuple(
            DeviceSpec(
                state_dir=str(self.folder / name),
                kind="node" if name.startswith("node") else "laptop",
                name=name,
                script=scripts.get(name.split("-")[1][:4].rstrip("0"), {"always": {"off": True}}),
            )
            for name in self.stores
        )
        return Fleet(
            devices=devices,
            # Ten minutes without a look are told as unknown: a second here, which a machine that runs
            # other tests beside this one keeps.
            clock=ClockSpec(real_start_ms=now_ms, begin_ms=begin_ms, rate=600),
            until_utc_ms=now_ms - 1,
            progress=str(self.folder / "progress"),
            patience_s=20,
        )


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    with FakeCollector(tmp_path) as collector, broker(tmp_path, collector.authority) as mosquitto:
        made = Company(tmp_path, collector, mosquitto.port)
        yield made
        made.side.stop()


def at_work(**more: Any) -> dict[str, Any]:
    return {
        "session": "local",
        "active": 3,
        "link": "wifi",
        "gateway_mac": GATEWAY,
        "hears": ["hall"],
        **more,
    }


@pytest.mark.mosquitto
def test_a_simulated_hour_arrives_whole_with_receipts_and_beacons(company: Company) -> None:
    out = io.StringIO()
    spec = company.fleet(
        hall={"always": {"link": "ethernet", "gateway_mac": GATEWAY, "hears": ["hall"]}},
        anna={"always": at_work()},
    )
    assert fleet.run(spec, out) == 0
    anna, node = company.stores["lap-anna0000001"], company.stores["node-hall000001"]
    for store in company.stores.values():
        store.check_chain()
    usage = [r for r in anna.readings() if isinstance(r, Usage)]
    assert sum(r.span_ms for r in usage) > 0.8 * HOUR_MS
    assert {r.active for r in usage} == {3}
    assert any(isinstance(r, Beacon) for r in anna.readings())
    assert any(isinstance(r, Advert) for r in node.readings())
    assert company.stores["lap-ben00000001"].envelopes == {}  # it was off
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert (lines[-1]["done"], lines[-1]["waiting"]) == (True, 0)
    assert {d["name"] for d in lines[-1]["devices"]} == set(company.stores)
    assert Path(str(spec.progress)).read_text() == out.getvalue()


@pytest.mark.mosquitto
def test_a_machine_that_was_off_boots_anew_and_its_chain_goes_on(company: Company) -> None:
    now_ms = SystemClock().utc_ms()
    off = {"from_utc_ms": now_ms - 40 * 60_000, "to_utc_ms": now_ms - 20 * 60_000, "off": True}
    assert (
        fleet.run(company.fleet(anna={"always": at_work(), "segments": [off]}), io.StringIO()) == 0
    )
    anna = company.stores["lap-anna0000001"]
    anna.check_chain()
    boots = [e.seal.boot for _, e in sorted(anna.envelopes.items())]
    assert len(set(boots)) == 2
    events = [r.event for r in anna.readings() if isinstance(r, Session)]
    assert "boot" in events
    assert not [r for r in anna.readings() if isinstance(r, Gap) and r.reason == "crash"]


@pytest.mark.mosquitto
def test_without_receipts_it_ends_with_1_and_a_sentence(company: Company) -> None:
    company.side.answering = False
    out = io.StringIO()
    spec = company.fleet(0.1, anna={"always": at_work()})
    assert fleet.run(_impatient(spec), out) == 1
    assert "no receipt within 1 s for envelopes of: lap-anna0000001" in out.getvalue()


def _impatient(spec: Fleet) -> Fleet:
    return Fleet(
        devices=spec.devices, clock=spec.clock, until_utc_ms=spec.until_utc_ms, patience_s=1
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not a fleet"),
        ("{}", "missing required field `devices`"),
        ('{"devices": []}', "length >= 1"),
        ('{"devices": [{"name": "a"}]}', "missing required field `state_dir` - at `$.devices"),
        ('{"devices": [{"name": "a", "state_dir": "/x", "kind": "phone"}]}', "phone"),
        ('{"devices": [{"name": "a", "state_dir": "/x", "colour": 1}]}', "colour"),
    ],
)
def test_each_mistake_in_the_file_is_named(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fleet.json").write_text(text)
    assert main(["simulate", str(tmp_path / "fleet.json")]) == 3
    assert said in capsys.readouterr().err


def test_a_device_that_is_not_enrolled_and_has_no_token_is_named(tmp_path: Path) -> None:
    spec = Fleet(devices=(DeviceSpec(state_dir=str(tmp_path / "none"), name="a"),))
    with pytest.raises(AgentError, match="not enrolled"):
        fleet.run(spec, io.StringIO())


def test_a_mistake_in_a_script_is_named(tmp_path: Path) -> None:
    enrolled(tmp_path / "a")
    assert keys.is_enrolled(tmp_path / "a")
    device = DeviceSpec(state_dir=str(tmp_path / "a"), name="a", script={"always": {"colour": 1}})
    with pytest.raises(AgentError, match="colour"):
        fleet.run(Fleet(devices=(device,)), io.StringIO())
