"""Files for macOS and Windows: read with what reads such files, and held against our own program.

Nothing here shows that launchd, WinSW or Intune like them: docs/fleet.md says so.
"""

from __future__ import annotations

import plistlib
import re
import uuid
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

import pytest

from tests.repo import checks
from tests.repo.checks import ROOT

_MACOS: Final = ROOT / "firmware_config" / "macos"
_WINDOWS: Final = ROOT / "firmware_config" / "windows"
_TASK: Final = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
# The helper's command comes with the platforms' part of the agent.
_COMMANDS: Final = {"run", "session-helper"}


def _plist(path: Path) -> dict[str, Any]:
    read = plistlib.loads(path.read_bytes(), fmt=plistlib.FMT_XML)
    assert isinstance(read, dict)
    return read


@pytest.mark.parametrize(
    ("label", "command"), [("com.zaigang.agent", "run"), ("com.zaigang.session", "session-helper")]
)
def test_a_launchd_job_starts_our_program_and_is_named_as_its_file(
    label: str, command: str
) -> None:
    job = _plist(_MACOS / f"{label}.plist")
    assert job["Label"] == label
    program, given, *_ = job["ProgramArguments"]
    assert Path(program).name in checks.pyproject()["project"]["scripts"]
    assert given == command
    assert job["ProcessType"] == "Background"
    assert job["Umask"] == "0077"


def test_launchd_runs_the_agent_as_nobody_else_and_only_while_it_is_enrolled() -> None:
    job = _plist(_MACOS / "com.zaigang.agent.plist")
    folder = job["ProgramArguments"][3]
    assert job["UserName"] == "_zaigang"
    assert job["KeepAlive"] == {"PathState": {f"{folder}/identity.json": True}}
    assert "RunAtLoad" not in job


def test_the_session_helper_of_macos_runs_where_there_is_a_screen() -> None:
    job = _plist(_MACOS / "com.zaigang.session.plist")
    assert job["LimitLoadToSessionType"] == "Aqua"
    assert "UserName" not in job


def test_the_profile_allows_our_jobs_and_our_program_and_nothing_else() -> None:
    profile = _plist(_MACOS / "zaigang.mobileconfig")
    payloads = {one["PayloadType"]: one for one in profile["PayloadContent"]}
    ids = [uuid.UUID(one["PayloadUUID"]) for one in (profile, *profile["PayloadContent"])]
    assert len(set(ids)) == len(ids)
    (rule,) = payloads["com.apple.servicemanagement"]["Rules"]
    for path in _MACOS.glob("*.plist"):
        assert _plist(path)["Label"].startswith(rule["RuleValue"])
    services = payloads["com.apple.TCC.configuration-profile-policy"]["Services"]
    assert set(services) == {"BluetoothAlways", "SystemPolicyDocumentsFolder"}
    for entries in services.values():
        for entry in entries:
            assert entry["Identifier"] == "com.zaigang.agent"
            assert rule["TeamIdentifier"] in entry["CodeRequirement"]


def test_the_windows_service_runs_the_agent_without_a_password() -> None:
    service = ElementTree.fromstring((_WINDOWS / "zaigang-agent.xml").read_bytes())  # noqa: S314  # our own file
    assert service.tag == "service"
    known = {
        *("id", "name", "description", "executable", "arguments", "serviceaccount", "env"),
        *("startmode", "delayedAutoStart", "priority", "stoptimeout", "onfailure", "resetfailure"),
        *("logpath", "log"),
    }
    assert {one.tag for one in service} <= known
    assert service.findtext("id") == "zaigang-agent"
    assert service.findtext("serviceaccount/username") == r"NT SERVICE\zaigang-agent"
    assert service.find("serviceaccount/password") is None
    arguments = service.findtext("arguments") or ""
    assert re.search(r"-m zaigang_agent run ", arguments)
    assert [one.get("action") for one in service.findall("onfailure")] == ["restart"] * 3


def test_the_windows_task_starts_the_helper_for_everybody_with_their_own_rights() -> None:
    task = ElementTree.fromstring((_WINDOWS / "zaigang-session.xml").read_bytes())  # noqa: S314  # our own file
    assert task.tag == f"{_TASK}Task"

    def text(path: str) -> str | None:
        return task.findtext("/".join(f"{_TASK}{part}" for part in path.split("/")))

    assert text("Principals/Principal/RunLevel") == "LeastPrivilege"
    assert text("Principals/Principal/GroupId") == "S-1-5-32-545"  # BUILTIN\Users
    assert text("Settings/ExecutionTimeLimit") == "PT0S"
    assert text("Settings/DisallowStartIfOnBatteries") == "false"
    assert (text("Actions/Exec/Arguments") or "").endswith("-m zaigang_agent session-helper")
    assert task.find(f"{_TASK}Triggers/{_TASK}LogonTrigger/{_TASK}UserId") is None


def test_what_these_files_start_is_a_command_of_the_agent() -> None:
    usage = checks.usage("zaigang-agent")
    there = {command for command in _COMMANDS if re.search(rf"\b{command}\b", usage)}
    assert "run" in there
    if (ROOT / "systemd" / "zaigang-session.service").exists():
        assert there == _COMMANDS
