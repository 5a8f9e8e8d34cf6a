"""What the tests of this folder look for: text in, findings out, so that each check is itself tested."""

from __future__ import annotations

import functools
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

ROOT: Final = Path(__file__).resolve().parents[2]
PYTHON_PATH: Final = ":".join(str(ROOT / side) for side in ("agent", "collector", "shared"))

# Put together here from pieces, or this file would be the first finding.
_REGISTRIES: Final = "|".join(
    re.escape(".".join(parts))
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("proxy", "golang", "org"),
        ("crates", "io"),
        ("deb", "debian", "org"),
        ("archive", "ubuntu", "com"),
    )
)
_REGISTRY: Final = re.compile(
    rf"{_REGISTRIES}"
    r"""|(?:index-url|find-links|registry)["' =:]+(?:https?|file)://"""
    r"""|"resolved": *"https?://"""
    r"""|https?://[^ "']*/simple\b"""
)
_MACHINE_PATH: Final = re.compile(r"(?<![\w.])/(?:" + "|".join(("work", "farm", "root")) + r")/\S*")
_LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_MAKE_TARGET: Final = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)
_MAKE_COMMAND: Final = re.compile(r"(?:^    |`)make ([a-z][a-z-]*)", re.MULTILINE)
_PROGRAM: Final = re.compile(
    r"(?:^    |`)(zaigang-(?:agent|collector)) ([a-z][a-z-]*)", re.MULTILINE
)
_VERSION_HEADING: Final = re.compile(
    r"^## (\d+\.\d+\.\d+)(?: \((unreleased|\d{4}-\d\d-\d\d)\))?$", re.MULTILINE
)
_PINNED: Final = re.compile(r"^[a-z0-9][a-z0-9._-]*(?:\[[a-z0-9,_-]+\])?==[^\s;]+( ;.*)?$")


def registry_hosts(text: str) -> list[str]:
    """Every place where `text` says from which server packages come."""
    return _REGISTRY.findall(text)


def machine_paths(text: str) -> list[str]:
    """Absolute paths that exist only on the machine of whoever wrote `text`."""
    return _MACHINE_PATH.findall(text)


def newest_version(changelog: str) -> str:
    """The version of the first release heading."""
    match = _VERSION_HEADING.search(changelog)
    if match is None:
        raise ValueError("no heading like '## 0.1.0 (unreleased)' or '## 0.1.0 (2026-12-01)'")
    return match[1]


def dead_links(markdown: str, folder: Path) -> list[str]:
    """Links to local files that are not there."""
    targets = (unquote(link.split("#")[0]) for link in _LINK.findall(markdown))
    return [
        target
        for target in targets
        if target and "://" not in target and not target.startswith("mailto:")
        if not (folder / target).exists()
    ]


def make_targets(makefile: str) -> set[str]:
    """The targets that a Makefile defines."""
    return set(_MAKE_TARGET.findall(makefile))


def make_commands(markdown: str) -> set[str]:
    """The targets that a page tells its reader to make."""
    return set(_MAKE_COMMAND.findall(markdown))


def program_commands(markdown: str) -> set[tuple[str, str]]:
    """(program, subcommand) for each of our programs that a page tells its reader to run."""
    return set(_PROGRAM.findall(markdown))


def unpinned(requirements: str) -> list[str]:
    """Requirements that are not pinned to one version with hashes, or that name an address."""
    logical = requirements.replace("\\\n", " ").splitlines()
    lines = [line.strip() for line in logical if line.strip() and not line.lstrip().startswith("#")]
    return [line for line in lines if not _is_pinned(line)]


def _is_pinned(line: str) -> bool:
    requirement, *hashes = re.split(r"\s+--hash=", line)
    return (
        _PINNED.match(requirement.strip()) is not None
        and bool(hashes)
        and all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in hashes)
    )


def table_rows(markdown: str, heading: str) -> list[tuple[str, ...]]:
    """The cells of the first table under a heading, without its head; backticks removed."""
    _, found, section = markdown.partition(f"{heading}\n")
    if not found:
        raise ValueError(f"there is no heading {heading!r}")
    section = re.split(r"^#{1,6} ", section, maxsplit=1, flags=re.MULTILINE)[0]
    rows = [line.strip() for line in section.splitlines() if line.startswith("|")]
    return [
        tuple(cell.strip().replace("`", "") for cell in row.strip("|").split(" | "))
        for row in rows[2:]
    ]


def settings_rows(settings: Iterable[Any]) -> list[tuple[str, ...]]:
    """What the table in docs/operations.md has to say of a program's `SETTINGS`."""
    return [
        (setting.name, as_documented(setting.default), setting.sentence) for setting in settings
    ]


def as_documented(default: object) -> str:
    """A default as a person would type it into the file."""
    return "none" if default is None else json.dumps(default, ensure_ascii=False)


def settings_table(settings: Iterable[Any]) -> str:
    """The table itself, to be pasted when a setting is new."""
    head = "| setting | default | meaning |\n| --- | --- | --- |\n"
    rows = (
        f"| `{name}` | `{default}` | {text} |" for name, default, text in settings_rows(settings)
    )
    return head + "\n".join(rows)


@functools.cache
def usage(program: str) -> str:
    """What `zaigang-agent --help` or `zaigang-collector --help` prints."""
    return subprocess.run(
        [sys.executable, "-m", program.replace("-", "_"), "--help"],
        env={"PYTHONPATH": PYTHON_PATH},
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def unplaced_modules(package: Path, layers: Iterable[str]) -> set[str]:
    """Modules of a package that no import-linter layer names."""
    placed = {name.strip() for layer in layers for name in layer.split("|")}
    modules = {
        path.stem if path.is_file() else path.name
        for path in package.iterdir()
        if path.suffix == ".py" or (path.is_dir() and any(path.glob("*.py")))
    }
    return modules - placed - {"__init__"}


def layers_of(pyproject: Mapping[str, Any], container: str) -> list[str]:
    """The layers that pyproject.toml gives to a package."""
    for contract in pyproject["tool"]["importlinter"]["contracts"]:
        if contract["type"] == "layers" and container in contract["containers"]:
            layers: list[str] = contract["layers"]
            return layers
    raise ValueError(f"no layers contract for {container}")


def pyproject() -> dict[str, Any]:
    """The project's own pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
