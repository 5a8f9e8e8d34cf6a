"""The demo from beginning to end. Everything goes the way it goes in production: spreadsheets,
enrolment over HTTPS, signed envelopes over MQTT with mutual TLS, answers over the REST interface.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

from sqlalchemy import Connection

from zaigang_collector import bootstrap, config
from zaigang_collector.access import service as access
from zaigang_collector.access.model import Scope
from zaigang_collector.assessment.learnt import STAYS
from zaigang_collector.attendance import csv_import as clock_in_csv
from zaigang_collector.bootstrap import Opened
from zaigang_collector.bootstrap.run import Background, Ports
from zaigang_collector.config import Settings
from zaigang_collector.demo import agents, files, proof, report
from zaigang_collector.demo.answers import Interface
from zaigang_collector.demo.display import Progress
from zaigang_collector.demo.staff import (
    HOUR_MS,
    SITE_ID,
    THIS_MACHINE,
    Day,
    Member,
    clock_in_rows,
    staff,
    the_day,
)
from zaigang_collector.devices import enrolment
from zaigang_collector.devices import service as devices
from zaigang_collector.devices.model import DeviceKind, TokenScope
from zaigang_collector.directory import csv_import
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Learnt
from zaigang_collector.ingest import service as ingest
from zaigang_collector.matching.learning import SETTLED_DAYS
from zaigang_shared.clock import CatchUpClock, Clock, SystemClock

# Real seconds in which the day passes. Longer is a longer wait; shorter makes a real millisecond
# of delivery so many simulated seconds that no reading can be dated well enough to count.
PASS_S: Final = 32
# Simulated time before the day: the laptops enrol in it, a real second is a third of an hour.
_LEAD_MS: Final = 2 * HOUR_MS
_LOOK_S: Final = 6.0  # how long this machine's agent runs
# Seconds. Nobody watches a demo for the minutes at which a real agent looks.
_QUICK: Final[Mapping[str, Any]] = {"usage_s": 2, "network_s": 3, "health_s": 3, "seal_s": 2}
_TICK_S: Final = 0.2
_TOKEN_MS: Final = 24 * HOUR_MS


@dataclass(frozen=True)
class _Story:
    """What is told, from the beginning to the end."""

    root: Path
    day: Day
    members: tuple[Member, ...]
    clock_spec: dict[str, float]
    progress: Progress

    @property
    def folder(self) -> Path:
        """For what the demo makes itself."""
        return self.root / "demo"

    @property
    def api_token(self) -> Path:
        return self.folder / "api-token"


@dataclass(frozen=True)
class _Stage:
    """A running collector and its doors."""

    collector: Opened
    ports: Ports

    @property
    def url(self) -> str:
        return f"https://localhost:{self.ports.device}"


def run(*, root: Path | None, stay: bool, language: str, out: TextIO) -> bool:
    """Run the demo; returns whether every verdict is the one that the truth calls for.

    `root`: the data directory, a temporary one when None; `stay`: until Ctrl-C.
    """
    agents.check_installed()
    with contextlib.ExitStack() as stack:
        kept = root is not None
        if root is None:
            root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="zaigang-demo-")))
        system = SystemClock()
        story, clock = _begin(root, system, out)
        report.introduction(story.day, story.members, out)
        with _serving(story, clock) as stage:
            story.progress.step("collector started: MQTT broker, enrolment, REST 采集端已启动")
            _import_directory(story, stage)
            _pass_the_day(story, stage, system)
        # Started again for this machine: in real time, and with intervals for the impatient.
        (root / "collector.toml").write_text(config.render(_settings(_QUICK)), encoding="utf-8")
        stage = stack.enter_context(_serving(story, system))
        api = Interface(stage.ports.api, story.api_token.read_text(encoding="ascii").strip())
        _real_machine(story, stage)
        _judge(story, stage, api)
        right = report.verdicts(api, story.members, language, out)
        accused = story.members[1]  # the verdict that somebody would want to see proved
        proved = proof.prove(stage.collector, api, accused.employee_id, story.folder)
        proof.tell(proved, accused.name, out)
        right = right and proved.holds
        report.this_machine(api, THIS_MACHINE, language, out)
        report.where_to_look(stage.ports, root, story.api_token, kept, out)
        if stay:
            _stay(out)
    return right


def _begin(root: Path, system: Clock, out: TextIO) -> tuple[_Story, Clock]:
    """A data directory, and a clock that shows this morning and catches up."""
    real_start_ms = system.utc_ms()
    day = the_day(real_start_ms, _LEAD_MS, PASS_S * 1000)
    rate = (day.ends_ms - day.began_ms) / (PASS_S * 1000)
    clock = CatchUpClock(real_start_ms=real_start_ms, begin_ms=day.began_ms, rate=rate)
    bootstrap.init(root, _settings({}), clock)
    clock_spec = {"real_start_ms": real_start_ms, "begin_ms": day.began_ms, "rate": rate}
    story = _Story(root, day, staff(day), clock_spec, Progress(out))
    story.folder.mkdir(mode=0o700)
    return story, clock


def _settings(changes: Mapping[str, Any]) -> Settings:
    """Reachable from this machine only, on whatever ports are free."""
    local = "127.0.0.1"
    plain = Settings(
        public_host="localhost",
        api_port=0,
        device_host=local,
        device_port=0,
        mqtt_host=local,
        mqtt_port=0,
        log_level="warning",
    )
    return dataclasses.replace(plain, **changes)


@contextlib.contextmanager
def _serving(story: _Story, clock: Clock) -> Iterator[_Stage]:
    with (
        bootstrap.opened(story.root, clock) as collector,
        Background(collector) as ports,
    ):
        yield _Stage(collector, ports)


def _stay(out: TextIO) -> None:
    out.write("\nCtrl-C ends the demo. 按 Ctrl-C 结束演示。\n")
    out.flush()
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()


def _import_directory(story: _Story, stage: _Stage) -> None:
    """From spreadsheets; and a token for whoever wants to ask afterwards."""
    paths = files.write_directory(story.folder, story.day, story.members)
    collector = stage.collector
    with collector.writing() as conn:
        for name, load in (
            ("sites", csv_import.import_sites),
            ("people", csv_import.import_people),
            ("networks", csv_import.import_networks),
            ("assignments", csv_import.import_assignments),
        ):
            load(
                conn,
                collector.vault,
                paths[name].read_bytes(),
                collector.clock.utc_ms(),
                collector.keys.net_key,
                collector.randomness,
            )
        _settle_homes(conn, story, stage)
        token = access.create(
            conn, "demo", list(Scope), collector.clock.utc_ms(), None, collector.randomness
        )
    descriptor = os.open(story.api_token, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(token + "\n")
    story.progress.step("directory imported from CSV: 1 site, 5 people 已导入驻场地点与人员")


def _settle_homes(conn: Connection, story: _Story, stage: _Stage) -> None:
    """As after some weeks: what `calibrate` would have told of the homes by then was accepted."""
    collector = stage.collector
    for member in story.members:
        for net in directory.home_places(conn, member.employee_id).networks:
            learnt = Learnt(
                member.employee_id,
                SITE_ID,
                f"{STAYS}{net.hex()}",
                1.0,
                None,
                SETTLED_DAYS,
                story.day.began_ms,
            )
            now_ms = collector.clock.utc_ms()
            directory.put_learnt(
                conn, collector.vault, learnt, "demo", now_ms, collector.randomness
            )


def _enrolment_token(stage: _Stage, employee_id: str | None) -> str:
    if employee_id is None:
        scope = TokenScope(DeviceKind.NODE, site_id=SITE_ID)
    else:
        scope = TokenScope(DeviceKind.LAPTOP, employee_id=employee_id)
    collector = stage.collector
    now_ms = collector.clock.utc_ms()
    with collector.writing() as conn:
        token = enrolment.issue_token(
            conn,
            scope,
            now_ms,
            now_ms + _TOKEN_MS,
            collector.keys.authority,
            collector.randomness,
        )
    return str(token)


def _pass_the_day(story: _Story, stage: _Stage, system: Clock) -> None:
    """The staff's laptops and the site node live through the day and send all of it."""
    tokens = {
        member.employee_id: _enrolment_token(stage, member.employee_id) for member in story.members
    }
    tokens["node"] = _enrolment_token(stage, None)
    file = files.write_simulation(
        story.folder, story.clock_spec, story.day.ends_ms, stage.url, tokens, story.members
    )
    simulation = agents.Simulation(file, story.folder / "simulation.log")
    try:
        pause = threading.Event()
        whole_ms = story.day.ends_ms - story.day.began_ms
        while simulation.running():
            at_ms = stage.collector.clock.utc_ms()
            share = (at_ms - story.day.began_ms) / whole_ms
            story.progress.bar(share, report.moment(at_ms, simulation.newest))
            pause.wait(_TICK_S)
        simulation.finish()
    finally:
        simulation.stop()
    left_ms = story.day.ends_ms - system.utc_ms()
    threading.Event().wait(max(0, left_ms) / 1000)  # the laptop of E004 sends nothing to wait for
    with stage.collector.reading() as conn:
        ids = [device.id for device in devices.list_all(conn)]
        number = sum(one.chain.stored for one in ingest.health(conn, ids))
    story.progress.step(
        f"the day has passed: {number} signed envelopes, every one with its receipt 封包均已回执"
    )


