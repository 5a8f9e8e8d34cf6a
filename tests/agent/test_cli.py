"""What a person sees who types a command, right or wrong."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.agent import DEVICE_ID, Store, enrolled
from tests.fakes.collector_https import FakeCollector
from tests.fakes.device_broker import BrokerSide, Mosquitto, broker
from zaigang_agent import keys, statusfile
from zaigang_agent.cli import main
from zaigang_agent.spool import Spool

COMMANDS = ("enrol", "run", "status", "show", "doctor", "pause", "resume", "simulate")


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[FakeCollector]:
    with FakeCollector(tmp_path) as running:
        yield running


def test_help_names_every_command_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert all(command in text for command in COMMANDS)
    assert "exit codes" in text


def test_wrong_usage_is_exit_code_2() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["dance"])
    assert ended.value.code == 2


@pytest.mark.parametrize("command", ["run", "status", "show", "pause", "resume"])
def test_a_device_that_is_not_enrolled_says_how_to(
    command: str, state_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--state-dir", str(state_dir), command]) == 4
    assert "zaigang-agent enrol URL TOKEN" in capsys.readouterr().err


@pytest.mark.parametrize("before", [True, False])
def test_enrol_then_status(
    before: bool, collector: FakeCollector, state_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ["--state-dir", str(state_dir)]
    words = ["enrol", collector.url, str(collector.token), "--name", "desk-7"]
    assert main([*place, *words] if before else [*words, *place]) == 0
    assert f"enrolled as {DEVICE_ID} (laptop 'desk-7')" in capsys.readouterr().out
    assert main(["status", "--json", *place]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["device_id"], facts["running"], facts["waiting"]) == (DEVICE_ID, False, 0)
    assert main(["status", *place]) == 0
    assert "certificate until" in capsys.readouterr().out


@pytest.mark.parametrize("source", ["file", "environment"])
def test_the_token_need_not_stand_in_the_process_list(
    source: str,
    collector: FakeCollector,
    state_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ["--state-dir", str(state_dir), "enrol", collector.url]
    if source == "file":
        (tmp_path / "token").write_text(f"{collector.token}\n")
        words += ["--token-file", str(tmp_path / "token")]
    else:
        monkeypatch.setenv("ZAIGANG_TOKEN", str(collector.token))
    assert main(words) == 0


def test_enrol_without_a_token_says_where_to_put_it(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ZAIGANG_TOKEN", raising=False)
    assert main(["--state-dir", str(state_dir), "enrol", "https://c:1"]) == 3
    assert "--token-file FILE, or ZAIGANG_TOKEN" in capsys.readouterr().err


def test_enrol_again_needs_the_word(
    collector: FakeCollector, state_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--state-dir", str(state_dir), "enrol", collector.url, str(collector.token)]
    assert main(words) == 0
    assert main(words) == 4
    assert "--again" in capsys.readouterr().err
    collector.raw = b"lost"
    again = [*words, "--again"]
    assert main(again) == 3
    assert "put aside in" in capsys.readouterr().out
    key = (state_dir / keys.KEY).read_bytes()
    collector.raw = None
    assert main(again) == 0  # the same attempt, so the same key
    assert (state_dir / keys.KEY).read_bytes() == key


def test_enrol_again_tells_what_the_earlier_identity_had_not_sent(
    collector: FakeCollector, state_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--state-dir", str(state_dir), "enrol", collector.url, str(collector.token)]
    assert main(words) == 0
    with Spool.peek(state_dir) as spool:
        for _ in range(2):
            spool.seal(lambda place: bytes([place.seq]), bytes(16), 1)
    assert main([*words, "--again"]) == 0
    assert "2 envelopes in it had no receipt yet" in capsys.readouterr().out


def test_a_wrong_setting_is_explained(
    state_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "agent.toml"
    file.write_text("[spol]\nmax_mb = 3\n")
    assert main(["--config", str(file), "--state-dir", str(state_dir), "status"]) == 3
    assert "there is no setting spol" in capsys.readouterr().err


def test_a_folder_of_another_user_is_explained(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(keys, "is_enrolled", refuse)
    assert main(["--state-dir", str(state_dir), "status"]) == 3
    assert "sudo -u zaigang" in capsys.readouterr().err


def test_pause_and_resume(state_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    enrolled(state_dir)
    place = ["--state-dir", str(state_dir)]
    for command, said in (
        ("pause", "nothing personal is read"),
        ("pause", "was paused already"),
        ("resume", "resumed"),
        ("resume", "was not paused"),
    ):
        assert main([*place, command]) == 0
        assert said in capsys.readouterr().out
    assert not statusfile.is_paused(state_dir)


def test_a_copied_state_folder_refuses_to_run(
    state_dir: Path, tmp_path: Path, collector: FakeCollector, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--state-dir", str(state_dir), "enrol", collector.url, str(collector.token)]) == 0
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-a", state_dir, copy], check=True)
    assert main(["--state-dir", str(copy), "run"]) == 4
    assert "was copied here" in capsys.readouterr().err


@pytest.fixture
def mosquitto(tmp_path: Path, collector: FakeCollector) -> Iterator[Mosquitto]:
    with broker(tmp_path, collector.authority) as running:
        collector.mqtt = {"host": "127.0.0.1", "port": running.port}
        yield running


@pytest.mark.mosquitto
def test_a_real_agent_runs_sends_stops_and_after_a_kill_goes_on(
    tmp_path: Path, state_dir: Path, collector: FakeCollector, mosquitto: Mosquitto
) -> None:
    assert main(["--state-dir", str(state_dir), "enrol", collector.url, str(collector.token)]) == 0
    store = Store(keys.load(state_dir).key.public_key())
    side = BrokerSide(tmp_path, collector.authority, mosquitto.port, store)
    side.start()
    first = start(state_dir)
    side.wait_for(lambda: store.through >= 1)
    first.kill()
    first.wait()
    second = start(state_dir)
    side.wait_for(lambda: store.through >= 2)
    second.send_signal(signal.SIGTERM)
    assert second.wait(15) == 0
    store.check_chain()
    with Spool.peek(state_dir) as spool:
        for _, data in spool.after(0, 100):
            store.take(data)
        assert spool.last_seq == len(store.envelopes)
    store.check_chain()
    side.wait_for(lambda: side.states[-1:] == [b"offline"])
    side.stop()


@pytest.mark.mosquitto
def test_systemd_hears_ready_and_stopping(
    tmp_path: Path, state_dir: Path, collector: FakeCollector, mosquitto: Mosquitto
) -> None:
    assert main(["--state-dir", str(state_dir), "enrol", collector.url, str(collector.token)]) == 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.settimeout(15)
        systemd.bind(str(tmp_path / "notify"))
        agent = start(state_dir, NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="300000")
        heard = [systemd.recv(1000)]
        while heard[-1] != b"WATCHDOG=1":
            heard.append(systemd.recv(1000))
        assert heard[0] == b"READY=1"
        agent.send_signal(signal.SIGTERM)
        while heard[-1] != b"STOPPING=1":
            heard.append(systemd.recv(1000))
        assert agent.wait(15) == 0


def start(state_dir: Path, **environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "zaigang_agent", "--state-dir", str(state_dir), "run"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
    )


def test_a_running_agent_imports_nothing_that_only_enrolment_needs() -> None:
    code = (
        "import sys, zaigang_agent.cli, zaigang_agent.bootstrap, zaigang_agent.platforms.linux\n"
        "heavy = ('cryptography.x509', 'cryptography.hazmat.primitives.serialization', 'asyncio',"
        " 'pydantic', 'smbus2', 'bleak', 'zaigang_agent.enrolment', 'zaigang_agent.doctor',"
        " 'zaigang_agent.show', 'zaigang_agent.fleet', 'tomllib')\n"
        "sys.exit(' '.join(name for name in heavy if name in sys.modules) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.strip()) == (0, "")
