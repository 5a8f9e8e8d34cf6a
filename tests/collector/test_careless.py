"""What an administrator does in a hurry: each ends in a sentence, and nothing is lost."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from zaigang_collector import bootstrap
from zaigang_collector.bootstrap.run import Background
from zaigang_collector.cli import main
from zaigang_collector.cli.console import Exit
from zaigang_collector.config import Settings
from zaigang_collector.errors import ConfigError

FREE = Settings(
    api_port=0, device_port=0, mqtt_port=0, device_host="127.0.0.1", mqtt_host="127.0.0.1"
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    bootstrap.init(tmp_path / "data", FREE)
    return tmp_path / "data"


def test_a_second_collector_over_the_same_directory_is_refused(data: Path) -> None:
    with bootstrap.opened(data) as first, Background(first) as ports:
        told = first.directory.ports.read_text()
        with (
            bootstrap.opened(data) as second,
            pytest.raises(ConfigError, match="is serving from"),
            Background(second),
        ):
            pass
        assert first.directory.ports.read_text() == told
        assert str(ports.api) in told


def test_the_broker_s_port_in_use_is_a_sentence(data: Path, tmp_path: Path) -> None:
    with bootstrap.opened(data) as first, Background(first) as ports:
        bootstrap.init(
            tmp_path / "other",
            Settings(api_port=0, device_port=0, mqtt_host="127.0.0.1", mqtt_port=ports.mqtt),
        )
        with (
            bootstrap.opened(tmp_path / "other") as second,
            pytest.raises(ConfigError, match=f"{ports.mqtt} cannot be listened on"),
            Background(second),
        ):
            pass


def test_init_leaves_a_directory_with_other_files_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    (home / "thesis.txt").write_text("mine")
    assert main(["init", "--data", str(home)]) == Exit.CONFIG
    assert home.stat().st_mode & 0o777 == 0o755
    assert [path.name for path in home.iterdir()] == ["thesis.txt"]


def test_init_takes_an_empty_directory_also_at_the_root_of_a_file_system(tmp_path: Path) -> None:
    (tmp_path / "data" / "lost+found").mkdir(parents=True)
    assert main(["init", "--data", str(tmp_path / "data")]) == Exit.OK


def test_a_host_that_is_no_name_is_refused_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    for host in ("a..b", "x" * 64 + ".example", "https://here", ""):
        assert main(["init", "--data", str(folder), "--public-host", host]) == Exit.CONFIG
        assert "public_host must be" in capsys.readouterr().err
    assert not folder.exists()


def test_a_database_that_is_gone_is_not_made_anew(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "zaigang.db").unlink()
    assert main(["people", "list", "--data", str(data)]) == Exit.CONFIG
    assert "backup" in capsys.readouterr().err
    assert main(["upgrade", "--data", str(data)]) == Exit.CONFIG
    assert not (data / "zaigang.db").exists()


def test_a_damaged_database_is_a_sentence(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "zaigang.db").write_bytes(b"no database at all" * 1000)
    assert main(["people", "list", "--data", str(data)]) == Exit.CONFIG
    assert "backup" in capsys.readouterr().err


def test_a_database_that_others_can_read_is_refused(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "zaigang.db").chmod(0o644)
    assert main(["people", "list", "--data", str(data)]) == Exit.CONFIG
    assert "chmod 600" in capsys.readouterr().err


def test_upgrading_a_newer_database_is_a_sentence(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conn = sqlite3.connect(data / "zaigang.db")
    conn.execute("UPDATE alembic_version SET version_num = 'r9999'")
    conn.commit()
    conn.close()
    assert main(["upgrade", "--data", str(data)]) == Exit.CONFIG
    assert "newer" in capsys.readouterr().err


@pytest.mark.parametrize("days", ["0", "-1", "4000000", "99999999999999"])
def test_an_api_token_of_no_time_or_for_ever_and_a_day_is_refused(
    data: Path, days: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["token", "api", "x", "read:health", "--days", days, "--data", str(data)])
    assert ended.value.code == Exit.USAGE
    assert "--days" in capsys.readouterr().err
    assert main(["token", "list", "--data", str(data)]) == Exit.OK


def test_an_enrolment_token_for_ever_is_refused(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["token", "enrol", "--site", "x", "--hours", "9" * 17, "--data", str(data)])
    assert ended.value.code == Exit.USAGE
    assert "--hours" in capsys.readouterr().err


def test_an_argument_that_is_no_text_is_a_sentence(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (["people", "show", "\udcff"], ["token", "api", "\udcff", "read:health"]):
        assert main([*command, "--data", str(data)]) == Exit.USAGE
        assert "UTF-8" in capsys.readouterr().err


def test_a_directory_that_cannot_be_written_is_a_sentence(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object, **_named: object) -> int:
        raise OSError(28, "No space left on device", str(data / "server.key.new"))

    (data / "server.key").unlink()
    monkeypatch.setattr("zaigang_collector.devices.keyring.os.open", full)
    assert main(["serve", "--data", str(data)]) == Exit.CONFIG
    assert "No space left on device" in capsys.readouterr().err