def _real_machine(story: _Story, stage: _Stage) -> None:
    """This machine is a device like any other, with real readings."""
    state_dir, log = story.folder / "this-machine", story.folder / "this-machine.log"
    agents.enrol(state_dir, stage.url, _enrolment_token(stage, THIS_MACHINE), log)
    story.progress.step("this machine enrolled as a real laptop 本机已登记为真实设备")
    agent = agents.RunningAgent(state_dir, log)
    try:
        ticks = round(_LOOK_S / _TICK_S)
        for tick in range(ticks):
            story.progress.bar(tick / ticks, "reading this machine 正在读取本机")
            threading.Event().wait(_TICK_S)
        agent.stop()
    finally:
        agent.kill()
    story.progress.step("this machine was read, signed and received 本机读数已签名并送达")


def _judge(story: _Story, stage: _Stage, api: Interface) -> None:
    """Clock-ins come from a spreadsheet, as from any company's export; then all are judged."""
    path = files.write_csv(story.folder, "clock-ins", clock_in_rows(story.members))
    collector = stage.collector
    with collector.writing() as conn:
        result = clock_in_csv.import_clock_ins(
            conn,
            collector.vault,
            path.read_bytes(),
            collector.clock.utc_ms(),
            collector.randomness,
        )
    story.progress.step(f"{result.added} clock-ins imported from CSV 打卡记录已导入")
    outcome: dict[str, Any] = api.post(
        "/api/v1/assessments/run",
        {"start": report.iso(story.day.began_ms), "end": report.iso(story.day.ends_ms)},
    )
    made = outcome["outcomes"].get("added", 0)
    story.progress.step(f"{made} attendance intervals assessed 出勤区间已核验")
