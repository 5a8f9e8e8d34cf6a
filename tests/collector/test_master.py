"""The master key in a file or behind a command, and its rotation."""

from __future__ import annotations

import base64
import dataclasses
import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection

from zaigang_collector import bootstrap
from zaigang_collector.bootstrap import Opened, masters
from zaigang_collector.bootstrap.run import Background
from zaigang_collector.cli import main
from zaigang_collector.cli.console import Exit
from zaigang_collector.config import Settings, render
from zaigang_collector.errors import ConfigError, ConflictError, VaultError
from zaigang_collector.vault import master, service
from zaigang_collector.vault.master import CommandMaster, FileMaster
from zaigang_collector.vault.model import person

WANG = person("E001")
FREE = Settings(
    api_port=0, device_port=0, mqtt_port=0, device_host="127.0.0.1", mqtt_host="127.0.0.1"
)
# A KMS of five lines: XOR with the name's length is no cipher, and enough to see what comes back.
KMS = """
import base64, sys
verb, name = sys.argv[-2:]
assert verb in ("wrap", "unwrap"), verb
data = base64.b64decode(sys.stdin.readline())
print(base64.b64encode(bytes(byte ^ len(name) for byte in data)).decode())
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    bootstrap.init(tmp_path / "data", FREE)
    return tmp_path / "data"


def seal(collector: Opened, text: bytes = b"body") -> bytes:
    with collector.writing() as conn:
        return collector.vault.seal(conn, WANG, text, b"here", 1)


def opens(data: Path, sealed: bytes) -> bytes:
    with bootstrap.opened(data) as collector, collector.reading() as conn:
        return collector.vault.open(conn, sealed, b"here")


def in_use(conn: Connection) -> str | None:
    return service.current_master(conn)


def rotate(collector: Opened, stop_after: str = "") -> None:
    def failpoint(step: str) -> None:
        if step == stop_after:
            raise KeyboardInterrupt(step)

    masters.rotate(
        collector.engine,
        collector.settings,
        collector.directory,
        collector.randomness,
        failpoint,
    )


def set_settings(data: Path, **changes: object) -> None:
    changed = dataclasses.replace(FREE, **changes)  # type: ignore[arg-type]  # as each test names
    (data / "collector.toml").write_text(render(changed), encoding="utf-8")


def kms(folder: Path, text: str = KMS) -> str:
    path = folder / "kms.py"
    path.write_text(text, encoding="utf-8")
    return f"{sys.executable} {path}"


def test_init_makes_a_master_key_that_only_its_owner_can_read(data: Path) -> None:
    path = data / "master.key"
    assert (path.stat().st_mode & 0o777, path.stat().st_size) == (0o600, 32)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda path: path.unlink(), "cannot be read.*restore the master key from a backup"),
        (lambda path: path.write_bytes(bytes(32)), "needs the master key file/.*right master key"),
        (lambda path: path.write_bytes(bytes(31)), "must hold 32 bytes, not 31"),
        (lambda path: path.chmod(0o644), "can be read by others; run: chmod 600"),
    ],
)
def test_a_master_key_file_that_is_not_right_is_a_sentence(
    data: Path, spoil: object, told: str
) -> None:
    with bootstrap.opened(data) as collector:
        seal(collector)
    assert callable(spoil)
    spoil(data / "master.key")
    with pytest.raises(ConfigError, match=told), bootstrap.opened(data):
        pass
    assert main(["people", "list", "--data", str(data)]) == Exit.CONFIG


def test_a_master_key_file_may_be_elsewhere(tmp_path: Path) -> None:
    elsewhere = tmp_path / "usb.key"
    settings = dataclasses.replace(FREE, master_key_file=str(elsewhere))
    bootstrap.init(tmp_path / "data", settings)
    assert elsewhere.stat().st_size == 32
    assert not (tmp_path / "data" / "master.key").exists()
    with bootstrap.opened(tmp_path / "data") as collector:
        sealed = seal(collector)
        rotate(collector)
    assert opens(tmp_path / "data", sealed) == b"body"


def test_rotation_changes_the_file_and_no_body(data: Path) -> None:
    before = (data / "master.key").read_bytes()
    with bootstrap.opened(data) as collector:
        sealed = seal(collector)
    assert main(["master-key", "rotate", "--data", str(data)]) == Exit.OK
    after = data / "master.key"
    assert after.read_bytes() != before
    assert after.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in data.glob("master.key*")) == ["master.key"]
    assert opens(data, sealed) == b"body"
    after.write_bytes(before)
    with pytest.raises(ConfigError, match="needs the master key"), bootstrap.opened(data):
        pass


@pytest.mark.parametrize("step", ["written", "rewrapped", "committed", "aside", "in place"])
def test_rotation_killed_at_any_step_leaves_what_the_next_start_can_open(
    data: Path, step: str
) -> None:
    with bootstrap.opened(data) as collector:
        sealed = seal(collector)
        with pytest.raises(KeyboardInterrupt):
            rotate(collector, step)
    assert opens(data, sealed) == b"body"
    with bootstrap.opened(data) as collector:
        later = seal(collector, b"later")  # a new body is readable after the next rotation as well
        rotate(collector)
    assert [opens(data, one) for one in (sealed, later)] == [b"body", b"later"]
    assert sorted(path.name for path in data.glob("master.key*")) == ["master.key"]


def test_rotation_waits_until_no_collector_serves(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (data / "master.key").read_bytes()
    with bootstrap.opened(data) as collector, Background(collector):
        assert main(["master-key", "rotate", "--data", str(data)]) == Exit.CONFIG
    assert "stop it first" in capsys.readouterr().err
    assert (data / "master.key").read_bytes() == before


def test_a_command_that_was_started_before_a_rotation_makes_no_key_that_is_lost(
    data: Path,
) -> None:
    with bootstrap.opened(data) as slow:
        with bootstrap.opened(data) as collector:
            seal(collector)
            rotate(collector)
        with pytest.raises(ConfigError, match="needs the master key"), slow.writing() as conn:
            slow.vault.seal(conn, person("E002"), b"body", b"here", 1)


def test_a_command_wraps_and_unwraps(data: Path, tmp_path: Path) -> None:
    set_settings(data, master_key_command=kms(tmp_path))
    with bootstrap.opened(data) as collector:
        sealed = seal(collector)
        with collector.reading() as conn:
            assert in_use(conn) == "command/main"
    (data / "master.key").unlink()
    assert opens(data, sealed) == b"body"


def test_a_collector_moves_from_a_file_to_a_command_and_to_another_of_its_keys(
    data: Path, tmp_path: Path
) -> None:
    with bootstrap.opened(data) as collector:
        sealed = seal(collector)
    for name in ("main", "another"):
        set_settings(data, master_key_command=kms(tmp_path), master_key_id=name)
        assert opens(data, sealed) == b"body"  # with the one before, until it is rotated
        with bootstrap.opened(data) as collector:
            rotate(collector)
            with collector.reading() as conn:
                assert in_use(conn) == f"command/{name}"
            with pytest.raises(ConflictError, match="in use already"):
                rotate(collector)
    (data / "master.key").unlink()
    assert opens(data, sealed) == b"body"


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("import sys; sys.exit(3)", "ended with exit code 3; expected 0"),
        ("print('not base64!')", "one line of base64"),
        ("pass", "one line of base64"),
        ("import sys, base64; print(base64.b64encode(b'short').decode())", "unwrapped 5 bytes"),
    ],
)
def test_a_command_that_fails_is_a_sentence(tmp_path: Path, script: str, told: str) -> None:
    command = kms(tmp_path, script).split()
    with pytest.raises(VaultError, match=told):
        CommandMaster(command, "main").unwrap(b"wrapped")


def test_a_command_that_is_not_there_or_does_not_answer_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(VaultError, match="cannot be started: No such file"):
        CommandMaster([str(tmp_path / "none")], "main").wrap(bytes(32))
    monkeypatch.setattr(master, "COMMAND_S", 0.05)
    with pytest.raises(VaultError, match="did not answer within"):
        CommandMaster(kms(tmp_path, "import signal; signal.pause()").split(), "main").wrap(
            bytes(32)
        )


def test_nothing_secret_is_on_the_command_line(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    script = f"import sys; open({str(seen)!r}, 'w').write(repr(sys.argv))\n{KMS}"
    key = bytes(range(32))
    assert len(CommandMaster(kms(tmp_path, script).split(), "main").wrap(key)) == 32
    told = seen.read_text()
    assert "'wrap', 'main'" in told
    for form in (key.hex(), base64.b64encode(key).decode()):
        assert form not in told


def test_a_key_that_was_wrapped_by_another_or_damaged_is_refused() -> None:
    wrapped = FileMaster(bytes(32)).wrap(bytes(32))
    with pytest.raises(VaultError, match="cannot be unwrapped"):
        FileMaster(bytes([1] * 32)).unwrap(wrapped)
    with pytest.raises(VaultError, match="cannot be unwrapped"):
        FileMaster(bytes(32)).unwrap(wrapped[:-1])
