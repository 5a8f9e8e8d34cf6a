"""A company whose people clock in elsewhere, set up by commands; name only what matters."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from zaigang_collector.cli import main
from zaigang_collector.cli.console import Exit

SITES = (
    "id,name,time_zone,latitude,longitude,datum,radius_m\n"
    "hq,西湖,Asia/Shanghai,30.274085,120.155070,WGS-84,200\n"
)


def people(ids: Iterable[str]) -> str:
    """A file of employees."""
    lines = (f"{one},甲{n},Asia/Shanghai,Mon-Sun 09:00-18:00\n" for n, one in enumerate(ids))
    return "id,name,time_zone,shift\n" + "".join(lines)


def company(folder: Path, ids: Iterable[str]) -> Path:
    """A data directory in `folder` with a site and these people."""
    data = folder / "data"
    assert main(["init", "--data", str(data)]) == Exit.OK
    assert run(data, "sites", "import", save(folder / "sites.csv", SITES)) == Exit.OK
    assert run(data, "people", "import", save(folder / "people.csv", people(ids))) == Exit.OK
    return data


def run(data: Path, *arguments: str) -> int:
    """A command upon a data directory."""
    return main([*arguments, "--data", str(data)])


def save(path: Path, text: str) -> str:
    """A file, by its name."""
    path.write_text(text, encoding="utf-8")
    return str(path)


def save_secret(path: Path, secret: str) -> None:
    """A file that only we can read."""
    save(path, secret + "\n")
    path.chmod(0o600)
