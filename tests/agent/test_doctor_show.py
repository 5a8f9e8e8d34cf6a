"""The two screens for people: what works, and what is sent."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.agent import BOOT, DEVICE_ID, NET_KEY, a_usage, enrolled
from tests.fakes.clock import FakeClock
from tests.fakes.collector_https import the_authority
from tests.fakes.platform import FakePlatform
from zaigang_agent import doctor, keys, show, statusfile
from zaigang_agent.ble import faults
from zaigang_agent.bootstrap import World
from zaigang_agent.config import LocalConfig, RadioSettings
from zaigang_agent.doctor import Check, Patient, Verdict
from zaigang_agent.errors import SampleError
from zaigang_agent.keys import Identity
from zaigang_agent.platforms.base import Limit, NetworkState, ProcessHealth, SessionState
from zaigang_agent.privacy import NEVER
from zaigang_agent.sealing import Buffer, Sealer, Stamp
from zaigang_agent.spool import Spool
from zaigang_agent.statusfile import Status
from zaigang_shared.device_config import DeviceConfig, Hours
from zaigang_shared.readings import (
    Advert,
    Beacon,
    Environment,
    Gap,
    Health,
    Network,
    Reading,
    Scan,
    Session,
    Usage,
)


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    made = enrolled(tmp_path / "state")
    keys.write(made.state_dir / keys.CA, the_authority().pem)
    keys.write(made.state_dir / keys.CERTIFICATE, the_authority().device(made.key))
    return made


def patient(identity: Identity, **changes: object) -> Patient:
    base = Patient(
        identity.state_dir,
        LocalConfig(),
        FakeClock(),
        FakePlatform(),
        reach=lambda _: None,
        radio=lambda adapter, sends: None,
    )
    return replace(base, **changes)  # type: ignore[arg-type]  # names and types are the test's


def examine(someone: Patient) -> dict[str, Check]:
    return {check.name: check for check in doctor.examine(someone)}


def running(identity: Identity, **changes: object) -> None:
    now_ms = FakeClock().utc
    status = Status(
        pid=os.getpid(), agent="0.1.0", started_ms=now_ms, updated_ms=now_ms, connected=True
    )
    for name, value in changes.items():
        setattr(status, name, value)
    statusfile.write_status(identity.state_dir, status)


def test_when_all_is_well_it_says_so(identity: Identity) -> None:
    running(identity)
    checks = list(doctor.examine(patient(identity)))
    assert {check.verdict for check in checks} == {Verdict.WORKS}
    assert list(doctor.lines(checks))[-1] == "all is well"
    assert len(checks) <= 15  # one screen


def test_a_radio_that_does_not_work_says_what_to_do(identity: Identity) -> None:
    asked: list[tuple[str, bool]] = []

    def broken(adapter: str, sends: bool) -> str:
        asked.append((adapter, sends))
        return faults.POWERED_OFF

    local = LocalConfig(radio=RadioSettings(adapter="hci1"))
    check = examine(patient(identity, radio=broken, local=local))["radio"]
    assert (check.verdict, check.why) == (Verdict.FAILS, faults.POWERED_OFF)
    assert asked == [("hci1", False)]
    off = LocalConfig(radio=RadioSettings(off=True))
    assert examine(patient(identity, radio=broken, local=off))["radio"].verdict is Verdict.NOTE
    assert len(asked) == 1


def test_without_enrolment_the_machine_itself_is_still_examined(tmp_path: Path) -> None:
    someone = Patient(tmp_path, LocalConfig(), FakeClock(), FakePlatform())
    checks = examine(someone)
    assert checks["enrolment"].verdict is Verdict.FAILS
    assert "zaigang-agent enrol URL TOKEN" in checks["enrolment"].why
    assert checks["sessions"].verdict is Verdict.WORKS


def test_a_clock_in_1970_is_explained_by_its_consequence(identity: Identity) -> None:
    check = examine(patient(identity, clock=FakeClock(utc=5_000)))["clock"]
    assert check.verdict is Verdict.FAILS
    assert "certificates do not hold" in check.why


@pytest.mark.parametrize(
    ("platform", "name", "verdict", "said"),
    [
        (FakePlatform(synced=False), "clock", Verdict.NOTE, "not synchronised"),
        (FakePlatform(refused="no access to logind"), "sessions", Verdict.FAILS, "logind"),
        (
            FakePlatform(session=SessionState(None, None, None, problem="this desktop hides it")),
            "sessions",
            Verdict.FAILS,
            "this desktop hides it",
        ),
        (FakePlatform(net=NetworkState("none", False, None)), "network", Verdict.NOTE, "kept"),
        (FakePlatform(net=NetworkState("wifi", False, None)), "network", Verdict.NOTE, "gateway"),
        (
            FakePlatform(state=ProcessHealth(1, 1, 5 << 20, None)),
            "disk",
            Verdict.FAILS,
            "only 5 MB free",
        ),
    ],
)
def test_each_trouble_of_the_machine_has_its_sentence(
    identity: Identity, platform: FakePlatform, name: str, verdict: Verdict, said: str
) -> None:
    check = examine(patient(identity, platform=platform))[name]
    assert check.verdict is verdict
    assert said in check.why


def test_an_agent_that_does_not_run_or_hangs_is_noticed(identity: Identity) -> None:
    assert "systemctl start" in examine(patient(identity))["agent"].why
    running(identity, updated_ms=FakeClock().utc - 600_000)
    assert "last active 10 min ago" in examine(patient(identity))["agent"].why


def test_what_the_running_agent_complains_of_is_passed_on(identity: Identity) -> None:
    running(
        identity, connected=False, uplink_problem="nothing listens", problems={"usage": "no logind"}
    )
    checks = examine(patient(identity, reach=lambda _: "does not answer"))
    assert checks["broker"].why == "nothing listens"
    assert checks["usage"].why == "no logind"
    assert checks["collector"].why == "does not answer"


def test_what_a_helper_tells_the_running_agent_is_not_missing(identity: Identity) -> None:
    hidden = FakePlatform(session=SessionState("local", False, None, problem="no helper answers"))
    assert examine(patient(identity, platform=hidden))["sessions"].verdict is Verdict.FAILS
    running(identity, helpers=0, looking=True)
    assert examine(patient(identity, platform=hidden))["sessions"].why == "no helper answers"
    running(identity, helpers=0, looking=False)  # then nobody is let in, and nothing is wrong
    check = examine(patient(identity, platform=hidden))["sessions"]
    assert (check.verdict, "may look again" in check.why) == (Verdict.NOTE, True)
    running(identity, helpers=1)
    check = examine(patient(identity, platform=hidden))["sessions"]
    assert check.verdict is Verdict.WORKS
    assert "session helper" in check.why


def test_what_the_system_refuses_has_a_line_here_and_from_the_running_agent(
    identity: Identity,
) -> None:
    refusing = FakePlatform(refusals=(Limit("wifi", "allow location"),))
    running(identity, limits={"session helper": "speaks another version"})
    checks = examine(patient(identity, platform=refusing))
    assert (checks["wifi"].verdict, checks["wifi"].why) == (Verdict.NOTE, "allow location")
    assert "another version" in checks["session helper"].why


def test_a_work_folder_that_is_refused_is_named_by_label(identity: Identity) -> None:
    platform = FakePlatform()

    def refused(path: Path, since_utc_ms: int) -> int:
        raise SampleError("permission", f"{path} is refused since {since_utc_ms}")

    platform.folder_changes = refused  # type: ignore[method-assign]  # one folder says no
    local = LocalConfig(folders={"designs": "/w"})
    someone = Patient(identity.state_dir, local, FakeClock(), platform, lambda _: None)
    check = examine(someone)["folder designs"]
    assert (check.verdict, check.why[:12]) == (Verdict.FAILS, "/w is refuse")


def test_a_certificate_that_ran_out_says_enrol_again(identity: Identity) -> None:
    keys.write_card(identity.state_dir, _card(identity, not_after_ms=FakeClock().utc - 1))
    check = examine(patient(identity))["certificate"]
    assert (check.verdict, "enrol --again" in check.why) == (Verdict.FAILS, True)


def _card(identity: Identity, **changes: int) -> keys.Card:
    import msgspec

    return msgspec.structs.replace(identity.card, **changes)


def test_a_lost_spool_is_noticed(identity: Identity) -> None:
    (identity.state_dir / "spool.db").unlink()
    assert examine(patient(identity))["spool"].verdict is Verdict.FAILS


# ---- show

ALL: tuple[Reading, ...] = (
    Usage(
        t_ms=9,
        span_ms=9,
        active=2,
        regular=True,
        session="local",
        locked=True,
        apps={"CAD": 3},
        touched={"plans": 4},
    ),
    Session(t_ms=1, span_ms=0, event="unlock"),
    Network(t_ms=1, span_ms=0, link="wifi", vpn=True, net=bytes(8), vantage=b"v"),
    Environment(t_ms=1, span_ms=0, sensor="1", model="sht4x", temp_c=21.5, rh_pct=40.0, via="i2c"),
    Beacon(
        t_ms=9,
        span_ms=9,
        scheme="rid",
        id=bytes(8),
        n=3,
        rssi_max=-50,
        rssi_med=-60,
        first_t=1,
        last_t=2,
    ),
    Scan(t_ms=9, span_ms=9, adverts=5, devices=2, healthy=False, restarts=1),
    Advert(t_ms=9, span_ms=9, slot_first=1, slot_last=2, ok=False),
    Health(t_ms=1, span_ms=0, agent="1", spooled=2, rss_mb=30, cpu_pct=1, disk_free_mb=3),
    Gap(t_ms=9, span_ms=9, reason="paused", from_t=0),
)


def test_all_that_an_air_reading_says_is_shown() -> None:
    reading = Environment(
        t_ms=1,
        span_ms=0,
        sensor="scd4x-1",
        model="scd4x",
        temp_c=25.3,
        rh_pct=41.2,
        via="i2c",
        pressure_hpa=1009.4,
        co2_ppm=815,
        temp_acc_c=0.8,
        rh_acc_pct=6.0,
        self_heat_c=2.4,
    )
    text = show.describe(reading)
    for part in ("25.3 °C ± 0.8", "41.2 % ± 6.0 RH", "1009.4 hPa", "815 ppm", "own warmth 2.4 °C"):
        assert part in text


@pytest.mark.parametrize("reading", ALL, ids=lambda r: type(r).__name__)
def test_every_kind_of_reading_has_words_in_both_languages(reading: Reading) -> None:
    text = show.describe(reading)
    assert any("a" <= char <= "z" for char in text)
    assert any("\u4e00" <= char <= "\u9fff" for char in text)


def test_everything_in_a_usage_reading_is_said(identity: Identity) -> None:
    text = show.describe(ALL[0])
    for part in ("under two thirds", "locked", "too regular", "CAD: level 3", "plans: 4 files"):
        assert part in text


def page(identity: Identity, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(show, "_LOOK_S", 0.0)
    world = World(clock=FakeClock(), platform=FakePlatform(), vantage=lambda: None)
    return "\n".join(show.lines(identity, LocalConfig(), world))


def test_the_page_names_what_would_be_sent_what_waits_and_all_that_never_is(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Spool.open(identity.state_dir, DEVICE_ID) as spool:
        for _ in range(5):
            buffer = Buffer()
            buffer.add(a_usage(1000))
            stamp = Stamp(BOOT, 1000, FakeClock().utc, True)
            Sealer(spool, identity.key, DEVICE_ID).seal(buffer, stamp)
    text = page(identity, monkeypatch)
    assert "gateway as keyed hash" in text
    assert "02:00:5e" not in text
    assert "envelope 1, sealed 2026-09-21" in text
    assert "and 2 more" in text
    assert all(english in text and chinese in text for english, chinese in NEVER)


def test_outside_the_hours_nothing_personal_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = DeviceConfig(hours=Hours("Asia/Shanghai", (), 0), net_key=NET_KEY)
    text = page(enrolled(tmp_path / "night", config), monkeypatch)
    assert "outside the configured working hours" in text
    assert "gateway as" not in text


def test_a_damaged_envelope_is_named_and_the_page_goes_on(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Spool.open(identity.state_dir, DEVICE_ID) as spool:
        spool._db.execute("INSERT INTO envelope VALUES (1, x'00')")
    assert "envelope 1: damaged" in page(identity, monkeypatch)


def test_looking_changes_nothing(identity: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = identity.state_dir.parent / "copy"
    shutil.copytree(identity.state_dir, copy)
    page(identity, monkeypatch)
    for name in keys.ALL_FILES:
        assert (copy / name).read_bytes() == (identity.state_dir / name).read_bytes()
