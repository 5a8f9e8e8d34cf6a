"""The systemd units: they verify, they are closed, and what they start exists."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.repo import checks
from tests.repo.checks import ROOT

_FOLDER = ROOT / "systemd"
_UNITS = sorted(_FOLDER.glob("*.service"))
# Of a user's own service manager, which cannot give name spaces: systemd-analyze scores it as if it
# ran as root, so what it must say is listed instead.
_OF_A_USER = _FOLDER / "zaigang-session.service"
_OF_A_SYSTEM = [unit for unit in _UNITS if unit != _OF_A_USER]
_EXEC = re.compile(r"^ExecStart=/opt/zaigang/bin/(\S+) (\S+)", re.MULTILINE)
# Tenths of systemd's scale: 0 nothing can be reached, 100 everything.
_MOST_EXPOSED = {
    "zaigang-collector": 10,
    "zaigang-agent": 15,
    "zaigang-node": 15,
}


def _verify(unit: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        check=False,
        capture_output=True,
        text=True,
    )


def _security(unit: Path, most: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={most}", str(unit)],
        check=False,
        capture_output=True,
        text=True,
    )


def _copy(unit: Path, folder: Path, *replace: tuple[str, str]) -> Path:
    """The unit with a program that exists here; the real one is checked against pyproject.toml."""
    text = _EXEC.sub("ExecStart=/bin/true", unit.read_text(encoding="utf-8"))
    for old, new in replace:
        assert old in text
        text = text.replace(old, new)
    copy = folder / unit.name
    copy.write_text(text, encoding="utf-8")
    return copy


@pytest.mark.parametrize("unit", _UNITS, ids=lambda unit: unit.stem)
def test_the_unit_verifies(unit: Path, tmp_path: Path) -> None:
    run = _verify(_copy(unit, tmp_path))
    assert (run.returncode, run.stdout + run.stderr) == (0, "")


def test_a_misspelt_unit_does_not_verify(tmp_path: Path) -> None:
    run = _verify(_copy(_UNITS[0], tmp_path, ("NoNewPrivileges=", "NoNewPriviliges=")))
    assert "NoNewPriviliges" in run.stderr


@pytest.mark.parametrize("unit", _OF_A_SYSTEM, ids=lambda unit: unit.stem)
def test_the_unit_is_closed(unit: Path) -> None:
    run = _security(unit, _MOST_EXPOSED[unit.stem])
    assert run.returncode == 0, run.stdout


def test_the_unit_of_a_user_is_closed_as_far_as_its_manager_can() -> None:
    text = _OF_A_USER.read_text(encoding="utf-8")
    for line in (
        "NoNewPrivileges=yes",
        "RestrictAddressFamilies=AF_UNIX",
        "RestrictNamespaces=yes",
    ):
        assert f"\n{line}\n" in text
    assert "\nSystemCallFilter=~@privileged " in text
    for refused in ("Protect", "Private", "CapabilityBoundingSet", "User=", "AmbientCapabilities"):
        assert not re.search(rf"^{refused}", text, re.MULTILINE)


def test_an_open_unit_is_not_closed(tmp_path: Path) -> None:
    open_ = _copy(_UNITS[0], tmp_path, ("CapabilityBoundingSet=\n", ""))
    assert _security(open_, _MOST_EXPOSED[open_.stem]).returncode != 0


@pytest.mark.parametrize("unit", _OF_A_SYSTEM, ids=lambda unit: unit.stem)
def test_the_unit_is_watched(unit: Path) -> None:
    text = unit.read_text(encoding="utf-8")
    assert re.search(r"^Type=notify$", text, re.MULTILINE)
    assert re.search(r"^WatchdogSec=\d+$", text, re.MULTILINE)
    assert re.search(r"^Restart=(always|on-failure)$", text, re.MULTILINE)


def test_the_collectors_root_is_made_before_it_starts() -> None:
    text = (_FOLDER / "zaigang-collector.service").read_text(encoding="utf-8")
    root = re.search(r"^RootDirectory=(\S+)$", text, re.MULTILINE)
    assert root is not None
    made = (_FOLDER / "zaigang.tmpfiles").read_text(encoding="utf-8")
    assert re.search(rf"^d +{root[1]} +0755 root ", made, re.MULTILINE)


@pytest.mark.parametrize("unit", _UNITS, ids=lambda unit: unit.stem)
def test_the_unit_starts_a_program_of_ours_as_a_user_of_ours(unit: Path) -> None:
    text = unit.read_text(encoding="utf-8")
    started = _EXEC.search(text)
    assert started is not None
    assert started[1] in checks.pyproject()["project"]["scripts"]
    assert started[2] in checks.usage(started[1])
    user = re.search(r"^User=(\S+)$", text, re.MULTILINE)
    if unit == _OF_A_USER:  # runs as whoever's session it is in
        assert user is None
        assert "WantedBy=graphical-session.target" in text
        return
    assert user is not None
    users = (_FOLDER / "zaigang.sysusers").read_text(encoding="utf-8")
    assert re.search(rf"^u +{user[1]} ", users, re.MULTILINE)


def test_users_and_folders_are_declared_as_systemd_reads_them(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    for command, name in (("systemd-sysusers", "sysusers"), ("systemd-tmpfiles", "tmpfiles")):
        # Only root may give folders away: others let every line be read, and none be carried out.
        arguments = ["--create"] if name == "tmpfiles" else []
        if name == "tmpfiles" and os.geteuid() != 0:
            arguments.append("--prefix=/nowhere")
        run = subprocess.run(
            [command, *arguments, f"--root={tmp_path}", str(_FOLDER / f"zaigang.{name}")],
            check=False,
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stderr
    assert "zaigang-collector" in (tmp_path / "etc" / "passwd").read_text(encoding="utf-8")
