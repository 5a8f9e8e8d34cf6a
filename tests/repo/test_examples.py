"""Every example configuration is read by the program that it is for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import Connection

import zaigang_agent.config
import zaigang_collector.config
from tests.factories.vault import VAULT
from tests.repo.checks import ROOT
from zaigang_agent.drivers.simulated import load_spec
from zaigang_agent.errors import AgentError
from zaigang_collector import db
from zaigang_collector.attendance import csv_schedule, patterns, schedules
from zaigang_collector.attendance.csv_import import import_clock_ins
from zaigang_collector.cli import bulk
from zaigang_collector.connectors.dingtalk import settings as dingtalk
from zaigang_collector.connectors.feishu import settings as feishu
from zaigang_collector.connectors.git import settings as git
from zaigang_collector.connectors.hooks import settings as hooks
from zaigang_collector.connectors.sheets import mapping, rows, service, taking
from zaigang_collector.connectors.sheets.service import Options
from zaigang_collector.connectors.wecom import settings as wecom
from zaigang_collector.directory import csv_import as directory_csv
from zaigang_collector.directory.csv_carried import import_carried
from zaigang_collector.errors import CsvError
from zaigang_collector.worktraces import clients
from zaigang_collector.worktraces import csv_import as traces_csv

_FOLDER: Final = ROOT / "docs" / "examples"
_PROFILES: Final = sorted((ROOT / "firmware_config" / "profiles").glob("*.toml"))
_NOW_MS: Final = 1_790_000_000_000
_NET_KEY: Final = bytes(32)


def _random(count: int) -> bytes:
    return bytes(count)


def _load_clock_ins(conn: Connection, data: bytes) -> object:
    return import_clock_ins(conn, VAULT, data, _NOW_MS, _random)


def _load_carried(conn: Connection, data: bytes) -> object:
    return import_carried(conn, VAULT, data, _NOW_MS, _random)


def _load_calendar(conn: Connection, data: bytes) -> object:
    return csv_schedule.import_calendar(conn, "", data, _NOW_MS, _random)


def _load_roster(conn: Connection, data: bytes) -> object:
    """With the shift that docs/attendance.md sets."""
    schedules.put_shift(conn, "night", patterns.parse("22:00-06:00"), _NOW_MS, _random)
    return csv_schedule.import_roster(conn, VAULT, data, _NOW_MS, _random)


def _load_exemptions(conn: Connection, data: bytes) -> object:
    return csv_schedule.import_exemptions(conn, VAULT, data, _NOW_MS, _random)


def _load_punches(conn: Connection, data: bytes) -> object:
    """Each row of it becomes a clock-in, and nobody is asked how it is to be read."""
    looked = service.look(conn, data, Options())
    at = mapping.index(looked.given, looked.header)
    found = rows.read(looked.body, at, looked.given, _NET_KEY)
    where = taking.Directory(conn, looked.given)
    made = taking.make(looked.source, found.claims, looked.given, where, _NOW_MS)
    assert looked.agreed
    assert len(made.punches) == len(looked.body) == 4
    return made


def _load_events(conn: Connection, data: bytes) -> object:
    return traces_csv.import_events(conn, VAULT, data, None, _NOW_MS, _random)


def _load_logs(conn: Connection, data: bytes) -> object:
    return traces_csv.import_work_logs(conn, VAULT, data, clients.Texts(), _NOW_MS, _random)


def _directory(importer: Callable[..., object]) -> Callable[[Connection, bytes], object]:
    return lambda conn, data: importer(conn, VAULT, data, _NOW_MS, _NET_KEY, _random)


# In the order in which they need each other.
_TABLES: Final = {
    "sites.csv": _directory(directory_csv.import_sites),
    "people.csv": _directory(directory_csv.import_people),
    "networks.csv": _directory(directory_csv.import_networks),
    "assignments.csv": _directory(directory_csv.import_assignments),
    "carried.csv": _load_carried,
    "clock-ins.csv": _load_clock_ins,
    "calendar.csv": _load_calendar,
    "roster.csv": _load_roster,
    "exemptions.csv": _load_exemptions,
    "punches.csv": _load_punches,
    "business-events.csv": _load_events,
    "work-logs.csv": _load_logs,
    "devices.csv": bulk.read,
}


def _load_dingtalk(path: Path) -> object:
    return dingtalk.load(path)


def _load_wecom(path: Path) -> object:
    return wecom.load(path)


def _load_git(path: Path) -> object:
    return git.load(path)


def _load_feishu(path: Path) -> object:
    return feishu.load(path)


def _load_agent(path: Path) -> object:
    return zaigang_agent.config.load(path)


def _load_collector(path: Path) -> object:
    return zaigang_collector.config.parse(path.read_text(encoding="utf-8"), path.name)


def _load_clients(path: Path) -> object:
    return clients.parse(path.read_text(encoding="utf-8"), path.name)


_LOADERS: Final = {
    "collector.toml": _load_collector,
    "agent-laptop.toml": _load_agent,
    "simulated-bus.json": load_spec,
    "dingtalk.toml": _load_dingtalk,
    "wecom.toml": _load_wecom,
    "feishu.toml": _load_feishu,
    "git.toml": _load_git,
    "clients.toml": _load_clients,
    "hooks.toml": hooks.load,
}


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    """An empty database."""
    engine = db.open_engine(f"sqlite:///{tmp_path / 'example.db'}")
    db.metadata.create_all(engine)
    with db.writing(engine) as connection:
        yield connection
    engine.dispose()


@pytest.mark.parametrize("path", _PROFILES, ids=lambda path: path.stem)
def test_the_sensor_profile_loads(path: Path) -> None:
    assert zaigang_agent.config.load(path).node.sensors


def test_every_example_has_a_loader() -> None:
    assert {path.name for path in _FOLDER.iterdir()} == _LOADERS.keys() | _TABLES.keys()


@pytest.mark.parametrize("name", _LOADERS)
def test_the_example_configuration_loads(name: str) -> None:
    assert _LOADERS[name](_FOLDER / name)


@pytest.mark.parametrize("name", _LOADERS)
def test_an_example_with_an_unknown_setting_would_be_noticed(name: str, tmp_path: Path) -> None:
    wrong = tmp_path / name
    wrong.write_text("no_such_setting = 1\n" + (_FOLDER / name).read_text(encoding="utf-8"))
    with pytest.raises((AgentError, zaigang_collector.errors.ConfigError)):
        _LOADERS[name](wrong)


def test_the_example_tables_are_imported(conn: Connection) -> None:
    for name, load in _TABLES.items():
        load(conn, (_FOLDER / name).read_bytes())


def test_an_example_table_with_a_mistake_would_be_noticed(conn: Connection) -> None:
    data = (_FOLDER / "sites.csv").read_bytes().replace(b"Asia/Shanghai", b"Asia/Nowhere")
    with pytest.raises(CsvError):
        _TABLES["sites.csv"](conn, data)
