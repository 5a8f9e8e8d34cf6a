"""The checks can fail: each finds what it is for, and leaves honest text alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.repo import checks


@pytest.mark.parametrize(
    "text",
    [
        "see https://" + "pypi" + ".org/project/x",
        "url = https://files." + "pythonhosted" + ".org/x",
        "--extra-index-url" + " https://mirror.example/x",
        'registry = "' + 'https://mirror.example/"',
        '"resolved": "' + 'https://mirror.example/x.tgz"',
        "--find-links" + " file:///opt/x",
        "https://mirror.example" + "/simple",
    ],
)
def test_a_registry_host_is_found(text: str) -> None:
    assert checks.registry_hosts(text)


@pytest.mark.parametrize(
    "text", ["pip install --require-hashes", "https://example.com/simpler", "--no-emit-index-url"]
)
def test_other_text_names_no_registry_host(text: str) -> None:
    assert not checks.registry_hosts(text)


@pytest.mark.parametrize("path", ["/wo" + "rk/main/x", "cd /ro" + "ot/.cache", '"/fa' + 'rm/x"'])
def test_a_machine_path_is_found(path: str) -> None:
    assert checks.machine_paths(path)


@pytest.mark.parametrize(
    "text", ["/var/lib/zaigang", "docs/work/x", "C:/work-logs", "./root/x", "/workers/"]
)
def test_other_paths_are_left_alone(text: str) -> None:
    assert not checks.machine_paths(text)


def test_the_newest_version_is_the_first_heading() -> None:
    changelog = "# Changelog\n\n## 0.2.0 (unreleased)\n\n- x\n\n## 0.1.0 (2026-12-01)\n"
    assert checks.newest_version(changelog) == "0.2.0"


def test_a_changelog_without_a_version_is_refused() -> None:
    with pytest.raises(ValueError, match="no heading"):
        checks.newest_version("# Changelog\n\n## Next\n")


def test_a_link_to_a_missing_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "there.md").touch()
    page = "[a](there.md) [b](there.md#part) [c](gone.md) [d](https://example.com) [e](#here)"
    assert checks.dead_links(page, tmp_path) == ["gone.md"]


def test_make_targets_and_commands_are_read() -> None:
    assert checks.make_targets("VENV := x\ndemo: dev ## d\n\tmake other:\n.PHONY: a\n") == {"demo"}
    assert checks.make_commands("run\n\n    make demo EXIT=1\n\nor `make test`. We make tea.") == {
        "demo",
        "test",
    }


def test_our_programs_on_a_page_are_read() -> None:
    page = (
        "    zaigang-agent enrol URL TOKEN\n\nand `zaigang-collector serve`; zaigang-agent is good"
    )
    assert checks.program_commands(page) == {
        ("zaigang-agent", "enrol"),
        ("zaigang-collector", "serve"),
    }


_HASH = "--hash=sha256:" + "0" * 64


@pytest.mark.parametrize(
    "line",
    [
        "x>=1 " + _HASH,
        "x==1",
        "x==1 --hash=md5:00",
        "x @ https://example.com/x.whl " + _HASH,
        "--index-url x",
        "-e .",
    ],
)
def test_a_requirement_without_pin_or_hash_is_found(line: str) -> None:
    assert checks.unpinned(f"# comment\n{line}\n")


def test_pinned_requirements_with_hashes_pass() -> None:
    text = (
        f"a==1 \\\n    {_HASH} \\\n    {_HASH}\nb[c]==2 ; sys_platform == 'linux' \\\n    {_HASH}\n"
    )
    assert not checks.unpinned(text)


@dataclass
class _Setting:
    name: str
    default: object
    sentence: str


def test_the_documented_table_and_the_settings_compare() -> None:
    page = (
        "# Page\n\n## Settings\n\nwords\n\n| name | default | meaning |\n| --- | --- | --- |\n"
        "| `a.b` | `none` | What it does. |\n| `c` | true | More. |\n\n## Next\n\n| x | y |\n"
    )
    rows = checks.table_rows(page, "## Settings")
    settings = [_Setting("a.b", None, "What it does."), _Setting("c", True, "More.")]
    assert rows == checks.settings_rows(settings)
    assert rows != checks.settings_rows([*settings, _Setting("d", 1, "New.")])


def test_the_table_to_paste_is_the_table_that_is_read() -> None:
    settings = [
        _Setting("a", "x y", "One."),
        _Setting("b", [1, 2], "Two."),
        _Setting("c", "", "3."),
    ]
    page = f"## Settings\n\n{checks.settings_table(settings)}\n"
    assert checks.table_rows(page, "## Settings") == checks.settings_rows(settings)


def test_a_missing_heading_is_refused() -> None:
    with pytest.raises(ValueError, match="no heading"):
        checks.table_rows("# Page\n", "## Settings")


def test_a_module_without_a_layer_is_found(tmp_path: Path) -> None:
    for name in ("__init__.py", "cli.py", "spool.py", "extra.py", "py.typed"):
        (tmp_path / name).touch()
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "__init__.py").touch()
    (tmp_path / "schema").mkdir()
    assert checks.unplaced_modules(tmp_path, ["cli", "spool | keys"]) == {"extra", "room"}


def test_a_package_without_a_layers_contract_is_refused() -> None:
    with pytest.raises(ValueError, match="no layers contract"):
        checks.layers_of({"tool": {"importlinter": {"contracts": []}}}, "x")
