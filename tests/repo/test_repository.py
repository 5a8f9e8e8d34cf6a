"""What the repository promises about itself."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import zaigang_shared
from tests.repo import checks
from tests.repo.checks import ROOT

_PACKAGES = {
    "zaigang_agent": ROOT / "agent" / "zaigang_agent",
    "zaigang_collector": ROOT / "collector" / "zaigang_collector",
}
_REQUIREMENTS = [
    "agent/requirements.txt",
    "collector/requirements.txt",
    "tests/requirements.txt",
    "tests/agent-alone.txt",
    "tests/second-opinion.txt",
]


@cache
def _texts() -> dict[str, str]:
    """Every text file of the project: tracked, or new and not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout.decode()
    texts = {}
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        data = path.read_bytes() if path.is_file() else b"\0"  # deleted but still in the index
        if b"\0" not in data:
            texts[name] = data.decode("utf-8")
    return texts


def _pages() -> dict[str, str]:
    return {name: text for name, text in _texts().items() if name.endswith(".md")}


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_list_of_texts_is_the_project() -> None:
    assert {"pyproject.toml", "README.md", ".ci/run", "tests/repo/checks.py"} <= _texts().keys()


def test_no_text_names_a_registry_host() -> None:
    found = {name: checks.registry_hosts(text) for name, text in _texts().items()}
    assert {name: hosts for name, hosts in found.items() if hosts} == {}


def test_no_text_names_a_path_of_somebodys_machine() -> None:
    found = {name: checks.machine_paths(text) for name, text in _texts().items()}
    assert {name: paths for name, paths in found.items() if paths} == {}


def test_uv_lock_is_not_in_the_repository() -> None:
    assert not [name for name in _texts() if Path(name).name == "uv.lock"]


def test_the_version_is_the_changelogs_newest() -> None:
    assert checks.newest_version(_read("CHANGELOG.md")) == zaigang_shared.__version__


def test_every_link_to_a_local_file_leads_somewhere() -> None:
    found = {name: checks.dead_links(text, (ROOT / name).parent) for name, text in _pages().items()}
    assert {name: links for name, links in found.items() if links} == {}


def test_every_make_command_on_a_page_exists() -> None:
    targets = checks.make_targets(_read("Makefile"))
    found = {name: checks.make_commands(text) - targets for name, text in _pages().items()}
    assert {name: commands for name, commands in found.items() if commands} == {}


def test_every_test_that_a_page_names_exists() -> None:
    code = "\n".join(text for name, text in _texts().items() if name.startswith("tests/"))
    defined = set(re.findall(r"^(?:async )?def (test_\w+)", code, re.MULTILINE))
    named = {name for text in _pages().values() for name in re.findall(r"`(test_\w+)`", text)}
    assert len(named) > 20
    assert named - defined == set()


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_both_readmes_name_the_two_commands(page: str) -> None:
    assert {"demo", "test"} <= checks.make_commands(_read(page))


@pytest.mark.parametrize("program", ["zaigang-agent", "zaigang-collector"])
def test_every_command_of_ours_on_a_page_exists(program: str) -> None:
    usage = checks.usage(program)
    commands = set().union(*(checks.program_commands(page) for page in _pages().values()))
    told = {command for name, command in commands if name == program}
    assert told
    assert {command for command in told if not re.search(rf"\b{command}\b", usage)} == set()


@pytest.mark.parametrize("name", _REQUIREMENTS)
def test_requirements_are_pinned_hashed_and_free_of_addresses(name: str) -> None:
    assert checks.unpinned(_read(name)) == []


def test_the_agents_requirements_hold_nothing_of_the_collectors() -> None:
    lines = _read("agent/requirements.txt").splitlines()
    names = {line.split("==")[0] for line in lines if "==" in line}
    assert "paho-mqtt" in names
    assert names.isdisjoint({"fastapi", "sqlalchemy", "alembic", "amqtt", "uvicorn", "pydantic"})


@pytest.mark.parametrize("package", _PACKAGES)
def test_every_module_has_a_place_in_the_layers(package: str) -> None:
    layers = checks.layers_of(checks.pyproject(), package)
    assert checks.unplaced_modules(_PACKAGES[package], layers) == set()


def test_the_import_contracts_hold() -> None:
    run = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        env={"PYTHONPATH": checks.PYTHON_PATH, "LC_ALL": "C.UTF-8"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
