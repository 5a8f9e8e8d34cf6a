"""The Debian packages: built the same twice, and installed, started and removed in a booted Debian."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.repo.checks import ROOT

_HERE: Final = Path(__file__).parent / "debian"
# What `inside.sh` promises, in its order.
_PROMISES: Final = [
    "installed and nothing started",
    "an agent without identity is not started again and again",
    "the collector serves from a root of its own",
    "what the agent signs gets its receipt",
    "an upgrade goes on under the same identity",
    "a node runs under its own unit",
    "the watchdog of six seconds was fed throughout",
    "a collector that hangs is started anew",
    "removing leaves the identity",
    "purging does not",
    "no purge deletes evidence",
]
_UNIT: Final = """[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/inside.sh
TimeoutStartSec=600
"""
# Ten times what a quiet machine takes.
_BASE_S: Final = 300
_RUN_S: Final = 600


def _build(side: str, out: Path) -> Path:
    run = subprocess.run(
        [ROOT / "systemd" / "debian" / "build", sys.executable, str(out), side],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "DEB_PYTHON": "3.11", "SOURCE_DATE_EPOCH": "1790000000", "DEB_XZ": "0"},
    )
    if run.returncode != 0 and "No matching distribution" in run.stderr:
        pytest.skip(f"the pinned requirements cannot be fetched here: {run.stderr[-300:]}")
    assert run.returncode == 0, run.stderr
    return Path(run.stdout.strip().splitlines()[-1])


def _listed(package: Path) -> dict[str, str]:
    """Path to mode and owner of everything in a package."""
    lines = subprocess.run(
        ["dpkg-deb", "--contents", str(package)], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    return {line.split(None, 5)[5]: " ".join(line.split()[:2]) for line in lines}


@pytest.fixture
def without_dpkg() -> None:
    if shutil.which("dpkg-deb") is None:
        pytest.skip("dpkg-deb is not here: packages are built on Debian and its descendants")


@pytest.mark.usefixtures("without_dpkg")
def test_the_same_sources_make_the_same_package(tmp_path: Path) -> None:
    one, other = _build("agent", tmp_path / "one"), _build("agent", tmp_path / "other")
    digests = {hashlib.sha256(path.read_bytes()).digest() for path in (one, other)}
    assert len(digests) == 1
    content = _listed(one)
    assert content["./opt/zaigang/bin/zaigang-agent"] == "-rwxr-xr-x root/root"
    assert {owner.split()[1] for owner in content.values()} == {"root/root"}
    for unwanted in ("fastapi", "zaigang_collector", "__pycache__", "direct_url.json"):
        assert not [path for path in content if unwanted in path]


def _container_or_skip(tmp_path: Path) -> Path:
    """A fresh Debian on disk, or why there is none."""
    if os.geteuid() != 0:
        pytest.skip("only root can make and boot a Debian in a container")
    for program in ("mmdebstrap", "systemd-nspawn"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not here: tests/system-packages.sh installs it")
    base = tmp_path / "base.tar"
    made = subprocess.run(
        [
            "mmdebstrap",
            "--variant=minbase",
            "--include=python3,dbus,systemd,systemd-sysv",
            "--dpkgopt=path-exclude=/usr/share/doc/*",
            "bookworm",
            str(base),
        ],
        check=False,
        capture_output=True,
        text=True,
        timeout=_BASE_S,
    )
    if made.returncode != 0:
        pytest.skip(f"no Debian could be fetched: {made.stderr[-300:]}")
    root = tmp_path / "root"
    root.mkdir(mode=0o755)
    subprocess.run(["tar", "-xf", str(base), "-C", str(root)], check=True)
    base.unlink()
    return root


def _boot(root: Path) -> subprocess.CompletedProcess[str]:
    # Its own network: the ports of a collector may be taken out here, and nothing is fetched.
    return subprocess.run(
        [
            *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network"),
            *("--console=pipe", f"--directory={root}", "--boot"),
        ],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_RUN_S,
    )


@pytest.mark.debian
@pytest.mark.usefixtures("without_dpkg")
def test_both_packages_live_through_install_upgrade_hang_removal_and_purge(tmp_path: Path) -> None:
    root = _container_or_skip(tmp_path)
    for side in ("agent", "collector"):
        _build(side, root / "packages")
    shutil.copy(_HERE / "inside.sh", root / "inside.sh")
    # Nobody needs this Debian after a power cut.
    (root / "etc/dpkg/dpkg.cfg.d").mkdir(exist_ok=True)
    (root / "etc/dpkg/dpkg.cfg.d/test").write_text("force-unsafe-io\n", encoding="utf-8")
    wants = root / "etc/systemd/system/default.target.wants"
    wants.mkdir(parents=True)
    (wants.parent / "inside.service").write_text(_UNIT, encoding="utf-8")
    (wants / "inside.service").symlink_to("../inside.service")
    console = _boot(root)
    result = root / "result"
    if not result.exists():
        pytest.skip(f"a Debian does not boot in a container here: {console.stdout[-300:]}")
    told = result.read_text(encoding="utf-8")
    kept = [line.removeprefix("ok ") for line in told.splitlines() if line.startswith("ok ")]
    assert kept == _PROMISES, told
    assert told.rstrip().endswith("ended with 0")
    shutil.rmtree(root)
